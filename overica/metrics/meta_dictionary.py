"""What a dictionary's own directions are made of: a smaller dictionary, learned from them as from samples.

Where features are not atomic, directions of a dictionary share parts: children that hold their parent are its
direction and one of their own, pairs in frequent company are sums. Parts that several directions share can be learned
from these as features are from samples, and then a few explain much of each. Directions that are one feature each share
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from overica._validation import check_scalar
from overica.coding import Dictionary, orthogonal_matching_pursuit
from overica.metrics.arrays import as_matrix
from overica.metrics.chance import ChanceLevel
from overica.random_state import generator
from overica.ranges import unit_rows

_STARTS = 8
_FIRST, _MORE = 6, 24
"""Steps of every start, and of the best of them."""
_RIDGE = 1e-6


@dataclass(frozen=True, eq=False)
class MetaDictionary:
    """A dictionary of a dictionary's directions.

    Examples
    --------
    >>> found = MetaDictionary(np.eye(2), np.eye(2), np.array([0.5, 0.7]), ChanceLevel(0.2, 0.01))
    >>> round(found.mean_share, 2), found.shared()
    (0.6, array([ True,  True]))
    """

    components: np.ndarray
    """Meta atoms as rows of unit length, (n_components, n_features), learned from all directions."""
    codes: np.ndarray
    """What each direction is made of, (n_directions, n_components), never negative."""
    shares: np.ndarray
    """Of each direction's squared length, what atoms that were learned without it explain, (n_directions,); NaN for
    directions of length zero."""
    chance: ChanceLevel
    """Of the share of one direction, where all are random."""

    @property
    def mean_share(self) -> float:
        """Mean share over the directions."""
        return float(np.nanmean(self.shares))

    def shared(self, *, deviations: float = 3.0) -> np.ndarray:
        """Which directions have parts in common with others, (n_directions,) of bool.

        These are explained better than a random direction is, by `deviations` standard deviations. A parent whose
        children hold it is among them, as their part.
        """
        above: np.ndarray = self.shares > self.chance.mean + deviations * self.chance.std
        return above


def meta_dictionary(
    components: ArrayLike,
    n_components: int,
    *,
    n_active: int = 4,
    n_folds: int = 5,
    n_draws: int = 3,
    random_state: int | np.random.Generator | None = None,
) -> MetaDictionary:
    """Sparse coding of a dictionary's own directions, and how much of each it explains, beside chance.

    Directions d, of unit length, are taken for samples, ``d ~ sum_j c_j m_j`` with at most `n_active` codes, none of
    them negative. Codes are found by orthogonal matching pursuit, atoms m by least squares on them, in turn; atoms that
    nothing uses start anew at the direction that is explained worst.

    A small dictionary can hold some directions whole and would explain these without their having any parts. So the
    share of a direction is that which atoms explain that were learned from directions of the other folds: what it has
    in common with others. A feature that is one of its own is then explained as well as a random direction.

    Parameters
    ----------
    components : array (n_directions, n_features)
        Rows of any length: `components_` of a featuriser.
    n_components : int
        Meta atoms, fewer than directions: about as many as parts are expected to be shared. One of 20 directions, where
        nothing is known.
    n_active : int
        Most atoms per direction.
    n_folds : int
        At least 2.
    n_draws : int
        Dictionaries of random directions for the chance level.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    MetaDictionary

    Raises
    ------
    ValueError
        If a parameter is out of its range, or there are not more directions than atoms in each fold's rest.

    References
    ----------
    Leask et al. (2025), "Sparse autoencoders do not find canonical units of analysis", which learns the second
    dictionary by an autoencoder: meta-SAEs.

    Examples
    --------
    Half of the directions hold one of two others:

    >>> rng = np.random.default_rng(0)
    >>> own = np.linalg.qr(rng.standard_normal((64, 64)))[0]
    >>> sums = own[:40] + own[[60] * 20 + [61] * 20]
    >>> of_sums, of_features = (meta_dictionary(D, 2, random_state=0) for D in (sums, own[:40]))
    >>> round(of_sums.mean_share, 1), round(abs(of_features.mean_share), 1)
    (0.5, 0.0)
    >>> float(of_sums.shared().mean()), float(of_features.shared().mean())
    (1.0, 0.0)
    """
    D = as_matrix(components, "components", "n_directions", "n_features")
    D, lengths = unit_rows(D)
    n_components = check_scalar(n_components, "n_components", minimum=1, integer=True)
    n_active = check_scalar(n_active, "n_active", minimum=1, integer=True)
    n_folds = check_scalar(n_folds, "n_folds", minimum=2, integer=True)
    n_draws = check_scalar(n_draws, "n_draws", minimum=1, integer=True)
    alive = np.flatnonzero(lengths > 0)
    rest = len(alive) - -(-len(alive) // n_folds)
    if n_components > rest:
        raise ValueError(
            f"`n_components` must be at most {rest}, the directions that are left where one of {n_folds} folds of "
            f"{len(alive)} is kept back, got {n_components}"
        )
    rng = generator(random_state)
    shares = np.full(len(D), np.nan)
    shares[alive] = _held_out(D[alive], n_components, n_active, n_folds, rng)
    random = np.concatenate([
        _held_out(
            unit_rows(rng.standard_normal((len(alive), D.shape[1])))[0],
            n_components, n_active, n_folds, rng,
        )
        for _ in range(n_draws)
    ])  # fmt: skip
    atoms = _learned(D[alive], n_components, n_active, rng)
    return MetaDictionary(
        components=atoms,
        codes=_codes(atoms, D, n_active),
        shares=shares,
        chance=ChanceLevel(float(random.mean()), float(random.std(ddof=1))),
    )


def _held_out(
    D: np.ndarray, n_components: int, n_active: int, n_folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Shares that atoms learned from other folds explain, of each direction."""
    shares = np.zeros(len(D))
    for fold in np.array_split(rng.permutation(len(D)), n_folds):
        atoms = _learned(np.delete(D, fold, axis=0), n_components, n_active, rng)
        explained = _codes(atoms, D[fold], n_active) @ atoms
        shares[fold] = 1.0 - np.square(D[fold] - explained).sum(axis=1)
    return shares


def _learned(
    D: np.ndarray, n_components: int, n_active: int, rng: np.random.Generator
) -> np.ndarray:
    """Atoms (n_components, n_features) of directions: of several starts at some of them, the best goes on."""
    starts = (D[rng.choice(len(D), n_components, replace=False)] for _ in range(_STARTS))
    best = min((_stepped(D, atoms, n_active, _FIRST) for atoms in starts), key=lambda end: end[1])
    return _stepped(D, best[0], n_active, _MORE)[0]


def _stepped(
    D: np.ndarray, atoms: np.ndarray, n_active: int, n_steps: int
) -> tuple[np.ndarray, float]:
    """Atoms after steps of pursuit and least squares in turn, and what they left in the last of them."""
    left = np.inf
    for _ in range(n_steps):
        C = _codes(atoms, D, n_active)
        errors = np.square(D - C @ atoms).sum(axis=1)
        left = float(errors.sum())
        G = C.T @ C
        G[np.diag_indices_from(G)] += _RIDGE * max(float(np.trace(G)), 1.0) / len(atoms)
        atoms, _ = unit_rows(np.linalg.solve(G, C.T @ D))
        unused = np.flatnonzero(~C.any(axis=0))
        atoms[unused] = D[np.argsort(errors)[::-1][: unused.size]]
    return atoms, left


def _codes(atoms: np.ndarray, D: np.ndarray, n_active: int) -> np.ndarray:
    return orthogonal_matching_pursuit(Dictionary.of_rows(atoms), D, n_active, nonnegative=True)
