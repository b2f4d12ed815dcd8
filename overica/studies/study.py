"""A study of any kind: planned, run side by side, and gone on with where an earlier call ended."""

from __future__ import annotations

import platform
from abc import ABC, abstractmethod
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, ClassVar, Self

from tqdm.auto import tqdm

from overica._version import __version__
from overica.persistence import FolderLock
from overica.studies.config import StudyConfig
from overica.studies.plan import Cell, Job, Plan
from overica.studies.results import Results
from overica.studies.runner import Bench, Record, outcomes
from overica.studies.store import MODELS, Kept, Store

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "joblib", "pandas")


class Study(ABC):
    """What x method x level x seed.

    A kind of study derives from this class. It says what its configuration may hold, plans its fits, and examines
    them; running, resuming, locking and keeping are the same for all.

    Parameters
    ----------
    config : StudyConfig, optional
        What to do; keywords may be given instead.
    **keywords
        Keys of the configuration.

    Raises
    ------
    StudyError
        If something in it is unknown, naming the nearest that exists, or impossible.
    """

    config_type: ClassVar[type[StudyConfig]]
    results_type: ClassVar[type[Results]] = Results
    pages: ClassVar[str]
    """Module with `write_report`, and with `answer` and `findings` of what came out, imported when there is any."""

    def __init__(self, config: StudyConfig | None = None, **keywords: Any) -> None:
        if config is not None and keywords:
            raise ValueError(
                f"`config` must be None where keywords are given, got {sorted(keywords)}"
            )
        self.config: Any = config or self.config_type.from_keywords(**keywords)

    @property
    def axis(self) -> str:
        """What the fits differ in besides method, seed and level: a column of the results."""
        return self.results_type.axis

    @property
    def kind(self) -> str:
        """In the header of a folder, and in a TOML file."""
        return str(self.config.kind)

    @classmethod
    def default_config(cls) -> Any:
        """What is done if nothing is said."""
        return cls.config_type.from_keywords()

    @classmethod
    def default(cls) -> Self:
        """The study that is run if nothing is said."""
        return cls(config=cls.default_config())

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """A study from a TOML file, see `StudyConfig`."""
        return cls(config=cls.config_type.from_toml(path))

    @abstractmethod
    def plan(self) -> Plan:
        """All cells; nothing is fitted."""

    @abstractmethod
    def bench(self, job: Job) -> Bench:
        """Fit a job's method, ready to be examined. Called in other processes too."""

    def write_report(self, results: Any) -> Path:
        """Write the pages of results into their folder, whether the study came to its end or not; the first page."""
        found: Path = import_module(self.pages).write_report(results)
        return found

    def said(self, results: Any) -> str:
        """What came out, in sentences for a terminal."""
        pages = import_module(self.pages)
        told = (f"- {name}: {text}" for name, text in pages.findings(results))
        return "\n".join([pages.answer(results), *told])

    def header(self, plan: Plan) -> dict[str, Any]:
        """What ``study.json`` says besides what it says of every study."""
        return dict(plan.facts)

    def run(
        self, folder: str | Path | None = None, *, progress: bool = True, fresh: bool = False
    ) -> Any:
        """Run all cells that have not ended well before.

        Parameters
        ----------
        folder : path, optional
            Where results are written as they come, and read from if the study has been run there before: a cell whose
            configuration has not changed is not run again, unless it failed. Cells of other configurations are kept
            aside and come back with theirs. Without a folder nothing is written.
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
            If the study is impossible, or the folder holds something else; before anything is fitted.
        BlockingIOError
            If another call runs in the same folder.
        KeyboardInterrupt
            As it comes; the cells that have ended are in the folder.
        """
        if folder is None:
            return self._run(self.plan(), None, progress=progress, fresh=fresh)
        store = Store.check(Path(folder), self.kind)
        plan = self.plan()
        store.make()
        with FolderLock(store.folder):
            return self._run(plan, store, progress=progress, fresh=fresh)

    def heading(self, job: Job, cell: Cell) -> Record:
        """See `Examiner.heading`."""
        method = self.config.registry[job.method.name]
        return {
            "cell": cell.name,
            "config": cell.config,
            self.axis: job.what,
            "method": job.method.label,
            "label": self._label(job),
            "family": method.family,
            "reference": method.reference,
            "seed": job.seed,
            **cell.facts,
        }

    def _run(self, plan: Plan, store: Store | None, *, progress: bool, fresh: bool) -> Results:
        wanted = {cell.name: cell.config for cell in plan.cells}
        header = self._header(plan)
        records: dict[str, Record] = {}
        if store is not None:
            records = {record["cell"]: record for record in store.resume(wanted, fresh=fresh)}
            store.write_header(header)
        pending = []
        for job in plan.jobs:
            missing = [cell for cell in job.cells if cell.name not in records]
            if missing:
                pending.append(job.only(missing))
        held: dict[str, Kept] = {}
        with tqdm(
            total=len(wanted), initial=len(records), desc=self.kind.replace("_", " "), unit="cell",
            disable=not progress, dynamic_ncols=True,
        ) as bar:  # fmt: skip
            bar.refresh()
            for job, found, kept, files in outcomes(self, pending, self.config.n_workers):
                paths = {name: f"{name}/{job.key}.npz" for name in kept}
                new: dict[str, Kept] = {path: kept[name] for name, path in paths.items()}
                if files:
                    paths[MODELS] = f"{MODELS}/{job.key}"
                    new[paths[MODELS]] = files
                for path, what in new.items():
                    if store is None:
                        held[path] = what
                    else:
                        store.keep(path, what)
                found = [r | ({"kept": paths} if r["status"] == "ok" else {}) for r in found]
                if store is not None:
                    store.append(found)
                records |= {record["cell"]: record for record in found}
                failed = sum(record["status"] != "ok" for record in records.values())
                bar.set_postfix({"failed": failed} if failed else {}, refresh=False)
                bar.update(len(found))
        folder = None if store is None else store.folder
        return self.results_type([records[name] for name in wanted], header, folder, held)

    def _label(self, job: Job) -> str:
        """What a method is called in print: its label in the study if it has one, else that of the method."""
        given, known = job.method.label, self.config.registry[job.method.name].label
        return known if given == job.method.name else given

    def _header(self, plan: Plan) -> dict[str, Any]:
        jobs = {job.method.label: job for job in plan.jobs}
        return {
            "kind": self.kind,
            "axis": self.axis,
            "study": self.config.as_table(),
            **self.header(plan),
            "methods": {
                label: {
                    "label": self._label(job),
                    "family": self.config.registry[job.method.name].family,
                    "sweeps": self.config.registry[job.method.name].sweeps,
                    "parameters": dict(job.method.arguments),
                }
                for label, job in jobs.items()
            },
            "cells": len(plan.cells),
            "versions": {
                "overica": __version__,
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in _LIBRARIES},
            },
        }
