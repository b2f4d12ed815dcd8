"""``overica features show``: the features of a text of one's own."""

import sys
from pathlib import Path

import click

from overica.cli._command import command
from overica.cli._errors import told
from overica.cli._groups import DefaultGroup
from overica.cli.features import features as study


@command(
    examples=(
        'overica features show features --text "Sorts the array in ascending order."',
        "overica features show features --text - -o page.html < text.txt",
    ),
    sections={"What is shown": "text run top output", "The model": "model device"},
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--text", required=True, help="What to look at; - reads it from the standard input.")
@click.option("--run", help="Which fit, by the name of its folder.  [default: the first]")
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=5,
    help="Features told at each token.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a page of it to this file.",
)
@click.option(
    "--model",
    metavar="PATH_OR_NAME",
    help="Where the model is now.  [default: where it was when the activations were collected]",
)
@click.option("--device", default="auto", help="Torch device.")
def show(
    folder: Path,
    text: str,
    run: str | None,
    top: int,
    output: Path | None,
    model: str | None,
    device: str,
) -> None:
    """Show which features fire at which tokens of a text of your own.

    FOLDER is what `overica features ACTIVATIONS -o FOLDER` wrote.
    """
    with told(f"Looking for features of {folder} in the text"):
        from overica.lm.features.show import run_show
        from overica.persistence import check_output_file

        if output is not None:
            check_output_file(output)
        if text == "-":
            text = sys.stdin.read()
        for line in run_show(
            folder, text, page=output, top=top, run=run, model=model, device=device
        ):
            click.echo(line)


features = DefaultGroup("features", help=study.help, commands={"run": study, "show": show})
"""``overica features ACTIVATIONS`` is ``overica features run ACTIVATIONS``."""
