"""Linear mixtures of independent sources with a known mixing matrix."""

from dataclasses import dataclass

import numpy as np

from overica._validation import check_choice, check_scalar
from overica.datasets.sources import SOURCES


@dataclass(frozen=True)
class Mixture:
    """Samples ``x = A s + e`` together with what made them.

    ``X = codes @ mixing.T + e`` with ``e ~ N(0, noise_variance I)``.
    """

    X: np.ndarray
    """(n_samples, n_features) observed samples, not centred."""
    mixing: np.ndarray
    """(n_features, n_components) true mixing matrix A, columns of unit norm."""
    codes: np.ndarray
    """(n_samples, n_components) true sources S, in the units of X."""
    noise_variance: float
    """Variance of the noise per feature, in the squared units of X; 0 without noise."""
    nonnegative: bool
    """Whether the sources are never negative, so that a column's sign is identified."""
    description: str
    """One line for tables and titles."""


def make_mixture(
    n_samples: int,
    n_features: int,
    n_components: int,
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
    X = S @ A.T
    noise_std = noise * X.std()
    X += noise_std * rng.standard_normal(X.shape)
    unit = X.std()
    if not unit > 0:
        raise ValueError(
            f"`n_samples`={n_samples} is too few: the drawn samples are all equal "
            f"(each source is non-zero with probability {active:.3g})"
        )
    activity = "" if active == 1 else f", {active * n_components:.3g} active of {n_components}"
    return Mixture(
        X=X / unit,
        mixing=A,
        codes=S / unit,
        noise_variance=float((noise_std / unit) ** 2),
        nonnegative=law.nonnegative,
        description=f"{n_features}x{n_components} {sources}{activity}, noise {noise:.3g}",
    )


def random_directions(rng: np.random.Generator, n_features: int, n_components: int) -> np.ndarray:
    """Draw a matrix (n_features, n_components) of columns uniform on the unit sphere."""
    A = rng.standard_normal((n_features, n_components))
    return A / np.linalg.norm(A, axis=0)


def check_sizes(**sizes: int) -> None:
    """Raise a ValueError naming the first size that is not a positive integer."""
    for name, size in sizes.items():
        check_scalar(size, name, minimum=1, integer=True)


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
