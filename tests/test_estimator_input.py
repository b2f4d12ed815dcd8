"""What the estimator does with malformed, extreme and unusual input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.metrics import share_recovered

DATA = make_mixture(800, 4, 6, "sparse_laplace", n_active=1, random_state=0)


def quick(**parameters):
    return OvercompleteICA(
        **{"n_components": 6, "max_iter": 60, "n_restarts": 1, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(DATA.X)


def spoilt(value):
    X = DATA.X.copy()
    X[3, 1] = value
    return X


BAD_X = {
    "nan": (spoilt(np.nan), "NaN"),
    "inf": (spoilt(np.inf), "infinity"),
    "minus inf": (spoilt(-np.inf), "infinity"),
    "vector": (DATA.X[:, 0], "1D|2D"),
    "cube": (DATA.X[:, :, None], r"dim 3|3D|<= 2"),
    "no samples": (np.empty((0, 4)), "0 sample"),
    "no features": (np.empty((10, 0)), "0 feature"),
    "complex": (DATA.X.astype(complex), "[Cc]omplex"),
    "strings": (np.array([["a", "b"], ["c", "d"]]), "could not convert|numeric|real numbers"),
    "ragged": ([[1.0, 2.0], [3.0]], "inhomogeneous|rectangular"),
}


@pytest.mark.parametrize("case", BAD_X)
def test_malformed_samples(case, fitted):
    X, message = BAD_X[case]
    with pytest.raises(ValueError, match=message):
        quick().fit(X)
    with pytest.raises(ValueError, match=message):
        quick().partial_fit(X)
    for method in (fitted.transform, fitted.score):
        with pytest.raises(ValueError, match=message):
            method(X)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_malformed_tensors(value, fitted):
    X = torch.tensor(spoilt(value))
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        quick().fit(X)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fitted.transform(X)


def test_one_sample_is_too_few():
    with pytest.raises(ValueError, match="1 sample"):
        quick().fit(DATA.X[:1])


def test_other_features_than_fitted(fitted):
    with pytest.raises(ValueError, match=r"3 features.*4 features"):
        fitted.transform(DATA.X[:, :3])
    with pytest.raises(ValueError, match=r"n_components=6\), got \(800, 4\)"):
        fitted.inverse_transform(DATA.X)


@pytest.mark.parametrize("value", [0.0, 3.7, -1e-30, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_samples(value, dtype):
    with pytest.raises(ValueError, match="`X` must vary"):
        quick().fit(np.full((50, 3), value, dtype))


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_one_constant_feature(value):
    X = np.insert(DATA.X, 2, value, axis=1)
    ica = quick().fit(X)
    np.testing.assert_allclose(ica.mixing_[2], 0, atol=1e-3)
    assert ica.mean_[2] == pytest.approx(value)
    assert share_recovered(np.delete(ica.mixing_, 2, axis=0), DATA.mixing) == 1
    assert np.isfinite(ica.score(X))


def test_zero_rows():
    X = DATA.X.copy()
    X[::2] = 0
    ica = quick(center=False).fit(X)
    assert share_recovered(ica.mixing_, DATA.mixing) >= 5 / 6
    assert (ica.transform(np.zeros((3, 4))) == 0).all()


def same(fit, other, factor, rtol):
    np.testing.assert_allclose(other.mixing_, fit.mixing_, atol=rtol)
    np.testing.assert_allclose(other.scales_ / factor, fit.scales_, rtol=rtol)
    assert other.noise_variance_ / factor**2 == pytest.approx(fit.noise_variance_, rel=10 * rtol)


@settings(max_examples=8)
@given(st.integers(-30, 30))
def test_answer_scales_with_the_data(fitted, exponent):
    factor = 10.0**exponent
    ica = quick().fit(DATA.X * factor)
    same(fitted, ica, factor, 1e-6)
    np.testing.assert_allclose(
        ica.transform(DATA.X * factor) / factor, fitted.transform(DATA.X), atol=1e-6
    )
    assert ica.score(DATA.X * factor) == pytest.approx(
        fitted.score(DATA.X) - 4 * np.log(factor), abs=1e-4
    )


@pytest.mark.parametrize("factor", [1e-30, 1.0, 1e30])
def test_answer_scales_in_single_precision(fitted, factor):
    X = (DATA.X * factor).astype(np.float32)
    ica = quick().fit(X)
    assert ica.mixing_.dtype == ica.scales_.dtype == np.float32
    assert share_recovered(ica.mixing_, fitted.mixing_, threshold=0.999) == 1
    np.testing.assert_allclose(ica.scales_ / np.float32(factor), fitted.scales_, rtol=0.2)
    codes = ica.transform(X)
    assert codes.dtype == np.float32
    assert np.isfinite(codes).all()
    restored = ica.inverse_transform(codes) / np.float32(factor)
    assert np.abs(restored - DATA.X).max() < 1


def test_integers_and_half_precision(fitted):
    X = np.round(100 * DATA.X).astype(np.int64)
    ica = quick().fit(X)
    assert ica.transform(X).dtype == np.float64
    assert share_recovered(ica.mixing_, DATA.mixing) == 1
    half = quick().fit(DATA.X.astype(np.float16))
    assert share_recovered(half.mixing_, DATA.mixing) == 1
    assert np.isfinite(half.transform(DATA.X.astype(np.float16))).all()


def test_negative_samples_under_a_non_negative_prior():
    # Non-negative sources in a mixing matrix of either sign give samples of either sign.
    data = make_mixture(1500, 4, 6, "sparse_exponential", n_active=1, random_state=0)
    assert data.X.min() < 0
    ica = quick(prior="exponential", max_iter=150, n_restarts=2).fit(data.X)
    assert share_recovered(ica.mixing_, data.mixing, nonnegative=True) == 1
    assert (ica.transform(-data.X) >= 0).all()


# Sixty steps on five samples need not settle.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_far_fewer_samples_than_components():
    ica = quick(n_components=20).fit(DATA.X[:5])
    assert ica.mixing_.shape == (4, 20)
    assert np.isfinite(ica.mixing_).all()
    assert np.isfinite(ica.transform(DATA.X[:5])).all()


BAD_PARAMETERS = [
    ("n_components", 0, "n_components"),
    ("n_components", -3, "n_components"),
    ("n_components", 2.5, "n_components"),
    ("n_components", "many", "n_components"),
    ("prior", "gaussian", "prior"),
    ("prior", 3, "prior"),
    ("rule", "newton", "rule"),
    ("rule", None, "rule"),
    ("solver", "magic", "solver"),
    ("init", "zeros", "init"),
    ("init", np.zeros((4, 6)), "init"),
    ("init", np.ones((4, 6)), "init"),
    ("init", np.ones((6, 4)), "init"),
    ("init", np.full((4, 6), np.nan), "init"),
    ("init", 5, "init"),
    ("noise_variance", 0, "noise_variance"),
    ("noise_variance", -1.0, "noise_variance"),
    ("noise_variance", np.nan, "noise_variance"),
    ("noise_variance", "low", "noise_variance"),
    ("annealing", 0.5, "annealing"),
    ("annealing", "ab", "annealing"),
    ("annealing", (0.1, 0.5), "annealing"),
    ("annealing", (0.5, 0.0), "annealing"),
    ("annealing", (0.5, 0.1, 0.05), "annealing"),
    ("learning_rate", 0, "learning_rate"),
    ("learning_rate", -0.1, "learning_rate"),
    ("learning_rate", np.inf, "learning_rate"),
    ("schedule", "linear", "schedule"),
    ("max_iter", 0, "max_iter"),
    ("max_iter", 1.5, "max_iter"),
    ("batch_size", 0, "batch_size"),
    ("overprovision", 0.5, "overprovision"),
    ("overprovision", "a", "overprovision"),
    ("n_restarts", 0, "n_restarts"),
    ("n_restarts", 1.5, "n_restarts"),
    ("center", "yes", "center"),
    ("random_state", "seed", "seed"),
    ("device", "abacus", "device"),
    ("device", 3.5, "device"),
]


@pytest.mark.parametrize(("name", "value", "named"), BAD_PARAMETERS)
def test_bad_parameters(name, value, named):
    with pytest.raises(ValueError, match=rf"(`{named}|{named}).*(got|cannot be used)"):
        quick(**{name: value}).fit(DATA.X)


def test_auto_needs_the_evidence_rule():
    with pytest.raises(ValueError, match=r"`n_components=\"auto\"` needs rule 'evidence'"):
        quick(n_components="auto", rule="natural").fit(DATA.X)
    with pytest.raises(ValueError, match="`n_components` must be a number for `partial_fit`"):
        quick(n_components="auto").partial_fit(DATA.X)


@pytest.mark.parametrize("precision", [0, -1, np.nan, "fine"])
def test_bad_precision(fitted, precision):
    with pytest.raises(ValueError, match=r"`precision`.*got"):
        fitted.coding_cost(DATA.X, precision)
