"""Numbers as the report prints them: short, of even width, and a dash for what is not there."""

import math

MISSING = "–"
_MINUS = "−"
_STEPS = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]


def short(value: float, digits: int = 2) -> str:
    """Return a figure with a fixed number of decimals, fewer where it is large.

    Examples
    --------
    >>> short(0.9734), short(-0.5), short(float("nan")), short(31.96), short(1234.5)
    ('0.97', '−0.50', '–', '32.0', '1234')
    """
    if not math.isfinite(value):
        return MISSING
    size = abs(value)
    places = digits if size < 10 else digits - 1 if size < 100 else 0
    text = f"{size:.{max(places, 0)}f}"
    negative = value < 0 and float(text) != 0
    return _MINUS + text if negative else text


def seconds(value: float) -> str:
    """Return a duration in the unit that suits it.

    Examples
    --------
    >>> seconds(0.0312), seconds(4.21), seconds(75.2), seconds(float("nan"))
    ('31 ms', '4.2 s', '75 s', '–')
    """
    if not math.isfinite(value):
        return MISSING
    if value < 1:
        return f"{1e3 * value:.0f} ms"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def count(value: float) -> str:
    """Return a large count with the prefix that suits it.

    Examples
    --------
    >>> count(1.23e9), count(45600.0), count(12.0), count(float("nan"))
    ('1.2 G', '45.6 k', '12', '–')
    """
    if not math.isfinite(value):
        return MISSING
    for step, prefix in _STEPS:
        if abs(value) >= step:
            return f"{value / step:.1f} {prefix}"
    return f"{value:.0f}"
