"""Learning rules: what a batch says about the mixing matrix.

A rule turns a batch into sums over its samples, and sums into a change of A. Sums of several batches add up, so
mini-batches, `partial_fit` and data-parallel workers are one mechanism. All work in units in which every source
has scale one (see `Model`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from overica._validation import Array, check_choice, namespace
from overica.learning.posterior import Model, Posterior

Sums = dict[str, Array]
"""Of arrays and numbers that add up over the samples; none larger than the mixing matrix."""


class LearningRule(ABC):
    """A rule of your own is one subclass and one line in `RULES`.

    Examples
    --------
    >>> class Hebb(LearningRule):
    ...     name = "hebb"
    ...
    ...     def statistics(self, model, posterior):
    ...         return {"error": posterior.residual.T @ posterior.codes}
    ...
    ...     def direction(self, A, sums, n_samples, activity):
    ...         return sums["error"] / n_samples
    >>> get_rule(Hebb()).name, Hebb.surplus_columns
    ('hebb', False)
    """

    name: ClassVar[str]
    max_relative_step: ClassVar[float] = np.inf
    """Largest change of a column in one step, relative to its norm."""
    surplus_columns: ClassVar[bool] = False
    """Whether columns stay alive from a random start, so that a fit may race starts with more of them than are wanted,
    merge them in the end, and count them."""
    common: ClassVar[frozenset[str]] = frozenset()
    """Sums that set the size of steps, not where they go: `direction` is affine in the others."""

    @abstractmethod
    def statistics(self, model: Model, posterior: Posterior) -> Sums:
        """Sums over the samples of a batch, under other names than those of `overica.learning.adding.add_up`."""

    @abstractmethod
    def direction(self, A: Array, sums: Sums, n_samples: int, activity: Array) -> Array:
        """Change of A per unit of learning rate, (n_features, n_components).

        `activity` is the share of samples in which each source is active, smoothed over past batches.
        """


class Natural(LearningRule):
    """The published rule, ``dA = -A (E[z s'] + I)`` with ``z = d log p / ds``, which is zero where the code is.

    Lewicki and Sejnowski (2000), "Learning overcomplete representations", eq. 5, whose z is ``-sign(s)``. It assumes
    ``A'W' = I``, which holds only on the active sources of a sample; applied to all, the ``I`` shrinks a column that is
    not used for ever. From a random start it collapses.

    Examples
    --------
    >>> get_rule("natural").surplus_columns
    False
    """

    name = "natural"

    def statistics(self, model: Model, posterior: Posterior) -> Sums:
        """``sum (A z) s'``."""
        codes = posterior.codes
        xp = namespace(codes)
        # The score of an exponential prior is -1 at zero too; sign(s) is not.
        z = xp.where(codes == 0, xp.zeros_like(codes), xp.asarray(model.prior.score(codes)))
        return {"score_codes": (z @ self._carrier(model.mixing).T).T @ codes}

    def direction(self, A: Array, sums: Sums, n_samples: int, activity: Array) -> Array:
        """See `LearningRule.direction`."""
        return -(sums["score_codes"] / n_samples + self._carrier(A))

    def _carrier(self, A: Array) -> Array:
        """What stands before ``E[z s'] + I``: taken into the sum, which is then no larger than A."""
        return A


class Inverse(Natural):
    """The natural rule times ``(A A')^-1``: ``dA = -(A^+)' (E[z s'] + I)``.

    The plain gradient again, with one pseudo-inverse for all samples in place of each sample's own. It behaves
    better than `Natural` and breaks for the same reason.

    Examples
    --------
    >>> get_rule("inverse").surplus_columns
    False
    """

    name = "inverse"

    def _carrier(self, A: Array) -> Array:
        return namespace(A).linalg.pinv(A).T


class Evidence(LearningRule):
    """The gradient of the Laplace-approximated log evidence, over each sample's own active set.

    With the Gaussian posterior N(s, H^-1) of `Posterior` the gradient is that of the expected log likelihood,

        d log p(x | A) / dA = (r s' - A H^-1) / sigma^2,        r = x - A s,        sigma^2 = the penalty,

    where for l1 costs ``A H^-1 / sigma^2 = (A_a^+)'`` on the active columns and zero elsewhere. By the optimality of s,
    the residual is ``sigma^2 (A_a^+)' sign(s_a)`` in the span of the active columns, where this is therefore
    ``-(A_a^+)' (z_a s_a' + I)``: the paper's form, with W the pseudo-inverse of the sample's own active columns.
    Along a column, ``d log |A_j| = E[active_j (|s_j| - 1)]``: its norm settles where active
    codes have mean one, without normalisation.

    Divided by what the curvature of the evidence is per column: ``P(active_j) / |A_j|^2`` in the span of a sample's
    active columns, where the log determinant bends it, and ``E[s_j^2] / sigma^2`` in the dimensions that they leave
    free, a share ``1 - k/m``, where the residual does. A learning rate of one is then a Newton-like step, at any
    noise level. A column that is active less than a twentieth as often as the mean grows until it is used again.

    Examples
    --------
    >>> get_rule("evidence").surplus_columns
    True
    """

    name = "evidence"
    max_relative_step = 0.3
    surplus_columns = True
    common = frozenset({"stiffness"})
    rare = 0.05
    """Activity, relative to the mean, below which a column grows."""
    longest = 100.0
    """Norm, for data of unit variance, at which an unused column stops growing: it points away from all the data."""

    def statistics(self, model: Model, posterior: Posterior) -> Sums:
        """``sum (r s' - A H^-1) / sigma^2``, and ``sum (1 - k/m) s^2 / sigma^2``."""
        free = 1 - posterior.n_active / model.mixing.shape[0]
        stiffness = posterior.energy(free * (free > 0))
        return {"gradient": posterior.cross / model.penalty, "stiffness": stiffness / model.penalty}

    def direction(self, A: Array, sums: Sums, n_samples: int, activity: Array) -> Array:
        """See `LearningRule.direction`."""
        xp = namespace(A)
        norms = xp.linalg.vector_norm(A, axis=0)
        span = xp.clip(activity, min=2 / n_samples) / norms**2
        step = sums["gradient"] / (n_samples * span + sums["stiffness"])
        # One active source per sample at least is asked for: where all have gone silent, all grow.
        mean = max(float(xp.mean(activity)), 1 / A.shape[1])
        unused = xp.clip(1 - activity / (self.rare * mean), min=0, max=1)
        return step + unused * (norms < self.longest) * A


RULES: dict[str, type[LearningRule]] = {kind.name: kind for kind in (Evidence, Natural, Inverse)}
"""Learning rules by name."""


def get_rule(rule: str | LearningRule) -> LearningRule:
    """The rule of that name, or the one given.

    Parameters
    ----------
    rule : str or LearningRule

    Returns
    -------
    LearningRule

    Raises
    ------
    ValueError
        If the name is unknown; lists the known ones.

    Examples
    --------
    >>> get_rule("evidence").name
    'evidence'
    """
    if isinstance(rule, LearningRule):
        return rule
    return RULES[check_choice(rule, "rule", RULES)]()


def named_surplus_rules() -> str:
    """Names of the rules with `surplus_columns`, for messages.

    Examples
    --------
    >>> named_surplus_rules()
    "'evidence'"
    """
    return " or ".join(repr(name) for name, kind in RULES.items() if kind.surplus_columns)
