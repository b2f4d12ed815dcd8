"""Tensors of safetensors, mapped without a copy.

The layout: 8 bytes with the length of a header of JSON, the header, the numbers; the header gives of each tensor its
type, shape and place among the numbers.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from overica.lm.store.foreign.kind import Parts, unfinished
from overica.lm.store.precision import Widened

_LENGTH = struct.Struct("<Q")
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip


class SafetensorsFile:
    """``.safetensors``, of any number of tensors; those of other types than NumPy's and bfloat16 are passed over."""

    name: ClassVar[str] = "safetensors"
    suffixes: ClassVar[tuple[str, ...]] = (".safetensors",)

    def read(self, path: Path) -> dict[str, Parts]:
        """See `Kind.read`."""
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(_LENGTH.size)
            length = _LENGTH.unpack(first)[0] if len(first) == _LENGTH.size else size
            if _LENGTH.size + length > size:
                raise unfinished(path, f"its header ends beyond its {size} bytes")
            try:
                header = json.loads(file.read(length))
                told = {name: facts for name, facts in header.items() if name != "__metadata__"}
                return {
                    name: [_mapped(path, facts, _LENGTH.size + length, size)]
                    for name, facts in told.items()
                    if facts["dtype"] in _TYPES
                }
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise unfinished(path, error) from None


def _mapped(path: Path, facts: dict[str, Any], data: int, size: int) -> Any:
    start, stop = facts["data_offsets"]
    dtype, shape = np.dtype(_TYPES[facts["dtype"]]), tuple(facts["shape"])
    if data + stop > size or stop - start != dtype.itemsize * math.prod(shape):
        raise ValueError(f"numbers up to byte {data + stop} are told of, it has {size}")
    if not math.prod(shape):
        return np.empty(shape, dtype)
    found = np.memmap(path, dtype, "r", data + start, shape)
    return Widened(found) if facts["dtype"] == "BF16" else found
