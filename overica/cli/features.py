"""``overica features``: ICA beside sparse autoencoders on the activations of a transformer."""

from pathlib import Path
from typing import Any

import click

from overica.cli._command import command
from overica.cli._lists import Entries, Numbers
from overica.cli._study import run_study, study_options


@command(
    examples=(
        "overica features acts --quick",
        "overica features acts --methods ica,rica,topk --jobs 4 -o features",
        "overica features --study study.toml -o features",
    ),
    sections={
        "What is fitted": "methods widths full_width active n_seeds n_steps ica_steps",
        "What is read": "study array",
        "The run": "output jobs fresh quick",
    },
)
@click.argument("activations", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--study",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with the settings of the study; options go before it.",
)
@click.option(
    "--array", metavar="NAME", help="Which array, where files of another tool hold several."
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
@study_options("overica-features", "The narrowest width, one level, few steps.")
def features(
    activations: Path | None,
    study: Path | None,
    output: Path,
    n_steps: int | None,
    ica_steps: int | None,
    **options: Any,
) -> None:
    """Find features in activations by ICA and by sparse autoencoders, and write pages of them.

    ACTIVATIONS is a folder of `overica activations`, or of .npy, .safetensors, .pt or .arrow files of another tool; if
    it is not given, the one that the study names, or overica-activations.
    """
    run_study(
        "activations",
        study,
        output,
        activations=None if activations is None else str(activations),
        sae=None if n_steps is None else {"n_steps": n_steps},
        ica=None if ica_steps is None else {"max_iter": ica_steps},
        **options,
    )
