"""Packages of the extra ``audio``, imported when they are needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from overica._extras import missing


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
        raise missing("museval")
    path = Path(spec.submodule_search_locations[0]) / "metrics.py"
    found = importlib.util.spec_from_file_location("museval_metrics", path)
    if found is None or found.loader is None or not path.exists():
        raise ImportError(f"museval, in {path.parent}, has no file metrics.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
