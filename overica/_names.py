"""Names that a package hands out: some imported when they are first asked for, some that have moved."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def handed_out(
    package: str, later: Mapping[str, str] | None = None, moved: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """A ``__getattr__`` for a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    later : mapping of str to str, optional
        Module of each name that nobody need wait for who does not use it; a module of the package by its own name.
    moved : mapping of str to str, optional
        Module in which each name is now that was here before: it goes on working, with a FutureWarning.

    Returns
    -------
    function
        Of a name, which raises AttributeError where it is neither.

    Examples
    --------
    >>> find = handed_out("overica.coding", moved={"Laplace": "overica.priors"})
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     print(find("Laplace")())
    Laplace(scale=1.0)
    >>> print(caught[0].message)
    overica.coding.Laplace is now overica.priors.Laplace
    """
    later, moved = later or {}, moved or {}

    def find(name: str) -> Any:
        if name in moved:
            warnings.warn(
                f"{package}.{name} is now {moved[name]}.{name}", FutureWarning, stacklevel=2
            )
            return getattr(import_module(moved[name]), name)
        if name not in later:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(later[name])
        value = home if home.__name__ == f"{package}.{name}" else getattr(home, name)
        setattr(sys.modules[package], name, value)
        return value

    return find
