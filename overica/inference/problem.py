"""The MAP problem: what the codes of samples are, and how far given codes are from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overica._validation import (
    Array,
    check_array,
    check_magnitude,
    check_same_home,
    check_scalar,
    namespace,
)
from overica.inference.certificate import REFINE_ABOVE, certify
from overica.inference.standard_form import StandardForm
from overica.priors import Prior, get_prior

_CHUNK = 2**22
"""Numbers per double-precision temporary of a certificate."""


@dataclass(frozen=True, eq=False)
class MAPProblem:
    """Maximum a posteriori codes of ``x = A s + e``, e ~ N(0, sigma^2 I), under a factorial prior.

    For each sample, a row of X, minimise over its code s

        F(s) = ||x - A s||^2 / (2 sigma^2) + sum_j cost_j(s_j),

    in nats, with ``cost = -log p(s) + log p(mode)``. With ``noise_variance = 0`` it is the
    noiseless limit, sum_j cost_j(s_j) subject to A s = x, which for the Laplace prior is basis
    pursuit.

    Parameters
    ----------
    mixing : array (n_features, n_components)
        A. Half precision is widened to float32, integers to float64.
    X : array (n_samples, n_features)
        The samples, of the same library and device as `mixing`. If one of the two is float64, both
        become so.
    prior : Prior or str
        An instance, or a name in `overica.priors.PRIORS`.
    noise_variance : float
        sigma^2 >= 0, in squared units of X.

    Raises
    ------
    ValueError
        If an argument is not finite or has the wrong shape, or the prior's scales are not one per
        component.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem
    >>> problem = MAPProblem(np.eye(2), np.array([[3.0, 0.5]]), "laplace", noise_variance=1.0)
    >>> optimum = np.array([[2.0, 0.0]])
    >>> problem.objective(optimum), problem.duality_gap(optimum)
    (array([2.625]), array([0.]))
    >>> problem.duality_gap(np.array([[2.0, 0.1]]))
    array([0.06])
    """

    mixing: Array
    """A, (n_features, n_components)."""
    X: Array
    """Samples, (n_samples, n_features)."""
    prior: Prior
    """The prior of the sources."""
    noise_variance: float
    """sigma^2, in squared units of X."""
    largest_mixing: float = field(init=False, repr=False)
    """The largest absolute entry of A."""
    largest_sample: float = field(init=False, repr=False)
    """The largest absolute entry of X."""

    def __post_init__(self) -> None:
        shape: dict[str, int | None] = {"n_features": None, "n_components": None}
        mixing, largest_mixing = check_magnitude(self.mixing, "mixing", shape)
        n_features, n_components = mixing.shape
        X, largest_sample = check_magnitude(
            self.X, "X", {"n_samples": None, "n_features": n_features}
        )
        check_same_home(mixing, "mixing", X, "X")
        xp = namespace(X)
        dtype = xp.result_type(mixing, X)
        prior = get_prior(self.prior)
        shape_of_scale = np.shape(prior.scale)
        if shape_of_scale not in ((), (n_components,)):
            raise ValueError(
                "the scale of `prior` must be a scalar or have shape "
                f"(n_components={n_components},), got {shape_of_scale}"
            )
        object.__setattr__(self, "mixing", xp.astype(mixing, dtype, copy=False))
        object.__setattr__(self, "X", xp.astype(X, dtype, copy=False))
        object.__setattr__(self, "prior", prior)
        object.__setattr__(self, "largest_mixing", largest_mixing)
        object.__setattr__(self, "largest_sample", largest_sample)
        object.__setattr__(
            self, "noise_variance", check_scalar(self.noise_variance, "noise_variance")
        )

    @property
    def n_samples(self) -> int:
        """Rows of X."""
        return int(self.X.shape[0])

    @property
    def n_features(self) -> int:
        """Rows of A."""
        return int(self.mixing.shape[0])

    @property
    def n_components(self) -> int:
        """Columns of A."""
        return int(self.mixing.shape[1])

    @property
    def dtype(self) -> Any:
        """float32 or float64, of the arrays' library."""
        return self.X.dtype

    @property
    def penalty(self) -> np.ndarray | None:
        """The lasso's penalties, sigma^2 / theta per component; None if the cost is not l1."""
        weights = self.prior.l1_weights()
        if weights is None:
            return None
        return np.broadcast_to(self.noise_variance * np.asarray(weights), (self.n_components,))

    def check_codes(self, codes: Array, name: str = "codes", *, finite: bool = True) -> Array:
        """`codes`, validated: (n_samples, n_components), in the problem's library and dtype.

        Raises
        ------
        ValueError
            Naming the argument, what was expected, and what came.
        """
        shape: dict[str, int | None] = {
            "n_samples": self.n_samples,
            "n_components": self.n_components,
        }
        codes = check_array(codes, name, shape, finite=finite)
        check_same_home(codes, name, self.X, "X")
        return namespace(codes).astype(codes, self.dtype, copy=False)

    def residual(self, codes: Array) -> Array:
        """x - A s for every sample, (n_samples, n_features), in units and dtype of X."""
        return self.X - self.check_codes(codes) @ self.mixing.T

    def objective(self, codes: Array) -> Array:
        """F, in nats, of every sample: (n_samples,), float64 whatever the dtype of the codes.

        +inf outside the prior's support and, with zero noise, where A s = x is not met.
        """
        codes = self.check_codes(codes, finite=False)
        return self._by_chunk(lambda form: form.objective(), codes)

    def duality_gap(self, codes: Array, *, refine_above: float = REFINE_ABOVE) -> Array:
        """A bound, in nats, on ``F(codes) - min F`` of every sample: (n_samples,), float64, >= 0.

        For any u the dual function ``D(u) = <u, x> - sigma^2 ||u||^2 / 2 - sum_j
        conjugate_j((A'u)_j)`` lies below min F, and F - D is a sum of terms that are each
        non-negative,

            F(s) - D(u) = sigma^2 ||u - r/sigma^2||^2 / 2 + sum_j fenchel_young_j(s_j, (A'u)_j),
            r = x - A s,

        so that it is summed without cancellation. The point u is r / sigma^2 shrunk until A'u is
        in the range of slopes; where that leaves a gap above `refine_above` times the objective,
        also the nearest point whose slopes on the active sources are the cost's own. In double
        precision throughout, so that rounding in the codes is measured, not repeated.

        NaN codes, codes outside the support, and codes that miss A s = x without noise have gap
        +inf.
        """
        codes = self.check_codes(codes, finite=False)
        return self._by_chunk(lambda form: certify(form, refine_above), codes)

    def standard_form(self, codes: Array | None = None, rows: slice = slice(None)) -> StandardForm:
        """In units of the scales and the noise, in double precision, at `codes` or at zero."""
        xp = namespace(self.X)
        sigma = self.noise_variance**0.5 or 1.0
        theta = self.prior.scale_like(xp.astype(self.mixing[:1, :], xp.float64))
        X = xp.astype(self.X[rows, :], xp.float64)
        A = xp.astype(self.mixing, xp.float64)
        if codes is None:
            codes = xp.zeros_like(self.mixing[:1, :]) + xp.zeros_like(self.X[:, :1])
        S = xp.astype(codes[rows, :], xp.float64)
        return StandardForm(
            A * theta / sigma, X / sigma, S / theta, self.prior.with_scale(1.0),
            noiseless=self.noise_variance == 0, eps=float(xp.finfo(self.dtype).eps),
        )  # fmt: skip

    def _by_chunk(self, function: Any, codes: Array) -> Array:
        rows = max(1, _CHUNK // (self.n_features + self.n_components))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            parts = [
                function(self.standard_form(codes, slice(start, start + rows)))
                for start in range(0, self.n_samples, rows)
            ]
        return namespace(codes).concat(parts)
