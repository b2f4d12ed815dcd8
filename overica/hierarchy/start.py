"""Where the joint model starts: features by differences of sums, with the dependences that their trees imply."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica.hierarchy.families import families
from overica.hierarchy.feature_sums import Sums
from overica.hierarchy.genealogy import Genealogy, Node

__all__ = ["Start"]

_SHORT = 0.55
"""Length, beside the median, below which a difference of sums is no feature but what they are known up to."""


class Start(NamedTuple):
    """Features, and how often they and pairs of them are present."""

    vectors: NDArray[np.float64]
    """(n_features, n_components), as long as what they contribute on average."""
    together: NDArray[np.float64]
    """(n_components, n_components)"""
    n_samples: int
    n_shared: int
    """Features that several sums share: without any there is no hierarchy."""

    @classmethod
    def of(cls, sums: Sums) -> Start:
        """Every family is taken apart; a feature is present wherever one of its sums is."""
        nodes: list[Node] = []
        for family in families(sums):
            where = {member: at for at, member in enumerate(family.members)}
            branches = [[where[i] for i in branch] for branch in family.branches]
            tree = Genealogy(sums.vectors[:, family.members], branches)
            if branches:
                tree.climb()
                nodes += [
                    Node(node.vector, [family.members[i] for i in node.members])
                    for node in tree.nodes()
                ]
            else:
                nodes.append(Node(sums.vectors[:, family.members[0]], family.members))
        lengths = np.array([np.linalg.norm(node.vector) for node in nodes])
        kept = [
            node
            for node, length in zip(nodes, lengths, strict=True)
            if length > _SHORT * np.median(lengths)
        ]
        Z = np.zeros((len(kept), len(sums)))
        for row, node in zip(Z, kept, strict=True):
            row[node.members] = 1
        # Sums of one family exclude each other, so firings add up; strangers may fire together, so no more than all.
        counts = np.minimum(Z @ sums.counts, sums.n_samples)
        together = np.minimum(Z @ sums.together @ Z.T, np.minimum.outer(counts, counts))
        np.fill_diagonal(together, counts)
        shared = sum(len(node.members) > 1 for node in kept)
        return cls(
            np.stack([node.vector for node in kept], axis=1), together, sums.n_samples, shared
        )
