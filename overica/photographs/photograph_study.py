"""The study: bases of photographs at several overcompletenesses, and what each of them costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from overica.photographs.basis_learners import METHODS, Method
from overica.photographs.code_length import coding_cost, pixel_entropy
from overica.photographs.effort import StudySettings
from overica.photographs.gabor import GaborFits
from overica.photographs.judging import Row, judge_method
from overica.photographs.regions import Photographs, split_photographs

RAW, GAUSSIAN = "raw", "gaussian"
"""Rows without a basis to learn: the pixels' histogram, and the Gaussian of the patches' covariance."""


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
    narrowest basis has the highest evidence on patches set aside for this. All bases get one and the same density
    (`DictionaryDensity`: sparse sources with noise, scales and presence of highest likelihood) and are judged on
    patches of regions that nothing else has seen:

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
        Called with a line of text for every seed and every basis.

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
    parts: list[Study] = Parallel(n_jobs=min(effective_n_jobs(n_jobs), len(seeds)))(
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
    counts = ", ".join(f"{n} to {name}" for name, n in data.n_regions.items())
    report(f"seed {seed}  regions: {counts}")
    for name in settings.methods:
        _run_method(METHODS[name], data, seed, study, report)
    return study


def _without_basis(data: Photographs, seed: int) -> list[Row]:
    raw = pixel_entropy(data.judge.grey, data.precision)
    gaussian = coding_cost(PCA().fit(data.fit.cells), data.judge.cells, data.precision)
    return [Row(RAW, 1.0, seed, None, raw), Row(GAUSSIAN, 1.0, seed, gaussian, None)]


def _run_method(
    method: Method, data: Photographs, seed: int, study: Study, report: Callable[[str], object]
) -> None:
    candidates = method.settings
    for width in study.settings.overcompleteness:
        if width > 1 and not method.overcomplete:
            continue
        row, setting, basis, fits = judge_method(
            method, width, candidates, data, study.settings, seed
        )
        # What suits the narrowest suits the others, which take longer to learn.
        candidates = (setting,)
        study.rows.append(row)
        study.bases[method.name, float(width)] = basis
        study.gabors[method.name, float(width)] = fits
        report(_line_of(row, len(study.gabors), study.settings))


def _line_of(row: Row, n_done: int, settings: StudySettings) -> str:
    n_bases = sum(
        width <= 1 or METHODS[name].overcomplete
        for name in settings.methods
        for width in settings.overcompleteness
    )

    def shown(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return (
        f"seed {row.seed}  basis {n_done:2d} of {n_bases}  {row.method:11s}{row.overcompleteness:4g}x"
        f"  evidence {shown(row.evidence_bits, '.3f')}  coefficients {shown(row.coefficient_bits, '.3f')}"
        f" bits per pixel  (learned in {shown(row.seconds, '.0f')} s)"
    )
