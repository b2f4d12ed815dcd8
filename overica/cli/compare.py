"""``overica compare``: autoencoders, overcomplete ICA and baselines on the same data."""

from pathlib import Path

import click

from overica.cli._errors import told


@click.command()
@click.argument(
    "study", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("overica-compare"),
    show_default=True,
    help="Folder for results and report; made if missing. A second call goes on where the first ended.",
)
@click.option("--jobs", type=int, help="Cells at a time; -1 is one per processor.")
@click.option("--fresh", is_flag=True, help="Run everything anew.")
@click.option("--quick", is_flag=True, help="Two data sets, one seed, the true L0 alone.")
def compare(study: Path | None, output: Path, jobs: int | None, fresh: bool, quick: bool) -> None:
    """Run sparse autoencoders, overcomplete ICA and baselines on the same data.

    STUDY is a TOML file that says which; without one the default study runs.
    """
    with told(output, stopped=f"What is done is in {output}; the same command goes on from there."):
        from overica.compare.command import run_compare

        for line in run_compare(study, output, jobs=jobs, fresh=fresh, quick=quick):
            click.echo(line)
