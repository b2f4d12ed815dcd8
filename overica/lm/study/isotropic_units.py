"""Activations in units in which their noise may be isotropic: perhaps whitened, with the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Whitening:
    """The linear map ``x -> x W`` with ``W = (C + ridge c I)^(-1/2) c^(1/2)``, c the mean variance of C.

    Residual streams have a few directions of large variance, and the model of ICA has noise of one variance in all
    directions. Whitening makes small directions count as much as large ones; the ridge bounds by how much. Densities
    before and after compare once `log_volume` is added, so that held-out evidence can say whether it helps.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.study.isotropic_units import Whitening
    >>> X = np.random.default_rng(0).standard_normal((5000, 2)) * [10.0, 1.0]
    >>> whitening = Whitening.of(X, ridge=0.0)
    >>> C = np.cov(whitening.there(X).T)
    >>> np.allclose(C / C[0, 0], np.eye(2))
    True
    >>> np.allclose(whitening.back(whitening.there(X)), X)
    True
    """

    W: np.ndarray | None
    """(n_features, n_features), or None for no change."""
    inverse: np.ndarray | None
    log_volume: float
    """log |det W|, to be added to log densities of what came out."""

    @classmethod
    def none(cls, n_features: int) -> Whitening:
        """No change."""
        return cls(None, None, 0.0)

    @classmethod
    def of(cls, X: np.ndarray, ridge: float) -> Whitening:
        """From the covariance of samples, (n_samples, n_features)."""
        values, vectors = np.linalg.eigh(np.cov(X.T, dtype=np.float64))
        mean = float(values.mean())
        scales = np.sqrt(mean / (np.maximum(values, 0.0) + ridge * mean))
        W = (vectors * scales) @ vectors.T
        inverse = (vectors / scales) @ vectors.T
        return cls(W, inverse, float(np.log(scales).sum()))

    def there(self, X: np.ndarray) -> np.ndarray:
        """Whitened rows, in the dtype of X."""
        return X if self.W is None else (X @ self.W.astype(X.dtype))

    def back(self, X: np.ndarray) -> np.ndarray:
        """Rows in the units of the activations."""
        return X if self.inverse is None else X @ self.inverse
