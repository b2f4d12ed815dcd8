"""Plots show what they are given, reject what they cannot, and leave pyplot alone."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from overica.plots import plot_cosines, plot_history, plot_mixture_2d, plot_patches

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 2))
A = RNG.standard_normal((2, 3))
HISTORY = {"score": [-3.0, -2.0], "penalty": [1.0, 0.001], "norms": [[1.0, 2.0], [1.5, 2.5]]}


def png(figure):
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plot_mixture_2d(X, A, A, ax=ax),
        lambda ax: plot_patches(RNG.standard_normal((12, 7)), (3, 4), ax=ax),
        lambda ax: plot_cosines(A, A, ax=ax),
    ],
)
def test_draws_on_given_axes_or_its_own(draw):
    ax = Figure().subplots()
    assert draw(ax) is ax
    own = draw(None)
    assert own is not ax
    assert png(own.figure).startswith(b"\x89PNG")


def test_pyplot_holds_no_figures():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    plot_mixture_2d(X, A)
    plot_history(HISTORY)
    assert pyplot.get_fignums() == []


def test_arrows_keep_direction_and_ratio():
    ax = plot_mixture_2d(X, [[2.0, 0.0], [0.0, -1.0]])
    (arrows,) = [c for c in ax.collections if hasattr(c, "U")]
    U, V = np.asarray(arrows.U), np.asarray(arrows.V)
    np.testing.assert_allclose([U[1], V[0]], 0.0)
    assert U[0] > 0
    np.testing.assert_allclose(V[1], -U[0] / 2)


def test_many_points_are_thinned():
    ax = plot_mixture_2d(RNG.standard_normal((20_001, 2)), A)
    assert 2500 <= len(ax.collections[0].get_offsets()) <= 5000


def test_all_zero_mixture_still_draws():
    assert png(plot_mixture_2d(np.zeros((3, 2)), np.zeros((2, 2))).figure)


def test_tiles_hold_the_normalised_columns_in_order():
    basis = RNG.standard_normal((6, 5)) * [1, 10, 100, 0, 1e-9]
    sheet = np.asarray(plot_patches(basis, (2, 3), order=[4, 0, 3]).images[0].get_array())
    # Three tiles of 2 x 3 in two columns, a pixel of frame around each.
    assert sheet.shape == (7, 9)
    np.testing.assert_allclose(
        sheet[1:3, 1:4], basis[:, 4].reshape(2, 3) / np.abs(basis[:, 4]).max()
    )
    np.testing.assert_allclose(
        sheet[1:3, 5:8], basis[:, 0].reshape(2, 3) / np.abs(basis[:, 0]).max()
    )
    np.testing.assert_array_equal(sheet[4:6, 1:4], 0.0)


def test_history_panels():
    figure = plot_history(HISTORY)
    assert [ax.get_title("left") for ax in figure.axes] == ["score", "penalty", "norms"]
    assert [ax.get_yscale() for ax in figure.axes] == ["linear", "log", "linear"]
    assert [len(ax.lines) for ax in figure.axes] == [1, 1, 2]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2]
    assert len(plot_history(HISTORY, ["penalty"]).axes) == 1


def test_history_gaps_keep_their_step():
    figure = plot_history({"score": [None, -3.0, np.nan, -1.0], "late": [None, None, None]})
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [2, 4]
    assert line.get_ydata().tolist() == [-3.0, -1.0]
    assert png(figure)


def test_cosines_put_matches_on_the_diagonal():
    B = RNG.standard_normal((5, 4))
    learned = np.column_stack([RNG.standard_normal(5), -B[:, [2, 0, 3, 1]]])
    shown = np.asarray(plot_cosines(learned, B).images[0].get_array())
    assert shown.shape == (5, 4)
    np.testing.assert_allclose(shown.diagonal(), 1.0)
    nonnegative = np.asarray(plot_cosines(learned, B, nonnegative=True).images[0].get_array())
    assert nonnegative.min() == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_mixture_2d(np.ones((5, 3)), A), r"`X` must have shape .*got \(5, 3\)"),
        (lambda: plot_mixture_2d(X, np.ones((3, 3))), "`mixing` must have shape"),
        (lambda: plot_mixture_2d(X, A, np.ones((3, 3))), "`true_mixing` must have shape"),
        (lambda: plot_mixture_2d(np.full((5, 2), np.nan), A), "`X` must be finite"),
        (lambda: plot_patches(np.ones((10, 3)), (3, 3)), "`mixing` must have shape"),
        (lambda: plot_patches(np.ones((9, 3)), (3, 3), order=[3]), "`order` must be"),
        (lambda: plot_patches(np.ones((9, 3)), (3, 3), order=[0.5]), "`order` must be"),
        (lambda: plot_history({}), "`history` must hold"),
        (lambda: plot_history(HISTORY, ["x"]), r"`names` must be among .*got \['x'\]"),
        (lambda: plot_history({"a": ["x"]}), r"`history\['a'\]` must hold numbers"),
        (lambda: plot_history({"a": [[1, 2], [1, 2, 3]]}), "must hold numbers"),
        (lambda: plot_cosines(np.ones((2, 2)), np.ones((3, 2))), "`mixing_a` must have shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
