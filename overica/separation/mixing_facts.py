"""``mixing.json``, by which a folder of results is known: what was written there, and with which gain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overica.persistence import current, read_json

MIXING = "mixing.json"
FORMAT = "overica separation"


def facts_in(folder: Path) -> dict[str, Any]:
    """What the ``mixing.json`` of a separation in a folder holds; nothing if there is none.

    Examples
    --------
    >>> facts_in(Path("no such folder"))
    {}
    """
    try:
        facts = read_json(current(folder, MIXING))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) and facts.get("format") == FORMAT else {}


def written_gain(path: Path) -> float:
    """What a file was multiplied by when it was written; 1 if no separation wrote it."""
    facts = facts_in(path.parent)
    gain = facts.get("gain", 1.0)
    # Before images had a gain of their own, all files were written with one.
    gains = {"sources": gain, "images": facts.get("image_gain", gain)}
    return next((float(g) for kind, g in gains.items() if path.name in facts.get(kind, ())), 1.0)
