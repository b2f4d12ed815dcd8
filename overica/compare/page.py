"""The report of a study of known truth: the answer first, then every data set."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from overica.compare.facts import about
from overica.compare.reading import reading
from overica.compare.sections import section
from overica.compare.verdict import PRIMARY, SECONDARY, TRUE_L0, answer, verdict
from overica.metrics.words import words_of
from overica.report import REPORT, Page, marks_of, notices_of, write_page
from overica.report.phrases import capital, unbroken
from overica.report.tables import cost_tables, overview_table
from overica.studies import Results

QUESTION = "Do the methods find the true features?"
_PLACES = {"matched": "at the true L0", "best": "at each method's own best L0"}


def write_report(folder: Path | str) -> Path:
    """Write ``report.html`` from the folder of a study, whether it came to its end or not.

    Parameters
    ----------
    folder : path
        Where a `Study` left its results.

    Returns
    -------
    pathlib.Path
        Of the report.

    Raises
    ------
    FileNotFoundError
        If `folder` has no ``study.json``.

    Examples
    --------
    >>> import json, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> header = {"study": {}, "datasets": {"toy": {}}, "methods": {"ica": {}}, "versions": {}}
    >>> _ = (folder / "study.json").write_text(json.dumps(header))
    >>> write_report(folder).name
    'report.html'
    """
    folder = Path(folder)
    return write_page(build_page(Results.load(folder)), folder / REPORT)


def build_page(results: Results) -> Page:
    """Put together what the records say, the answer first."""
    marks = marks_of(results)
    said = verdict(results)
    stability = _stability(results)
    anchors = {dataset: f"data-{i}" for i, dataset in enumerate(results.whats, start=1)}
    first, *others = [
        overview_table(results, metric, at, f"{capital(words_of(metric).label)} {place}")
        for at, place in _PLACES.items()
        for metric in (PRIMARY, SECONDARY)
    ]
    # What level and names mean is said where they first stand.
    first.caption += f": {TRUE_L0}"
    first.about = [about(entry) for entry in results.whats.values()]
    return Page(
        kicker="overica compare",
        question=QUESTION,
        answer=unbroken(answer(results)),
        overview=[first],
        remark="Share of the true features that a learned one points at (cosine of .98 or more): mean over the seeds ± "
        "standard deviation, coloured from chance to all of them. ★ is the best of a column; the true and the random "
        "dictionary do not compete. A dashed note says by how much a method missed the true L0.",
        headline=unbroken(said.headline),
        findings=[(name, unbroken(text)) for name, text in said.findings if name],
        more=others,
        sections=[
            section(results, marks, stability, dataset, anchor)
            for dataset, anchor in anchors.items()
        ],
        costs=cost_tables(results),
        reading=reading(),
        notices=notices_of(results),
        results=results,
        marks=marks,
    )


def _stability(results: Results) -> pd.DataFrame | None:
    """Agreement between the seeds; None where the dictionaries did not come along."""
    try:
        return results.stability()
    except (OSError, ValueError):
        return None
