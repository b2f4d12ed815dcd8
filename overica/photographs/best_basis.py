"""What a study found, in words: which basis is best, and whether more columns than pixels pay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from overica.photographs.basis_learners import METHODS
from overica.photographs.judging import Row

_DEFINITIONS = {
    "evidence_bits": "the probability of the cells",
    "coefficient_bits": "quantised coefficients",
}
_CHANCE = "random"

Key = tuple[str, float]
Costs = dict[Key, dict[int, float]]
"""Bits per pixel by basis and seed."""


def verdict(rows: Sequence[Row], ours: str = "overica") -> str:
    """The best basis by both definitions of the cost, in sentences.

    Everything is compared within a seed, and said with the mean difference in bits per pixel and the number of seeds
    that agree: which basis is cheapest of all and which of the complete ones; what the cheapest overcomplete one
    saves against the cheapest complete one; and `ours` against the others at the same overcompleteness.

    Parameters
    ----------
    rows : sequence of Row
        Of `Study`. Random columns, and rows that are no basis, take no part.
    ours : str
        The method whose widths are compared with those of the others.

    Returns
    -------
    str
        A paragraph for each definition.

    Examples
    --------
    >>> rows = [Row("fastica", 1.0, s, 3.5, 3.8) for s in (0, 1)] + [
    ...     Row("overica", 2.0, s, 3.4 + 0.2 * s, 4.0) for s in (0, 1)
    ... ]
    >>> print(verdict(rows))
    By the probability of the cells the seeds do not agree which basis is best; fastica 1x on average.
    More columns than pixels: overica 2x costs as much as fastica 1x (less in 1 of 2 seeds).
    <BLANKLINE>
    By quantised coefficients fastica 1x is best.
    More columns than pixels: overica 2x costs 0.200 more than fastica 1x (2 of 2 seeds).
    """
    paragraphs = []
    for name, title in _DEFINITIONS.items():
        costs: Costs = {}
        for row in rows:
            value = getattr(row, name)
            if row.method in METHODS and row.method != _CHANCE and value is not None:
                costs.setdefault((row.method, row.overcompleteness), {})[row.seed] = value
        if costs:
            paragraphs.append("\n".join(_sentences(costs, title, ours)))
    return "\n\n".join(paragraphs)


def _sentences(costs: Costs, title: str, ours: str) -> list[str]:
    best = _cheapest(costs, costs)
    winners = {min(found, key=found.__getitem__) for found in _by_seed(costs).values()}
    said = [
        f"By {title} {_name(best)} is best."
        if winners == {best}
        else f"By {title} the seeds do not agree which basis is best; {_name(best)} on average."
    ]
    told: list[Key] = []
    complete = [key for key in costs if key[1] <= 1]
    wide = [key for key in costs if key[1] > 1]
    if len(complete) > 1:
        first = _cheapest(costs, complete)
        second = _cheapest(costs, [key for key in complete if key != first])
        said.append(f"Complete bases: {_compared(costs, first, second)}.")
        told = [first, second]
    if complete and wide:
        said.append(
            "More columns than pixels: "
            f"{_compared(costs, _cheapest(costs, wide), _cheapest(costs, complete))}."
        )
    for width in sorted({width for method, width in costs if method == ours}):
        others = [key for key in costs if key[1] == width and key[0] != ours]
        if others and (ours, width) not in told:
            rival = _cheapest(costs, others)
            said.append(f"At {width:g}x {_compared(costs, (ours, width), rival)}.")
    return said


def _by_seed(costs: Costs) -> dict[int, dict[Key, float]]:
    seeds: dict[int, dict[Key, float]] = {}
    for key, found in costs.items():
        for seed, value in found.items():
            seeds.setdefault(seed, {})[key] = value
    return seeds


def _cheapest(costs: Costs, keys: Iterable[Key]) -> Key:
    """Of lowest mean; ones that more seeds have come first, or regions would be compared."""
    return min(keys, key=lambda key: (-len(costs[key]), float(np.mean(list(costs[key].values())))))


def _compared(costs: Costs, one: Key, other: Key) -> str:
    """What the first costs against the second, in the seeds that have both."""
    seeds = sorted(costs[one].keys() & costs[other].keys())
    if not seeds:
        return f"{_name(one)} and {_name(other)} met the precision in no seed together"
    gaps = np.array([costs[one][seed] - costs[other][seed] for seed in seeds])
    mean = float(gaps.mean())
    if abs(mean) < 5e-4:
        agree = _counted(int((gaps < 0).sum()), len(seeds))
        return f"{_name(one)} costs as much as {_name(other)} (less in {agree})"
    agree = _counted(int((np.sign(gaps) == np.sign(mean)).sum()), len(seeds))
    word = "less" if mean < 0 else "more"
    return f"{_name(one)} costs {abs(mean):.3f} {word} than {_name(other)} ({agree})"


def _counted(n: int, n_seeds: int) -> str:
    return "1 seed" if n == n_seeds == 1 else f"{n} of {n_seeds} seeds"


def _name(key: Key) -> str:
    return f"{key[0]} {key[1]:g}x"
