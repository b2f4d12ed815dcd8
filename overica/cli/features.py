"""``overica features``: ICA beside sparse autoencoders on the activations of a transformer."""

from pathlib import Path
from typing import Any

import click

from overica.cli._errors import told
from overica.cli._lists import Entries, Numbers


@click.command()
@click.argument(
    "activations", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("overica-features"),
    show_default=True,
    help="Folder for results and pages; made if missing. A second call goes on where the first ended.",
)
@click.option(
    "--study",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with the settings of the study; options go before it.",
)
@click.option(
    "--methods",
    type=Entries(),
    help="Comma-separated names or tables, as ica,{name='ica',label='white',whiten=true},topk. All autoencoders, "
    "baselines and kinds of ICA.  [default: ica,ica_nonnegative,relu,batchtopk,matryoshka]",
)
@click.option(
    "--widths", type=Numbers(), help="Features per dimension, comma-separated.  [default: 2,4,8]"
)
@click.option(
    "--active",
    type=Numbers(),
    help="Active features per token, comma-separated.  [default: 10,20,40]",
)
@click.option("--seeds", "n_seeds", type=int, help="Fits of each method.  [default: 2]")
@click.option("--steps", "n_steps", type=int, help="Of the autoencoders.  [default: 1000]")
@click.option("--ica-steps", type=int, help="Of ICA.  [default: 150]")
@click.option(
    "--full-width", type=float, help="Wider fits have one seed and the middle level.  [default: 4]"
)
@click.option("--jobs", "n_jobs", type=int, help="Fits at a time; -1 is one per processor.")
@click.option("--quick", is_flag=True, help="The narrowest width, one level, few steps.")
@click.option("--fresh", is_flag=True, help="Run everything anew.")
def features(activations: Path | None, output: Path, **options: Any) -> None:
    """Find features in activations by ICA and by sparse autoencoders, and write pages of them.

    ACTIVATIONS is a folder of `overica activations`; if it is not given, the one that the study names, or
    overica-activations.
    """
    with told(output, stopped=f"What is done is in {output}; the same command goes on from there."):
        from overica.lm.study.features_command import run_features

        folder = None if activations is None else str(activations)
        for line in run_features(output, activations=folder, **options):
            click.echo(line)
