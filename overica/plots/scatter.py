"""Two mixtures as a scatter plot, with the columns of the mixing matrix as arrows."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from overica.plots._style import DATA, LEARNED, QUIET, TRUE, as_matrix, new_axes, quieten

# More dots only blacken the page.
_MAX_POINTS = 5000


def plot_mixture_2d(
    X: ArrayLike,
    mixing: ArrayLike,
    true_mixing: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw samples of two mixtures and the basis vectors that explain them.

    The arrows keep the ratio of the columns' lengths; the longest reaches the radius that
    holds 98 % of the samples.  True directions are dashed lines through the origin, since
    their sign and length are not identified.

    Parameters
    ----------
    X : array-like of shape (n_samples, 2)
        Samples; at most 5000, evenly spaced in order, are drawn.
    mixing : array-like of shape (2, n_components)
        Learned basis.
    true_mixing : array-like of shape (2, n_true), optional
        True basis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If an array is not finite or has another shape.

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> data = make_mixture(500, 2, 3, "bernoulli_laplace", random_state=0)
    >>> axes = plot_mixture_2d(data.X, data.mixing)
    >>> axes.figure.savefig("mixture.png")  # doctest: +SKIP
    """
    X = as_matrix(X, "X", {"n_samples": None, "n_features": 2})
    A = as_matrix(mixing, "mixing", {"n_features": 2, "n_components": None})
    ax = new_axes(5, 5) if ax is None else ax
    radius = float(np.quantile(np.linalg.norm(X, axis=1), 0.98)) or 1.0
    limit = 1.25 * radius

    shown = X[:: -(-len(X) // _MAX_POINTS)]
    ax.scatter(shown[:, 0], shown[:, 1], s=6, color=DATA, alpha=0.35, linewidths=0, rasterized=True)
    if true_mixing is not None:
        B = as_matrix(true_mixing, "true_mixing", {"n_features": 2, "n_true": None})
        for j, direction in enumerate((B / _norms(B)).T):
            ends = np.outer([-2 * limit, 2 * limit], direction)
            label = "true directions" if j == 0 else None
            ax.plot(*ends.T, color=TRUE, linestyle=(0, (5, 3)), linewidth=1.6, label=label)
    tips = A * (radius / _norms(A).max())
    ax.quiver(
        *np.zeros_like(tips),
        *tips,
        angles="xy",
        scale_units="xy",
        scale=1,
        color=LEARNED,
        width=0.009,
        zorder=3,
        label="learned basis",
    )
    ax.axhline(0, color=QUIET, linewidth=0.5, zorder=0)
    ax.axvline(0, color=QUIET, linewidth=0.5, zorder=0)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    ax.set(xlabel="mixture 1", ylabel="mixture 2")
    quieten(ax)
    ax.legend(loc="upper right", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")
    return ax


def _norms(A: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(A, axis=0)
    return np.where(norms > 0, norms, 1.0)
