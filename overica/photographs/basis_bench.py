"""A method's bases of photographs: its free parameters chosen at the narrowest, each basis judged."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from overica.coding import Dictionary
from overica.metrics.words import GROUPS, WORDS, Words
from overica.photographs.code_length import (
    CoefficientCost,
    coding_cost,
    coefficient_cost,
    pixel_entropy,
)
from overica.photographs.density import DictionaryDensity
from overica.photographs.gabor import GaborFits, fit_gabors
from overica.photographs.photograph_config import PhotographConfig, Setting
from overica.photographs.regions import Photographs
from overica.ranges import unit_rows
from overica.studies import Assignment, Cell, Job, Record
from overica.studies.choices import Choice
from overica.studies.one_fit import fitted

GROUPS |= {
    "bits": "Bits per pixel of held-out patches",
    "basis": "What the bases are like",
}
WORDS |= {
    "evidence_bits": Words(
        "bits by evidence", "bits",
        "Bits per pixel by the probability of the cells under the density of the basis.", -np.inf, 3,
    ),
    "coefficient_bits": Words(
        "bits by coefficients", "bits",
        "Bits per pixel of quantised codes, at the squared error that rounding the pixels makes.", -np.inf, 3,
    ),
    "n_present": Words(
        "present", "basis", "Expected number of sources that are present in a patch, under the density.", np.nan,
    ),
    "n_coded": Words(
        "coded", "basis", "Mean number of quantised coefficients of a patch that are not zero.", np.nan,
    ),
    "noise_share": Words(
        "noise", "basis", "Noise variance of the density, over that of white patches.", np.nan,
    ),
    "gabor_share": Words(
        "Gabor", "basis", "Share of columns that a Gabor function fits with R² > .8.", np.nan,
    ),
}  # fmt: skip

_PENALTIES = (8.0, 24.0, 48.0)
"""Of the codes that are quantised, over the squared error that is allowed."""


@dataclass(frozen=True, kw_only=True)
class PhotographJob(Job):
    """All bases of one method with one seed."""

    settings: tuple[Setting, ...]
    """To choose from."""
    narrowest: int
    """Columns of the basis by which they are chosen."""


@dataclass(frozen=True)
class _Learned:
    setting: Setting
    basis: np.ndarray
    """Unit columns of white coordinates."""
    density: DictionaryDensity
    costs: dict[str, float]
    """Of the fit, as a record has them."""


class BasisBench:
    """Bases of one method with one seed, see `overica.studies.Bench`."""

    model = None
    """See `Bench.model`: its bases are kept."""

    def __init__(self, job: PhotographJob, config: PhotographConfig, data: Photographs) -> None:
        self.job, self.config, self.data = job, config, data
        self.method = config.registry[job.method.name]
        self.bases: dict[str, np.ndarray] = {}
        self.gabors: dict[str, np.ndarray] = {}

    def record(self, cell: Cell) -> Record:
        """See `Bench.record`."""
        columns = cell.facts["columns"]
        found = self._narrowest
        if columns != self.job.narrowest:
            # What suits the narrowest suits the others, which take longer to learn.
            found = self._learn(columns, found.setting)
        model, density = found.density.model_, found.density
        order = np.argsort(-model.presence * np.linalg.norm(model.mixing, axis=0))
        basis = found.basis[:, order]
        fits = fit_gabors(basis, (self.config.side, self.config.side))
        self.bases[cell.facts["width"]] = np.asarray(basis, np.float32)
        self.gabors[cell.facts["width"]] = np.stack([*vars(fits).values()])
        coded = self._coded(density)
        figures = {
            "evidence_bits": self._evidence_bits(density),
            "coefficient_bits": None if coded is None else coded.bits,
            "n_present": float(np.sum(model.presence)),
            "n_coded": None if coded is None else coded.n_active,
            "noise_share": float(model.noise_variance),
            "gabor_share": float(fits.well_fitted.mean()),
        }
        setting = dict(found.setting) or None
        return _record(figures) | {"n_components": basis.shape[1], "setting": setting} | found.costs

    def kept(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Bases (side^2, n_components), the most used columns first, and rows of `GaborFits` of them, by width."""
        return {"bases": self.bases, "gabors": self.gabors} if self.bases else {}

    @cached_property
    def _narrowest(self) -> _Learned:
        """The basis of highest evidence on the patches for choosing."""
        found = [self._learn(self.job.narrowest, setting) for setting in self.job.settings]
        if len(found) == 1:
            return found[0]
        n_annealed, choose = self.config.n_annealed // 2, self.data.choose.white
        return max(
            found,
            key=lambda one: one.density.evidence(
                choose, n_annealed=n_annealed, random_state=self.job.seed
            ),
        )

    def _learn(self, columns: int, setting: Setting) -> _Learned:
        fit = self.data.fit
        X = fit.cells if self.method.by_variance else fit.white
        given = Assignment(columns, self.config.n_active, False, self.job.seed, X)
        told, assignment = told_of(self.job.method, setting, given)
        with warnings.catch_warnings():
            # All run as long as they are told; that they might have gone on is known.
            warnings.simplefilter("ignore", ConvergenceWarning)
            featuriser, costs = fitted(told, assignment)
        rows = Dictionary.of(featuriser).components
        rows = rows[rows.any(axis=1)]
        if self.method.by_variance:
            rows = unit_rows(rows @ self.data.whitener)[0]
        density = DictionaryDensity(rows.T, random_state=self.job.seed).fit(fit.white)
        return _Learned(setting, rows.T, density, costs)

    def _evidence_bits(self, density: DictionaryDensity) -> float:
        data = self.data
        white = coding_cost(
            density, data.judge.white, data.precision, n_annealed=self.config.n_annealed,
            random_state=self.job.seed,
        )  # fmt: skip
        return white - data.log_det / np.log(2) / data.side**2

    def _coded(self, density: DictionaryDensity) -> CoefficientCost | None:
        """At the cheapest penalty on the patches for choosing, and for square bases of linear codes too."""
        data = self.data
        allowed = data.precision**2 / 12
        mixing = data.dewhitener @ density.model_.mixing
        table = data.fit.grey[: self.config.n_table] - data.mean
        penalties = [factor * allowed for factor in _PENALTIES]
        if mixing.shape[0] == mixing.shape[1]:
            penalties.append(0.0)
        trials = [
            coefficient_cost(mixing, table, data.choose.grey - data.mean, allowed, penalty=penalty)
            for penalty in penalties
        ]
        met = [trial for trial in trials if trial is not None]
        if not met:
            return None
        best = min(met, key=lambda trial: trial.bits)
        return coefficient_cost(
            mixing, table, data.judge.grey - data.mean, allowed, penalty=best.penalty
        )


class _WithoutBasis:
    """A cost that needs no basis."""

    model = None

    def __init__(self, job: PhotographJob, config: PhotographConfig, data: Photographs) -> None:
        self.data = data

    def figures(self) -> dict[str, Any]:
        raise NotImplementedError

    def record(self, cell: Cell) -> Record:
        """See `Bench.record`."""
        return _record(self.figures())

    def kept(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """See `Bench.kept`."""
        return {}


class RawBench(_WithoutBasis):
    """Every pixel coded by itself."""

    def figures(self) -> dict[str, Any]:
        """The entropy of the pixels' histogram."""
        return {"coefficient_bits": pixel_entropy(self.data.judge.grey, self.data.precision)}


class GaussianBench(_WithoutBasis):
    """The exact Gaussian density of the patches' covariance."""

    def figures(self) -> dict[str, Any]:
        """Its evidence."""
        data = self.data
        model = PCA().fit(data.fit.cells)
        return {"evidence_bits": coding_cost(model, data.judge.cells, data.precision)}


def told_of(method: Choice, setting: Setting, given: Assignment) -> tuple[Choice, Assignment]:
    """A method and what it is told, with a setting of its free parameters, `n_active` among them."""
    told = {**setting, **method.arguments}
    n_active = told.pop("n_active", given.n_active)
    return replace(method, arguments=told), replace(given, n_active=n_active)


def gabor_fits(rows: np.ndarray) -> GaborFits:
    """The fits of a basis from the rows that were kept of them."""
    names = [each.name for each in fields(GaborFits)]
    return GaborFits(**dict(zip(names, rows, strict=True)))


def _record(figures: Mapping[str, Any]) -> Record:
    return {"metrics": {name: {"value": value} for name, value in figures.items()}}
