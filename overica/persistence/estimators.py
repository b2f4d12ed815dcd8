"""Estimators that are saved to a folder and loaded from it."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from overica._version import __version__
from overica.persistence.checkpoint import (
    ARRAYS,
    CONFIG,
    damage_named,
    read_checkpoint,
    write_checkpoint,
)


class Persistent:
    """Mixin of estimators that are saved to a folder and loaded from it.

    An estimator says what it holds in `_stored` and takes it back in `_restore`. Parameters are stored as far as
    JSON has words for them; the others (callbacks, generators, instances of one's own classes) come back as their
    defaults.
    """

    arrays_file: ClassVar[str] = ARRAYS
    config_file: ClassVar[str] = CONFIG

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a folder, made if missing: arrays in safetensors, everything else in JSON.

        Whatever happens on the way, the folder holds what it held before or all of the new. The format holds numbers
        and text only: loading it runs no code.

        Parameters
        ----------
        folder : path

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        arrays, facts = self._stored()
        facts = {
            "format": self._format(),
            "version": __version__,
            "parameters": expressible(self.get_params(deep=False)),  # type: ignore[attr-defined]
            **facts,
        }
        files = {"arrays_file": self.arrays_file, "config_file": self.config_file}
        write_checkpoint(folder, arrays, self._framed(facts), **files)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """The estimator that `save` wrote to a folder.

        Parameters
        ----------
        folder : path

        Returns
        -------
        estimator

        Raises
        ------
        FileNotFoundError
            If the folder holds no such files.
        ValueError
            If they are damaged, or hold something else.
        """
        arrays, config = read_checkpoint(
            folder, arrays_file=cls.arrays_file, config_file=cls.config_file
        )
        facts = cls._unframed(config)
        found = facts.get("format") if isinstance(facts, dict) else None
        if found != cls._format():
            raise ValueError(
                f"`folder` must hold format {cls._format()!r}, got {found!r} in {os.fspath(folder)!r}"
            )
        kind = cls._kind(facts)
        with damage_named(f"{cls.config_file} or {cls.arrays_file} of {os.fspath(folder)}"):
            known = kind._get_param_names()  # type: ignore[attr-defined]
            # JSON has lists where parameters are tuples.
            estimator = kind(**{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in facts["parameters"].items()
                if name in known
            })  # fmt: skip
            estimator._restore(arrays, facts)
        return estimator

    @classmethod
    def _format(cls) -> str:
        """What the files say they hold."""
        return f"overica {cls.__name__}"

    @classmethod
    def _kind(cls, facts: Mapping[str, Any]) -> type[Self]:
        """The class that was saved."""
        return cls

    def _framed(self, facts: dict[str, Any]) -> dict[str, Any]:
        """The configuration with the facts in it: they themselves, unless the files are others' too."""
        return facts

    @classmethod
    def _unframed(cls, config: dict[str, Any]) -> Any:
        """The facts in a configuration."""
        return config

    @abstractmethod
    def _stored(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays, and facts that JSON can hold."""

    @abstractmethod
    def _restore(self, arrays: dict[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Set the fitted attributes."""


def expressible(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that JSON has words for, arrays as lists.

    Examples
    --------
    >>> expressible({"width": np.int64(3), "start": np.eye(2), "callback": print})
    {'width': 3, 'start': [[1.0, 0.0], [0.0, 1.0]]}
    """
    found = {}
    for name, value in parameters.items():
        value = value.item() if isinstance(value, np.generic) else value
        value = value.tolist() if isinstance(value, np.ndarray) else value
        try:
            json.dumps(value)
        except TypeError:
            continue
        found[name] = value
    return found
