"""The two functions of the kernels: exact l1 codes, and codes with the evidence's sums."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica._validation import Array
from overica.inference.kernels.plans import run_direct, run_planar, run_screened
from overica.inference.kernels.threads import threads_for
from overica.inference.kernels.workspace import WIDE

__all__ = ["Moments", "lasso", "lasso_moments"]

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}


class Moments(NamedTuple):
    """Codes and what the evidence needs of the supports ``a_i`` of the samples."""

    codes: NDArray
    """(n_samples, n_components)."""
    inverse_gram: NDArray[np.float64]
    """(n_components, n_components), the sum over samples of ``(A_a^T A_a)^{-1}`` scattered to rows
    and columns ``a``.
    """
    log_det: NDArray[np.float64]
    """(n_samples,), ``log det(A_a^T A_a)``, 0 for an empty support."""
    n_active: NDArray[np.int64]
    """(n_samples,), size of the support."""


def _checked(A, X, penalty, codes0):
    X = np.asarray(X)
    dtype = np.dtype(np.float32 if X.dtype == np.float32 else np.float64)
    X = np.ascontiguousarray(X, dtype)
    A = np.ascontiguousarray(A, dtype)
    if A.ndim != 2 or 0 in A.shape:
        raise ValueError(f"`A` must have shape (n_features, n_components), got {A.shape}")
    if X.ndim != 2 or X.shape[1] != A.shape[0]:
        raise ValueError(f"`X` must have shape (n_samples, n_features={A.shape[0]}), got {X.shape}")
    if not (np.isfinite(penalty) and penalty > 0):
        raise ValueError(f"`penalty` must be positive and finite, got {penalty}")
    shape = (X.shape[0], A.shape[1])
    if codes0 is None:
        codes = np.empty(shape, dtype)
    else:
        codes = np.array(codes0, dtype, order="C")
        if codes.shape != shape:
            raise ValueError(
                f"`codes0` must have shape (n_samples, n_components) = {shape}, got {codes.shape}"
            )
    return A, X, codes


def lasso(
    A: Array,
    X: Array,
    penalty: float,
    nonnegative: bool = False,
    codes0: Array | None = None,
    *,
    tol: float | None = None,
) -> tuple[NDArray, int]:
    """Exact l1-penalised codes of a batch of samples.

    argmin_s  ||x - A s||^2 / 2 + penalty ||s||_1,  optionally subject to s >= 0, for every row x of
    ``X``.

    Parameters
    ----------
    A : array (n_features, n_components)
        Dictionary; columns of any norm, duplicates and zeros included.
    X : array (n_samples, n_features)
        Samples. float32 stays float32, everything else becomes float64.
    penalty : float
        Positive weight of the l1 norm, in units of ``X`` times ``A``.
    nonnegative : bool
        Whether codes are constrained to be non-negative.
    codes0 : array (n_samples, n_components), optional
        Warm start: its support and signs are where the search begins.
    tol : float, optional
        Relative violation of the optimality conditions that counts as none: 1e-10 in float64, 1e-5
        in float32.

    Returns
    -------
    codes : array (n_samples, n_components)
    n_iter : int
        Largest number of support changes of any sample.

    Notes
    -----
    Results do not depend on the number of threads. The arrays are taken to be finite; the
    certificate of
    optimality (the duality gap) is the caller's to compute.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference.kernels import lasso
    >>> codes, n_iter = lasso(np.eye(2), np.array([[3.0, -0.5], [0.2, -2.0]]), 1.0)
    >>> codes
    array([[ 2.,  0.],
           [ 0., -1.]])
    """
    A, X, codes = _checked(A, X, penalty, codes0)
    tol = TOLERANCE[A.dtype] if tol is None else float(tol)
    run: Callable[..., int] = run_direct
    if A.shape[0] == 2:
        run = run_planar
    elif A.dtype == np.float64 and A.shape[1] > WIDE:
        run = run_screened
    n_iter = 0
    if len(X):
        with threads_for(len(X), *A.shape):
            n_iter = run(A, X, float(penalty), bool(nonnegative), codes0 is not None, tol, codes)
    return codes, n_iter


def lasso_moments(
    A: Array,
    X: Array,
    penalty: float,
    nonnegative: bool = False,
    codes0: Array | None = None,
    *,
    tol: float | None = None,
) -> Moments:
    """Codes as of :func:`lasso`, and the sums over their supports, in one pass.

    Parameters are those of :func:`lasso`.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference.kernels import lasso_moments
    >>> moments = lasso_moments(2.0 * np.eye(2), np.array([[3.0, -0.5], [0.2, -2.0]]), 1.0)
    >>> moments.inverse_gram
    array([[0.25, 0.  ],
           [0.  , 0.25]])
    >>> moments.n_active
    array([1, 1])
    """
    A, X, codes = _checked(A, X, penalty, codes0)
    n_samples, n_components = codes.shape
    moments = Moments(
        codes,
        np.zeros((n_components, n_components)),
        np.zeros(n_samples),
        np.zeros(n_samples, np.int64),
    )
    tol = TOLERANCE[A.dtype] if tol is None else float(tol)
    if n_samples:
        warm = codes0 is not None
        with threads_for(len(X), *A.shape):
            run_direct(A, X, float(penalty), bool(nonnegative), warm, tol, codes, moments)
    return moments
