"""Batches for a run of steps, in the model's units, where its mixing matrix lies.

On a device, rows travel as they are, and are measured there, in double precision. What lies in memory and is small
beside the device's goes there whole, once; of anything else the rows of the next batch are read while a step runs.
Which those will be is foretold by a copy of the generator, so that the generator itself stands where the steps do.
"""

from __future__ import annotations

import copy
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from overica._validation import Array
from overica.backend import placed
from overica.learning.generative import Model
from overica.learning.samples import Samples
from overica.rows.drawing import Draws

if TYPE_CHECKING:
    import torch


class Feed:
    """Batches in host memory."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __enter__(self) -> Feed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def batch(self, size: int, rng: np.random.Generator, *, more: bool = False) -> Array:
        """The samples of a step, as `Samples.batch` has them; `more` if there is another step of this size."""
        return self.samples.batch(size, rng)

    def close(self) -> None:
        """Read no further."""


class DeviceFeed(Feed):
    """Batches on the device of a mixing matrix, in its precision."""

    def __init__(self, samples: Samples, like: torch.Tensor) -> None:
        super().__init__(samples)
        self._device, self._dtype = like.device, like.dtype
        units = samples.units
        self._mean = placed(units.mean, self._device, np.float64)
        self._whitener = None
        if units.whitener is not None:
            self._whitener = placed(units.whitener, self._device, np.float64).T
        resident = samples.resident(self._device)
        self._source: Ahead | Resident
        if resident is None:
            self._source = Ahead(samples.draws, self._device)
        else:
            self._source = Resident(samples.draws, resident)

    def batch(self, size: int, rng: np.random.Generator, *, more: bool = False) -> Array:
        """See `Feed.batch`."""
        rows = self._source.rows(size, rng, more=more).to(self._device, non_blocking=True)
        Z = rows.double() - self._mean
        if self._whitener is not None:
            Z = Z @ self._whitener
        return Z.div_(self.samples.unit).to(self._dtype)

    def close(self) -> None:
        """See `Feed.close`."""
        self._source.close()


class Resident:
    """Rows that lie on the device."""

    def __init__(self, draws: Draws, X: torch.Tensor) -> None:
        self._draws, self._X = draws, X

    def rows(self, size: int, rng: np.random.Generator, *, more: bool) -> torch.Tensor:
        """Those of a batch, as they are."""
        chosen = self._draws.chosen(size, rng)
        assert chosen is not None
        return self._X.index_select(0, placed(chosen, self._X.device))

    def close(self) -> None:
        """Nothing is under way."""


class Foretold(NamedTuple):
    """Rows that a step may ask for."""

    chosen: np.ndarray
    rows: torch.Tensor

    def of(self, chosen: np.ndarray) -> torch.Tensor | None:
        """The rows, if they are those with these numbers."""
        return self.rows if np.array_equal(self.chosen, chosen) else None


class Ahead:
    """Rows that are read from where they are, the next ones while a step runs.

    Parameters
    ----------
    draws : Draws
        Streams are read when a step asks: where they stand is a `position` of theirs.
    device : torch.device
        Where rows go from here.
    """

    def __init__(self, draws: Draws, device: torch.device) -> None:
        self._draws, self._device = draws, device
        self._pool = ThreadPoolExecutor(1, "rows")
        self._waiting: Future[Foretold] | None = None

    def rows(self, size: int, rng: np.random.Generator, *, more: bool) -> torch.Tensor:
        """Those of a batch, as they are, on their way to a GPU."""
        chosen = self._draws.chosen(size, rng)
        if chosen is None:
            return self._ready(self._draws.batch(size, rng))
        waiting, self._waiting = self._waiting, None
        rows = None if waiting is None else waiting.result().of(chosen)
        if rows is None:
            rows = self._ready(self._draws.read(chosen))
        if more:
            # Which ranks there are is known to the context.
            context, twin = copy_context(), copy.deepcopy(rng)
            self._waiting = self._pool.submit(context.run, self._read, size, twin)
        return rows

    def _read(self, size: int, twin: np.random.Generator) -> Foretold:
        chosen = self._draws.chosen(size, twin)
        assert chosen is not None
        return Foretold(chosen, self._ready(self._draws.read(chosen)))

    def _ready(self, rows: np.ndarray) -> torch.Tensor:
        """A tensor of rows that are nobody else's, in pinned memory for a GPU."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(rows, rows.dtype.newbyteorder("=")))
        if self._device.type != "cuda":
            return tensor
        with torch.cuda.device(self._device):
            return tensor.pin_memory()

    def close(self) -> None:
        """Wait for what is being read; nobody asks for it any more."""
        self._pool.shutdown(cancel_futures=True)


def feed(samples: Samples, model: Model) -> Feed:
    """Batches where the mixing matrix of a model lies."""
    if isinstance(model.mixing, np.ndarray):
        return Feed(samples)
    return DeviceFeed(samples, model.mixing)
