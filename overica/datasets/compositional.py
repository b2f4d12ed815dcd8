"""Non-negative k-sparse codes in as few dimensions as compressed sensing allows."""

import numpy as np

from overica.datasets._checks import check_sizes
from overica.datasets.directions import random_directions
from overica.datasets.mixture import Mixture
from overica.datasets.sparse_random import random_subsets


def make_compositional(
    n_components: int = 100,
    n_active: int = 10,
    n_samples: int = 5000,
    *,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Sums of exactly `n_active` of `n_components` random directions, weights uniform on (0, 1).

    ``x = A s`` without noise, in ``n_features = ceil(2 k ln(n / k))`` dimensions, about twice
    as many as sparse recovery of a k-sparse code needs.  X is not rescaled.

    Parameters
    ----------
    n_components : int
        Number n of directions.
    n_active : int
        Number k of non-zero codes in every sample, below `n_components`.
    n_samples : int
        Number of samples.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture
        With `noise_variance` 0 and non-negative codes.

    Raises
    ------
    ValueError
        If a size is out of its range.

    References
    ----------
    The compositional data set of "Stop probing, start coding" (its in-distribution part).

    Examples
    --------
    >>> data = make_compositional(100, random_state=0)
    >>> data.X.shape
    (5000, 47)
    >>> int((data.codes > 0).sum(axis=1).min()), int((data.codes > 0).sum(axis=1).max())
    (10, 10)
    """
    check_sizes(n_components=n_components, n_active=n_active, n_samples=n_samples)
    if n_active >= n_components:
        raise ValueError(f"`n_active` must be below `n_components`={n_components}, got {n_active}")
    rng = np.random.default_rng(random_state)
    n_features = int(np.ceil(2 * n_active * np.log(n_components / n_active)))

    A = random_directions(rng, n_features, n_components)
    active = random_subsets(rng, n_samples, n_components, n_active)
    S = np.zeros((n_samples, n_components))
    # 1 - [0, 1) is (0, 1]: an active code is never exactly zero.
    np.put_along_axis(S, active, 1.0 - rng.random((n_samples, n_active)), axis=1)
    return Mixture(
        X=S @ A.T,
        mixing=A,
        codes=S,
        noise_variance=0.0,
        nonnegative=True,
        description=f"compositional, {n_active} of {n_components} in {n_features} dimensions",
        name="compositional",
        free_magnitudes=True,
    )
