"""``overica demo``: an overcomplete basis of photographs, and its pictures."""

from pathlib import Path

import click

from overica.cli._command import command
from overica.cli._errors import told


@command(examples=("overica demo --quick", "overica demo -o pictures"))
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("overica-demo"),
    help="Folder for the pictures; made if missing.",
)
@click.option("--quick", is_flag=True, help="A few thousand small patches: seconds, rougher.")
def demo(output: Path, quick: bool) -> None:
    """Learn a 2x overcomplete basis of photographs and draw it."""
    with told(f"Learning a basis of photographs, for pictures in {output}", output):
        from overica.demo import QUICK, STANDARD, run_demo

        report = run_demo(output, QUICK if quick else STANDARD)
        click.echo(report.text())
