"""Exact l1 codes: with a certificate for each, or with the sums that learning needs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from overica._kernels import _core
from overica._kernels.threads import get_num_threads

__all__ = ["Codes", "Moments", "SparseCodes", "lasso", "lasso_moments", "lasso_supports"]

TOLERANCE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-10}
_NARROW = 128
"""Dictionaries up to this size are searched in double; larger ones in float, and verified in double."""


class Codes(NamedTuple):
    """Codes, and what is certain about them."""

    codes: NDArray
    """(n_samples, n_components), in the dtype of the samples."""
    gap: NDArray[np.float64]
    """(n_samples,), a bound on the objective less its minimum."""
    objective: NDArray[np.float64]
    """(n_samples,), ``|x - A s|^2 / 2 + penalty |s|_1``."""
    n_steps: NDArray[np.int64]
    """(n_samples,), changes of the support."""


class SparseCodes(NamedTuple):
    """Codes without their zeros, sample after sample."""

    n_active: NDArray[np.int64]
    """(n_samples,), how many each has."""
    atoms: NDArray[np.int32]
    """Their columns, (n_active.sum(),)."""
    values: NDArray[np.float64]
    """(n_active.sum(),)"""
    n_components: int

    @property
    def samples(self) -> NDArray[np.int64]:
        """The rows, (n_active.sum(),)."""
        return np.repeat(np.arange(len(self.n_active)), self.n_active)

    def dense(self) -> NDArray[np.float64]:
        """(n_samples, n_components)."""
        codes = np.zeros((len(self.n_active), self.n_components))
        codes[self.samples, self.atoms] = self.values
        return codes

    def sparse(self) -> csr_matrix:
        """As SciPy has them, (n_samples, n_components)."""
        starts = np.concatenate([[0], np.cumsum(self.n_active)])
        return csr_matrix(
            (self.values, self.atoms, starts), shape=(len(self.n_active), self.n_components)
        )

    def summed(self, values: NDArray) -> NDArray:
        """Values like those of the codes, summed over the samples, (n_components,)."""
        return np.bincount(self.atoms, values, minlength=self.n_components)

    def energy(self, weights: NDArray) -> NDArray:
        """Weighted sum over samples of the squared codes, (n_components,)."""
        return self.summed(weights[self.samples] * self.values**2)

    @property
    def activity(self) -> NDArray[np.float64]:
        """In how many samples each is not zero, (n_components,)."""
        return np.bincount(self.atoms, minlength=self.n_components).astype(float)


class Moments(NamedTuple):
    """Codes and what the evidence needs of the supports ``a`` of the samples."""

    codes: SparseCodes
    residual: NDArray[np.float64]
    """``r = x - A s``, (n_samples, n_features)."""
    cross: NDArray[np.float64]
    """Sum over samples of ``r s_a' - penalty A_a (A_a'A_a)^-1`` in the columns a, (n_features, n_components)."""
    log_det: NDArray[np.float64]
    """(n_samples,), ``log det(A_a'A_a)``, 0 for an empty support."""


def checked(A: Any, X: Any, penalty: float, dtype: Any = None) -> tuple[NDArray, NDArray]:
    """Dictionary and samples as the kernels take them: one dtype, contiguous."""
    X = np.asarray(X)
    if dtype is None:
        dtype = np.float32 if X.dtype == np.float32 else np.float64
    X = np.ascontiguousarray(X, dtype)
    A = np.ascontiguousarray(A, dtype)
    if A.ndim != 2 or 0 in A.shape:
        raise ValueError(f"`A` must have shape (n_features, n_components), got {A.shape}")
    if X.ndim != 2 or X.shape[1] != A.shape[0]:
        raise ValueError(f"`X` must have shape (n_samples, n_features={A.shape[0]}), got {X.shape}")
    if not (np.isfinite(penalty) and penalty > 0):
        raise ValueError(f"`penalty` must be positive and finite, got {penalty}")
    return A, X


def _room(A: NDArray, X: NDArray, codes0: Any) -> NDArray:
    """Where codes go: the start, or nothing yet."""
    shape = (X.shape[0], A.shape[1])
    if codes0 is None:
        return np.empty(shape, A.dtype)
    codes = np.array(codes0, A.dtype, order="C")
    if codes.shape != shape:
        raise ValueError(
            f"`codes0` must have shape (n_samples, n_components) = {shape}, got {codes.shape}"
        )
    return codes


def lasso(
    A: Any,
    X: Any,
    penalty: float,
    nonnegative: bool = False,
    codes0: Any = None,
    *,
    scales: Any = None,
    tol: float | None = None,
) -> Codes:
    """Exact l1-penalised codes of a batch of samples, each with its duality gap.

    argmin_s  ||x - A s||^2 / 2 + penalty sum_j |s_j| / scales_j,  optionally subject to s >= 0, for every row x of X.

    Parameters
    ----------
    A : array (n_features, n_components)
        Dictionary; columns of any norm, duplicates and zeros included.
    X : array (n_samples, n_features)
        Samples. float32 stays float32, everything else becomes float64.
    penalty : float
        Positive, in squared units of X.
    nonnegative : bool
        Whether codes cannot be negative.
    codes0 : array (n_samples, n_components), optional
        Warm start: its support and signs are where the search begins.
    scales : array (n_components,), optional
        Ones by default.
    tol : float, optional
        Relative violation of the optimality conditions that counts as none: 1e-10 in float64, 1e-6 in float32.

    Returns
    -------
    Codes

    Notes
    -----
    Results do not depend on the number of threads. The arrays are taken to be finite.

    Examples
    --------
    >>> import numpy as np
    >>> from overica._kernels import lasso
    >>> found = lasso(np.eye(2), np.array([[3.0, -0.5], [0.2, -2.0]]), 1.0)
    >>> found.codes
    array([[ 2.,  0.],
           [ 0., -1.]])
    >>> found.objective, bool(found.gap.max() < 1e-15)
    (array([2.625, 1.52 ]), True)
    """
    A, X = checked(A, X, penalty)
    codes = _room(A, X, codes0)
    tol = TOLERANCE[A.dtype] if tol is None else float(tol)
    if scales is not None:
        scales = np.array(np.broadcast_to(scales, A.shape[1]), np.float64, order="C")
    certificate = _core.solve(
        A, X, codes, float(penalty), bool(nonnegative), tol, codes0 is not None, scales, _NARROW, get_num_threads()
    )  # fmt: skip
    return Codes(codes, *certificate)


def lasso_supports(
    A: Any,
    X: Any,
    penalty: float,
    nonnegative: bool = False,
    *,
    tol: float = 1e-10,
    lowered: float | None = None,
) -> SparseCodes:
    """Codes as of `lasso`, in double, without their zeros: no array of all codes is made.

    With a penalty `lowered`, those of the same signs at that one, on the same supports or fewer, as of `debias`.

    Examples
    --------
    >>> import numpy as np
    >>> from overica._kernels import lasso_supports
    >>> found = lasso_supports(np.eye(2), np.array([[3.0, -0.5], [0.2, -2.0]]), 1.0)
    >>> found.atoms, found.values
    (array([0, 1], dtype=int32), array([ 2., -1.]))
    """
    n_active, atoms, values, *_ = _moments(
        A, X, penalty, nonnegative, tol, sums=False, lowered=lowered
    )
    return SparseCodes(n_active, atoms, values, np.shape(A)[1])


def lasso_moments(
    A: Any, X: Any, penalty: float, nonnegative: bool = False, *, tol: float = 1e-10
) -> Moments:
    """Codes as of `lasso_supports`, and the sums over their supports, in one pass.

    Parameters are those of `lasso`. More than 128 columns are searched in float, and inverses and sums of some thousand
    samples are no better.

    Examples
    --------
    >>> import numpy as np
    >>> from overica._kernels import lasso_moments
    >>> moments = lasso_moments(2.0 * np.eye(2), np.array([[3.0, -0.5], [0.2, -2.0]]), 1.0)
    >>> moments.cross.round(3)
    array([[ 0.125, -0.15 ],
           [-0.625, -0.125]])
    >>> moments.codes.n_active
    array([1, 1])
    """
    n_active, atoms, values, residual, log_det, cross = _moments(
        A, X, penalty, nonnegative, tol, sums=True
    )
    return Moments(SparseCodes(n_active, atoms, values, np.shape(A)[1]), residual, cross, log_det)


def _moments(
    A: Any,
    X: Any,
    penalty: float,
    nonnegative: bool,
    tol: float,
    *,
    sums: bool,
    lowered: float | None = None,
) -> Any:
    A, X = checked(A, X, penalty, dtype=np.float64)
    at = float(penalty if lowered is None else lowered)
    return _core.moments(
        A, X, float(penalty), at, bool(nonnegative), float(tol), sums, _NARROW, get_num_threads()
    )
