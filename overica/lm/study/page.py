"""The page of a study, from its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from overica.compare.report.figures import assign_marks, definitions, key
from overica.lm.features.pages import page_style, pages_environment
from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.features_of_fits import described, write_all_features
from overica.lm.study.results import StudyResults
from overica.lm.study.sections import Section, study_sections
from overica.lm.study.verdict import study_verdict
from overica.persistence import write_atomically


@dataclass
class Page:
    """The whole page."""

    title: str
    headline: str
    findings: list[tuple[str, str]]
    notices: list[str]
    links: list[tuple[str, str, str]]
    sections: list[Section]
    facts: list[tuple[str, str]]
    records: Any
    keys: dict[str, Markup]
    definitions: Markup


class _Labels:
    """What the legend asks for."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels

    def label(self, method: str) -> str:
        return self._labels[method]


def write_study_pages(folder: str | os.PathLike[str], store: ActivationStore | None = None) -> Path:
    """Write ``index.html`` of a study's folder and, with the store, the pages of its features.

    Parameters
    ----------
    folder : path
        Where a `FeatureStudy` left its results; all of them or a part.
    store : ActivationStore, optional
        The activations that it was of. Without them, pages of features that are there stay as they are.

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    FileNotFoundError
        If the folder is not that of a study.
    """
    results = StudyResults.read(Path(folder))
    if store is not None:
        write_all_features(results, store)
    page = build_page(results)
    environment = pages_environment()
    environment.filters["breakable"] = lambda text: text
    html = environment.get_template("study.html.j2").render(
        page=page, style=page_style(environment)
    )
    path = results.folder / "index.html"
    write_atomically(path, html)
    return path


def build_page(results: StudyResults) -> Page:
    """Put together what the records say."""
    marks = assign_marks(
        {m: {"family": results.header["methods"][m]["family"]} for m in results.methods}
    )
    headline, findings = study_verdict(results)
    there = [r for r in described(results) if (results.folder / r["run"] / "index.html").is_file()]
    store = results.header["store"]
    return Page(
        title=f"Features of {store['model']}, layer {store['layer']}",
        headline=headline,
        findings=findings,
        notices=_notices(results),
        links=[
            (
                f"{r['run']}/index.html",
                f"{r['label']}, {r['width']:g}x",
                f"{r['n_components']} features, L0 {r['metrics']['l0']:.1f}",
            )
            for r in there
        ],
        sections=[s for s in study_sections(results, marks) if s.tables or s.curves],
        facts=_facts(results),
        records=_Labels(results.methods),
        keys={method: key(mark) for method, mark in marks.items()},
        definitions=definitions(),
    )


def _notices(results: StudyResults) -> list[str]:
    told = list(results.header.get("notices", []))
    for record in results.failed:
        error = record["error"]
        told.append(f"{record['cell']} failed: {error['type']}: {error['message']}")
    return told


def _facts(results: StudyResults) -> list[tuple[str, str]]:
    header, study = results.header, results.header["study"]
    store = header["store"]
    return [
        ("tokens", f"{store['n_tokens']} of {store['n_documents']} documents"),
        ("dimensions", str(store["n_features"])),
        ("learned from", f"{header['fit_tokens']} tokens"),
        ("held out", f"{header['held_out_documents']} documents"),
        ("described", f"{header['described_tokens']} tokens, held-out documents first"),
        ("steps", f"{study['n_steps']} of autoencoders, {study['ica_steps']} of ICA"),
        ("seeds", f"{study['seeds']}; one at widths above {study['full_width']:g}x"),
        *((name, str(value)) for name, value in header["versions"].items()),
    ]
