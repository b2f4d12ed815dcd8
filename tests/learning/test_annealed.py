"""Annealed evidence is unbiased against exact quadrature; Gibbs draws follow the posterior."""

import numpy as np
import pytest

from benchmarks.evidence import TWO_BY_THREE, draw, exact_log_evidence
from overica._kernels._core import draw_half, log_half
from overica.learning import Model, annealed_log_evidence, sample_posterior
from overica.priors import SmoothLaplace, get_prior


def model_of(prior, presence, sigma=0.3):
    return Model(TWO_BY_THREE, get_prior(prior), sigma**2, sigma**2, np.full(3, presence))


@pytest.mark.parametrize("presence", [1.0, 0.3])
@pytest.mark.parametrize("prior", ["laplace", "exponential"])
def test_unbiased_against_quadrature(prior, presence):
    X = draw(TWO_BY_THREE, prior, 0.3, presence, 100)
    exact = exact_log_evidence(TWO_BY_THREE, X, prior, 0.3, presence)
    model = model_of(prior, presence)
    found = annealed_log_evidence(model, X, n_temperatures=1000, n_chains=3, random_state=0)
    assert abs((found - exact).mean()) < 0.06
    assert abs(np.exp(found - exact).mean() - 1) < 0.08


def test_more_levels_come_nearer():
    X = draw(TWO_BY_THREE, "laplace", 0.3, 1.0, 100)
    exact = exact_log_evidence(TWO_BY_THREE, X, "laplace", 0.3, 1.0)
    few, many = (
        annealed_log_evidence(model_of("laplace", 1.0), X, n_temperatures=n, random_state=0)
        for n in (20, 1000)
    )
    assert np.abs(many - exact).mean() < 0.5 * np.abs(few - exact).mean()


def test_seed():
    X = draw(TWO_BY_THREE, "laplace", 0.3, 1.0, 5)
    one, same, other = (
        annealed_log_evidence(model_of("laplace", 1.0), X, n_temperatures=20, random_state=s)
        for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


@pytest.mark.parametrize("slope", [-30.0, -1.0, 0.0, 2.0, 40.0])
def test_half_lines(slope):
    curvature = 1.7
    s = np.linspace(0, max(-slope, 0) / curvature + 12, 200_001)
    density = np.exp(
        -slope * s - 0.5 * curvature * s**2 - max(0, slope**2 / 2 / curvature) * (slope < 0)
    )
    step = s[1] - s[0]
    total = density.sum() * step - 0.5 * step * (density[0] + density[-1])
    expected = np.log(total) + (slope**2 / 2 / curvature if slope < 0 else 0)
    assert log_half(slope, curvature) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    drawn = np.array([draw_half(slope, curvature, seed) for seed in range(4000)])
    mean = (s * density).sum() / density.sum()
    assert drawn.min() >= 0
    assert drawn.mean() == pytest.approx(mean, rel=0.1)


def test_gibbs_draws_have_the_posterior_mean_and_presence():
    """One feature, one source: both are integrals over a line."""
    model = Model(np.ones((1, 1)), get_prior("laplace"), 0.25, 0.25, np.array([0.4]))
    x, n = 0.8, 20_000
    S = sample_posterior(model, np.full((n, 1), x), np.zeros((n, 1)), n_sweeps=2, random_state=0)
    s = np.linspace(-12, 12, 100_001)
    slab = 0.4 * 0.5 * np.exp(-np.abs(s) - (x - s) ** 2 / 0.5) * (s[1] - s[0])
    spike = 0.6 * np.exp(-(x**2) / 0.5)
    assert (S != 0).mean() == pytest.approx(slab.sum() / (slab.sum() + spike), abs=0.015)
    assert S.mean() == pytest.approx((s * slab).sum() / (slab.sum() + spike), abs=0.015)


def test_smooth_priors_are_refused():
    model = Model(np.eye(2), SmoothLaplace(), 1.0)
    with pytest.raises(ValueError, match="`model` must have a prior with an l1 cost"):
        annealed_log_evidence(model, np.ones((1, 2)))
    with pytest.raises(ValueError, match="`model` must have a prior with an l1 cost"):
        sample_posterior(model, np.ones((1, 2)), np.ones((1, 2)))
