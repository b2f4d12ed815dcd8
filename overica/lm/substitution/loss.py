"""The figures of a substitution: by how much a model's output changes, beside what ablation gives, with their spread.

A measure is a ratio of sums over windows: ``sum_w change_w / sum_w weight_w``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from overica.lm.collecting.windows import Batch


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


class Outcome(Protocol):
    """A kind of output and the measures of its change."""

    measures: ClassVar[dict[str, str]]
    """Names, the first the one to look at first, and what they are."""

    def observe(self, output: Any, batch: Batch) -> list[torch.Tensor]:
        """What is kept of the output, one tensor per window, in host memory."""
        ...

    def weights(self, clean: list[torch.Tensor]) -> dict[str, np.ndarray]:
        """Denominators of the measures, (n_windows,) each."""
        ...

    def change(self, clean: torch.Tensor, changed: torch.Tensor) -> dict[str, float]:
        """Numerators of one window; exactly zero if nothing changed."""
        ...


class NextTokens:
    """Of causal language models: how well they predict the tokens of the text.

    The first token of a window counts where the tokenizer puts one before it.
    """

    measures: ClassVar[dict[str, str]] = {
        "cross_entropy": "increase of the next-token cross entropy, nats per token"
    }

    def observe(self, output: Any, batch: Batch) -> list[torch.Tensor]:
        """Cross entropy of each token that is predicted, (n_targets,) float64."""
        found = []
        for logits, ids, content in zip(output.logits, batch.ids, batch.content, strict=True):
            wanted = content[1:]
            # One window at a time: logits are wide, and this copies them.
            costs = cross_entropy(logits[:-1][wanted].float(), ids[1:][wanted], reduction="none")
            found.append(costs.double().cpu())
        return found

    def weights(self, clean: list[torch.Tensor]) -> dict[str, np.ndarray]:
        """The number of predicted tokens."""
        return {"cross_entropy": np.array([float(len(costs)) for costs in clean])}

    def change(self, clean: torch.Tensor, changed: torch.Tensor) -> dict[str, float]:
        """Sum of the increases."""
        return {"cross_entropy": float((changed - clean).sum())}


class Encoding:
    """Of encoders without a head: the last hidden states and their mean, the embedding of the window."""

    measures: ClassVar[dict[str, str]] = {
        "embedding": "1 - cosine of the mean of the last hidden states (the sentence embedding), before and after",
        "hidden": "squared error of the last hidden states over their variance",
    }

    def observe(self, output: Any, batch: Batch) -> list[torch.Tensor]:
        """Last hidden states, special tokens included and padding not, (n_tokens, n_features) each."""
        last = output.last_hidden_state
        # Copies: a view would keep the padding alive.
        return [
            state[mask.bool()].float().cpu() for state, mask in zip(last, batch.mask, strict=True)
        ]

    def weights(self, clean: list[torch.Tensor]) -> dict[str, np.ndarray]:
        """One per window; squared distance from the mean over all tokens of all windows."""
        n_tokens = sum(len(states) for states in clean)
        mean = torch.stack([states.double().sum(dim=0) for states in clean]).sum(dim=0) / n_tokens
        spread = [float(((states.double() - mean) ** 2).sum()) for states in clean]
        return {"embedding": np.ones(len(clean)), "hidden": np.array(spread)}

    def change(self, clean: torch.Tensor, changed: torch.Tensor) -> dict[str, float]:
        """``1 - cos = |u - v|^2 / 2`` of the unit embeddings, and the squared error."""
        u, v = (states.double().mean(dim=0) for states in (clean, changed))
        # A mean of zero has no direction: its cosine with anything is taken as 0.
        u, v = (vector / max(float(vector.norm()), 1e-300) for vector in (u, v))
        return {
            "embedding": float(((u - v) ** 2).sum() / 2),
            "hidden": float(((changed.double() - clean.double()) ** 2).sum()),
        }


OUTCOMES: dict[bool, Outcome] = {True: NextTokens(), False: Encoding()}
"""By whether the model is causal."""
