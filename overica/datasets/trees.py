"""Trees of features: a child needs its parent, and siblings exclude each other."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Forest:
    """Parents of features that are numbered breadth first, so that a parent comes first.

    Examples
    --------
    >>> forest = Forest.grow(8, n_trees=2, branching=2, depth=1)
    >>> forest.parent.tolist()
    [-1, -1, 0, 0, 1, 1, -1, -1]
    >>> forest.trees().tolist()
    [0, 1, 0, 0, 1, 1, 6, 7]
    """

    parent: np.ndarray
    """(n_components,) index of the parent, -1 for roots and for features in no tree."""

    @classmethod
    def grow(cls, n_components: int, n_trees: int, branching: int, depth: int) -> "Forest":
        """Trees of equal shape, breadth first over all of them, cut off at `n_components`."""
        parent = np.full(n_components, -1)
        level = np.arange(min(n_trees, n_components))
        start = len(level)
        for _ in range(depth):
            owners = np.repeat(level, branching)[: n_components - start]
            parent[start : start + len(owners)] = owners
            level = np.arange(start, start + len(owners))
            start += len(owners)
        return cls(parent)

    def families(self) -> list[tuple[int, np.ndarray]]:
        """Each parent with its children, parents of upper levels first."""
        has_parent = self.parent >= 0
        owners = np.unique(self.parent[has_parent])
        return [(int(owner), np.flatnonzero(self.parent == owner)) for owner in owners]

    def trees(self) -> np.ndarray:
        """(n_components,) root of each feature's tree; a feature in no tree is its own."""
        root = np.arange(len(self.parent))
        for owner, children in self.families():
            root[children] = root[owner]
        return root

    def compensated(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities to draw with, so that about the given ones are left after `prune`.

        A child of probability p_j is wanted in a share ``f_j = p_j / p_parent`` of the samples in
        which its parent is on.  Drawn there with ``q_j``, it wins against its siblings in about
        ``q_j / (1 + sum of the others' f)``; hence ``q_j = f_j (1 + sum of the others' f)``, at
        most 1.
        """
        drawn = np.array(probabilities, dtype=np.float64)
        for owner, children in self.families():
            wanted = probabilities[children] / probabilities[owner]
            drawn[children] = np.minimum(1.0, wanted * (1 + wanted.sum() - wanted))
        return drawn

    def prune(self, rng: np.random.Generator, fired: np.ndarray) -> np.ndarray:
        """Turn off children of parents that are off, and all but one, at random, of siblings.

        Parameters
        ----------
        rng : numpy.random.Generator
            Decides between siblings.
        fired : ndarray of shape (n_samples, n_components), bool
            Which features fire before.

        Returns
        -------
        ndarray of shape (n_samples, n_components), bool
            A new array.

        Examples
        --------
        >>> import numpy as np
        >>> forest = Forest(np.array([-1, 0, 0]))
        >>> fired = np.array([[False, True, True], [True, True, False]])
        >>> forest.prune(np.random.default_rng(0), fired).astype(int).tolist()
        [[0, 0, 0], [1, 1, 0]]
        """
        on = np.array(fired.T, order="C")
        for owner, children in self.families():
            candidates = on[children] & on[owner]
            draws = np.where(candidates, rng.random(candidates.shape), -1.0)
            on[children] = candidates & (np.arange(len(children))[:, None] == draws.argmax(axis=0))
        return on.T
