"""Correlated features in trees with Zipf's frequencies: a small SynthSAEBench."""

import numpy as np

from overica._validation import check_scalar
from overica.datasets._checks import check_probability, check_sizes
from overica.datasets.correlated_firing import copula_firing, low_rank_factor, zipf_probabilities
from overica.datasets.drawn_directions import random_directions
from overica.datasets.mixture import Mixture
from overica.datasets.trees import Forest

_FIRST_MEAN, _LAST_MEAN = 5.0, 4.0


def make_hierarchy(
    n_samples: int = 30_000,
    n_features: int = 32,
    n_components: int = 96,
    *,
    n_trees: int = 6,
    branching: int = 3,
    depth: int = 2,
    exponent: float = 0.5,
    probabilities: tuple[float, float] = (0.4, 0.015),
    compensate: bool = True,
    correlation_rank: int = 5,
    correlation_scale: float = 0.1,
    magnitude_spread: float = 0.5,
    bias: float = 0.0,
    noise: float = 0.0,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Features with parents and exclusive siblings in superposition, made step by step.

    1. Feature r of n fires with ``p_r``, from Zipf's law ``r^-exponent`` mapped onto a range.
    2. The features, most frequent first, fill `n_trees` trees breadth first: the roots, then
       `branching` children of each, down to `depth` levels below the roots.  Those left over are
       in no tree.
    3. `compensate` raises the children's probabilities for what steps 5 and 6 take.
    4. Firing is drawn from a Gaussian copula of low rank (`low_rank_factor`).
    5. Level by level, a feature stays on only where its parent is on;
    6. of several siblings that are on, one at random stays.
    7. Magnitudes are ``max(0, mu_r + sigma_r eps)``, eps standard normal, mu falling linearly
       from 5 to 4, ``sigma_r = |N(spread, spread^2)|``; a feature of magnitude 0 is off.
    8. ``x = A s + b + e``, the columns of A uniform on the sphere, b a random vector of norm
       `bias`, e white with `noise` times the spread of ``A s``.

    Magnitudes are drawn before step 5, so that no child is on where its parent is 0.  X is not
    rescaled.  The set of the reference is ``make_hierarchy(n, 768, 16384, n_trees=128,
    branching=4, depth=3, probabilities=(.4, 5e-4), correlation_rank=25)`` with directions made
    more orthogonal; one between the two, with a true L0 of about 8, is
    ``make_hierarchy(100_000, 64, 512, n_trees=16, branching=4, probabilities=(.4, .003))``.

    Parameters
    ----------
    n_samples, n_features, n_components : int
        Sizes, each at least 1.
    n_trees, branching, depth : int
        Shape of the trees; together they hold at most `n_components` features, and are cut off
        there.  0 trees make all features roots.
    exponent : float
        Of Zipf's law, at least 0.
    probabilities : (float, float)
        Firing probability of the first and the last rank, in (0, 1].
    compensate : bool
        Whether children fire about as often as Zipf's law says.  Never more often than their
        parents, so those of rare parents still fall behind.
    correlation_rank : int
        Number of common factors of the copula.
    correlation_scale : float
        Standard deviation of their loadings; 0 for independent trees.
    magnitude_spread : float
        Typical standard deviation of a feature's magnitude.
    bias : float
        Norm of a constant vector added to all samples (`Mixture.offset`).
    noise : float
        Standard deviation of the noise as a share of that of the noiseless mixtures.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture
        With `description` and the tree's truth in the codes: a child is never active without
        its parent, two siblings never together.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Chanin et al. (2026), "SynthSAEBench: evaluating sparse autoencoders on scalable realistic
    synthetic data".

    Examples
    --------
    >>> data = make_hierarchy(random_state=0)
    >>> data.X.shape, data.mixing.shape
    ((30000, 32), (32, 96))
    >>> bool(4 < (data.codes > 0).sum(axis=1).mean() < 5)
    True
    """
    check_sizes(n_samples=n_samples, n_features=n_features, n_components=n_components)
    check_sizes(branching=branching, correlation_rank=correlation_rank)
    check_scalar(n_trees, "n_trees", integer=True)
    check_scalar(depth, "depth", integer=True)
    largest, smallest = (check_probability(p, "probabilities") for p in probabilities)
    exponent = check_scalar(exponent, "exponent")
    scale = check_scalar(correlation_scale, "correlation_scale")
    spread = check_scalar(magnitude_spread, "magnitude_spread")
    bias, noise = check_scalar(bias, "bias"), check_scalar(noise, "noise")
    rng = np.random.default_rng(random_state)

    A = random_directions(rng, n_features, n_components)
    forest = Forest.grow(n_components, n_trees, branching, depth)
    p = zipf_probabilities(n_components, exponent, largest, smallest)
    F = low_rank_factor(rng, n_components, correlation_rank, scale)
    fired = copula_firing(rng, n_samples, forest.compensated(p) if compensate else p, factor=F)
    mean = np.linspace(_FIRST_MEAN, _LAST_MEAN, n_components)
    sigma = np.abs(spread + spread * rng.standard_normal(n_components))
    magnitudes = np.maximum(0.0, mean + sigma * rng.standard_normal(fired.shape))
    S = magnitudes * forest.prune(rng, fired & (magnitudes > 0))

    X = S @ A.T
    noise_std = float(noise * X.std())
    X += noise_std * rng.standard_normal(X.shape)
    offset = bias * random_directions(rng, n_features, 1)[:, 0]
    return Mixture(
        X=X + offset,
        mixing=A,
        codes=S,
        noise_variance=noise_std**2,
        nonnegative=True,
        description=f"{n_components} features in {n_trees} trees, in {n_features} dimensions",
        name="hierarchy",
        groups=forest.trees() if scale == 0 else None,
        free_magnitudes=spread > 0,
        offset=offset if bias > 0 else None,
    )
