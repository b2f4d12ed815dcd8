"""The figures of a study as a short table and as text, and its folder of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from overica.persistence import staged, write_atomically, write_json
from overica.photographs.best_basis import verdict
from overica.photographs.judging import Row
from overica.photographs.photograph_study import GAUSSIAN, RAW, Study
from overica.photographs.pictures import save_pictures


def table_of(rows: Sequence[Row], reference: str = "fastica") -> str:
    """Means over seeds, with half the range where there is more than one.

    "less": what is saved against the complete reference in the same seed; regions differ more than methods do.

    Examples
    --------
    >>> rows = [Row("fastica", 1.0, s, 3.5 + s, 4.0) for s in (0, 1)] + [
    ...     Row("pca", 1.0, s, 3.6 + s, 4.0) for s in (0, 1)
    ... ]
    >>> print(table_of(rows).splitlines()[2].rstrip())
    pca             1x   4.100 ± 0.500  -0.100 ± 0.000   4.000 ± 0.000   0.000 ± 0.000
    """
    head = (
        f"{'method':12s}{'columns':>6s}  {'evidence':16s}{'less':16s}{'coefficients':16s}{'less':16s}"
        f"{'present':>7s}{'coded':>7s}{'Gabor':>8s}"
    )
    lines = [head]
    references = {row.seed: row for row in rows if row.method == reference}
    for method, width in dict.fromkeys((row.method, row.overcompleteness) for row in rows):
        group = [r for r in rows if (r.method, r.overcompleteness) == (method, width)]
        columns = "" if method in (RAW, GAUSSIAN) else f"{width:g}x"
        cells = ""
        for name in ("evidence_bits", "coefficient_bits"):
            saved = [_saved(references.get(row.seed), row, name) for row in group]
            cells += f"{_spread([getattr(r, name) for r in group]):16s}"
            cells += f"{_spread(saved) if method != reference else '':16s}"
        gabor = _mean(group, "gabor_share")
        share = "" if gabor is None else f"{100 * gabor:.0f} %"
        lines.append(
            f"{method:12s}{columns:>6s}  {cells}{_plain(_mean(group, 'n_present'), '.1f'):>7s}"
            f"{_plain(_mean(group, 'n_coded'), '.1f'):>7s}{share:>8s}".rstrip()
        )
    return "\n".join(lines)


def explain(study: Study) -> str:
    """What the columns of the table are."""
    s = study.settings
    seeds = "1 seed" if s.n_seeds == 1 else f"{s.n_seeds} seeds (mean ± half the range)"
    return (
        f"Bits per pixel of held-out {s.side} x {s.side} patches to {s.precision:g} grey levels, {seeds}.\n"
        "evidence: by the probability of the cells; coefficients: by quantised codes at the same squared error;\n"
        "less: saved against FastICA in the same seed;\n"
        "present, coded: sources of a patch that are there, and quantised coefficients that are not zero;\n"
        "Gabor: columns that a Gabor function fits with R² > .8."
    )


def text_of(study: Study) -> str:
    """All that the terminal and ``results.txt`` say: what was measured, the table, and what is best."""
    return f"{explain(study)}\n\n{table_of(study.rows)}\n\n{verdict(study.rows)}\n"


def save_study(study: Study, folder: Path) -> list[Path]:
    """Write pictures, ``results.json`` and ``results.txt``, all together; their paths."""
    with staged(folder) as part:
        paths = [*save_pictures(study, part), part / "results.json", part / "results.txt"]
        write_json(paths[-2], study.to_json())
        write_atomically(paths[-1], text_of(study))
    return [folder / path.name for path in paths]


def _saved(reference: Row | None, row: Row, name: str) -> float | None:
    if reference is None:
        return None
    mine, others = getattr(row, name), getattr(reference, name)
    return None if mine is None or others is None else others - mine


def _mean(rows: Sequence[Row], name: str) -> float | None:
    found = [getattr(row, name) for row in rows if getattr(row, name) is not None]
    return float(np.mean(found)) if found else None


def _plain(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _spread(values: Sequence[float | None]) -> str:
    found = np.array([value for value in values if value is not None], float)
    if not found.size:
        return ""
    # Rounded first: what rounds to zero has no sign.
    mean = f"{round(float(found.mean()), 3) + 0.0:6.3f}"
    return mean if found.size == 1 else f"{mean} ± {np.ptp(found) / 2:.3f}"
