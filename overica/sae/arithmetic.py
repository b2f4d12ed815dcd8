"""The arithmetic in which a loss is worked out: its precision, and whether it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from overica._validation import check_choice
from overica.sae.module import Losses

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
"""What products are of: by name, the type that autocast gives them."""


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
        By torch's compiler, which takes half a minute before the first step and wants a C++ compiler on the CPU.

    Raises
    ------
    ValueError
        If there is no such precision.
    """

    precision: str = "float32"
    compiled: bool = False

    def __post_init__(self) -> None:
        check_choice(self.precision, "precision", PRECISIONS)

    def of(self, loss: Callable[..., Losses], device: torch.device) -> Callable[..., Losses]:
        """The loss in this arithmetic."""
        narrow = PRECISIONS[self.precision]
        function = _compiled(loss) if self.compiled else loss

        def called(*arguments: object) -> Losses:
            if narrow is None:
                return function(*arguments)
            with torch.autocast(device.type, narrow):
                return function(*arguments)

        return called


@contextmanager
def fast_products() -> Iterator[None]:
    """Let float32 products on CUDA be of TF32, as is usual in training, and no longer after it."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _compiled(loss: Callable[..., Losses]) -> Callable[..., Losses]:
    """A loss by torch's compiler, whose complaints come at the first call, in one sentence."""
    compiled = torch.compile(loss)

    def called(*arguments: object) -> Losses:
        try:
            return compiled(*arguments)
        except Exception as error:
            if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                reason = str(error).strip().splitlines()[0]
                raise ValueError(
                    f"`compile=True` needs what torch's compiler needs, a C++ compiler or Triton: {reason}"
                ) from error
            raise

    return called
