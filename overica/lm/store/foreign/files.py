"""Which arrays in a folder are the shards of one matrix of activations, and which are their token ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overica.lm.store.activations import joined_shards
from overica.lm.store.foreign.array_files import KINDS, Parts
from overica.rows.shards import precision_of

_READABLE = ("float16", "bfloat16", "float32", "float64")
_TOKENS = re.compile(r"token|input_?ids|(^|_)ids$", re.IGNORECASE)
_CHOSEN_BY = "`key` (`array` of a study, `--array` of a command)"
_SHOWN = 5


@dataclass(frozen=True)
class Shard:
    """Some rows of the matrix."""

    name: str
    """File, and where it has several parts, which."""
    array: Any
    """(n_rows, n_features)."""
    context: int | None
    """Rows of a context, where the file has them apart."""


@dataclass(frozen=True)
class Found:
    """What a folder holds."""

    shards: list[Shard]
    rows: Any
    """The matrix that they are of."""
    ids: np.ndarray | None
    """(n_rows,) token ids, if they lie beside."""
    key: str
    """Name of the array that was taken."""
    files: list[Path]


def natural(name: str) -> list[Any]:
    """To sort by: numbers in names by their value.

    Examples
    --------
    >>> from overica.lm.store.foreign.files import natural
    >>> sorted(["acts-10.npy", "acts-9.npy"], key=natural)
    ['acts-9.npy', 'acts-10.npy']
    """
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def find_arrays(path: Path, key: str | None = None) -> Found:
    """The shards of a folder or file.

    Parameters
    ----------
    path : Path
    key : str, optional
        Which array, where there are several: its name, or of files of one array a part of theirs.

    Raises
    ------
    FileNotFoundError
        If there are no such files.
    ValueError
        If it cannot be told which arrays are meant; if shards do not fit each other. Names the files.
    """
    files = _files(path)
    shards: list[Shard] = []
    ids: list[np.ndarray] = []
    taken, found_integers = "", False
    for file in files:
        arrays = KINDS[file.suffix].read(file)
        integers = {name: parts for name, parts in arrays.items() if _is_integers(parts)}
        found_integers |= bool(integers)
        named = (parts for name, parts in integers.items() if _TOKENS.search(name))
        ids += [np.ravel(part) for parts in named for part in parts]
        name = _chosen(file, arrays, key)
        if name is not None:
            taken = taken or name
            for i, part in enumerate(arrays[name]):
                shards.append(
                    _shard(str(file) if len(arrays[name]) == 1 else f"{file} part {i}", part)
                )
    if not shards:
        wanted = "an array of real numbers with 2 or 3 axes" if key is None else f"{key!r}"
        listed = ", ".join(file.name for file in files[:_SHOWN]) + ", ..." * (len(files) > _SHOWN)
        asked = "; integers are there: token ids?" if key is None and found_integers else ""
        raise ValueError(f"{path} must hold {wanted}, got none in {listed}{asked}")
    if len({shard.context is None for shard in shards}) > 1:
        raise ValueError(f"{path} must hold arrays of 2 axes or of 3, got both")
    rows = joined_shards([shard.array for shard in shards], [shard.name for shard in shards])
    told = bool(ids) and sum(map(len, ids)) == len(rows)
    one_per_row = np.concatenate(ids).astype(np.int32) if told else None
    return Found(shards, rows, one_per_row, taken, files)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise FileNotFoundError(
            f"`folder` must hold activations, there is nothing at {str(path)!r}"
        )
    inside = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
    files = sorted((f for f in inside if f.suffix in KINDS), key=lambda file: natural(file.name))
    if not files:
        below = [each.name for each in path.iterdir() if each.is_dir()] if path.is_dir() else []
        raise FileNotFoundError(
            "`folder` must hold metadata.json of `overica activations`, or files of another tool "
            f"({', '.join(KINDS)}), got {str(path)!r}"
            + (f"; folders in it: {', '.join(sorted(below)[:_SHOWN])}" if below else "")
        )
    names = {KINDS[file.suffix].name for file in files}
    if len(names) > 1:
        raise ValueError(
            f"{path} must hold one kind of files, got {', '.join(sorted(names))}: put them into folders of their own"
        )
    return files


def _chosen(file: Path, arrays: dict[str, Parts], key: str | None) -> str | None:
    """Name of the activations among the arrays of a file; None if it has none."""
    fitting = {
        name: parts
        for name, parts in arrays.items()
        if precision_of(parts[0]) in _READABLE and parts[0].ndim in (2, 3)
    }
    if key is not None:
        if key in fitting:
            return key
        # Files of one array are told apart by their own names.
        return next((name for name in fitting if len(arrays) == 1 and key in file.stem), None)
    if len(fitting) > 1:
        listed = ", ".join(f"{name!r} {_shape(parts)}" for name, parts in fitting.items())
        raise ValueError(f"{file} holds several arrays: choose one by {_CHOSEN_BY}, of {listed}")
    for name, parts in () if fitting else arrays.items():
        # What may be meant as activations but cannot be.
        if not _is_integers(parts) and parts[0].ndim != 1:
            raise ValueError(
                f"{file} must hold {', '.join(_READABLE[:-1])} or {_READABLE[-1]} of 2 or 3 axes, got "
                f"{precision_of(parts[0])} of shape {_shape(parts)} ({name})"
            )
    return next(iter(fitting), None)


def _is_integers(parts: Parts) -> bool:
    """Whether an array may be of token ids."""
    return precision_of(parts[0]).startswith(("int", "uint"))


def _shard(label: str, array: Any) -> Shard:
    if array.ndim == 2:
        return Shard(label, array, None)
    if isinstance(array, np.ndarray) and not array.flags.c_contiguous:
        raise ValueError(
            f"{label} must lie in memory row by row (C order) to be read as rows, got shape {array.shape}"
        )
    return Shard(label, array.reshape(-1, array.shape[2]), int(array.shape[1]))


def _shape(parts: Parts) -> tuple[int, ...]:
    return (sum(len(part) for part in parts), *parts[0].shape[1:])
