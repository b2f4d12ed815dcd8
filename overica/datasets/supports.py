"""Sparse supports: which columns the subspaces of the data single out.

Samples with the active sources I fill ``span(A_I)``.  Where that is a proper subspace it can be
seen in the data, and so can intersections: column j is determined if the subspaces of all supports
that contain j meet in its line alone.  If they meet in a larger space, because some sources are
active whenever j is (the parents of a tree), then column j is known up to multiples of theirs.
Magnitudes that are uncorrelated with j's settle it: adding a multiple beta of column j to column i
changes the code ``s_i`` into ``s_i - beta s_j``, which is uncorrelated with ``s_j`` for beta = 0
alone.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from overica.datasets.strata import Stratum

_NULL = 1e-9
# Supports intersected per column before giving up.
_MOST_SUPPORTS = 100
_N_ERRORS = 5.0

Comparison = tuple[bool | None, str, np.ndarray | None]


def compare_supports(
    A: np.ndarray,
    codes: np.ndarray,
    strata: Sequence[Stratum],
    nonnegative: bool,
    free_magnitudes: bool,
) -> Comparison | None:
    """Decide by the intersections of the supports' subspaces, then by free magnitudes.

    Returns
    -------
    (identifiable, reason, witness) or None
        None where the supports do not decide.
    """
    n_features, n = A.shape
    # Free magnitudes fill their support by law, also where too few samples show it.
    seen = [
        s
        for s in strata
        if s.full and len(s.support) < n_features and (s.tested or free_magnitudes)
    ]
    mine: list[list[np.ndarray]] = [[] for _ in range(n)]
    for stratum in seen:
        for j in stratum.support:
            mine[j].append(stratum.support)
    spaces = [_common_space(A, supports) for supports in mine]
    if any(space is None for space in spaces):
        return None
    fixed = _frequent_composition(A, codes, strata, nonnegative)
    if fixed is not None:
        return None, fixed, None
    companions = [_companions(A, j, space) for j, space in enumerate(spaces) if space is not None]
    lonely = sum(not others for others in companions)
    if lonely == n:
        return (
            True,
            "the subspaces that the supports span meet in each column alone: the theorem on unique "
            "sparse dictionaries",
            None,
        )
    bound = n - lonely
    if not free_magnitudes or any(
        space is None or space.shape[1] != 1 + len(others)
        for space, others in zip(spaces, companions, strict=True)
    ):
        return None
    mutual = [(j, k) for j in range(n) for k in companions[j] if j in companions[k]]
    if mutual:
        j, k = mutual[0]
        return None, f"sources {j} and {k} are never active without each other", None
    by_source = np.ascontiguousarray(codes.T)
    if not all(_uncorrelated(by_source[j], by_source[k]) for j in range(n) for k in companions[j]):
        return None
    return (
        True,
        f"the supports determine {lonely} columns, and {bound} up to multiples of their parents' "
        "columns; magnitudes independent of the parents' settle these",
        None,
    )


def _common_space(A: np.ndarray, supports: Sequence[np.ndarray]) -> np.ndarray | None:
    """Orthonormal basis of what the spans of all the supports' columns have in common."""
    outside = np.zeros((A.shape[0], A.shape[0]))
    space = None
    for count, support in enumerate(sorted(supports, key=len)[:_MOST_SUPPORTS], start=1):
        # x lies in all the subspaces if and only if it has no part outside any of them.
        Q = np.linalg.qr(A[:, support])[0]
        outside += np.eye(len(Q)) - Q @ Q.T
        values, vectors = np.linalg.eigh(outside)
        space = vectors[:, values < _NULL * count]
        if space.shape[1] == 1:
            break
    return space


def _companions(A: np.ndarray, j: int, space: np.ndarray) -> list[int]:
    """Columns other than j that lie in the space."""
    inside = np.linalg.norm(A - space @ (space.T @ A), axis=0) < 1e-6
    return [int(k) for k in np.flatnonzero(inside) if k != j]


def _frequent_composition(
    A: np.ndarray, codes: np.ndarray, strata: Sequence[Stratum], nonnegative: bool
) -> str | None:
    """A composition in fixed proportions that would be as good a column as one of its parts.

    Exchanging the part for the composition saves active codes where it occurs, and costs some
    where the part occurs without it; if it occurs less often than the part does otherwise, that
    is a loss.  No exchange is possible where the part then had no non-negative codes at all.
    """
    rate = (codes != 0).mean(axis=0)
    alone = {int(s.support[0]) for s in strata if len(s.support) == 1}
    for stratum in strata:
        if stratum.basis.shape[1] != 1 or len(stratum.support) == 1:
            continue
        support, v = stratum.support, stratum.basis[:, 0]
        # Other sources may be active too, as long as these keep their proportions.
        along = codes[:, support] @ v
        rest = np.abs(codes[:, support] - along[:, None] * v).max(axis=1)
        fixed = float(((along != 0) & (rest < 1e-9 * np.abs(along))).mean())
        for j in support[rate[support] <= 2 * fixed]:
            B = A.copy()
            B[:, j] = A[:, support] @ np.where(nonnegative, np.abs(v), v)
            if nonnegative and int(j) in alone and nnls(B, A[:, j])[1] > 1e-7:
                continue
            return (
                f"sources {', '.join(map(str, support))} are active in fixed proportions as often as "
                f"source {j} is otherwise: their sum would be as good a column"
            )
    return None


def _uncorrelated(s: np.ndarray, t: np.ndarray) -> bool:
    """Whether the codes of two sources are, where both are active."""
    both = np.flatnonzero((s != 0) & (t != 0))
    s, t = s[both], t[both]
    if len(s) < 3 or s.std() == 0 or t.std() == 0:
        return False
    return bool(abs(np.corrcoef(s, t)[0, 1]) < _N_ERRORS / np.sqrt(len(s)))
