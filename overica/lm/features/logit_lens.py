"""What a feature says of the next token: its direction seen through the model's own unembedding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from overica.lm.collecting.model import load_again
from overica.lm.collecting.readout import readout
from overica.lm.store.activations import Activations

_BLOCK = 256


@dataclass(frozen=True, eq=False)
class LogitLens:
    """Directions of the residual stream, read as changes of the logits of the next token.

    The direct path alone: what later blocks make of a direction is left out, and the final norm enters by its gains
    (`readout`). Logits are less their mean over the vocabulary, which no probability depends on.

    References
    ----------
    nostalgebraist 2020, "Interpreting GPT: the logit lens".
    """

    readout: torch.Tensor
    """(n_tokens_of_vocabulary, n_features)."""
    vocabulary: list[str]

    @classmethod
    def of_store(cls, store: Activations) -> LogitLens:
        """Of the model that a store was collected from, if it is on this machine.

        Raises
        ------
        ImportError, OSError
            If transformers or the model is not at hand.
        ValueError
            If the model has other weights now, or has no unembedding that can be read; if the activations are of no
            known model, or not of what adds up to the residual stream.
        """
        known = store.metadata
        if known.get("site") not in ("residual", "mlp", "attention"):
            raise ValueError(f"what {store.place} gives need not add to the residual stream")
        model = load_again(known, "the study", device="cpu", local_files_only=True)
        # In half precision it is held against the weights that it ran with; its gains are read in single.
        model.model.float()
        # Matrices may be filled up beyond the tokens that there are.
        return cls(readout(model)[: len(model.vocabulary)], model.vocabulary)

    @torch.inference_mode()
    def extremes(
        self, components: np.ndarray, n: int = 10
    ) -> tuple[list[list[tuple[str, float]]], list[list[tuple[str, float]]]]:
        """The tokens whose logits rise most, and fall most, with each feature, per unit of its code.

        Parameters
        ----------
        components : array (n_components, n_features)
        n : int
            Tokens on either side.

        Returns
        -------
        promoted, suppressed : list of list of (str, float)
            Per feature, the strongest first.
        """
        sides: tuple[list[list[tuple[str, float]]], ...] = ([], [])
        n = min(n, len(self.vocabulary))
        for start in range(0, len(components), _BLOCK):
            part = np.asarray(components[start : start + _BLOCK], np.float32)
            logits = torch.from_numpy(part) @ self.readout.T
            for side, largest in zip(sides, (True, False), strict=True):
                values, tokens = logits.topk(n, largest=largest)
                side += [
                    [(self.vocabulary[i], v) for i, v in zip(ids, row, strict=True)]
                    for ids, row in zip(tokens.tolist(), values.tolist(), strict=True)
                ]
        return sides[0], sides[1]


def lens_of(store: Activations) -> LogitLens | str:
    """The lens of a store's model, or why there is none."""
    try:
        return LogitLens.of_store(store)
    except (ImportError, OSError, ValueError) as error:
        return str(error)
