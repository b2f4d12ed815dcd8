"""What a model's output is, and by how much it changes.

A measure is a ratio of sums over windows: ``sum_w change_w / sum_w weight_w``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from overica.lm.collecting.windows import Batch


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
