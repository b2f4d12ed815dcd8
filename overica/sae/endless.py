"""Training step by step on batches of data that never end."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from overica.backend import torch_device
from overica.random_state import generator
from overica.sae import settings
from overica.sae.batches import OneBatch
from overica.sae.module import Autoencoder
from overica.sae.trainer import Run, Training


def take_step(sae: Any, run: Run | None, X: np.ndarray) -> tuple[Run, OneBatch]:
    """One step of an autoencoder on all of a batch, in the units of the first one.

    Parameters
    ----------
    sae : SparseAutoencoder
    run : Run or None
        What the step before left; None begins, with the network of a fitted autoencoder if it is one.
    X : array (n_samples, n_features)
    """
    training = replace(settings.training(sae, X.shape[1]), endless=True)
    fitted = hasattr(sae, "module_")
    device = torch_device(sae.device)
    batch = OneBatch(X, device, (sae.centre_, sae.unit_) if fitted else None)
    if run is None:
        run = _begun(sae, training, batch, X.shape[1], sae.module_ if fitted else None)
    run.training, run.batches = training, batch
    run.report = sae.callback or _silent
    try:
        run.go()
    finally:
        # What others hand in need not be kept, or copied, with the rest.
        run.report = _silent
    return run, batch


def published(run: Run) -> Autoencoder:
    """A copy of the network that is being trained."""
    return copy.deepcopy(run.module)


def _begun(
    sae: Any, training: Training, batch: OneBatch, n_features: int, before: Autoencoder | None
) -> Run:
    rng = generator(sae.random_state)
    width = settings.n_components(sae.n_components, n_features)
    n_active = settings.n_active(sae.n_active, sae.sparsity_coefficient, width)
    penalty = settings.orthogonality(sae.orthogonality)
    module = sae._network(n_features, width, n_active, rng).to(torch_device(sae.device))
    history: dict[str, list[float]] = {}
    if before is not None:
        module.begin_at(before, batch.unit, batch.centre)
        history = {name: list(values) for name, values in sae.history_.items()}
    coefficient = sae._coefficient(n_active, training.n_steps)
    run = Run(training, module, batch, coefficient, rng, history, _silent, penalty)
    run.step = len(history.get("loss", ()))
    return run


def _silent(figures: dict[str, float]) -> None:
    """Report to nobody."""
