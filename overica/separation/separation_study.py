"""The study of separation: every way on every set of mixtures, a mixture for each seed."""

from __future__ import annotations

import functools
import inspect
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from overica.metrics.words import GROUPS, WORDS, Words
from overica.separation.extras import import_extra
from overica.separation.mixing import fix_signs
from overica.separation.mixture_sets import MIXTURES, Drawn
from overica.separation.separation_scores import evaluate_separation
from overica.separation.ways import WAYS, Estimate
from overica.studies import (
    Bench,
    Cell,
    Job,
    Method,
    Plan,
    Record,
    Results,
    Study,
    StudyConfig,
    StudyError,
    checks,
    key,
)
from overica.studies.choices import Choice
from overica.studies.config import Listed

GROUPS |= {"sound": "Sound: separated sources against the true ones, decibels"}
WORDS |= {
    "sdr": Words("SDR", "sound", "Source to distortion ratio, mean over the sources."),
    "sir": Words("SIR", "sound", "Source to interference ratio, mean over the sources."),
    "sar": Words("SAR", "sound", "Source to artefacts ratio, mean over the sources."),
    "angle_error": Words(
        "angle error", "directions", "Largest angle between a true direction and the nearest learned one, degrees.",
        -np.inf, 3,
    ),
    "count_found": Words(
        "number found", "directions", "Whether the number of sources is found when it is not given.", 1.0
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SeparationConfig(StudyConfig):
    """Sets of mixtures x ways x seeds, see `StudyConfig`; the seeds are the mixtures of a set.

    Examples
    --------
    >>> config = SeparationConfig.from_keywords(mixtures=[{"name": "talkers", "n_talkers": 4}])
    >>> [method.name for method in config.methods][:3]
    ['gaussian', 'l1', 'l1_true']
    """

    kind: ClassVar[str] = "separation"
    registry: ClassVar[Mapping[str, Method]] = WAYS
    families: ClassVar[tuple[str, ...]] = ()
    default_methods: ClassVar[tuple[Any, ...]] = (
        "gaussian", "l1", "l1_true", "ideal_mask", "wiener", "mixture", "auto",
    )  # fmt: skip

    mixtures: tuple[Choice, ...] = ()
    """Names of `MIXTURES`, or tables of a name, a label and arguments: n_talkers, n_seconds, folder, ..."""
    n_seeds: int = key(4, checks.count)
    """Mixtures of each set."""
    filter_length: int = key(1, checks.count)
    """See `evaluate_separation`."""

    @classmethod
    def lists(cls) -> dict[str, Listed]:
        """See `StudyConfig.lists`."""
        return {"mixtures": Listed("set of mixtures", MIXTURES, _arguments), **super().lists()}

    def quick(self) -> Self:
        """The first set of mixtures, five seconds of one mixture."""
        first = self.mixtures[0]
        short = replace(first, arguments={**first.arguments, "n_seconds": 5})
        return replace(super().quick(), mixtures=(short,))


@dataclass(frozen=True, kw_only=True)
class SeparationJob(Job):
    """One way on one mixture."""

    sources: ClassVar[tuple[str, ...]] = tuple(
        f"separation/{name}.py"
        for name in (
            *(
                "mixture_sets",
                "ways",
                "separation_study",
                "separation_scores",
                "bss_eval",
                "separate",
            ),
            *(
                "separator",
                "separators",
                "sound",
                "stft",
                "mixing",
                "direction_clusters",
                "quality",
            ),
            *("gaussian", "ensemble", "factors", "complex_codes"),
        )
    )

    mixture: Choice


class SeparationBench:
    """What one way makes of one mixture, examined; see `overica.studies.Bench`."""

    def __init__(self, job: SeparationJob, filter_length: int) -> None:
        self.mixture = load(job.mixture, job.seed)
        self.filter_length = filter_length
        wall, cpu = time.perf_counter(), time.process_time()
        self.estimate: Estimate = WAYS[job.method.name].build(self.mixture, **job.method.arguments)
        self.costs = {
            "fit_seconds": time.perf_counter() - wall,
            "fit_cpu_seconds": time.process_time() - cpu,
            "fit_flops": None,
        }

    def record(self, cell: Cell) -> Record:
        """See `Bench.record`."""
        figures: dict[str, float] = {}
        directions = None
        found, truth = self.estimate, self.mixture
        if found.sources is not None:
            scores = evaluate_separation(
                truth.sources, found.sources, filter_length=self.filter_length
            ).mean()
            figures |= {name: scores[name] for name in ("sdr", "sir", "sar")}
        if found.mixing is not None:
            figures["angle_error"] = angle_error(found.mixing, truth.mixing)
            directions = {
                "learned": found.mixing.T.tolist(),
                "true": fix_signs(truth.mixing).T.tolist(),
            }
        if found.n_sources is not None:
            figures["count_found"] = float(found.n_sources == truth.mixing.shape[1])
        metrics = {name: {"value": value} for name, value in figures.items()}
        return {"metrics": metrics, "directions": directions, "talkers": truth.names} | self.costs

    def kept(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """See `Bench.kept`."""
        return {}


class SeparationResults(Results):
    """What a study of separation found, see `overica.studies.Results`."""

    axis: ClassVar[str] = "mixture"
    main_metric: ClassVar[str] = "sdr"


class SeparationStudy(Study):
    """Separate more sources than channels in every way, and compare with the true ones.

    A set of mixtures (`MIXTURES`) gives a mixture for each seed. Every method of `separate` is there blind, with the
    number of sources given, and with the true directions; beside them what an ideal mask and a Wiener filter make of
    what nobody knows, and the mixture itself.

    Parameters
    ----------
    config : SeparationConfig, optional
    **keywords
        Keys of `SeparationConfig`: mixtures, methods, n_seeds, seed, filter_length, n_jobs.

    Raises
    ------
    StudyError
        If something in it is unknown, naming the nearest that exists, or impossible.
    ImportError
        If the extra ``audio`` is not installed.

    Examples
    --------
    >>> mixtures = [{"name": "talkers", "n_talkers": 3, "n_seconds": 2}]
    >>> study = SeparationStudy(mixtures=mixtures, methods=["l1", "mixture"], n_seeds=1, n_jobs=1)
    >>> sdr = study.run(progress=False).table().loc["talkers", "mean"]
    >>> bool(sdr["l1"] > sdr["mixture"] + 6)
    True
    """

    config_type: ClassVar[type[SeparationConfig]] = SeparationConfig
    results_type: ClassVar[type[Results]] = SeparationResults
    axis: ClassVar[str] = "mixture"

    @classmethod
    def default_config(cls) -> SeparationConfig:
        """Three and four talkers at two microphones."""
        sets = [{"name": "talkers", "label": f"{n} talkers", "n_talkers": n} for n in (3, 4)]
        return SeparationConfig.from_keywords(mixtures=sets)

    def plan(self) -> Plan:
        """All cells; a mixture of each set is drawn, nothing is separated."""
        import_extra("fast_bss_eval")
        jobs, known = [], {}
        for i, mixture in enumerate(self.config.mixtures):
            try:
                first = load(mixture, self.config.seed)
            except (TypeError, ValueError) as error:
                raise StudyError(f"`mixtures[{i}]` ({mixture.label}): {error}") from error
            n_frames, n_sources = first.sources.shape
            seconds = n_frames / first.sample_rate
            known[mixture.label] = {
                "description": f"{n_sources} talkers at {first.x.shape[1]} microphones, {seconds:g} s",
                "n_sources": n_sources,
            }
            for method in self.config.methods:
                for seed in self.config.seeds:
                    job = SeparationJob(
                        mixture.label, method, seed, first=seed == self.config.seed, mixture=mixture
                    )
                    decides = {
                        "mixture": [mixture.name, dict(mixture.arguments)],
                        "filter_length": self.config.filter_length,
                    }
                    jobs.append(job.only([job.cell("own", decides, target_l0=None, matched=True)]))
        return Plan(tuple(jobs), {"mixtures": known})

    def bench(self, job: Any) -> Bench:
        """See `Study.bench`."""
        assert isinstance(job, SeparationJob)
        return SeparationBench(job, self.config.filter_length)

    def said(self, results: Any) -> str:
        """See `Study.said`."""
        from overica.separation.separation_page import answer, findings

        return "\n".join(
            [answer(results), *(f"- {what}: {text}" for what, text in findings(results))]
        )

    def write_report(self, results: Any) -> Path:
        """See `Study.write_report`."""
        from overica.separation.separation_page import write_report

        return write_report(results)


def angle_error(learned: np.ndarray, true: np.ndarray) -> float:
    """Largest angle between a true direction and the nearest learned one, degrees; columns are of unit length.

    Examples
    --------
    >>> round(angle_error(np.eye(2), np.array([[-1.0, 0.6], [0.0, 0.8]])), 2)
    36.87
    """
    nearest = np.minimum(np.abs(learned.T @ true).max(axis=0), 1.0)
    return float(np.degrees(np.arccos(nearest.min())))


def load(mixture: Choice, seed: int) -> Drawn:
    """A mixture; the last few are kept, since the cells of a process share them."""
    return _load(mixture.name, json.dumps(dict(mixture.arguments), sort_keys=True), seed)


@functools.lru_cache(maxsize=4)
def _load(name: str, arguments: str, seed: int) -> Drawn:
    return MIXTURES[name](seed, **json.loads(arguments))


def _arguments(name: str) -> frozenset[str]:
    return frozenset(inspect.signature(MIXTURES[name]).parameters) - {"seed"}
