"""Verdicts on sets whose answer is known by hand, and the witnesses that prove them."""

import numpy as np
import pytest
from sklearn.decomposition import FastICA

from overica.datasets import (
    DATASETS,
    ComposedFeatures,
    Mixture,
    ToyModel,
    make_composed,
    make_hierarchy,
    make_three_features,
)
from overica.datasets.identifiability import judge
from overica.datasets.identifiability.rays import active_needed
from overica.datasets.identifiability.sparsity import absorb, compare_l1, planar_l1
from overica.datasets.identifiability.strata import find_strata
from overica.metrics import match_components

IDEAL = ToyModel.antipodal(2, angle=0.3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def mixture(A, S, **known):
    A = A / np.linalg.norm(A, axis=0)
    nonnegative = bool((S >= 0).all())
    return Mixture(S @ A.T, A, S, 0.0, nonnegative, "by hand", **known)


def verdict(data):
    return judge(data.truth).identifiable


# What every registered set says of itself with its defaults.
EXPECTED = dict.fromkeys(DATASETS, True) | {"composed_correlated": False}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name.startswith("composed") else name
        for name in sorted(DATASETS)
    ],
)
def test_registered_sets(name):
    assert verdict(DATASETS[name](random_state=1)) is EXPECTED[name]


def test_parallel_columns_fail(rng):
    S = rng.laplace(size=(500, 3))
    A = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]])
    assert verdict(mixture(A, S, groups=np.arange(3))) is False
    # Opposite rays of non-negative sources are two columns on one line.
    assert verdict(mixture(A, np.abs(S), groups=np.arange(3))) is True
    assert verdict(mixture(np.abs(A), np.abs(S), groups=np.arange(3))) is False


def test_silent_sources_are_not_decided(rng):
    S = rng.exponential(size=(500, 3))
    S[:, 1] = 0
    described = mixture(np.eye(3), S, groups=np.arange(3)).describe()
    assert described.identifiable is None
    assert described.reason.startswith("1 of 3 sources are never active")
    parallel = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert verdict(mixture(parallel, S, groups=np.arange(3))) is False
    assert judge(mixture(np.eye(3), 0 * S).truth).identifiable is False


def test_gaussian_sources_are_not_decided(rng):
    A = np.array([[1.0, 0.6, 0.0], [0.0, 0.8, 1.0]])
    S = rng.standard_normal((20_000, 3))
    S[:, :2] = rng.laplace(size=(20_000, 2))
    assert verdict(mixture(A, S, groups=np.arange(3))) is None
    # As many lines as dimensions: one Gaussian source does no harm (Comon).
    assert verdict(mixture(A[:, 1:], S[:, 1:], groups=np.arange(2))) is True
    # Without the knowledge of independence nothing decides dense sources.
    assert verdict(mixture(A, rng.laplace(size=(500, 3)))) is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_correlated_amplitudes_have_a_sparser_basis(seed):
    """The objection to the composed set: the witness explains the very data, one code each."""
    data = make_composed(
        2000, model=IDEAL, amplitude_correlation=1.0, one_hot=0.0, random_state=seed
    )
    described = data.describe()
    assert described.identifiable is False
    B = described.witness
    assert B.shape == data.mixing.shape
    directions = data.X.T / np.linalg.norm(data.X, axis=1)
    np.testing.assert_allclose((B.T @ directions).max(axis=0), 1.0, atol=1e-9)
    # Diagonals of the true axes.
    np.testing.assert_allclose(np.abs(B.T @ data.mixing), np.sqrt(0.5), atol=1e-9)


def test_uncorrelated_amplitudes_are_identifiable_but_dearer_than_the_diagonals():
    described = make_composed(20_000, model=IDEAL, random_state=0).describe()
    assert described.identifiable is True
    assert described.sparsity_favours_others
    # E(s + t) = 1, sqrt(2) E max(s, t) = sqrt(2) 2 / 3 for uniform amplitudes.
    assert described.true_l1 == pytest.approx(1.0, abs=0.01)
    assert described.best_l1 == pytest.approx(np.sqrt(2) * 2 / 3, abs=0.01)


def test_independence_finds_the_axes_of_the_square():
    """What the verdict promises: the columns follow from the samples alone, by independence."""
    data = make_composed(20_000, model=IDEAL, random_state=0)
    ica = FastICA(whiten="unit-variance", fun="cube", random_state=0).fit(data.X)
    assert match_components(ica.mixing_, data.mixing[:, [0, 2]]).cosines.min() > 0.999


def test_dependent_places_in_the_plane_are_not_decided():
    assert verdict(make_composed(5000, model=IDEAL, correlation=0.5, random_state=0)) is None


@pytest.mark.parametrize(("one_hot", "expected"), [(0.75, True), (0.25, False)])
def test_one_hot_share_decides_between_rays(one_hot, expected):
    """Eight rays for four columns: true columns cost 2 - p, compositions 1 + p active codes."""
    data = make_composed(
        20_000, model=IDEAL, amplitude_correlation=1.0, one_hot=one_hot, random_state=0
    )
    described = data.describe()
    assert described.identifiable is expected
    assert described.true_l0 == pytest.approx(2 - one_hot, abs=0.02)
    tie = make_composed(20_000, model=IDEAL, amplitude_correlation=1.0, one_hot=0.5, random_state=0)
    assert verdict(tie) is None


def test_supports_decide_unless_sources_accompany_each_other(rng):
    n = 5000
    B = rng.random((n, 3)) < 0.4
    B[:, 1] = B[:, 0]
    S = B * rng.exponential(size=(n, 3))
    A = rng.standard_normal((4, 3))
    described = mixture(A, S, free_magnitudes=True).describe()
    assert described.identifiable is None
    assert "0 and 1 are never active without each other" in described.reason


def test_children_need_free_magnitudes(rng):
    n = 5000
    B = rng.random((n, 3)) < 0.4
    B[:, 1] &= B[:, 0]
    S = B * rng.uniform(0.5, 1.5, (n, 3))
    A = rng.standard_normal((4, 3))
    assert verdict(mixture(A, S, free_magnitudes=True)) is True
    assert verdict(mixture(A, S)) is None
    # A magnitude that follows the parent's leaves the child's column undetermined.
    S[:, 1] = B[:, 1] * (S[:, 0] + 0.1 * S[:, 1])
    assert verdict(mixture(A, S, free_magnitudes=True)) is None


def test_fixed_proportions_compete_with_columns(rng):
    n = 6000
    kind = np.arange(n) % 6
    S = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])[kind] * 1.0
    S *= rng.uniform(0.5, 1.5, (n, 1))
    S[:, 2] *= rng.exponential(size=n)
    A = rng.standard_normal((4, 3))
    # Signed codes could take the sum for a column; non-negative ones could not express the parts.
    assert verdict(mixture(A, S)) is True
    assert verdict(make_three_features(5000, proportion_spread=0.0, random_state=0)) is True
    # Columns that surround the plane express everything without negative codes.
    star = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    assert verdict(mixture(star, S)) is None
    signed = mixture(A, S * np.where(rng.random((n, 1)) < 0.5, 1, -1)).describe()
    assert signed.identifiable is None
    assert "sources 0, 1 keep fixed proportions" in signed.reason


def test_two_by_two_sets_in_three_dimensions_are_not_decided(rng):
    """The planes of four pairs meet in six lines, of which other four carry all the planes."""
    law = ComposedFeatures()
    F = law.sample(rng, 5000)
    A = rng.standard_normal((3, 4))
    assert verdict(mixture(A, F, free_magnitudes=False)) is None
    # In four dimensions the spans of disjoint pairs have nothing in common.
    assert verdict(mixture(rng.standard_normal((4, 4)), F)) is True


def test_columns_that_occur_alone_are_rays(rng):
    one_hot = make_composed(5000, model=IDEAL, one_hot=0.5, random_state=0).describe()
    assert one_hot.identifiable is True
    assert "occurs alone" in one_hot.reason


def test_supports_as_large_as_the_space_decide_nothing(rng):
    S = (rng.random((3000, 6)) < 0.5) * rng.exponential(size=(3000, 6))
    S = S[(S > 0).sum(axis=1) >= 3]
    assert verdict(mixture(rng.standard_normal((3, 6)), S, free_magnitudes=True)) is None


def test_absorbed_columns_explain_the_same_samples():
    data = make_hierarchy(3000, 8, 20, n_trees=2, random_state=0)
    B, Z = absorb(data.mixing, data.codes)
    np.testing.assert_allclose(Z @ B.T, data.codes @ data.mixing.T, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(B, axis=0), 1.0)
    assert Z.min() >= 0
    true, other = compare_l1(data.truth)
    assert other == pytest.approx(Z.sum(axis=1).mean())
    assert other < 0.97 * true
    # Roots and features outside the trees stay.
    parentless = [0, 1, *range(2 + 2 * 3 + 2 * 9, 20)]
    np.testing.assert_array_equal(B[:, parentless], data.mixing[:, parentless])


def test_planar_norm_is_the_least_one(rng):
    """Against all pairs of columns, of which a basic solution of the linear program is one."""
    for nonnegative in (True, False):
        angles = np.array([0.1, 1.4, 2.9, 4.0, 5.2])
        columns = angles if nonnegative else np.concatenate([angles, angles + np.pi])
        A = np.stack([np.cos(columns), np.sin(columns)])
        X = rng.standard_normal((40, 2))
        least = np.full(40, np.inf)
        for i in range(len(columns)):
            for j in range(i):
                if abs(np.linalg.det(A[:, [i, j]])) > 1e-9:
                    pair = np.linalg.solve(A[:, [i, j]], X.T)
                    cost = np.where((pair >= -1e-12).all(axis=0), pair.sum(axis=0), np.inf)
                    least = np.minimum(least, cost)
        assert planar_l1(X, angles, nonnegative) == pytest.approx(least.mean(), rel=1e-9)
    assert planar_l1(X, np.array([0.0, 1.0]), nonnegative=True) == np.inf


def test_fewest_active_codes():
    rays = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    assert active_needed(np.eye(3), rays, nonnegative=True).tolist() == [1, 2, 3]
    assert active_needed(-np.eye(3), rays, nonnegative=False).tolist() == [1, 2, 3]
    assert np.isinf(active_needed(-np.eye(3), rays, nonnegative=True)).all()


def test_strata_count_every_sample_once(rng):
    S = (rng.random((400, 5)) < 0.4) * rng.exponential(size=(400, 5))
    strata = find_strata(S)
    active = (S > 0).any(axis=1).mean()
    assert sum(s.share for s in strata) == pytest.approx(active)
    assert len({tuple(s.support) for s in strata}) == len(strata)
    assert all(s.full for s in strata)
    assert [s.share for s in strata] == sorted((s.share for s in strata), reverse=True)
