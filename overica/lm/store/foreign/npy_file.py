"""Arrays of NumPy, one a file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from overica.lm.store.foreign.kind import Parts, unfinished
from overica.lm.store.precision import RAW_BFLOAT16, Widened


class NpyFile:
    """``.npy``: mapped; two raw bytes are bfloat16, as `ml_dtypes` writes it. Pickled objects are refused."""

    name: ClassVar[str] = "npy"
    suffixes: ClassVar[tuple[str, ...]] = (".npy",)

    def read(self, path: Path) -> dict[str, Parts]:
        """See `Kind.read`; the array is called as the file."""
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            if "object" in str(error).lower() or "pickle" in str(error):
                raise ValueError(f"{path} must hold numbers, got pickled objects") from None
            raise unfinished(path, error) from None
        return {path.stem: [Widened(found) if found.dtype == RAW_BFLOAT16 else found]}
