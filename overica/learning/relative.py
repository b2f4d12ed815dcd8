"""Maximum likelihood where sources are as few as dimensions, and noise is none.

Then ``s = W z`` and the likelihood of a sample is exact, ``log p(z) = log |det W| + sum_j log p_j((W z)_j)``. A
small relative change, ``W <- (I + E) W``, changes minus its mean by

    tr(G' E) + E' H E / 2,      G = mean psi(s) s' - I,      psi_j = -d log p_j / ds_j,

where H, if sources are independent, couples an entry with its mirror image alone,

    d2 / dE_ij2 = mean psi_i'(s_i) mean s_j^2,    d2 / dE_ij dE_ji = 1,    d2 / dE_ii2 = mean psi_i'(s_i) s_i^2 + 1,

so that a Newton step solves pairs of equations (Amari 1998 for the relative gradient; Ablin, Cardoso and Gramfort
2018, "Faster independent component analysis by preconditioning with Hessian approximations", for the step). As the
change is relative, the way of a climb does not depend on the mixing matrix but through its start. This is also why
the published rule for overcomplete bases multiplies the gradient by A A': with as few sources as features
``-A (mean z s' + I)`` is this gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from overica.learning.shapes import shapes
from overica.priors import LogConcave, Prior

_CHUNK_NUMBERS = 2**15
"""Sources at a time: what is computed from them stays in a cache."""
_LEAST_CURVATURE = 0.05
_LONGEST = 0.5
"""Largest entry of a relative step."""
_STEPS = 3
"""Between two estimates of the densities."""
_SHORTEST = 1e-3
_SETTLED = 0.005
"""Rise of the log likelihood that ends a climb, per parameter and sample: by chance alone it is half a nat."""
_FIXED_POINT_TOL = 1e-3
_FIXED_POINT_STEPS = 50


@dataclass(frozen=True)
class Separation:
    """Where a climb stands."""

    W: np.ndarray
    """(n_components, n_components), from whitened samples to sources of scale one."""
    prior: LogConcave
    """The densities of the sources."""
    log_likelihood: float
    """Mean over the samples, in whitened units, nats."""
    length: float
    """Share of the Newton step that was taken."""
    change: float
    """Median relative change of a source."""


@dataclass(frozen=True)
class Moments:
    """Means over samples that the likelihood and its Newton step need."""

    cost: float
    """Of a sample, all sources together."""
    slope: np.ndarray
    """mean psi(s) s', (n_components, n_components)."""
    bend: np.ndarray
    """mean psi'(s), (n_components,)."""
    power: np.ndarray
    """mean s^2, (n_components,)."""
    own: np.ndarray
    """mean psi'(s) s^2, (n_components,)."""

    @classmethod
    def of(cls, Z: np.ndarray, W: np.ndarray, prior: Prior) -> Moments:
        """Of the sources ``W z`` of samples, some at a time."""
        n, N = W.shape[0], len(Z)
        rows = max(1, _CHUNK_NUMBERS // n)
        cost, slope, single = 0.0, np.zeros((n, n)), np.zeros((3, n))
        for start in range(0, N, rows):
            S = Z[start : start + rows] @ W.T
            square = S * S
            costs, psi, bend = prior.derivatives(S)
            cost += float(costs.sum())
            slope += psi.T @ S
            single += [bend.sum(axis=0), square.sum(axis=0), (bend * square).sum(axis=0)]
        return cls(cost / N, slope / N, *(single / N))

    def step(self) -> np.ndarray:
        """The relative Newton step E, (n_components, n_components), no entry longer than a half.

        Where the curvature of a pair is not positive, as of two Gaussian sources, it is lifted.
        """
        G = self.slope - np.eye(len(self.slope))
        h = np.outer(self.bend, self.power)
        lowest = (h + h.T) / 2 - np.sqrt((h - h.T) ** 2 / 4 + 1)
        h = h + np.maximum(0, _LEAST_CURVATURE - lowest)
        np.fill_diagonal(h, 2.0)
        E = (G.T - h.T * G) / (h * h.T - 1)
        np.fill_diagonal(E, -np.diag(G) / (self.own + 1))
        return np.asarray(E * min(1.0, _LONGEST / max(float(np.abs(E).max()), 1e-300)))


def climb(Z: np.ndarray, W: np.ndarray, max_iter: int) -> Iterator[Separation]:
    """Quasi-Newton ascent of the likelihood, densities learned along with W; where it stands after every step.

    The start is handed out first, with its densities.

    Parameters
    ----------
    Z : array (n_samples, n_components)
        Whitened.
    W : array (n_components, n_components)
        Start.
    max_iter : int
    """
    settled = _SETTLED * W.size / len(Z)
    before = -np.inf
    for step in range(max_iter):
        if step % _STEPS == 0:
            S = Z @ W.T
            size = np.abs(S).mean(axis=0)
            S /= size
            W, prior = W / size[:, None], shapes(S)
            del S
            constant = float(np.sum(prior.log_normaliser()))
            here = Moments.of(Z, W, prior)
            value = _log_likelihood(W, here, constant)
            if value - before < settled and step:
                break
            before = value
        if step == 0:
            yield Separation(W, prior, value, 0.0, 0.0)
        E, length = here.step(), 1.0
        while length > _SHORTEST:
            moved = W + length * E @ W
            there = Moments.of(Z, moved, prior)
            risen = _log_likelihood(moved, there, constant)
            if risen > value:
                break
            length /= 2
        else:
            break
        W, here, value = moved, there, risen
        change = float(np.median(np.linalg.norm(length * E, axis=1)))
        yield Separation(W, prior, value, length, change)


def rotation(Z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From a random rotation to one at which sources of either kind of tails are told apart, roughly.

    The fixed-point iteration of Hyvarinen (1999), symmetric, with tanh: it finds lighter and heavier tails than
    a Gaussian's alike.
    """
    n = Z.shape[1]
    W = _orthogonal(rng.standard_normal((n, n)))
    for _ in range(_FIXED_POINT_STEPS):
        T = np.tanh(Z @ W.T)
        moved = _orthogonal(T.T @ Z / len(Z) - (1 - T**2).mean(axis=0)[:, None] * W)
        change = np.abs(np.abs((moved * W).sum(axis=1)) - 1).max()
        W = moved
        if change < _FIXED_POINT_TOL:
            break
    return W


def step_stream(A: np.ndarray, prior: Prior, X: np.ndarray, share: float) -> np.ndarray:
    """The mixing matrix after a share of a relative Newton step on one batch.

    Within the span of the columns the step above; out of it, towards the regression of samples on their codes.
    """
    S = X @ np.linalg.pinv(A).T
    E = Moments.of(S, np.eye(A.shape[1]), prior).step()
    residual = X - S @ A.T
    beyond = residual.T @ S / len(X) / np.maximum((S**2).mean(axis=0), 1e-300)
    return np.asarray(A @ (np.eye(A.shape[1]) - share * E) + share * beyond)


def _log_likelihood(W: np.ndarray, moments: Moments, constant: float) -> float:
    return float(np.linalg.slogdet(W)[1]) - constant - moments.cost


def _orthogonal(W: np.ndarray) -> np.ndarray:
    U, _, Vt = np.linalg.svd(W)
    return np.asarray(U @ Vt)
