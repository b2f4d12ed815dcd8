"""Names that are handed out by another module than they stand in, or under another name."""

import ast
import inspect
import sys
from importlib import import_module
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import overica


def comment(module: str, name: str) -> list[str]:
    """The docstring of a module's variable, of whichever module it comes from."""
    found = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name))
    if found:
        return list(found)
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return comment(node.module, alias.name)
    raise LookupError(f"{module}.{name} has no docstring below it")


def find(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Put the docstring of a variable in place of that of its class; a module's sections are no chapters of a page."""
    if what == "data":
        lines[:] = [*comment(*name.rsplit(".", 1)), ""]
    if what == "module":
        for i in range(len(lines) - 1, 0, -1):
            if lines[i] and not lines[i].strip("-"):
                lines[i - 1 : i + 1] = [f".. rubric:: {lines[i - 1]}", ""]


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what classes have of those of other packages, which document it."""
    module = getattr(obj, "__module__", None) or "overica"
    return None if module.startswith("overica") or name == "fit_transform" else True


def rename(app: Sphinx) -> None:
    """Let classes bear the name that they are imported by: autodoc takes a class of another for an alias."""
    for place in overica.PLACES:
        module = import_module(f"overica.{place}")
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found) and found.__name__ != name:
                found.__name__ = name


def setup(app: Sphinx) -> dict[str, Any]:
    """Ask to be called."""
    app.connect("builder-inited", rename)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", find, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
