"""What the evidence of samples is made of: supports, determinants and line integrals, see ``src/lines.hpp``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica._kernels import _core
from overica._kernels.codes import TOLERANCE, checked
from overica._kernels.threads import get_num_threads

__all__ = ["Masses", "Terms", "debias", "evidence_terms", "occupancy"]


class Terms(NamedTuple):
    """Parts of the evidence of samples, under a prior of scale one; all but the masses have shape (n_samples,)."""

    size: NDArray[np.float64]
    """``|s|_1`` of the code at the noise variance, on the support found at the penalty or a smaller one."""
    square: NDArray[np.float64]
    """``|x - A s|^2``."""
    n_active: NDArray[np.int64]
    """Size k of the support a."""
    log_det: NDArray[np.float64]
    """``log det(A_a'A_a)``."""
    present: NDArray[np.float64]
    """Masses of the sources, see `occupancy`, (n_samples, n_components); no rows if not asked for."""
    absent: NDArray[np.float64]
    """What takes their place where the source is not there; as `present`."""
    log_factors: NDArray[np.float64]
    """``sum_j log(rho_j present_j + (1 - rho_j) absent_j)``; empty if no `presence` was given."""


def evidence_terms(
    A: Any,
    X: Any,
    penalty: float,
    noise_variance: float,
    nonnegative: bool = False,
    *,
    masses: bool = False,
    presence: Any = None,
) -> Terms:
    """Supports at a penalty, codes on them at the noise variance, and the line integrals around these, in one pass.

    Parameters
    ----------
    A : array (n_features, n_components)
    X : array (n_samples, n_features)
    penalty : float
        Where supports are found.
    noise_variance : float
        sigma^2 >= 0; zero, for least squares on the supports, has neither masses nor factors.
    nonnegative : bool
    masses : bool
        Whether to return those of every sample and source.
    presence : array (n_components,), optional
        rho, for `log_factors`.

    Examples
    --------
    >>> terms = evidence_terms(np.eye(2), np.array([[3.0, 0.0]]), 1.0, 0.5)
    >>> terms.size, terms.square, terms.n_active
    (array([2.5]), array([0.25]), array([1]))
    """
    A, X = checked(A, X, penalty, dtype=np.float64)
    if presence is not None:
        presence = np.array(np.broadcast_to(presence, A.shape[1]), np.float64, order="C")
    return Terms(
        *_core.evidence(
            A, X, float(penalty), float(noise_variance), bool(nonnegative), TOLERANCE[A.dtype], masses, presence,
            get_num_threads(),
        )
    )  # fmt: skip


def debias(gram: NDArray, codes: NDArray, excess: float) -> NDArray[np.float64]:
    """Codes of the same signs at a penalty lower by `excess`, on the same supports or fewer.

    On the support a with signs z the lasso code is ``(A_a'A_a)^-1 (A_a'x - penalty z)``, so that lowering the penalty
    by t adds ``t (A_a'A_a)^-1 z``. A source that comes to zero on the way leaves, and the others go on without it:
    they stay optimal, ``A_a'r = penalty z``, which the line integrals take for granted. Atoms that depend on others of
    their support are set to zero.

    Examples
    --------
    >>> debias(np.eye(2), np.array([[2.0, 0.0], [-1.0, 0.5]]), 0.5)
    array([[ 2.5,  0. ],
           [-1.5,  1. ]])
    """
    out = np.array(codes, np.float64, order="C")
    gram = np.ascontiguousarray(gram, np.float64)
    _core.debias(gram, out, float(excess), _capacity(out), get_num_threads())
    return out


class Masses(NamedTuple):
    """Masses of the sources around the mode of every sample."""

    present: NDArray[np.float64]
    """(n_samples, n_components), relative to the Gaussian integral over the active sources."""
    absent: NDArray[np.float64]
    """What takes their place where the source is not there at all: 1 for an inactive one; for an active one the
    density of its Gaussian at zero over that of the prior (the ratio of Savage and Dickey), (n_samples, n_components).
    """
    log_det: NDArray[np.float64]
    """``log det(A_a'A_a)`` of the active columns, (n_samples,)."""


def occupancy(
    gram: NDArray, correlation: NDArray, codes: NDArray, sigma2: float, nonnegative: bool
) -> Masses:
    """Masses around given modes, from ``A'A`` and ``A'(x - A s)``; what `evidence_terms` does for codes of its own.

    The mass of an inactive source is the integral over its line of the posterior times the prior's density at zero; for
    an active source it is the share of its Gaussian that lies on its side of the kink, plus what leaks through.

    Examples
    --------
    A source that is certainly there:

    >>> occupancy(np.eye(1), np.array([[0.01]]), np.array([[3.0]]), 0.01, True).present.round(6)
    array([[1.]])
    """
    codes = np.array(codes, np.float64, order="C")
    gram, correlation = (np.ascontiguousarray(a, np.float64) for a in (gram, correlation))
    return Masses(
        *_core.occupancy(
            gram, correlation, codes, float(sigma2), bool(nonnegative), _capacity(codes), get_num_threads()
        )
    )  # fmt: skip


def _capacity(codes: NDArray) -> int:
    """The largest support."""
    return max(1, int(np.count_nonzero(codes, axis=1).max(initial=0)))
