"""The tree of a family of sums: which share what, by marginal likelihood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Genealogy", "Node"]

Group = frozenset[int]

_PRICE = 3.0
"""Nats that a shared feature has to bring: clusters of chance directions are joined because they are close."""
_MEASURED = 0.08
"""Variance of what a sum is known up to, beside that of a feature."""
_ROUNDS = 40
_KICKS, _IN_VAIN = 12, 5
"""Further climbs, each from about half of the groups of the best tree; fewer if so many on end found no better one."""
_SMALL = 32
"""Sums of a family that is climbed so often; larger ones a quarter of that."""
_LOOSE = 12
"""Up to so many sums without a common feature are tried in pairs."""


class Node(NamedTuple):
    """A feature: what it contributes, and which sums it is a part of."""

    vector: NDArray[np.float64]
    members: list[int]


class _Move(NamedTuple):
    """A change of a tree: shared features that go and come, and a sum that gets or loses a feature of its own."""

    gone: tuple[Group, ...] = ()
    new: tuple[Group, ...] = ()
    turned: int | None = None


class Genealogy:
    """Sums taken apart into features that several of them share and features of their own.

    A sum along a path of a tree is the sum of the features on it, ``v_i = sum of a_g over groups g that hold i``, up to
    a small error. Features point in random directions and are about equally long, so their entries are as good as
    independent with a common variance: over features (rows), the sums are Gaussian with covariance proportional to

    .. math:: K = \\operatorname{diag}(o + \\epsilon) + \\sum_g 1_g 1_g',

    where ``o_i`` is one if sum i has a feature of its own, and zero if it is a path that ends at a fork. With the scale
    at its best, ``log p(v) = -m/2 (log |K| + k log tr(K^-1 V'V / m) + k) + const``. The groups are those of average
    linkage to begin with; moves that dissolve a group, take a sum over into another, split and unite, are
    made while the likelihood, less a price per group, rises. Moves change K by few outer products, so one inverse
    per round scores all of them.

    Parameters
    ----------
    vectors : array (n_features, n_sums)
    groups : list of lists of int
        Where the search starts.

    Attributes
    ----------
    groups : set of frozenset of int
        Sums that share a feature.
    own : array of bool (n_sums,)

    Examples
    --------
    A root, alone and with one of three children, whose sums are given in a flat group:

    >>> root, *children = 4 * np.eye(40)[:4]
    >>> V = np.stack([root, *(root + child for child in children)], axis=1)
    >>> tree = Genealogy(V, [[0, 1, 2, 3]]).climb()
    >>> [sorted(group) for group in tree.groups], tree.own
    ([[0, 1, 2, 3]], array([False,  True,  True,  True]))
    """

    def __init__(self, vectors: NDArray, groups: Sequence[Sequence[int]]) -> None:
        self.vectors = np.asarray(vectors, float)
        self.m, self.k = self.vectors.shape
        self._T = self.vectors.T @ self.vectors / self.m
        self.groups: set[Group] = {frozenset(group) for group in groups if len(group) > 1}
        self.own = np.ones(self.k, bool)

    def climb(self) -> Genealogy:
        """Itself, at the best tree of several climbs: from all groups, then from parts of the best so far."""
        rng = np.random.default_rng(self.k)
        score = self._climbed()
        groups, own, in_vain = self.groups, self.own, 0
        for _ in range(_KICKS if self.k <= _SMALL else _KICKS // 4):
            self.groups = {group for group in groups if rng.random() < 0.5}
            self.own = np.where(rng.random(self.k) < 0.5, own, True)
            found = self._climbed()
            in_vain += 1
            if found > score + 1e-6:
                groups, own, score, in_vain = self.groups, self.own, found, 0
            elif in_vain == _IN_VAIN:
                break
        self.groups, self.own = groups, own
        return self

    def _climbed(self) -> float:
        """The score after all moves that help."""
        score = self._score(self.groups, self.own)
        for _ in range(_ROUNDS):
            moves = list(self._moves())
            gains = self._gains(moves)
            before = score
            for at in np.argsort(-gains, kind="stable"):
                if gains[at] <= 1e-6:
                    break
                move = moves[at]
                if not self.groups.issuperset(move.gone) or self.groups.intersection(move.new):
                    continue
                groups = self.groups.difference(move.gone).union(move.new)
                own = self.own.copy()
                if move.turned is not None:
                    own[move.turned] ^= True
                found = self._score(groups, own)
                if found > score + 1e-6 and _nested(move.new, groups):
                    self.groups, self.own, score = groups, own, found
            if score <= before:
                break
        return score

    def nodes(self) -> list[Node]:
        """The features, by their posterior means given the sums."""
        groups = [[i] for i in np.flatnonzero(self.own).tolist()]
        groups += sorted(sorted(group) for group in self.groups)
        B = np.zeros((len(groups), self.k))
        for row, group in zip(B, groups, strict=True):
            row[group] = 1
        means = self.vectors @ np.linalg.solve(B.T @ B + _MEASURED * np.eye(self.k), B.T)
        return [Node(mean, group) for mean, group in zip(means.T, groups, strict=True)]

    def _covariance(self, groups: set[Group], own: NDArray) -> NDArray:
        K = np.diag(own + _MEASURED)
        for group in groups:
            held = list(group)
            K[np.ix_(held, held)] += 1
        return K

    def _score(self, groups: set[Group], own: NDArray) -> float:
        K = self._covariance(groups, own)
        scale = np.trace(np.linalg.solve(K, self._T))
        return float(
            -0.5 * self.m * (np.linalg.slogdet(K)[1] + self.k * np.log(scale))
            - _PRICE * len(groups)
        )

    def _gains(self, moves: list[_Move]) -> NDArray:
        """What each move would add to the score.

        With ``K' = K + U C U'``, C diagonal, ``|K'| = |K| |I + C U'PU|`` and ``tr(K'^-1 T) = tr(PT) - tr((I + C
        U'PU)^-1 C U'QU)``, where ``P = K^-1`` and ``Q = P T P``.
        """
        P = np.linalg.inv(self._covariance(self.groups, self.own))
        Q = P @ self._T @ P
        rank = max(len(move.gone) + len(move.new) + 1 for move in moves)
        U = np.zeros((len(moves), rank, self.k))
        C = np.zeros((len(moves), rank))
        for t, move in enumerate(moves):
            for r, group in enumerate(move.gone + move.new):
                U[t, r, list(group)] = 1
                C[t, r] = -1 if r < len(move.gone) else 1
            if move.turned is not None:
                U[t, -1, move.turned] = 1
                C[t, -1] = -1 if self.own[move.turned] else 1
        flat = U.reshape(-1, self.k)
        inner = (flat @ P).reshape(U.shape) @ U.transpose(0, 2, 1)
        outer = (flat @ Q).reshape(U.shape) @ U.transpose(0, 2, 1)
        changed = np.eye(rank) + C[:, :, None] * inner
        fallen = np.einsum("tii->t", np.linalg.solve(changed, C[:, :, None] * outer))
        trace = float((P * self._T).sum())
        ratio = np.maximum(1 - fallen / trace, 1e-12)
        gains = -0.5 * self.m * (np.linalg.slogdet(changed)[1] + self.k * np.log(ratio))
        more = np.array([len(move.new) - len(move.gone) for move in moves])
        return np.asarray(gains - _PRICE * more)

    def _moves(self) -> Iterator[_Move]:
        for i in range(self.k):
            yield _Move(turned=i)
            yield from self._transfers(i)
        for group in self.groups:
            yield _Move(gone=(group,))
        for group in [*self.groups, frozenset(range(self.k))]:
            yield from self._regroupings(group)

    def _transfers(self, i: int) -> Iterator[_Move]:
        """Sum i becomes one of those that share another group, and all groups which that is within."""
        path = {group for group in self.groups if i in group}
        for target in [*self.groups, None]:
            above = set() if target is None else {g for g in self.groups if g >= target}
            if above == path:
                continue
            left, entered = path - above, above - path
            fewer = {group - {i} for group in left}
            new = {group for group in fewer if len(group) > 1} | {group | {i} for group in entered}
            gone = left | entered
            yield _Move(gone=tuple(gone), new=tuple(new - (self.groups - gone)))

    def _regroupings(self, group: Group) -> Iterator[_Move]:
        """Two branches of a group become one; what is not in a branch becomes one; a branch leaves the group."""
        below = [other for other in self.groups if other < group]
        branches = [g for g in below if not any(g < other for other in below)]
        loose = group.difference(*branches)
        for a, one in enumerate(branches):
            for two in branches[:a]:
                both = one | two
                if both not in self.groups:
                    yield _Move(new=(both,))
                    yield _Move(gone=(one, two), new=(both,))
        if len(loose) <= _LOOSE:
            for i in loose:
                for j in loose:
                    if i < j and frozenset((i, j)) not in self.groups:
                        yield _Move(new=(frozenset((i, j)),))
        if len(loose) > 1 and branches and loose not in self.groups:
            yield _Move(new=(loose,))
        if group in self.groups:
            for branch in below:
                rest = group - branch
                if len(rest) > 1 and rest not in self.groups:
                    yield _Move(gone=(group,), new=(rest,))
                    yield _Move(new=(rest,))


def _nested(new: Sequence[Group], groups: set[Group]) -> bool:
    """Whether new groups hold others, are held by them, or have nothing in common with them: a tree."""
    return all(a <= b or b <= a or a.isdisjoint(b) for a in new for b in groups)
