"""Options that take several values, separated by commas."""

import math
import re
import tomllib

import click


class Numbers(click.ParamType):
    """Numbers separated by commas, as an ascending tuple; each from `low` to `high`."""

    name = "numbers"

    def __init__(self, low: float = -math.inf, high: float = math.inf) -> None:
        self.low, self.high = low, high

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """See `click.ParamType.convert`."""
        if isinstance(value, tuple):
            return value
        try:
            found = tuple(sorted({float(part) for part in str(value).split(",")}))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 1,2,4", param, ctx)
        if not all(self.low <= number <= self.high for number in found):
            self.fail(f"{value!r} must lie between {self.low:g} and {self.high:g}", param, ctx)
        return found


class Entries(click.ParamType):
    """Names and inline tables of TOML, separated by commas, as a tuple of strings and dicts."""

    name = "entries"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[object, ...]:
        """See `click.ParamType.convert`."""
        if isinstance(value, tuple):
            return value
        # A bare name is no TOML: outside of tables, names are put in quotes.
        depth, text = 0, ""
        for part in re.split(r"([{}])", str(value)):
            depth += {"{": 1, "}": -1}.get(part, 0)
            text += part if depth or part == "}" else re.sub(r"[^\s,\"']+", r'"\g<0>"', part)
        try:
            found = tomllib.loads(f"entries = [{text}]")["entries"]
        except tomllib.TOMLDecodeError as error:
            self.fail(f"{value!r} is not a list of names and tables: {error}", param, ctx)
        if not found:
            self.fail(f"{value!r} names nothing", param, ctx)
        return tuple(found)
