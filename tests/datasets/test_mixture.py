"""Splitting and describing a set; directions with given angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.datasets import make_compositional, make_hierarchy, make_mixture
from overica.datasets.drawn_directions import directions_with_cosines, orthogonal_directions
from overica.metrics import chance_level


@given(st.integers(2, 60), st.floats(0.05, 0.95))
def test_split_keeps_every_sample_once(n_samples, share):
    data = make_mixture(n_samples, 2, 3, random_state=0)
    if not 0 < round(share * n_samples) < n_samples:
        with pytest.raises(ValueError, match="must leave samples in both parts"):
            data.split(share)
        return
    train, evaluation = data.split(share)
    assert evaluation.n_samples == round(share * n_samples)
    np.testing.assert_array_equal(np.concatenate([train.X, evaluation.X]), data.X)
    np.testing.assert_array_equal(np.concatenate([train.codes, evaluation.codes]), data.codes)


def test_split_prefers_held_out_samples():
    data = make_compositional(30, 4, 200, n_held_out=50, random_state=0)
    train, evaluation = data.split()
    np.testing.assert_array_equal(train.X, data.X)
    np.testing.assert_array_equal(evaluation.X, data.held_out.X)
    assert train.held_out is None
    assert evaluation.held_out is None


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, np.nan])
def test_bad_share(share):
    with pytest.raises(ValueError, match="`share` must"):
        make_mixture(10, random_state=0).split(share)


def test_features_are_split_with_their_samples():
    from overica.datasets import ToyModel, make_composed

    data = make_composed(100, model=ToyModel.antipodal(2), random_state=0)
    train, evaluation = data.split(0.25)
    np.testing.assert_array_equal(train.features, data.features[:75])
    np.testing.assert_array_equal(evaluation.features, data.features[75:])


def test_chance_is_that_of_as_many_columns_with_signs_where_they_count():
    data = make_mixture(500, 3, 5, "exponential", random_state=0)
    expected = chance_level("mean_cosine", 3, 5, 5, nonnegative=True, random_state=0).mean
    assert data.describe().chance["mean_cosine"] == expected


def test_offset_is_part_of_the_samples_alone():
    plain = make_hierarchy(500, 4, 6, n_trees=1, random_state=0)
    shifted = make_hierarchy(500, 4, 6, n_trees=1, bias=3.0, random_state=0)
    assert np.linalg.norm(shifted.offset) == pytest.approx(3.0)
    np.testing.assert_allclose(shifted.X - shifted.offset, plain.X, atol=1e-12)
    assert plain.offset is None


def test_cosines_that_cannot_be():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="must be those of real vectors"):
        directions_with_cosines(rng, 3, np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]))
    with pytest.raises(ValueError, match="span 3 dimensions, got `n_features`=2"):
        directions_with_cosines(rng, 2, np.eye(3))
    with pytest.raises(ValueError, match="need as many features"):
        orthogonal_directions(rng, 2, 3)
