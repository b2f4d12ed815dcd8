"""The Gaussian approximation of the posterior of a batch: codes, and the covariance that learning needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from overica._kernels import lasso_moments
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
    """MAP codes of a batch, and its posterior covariance summed over samples.

    The posterior of a sample is approximated by a Gaussian at the mode, with covariance ``H^-1``,
    ``H = A'A / penalty + diag(cost'')``. At a kink of the cost the curvature is unbounded, so for l1 costs the
    block of inactive sources vanishes and ``H^-1 = penalty (A_a' A_a)^-1`` on the active set a alone.
    """

    codes: np.ndarray
    """(n_samples, n_components)."""
    residual: np.ndarray
    """x - A s, (n_samples, n_features)."""
    covariance: np.ndarray
    """Sum over samples of H^-1, (n_components, n_components)."""
    log_det: np.ndarray
    """log det (penalty H) of the active block, for l1 costs log det(A_a'A_a), (n_samples,)."""
    n_active: np.ndarray
    """Sources in that block, (n_samples,)."""
    activity: np.ndarray
    """Sum over samples of each source's being active, (n_components,); for smooth costs a share in [0, 1]."""


def infer(model: Model, X: np.ndarray, codes0: np.ndarray | None = None) -> Posterior:
    """Posterior of a batch of samples under a model."""
    A, penalty = model.mixing, model.penalty
    if model.compiled:
        moments = lasso_moments(A, X, penalty, model.prior.nonnegative, codes0)
        codes, inverse = moments.codes, moments.inverse_gram
        log_det, n_active = moments.log_det, moments.n_active
        activity = (codes != 0).sum(axis=0).astype(float)
    else:
        codes = codes_of(model, X, codes0, tol=_LOOP_TOL)
        moments_of = active_moments if model.prior.l1_weights() is not None else smooth_moments
        inverse, log_det, n_active, activity = moments_of(
            A, codes, model.prior, penalty, model.device
        )
    return Posterior(
        codes,
        X - codes @ A.T,
        penalty * inverse,
        log_det,
        n_active,
        activity,
    )


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
