"""A command that has commands: ``overica features ACTIVATIONS`` beside ``overica features show FOLDER``."""

import click


class DefaultGroup(click.Group):
    """A group whose command `run` is meant where none is named; its help is that of `run`, with the others after it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A first word that names no command belongs to `run`."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    @property
    def examples(self) -> tuple[str, ...]:
        """Those of `run`."""
        found: tuple[str, ...] = getattr(self.commands["run"], "examples", ())
        return found

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help of `run`, and what other commands there are."""
        self.commands["run"].format_help(ctx, formatter)
        self.format_commands(ctx, formatter)
