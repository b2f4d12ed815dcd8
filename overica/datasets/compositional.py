"""Non-negative k-sparse codes in as few dimensions as compressed sensing allows."""

import numpy as np

from overica._validation import check_scalar
from overica.datasets._checks import check_sizes
from overica.datasets.drawn_directions import random_directions
from overica.datasets.mixture import Mixture
from overica.datasets.sparse_random import random_subsets


def make_compositional(
    n_components: int = 100,
    n_active: int = 10,
    n_samples: int = 5000,
    *,
    n_held_out: int = 0,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Sums of exactly `n_active` of `n_components` random directions, weights uniform on (0, 1).

    ``x = A s`` without noise, in ``n_features = ceil(2 k ln(n / k))`` dimensions, about twice
    as many as sparse recovery of a k-sparse code needs.  X is not rescaled.

    Without held-out samples the active set is a uniform k-subset.  With them, some
    co-activations are kept for evaluation.  Let the novel directions be the last
    ``floor(n / 2)``.  In the samples to learn from, direction 0 is active in every other one,
    then with k - 1 familiar directions; the other half are k-subsets of all but 0.  In
    every held-out sample direction 0 is active with k - 1 novel directions: each is known,
    but never were two of them, 0 and another, active together.

    Parameters
    ----------
    n_components : int
        Number n of directions.
    n_active : int
        Number k of non-zero codes in every sample, below `n_components`; at most a half of it
        with held-out samples.
    n_samples : int
        Number of samples.
    n_held_out : int
        Number of samples out of the distribution, in `Mixture.held_out`; the reference has half
        as many as samples.
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
    Barin Pacela, Joshi et al. (2026), "Stop probing, start coding: why linear probes and sparse
    autoencoders fail at compositional generalisation".

    Examples
    --------
    >>> data = make_compositional(100, random_state=0)
    >>> data.X.shape
    (5000, 47)
    >>> int((data.codes > 0).sum(axis=1).min()), int((data.codes > 0).sum(axis=1).max())
    (10, 10)
    >>> make_compositional(n_held_out=2500, random_state=0).held_out.X.shape
    (2500, 47)
    """
    check_sizes(n_components=n_components, n_active=n_active, n_samples=n_samples)
    check_scalar(n_held_out, "n_held_out", integer=True)
    if n_active >= n_components:
        raise ValueError(f"`n_active` must be below `n_components`={n_components}, got {n_active}")
    if n_held_out and n_active > n_components // 2:
        raise ValueError(
            f"`n_active` must be at most half of `n_components`={n_components} with held-out "
            f"samples, got {n_active}"
        )
    rng = np.random.default_rng(random_state)
    n_features = int(np.ceil(2 * n_active * np.log(n_components / n_active)))
    A = random_directions(rng, n_features, n_components)
    dimensions = f"{n_active} of {n_components} in {n_features} dimensions"

    def mix(active: np.ndarray, description: str, held_out: Mixture | None = None) -> Mixture:
        S = np.zeros((len(active), n_components))
        # 1 - [0, 1) is (0, 1]: an active code is never exactly zero.
        np.put_along_axis(S, active, 1.0 - rng.random(active.shape), axis=1)
        return Mixture(
            X=S @ A.T,
            mixing=A,
            codes=S,
            noise_variance=0.0,
            nonnegative=True,
            description=description,
            name="compositional_held_out" if n_held_out else "compositional",
            held_out=held_out,
            free_magnitudes=True,
        )

    if not n_held_out:
        active = random_subsets(rng, n_samples, n_components, n_active)
        return mix(active, f"compositional, {dimensions}")
    first_novel = n_components - n_components // 2
    n_with = n_samples // 2
    familiar = 1 + random_subsets(rng, n_with, first_novel - 1, n_active - 1)
    without = 1 + random_subsets(rng, n_samples - n_with, n_components - 1, n_active)
    novel = first_novel + random_subsets(rng, n_held_out, n_components // 2, n_active - 1)
    return mix(
        rng.permutation(np.concatenate([_with_first(familiar), without])),
        f"compositional, {dimensions}, evaluated out of distribution",
        mix(_with_first(novel), f"compositional, {dimensions}, novel co-activations"),
    )


def _with_first(active: np.ndarray) -> np.ndarray:
    return np.pad(active, ((0, 0), (1, 0)))
