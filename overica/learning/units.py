"""The map from samples to the units in which a model is learned, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from overica.ranges import centred


@dataclass(frozen=True, eq=False)
class Units:
    """Where samples are measured from, how large they are, and perhaps in which directions they are stretched:

        z = W (x - mean) / unit,        x = mean + unit B z,

    z being what a `Model` is of. Plainly W and B are the identity. Whitened, W has a row for every dimension in which
    samples vary and B is its right inverse, ``W B = I``; W is without a unit, so that ``unit z`` has the size of x.

    Parameters
    ----------
    mean : array (n_features,)
    unit : float
    whitener : array (n_dimensions, n_features) or None
        W.
    dewhitener : array (n_features, n_dimensions) or None
        B; its columns span the space in which samples vary.

    Examples
    --------
    >>> units = Units(np.zeros(2), 2.0, np.array([[1.0, 0.0], [0.0, 4.0]]), np.diag([1.0, 0.25]))
    >>> units.forward(np.array([[2.0, 0.5]]))
    array([[1., 1.]])
    >>> units.columns(np.array([[1.0], [1.0]])).ravel()
    array([2. , 0.5])
    >>> bool(np.isclose(units.log_det, np.log(4.0 / 2.0**2)))
    True
    """

    mean: np.ndarray
    unit: float
    whitener: np.ndarray | None = None
    dewhitener: np.ndarray | None = None

    @property
    def whitened(self) -> bool:
        """Whether directions are stretched."""
        return self.whitener is not None

    @property
    def n_dimensions(self) -> int:
        """Entries of z: as many as features, or the rank of samples that were whitened."""
        return len(self.mean) if self.whitener is None else len(self.whitener)

    @property
    def log_det(self) -> float:
        """``log |det dz/dx|``, which turns the log density of z into that of x.

        With fewer dimensions than features, of the map restricted to the space in which samples vary: the density
        is per volume within that space.
        """
        log_det = -self.n_dimensions * float(np.log(self.unit))
        if self.dewhitener is not None:
            log_det -= float(np.log(np.linalg.svd(self.dewhitener, compute_uv=False)).sum())
        return log_det

    def coordinates(self, X: np.ndarray) -> np.ndarray:
        """``W (x - mean)``, ``unit z``, in the dtype of X: of the size of X, and plainly no more than a difference."""
        Z = centred(X, self.mean, self.unit)
        if self.whitener is None:
            return Z
        # In double precision: what is stretched is small beside what it was a part of.
        return (Z.astype(np.float64, copy=False) @ self.whitener.T).astype(X.dtype, copy=False)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Samples as the model has them, (n_samples, n_dimensions), in the dtype of X."""
        return np.ascontiguousarray(self.coordinates(X) / X.dtype.type(self.unit))

    def columns(self, mixing: np.ndarray) -> np.ndarray:
        """Columns of a model, (n_dimensions, n_components), in units of X, (n_features, n_components)."""
        A = mixing if self.dewhitener is None else self.dewhitener @ mixing
        return np.asarray(A * self.unit)

    def own(self, columns: np.ndarray) -> np.ndarray:
        """Columns in units of X as the model has them, without what lies outside the space of the samples."""
        A = columns if self.whitener is None else self.whitener @ columns
        return np.asarray(A / self.unit)

    def variance(self, own: float) -> float:
        """Of isotropic noise in x that is as large in z, on average over its dimensions, as noise of variance `own`."""
        return own * self._noise * self.unit * self.unit

    def own_variance(self, variance: float) -> float:
        """Of noise in z, the mean over its dimensions, where that in x is isotropic of this variance."""
        return variance / self._noise / self.unit / self.unit

    @property
    def _noise(self) -> float:
        """What is left of a variance from z to ``unit x``: one, if nothing is stretched."""
        return 1.0 if self.whitener is None else self.n_dimensions / float((self.whitener**2).sum())

    def measured_from(self, mean: np.ndarray) -> Units:
        """The same with another origin."""
        return replace(self, mean=mean)
