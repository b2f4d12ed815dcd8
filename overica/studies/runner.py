"""Fits side by side: whatever goes wrong in one ends up in its records, and costs no other."""

from __future__ import annotations

import functools
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import joblib
import numpy as np
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from overica.coding import Featuriser
from overica.studies.models import ModelFiles, model_files
from overica.studies.plan import Cell, Job

_MOST_WARNINGS = 10
_WATCH = 2.0
"""Seconds between two looks for the parent."""

Record = dict[str, Any]
"""A line of the results."""


class Bench(Protocol):
    """A fitted method, ready to be examined."""

    @property
    def model(self) -> Featuriser | None:
        """What has learned, to be kept whole; None where there is none to load."""
        ...

    def record(self, cell: Cell) -> Record:
        """The figures of a cell."""
        ...

    def kept(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Arrays that are to be kept, by name, each a file."""
        ...


class Examiner(Protocol):
    """What the runner must know of a study; it travels to other processes."""

    def bench(self, job: Job) -> Bench:
        """Fit."""
        ...

    def heading(self, job: Job, cell: Cell) -> Record:
        """What a record says whether its cell ends well or not."""
        ...


class Outcome(NamedTuple):
    """What a job gives."""

    job: Job
    records: list[Record]
    kept: Mapping[str, Mapping[str, np.ndarray]]
    files: ModelFiles
    """Of the whole model; none of a fit that failed or has none."""


def run_job(study: Examiner, job: Job) -> Outcome:
    """Fit, and fill the job's cells. No exception leaves this function but KeyboardInterrupt and its like."""
    records: list[Record] = []
    kept: Mapping[str, Mapping[str, np.ndarray]] = {}
    files: ModelFiles = {}
    with _one_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            bench = study.bench(job)
        except Exception as error:
            records = [_failed(study, job, cell, error) for cell in job.cells]
        else:
            for cell in job.cells:
                try:
                    done = {"status": "ok", "error": None} | bench.record(cell)
                    records.append(study.heading(job, cell) | done)
                except Exception as error:
                    records.append(_failed(study, job, cell, error))
            kept = bench.kept()
            files = {} if bench.model is None else model_files(bench.model)
    told = [record | {"warnings": _texts(caught)} for record in records]
    return Outcome(job, told, kept, files)


def outcomes(
    study: Examiner, jobs: Sequence[Job], n_workers: int,
    run: Callable[[Examiner, Job], Outcome] = run_job,
) -> Iterator[Outcome]:  # fmt: skip
    """What the jobs give, in the order in which they end."""
    if n_workers == 1 or len(jobs) < 2:
        yield from (run(study, job) for job in jobs)
        return
    waiting = {job.cells[0].name: job for job in jobs}
    try:
        for outcome in _parallel(study, jobs, n_workers, run):
            del waiting[outcome.job.cells[0].name]
            yield outcome
    except TerminatedWorkerError:
        # A worker was killed, for want of memory or by a crash in compiled code, and took its neighbours along. Who
        # it was is not known: the rest run one at a time, each in a process of its own, and only the culprit fails.
        for job in waiting.values():
            try:
                yield from _parallel(study, [job], 2, run)
            except TerminatedWorkerError as error:
                failed = [_failed(study, job, cell, error) for cell in job.cells]
                yield Outcome(job, [record | {"warnings": []} for record in failed], {}, {})


@functools.cache
def _end_with_parent() -> None:
    """See to it that this process ends if the one that gave it work is killed: workers would wait for more."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_worker(study: Examiner, job: Job, run: Callable[[Examiner, Job], Outcome]) -> Outcome:
    _end_with_parent()
    return run(study, job)


def _parallel(
    study: Examiner, jobs: Sequence[Job], n_workers: int, run: Callable[[Examiner, Job], Outcome]
) -> Iterator[Outcome]:
    with joblib.parallel_config(backend="loky", n_jobs=n_workers, inner_max_num_threads=1):
        # One job at a time and worker: fits take seconds, and the bar moves with each.
        parallel = joblib.Parallel(
            return_as="generator_unordered", batch_size=1, pre_dispatch=n_workers
        )
        yield from parallel(joblib.delayed(_in_worker)(study, job, run) for job in jobs)


def _failed(study: Examiner, job: Job, cell: Cell, error: BaseException) -> Record:
    told = {"type": type(error).__name__, "message": str(error) or repr(error)}
    return study.heading(job, cell) | {"status": "failed", "error": told}


def _texts(caught: list[warnings.WarningMessage]) -> list[str]:
    """The warnings, of those that differ in figures alone just the first."""
    texts: dict[str, str] = {}
    for each in caught:
        text = f"{each.category.__name__}: {each.message}"
        texts.setdefault(re.sub(r"[-+.\d]+(e[-+]?\d+)?", "#", text), text)
    return list(texts.values())[:_MOST_WARNINGS]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Fits run side by side, each on one thread of torch; those of BLAS and the kernels are the workers' setting."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
