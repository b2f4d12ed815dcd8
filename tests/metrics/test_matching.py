"""The matching is the best one-to-one pairing, checked against every permutation."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.metrics import cosine_matrix, match_components


@given(
    n_learned=st.integers(1, 5),
    n_true=st.integers(1, 5),
    nonnegative=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_pairing_is_better(n_learned, n_true, nonnegative, seed):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((3, n_learned)), rng.standard_normal((3, n_true))
    gain = cosine_matrix(A, B)
    gain = gain if nonnegative else np.abs(gain)
    tall = gain if n_learned >= n_true else gain.T
    best = max(
        sum(tall[row, column] for column, row in enumerate(rows))
        for rows in permutations(range(tall.shape[0]), tall.shape[1])
    )
    matching = match_components(A, B, nonnegative)
    assert matching.cosines.sum() == pytest.approx(best, abs=1e-12)
    assert len(set(matching.learned_index)) == len(set(matching.true_index)) == tall.shape[1]
    assert (np.diff(matching.true_index) > 0).all()
    np.testing.assert_allclose(
        matching.cosines, gain[matching.learned_index, matching.true_index], rtol=1e-12
    )


@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans())
def test_undoes_order_sign_and_length(seed, nonnegative):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((6, 9))
    order = rng.permutation(9)
    signs = np.ones(9) if nonnegative else rng.choice([-1.0, 1.0], 9)
    learned = (A * signs * rng.lognormal(size=9))[:, order]
    matching = match_components(learned, A, nonnegative)
    np.testing.assert_array_equal(order[matching.learned_index], np.arange(9))
    np.testing.assert_array_equal(matching.signs, signs)
    np.testing.assert_allclose(matching.cosines, 1.0)


def test_nonnegative_keeps_negative_cosines():
    matching = match_components([[-1.0]], [[2.0]], nonnegative=True)
    assert matching.cosines.tolist() == [-1.0]
    assert matching.signs.tolist() == [1.0]


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_any_scale(scale):
    A = np.random.default_rng(0).standard_normal((4, 5))
    np.testing.assert_allclose(cosine_matrix(scale * A, A), cosine_matrix(A, A), atol=1e-14)


def test_zero_column_matches_nothing():
    cosines = cosine_matrix(np.zeros((3, 2)), np.eye(3))
    np.testing.assert_array_equal(cosines, np.zeros((2, 3)))


def test_tensors_are_welcome():
    torch = pytest.importorskip("torch")
    A = torch.eye(3, dtype=torch.float32)
    assert match_components(A, A).cosines.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("mixing_a", "mixing_true", "message"),
    [
        (np.ones(3), np.ones((3, 2)), r"`mixing_a` must have shape .*got \(3,\)"),
        (np.ones((2, 2)), np.ones((3, 2)), r"`mixing_a` must have shape \(n_features=3"),
        (np.ones((3, 0)), np.ones((3, 2)), r"`mixing_a` must have shape .*got \(3, 0\)"),
        (np.ones((3, 2)), np.full((3, 2), np.nan), "`mixing_true` must be finite"),
    ],
)
def test_bad_input(mixing_a, mixing_true, message):
    with pytest.raises(ValueError, match=message):
        match_components(mixing_a, mixing_true)
