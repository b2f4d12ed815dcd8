"""What a study found, in words: which basis is best, and whether more columns than pixels pay."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from overica.report.phrases import capital
from overica.studies import Results
from overica.studies.spread import metric_value

DEFINITIONS = {
    "evidence_bits": "by the probability of the cells",
    "coefficient_bits": "by quantised coefficients",
}
"""Of the cost, by metric."""

Key = tuple[str, float]
"""A basis: the label of its method, and its width."""
Costs = dict[Key, dict[int, float]]
"""Bits per pixel by basis and seed."""


def verdict(results: Results) -> str:
    """The best basis by both definitions of the cost, in sentences.

    Everything is compared within a seed, and said with the mean difference in bits per pixel and the number of seeds
    that agree: which basis is cheapest of all and which of the complete ones; what the cheapest overcomplete one
    saves against the cheapest complete one; and overcomplete ICA against the others at the same width. References,
    which learn nothing, take no part.

    Parameters
    ----------
    results : Results
        Of a `PhotographStudy`.

    Returns
    -------
    str
        The answer, and a paragraph for each definition.
    """
    paragraphs = ["\n".join(sentences) for sentences in findings(results).values()]
    return "\n\n".join([answer(results), *paragraphs])


def answer(results: Results) -> str:
    """Whether more columns than pixels pay, in one sentence."""
    told = []
    for metric, by in DEFINITIONS.items():
        costs = costs_of(results, metric)
        complete, wide = _complete(costs), _wide(costs)
        if complete and wide:
            one = _cheapest(costs, wide)
            gap = _gap(costs, one, _cheapest(costs, complete))
            does, word = ("they do", "less") if gap < 0 else ("they do not", "more")
            told.append(
                f"{by} {does}, {one[1]:g}x costs {abs(gap):.3f} bits per pixel {word} than 1x"
            )
    return f"{capital('; '.join(told))}." if told else "Nothing can be said yet."


def findings(results: Results) -> dict[str, list[str]]:
    """Sentences by definition, of those that have figures."""
    families = {results.label(m): entry.get("family") for m, entry in results.methods.items()}
    ours = {label for label, family in families.items() if family == "ica"}
    found = {}
    for metric, by in DEFINITIONS.items():
        costs = costs_of(results, metric)
        if costs:
            found[capital(by)] = _sentences(costs, by, ours)
    return found


def costs_of(results: Results, metric: str) -> Costs:
    """Bits per pixel of all that compete."""
    costs: Costs = {}
    for cell in results.succeeded:
        value = metric_value(cell, metric)
        if np.isfinite(value) and not cell.get("reference"):
            width = float(results.whats[cell["width"]]["width"])
            costs.setdefault((results.label(cell["method"]), width), {})[cell["seed"]] = value
    return costs


def _sentences(costs: Costs, by: str, ours: set[str]) -> list[str]:
    best = _cheapest(costs, costs)
    winners = {min(found, key=found.__getitem__) for found in _by_seed(costs).values()}
    said = [
        f"{capital(by)} {_name(best)} is best."
        if winners == {best}
        else f"{capital(by)} the seeds do not agree which basis is best; {_name(best)} on average."
    ]
    told: list[Key] = []
    complete, wide = _complete(costs), _wide(costs)
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
    for one in sorted((key for key in costs if key[0] in ours), key=lambda key: key[1]):
        others = [key for key in costs if key[1] == one[1] and key[0] not in ours]
        if others and one not in told:
            said.append(f"At {one[1]:g}x {_compared(costs, one, _cheapest(costs, others))}.")
    return said


def _complete(costs: Costs) -> list[Key]:
    return [key for key in costs if key[1] <= 1]


def _wide(costs: Costs) -> list[Key]:
    return [key for key in costs if key[1] > 1]


def _gap(costs: Costs, one: Key, other: Key) -> float:
    """What the first costs against the second, on average over the seeds that have both."""
    seeds = costs[one].keys() & costs[other].keys()
    return (
        float(np.mean([costs[one][seed] - costs[other][seed] for seed in seeds]))
        if seeds
        else np.nan
    )


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
