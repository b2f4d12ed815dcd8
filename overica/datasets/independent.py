"""Linear mixtures of independent sources with a known mixing matrix."""

import numpy as np

from overica._validation import check_choice, check_scalar
from overica.datasets._checks import check_sizes
from overica.datasets.drawn_directions import random_directions
from overica.datasets.mixture import Mixture, assemble
from overica.datasets.sources import SOURCES


def make_mixture(
    n_samples: int = 10_000,
    n_features: int = 2,
    n_components: int = 3,
    sources: str = "laplace",
    *,
    n_active: float | None = None,
    probability: float | None = None,
    noise: float = 0.01,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Mix independent sources by random unit directions and add white Gaussian noise.

    ``x = (A s + e) / c`` with the columns of A uniform on the unit sphere,
    ``e ~ N(0, (noise * std(A s))^2 I)`` and c the standard deviation of all entries, so that
    ``std(X) = 1``.  Codes and noise variance are given in those units, ``s / c`` and
    ``var(e) / c^2``; the columns of `mixing` keep their unit norm.

    Parameters
    ----------
    n_samples, n_features, n_components : int
        Sizes, each at least 1 (`n_samples` at least 2); n_components may exceed n_features.
    sources : str
        A name of `SOURCES`: "laplace" and "exponential" are dense, of unit scale;
        "bernoulli_laplace" is Laplace with probability .3 and 0 otherwise; "sparse_laplace" and
        "sparse_exponential" need `n_active` or `probability`.
    n_active : float, optional
        Mean number of non-zero sources per sample: each is non-zero with probability
        ``n_active / n_components``, independently.
    probability : float, optional
        That probability itself, in (0, 1].
    noise : float
        Standard deviation of the noise as a share of that of the noiseless mixtures.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If an argument is out of its range, `sources` is unknown, or the activity is given
        twice or not at all.

    Examples
    --------
    >>> data = make_mixture(1000, 2, 3, "bernoulli_laplace", noise=0.0, random_state=0)
    >>> data.X.shape, data.mixing.shape, data.codes.shape
    ((1000, 2), (2, 3), (1000, 3))
    >>> import numpy as np
    >>> bool(np.allclose(data.X, data.codes @ data.mixing.T))
    True
    """
    check_sizes(n_samples=n_samples, n_features=n_features, n_components=n_components)
    noise = check_scalar(noise, "noise")
    law = SOURCES[check_choice(sources, "sources", SOURCES)]
    active = _probability(sources, n_components, n_active, probability)
    rng = np.random.default_rng(random_state)

    A = random_directions(rng, n_features, n_components)
    S = law.sample(rng, (n_samples, n_components), active)
    activity = "" if active == 1 else f", {active * n_components:.3g} active of {n_components}"
    return assemble(
        rng,
        A,
        S,
        noise,
        nonnegative=law.nonnegative,
        description=f"{n_features}x{n_components} {sources}{activity}, noise {noise:.3g}",
        name="mixture",
        groups=np.arange(n_components),
        free_magnitudes=True,
    )


def _probability(
    sources: str, n_components: int, n_active: float | None, probability: float | None
) -> float:
    if n_active is not None and probability is not None:
        raise ValueError("give `n_active` or `probability`, not both")
    if n_active is not None:
        if not 0 < n_active <= n_components:
            raise ValueError(f"`n_active` must be in (0, {n_components}], got {n_active}")
        return n_active / n_components
    if probability is None:
        probability = SOURCES[sources].probability
    if probability is None:
        raise ValueError(f"`sources`={sources!r} needs `n_active` or `probability`, got neither")
    if not 0 < probability <= 1:
        raise ValueError(f"`probability` must be in (0, 1], got {probability}")
    return probability
