"""Arrays and what JSON has words for in one file, a safetensors one, with a checksum of all; nothing is copied."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from overica.persistence.atomic import replacing
from overica.persistence.checkpoint import damage_named

_CODES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bool": "BOOL", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8",
}  # fmt: skip
_DTYPES = {code: np.dtype(name) for name, code in _CODES.items()}
_LENGTH = 8
"""Bytes of the length of the header, which begins the file."""


def write_tensors(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], facts: Any
) -> None:
    """Write arrays and facts to a file, in one move.

    Parameters
    ----------
    path : path
    arrays : mapping of str to array
        Contiguous, of numbers or booleans.
    facts
        What JSON has words for.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "state.safetensors")
    >>> write_tensors(path, {"A": np.eye(2)}, {"step": 3})
    >>> arrays, facts = read_tensors(path)
    >>> arrays["A"].tolist(), facts
    ([[1.0, 0.0], [0.0, 1.0]], {'step': 3})
    >>> from safetensors.numpy import load_file
    >>> load_file(path)["A"].shape
    (2, 2)
    """
    header: dict[str, Any] = {}
    start = 0
    for name, array in arrays.items():
        stop = start + array.nbytes
        code = _CODES[array.dtype.name]
        header[name] = {"dtype": code, "shape": array.shape, "data_offsets": [start, stop]}
        start = stop
    parts = [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    told = json.dumps(facts)
    header["__metadata__"] = {"facts": told, "sha256": _sum(header, told, parts)}
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % _LENGTH)
    with replacing(path) as part, part.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH, "little"))
        file.write(text)
        for data in parts:
            file.write(data)


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], Any]:
    """Arrays, read-only, and facts that `write_tensors` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ValueError
        If it is damaged: names it.
    """
    content = memoryview(Path(path).read_bytes())
    with damage_named(os.fspath(path)):
        data_start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
        header = json.loads(bytes(content[_LENGTH:data_start]))
        told = header.pop("__metadata__")
        data = content[data_start:]
        arrays = {}
        for name, entry in header.items():
            start, stop = entry["data_offsets"]
            flat = np.frombuffer(data[start:stop], _DTYPES[entry["dtype"]])
            arrays[name] = flat.reshape(entry["shape"])
        if told["sha256"] != _sum(header, told["facts"], [data]):
            raise ValueError("it does not match its checksum")
        return arrays, json.loads(told["facts"])


def _sum(header: Mapping[str, Any], facts: str, parts: list[memoryview]) -> str:
    found = sha256(json.dumps([header, facts], sort_keys=True).encode("ascii"))
    for part in parts:
        found.update(part)
    return found.hexdigest()
