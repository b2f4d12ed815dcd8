"""Autoencoders as SAELens reads them: ``cfg.json`` and ``sae_weights.safetensors``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from overica._version import __version__
from overica.persistence import replace_together

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
_VERSION = "6.0.0"
"""Of the layout that is written."""


WRITTEN = ("standard", "gated", "jumprelu", "topk", "abstopk", "matching_pursuit")
"""Architectures that are written."""


def described(sae: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """SAELens's configuration and tensors of a fitted autoencoder; the inverse of `from_saelens`.

    Raises
    ------
    ValueError
        If it computes what SAELens has no word for.
    """
    normalisation = getattr(sae, "normalisation", None)
    inner: Any = sae if normalisation is None else sae.estimator
    tensors = inner.module_.export()
    config = inner.module_.config()
    if config["architecture"] not in WRITTEN:
        raise ValueError(
            f"`model` must be of an architecture that others know ({', '.join(WRITTEN)}), got "
            f"{type(inner).__name__}: `overica.formats.as_jumprelu(model, X)` fits one to its codes"
        )
    if normalisation is not None:
        config["normalize_activations"] = normalisation
    return config, {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def encodes(model: Any) -> bool:
    """Whether a model has an encoder that SAELens could run."""
    return hasattr(getattr(model, "estimator", model), "module_")


def write_saelens(model: Any, folder: str | os.PathLike[str], origin: dict[str, Any]) -> None:
    """Write a fitted autoencoder as SAELens does; both files or, if it is interrupted, neither.

    Parameters
    ----------
    model : SparseAutoencoder or NormalisedSAE
    folder : path
    origin : dict
        See `overica.formats.source.source`.

    Raises
    ------
    ValueError
        If SAELens has no words for it.
    """
    from safetensors.torch import save

    config, tensors = described(model)
    if config["architecture"] == "matching_pursuit":
        _check_pursuit(tensors)
    metadata = {
        "sae_lens_version": _VERSION,
        "model_name": origin.get("model"),
        "hook_name": origin.get("hook"),
        "hook_layer": origin.get("layer"),
        "overica_version": __version__,
    }
    config["metadata"] = {key: value for key, value in metadata.items() if value is not None}
    files = {CONFIG: json.dumps(config, indent=1).encode(), WEIGHTS: save(tensors)}
    replace_together(folder, files)


def _check_pursuit(tensors: dict[str, Tensor]) -> None:
    uneven = float((tensors["W_dec"].norm(dim=1) - 1).abs().max())
    if "b_enc" in tensors or uneven > 1e-3:
        raise ValueError(
            "`model` must be a matching pursuit as SAELens knows it, with rows of length 1 and no bias of the encoder: "
            "its scale was fine-tuned, or it was trained in stages"
        )
