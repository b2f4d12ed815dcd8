"""Directions: found, counted, and the fit of the instantaneous model judged."""

import numpy as np
import pytest

from overica.datasets import load_talkers, make_talkers, spread_directions
from overica.separation.direction_clusters import DirectionMixture, nested_mixtures, spread_out
from overica.separation.mixing import fix_signs, learn_mixing, one_source_points
from overica.separation.quality import one_source_vectors, share_explained, share_real
from overica.separation.stft import Transform


def worst_cosine(A, B):
    return np.abs(A.T @ B).max(axis=0).min()


def coefficients(n_talkers, seconds=5.0, offset=None):
    talkers = load_talkers()
    n_frames = round(seconds * talkers.sample_rate)
    # A fifth talker: a later stretch of the first.
    signals = np.vstack([talkers.signals, np.roll(talkers.signals[:1], 80_000, axis=1)])
    A = spread_directions(n_talkers, offset)
    x = (A @ signals[:n_talkers, :n_frames]).T
    return A, x, Transform(talkers.sample_rate).forward(x)


@pytest.mark.parametrize("n_talkers", [2, 3, 4, 5])
def test_directions_and_number_of_talkers(n_talkers):
    A, _, Z = coefficients(n_talkers, offset=0.2)
    found = learn_mixing(Z, None, np.random.default_rng(0))
    assert found.supported == n_talkers
    assert found.columns.shape == A.shape
    assert worst_cosine(found.columns, A) > 0.9995
    assert found.evidence[n_talkers] > found.evidence[n_talkers - 1]


def test_three_channels():
    data = make_talkers(4, 3, n_seconds=5.0, random_state=1)
    Z = Transform(data.sample_rate).forward(data.x)
    found = learn_mixing(Z, None, np.random.default_rng(0))
    assert found.columns.shape == (3, 4)
    assert worst_cosine(found.columns, data.mixing) > 0.9995


def test_points_are_directions_of_single_sources():
    A, _, Z = coefficients(3)
    points = one_source_points(Z, np.random.default_rng(0))
    U = points / np.linalg.norm(points, axis=1, keepdims=True)
    near = (np.abs(U @ A).max(axis=1) > 0.998).mean()
    everywhere = Z[:, 1:-1].reshape(2, -1)
    everywhere = everywhere / np.linalg.norm(everywhere, axis=0)
    assert near > 0.6
    assert near > 2 * (np.abs(A.T @ everywhere).max(axis=0) > 0.998).mean()


def test_a_round_never_lowers_the_likelihood_and_removal_is_small_for_copies():
    rng = np.random.default_rng(0)
    angles = np.concatenate([a + 0.05 * rng.standard_cauchy(500) for a in (0.2, 1.3, 2.2)])
    U = np.column_stack([np.cos(angles), np.sin(angles)])
    start = spread_out(U, 5, rng)
    mixture = DirectionMixture(start, np.full(5, 0.02), np.full(6, 1 / 6))
    before = mixture.score(U)
    for _ in range(15):
        mixture = mixture.improved(U, 1)
        assert mixture.score(U) >= before - 1e-9
        before = mixture.score(U)
    nested = nested_mixtures(U, start)
    assert nested[3].score(U) > nested[2].score(U) + 0.05
    assert nested[max(nested)].score(U) < nested[3].score(U) + 0.02
    truth = np.stack([np.cos([0.2, 1.3, 2.2]), np.sin([0.2, 1.3, 2.2])])
    assert worst_cosine(nested[3].merged().columns, truth) > 0.9995


def test_clusters_at_one_place_are_one_direction():
    angles, widths = np.array([0.0, 0.01, 0.2, 1.0, 1.04]), np.array([1e-3, 1e-3, 0.05, 1e-3, 2e-2])
    columns = np.stack([np.cos(angles), np.sin(angles)])
    mixture = DirectionMixture(columns, widths, np.full(6, 1 / 6))
    places = mixture.places()
    assert len(set(places[:3])) == len(set(places[3:])) == 1
    assert places.max() == 1
    merged = mixture.merged()
    assert merged.shares == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    np.testing.assert_allclose(np.linalg.norm(merged.columns, axis=0), 1)
    rest = mixture.without_least_needed(columns[:, 3:].T)
    assert rest.columns.shape == (2, 2)
    assert rest.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("n_talkers", [3, 4])
def test_a_talker_of_a_quarter_of_the_level_is_heard(n_talkers):
    data = make_talkers(n_talkers, random_state=1)
    levels = np.append(np.ones(n_talkers - 1), 0.25)
    Z = Transform(data.sample_rate).forward(data.sources * levels @ data.mixing.T)
    found = learn_mixing(Z, None, np.random.default_rng(0))
    assert found.supported == n_talkers
    assert worst_cosine(found.columns, data.mixing) > 0.9995


def test_the_uniform_density_is_one():
    # Densities are relative to uniform directions: their mean over those is the sum of the shares.
    U = np.random.default_rng(0).standard_normal((200_000, 3))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    mixture = DirectionMixture(np.eye(3)[:, :2], np.array([0.3, 0.05]), np.array([0.5, 0.3, 0.2]))
    assert mixture.densities(U).mean(axis=0) == pytest.approx([0.5, 0.3, 0.2], rel=0.05)


def test_signs():
    A = np.random.default_rng(0).standard_normal((3, 7))
    fixed = fix_signs(A)
    np.testing.assert_allclose(np.linalg.norm(fixed, axis=0), 1.0)
    assert (fixed[np.abs(fixed).argmax(axis=0), np.arange(7)] > 0).all()
    np.testing.assert_array_equal(fix_signs(-A), fixed)


def test_quality_tells_delays_and_reverberation_from_a_mixture():
    A, x, Z = coefficients(4)
    rng = np.random.default_rng(0)
    _, _, of_five = coefficients(5)
    assert share_real(one_source_vectors(of_five, rng)) > 0.8
    vectors = one_source_vectors(Z, rng)
    assert share_real(vectors) > 0.85
    assert share_explained(vectors, A) > share_explained(vectors, A[:, :2]) + 0.2
    signals = load_talkers().signals[:3, : len(x)]
    B = spread_directions(3)
    late = np.stack(
        [B[0] @ signals, sum(B[1, j] * np.roll(signals[j], 2 * j - 2) for j in range(3))]
    )
    delayed = one_source_vectors(Transform(8000).forward(late.T), rng)
    room = rng.standard_normal((2, 3, 800)) * np.exp(-np.arange(800) / 200)
    wet = np.stack([
        sum(np.convolve(signals[j], room[c, j])[: len(x)] for j in range(3)) for c in range(2)
    ])  # fmt: skip
    reverberant = one_source_vectors(Transform(8000).forward(wet.T), rng)
    assert share_real(delayed) < 0.6
    assert share_real(reverberant) < 0.6


def test_more_directions_than_there_are_is_an_error():
    rng = np.random.default_rng(0)
    Z = np.zeros((2, 40, 50), complex)
    which = rng.integers(2, size=(40, 50))
    noise = rng.standard_normal((40, 50)) + 1j * rng.standard_normal((40, 50))
    Z[0], Z[1] = np.where(which == 0, noise, 0), np.where(which == 1, noise, 0)
    with pytest.raises(ValueError, match="`n_sources` must be at most 2"):
        learn_mixing(Z, 4, rng)
