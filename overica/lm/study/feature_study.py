"""The study of a transformer's activations: ICA beside sparse autoencoders and baselines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from overica.lm.store.activations import Activations
from overica.lm.store.opening import open_store
from overica.lm.study.data import store_facts
from overica.lm.study.feature_bench import FeatureBench, FeatureJob
from overica.lm.study.feature_config import FeatureStudyConfig
from overica.lm.study.feature_results import FeatureResults
from overica.studies import METHODS, Assignment, Cell, Plan, Results, Study, StudyError
from overica.studies.choices import Choice
from overica.studies.plan import digest
from overica.studies.refusing import refuse_parameters


class FeatureStudy(Study):
    """Every method on the same activations of a transformer, at every width and level of sparsity, with every seed.

    All learn from the same documents and are judged on others: explained variance and the change of the model's
    output at the same numbers of active features, the held-out evidence of ICA over its width, agreement between
    seeds and between methods, clusters of near-parallel features, and how well an exponential prior describes the
    codes of single features.

    Parameters
    ----------
    store : store or path, optional
        See `open_store`, instead of those that the configuration names.
    config : FeatureStudyConfig, optional
        What to run; keywords may be given instead.
    **keywords
        Keys of `FeatureStudyConfig`.

    Raises
    ------
    StudyError
        If a setting is impossible, before anything is fitted.
    FileNotFoundError
        If there is no store.

    Notes
    -----
    Methods that can be told a level of sparsity are fitted for each, their thresholds moved to the level on the samples
    of the fit. ICA and the like are fitted once, and their features encode at the penalty that gives the level: exact
    codes, `SparseCoder`. These are not to be had in one matrix product, so the others' dictionaries are judged with
    such codes as well, at the middle level. Autoencoders see activations as they are, with their own bias; ICA
    subtracts the mean. Nothing is tuned on the held-out documents. Of the defaults, 1000 steps of an autoencoder and
    150 of ICA take about the same CPU time at twice as many features as dimensions.

    Examples
    --------
    >>> from overica.lm import FeatureStudy
    >>> FeatureStudy("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: `folder` must hold activations, there is nothing at 'nowhere'
    """

    pages: ClassVar[str] = "overica.lm.study.verdict"
    config_type: ClassVar[type[FeatureStudyConfig]] = FeatureStudyConfig
    results_type: ClassVar[type[Results]] = FeatureResults

    def __init__(
        self,
        store: Activations | str | os.PathLike[str] | None = None,
        config: FeatureStudyConfig | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(config, **keywords)
        if isinstance(store, Activations):
            self.config = self.config.changed(activations=str(store.folder), array=store.key)
        elif store is not None:
            self.config = self.config.changed(activations=os.fspath(store))
        self._facts = store_facts(self._open())

    def plan(self) -> Plan:
        """All cells, one seed of every method and width first, the widest last; nothing is fitted."""
        config, n_features = self.config, self._facts["n_features"]
        wanted: list[tuple[tuple[bool, int], FeatureJob]] = []
        widths = {}
        for width in config.widths:
            n_components = round(width * n_features)
            if config.active[-1] >= min(n_components, n_features):
                raise StudyError(
                    f"`active` must be below the {n_features} dimensions and the {n_components} features of width "
                    f"{width:g}, got {config.active[-1]:g}"
                )
            widths[f"{width:g}x"] = {"n_components": n_components, "ratio": width}
            methods = [config.told(method, n_components) for method in config.methods]
            told = Assignment(n_components, 1.0, False, 0, np.zeros((1, n_features)))
            for i, method in enumerate(methods):
                refuse_parameters(method, told, f"`methods[{i}]` ({method.label})")
            for seed in config.seeds:
                order = (width > config.full_width, seed)
                wanted += [
                    (order, job)
                    for method in methods
                    if width <= 1 or config.registry[method.name].overcomplete
                    for job in self._jobs(width, n_components, method, seed)
                ]
        jobs = [job for _, job in sorted(wanted, key=lambda pair: pair[0])]
        return Plan(tuple(jobs), {"widths": widths, "store": self._facts, "middle": config.middle})

    def write_report(self, results: Any) -> Path:
        """See `Study.write_report`; pages of features as well."""
        from overica.lm.study.page import write_study_pages

        return write_study_pages(results.folder, self._open())

    def bench(self, job: Any) -> FeatureBench:
        """See `Study.bench`."""
        assert isinstance(job, FeatureJob)
        return FeatureBench(job, self.config)

    def _open(self) -> Activations:
        return open_store(self.config.activations, self.config.array)

    def _jobs(self, width: float, n_components: int, method: Choice, seed: int) -> list[FeatureJob]:
        """The fits of one method with one seed: one per level, or one for all of them."""
        levels = self.config.levels(width, seed)
        groups = [(k,) for k in levels] if METHODS[method.name].sweeps else [levels]
        jobs = []
        for group in groups:
            if group:
                job = FeatureJob(
                    what=f"{width:g}x", method=method, seed=seed, first=seed == self.config.seed,
                    n_components=n_components, stamp=digest(self._facts),
                    n_active=group[0] if len(group) == 1 else self.config.middle,
                )  # fmt: skip
                jobs.append(job.only([self._cell(job, level) for level in group]))
        return jobs

    def _cell(self, job: FeatureJob, level: float) -> Cell:
        config, matched = self.config, level == self.config.middle
        decides = {
            "store": job.stamp,
            "parts": config.parts,
            "judged": [config.n_evaluated, config.n_scored, config.n_substituted],
            "n_components": job.n_components,
            "matched": matched,
        }
        return job.cell(f"l0={level:g}", decides, target_l0=level, matched=matched)
