"""The Gaussian approximation of the posterior of a batch: codes, and what learning needs of their covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from overica._kernels import SparseCodes, debias, lasso_moments, lasso_supports
from overica._validation import Array
from overica.inference import ActiveSet, MAPProblem, Solver, solve
from overica.learning import determined
from overica.learning.covariance import active_moments, smooth_moments
from overica.priors import Prior

_LOOP_TOL = 1e-6


@dataclass(frozen=True)
class Model:
    """A mixing matrix with its prior and noise, in units in which every source has scale one.

    ``x = A s + e`` with scales theta is ``x = (A diag(theta)) (s / theta) + e``: columns carry the scales, and the
    prior is the same for all.
    """

    mixing: np.ndarray
    """A diag(theta), (n_features, n_components), float64."""
    prior: Prior
    """With scale 1."""
    penalty: float
    """lambda, what weighs the l1 norm of codes: the penalty of a source of scale one. Zero where samples
    determine their sources, see `overica.learning.determined`."""
    noise_variance: float = 1.0
    """sigma^2, the variance of e; the evidence alone uses it. See `overica.learning.calibration` on why they differ."""
    presence: np.ndarray | float = 1.0
    """rho, the probability that a source is present at all, per component; the evidence alone uses it."""
    solver: str | Solver = "auto"
    """How codes are found."""
    device: str = "cpu"
    """Torch device of codes and covariances where the compiled kernels do not serve."""

    @property
    def compiled(self) -> bool:
        """Whether the kernels give codes and moments in one pass: an l1 cost, on the CPU."""
        return (
            self.prior.l1_weights() is not None
            and self.device == "cpu"
            and (type(self.solver) is ActiveSet or self.solver in ("auto", ActiveSet.name))
        )

    def measured_in(self, unit: float) -> Model:
        """The model of the same samples divided by `unit`."""
        return replace(
            self,
            mixing=self.mixing / unit,
            penalty=self.penalty / unit / unit,
            noise_variance=self.noise_variance / unit / unit,
        )


@dataclass(frozen=True)
class Posterior:
    """MAP codes of a batch, and sums over its samples of what else learning needs of their posteriors.

    The posterior of a sample is approximated by a Gaussian at the mode, with covariance ``H^-1``,
    ``H = A'A / penalty + diag(cost'')``. At a kink of the cost the curvature is unbounded, so for l1 costs the
    block of inactive sources vanishes and ``H^-1 = penalty (A_a' A_a)^-1`` on the active set a alone. Nothing of size
    n_components^2 is held: ``H^-1`` counts by ``A H^-1`` alone, which is added up in the columns of the active sets.
    """

    found: Array | SparseCodes
    """The codes: an array, or without their zeros."""
    residual: Array
    """x - A s, (n_samples, n_features)."""
    cross: Array
    """Sum over samples of ``E[(x - A s) s'] = (x - A s) s' - A H^-1``, (n_features, n_components)."""
    log_det: Array
    """log det (penalty H) of the active block, for l1 costs log det(A_a'A_a), (n_samples,)."""
    n_active: Array
    """Sources in that block, (n_samples,)."""
    activity: Array
    """Sum over samples of each source's being active, (n_components,); for smooth costs a share in [0, 1]."""

    @property
    def codes(self) -> Array:
        """(n_samples, n_components), put together anew at every look where they are held without their zeros."""
        return self.found.dense() if isinstance(self.found, SparseCodes) else self.found

    def energy(self, weights: Array) -> Array:
        """Weighted sum over samples of the squared codes, (n_components,)."""
        if isinstance(self.found, SparseCodes):
            return self.found.summed(weights[self.found.samples] * self.found.values**2)
        return weights @ self.found**2


def infer(model: Model, X: np.ndarray) -> Posterior:
    """Posterior of a batch of samples under a model."""
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
    codes = codes_of(model, X, tol=_LOOP_TOL)
    moments_of = active_moments if model.prior.l1_weights() is not None else smooth_moments
    spread, log_det, n_active, activity = moments_of(A, codes, model.prior, penalty, model.device)
    residual = X - codes @ A.T
    cross = residual.T @ codes - penalty * spread
    return Posterior(codes, residual, cross, log_det, n_active, activity)


def found_codes(model: Model, X: np.ndarray) -> SparseCodes:
    """MAP codes of a batch without their zeros."""
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
    import torch

    def send(array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), device=model.device)

    problem = MAPProblem(send(A), send(X), model.prior, model.penalty)
    start = None if codes0 is None else send(codes0)
    return np.asarray(solve(problem, model.solver, start, tol=tol).codes.cpu().numpy())
