"""``overica study``: a study of any kind, from a file."""

from pathlib import Path
from typing import Any

import click

from overica.cli._command import command
from overica.cli._errors import told
from overica.cli._study import DEFAULT_KIND, KINDS, run_study, study_options


@command(
    examples=("overica study study.toml --quick", "overica study study.toml -o results/mine"),
    sections={"The run": "output jobs fresh quick"},
)
@click.argument(
    "study", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@study_options("overica-study", "The study cut down to a look: one seed, and little of the rest.")
def study(study: Path, output: Path, **options: Any) -> None:
    """Run the study of a TOML file, of any kind.

    Its key `kind` says which: known_truth, where there is none; activations; photographs; separation. The other keys
    are those of the kind's configuration.
    """
    with told(f"Reading {study}"):
        from overica.studies.config import read_toml
        from overica.studies.errors import unknown

        kind = read_toml(study).get("kind", DEFAULT_KIND)
        if not isinstance(kind, str) or kind not in KINDS:
            raise unknown(f"{study}, `kind`", "kind of study", kind, KINDS)
    run_study(kind, study, output, **options)
