"""Orthogonality penalties on a decoder's directions: which pairs pay, times what they pay.

A sparse autoencoder may spend features on common combinations of true features, whose directions
then lie between theirs. A penalty on the cosines of its directions is to work against that. Every
variant of the idea is a choice of pairs (`overica.sae.pairs`) and a cost of the cosine
(`overica.sae.cosine_costs`); `ORTHOGONALITY` names the usual ones.

Examples
--------
>>> import torch
>>> from overica.sae import ORTHOGONALITY
>>> penalty = ORTHOGONALITY["nearest"](coefficient=0.1)
>>> W_dec = torch.tensor([[2.0, 0.0], [1.6, 1.2], [0.0, 3.0]])
>>> penalty(W_dec, torch.ones(5, 3), step=0)
tensor(0.7333)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from overica._validation import check_choice, check_scalar
from overica.sae.chunks import ChunkedPairs
from overica.sae.cosine_costs import Absolute, CosineCost, Hinge, Signed
from overica.sae.neighbours import NearestPairs
from overica.sae.pairs import AllPairs, FiringPairs, Pairs, TogetherPairs


class OrthogonalityPenalty(BaseEstimator):
    """The mean cost of the cosines of the chosen pairs of decoder directions.

    With ``u_i = w_i / |w_i|`` the direction of row i of the decoder, it is ``sum_ij v_ij f(u_i .
    u_j) / sum_ij v_ij``, where the pairs say the weights v and the cost says f. It depends on the
    directions alone: not on the norms of the rows (its gradient is orthogonal to each), nor on
    their order. It is zero for orthogonal rows. A row of norm zero has no direction; its cosines
    count as zero and it gets no gradient.

    Parameters
    ----------
    coefficient : float
        What the loss multiplies the penalty by; the call does not. A negative one rewards alignment: it makes
        combinations on purpose, as known cases for whatever is to detect them.
    pairs : Pairs
        Which pairs.
    cost : CosineCost
        What they pay.
    n_frozen : int
        The first rows do not move: they get no gradient, and pairs of two of them are left out.
    mean_error : bool
        The coefficient is one beside a squared error that is averaged over features. That of an autoencoder here is
        summed over them, so the penalty is multiplied by n_features.

    Raises
    ------
    ValueError
        If `coefficient` is not finite, `n_frozen` is negative, or a part is not of its kind.

    References
    ----------
    D. Till, "Do sparse autoencoders find true features?" (2024), with its comments.

    Examples
    --------
    >>> import torch
    >>> penalty = OrthogonalityPenalty(0.1, AllPairs(), Hinge(margin=0.5))
    >>> penalty(torch.eye(3), torch.ones(1, 3), step=0)
    tensor(0.)
    """

    def __init__(
        self,
        coefficient: float,
        pairs: Pairs,
        cost: CosineCost,
        *,
        n_frozen: int = 0,
        mean_error: bool = False,
    ) -> None:
        check_scalar(coefficient, "coefficient", minimum=-math.inf)
        check_scalar(n_frozen, "n_frozen", integer=True)
        for part, name, kind in ((pairs, "pairs", Pairs), (cost, "cost", CosineCost)):
            if not isinstance(part, kind):
                raise ValueError(f"`{name}` must be an instance of {kind.__name__}, got {part!r}")
        self.coefficient = coefficient
        self.pairs = pairs
        self.cost = cost
        self.n_frozen = n_frozen
        self.mean_error = mean_error

    def __call__(self, W_dec: Tensor, codes: Tensor, step: int) -> Tensor:
        """The penalty, a scalar without `coefficient`; zero where no pair is chosen.

        Parameters
        ----------
        W_dec : tensor of shape (n_components, n_features)
            Rows of any norm.
        codes : tensor of shape (batch_size, n_components)
            Codes of the batch, of which only it matters which are zero.
        step : int
            The trainer's step, counted from the start of the fit.
        """
        U = unit_rows(W_dec)
        if self.n_frozen:
            U = torch.cat([U[: self.n_frozen].detach(), U[self.n_frozen :]])
        cosines, weights = self.pairs(U, codes.detach(), step, self.cost.nearness, self.n_frozen)
        total = weights.sum()
        value = (weights * self.cost(cosines)).sum() / torch.where(total > 0, total, 1.0)
        return value * W_dec.shape[1] if self.mean_error else value

    def values(self) -> dict[str, Any]:
        """What its pairs remember from step to step, in plain values."""
        return self.pairs.values()

    def take(self, values: Mapping[str, Any]) -> None:
        """Remember such values."""
        self.pairs.take(values)


def unit_rows(W: Tensor) -> Tensor:
    """Rows of norm one, and of norm zero where they are that already.

    Examples
    --------
    >>> import torch
    >>> unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    norms = torch.linalg.vector_norm(W, dim=1, keepdim=True)
    alive = norms > 0
    # Both branches are finite, so that neither poisons the gradient.
    return torch.where(alive, W / torch.where(alive, norms, 1.0), 0.0)


@dataclass(frozen=True)
class Recipe:
    """A named combination; called with a coefficient it makes a penalty with parts of its own."""

    pairs: Callable[[], Pairs]
    cost: Callable[[], CosineCost]
    coefficient: float | None = None
    """What its authors recommend, if they do."""
    mean_error: bool = False

    def __call__(self, coefficient: float) -> OrthogonalityPenalty:
        """A new penalty of that coefficient."""
        return OrthogonalityPenalty(
            coefficient, self.pairs(), self.cost(), mean_error=self.mean_error
        )


ORTHOGONALITY: dict[str, Recipe] = {
    "absolute": Recipe(AllPairs, Absolute),
    "signed": Recipe(AllPairs, Signed),
    "hinge": Recipe(AllPairs, Hinge),
    "signed_hinge": Recipe(AllPairs, partial(Hinge, signed=True)),
    "firing": Recipe(FiringPairs, Absolute),
    "together": Recipe(TogetherPairs, Absolute),
    "nearest": Recipe(NearestPairs, Absolute),
    "nearest_firing": Recipe(partial(NearestPairs, firing=True), Absolute),
    "neighbours": Recipe(partial(NearestPairs, n_neighbours=8, every=100), Hinge),
    "ortsae": Recipe(
        ChunkedPairs,
        partial(Hinge, margin=0.0, power=2.0, signed=True),
        coefficient=0.25,
        mean_error=True,
    ),
}
"""Recipes by name: called with a coefficient, each makes an `OrthogonalityPenalty`.

``ortsae`` is that of Korznikov et al. (2025): the squared cosine of each feature with its nearest one in a random chunk
of the dictionary, on a `BatchTopKSAE`.
"""


def get_orthogonality(name: str, coefficient: float | None = None) -> OrthogonalityPenalty:
    """The penalty of that name and coefficient; None takes the one that its authors recommend.

    Parameters
    ----------
    name : str
        Of `ORTHOGONALITY`.
    coefficient : float or None

    Returns
    -------
    OrthogonalityPenalty

    Raises
    ------
    ValueError
        If `name` is not in `ORTHOGONALITY`, or `coefficient` is not finite, or None where nobody recommends one.

    Examples
    --------
    >>> get_orthogonality("ortsae").coefficient
    0.25
    >>> get_orthogonality("signed_hinge", 0.1)
    OrthogonalityPenalty(coefficient=0.1, cost=Hinge(signed=True), pairs=AllPairs())
    """
    recipe = ORTHOGONALITY[check_choice(name, "name", ORTHOGONALITY)]
    coefficient = recipe.coefficient if coefficient is None else coefficient
    if coefficient is None:
        raise ValueError(f"`coefficient` must be given: {name!r} has no usual one")
    return recipe(coefficient)
