"""Pieces of sentences: shares, lists, capitals."""

from __future__ import annotations

from collections.abc import Sequence


def percent(value: float) -> str:
    """A share in per cent, with a decimal where it is small and needs one.

    Examples
    --------
    >>> percent(0.934), percent(0.0123), percent(0.02)
    ('93 %', '1.2 %', '2 %')
    """
    share = 100 * value
    whole = abs(share - round(share)) < 0.05 or share >= 10
    return f"{share:.0f} %" if whole else f"{share:.1f} %"


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


def capital(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def unbroken(text: str) -> str:
    """With per cent signs that stay on the line of their number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
