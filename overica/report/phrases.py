"""Pieces of sentences: shares, lists, capitals."""

from __future__ import annotations

from collections.abc import Sequence


def percent(value: float, signed: bool = False) -> str:
    """A share in per cent, to two digits, and with a sign if it is a difference.

    Examples
    --------
    >>> percent(0.934), percent(0.0123), percent(0.02), percent(-0.17, signed=True)
    ('93 %', '1.2 %', '2 %', '−17 %')
    """
    share = abs(100 * value)
    text = f"{share:.0f} %" if share >= 9.95 else f"{round(share, 2):.2g} %"
    sign = "" if float(text[:-2]) == 0 else "−" if value < 0 else "+" * signed
    return sign + text


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(n: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "data set"), counted(2, "data set")
    ('1 data set', '2 data sets')
    """
    return f"{n} {noun}{'s' * (n != 1)}"


def failed(n: int) -> str:
    """Cells that failed, and are to be said more of.

    Examples
    --------
    >>> failed(1), failed(2)
    ('1 cell failed and is', '2 cells failed and are')
    """
    return f"{counted(n, 'cell')} failed and {'is' if n == 1 else 'are'}"


def capital(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def unbroken(text: str) -> str:
    """With per cent signs that stay on the line of their number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
