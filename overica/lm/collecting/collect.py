"""From a transformer to a folder of activations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from overica._validation import check_scalar
from overica.lm.collecting.model import LanguageModel, ModelSource, load_model
from overica.lm.collecting.residual import residual_hook
from overica.lm.collecting.texts import Text, documents
from overica.lm.collecting.windows import Window, batch_of, groups, rows_of, window_length, windows
from overica.lm.store.activation_store import ActivationStore
from overica.lm.writer import StoreWriter


def collect_activations(
    model: ModelSource,
    layer: int,
    texts: Text | Iterable[Text],
    output: str | os.PathLike[str],
    *,
    context: int = 128,
    max_tokens: int | None = None,
    batch_size: int = 32,
    shard_tokens: int = 65536,
    device: str = "auto",
    verbose: int = 0,
) -> ActivationStore:
    """Run a transformer over texts and write the residual stream at one layer to a folder, a row per token.

    Each document is cut into windows of `context` tokens that do not overlap, special tokens counted; the model sees
    one window at a time. Rows are the tokens of the text in their order: special tokens that the tokenizer
    adds and padding have none. Rows do not depend on `batch_size` beyond rounding (of float32, about 1e-6 relative).

    A folder that holds a part of the same collection is gone on with, from its last finished shard; a finished
    one is opened. The texts are tokenised again and compared with what is there.

    Parameters
    ----------
    model : str, path, LanguageModel or (model, tokenizer)
        See `load_model`.
    layer : int
        0..L: 0 is what enters the first block (the embeddings), k what leaves the k-th, before any final norm.
    texts : str, path, Document, or an iterable of them
        See `documents`: strings are texts or paths of files, folders and patterns.
    output : path
        The folder, made if it is missing.
    context : int
        Tokens that the model sees at once, special tokens included.
    max_tokens : int, optional
        Collect so many tokens and end.
    batch_size : int
        Windows in a forward pass.
    shard_tokens : int
        Tokens in a file. Beyond the model, memory is that of one shard (``4 * shard_tokens * n_features`` bytes, and
        memory-mapped), one batch, and one text.
    device : str
        Torch device; "auto" takes CUDA if there is one.
    verbose : int
        1 shows a progress bar.

    Returns
    -------
    ActivationStore

    Raises
    ------
    ImportError
        If transformers is not installed.
    FileNotFoundError
        If there is no such model or text.
    ValueError
        If the texts hold no token; if a setting is out of range; if the folder holds activations of other settings or
        texts: names the difference.

    Notes
    -----
    Tokenizers such as GPT-2's put nothing before a text. The first row of each window is then where attention
    goes by default, and its norm is many times that of the others.

    Examples
    --------
    >>> import tempfile
    >>> from overica.lm import collect_activations
    >>> texts = ["A sparse code.", "Independent components."]
    >>> store = collect_activations("minilm", 3, texts, tempfile.mkdtemp(), device="cpu")
    >>> store.activations.shape, list(store.token_texts)[:4]
    ((7, 384), ['a', 'sparse', 'code', '.'])
    """
    batch_size = check_scalar(batch_size, "batch_size", minimum=1, integer=True)
    shard_tokens = check_scalar(shard_tokens, "shard_tokens", minimum=1, integer=True)
    if max_tokens is not None:
        max_tokens = check_scalar(max_tokens, "max_tokens", minimum=1, integer=True)
    found = load_model(model, device=device)
    layer = found.check_layer(layer)
    window_length(found, context)
    settings = {
        "model": found.name,
        "fingerprint": found.fingerprint,
        "layer": layer,
        "context": int(context),
        "max_tokens": max_tokens,
        "shard_tokens": shard_tokens,
    }
    writer: StoreWriter | None = None
    number = 0
    bar = tqdm(total=max_tokens, desc="activations", unit="token", disable=not verbose)
    try:
        with bar:
            for group in groups(
                windows(found, documents(texts), context, max_tokens), shard_tokens
            ):
                # Made when there is a token: what fails before leaves no folder behind.
                writer = writer or _writer(output, found, settings)
                tokens = rows_of(group)
                if number < writer.n_shards:
                    if not writer.written(number).same_as(tokens):
                        raise _other_texts(output, number)
                    bar.update(len(tokens))
                elif writer.complete:
                    raise _other_texts(output, number)
                else:
                    with writer.shard(tokens) as rows:
                        _fill(rows, found, layer, group, batch_size, bar)
                number += 1
        if writer is None:
            raise ValueError("`texts` must hold a token, got none")
        if number < writer.n_shards:
            raise _other_texts(output, number)
        writer.finish()
    finally:
        if writer is not None:
            writer.close()
    return ActivationStore(output)


@torch.inference_mode()
def stream_of(model: LanguageModel, layer: int, group: Sequence[Window]) -> torch.Tensor:
    """The residual stream at the tokens of windows, (n_tokens, n_features) float32, window after window."""
    batch = batch_of(model, group)
    seen: list[torch.Tensor] = []
    with residual_hook(model.blocks, layer, seen.append):
        model(batch.ids, batch.mask)
    return seen[0][batch.content]


def _fill(
    rows: np.ndarray,
    model: LanguageModel,
    layer: int,
    group: Sequence[Window],
    batch_size: int,
    bar: Any,
) -> None:
    starts = np.concatenate([[0], np.cumsum([len(window) for window in group])])
    # Windows of one length share a batch, so that little is spent on padding.
    order = np.argsort([-len(window) for window in group], kind="stable")
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        stream = stream_of(model, layer, [group[i] for i in chosen]).cpu().numpy()
        targets = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chosen])
        rows[targets] = stream
        bar.update(len(targets))


def _writer(
    output: str | os.PathLike[str], model: LanguageModel, settings: dict[str, Any]
) -> StoreWriter:
    import transformers

    versions = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
    }
    return StoreWriter(
        output,
        model.n_features,
        model.vocabulary,
        settings,
        word_pieces=model.word_pieces,
        facts={"versions": versions},
    )


def _other_texts(output: str | os.PathLike[str], number: int) -> ValueError:
    return ValueError(
        f"`texts` are not those of shard {number} in {os.fspath(output)!r}: take the same texts, or another folder"
    )
