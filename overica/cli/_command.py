"""How a command is told about: its examples, its options by subject, and the table of contents of all commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

_REST = "Options"


class Command(click.Command):
    """A command whose help has examples, and its options by subject.

    Parameters
    ----------
    *args, **kwargs
        Of `click.Command`.
    examples : sequence of str
        Command lines, the most usual first.
    sections : mapping of str to str
        Headings, each with the names of the parameters below it, parted by spaces; the others come last.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        sections: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.sections = {
            heading: tuple(names.split()) for heading, names in (sections or {}).items()
        }

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description, and examples that can be copied: they are not wrapped."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings."""
        rows: dict[str, list[tuple[str, str]]] = {
            heading: [] for heading in (*self.sections, _REST)
        }
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            # Arguments are told of in the description.
            if record is not None and isinstance(param, click.Option):
                rows[self.heading(str(param.name))].append(record)
        for heading, records in rows.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def heading(self, name: str) -> str:
        """Where a parameter stands."""
        return next((head for head, names in self.sections.items() if name in names), _REST)


command = partial(click.command, cls=Command)
"""`click.command`, of a `Command`."""


class Contents(click.Group):
    """A group whose help reads like a table of contents: commands by subject, each with an example.

    Parameters
    ----------
    *args, **kwargs
        Of `click.Group`.
    chapters : mapping of str to sequence of str
        Headings, each with commands; one of a command's own is named after it, as in ``features show``.
    """

    def __init__(self, *args: Any, chapters: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chapters = chapters

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the chapters."""
        width = max(len(name) for names in self.chapters.values() for name in names) + 2
        for heading, names in self.chapters.items():
            with formatter.section(heading):
                for name in names:
                    found = self.find(name)
                    indent = " " * formatter.current_indent
                    formatter.write(f"{indent}{name:{width}}{found.get_short_help_str(120)}\n")
                    for example in getattr(found, "examples", ())[:1]:
                        formatter.write(f"{indent}{'':{width}}{example}\n")

    def find(self, path: str) -> click.Command:
        """A command by its path."""
        found: click.Command = self
        for name in path.split():
            assert isinstance(found, click.Group)
            found = found.commands[name]
        return found
