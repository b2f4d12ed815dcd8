"""The blocks of code in a page of Markdown; those of Python run in order, as one program."""

import re
from pathlib import Path

import pytest

OPTIONAL = frozenset({"mne"})
"""Packages that pages show and that tests do not need: where one is missing, so is the rest of its page."""


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def run_blocks(page: Path) -> dict:
    """Names that are there in the end."""
    found = blocks(page, "python")
    assert found, f"{page} shows no code"
    names: dict = {"__name__": "__main__"}
    for block in found:
        try:
            exec(compile(block, str(page), "exec"), names)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise
            pytest.skip(f"without {error.name}")
    return names
