"""All figures of one result: the truth is best, random input reaches chance, gaps are NaN."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.metrics import (
    CODE_METRICS,
    COMPOSITION_METRICS,
    FIT_METRICS,
    METRICS,
    evaluate,
)
from tests.metrics.pursued import pursued

NAMES = {*METRICS, *COMPOSITION_METRICS, *CODE_METRICS, *FIT_METRICS, "monosemanticity"}


class Projection:
    """A featuriser: pseudo-inverse of the mixing, small codes cut off."""

    def __init__(self, mixing, threshold=0.3):
        self.inverse = np.linalg.pinv(mixing)
        self.threshold = threshold

    def transform(self, X):
        codes = X @ self.inverse.T
        return codes * (np.abs(codes) > self.threshold)


def make(n_true=12, n_features=10, n_samples=400, noise=0.0, nonnegative=True, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n_features, n_true))
    A /= np.linalg.norm(A, axis=0)
    S = rng.exponential(size=(n_samples, n_true)) * (rng.random((n_samples, n_true)) < 0.2)
    if not nonnegative:
        S *= rng.choice([-1.0, 1.0], S.shape)
    return A, S, S @ A.T + noise * rng.standard_normal((n_samples, n_features))


def evaluate_all(B, A, S_hat, S, X, **options):
    return evaluate(
        B, A, codes=S_hat, codes_true=S, X=X, X_hat=S_hat @ B.T, featuriser=Projection(B), **options
    )


def same(first, second, **tolerance):
    assert first.keys() == second.keys()
    for name in first:
        assert first[name] == pytest.approx(second[name], nan_ok=True, **tolerance), name


@pytest.mark.parametrize("nonnegative", [False, True])
def test_truth_reaches_its_own_figure(nonnegative):
    A, S, X = make(n_true=9, noise=0.1, nonnegative=nonnegative)
    figures = evaluate_all(A, A, S, S, X, nonnegative=nonnegative)
    assert set(figures) == NAMES
    for name, figure in figures.items():
        assert figure.value == pytest.approx(figure.best, abs=1e-9), name
        assert np.isfinite(figure.chance), name
        if name not in ("l0", "dead_share", "composed_share"):
            assert abs(figure.chance - figure.best) > 0.02, name
    assert figures["explained_variance"].best < 1


@pytest.mark.parametrize(("n_learned", "n_true"), [(12, 12), (7, 12), (20, 12), (1, 5), (5, 1)])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_any_sizes(n_learned, n_true, nonnegative):
    A, S, X = make(n_true, nonnegative=nonnegative)
    rng = np.random.default_rng(1)
    B = rng.standard_normal((10, n_learned))
    S_hat = pursued(X, B, 2)
    figures = evaluate_all(B, A, S_hat, S, X, nonnegative=nonnegative)
    assert set(figures) == NAMES
    assert all(np.isfinite(figure).all() for figure in figures.values())


def test_random_input_reaches_chance():
    """Every figure of random directions, unrelated codes and a pursuit of random columns."""
    values, chances = [], []
    for seed in range(12):
        A, S, X = make(n_true=16, n_samples=1000, nonnegative=False, seed=seed)
        rng = np.random.default_rng(100 + seed)
        B = rng.standard_normal((10, 16))
        S_hat = pursued(X - X.mean(axis=0), B, 3)
        figures = evaluate(
            B,
            A,
            codes=rng.permutation(S_hat),
            codes_true=S,
            X=X,
            X_hat=S_hat @ B.T + X.mean(axis=0),
            random_state=seed,
        )
        del figures["monosemanticity"]
        values.append([figure.value for figure in figures.values()])
        chances.append([figure.chance for figure in figures.values()])
    spread = np.std(np.array(values) - chances, axis=0, ddof=1) / np.sqrt(12)
    difference = np.abs(np.mean(values, axis=0) - np.mean(chances, axis=0))
    for name, far, error in zip(figures, difference, spread, strict=True):
        assert far < 4.5 * error + 1e-9, (name, far, error)


@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans())
def test_order_length_and_allowed_signs_of_learned_columns_do_not_count(seed, nonnegative):
    A, S, X = make(6, 5, 60, nonnegative=nonnegative, seed=seed)
    rng = np.random.default_rng(seed)
    B = A + 0.2 * rng.standard_normal(A.shape)
    S_hat = np.round(S + 0.3 * rng.standard_normal(S.shape))
    order, factors = rng.permutation(6), rng.lognormal(size=6)
    if not nonnegative:
        factors *= rng.choice([-1.0, 1.0], 6)
    plain = evaluate(
        B, A, codes=S_hat, codes_true=S, X=X, X_hat=S_hat @ B.T, nonnegative=nonnegative
    )
    moved = evaluate(
        (B * factors)[:, order],
        A,
        codes=(S_hat / factors)[:, order],
        codes_true=S,
        X=X,
        X_hat=S_hat @ B.T,
        nonnegative=nonnegative,
    )
    same(plain, moved, rel=1e-7, abs=1e-9)


def test_a_flipped_column_and_its_codes_are_right_only_where_signs_do_not_count():
    A, S, X = make(n_true=8)
    free, nonnegative = (
        evaluate(-A, A, codes=-S, codes_true=S, X=X, X_hat=X, nonnegative=s) for s in (False, True)
    )
    for name in ("mean_cosine", "f1", "code_correlation", "shrinkage"):
        assert free[name].value == pytest.approx(1.0)
        assert nonnegative[name].value < 0.9


def test_what_is_not_given_is_nan():
    A, S, X = make()

    def defined(**given):
        figures = evaluate(A, **given)
        assert set(figures) == NAMES
        return {name for name, figure in figures.items() if not np.isnan(figure.value)}

    directions = {*METRICS, *COMPOSITION_METRICS}
    assert defined() == set()
    assert defined(mixing_true=A) == directions
    assert defined(mixing_true=A, codes=S) == directions
    assert defined(mixing_true=A, codes=S, codes_true=S) == directions | set(CODE_METRICS)
    assert defined(codes=S, X=X, X_hat=X) == set(FIT_METRICS)
    assert defined(mixing_true=A, featuriser=Projection(A)) == directions | {"monosemanticity"}


def test_fit_without_truth_has_chance_and_no_best():
    A, S, X = make()
    figure = evaluate(A, codes=S, X=X, X_hat=X)["explained_variance"]
    assert figure.value == 1.0
    assert 0 < figure.chance < 0.9
    assert np.isnan(figure.best)


def test_chance_of_the_fit_knows_whether_signs_count():
    A, S, X = make()
    free, nonnegative = (evaluate(A, codes=S, X=X, X_hat=X, nonnegative=s) for s in (False, True))
    assert nonnegative["explained_variance"].chance < free["explained_variance"].chance - 0.01


def test_features_are_shown_at_their_usual_size():
    """A threshold set for codes of about 100 hides features shown at 1."""
    A, S, _ = make(n_true=8)
    featuriser = Projection(A, threshold=30.0)
    hidden = evaluate(A, A, featuriser=featuriser)["monosemanticity"]
    shown = evaluate(A, A, codes_true=100 * S, featuriser=featuriser)["monosemanticity"]
    assert hidden.value == 0.0
    assert shown.value == pytest.approx(1.0)


def test_features_that_never_fire_are_shown_at_size_one():
    A, S, _ = make(n_true=8)
    S[:, 3] = 0.0
    figure = evaluate(A, A, codes_true=S, featuriser=Projection(A, threshold=0.1))
    assert figure["monosemanticity"].value == pytest.approx(1.0)


def test_same_seed_same_figures():
    A, S, X = make()
    B = A + 0.3
    first, again, other = (evaluate_all(B, A, S, S, X, random_state=s) for s in (0, 0, 1))
    same(first, again, rel=0, abs=0)
    assert first["mean_cosine"].chance != other["mean_cosine"].chance
    drawn = [evaluate_all(B, A, S, S, X, random_state=np.random.default_rng(3)) for _ in range(2)]
    same(*drawn, rel=0, abs=0)


def test_float32_gives_the_figures_of_float64():
    A, S, X = make(noise=0.1)
    B = (A + 0.1).astype(np.float32)
    S_hat, X_hat = S.astype(np.float32), (S @ A.T).astype(np.float32)
    single = evaluate(B, A, codes=S_hat, codes_true=S, X=X, X_hat=X_hat)
    double = evaluate(
        np.float64(B), A, codes=np.float64(S_hat), codes_true=S, X=X, X_hat=np.float64(X_hat)
    )
    same(single, double, rel=1e-12)


def test_tensors_are_welcome():
    torch = pytest.importorskip("torch")
    A, S, X = make()
    plain = evaluate(A, A, codes=S, codes_true=S, X=X, X_hat=X)
    tensors = [torch.from_numpy(M) for M in (A, S, X)]
    B, T, Y = tensors
    same(evaluate(B, B, codes=T, codes_true=T, X=Y, X_hat=Y), plain, rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixing_true": np.ones((9, 12))}, r"`mixing_true` must have shape \(n_features=10"),
        ({"codes": np.ones((400, 11))}, r"`codes` must have shape .*n_components=12.*\(400, 11\)"),
        ({"codes_true": np.ones((400, 3))}, r"`codes_true` must have shape .*n_components=12"),
        ({"codes_true": np.ones((399, 12))}, r"`codes` must have shape \(n_samples=399"),
        ({"X": np.ones((399, 10))}, r"`codes` must have shape \(n_samples=399"),
        ({"X_hat": np.full((400, 10), np.nan)}, "`X_hat` must be finite"),
    ],
)
def test_bad_input(changes, message):
    A, S, X = make()
    given = {"mixing_true": A, "codes": S, "codes_true": S, "X": X, "X_hat": X} | changes
    with pytest.raises(ValueError, match=message):
        evaluate(A, **given)
