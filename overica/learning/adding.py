"""What a step knows of its batch: sums over the samples, and nothing else.

Sums of parts add up to those of the whole, so that a batch may be taken in parts that fit into memory, or be spread
over processes whose sums are added; what is done with them afterwards sees no samples.
"""

from __future__ import annotations

import numpy as np

from overica._validation import Array, namespace
from overica.backend import memory_budget
from overica.learning.posterior import Model, infer
from overica.learning.rules import LearningRule, Sums

PART_BYTES = 2**28
"""Memory that the posterior of a part takes, about."""
_COPIES = 6
"""Arrays of all codes of a part that are held at a time, where they are held with their zeros."""


def add_up(model: Model, rule: LearningRule, batch: Array, part_bytes: int | None = None) -> Sums:
    """The statistics of a rule and the figures of a step, summed over a batch.

    Parameters
    ----------
    model : Model
    rule : LearningRule
    batch : array (n_samples, n_features)
        Where the mixing matrix lies.
    part_bytes : int, optional
        Memory for a part of the batch, about; on a device a share of what it has. The last bits depend on it, as those
        of any sum on its order.

    Returns
    -------
    dict of arrays and numbers
        What `LearningRule.statistics` says, and over the samples the sums of

        - ``n_samples``: one,
        - ``activity``: each source's being active, (n_components,),
        - ``n_active``: the number of active sources,
        - ``residual_power``, ``power``: the squared residual, the squared sample.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.learning.rules import Evidence
    >>> from overica.priors import get_prior
    >>> model = Model(np.eye(2), get_prior("laplace"), 1.0)
    >>> X = np.array([[3.0, 0.0], [0.0, 0.5]])
    >>> sums = add_up(model, Evidence(), X)
    >>> sums["activity"], sums["power"], sums["residual_power"]
    (array([1., 0.]), 9.25, 1.25)
    """
    total: Sums = {}
    size = part_size(model, part_bytes)
    for start in range(0, len(batch), size):
        sums = _sums(model, rule, batch[start : start + size])
        total = {name: total[name] + sums[name] for name in sums} if total else sums
    return _with_numbers(total)


def part_size(model: Model, part_bytes: int | None = None) -> int:
    """Samples whose posterior takes so much memory.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.priors import get_prior
    >>> model = Model(np.eye(1000), get_prior("laplace"), 1.0)
    >>> (
    ...     part_size(model, 2**20),
    ...     part_size(Model(np.eye(1000), model.prior, 1.0, solver="fista"), 2**20),
    ... )
    (87, 14)
    """
    m, n = model.mixing.shape
    # Residuals, and supports; or all codes.
    numbers = 1.5 * m if model.compiled else _COPIES * n + 3 * m
    if not isinstance(model.mixing, np.ndarray):
        part_bytes = part_bytes or memory_budget(model.mixing.device)
    return max(1, int((part_bytes or PART_BYTES) // (model.mixing.dtype.itemsize * numbers)))


def _sums(model: Model, rule: LearningRule, part: Array) -> Sums:
    posterior = infer(model, part)
    xp = namespace(part)
    return {
        **rule.statistics(model, posterior),
        "n_samples": len(part),
        "activity": posterior.activity,
        "n_active": xp.sum(posterior.n_active),
        "residual_power": xp.sum(xp.linalg.vecdot(posterior.residual, posterior.residual)),
        "power": xp.sum(xp.linalg.vecdot(part, part)),
    }


def _with_numbers(sums: Sums) -> Sums:
    """With numbers for what has no axes: from a device they come together."""
    scalars = {name: value for name, value in sums.items() if np.ndim(value) == 0}
    there = [name for name, value in scalars.items() if not isinstance(value, int | float)]
    if there:
        found = namespace(sums["activity"]).stack([scalars[name] for name in there])
        scalars |= dict(zip(there, found.tolist(), strict=True))
    return {**sums, **{name: float(value) for name, value in scalars.items()}}
