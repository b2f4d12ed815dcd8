"""The samples of a study: what is learned from, what judges, and what is described."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.feature_config import FeatureStudyConfig


class StudyData:
    """Rows of a store in the parts that a study needs; documents are never divided between learning and judging.

    Parameters
    ----------
    store : ActivationStore
    config : FeatureStudyConfig

    Attributes
    ----------
    fit : array (n, n_features) float32
        To learn from.
    test : array (n, n_features) float32
        Held-out samples, drawn at random.
    held_out_documents : array of int
    described : array of int64
        Rows of the store, of whole documents, in order: those whose codes are kept for the pages. Held-out documents
        come first, then others.
    """

    def __init__(self, store: ActivationStore, config: FeatureStudyConfig) -> None:
        self.store, self._config = store, config
        rng = np.random.default_rng(config.seed)
        rows, held_out = store.split(config.held_out, random_state=config.seed)
        if len(rows) < 100 or len(held_out) < 10:
            raise ValueError(
                "`store` must have at least 100 tokens to learn from and 10 held out, "
                f"got {len(rows)} and {len(held_out)}"
            )
        chosen = np.sort(rng.permutation(rows)[: config.n_fit])
        self.fit = np.asarray(store.activations[chosen])
        n_test = max(config.n_evaluated, config.n_scored)
        self.test = np.asarray(store.activations[np.sort(rng.permutation(held_out)[:n_test])])
        self.test = self.test[rng.permutation(len(self.test))]
        self.held_out_documents = np.unique(store.document_ids[held_out])
        others = np.unique(store.document_ids[rows])
        order = np.concatenate([rng.permutation(self.held_out_documents), rng.permutation(others)])
        sizes = np.bincount(store.document_ids, minlength=int(order.max()) + 1)[order]
        n_documents = int(np.searchsorted(np.cumsum(sizes), config.n_described)) + 1
        taken = np.isin(store.document_ids, order[:n_documents])
        self.described = np.flatnonzero(taken)[: config.n_described]

    def facts(self) -> dict[str, Any]:
        """What the figures depend on besides the settings."""
        metadata = self.store.metadata
        names = ("model", "layer", "context", "fingerprint")
        return {name: metadata.get(name) for name in names} | {
            "n_tokens": self.store.n_tokens,
            "n_features": self.store.n_features,
            "n_documents": self.store.n_documents,
        }

    def covariance(self) -> np.ndarray:
        """Of the samples that are learned from."""
        return np.asarray(np.cov(self.fit.T, dtype=np.float64))

    def gaussian_evidence(self, ridge: float = 0.01) -> float:
        """Mean log density of the held-out samples under a Gaussian of the fit samples' mean and covariance, in nats.

        ``C + ridge c I``, c the mean variance: what normalised activations lack in some direction would make any
        density infinite.
        """
        values, vectors = np.linalg.eigh(self.covariance())
        values = np.maximum(values, 0.0) + ridge * values.mean()
        centred = self.test[: self._config.n_scored] - self.fit.mean(axis=0, dtype=np.float64)
        squares = ((centred @ vectors) ** 2 / values).sum(axis=1).mean()
        return float(-0.5 * (squares + np.log(2 * np.pi * values).sum()))
