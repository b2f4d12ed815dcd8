"""A dictionary for any program: ``dictionary.safetensors`` and ``dictionary.json``, which says what its arrays are.

``components (n_components, n_features)`` and ``offset (n_features,)``: samples are ``codes @ components + offset``. A
sparse autoencoder adds its encoder's tensors, under the names of SAELens, whose configuration is under ``encoder``; if
that normalises samples one by one, all is of normalised samples. Where codes are those of a `SparseCoder`, its
parameters are under ``coder``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from overica._version import __version__
from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.formats.foreign_files import Config, Tensors
from overica.formats.format import Format
from overica.formats.saelens import from_saelens
from overica.formats.saelens_writing import described, encodes
from overica.persistence import damage_named, expressible, read_checkpoint, write_checkpoint
from overica.priors import Prior, prior_from_config, prior_to_config

if TYPE_CHECKING:
    from overica.fitted import FittedModel

_FILES = {"arrays_file": "dictionary.safetensors", "config_file": "dictionary.json"}
_FORMAT = "overica dictionary"
_RENAMED = {"W_dec": "components", "b_dec": "offset"}
_FORMULA = "samples = codes @ components + offset"


class PlainDictionary(Format):
    """A folder of `export` in the format "safetensors"."""

    name: ClassVar[str] = "safetensors"
    files: ClassVar[tuple[str, ...]] = tuple(reversed(_FILES.values()))

    def read(self, folder: Path) -> Featuriser:
        """See `Format.read`.

        Without an encoder: a `SparseCoder`, which has to be told a penalty or a number of active atoms where the file
        says none.
        """
        arrays, facts = read_checkpoint(folder, **_FILES)
        path = folder / _FILES["config_file"]
        with damage_named(str(path)):
            facts["source"]
            if facts.get("format") != _FORMAT:
                raise ValueError(f"expected the format {_FORMAT!r}, got {facts.get('format')!r}")
            if "encoder" in facts:
                return _autoencoder(arrays, Config(path, facts["encoder"]), facts["source"])
            coder = SparseCoder(
                arrays["components"], offset=arrays["offset"], **_coder(arrays, facts)
            )
            coder.source_ = facts["source"]
            coder.components_  # noqa: B018  # Looks at shape and entries.
            coder.offset_  # noqa: B018
            return coder


def write_plain(model: Any, folder: str | os.PathLike[str], origin: dict[str, Any]) -> None:
    """Write a fitted featuriser: its dictionary and, as far as it can be said, how codes are found."""
    facts: dict[str, Any] = {
        "format": _FORMAT,
        "version": __version__,
        "formula": _FORMULA,
        "source": origin,
        "kind": type(model).__name__,
    }
    arrays, more = _contents(model)
    facts["n_components"], facts["n_features"] = arrays["components"].shape
    write_checkpoint(folder, arrays, facts | more, **_FILES)


def _contents(model: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays, and facts about how codes are found."""
    if encodes(model):
        config, tensors = described(model)
        arrays = {_RENAMED.get(name, name): value.numpy() for name, value in tensors.items()}
        return arrays, {"encoder": config}
    offset = Dictionary.of(model).offset
    arrays = {"components": np.asarray(model.components_), "offset": offset}
    coder = _exact(model) if hasattr(model, "scales_") else _told(model)
    if coder is None:
        return arrays, {}
    prior = coder.pop("prior", None)
    if isinstance(prior, Prior):
        arrays["scale"] = np.broadcast_to(np.asarray(prior.scale, float), len(arrays["components"]))
        prior = prior_to_config(prior)
    return arrays, {"coder": coder | {"prior": prior}}


def _told(model: Any) -> dict[str, Any] | None:
    """What a `SparseCoder` goes by."""
    if not isinstance(model, SparseCoder):
        return None
    told = model.get_params(deep=False)
    told = {name: told[name] for name in ("method", "n_active", "penalty", "nonnegative")}
    if hasattr(model, "penalty_"):
        told |= {"penalty": model.penalty_, "n_active": None}
    return expressible(told) | {"prior": model.prior}


def _exact(ica: FittedModel) -> dict[str, Any] | None:
    """The `SparseCoder` whose codes are those of a model; None where there is none.

    Models of white samples weigh errors otherwise, those of dependent presences have other codes.
    """
    plain = ica.units_.whitener is None and ica.presences_ is None and ica.penalty_ > 0
    if not plain:
        return None
    prior = ica.model_.prior
    return {
        "method": "map",
        "penalty": ica.penalty_,
        "nonnegative": bool(prior.nonnegative),
        "prior": prior.with_scale(np.asarray(ica.scales_, float)),
    }


def _coder(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the `SparseCoder`."""
    told = dict(facts.get("coder") or {})
    prior = told.pop("prior", None)
    if isinstance(prior, dict):
        prior = prior_from_config(prior).with_scale(arrays["scale"])
    return told | {"prior": prior}


def _autoencoder(
    arrays: dict[str, np.ndarray], config: Config, facts: dict[str, Any]
) -> Featuriser:
    """A sparse autoencoder, by way of SAELens's names."""
    import torch

    there = {here: name for name, here in _RENAMED.items()}
    tensors = {there.get(name, name): torch.from_numpy(a.copy()) for name, a in arrays.items()}
    place = Path(config.path).with_name(_FILES["arrays_file"])
    return from_saelens(config, Tensors(place, tensors), facts)
