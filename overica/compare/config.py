"""What a study of data with a known truth may hold."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from overica.datasets import DATASETS
from overica.studies import StudyConfig, checks, key
from overica.studies.choices import Choice
from overica.studies.config import Listed


def _n_components(value: Any, name: str) -> str | float | int:
    if isinstance(value, str):
        if value != "true":
            raise ValueError(f'`{name}` must be "true", a ratio or a number, got {value!r}')
        return value
    return checks.positive(value, name) if isinstance(value, float) else checks.count(value, name)


def _samples(value: Any, name: str) -> int:
    if checks.count(value, name) < 10:
        raise ValueError(f"`{name}` must be an integer >= 10, got {value!r}")
    return int(value)


def _parameters(name: str) -> frozenset[str]:
    """Arguments of a data set that a study may give."""
    return frozenset(inspect.signature(DATASETS[name]).parameters) - {"random_state"}


@dataclass(frozen=True, kw_only=True)
class KnownTruthConfig(StudyConfig):
    """Data sets x methods x levels of sparsity x seeds, see `StudyConfig`.

    Examples
    --------
    >>> config = KnownTruthConfig.from_keywords(datasets=["mixture"], methods=["pca"])
    >>> config.levels, config.held_out
    ((0.5, 1.0, 2.0), 0.2)
    """

    kind: ClassVar[str] = "known_truth"

    datasets: tuple[Choice, ...] = ()
    """Names of `overica.datasets.DATASETS`, or tables of a name, a label and arguments of its maker."""
    n_components: str | float | int = key("true", _n_components)
    """Features to learn: "true", a ratio to the true number, or a number."""
    levels: tuple[float, ...] = key((0.5, 1.0, 2.0), checks.ascending("multiples of the true L0"))
    """Mean numbers of active features to compare at, as multiples of the true one. The level 1 is the matched one.
    Of the default ones those that make no sense for a data set are left out, others are refused."""
    n_samples: int | None = key(None, checks.optional(_samples))
    """Samples to draw, those for evaluation included; None is each data set's default."""
    n_evaluated: int = key(2000, checks.count)
    """Held-out samples to evaluate on, at most."""
    held_out: float = key(0.2, checks.share)
    """Share of the samples that is held out, for data sets without held-out samples of their own."""
    fresh_data: bool = key(False, checks.flag)
    """Draw the data set anew for every seed. Otherwise seeds differ in what the methods draw alone, and the agreement
    between seeds can be measured."""
    _lists: ClassVar[Mapping[str, Listed]] = {"datasets": Listed("data set", DATASETS, _parameters)}

    @classmethod
    def lists(cls) -> dict[str, Listed]:
        """See `StudyConfig.lists`."""
        return {**cls._lists, **super().lists()}

    def quick(self) -> Self:
        """The study cut down to a look: the first two data sets, one seed, the matched level."""
        return replace(super().quick(), datasets=self.datasets[:2], levels=(1.0,))
