"""What ``overica features`` does: the study, its pages, and what to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.feature_config import FeatureStudyConfig
from overica.lm.study.feature_study import FeatureStudy
from overica.lm.study.page import write_study_pages
from overica.lm.study.results import StudyResults
from overica.lm.study.verdict import study_verdict


def run_features(
    activations: Path,
    output: Path,
    *,
    quick: bool = False,
    fresh: bool = False,
    progress: bool = True,
    **settings: Any,
) -> Iterator[str]:
    """Run a study and write its pages; returns the lines for the terminal.

    Parameters
    ----------
    activations : Path
        Folder of an `ActivationStore`.
    output : Path
        Folder for the study.
    quick : bool
        Rough and short.
    fresh : bool
        Run everything anew.
    progress : bool
        Show a bar.
    **settings
        Of `FeatureStudyConfig`; None leaves the default.

    Yields
    ------
    str

    Raises
    ------
    ValueError, FileNotFoundError
        As `FeatureStudy`.
    """
    config = FeatureStudyConfig(**{k: v for k, v in settings.items() if v is not None})
    store = ActivationStore(activations)
    study = FeatureStudy(store, config.quick() if quick else config)
    records = study.run(output, progress=progress, fresh=fresh)
    page = write_study_pages(output, store)
    headline, findings = study_verdict(StudyResults.read(output))
    yield headline
    yield from (f"- {theme}: {text}" for theme, text in findings)
    failed = [record["cell"] for record in records if record["status"] != "ok"]
    if failed:
        yield f"failed   {', '.join(failed)}"
    yield f"pages    {page}"
