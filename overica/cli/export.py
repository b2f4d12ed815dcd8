"""``overica export``: a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from overica.cli._command import command
from overica.cli._errors import told
from overica.cli._known import EXPORT_FORMATS

if TYPE_CHECKING:
    from overica.lm import Activations


@command(
    examples=(
        "overica export autoencoder -o exported",
        "overica export ica --samples acts -o exported",
        "overica export ica --format safetensors -o arrays",
    ),
    sections={"What is written": "output format", "What it is of": "samples model_name hook layer"},
)
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the files; made if missing. It may hold an earlier export, and nothing else.",
)
@click.option(
    "--format",
    type=click.Choice(EXPORT_FORMATS),
    default=EXPORT_FORMATS[0],
    help="What SAELens loads, or arrays and JSON for any program.",
)
@click.option(
    "--samples",
    type=click.Path(exists=True, path_type=Path),
    help="Activations, of `overica activations` or another tool: what an encoder for ICA is fitted to, and where from.",
)
@click.option(
    "--model-name", help="The language model, such as gpt2.  [default: that of --samples]"
)
@click.option(
    "--hook", help="Its module, such as blocks.8.hook_resid_pre.  [default: that of --samples]"
)
@click.option("--layer", type=int, help="Its layer; read off --hook if it is not given.")
def export(
    model: Path,
    output: Path,
    format: str,
    samples: Path | None,
    model_name: str | None,
    hook: str | None,
    layer: int | None,
) -> None:
    """Write a model for other programs.

    MODEL is a folder that overica, SAELens, dictionary_learning, sparsify or Gemma Scope has written. ICA finds its
    codes by optimisation; for SAELens an encoder is fitted to them, and what that loses is told.
    """
    with told(f"Writing {model} for other programs, to {output}", output):
        from overica.formats.exporting import convert

        X = None if samples is None else _samples(samples)
        click.echo(
            convert(
                model, output, format=format, X=X, model_name=model_name, hook=hook, layer=layer
            )
        )


def _samples(path: Path) -> Activations:
    """A folder or file of activations."""
    from overica.lm import open_store

    return open_store(path)
