"""What a study does: its configuration, from a TOML file or from keywords, checked before anything runs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import joblib

from overica.compare.keys import CHECKS, Choice, choices, dataset_parameters, method_parameters
from overica.compare.methods import METHODS
from overica.compare.suggestions import StudyError, unknown
from overica.datasets import DATASETS

DEFAULT_LEVELS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class StudyConfig:
    """Data sets x methods x levels of sparsity x seeds.

    Make one with `from_keywords` or `from_toml`, which check everything that can be checked without drawing data.

    Examples
    --------
    >>> config = StudyConfig.from_keywords(datasets=["mixture"], methods=["ica", "pca"], n_seeds=2)
    >>> [method.label for method in config.methods], config.seeds
    (['ica', 'pca'], (0, 1))
    >>> StudyConfig.from_keywords(datasets=["mixture"], methods=["icaa"])
    Traceback (most recent call last):
    ...
    overica.compare.suggestions.StudyError: `methods[0]`: unknown method 'icaa'. Did you mean 'ica'...
    """

    datasets: tuple[Choice, ...]
    """Names of `overica.datasets.DATASETS`, or tables of a name, a label and arguments of its maker."""
    methods: tuple[Choice, ...]
    """Names of `METHODS`, or tables of a name, a label and parameters of its class."""
    n_seeds: int = 3
    """Repetitions of every cell."""
    seed: int = 0
    """The first seed; the others follow it."""
    n_components: str | float | int = "true"
    """Features to learn: as many as there truly are ("true"), a ratio of that number (a float), or just so many (an
    int). Of the first two a method whose codes are never negative gets twice as many where sources have both signs,
    since it needs a feature for each sign."""
    levels: tuple[float, ...] = DEFAULT_LEVELS
    """Mean numbers of active features to compare at, as multiples of the true one. The level 1 is the matched one."""
    levels_given: bool = False
    """Whether the study names its levels; default ones that make no sense for a data set are left out, named ones
    are refused."""
    n_samples: int | None = None
    """Samples to draw, those for evaluation included; None is each data set's default."""
    n_evaluated: int = 2000
    """Held-out samples to evaluate on, at most."""
    held_out: float = 0.2
    """Share of the samples that is held out, for data sets without held-out samples of their own."""
    fresh_data: bool = False
    """Draw the data set anew for every seed. Otherwise seeds differ in what the methods draw alone, and the agreement
    between seeds can be measured."""
    sae: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of every sparse autoencoder; those of a method's own table go first."""
    n_jobs: int = -1
    """Cells at a time; -1 is one per processor."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds."""
        return tuple(range(self.seed, self.seed + self.n_seeds))

    @property
    def n_workers(self) -> int:
        """Processes, `n_jobs` resolved as joblib does."""
        workers: int = joblib.effective_n_jobs(self.n_jobs)
        return max(1, workers)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a study.

        Raises
        ------
        StudyError
            If the file cannot be read or is no TOML, a name or key is unknown (naming the nearest), or the study is
            impossible; file and key are named.
        """
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise StudyError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(f"{path}: is not TOML: {error}") from error
        return cls._checked(table, f"{path}, ")

    @classmethod
    def from_keywords(cls, **table: Any) -> Self:
        """The same from Python: keywords are the keys of the TOML file, tables are dicts."""
        return cls._checked(table, "")

    def quick(self) -> Self:
        """The study cut down to a look: the first two data sets, one seed, the matched level."""
        return replace(
            self, datasets=self.datasets[:2], n_seeds=1, levels=(1.0,), levels_given=True
        )

    def as_table(self) -> dict[str, Any]:
        """As JSON holds it."""
        table = {each.name: getattr(self, each.name) for each in fields(self)}
        table["datasets"] = [choice.as_table() for choice in self.datasets]
        table["methods"] = [choice.as_table() for choice in self.methods]
        table["levels"] = list(self.levels)
        table["sae"] = dict(self.sae)
        del table["levels_given"]
        return table

    @staticmethod
    def check(key: str, value: Any) -> Any:
        """One value, checked as that of a key.

        Raises
        ------
        StudyError
            If it is not one that the key may have.
        """
        try:
            return CHECKS[key](value, key)
        except ValueError as error:
            raise StudyError(str(error)) from None

    @classmethod
    def _checked(cls, table: Mapping[str, Any], where: str) -> Self:
        keys = {each.name for each in fields(cls)} - {"levels_given"}
        for key in table:
            if key not in keys:
                raise unknown(f"{where}`{key}`", "key", key, keys)
        values = dict(table)
        for key, kinds, describe in (
            ("datasets", DATASETS, dataset_parameters),
            ("methods", METHODS, method_parameters),
        ):
            noun = {"datasets": "data set", "methods": "method"}[key]
            values[key] = choices(values.get(key), where, key, noun, kinds, describe)
        for key, check in CHECKS.items():
            if key in values:
                try:
                    values[key] = check(values[key], key)
                except ValueError as error:
                    raise StudyError(f"{where}{error}") from None
        sae = values.get("sae", {})
        if not isinstance(sae, Mapping):
            raise StudyError(f"{where}`sae` must be a table of parameters, got {sae!r}")
        values["sae"] = dict(sae)
        valid = {name for m in METHODS.values() if m.family == "sae" for name in m.parameters}
        for key in sae:
            if key not in valid:
                raise unknown(f"{where}`sae`", "parameter", key, valid)
        return cls(**values, levels_given="levels" in table)
