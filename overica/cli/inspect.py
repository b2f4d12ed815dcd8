"""``overica inspect``: what a folder holds, a dictionary or activations."""

from pathlib import Path

import click

from overica.cli._command import command
from overica.cli._errors import told


@command(examples=("overica inspect run1", "overica inspect downloads/acts --array states"))
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--array", metavar="NAME", help="Which array, where files of activations hold several."
)
def inspect(path: Path, array: str | None) -> None:
    """Say what a folder holds: whose format, of what shape, where from.

    PATH is a dictionary that overica, SAELens, dictionary_learning, sparsify or Gemma Scope has written, or activations
    of `overica activations` or of another tool.
    """
    with told(f"Looking at {path}"):
        from overica.formats import inspect as look
        from overica.formats.loading import is_dictionary

        dictionary = array is None and is_dictionary(path)
        facts = look(path) if dictionary else _of_activations(path, array)
        for name, value in facts.items():
            click.echo(f"{name}: {value}")


def _of_activations(path: Path, array: str | None) -> dict[str, object]:
    """What a store says of itself; what it is neither is told by both."""
    from overica.formats.loading import recognise
    from overica.lm import open_store

    try:
        return open_store(path, array).described()
    except FileNotFoundError as error:
        try:
            recognise(path)
        except FileNotFoundError as other:
            raise FileNotFoundError(f"{other}; or activations: {error}") from None
        raise
