"""What every command that runs a study does: its options, the run, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from overica.cli._errors import told
from overica.cli._known import check_methods

if TYPE_CHECKING:
    from overica.studies import Results, Study

KINDS = {
    "known_truth": "overica.compare.known_truth:KnownTruthStudy",
    "activations": "overica.lm.study.feature_study:FeatureStudy",
    "separation": "overica.separation.separation_study:SeparationStudy",
    "photographs": "overica.photographs.photograph_study:PhotographStudy",
}
"""Kinds of study by name, each a module and a class in it, imported when one is run."""
DEFAULT_KIND = "known_truth"
EXIT_CODES = (
    "Ends with 0 if every cell has its figures, with 1 if the study is refused or any cell failed, with 130 or 143 if "
    "interrupted or terminated."
)
_MOST_FAILURES = 5


def study_options(output: str, quick: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of a command that runs a study: its folder if none is given, and what ``--quick`` leaves."""
    options = (
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            default=Path(output),
            help="Folder for results and report; made if missing. A second call goes on where the first ended.",
        ),
        click.option("--jobs", type=int, help="Fits at a time; -1 is one per processor."),
        click.option("--fresh", is_flag=True, help="Run everything anew."),
        click.option("--quick", is_flag=True, help=quick),
    )

    def add(command: Callable[..., None]) -> Callable[..., None]:
        command.__doc__ = f"{command.__doc__}\n\n    {EXIT_CODES}"
        for option in reversed(options):
            command = option(command)
        return command

    return add


def study_file(command: Callable[..., None]) -> Callable[..., None]:
    """The argument STUDY, which may be left out."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.argument("study", required=False, type=kind)(command)


def run_study(
    kind: str,
    study: Path | None,
    output: Path,
    *,
    jobs: int | None = None,
    fresh: bool = False,
    quick: bool = False,
    **keys: Any,
) -> None:
    """Run a study with a progress bar, write its report, and say what came out.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    study : Path or None
        TOML file; None is the default study of its kind.
    output : Path
        Folder for results and report.
    jobs : int, optional
        Fits at a time, instead of what the study says.
    fresh : bool
        Run everything anew.
    quick : bool
        Cut the study down, see `StudyConfig.quick`; before other keys.
    **keys
        Keys of the configuration instead of the study's, see `StudyConfig.changed`.

    Raises
    ------
    click.ClickException
        If the study is refused or a file cannot be read or written, in one line.
    click.exceptions.Exit
        With code 130 if interrupted, 143 if terminated, and 1 if a cell failed.
    """
    what = "the default study" if study is None else str(study)
    saying = f"Running {what} of kind {kind}, to {output}"
    with told(
        saying, output, stopped=f"What is done is in {output}; the same command goes on from there."
    ):
        check_methods(kind, study, keys.get("methods"))
        kind_of_study = load(kind)
        config = (
            kind_of_study.config_type.from_toml(study) if study else kind_of_study.default_config()
        )
        config = (config.quick() if quick else config).changed(n_jobs=jobs, **keys)
        chosen = kind_of_study(config=config)
        started = time.perf_counter()
        results = chosen.run(output, fresh=fresh)
        seconds = time.perf_counter() - started
        click.echo(f"{chosen.said(results)}\n")
        for line in _failures(results):
            click.echo(line)
        click.echo(f"{len(results.records)} cells in {seconds:.0f} s")
        click.echo(f"results  {output / 'results.jsonl'}")
        click.echo(f"report   {chosen.write_report(results)}")
    if results.failed:
        raise click.exceptions.Exit(1)


def load(kind: str) -> type[Study]:
    """The class of a kind of study."""
    module, name = KINDS[kind].split(":")
    found: type[Study] = getattr(import_module(module), name)
    return found


def _failures(results: Results) -> Iterator[str]:
    failures = results.failures
    if failures.empty:
        return
    yield f"{len(failures)} cells failed; the same command tries them again:"
    for row in failures.head(_MOST_FAILURES).itertuples():
        yield f"  {row.cell}: {row.type}: {row.message}"
    if len(failures) > _MOST_FAILURES:
        yield f"  and {len(failures) - _MOST_FAILURES} more, in the report"
    yield ""
