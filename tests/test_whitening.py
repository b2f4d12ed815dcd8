"""A fit of white samples does not depend on how features were mixed, and "auto" whitens where that helps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica import OvercompleteICA
from overica.datasets import make_mixture, make_sparse_but_wrong, make_three_features
from overica.metrics import match_components, share_recovered
from overica.ranges import unit_columns

SPARSE = make_mixture(3000, 4, 6, "sparse_laplace", n_active=2, random_state=0)
POSITIVE = make_mixture(3000, 4, 6, "sparse_exponential", n_active=2, random_state=0)
SHORT = {"max_iter": 30, "n_restarts": 1, "whiten": True, "random_state": 0}
QUIET = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def worst(ica, mixing, *, nonnegative=False):
    return match_components(
        unit_columns(ica.mixing_), unit_columns(mixing), nonnegative
    ).cosines.min()


@st.composite
def invertible(draw, n=4):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    stretch = 10.0 ** np.array(draw(st.lists(st.floats(-2, 2), min_size=n, max_size=n)))
    return (left * stretch) @ right


@QUIET
@given(T=invertible())
@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("data", [SPARSE, POSITIVE], ids=["laplace", "exponential"])
def test_the_fit_of_mixed_samples_is_the_fit_mapped(data, T):
    prior = "exponential" if data.nonnegative else "laplace"
    plain, mixed = (OvercompleteICA(6, prior=prior, **SHORT).fit(X) for X in (data.X, data.X @ T.T))
    columns = T @ (plain.mixing_ * plain.scales_)
    size = np.linalg.norm(columns)
    np.testing.assert_allclose(mixed.mixing_ * mixed.scales_, columns, atol=1e-4 * size)
    rows = slice(0, 200)
    np.testing.assert_allclose(
        mixed.transform(data.X[rows] @ T.T) / mixed.scales_,
        plain.transform(data.X[rows]) / plain.scales_,
        atol=1e-3,
    )
    moved = mixed.score_samples(data.X[rows] @ T.T) + np.linalg.slogdet(T)[1]
    np.testing.assert_allclose(moved, plain.score_samples(data.X[rows]), atol=1e-2)


@QUIET
@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e3, 1e9])
def test_a_sensor_in_other_units(factor):
    stretch = np.array([1.0, factor, 1.0, 1.0])
    plain, other = (OvercompleteICA(6, **SHORT).fit(X) for X in (SPARSE.X, SPARSE.X * stretch))
    np.testing.assert_allclose(
        other.mixing_ * other.scales_ / stretch[:, None], plain.mixing_ * plain.scales_, atol=1e-4
    )


@pytest.mark.parametrize("seed", range(3))
def test_square_mixtures_without_noise(seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((3, 3))
    X = rng.laplace(size=(5000, 3)) @ A.T
    ica = OvercompleteICA(3, n_restarts=2, random_state=0).fit(X)
    assert ica.units_.whitened
    assert worst(ica, A) > 0.99


@pytest.mark.parametrize("sensor", [1.0, 1000.0])
def test_columns_of_unequal_length(sensor):
    rng = np.random.default_rng(770_003)
    A = unit_columns(rng.standard_normal((16, 32))) * np.exp(0.5 * rng.standard_normal(32))
    X = (rng.laplace(size=(20_000, 32)) * (rng.random((20_000, 32)) < 0.125)) @ A.T
    X += 0.01 * X.std() * rng.standard_normal(X.shape)
    units = np.r_[sensor, np.ones(15)]
    ica = OvercompleteICA(32, random_state=0).fit(X * units)
    cosines = match_components(unit_columns(ica.mixing_ / units[:, None]), unit_columns(A)).cosines
    assert cosines.min() > 0.98


def test_correlated_features_in_fewer_dimensions_than_sensors():
    data = make_sparse_but_wrong(random_state=0)
    ica = OvercompleteICA(50, prior="exponential", random_state=0).fit(data.X)
    assert ica.units_.n_dimensions == 50
    assert ica.mixing_.shape == (100, 50)
    assert worst(ica, data.mixing, nonnegative=True) > 0.98
    codes = ica.transform(data.X[:500])
    error = ica.inverse_transform(codes) - data.X[:500]
    assert (error**2).sum() < 0.02 * (data.X[:500] ** 2).sum()


@pytest.mark.parametrize("frequency", [0.01, 0.005])
@pytest.mark.parametrize("seed", range(2))
def test_a_rare_feature_is_no_weak_one(frequency, seed):
    data = make_three_features(frequencies=(0.4, 0.4, frequency), random_state=seed)
    ica = OvercompleteICA(3, prior="exponential", random_state=seed).fit(data.X)
    assert worst(ica, data.mixing, nonnegative=True) > 0.98


def embedded(noise):
    """Eight dimensions of sources in sixteen sensors, and noise in all of them."""
    rng = np.random.default_rng(5)
    data = make_mixture(10_000, 8, 16, "sparse_laplace", n_active=3, random_state=5)
    Q = np.linalg.qr(rng.standard_normal((16, 16)))[0][:, :8]
    X = data.X @ Q.T
    return X + noise * X.std() * rng.standard_normal(X.shape), Q @ data.mixing


def test_directions_of_noise_alone_are_not_blown_up():
    X, A = embedded(0.01)
    ica = OvercompleteICA(16, random_state=0).fit(X)
    variances = np.linalg.eigvalsh(np.cov(ica.units_.forward(X).T))
    assert variances[0] < 0.1 * variances[-1]
    assert worst(ica, A) > 0.99
    white = OvercompleteICA(16, whiten=True, random_state=0).fit(X)
    np.testing.assert_allclose(np.cov(white.units_.forward(X).T), np.eye(16), atol=0.05)
    assert ica.score(X) > white.score(X)


def test_noise_in_units_of_x():
    X, _ = embedded(0.1)
    sigma2 = (0.1 / np.sqrt(1.01) * X.std()) ** 2
    learned = OvercompleteICA(16, random_state=0).fit(X)
    assert 0.3 * sigma2 < learned.noise_variance_ < 3 * sigma2
    given_ = OvercompleteICA(16, noise_variance=sigma2, max_iter=60, random_state=0)
    assert given_.fit(X).noise_variance_ == pytest.approx(sigma2)


@pytest.mark.parametrize("whiten", [True, "auto"])
def test_of_copied_sensors_rank_and_density(whiten):
    X = SPARSE.X[:, [0, 1, 2, 3, 0, 1]] * [1, 1, 1, 1, 2, -1]
    ica = OvercompleteICA(6, whiten=whiten, random_state=0).fit(X)
    assert ica.units_.n_dimensions == 4
    assert share_recovered(unit_columns(ica.mixing_[:4]), SPARSE.mixing) == 1
    np.testing.assert_allclose(ica.mixing_[4:], ica.mixing_[:2] * [[2], [-1]], atol=1e-6)
    # Per volume within the space of the samples: the map from four sensors to it stretches volumes by |M'M|^(1/2).
    M = np.eye(4)[[0, 1, 2, 3, 0, 1]] * np.array([[1], [1], [1], [1], [2], [-1]])
    few = OvercompleteICA(6, whiten=True, random_state=0).fit(SPARSE.X)
    volume = np.linalg.slogdet(M.T @ M)[1] / 2
    assert ica.score(X) == pytest.approx(few.score(SPARSE.X) - volume, abs=0.5)


@QUIET
@pytest.mark.parametrize("whiten", [False, True, "auto"])
def test_a_given_start_is_in_units_of_x(whiten):
    T = np.diag([1.0, 30.0, 1.0, 0.05])
    start = T @ SPARSE.mixing * np.arange(1, 7)
    ica = OvercompleteICA(
        6, init=start, max_iter=1, learning_rate=1e-6, whiten=whiten, random_state=0
    )
    ica.fit(SPARSE.X @ T)
    np.testing.assert_allclose(np.abs(unit_columns(start).T @ ica.mixing_).diagonal(), 1, atol=1e-3)
    with pytest.raises(ValueError, match=r"`init` must have shape .*\(4, 6\), got \(6, 4\)"):
        ica.set_params(init=start.T).fit(SPARSE.X)


@QUIET
def test_little_to_choose_is_not_raced(monkeypatch):
    """Equal variances, too few rows, and rules that collapse: no run is spent on them."""
    from overica.learning import racing

    def never(*_):
        raise AssertionError("raced")

    monkeypatch.setattr(racing, "_evidence", never)
    rng = np.random.default_rng(0)
    round_ = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    X = rng.laplace(size=(1000, 4)) @ round_
    short = {"max_iter": 20, "n_restarts": 1, "random_state": 0}
    assert OvercompleteICA(4, **short).fit(X).units_.whitened
    stretched = X * [1, 2, 3, 4]
    assert not OvercompleteICA(4, rule="natural", **short).fit(stretched).units_.whitened
    assert not OvercompleteICA(4, **short).fit(stretched[:30]).units_.whitened
    with pytest.raises(AssertionError, match="raced"):
        OvercompleteICA(4, **short).fit(stretched)


def test_what_auto_chooses_is_what_would_have_been_asked_for():
    X = SPARSE.X * [1, 1, 4, 16]
    chosen, asked = (
        OvercompleteICA(6, max_iter=60, n_restarts=1, whiten=whiten, random_state=0).fit(X)
        for whiten in ("auto", True)
    )
    assert chosen.units_.whitened
    np.testing.assert_array_equal(chosen.mixing_, asked.mixing_)
    assert chosen.n_iter_ == asked.n_iter_


def test_streams_whiten_only_if_asked():
    T = np.diag([1.0, 1.0, 10.0, 100.0])
    for whiten in (True, "auto"):
        ica = OvercompleteICA(6, max_iter=100, whiten=whiten, random_state=0)
        for _ in range(150):
            ica.partial_fit(SPARSE.X @ T)
        assert ica.units_.whitened == (whiten is True)
        if whiten is True:
            cosines = match_components(unit_columns(np.linalg.solve(T, ica.mixing_)), SPARSE.mixing)
            assert np.median(cosines.cosines) > 0.98


def test_pruning_keeps_the_units():
    X = SPARSE.X * [1, 1, 4, 16]
    ica = OvercompleteICA(8, overprovision=1, whiten=True, max_iter=150, random_state=0).fit(X)
    units = ica.units_
    ica.prune(X)
    assert ica.units_.whitener is units.whitener
    assert (
        share_recovered(
            unit_columns(ica.mixing_), unit_columns(SPARSE.mixing * [[1], [1], [4], [16]])
        )
        == 1
    )


@pytest.mark.parametrize("value", ["yes", None, 2])
def test_other_words_are_refused(value):
    with pytest.raises(ValueError, match=r"`whiten` must be True, False or \"auto\", got"):
        OvercompleteICA(6, whiten=value).fit(SPARSE.X)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_all_correlated_features(seed):
    data = make_sparse_but_wrong(random_state=seed)
    ica = OvercompleteICA(50, prior="exponential", random_state=seed).fit(data.X)
    assert worst(ica, data.mixing, nonnegative=True) > 0.98


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("n", "n_samples"), [(3, 20_000), (5, 5000), (10, 20_000)])
def test_square_dense_mixtures(seed, n, n_samples):
    rng = np.random.default_rng(seed)
    S = rng.laplace(size=(n_samples, n))
    A = rng.standard_normal((n, n))
    assert worst(OvercompleteICA(n, random_state=0).fit(S @ A.T), A) > 0.99
