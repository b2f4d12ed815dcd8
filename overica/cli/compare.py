"""``overica compare``: autoencoders, overcomplete ICA and baselines on the same data."""

from pathlib import Path
from typing import Any

from overica.cli._command import command
from overica.cli._study import run_study, study_file, study_options


@command(
    examples=(
        "overica compare --quick",
        "overica compare -o results/mine --jobs 4",
        "overica compare study.toml -o results/mine",
    ),
    sections={"The run": "output jobs fresh quick"},
)
@study_file
@study_options("overica-compare", "Two data sets, one seed, the true L0 alone.")
def compare(study: Path | None, output: Path, **options: Any) -> None:
    """Run sparse autoencoders, overcomplete ICA and baselines on the same data.

    STUDY is a TOML file that says which; without one the default study runs.
    """
    run_study("known_truth", study, output, **options)
