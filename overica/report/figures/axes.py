"""Scales and the frame that a figure is drawn in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from overica.report.figures.svg import element, join
from overica.report.numbers import short

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Linear:
    """Values mapped in proportion."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`; values beyond are put on the edge."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Between three and six round values.

        Examples
        --------
        >>> Linear(0.0, 1.0).ticks()
        [0.0, 0.25, 0.5, 0.75, 1.0]
        """
        rough = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(rough))
        # A hair of slack, since .25 / .1 is not always 2.5.
        step = next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


@dataclass(frozen=True)
class Logarithmic:
    """Positive values mapped by their logarithm."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`; values beyond are put on the edge."""
        if value <= self.low:
            return 0.0
        return min(math.log(value / self.low) / math.log(self.high / self.low), 1.0)

    def ticks(self) -> list[float]:
        """Powers of two, fewer where they would crowd; 1.5 times them between, if few.

        Examples
        --------
        >>> Logarithmic(0.9, 17.0).ticks()
        [1.0, 2.0, 4.0, 8.0, 16.0]
        >>> Logarithmic(0.9, 4.1).ticks()
        [1.0, 1.5, 2.0, 3.0, 4.0]
        """
        first, last = math.floor(math.log2(self.low)), math.floor(math.log2(self.high))
        stride = 1 + (last - first) // 8
        powers = [2.0**i for i in range(first, last + 1, stride)]
        if self.high < 12 * self.low:
            powers = sorted(powers + [1.5 * power for power in powers])
        return [power for power in powers if self.low <= power <= self.high]


def logarithmic_around(values: Sequence[float]) -> Logarithmic:
    """A logarithmic scale that holds all positive values, at least two octaves wide."""
    positive = [value for value in values if math.isfinite(value) and value > 0] or [1.0]
    low, high = min(positive) / 1.15, max(positive) * 1.15
    if high < 4 * low:
        middle = math.sqrt(low * high)
        low, high = middle / 2, 2 * middle
    return Logarithmic(low, high)


@dataclass(frozen=True)
class Frame:
    """The rectangle between the axes, in units of the viewBox."""

    left: float
    top: float
    right: float
    bottom: float
    x: Linear | Logarithmic
    y: Linear | Logarithmic

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of values is drawn."""
        return (
            self.left + self.x.share(x) * (self.right - self.left),
            self.bottom - self.y.share(y) * (self.bottom - self.top),
        )

    def draw(self, x_label: str, y_label: str) -> Markup:
        """Grid, tick labels and the names of the axes; the vertical one stands on top."""
        parts = []
        for tick in self.y.ticks():
            _, y = self.at(self.x.low, tick)
            parts.append(element("path", d=_horizontal(self.left, self.right, y), class_="grid"))
            parts.append(_text(self.left - 6, y + 4, tick_label(tick), "tick", "end"))
        for tick in self.x.ticks():
            x, _ = self.at(tick, self.y.low)
            parts.append(
                element("path", d=_vertical(x, self.bottom, self.bottom + 4), class_="axis")
            )
            parts.append(_text(x, self.bottom + 17, tick_label(tick), "tick", "middle"))
        parts.append(
            element("path", d=_horizontal(self.left, self.right, self.bottom), class_="axis")
        )
        parts.append(_text(0, self.top - 24, y_label, "label", None))
        parts.append(_text(self.right, self.bottom + 34, x_label, "label", "end"))
        return join(parts)

    def across(self, y: float, label: str) -> Markup:
        """A dashed line at a value of the vertical axis."""
        _, height = self.at(self.x.low, y)
        line = element("path", d=_horizontal(self.left, self.right, height), class_="reference")
        return line + _text(self.right, height - 4, label, "remark", "end")

    def upright(self, x: float, label: str) -> Markup:
        """A dashed line at a value of the horizontal axis."""
        place, _ = self.at(x, self.y.low)
        line = element("path", d=_vertical(place, self.top, self.bottom), class_="reference")
        # Above the frame, on the side where there is room.
        leftward = place > (self.left + self.right) / 2
        return line + _text(
            place,
            self.top - 9,
            label,
            "remark",
            "end" if leftward else None,
        )


def tick_label(value: float) -> str:
    """Return a tick's value without needless zeros.

    Examples
    --------
    >>> tick_label(0.25), tick_label(0.0), tick_label(16.0), tick_label(-0.5)
    ('.25', '0', '16', '−.5')
    """
    if value == round(value):
        return short(value, 0)
    text = f"{abs(value):.3g}".replace("0.", ".", 1)
    return f"−{text}" if value < 0 else text


def _text(x: float, y: float, text: str, class_: str, anchor: str | None) -> Markup:
    return element("text", text, x=x, y=y, class_=class_, text_anchor=anchor)


def _horizontal(start: float, stop: float, y: float) -> str:
    return f"M{start:.1f} {y:.1f}H{stop:.1f}"


def _vertical(x: float, start: float, stop: float) -> str:
    return f"M{x:.1f} {start:.1f}V{stop:.1f}"
