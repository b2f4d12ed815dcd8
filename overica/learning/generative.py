"""A model of samples, and the Gaussian approximation of its posterior: what inference hands to learning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from overica._validation import Array, as_numpy
from overica.backend import placed
from overica.inference import ActiveSet, Solver
from overica.priors import Prior


@dataclass(frozen=True)
class Model:
    """A mixing matrix with its prior and noise, in units in which every source has scale one.

    ``x = A s + e`` with scales theta is ``x = (A diag(theta)) (s / theta) + e``: columns carry the scales, and the
    prior is the same for all.

    Examples
    --------
    >>> from overica.learning import infer
    >>> from overica.priors import Laplace
    >>> model = Model(np.eye(2), Laplace(), penalty=1.0)
    >>> infer(model, np.array([[3.0, 0.5]])).codes
    array([[2., 0.]])
    """

    mixing: Array
    """A diag(theta), (n_features, n_components): float64 in host memory, or a tensor within a run of steps."""
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
    """Torch device of learning steps, and of codes and covariances that the compiled kernels do not serve."""

    @property
    def compiled(self) -> bool:
        """Whether the kernels give codes and moments in one pass: an l1 cost, and a mixing matrix in host memory."""
        return (
            self.prior.l1_weights() is not None
            and isinstance(self.mixing, np.ndarray)
            and (type(self.solver) is ActiveSet or self.solver in ("auto", ActiveSet.name))
        )

    @property
    def step_dtype(self) -> type[np.floating]:
        """Of learning steps on a device: single under an l1 cost, whose codes are refined in double precision."""
        return np.float64 if self.prior.l1_weights() is None else np.float32

    def sent(self) -> Model:
        """The model for learning steps on its device, where the mixing matrix is a tensor; itself on the plain CPU."""
        if self.device == "cpu" or not isinstance(self.mixing, np.ndarray):
            return self
        return replace(self, mixing=placed(self.mixing, self.device, self.step_dtype))

    def home(self) -> Model:
        """The model with its mixing matrix in host memory."""
        if isinstance(self.mixing, np.ndarray):
            return self
        return replace(self, mixing=as_numpy(self.mixing).astype(np.float64))

    def measured_in(self, unit: float) -> Model:
        """The model of the same samples divided by `unit`."""
        return replace(
            self,
            mixing=self.mixing / unit,
            penalty=self.penalty / unit / unit,
            noise_variance=self.noise_variance / unit / unit,
        )


class SupportCodes(Protocol):
    """Codes without their zeros."""

    def dense(self) -> Array:
        """(n_samples, n_components)."""

    def energy(self, weights: Array) -> Array:
        """Weighted sum over samples of the squared codes, (n_components,)."""


@dataclass(frozen=True)
class Posterior:
    """MAP codes of a batch, and sums over its samples of what else learning needs of their posteriors.

    The posterior of a sample is approximated by a Gaussian at the mode, with covariance ``H^-1``,
    ``H = A'A / penalty + diag(cost'')``. At a kink of the cost the curvature is unbounded, so for l1 costs the
    block of inactive sources vanishes and ``H^-1 = penalty (A_a' A_a)^-1`` on the active set a alone. Nothing of size
    n_components^2 is held: ``H^-1`` counts by ``A H^-1`` alone, which is added up in the columns of the active sets.

    Examples
    --------
    >>> from overica.learning import infer
    >>> from overica.priors import Laplace
    >>> posterior = infer(Model(np.eye(2), Laplace(), penalty=1.0), np.array([[3.0, 0.5]]))
    >>> posterior.residual, posterior.n_active
    (array([[1. , 0.5]]), array([1]))
    """

    found: Array | SupportCodes
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
        found: Any = self.found
        return found.dense() if hasattr(found, "energy") else found

    def energy(self, weights: Array) -> Array:
        """Weighted sum over samples of the squared codes, (n_components,)."""
        found: Any = self.found
        return found.energy(weights) if hasattr(found, "energy") else weights @ found**2
