"""The study of photographs: bases of their patches at several widths, and what each of them costs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.datasets import load_sample_images

from overica.datasets import load_images
from overica.photographs.basis_bench import (
    BasisBench,
    GaussianBench,
    PhotographJob,
    RawBench,
    gabor_fits,
    told_of,
)
from overica.photographs.best_basis import verdict
from overica.photographs.gabor import GaborFits
from overica.photographs.photograph_config import GAUSSIAN, RAW, PhotographConfig
from overica.photographs.regions import Photographs, split_photographs
from overica.studies import Assignment, Bench, Job, Plan, Results, Study
from overica.studies.refusing import refuse_parameters

_BENCHES: dict[str, Any] = {RAW: RawBench, GAUSSIAN: GaussianBench}
"""Where there is no basis."""


class PhotographResults(Results):
    """What a study of photographs found, see `overica.studies.Results`."""

    axis: ClassVar[str] = "width"
    main_metric: ClassVar[str] = "evidence_bits"

    def verdict(self) -> str:
        """The best basis by both definitions of the cost, see `overica.photographs.verdict`."""
        return verdict(self)

    def __str__(self) -> str:
        return self.verdict()

    def basis(self, cell: str) -> np.ndarray:
        """Columns of white coordinates, (side^2, n_components), of unit length, the most used first."""
        return self.kept(cell, "bases")[cell.split("/")[0]]

    def gabors(self, cell: str) -> GaborFits:
        """Gabor functions of the columns of `basis`."""
        return gabor_fits(self.kept(cell, "gabors")[cell.split("/")[0]])


class PhotographStudy(Study):
    """Learn bases of photographs and measure their coding cost in two ways.

    For every seed the photographs are split by region (`split_photographs`). Every method learns a basis of the white
    patches at every width it knows. Its free parameters are, of a few values, those whose narrowest basis has the
    highest evidence on patches set aside for this. All bases get one and the same density (`DictionaryDensity`:
    sparse sources with noise, scales and presence of highest likelihood) and are judged on patches of regions that
    nothing else has seen:

    - ``evidence_bits``, the probability of the cells of the stated precision D (`coding_cost`);
    - ``coefficient_bits``, quantised lasso codes at the squared error D^2 / 12 per pixel (`coefficient_cost`), the
      penalty chosen of three, and for square bases of linear codes too.

    Beside them stand the exact Gaussian density of the patches' covariance, the histogram of the pixels, and random
    columns under the same density, the chance level.

    Parameters
    ----------
    config : PhotographConfig, optional
    images : sequence of array-like, optional
        Pictures in grey levels, (rows, columns) or (rows, columns, 3), instead of those of the configuration's folder.
    **keywords
        Keys of `PhotographConfig`: folder, side, precision, widths, methods, n_seeds, seed, tuned, ...

    Raises
    ------
    ValueError
        If pictures or configuration are malformed: says which.

    Examples
    --------
    >>> study = PhotographStudy(
    ...     side=3,
    ...     widths=[1],
    ...     methods=["pca", "raw", "gaussian"],
    ...     n_seeds=1,
    ...     n_fit=500,
    ...     n_choose=50,
    ...     n_judge=100,
    ...     n_annealed=0,
    ...     n_table=200,
    ...     n_jobs=1,
    ... )
    >>> results = study.run(progress=False)
    >>> bool(results.table().loc[("1x", "pca"), "mean"] < 8)
    True
    """

    config_type: ClassVar[type[PhotographConfig]] = PhotographConfig
    results_type: ClassVar[type[Results]] = PhotographResults
    pages: ClassVar[str] = "overica.photographs.photograph_page"

    def __init__(
        self,
        config: PhotographConfig | None = None,
        *,
        images: Sequence[ArrayLike] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(config, **keywords)
        self._given = None if images is None else [np.asarray(image) for image in images]

    @cached_property
    def images(self) -> Sequence[np.ndarray]:
        """The pictures."""
        if self._given is not None:
            return self._given
        if self.config.folder is None:
            return list(load_sample_images().images)
        return load_images(self.config.folder)

    def plan(self) -> Plan:
        """All cells; the photographs are split once, nothing is learned."""
        config = self.config
        data = self._split(config.seed)
        pixels = [hashlib.sha256(each.tobytes()).hexdigest() for each in self.images]
        jobs = []
        for i, method in enumerate(map(config.arguments, config.methods)):
            widths = {
                f"{width:g}x": round(width * config.side**2) for width in config.widths_of(method)
            }
            settings = config.settings(method)
            for setting in settings if widths and method.name not in _BENCHES else ():
                given = Assignment(
                    min(widths.values()), config.n_active, False, 0, data.fit.white[:1]
                )
                told, given = told_of(method, setting, given)
                refuse_parameters(told, given, f"`methods[{i}]` ({method.label})")
            for seed in config.seeds if widths else ():
                job = PhotographJob(
                    min(widths, key=widths.__getitem__), method, seed, first=seed == config.seed,
                    settings=settings, narrowest=min(widths.values()),
                )  # fmt: skip
                decides = {
                    "pictures": pixels,
                    "sizes": [config.side, config.precision, *config.sizes, config.n_table],
                    "annealed": config.n_annealed,
                    "settings": settings,
                    "narrowest": job.narrowest if len(settings) > 1 else None,
                    "n_active": config.n_active,
                }
                cells = [
                    replace(job, what=width).cell(
                        "own", decides | {"columns": columns}, width=width, columns=columns,
                        target_l0=None, matched=True,
                    )
                    for width, columns in widths.items()
                ]  # fmt: skip
                jobs.append(job.only(cells))
        widths = {
            f"{width:g}x": {"width": width, "columns": round(width * config.side**2)}
            for width in config.widths
        }
        facts = {"widths": widths, "noise_floor": data.noise_share, "regions": data.n_regions}
        return Plan(tuple(jobs), facts)

    def bench(self, job: Job) -> Bench:
        """See `Study.bench`."""
        kind = _BENCHES.get(job.method.name, BasisBench)
        bench: Bench = kind(job, self.config, self._split(job.seed))
        return bench

    def said(self, results: Any) -> str:
        """See `Study.said`."""
        return str(results)

    def _split(self, seed: int) -> Photographs:
        config = self.config
        return split_photographs(
            self.images, side=config.side, precision=config.precision, n_patches=config.sizes,
            random_state=seed,
        )  # fmt: skip
