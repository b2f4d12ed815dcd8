"""The log-concave prior of any shape."""

import numpy as np
import pytest
import torch
from scipy import stats

from overica.priors import Laplace, LogConcave, check_prior
from overica.priors.log_concave import KNOTS

FLAT = np.clip((np.abs(KNOTS) - 2) * 80, 0, 10) * np.sign(KNOTS)
SKEWED = np.where(KNOTS < -1, -20.0, np.where(KNOTS < -0.9, -3.0, 0.8))
BOTH = np.stack([FLAT, SKEWED])


@pytest.mark.parametrize("slopes", [FLAT, SKEWED])
def test_laws(slopes):
    check_prior(LogConcave(slopes=slopes))


def test_each_source_has_its_own_shape():
    S = np.random.default_rng(0).normal(scale=3, size=(50, 2))
    S[:4] = [[-50, 50], [50, -50], [-32, 32], [0, -1]]
    both = LogConcave([0.5, 2.0], BOTH)
    for j, slopes in enumerate(BOTH):
        alone = LogConcave(float(both.scale[j]), slopes)
        for method in ("cost", "score", "curvature", "log_density"):
            wanted = getattr(alone, method)(S[:, j])
            np.testing.assert_allclose(getattr(both, method)(S)[:, j], wanted, atol=1e-12)
        assert both.mode()[j] == alone.mode()
        assert [bound[j] for bound in both.slope_bounds()] == list(alone.slope_bounds())


def test_draws_of_each_source_follow_its_density():
    prior = LogConcave([0.5, 2.0], BOTH)
    draws = prior.sample((20_000, 2), np.random.default_rng(0))
    grid = np.linspace(-30, 30, 60_001)
    for j in range(2):
        alone = LogConcave(float(prior.scale[j]), BOTH[j])
        cdf = np.cumsum(np.exp(alone.log_density(grid))) * (grid[1] - grid[0])
        law = lambda s, cdf=cdf: np.interp(s, grid, cdf)  # noqa: E731
        assert stats.kstest(draws[:, j], law).pvalue > 1e-4


def test_the_slopes_of_a_laplace_density_are_a_laplace_prior():
    S = np.linspace(-40, 40, 1001)
    prior, laplace = LogConcave(2.0, 1.0 * np.where(KNOTS < 0, -1, 1)), Laplace(2.0)
    # The kink is an eighth of a scale wide, below zero.
    np.testing.assert_allclose(prior.log_density(S), laplace.log_density(S), atol=0.07)


def test_tensors_come_back_with_their_dtype():
    S = torch.linspace(-3, 3, 10, dtype=torch.float32).reshape(5, 2)
    prior = LogConcave([0.5, 2.0], BOTH)
    got = prior.cost(S)
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got.numpy(), prior.cost(S.numpy().astype(float)), atol=1e-4)


@pytest.mark.parametrize(
    ("slopes", "message"),
    [
        (np.ones(3), "`slopes` must have shape"),
        (-FLAT, "must not decrease"),
        (np.abs(FLAT) + 1, "must not decrease"),
        (np.full(len(KNOTS), np.nan), "`slopes` must be finite"),
        (np.linspace(1, 2, len(KNOTS)), "from below zero to above"),
    ],
)
def test_malformed_slopes_are_refused(slopes, message):
    with pytest.raises(ValueError, match=message):
        LogConcave(slopes=slopes)
