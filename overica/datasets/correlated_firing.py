"""Which sources are present: Zipf's frequencies, and correlations through a Gaussian copula."""

import numpy as np
from scipy.special import ndtri

# Largest share of a latent Gaussian's variance that common factors may explain.
_MOST_COMMON = 0.99


def zipf_probabilities(
    n_components: int, exponent: float, largest: float, smallest: float
) -> np.ndarray:
    """Probabilities that fall as ``r^-exponent`` with the rank r, mapped onto a range.

    ``p_r = smallest + (largest - smallest) (r^-a - n^-a) / (1 - n^-a)`` for r = 1..n.

    Examples
    --------
    >>> zipf_probabilities(4, 0.5, 0.4, 0.1).round(3).tolist()
    [0.4, 0.224, 0.146, 0.1]
    """
    powers = np.arange(1, n_components + 1, dtype=np.float64) ** -exponent
    if n_components == 1 or powers[-1] == 1:
        return np.full(n_components, float(largest))
    return smallest + (largest - smallest) * (powers - powers[-1]) / (1 - powers[-1])


def low_rank_factor(
    rng: np.random.Generator, n_components: int, rank: int, scale: float
) -> np.ndarray:
    """Loadings F (n_components, rank), entries ``N(0, scale^2)``, of ``C = F F^T + diag``.

    The diagonal makes C a correlation matrix.  Where that would take a negative entry, F is
    shrunk until the largest row has a squared norm of .99.

    Examples
    --------
    >>> import numpy as np
    >>> F = low_rank_factor(np.random.default_rng(0), 10, 4, scale=2.0)
    >>> round(float((F**2).sum(axis=1).max()), 6)
    0.99
    """
    F = scale * rng.standard_normal((n_components, rank))
    largest = (F**2).sum(axis=1).max(initial=0.0)
    return F * np.sqrt(min(1.0, _MOST_COMMON / largest)) if largest > 0 else F


def random_correlation(
    rng: np.random.Generator,
    n_components: int,
    smallest: float,
    largest: float,
    *,
    uncorrelated: float = 0.3,
    positive: float = 0.5,
) -> np.ndarray:
    """A random correlation matrix: entries of random sign and size, made positive definite.

    A share `uncorrelated` of the pairs is 0, of the rest a share `positive` is positive; sizes
    are uniform in the range.  Negative eigenvalues become 1e-6 and the diagonal is scaled back
    to 1, which shrinks all entries.

    Examples
    --------
    >>> import numpy as np
    >>> C = random_correlation(np.random.default_rng(0), 20, 0.3, 0.9)
    >>> bool(np.linalg.eigvalsh(C).min() > 0), bool(np.allclose(np.diag(C), 1))
    (True, True)
    """
    rows, columns = np.triu_indices(n_components, 1)
    n_pairs = len(rows)
    n_correlated = n_pairs - int(n_pairs * uncorrelated)
    chosen = rng.permutation(n_pairs)[:n_correlated]
    signs = np.where(np.arange(n_correlated) < int(n_correlated * positive), 1.0, -1.0)
    C = np.eye(n_components)
    C[rows[chosen], columns[chosen]] = signs * rng.uniform(smallest, largest, n_correlated)
    C = np.maximum(C, C.T) + np.minimum(C, C.T) - np.eye(n_components)
    values, vectors = np.linalg.eigh(C)
    C = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    scale = np.sqrt(np.diag(C))
    return C / np.outer(scale, scale)


def copula_firing(
    rng: np.random.Generator,
    n_samples: int,
    probabilities: np.ndarray,
    *,
    correlation: np.ndarray | None = None,
    factor: np.ndarray | None = None,
) -> np.ndarray:
    """Draw which sources are present, each with its probability, correlated as Gaussians are.

    Source j is present where a standard normal ``z_j`` exceeds ``Phi^-1(1 - p_j)``; the z have
    the given `correlation`, or ``F F^T + diag`` for the given `factor` F.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n_samples : int
        Number of samples.
    probabilities : ndarray of shape (n_components,)
        Marginal probabilities in [0, 1].
    correlation : ndarray of shape (n_components, n_components), optional
        Correlation matrix of z; the identity if neither is given.
    factor : ndarray of shape (n_components, rank), optional
        Loadings whose rows have norm 1 at most.

    Returns
    -------
    ndarray of shape (n_samples, n_components), bool

    Examples
    --------
    >>> import numpy as np
    >>> C = np.array([[1.0, 0.9], [0.9, 1.0]])
    >>> fired = copula_firing(np.random.default_rng(0), 10_000, np.full(2, 0.5), correlation=C)
    >>> bool(np.corrcoef(fired.T)[0, 1] > 0.6)
    True
    """
    n = len(probabilities)
    Z = rng.standard_normal((n_samples, n))
    if correlation is not None:
        Z = Z @ np.linalg.cholesky(correlation).T
    elif factor is not None:
        own = np.sqrt(1 - (factor**2).sum(axis=1))
        Z = rng.standard_normal((n_samples, factor.shape[1])) @ factor.T + Z * own
    return ndtri(1 - np.asarray(probabilities)) < Z
