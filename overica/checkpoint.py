"""Fitted estimators on disk: safetensors for arrays, JSON for everything else, never pickle."""

from __future__ import annotations

import json
import os
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from overica._version import __version__

_ARRAYS = "arrays.safetensors"
_CONFIG = "config.json"


class Persistent:
    """Mixin of estimators that are saved to a folder and loaded from it.

    An estimator says what it holds in `_stored` and takes it back in `_restore`. Parameters are stored as far as
    JSON has words for them; the others (callbacks, generators, instances of one's own classes) come back as their
    defaults.
    """

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a folder, made if missing: ``arrays.safetensors`` and ``config.json``.

        Each file appears whole or not at all. The format holds numbers and text only: loading it runs no code.

        Parameters
        ----------
        folder : path
        """
        arrays, facts = self._stored()
        config = {
            "format": f"overica {type(self).__name__}",
            "version": __version__,
            "parameters": expressible(self.get_params(deep=False)),  # type: ignore[attr-defined]
            **facts,
        }
        write_checkpoint(folder, arrays, config)

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
        arrays, config = read_checkpoint(folder)
        expected, found = f"overica {cls.__name__}", config.get("format")
        if found != expected:
            raise ValueError(f"`folder` must hold format {expected!r}, got {found!r}")
        known = cls._get_param_names()  # type: ignore[attr-defined]
        parameters = {name: v for name, v in config["parameters"].items() if name in known}
        estimator = cls(**parameters)
        estimator._restore(arrays, config)
        return estimator

    @abstractmethod
    def _stored(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays, and facts that JSON can hold."""

    @abstractmethod
    def _restore(self, arrays: dict[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Set the fitted attributes."""


def write_checkpoint(
    folder: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], config: Mapping[str, Any],
    *, arrays_file: str = _ARRAYS, config_file: str = _CONFIG,
) -> None:  # fmt: skip
    """Write arrays and a configuration to a folder, each file in one move.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(folder, {"x": np.arange(3)}, {"answer": 42})
    ...     arrays, config = read_checkpoint(folder)
    >>> arrays["x"].tolist(), config["answer"]
    ([0, 1, 2], 42)
    """
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        first, second = Path(partial, arrays_file), Path(partial, config_file)
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, first)
        second.write_text(json.dumps(config, indent=1), encoding="utf-8")
        first.replace(folder / arrays_file)
        second.replace(folder / config_file)


def read_checkpoint(
    folder: str | os.PathLike[str], *, arrays_file: str = _ARRAYS, config_file: str = _CONFIG
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and configuration that `write_checkpoint` wrote.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If one is damaged: says which.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = Path(folder)
    for name in (arrays_file, config_file):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"`folder` must hold {name}, got {str(folder)!r} without it")
    try:
        config = json.loads((folder / config_file).read_text(encoding="utf-8"))
        arrays = load_file(folder / arrays_file)
    except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError) as error:
        raise ValueError(f"`folder` {str(folder)!r} holds a damaged file: {error}") from error
    if not isinstance(config, dict):
        raise ValueError(f"{config_file} must hold an object, got {type(config).__name__}")
    return arrays, config


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
