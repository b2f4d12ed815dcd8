"""What ``overica compare`` does: a study from a file or the default one, its verdict, its report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click

from overica.compare.config import KnownTruthConfig
from overica.compare.known_truth import DEFAULT_STUDY, KnownTruthResults, KnownTruthStudy
from overica.compare.page import write_report
from overica.studies import StudyError

_MOST_FAILURES = 5


def run_compare(
    study: Path | None,
    output: Path,
    *,
    jobs: int | None = None,
    fresh: bool = False,
    quick: bool = False,
) -> Iterator[str]:
    """Run a study with a progress bar, and return the lines for the terminal.

    Parameters
    ----------
    study : Path or None
        TOML file; None is the default study.
    output : Path
        Folder for results and report.
    jobs : int, optional
        Cells at a time, instead of what the study says.
    fresh : bool
        Run everything anew.
    quick : bool
        Cut the study down, see `KnownTruthConfig.quick`.

    Yields
    ------
    str
        The verdict, failures, where the report is.

    Raises
    ------
    click.ClickException
        If the study is refused: the message names file and key.
    click.exceptions.Exit
        With code 130 if interrupted, and 1 if every cell failed.
    """
    try:
        config = KnownTruthConfig.from_toml(study or DEFAULT_STUDY)
        config = config.changed(n_jobs=jobs)
        chosen = KnownTruthStudy(config.quick() if quick else config)
        started = time.perf_counter()
        results = chosen.run(output, fresh=fresh)
    except StudyError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo(f"Stopped. What is done is in {output}; the same command goes on from there.")
        raise click.exceptions.Exit(130) from None
    yield from str(results.verdict()).splitlines()
    yield ""
    yield from _failures(results)
    yield f"{len(results.records)} cells in {time.perf_counter() - started:.0f} s"
    yield f"results  {output / 'results.jsonl'}"
    yield f"report   {write_report(output)}"
    if len(results.failures) == len(results.records):
        raise click.exceptions.Exit(1)


def _failures(results: KnownTruthResults) -> Iterator[str]:
    failures = results.failures
    if failures.empty:
        return
    yield f"{len(failures)} cells failed; the same command tries them again:"
    for row in failures.head(_MOST_FAILURES).itertuples():
        yield f"  {row.cell}: {row.type}: {row.message}"
    if len(failures) > _MOST_FAILURES:
        yield f"  and {len(failures) - _MOST_FAILURES} more, in the report"
    yield ""
