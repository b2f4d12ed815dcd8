"""The study of separation: every way on every set of mixtures, a mixture for each seed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from overica._extras import import_extra
from overica.separation.mixture_sets import MIXTURES
from overica.separation.separation_bench import SeparationBench, SeparationJob, load
from overica.separation.ways import WAYS
from overica.studies import (
    Bench,
    Method,
    Plan,
    Results,
    Study,
    StudyConfig,
    StudyError,
    checks,
    key,
)
from overica.studies.choices import Choice
from overica.studies.config import Listed


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
    pages: ClassVar[str] = "overica.separation.separation_page"

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


def _arguments(name: str) -> frozenset[str]:
    return frozenset(inspect.signature(MIXTURES[name]).parameters) - {"seed"}
