"""Docstrings of installed packages: text about one subject that every installation has."""

from __future__ import annotations

import ast
import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from overica.lm.collecting.texts import Document
from overica.random_state import generator

SCIENTIFIC_PACKAGES = ("numpy", "scipy", "sklearn", "matplotlib", "pandas", "networkx")
"""Packages with long docstrings in plain English; those that are not installed are passed over."""
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def scientific_docstrings(
    packages: Sequence[str] = ("numpy", "scipy", "sklearn"),
    *,
    shortest: int = 100,
    random_state: Any = 0,
) -> list[Document]:
    """Docstrings of installed packages, read from their source; nothing is imported.

    Folders called ``tests`` and files that begin with ``test_`` are left out, and of equal docstrings all but the
    first.

    Parameters
    ----------
    packages : sequence of str
        Top-level packages.
    shortest : int
        Docstrings of fewer characters are left out: most are one line that says its name again.
    random_state : int, numpy Generator or None
        Draws the order, so that the first so many tokens are of all packages. None: by package, file and line.

    Returns
    -------
    list of Document
        Sources are qualified names, such as ``numpy.linalg._linalg.svd``.

    Raises
    ------
    ModuleNotFoundError
        If a package is not installed.

    Examples
    --------
    >>> from overica.lm import scientific_docstrings
    >>> found = scientific_docstrings(["click"], random_state=None)
    >>> found[0].source
    'click'
    """
    found: dict[str, Document] = {}
    for package in packages:
        for document in _package(package):
            if len(document.text) >= shortest:
                found.setdefault(document.text, document)
    listed = list(found.values())
    if random_state is None:
        return listed
    return [listed[i] for i in generator(random_state).permutation(len(listed))]


def _package(package: str) -> Iterator[Document]:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"`packages` must be installed, got {package!r}")
    origin = Path(spec.origin)
    root = origin.parent if spec.submodule_search_locations else origin
    files = sorted(root.rglob("*.py")) if root.is_dir() else [origin]
    for file in files:
        inside = file.relative_to(root) if root.is_dir() else Path("__init__.py")
        parts = inside.with_suffix("").parts
        if any(part == "tests" or part.startswith("test_") for part in parts):
            continue
        name = ".".join((package, *(part for part in parts if part != "__init__")))
        yield from _module(file, name)


def _module(file: Path, name: str) -> Iterator[Document]:
    try:
        with warnings.catch_warnings():
            # Of other people's string escapes.
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    yield from _node(tree, name)


def _node(node: ast.AST, name: str) -> Iterator[Document]:
    if isinstance(node, _DOCUMENTED):
        text = ast.get_docstring(node)
        if text:
            yield Document(text, name)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DOCUMENTED):
            yield from _node(child, f"{name}.{child.name}")  # type: ignore[union-attr]
        elif isinstance(child, (ast.If, ast.Try)):
            yield from _node(child, name)
