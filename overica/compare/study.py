"""A study: its cells run side by side, and go on where an earlier call ended."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm.auto import tqdm

from overica._version import __version__
from overica.coding import Dictionary
from overica.compare.cell import Record, failed_records, label_of, run_job
from overica.compare.config import StudyConfig
from overica.compare.methods import METHODS
from overica.compare.plan import Job, Plan, plan
from overica.compare.results import Results
from overica.compare.store import Store
from overica.persistence import FolderLock

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "joblib", "pandas")

DEFAULT_STUDY = Path(__file__).with_name("default.toml")
"""The study of ``make compare``."""

Outcome = tuple[Job, list[Record], Dictionary | None]


class Study:
    """Every method on every data set, at every level of sparsity, with every seed.

    A method is told the number of features to learn, whether sources may be negative, and, if it is one that can be
    told, how many are to be active: the sparse autoencoders and dictionary learning are fitted once per level. The
    others are fitted once, and their features encoded by exact MAP at each level. What is fitted is examined on
    held-out samples.

    Parameters
    ----------
    datasets : list of str or dict
        Names of `overica.datasets.DATASETS`, or dicts of a ``name``, a ``label`` and arguments.
    methods : list of str or dict
        Names of `METHODS`, or dicts of a ``name``, a ``label`` and parameters.
    **keywords
        Everything else in `StudyConfig`: n_seeds, seed, n_components, levels, n_samples, ...

    Raises
    ------
    StudyError
        If something in it is unknown, naming the nearest that exists, or impossible.

    Examples
    --------
    >>> study = Study(
    ...     datasets=[{"name": "mixture", "n_samples": 600, "n_features": 2, "n_components": 3}],
    ...     methods=["pca", "random"],
    ...     n_seeds=1,
    ...     n_jobs=1,
    ... )
    >>> result = study.run(progress=False)
    >>> result.table("mean_cosine").loc[("mixture", "random"), "chance"].round(1)
    np.float64(0.8)
    """

    def __init__(
        self, datasets: Sequence[Any] = (), methods: Sequence[Any] = (), **keywords: Any
    ) -> None:
        self.config = StudyConfig.from_keywords(datasets=datasets, methods=methods, **keywords)

    @classmethod
    def of(cls, config: StudyConfig) -> Self:
        """A study of a configuration that is already made."""
        study = cls.__new__(cls)
        study.config = config
        return study

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """A study from a TOML file, see `StudyConfig`."""
        return cls.of(StudyConfig.from_toml(path))

    @classmethod
    def default(cls) -> Self:
        """The study of ``make compare``: the file ``default.toml`` of this package."""
        return cls.from_toml(DEFAULT_STUDY)

    def plan(self) -> Plan:
        """All cells; data sets are drawn, nothing is fitted."""
        return plan(self.config)

    def run(
        self, folder: str | Path | None = None, *, progress: bool = True, fresh: bool = False
    ) -> Results:
        """Run all cells that have not ended well before.

        Parameters
        ----------
        folder : path, optional
            Where results are written as they come, and read from if the study has been run there before: a cell whose
            configuration has not changed is not run again, unless it failed. Without a folder nothing is written.
        progress : bool
            Show a bar over the cells.
        fresh : bool
            Run everything anew.

        Returns
        -------
        Results

        Raises
        ------
        StudyError
            If the study is impossible; before anything is fitted.
        BlockingIOError
            If another call runs in the same folder.
        KeyboardInterrupt
            As it comes; the cells that have ended are in the folder.
        """
        whole = self.plan()
        if folder is None:
            return self._run(whole, None, progress=progress, fresh=fresh)
        store = Store(Path(folder))
        with FolderLock(store.folder):
            return self._run(whole, store, progress=progress, fresh=fresh)

    def _run(self, whole: Plan, store: Store | None, *, progress: bool, fresh: bool) -> Results:
        wanted = {cell.name: cell.config for cell in whole.cells}
        header = self._header(whole)
        records: dict[str, Record] = {}
        if store is not None:
            records = {record["cell"]: record for record in store.resume(wanted, fresh=fresh)}
            store.write_header(header)
        pending = []
        for job in whole.jobs:
            missing = [cell for cell in job.cells if cell.name not in records]
            if missing:
                pending.append(job.only(missing))
        dictionaries: dict[str, Dictionary] = {}
        with tqdm(
            total=len(wanted), initial=len(records), desc="compare", unit="cell",
            disable=not progress, dynamic_ncols=True,
        ) as bar:  # fmt: skip
            for job, found, dictionary in _outcomes(pending, self.config.n_workers):
                if dictionary is not None:
                    path = f"dictionaries/{job.fit_key}.npz"
                    if store is not None:
                        path = store.keep_dictionary(job.fit_key, dictionary)
                    else:
                        dictionaries[path] = dictionary
                    for record in found:
                        record["dictionary"] = path
                if store is not None:
                    store.append(found)
                records |= {record["cell"]: record for record in found}
                failed = sum(record["status"] != "ok" for record in records.values())
                bar.set_postfix({"failed": failed} if failed else {}, refresh=False)
                bar.update(len(found))
        ordered = [records[name] for name in wanted]
        return Results(
            ordered,
            header,
            folder=None if store is None else store.folder,
            dictionaries=dictionaries,
        )

    def _header(self, whole: Plan) -> dict[str, Any]:
        labels = {job.method.label: job for job in whole.jobs}
        return {
            "study": self.config.as_table(),
            "datasets": whole.datasets,
            "methods": {
                label: {
                    "label": label_of(job),
                    "family": METHODS[job.method.name].family,
                    "sweeps": METHODS[job.method.name].sweeps,
                    "parameters": dict(job.method.arguments),
                }
                for label, job in labels.items()
            },
            "cells": len(whole.cells),
            "versions": {
                "overica": __version__,
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in _LIBRARIES},
            },
        }


def _one(job: Job) -> Outcome:
    return job, *run_job(job)


def _outcomes(
    jobs: Sequence[Job], n_workers: int, run: Callable[[Job], Outcome] = _one
) -> Iterator[Outcome]:
    """What the jobs give, in the order in which they end."""
    if n_workers == 1 or len(jobs) < 2:
        yield from map(run, jobs)
        return
    waiting = {job.cells[0].name: job for job in jobs}
    try:
        for outcome in _parallel(jobs, n_workers, run):
            del waiting[outcome[0].cells[0].name]
            yield outcome
    except TerminatedWorkerError:
        # A worker was killed, for want of memory or by a crash in compiled code, and took its neighbours along. Who
        # it was is not known: the rest run one at a time, each in a process of its own, and only the culprit fails.
        for job in waiting.values():
            try:
                yield from _parallel([job], 2, run)
            except TerminatedWorkerError as error:
                yield job, failed_records(job, error), None


def _parallel(
    jobs: Sequence[Job], n_workers: int, run: Callable[[Job], Outcome]
) -> Iterator[Outcome]:
    with joblib.parallel_config(backend="loky", n_jobs=n_workers, inner_max_num_threads=1):
        # One job at a time and worker: fits take seconds, and the bar moves with each.
        parallel = joblib.Parallel(
            return_as="generator_unordered", batch_size=1, pre_dispatch=n_workers
        )
        yield from parallel(joblib.delayed(run)(job) for job in jobs)
