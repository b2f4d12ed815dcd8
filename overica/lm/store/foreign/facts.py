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
_WORDS: dict[str, tuple[type, tuple[str, ...]]] = {
    "model": (str, ("model_name", "model", "model_name_or_path", "llm_name")),
    "tokenizer": (str, ("tokenizer", "tokenizer_name")),
    "hook": (str, ("hook_name", "hook", "hook_point", "module", "submodule_name")),
    "layer": (int, ("hook_layer", "layer", "hook_point_layer")),
    "context": (int, ("context_size", "context", "ctx_len", "context_length")),
}
"""What each fact is, and is called by others; the first that is there is taken."""


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
    facts = {
        fact: next((told[word] for word in words if isinstance(told.get(word), kind)), None)
        for fact, (kind, words) in _WORDS.items()
    }
    hook = facts["hook"] or (key if "." in key else None)
    return facts | {"hook": hook} | (site_of(hook) if hook else {})


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
