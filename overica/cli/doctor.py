"""``overica doctor``: what is installed here, and whether it works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from overica.cli._command import command
from overica.cli._errors import told


@command(examples=("overica doctor", "overica doctor --json > doctor.json"))
@click.option("--json", "as_json", is_flag=True, help="One object of JSON, for a report of a bug.")
def doctor(as_json: bool) -> None:
    """Say what is installed here, and whether it works.

    Versions, compiled kernels, threads, memory, devices, optional parts with the line that installs them, folders that
    can be written, and a fit of a second. Nothing is sent anywhere, and nothing is left behind.

    Ends with 0 if the fit is right and its codes are certified, else with 1.
    """
    with told("Looking at this installation"):
        from overica.doctor import examine

        facts: dict[str, Any] = {}
        for name, found in examine():
            facts[name] = found
            if not as_json:
                click.echo(f"{name}")
                for line in lines(found):
                    click.echo(f"  {line}")
        if as_json:
            import json

            click.echo(json.dumps(facts, indent=2))
    if not facts["self-test"].get("passed"):
        raise click.exceptions.Exit(1)


def lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """A group of facts, a line each."""
    for name, value in facts.items():
        if isinstance(value, Mapping) and "install" in value:
            yield f"{name}: {'installed' if value['installed'] else value['install']}"
        elif isinstance(value, Mapping) and "writable" in value:
            yield f"{name}: {value['path']}{'' if value['writable'] else ', NOT writable'}"
        elif isinstance(value, Mapping):
            yield f"{name}: {', '.join(f'{key}={each}' for key, each in value.items()) or 'none'}"
        elif isinstance(value, list):
            yield f"{name}: {', '.join(map(str, value)) or 'none'}"
        elif value is None:
            yield f"{name}: none"
        elif isinstance(value, bool):
            yield f"{name}: {'yes' if value else 'no'}"
        else:
            yield f"{name}: {value}"
