"""Data that lie on rays: which columns explain them with the fewest active codes.

Where the sources of every support keep fixed proportions, a sample is a multiple of one of a few
vectors, single columns or compositions of several.  Nothing but economy then says which rays are
the columns, and the mean number of active codes (L0) of each choice can be computed.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
from scipy.optimize import nnls

from overica.datasets.identifiability.strata import Stratum
from overica.datasets.identifiability.truth import Truth, Verdict

_PARALLEL = 1 - 1e-9
# Residual, relative to a unit ray, below which columns explain it.
_EXACT = 1e-7
# Alternatives that are all compared; beyond, only the most frequent rays are.
_MOST_CHOICES = 200
_MOST_ACTIVE = 3
# Beyond these the combinations take too long.
_MOST_COLUMNS, _MOST_RAYS = 12, 48


def fewest_rays(truth: Truth, strata: Sequence[Stratum]) -> Verdict | None:
    """Compare the true columns with other choices of as many rays, by their mean L0.

    None where the data do not lie on rays, or the comparison does not decide.
    """
    A, codes, nonnegative = truth.mixing, truth.codes, truth.nonnegative
    covered = sum(stratum.share for stratum in strata)
    if (
        any(s.basis.shape[1] > 1 for s in strata)
        or covered < (codes != 0).any(axis=1).mean() - 1e-9
    ):
        return None
    n = A.shape[1]
    rays, shares = _merge(A, strata, nonnegative)
    if n > _MOST_COLUMNS or rays.shape[1] > _MOST_RAYS:
        return None
    error = 3 / np.sqrt(len(codes))
    needed = active_needed(A, rays, nonnegative)
    true_l0 = float(shares @ needed)
    if rays.shape[1] <= n and true_l0 > shares.sum():
        return Verdict(
            False,
            f"the data are {rays.shape[1]} rays, and columns along these explain them with "
            f"{shares.sum():.3g} active codes a sample where the true ones need {true_l0:.3g}",
            rays,
        )
    frequent = np.argsort(-shares, kind="stable")[:n]
    everything = comb(rays.shape[1], n) <= _MOST_CHOICES
    choices = combinations(range(rays.shape[1]), n) if everything else [tuple(frequent)]
    best, witness, tie = np.inf, None, False
    for choice in choices:
        B = rays[:, list(choice)]
        if _same_rays(A, B):
            continue
        other = active_needed(B, rays, nonnegative)
        excess = float(shares @ (other - needed)) if np.isfinite(other).all() else np.inf
        # The shares are those of the sample; a difference within their error is none.
        spread = np.sqrt(shares @ (other - needed) ** 2) if np.isfinite(excess) else 0.0
        tie |= bool(abs(excess) <= error * spread)
        if excess < -error * spread and true_l0 + excess < best:
            best, witness = true_l0 + excess, B
    if witness is not None:
        return Verdict(
            False,
            f"the data are {rays.shape[1]} rays, and {n} of them explain all with {best:.3g} "
            f"active codes a sample where the true columns need {true_l0:.3g}",
            witness,
        )
    if tie:
        why = "other choices of columns are as sparse"
        return Verdict(None, f"the data are {rays.shape[1]} rays for {n} columns, and {why}")
    if not everything:
        return None
    # Beyond the plane, columns along no ray could be sparser.
    if len(A) > 2:
        return None
    return Verdict(
        True,
        f"the data are {rays.shape[1]} rays, and no other {n} of them explain all with so few "
        f"active codes a sample ({true_l0:.3g})",
    )


def active_needed(B: np.ndarray, rays: np.ndarray, nonnegative: bool) -> np.ndarray:
    """Fewest columns of `B` that sum to each ray exactly; infinite if more than three.

    Examples
    --------
    >>> import numpy as np
    >>> rays = np.array([[1.0, 0.6, -1.0], [0.0, 0.8, 0.0]])
    >>> active_needed(np.eye(2), rays, nonnegative=True).tolist()
    [1.0, 2.0, inf]
    """
    needed = np.full(rays.shape[1], np.inf)
    for k in range(1, _MOST_ACTIVE + 1):
        for choice in combinations(range(B.shape[1]), k):
            for r in np.flatnonzero(np.isinf(needed)):
                if _residual(B[:, choice], rays[:, r], nonnegative) < _EXACT:
                    needed[r] = k
    return needed


def _residual(B: np.ndarray, x: np.ndarray, nonnegative: bool) -> float:
    if nonnegative:
        return float(nnls(B, x)[1])
    return float(np.linalg.norm(x - B @ np.linalg.lstsq(B, x, rcond=None)[0]))


def _merge(
    A: np.ndarray, strata: Sequence[Stratum], nonnegative: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rays (n_features, n_rays) of unit norm and the share of samples on each."""
    rays: list[np.ndarray] = []
    shares: list[float] = []
    for stratum in strata:
        x = A[:, stratum.support] @ stratum.basis[:, 0]
        if nonnegative and stratum.basis[:, 0].sum() < 0:
            x = -x
        norm = np.linalg.norm(x)
        if norm < _EXACT:
            continue
        x = x / norm
        cosines = [float(x @ ray) for ray in rays]
        same = [c if nonnegative else abs(c) for c in cosines]
        if same and max(same) > _PARALLEL:
            shares[int(np.argmax(same))] += stratum.share
        else:
            rays.append(x)
            shares.append(stratum.share)
    return np.array(rays).T, np.array(shares)


def _same_rays(A: np.ndarray, B: np.ndarray) -> bool:
    return bool((np.abs(A.T @ B).max(axis=1) > _PARALLEL).all())
