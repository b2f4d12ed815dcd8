"""The command ``overica fit``: data in, a fitted model in a folder, and a few lines about it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overica import distributed
from overica.fits.building import build, settings
from overica.formats.exporting import write_whole
from overica.learning import LearningError
from overica.lm import open_store
from overica.persistence import check_output_folder
from overica.random_state import generator
from overica.rows import Rows, opened
from overica.rows.rows import some_rows
from overica.sae import TrainingError
from overica.studies.registry import METHODS

CHECKPOINT = "checkpoint"
"""Folder in the output that holds the state of the fit, and in the end its result."""
_LOOKED_AT = 4096
_JUDGED = 500
"""Rows that the figures are of, and those that tell the evidence."""


def run_fit(
    data: Sequence[Path],
    output: Path,
    *,
    method: str,
    n_components: int,
    n_active: float | None = None,
    seed: int = 0,
    array: str | None = None,
    progress: bool = True,
    words: Sequence[str] = (),
    **given: Any,
) -> Iterator[str]:
    """Fit one model and save it; what a user is told, line by line, while it happens.

    Parameters
    ----------
    data : sequence of path
        Folders or files that `overica.lm.open_store` reads; several are one matrix, in this order.
    output : path
        Folder for the model; its `CHECKPOINT` lets the same call go on after a kill.
    method, n_components, n_active, seed
        See `overica.fits.building.build`.
    array : str, optional
        See `overica.lm.open_store`.
    progress : bool
        Show a bar.
    words : sequence of str
        Other parameters of the method, see `overica.fits.building.settings`.
    **given
        Parameters of the method, and ``steps``; None leaves the method's own.

    Raises
    ------
    ValueError
        If anything is malformed, before the work, or learning cannot go on: says what to change.
    OSError
        If a file cannot be read or written.
    """
    told = {name: value for name, value in given.items() if value is not None}
    told |= settings(words, told)
    estimator = build(method, n_components, seed=seed, n_active=n_active, given=told)
    ranks = distributed.world()
    if ranks > 1 and METHODS[method].family == "baseline":
        raise ValueError(f"{method} is fitted by one process: start it without torchrun")
    if distributed.rank() == 0:
        check_output_folder(output, foreign=_foreign)
    shown = {"verbose": int(progress), "checkpoint": output / CHECKPOINT}
    known = estimator.get_params(deep=False)
    estimator.set_params(**{name: value for name, value in shown.items() if name in known})
    X = _rows(data, array)
    n_rows, n_features = X.shape
    where = ", ".join(map(str, data))
    together = f", {ranks} ranks" if ranks > 1 else ""
    yield f"{METHODS[method].label}, {n_components} components{together}: {n_rows} x {n_features} of {where}"
    started = time.perf_counter()
    try:
        estimator.fit(X)
    except (LearningError, TrainingError) as error:
        raise ValueError(str(error)) from error
    seconds = time.perf_counter() - started
    if distributed.rank() > 0:
        return
    write_whole(estimator, output)
    figures = ", ".join(f"{name} {value:.4g}" for name, value in _figures(estimator, X).items())
    yield f"{figures}; {seconds:.0f} s"
    yield f"model  {output}  (overica.load)"


def _rows(data: Sequence[Path], array: str | None) -> Rows:
    matrices = [open_store(path, array).activations for path in data]
    found = opened(matrices if len(matrices) > 1 else matrices[0])
    return found if isinstance(found, Rows) else Rows(found)


def _figures(estimator: Any, X: Rows) -> Mapping[str, float]:
    """What a fit has come to, on some of the rows."""
    part = X[some_rows(len(X), _LOOKED_AT, generator(0))]
    codes = np.asarray(estimator.transform(part))
    left = ((part - estimator.inverse_transform(codes)) ** 2).sum()
    figures = {
        "explained variance": 1 - float(left / ((part - part.mean(axis=0)) ** 2).sum()),
        "active": float((codes != 0).sum(axis=1).mean()),
    }
    if hasattr(estimator, "score"):
        figures["log evidence (nats)"] = float(estimator.score(part[:: -(-len(part) // _JUDGED)]))
    return figures


def _foreign(folder: Path) -> str | None:
    """What in a folder that holds no fit would be in the way."""
    if (folder / CHECKPOINT).is_dir():
        return None
    names = sorted(path.name for path in folder.iterdir())
    return f"`{names[0]}`" if names else None
