"""The laws of every coder in the registry, and what parameters may be together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from overica.coding import CODERS, Dictionary, Featuriser, SparseCoder
from overica.inference import MAPProblem
from overica.priors import Laplace, SmoothLaplace

SIGNS = pytest.mark.parametrize("nonnegative", [False, True])
EVERY = pytest.mark.parametrize("method", CODERS)
LEVELS = {
    "map": {"penalty": 0.3},
    "debiased": {"penalty": 0.3},
    "omp": {"n_active": 3},
    "oracle": {},
}


def problem(seed=0, n_samples=40, nonnegative=False, noise=0.1, *, n_features=6, n_components=9):
    """Atoms of all lengths, sparse codes, and samples."""
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((n_components, n_features)) * rng.uniform(0.3, 3, (n_components, 1))
    S = rng.exponential(size=(n_samples, n_components))
    S[np.argsort(rng.random(S.shape), axis=1) >= 3] = 0.0
    if not nonnegative:
        S *= rng.choice([-1, 1], S.shape)
    return D, S, S @ D + noise * rng.standard_normal((n_samples, n_features))


def codes_of(method, D, S, X, **parameters):
    coder = SparseCoder(D, method=method, **(LEVELS[method] | parameters)).fit(X)
    given = {"supports": S != 0} if "supports" in CODERS[method].takes() else {}
    return coder, coder.transform(X, **given)


@EVERY
@SIGNS
def test_every_coder(method, nonnegative):
    D, S, X = problem(nonnegative=nonnegative)
    offset = np.arange(6.0)
    coder, codes = codes_of(method, D, S, X + offset, nonnegative=nonnegative, offset=offset)
    assert codes.shape == S.shape
    assert codes.dtype == np.float64
    assert codes.any()
    assert not nonnegative or (codes >= 0).all()
    assert isinstance(coder, Featuriser)
    np.testing.assert_allclose(coder.inverse_transform(codes), codes @ D + offset)
    _, plain = codes_of(method, D, S, X, nonnegative=nonnegative)
    np.testing.assert_allclose(codes, plain, atol=1e-9)
    twin = clone(coder)
    assert twin.get_params().keys() == coder.get_params().keys()
    np.testing.assert_array_equal(twin.components, D)


@EVERY
@SIGNS
def test_one_sample_at_a_time_is_the_batch(method, nonnegative):
    D, S, X = problem(1, nonnegative=nonnegative)
    coder, codes = codes_of(method, D, S, X, nonnegative=nonnegative)
    for i, row in enumerate(codes):
        given = {} if method != "oracle" else {"supports": S[i : i + 1] != 0}
        np.testing.assert_allclose(coder.transform(X[i : i + 1], **given)[0], row, atol=1e-9)


@EVERY
def test_single_precision_is_kept(method):
    D, S, X = problem(2)
    _, codes = codes_of(method, D.astype(np.float32), S, X.astype(np.float32))
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes, codes_of(method, D, S, X)[1], atol=1e-3)


@EVERY
def test_tensors_come_back(method):
    torch = pytest.importorskip("torch")
    D, S, X = problem(3, n_samples=5)
    coder, codes = codes_of(method, D, S, X)
    given = {"supports": torch.from_numpy(S != 0)} if method == "oracle" else {}
    tensor = coder.transform(torch.from_numpy(X), **given)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), codes)


@EVERY
def test_dead_atoms_have_codes_of_zero(method):
    D, S, X = problem(4)
    _, with_it = codes_of(method, np.insert(D, 2, 0.0, axis=0), np.insert(S, 2, 1.0, axis=1), X)
    assert not with_it[:, 2].any()
    _, without = codes_of(method, D, S, X)
    np.testing.assert_allclose(np.delete(with_it, 2, axis=1), without, atol=1e-8)


@SIGNS
@given(seed=st.integers(0, 10**6), penalty=st.floats(0.01, 10))
def test_map_has_no_duality_gap(nonnegative, seed, penalty):
    D, _, X = problem(seed, 10, nonnegative)
    codes = SparseCoder(D, penalty=penalty, nonnegative=nonnegative).fit_transform(X)
    prior = "exponential" if nonnegative else "laplace"
    posed = MAPProblem(D.T, X, prior, penalty)
    assert (posed.duality_gap(codes) <= 1e-8 * posed.objective(codes)).all()


def test_map_goes_by_the_given_prior():
    D, _, X = problem(5)
    for prior in (Laplace(np.linspace(0.5, 2, 9)), SmoothLaplace()):
        codes = SparseCoder(D, penalty=0.2, prior=prior).fit_transform(X)
        posed = MAPProblem(D.T, X, prior, 0.2)
        assert (posed.duality_gap(codes) <= 1e-8 * posed.objective(codes)).all()
    by_name = SparseCoder(D, penalty=0.2, prior="exponential").fit_transform(X)
    implied = SparseCoder(D, penalty=0.2, nonnegative=True).fit_transform(X)
    np.testing.assert_array_equal(by_name, implied)


@pytest.mark.parametrize("method", ["map", "debiased"])
@SIGNS
@pytest.mark.parametrize("n_active", [0.5, 1.0, 2.7])
def test_the_penalty_gives_the_wanted_number_of_active_atoms(method, nonnegative, n_active):
    D, _, X = problem(6, 400, nonnegative)
    coder = SparseCoder(D, n_active=n_active, nonnegative=nonnegative).fit(X)
    assert np.count_nonzero(coder.transform(X)) / 400 == pytest.approx(n_active, rel=0.02)
    other = SparseCoder(D, n_active=n_active, nonnegative=nonnegative, method=method).fit(X)
    assert other.penalty_ == coder.penalty_
    # As found on the samples of `fit`, whatever is coded later; without `fit`, on the samples at hand.
    alone = SparseCoder(D, penalty=coder.penalty_, nonnegative=nonnegative).fit(X[:3])
    np.testing.assert_allclose(coder.transform(X[:7]), alone.transform(X[:7]), atol=1e-9)
    unfitted = SparseCoder(D, n_active=n_active, nonnegative=nonnegative).transform(X)
    np.testing.assert_array_equal(unfitted, coder.transform(X))


def test_a_new_fit_finds_a_new_penalty():
    D, _, X = problem(7)
    coder = SparseCoder(D, n_active=1.0).fit(X)
    first = coder.penalty_
    assert coder.set_params(n_active=3.0).fit(X).penalty_ < first
    assert coder.set_params(n_active=None, penalty=0.7).fit(X).penalty_ == 0.7


@pytest.mark.parametrize("method", ["debiased", "oracle", "omp"])
@SIGNS
@given(seed=st.integers(0, 10**6))
def test_residuals_are_orthogonal_to_active_atoms(method, nonnegative, seed):
    D, S, X = problem(seed, 10, nonnegative)
    _, codes = codes_of(method, D, S, X, nonnegative=nonnegative)
    U = D / np.linalg.norm(D, axis=1, keepdims=True)
    along = (X - codes @ D) @ U.T
    assert np.abs(along[codes != 0]).max(initial=0) < 1e-6


@SIGNS
@given(seed=st.integers(0, 10**6))
def test_the_oracle_finds_noiseless_codes(nonnegative, seed):
    D, S, X = problem(seed, 10, nonnegative, noise=0)
    _, codes = codes_of("oracle", D, S, X, nonnegative=nonnegative)
    U = D / np.linalg.norm(D, axis=1, keepdims=True)
    worst = min(np.linalg.svd(U[s != 0])[1][-1] for s in S)
    np.testing.assert_allclose(codes, S, atol=1e-6 / worst**2)


@given(seed=st.integers(0, 10**6), n_active=st.integers(1, 5))
def test_pursuit_has_as_many_atoms_as_asked_for(seed, n_active):
    D, _, X = problem(seed, 10)
    codes = SparseCoder(D, n_active=n_active, method="omp").fit_transform(X)
    assert (np.count_nonzero(codes, axis=1) == n_active).all()
    without = SparseCoder(D, n_active=n_active, method="omp", nonnegative=True).fit_transform(X)
    assert (np.count_nonzero(without, axis=1) <= n_active).all()


def test_debiased_has_the_supports_of_map_and_their_signs():
    D, S, X = problem(8, 200)
    shrunk, free = (codes_of(method, D, S, X)[1] for method in ("map", "debiased"))
    assert ((free == 0) | (np.sign(free) == np.sign(shrunk))).all()
    assert (free == 0).sum() > (shrunk == 0).sum()
    error = [((X - codes @ D) ** 2).sum(axis=1) for codes in (shrunk, free)]
    assert (error[1] <= error[0] + 1e-9).all()


def test_it_works_in_a_pipeline():
    D, _, X = problem(9)
    pipeline = make_pipeline(StandardScaler(), SparseCoder(D, n_active=2)).fit(X)
    assert pipeline.transform(X).shape == (40, 9)
    assert pipeline[-1].n_features_in_ == 6
    assert pipeline[-1].get_feature_names_out()[0] == "sparsecoder0"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "exactly one of `n_active` and `penalty`, got n_active=None and penalty=None"),
        ({"n_active": 2, "penalty": 1.0}, "exactly one of `n_active` and `penalty`"),
        ({"method": "omp"}, "`n_active`, and no `penalty`, got n_active=None"),
        ({"method": "omp", "penalty": 1.0}, "`n_active`, and no `penalty`"),
        ({"method": "omp", "n_active": 1, "penalty": 1.0}, "`n_active`, and no `penalty`"),
        ({"method": "omp", "n_active": 1.5}, "`n_active` must be an integer"),
        ({"method": "oracle", "n_active": 2}, "neither `n_active` nor `penalty`"),
        ({"method": "oracle", "penalty": 2}, "neither `n_active` nor `penalty`"),
        ({"method": "oracle", "prior": "laplace"}, "`prior` means nothing to the method 'oracle'"),
        ({"method": "lars", "penalty": 1}, "`method` must be one of 'map', 'omp'"),
        ({"penalty": 0.0}, "`penalty` must be a finite number > 0"),
        ({"n_active": -1.0}, "`n_active` must be a finite number > 0"),
        ({"penalty": 1.0, "nonnegative": "yes"}, "`nonnegative` must be True or False"),
        (
            {"penalty": 1.0, "nonnegative": True, "prior": "laplace"},
            "`prior` must be one of sources that are never negative, .*got Laplace",
        ),
        ({"penalty": 1.0, "prior": Laplace([1.0, 2.0])}, r"\(n_components=9,\), got \(2,\)"),
        ({"n_active": 2, "prior": "smooth_laplace"}, "`prior` must have an l1 cost"),
        ({"penalty": 1, "offset": np.ones(5)}, r"`offset` must have shape \(n_features=6,\)"),
        ({"penalty": 1, "components": np.ones((9, 5))}, r"`X` must have shape .*n_features=5"),
        ({"penalty": 1, "components": np.full((9, 6), np.nan)}, "`components` must be finite"),
        ({"penalty": 1, "components": np.ones(6)}, "`components` must have shape"),
    ],
)
def test_contradictions_are_refused(changed, message):
    D, _, X = problem()
    with pytest.raises(ValueError, match=message):
        SparseCoder(**({"components": D} | changed)).fit(X)


def test_supports_are_for_the_oracle():
    D, S, X = problem()
    with pytest.raises(ValueError, match="`supports` mean nothing to the method 'map'"):
        SparseCoder(D, penalty=1.0).transform(X, supports=S != 0)
    oracle = SparseCoder(D, method="oracle").fit(X)
    for wrong, came in (
        (None, "None"),
        (S, "float64 of shape"),
        (S[:, 1:] != 0, r"bool of shape \(40, 8\)"),
    ):
        with pytest.raises(ValueError, match=rf"\(n_samples=40, n_components=9\), got {came}"):
            oracle.transform(X, supports=wrong)
    with pytest.raises(ValueError, match="`prior` must have an l1 cost"):
        SparseCoder(D, penalty=1.0, prior="smooth_laplace", method="debiased").transform(X)


@pytest.mark.parametrize("scale", [1e-160, 1.0, 1e160])
def test_lengths_of_atoms_only_scale_codes(scale):
    D, _, X = problem(10)
    plain = SparseCoder(D, method="omp", n_active=3).fit_transform(X)
    scaled = SparseCoder(scale * D, method="omp", n_active=3).fit_transform(X)
    np.testing.assert_allclose(scale * scaled, plain, rtol=1e-7)


def test_a_dictionary_is_checked():
    with pytest.raises(ValueError, match="`components` must be finite, got 1 values"):
        Dictionary.of_rows(np.array([[1.0, 0.0], [np.nan, 0.0]]))

    class Diverged:
        components_ = np.array([[1.0, 0.0], [np.nan, 0.0]])

    with pytest.raises(FloatingPointError, match="1 of 2 learned features are NaN"):
        Dictionary.of(Diverged())


@given(seed=st.integers(0, 10**6))
def test_a_dictionary_of_a_coder_speaks_in_units_of_the_samples(seed):
    D, S, X = problem(seed, 4)
    coder, codes = codes_of("omp", D, S, X, offset=np.ones(6))
    dictionary = Dictionary.of(coder)
    np.testing.assert_allclose(dictionary.norms, np.linalg.norm(D, axis=1))
    np.testing.assert_allclose(dictionary.gram, dictionary.mixing.T @ dictionary.mixing)
    in_units = dictionary.encode(coder, X)
    np.testing.assert_allclose(
        dictionary.decode(in_units), coder.inverse_transform(codes), atol=1e-9
    )
    np.testing.assert_array_equal(dictionary.unit().norms, np.ones(9))


def test_a_number_that_the_lasso_cannot_reach_is_refused():
    X = np.random.default_rng(0).standard_normal((50, 3))
    with pytest.raises(ValueError, match="`n_active` must be at most 3"):
        SparseCoder(np.eye(3), n_active=7.0).fit(X)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, "x"])
def test_a_penalty_that_is_set_is_checked(value):
    X = np.random.default_rng(0).standard_normal((50, 3))
    coder = SparseCoder(np.eye(3), n_active=1.5).fit(X)
    coder.penalty_ = value
    with pytest.raises(ValueError, match="`penalty_` must be"):
        coder.transform(X)


@given(seed=st.integers(0, 10**6))
def test_map_is_the_optimum_of_two_atoms(seed):
    rng = np.random.default_rng(seed)
    D, x = rng.standard_normal((2, 3)), rng.standard_normal(3)
    s = SparseCoder(D, penalty=0.3).transform(x[None])[0]
    grid = np.linspace(-3, 3, 121)
    u, v = np.meshgrid(grid, grid)
    W = np.stack([u.ravel(), v.ravel()], axis=1)

    def cost(S):
        return 0.5 * ((x - S @ D) ** 2).sum(axis=1) + 0.3 * np.abs(S).sum(axis=1)

    assert cost(s[None])[0] <= cost(W).min() + 1e-9
