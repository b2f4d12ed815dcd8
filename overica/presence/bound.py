"""What is certain about supports that were found greedily: a bound on the best there can be."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica.presence.presence_model import PresenceModel
from overica.presence.relaxation import Envelope
from overica.presence.sparse_posterior import PresencePosterior

__all__ = ["Certificate", "certify"]

_ROWS = 1024
"""Samples whose codes are dense at a time."""


class Certificate(NamedTuple):
    """What was reached and what cannot be exceeded, per sample, in nats.

    Examples
    --------
    >>> certificate = Certificate(np.array([-3.0]), np.array([-2.5]))
    >>> certificate.gap
    array([0.5])
    """

    value: NDArray[np.float64]
    """log p(x, s, b) at the codes and the support found or, with `integrated`, log p(x, b)."""
    bound: NDArray[np.float64]
    """At least the maximum of the same over all supports (and codes)."""

    @property
    def gap(self) -> NDArray[np.float64]:
        """How far from the best the found can be at most."""
        return self.bound - self.value


def certify(
    model: PresenceModel,
    X: Any,
    posterior: PresencePosterior | None = None,
    *,
    integrated: bool = False,
    n_steps: int = 100,
) -> Certificate:
    """An upper bound on what the best support would reach, beside what the one found does.

    Given the support, codes are exact: the posterior is Gaussian, its mean is its mode, and where codes cannot be
    negative it satisfies the constraint. The support is a local optimum. How far from the best it can be is bounded by
    a relaxation that separates sources: since b is 0 or 1, ``J b_i b_j <= J (b_i + b_j) / 2`` for J > 0 and ``<= 0``
    for J < 0, hence with ``h'_j = h_j + sum of its positive J / 2``

    .. math:: \\log p(x, s, b) \\le z - \\tfrac m2 \\log 2 \\pi \\sigma^2 - \\frac{|x - A s|^2}{2 \\sigma^2}
              - \\sum_j g_j(s_j), \\quad g_j(s) = \\min\\big(0 \\text{ at } s = 0,\\;
              c_j + \\tfrac{(s - \\mu_j)^2}{2 \\tau_j^2}\\big), \\quad c_j = \\tfrac12 \\log 2 \\pi \\tau_j^2 - h'_j,

    and by Fenchel's inequality the maximum of the right-hand side over s is at most, for every u,

    .. math:: z - \\tfrac m2 \\log 2 \\pi \\sigma^2 - u'x + \\tfrac{\\sigma^2}{2} |u|^2 + \\sum_j g_j^*(A_j'u), \\quad
              g_j^*(\\theta) = \\max\\big(0,\\; \\mu_j \\theta + \\tfrac{\\tau_j^2 \\theta^2}{2} - c_j\\big),

    where for s >= 0 the second is ``-mu^2 / (2 tau^2) - c`` if ``mu + tau^2 theta < 0``. It is taken at residuals,
    ``u = t (x - A s) / sigma^2`` with the best t: of the codes found, and of those that minimise the relaxed cost,
    where the bound would be equal to the relaxed maximum if they were exact.

    With `integrated`, of log p(x, b), codes integrated out: the integral of ``exp`` of a concave quadratic form with
    curvature at least ``1 / tau^2`` is at most its maximum times ``(2 pi)^(k/2) prod tau_j``, so the same holds with
    ``c_j = -h'_j``.

    What the bound gives away: half of every positive coupling at whose ends only one is present, and every negative
    one, so that where presences depend on each other strongly it says little; and what the envelope of a spike and a
    slab does: it lets absent sources explain noise at nearly no cost, about half a nat for each direction of noise that
    some column points along. Gaps of some ``n_features / 2`` nats are no sign that a support is wrong, a gap below one
    is a proof that none is much better. It is tight for samples without noise on orthogonal, independent columns.

    Parameters
    ----------
    model : PresenceModel
    X : array (n_samples, n_features)
    posterior : PresencePosterior, optional
        As inferred by this model.
    integrated : bool
        Whether of log p(x, b) rather than log p(x, s, b).
    n_steps : int
        Steps to the codes of the relaxed cost, two matrix products each. Any number gives a bound.

    Returns
    -------
    Certificate

    Examples
    --------
    >>> from overica.presence import Forest, PresenceModel, certify
    >>> model = PresenceModel(
    ...     np.eye(2), [3.0, 3.0], [0.5, 0.5], 0.1, Forest.independent([0.1, 0.1])
    ... )
    >>> certify(model, [[3.1, 0.0], [0.0, 0.0]]).gap.round(2) + 0.0
    array([0.14, 0.  ])
    """
    X = model.check(X).astype(np.float64)
    posterior = model.infer(X) if posterior is None else posterior
    constant = model.forest.log_normaliser - 0.5 * model.n_features * np.log(
        2 * np.pi * model.noise_variance
    )
    envelope = _envelope(model, integrated)
    found = posterior.sparse()
    value, bound = posterior.log_evidence.copy(), np.empty(len(X))
    if not integrated:
        square = np.square(X - found @ model.mixing.T).sum(1)
        value = constant - 0.5 * square / model.noise_variance + _log_prior(model, posterior)
    for first in range(0, len(X), _ROWS):
        rows = slice(first, first + _ROWS)
        codes = found[rows].toarray()
        relaxed = envelope.codes(model.mixing, X[rows], model.noise_variance, codes, n_steps)
        bound[rows] = constant + np.minimum(
            _dual(model, envelope, X[rows], codes), _dual(model, envelope, X[rows], relaxed)
        )
    return Certificate(value, bound)


def _dual(model: PresenceModel, envelope: Envelope, X: NDArray, codes: NDArray) -> NDArray:
    """The least of the dual bounds along the residuals of `codes`, without the constant, (n_samples,)."""
    u = (X - codes @ model.mixing.T) / model.noise_variance
    along, square = (u * X).sum(1), model.noise_variance * np.square(u).sum(1)
    theta = u @ model.mixing

    def at(t: NDArray) -> NDArray:
        return -t * along + 0.5 * t**2 * square + envelope.conjugate(t[:, None] * theta).sum(1)

    # Convex in t, and a bound at every t: golden sections of [0, 2].
    low, high = np.zeros(len(X)), np.full(len(X), 2.0)
    best = np.minimum(at(low), at(np.ones(len(X))))
    ratio = 0.5 * (np.sqrt(5) - 1)
    for _ in range(20):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        at_left, at_right = at(left), at(right)
        best = np.minimum(best, np.minimum(at_left, at_right))
        low, high = (
            np.where(at_left < at_right, low, left),
            np.where(at_left < at_right, right, high),
        )
    return best


def _envelope(model: PresenceModel, integrated: bool) -> Envelope:
    """What presence costs at least, couplings shared out."""
    graph = model.forest.graph()
    owner = np.repeat(np.arange(model.n_components), np.diff(graph.starts))
    shares = np.bincount(owner, 0.5 * np.maximum(graph.couplings, 0.0), model.n_components)
    costs = -(graph.log_odds + shares)
    if not integrated:
        costs = costs + 0.5 * np.log(2 * np.pi * model.slab_variance)
    return Envelope(model.slab_mean, model.slab_variance, costs, model.nonnegative)


def _log_prior(model: PresenceModel, posterior: PresencePosterior) -> NDArray:
    """log p(s, b) less the normaliser of the forest, at the codes found."""
    of, j = posterior.samples, posterior.indices
    mean, variance = model.slab_mean[j], model.slab_variance[j]
    slabs = -0.5 * np.log(2 * np.pi * variance) - 0.5 * (posterior.means - mean) ** 2 / variance
    present = posterior.sparse(np.ones(len(j)))
    child = np.flatnonzero(model.forest.parents >= 0)
    pairs = (
        present[:, child].multiply(present[:, model.forest.parents[child]])
        @ model.forest.couplings[child]
    )
    return np.bincount(of, slabs, len(posterior)) + present @ model.forest.log_odds + pairs
