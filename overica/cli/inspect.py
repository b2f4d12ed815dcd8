"""``overica inspect``: what a folder holds."""

from pathlib import Path

import click

from overica.cli._errors import told


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def inspect(path: Path) -> None:
    """Say what dictionary a folder holds: whose format, of what shape, where from.

    PATH is a folder that overica, SAELens, dictionary_learning, sparsify or Gemma Scope has written.
    """
    with told():
        from overica.formats import inspect as look

        for name, value in look(path).items():
            click.echo(f"{name}: {value}")
