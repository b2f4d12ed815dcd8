"""Sources of any shape, as few as features or fewer: what a user finds, beside scikit-learn's FastICA."""

import warnings

import numpy as np
import pytest
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from overica import OvercompleteICA
from overica.datasets import make_exponential, make_mixture
from overica.metrics import match_components
from overica.priors import Laplace, LogConcave


def mixed(n_samples, n_sources, rng):
    S = rng.laplace(size=(n_samples, n_sources))
    S[:, 0] = 2 * rng.uniform(-1, 1, n_samples)
    S[:, 1] = 1.5 * np.sin(np.arange(n_samples) * 0.37)
    return S


def spiky(n_samples, n_sources, rng):
    """Mostly absent but for two: sparsity explains more nats than the two cost, and would turn them."""
    S = rng.laplace(size=(n_samples, n_sources)) * (rng.random((n_samples, n_sources)) < 0.2)
    S[:, :2] = rng.uniform(-1, 1, (n_samples, 2))
    return S


KINDS = {
    "laplace": lambda N, n, rng: rng.laplace(size=(N, n)),
    "mixed": mixed,
    "spiky": spiky,
    "uniform": lambda N, n, rng: rng.uniform(-1, 1, (N, n)),
    "sinusoid": lambda N, n, rng: np.sin(np.arange(N)[:, None] * rng.uniform(0.1, 3, n)),
    "skewed": lambda N, n, rng: rng.gamma(2.0, size=(N, n)),
    "binary": lambda N, n, rng: rng.choice([-1.0, 1.0], (N, n)) + 0.1 * rng.standard_normal((N, n)),
}


def draw(kind, n_sources=5, n_features=5, n_samples=4000, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    S = KINDS[kind](n_samples, n_sources, rng)
    A = rng.standard_normal((n_features, n_sources))
    return S @ A.T + 3 + noise * rng.standard_normal((n_samples, n_features)), A, S


def ours(n_components, **parameters):
    return OvercompleteICA(n_components, random_state=0, **parameters)


def crosstalk(unmixing, A):
    """Amari distance of ``W A`` from a scaled permutation, between 0 and 1."""
    P = np.abs(unmixing @ A)
    n = len(P)
    rows = (P.sum(axis=1) / P.max(axis=1) - 1).sum()
    return (rows + (P.sum(axis=0) / P.max(axis=0) - 1).sum()) / (2 * n * (n - 1))


@pytest.fixture(scope="module", params=[*KINDS, "fewer"])
def case(request):
    """A kind of sources, fitted by default; "fewer": five sources of three kinds in nine features."""
    kind, m = ("mixed", 9) if request.param == "fewer" else (request.param, 5)
    X, A, S = draw(kind, n_features=m, noise=0.0 if m == 5 else 0.02)
    return ours(5).fit(X), X, A, S


def test_finds_every_source_and_no_worse_than_fastica(case):
    ica, X, A, _ = case
    fast = FastICA(A.shape[1], whiten="unit-variance", random_state=0, max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fast.fit(X)
    assert match_components(ica.mixing_, A).cosines.min() > 0.98
    found, theirs = crosstalk(np.linalg.pinv(ica.mixing_), A), crosstalk(fast.components_, A)
    assert found < 1.02 * theirs + 2e-4


def test_codes_are_the_sources(case):
    ica, X, A, S = case
    codes = ica.transform(X)
    matching = match_components(ica.mixing_, A)
    for learned, true in zip(matching.learned_index, matching.true_index, strict=True):
        assert abs(np.corrcoef(codes[:, learned], S[:, true])[0, 1]) > 0.99
    np.testing.assert_allclose(codes, (X - ica.mean_) @ np.linalg.pinv(ica.mixing_).T, atol=1e-9)
    if X.shape[1] == codes.shape[1]:
        np.testing.assert_allclose(ica.inverse_transform(codes), X, atol=1e-8)
    assert ica.penalty_ == 0
    assert isinstance(ica.model_.prior, LogConcave)
    np.testing.assert_allclose(
        np.abs(codes - codes.mean(0)).mean(axis=0) / ica.scales_, 1, rtol=0.3
    )


def test_scores_are_near_to_the_truth_and_depend_on_units_as_they_should():
    X, A, _ = draw("uniform", n_samples=8000)
    ica = ours(5).fit(X[:6000])
    truth = -5 * np.log(2) - np.linalg.slogdet(A)[1]
    assert -0.15 < (ica.score(X[6000:]) - truth) / 5 < 0.02
    ten = ours(5).fit(10 * X[:6000])
    assert ten.score(10 * X) == pytest.approx(ica.score(X) - 5 * np.log(10), abs=1e-6)


def test_the_sparse_model_explains_uniform_sources_worse():
    X, *_ = draw("uniform")
    assert ours(5).fit(X).score(X) > ours(5, prior="laplace", max_iter=60).fit(X).score(X) + 0.5


def test_a_prior_that_is_given_is_kept():
    X, *_ = draw("uniform", n_samples=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ica = ours(5, prior="laplace", max_iter=5, n_restarts=1).fit(X)
    assert isinstance(ica.model_.prior, Laplace)
    assert ica.penalty_ > 0


def test_noise_that_is_given_is_kept():
    X, *_ = draw("laplace", n_samples=1000)
    ica = ours(5, noise_variance=0.01, max_iter=60, n_restarts=1).fit(X)
    assert ica.noise_variance_ == pytest.approx(0.01)


def test_what_is_found_does_not_depend_on_the_mixing_matrix():
    X, A, _ = draw("mixed")
    M = np.diag([1, 10, 100, 1000, 0.1]) @ np.random.default_rng(2).standard_normal((5, 5))
    plain, moved = (ours(5).fit(data) for data in (X, X @ M.T))
    between = crosstalk(np.linalg.inv(plain.mixing_), np.linalg.solve(M, moved.mixing_))
    assert between < crosstalk(np.linalg.inv(plain.mixing_), A) / 2


@pytest.mark.parametrize(("n_features", "noise"), [(8, 0.01), (8, 0.2), (16, 0.1)])
def test_sparse_sources_stay_sparse(n_features, noise):
    """Where sources are mostly absent the sparse model is the better one, and nothing is lost."""
    data = make_mixture(3000, n_features, 8, "sparse_laplace", n_active=2, random_state=0)
    X = data.X + noise * data.X.std() * np.random.default_rng(0).standard_normal(data.X.shape)
    ica = ours(8, n_restarts=1).fit(X)
    assert match_components(ica.mixing_, data.mixing).cosines.min() > 0.98
    assert ica.penalty_ > 0
    assert 1 < np.count_nonzero(ica.transform(X)) / len(X) < 5


def test_saved_and_loaded_it_goes_on(tmp_path):
    X, A, _ = draw("mixed")
    ica = ours(5).fit(X)
    ica.save(tmp_path / "model")
    again = OvercompleteICA.load(tmp_path / "model")
    np.testing.assert_array_equal(again.transform(X), ica.transform(X))
    assert again.score(X) == pytest.approx(ica.score(X))
    assert again.prior == "auto"
    other = draw("mixed", n_samples=20_000, seed=0)[0]
    for start in range(0, 20_000, 2000):
        again.partial_fit(other[start : start + 2000])
    assert match_components(again.mixing_, A).cosines.min() > 0.98
    assert again.n_iter_ == ica.n_iter_ + 10


def test_steps_on_batches_follow_sources_that_move():
    X, A, S = draw("mixed", n_samples=6000)
    ica = ours(5).fit(X)
    moved = A + 0.2 * np.random.default_rng(1).standard_normal(A.shape)
    before = match_components(ica.mixing_, moved).cosines.min()
    for _ in range(10):
        for start in range(0, 6000, 1500):
            ica.partial_fit(S[start : start + 1500] @ moved.T + 3)
    assert before < 0.995 < match_components(ica.mixing_, moved).cosines.min()


def test_noise_is_pruned():
    X, A, _ = draw("mixed", n_sources=3, n_features=5, noise=0.02)
    ica = ours(5).fit(X)
    assert ica.prune(X).n_components_ == 3
    assert match_components(ica.mixing_, A).cosines.min() > 0.98


def test_a_penalty_can_be_set_and_codes_are_certified():
    X, *_ = draw("mixed", n_samples=600)
    ica = ours(5).fit(X)
    plain, cost = ica.transform(X[:50]), ica.model_.prior.with_scale(ica.scales_).cost
    ica.penalty_ = 0.05 * float(X.var())
    assert cost(ica.transform(X[:50])).sum() < cost(plain).sum()
    ica.penalty_ = 0.0
    np.testing.assert_array_equal(ica.transform(X[:50]), plain)


def test_without_noise_more_components_than_features_have_no_codes():
    ica = ours(3, max_iter=60, n_restarts=1).fit(make_mixture(1000, 2, 3, random_state=0).X)
    with pytest.raises(ValueError, match="`penalty_` must be a finite number > 0"):
        ica.penalty_ = 0.0


def test_an_interrupt_leaves_a_fitted_estimator():
    X, *_ = draw("uniform")
    ica = ours(5)

    def interrupt(figures):
        if ica_steps.append(figures) or len(ica_steps) == 4:
            raise KeyboardInterrupt

    ica_steps = []
    with pytest.raises(KeyboardInterrupt):
        ica.set_params(callback=interrupt).fit(X)
    assert ica.transform(X).shape == (4000, 5)
    assert ica.n_iter_ == 4


def test_a_row_of_the_history_for_every_step():
    X, *_ = draw("uniform")
    rows = []
    ica = ours(5, callback=rows.append).fit(X)
    assert {len(values) for values in ica.history_.values()} == {ica.n_iter_} == {len(rows)}
    assert ica.history_["log_evidence"][-1] + ica.units_.log_det == pytest.approx(
        ica.score(X), abs=0.05
    )


def test_float32_stays_float32():
    X, A, _ = draw("uniform")
    ica = ours(5).fit(X.astype(np.float32))
    assert ica.transform(X.astype(np.float32)).dtype == ica.mixing_.dtype == np.float32
    assert match_components(ica.mixing_, A).cosines.min() > 0.98


def test_too_few_dimensions_are_left_to_the_sparse_search():
    X, *_ = draw("laplace", n_sources=2, n_features=4, n_samples=1000)
    ica = ours(4, max_iter=60, n_restarts=1).fit(X)
    assert ica.penalty_ > 0


@pytest.mark.parametrize("kind", ["uniform", "sinusoid"])
def test_more_light_tailed_sources_than_features_bring_a_warning(kind):
    X, *_ = draw(kind, n_sources=5, n_features=3, n_samples=6000)
    with pytest.warns(UserWarning, match="more components than the 3 dimensions"):
        ours(5, max_iter=60, n_restarts=1).fit(X)


def test_sources_that_are_never_negative_bring_no_warning():
    X = make_exponential(4000, random_state=0).X
    ours(3, prior="exponential", max_iter=60, n_restarts=1).fit(X)


@pytest.mark.parametrize("whiten", [True, "auto"])
def test_an_average_that_was_subtracted_leaves_a_source_less(whiten):
    X, A, _ = draw("mixed")
    X, A = (
        np.concatenate([Y, -Y.sum(axis=axis, keepdims=True)], axis) for Y, axis in ((X, 1), (A, 0))
    )
    ica = ours(None, whiten=whiten).fit(X)
    assert ica.n_components_ == ica.units_.n_dimensions == 5
    assert match_components(ica.mixing_, A / np.linalg.norm(A, axis=0)).cosines.min() > 0.98
    np.testing.assert_allclose(ica.mixing_.sum(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(ica.inverse_transform(ica.transform(X)), X, atol=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert ica.set_params(warm_start=True, max_iter=5).fit(X).n_components_ == 5
