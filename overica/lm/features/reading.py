"""Described features read back: the runs of a study's folder, their records, and the tokens that those refer to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overica.lm.features.record import FORMAT
from overica.persistence import damage_named, read_json

RECORD = "features.json"
SPACE = "\N{OPEN BOX}"
"""Stands for a token of white space alone."""


def described_runs(study: Path) -> list[str]:
    """Folders with described features, in the order of the study.

    Raises
    ------
    FileNotFoundError
        If there is none: the folder is no study of activations, or one without pages.
    """
    paths = sorted(study.glob(f"*/{RECORD}"))
    if not paths:
        raise FileNotFoundError(
            f"`folder` must hold features described by `overica features ACTIVATIONS -o FOLDER`, got {str(study)!r} "
            f"without a {RECORD} in a folder below"
        )
    there = [path.parent.name for path in paths]
    order = list(_record(paths[0]).get("labels", {}))
    return sorted(there, key=lambda name: order.index(name) if name in order else len(order))


def read_run(study: Path, name: str | None = None) -> dict[str, Any]:
    """The record of a run, as `overica.lm.features.record` describes it.

    Parameters
    ----------
    study : Path
    name : str, optional
        Of the run's folder; by default the first of `described_runs`.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such study or run; if a file is damaged.
    """
    there = described_runs(study)
    if name is not None and name not in there:
        raise ValueError(f"`run` must be one of {there}, got {name!r}")
    return _record(study / (name or there[0]) / RECORD)


def strongest_tokens(
    study: Path, record: dict[str, Any], features: list[int]
) -> dict[tuple[int, int], list[str]]:
    """By feature and sign of its code the tokens at its strongest places, at most five."""
    tokens = read_json(study / "assets" / "tokens.json")
    found: dict[tuple[int, int], list[str]] = {}
    with damage_named(f"{RECORD} or assets/tokens.json of {study}"):
        for j in features:
            for part in record["features"][j]["examples"]:
                words = (tokens["words"][tokens["ids"][row]].strip() for row, *_ in part["places"])
                # The strongest places of a sign come before its intervals.
                told = list(dict.fromkeys(word or SPACE for word in words))[:5]
                found.setdefault((j, part["sign"]), told)
    return found


def _record(path: Path) -> dict[str, Any]:
    record = read_json(path)
    found = record.get("format") if isinstance(record, dict) else None
    if found != FORMAT:
        raise ValueError(f"{path} must be of format {FORMAT!r}, got {found!r}")
    return dict(record)
