"""How to read the report of a study of known truth."""

from __future__ import annotations

import tomllib
from pathlib import Path

from overica.compare.sections import SPLIT


def reading() -> list[tuple[str, list[tuple[str, str]]]]:
    """Headings with terms and their definitions, from ``reading.toml``."""
    table = tomllib.loads(Path(__file__).with_name("reading.toml").read_text(encoding="utf-8"))
    split = " ".join(SPLIT.values())
    return [
        (
            part["heading"],
            [
                (each["term"], each["definition"].replace("{split}", split))
                for each in part["terms"]
            ],
        )
        for part in table["parts"]
    ]
