"""Directions: found, counted, and the fit of the instantaneous model judged."""

import numpy as np
import pytest

from overica.datasets import load_talkers, make_talkers, spread_directions
from overica.separation.direction_clusters import DirectionMixture, nested_mixtures, spread_out
from overica.separation.mixing import fix_signs, learn_mixing
from overica.separation.one_source import OneSourcePoints, one_source_points
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
    near = (np.abs(points.directions @ A).max(axis=1) > 0.998).mean()
    thinnest = points.spreads < np.quantile(points.spreads, 0.2)
    everywhere = Z[:, 1:-1].reshape(2, -1)
    everywhere = everywhere / np.linalg.norm(everywhere, axis=0)
    assert near > 0.6
    assert near > 2 * (np.abs(A.T @ everywhere).max(axis=0) > 0.998).mean()
    assert (np.abs(points.directions[thinnest] @ A).max(axis=1) > 0.998).mean() > near + 0.1


def test_the_spread_of_a_point_says_how_far_off_it_is():
    # The law that clusters are built on: tangents over sqrt(kappa rho) are of Student's t, whatever the noise.
    data = load_talkers()
    column = np.array([np.cos(0.7), np.sin(0.7)])
    rng = np.random.default_rng(0)
    for decibels in (20, 30):
        x = data.signals[0, :32_000, None] * column
        x = x + x.std() * 10 ** (-decibels / 20) * rng.standard_normal(x.shape)
        points = one_source_points(Transform(data.sample_rate).forward(x), rng)
        cosines = np.abs(points.directions @ column)
        ratios = np.sqrt((1 / cosines**2 - 1) / (0.42 * points.spreads))
        # Quartiles of |t| with five degrees of freedom are .34, .73, 1.30.
        assert np.quantile(ratios, [0.25, 0.5, 0.75]) == pytest.approx([0.34, 0.73, 1.3], rel=0.3)


def about(angles, off, rho, rng):
    angles = np.asarray(angles) + off * rng.standard_t(5, len(angles))
    U = np.column_stack([np.cos(angles), np.sin(angles)])
    return OneSourcePoints(U, np.full(len(U), rho), 1.0)


def test_a_round_never_lowers_the_likelihood_and_nested_mixtures_find_the_sources():
    rng = np.random.default_rng(0)
    angles = rng.permutation(np.repeat([0.2, 1.3, 2.2], 500))
    points = about(angles, 0.02, 0.02**2 / 0.42, rng)
    mixture = DirectionMixture.beginning(spread_out(points, 5, rng))
    before = mixture.score(points)
    for _ in range(15):
        mixture = mixture.improved(points, 1)
        # Columns are moved by the accurate points, skirts come along: a little may be lost.
        assert mixture.score(points) >= before - 1e-4
        before = mixture.score(points)
    nested = nested_mixtures(points, spread_out(points, 8, rng))
    assert nested[3].score(points) > nested[2].score(points) + 0.05
    assert nested[max(nested)].score(points) < nested[3].score(points) + 0.02
    truth = np.stack([np.cos([0.2, 1.3, 2.2]), np.sin([0.2, 1.3, 2.2])])
    assert worst_cosine(nested[3].columns, truth) > 0.9999
    assert worst_cosine(nested[3].trimmed(points).columns, truth) > 0.9995


def test_columns_at_one_place_are_one_direction():
    angles = np.array([0.0, 0.01, 0.2, 1.0, 1.04])
    columns = np.stack([np.cos(angles), np.sin(angles)])
    shares = np.array([0.1, 0.05, 0.15, 0.2, 0.25])[:, None] * np.array([0.8, 0.1, 0.1])
    merged = DirectionMixture(columns, shares, 0.25).without_copies()
    assert merged.shares.sum(axis=1) == pytest.approx([0.45, 0.15, 0.15])
    np.testing.assert_array_equal(merged.columns, columns[:, [4, 2, 0]])
    rest = merged.kept(np.array([True, False, True]))
    assert rest.columns.shape == (2, 2)
    assert rest.shares.sum() + rest.anywhere == pytest.approx(1)


@pytest.mark.parametrize("n_talkers", [3, 4])
def test_a_talker_of_a_quarter_of_the_level_is_heard(n_talkers):
    data = make_talkers(n_talkers, random_state=1)
    levels = np.append(np.ones(n_talkers - 1), 0.25)
    Z = Transform(data.sample_rate).forward(data.sources * levels @ data.mixing.T)
    found = learn_mixing(Z, None, np.random.default_rng(0))
    assert found.supported == n_talkers
    assert worst_cosine(found.columns, data.mixing) > 0.9995


@pytest.mark.parametrize("n_channels", [2, 3, 5])
def test_the_uniform_density_is_one(n_channels):
    # Densities are relative to uniform directions: their mean over those is the share.
    U = np.random.default_rng(0).standard_normal((200_000, n_channels))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    mixture = DirectionMixture(np.eye(n_channels)[:, :2], np.full((2, 3), 0.1), 0.4)
    densities = mixture.densities(OneSourcePoints(U, np.full(len(U), 0.05), 1.0))
    np.testing.assert_allclose(densities.mean(axis=1), 0.1, rtol=0.1)


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


def test_noise_is_no_source():
    rng = np.random.default_rng(0)
    signals = load_talkers().signals[:2, :32_000]
    for n_sources, decibels in ((1, 20), (2, 10)):
        x = signals[:n_sources].T @ np.array([[0.94, 0.34], [0.42, 0.91]])[:n_sources]
        x = x + x.std() * 10 ** (-decibels / 20) * rng.standard_normal(x.shape)
        found = learn_mixing(Transform(8000.0).forward(x), None, rng)
        assert found.supported == n_sources
        # In loud noise there may be others that are not heard.
        assert (found.probabilities[n_sources] > 0.9) == (decibels == 20)


@pytest.mark.parametrize(("degrees", "most"), [((12, 45, 78), 0.2), ((12, 34, 56, 78), 0.5)])
def test_directions_of_pan_pots_are_not_pulled_inwards(degrees, most):
    talkers = load_talkers()
    angles = np.radians(degrees)
    A = np.stack([np.cos(angles), np.sin(angles)])
    x = (A @ talkers.signals[: len(degrees), :40_000]).T
    found = learn_mixing(Transform(talkers.sample_rate).forward(x), None, np.random.default_rng(0))
    assert found.supported == len(degrees)
    nearest = np.degrees(np.arccos(np.minimum(np.abs(A.T @ found.columns), 1))).min(axis=1)
    assert nearest.max() < most


def test_a_pop_is_no_source():
    # Ten milliseconds at ten times the peak, twice: in their windows they fill all frequencies with one direction.
    data = make_talkers(3, n_seconds=4.0, random_state=1)
    rng = np.random.default_rng(0)
    x = data.x.copy()
    for start in (8000, 22_000):
        pop = 10 * np.abs(x).max() * np.hanning(80) * rng.standard_normal(80)
        x[start : start + 80] += pop[:, None] * [0.9, -0.43]
    found = learn_mixing(Transform(data.sample_rate).forward(x), None, np.random.default_rng(0))
    assert found.supported == 3
    assert np.abs(found.columns.T @ data.mixing).max(axis=0).min() > np.cos(np.radians(0.5))


def test_what_two_sources_sound_together_is_no_third_on_many_channels():
    # Points about two columns, and points anywhere in the plane of both, which are no direction.
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    rho = 0.01**2 / 0.42
    angles = np.concatenate([np.zeros(800), np.full(800, np.pi / 2), rng.uniform(0, np.pi, 800)])
    U = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ A[:, :2].T
    U = U + 0.01 * rng.standard_normal(U.shape)
    U = rng.permutation(U / np.linalg.norm(U, axis=1, keepdims=True))
    points = OneSourcePoints(U, np.full(len(U), rho), 1.0)
    third = (A[:, :1] + A[:, 1:2]) / np.sqrt(2)
    two = DirectionMixture.beginning(A[:, :2]).improved(points)
    three = DirectionMixture.beginning(np.hstack([A[:, :2], third])).improved(points)
    assert three.score(points) > two.score(points) + 0.02
    assert three.score_with_planes(points) < two.score_with_planes(points) + 0.01


@pytest.mark.parametrize("n_channels", [3, 5])
def test_the_uniform_density_of_planes_is_one(n_channels):
    U = np.random.default_rng(0).standard_normal((100_000, n_channels))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    mixture = DirectionMixture.beginning(np.eye(n_channels)[:, :3])
    points = OneSourcePoints(U, np.full(len(U), 0.05), 1.0)
    assert mixture.between(points).mean() == pytest.approx(1, rel=0.1)
