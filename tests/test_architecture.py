"""The floors of the house: a lower floor never imports a higher one.

Every module under ``overica/`` belongs to a room, and every room to a floor; the table below is
the plan.  Imports are read from the source, those inside functions included, so nothing needs
to be importable.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "overica"

FLOORS: dict[str, int] = {
    "_version": 0,
    "_deprecation": 0,
    "_validation": 0,
    "persistence": 0,
    "backend": 0,
    "distributed": 0,
    "progress": 0,
    "random_state": 0,
    "ranges": 0,
    "rows": 0,
    "transformer": 0,
    "_kernels": 1,
    "priors": 1,
    "schedules": 1,
    "initialisation": 1,
    "inference": 2,
    "coding": 2,
    "learning": 2,
    "presence": 2,
    "hierarchy": 2,
    "metrics": 3,
    "datasets": 3,
    "parameters": 3,
    "fitted": 3,
    "saving": 3,
    "estimator": 3,
    "sae": 3,
    "baselines": 3,
    "compare": 4,
    "separation": 4,
    "lm": 4,
    "photographs": 4,
    "plots": 4,
    "demo": 4,
    "cli": 4,
    # The package itself hands out names from every floor; no module may import it back.
    "__init__": 5,
    "__main__": 5,
}
STRANGERS = [(room, "sae") for room in ("fitted", "saving", "estimator")]


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(source: str, parents: tuple[str, ...]) -> set[str]:
    """Rooms that a module's source imports; `parents` are its package's names below overica."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                package = ["overica", *parents]
                base = package[: len(package) - node.level + 1] + base
            targets = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for name in targets:
            if name[0] == "overica":
                rooms.add(name[1] if len(name) > 1 and name[1] in FLOORS else "__init__")
    return rooms


@cache
def edges() -> set[tuple[str, str]]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        parents = path.relative_to(PACKAGE).parts[:-1]
        for target in imported_rooms(path.read_text(encoding="utf-8"), parents):
            if target != room_of(path):
                found.add((room_of(path), target))
    return found


def test_every_module_has_a_floor():
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")}
    assert rooms, f"no modules below {PACKAGE}"
    assert rooms <= set(FLOORS), f"give these a floor: {sorted(rooms - set(FLOORS))}"


def test_lower_floors_never_import_higher_ones():
    upward = sorted((a, b) for a, b in edges() if FLOORS[a] < FLOORS[b])
    assert not upward, f"imports that go up: {upward}"


def test_strangers_never_meet():
    pairs = edges()
    met = [(a, b) for a, b in STRANGERS if (a, b) in pairs or (b, a) in pairs]
    assert not met, f"these may not know each other: {met}"


def test_rooms_do_not_import_in_circles():
    pending = {room: {b for a, b in edges() if a == room} for room in FLOORS}
    while pending:
        free = [room for room, needs in pending.items() if not needs & pending.keys()]
        assert free, f"these import each other in a circle: {sorted(pending)}"
        for room in free:
            del pending[room]


@pytest.mark.parametrize(
    ("source", "parents", "rooms"),
    [
        ("import overica.priors.base", (), {"priors"}),
        ("from overica import metrics", (), {"metrics"}),
        ("from overica import OvercompleteICA", (), {"__init__"}),
        ("from overica.learning.rules import x", (), {"learning"}),
        ("def f():\n    from overica.plots import x", (), {"plots"}),
        ("from .base import x", ("priors",), {"priors"}),
        ("from ..estimator import x", ("priors",), {"estimator"}),
        ("from ...estimator import x", ("inference", "kernels"), {"estimator"}),
        ("import numpy, overicalike", (), set()),
    ],
)
def test_reader_of_imports(source, parents, rooms):
    assert imported_rooms(source, parents) == rooms
