"""The estimator: what it learns, keeps, and promises."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.learning import LearningError, LearningRule
from overica.metrics import mean_cosine, share_recovered
from overica.priors import Laplace, Prior

DATA = make_mixture(1500, 4, 6, "sparse_laplace", n_active=1, random_state=0)
POSITIVE = make_mixture(1500, 4, 6, "sparse_exponential", n_active=1, random_state=0)


def quick(**parameters):
    return OvercompleteICA(
        **{"n_components": 6, "max_iter": 60, "n_restarts": 1, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(DATA.X)


def fitted_alike(one, other, **tolerance):
    np.testing.assert_allclose(one.mixing_, other.mixing_, **tolerance)
    np.testing.assert_allclose(one.scales_, other.scales_, **tolerance)
    assert one.noise_variance_ == pytest.approx(other.noise_variance_, rel=1e-6)


# What it finds


def test_finds_the_sources(fitted):
    assert share_recovered(fitted.mixing_, DATA.mixing) == 1
    np.testing.assert_allclose(np.linalg.norm(fitted.mixing_, axis=0), 1)
    true_scale = np.abs(DATA.codes[DATA.codes != 0]).mean()
    np.testing.assert_allclose(fitted.scales_, true_scale, rtol=0.5)
    np.testing.assert_allclose(fitted.presence_, 1 / 6, atol=0.1)


@pytest.mark.parametrize(
    ("shape", "sources", "prior"),
    [
        ((2, 3), "bernoulli_laplace", "laplace"),
        pytest.param((2, 4), "bernoulli_laplace", "laplace", marks=pytest.mark.slow),
        ((2, 3), "laplace", "laplace"),
        ((2, 3), "exponential", "exponential"),
    ],
)
def test_finds_sources_in_two_mixtures(shape, sources, prior):
    # A draw of directions that keeps them apart.
    data = make_mixture(8000, *shape, sources, random_state=0 if shape[1] == 3 else 1)
    ica = OvercompleteICA(shape[1], prior=prior, n_restarts=3, random_state=0).fit(data.X)
    assert share_recovered(ica.mixing_, data.mixing, data.nonnegative) == 1


@pytest.mark.parametrize("n_active", [3])
def test_finds_sources_in_eight_mixtures(n_active):
    data = make_mixture(5000, 8, 16, "sparse_laplace", n_active=n_active, random_state=1)
    ica = OvercompleteICA(16, random_state=0).fit(data.X)
    assert share_recovered(ica.mixing_, data.mixing) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sources", ["sparse_laplace", "sparse_exponential"])
def test_finds_sources_in_sixteen_mixtures(sources):
    data = make_mixture(10_000, 16, 32, sources, n_active=4, random_state=1)
    prior = "exponential" if data.nonnegative else "laplace"
    ica = OvercompleteICA(32, prior=prior, random_state=0).fit(data.X)
    assert share_recovered(ica.mixing_, data.mixing, data.nonnegative) == 1


@pytest.mark.parametrize("n_components", [1, 2, 4, 7, None])
def test_any_number_of_components(n_components):
    ica = quick(n_components=n_components).fit(DATA.X)
    n = n_components or 4
    assert ica.mixing_.shape == (4, n)
    assert ica.components_.shape == (n, 4)
    assert ica.scales_.shape == ica.presence_.shape == (n,)
    assert ica.n_components_ == n
    assert ica.transform(DATA.X).shape == (1500, n)
    assert list(ica.get_feature_names_out()) == [f"overcompleteica{j}" for j in range(n)]


def test_one_feature():
    X = np.random.default_rng(0).laplace(size=(500, 1))
    ica = quick(n_components=1).fit(X)
    assert abs(ica.mixing_[0, 0]) == pytest.approx(1)
    assert ica.scales_[0] == pytest.approx(1, rel=0.2)


@pytest.mark.slow
def test_auto_counts_in_the_plane():
    data = make_mixture(8000, 2, 3, "bernoulli_laplace", random_state=0)
    ica = OvercompleteICA("auto", random_state=0).fit(data.X)
    assert ica.n_components_ == 3
    assert share_recovered(ica.mixing_, data.mixing) == 1


@pytest.mark.slow
def test_auto_counts_in_sixteen_mixtures():
    data = make_mixture(10_000, 16, 32, "sparse_laplace", n_active=4, random_state=0)
    ica = OvercompleteICA("auto", random_state=0).fit(data.X)
    assert ica.n_components_ == 32


# Rules, priors, solvers


def test_published_rule_fails_where_ours_succeeds(fitted):
    with pytest.raises(LearningError, match="use rule 'evidence'"):
        quick(rule="natural", max_iter=200).fit(DATA.X)


@pytest.mark.parametrize("rule", ["evidence", "natural", "inverse"])
def test_every_rule_stays_at_the_truth(rule):
    rng = np.random.default_rng(7)
    start = DATA.mixing + 0.05 * rng.standard_normal(DATA.mixing.shape)
    ica = quick(rule=rule, init=start, annealing=(0.05, 0.05), learning_rate=0.02, max_iter=60).fit(
        DATA.X
    )
    assert share_recovered(ica.mixing_, DATA.mixing) == 1
    assert ica.n_iter_ == 60


@pytest.mark.parametrize("prior", ["laplace", "exponential", "smooth_laplace"])
def test_every_prior(prior):
    data = POSITIVE if prior == "exponential" else DATA
    ica = quick(prior=prior, batch_size=150).fit(data.X[:450])
    S = ica.transform(data.X[:50])
    assert mean_cosine(ica.mixing_, data.mixing, data.nonnegative) > 0.75
    assert (prior != "exponential") or (S >= 0).all()
    assert np.isfinite(ica.score(data.X[:50]))
    # The mean of non-negative sources is part of the signal.
    assert ((ica.mean_ == 0).all()) == (prior == "exponential")


@pytest.mark.parametrize("solver", ["active_set", "working_set", "fista", "interior_point"])
def test_every_solver(solver, fitted):
    ica = quick(solver=solver, batch_size=100).fit(DATA.X[:400])
    assert mean_cosine(ica.mixing_, DATA.mixing) > 0.9
    ica.set_params(solver="auto")
    assert ica.transform(DATA.X[:20]).shape == (20, 6)


class Mine(Laplace):
    """A prior that no kernel knows: heavier than Laplace's scale says."""

    def l1_weights(self):
        return None


class Step(LearningRule):
    """The plain gradient, with steps in proportion to the columns."""

    name = "step"
    max_relative_step = 0.1

    def statistics(self, model, posterior):
        return {"gradient": posterior.cross}

    def direction(self, A, sums, n_samples, activity):
        return 3 * sums["gradient"] / n_samples


def test_users_own_prior_and_rule():
    assert isinstance(Mine(), Prior)
    smooth = type("Logistic", (Prior,), LOGISTIC)
    ica = quick(
        prior=smooth(scale=5.0), n_components=3, batch_size=40, overprovision=1.0, max_iter=50
    ).fit(DATA.X[:80])
    assert np.isfinite(ica.score(DATA.X[:20]))
    start = DATA.mixing + 0.2 * np.random.default_rng(7).standard_normal((4, 6))
    ica = quick(rule=Step(), init=start, annealing=(0.1, 0.1), max_iter=150).fit(DATA.X)
    start_cosine = mean_cosine(start, DATA.mixing)
    assert mean_cosine(ica.mixing_, DATA.mixing) > max(start_cosine, 0.99)


def _logistic_cost(self, S):
    from overica._validation import namespace

    xp = namespace(S)
    t = xp.abs(S) / self.scale_like(S)
    return t + 2 * xp.log1p(xp.exp(-t)) - 2 * np.log(2)


def _logistic_score(self, S):
    from overica._validation import namespace

    return -namespace(S).tanh(S / (2 * self.scale_like(S))) / self.scale_like(S)


LOGISTIC = {
    "cost": _logistic_cost,
    "score": _logistic_score,
    "log_normaliser": lambda self: np.log(4 * np.asarray(self.scale)),
    "sample": lambda self, size, rng: self.scale * rng.logistic(size=size),
    "cvxpy_cost": lambda self, s: None,
}


# What it keeps


def test_history(fitted):
    lengths = {name: len(values) for name, values in fitted.history_.items()}
    assert set(lengths.values()) == {fitted.n_iter_}
    assert "restart" in lengths
    rows = []
    ica = quick(n_restarts=3, callback=rows.append).fit(DATA.X)
    assert {len(values) for values in ica.history_.values()} == {ica.n_iter_}
    assert len(rows) == ica.n_iter_ == 3 * fitted.n_iter_
    restart = np.array(ica.history_["restart"])
    np.testing.assert_array_equal(np.unique(restart), [0, 1, 2])
    assert (np.diff(restart) >= 0).all()


def test_history_of_an_automatic_count():
    ica = quick(n_components="auto").fit(DATA.X)
    assert ica.n_components_ == 6
    assert {len(values) for values in ica.history_.values()} == {ica.n_iter_}


def test_noise_that_is_given_is_kept():
    ica = quick(noise_variance=0.02).fit(DATA.X)
    assert ica.noise_variance_ == pytest.approx(0.02)


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_noise_is_learned(noise):
    data = make_mixture(5000, 16, 24, "sparse_laplace", n_active=2, noise=noise, random_state=0)
    ica = OvercompleteICA(24, random_state=0).fit(data.X)
    assert share_recovered(ica.mixing_, data.mixing) == 1
    assert data.noise_variance / 2.5 < ica.noise_variance_ < 2.5 * data.noise_variance


def test_same_seed_same_answer(fitted):
    fitted_alike(quick().fit(DATA.X), fitted, rtol=1e-12)
    other = quick(random_state=1).fit(DATA.X)
    assert not np.allclose(other.mixing_, fitted.mixing_)
    for state in (np.random.RandomState(3), np.random.default_rng(3)):
        assert quick(random_state=state).fit(DATA.X).mixing_.shape == (4, 6)


def test_refitting_starts_anew(fitted):
    ica = quick().fit(POSITIVE.X)
    fitted_alike(ica.fit(DATA.X), fitted, rtol=1e-12)
    assert ica.n_iter_ == fitted.n_iter_


def test_precisions_agree(fitted):
    single = quick().fit(DATA.X.astype(np.float32))
    assert single.mixing_.dtype == np.float32
    assert share_recovered(single.mixing_, fitted.mixing_, threshold=0.999) == 1
    codes = fitted.transform(DATA.X)
    narrow = fitted.transform(DATA.X.astype(np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, codes, atol=1e-3)


def test_codes_do_not_depend_on_the_batch(fitted):
    whole = fitted.transform(DATA.X)
    for rows in (slice(0, 1), slice(3, 10), slice(700, None)):
        np.testing.assert_allclose(fitted.transform(DATA.X[rows]), whole[rows], atol=1e-9)


def test_codes_are_the_mode(fitted):
    X, S = DATA.X[:40], fitted.transform(DATA.X[:40])

    def objective(S):
        residual = X - fitted.inverse_transform(S)
        data = (residual**2).sum(axis=1) / (2 * fitted.penalty_)
        return data + (np.abs(S) / fitted.scales_).sum(axis=1)

    best = objective(S)
    rng = np.random.default_rng(0)
    for size in (1e-4, 1e-2, 1.0):
        assert (objective(S + size * rng.standard_normal(S.shape)) >= best - 1e-9).all()


def test_score_and_coding_cost(fitted):
    score = fitted.score(DATA.X)
    assert fitted.coding_cost(DATA.X, 1.0) == pytest.approx(-score / np.log(2))
    finer = fitted.coding_cost(DATA.X, 0.5) - fitted.coding_cost(DATA.X, 1.0)
    assert finer == pytest.approx(4)
    gaussian = -0.5 * np.linalg.slogdet(2 * np.pi * np.e * np.cov(DATA.X.T))[1]
    assert score > gaussian + 1
    assert fitted.score(np.random.default_rng(0).permuted(DATA.X, axis=0)) < score - 1


def test_memory_map_is_as_good_as_memory(tmp_path, fitted):
    np.save(tmp_path / "X.npy", DATA.X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    ica = quick().fit(mapped)
    fitted_alike(ica, fitted, rtol=1e-12)
    np.testing.assert_array_equal(ica.transform(mapped), fitted.transform(DATA.X))


# Libraries


def test_torch_in_torch_out(fitted):
    X = torch.tensor(DATA.X)
    ica = quick().fit(X)
    fitted_alike(ica, fitted, rtol=1e-12)
    for dtype in (torch.float64, torch.float32):
        S = ica.transform(X.to(dtype))
        assert isinstance(S, torch.Tensor)
        assert S.dtype == dtype
        restored = ica.inverse_transform(S)
        assert isinstance(restored, torch.Tensor)
        assert restored.dtype == dtype
    np.testing.assert_allclose(ica.transform(X).numpy(), fitted.transform(DATA.X))
    assert ica.score(X) == pytest.approx(fitted.score(DATA.X))


def test_pandas_output():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(DATA.X, columns=list("abcd"))
    ica = quick().set_output(transform="pandas").fit(frame)
    S = ica.transform(frame)
    assert isinstance(S, pandas.DataFrame)
    assert list(S.columns) == [f"overcompleteica{j}" for j in range(6)]
    assert list(ica.feature_names_in_) == list("abcd")
    assert ica.inverse_transform(S).shape == (1500, 4)


def test_pipeline_and_grid_search():
    pipeline = make_pipeline(StandardScaler(), quick())
    S = pipeline.fit_transform(DATA.X)
    np.testing.assert_allclose(S, pipeline.transform(DATA.X))
    np.testing.assert_allclose(pipeline.inverse_transform(S), DATA.X, atol=2)
    search = GridSearchCV(quick(), {"n_components": [2, 4, 6]}, cv=2).fit(DATA.X)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] < scores[1] < scores[2]
    assert search.best_params_ == {"n_components": 6}


def test_clone_and_parameters():
    ica = quick(prior=Laplace(2.0), annealing=(0.4, 0.1))
    copy = clone(ica)
    assert copy.get_params()["annealing"] == (0.4, 0.1)
    assert copy.get_params()["prior"].scale == 2.0
    assert not hasattr(copy, "mixing_")
    with pytest.raises(NotFittedError):
        copy.transform(DATA.X)


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_pickle(how):
    ica = getattr(quick(), how)(DATA.X)
    other = pickle.loads(pickle.dumps(ica))
    np.testing.assert_array_equal(other.transform(DATA.X), ica.transform(DATA.X))
    assert other.score(DATA.X) == ica.score(DATA.X)
    for each in (ica, other):
        each.partial_fit(DATA.X)
    np.testing.assert_array_equal(other.mixing_, ica.mixing_)


def test_pickle_does_not_carry_the_data():
    X = np.tile(DATA.X, (40, 1))
    assert len(pickle.dumps(quick().fit(X))) < X.nbytes / 10


# Interruptions and streams


@pytest.mark.parametrize("when", [5, 40, 65])
def test_interrupted_fit_is_a_fit(when):
    steps = []

    def interrupt(figures):
        steps.append(figures)
        if len(steps) == when:
            raise KeyboardInterrupt

    ica = quick(callback=interrupt)
    with pytest.raises(KeyboardInterrupt):
        ica.fit(DATA.X)
    assert ica.mixing_.shape[0] == 4
    assert ica.transform(DATA.X).shape == (1500, ica.n_components_)
    assert np.isfinite(ica.score(DATA.X))
    assert ica.n_components_ == 6
    assert ica.n_iter_ == when


def test_partial_fit_learns():
    data = make_mixture(20_000, 8, 16, "sparse_laplace", n_active=2, random_state=0)
    ica = OvercompleteICA(16, max_iter=150, learning_rate=0.3, random_state=0)
    rng = np.random.default_rng(0)
    ica.partial_fit(data.X[:5000])
    before = mean_cosine(ica.mixing_, data.mixing)
    for _ in range(200):
        ica.partial_fit(data.X[rng.integers(0, len(data.X), 500)])
    assert mean_cosine(ica.mixing_, data.mixing) > max(before + 0.1, 0.9)
    assert ica.n_iter_ == 201
    assert {len(values) for values in ica.history_.values()} == {201}
    assert np.isfinite(ica.score(data.X))


def test_partial_fit_goes_on_from_a_fit(fitted):
    ica = quick(learning_rate=0.3).fit(DATA.X)
    before = mean_cosine(ica.mixing_, DATA.mixing)
    assert before > 0.9
    for _ in range(20):
        ica.partial_fit(DATA.X[:500])
    assert mean_cosine(ica.mixing_, DATA.mixing) > before - 0.01
    assert ica.n_iter_ == fitted.n_iter_ + 20
    assert {len(values) for values in ica.history_.values()} == {ica.n_iter_}


def test_best_state_is_returned_not_the_last():
    class Spoiler(Step):
        """Right for a while, then random."""

        name = "spoiler"

        def direction(self, A, sums, n_samples, activity):
            self.count = getattr(self, "count", 0) + 1
            if self.count > 30:
                return np.random.default_rng(self.count).standard_normal(A.shape)
            return super().direction(A, sums, n_samples, activity)

    ica = quick(rule=Spoiler(), init=DATA.mixing, annealing=(0.05, 0.05), schedule="constant").fit(
        DATA.X
    )
    assert share_recovered(ica.mixing_, DATA.mixing) == 1


def test_too_few_steps_are_warned_of():
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(ConvergenceWarning, match="Raise `max_iter`"):
        quick(max_iter=10).fit(DATA.X)


def test_progress_bar_is_shown_when_asked_for(capsys):
    quick(max_iter=50).fit(DATA.X)
    assert capsys.readouterr().err == ""
    quick(max_iter=50, verbose=1).fit(DATA.X)
    assert "overica" in capsys.readouterr().err
