"""Where in which model activations were read: in words, and as other tools call it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLACES: dict[str, str] = {
    "residual": "layer {layer}",
    "mlp": "the MLP of block {layer}",
    "attention": "attention of block {layer}",
    "module": "{module}",
}
_HOOKS: dict[str, tuple[str, int]] = {
    "resid_pre": ("residual", 0),
    "resid_post": ("residual", 1),
    "mlp_out": ("mlp", 0),
    "attn_out": ("attention", 0),
}
"""By TransformerLens's word the site, and what is added to the number of its block."""
_HOOK = re.compile(r"blocks\.(\d+)\.hook_(\w+)")


def place_of(known: Mapping[str, Any]) -> str:
    """A store's metadata in a few words, for sentences.

    Examples
    --------
    >>> from overica.lm.store.place import place_of
    >>> place_of({"model": "gpt2", "layer": 8})
    'gpt2 at layer 8'
    >>> place_of({"model": "gpt2", "layer": 8, "site": "mlp"})
    'gpt2 at the MLP of block 8'
    >>> place_of({})
    'an unnamed model'
    """
    name = str(known.get("model") or "an unnamed model")
    if known.get("layer") is not None or known.get("module"):
        return f"{name} at {_PLACES[known.get('site') or 'residual'].format_map(dict(known))}"
    return f"{name} at {known['hook']}" if known.get("hook") else name


def site_of(hook: str) -> dict[str, Any]:
    """Site and layer of a hook of TransformerLens; of any other name, the module of that name.

    Examples
    --------
    >>> from overica.lm.store.place import site_of
    >>> site_of("blocks.8.hook_resid_post")
    {'site': 'residual', 'layer': 9, 'module': None}
    >>> site_of("transformer.h.8.mlp")
    {'site': 'module', 'layer': None, 'module': 'transformer.h.8.mlp'}
    """
    found = _HOOK.fullmatch(hook)
    if found is None or found[2] not in _HOOKS:
        return {"site": "module", "layer": None, "module": hook}
    site, more = _HOOKS[found[2]]
    return {"site": site, "layer": int(found[1]) + more, "module": None}
