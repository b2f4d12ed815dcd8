"""Orthogonal matching pursuit of many samples at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.coding.coder import Coder
from overica.coding.dictionary import Dictionary

_NOTHING = 1e-10
"""Relative to a sample: a residual whose correlations are smaller is rounding."""
_CHUNK = 2**24
"""Numbers in the bases of the samples that are worked on together."""
_DEPENDENT = 1e-8
"""Length of what a unit atom adds to the span of the others, below which it adds nothing."""


def orthogonal_matching_pursuit(
    dictionary: Dictionary,
    X: np.ndarray,
    n_active: int | np.ndarray,
    *,
    nonnegative: bool = False,
) -> np.ndarray:
    """Codes of at most `n_active` atoms per sample, chosen greedily, by least squares.

    From ``r = x - offset``, each step adds the atom with the largest ``|<r, d_j>|`` to the sample's support and makes r
    the residual of the least-squares fit on that support, at ``O(n_features * (n_components + k))`` per sample. A
    sample stops where nothing is left of it. With `nonnegative` the largest positive ``<r, d_j>`` chooses, and atoms
    whose codes come to zero leave the support again.

    Parameters
    ----------
    dictionary : Dictionary
        D, its rows of unit length (or zero: never taken).
    X : array (n_samples, n_features)
        Real, or complex, such as coefficients of a Fourier transform.
    n_active : int or array (n_samples,) of int
        Most atoms a sample may use; no more than n_features or n_components are ever used.
    nonnegative : bool
        Codes may not be negative; for real samples.

    Returns
    -------
    array (n_samples, n_components), float64 or complex128
        In units of X; the residual is orthogonal to the atoms that are active.

    References
    ----------
    Pati, Rezaiifar and Krishnaprasad (1993), "Orthogonal matching pursuit". Without signs: Nguyen, Idier, Soussen and
    Djermoune (2019), "Non-negative orthogonal greedy algorithms".

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import Dictionary, orthogonal_matching_pursuit
    >>> orthogonal_matching_pursuit(Dictionary.of_rows(np.eye(3)), np.array([[3.0, -0.5, 1.0]]), 2)
    array([[3., 0., 1.]])
    """
    X = dictionary.centred(np.asarray(X, np.result_type(X, np.float64)))
    D = dictionary.components
    most = np.minimum(np.broadcast_to(n_active, len(X)), min(D.shape))
    codes = np.zeros((len(X), len(D)), X.dtype)
    # Samples in falling order of `most`, so that each step works on the first few.
    order = np.argsort(-most, kind="stable")
    n_rows = max(1, _CHUNK // (int(most.max(initial=0) + 1) * X.shape[1]))
    for start in range(0, len(X), n_rows):
        rows = order[start : start + n_rows]
        fits = _pursued(D, X[rows], most[rows], nonnegative)
        # Places that were never filled have a code of 0 and point at atom 0: they must add, not set.
        np.add.at(codes, (rows[:, None], fits.atoms), fits.codes)
    return codes


def _pursued(D: np.ndarray, X: np.ndarray, most: np.ndarray, nonnegative: bool) -> _Fits:
    """Fits of samples in falling order of the most atoms that they may use."""
    n_steps = int(most[0])
    fits = _Fits(D, X, n_steps)
    nothing = _NOTHING * np.linalg.norm(X, axis=1)
    for step in range(n_steps):
        m = int(np.count_nonzero(most > step))
        gain = fits.R[:m] @ D.T
        if not nonnegative:
            gain = np.abs(gain)
        # The residual is orthogonal to the support, so that no atom is taken twice.
        atoms = gain.argmax(axis=1)
        rows = np.flatnonzero(gain[np.arange(m), atoms] > nothing[:m])
        before = fits.codes.copy() if nonnegative else None
        fits.add(rows, atoms[rows])
        if before is not None:
            fits.stay_nonnegative(before)
    return fits


class _Fits:
    """Least squares of every sample on a support that grows.

    The atoms of a support, in the order in which they came, are ``Q T`` with orthonormal rows q and T upper triangular
    (Gram-Schmidt), and its codes are ``T^-1`` times the coefficients along q: a new atom changes them by a multiple of
    the new column of ``T^-1``.
    """

    def __init__(self, D: np.ndarray, X: np.ndarray, n_places: int) -> None:
        self.D, self.X, self.R = D, X, X.copy()
        self.Q = np.zeros((len(X), n_places, X.shape[1]))
        self.inverse = np.zeros((len(X), n_places, n_places))
        self.codes = np.zeros((len(X), n_places), X.dtype)
        self.atoms = np.zeros((len(X), n_places), np.intp)
        self.size = np.zeros(len(X), np.intp)

    def add(self, rows: np.ndarray, atoms: np.ndarray) -> None:
        """One atom each to the supports of some samples, where it is independent of those before."""
        used = slice(int(self.size[rows].max(initial=0)))
        q = self.D[atoms]
        Q = self.Q[rows, used]
        overlap = np.zeros(Q.shape[:2])
        for _ in range(2):  # The second pass removes what rounding left of the first.
            again = (Q @ q[:, :, None])[:, :, 0]
            q = q - (again[:, None, :] @ Q)[:, 0]
            overlap += again
        length = np.linalg.norm(q, axis=1)
        new = length > _DEPENDENT
        rows, atoms, q, overlap, length = rows[new], atoms[new], q[new], overlap[new], length[new]
        q /= length[:, None]
        along = np.einsum("nd,nd->n", self.R[rows], q)
        self.R[rows] -= along[:, None] * q
        inverse = self.inverse[rows, used, used]
        column = -(inverse @ (overlap / length[:, None])[:, :, None])[:, :, 0]
        place = self.size[rows]
        self.codes[rows, used] += along[:, None] * column
        self.codes[rows, place] = along / length
        self.inverse[rows[:, None], np.arange(used.stop), place[:, None]] = column
        self.inverse[rows, place, place] = 1.0 / length
        self.Q[rows, place], self.atoms[rows, place] = q, atoms
        self.size[rows] += 1

    def stay_nonnegative(self, before: np.ndarray) -> None:
        """Codes go from non-negative ones straight to those of least squares; atoms that come to zero first, leave.

        This is the inner loop of Lawson and Hanson's non-negative least squares: the error never grows.
        """
        while (rows := np.flatnonzero((self.codes < 0).any(axis=1))).size:
            old, new = before[rows], self.codes[rows]
            reach = np.divide(old, old - new, out=np.full_like(old, np.inf), where=new < 0)
            part = reach.min(axis=1, keepdims=True)
            on_the_way = np.where(reach <= part, 0.0, old + part * (new - old))
            # The atoms that stay, first and in their order.
            stay = np.count_nonzero(on_the_way, axis=1)
            order = np.argsort(on_the_way == 0, axis=1, kind="stable")
            atoms = np.take_along_axis(self.atoms[rows], order, 1)
            before[rows] = np.take_along_axis(on_the_way, order, 1)
            self.R[rows] = self.X[rows]
            for state in (self.Q, self.inverse, self.codes, self.atoms, self.size):
                state[rows] = 0
            for place in range(int(stay.max())):
                going_on = stay > place
                self.add(rows[going_on], atoms[going_on, place])


@dataclass(frozen=True, eq=False)
class MatchingPursuit(Coder):
    """The atoms that orthogonal matching pursuit takes, with least squares on them."""

    n_active: int
    nonnegative: bool

    def codes(self, dictionary: Dictionary, X: np.ndarray) -> np.ndarray:
        """See `Coder.codes`."""
        return orthogonal_matching_pursuit(
            dictionary, X, self.n_active, nonnegative=self.nonnegative
        )
