"""What the source imports, read without importing it: by module and by room."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[1] / "overica"
Graph = dict[str, set[str]]


class Import(NamedTuple):
    """One name that a module imports from the package."""

    target: str
    """The module or package it is, or is in."""
    deferred: bool
    """Whether it happens in a function, when that is called."""


def sources(package: Path = PACKAGE) -> dict[str, str]:
    """Source of every module by its dotted name; of a package by the package's, of a compiled one its stub."""
    found = {}
    for path in sorted(package.parent.glob(f"{package.name}/**/*.py*")):
        if path.suffix in (".py", ".pyi"):
            parts = path.relative_to(package.parent).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path.read_text(encoding="utf-8")
    return found


def imports(name: str, modules: Mapping[str, str]) -> Iterator[Import]:
    """What a module imports of `modules`, those for types alone included.

    Examples
    --------
    >>> house = {
    ...     "house": "",
    ...     "house.a": "from house import b",
    ...     "house.b": "def f():\\n  import house.a",
    ... }
    >>> [*imports("house.a", house), *imports("house.b", house)]
    [Import(target='house.b', deferred=False), Import(target='house.a', deferred=True)]
    """
    is_package = any(other.startswith(name + ".") for other in modules)
    package = name.split(".") if is_package else name.split(".")[:-1]
    tree = ast.parse(modules[name])
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            targets = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for target in targets:
            known = target if target in modules else target.rpartition(".")[0]
            if known in modules and known != name:
                yield Import(known, id(node) in inside)


def room_of(name: str) -> str:
    """The room that a module belongs to."""
    return name.split(".")[1] if "." in name else "__init__"


def module_graph(modules: Mapping[str, str]) -> Graph:
    """Which modules a module needs: all that it imports, but in functions only those of its own room.

    A room may ask another for something when it is needed; within a room that would only hide a circle.
    """
    return {
        name: {
            found.target
            for found in imports(name, modules)
            if not found.deferred or room_of(found.target) == room_of(name)
        }
        for name in modules
    }


def room_graph(modules: Mapping[str, str]) -> Graph:
    """Which rooms a room needs, in functions too."""
    graph: Graph = {room_of(name): set() for name in modules}
    for name in modules:
        graph[room_of(name)] |= {room_of(found.target) for found in imports(name, modules)}
    return {room: needs - {room} for room, needs in graph.items()}


def circle(graph: Graph) -> list[str]:
    """Names that need each other in a circle, the first also at the end; none if there is no circle.

    Examples
    --------
    >>> circle({"a": {"b"}, "b": {"c"}, "c": set()}), circle({"a": {"b"}, "b": {"a"}})
    ([], ['a', 'b', 'a'])
    """
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # Its nodes stand in the order of who is needed by whom.
        found: list[str] = error.args[1]
        return found[::-1]
    return []
