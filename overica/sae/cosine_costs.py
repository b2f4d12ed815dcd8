"""Costs of the cosine between two decoder directions: half of an orthogonality penalty.

The other half, which pairs of directions pay, is in `overica.sae.pairs`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from overica._validation import check_scalar


class CosineCost(BaseEstimator, ABC):
    """What two directions at a given cosine pay.

    A cost f is non-decreasing in the nearness of its pair and ``f(0) = 0``, so that orthogonal
    directions pay nothing.
    """

    @abstractmethod
    def __call__(self, cosines: Tensor) -> Tensor:
        """f at each cosine, in the same shape; differentiable almost everywhere."""

    def nearness(self, cosines: Tensor) -> Tensor:
        """What ranks neighbours: ``|c|`` here, c itself where opposite directions are not near."""
        return cosines.abs()


class Absolute(CosineCost):
    """``f(c) = |c|``.

    The slope is the same at every angle, so the repulsion of several near-orthogonal neighbours
    can hold two directions together: in the plane, with directions at 0, 0 and 90 degrees, turning
    one of the first two by t changes the sum of the costs from 1 to ``cos t + sin t >= 1``. A
    collapsed pair stays collapsed. Opposite directions pay as much as equal ones.

    References
    ----------
    D. Till, "Do sparse autoencoders find true features?" (2024), which proposes it; E. Anders et
    al., "Sparse autoencoders find composed features in small toy models" (2024), which finds the
    collapse.

    Examples
    --------
    >>> import torch
    >>> Absolute()(torch.tensor([-0.5, 0.0, 1.0]))
    tensor([0.5000, 0.0000, 1.0000])
    """

    def __call__(self, cosines: Tensor) -> Tensor:
        """``|c|``."""
        return cosines.abs()


class Signed(CosineCost):
    """``f(c) = c``: opposite directions are paid for.

    Over all pairs of n unit vectors it is a function of their sum alone, ``sum_{i<j} cos_ij =
    (|sum_i u_i|^2 - n) / 2``: least wherever the directions add up to zero, whatever their
    arrangement. Such a penalty cannot tell four axes from the same four turned by 45 degrees.

    References
    ----------
    The first variant of E. Anders et al., "Sparse autoencoders find composed features in small
    toy models" (2024).

    Examples
    --------
    >>> import torch
    >>> Signed()(torch.tensor([-0.5, 0.0, 1.0]))
    tensor([-0.5000,  0.0000,  1.0000])
    """

    def __call__(self, cosines: Tensor) -> Tensor:
        """``c``."""
        return cosines

    def nearness(self, cosines: Tensor) -> Tensor:
        """``c``: an opposite direction is the farthest one."""
        return cosines


class Hinge(CosineCost):
    """``f(c) = max(|c| - margin, 0)^power``: small cosines are free, large ones cost more and more.

    n directions in d < n dimensions cannot all be orthogonal; random ones have cosines of about
    ``1 / sqrt(d)`` and a nearest neighbour near ``sqrt(2 ln(n) / d)``. A margin above that lets a
    dictionary in superposition be, and acts on the pairs that split or compose a feature. With
    a power above 1 the slope is continuous.

    Parameters
    ----------
    margin : float
        The largest cosine that is free, in [0, 1).
    power : float
        At least 1.
    signed : bool
        Take c in place of ``|c|``: opposite directions are free. Non-negative codes need two opposite
        columns for one signed coordinate, so these are no fault in a sparse autoencoder.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    D. Till, "Do sparse autoencoders find true features?" (2024), asks for "a non-linearity ... to
    severely penalise more closely aligned feature directions".

    Examples
    --------
    >>> import torch
    >>> Hinge(margin=0.5, power=2)(torch.tensor([-1.0, 0.4, 0.7]))
    tensor([0.2500, 0.0000, 0.0400])
    >>> Hinge(margin=0.5, signed=True)(torch.tensor([-1.0, 0.4, 0.7]))
    tensor([0.0000, 0.0000, 0.0400])
    """

    def __init__(self, margin: float = 0.3, power: float = 2.0, signed: bool = False) -> None:
        if check_scalar(margin, "margin") >= 1:
            raise ValueError(f"`margin` must be below 1, got {margin!r}")
        check_scalar(power, "power", minimum=1.0)
        self.margin = margin
        self.power = power
        self.signed = signed

    def __call__(self, cosines: Tensor) -> Tensor:
        """``max(|c| - margin, 0)^power``, or of c where signed."""
        return torch.relu(self.nearness(cosines) - self.margin) ** self.power

    def nearness(self, cosines: Tensor) -> Tensor:
        """``|c|``, or c where signed."""
        return cosines if self.signed else cosines.abs()
