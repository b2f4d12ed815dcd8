"""What is certain about supports that were found greedily: a bound on the best there can be."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica.presence.model import PresenceModel
from overica.presence.posterior import PresencePosterior

__all__ = ["Certificate", "certify"]


class Certificate(NamedTuple):
    """What was reached and what cannot be exceeded, per sample, in nats."""

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

    where for s >= 0 the second is ``-mu^2 / (2 tau^2) - c`` if ``mu + tau^2 theta < 0``. It is taken at the residual,
    ``u = t (x - A s) / sigma^2``, with the best t.

    With `integrated`, of log p(x, b), codes integrated out: the integral of ``exp`` of a concave quadratic form with
    curvature at least ``1 / tau^2`` is at most its maximum times ``(2 pi)^(k/2) prod tau_j``, so the same holds with
    ``c_j = -h'_j``.

    The bound is loose by what the relaxation gives away: half of every positive coupling at whose ends only one is
    present, and every negative one; and by the duality gap of a spike and slab, which is not convex. Where presences
    depend on each other strongly it says little. It is tight where columns are nearly orthogonal and independent.

    Parameters
    ----------
    model : PresenceModel
    X : array (n_samples, n_features)
    posterior : PresencePosterior, optional
        As inferred by this model.
    integrated : bool

    Returns
    -------
    Certificate

    Examples
    --------
    >>> from overica.presence import Forest, PresenceModel, certify
    >>> model = PresenceModel(
    ...     np.eye(2), [3.0, 3.0], [0.5, 0.5], 0.1, Forest.independent([0.1, 0.1])
    ... )
    >>> certify(model, [[3.1, 0.1], [0.0, 0.0]]).gap.round(2) + 0.0
    array([0.04, 0.  ])
    """
    X = model.check(X).astype(np.float64)
    posterior = model.infer(X) if posterior is None else posterior
    sigma2 = model.noise_variance
    residual = X - posterior.sparse() @ model.mixing.T
    constant = model.forest.log_normaliser - 0.5 * model.n_features * np.log(2 * np.pi * sigma2)
    if integrated:
        value = posterior.log_evidence
    else:
        value = constant - 0.5 * np.square(residual).sum(1) / sigma2 + _log_prior(model, posterior)
    u = residual / sigma2
    along, square = (u * X).sum(1), sigma2 * np.square(u).sum(1)
    theta = u @ model.mixing
    costs = _costs(model, integrated)

    def dual(t: NDArray) -> NDArray:
        return -t * along + 0.5 * t**2 * square + _conjugates(model, costs, t[:, None] * theta)

    # Convex in t, and a bound at every t: golden sections of [0, 2].
    low, high = np.zeros(len(X)), np.full(len(X), 2.0)
    best = np.minimum(dual(low), dual(np.ones(len(X))))
    ratio = 0.5 * (np.sqrt(5) - 1)
    for _ in range(24):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        at_left, at_right = dual(left), dual(right)
        best = np.minimum(best, np.minimum(at_left, at_right))
        low, high = (
            np.where(at_left < at_right, low, left),
            np.where(at_left < at_right, right, high),
        )
    return Certificate(value, constant + best)


def _costs(model: PresenceModel, integrated: bool) -> NDArray:
    """c, what presence costs at least."""
    graph = model.forest.graph()
    owner = np.repeat(np.arange(model.n_components), np.diff(graph.starts))
    shares = np.bincount(owner, 0.5 * np.maximum(graph.couplings, 0.0), model.n_components)
    costs = -(graph.log_odds + shares)
    return costs if integrated else costs + 0.5 * np.log(2 * np.pi * model.slab_variance)


def _conjugates(model: PresenceModel, costs: NDArray, theta: NDArray) -> NDArray:
    """The sum of g*(theta) over sources, (n_samples,)."""
    mean, variance = model.slab_mean, model.slab_variance
    value = mean * theta + 0.5 * variance * theta**2
    if model.nonnegative:
        value = np.where(mean + variance * theta < 0, -0.5 * mean**2 / variance, value)
    return np.maximum(value - costs, 0.0).sum(1)


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
