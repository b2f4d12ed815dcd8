"""The study of data with a known truth: every method on every data set, at every level of sparsity, with every seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from overica.compare.bench import KnownTruthBench
from overica.compare.config import KnownTruthConfig
from overica.compare.planning import KnownTruthJob, plan
from overica.compare.verdict import Verdict, verdict
from overica.studies import Plan, Results, Study

DEFAULT_STUDY = Path(__file__).with_name("default.toml")
"""The study of ``make compare``."""


class KnownTruthResults(Results):
    """What a study of known truth found, see `overica.studies.Results`.

    Examples
    --------
    >>> from overica.compare import Study
    >>> few = {"name": "mixture", "n_samples": 600, "n_features": 2, "n_components": 3}
    >>> results = Study(datasets=[few], methods=["pca", "random"], n_seeds=1, n_jobs=1).run(
    ...     progress=False
    ... )
    >>> list(results.whats), len(results.verdict().findings)
    (['mixture'], 1)
    """

    def verdict(self) -> Verdict:
        """What came out, in sentences."""
        return verdict(self)

    def __str__(self) -> str:
        return str(self.verdict())


class KnownTruthStudy(Study):
    """Every method on every data set, at every level of sparsity, with every seed.

    A method is told the number of features to learn, whether sources may be negative, and, if it is one that can be
    told, how many are to be active: the sparse autoencoders and dictionary learning are fitted once per level. The
    others are fitted once, and their features encoded by exact MAP at each level. What is fitted is examined on
    held-out samples.

    Parameters
    ----------
    config : KnownTruthConfig, optional
    **keywords
        Keys of `KnownTruthConfig`: datasets, methods, n_seeds, seed, n_components, levels, n_samples, ...

    Raises
    ------
    StudyError
        If something in it is unknown, naming the nearest that exists, or impossible.

    Examples
    --------
    >>> study = KnownTruthStudy(
    ...     datasets=[{"name": "mixture", "n_samples": 600, "n_features": 2, "n_components": 3}],
    ...     methods=["pca", "random"],
    ...     n_seeds=1,
    ...     n_jobs=1,
    ... )
    >>> result = study.run(progress=False)
    >>> result.table("mean_cosine").loc[("mixture", "random"), "chance"].round(1)
    np.float64(0.8)
    """

    config_type: ClassVar[type[KnownTruthConfig]] = KnownTruthConfig
    results_type: ClassVar[type[Results]] = KnownTruthResults

    @classmethod
    def default_config(cls) -> KnownTruthConfig:
        """The study of ``make compare``: the file ``default.toml`` of this package."""
        return KnownTruthConfig.from_toml(DEFAULT_STUDY)

    def plan(self) -> Plan:
        """All cells; data sets are drawn, nothing is fitted."""
        return plan(self.config)

    def bench(self, job: Any) -> KnownTruthBench:
        """See `Study.bench`."""
        assert isinstance(job, KnownTruthJob)
        return KnownTruthBench(job)

    def said(self, results: Any) -> str:
        """See `Study.said`."""
        return str(results)

    def write_report(self, results: Any) -> Path:
        """See `Study.write_report`."""
        from overica.compare.page import write_report

        return write_report(results.folder)
