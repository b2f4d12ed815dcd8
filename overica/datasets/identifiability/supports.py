"""Sparse supports: which columns the subspaces of the data single out.

Samples with the active sources I fill ``span(A_I)``, and almost all of them need ``|I|`` columns of any
dictionary.  So another dictionary B that is as sparse on average has, for every I, ``|I|`` columns in
``span(A_I)``.  Two conclusions:

- If source j is ever active alone, B has the column j.
- Let ``2 |I| <= n_features``, and no d <= n_features columns of A, nor of B, be dependent.  Then
  spans meet in ``span(A_I) & span(A_J) = span(A_(I & J))``, and since at most ``|I | J|`` columns of
  B lie in the span of both, at least ``|I & J|`` lie in the intersection.  By induction B has
  column j if the supports that contain j have nothing else in common.

Where they have, because some sources are active whenever j is (the parents of a tree), column j is
known up to multiples of theirs.  Magnitudes that are uncorrelated with j's settle it: adding beta
times column i to column j changes the code ``s_i`` into ``s_i - beta s_j``, which is uncorrelated
with ``s_j`` for beta = 0 alone.

References
----------
Aharon, Elad and Bruckstein (2006), "On the uniqueness of overcomplete dictionaries", Linear Algebra and its
Applications 416; Hillar and Sommer (2015), "When can dictionary learning uniquely recover sparse data from
subsamples?", IEEE Transactions on Information Theory 61: supports that are rich enough suffice.
"""

from collections.abc import Sequence

import numpy as np

from overica.datasets.identifiability.strata import Stratum
from overica.datasets.identifiability.truth import Truth, Verdict

_NULL = 1e-9
# Supports intersected per column before giving up.
_MOST_SUPPORTS = 100
_N_ERRORS = 5.0


def rich_supports(truth: Truth, strata: Sequence[Stratum]) -> Verdict | None:
    """Decide by the supports, and by free magnitudes where sources accompany others.

    None where the supports do not decide.
    """
    A, free_magnitudes = truth.mixing, truth.free_magnitudes
    n_features, n = A.shape
    alone = {int(s.support[0]) for s in strata if len(s.support) == 1}
    fixed = [s for s in strata if not s.full]
    # Non-negative codes of independent columns that occur alone: B is a wider cone, and samples of
    # support I lie on a face of it that contains the columns I, hence need |I| of B's.
    cone = truth.nonnegative and len(alone) == n and np.linalg.matrix_rank(A) == n
    if fixed and not cone:
        listed = ", ".join(map(str, fixed[0].support))
        return Verdict(
            None,
            f"sources {listed} keep fixed proportions: a column for their sum may be as sparse",
        )
    if len(alone) == n:
        return Verdict(True, "every column occurs alone, as a ray of the data")

    supports: list[list[np.ndarray]] = [[] for _ in range(n)]
    for stratum in strata:
        # Free magnitudes fill their support by law, also where too few samples show it.
        filled = stratum.full and (stratum.tested or free_magnitudes)
        if filled and 2 * len(stratum.support) <= n_features:
            for j in stratum.support:
                supports[j].append(stratum.support)
    spaces = [_common_space(A, mine) for mine in supports]
    companions = [_companions(A, j, space) for j, space in enumerate(spaces)]
    if any(
        space.shape[1] != 1 + len(others) for space, others in zip(spaces, companions, strict=True)
    ):
        return None
    lonely = sum(not others for others in companions)
    if lonely == n:
        return Verdict(
            True,
            "no source always accompanies another, and the supports are small: the theorem of "
            "unique sparse dictionaries",
        )
    mutual = [(j, k) for j in range(n) for k in companions[j] if j in companions[k]]
    if mutual:
        j, k = mutual[0]
        return Verdict(None, f"sources {j} and {k} are never active without each other")
    by_source = np.ascontiguousarray(truth.codes.T)
    if not free_magnitudes or not all(
        _uncorrelated(by_source[j], by_source[k]) for j in range(n) for k in companions[j]
    ):
        return None
    return Verdict(
        True,
        f"the supports determine {lonely} columns, and {n - lonely} up to multiples of their "
        "parents' columns; magnitudes independent of the parents' settle these",
    )


def _common_space(A: np.ndarray, supports: Sequence[np.ndarray]) -> np.ndarray:
    """Orthonormal basis of what the spans of all the supports' columns have in common."""
    space = np.eye(A.shape[0])
    outside = np.zeros_like(space)
    for count, support in enumerate(sorted(supports, key=len)[:_MOST_SUPPORTS], start=1):
        # x lies in all the subspaces if and only if it has no part outside any of them.
        U, values, _ = np.linalg.svd(A[:, support], full_matrices=False)
        U = U[:, values > _NULL * values[0]]
        outside += np.eye(len(U)) - U @ U.T
        values, vectors = np.linalg.eigh(outside)
        space = vectors[:, values < _NULL * count]
        if space.shape[1] == 1:
            break
    return space


def _companions(A: np.ndarray, j: int, space: np.ndarray) -> list[int]:
    """Columns other than j that lie in the space."""
    inside = np.linalg.norm(A - space @ (space.T @ A), axis=0) < 1e-6
    return [int(k) for k in np.flatnonzero(inside) if k != j]


def _uncorrelated(s: np.ndarray, t: np.ndarray) -> bool:
    """Whether the codes of two sources are, where both are active."""
    both = np.flatnonzero((s != 0) & (t != 0))
    s, t = s[both], t[both]
    if len(s) < 3 or s.std() == 0 or t.std() == 0:
        return False
    return bool(abs(np.corrcoef(s, t)[0, 1]) < _N_ERRORS / np.sqrt(len(s)))
