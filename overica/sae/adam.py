"""Adam, as fused as torch's and without loading torch's compiler, which takes a second before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_EPS = 1e-8


class Adam:
    """Steps along the mean gradient over the root of the mean squared gradient, both forgetting and unbiased.

        m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2,
        p <- p - rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + 1e-8).

    The same numbers as ``torch.optim.Adam(..., fused=True)``.

    Parameters
    ----------
    parameters : iterable of Tensor
        On one device; those without a gradient stay where they are.
    betas : (float, float)

    References
    ----------
    D. P. Kingma and J. Ba (2015), "Adam: a method for stochastic optimization".

    Examples
    --------
    >>> p = torch.ones(1, requires_grad=True)
    >>> optimiser = Adam([p], (0.9, 0.999))
    >>> (3 * p).sum().backward()
    >>> optimiser.step(rate=0.1)
    >>> round(p.item(), 6), p.grad
    (0.9, None)
    """

    def __init__(self, parameters: Iterable[Tensor], betas: tuple[float, float]) -> None:
        self._parameters, self._betas = list(parameters), betas
        self._moments = {
            p: (torch.zeros_like(p), torch.zeros_like(p), torch.zeros((), device=p.device))
            for p in self._parameters
        }
        """Mean, mean square, and number of steps, of each parameter."""

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter that has a gradient, and let go of the gradients."""
        gradients = {p: p.grad for p in self._parameters if p.grad is not None}
        if not gradients:
            return
        moments = [self._moments[p] for p in gradients]
        means, squares, steps = (list(m) for m in zip(*moments, strict=True))
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            list(gradients), list(gradients.values()), means, squares, [], steps, lr=rate, beta1=self._betas[0],
            beta2=self._betas[1], weight_decay=0.0, eps=_EPS, amsgrad=False, maximize=False,
        )  # fmt: skip
        for p in gradients:
            p.grad = None

    def forget(self, parameter: Tensor, index: Any) -> None:
        """Forget the gradients of some of a parameter's entries: those that start anew."""
        for moment in self._moments[parameter][:2]:
            moment[index] = 0.0

    def values(self) -> list[list[np.ndarray]]:
        """Mean, mean square and number of steps of every parameter, in their order."""
        return [[m.cpu().numpy() for m in self._moments[p]] for p in self._parameters]

    def take(self, values: Sequence[Sequence[np.ndarray]]) -> None:
        """Go on from such values."""
        for p, arrays in zip(self._parameters, values, strict=True):
            for moment, array in zip(self._moments[p], arrays, strict=True):
                moment.copy_(torch.from_numpy(array))
