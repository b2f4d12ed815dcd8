"""From the last residual stream to the logits: the unembedding, with the gains of the norm before it."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from overica.lm.collecting.model import LanguageModel


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
