"""Posteriors of batches, where the mixing matrix lies: compiled kernels, or tensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica._kernels import SparseCodes, debias, lasso_moments, lasso_supports
from overica._validation import Array, as_numpy
from overica.backend import placed
from overica.inference import MAPProblem, solve
from overica.learning import determined
from overica.learning.generative import Model, Posterior

__all__ = ["Model", "Posterior", "codes_of", "found_codes", "infer"]

_LOOP_TOL = 1e-6


def infer(model: Model, X: Array) -> Posterior:
    """Posterior of a batch of samples under a model, where its mixing matrix lies.

    Parameters
    ----------
    model : Model
    X : array (n_samples, n_features)
        In the units of the model.

    Returns
    -------
    Posterior

    Examples
    --------
    >>> from overica.priors import Laplace
    >>> infer(Model(np.eye(2), Laplace(), penalty=1.0), np.array([[3.0, 0.5]])).codes
    array([[2., 0.]])
    """
    A, penalty = model.mixing, model.penalty
    if model.compiled:
        moments = lasso_moments(A, X, penalty, model.prior.nonnegative)
        found = moments.codes
        return Posterior(
            found,
            moments.residual,
            moments.cross,
            moments.log_det,
            found.n_active,
            found.activity,
        )
    from overica.learning.tensor_posterior import home, posterior

    if not isinstance(A, np.ndarray):
        return posterior(model, X)
    codes = codes_of(model, X, tol=_LOOP_TOL)
    mixing, samples, known = (placed(array, model.device) for array in (A, X, codes))
    return home(posterior(replace(model, mixing=mixing), samples, known))


def found_codes(model: Model, X: Array) -> SparseCodes:
    """MAP codes of a batch without their zeros, in host memory."""
    if not isinstance(model.mixing, np.ndarray):
        return _without_zeros(as_numpy(infer(model, X).codes))
    if model.compiled:
        return lasso_supports(model.mixing, X, model.penalty, model.prior.nonnegative)
    return _without_zeros(codes_of(model, X, tol=_LOOP_TOL))


def free_codes(model: Model, X: np.ndarray) -> SparseCodes:
    """Those of least squares on the supports of MAP codes: an l1 cost's shrinkage is taken off; see `debias`."""
    if model.compiled:
        return lasso_supports(model.mixing, X, model.penalty, model.prior.nonnegative, lowered=0.0)
    codes = codes_of(model, X, tol=_LOOP_TOL)
    return _without_zeros(debias(model.mixing.T @ model.mixing, codes, model.penalty))


def _without_zeros(codes: np.ndarray) -> SparseCodes:
    samples, atoms = np.nonzero(codes)
    n_active = np.bincount(samples, minlength=len(codes))
    return SparseCodes(n_active, atoms.astype(np.int32), codes[samples, atoms], codes.shape[1])


def codes_of(
    model: Model, X: np.ndarray, codes0: np.ndarray | None = None, tol: float | None = None
) -> np.ndarray:
    """Certified MAP codes of a batch, on the model's device, as a NumPy array."""
    if model.penalty == 0:
        return determined.codes(model.mixing, X)
    A = model.mixing.astype(X.dtype, copy=False)
    if model.device == "cpu":
        problem = MAPProblem(A, X, model.prior, model.penalty)
        return np.asarray(solve(problem, model.solver, codes0, tol=tol).codes)
    mixing, samples = placed(A, model.device), placed(X, model.device)
    start = None if codes0 is None else placed(codes0, model.device)
    problem = MAPProblem(mixing, samples, model.prior, model.penalty)
    return as_numpy(solve(problem, model.solver, start, tol=tol).codes)
