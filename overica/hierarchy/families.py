"""Which sums are family: they share a direction, and exclude each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from overica.hierarchy.feature_sums import Sums, average_linkage

__all__ = ["Family", "families"]

_APART = 0.5
"""Share of the firings together that chance would bring which must be missing: two paths through one tree are hardly
ever taken at once."""
_RARELY = 2.5
"""Standard deviations of the firings together that chance would bring, by which they must be missed."""
_CLOSE, _DEVIATIONS = 0.5, 4.0
"""Cosine that says it without: so much, and so many standard deviations of what chance brings."""
_KIN = 0.08
"""Least mean cosine between the branches of a family; strangers do not avoid each other and count as zero."""


class Family(NamedTuple):
    """Sums that share something, and the order in which average linkage joined them."""

    members: list[int]
    branches: list[list[int]]
    """Members of every cluster that was joined on the way, itself included."""


def families(sums: Sums) -> list[Family]:
    """All sums, grouped; one that has no kin is a family of its own, without branches.

    The sums along two paths of a tree share the features above the fork, so their cosine is about the share of those;
    that of strangers is ``+- 1 / sqrt(n_features)``. In few dimensions this alone would join strangers. But where
    features of a tree exclude each other, two of its paths never fire at once, whereas strangers do by chance: only
    sums that avoid each other, or whose cosine leaves no doubt, are kin. Average linkage of these cosines gives the
    families.

    Examples
    --------
    Two sums that share half of their variance and never fire together, and a stranger:

    >>> V = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> together = np.array([[500.0, 0.0, 50.0], [0.0, 500.0, 50.0], [50.0, 50.0, 500.0]])
    >>> sorted(family.members for family in families(Sums(V, together, 5000)))
    [[0, 1], [2]]
    """
    n = len(sums)
    if n < 2:
        return [Family([i], []) for i in range(n)]
    C, E = sums.cosines(), sums.expected
    fewer = E - sums.together
    avoid = (fewer > _APART * E) & (fewer > _RARELY * np.sqrt(E))
    least = max(_CLOSE, _DEVIATIONS / np.sqrt(len(sums.vectors)))
    kin = np.where(avoid | (least < C), C, np.minimum(C, 0.0))
    joined = average_linkage(kin)
    members: dict[int, list[int]] = {i: [i] for i in range(n)}
    branches: dict[int, list[list[int]]] = {i: [] for i in range(n)}
    heads = dict.fromkeys(range(n))
    for step, (one, two, height, _) in enumerate(joined):
        if 1 - height < _KIN:
            break
        a, b, both = int(one), int(two), n + step
        members[both] = sorted(members[a] + members[b])
        branches[both] = [*branches[a], *branches[b], members[both]]
        del heads[a], heads[b]
        heads[both] = None
    return [Family(members[head], branches[head]) for head in heads]
