"""Where a dictionary is from: whose files, of which model, read at which of its modules."""

from __future__ import annotations

import re
from typing import Any

_LAYER = re.compile(r"(?:^|[._/])(?:blocks|layers|layer|h)[._](\d+)(?:\D|$)")


def source(
    format: str,
    path: str,
    architecture: str,
    *,
    model: Any = None,
    hook: Any = None,
    layer: Any = None,
) -> dict[str, Any]:
    """What `source_` of a loaded estimator says; words and numbers that JSON can hold.

    Parameters
    ----------
    format : str
        A name in `overica.formats.FORMATS`.
    path : str
    architecture : str
        What its authors call it.
    model, hook : str or None
        The language model, and the module of it whose activations it describes.
    layer : int or None
        None: read off `hook`.

    Examples
    --------
    >>> source("saelens", "sae", "topk", model="gpt2", hook="blocks.8.hook_resid_pre")["layer"]
    8
    """
    hook = str(hook) if isinstance(hook, str) and hook else None
    if not isinstance(layer, int) or isinstance(layer, bool):
        found = _LAYER.search(hook) if hook else None
        layer = int(found[1]) if found else None
    return {
        "format": format,
        "path": path,
        "architecture": architecture,
        "model": str(model) if isinstance(model, str) and model else None,
        "hook": hook,
        "layer": layer,
    }


def words(source: dict[str, Any]) -> str:
    """A source in a few words.

    Examples
    --------
    >>> words(source("sparsify", "sae", "topk", model="pythia-70m", hook="layers.3.mlp"))
    'sparsify topk of pythia-70m at layers.3.mlp'
    """
    text = f"{source['format']} {source['architecture']}"
    if source["model"]:
        text += f" of {source['model']}"
    if source["hook"]:
        text += f" at {source['hook']}"
    elif source["layer"] is not None:
        text += f" at layer {source['layer']}"
    return text
