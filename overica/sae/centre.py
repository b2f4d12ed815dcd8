"""Where the training of an autoencoder puts zero: at the centre of data that lie far from their own zero."""

from __future__ import annotations

import numpy as np

from overica.random_state import generator
from overica.rows import Rows
from overica.rows.rows import some_rows

_LOOKED_AT = 4096
_MAX_ITER = 50
_TOL = 1e-4
_ROUNDING = 16


def starting_offset(X: np.ndarray | Rows, scale: float = 1.0) -> np.ndarray:
    """What is subtracted from samples before they are trained on, so that the decoder's bias starts there.

    Adam moves every entry of the bias by about the learning rate in a step. Where the data lie many times their
    spread from zero, it would spend the run on the way, and codes would stand for the offset meanwhile. So it starts
    from the geometric median c, about which samples have the typical (median) distance s:

        max(0, 1 - s^2 / |c|^2) c.

    Codes are not negative, so that their zero lies at the edge of the data, not in the middle. That of data within
    their spread of zero, ``|c| <= s``, is taken for zero: there nothing has to be reached, and a start in the middle
    makes features that are often active hard to find. Farther out, ``s^2 / |c|`` of the way is left, less than s.

    The median and s are those of up to 4,096 samples, always the same ones of as many. Rows of any length in a minority
    move them by no more than rows at the edge of the rest.

    Parameters
    ----------
    X : array (n_samples, n_features) or Rows
    scale : float
        By which X is divided, so that its squares are numbers.

    Returns
    -------
    array (n_features,)
        Double precision, in units of X / scale.

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((500, 2))
    >>> starting_offset(X), starting_offset(X + [30.0, 40.0]).round()
    (array([0., 0.]), array([30., 40.]))
    """
    rows = some_rows(X.shape[0], _LOOKED_AT, generator(0))
    points = np.asarray(X[rows], dtype=np.float64) / scale
    centre = geometric_median(points)
    distances = np.linalg.norm(points - centre, axis=1)
    length = float(np.linalg.norm(centre))
    spread = float(np.median(distances))
    # Samples that are all the same have no spread but that of rounding.
    same = distances.mean() <= _ROUNDING * float(np.finfo(X.dtype).eps) * length
    if same or length <= spread:
        return np.zeros_like(centre)
    return centre * (1.0 - (spread / length) ** 2)


def geometric_median(points: np.ndarray) -> np.ndarray:
    """The point with the smallest sum of distances from given ones, by Weiszfeld's iteration.

    Parameters
    ----------
    points : array (n_points, n_features)

    Returns
    -------
    array (n_features,)

    References
    ----------
    E. Weiszfeld (1937), "Sur le point pour lequel la somme des distances de n points donnes est minimum".

    Examples
    --------
    >>> geometric_median(np.array([[0.0], [1.0], [2.0], [1000.0], [0.5]])).round(2)
    array([1.])
    """
    # From a point that minorities of any size do not move far either.
    centre = np.median(points, axis=0)
    for _ in range(_MAX_ITER):
        distances = np.linalg.norm(points - centre, axis=1)
        typical = float(np.median(distances))
        if typical == 0.0:
            break
        # No point has more weight than one at a hundredth of the typical distance.
        weights = 1.0 / np.maximum(distances, 0.01 * typical)
        moved = weights @ points / weights.sum()
        step = float(np.linalg.norm(moved - centre))
        centre = moved
        if step < _TOL * typical:
            break
    return centre
