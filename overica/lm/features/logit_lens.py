"""What a feature says of the next token: its direction seen through the model's own unembedding, norms and all."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from overica.lm.collecting.model import LanguageModel, load_again
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


@torch.inference_mode()
def readout(model: LanguageModel) -> torch.Tensor:
    """The linear part of the way from the stream behind the last block to the logits.

    A model's logits are ``U norm(x)``, and a norm is ``g * (x - mean x) / size(x) + b``, or the same without the mean.
    A small change of x by v changes the logits by ``U (g * (v - mean v)) / size(x)``, but for its part along x. The
    size is a number that all tokens share, and is left out: what remains is the matrix ``U diag(g)``, less the mean of
    each row where the norm subtracts the mean, and less the mean over the vocabulary, which the softmax takes away.

    Parameters
    ----------
    model : LanguageModel

    Returns
    -------
    tensor (n_vocabulary, n_features)
        float32, on the CPU.

    Raises
    ------
    ValueError
        If the model predicts no next tokens, or what leads to its logits is more than norms and one matrix.

    Notes
    -----
    Norms are found by what runs, not by name, and measured, not read: families of models store ``g`` and ``g - 1``.
    Held against numerical derivatives of the logits: GPT-2, GPT-Neo, GPT-NeoX, OPT, BLOOM, Phi, Llama, Qwen 3, Gemma 2,
    OLMo. OPT of 350 million parameters, which projects before its unembedding, is refused.
    """
    head = model.model.get_output_embeddings() if model.causal else None
    if head is None:
        raise ValueError(f"{model.name} predicts no next tokens, it has no unembedding")
    U = head.weight.float()
    for part in _between(model, head):
        if any(p.ndim > 1 for p in part.parameters()):
            raise ValueError(
                f"{model.name} has a layer of its own before its unembedding, {type(part).__name__}"
            )
        gains, subtracts_mean = _linear_part(part, model)
        U = U * gains
        if subtracts_mean:
            U = U - U.mean(dim=1, keepdim=True)
    return (U - U.mean(dim=0)).cpu()


def _between(model: LanguageModel, head: nn.Module) -> list[nn.Module]:
    """Modules without parts that run after the last block and before the unembedding, the last first."""
    called: list[nn.Module] = []

    def note(module: nn.Module, _args: Any, _output: Any) -> None:
        called.append(module)

    inside = {part for block in model.blocks for part in block.modules()}
    leaves = [m for m in model.model.modules() if not any(m.children()) and m not in inside]
    with ExitStack() as hooks:
        for leaf in leaves:
            hooks.enter_context(leaf.register_forward_hook(note))
        hooks.enter_context(model.blocks[-1].register_forward_hook(lambda *_: called.clear()))
        one = torch.ones(1, 1, dtype=torch.int64, device=model.device)
        model(one * model.padding_id, one)
    return called[: called.index(head)][::-1] if head in called else called[::-1]


def _linear_part(part: nn.Module, model: LanguageModel) -> tuple[torch.Tensor, bool]:
    """Gains of a norm, (n_features,), and whether it subtracts the mean.

    What is odd in its argument has no bias; and a vector of mean zero and mean square one is its own normal form, be
    it divided by its standard deviation or by its root mean square.
    """
    d = model.n_features
    wave = math.sqrt(2) * torch.cos(2 * math.pi * torch.arange(d, device=model.device) / d + 0.3)

    def odd(x: torch.Tensor) -> torch.Tensor:
        row = x[None, None]
        return ((part(row) - part(-row)) / 2)[0, 0].float()

    gains = odd(wave) / wave
    level = odd(torch.ones(d, device=model.device))
    return gains, bool(level.abs().max() < 1e-3 * gains.abs().max())
