"""Exact l1 codes: with a certificate for each, or with the sums that learning needs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica._kernels import _core
from overica._kernels.threads import get_num_threads

__all__ = ["Codes", "Moments", "lasso", "lasso_moments"]

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


class Moments(NamedTuple):
    """Codes and what the evidence needs of the supports ``a_i`` of the samples."""

    codes: NDArray[np.float64]
    """(n_samples, n_components)."""
    inverse_gram: NDArray[np.float64]
    """(n_components, n_components), the sum over samples of ``(A_a'A_a)^-1`` scattered to rows and columns a."""
    log_det: NDArray[np.float64]
    """(n_samples,), ``log det(A_a'A_a)``, 0 for an empty support."""
    n_active: NDArray[np.int64]
    """(n_samples,), size of the support."""


def checked(
    A: Any, X: Any, penalty: float, codes0: Any = None, dtype: Any = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Dictionary, samples and room for the codes as the kernels take them: one dtype, contiguous."""
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
    shape = (X.shape[0], A.shape[1])
    if codes0 is None:
        return A, X, np.empty(shape, dtype)
    codes = np.array(codes0, dtype, order="C")
    if codes.shape != shape:
        raise ValueError(
            f"`codes0` must have shape (n_samples, n_components) = {shape}, got {codes.shape}"
        )
    return A, X, codes


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
    A, X, codes = checked(A, X, penalty, codes0)
    tol = TOLERANCE[A.dtype] if tol is None else float(tol)
    if scales is not None:
        scales = np.array(np.broadcast_to(scales, A.shape[1]), np.float64, order="C")
    certificate = _core.solve(
        A, X, codes, float(penalty), bool(nonnegative), tol, codes0 is not None, scales, _NARROW, get_num_threads()
    )  # fmt: skip
    return Codes(codes, *certificate)


def lasso_moments(
    A: Any,
    X: Any,
    penalty: float,
    nonnegative: bool = False,
    codes0: Any = None,
    *,
    tol: float = 1e-10,
) -> Moments:
    """Codes as of `lasso`, in double, and the sums over their supports, in one pass.

    Parameters are those of `lasso`.

    Examples
    --------
    >>> import numpy as np
    >>> from overica._kernels import lasso_moments
    >>> moments = lasso_moments(2.0 * np.eye(2), np.array([[3.0, -0.5], [0.2, -2.0]]), 1.0)
    >>> moments.inverse_gram
    array([[0.25, 0.  ],
           [0.  , 0.25]])
    >>> moments.n_active
    array([1, 1])
    """
    A, X, codes = checked(A, X, penalty, codes0, np.float64)
    sums = _core.moments(
        A, X, codes, float(penalty), bool(nonnegative), float(tol), codes0 is not None, get_num_threads()
    )  # fmt: skip
    return Moments(codes, *sums)
