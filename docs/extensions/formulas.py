"""Formulas of docstrings, which stand indented below the sentence that they end, are shown as they are written.

To reStructuredText an indented paragraph is a quotation, whose ``*``, ``|`` and ``_`` mean something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def as_written(lines: list[str]) -> list[str]:
    """A docstring's lines, with every formula a literal block.

    A formula is an indented paragraph after a blank line and a line that is neither indented nor
    of a list, an example or a directive. What is told of parameters is indented below their names without a
    blank line between.
    """
    found: list[str] = []
    inside = False
    for line in lines:
        indented = line.startswith(" ")
        if indented and not inside and found and not found[-1]:
            before = next((text for text in reversed(found) if text), " ")
            if not before.startswith(
                (" ", ">>>", "...", "- ", "* ", ".. ", ":")
            ) and not before.endswith("::"):
                found += [".. code-block:: none", ""]
            inside = True
        elif line and not indented:
            inside = False
        found.append(line)
    return found


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Change a docstring before numpydoc reads it."""
    lines[:] = as_written(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Before numpydoc, whose priority is 500."""
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
