"""Arrays in files that other tools write, by name, none of them copied into memory where that can be helped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from overica._extras import import_extra
from overica.formats.foreign_files import load_torch
from overica.lm.store.precision import RAW_BFLOAT16, as_bfloat16

Parts = list[Any]
"""Consecutive parts of one array, each mapped: NumPy arrays, or tensors of bfloat16."""


class Kind(NamedTuple):
    """How arrays lie in files of one kind."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], dict[str, Parts]]
    """All arrays of a file by name.

    Raises
    ------
    ValueError
        If the file is damaged, is not whole yet, or holds what cannot be read: names it.
    ImportError
        If a package is missing.
    """


def _npy(path: Path) -> dict[str, Parts]:
    """An array called as the file; two raw bytes are bfloat16, as `ml_dtypes` writes it."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        if "object" in str(error).lower() or "pickle" in str(error):
            raise ValueError(f"{path} must hold numbers, got pickled objects") from None
        raise _unfinished(path, error) from None
    return {path.stem: [as_bfloat16(found) if found.dtype == RAW_BFLOAT16 else found]}


def _safetensors(path: Path) -> dict[str, Parts]:
    """Any number of tensors."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return _arrays((name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _unfinished(path, error) from None


def _torch(path: Path) -> dict[str, Parts]:
    """A tensor, called as the file, or tensors by name; by the reader that runs no code."""
    import torch

    found = load_torch(path, mapped=True)
    named = found if isinstance(found, dict) else {path.stem: found}
    tensors = [(str(n), tensor) for n, tensor in named.items() if isinstance(tensor, torch.Tensor)]
    if not tensors:
        raise ValueError(f"{path} must hold a tensor, got {type(found).__name__} without one")
    return _arrays(tensors)


def _arrow(path: Path) -> dict[str, Parts]:
    """A stream of record batches, each a part: columns of equal lists, as SAELens caches activations and token ids."""
    pa = import_extra("pyarrow", f"{path}, of Apache Arrow as SAELens caches activations,")
    try:
        table = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise _unfinished(path, error) from None
    columns = {
        name: [_equal_lists(chunk) for chunk in column.chunks if len(chunk)]
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return {
        name: parts
        for name, parts in columns.items()
        if parts and not any(part is None for part in parts)
    }


KINDS: dict[str, Kind] = {
    suffix: kind
    for kind in (
        Kind("npy", (".npy",), _npy),
        Kind("safetensors", (".safetensors",), _safetensors),
        Kind("torch", (".pt", ".pth"), _torch),
        Kind("arrow", (".arrow",), _arrow),
    )
    for suffix in kind.suffixes
}
"""Kinds of files by how their names end."""


def _unfinished(path: Path, reason: object) -> ValueError:
    return ValueError(f"{path} is damaged, or another process still writes it: {reason}")


def _arrays(tensors: Iterable[tuple[str, Any]]) -> dict[str, Parts]:
    """The same memory as arrays of NumPy, which has no bfloat16; types that neither knows are passed over."""
    import torch

    found: dict[str, Parts] = {}
    for name, tensor in tensors:
        try:
            kept = tensor.detach()
            found[name] = [kept if kept.dtype == torch.bfloat16 else kept.numpy()]
        except (TypeError, RuntimeError):
            continue
    return found


def _equal_lists(chunk: Any) -> np.ndarray | None:
    """Equal lists, of one or two levels, as an array; None of anything else."""
    import pyarrow as pa

    values = getattr(chunk, "storage", chunk)
    shape = [len(values)]
    while isinstance(values, (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)):
        inner = values.flatten()
        length, rest = divmod(len(inner), len(values))
        lengths = values.value_lengths() if hasattr(values, "value_lengths") else None
        if rest or (lengths is not None and lengths.unique().to_pylist() != [length]):
            return None
        shape.append(length)
        values = inner
    if values.null_count or not (
        pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    ):
        return None
    return np.asarray(values.to_numpy(zero_copy_only=True)).reshape(shape)
