"""Activations that SAELens caches: data sets of Hugging Face, columns of (context, features) and token ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from overica._extras import import_extra
from overica.lm.store.foreign.kind import Parts, unfinished


class ArrowFile:
    """``.arrow``, a stream of record batches; columns of equal lists are arrays, mapped without a copy."""

    name: ClassVar[str] = "arrow"
    suffixes: ClassVar[tuple[str, ...]] = (".arrow",)

    def read(self, path: Path) -> dict[str, Parts]:
        """See `Kind.read`; each record batch is a part."""
        pa = import_extra("pyarrow", f"{path}, of Apache Arrow as SAELens caches activations,")
        try:
            table = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise unfinished(path, error) from None
        found: dict[str, Parts] = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            parts = [_array(chunk) for chunk in column.chunks if len(chunk)]
            if parts and all(part is not None for part in parts):
                found[name] = parts
        return found


def _array(chunk: Any) -> np.ndarray | None:
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
