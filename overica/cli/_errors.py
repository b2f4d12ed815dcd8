"""What goes wrong in a command, told in one line."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def told() -> Iterator[None]:
    """Say errors of input, files and missing extras as click does, and warnings at once on one line each.

    Any other error is a mistake of the program and keeps its traceback.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _show  # type: ignore[assignment]
        try:
            yield
        except (ValueError, OSError, ImportError) as error:
            raise click.ClickException(str(error)) from error


def _show(message: Warning | str, *_place: object) -> None:
    click.echo(f"Warning: {message}", err=True)
