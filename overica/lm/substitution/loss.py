"""The figures of a substitution: losses beside what ablation gives, with their spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measure:
    """One measure of the change of the output.

    Examples
    --------
    >>> from overica.lm import Measure
    >>> measure = Measure(
    ...     "nats", loss=0.2, standard_error=0.01, mean_ablation=4.0, zero_ablation=5.0
    ... )
    >>> measure.recovered, measure.recovered_of_zero
    (0.95, 0.96)
    """

    description: str
    loss: float
    """With the reconstructions in place; 0 is no change."""
    standard_error: float
    """Of `loss`, over documents."""
    mean_ablation: float
    """The loss with the mean activation in place of every activation."""
    zero_ablation: float
    """The loss with zeros in place of every activation."""

    @property
    def recovered(self) -> float:
        """``1 - loss / mean_ablation``: 1 without change, 0 if no better than the mean; may be negative.

        NaN if the mean itself changes nothing.
        """
        return 1 - share(self.loss, self.mean_ablation)

    @property
    def recovered_of_zero(self) -> float:
        """``1 - loss / zero_ablation``, the reference that older studies take; it flatters."""
        return 1 - share(self.loss, self.zero_ablation)


@dataclass(frozen=True)
class SubstitutionLoss:
    """What becomes of a model's output when activations are replaced by their reconstructions.

    Examples
    --------
    >>> measures = {
    ...     "embedding": Measure(
    ...         "nats per token",
    ...         loss=0.1,
    ...         mean_ablation=0.8,
    ...         zero_ablation=1.0,
    ...         standard_error=0.01,
    ...     )
    ... }
    >>> loss = SubstitutionLoss(
    ...     measures, explained_variance=0.9, l0=12.0, n_tokens=50, n_documents=2
    ... )
    >>> round(loss.recovered, 3)
    0.875
    """

    measures: dict[str, Measure]
    """`cross_entropy` of causal models; `embedding` and `hidden` of encoders. The first is the one to look at first."""
    explained_variance: float
    """Of the activations themselves: ``1 - sum |x - x_hat|^2 / sum |x - mean|^2``."""
    l0: float
    """Mean number of codes that are not zero per token; NaN if there were no codes."""
    n_tokens: int
    n_documents: int

    @property
    def first(self) -> Measure:
        """The measure to look at first."""
        return next(iter(self.measures.values()))

    @property
    def recovered(self) -> float:
        """Of the first measure."""
        return self.first.recovered


def share(part: float, whole: float) -> float:
    """``part / whole``, NaN if the whole is zero."""
    return part / whole if whole else float("nan")


def ratio_of_sums(
    change: np.ndarray, weight: np.ndarray, document: np.ndarray
) -> tuple[float, float]:
    """``sum(change) / sum(weight)`` and its standard error over documents (linearised).

    Parameters
    ----------
    change, weight, document : array (n_windows,)

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.substitution.loss import ratio_of_sums
    >>> ratio_of_sums(np.array([1.0, 3.0, 2.0]), np.ones(3), np.array([0, 0, 1]))
    (2.0, 0.0)
    """
    total = float(weight.sum())
    ratio = share(float(change.sum()), total)
    _, index = np.unique(document, return_inverse=True)
    residuals = np.bincount(index, change - ratio * weight)
    n = residuals.size
    if n < 2:
        return ratio, float("nan")
    return ratio, share(float(np.sqrt((residuals**2).sum() * n / (n - 1))), total)
