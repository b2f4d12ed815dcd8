"""What JSON files beside foreign activations say of where they are from."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overica.lm.store.place import site_of
from overica.lm.store.token_text import marks_pieces, vocabulary_of
from overica.persistence import read_json

FILES = ("metadata.json", "config.json", "cfg.json", "cache_activations_runner_cfg.json")
_WORDS: dict[str, tuple[str, ...]] = {
    "model": ("model_name", "model", "model_name_or_path", "llm_name"),
    "tokenizer": ("tokenizer", "tokenizer_name"),
    "hook": ("hook_name", "hook", "hook_point", "module", "submodule_name"),
    "layer": ("hook_layer", "layer", "hook_point_layer"),
    "context": ("context_size", "context", "ctx_len", "context_length"),
}
"""What each fact is called by others, the first that is there is taken."""


def facts_of(folder: Path, key: str) -> dict[str, Any]:
    """`model`, `tokenizer`, `hook`, `layer` and `context`, None where nobody says; an array named like a hook is one.

    Raises
    ------
    ValueError
        If one of the files is damaged.
    """
    told: dict[str, Any] = {}
    for name in FILES:
        if (folder / name).is_file():
            found = read_json(folder / name)
            told = {**(found if isinstance(found, dict) else {}), **told}
    found = {
        fact: next((told[word] for word in words if told.get(word) is not None), None)
        for fact, words in _WORDS.items()
    }
    if found["hook"] is None and "." in key:
        found["hook"] = key
    model, hook, layer = (found[name] for name in ("model", "hook", "layer"))
    words = {
        "model": model if isinstance(model, str) else None,
        "hook": hook if isinstance(hook, str) else None,
        "layer": layer if isinstance(layer, int) else None,
    }
    return found | words | (site_of(hook) if isinstance(hook, str) else {})


def texts_of(known: Mapping[str, Any]) -> Vocabulary | None:
    """Texts of token ids by the tokenizer that is named, if it is on this machine."""
    name = known.get("tokenizer") or known.get("model")
    return _vocabulary(str(name)) if name else None


class Vocabulary(list[str]):
    """Texts of token ids, and whether they are word pieces."""

    word_pieces: bool = False


@functools.lru_cache(maxsize=2)
def _vocabulary(name: str) -> Vocabulary | None:
    try:
        from overica.lm.collecting.hub import fetch

        _, tokenizer = fetch(name, local_files_only=True)
    except (ImportError, OSError, ValueError):
        return None
    found = Vocabulary(vocabulary_of(tokenizer))
    found.word_pieces = marks_pieces(tokenizer)
    return found
