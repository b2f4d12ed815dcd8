"""The arithmetic in which a loss is worked out: its precision, and whether it is compiled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from overica._validation import check_choice
from overica.sae.module import Autoencoder, Losses

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
"""What products are of: by name, the type that autocast gives them."""
_COMPILER = ("torch._dynamo", "torch._inductor")


@dataclass(frozen=True)
class Arithmetic:
    """How a loss and its gradients are computed.

    Whatever it is, weights, their gradients and the optimiser's moments are float32, and so are errors and the sums
    over samples. In bfloat16 the products and their results, codes among them, have eight bits. On CUDA float32
    products may be of TF32, with eleven, in training alone.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
    compiled : bool
        By torch's compiler.

    Raises
    ------
    ValueError
        If there is no such precision; from `loss`, if there is no compiler to compile with.
    """

    precision: str = "float32"
    compiled: bool = False

    def __post_init__(self) -> None:
        check_choice(self.precision, "precision", PRECISIONS)

    def loss(self, module: Autoencoder, x: torch.Tensor, *told: Any) -> Losses:
        """`Autoencoder.loss` of a network in this arithmetic."""
        function = _compiled() if self.compiled else _loss
        narrow = PRECISIONS[self.precision]
        with torch.autocast(x.device.type, narrow) if narrow else nullcontext():
            return function(module, x, *told)


def _loss(module: Autoencoder, *told: Any) -> Losses:
    return module.loss(*told)


@cache
def _compiled() -> Callable[..., Losses]:
    """`_loss` by torch's compiler, whose complaints come at the first call, in one sentence."""
    compiled = torch.compile(_loss)

    def called(*told: Any) -> Losses:
        try:
            found: Losses = compiled(*told)
            return found
        except Exception as error:
            if type(error).__module__.startswith(_COMPILER):
                reason = str(error).strip().splitlines()[0]
                raise ValueError(
                    f"`compile=True` needs what torch's compiler needs, a C++ compiler or Triton: {reason}"
                ) from error
            raise

    return called
