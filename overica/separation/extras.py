"""Packages of the extra ``audio``, imported when they are needed."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

_ADVICE = "pip install 'overica[audio]'"


def import_extra(name: str) -> ModuleType:
    """The module of the extra ``audio`` with that name.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.

    Examples
    --------
    >>> import_extra("not_installed")
    Traceback (most recent call last):
    ...
    ImportError: this needs the package not_installed: pip install 'overica[audio]'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(f"this needs the package {name}: {_ADVICE}") from None


def import_museval_metrics() -> ModuleType:
    """museval's own file of metrics, which needs numpy and scipy alone.

    Importing the package would import a reader of its video container, which refuses to be imported on a machine
    without the program ffmpeg; nothing here reads such files.

    Raises
    ------
    ImportError
        If museval is not installed.
    """
    spec = importlib.util.find_spec("museval")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"this needs the package museval: {_ADVICE}")
    path = Path(spec.submodule_search_locations[0]) / "metrics.py"
    found = importlib.util.spec_from_file_location("museval_metrics", path)
    if found is None or found.loader is None or not path.exists():
        raise ImportError(f"museval has no file metrics.py: {_ADVICE}")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
