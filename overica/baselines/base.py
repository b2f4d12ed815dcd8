"""What a baseline is to a study: a featuriser that says of itself how it is told what to do."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from overica.transformer import DictionaryTransformer


class Baseline(DictionaryTransformer):
    """Base of the baselines: ``x ~ s @ components_ + offset_`` with atoms as rows, and what a registry needs.

    A subclass takes `n_components` first and, by name, those of `n_active`, `nonnegative` and `random_state` that it
    knows: whoever builds it gives it these if its signature has them. Other parameters are for a study to set. Samples
    come as whatever `overica.rows.opened` knows, and are taken into memory.

    Examples
    --------
    >>> class Axes(Baseline):
    ...     name, label = "axes", "The axes themselves"
    ...
    ...     def __init__(self, n_components=2):
    ...         self.n_components = n_components
    ...
    ...     def fit(self, X, y=None):
    ...         X = self._validated(X, reset=True)
    ...         self.components_ = np.eye(X.shape[1])[: self.n_components]
    ...         self.offset_ = X.mean(axis=0)
    ...         return self
    ...
    ...     def transform(self, X):
    ...         return (X - self.offset_) @ self.components_.T
    >>> Axes(1).fit_transform(np.array([[1.0, 5.0], [3.0, 5.0]]))
    array([[-1.],
           [ 1.]])
    """

    name: ClassVar[str]
    """Its name in `BASELINES`."""
    label: ClassVar[str]
    """For tables and pictures."""
    sweeps: ClassVar[bool] = False
    """Whether it is told how many features are to be active, and so is fitted once per level."""
    one_sided: ClassVar[bool] = False
    """Whether its codes are never negative, whatever the sources."""
    encodes: ClassVar[bool] = True
    """Whether its own codes are a level of sparsity to be reported: no more are active than there are features."""

    overcomplete: ClassVar[bool] = True
    """Whether it can learn more features than samples have dimensions."""
    by_variance: ClassVar[bool] = False
    """Whether it goes by variances alone, of which white samples have none to tell."""

    def flops(self, X: np.ndarray) -> float:
        """Floating-point operations of the fit to X, of highest order; NaN where what was done is not reported."""
        return float("nan")
