"""The plan: every room of `overica` stands on a floor, and no room imports from a higher one."""

from itertools import combinations
from typing import NamedTuple


class Room(NamedTuple):
    """A module or package directly under ``overica/``."""

    floor: int
    purpose: str
    """In a few words, for the drawing."""


FLOORS: dict[int, str] = {
    0: "foundations",
    1: "densities and arithmetic",
    2: "codes and learning",
    3: "estimators, data, metrics",
    4: "studies and reports",
    5: "kinds of study",
    6: "commands",
    7: "front door",
}
ROOMS: dict[str, Room] = {
    "_version": Room(0, "its number"),
    "_deprecation": Room(0, "keywords that change"),
    "_extras": Room(0, "what may be missing"),
    "_methods": Room(0, "names of methods"),
    "_names": Room(0, "names handed out"),
    "_nearest": Room(0, "names mistyped"),
    "_validation": Room(0, "errors at the boundary"),
    "persistence": Room(0, "files, whole or not at all"),
    "backend": Room(0, "devices"),
    "distributed": Room(0, "ranks"),
    "progress": Room(0, "what is shown meanwhile"),
    "random_state": Room(0, "generators"),
    "ranges": Room(0, "numbers that fit"),
    "rows": Room(0, "samples from anywhere"),
    "transformer": Room(0, "what is fitted and applied"),
    "_kernels": Room(1, "compiled loops"),
    "priors": Room(1, "densities of sources"),
    "schedules": Room(1, "rates over steps"),
    "initialisation": Room(1, "first columns"),
    "inference": Room(2, "certified codes"),
    "coding": Room(2, "codes on a dictionary"),
    "learning": Room(2, "better columns"),
    "presence": Room(2, "who is there with whom"),
    "hierarchy": Room(2, "features in trees"),
    "metrics": Room(3, "scores and chance"),
    "datasets": Room(3, "samples and their truth"),
    "parameters": Room(3, "of an estimator"),
    "fitted": Room(3, "what is learned"),
    "saving": Room(3, "models on disk"),
    "estimator": Room(3, "overcomplete ICA"),
    "sae": Room(3, "sparse autoencoders"),
    "baselines": Room(3, "others' dictionaries"),
    "studies": Room(4, "plan, run, keep, sum up"),
    "report": Room(4, "tables, figures, page"),
    "formats": Room(4, "others' dictionaries, in and out"),
    "plots": Room(4, "figures of a model"),
    "compare": Room(5, "with known truth"),
    "lm": Room(5, "on activations"),
    "photographs": Room(5, "of pictures"),
    "separation": Room(5, "of sounds"),
    "fits": Room(5, "one model"),
    "demo": Room(5, "a first look"),
    "doctor": Room(5, "does it work"),
    "cli": Room(6, "overica COMMAND"),
    # The package itself hands out names from every floor; no module may import it back.
    "__init__": Room(7, "import overica"),
    "__main__": Room(7, "python -m overica"),
}
KINDS = ("compare", "lm", "photographs", "separation")
STRANGERS: list[tuple[str, str]] = [
    *((room, "sae") for room in ("fitted", "saving", "estimator")),
    *combinations(KINDS, 2),
]
"""Pairs that never import each other."""
