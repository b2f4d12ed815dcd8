"""The columns of a mixing matrix as a sheet of image tiles."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from overica.plots._style import as_matrix, new_axes


def plot_patches(
    mixing: ArrayLike,
    patch_shape: tuple[int, int],
    *,
    order: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show every basis vector as a patch of an image.

    Each tile is divided by its largest absolute value, so that mid-grey is 0 in all of them
    and a column's length does not show.

    Parameters
    ----------
    mixing : array-like of shape (height * width, n_components)
        Basis; its columns are patches in row-major order.
    patch_shape : (int, int)
        Height and width of a patch.
    order : array-like of int, optional
        Columns to show, in reading order, for example ``np.argsort(-activity)``; all of them
        as they stand if not given.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If `mixing` is not finite or does not fit `patch_shape`, or `order` is not a list of
        columns.

    Examples
    --------
    >>> import numpy as np
    >>> axes = plot_patches(np.random.default_rng(0).standard_normal((16, 10)), (4, 4))
    >>> axes.figure.savefig("basis.png")  # doctest: +SKIP
    """
    height, width = patch_shape
    A = as_matrix(mixing, "mixing", {"height * width": height * width, "n_components": None})
    if order is not None:
        A = A[:, _checked_order(order, A.shape[1])]
    sheet = _sheet(A, height, width)
    n_rows, n_columns = sheet.shape
    inches = 7.0 / max(sheet.shape)
    ax = new_axes(max(n_columns * inches, 1.0), max(n_rows * inches, 1.0)) if ax is None else ax
    ax.imshow(sheet, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return ax


def _sheet(A: np.ndarray, height: int, width: int) -> np.ndarray:
    """Tile the columns, as nearly square as possible, with one pixel of white between."""
    n_tiles = A.shape[1]
    n_columns = int(np.ceil(np.sqrt(n_tiles * height / width)))
    n_rows = -(-n_tiles // n_columns)
    largest = np.abs(A).max(axis=0)
    tiles = (A / np.where(largest > 0, largest, 1.0)).T.reshape(n_tiles, height, width)
    sheet = np.ones((n_rows * (height + 1) + 1, n_columns * (width + 1) + 1))
    for i, tile in enumerate(tiles):
        row, column = divmod(i, n_columns)
        top, left = 1 + row * (height + 1), 1 + column * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _checked_order(order: ArrayLike, n_components: int) -> np.ndarray:
    columns = np.asarray(order)
    if (
        columns.ndim != 1
        or columns.size == 0
        or not np.issubdtype(columns.dtype, np.integer)
        or columns.min() < 0
        or columns.max() >= n_components
    ):
        raise ValueError(
            f"`order` must be a list of columns in 0 .. {n_components - 1}, got {order!r}"
        )
    return columns
