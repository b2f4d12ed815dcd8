"""Which learned column matches which true one, as a heat map."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from overica._deprecation import renamed_keyword
from overica.metrics import cosine_matrix, match_components
from overica.plots._style import new_axes


@renamed_keyword("signed", "nonnegative")
def plot_cosines(
    mixing_a: ArrayLike, mixing_b: ArrayLike, *, nonnegative: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw the cosines between the columns of two matrices, matched pairs on the diagonal.

    Columns are ordered by `overica.metrics.match_components`, best pairs first; what is left
    over in the wider matrix comes last.  A perfect recovery is a dark diagonal on the pale
    ground that the coherence of the basis itself gives; a duplicate is a second dark cell in a
    column of the picture, a blend of two sources two cells of middling darkness.

    Parameters
    ----------
    mixing_a : array-like of shape (n_features, n_a)
        Drawn as rows of the picture.
    mixing_b : array-like of shape (n_features, n_b)
        Drawn as columns of the picture.
    nonnegative : bool
        Whether a column and its negative differ; absolute cosines are shown if not.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If either is not a finite matrix, or their numbers of rows differ.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.eye(3)
    >>> axes = plot_cosines(A[:, ::-1], A)
    >>> np.asarray(axes.images[0].get_array()).diagonal()
    array([1., 1., 1.])
    """
    matching = match_components(mixing_a, mixing_b, nonnegative)
    cosines = cosine_matrix(mixing_a, mixing_b)
    best_first = np.argsort(-matching.cosines, kind="stable")
    rows = _then_the_rest(matching.learned_index[best_first], cosines.shape[0])
    columns = _then_the_rest(matching.true_index[best_first], cosines.shape[1])
    shown = cosines[np.ix_(rows, columns)]

    ax = new_axes(5.4, 4.6) if ax is None else ax
    image = ax.imshow(
        shown if nonnegative else np.abs(shown),
        cmap="RdBu_r" if nonnegative else "Blues",
        vmin=-1 if nonnegative else 0,
        vmax=1,
        interpolation="nearest",
    )
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8)
    bar.set_label("cosine" if nonnegative else "|cosine|", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    ax.set_title(
        f"{len(rows)} x {len(columns)} columns, mean of the matched {matching.cosines.mean():.3f}",
        fontsize=10,
        loc="left",
    )
    ax.set_xlabel("second matrix, ordered by the match", fontsize=9)
    ax.set_ylabel("first matrix, ordered by the match", fontsize=9)
    ax.set(xticks=[], yticks=[])
    return ax


def _then_the_rest(first: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([first, np.setdiff1d(np.arange(count), first)])
