"""``overica compare``: autoencoders, overcomplete ICA and baselines on the same data."""

from pathlib import Path
from typing import Any

import click

from overica.cli._study import run_study, study_file, study_options


@click.command()
@study_file
@study_options("overica-compare", "Two data sets, one seed, the true L0 alone.")
def compare(study: Path | None, output: Path, **options: Any) -> None:
    """Run sparse autoencoders, overcomplete ICA and baselines on the same data.

    STUDY is a TOML file that says which; without one the default study runs.
    """
    run_study("known_truth", study, output, **options)
