"""Correlated features of unequal frequency in orthogonal directions: where a wrong L0 shows."""

import numpy as np

from overica._validation import check_scalar
from overica.datasets._checks import check_probability, check_share, check_sizes
from overica.datasets.correlated_firing import copula_firing, random_correlation
from overica.datasets.drawn_directions import orthogonal_directions, random_directions
from overica.datasets.mixture import Mixture


def make_sparse_but_wrong(
    n_samples: int = 20_000,
    n_features: int = 100,
    n_components: int = 50,
    *,
    probabilities: tuple[float, float] = (0.39, 0.05),
    correlations: tuple[float, float] = (0.3, 0.9),
    magnitude_spread: float = 0.15,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Features that fire together more or less often than by chance, with no noise.

    ``x = A s`` with orthonormal columns (random ones where there are more than dimensions);
    ``s_j = b_j max(0, 1 + spread * eps_j)``, eps standard normal.  Feature j fires, b_j = 1, with
    a probability that falls linearly from the first to the last; firing is correlated through a
    Gaussian copula whose matrix is random (`random_correlation`: 30 % of the pairs 0, half of
    the others positive).  With the defaults the true L0 is 11.  An autoencoder that is held to
    fewer active features mixes correlated ones, although all could be told apart.

    Parameters
    ----------
    n_samples, n_features, n_components : int
        Sizes, each at least 1.
    probabilities : (float, float)
        Firing probability of the first and of the last feature, in (0, 1].
    correlations : (float, float)
        Range of the sizes of the copula's correlations in [0, 1), before it is made positive
        definite, which shrinks them: among 50 features to about a third.
    magnitude_spread : float
        Standard deviation of the magnitude of a feature that fires, in units of its mean.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Chanin and Garriga-Alonso (2025), "Sparse but wrong: incorrect L0 leads to incorrect features
    in sparse autoencoders".

    Examples
    --------
    >>> data = make_sparse_but_wrong(random_state=0)
    >>> data.X.shape, round(float((data.codes > 0).sum(axis=1).mean()))
    ((20000, 100), 11)
    """
    check_sizes(n_samples=n_samples, n_features=n_features, n_components=n_components)
    first, last = (check_probability(p, "probabilities") for p in probabilities)
    smallest, largest = (check_share(c, "correlations") for c in correlations)
    if not smallest <= largest < 1:
        raise ValueError(
            f"`correlations` must be (smallest, largest) in [0, 1), got {correlations}"
        )
    magnitude_spread = check_scalar(magnitude_spread, "magnitude_spread")
    rng = np.random.default_rng(random_state)

    enough = n_features >= n_components
    A = (orthogonal_directions if enough else random_directions)(rng, n_features, n_components)
    C = random_correlation(rng, n_components, smallest, largest)
    fired = copula_firing(rng, n_samples, np.linspace(first, last, n_components), correlation=C)
    S = fired * np.maximum(0.0, 1 + magnitude_spread * rng.standard_normal(fired.shape))
    return Mixture(
        X=S @ A.T,
        mixing=A,
        codes=S,
        noise_variance=0.0,
        nonnegative=True,
        description=f"{n_components} correlated features in {n_features} dimensions",
        name="sparse_but_wrong",
        free_magnitudes=magnitude_spread > 0,
    )
