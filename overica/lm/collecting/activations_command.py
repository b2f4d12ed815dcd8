"""What ``overica activations`` does: texts from files and packages, the collection, what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from overica.lm.collecting.collect import collect_activations
from overica.lm.collecting.docstrings import scientific_docstrings
from overica.lm.collecting.model import load_model
from overica.lm.collecting.reader import skipped_words
from overica.lm.collecting.texts import Text, files_of
from overica.lm.store.files import METADATA
from overica.lm.writer import check_store_folder
from overica.persistence import read_json

_EXAMPLE_TOKENS = 6


def run_activations(
    model: str,
    layer: int | None,
    output: Path,
    *,
    text: Sequence[str] = (),
    docstrings: Sequence[str] = (),
    device: str = "auto",
    dtype: str = "float32",
    **options: Any,
) -> Iterator[str]:
    """Collect activations with a progress bar, and return the lines for the terminal.

    Parameters
    ----------
    model : str
        See `load_model`.
    layer : int or None
    output : Path
        Folder for the activations.
    text : sequence of str
        Files, folders and patterns.
    docstrings : sequence of str
        Packages whose docstrings are taken, in a fixed random order, after the files.
    device, dtype : str
        See `load_model`.
    **options
        Of `collect_activations`.

    Yields
    ------
    str

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As `collect_activations`; if there is neither a file nor a package.
    """
    if not text and not docstrings:
        raise ValueError("`--text` must name a file, a folder or a pattern, got none")
    check_store_folder(output)
    # Found before the model loads: a mistyped name is told at once.
    texts: list[Text] = [file for name in text for file in files_of(name)]
    if docstrings:
        texts += scientific_docstrings(docstrings)
    before = _tokens_of(output)
    loaded = load_model(model, device=device, dtype=dtype)
    started = time.perf_counter()
    store = collect_activations(loaded, layer, texts, output, verbose=1, **options)
    seconds = time.perf_counter() - started
    yield f"{store.n_tokens} tokens of {store.n_documents} documents, {store.n_features} features each"
    fresh = store.n_tokens - before
    if fresh:
        earlier = f", after {before} of an earlier call" if before else ""
        yield f"collected {fresh} in {seconds:.0f} s ({fresh / seconds:.0f} a second){earlier}"
    else:
        yield "all of them were there already"
    meta = store.metadata
    skipped = skipped_words(meta["skipped"], store.n_tokens, meta["max_norm"])
    if skipped:
        yield f"skipped  {skipped}"
    yield f"place    {store.place}, {meta['store_dtype']}"
    yield f"scale    {store.scale():.4g} (root mean square about the mean)"
    beginning = (store.tokens(i) for i in range(min(_EXAMPLE_TOKENS, store.n_tokens)))
    yield f"begins   {' | '.join(beginning)}"
    yield f"folder   {output}"


def _tokens_of(folder: Path) -> int:
    try:
        return int(read_json(folder / METADATA)["n_tokens"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
