"""The figures of a study as a short table, and its folder of files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from overica.photographs.judging import Row
from overica.photographs.pictures import save_pictures
from overica.photographs.study import GAUSSIAN, RAW, Study


def table_of(rows: Sequence[Row]) -> str:
    """Means over seeds, with the range behind them where there is more than one.

    Examples
    --------
    >>> rows = [Row("pca", 1.0, 0, 3.5, 4.0), Row("pca", 1.0, 1, 3.7, 4.2)]
    >>> print(table_of(rows).splitlines()[1].rstrip())
    pca              1x  3.600 ± .100      4.100 ± .100
    """
    head = (
        f"{'method':13s}{'columns':>6s}  {'evidence':18s}{'coefficients':18s}"
        f"{'present':>8s}{'coded':>7s}{'Gabor':>8s}"
    )
    lines = [head]
    for method, width in dict.fromkeys((row.method, row.overcompleteness) for row in rows):
        group = [r for r in rows if (r.method, r.overcompleteness) == (method, width)]
        columns = "" if method in (RAW, GAUSSIAN) else f"{width:g}x"
        gabor = _mean(group, "gabor_share")
        lines.append(
            f"{method:13s}{columns:>6s}  {_spread(group, 'evidence_bits'):18s}{_spread(group, 'coefficient_bits'):18s}"
            f"{_plain(_mean(group, 'n_present'), '.1f'):>8s}{_plain(_mean(group, 'n_coded'), '.1f'):>7s}"
            f"{_plain(None if gabor is None else 100 * gabor, '.0f'):>6s}"
            f"{' %' if gabor is not None else '  '}"
        )
    return "\n".join(lines)


def explain(study: Study) -> str:
    """What the columns of the table are."""
    s = study.settings
    seeds = "1 seed" if s.n_seeds == 1 else f"{s.n_seeds} seeds (mean ± half the range)"
    return (
        f"Bits per pixel of held-out {s.side} x {s.side} patches to {s.precision:g} grey levels, {seeds}.\n"
        "evidence: by the probability of the cells; coefficients: by quantised codes at the same squared error;\n"
        "present, coded: sources of a patch that are there, and quantised coefficients that are not zero;\n"
        "Gabor: columns that a Gabor function fits with R² > .8."
    )


def save_study(study: Study, folder: Path) -> list[Path]:
    """Write pictures, ``results.json`` and ``results.txt``; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = save_pictures(study, folder)
    figures, text = folder / "results.json", folder / "results.txt"
    figures.write_text(json.dumps(study.to_json(), indent=1), encoding="utf-8")
    text.write_text(f"{explain(study)}\n\n{table_of(study.rows)}\n", encoding="utf-8")
    return [*paths, figures, text]


def _values(rows: Sequence[Row], name: str) -> np.ndarray:
    found = [getattr(row, name) for row in rows]
    return np.array([value for value in found if value is not None], float)


def _mean(rows: Sequence[Row], name: str) -> float | None:
    values = _values(rows, name)
    return float(values.mean()) if values.size else None


def _plain(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _spread(rows: Sequence[Row], name: str) -> str:
    values = _values(rows, name)
    if not values.size:
        return ""
    if values.size == 1:
        return f"{values[0]:.3f}"
    half = f"{(values.max() - values.min()) / 2:.3f}".removeprefix("0")
    return f"{values.mean():.3f} ± {half}"
