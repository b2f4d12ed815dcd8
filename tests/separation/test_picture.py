"""The picture of a separation: what is drawn where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.separation.directions import direction_degrees
from overica.separation.picture import plot_separation
from tests.separation.sounds import RATE, bursts, mixing


@given(angle=st.floats(-89.9, 90), sign=st.sampled_from([-1.0, 1.0]), length=st.floats(0.01, 100))
def test_directions_have_neither_sign_nor_length(angle, sign, length):
    radians = np.radians(angle)
    column = sign * length * np.array([[np.cos(radians)], [np.sin(radians)]])
    found = direction_degrees(column)[0]
    assert -90 < found <= 90
    assert found == pytest.approx(angle, abs=1e-6)


@pytest.mark.parametrize("n_sources", [1, 3, 7])
def test_a_panel_for_each_source_and_a_line_for_each_direction(n_sources):
    S, A = bursts(n_sources, 1.0), mixing(n_sources)
    figure = plot_separation(S @ A.T, RATE, S, A)
    directions, *panels, _bar = figure.axes
    titles = [ax.get_title(loc="left") for ax in panels]
    assert titles == ["mixture", *(f"source {j + 1}" for j in range(n_sources))]
    lines = [line for line in directions.get_lines() if str(line.get_label()).startswith("source")]
    for line, column in zip(lines, A.T, strict=True):
        end = np.array([line.get_xdata()[-1], line.get_ydata()[-1]])
        np.testing.assert_allclose(end / np.linalg.norm(end), column, atol=1e-12)


def test_the_scatter_lies_on_the_directions_of_single_sources():
    S, A = bursts(1, 1.0), mixing(3)[:, :1]
    directions = plot_separation(S @ A.T, RATE, S, A).axes[0]
    points = np.asarray(directions.collections[0].get_offsets())
    across = points @ np.array([-A[1, 0], A[0, 0]])
    assert np.abs(across).max() < 1e-6 * np.abs(points).max()


def test_power_stands_where_the_sound_is():
    time = np.arange(RATE) / RATE
    S = np.stack([np.sin(2 * np.pi * 1000 * time) * (time > 0.5)], 1)
    image = plot_separation(S @ np.ones((1, 2)), RATE, S, np.ones((2, 1))).axes[2].get_images()[0]
    power = image.get_array()
    row, column = np.unravel_index(power.argmax(), power.shape)
    assert row / (power.shape[0] - 1) * 4 == pytest.approx(1.0, abs=0.05)
    assert column > power.shape[1] / 2
    assert power[:, : power.shape[1] // 3].max() == -60


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("n_frames", [10, 3000])
def test_other_numbers_of_channels_short_and_silent_recordings(n_channels, n_frames):
    A = np.ones((n_channels, 2))
    S = np.zeros((n_frames, 2))
    figure = plot_separation(S @ A.T, RATE, S, A)
    figure.canvas.draw()
    assert len(figure.axes) == 5


def test_refusals():
    S, A = bursts(2, 0.2), mixing(2)
    with pytest.raises(ValueError, match="sources"):
        plot_separation(S @ A.T, RATE, S[:-1], A)
    with pytest.raises(ValueError, match="mixing"):
        plot_separation(S @ A.T, RATE, S, A.T[:1])
    with pytest.raises(ValueError, match="sample_rate"):
        plot_separation(S @ A.T, 0, S, A)
