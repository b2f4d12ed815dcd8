"""One fitted method, examined on documents that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.formats.loading import is_one_sided
from overica.lm.features.agreement import THRESHOLDS, agreement, clustered_share, random_directions
from overica.lm.features.text import packed_coder
from overica.lm.study.data import (
    density_figures,
    kept_codes,
    load,
    load_substitute,
)
from overica.lm.study.feature_config import FeatureStudyConfig
from overica.lm.study.feature_words import EXACT
from overica.metrics import FIT_METRICS, max_cosine_histogram
from overica.sae import fine_tune_scale
from overica.studies import METHODS, Assignment, Cell, Job, Record
from overica.studies.one_fit import fitted
from overica.studies.results import kept_dictionary

_TUNED = 8192
"""Samples of the fit that codes get their size back on."""


@dataclass(frozen=True, kw_only=True)
class FeatureJob(Job):
    """One fit at a width."""

    n_components: int
    n_active: float
    """What the method is told."""
    stamp: str
    """Of the activations."""


class FeatureBench:
    """A fitted method with the held-out samples it is examined on; see `overica.studies.Bench`.

    Parameters
    ----------
    job : FeatureJob
    config : FeatureStudyConfig
    """

    def __init__(self, job: FeatureJob, config: FeatureStudyConfig) -> None:
        self.job, self.config = job, config
        self.data = load(config.activations, config.parts, job.stamp)
        known = METHODS[job.method.name]
        X = self.data.fit
        self.featuriser, self.costs = fitted(
            job.method, Assignment(job.n_components, job.n_active, False, job.seed, X)
        )
        if getattr(self.featuriser, "shrinks", False):
            # What a penalty takes from the sizes of codes is given back, as exact codes are freed of shrinkage.
            self.featuriser = fine_tune_scale(self.featuriser, X[:_TUNED])  # type: ignore[type-var]
        self.dictionary = Dictionary.of(self.featuriser)
        self.told = known.sweeps
        """Whether its own codes are at the level; the others' features are encoded exactly."""
        self.nonnegative = known.one_sided or is_one_sided(self.featuriser)
        """Whether a feature and its opposite are two."""
        n = config.n_substituted
        self.substitute = n and load_substitute(config.activations, config.parts, job.stamp, n)
        """How reconstructions are put back into the model, or why they cannot be; 0 if nobody asked for it."""
        self.described: dict[str, Mapping[str, np.ndarray]] = {}
        """What the pages of features need."""

    @property
    def model(self) -> Featuriser | None:
        """See `Bench.model`."""
        return self.featuriser

    def kept(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """See `Bench.kept`."""
        # A fit that has learned which feature needs which says so.
        learned = getattr(self.featuriser, "presences_", None) is not None
        parents = {"parents": self.featuriser.parents_} if learned else {}  # type: ignore[attr-defined]
        return {"dictionaries": kept_dictionary(self.dictionary) | parents, **self.described}

    def record(self, cell: Cell) -> Record:
        """See `Bench.record`."""
        level = cell.facts["target_l0"]
        coded = None if self.told else self._exact(level)
        own: tuple[Featuriser, Dictionary] = coded or (self.featuriser, self.dictionary)
        figures = self._figures(*own)
        record: Record = {
            "encoder": "own" if self.told else "exact",
            "n_components": len(self.dictionary.components),
            "nonnegative": self.nonnegative,
            "not_substituted": self.substitute if isinstance(self.substitute, str) else None,
            **self.costs,
        }
        if not cell.facts["matched"]:
            return record | {"metrics": _as_metrics(figures)}
        # What its directions are worth, its own encoder aside.
        exact = self._figures(*self._exact(level)) if self.told else figures
        figures = figures | {EXACT + name: value for name, value in exact.items()}
        rows = self.dictionary.components
        figures |= {
            f"clustered_{t:g}": clustered_share(rows, t, nonnegative=self.nonnegative)
            for t in THRESHOLDS
        }
        record |= {
            "metrics": _as_metrics(figures) | self._evidence() | _late_rise(self.featuriser),
            "histogram": _nearest(self.dictionary, self.nonnegative),
            "agreement_by_chance": self._agreement_by_chance(),
        }
        if self.job.first and len(self.data.described):
            codes = self.data.described_codes(*own)
            self.described = {"codes": kept_codes(codes, self.data.described)}
            if coded is not None:
                self.described["encoders"] = packed_coder(coded[0])
            record["densities"] = density_figures(codes)
        return record

    def _exact(self, level: float) -> tuple[SparseCoder, Dictionary]:
        dictionary = self.dictionary.unit()
        coder = exact_coder(dictionary, self.data.fit, level, nonnegative=self.nonnegative)
        return coder, dictionary

    def _figures(self, featuriser: Featuriser, dictionary: Dictionary) -> dict[str, float]:
        """On held-out samples, and in the model."""
        X = self.data.test[: self.config.n_evaluated]
        codes = dictionary.encode(featuriser, X)
        if not np.isfinite(codes).all():
            raise FloatingPointError("codes of held-out samples are NaN or infinite")
        decoded = dictionary.decode(codes)
        figures = {name: metric(X, decoded, codes) for name, metric in FIT_METRICS.items()}
        return figures | (self.substitute(featuriser) if callable(self.substitute) else {})

    def _evidence(self) -> dict[str, dict[str, float]]:
        """Of a method that is a density, beside a Gaussian's."""
        score = getattr(self.featuriser, "score", None)
        if score is None:
            return {}
        n = self.config.n_scored
        value = float(score(self.data.test[:n]))
        return {"evidence": {"value": value, "chance": self.data.gaussian_evidence(n)}}

    def _agreement_by_chance(self) -> dict[str, float]:
        """With as many directions drawn with the covariance of the data."""
        rows = self.dictionary.components
        rng = np.random.default_rng(0)
        return agreement(rows, random_directions(self.data.covariance, len(rows), rng))


def exact_coder(
    dictionary: Dictionary, X: np.ndarray, n_active: float, *, nonnegative: bool
) -> SparseCoder:
    """Basis pursuit denoising on a dictionary, freed of shrinkage, with a mean number of active features on samples.

    Every feature costs the same, as in the encoders that this stands beside. (The scales that a model of ICA has
    learned make rare large sources cheap, and a penalty that is raised to a smaller number of active features than the
    model's own then silences nearly all the others.)

    References
    ----------
    Chen, Donoho and Saunders 1998, "Atomic decomposition by basis pursuit", SIAM Journal on Scientific Computing 20.
    """
    coder = SparseCoder(
        dictionary.components, n_active=n_active, method="debiased", nonnegative=nonnegative,
        offset=dictionary.offset,
    )  # fmt: skip
    return coder.fit(X)


def _as_metrics(figures: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """With what the mean activation in place of every one gets, where that is the zero of the scale."""
    by_mean = ("explained_variance", "recovered")
    return {
        name: {"value": value} | ({"chance": 0.0} if any(n in name for n in by_mean) else {})
        for name, value in figures.items()
    }


def _late_rise(featuriser: Featuriser) -> dict[str, dict[str, float]]:
    """How much an autoencoder still gained in the last tenth of its training."""
    explained = np.asarray(getattr(featuriser, "history_", {}).get("explained_variance", ()))
    last = max(1, len(explained) // 10)
    if len(explained) < 2 * last:
        return {}
    rise = explained[-last:].mean() - explained[-2 * last : -last].mean()
    return {"late_rise": {"value": float(rise)}}


def _nearest(dictionary: Dictionary, nonnegative: bool) -> dict[str, list[float]]:
    """Cosine of each feature with its nearest other one, beside random directions."""
    # Directions of dead features are zero, and near nothing.
    alive = dictionary.components[(dictionary.components != 0).any(axis=1)]
    if len(alive) < 2:
        return {}
    found = max_cosine_histogram(alive.T, None, nonnegative, n_bins=40, n_draws=1, random_state=0)
    return {name: np.asarray(values).tolist() for name, values in found._asdict().items()}
