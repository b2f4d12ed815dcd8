"""Which entry of the reference a piece of code names."""

from collections.abc import Mapping

ALONE = {"class", "data", "exception", "function"}
"""Kinds of entries that are known by their last name too."""


def entry_of(text: str, kinds: Mapping[str, str]) -> str | None:
    """The full name of the entry that a piece of code names, of those in `kinds` (full name -> kind)."""
    name = text.removesuffix("()")
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    if name in kinds:
        return name
    bearers = [
        full
        for full, kind in kinds.items()
        if full.endswith(f".{name}") and (kind in ALONE or ("." in name and kind != "module"))
    ]
    return bearers[0] if len(bearers) == 1 else None
