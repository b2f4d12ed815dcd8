"""What a class shows of itself, where it is written below each field and in properties: its section of attributes."""

import inspect
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

_AFTER = ("Methods", "Returns", "Raises", "Warns", "See Also", "Notes", "References", "Examples")
"""Sections that numpydoc wants below it."""


def attributes(kind: type) -> Iterator[tuple[str, str, list[str]]]:
    """Name, type and text of every documented field and property, those of its bases in overica first."""
    found: dict[str, tuple[str, list[str]]] = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("overica"):
            continue
        types = inspect.get_annotations(base)
        written = ModuleAnalyzer.for_module(base.__module__).find_attr_docs()
        for (owner, name), text in written.items():
            if owner == base.__qualname__ and "ClassVar" not in str(types.get(name, "ClassVar")):
                found[name] = str(types[name]), text
        for name, value in vars(base).items():
            getter = value.fget if isinstance(value, property) else getattr(value, "func", None)
            if isinstance(value, property | cached_property) and inspect.getdoc(getter):
                returned = str(inspect.get_annotations(getter).get("return", ""))
                found[name] = returned, (inspect.getdoc(getter) or "").splitlines()
    for name, (annotation, text) in found.items():
        if not name.startswith("_"):
            yield name, annotation, text


def add(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Add the section, unless the docstring has one."""
    if what != "class" or "Attributes" in lines:
        return
    section = []
    for attribute, annotation, text in attributes(obj):
        paragraph = text[: text.index("")] if "" in text else text
        # The backslash goes when it is read; without it numpydoc links properties to whatever bears their name.
        section += [rf"\{attribute} : {annotation}".rstrip(" :"), *(f"    {t}" for t in paragraph)]
    if section:
        after = (i for i, line in enumerate(lines) if line in _AFTER)
        place = next(after, len(lines))
        lines[place:place] = ["", "Attributes", "----------", *section, ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Before formulas are looked for, and before numpydoc."""
    app.connect("autodoc-process-docstring", add, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
