"""Looking at what a module gives or is given in every forward pass, and putting something else in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

Change = Callable[[torch.Tensor], torch.Tensor | None]
"""Given what flows, (batch, tokens, n_features), what is put in its place; None leaves it."""


def output_hook(part: nn.Module, change: Change) -> RemovableHandle:
    """While this lasts, `change` sees what a module gives, and may replace it.

    Parameters
    ----------
    part : torch.nn.Module
        Gives a tensor alone, or first in a tuple.
    change : callable

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from overica.lm.collecting.hooks import output_hook
    >>> with output_hook(part := nn.Identity(), lambda stream: 2 * stream):
    ...     part(torch.ones(1, 1, 2))
    tensor([[[2., 2.]]])
    """

    def after(_: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        alone = isinstance(output, torch.Tensor)
        new = change(output if alone else output[0])
        if new is None:
            return None
        return new if alone else (new, *output[1:])

    return part.register_forward_hook(after)


def input_hook(part: nn.Module, change: Change) -> RemovableHandle:
    """The same for what a module is given first, by its place or as `hidden_states`."""

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            new = change(args[0])
            return None if new is None else ((new, *args[1:]), kwargs)
        new = change(kwargs["hidden_states"])
        return None if new is None else (args, {**kwargs, "hidden_states": new})

    return part.register_forward_pre_hook(before, with_kwargs=True)
