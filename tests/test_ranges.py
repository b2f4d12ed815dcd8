"""Numbers of any finite size give an answer, or a ValueError that names the argument; never infinity or NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.ranges import check_unit, reach, unit_columns
from overica.sae import TopKSAE

# Few steps, and samples that are rounding beside others, need not converge. Overflow is still an error.
pytestmark = [
    pytest.mark.filterwarnings("ignore:the fit has not settled"),
    pytest.mark.filterwarnings("ignore:.*missed the relative duality gap"),
]

DATA = make_mixture(400, 3, 4, "laplace", random_state=0)
EXPONENTS = st.integers(-300, 300)


def ica(**parameters):
    return OvercompleteICA(4, **{"max_iter": 4, "n_restarts": 1, "random_state": 0} | parameters)


def sae():
    return TopKSAE(4, n_active=2, n_steps=3, random_state=0)


def answer(call, *named):
    """What a call returns, all of it finite; None where it refuses an argument that is among those named."""
    try:
        values = call()
    except ValueError as error:
        refused = str(error)
    else:
        assert all(np.isfinite(value).all() for value in values)
        return values
    assert refused.startswith(tuple(f"`{name}`" for name in named))
    return None


def figures(fit):
    """Fitted attributes that are numbers."""
    return [
        value
        for name, value in vars(fit).items()
        if name.endswith("_") and isinstance(value, (float, np.ndarray))
    ]


@pytest.fixture(scope="module")
def fitted():
    return {
        "ica": ica().fit(DATA.X),
        "sae": sae().fit(DATA.X),
        "sae32": sae().fit(DATA.X.astype(np.float32)),
    }


@given(exponent=EXPONENTS, dtype=st.sampled_from([np.float32, np.float64]))
@pytest.mark.parametrize("make", [ica, sae])
@settings(max_examples=25)
def test_fits_of_data_of_any_size(make, exponent, dtype):
    top = 37 if dtype == np.float32 else 300
    X = (DATA.X * 10.0 ** np.clip(exponent, -top, top)).astype(dtype)

    def call():
        fit = make().fit(X)
        return [*figures(fit), fit.transform(X), fit.inverse_transform(fit.transform(X))]

    found = answer(call, "X")
    assert found is not None or abs(exponent) > (34 if dtype == np.float32 else 150)


@pytest.mark.filterwarnings("ignore:1 row of `X`:UserWarning")
@given(exponent=EXPONENTS, row=st.integers(0, 399))
@settings(max_examples=25)
@pytest.mark.parametrize("make", [ica, sae])
def test_fits_with_one_row_of_another_size(make, exponent, row):
    X = DATA.X.copy()
    X[row] *= 10.0**exponent
    answer(lambda: figures(make().fit(X)), "X")


@given(exponent=EXPONENTS)
def test_samples_of_another_size_than_those_fitted(fitted, exponent):
    X = DATA.X[:20].copy()
    X[7] *= 10.0**exponent
    for name in fitted:
        found = answer(lambda: [fitted[name].transform(X)], "X")  # noqa: B023
        assert found is not None or exponent > (10 if name == "sae32" else 100)
    answer(lambda: [fitted["ica"].score(X)], "X")


@given(exponent=EXPONENTS, noise=EXPONENTS)
@settings(max_examples=25)
def test_any_noise_variance(exponent, noise):
    X = DATA.X * 10.0**exponent
    answer(lambda: figures(ica(noise_variance=10.0**noise).fit(X)), "X", "noise_variance")


@given(exponent=EXPONENTS)
@settings(max_examples=25)
def test_a_batch_that_cannot_be_learned_from_leaves_no_trace(exponent):
    fit = ica().fit(DATA.X)
    answer(lambda: [fit.partial_fit(DATA.X[:100] * 10.0**exponent).mixing_], "X")
    assert answer(lambda: figures(fit.partial_fit(DATA.X))) is not None


@given(exponents=st.lists(EXPONENTS, min_size=4, max_size=4))
def test_starts_of_any_size(exponents):
    start = DATA.mixing * 10.0 ** np.array(exponents)
    same = [ica(init=A).fit(DATA.X).mixing_ for A in (start, unit_columns(DATA.mixing))]
    np.testing.assert_allclose(*same, atol=1e-9)


@given(exponents=st.lists(EXPONENTS, min_size=4, max_size=4))
def test_columns_of_any_size_become_units(exponents):
    A = DATA.mixing * 10.0 ** np.array(exponents)
    np.testing.assert_allclose(unit_columns(A), unit_columns(DATA.mixing), rtol=1e-14, atol=1e-16)
    assert (unit_columns(0 * A) == 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_let_through_has_room(dtype):
    with np.errstate(all="raise"):
        assert np.isfinite(dtype(reach(dtype)) ** 3)
    for unit in (1e-35, 1e35) if dtype == np.float32 else (1e-151, 1e151):
        check_unit(unit, dtype)
        assert 0 < dtype(unit) < np.inf
        assert 0 < unit**2 < np.inf
    for unit in (1e-37, 1e37) if dtype == np.float32 else (1e-153, 1e153):
        with pytest.raises(ValueError, match="`X` must have entries of a size between"):
            check_unit(unit, dtype)
