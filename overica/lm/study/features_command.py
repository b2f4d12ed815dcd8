"""What ``overica features`` does: the study, its pages, and what to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.feature_config import FeatureStudyConfig
from overica.lm.study.feature_study import FeatureStudy
from overica.lm.study.page import write_study_pages
from overica.lm.study.verdict import findings, headline


def run_features(
    output: Path,
    study: Path | None = None,
    *,
    n_steps: int | None = None,
    ica_steps: int | None = None,
    quick: bool = False,
    fresh: bool = False,
    progress: bool = True,
    **settings: Any,
) -> Iterator[str]:
    """Run a study and write its pages; returns the lines for the terminal.

    Parameters
    ----------
    output : Path
        Folder for the study.
    study : Path, optional
        TOML file with keys of `FeatureStudyConfig`.
    n_steps, ica_steps : int, optional
        Short for ``sae={"n_steps": ...}`` and ``ica={"max_iter": ...}``.
    quick : bool
        Rough and short.
    fresh : bool
        Run everything anew.
    progress : bool
        Show a bar.
    **settings
        Of `FeatureStudyConfig`, over those of the file; None leaves what is there.

    Yields
    ------
    str

    Raises
    ------
    ValueError, FileNotFoundError
        As `FeatureStudy`.
    click.exceptions.Exit
        With code 1 if every cell failed.
    """
    config = FeatureStudyConfig.from_toml(study) if study else FeatureStudyConfig.from_keywords()
    config = config.changed(
        ica=None if ica_steps is None else {**config.ica, "max_iter": ica_steps},
        sae=None if n_steps is None else {**config.sae, "n_steps": n_steps},
        **settings,
    )
    chosen = FeatureStudy(config=config.quick() if quick else config)
    results = chosen.run(output, progress=progress, fresh=fresh)
    page = write_study_pages(output, ActivationStore(config.activations))
    yield headline(results)
    yield from (f"- {theme}: {text}" for theme, text in findings(results))
    if results.failed:
        yield f"failed   {', '.join(cell['cell'] for cell in results.failed)}"
    yield f"pages    {page}"
    if not results.succeeded:
        raise click.exceptions.Exit(1)
