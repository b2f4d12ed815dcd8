"""Recorded talkers, and their mixtures in known directions."""

from pathlib import Path

import numpy as np
import pytest

import overica.datasets
from overica.datasets import load_talkers, make_talkers, spread_directions


def test_recordings_come_with_their_licence():
    talkers = load_talkers()
    assert talkers.signals.shape == (4, 160_000)
    np.testing.assert_allclose(talkers.signals.std(axis=1), 1.0)
    np.testing.assert_allclose(talkers.signals.mean(axis=1), 0.0, atol=1e-12)
    licence = Path(overica.datasets.__file__).parent / "speech" / "LICENSE.md"
    assert "CC BY-SA 3.0" in licence.read_text(encoding="utf-8")


def test_directions_divide_the_half_turn():
    A = spread_directions(5, 0.1)
    angles = np.arctan2(A[1], A[0])
    np.testing.assert_allclose(np.diff(angles), np.pi / 5)
    assert angles[0] == pytest.approx(0.1)


@pytest.mark.parametrize(("n_talkers", "n_channels"), [(1, 2), (3, 2), (4, 2), (4, 3)])
def test_mixture_is_the_sum(n_talkers, n_channels):
    data = make_talkers(n_talkers, n_channels, n_seconds=0.5, random_state=2)
    assert data.x.shape == (4000, n_channels)
    np.testing.assert_allclose(data.x, data.sources @ data.mixing.T)
    np.testing.assert_allclose(np.linalg.norm(data.mixing, axis=0), 1.0)
    cosines = np.abs(data.mixing.T @ data.mixing) - np.eye(n_talkers)
    assert cosines.max() < 0.9
    again = make_talkers(n_talkers, n_channels, n_seconds=0.5, random_state=2)
    np.testing.assert_array_equal(again.x, data.x)
    assert again.names == data.names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((5,), "at most 4"), ((0,), "n_talkers"), ((2, 1), "n_channels")],
)
def test_numbers_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_talkers(*arguments)
