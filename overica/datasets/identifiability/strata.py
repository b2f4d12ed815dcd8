"""The strata of sparse data: samples grouped by which sources are active, and what each spans.

Samples whose active sources are I lie in ``span(A_I)``, or in less where the codes of that group
are dependent: perfectly correlated codes make a ray of a plane.
"""

from typing import NamedTuple

import numpy as np

# Relative singular value below which codes of one group count as exactly dependent.
_EXACT = 1e-9
# Groups examined, the most frequent first.
_MOST = 2000


class Stratum(NamedTuple):
    """The samples of one support."""

    support: np.ndarray
    """(n_active,) indices of the active sources, ascending."""
    share: float
    """Share of all samples."""
    basis: np.ndarray
    """(n_active, rank) orthonormal basis of the codes; of full rank where there are too few
    samples to see a dependence."""
    tested: bool
    """Whether there are enough samples to see a dependence of the codes."""

    @property
    def full(self) -> bool:
        """Whether the codes fill all dimensions of their support."""
        return self.basis.shape[1] == len(self.support)


def find_strata(codes: np.ndarray) -> list[Stratum]:
    """Strata of the codes, the most frequent first; samples with nothing active are in none.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        True codes.

    Returns
    -------
    list of Stratum
        At most 2000.

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.array([[1.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    >>> [(s.support.tolist(), s.share, s.full) for s in find_strata(codes)]
    [([0, 1], 0.75, False), ([0], 0.25, True)]
    """
    packed = np.packbits(codes != 0, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, first, inverse, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    members = np.argsort(inverse, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)])
    strata = []
    # Ties in the order of the samples: the order of the keys would favour the last sources.
    for group in np.lexsort((first, -counts))[:_MOST]:
        support = np.flatnonzero(codes[first[group]])
        if len(support):
            rows = codes[np.ix_(members[starts[group] : starts[group + 1]], support)]
            share = float(counts[group] / len(codes))
            # One row more than dimensions, so that a lesser rank is no coincidence.
            tested = len(rows) > max(2, len(support)) or len(support) == 1
            basis = _row_space(rows) if tested else np.eye(len(support))
            strata.append(Stratum(support, share, basis, tested))
    return strata


def _row_space(rows: np.ndarray) -> np.ndarray:
    # The first few rows show the rank.
    few = rows[: 4 * rows.shape[1] + 4]
    _, values, vectors = np.linalg.svd(few, full_matrices=False)
    return vectors[values > _EXACT * values[0]].T
