"""Autoencoders on disk: tensors in safetensors and the rest in JSON, laid out as SAELens does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from overica.backend import torch_device
from overica.persistence import Persistent, remember, series_values
from overica.sae.module import Autoencoder


class PersistentAutoencoder(Persistent):
    """Saving and loading of fitted sparse autoencoders, `load` of any kind if called of `SparseAutoencoder`.

    ``sae_weights.safetensors`` holds the network in units of the data, under the names of SAELens: ``W_enc (n_features,
    n_components)``, ``W_dec (n_components, n_features)``, ``b_dec``, and ``b_enc``, ``threshold`` or ``b_gate, b_mag,
    r_mag``. ``cfg.json`` holds what SAELens reads, and under ``overica``, which it does not, parameters and history.
    """

    arrays_file = "sae_weights.safetensors"
    config_file = "cfg.json"
    name: ClassVar[str]
    module_: Autoencoder

    @classmethod
    def _format(cls) -> str:
        return "overica sparse autoencoder"

    @classmethod
    def _kind(cls, facts: Mapping[str, Any]) -> Any:
        kinds = {kind.name: kind for kind in _variants(cls)}
        if facts.get("kind") not in kinds:
            raise ValueError(
                f"`folder` must hold one of {sorted(kinds)}, got {facts.get('kind')!r}"
            )
        return kinds[facts["kind"]]

    def _framed(self, facts: dict[str, Any]) -> dict[str, Any]:
        return self.module_.config() | {"overica": facts}

    @classmethod
    def _unframed(cls, config: dict[str, Any]) -> Any:
        facts = config.get("overica")
        parameters = facts.get("parameters") if isinstance(facts, dict) else None
        if isinstance(parameters, dict) and "penalty" in parameters:
            # As earlier versions called it.
            parameters["sparsity_coefficient"] = parameters.pop("penalty")
        return facts

    def _values(self: Any) -> dict[str, Any]:
        """What `fit` has come to, for the journal of a fit."""
        return {
            "module": self.module_.values(),
            "dtype": str(self.components_.dtype),
            "centre": self.centre_,
            "unit": self.unit_,
            "n_active": self.n_active_,
            "history": series_values(self.history_),
        }

    def _take(self: Any, values: Mapping[str, Any]) -> None:
        """Be fitted as `_values` says."""
        arrays = values["module"]
        n_components, n_features = arrays["W_dec"].shape
        module = self._network(n_features, n_components, values["n_active"], None)
        module.to(getattr(torch, values["dtype"])).take(arrays)
        self._adopt(module.to(torch_device(self.device)).requires_grad_(False).eval())
        self.centre_, self.unit_ = values["centre"], values["unit"]
        self.n_active_ = values["n_active"]
        history: dict[str, list[float]] = {}
        remember(history, values["history"])
        self.history_, self.n_iter_ = history, len(history["loss"])

    def _adopt(self: Any, module: Autoencoder) -> None:
        """Take over a folded network."""
        self.module_ = module
        self.components_ = module.W_dec.detach().cpu().numpy().copy()
        self.offset_ = module.b_dec.detach().cpu().numpy().copy()

    def _stored(self: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        check_is_fitted(self)
        exported = self.module_.export().items()
        names = getattr(self, "feature_names_in_", None)
        facts = {
            "kind": self.name,
            "unit": self.unit_,
            "centre": self.centre_.tolist(),
            "n_active": self.n_active_,
            "feature_names": None if names is None else list(names),
            "history": self.history_,
        }
        if hasattr(self, "source_"):
            facts["source"] = self.source_
        return {name: value.detach().cpu().numpy() for name, value in exported}, facts

    def _restore(self: Any, arrays: dict[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        n_components, n_features = arrays["W_dec"].shape
        module = self._network(n_features, n_components, facts["n_active"], None)
        module.to(torch.from_numpy(arrays["W_dec"]).dtype)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        wanted = {name: tuple(value.shape) for name, value in module.export().items()}
        found = {name: tuple(value.shape) for name, value in tensors.items()}
        for name in module.optional & found.keys():
            wanted[name] = tuple(getattr(module, name).shape)
        if found != wanted:
            raise ValueError(f"expected tensors of the shapes {wanted}, got {found}")
        module.restore(tensors)
        self._adopt(module.requires_grad_(False).eval())
        self.n_features_in_ = n_features
        if facts["feature_names"] is not None:
            self.feature_names_in_ = np.array(facts["feature_names"], dtype=object)
        self.unit_, self.n_active_ = facts["unit"], facts["n_active"]
        # Earlier versions started everything at zero.
        self.centre_ = np.array(facts.get("centre", np.zeros(n_features)), dtype=np.float64)
        if "source" in facts:
            self.source_ = facts["source"]
        self.history_ = facts["history"]
        self.n_iter_ = len(self.history_["loss"])


def _variants(kind: type[PersistentAutoencoder]) -> Iterator[type[PersistentAutoencoder]]:
    """A class and all below it that have a name."""
    if "name" in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from _variants(below)
