"""A fitted model on disk, and back: enough to go on learning from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from overica._validation import check_array, check_scalar
from overica.fitted import FittedModel
from overica.learning import Model
from overica.learning.ascent import State
from overica.learning.keeping import models
from overica.learning.units import Units
from overica.parameters import resolve_device, template
from overica.persistence import Persistent, remember, series_values
from overica.presence import PresenceModel
from overica.priors import prior_from_config, prior_to_config

_HISTORY = "history."
_PRESENCES, _PARENTS = "presences.", "parents"


class PersistentModel(Persistent, FittedModel):
    """Saving and loading of `OvercompleteICA`.

    ``arrays.safetensors`` holds `model_` (``mixing``, ``presence``), of `units_` the ``mean`` and, if samples were
    whitened, ``whitener`` and ``dewhitener``, of `presences_`, if presences depend on each other, its
    arrays, the smoothed ``activity`` if any, and the history; ``config.json`` the
    numbers of `model_`, its prior, ``unit``, the parameters, and where `partial_fit` goes on: the step of its
    annealing, and the penalty that a crowded step has raised.
    """

    def _values(self) -> dict[str, Any]:
        """What `fit` has come to, for the journal of a fit."""
        return {
            "model": models(self.model_).values(self.model_),
            "step": self._learning.step,
            "units": asdict(self.units_),
            "history": series_values(self.history_),
            "presences": None if self._presences is None else self._presences.to_arrays(),
            "parents": self._parents,
        }

    def _take(self: Any, values: Mapping[str, Any]) -> None:
        """Be fitted as `_values` says."""
        self.units_ = Units(**values["units"])
        self.history_ = {}
        remember(self.history_, values["history"])
        plain = template(
            self.prior, self.solver, resolve_device(self.device, self.prior, self.n_components)
        )
        self._learning = State(models(plain).made(values["model"]), step=values["step"])
        joint = values["presences"]
        self._presences = None if joint is None else PresenceModel.from_arrays(joint)
        self._parents = values["parents"]

    def _stored(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        check_is_fitted(self)
        model, learning = self.model_, self._learning
        arrays = {
            "mixing": model.mixing,
            "presence": np.broadcast_to(np.asarray(model.presence, float), (self.n_components_,)),
            "mean": self.units_.mean,
        }
        for name in ("whitener", "dewhitener"):
            if (matrix := getattr(self.units_, name)) is not None:
                arrays[name] = matrix
        if learning.activity is not None:
            arrays["activity"] = learning.activity
        if self.presences_ is not None:
            dependent = self.presences_.to_arrays()
            arrays |= {_PRESENCES + name: value for name, value in dependent.items()}
            arrays[_PARENTS] = self.parents_
        for name, values in self.history_.items():
            arrays[_HISTORY + name] = np.array(values)
        facts = {
            "prior": prior_to_config(model.prior),
            "unit": self.unit_,
            "penalty": model.penalty,
            "noise_variance": model.noise_variance,
            "step": learning.step,
            "scheduled_penalty": learning.scheduled,
            "feature_names": getattr(self, "feature_names_in_", np.array([])).tolist(),
        }
        return arrays, facts

    def _restore(self: Any, arrays: dict[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        unit = check_scalar(facts["unit"], "unit", strict=True)
        if "mixing_" in arrays:
            # As earlier versions stored it: unit columns and scales apart, in units of X.
            arrays["mixing"] = arrays["mixing_"] * (arrays["scales_"].astype(float) / unit)
            arrays["mean"], arrays["presence"] = arrays["mean_"], arrays["presence_"]
        shape: dict[str, int | None] = {"n_dimensions": None, "n_components": None}
        mixing = np.asarray(check_array(arrays["mixing"], "mixing", shape), np.float64)
        dimensions, components = ({name: n} for name, n in zip(shape, mixing.shape, strict=True))
        units = _units(arrays, unit, dimensions)
        activity = arrays.get("activity")
        if activity is not None:
            activity = check_array(activity, "activity", components)
        prior = prior_from_config(facts["prior"])
        model = Model(
            mixing,
            prior,
            check_scalar(facts["penalty"], "penalty"),
            check_scalar(facts["noise_variance"], "noise_variance"),
            check_array(arrays["presence"], "presence", components),
            self.solver,
            resolve_device(self.device, prior, mixing.shape[1]),
        )
        self.n_features_in_ = len(units.mean)
        if facts["feature_names"]:
            self.feature_names_in_ = np.array(facts["feature_names"], dtype=object)
        self.units_ = units
        self.history_ = {
            name.removeprefix(_HISTORY): values.tolist()
            for name, values in arrays.items()
            if name.startswith(_HISTORY)
        }
        if "penalty" not in self.history_:
            raise ValueError("expected a history with penalties, got none")
        scheduled = facts.get("scheduled_penalty")
        if scheduled is not None:
            scheduled = check_scalar(scheduled, "scheduled_penalty")
        step = check_scalar(facts["step"], "step", integer=True)
        self._learning = State(model, activity, step=step, scheduled=scheduled)
        dependent = {
            name.removeprefix(_PRESENCES): values
            for name, values in arrays.items()
            if name.startswith(_PRESENCES)
        }
        self._presences = PresenceModel.from_arrays(dependent) if dependent else None
        self._parents = arrays.get(_PARENTS)
        if self._presences is not None and self._presences.mixing.shape != mixing.shape:
            raise ValueError(
                f"expected presences of a mixing matrix of shape {mixing.shape}, got {self._presences.mixing.shape}"
            )


def _units(arrays: dict[str, np.ndarray], unit: float, dimensions: dict[str, int]) -> Units:
    """Units as stored, for a model of so many dimensions."""
    if "dewhitener" not in arrays and "whitener" not in arrays:
        features = {"n_features": dimensions["n_dimensions"]}
        return Units(check_array(arrays["mean"], "mean", features), unit)
    mean = check_array(arrays["mean"], "mean", {"n_features": None})
    there = dimensions | {"n_features": len(mean)}
    W = check_array(arrays["whitener"], "whitener", there)
    B = check_array(arrays["dewhitener"], "dewhitener", dict(reversed(there.items())))
    return Units(mean, unit, W, B)
