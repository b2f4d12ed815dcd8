"""Exactly k active sources in random directions: the plain case of sparse coding."""

import numpy as np

from overica._validation import check_choice, check_scalar
from overica.datasets._checks import check_sizes
from overica.datasets.drawn_directions import random_directions
from overica.datasets.mixture import Mixture, assemble
from overica.datasets.sources import SOURCES


def make_sparse_random(
    n_samples: int = 20_000,
    n_features: int = 16,
    n_components: int = 32,
    n_active: int = 3,
    *,
    sources: str = "exponential",
    noise: float = 0.01,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Sums of exactly `n_active` of `n_components` random directions, non-negative by default.

    ``x = (A s + e) / c`` as in `make_mixture`, with the columns of A uniform on the sphere; the
    active sources are a uniform subset of size k, their magnitudes independent of it.

    Parameters
    ----------
    n_samples, n_features, n_components : int
        Sizes, each at least 1; n_components may exceed n_features.
    n_active : int
        Number k of non-zero codes in every sample, at most `n_components`.
    sources : str
        Name in `SOURCES` of the law of an active source: "exponential", or "laplace" for signed
        ones; both have E|s| = 1.
    noise : float
        Standard deviation of the noise as a share of that of the noiseless mixtures.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture
        Scaled so that ``std(X) = 1``.

    Raises
    ------
    ValueError
        If an argument is out of its range, or `sources` is unknown.

    Examples
    --------
    >>> data = make_sparse_random(random_state=0)
    >>> data.X.shape, data.mixing.shape
    ((20000, 16), (16, 32))
    >>> set((data.codes > 0).sum(axis=1).tolist())
    {3}
    """
    check_sizes(n_samples=n_samples, n_features=n_features, n_components=n_components)
    check_sizes(n_active=n_active)
    if n_active > n_components:
        raise ValueError(f"`n_active` must be at most {n_components}, got {n_active}")
    noise = check_scalar(noise, "noise")
    law = SOURCES[check_choice(sources, "sources", SOURCES)]
    rng = np.random.default_rng(random_state)

    A = random_directions(rng, n_features, n_components)
    S = np.zeros((n_samples, n_components))
    active = random_subsets(rng, n_samples, n_components, n_active)
    np.put_along_axis(S, active, law.sample(rng, (n_samples, n_active), 1.0), axis=1)
    return assemble(
        rng,
        A,
        S,
        noise,
        nonnegative=law.nonnegative,
        description=f"{n_features}x{n_components} {sources}, {n_active} active, noise {noise:.3g}",
        name="sparse_random",
        free_magnitudes=True,
    )


def random_subsets(
    rng: np.random.Generator, n_samples: int, n_components: int, n_active: int
) -> np.ndarray:
    """Draw subsets (n_samples, n_active) of 0..n_components - 1, uniform among those of the size.

    Examples
    --------
    >>> import numpy as np
    >>> random_subsets(np.random.default_rng(0), 5, 4, 4).sum(axis=1).tolist()
    [6, 6, 6, 6, 6]
    """
    if n_active == 0:
        return np.empty((n_samples, 0), dtype=np.int64)
    # The first k places of a random permutation are a uniform k-subset.
    keys = rng.random((n_samples, n_components))
    return keys.argpartition(n_active - 1, axis=1)[:, :n_active]
