"""Options that take several values, separated by commas."""

import math

import click


class Words(click.ParamType):
    """Words separated by commas, as a tuple."""

    name = "words"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """See `click.ParamType.convert`."""
        if isinstance(value, tuple):
            return value
        found = tuple(part.strip() for part in str(value).split(",") if part.strip())
        if not found:
            self.fail(f"{value!r} names nothing", param, ctx)
        return found


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
