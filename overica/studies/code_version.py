"""Which code filled a cell: figures of two versions do not stand in one table."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from overica._version import __version__

ABOVE = ("studies", "report", "compare", "lm", "photographs", "separation", "cli", "plots")
"""Rooms of which figures depend on what their fits import alone."""
_ROOT = Path(__file__).parents[1]
_ONE_FIT = "overica.studies.one_fit"


@functools.cache
def code_version(module: str = _ONE_FIT) -> str:
    """Version of the package and a hash of the sources that the figures of a fit depend on.

    All rooms below the studies count, and in the room of the fit, as in that of studies, what is imported on the way
    to it: neither pages nor commands do.

    Parameters
    ----------
    module : str
        In which a kind of study examines its fits.

    Examples
    --------
    >>> code_version().partition("+")[0] == __version__
    True
    """
    sources = {
        path
        for pattern in ("*.py", "*.hpp", "*.cpp")
        for path in _ROOT.rglob(pattern)
        if path.relative_to(_ROOT).parts[0] not in ABOVE
    }
    sources |= imported(_ONE_FIT) | imported(module)
    found = hashlib.sha256()
    for path in sorted(sources):
        found.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{__version__}+{found.hexdigest()[:12]}"


def imported(module: str) -> set[Path]:
    """Source of a module and of all that it imports of its own room, at once or when its functions are called.

    Examples
    --------
    >>> sorted(path.name for path in imported("overica.studies.choices"))
    ['choices.py', 'errors.py']
    """
    package, _, rest = module.partition(".")
    found: dict[str, Path] = {}
    waiting = [module] if package == _ROOT.name else []
    while waiting:
        name = waiting.pop()
        path = _ROOT.parent.joinpath(*name.split(".")).with_suffix(".py")
        if name not in found and path.is_file() and name.split(".")[1] == rest.split(".")[0]:
            found[name] = path
            waiting += _imports(path)
    return set(found.values())


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
