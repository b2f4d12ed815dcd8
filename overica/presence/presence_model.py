"""The model: sparse sums of columns with Gaussian slabs, whose presences follow a forest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overica._kernels import find_presences
from overica._validation import as_numpy, check_array, check_scalar
from overica.presence.sparse_posterior import PresencePosterior
from overica.presence.tree import Forest

__all__ = ["PresenceModel"]

_NARROWEST = 1e-4
"""The least spread of a slab beside its mean: below, digits of the evidence are lost."""


@dataclass(frozen=True)
class PresenceModel:
    """Samples that are sums of few columns, present by a forest, with Gaussian codes.

    .. math:: x = A s + e, \\quad e \\sim N(0, \\sigma^2 I), \\quad b \\sim \\text{forest}, \\quad
              s_j \\mid b_j = 1 \\sim N(\\mu_j, \\tau_j^2), \\quad s_j \\mid b_j = 0 \\; = 0

    Attributes
    ----------
    mixing : array (n_features, n_components)
        A, columns of length one.
    slab_mean, slab_variance : array (n_components,)
        mu and tau squared, in units of X and their squares.
    noise_variance : float
        sigma squared.
    forest : Forest
    nonnegative : bool
        Whether codes cannot be negative, see Notes.
    capacity : int, optional
        The most sources that a sample may have; ``min(n_components, 64)`` by default.
    swap_below : float or None
        Swaps are tried of sources whose presence brings a sample fewer nats than this.

    retry_above : float or None
        Samples that are fitted worse than the model expects by this many standard deviations of its chi-squared are
        searched again with more noise, less and less of it; the better support stands. None: never.

    Raises
    ------
    ValueError
        If shapes do not fit each other, columns are not of unit length, or variances are not positive.

    Notes
    -----
    The support of a sample is where additions, removals and swaps of single sources no longer raise
    ``log p(x, b)``, codes integrated out: a local optimum, found greedily. A wrong one shows, since at the right one
    the misfit ``|x - A s|^2 / sigma^2 + sum_S (s_j - mu_j)^2 / tau_j^2`` at the means is chi-squared with n_features
    degrees of freedom: that is what `retry_above` looks at. Where columns, slabs or the noise variance are far from
    right nearly every sample exceeds it, and searching again costs ten to twenty times the first search: say None then.

    `log_evidence` is that of this one support; since ``p(x)`` sums over all of them it is a lower bound on
    ``log p(x)``, short by ``-log p(b | x)``. Every call prepares the Gram matrix,
    ``n_features n_components^2`` multiplications.

    With `nonnegative`, a support is one of those whose posterior means, under slabs that are Gaussian on the whole
    line, are not negative; those means are then the most probable codes under the constraint as well. The density is
    not truncated. Truncated slabs ``N(mu, tau^2) 1[s >= 0] / Phi(mu / tau)`` would multiply ``p(x, b)`` by
    ``P(s_S >= 0 | x, b) / prod_S Phi(mu_j / tau_j)``, which is near one where slabs and codes are some standard
    deviations away from zero, and would move the means up, by less than a standard deviation.

    Examples
    --------
    >>> model = PresenceModel(
    ...     np.eye(2),
    ...     [3.0, 3.0],
    ...     [0.5, 0.5],
    ...     0.01,
    ...     Forest.independent([0.1, 0.1]),
    ...     nonnegative=True,
    ... )
    >>> model.codes([[3.0, 0.0], [2.5, 3.5]]).round(2)
    array([[3.  , 0.  ],
           [2.51, 3.49]])
    """

    mixing: NDArray[np.float64]
    slab_mean: NDArray[np.float64]
    slab_variance: NDArray[np.float64]
    noise_variance: float
    forest: Forest
    nonnegative: bool = False
    capacity: int | None = None
    swap_below: float | None = 12.0
    retry_above: float | None = 4.0

    def __post_init__(self) -> None:
        mixing = check_array(self.mixing, "mixing", {"n_features": None, "n_components": None})
        mixing = np.ascontiguousarray(as_numpy(mixing), np.float64)
        n = mixing.shape[1]
        lengths = np.linalg.norm(mixing, axis=0)
        if np.abs(lengths - 1).max() > 1e-6:
            worst = lengths[np.abs(lengths - 1).argmax()]
            raise ValueError(
                f"`mixing` must have columns of length 1, got one of length {worst:.6g}"
            )
        object.__setattr__(self, "mixing", mixing)
        for name in ("slab_mean", "slab_variance"):
            value = as_numpy(check_array(getattr(self, name), name, {"n_components": n}))
            object.__setattr__(self, name, np.ascontiguousarray(value, np.float64))
        least = np.maximum((_NARROWEST * self.slab_mean) ** 2, np.finfo(float).tiny)
        if (self.slab_variance < least).any():
            raise ValueError(
                f"`slab_variance` must be positive and at least {_NARROWEST**2:g} of the squared `slab_mean`, "
                f"got {self.slab_variance.min():g}"
            )
        noise = check_scalar(self.noise_variance, "noise_variance", strict=True)
        object.__setattr__(self, "noise_variance", float(noise))
        if self.forest.n_components != n:
            raise ValueError(f"`forest` must have n_components={n}, got {self.forest.n_components}")
        if self.capacity is not None:
            check_scalar(self.capacity, "capacity", minimum=1, integer=True)

    @property
    def n_features(self) -> int:
        """Length of a sample."""
        return self.mixing.shape[0]

    @property
    def n_components(self) -> int:
        """Sources."""
        return self.mixing.shape[1]

    def check(self, X: Any) -> NDArray:
        """Samples as the kernel takes them, finite, float32 or float64."""
        shape = {"n_samples": None, "n_features": self.n_features}
        return as_numpy(check_array(X, "X", shape))

    def infer(
        self,
        X: Any,
        *,
        start: PresencePosterior | None = None,
        barred: NDArray | None = None,
        sums: bool = False,
    ) -> PresencePosterior:
        """Supports, codes and evidence of samples.

        Parameters
        ----------
        X : array (n_samples, n_features)
        start : PresencePosterior, optional
            Supports of the same samples to start from; nothing by default.
        barred : array of int (n_samples,), optional
            For each sample a source that cannot be present in it.
        sums : bool
            Whether the sums that learning needs are wanted.

        Raises
        ------
        ValueError
            If X is not finite or does not fit the model, or `start` or `barred` are not of these samples.
        """
        X = self.check(X)
        known = None
        if start is not None:
            if len(start) != len(X) or start.n_components != self.n_components:
                raise ValueError(
                    f"`start` must be of {len(X)} samples and {self.n_components} components, "
                    f"got {len(start)} and {start.n_components}"
                )
            known = (start.starts, start.indices)
        if barred is not None:
            barred = np.asarray(barred)
            if (
                barred.shape != (len(X),)
                or not ((barred >= 0) & (barred < self.n_components)).all()
            ):
                raise ValueError(
                    f"`barred` must hold a position below {self.n_components} for each of {len(X)} samples"
                )
        misfit = None
        if self.retry_above is not None:
            misfit = self.n_features + self.retry_above * np.sqrt(2.0 * self.n_features)
        found = find_presences(
            self.mixing, X, self.slab_mean, self.slab_variance, self.noise_variance, self.forest.graph(),
            self.nonnegative, capacity=self.capacity, swap_below=self.swap_below, misfit=misfit, known=known,
            barred=barred, sums=sums,
        )  # fmt: skip
        evidence = found.gain + self.log_empty(X)
        second, together = (found.second, found.together) if sums else (None, None)
        return PresencePosterior(
            found.starts, found.indices, found.means, found.variances, evidence, self.n_components, second, together
        )  # fmt: skip

    def log_empty(self, X: NDArray) -> NDArray[np.float64]:
        """log p(x, nothing is present), (n_samples,)."""
        squares = np.einsum("ij,ij->i", X, X, dtype=np.float64)
        noise = 0.5 * self.n_features * np.log(2 * np.pi * self.noise_variance)
        return self.forest.log_normaliser - noise - 0.5 * squares / self.noise_variance

    def codes(self, X: Any) -> NDArray[np.float64]:
        """Posterior means given the support found, zero elsewhere, (n_samples, n_components)."""
        return self.infer(X).codes()

    def log_evidence(self, X: Any) -> NDArray[np.float64]:
        """log p(x, b) at the support found, (n_samples,): a lower bound on log p(x)."""
        return self.infer(X).log_evidence

    def to_arrays(self) -> dict[str, NDArray]:
        """Everything as named arrays, from which `from_arrays` makes an equal model."""
        return {
            "mixing": self.mixing,
            "slab_mean": self.slab_mean,
            "slab_variance": self.slab_variance,
            "noise_variance": np.array(self.noise_variance),
            "parents": self.forest.parents,
            "log_odds": self.forest.log_odds,
            "couplings": self.forest.couplings,
            "log_normaliser": np.array(self.forest.log_normaliser),
            "nonnegative": np.array(self.nonnegative),
            "capacity": np.array(-1 if self.capacity is None else self.capacity),
            "swap_below": np.array(np.nan if self.swap_below is None else self.swap_below),
            "retry_above": np.array(np.nan if self.retry_above is None else self.retry_above),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> PresenceModel:
        """The model that `to_arrays` described."""
        forest = Forest(
            arrays["parents"],
            arrays["log_odds"],
            arrays["couplings"],
            float(arrays["log_normaliser"]),
        )
        capacity = int(arrays["capacity"])
        limits = (float(arrays[name]) for name in ("swap_below", "retry_above"))
        return cls(
            arrays["mixing"], arrays["slab_mean"], arrays["slab_variance"], float(arrays["noise_variance"]),
            forest, bool(arrays["nonnegative"]), None if capacity < 0 else capacity,
            *(None if np.isnan(limit) else limit for limit in limits),
        )  # fmt: skip
