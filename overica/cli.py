"""The command line: ``overica compare``, ``overica demo`` and ``overica --version``."""

from pathlib import Path

import click

from overica._version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="overica", message="%(prog)s %(version)s")
def main() -> None:
    """Overcomplete independent component analysis."""


@main.command()
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
    # Imported here, so that --help and --version need not wait for torch.
    from overica.compare.command import run_compare

    for line in run_compare(study, output, jobs=jobs, fresh=fresh, quick=quick):
        click.echo(line)


@main.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("overica-demo"),
    show_default=True,
    help="Folder for the pictures; made if missing.",
)
@click.option("--quick", is_flag=True, help="A few thousand small patches: seconds, rougher.")
def demo(output: Path, quick: bool) -> None:
    """Learn a 2x overcomplete basis of photographs and draw it."""
    # Imported here, so that --help and --version need not wait for torch.
    from overica.demo import QUICK, STANDARD, run_demo

    output.mkdir(parents=True, exist_ok=True)
    report = run_demo(output, QUICK if quick else STANDARD)
    click.echo(report.text())
