"""A forest over presences: which sources come together, with an exact normaliser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from overica._kernels import Graph

__all__ = ["Forest", "chow_liu"]

_SMALLEST = 1e-7
"""Conditional probabilities stay this far from 0 and 1, so that every presence can be inferred."""


@dataclass(frozen=True)
class Forest:
    """Distribution of presences b in {0, 1}^n in which every source depends on at most one other, its parent.

    .. math:: \\log p(b) = z + \\sum_j h_j b_j + \\sum_{j: \\pi(j) \\ge 0} J_j\\, b_j b_{\\pi(j)}

    Which end of an edge is called the parent does not change the distribution.

    Attributes
    ----------
    parents : array of int64 (n_components,)
        pi, -1 for a root.
    log_odds : array (n_components,)
        h.
    couplings : array (n_components,)
        J, 0 for a root; positive where both come together more often than by chance.
    log_normaliser : float
        z, the log probability that nothing is present.

    Examples
    --------
    >>> forest = Forest.conditional([-1, 0], [0.5, 0.9], [0.5, 0.1])
    >>> np.exp(forest.log_probability([[1, 1], [1, 0], [0, 0]])).round(3)
    array([0.45, 0.05, 0.45])
    >>> forest.marginals().round(3)
    array([0.5, 0.5])
    """

    parents: NDArray[np.int64]
    log_odds: NDArray[np.float64]
    couplings: NDArray[np.float64]
    log_normaliser: float

    def __post_init__(self) -> None:
        for name, dtype in (("parents", np.int64), ("log_odds", float), ("couplings", float)):
            array = np.array(getattr(self, name), dtype)
            if array.ndim != 1 or len(array) != len(self.parents):
                raise ValueError(
                    f"`{name}` must have shape (n_components={len(self.parents)},), got {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"`{name}` must be finite")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "log_normaliser", float(self.log_normaliser))
        self.order()

    @classmethod
    def conditional(cls, parents: NDArray, with_parent: NDArray, without: NDArray) -> Forest:
        """From the probabilities of each source given that its parent is there and that it is not.

        With a = p(b_j | parent), q = p(b_j | no parent), the factor of j is
        ``log(1 - q) + b_j logit(q) + b_parent log((1 - a) / (1 - q)) + b_j b_parent (logit(a) - logit(q))``, so the
        normaliser is the sum of all log(1 - q). Roots are there with probability q.
        """
        parents = np.asarray(parents, np.int64)
        q = np.clip(np.asarray(without, float), _SMALLEST, 1 - _SMALLEST)
        a = np.where(
            parents < 0, q, np.clip(np.asarray(with_parent, float), _SMALLEST, 1 - _SMALLEST)
        )
        log_odds = logit(q)
        child = np.flatnonzero(parents >= 0)
        np.add.at(log_odds, parents[child], np.log1p(-a[child]) - np.log1p(-q[child]))
        return cls(parents, log_odds, logit(a) - logit(q), float(np.log1p(-q).sum()))

    @classmethod
    def independent(cls, presence: NDArray) -> Forest:
        """Without edges: every source is there with its own probability.

        Examples
        --------
        >>> Forest.independent([0.5, 0.25]).marginals()
        array([0.5 , 0.25])
        """
        presence = np.asarray(presence, float)
        return cls.conditional(np.full(len(presence), -1), presence, presence)

    @property
    def n_components(self) -> int:
        """Sources."""
        return len(self.parents)

    def order(self) -> NDArray[np.int64]:
        """Sources, parents before their children; a ValueError if parents go in circles."""
        n = len(self.parents)
        if ((self.parents < -1) | (self.parents >= n)).any():
            raise ValueError(f"`parents` must hold -1 or positions below {n}")
        depth = np.zeros(n, np.int64)
        up = self.parents.copy()
        while (up >= 0).any():
            depth += up >= 0
            if depth.max() >= n:
                raise ValueError("`parents` must not go in circles")
            up = np.where(up >= 0, self.parents[up], -1)
        return np.argsort(depth, kind="stable")

    def log_probability(self, present: NDArray) -> NDArray[np.float64]:
        """Of each row of `present`, (n_samples, n_components), zeros and ones."""
        b = np.asarray(present, float)
        child = np.flatnonzero(self.parents >= 0)
        pairs = (b[:, child] * b[:, self.parents[child]]) @ self.couplings[child]
        return self.log_normaliser + b @ self.log_odds + pairs

    def _upward(self) -> NDArray[np.float64]:
        """log of (sum over the branch of j, j present) / (the same, j absent), without j's edge to its parent."""
        message = self.log_odds.copy()
        for j in self.order()[::-1]:
            i = self.parents[j]
            if i >= 0:
                message[i] += np.logaddexp(0, message[j] + self.couplings[j]) - np.logaddexp(
                    0, message[j]
                )
        return message

    def normaliser(self) -> float:
        """z from h and J alone, ``-log sum_b exp(h'b + ...)``: equal to `log_normaliser` if that is right."""
        up = self._upward()
        # A branch with its top absent weighs the product of its children's; a root, both its states.
        return -float(np.logaddexp(0, up).sum())

    def marginals(self) -> NDArray[np.float64]:
        """The probability that each source is present, exact."""
        up = self._upward()
        p = np.empty(len(up))
        for j in self.order():
            i = self.parents[j]
            q = np.exp(-np.logaddexp(0, -up[j]))
            a = np.exp(-np.logaddexp(0, -up[j] - self.couplings[j]))
            p[j] = q if i < 0 else a * p[i] + q * (1 - p[i])
        return p

    def graph(self) -> Graph:
        """As the kernel takes it."""
        child = np.flatnonzero(self.parents >= 0)
        one = np.concatenate([child, self.parents[child]])
        other = np.concatenate([self.parents[child], child])
        order = np.argsort(one, kind="stable")
        starts = np.searchsorted(one[order], np.arange(len(self.parents) + 1))
        weights = np.concatenate([self.couplings[child]] * 2)[order]
        return Graph(self.log_odds, starts.astype(np.int64), other[order].astype(np.int32), weights)


def chow_liu(
    together: NDArray,
    n_samples: float,
    *,
    least_information: float | None = None,
    smoothing: float = 1e-4,
) -> Forest:
    """The forest of highest likelihood from how often each pair of sources is present together.

    The likelihood of a forest is that of independent presences times exp(n_samples I_ij) for every edge, I the mutual
    information of the two presences; so the best is a spanning forest of the largest sum, which Prim's algorithm finds.

    Parameters
    ----------
    together : array (n_components, n_components)
        Counts of samples in which both are present; on the diagonal, in which each is. Fractions are allowed.
    n_samples : float
        Of how many samples.
    least_information : float, optional
        Nats over all samples, ``n_samples I``, that an edge must bring. By default
        ``log(n_components) + log(n_samples) / 2``: what the best of n_components pairs that are independent brings by
        chance, and what one parameter costs.
    smoothing : float
        Share of independent presences that is mixed in, so that what was never seen is not impossible: a child without
        its parent as little as two together that exclude each other.

    Returns
    -------
    Forest

    References
    ----------
    Chow, C. K. and Liu, C. N. (1968). Approximating discrete probability distributions with dependence trees. IEEE
    Transactions on Information Theory 14 (3), 462-467.

    Examples
    --------
    The second comes with the first only; the third is independent.

    >>> forest = chow_liu(np.array([[500, 250, 50], [250, 250, 25], [50, 25, 100.0]]), 1000)
    >>> forest.parents
    array([-1,  0, -1])
    >>> forest.marginals().round(2)
    array([0.5 , 0.25, 0.1 ])
    """
    together = np.asarray(together, float)
    n = len(together)
    total = float(n_samples) + 1.0
    p = np.clip((np.diag(together) + 0.5) / total, _SMALLEST, 1 - _SMALLEST)
    if least_information is None:
        least_information = np.log(n) + 0.5 * np.log(max(n_samples, 1.0))

    def both(j: int) -> NDArray:
        """Smoothed probabilities that j and each other one are there; within what the marginals allow."""
        low, high = np.maximum(p[j] + p - 1, 0), np.minimum(p[j], p)
        seen = np.clip(together[j] / total, low, high)
        share = max(smoothing, _SMALLEST)
        return (1 - share) * seen + share * p[j] * p

    def information(j: int) -> NDArray:
        on = both(j)
        cells = [
            (on, p[j] * p), (p[j] - on, p[j] * (1 - p)), (p - on, (1 - p[j]) * p),
            (1 - p[j] - p + on, (1 - p[j]) * (1 - p)),
        ]  # fmt: skip
        return sum(cell * np.log(np.maximum(cell, 1e-300) / chance) for cell, chance in cells)

    parents = np.full(n, -1)
    waiting = np.ones(n, bool)
    best, source = np.full(n, -np.inf), np.full(n, -1)
    with_parent, without = p.copy(), p.copy()
    for _ in range(n):
        j = int(np.where(waiting, best, -np.inf).argmax())
        if not waiting[j] or not best[j] * total > least_information:
            j = int(np.where(waiting, p, -1.0).argmax())  # the most frequent that is left is a root
        else:
            i = parents[j] = source[j]
            on = both(i)[j]
            with_parent[j], without[j] = on / p[i], (p[j] - on) / (1 - p[i])
        waiting[j] = False
        news = information(j)
        closer = waiting & (news > best)
        best, source = np.where(closer, news, best), np.where(closer, j, source)
    return Forest.conditional(parents, with_parent, without)
