"""Autoencoders on disk: tensors in safetensors and the rest in JSON, laid out as SAELens does; never pickle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from overica._version import __version__
from overica.checkpoint import expressible, read_checkpoint, write_checkpoint
from overica.random_state import generator
from overica.sae.module import Autoencoder

_FILES = {"arrays_file": "sae_weights.safetensors", "config_file": "cfg.json"}
_FORMAT = "overica sparse autoencoder"


class Persistent:
    """Saving and loading of fitted sparse autoencoders."""

    name: ClassVar[str]
    module_: Autoencoder

    def save(self: Any, folder: str | os.PathLike[str]) -> None:
        """Write the fitted autoencoder to a folder, made if missing.

        ``sae_weights.safetensors`` holds the network in units of the data, under the names of SAELens: ``W_enc
        (n_features, n_components)``, ``W_dec (n_components, n_features)``, ``b_dec``, and ``b_enc``, ``threshold``
        or ``b_gate, b_mag, r_mag``. ``cfg.json`` holds parameters and history. Parameters that JSON has no words
        for, such as a callback, are left out.

        Parameters
        ----------
        folder : path

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        check_is_fitted(self)
        module = self.module_
        arrays = {name: value.detach().cpu().numpy() for name, value in module.export().items()}
        names = getattr(self, "feature_names_in_", None)
        config = module.config() | {
            "overica": {
                "format": _FORMAT,
                "version": __version__,
                "kind": self.name,
                "parameters": expressible(self.get_params(deep=False)),
                "unit": self.unit_,
                "n_active": self.n_active_,
                "feature_names": None if names is None else list(names),
                "history": self.history_,
            },
        }
        write_checkpoint(folder, arrays, config, **_FILES)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """The autoencoder that `save` wrote to a folder; of any kind if called of `SparseAutoencoder`.

        Parameters
        ----------
        folder : path

        Returns
        -------
        SparseAutoencoder

        Raises
        ------
        FileNotFoundError
            If the folder holds no such files.
        ValueError
            If they are damaged, were not written by `save`, or hold another kind.
        """
        arrays, config = read_checkpoint(folder, **_FILES)
        facts = config.get("overica")
        if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
            raise ValueError(f"`folder` must hold an autoencoder saved by overica, got {folder!s}")
        kinds: dict[str, Any] = {kind.name: kind for kind in _variants(cls)}
        if facts["kind"] not in kinds:
            raise ValueError(f"`folder` must hold one of {sorted(kinds)}, got {facts['kind']!r}")
        # JSON has lists where parameters are tuples.
        parameters = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in facts["parameters"].items()
        }
        sae: Self = kinds[facts["kind"]](**parameters)
        _take_over(sae, arrays, facts)
        return sae


def _take_over(sae: Any, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Set the fitted attributes."""
    n_components, n_features = arrays["W_dec"].shape
    module = sae._network(n_features, n_components, facts["n_active"], generator(0))
    module.to(torch.from_numpy(arrays["W_dec"]).dtype)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    wanted = {name: tuple(value.shape) for name, value in module.export().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if found != wanted:
        raise ValueError(f"`folder` must hold tensors of the shapes {wanted}, got {found}")
    module.restore(tensors)
    sae._adopt(module.requires_grad_(False).eval())
    sae.n_features_in_ = n_features
    if facts["feature_names"] is not None:
        sae.feature_names_in_ = np.array(facts["feature_names"], dtype=object)
    sae.unit_, sae.n_active_ = facts["unit"], facts["n_active"]
    sae.history_ = facts["history"]
    sae.n_iter_ = len(sae.history_["loss"])


def _variants(kind: type[Persistent]) -> Iterator[type[Persistent]]:
    """A class and all below it that have a name."""
    if "name" in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from _variants(below)
