"""Names that were, kept alive for the programs that use them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def renamed_keyword(old: str, new: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: the keyword `old` does what `new` does, with a warning.

    Raises
    ------
    TypeError
        When the function is called with both.

    Examples
    --------
    >>> import warnings
    >>> @renamed_keyword("signed", "nonnegative")
    ... def double(x, nonnegative=False):
    ...     return 2 * max(x, 0) if nonnegative else 2 * x
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     print(double(-1, signed=True))
    0
    >>> print(caught[0].category.__name__, caught[0].message, sep=": ")
    FutureWarning: the keyword `signed` of double is now called `nonnegative`
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def renamed(*args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(
                        f"{function.__name__} takes `{new}`, or `{old}` as it was called, not both"
                    )
                warnings.warn(
                    f"the keyword `{old}` of {function.__name__} is now called `{new}`",
                    FutureWarning,
                    stacklevel=2,
                )
                renamed_kwargs: dict[str, Any] = {new: kwargs.pop(old), **kwargs}
                return function(*args, **renamed_kwargs)
            return function(*args, **kwargs)

        return renamed

    return decorate
