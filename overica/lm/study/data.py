"""The samples of a study: what is learned from, what judges, and what is described with its codes; once per process."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse, stats

from overica.coding import Dictionary, Featuriser
from overica.lm.features.densities import DensityFit, fit_densities
from overica.lm.features.describe import firings
from overica.lm.store.activations import Activations
from overica.lm.store.files import UNSAID
from overica.lm.store.opening import open_store
from overica.lm.study.feature_config import Parts

_CHUNK = 4096
_FEWEST = 50
"""Firings that a feature needs for its density to be judged."""
Substitute = Callable[[Featuriser], dict[str, float]]
"""What becomes of the model's output with a featuriser's reconstructions, in figures."""


class StudyData:
    """Rows of a store in the parts that a study needs; documents are never divided between learning and judging.

    Parameters
    ----------
    store : Activations
    parts : Parts

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

    def __init__(self, store: Activations, parts: Parts) -> None:
        self.store = store
        rng = np.random.default_rng(parts.seed)
        rows, held_out = store.split(parts.held_out, random_state=parts.seed)
        if len(rows) < 100 or len(held_out) < 10:
            raise ValueError(
                "`store` must have at least 100 tokens to learn from and 10 held out, "
                f"got {len(rows)} and {len(held_out)}"
            )
        chosen = np.sort(rng.permutation(rows)[: parts.n_fit])
        self.fit = store.read(chosen)
        self.test = store.read(np.sort(rng.permutation(held_out)[: parts.n_test]))
        self.test = self.test[rng.permutation(len(self.test))]
        self.held_out_documents = np.unique(store.document_ids[held_out])
        others = np.unique(store.document_ids[rows])
        order = np.concatenate([rng.permutation(self.held_out_documents), rng.permutation(others)])
        sizes = np.bincount(store.document_ids, minlength=int(order.max()) + 1)[order]
        n_documents = int(np.searchsorted(np.cumsum(sizes), parts.n_described)) + 1
        taken = np.isin(store.document_ids, order[:n_documents])
        self.described = np.flatnonzero(taken)[: parts.n_described]

    def described_codes(self, featuriser: Featuriser, dictionary: Dictionary) -> sparse.csc_matrix:
        """Codes of the described rows, (n_described, n_components), in units of X."""
        parts = np.split(self.described, range(_CHUNK, len(self.described), _CHUNK))
        return dictionary.encode_parts(featuriser, map(self.store.read, parts)).tocsc()

    @functools.cached_property
    def covariance(self) -> np.ndarray:
        """Of the samples that are learned from."""
        return np.asarray(np.cov(self.fit.T, dtype=np.float64))

    def gaussian_evidence(self, n: int, ridge: float = 0.01) -> float:
        """Mean log density of n held-out samples under a Gaussian of the fit samples' mean and covariance, in nats.

        ``C + ridge c I``, c the mean variance: what normalised activations lack in some direction would make any
        density infinite.
        """
        C, mean = self.covariance, self.fit.mean(axis=0, dtype=np.float64)
        gaussian = stats.multivariate_normal(mean, C + ridge * np.diag(C).mean() * np.eye(len(C)))
        return float(gaussian.logpdf(self.test[:n]).mean())


def store_facts(store: Activations) -> dict[str, Any]:
    """What the figures depend on besides the settings."""
    known = store.metadata
    facts = {name: known.get(name) for name in ("model", "layer", "context", "fingerprint")}
    # What folders of before do not say is what it was then: studies of them go on.
    for name in (*UNSAID, "hook", "content"):
        if known.get(name) != UNSAID.get(name):
            facts[name] = known.get(name)
    return facts | {n: getattr(store, n) for n in ("n_tokens", "n_features", "n_documents")}


@functools.lru_cache(maxsize=1)
def load(folder: str, parts: Parts, stamp: str) -> StudyData:
    """The data of a study; kept, since all fits of a process share them, for as long as the store has this stamp."""
    del stamp
    return StudyData(open_store(folder, parts.array), parts)


@functools.lru_cache(maxsize=1)
def load_substitute(folder: str, parts: Parts, stamp: str, n: int) -> Substitute | str:
    """How reconstructions of n held-out tokens are put back into the model; where that cannot be done, why."""
    from overica.lm.substitution.substitution import Substitution

    data = load(folder, parts, stamp)
    try:
        substitution = Substitution(data.store, documents=data.held_out_documents, max_tokens=n)
    except (ImportError, OSError, ValueError, KeyError) as error:
        return f"the model could not be run again: {error}"

    def substitute(featuriser: Featuriser) -> dict[str, float]:
        loss = substitution(featuriser)
        figures = {}
        for name, measure in loss.measures.items():
            figures[f"recovered_{name}"] = measure.recovered
            figures[f"loss_{name}"] = measure.loss
        return figures

    return substitute


def kept_codes(codes: sparse.csc_matrix, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Codes and the rows of the store that they are of, as arrays to keep."""
    parts = (codes.data, codes.indices, codes.indptr, np.asarray(codes.shape), rows)
    return dict(zip(("data", "indices", "indptr", "shape", "rows"), parts, strict=True))


def codes_of(kept: Mapping[str, np.ndarray]) -> sparse.csc_matrix:
    """What `kept_codes` has made arrays of."""
    parts = (kept["data"], kept["indices"], kept["indptr"])
    return sparse.csc_matrix(parts, shape=tuple(kept["shape"]))


def density_figures(codes: sparse.csc_matrix) -> dict[str, Any]:
    """How often each density is the best for a feature's sizes, and how far off each is, over all features.

    Returns
    -------
    dict
        `features`, the number with at least 50 firings; `best`, by density the share of features for which its
        likelihood is the highest; `distance`, its median Kolmogorov-Smirnov distance; `gain`, nats per firing above
        the exponential, the median over the features.
    """
    sizes = (np.abs(firings(codes, j)[1]) for j in range(codes.shape[1]))
    fits = list(filter(None, (fit_densities(s) for s in sizes if len(s) >= _FEWEST)))
    names = list(fits[0]) if fits else []
    winners = [max(fit, key=lambda name: fit[name].log_likelihood) for fit in fits]

    def median(figure: Callable[[Mapping[str, DensityFit], str], float]) -> dict[str, float]:
        return {name: float(np.median([figure(fit, name) for fit in fits])) for name in names}

    return {
        "features": len(fits),
        "best": {name: winners.count(name) / len(fits) for name in names},
        "distance": median(lambda fit, name: fit[name].distance),
        "gain": median(
            lambda fit, name: fit[name].log_likelihood - fit["exponential"].log_likelihood
        ),
    }
