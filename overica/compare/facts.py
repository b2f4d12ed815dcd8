"""What is true of a data set, as terms and values in plain words."""

from collections.abc import Callable, Mapping
from typing import Any

from overica.metrics.words import words_of
from overica.report import numbers
from overica.report.phrases import percent
from overica.studies.levels import OFF
from overica.studies.spread import number

Facts = Mapping[str, Any]


def _samples(facts: Facts) -> str:
    held_out = facts.get("n_held_out")
    return f"{facts['n_samples']}" + (f", and {held_out} held out" if held_out else "")


def _size(facts: Facts) -> str:
    return f"{facts['n_components']} directions in {facts['n_features']} dimensions"


def _noise(facts: Facts) -> str:
    share = number(facts["noise_share"])
    return f"{percent(share)} of the samples' spread" if share == share else numbers.MISSING


def _true_l0(facts: Facts) -> str:
    text = f"{numbers.short(number(facts['true_l0']))} active sources in a sample"
    rarest = number(facts.get("rarest"))
    return text + (f"; the rarest in {percent(rarest)} of them" if rarest == rarest else "")


def _coherence(facts: Facts) -> str:
    nearest = numbers.short(number(facts.get("mean_nearest_cosine")))
    return f"largest cosine of two {numbers.short(number(facts['max_cosine']))}, of neighbours {nearest}"


def _chance(facts: Facts) -> str:
    levels = {words_of(name).label: number(value) for name, value in facts["chance"].items()}
    return ", ".join(f"{label} {numbers.short(level)}" for label, level in levels.items())


def _identifiable(facts: Facts) -> str:
    verdict = {True: "yes", False: "no"}.get(facts["identifiable"], "not known")
    reason = facts.get("reason")
    text = f"{verdict}: {reason}" if reason else verdict
    if facts.get("sparsity_favours_others"):
        text += (
            f"; yet a sparse penalty favours other directions (mean L1 "
            f"{numbers.short(number(facts.get('best_l1')), 3)} against "
            f"{numbers.short(number(facts.get('true_l1')), 3)})"
        )
    return text


FACTS: dict[str, tuple[str, str, Callable[[Facts], str]]] = {
    "n_components": ("truth", "n_features", _size),
    "true_l0": ("true L0", "true_l0", _true_l0),
    "n_samples": ("samples", "n_samples", _samples),
    "noise_share": ("noise", "noise_share", _noise),
    "max_cosine": ("coherence", "max_cosine", _coherence),
    "chance": ("chance, random directions", "chance", _chance),
    "identifiable": ("identifiable", "identifiable", _identifiable),
}
"""Field of a description: its term, another field that it needs, and its words."""

_TOLD = {"name", "n_features", "n_held_out", "rarest", "mean_nearest_cosine", "reason"} | {
    "true_l1",
    "best_l1",
    "sparsity_favours_others",
}


def describe_facts(facts: Facts, n_learned: object = None) -> list[tuple[str, str]]:
    """Return terms and values; what the table does not know comes last, as it is.

    Parameters
    ----------
    facts : mapping
        A data set's description, as `overica.datasets.Description.to_dict` gives it.
    n_learned : int, optional
        Directions that the methods learn.

    Examples
    --------
    >>> describe_facts(
    ...     {"n_components": 3, "n_features": 2, "identifiable": None, "sources": "mine"}
    ... )
    [('truth', '3 directions in 2 dimensions'), ('identifiable', 'not known'), ('sources', 'mine')]
    """
    known = [
        (term, words(facts))
        for field, (term, needed, words) in FACTS.items()
        if field in facts and needed in facts
    ]
    rest = [
        (str(name).replace("_", " "), plain(value))
        for name, value in facts.items()
        if name not in FACTS and name not in _TOLD
    ]
    learned = [] if n_learned is None else [("learned", f"{n_learned} directions")]
    return known[:1] + learned + known[1:] + rest


def about(entry: Facts) -> str:
    """What a data set is, as the header of a study knows it, and what it is compared at where that is not the true L0.

    Examples
    --------
    >>> about(
    ...     {"description": "a toy", "describe": {"true_l0": 0.84}, "levels": {"0.5": 1, "1.0": 1}}
    ... )
    'a toy; compared at L0 1, truly 0.84'
    """
    truth = number((entry.get("describe") or {}).get("true_l0"))
    at = number((entry.get("levels") or {}).get("1.0"))
    rounded = abs(at - truth) > OFF * truth
    told = f"compared at L0 {at:g}, truly {numbers.short(truth)}" if rounded else ""
    return "; ".join(filter(None, [str(entry.get("description") or ""), told]))


def plain(value: object) -> str:
    """Return any JSON value as text for a reader."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return numbers.MISSING
    if isinstance(value, float):
        return numbers.short(value, 3)
    if isinstance(value, dict):
        return ", ".join(
            f"{str(name).replace('_', ' ')} {plain(part)}" for name, part in value.items()
        )
    if isinstance(value, list):
        return ", ".join(plain(part) for part in value)
    return str(value)
