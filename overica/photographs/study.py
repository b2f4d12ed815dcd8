"""The study: bases of photographs at several overcompletenesses, and what each of them costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from overica._validation import check_scalar
from overica.photographs.coding import CoefficientCost, coding_cost, coefficient_cost, pixel_entropy
from overica.photographs.density import DictionaryDensity
from overica.photographs.gabor import GaborFits, fit_gabors
from overica.photographs.methods import METHODS, Effort, Method
from overica.photographs.regions import Photographs, split_photographs

RAW, GAUSSIAN = "raw", "gaussian"
"""Rows without a basis to learn: the pixels' histogram, and the Gaussian of the patches' covariance."""
_PENALTIES = (8.0, 24.0, 48.0)
"""Of the codes that are quantised, over the squared error that is allowed."""

_EFFORT = Effort(n_steps=80, n_passes=2)


@dataclass(frozen=True)
class StudySettings:
    """How much a study does."""

    side: int = 8
    """Of a patch, pixels."""
    precision: float = 4.0
    """Grey levels: the side of a cell, and D^2 / 12 the squared error of quantised coefficients."""
    overcompleteness: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """Columns per pixel, ascending."""
    methods: tuple[str, ...] = tuple(METHODS)
    """Names in `METHODS`."""
    n_seeds: int = 2
    """Each with regions, patches and starts of its own."""
    n_fit: int = 20_000
    """Patches to learn from."""
    n_choose: int = 300
    """To choose free parameters by."""
    n_judge: int = 2_000
    """To judge by."""
    n_annealed: int = 40
    """Of the latter, those on which the evidence is corrected."""
    n_table: int = 2_000
    """Of the patches learned from, those that code tables are made of."""
    effort: Effort = _EFFORT
    """Of the learners."""

    def __post_init__(self) -> None:
        for name in ("n_seeds", "n_fit", "n_choose", "n_judge", "n_table"):
            check_scalar(getattr(self, name), name, minimum=1, integer=True)
        check_scalar(self.n_annealed, "n_annealed", integer=True)
        if not self.overcompleteness:
            raise ValueError("`overcompleteness` must name at least one, got none")
        for value in self.overcompleteness:
            check_scalar(value, "overcompleteness", minimum=1.0)
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown:
            raise ValueError(f"`methods` must be among {list(METHODS)}, got {unknown}")


QUICK = StudySettings(
    side=4, overcompleteness=(1.0, 2.0), n_seeds=1, n_fit=4_000, n_choose=200, n_judge=600, n_annealed=40,
    n_table=1_500, effort=Effort(n_steps=60, n_passes=2),
)  # fmt: skip
"""Small patches, one seed: seconds."""


@dataclass(frozen=True)
class Row:
    """What one basis of one seed came to."""

    method: str
    overcompleteness: float
    seed: int
    evidence_bits: float | None
    """Per pixel, by the probability of the cells; None for raw pixels, which have no density."""
    coefficient_bits: float | None
    """Per pixel, by quantised coefficients; None if no penalty met the precision."""
    setting: float | None = None
    """The free parameter that was chosen."""
    n_present: float | None = None
    """Expected number of sources present in a patch, under the density."""
    n_coded: float | None = None
    """Mean number of quantised coefficients of a patch that are not zero."""
    noise_share: float | None = None
    """Noise variance of the density, over that of white patches."""
    gabor_share: float | None = None
    """Share of columns that a Gabor function fits with R^2 > .8."""
    seconds: float | None = None
    """Of learning, all settings that were tried."""


@dataclass(frozen=True)
class Study:
    """Figures of all seeds, and the bases of the first."""

    settings: StudySettings
    rows: list[Row]
    bases: dict[tuple[str, float], np.ndarray] = field(default_factory=dict)
    """By method and overcompleteness, columns of white coordinates, the most used first."""
    gabors: dict[tuple[str, float], GaborFits] = field(default_factory=dict)
    """Of the same columns."""
    noise_floor: float = 0.0
    """Share of the error of rounding in white patches, first seed."""

    def to_json(self) -> dict[str, object]:
        """Everything but the bases, as JSON has words for it."""
        return {
            "settings": asdict(self.settings),
            "noise_floor": self.noise_floor,
            "rows": [asdict(row) for row in self.rows],
            "gabors": [
                {"method": method, "overcompleteness": width}
                | {name: np.round(value, 5).tolist() for name, value in vars(fits).items()}
                for (method, width), fits in self.gabors.items()
            ],
        }


def study_photographs(
    images: Sequence[ArrayLike] | None = None,
    settings: StudySettings | None = None,
    *,
    random_state: int = 0,
    n_jobs: int = 1,
    report: Callable[[str], object] = lambda line: None,
) -> Study:
    """Learn bases of photographs and measure their coding cost in two ways.

    For every seed the photographs are split by region (`split_photographs`). Every method learns a basis of the white
    patches at every overcompleteness it knows. Its free parameter, if it has one, is the one of a few values whose
    narrowest basis has the highest evidence on patches set aside for this. All bases get one and the same density (`DictionaryDensity`: sparse sources with noise, scales
    and presence of highest likelihood) and are judged on patches of regions that nothing else has seen:

    - ``evidence_bits``, the probability of the cells of the stated precision D (`coding_cost`);
    - ``coefficient_bits``, quantised lasso codes at the squared error D^2 / 12 per pixel (`coefficient_cost`), the
      penalty chosen of three, and for square bases of linear codes too.

    Beside them stand the exact Gaussian density of the patches' covariance, the histogram of the pixels, and random
    columns under the same density, the chance level.

    Parameters
    ----------
    images : sequence of array-like, optional
        Pictures in grey levels, (rows, columns) or (rows, columns, 3), for example from `load_images`;
        scikit-learn's two photographs if not given.
    settings : StudySettings
    random_state : int
        The first seed; the others follow it.
    n_jobs : int
        Seeds at a time, each in a process of its own; -1 is one per processor.
    report : callable
        Called with a line of text for every basis.

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        If pictures or settings are malformed: says which.

    Examples
    --------
    >>> settings = StudySettings(
    ...     side=3,
    ...     overcompleteness=(1,),
    ...     methods=("pca",),
    ...     n_seeds=1,
    ...     n_fit=500,
    ...     n_choose=50,
    ...     n_judge=100,
    ...     n_annealed=0,
    ...     n_table=200,
    ... )
    >>> study = study_photographs(settings=settings)
    >>> [row.method for row in study.rows]
    ['raw', 'gaussian', 'pca']
    """
    settings = StudySettings() if settings is None else settings
    seeds = range(random_state, random_state + settings.n_seeds)
    parts: list[Study] = Parallel(n_jobs=min(n_jobs, len(seeds)))(
        delayed(_one_seed)(images, settings, seed, report) for seed in seeds
    )
    rows = [row for part in parts for row in part.rows]
    return replace(parts[0], rows=rows)


def _one_seed(
    images: Sequence[ArrayLike] | None, settings: StudySettings, seed: int, report: Callable[[str], object]
) -> Study:  # fmt: skip
    data = split_photographs(
        images, side=settings.side, precision=settings.precision,
        n_patches=(settings.n_fit, settings.n_choose, settings.n_judge), random_state=seed,
    )  # fmt: skip
    study = Study(settings, _without_basis(data, seed), noise_floor=data.noise_share)
    for name in settings.methods:
        _run_method(METHODS[name], data, seed, study, report)
    return study


def _without_basis(data: Photographs, seed: int) -> list[Row]:
    raw = pixel_entropy(data.judge.grey, data.precision)
    gaussian = coding_cost(PCA().fit(data.fit.cells), data.judge.cells, data.precision)
    return [Row(RAW, 1.0, seed, None, raw), Row(GAUSSIAN, 1.0, seed, gaussian, None)]


def _run_method(
    method: Method, data: Photographs, seed: int, study: Study, report: Callable[[str], object]
) -> None:  # fmt: skip
    settings = study.settings
    candidates = method.settings
    for width in settings.overcompleteness:
        if width > 1 and not method.overcomplete:
            continue
        start = time.perf_counter()
        learned = {
            setting: method.learn(
                data, round(width * settings.side**2), setting, settings.effort, seed
            )
            for setting in candidates
        }
        seconds = time.perf_counter() - start
        setting, density = _choose(learned, data, settings, seed)
        # What suits the narrowest suits the others, which take longer to learn.
        candidates = (setting,)
        order = np.argsort(-_usage(density))
        basis = learned[setting][:, order]
        fits = fit_gabors(basis, (settings.side, settings.side))
        coded = _coded(density, data, settings)
        study.rows.append(
            Row(
                method.name, float(width), seed,
                evidence_bits=_evidence_bits(density, data, settings.n_annealed, seed),
                coefficient_bits=None if coded is None else coded.bits,
                setting=setting if len(method.settings) > 1 else None,
                n_present=float(np.sum(density.model_.presence)),
                n_coded=None if coded is None else coded.n_active,
                noise_share=density.model_.noise_variance,
                gabor_share=float(fits.well_fitted.mean()),
                seconds=seconds,
            )
        )  # fmt: skip
        study.bases[method.name, float(width)] = basis
        study.gabors[method.name, float(width)] = fits
        report(line_of(study.rows[-1]))


def _choose(
    learned: dict[float, np.ndarray], data: Photographs, settings: StudySettings, seed: int
) -> tuple[float, DictionaryDensity]:
    """The setting of highest evidence on the patches for choosing, with its density."""
    densities = {
        setting: DictionaryDensity(A, random_state=seed).fit(data.fit.white)
        for setting, A in learned.items()
    }
    if len(densities) == 1:
        return next(iter(densities.items()))
    n_annealed = settings.n_annealed // 2
    scores = {
        setting: density.evidence(data.choose.white, n_annealed=n_annealed, random_state=seed)
        for setting, density in densities.items()
    }
    best = max(scores, key=lambda setting: scores[setting])
    return best, densities[best]


def _usage(density: DictionaryDensity) -> np.ndarray:
    model = density.model_
    return np.asarray(model.presence * np.linalg.norm(model.mixing, axis=0))


def _evidence_bits(
    density: DictionaryDensity, data: Photographs, n_annealed: int, seed: int
) -> float:
    white = coding_cost(
        density, data.judge.white, data.precision, n_annealed=n_annealed, random_state=seed
    )
    return white - data.log_det / np.log(2) / data.side**2


def _coded(
    density: DictionaryDensity, data: Photographs, settings: StudySettings
) -> CoefficientCost | None:
    allowed = data.precision**2 / 12
    mixing = data.dewhitener @ density.model_.mixing
    table = data.fit.grey[: settings.n_table] - data.mean
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


def line_of(row: Row) -> str:
    """A row as a line for a terminal."""

    def shown(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return (
        f"seed {row.seed}  {row.method:11s}{row.overcompleteness:4g}x  evidence {shown(row.evidence_bits, '.3f')}"
        f"  coefficients {shown(row.coefficient_bits, '.3f')} bits per pixel  ({shown(row.seconds, '.0f')} s)"
    )
