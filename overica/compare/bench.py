"""One fitted method, examined against the truth."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from overica.coding import Dictionary, Featuriser
from overica.compare.encoders import ENCODERS, Encoding
from overica.compare.split import split_error
from overica.datasets import DATASETS, Mixture
from overica.metrics import (
    CODE_METRICS,
    FIT_METRICS,
    code_chance,
    cosine_matrix,
    evaluate,
    fit_chance,
    match_components,
    max_cosine_histogram,
)
from overica.studies import METHODS, Assignment, Cell, Job, Record
from overica.studies.choices import Choice
from overica.studies.one_fit import fitted
from overica.studies.results import kept_dictionary

_MOST_COLUMNS = 48
"""Of the matrix of cosines that a record keeps."""
_CHANCE_SAMPLES = 300
"""Behind the chance level of an encoder's fit: ten random dictionaries encode them, which would be most of the work."""
_PLANE = 3
"""Most dimensions in which a record keeps the directions themselves."""


@dataclass(frozen=True, kw_only=True)
class KnownTruthJob(Job):
    """One fit on a data set."""

    dataset: Choice
    data_seed: int
    n_components: int
    n_active: int
    """What the method is told."""
    n_samples: int | None
    n_evaluated: int
    held_out: float
    identifiable: bool | None
    """Whether the true features can be found at all, from the data set's description."""

    def at(self, target: int | None, multiple: float | None) -> Cell:
        """The cell of a level; None for codes at a level of the method's own."""
        decides = {
            "dataset": [self.dataset.name, dict(self.dataset.arguments)],
            "sizes": [self.n_samples, self.n_evaluated, self.held_out, self.n_components],
            "told": self.n_active,
            "target": [target, multiple],
            "data_seed": self.data_seed,
        }
        return self.cell(
            "own" if target is None else f"l0={target}",
            decides,
            target_l0=None if target is None else float(target),
            multiple=multiple,
            matched=multiple == 1.0,
            identifiable=self.identifiable,
        )


@functools.lru_cache(maxsize=8)
def _load(name: str, arguments: str, n_samples: int | None, seed: int) -> Mixture:
    maker = DATASETS[name]
    keywords = json.loads(arguments)
    if n_samples is not None and "n_samples" in inspect.signature(maker).parameters:
        keywords.setdefault("n_samples", n_samples)
    return maker(**keywords, random_state=seed)


def load(dataset: Choice, n_samples: int | None, seed: int) -> Mixture:
    """Draw a data set; the last few are kept, since the cells of a process share them."""
    arguments = json.dumps(dict(dataset.arguments), sort_keys=True, default=str)
    return _load(dataset.name, arguments, n_samples, seed)


class KnownTruthBench:
    """A fitted method with the held-out samples it is examined on; see `overica.studies.Bench`."""

    def __init__(self, job: KnownTruthJob) -> None:
        self.job = job
        self.method = METHODS[job.method.name]
        data = load(job.dataset, job.n_samples, job.data_seed)
        self.fit_data, held_out = data.split(job.held_out)
        self.test = _first_rows(held_out, job.n_evaluated)
        assignment = Assignment(
            job.n_components,
            job.n_active,
            data.nonnegative,
            job.seed,
            self.fit_data.X,
            self.fit_data,
        )
        self.featuriser, self.costs = fitted(job.method, assignment)
        self.dictionary = Dictionary.of(self.featuriser)
        self.matching = match_components(
            self.dictionary.mixing, data.mixing, nonnegative=data.nonnegative
        )
        self.own_codes = self.dictionary.encode(self.featuriser, self.test.X)
        if not np.isfinite(self.own_codes).all():
            raise FloatingPointError("codes of held-out samples are NaN or infinite")

    @property
    def model(self) -> Featuriser | None:
        """See `Bench.model`."""
        return self.featuriser

    def kept(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """See `Bench.kept`."""
        return {"dictionaries": kept_dictionary(self.dictionary)}

    def record(self, cell: Cell) -> Record:
        """See `Bench.record`."""
        target = cell.facts["target_l0"]
        own_l0 = np.count_nonzero(self.own_codes) / len(self.own_codes)
        encoding = Encoding(
            X=self.test.X,
            X_fit=self.fit_data.X,
            dictionary=self.dictionary,
            nonnegative=self.test.nonnegative,
            n_active=target if target is not None else max(own_l0, 1e-3),
            own_codes=self.own_codes,
            codes_true=self.test.codes,
            matching=self.matching,
        )
        codes = {name: encode(encoding) for name, encode in ENCODERS.items()}
        # A method that was not told the level is brought to it by the encoder that can be.
        encoder = "own" if self.method.sweeps or target is None else "map"
        split = split_error(
            self.test.X, codes[encoder], self.dictionary, self.test.codes, self.test.mixing,
            self.matching, self.test.offset,
        )  # fmt: skip
        figures = self._figures(codes[encoder])
        of_codes = CODE_METRICS.keys() | FIT_METRICS.keys()
        return {
            "encoder": encoder,
            "n_components": len(self.dictionary.components),
            **self.costs,
            "metrics": figures,
            "encoders": {
                name: {metric: figures[metric] for metric in figures if metric in of_codes}
                if name == encoder
                else self._figures_of_codes(S)
                for name, S in codes.items()
            },
            "split": split.as_dict(),
            "histogram": self._histogram(),
            "directions": self._directions(),
            "cosines": self._cosines() if self.job.first else None,
        }

    def _figures(self, codes: np.ndarray) -> dict[str, dict[str, float]]:
        figures = evaluate(
            self.dictionary.mixing,
            self.test.mixing,
            codes=codes,
            codes_true=self.test.codes,
            X=self.test.X,
            X_hat=self.dictionary.decode(codes),
            nonnegative=self.test.nonnegative,
            featuriser=self.featuriser,
            random_state=0,
        )
        return {name: figure._asdict() for name, figure in figures.items()}

    def _figures_of_codes(self, codes: np.ndarray) -> dict[str, dict[str, float]]:
        """The part of `evaluate` that depends on the encoder."""
        data, rng = self.test, np.random.default_rng(0)
        figures = {}
        for name, score in CODE_METRICS.items():
            chance = code_chance(name, codes, data.codes, self.matching, random_state=rng)
            figures[name] = {"value": score(codes, data.codes, self.matching), "chance": chance}
        few = slice(_CHANCE_SAMPLES)
        chances = fit_chance(data.X[few], codes[few], data.nonnegative, random_state=rng)
        decoded = self.dictionary.decode(codes)
        for name, fit in FIT_METRICS.items():
            figures[name] = {"value": fit(data.X, decoded, codes), "chance": chances[name]}
        return figures

    def _histogram(self) -> dict[str, Any]:
        histogram = max_cosine_histogram(
            self.dictionary.mixing, self.test.mixing, self.test.nonnegative, random_state=0
        )
        return {name: np.asarray(counts).tolist() for name, counts in histogram._asdict().items()}

    def _directions(self) -> dict[str, Any] | None:
        if self.test.X.shape[1] > _PLANE:
            return None
        truth = Dictionary.of_rows(self.test.mixing.T)
        return {
            "learned": self.dictionary.components.round(5).tolist(),
            "true": truth.components.round(5).tolist(),
        }

    def _cosines(self) -> list[list[float]]:
        pairs = self.matching
        cosines = cosine_matrix(self.dictionary.mixing, self.test.mixing)
        matched = cosines[pairs.learned_index] * pairs.signs[:, None]
        shown: list[list[float]] = matched[:_MOST_COLUMNS, :_MOST_COLUMNS].round(4).tolist()
        return shown


def _first_rows(data: Mixture, n: int) -> Mixture:
    if n >= data.n_samples:
        return data
    share = (data.n_samples - n) / data.n_samples
    first, _ = data.split(share) if 0 < share < 1 else (data, None)
    return first
