"""From a transformer to a folder of activations."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from tqdm.auto import tqdm

from overica._validation import check_scalar
from overica.lm.collecting.model import ModelSource, load_model
from overica.lm.collecting.reader import Reader
from overica.lm.collecting.sites import find_site
from overica.lm.collecting.texts import Text, documents
from overica.lm.collecting.windows import groups, rows_of, window_length, windows
from overica.lm.store.activation_store import ActivationStore
from overica.lm.writer import StoreWriter


def collect_activations(
    model: ModelSource,
    layer: int | None,
    texts: Text | Iterable[Text],
    output: str | os.PathLike[str],
    *,
    site: str = "residual",
    module: str | None = None,
    context: int = 128,
    skip_first: int = 1,
    max_norm: float = 10.0,
    max_tokens: int | None = None,
    batch_size: int = 32,
    shard_tokens: int = 65536,
    dtype: str = "float32",
    store_dtype: str | None = None,
    device: str = "auto",
    verbose: int = 0,
) -> ActivationStore:
    """Run a transformer over texts and write the activations at one place in it to a folder, a row per token.

    Each document is cut into windows of `context` tokens that do not overlap, special tokens counted; the model sees
    one window at a time. Rows are the tokens of the text in their order: special tokens that the tokenizer adds and
    padding have none, nor have the first tokens of a context and those of huge norm, whose text is kept all the same;
    ``metadata["skipped"]`` counts them. Rows do not depend on `batch_size` beyond rounding (of float32, about 1e-6
    relative).

    A folder that holds a part of the same collection is gone on with, from its last finished shard; a finished
    one is opened. The texts are tokenised again and compared with what is there.

    Parameters
    ----------
    model : str, path, LanguageModel or (model, tokenizer)
        See `load_model`.
    layer : int or None
        0..L: 0 is what enters the first block (the embeddings), k what leaves the k-th, before any final norm. Of MLP
        and attention 0..L-1, the block. None where a `module` is named.
    texts : str, path, Document, or an iterable of them
        See `documents`: strings are texts or paths of files, folders and patterns.
    output : path
        The folder, made if it is missing.
    site : {"residual", "mlp", "attention", "module"}
        See `overica.lm.collecting.sites`.
    module : str, optional
        Take what this module gives, by the model's own name for it, such as ``"encoder.layer.3.output"``.
    context : int
        Tokens that the model sees at once, special tokens included.
    skip_first : int
        The first so many tokens of each context get no row, special tokens counted: 1 leaves out the first word where
        the tokenizer puts nothing before a text, and nothing else where it does.
    max_norm : float
        Rows longer than so many times the median are left out; 0 takes all. The median is that of the first 8192
        tokens, and stays for the whole folder.
    max_tokens : int, optional
        Read so many tokens and end, skipped ones included.
    batch_size : int
        Windows in a forward pass.
    shard_tokens : int
        Tokens in a file. Beyond the model, memory is that of one shard (``4 * shard_tokens * n_features`` bytes, and
        memory-mapped), one batch, and one text.
    dtype : {"float32", "bfloat16", "float16"}
        Precision that the model runs in, see `load_model`.
    store_dtype : {"float32", "bfloat16", "float16"}, optional
        Precision of the files. None: that of the model, which loses nothing.
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
        texts: names the difference. If a module gives no vector per token.
    BlockingIOError
        If another collection writes to the folder.
    OverflowError
        If an activation is too large for `store_dtype`.

    Notes
    -----
    Tokenizers such as GPT-2's put nothing before a text. The first row of each window is then where attention
    goes by default, and its norm is many times that of the others. The limit of 10 medians is far from the bulk: of
    all-MiniLM-L6-v2, whose sinks are its special tokens, the longest row of text has 7.8 medians at any site of any
    block, where 5 would take 8 % of the rows of one MLP (``benchmarks/norms.py``).

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
    max_norm = check_scalar(max_norm, "max_norm")
    found = load_model(model, device=device, dtype=dtype)
    # After what says how to install it.
    import transformers

    place = find_site(found, layer, site=site, module=module)
    window_length(found, context, skip_first)
    reader = Reader(found, place, batch_size)
    settings = {
        "model": found.name,
        # Before the fingerprint, which rounding changes: what differs is named in this order.
        "dtype": found.dtype,
        "fingerprint": found.fingerprint,
        **place.settings,
        "context": int(context),
        "skip_first": int(skip_first),
        "max_norm": max_norm,
        "max_tokens": max_tokens,
        "shard_tokens": shard_tokens,
    }
    versions = {each.__name__: each.__version__ for each in (torch, transformers, np)}
    open_writer = partial(
        StoreWriter, output, place.n_features, found.vocabulary, settings,
        word_pieces=found.word_pieces, store_dtype=store_dtype or found.dtype,
        facts={"hook": place.hook, "at": place.module, "versions": versions},
    )  # fmt: skip
    cut = windows(found, documents(texts), context, max_tokens, int(skip_first))
    writer: StoreWriter | None = None
    number = 0
    bar = tqdm(total=max_tokens, desc="activations", unit="token", disable=not verbose)
    try:
        with bar:
            for group in groups(cut, shard_tokens):
                # Made when there is a token: what fails before leaves no folder behind.
                writer = writer or open_writer()
                measure = partial(reader.median_norm, group)
                limit = max_norm and max_norm * writer.measured("median_norm", measure)
                tokens = rows_of(group)
                if number < writer.n_shards:
                    if not writer.written(number).same_as(tokens):
                        raise _other_texts(output, number)
                    bar.update(len(tokens))
                elif writer.complete:
                    raise _other_texts(output, number)
                else:
                    with writer.shard(tokens) as rows:
                        reader.fill(rows, group, limit or math.inf, bar)
                number += 1
        if writer is None:
            raise ValueError("`texts` must hold a token, got none")
        if number < writer.n_shards:
            raise _other_texts(output, number)
        if not writer.n_tokens:
            raise ValueError(
                "`skip_first` and `max_norm` leave no token of the texts: take a smaller `skip_first`"
            )
        writer.finish()
    finally:
        if writer is not None:
            writer.close()
    return ActivationStore(output)


def _other_texts(output: str | os.PathLike[str], number: int) -> ValueError:
    return ValueError(
        f"`texts` are not those of shard {number} in {os.fspath(output)!r}: take the same texts, or another folder"
    )
