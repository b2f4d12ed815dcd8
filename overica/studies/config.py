"""What a study does: its configuration, from a TOML file or from keywords, checked before anything runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import joblib

from overica.studies import checks
from overica.studies.choices import Choice, choices
from overica.studies.errors import StudyError, unknown
from overica.studies.method import Method
from overica.studies.registry import METHODS


def key(default: Any, check: checks.Check) -> Any:
    """A key of a configuration: what it is if it is not given, and what it may hold."""
    metadata = {"check": check}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


class Listed(NamedTuple):
    """A key that lists entries of a registry."""

    noun: str
    registry: Mapping[str, Any]
    parameters: Callable[[str], frozenset[str]]
    """Names of the arguments that an entry takes."""


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Methods x seeds, and what each kind of study adds as keys of its own.

    Make one with `from_keywords` or `from_toml`, which check everything that can be checked without data. A kind of
    study derives from this class: its keys are fields that are made with `key`.

    Examples
    --------
    >>> config = StudyConfig.from_keywords(methods=["ica", "pca"], n_seeds=2)
    >>> [method.label for method in config.methods], config.seeds
    (['ica', 'pca'], (0, 1))
    >>> StudyConfig.from_keywords(methods=["icaa"])
    Traceback (most recent call last):
    ...
    overica.studies.errors.StudyError: `methods[0]`: unknown method 'icaa'. Did you mean 'ica'...
    """

    kind: ClassVar[str] = ""
    """Of the study; a file may name it as its key `kind`."""
    default_methods: ClassVar[tuple[Any, ...]] = ()
    """Where a study lists none."""
    registry: ClassVar[Mapping[str, Method]] = METHODS
    """The methods that a study may list."""
    families: ClassVar[tuple[str, ...]] = ("ica", "sae")
    """Families of methods for which there is a table of parameters."""

    methods: tuple[Choice, ...] = ()
    """Names of `METHODS`, or tables of a name, a label and parameters of its class."""
    n_seeds: int = key(3, checks.count)
    """Repetitions of every cell."""
    seed: int = key(0, checks.whole)
    """The first seed; the others follow it."""
    ica: Mapping[str, Any] = key({}, checks.table)
    """Parameters of every overcomplete ICA; those of a method's own table go first."""
    sae: Mapping[str, Any] = key({}, checks.table)
    """Parameters of every sparse autoencoder, likewise."""
    n_jobs: int = key(-1, checks.processes)
    """Fits at a time; -1 is one per processor."""

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
        return cls._checked(read_toml(path), f"{path}, ")

    @classmethod
    def from_keywords(cls, **table: Any) -> Self:
        """The same from Python: keywords are the keys of the TOML file, tables are dicts."""
        return cls._checked(table, "")

    def changed(self, **table: Any) -> Self:
        """The same with other values of some keys, which are checked; None leaves a key as it is.

        Of `ica` and `sae` the parameters that are given change, and the others stay.
        """
        before = self.as_table()
        given = {name: value for name, value in table.items() if value is not None}
        for family in given.keys() & {*self.families}:
            given[family] = {**before[family], **given[family]}
        return type(self)._checked(before | given, "")

    def quick(self) -> Self:
        """The study cut down to a look."""
        return replace(self, n_seeds=1)

    def arguments(self, method: Choice) -> Choice:
        """A method with the parameters that the study gives all of its family, where it takes them."""
        known = self.registry[method.name]
        table = getattr(self, known.family) if known.family in self.families else {}
        shared = {name: value for name, value in table.items() if name in known.parameters}
        return replace(method, arguments={**shared, **method.arguments})

    def as_table(self) -> dict[str, Any]:
        """As JSON and TOML hold it."""
        table = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in self.lists():
            table[name] = [choice.as_table() for choice in table[name]]
        for name in self._unused():
            del table[name]
        lists = {k: list(v) if isinstance(v, tuple) else v for k, v in table.items()}
        return {"kind": self.kind, **lists}

    @classmethod
    def lists(cls) -> dict[str, Listed]:
        """The keys that list entries of registries."""
        return {
            "methods": Listed("method", cls.registry, lambda name: cls.registry[name].parameters)
        }

    @classmethod
    def _unused(cls) -> list[str]:
        """Tables of families that this kind of study has no methods of."""
        return [family for family in StudyConfig.families if family not in cls.families]

    @classmethod
    def _checked(cls, table: Mapping[str, Any], where: str) -> Self:
        known = {each.name: each.metadata.get("check") for each in fields(cls)}
        values = dict(table)
        kind = values.pop("kind", cls.kind)
        if kind != cls.kind:
            raise StudyError(f"{where}`kind` must be {cls.kind!r} here, got {kind!r}")
        for name in cls._unused():
            del known[name]
        for name in values:
            if name not in known:
                raise unknown(f"{where}`{name}`", "key", name, known)
        if cls.default_methods:
            values.setdefault("methods", list(cls.default_methods))
        for name, listed in cls.lists().items():
            values[name] = choices(values.get(name), where, name, *listed)
        for name, check in known.items():
            if name in values and check is not None:
                try:
                    values[name] = check(values[name], name)
                except ValueError as error:
                    raise StudyError(f"{where}{error}") from None
        for family in cls.families:
            valid = {p for m in cls.registry.values() if m.family == family for p in m.parameters}
            for parameter in values.get(family, {}):
                if parameter not in valid:
                    raise unknown(f"{where}`{family}`", "parameter", parameter, valid)
        return cls(**values)


def read_toml(path: str | Path) -> dict[str, Any]:
    """The keys of a TOML file.

    Raises
    ------
    StudyError
        If the file cannot be read or is no TOML: names it.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        json.dumps(table)
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: is not TOML: {error}") from error
    except TypeError as error:
        # Dates and times are TOML, and no value of any key.
        raise StudyError(f"{path}: must hold words, numbers, lists and tables: {error}") from None
    return table
