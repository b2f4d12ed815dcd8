"""Writing a dictionary for others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from overica._validation import check_choice
from overica.formats.loading import FORMATS, load
from overica.formats.plain import PlainDictionary, write_plain
from overica.formats.saelens import SAELens
from overica.formats.saelens_writing import encodes, write_saelens
from overica.formats.source import source
from overica.persistence import PART, Persistent, check_output_folder, current, read_json

_STAGES = (PART, ".whole")
"""What a writer that was killed may leave."""


WRITERS: dict[str, Callable[[Any, Path, dict[str, Any]], None]] = {
    SAELens.name: write_saelens,
    PlainDictionary.name: write_plain,
}
"""Formats that are written, and what writes a fitted featuriser to a folder, told where it is from."""


def write_whole(model: Any, folder: str | os.PathLike[str]) -> None:
    """Write a fitted estimator as `load` reads it: in its own format if it has one, else its dictionary.

    Parameters
    ----------
    model : fitted estimator
    folder : path
        Made if it is missing.
    """
    if isinstance(model, Persistent):
        model.save(folder)
    else:
        export(model, folder, format=PlainDictionary.name)


def export(
    model: Any,
    path: str | os.PathLike[str],
    *,
    format: str = SAELens.name,
    X: Any = None,
    model_name: str | None = None,
    hook: str | None = None,
    layer: int | None = None,
) -> None:
    """Write a fitted model to a folder in a format that others read.

    ==============  ===============================================================================================
    format          what is written
    ==============  ===============================================================================================
    "saelens"       ``cfg.json`` and ``sae_weights.safetensors``, as ``sae_lens.SAE.load_from_disk`` reads them.
                    BatchTopK and Matryoshka become JumpReLU, as they do there. What is no autoencoder becomes one
                    by `as_jumprelu`, which needs samples and warns of what is lost.
    "safetensors"   ``dictionary.safetensors`` and ``dictionary.json``: components, offset, and what finds codes.
    ==============  ===============================================================================================

    Parameters
    ----------
    model : estimator
        `OvercompleteICA`, a sparse autoencoder, or another fitted featuriser with `components_`.
    path : path
        A folder, made if missing. An earlier export of the same format is replaced.
    format : str
    X : array (n_samples, n_features) or store of activations, optional
        Samples from which the encoder of an ICA is fitted. A store says too of which model and module they are.
    model_name, hook : str, optional
        The language model, and the module of it whose activations were learned; where not given, what the store says,
        or a model that was loaded of itself.
    layer : int, optional
        None: read off `hook`.

    Raises
    ------
    ValueError
        If samples are missing, or the format has no words for the model.
    FileExistsError
        If the folder holds anything else.
    OSError
        If it cannot be written. Whatever happens on the way, the folder holds what it held before or all of the new.

    Warns
    -----
    UserWarning
        See `as_jumprelu`.

    Examples
    --------
    >>> import tempfile
    >>> import overica
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import BatchTopKSAE
    >>> X = make_mixture(500, 6, 8, "sparse_exponential", n_active=2, random_state=0).X
    >>> sae = BatchTopKSAE(8, n_active=2, n_steps=20, random_state=0).fit(X)
    >>> folder = tempfile.mkdtemp()
    >>> overica.export(sae, folder, model_name="gpt2", hook="blocks.8.hook_resid_pre")
    >>> loaded = overica.load(folder)
    >>> loaded, loaded.source_["layer"]
    (JumpReLUSAE(n_components=8), 8)
    """
    write, files = WRITERS[check_choice(format, "format", WRITERS)], FORMATS[format].files
    check_is_fitted(model)
    folder = Path(path)
    check_output_folder(folder, foreign=lambda here: _foreign(here, files))
    if format == SAELens.name and not encodes(model):
        from overica.formats.imitation import as_jumprelu

        if X is None:
            raise ValueError(
                f"`X` (--samples) must hold samples where {type(model).__name__} is written for SAELens, got None: its "
                "codes are found by optimisation, and an encoder is fitted to them"
            )
        model = as_jumprelu(model, getattr(X, "activations", X))
    known, store = getattr(model, "source_", None) or {}, getattr(X, "origin", {})
    origin = source(
        format, os.fspath(path), known.get("architecture", type(model).__name__),
        model=model_name or store.get("model_name") or known.get("model"),
        hook=hook or store.get("hook") or known.get("hook"),
        layer=known.get("layer") if layer is None else layer,
    )  # fmt: skip
    write(model, folder, origin)


def convert(
    found: str | os.PathLike[str], path: str | os.PathLike[str], *, format: str, **told: Any
) -> str:
    """Load a dictionary and export it; `told` is what else `export` takes. Says what was written.

    Raises
    ------
    FileNotFoundError, ValueError, OSError
        See `load` and `export`.
    """
    model: Any = load(found)
    export(model, path, format=format, **told)
    n_components, n_features = model.components_.shape
    return (
        f"{type(model).__name__} with {n_components} components of {n_features} features, "
        f"for {format}: {os.fspath(path)}"
    )


def _foreign(folder: Path, files: tuple[str, ...]) -> str | None:
    """What in a folder was not exported from here."""
    names = {each.name for each in folder.iterdir()} - set(_STAGES)
    others = sorted(names - set(files))
    if others:
        return f"`{others[0]}`"
    for name in sorted(names):
        if name.endswith(".json"):
            try:
                told = read_json(current(folder, name))
            except ValueError:
                return f"a damaged `{name}`"
            if not _ours(told):
                return f"`{name}` of another program"
    return None


def _ours(told: Any) -> bool:
    """Whether a configuration is one that `export` writes."""
    if not isinstance(told, dict):
        return False
    metadata = told.get("metadata")
    return told.get("format") == "overica dictionary" or (
        isinstance(metadata, dict) and "overica_version" in metadata
    )
