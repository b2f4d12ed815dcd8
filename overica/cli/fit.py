"""``overica fit``: one model of activations on disk, by one process or many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overica.cli._command import command
from overica.cli._errors import is_first, told
from overica.cli._known import METHODS, PRIORS, TRAINING_PRECISIONS, Known


@command(
    examples=(
        "overica fit acts/ --method ica --components 6144 --prior exponential -o run1",
        "overica fit a.npy b.npy -m batchtopk -n 16384 --n-active 32 --steps 20000 -o run2",
        "torchrun --nproc-per-node 8 -m overica fit acts/ -m ica -n 65536 -o run1",
    ),
    sections={
        "The model": "method n_components n_active prior words",
        "Learning": "steps batch_size seed device precision compile",
        "Files": "output checkpoint_every array",
    },
)
@click.argument(
    "data", nargs=-1, required=True, metavar="DATA...", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "-m",
    "--method",
    required=True,
    type=Known(METHODS, "method"),
    metavar="NAME",
    help=f"One of {', '.join(METHODS)}.",
)
@click.option(
    "-n", "--components", "n_components", type=click.IntRange(min=1), required=True,
    help="Features to learn.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the model; made if missing. After a kill the same command goes on from there.",
)
@click.option("--n-active", type=float, help="Active features per sample, for autoencoders.")
@click.option("--prior", type=Known(PRIORS, "prior"), help="Of ICA's sources.  [default: auto]")
@click.option("--steps", type=click.IntRange(min=1), help="Of a run.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples a step, over all ranks.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Same seed, same answer.")
@click.option("--device", help="Torch device; each rank of a machine takes a GPU of its own.")
@click.option(
    "--precision",
    type=click.Choice(TRAINING_PRECISIONS),
    help="Of an autoencoder's products.  [default: float32]",
)
@click.option("--compile", is_flag=True, default=None, help="Train by torch's compiler.")
@click.option(
    "--checkpoint-every", type=click.FloatRange(min=0),
    help="Seconds between two times of writing.  [default: 60]",
)  # fmt: skip
@click.option("--array", metavar="NAME", help="Which array, where files hold several.")
@click.option(
    "--set", "words", multiple=True, metavar="NAME=VALUE",
    help="Any other parameter of the method's class, as whiten=true; may be repeated.",
)  # fmt: skip
def fit(data: tuple[Path, ...], output: Path, **options: Any) -> None:
    """Fit one model to activations on disk.

    DATA is a folder of `overica activations`, or files or a folder of another tool (.npy, .safetensors, .pt);
    several are one matrix. Started by torchrun, all processes fit one model: each takes its share of every batch.
    Killed at any moment, the same command goes on, also with another number of processes. overica.load reads the
    folder.
    """
    first = is_first()
    saying = f"Fitting {options['method']} to {' '.join(map(str, data))}"
    going_on = f"What is done is in {output}; the same command goes on from there."
    with told(saying, output if first else None, stopped=going_on):
        from overica.distributed import together
        from overica.fits.running import run_fit

        with together():
            for line in run_fit(data, output, **options):
                if first:
                    click.echo(line)
