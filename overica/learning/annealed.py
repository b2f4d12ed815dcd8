"""Exact sampling in place of approximations: Gibbs sweeps of the posterior, and the log evidence by annealing.

Slow, and right in the limit: what the fast evidence is checked by, and what fits noise, scales and presence to a
dictionary that came from elsewhere.
"""

# Compiled code has NumPy's global generator alone, one per thread; every sample seeds it anew.
# ruff: noqa: NPY002

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from overica._validation import check_array, check_scalar
from overica.learning.occupancy import erfcx
from overica.learning.posterior import Model

_COLDEST = 1e-6
"""First level after zero, for a noise variance of one."""
_OPTIONS = {"cache": True, "error_model": "numpy"}


def annealed_log_evidence(
    model: Model,
    X: np.ndarray,
    *,
    n_temperatures: int = 1000,
    n_chains: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> np.ndarray:
    """Log evidence of samples by annealed importance sampling (Neal 2001), nats, (n_samples,).

    The sources are drawn from their prior and then follow ``p(s) p(x | s)^b`` while b rises from 0 to 1, by one Gibbs
    sweep at every level; the conditional law of one source given the others, a point at zero and two halves of
    Gaussians, is drawn exactly. The product of ``p(x | s)^(b' - b)`` along the way is an unbiased estimate of
    p(x), so that its logarithm is too low on average, by about half its variance, and rises to the truth with
    `n_temperatures`.

    Parameters
    ----------
    model : Model
        With an l1 cost.
    X : array (n_samples, n_features)
        In the units of the model.
    n_temperatures : int
        Levels b, evenly spaced in log b but for the first.
    n_chains : int
        Independent estimates of p(x) that are averaged.
    random_state : int, numpy.random.Generator or None

    Returns
    -------
    array (n_samples,)

    Raises
    ------
    ValueError
        If the prior is smooth, or an argument malformed.

    Notes
    -----
    A sweep takes ``2 n_components n_features`` multiplications per sample: with 128 components of 64 features and a
    thousand levels some 30 ms per sample.

    References
    ----------
    Neal (2001), "Annealed importance sampling", Statistics and Computing 11.

    Examples
    --------
    A single source that is always present, of which the fast evidence is exact:

    >>> from overica.learning import log_evidence
    >>> from overica.priors import Laplace
    >>> model = Model(np.eye(1), Laplace(), 0.09, noise_variance=0.09)
    >>> X = np.array([[0.5], [2.0]])
    >>> found = annealed_log_evidence(model, X, n_chains=200, random_state=0)
    >>> bool(np.abs(found - log_evidence(model, X)).max() < 0.05)
    True
    """
    _check_l1(model)
    n_features, n_components = model.mixing.shape
    X = np.ascontiguousarray(
        check_array(X, "X", {"n_samples": None, "n_features": n_features}), np.float64
    )
    levels = check_scalar(n_temperatures, "n_temperatures", minimum=2, integer=True)
    chains = check_scalar(n_chains, "n_chains", minimum=1, integer=True)
    rng = np.random.default_rng(random_state)
    presence = np.array(np.broadcast_to(np.asarray(model.presence, np.float64), (n_components,)))
    first = _COLDEST * min(1.0, model.noise_variance)
    schedule = np.concatenate([[0.0], np.geomspace(first, 1.0, levels)])
    estimates = np.empty((chains, len(X)))
    atoms = np.ascontiguousarray(model.mixing.T)
    for chain in range(chains):
        seeds = rng.integers(0, 2**31, len(X))
        estimates[chain] = _anneal(
            atoms, X, presence, model.noise_variance,
            schedule, model.prior.nonnegative, seeds,
        )  # fmt: skip
    top = estimates.max(axis=0)
    return np.asarray(top + np.log(np.exp(estimates - top).mean(axis=0)))


def sample_posterior(
    model: Model,
    X: np.ndarray,
    codes: np.ndarray,
    *,
    n_sweeps: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> np.ndarray:
    """Sources after Gibbs sweeps of ``p(s | x)`` that start from given ones, (n_samples, n_components).

    Parameters
    ----------
    model : Model
        With an l1 cost; its penalty plays no part.
    X : array (n_samples, n_features)
        In the units of the model.
    codes : array (n_samples, n_components)
        Where the chains start; zero is as good as any, and takes longer.
    n_sweeps : int
    random_state : int, numpy.random.Generator or None

    Examples
    --------
    The posterior mean of a source that is always present and hardly disturbed is near the sample:

    >>> from overica.priors import Laplace
    >>> model = Model(np.eye(1), Laplace(), 0.01, noise_variance=0.01)
    >>> S = sample_posterior(model, np.full((400, 1), 2.0), np.zeros((400, 1)), random_state=0)
    >>> bool(abs(S.mean() - 1.99) < 0.02)
    True
    """
    _check_l1(model)
    rng = np.random.default_rng(random_state)
    n_components = model.mixing.shape[1]
    presence = np.array(np.broadcast_to(np.asarray(model.presence, np.float64), (n_components,)))
    return np.asarray(
        _follow(
            np.ascontiguousarray(model.mixing.T), np.ascontiguousarray(X, np.float64),
            np.ascontiguousarray(codes, np.float64), presence, model.noise_variance,
            model.prior.nonnegative, n_sweeps, rng.integers(0, 2**31, len(X)),
        )
    )  # fmt: skip


def _check_l1(model: Model) -> None:
    if model.prior.l1_weights() is None:
        raise ValueError(f"`model` must have a prior with an l1 cost, got {model.prior!r}")


@njit(**_OPTIONS)
def log_half(slope, curvature):
    """Log of the integral over s >= 0 of ``exp(-slope s - curvature s^2 / 2)``, curvature > 0."""
    x = slope / math.sqrt(2.0 * curvature)
    base = 0.5 * math.log(0.5 * math.pi / curvature)
    if x >= 0.0:
        return base + math.log(erfcx(x))
    return base + x * x + math.log(math.erfc(x))


@njit(**_OPTIONS)
def draw_half(slope, curvature):
    """A draw from the density on s >= 0 that is proportional to ``exp(-slope s - curvature s^2 / 2)``."""
    spread = 1.0 / math.sqrt(curvature)
    # In units of the spread: a standard Gaussian beyond `edge`, less `edge`.
    edge = slope * spread
    if edge < 0.5:
        while True:
            t = np.random.standard_normal()
            if t >= edge:
                return (t - edge) * spread
    # Robert (1995): an exponential proposal, accepted with the ratio of the two.
    rate = 0.5 * (edge + math.sqrt(edge * edge + 4.0))
    while True:
        t = edge + np.random.exponential(1.0 / rate)
        if np.random.random() <= math.exp(-0.5 * (t - rate) ** 2):
            return (t - edge) * spread


@njit(**_OPTIONS)
def _sweep(atoms, norms, s, r, presence, sigma2, level, nonnegative):
    """Draw every source of one sample given the others, in place, and r = x - A s; `level`: the likelihood's power."""
    n, m = atoms.shape
    at_zero = 1.0 if nonnegative else 0.5
    for j in range(n):
        if presence[j] <= 0.0 or norms[j] == 0.0:
            continue
        dot = 0.0
        for f in range(m):
            dot += atoms[j, f] * r[f]
        pull = level * (dot + norms[j] * s[j]) / sigma2
        curvature = level * norms[j] / sigma2
        up = math.log(presence[j] * at_zero) + log_half(1.0 - pull, curvature)
        down = -math.inf
        if not nonnegative:
            down = math.log(presence[j] * at_zero) + log_half(1.0 + pull, curvature)
        gone = math.log(1.0 - presence[j]) if presence[j] < 1.0 else -math.inf
        top = max(up, down, gone)
        w_up, w_down = math.exp(up - top), math.exp(down - top)
        u = np.random.random() * (w_up + w_down + math.exp(gone - top))
        new = 0.0
        if u < w_up:
            new = draw_half(1.0 - pull, curvature)
        elif u < w_up + w_down:
            new = -draw_half(1.0 + pull, curvature)
        change = s[j] - new
        if change != 0.0:
            for f in range(m):
                r[f] += change * atoms[j, f]
            s[j] = new


@njit(parallel=True, **_OPTIONS)
def _anneal(atoms, X, presence, sigma2, schedule, nonnegative, seeds):
    """Log weight of one chain per sample."""
    n, m = atoms.shape
    norms = (atoms**2).sum(axis=1)
    out = np.empty(len(X))
    for i in prange(len(X)):
        np.random.seed(seeds[i])
        s = np.zeros(n)
        r = X[i].copy()
        for j in range(n):
            if np.random.random() < presence[j]:
                s[j] = np.random.exponential(1.0)
                if not nonnegative and np.random.random() < 0.5:
                    s[j] = -s[j]
                for f in range(m):
                    r[f] -= s[j] * atoms[j, f]
        total = 0.0
        for level in range(1, schedule.size):
            b = schedule[level]
            total += (schedule[level - 1] - b) * (r**2).sum() / (2.0 * sigma2)
            if level < schedule.size - 1:
                _sweep(atoms, norms, s, r, presence, sigma2, b, nonnegative)
        out[i] = total - 0.5 * m * math.log(2.0 * math.pi * sigma2)
    return out


@njit(parallel=True, **_OPTIONS)
def _follow(atoms, X, codes, presence, sigma2, nonnegative, n_sweeps, seeds):
    """Codes after some sweeps at the full likelihood, from the codes given."""
    norms = (atoms**2).sum(axis=1)
    out = codes.copy()
    for i in prange(len(X)):
        np.random.seed(seeds[i])
        s = out[i].copy()
        r = X[i] - s @ atoms
        for _ in range(n_sweeps):
            _sweep(atoms, norms, s, r, presence, sigma2, 1.0, nonnegative)
        out[i] = s
    return out
