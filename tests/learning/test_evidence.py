"""The log evidence against exact quadrature, and how it ranks wrong mixing matrices."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.evidence import MIXINGS, NOISES, ONE_BY_TWO, errors, exact_log_evidence, figures
from overica.datasets import make_mixture
from overica.learning import Model, log_evidence
from overica.learning.evidence import judge
from overica.priors import get_prior


def on_a_grid(x, prior, sigma, presence):
    """Log density of one sample of the 1x2 mixture by brute force over both sources."""
    low, step = (-30.0, 0.01) if prior == "laplace" else (0.0, 0.005)
    s = np.arange(low, 30, step)
    density = np.exp(get_prior(prior).log_density(s)) * step
    if prior == "exponential":
        density[0] /= 2
    a = ONE_BY_TWO[0]

    def likelihood(mean):
        return np.exp(-((x - mean) ** 2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)

    rho, absent = presence, 1 - presence
    total = absent**2 * likelihood(0.0)
    total += rho * absent * (density @ likelihood(a[0] * s) + density @ likelihood(a[1] * s))
    both = likelihood(a[0] * s[:, None] + a[1] * s[None, :])
    return float(np.log(total + rho**2 * (density @ both @ density)))


@pytest.mark.parametrize(
    ("prior", "presence", "x"),
    [
        ("laplace", 1.0, -0.3),
        ("laplace", 0.3, 1.7),
        ("exponential", 1.0, 1.7),
        ("exponential", 0.3, -0.3),
    ],
)
def test_reference_is_exact(prior, presence, x):
    got = exact_log_evidence(ONE_BY_TWO, np.array([[x]]), prior, 0.3, presence)[0]
    assert got == pytest.approx(on_a_grid(x, prior, 0.3, presence), abs=2e-4)


# Mean absolute and largest error in nats per sample at the penalty of highest evidence, of 300 samples.
BOUNDS = {
    ("1x2", "laplace", 1.0): (0.10, 2.2),
    ("1x2", "exponential", 1.0): (0.10, 0.7),
    ("2x3", "laplace", 1.0): (0.18, 1.3),
    ("2x3", "exponential", 1.0): (0.40, 5.0),
    ("1x2", "laplace", 0.3): (0.35, 1.0),
    ("1x2", "exponential", 0.3): (0.30, 1.1),
    ("2x3", "laplace", 0.3): (0.35, 1.9),
    ("2x3", "exponential", 0.3): (0.15, 2.0),
}


@pytest.mark.parametrize(("size", "prior", "presence"), BOUNDS)
def test_error_against_exact_quadrature(size, prior, presence):
    mean, worst = BOUNDS[size, prior, presence]
    for sigma in NOISES:
        # Seeds and bounds belong together: the largest error is that of the rarest samples.
        _, error, _ = errors(MIXINGS[size], prior, sigma, presence, 300)
        _, mean_error, worst_error = figures(error)
        assert mean_error < mean, sigma
        assert worst_error < worst, sigma


@pytest.mark.parametrize("prior", ["laplace", "exponential"])
def test_single_source_is_exact(prior):
    # One feature and one source: the Gaussian integral with its kink is the whole posterior.
    for sigma in NOISES:
        for presence in (1.0, 0.3):
            error, _, _ = errors(np.array([[0.8]]), prior, sigma, presence, 200)
            assert np.abs(error).max() < 1e-5


def test_smooth_cost_against_quadrature():
    prior, sigma = get_prior("smooth_laplace"), 0.3
    model = Model(ONE_BY_TWO, prior, sigma**2, sigma**2)
    X = np.linspace(-3, 3, 13)[:, None]
    s = np.arange(-30, 30, 0.02)
    density = np.exp(prior.log_density(s)) * 0.02
    mean = ONE_BY_TWO[0, 0] * s[:, None] + ONE_BY_TWO[0, 1] * s[None, :]
    exact = [
        np.log(
            density
            @ np.exp(-((x - mean) ** 2) / (2 * sigma**2))
            @ density
            / np.sqrt(2 * np.pi)
            / sigma
        )
        for x in X[:, 0]
    ]
    # The curvature at the peak of log cosh says little about its tails.
    np.testing.assert_allclose(log_evidence(model, X), exact, atol=1.2)


def test_evidence_does_not_depend_on_the_batch():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 3))
    model = Model(rng.standard_normal((3, 5)), get_prior("laplace"), 0.3, 0.1, np.full(5, 0.4))
    whole = log_evidence(model, X)
    parts = np.concatenate([log_evidence(model, X[:7]), log_evidence(model, X[7:])])
    np.testing.assert_allclose(whole, parts, rtol=1e-9)


def test_presence_of_judge_is_the_best():
    data = make_mixture(2000, 4, 6, "sparse_laplace", n_active=1.5, random_state=0)
    model = Model(data.mixing * 1.5, get_prior("laplace"), 0.05)
    judged, score = judge(model, data.X)
    assert score == pytest.approx(log_evidence(judged, data.X).mean())
    for factor in (0.8, 1.25):
        moved = replace(judged, presence=np.minimum(judged.presence * factor, 1.0))
        assert log_evidence(moved, data.X).mean() < score
    np.testing.assert_allclose(judged.presence, 0.25, atol=0.1)


def test_judge_keeps_a_given_noise():
    data = make_mixture(500, 4, 6, "sparse_laplace", n_active=1, random_state=0)
    for prior in ("laplace", "smooth_laplace"):
        assert (
            judge(Model(data.mixing, get_prior(prior), 0.1), data.X, 0.07)[0].noise_variance == 0.07
        )


def test_judge_learns_the_noise():
    # At a penalty that finds the supports; at a lower one supports take up the noise.
    data = make_mixture(5000, 16, 32, "sparse_laplace", n_active=3, noise=0.1, random_state=0)
    scale = np.abs(data.codes[data.codes != 0]).mean()
    judged, _ = judge(Model(data.mixing * scale, get_prior("laplace"), 0.4), data.X)
    assert judged.noise_variance == pytest.approx(data.noise_variance, rel=0.3)


SPARSE = [
    (8, 16, "laplace", 3),
    (16, 32, "laplace", 4),
    (16, 32, "exponential", 4),
]


def evidence_of(A, X, prior, penalty, noise_variance):
    return judge(Model(A, get_prior(prior), penalty), X, noise_variance)[1]


def sampled(A, prior, presence, sigma, rng, n_samples=3000):
    S = get_prior(prior).sample((n_samples, A.shape[1]), rng)
    S = S * (rng.random(S.shape) < presence)
    return S @ A.T + sigma * rng.standard_normal((n_samples, len(A)))


def with_copies(A, gone, copied, rng, error):
    """A duplicate appended, and a duplicate in the place of another column."""
    copy = A[:, copied] + error * rng.standard_normal(len(A))
    replaced = A.copy()
    replaced[:, gone] = copy
    return np.column_stack([A, copy]), replaced


@pytest.mark.parametrize(("m", "n", "prior", "n_active"), SPARSE)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("factor", [1, 4, 16])
def test_truth_ranks_above_duplicates(m, n, prior, n_active, seed, factor):
    rng = np.random.default_rng(seed)
    sigma = 0.1
    A = rng.standard_normal((m, n))
    A /= np.linalg.norm(A, axis=0)
    X = sampled(A, prior, n_active / n, sigma, rng)
    gone, copied = rng.choice(n, 2, replace=False)
    appended, replaced = with_copies(A, gone, copied, rng, 0.0)
    best = evidence_of(A, X, prior, factor * sigma**2, sigma**2)
    # What a duplicate gains by chance is a thousandth of a nat.
    assert best > evidence_of(appended, X, prior, factor * sigma**2, sigma**2) - 2e-3
    assert best > evidence_of(replaced, X, prior, factor * sigma**2, sigma**2) + 0.3


@pytest.mark.parametrize("sources", ["laplace", "exponential", "bernoulli_laplace"])
@pytest.mark.parametrize("gone", [0, 1, 2])
def test_truth_ranks_above_duplicates_in_the_plane(sources, gone):
    prior = "exponential" if sources == "exponential" else "laplace"
    rng = np.random.default_rng(gone)
    sigma, A = 0.1, MIXINGS["2x3"]
    X = sampled(A, prior, 0.3 if sources == "bernoulli_laplace" else 1.0, sigma, rng)
    best = evidence_of(A, X, prior, sigma**2, sigma**2)
    for copied in {0, 1, 2} - {gone}:
        appended, replaced = with_copies(A, gone, copied, rng, 0.0)
        # Dense sources in few dimensions: an appended duplicate is told only to within the approximation's error.
        assert best > evidence_of(appended, X, prior, sigma**2, sigma**2) - 0.02
        assert best > evidence_of(replaced, X, prior, sigma**2, sigma**2)
