"""Rows of a shard that is being written: some may be left out before it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from overica._validation import as_floating, as_numpy
from overica.lm.store.precision import Precision

_CHUNK = 4096


class ShardRows:
    """Rows to fill, (n_rows, n_features), float32 going in; what is in the file may have half the precision.

    Parameters
    ----------
    path : Path
        File to make, of NumPy's format.
    shape : (int, int)
    precision : Precision

    Raises
    ------
    OSError
        If there is no room for all of the rows.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from overica.lm.store.filling import ShardRows
    >>> from overica.lm.store.precision import PRECISIONS
    >>> path = Path(tempfile.mkdtemp(), "rows.npy")
    >>> rows = ShardRows(path, (3, 2), PRECISIONS["float32"])
    >>> rows[:] = np.arange(6.0).reshape(3, 2)
    >>> rows.keep([True, False, True])
    >>> rows.finish()
    >>> np.load(path)
    array([[0., 1.],
           [4., 5.]], dtype=float32)
    """

    def __init__(self, path: Path, shape: tuple[int, int], precision: Precision) -> None:
        self.shape = shape
        self.kept = np.ones(shape[0], bool)
        self.left_out: dict[str, int] = {}
        """How many were left out, by reason."""
        self._path, self._precision = path, precision
        self._stored: np.memmap = np.lib.format.open_memmap(
            path, mode="w+", dtype=precision.dtype, shape=shape
        )
        _take_room(path)

    def __len__(self) -> int:
        return self.shape[0]

    def __setitem__(self, key: Any, values: Any) -> None:
        self._stored[key] = self._precision.encode(np.asarray(values, np.float32))

    def keep(self, mask: Any, **reasons: int) -> None:
        """Write the chosen rows alone; the others need not be filled.

        Parameters
        ----------
        mask : array (n_rows,) of bool
        **reasons : int
            How many of the others are left out for what.
        """
        mask = np.asarray(mask, bool)
        if mask.shape != self.kept.shape:
            raise ValueError(f"`mask` must have shape {self.kept.shape}, got {mask.shape}")
        self.kept, self.left_out = mask, reasons

    def finish(self) -> None:
        """Move the rows that are kept together, and cut the file to their length.

        Raises
        ------
        FloatingPointError
            If one of them is not finite.
        """
        chosen = np.flatnonzero(self.kept)
        bad = 0
        for start in range(0, len(chosen), _CHUNK):
            part = chosen[start : start + _CHUNK]
            rows = self._stored[part]
            found = as_numpy(as_floating(self._precision.decode(rows), "rows"))
            bad += int((~np.isfinite(found)).any(axis=1).sum())
            if len(chosen) < len(self):
                # Rows move to the front alone, so that none is written over before it is read.
                self._stored[start : start + len(part)] = rows
        if bad:
            raise FloatingPointError(
                f"activations of {bad} tokens of {len(chosen)} are NaN or infinite"
            )
        self._stored.flush()
        left = self._stored[: len(chosen)]
        header = np.lib.format.header_data_from_array_1_0(left)
        data, size = self._stored.offset, left.nbytes
        del left, self._stored
        with self._path.open("rb+") as file:
            np.lib.format.write_array_header_1_0(file, header)
            # Headers leave room for the digits of a length, up to a multiple of 64 bytes.
            assert file.tell() == data
            file.truncate(data + size)


def _take_room(path: Path) -> None:
    """Have the disk set aside what a file says to be long.

    A memory map of a file with holes that meets a full disk ends the process, by a signal that cannot be caught.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
