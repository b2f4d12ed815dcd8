"""The journal of an estimator's fit: what makes it the same fit again, and where its draws begin."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from overica._validation import check_scalar
from overica.distributed import world
from overica.distributed.exchange import check_same
from overica.persistence.fingerprint import described, fingerprint
from overica.persistence.journal import Journal


def journal_of(
    estimator: Any, X: Any, rng: np.random.Generator, *, start: Any = None, told: Any = None
) -> Journal:
    """The journal that an estimator's `checkpoint` and `checkpoint_every` ask for; none without a folder.

    Parameters
    ----------
    estimator : sklearn.base.BaseEstimator
        Its class and its parameters belong to the fit, but for those that change nothing of what is learned.
    X : array (n_samples, n_features)
        Or rows that are read when they are needed.
    rng : numpy.random.Generator
        From which the fit draws.
    start : object
        What a warm start begins with.
    told : sklearn.base.BaseEstimator or None
        Whose `checkpoint`, `checkpoint_every` and `random_state` are meant, if not its own.

    Raises
    ------
    ValueError
        If one of the two is malformed; of several ranks, if this one has other samples than the first.
    """
    if world() > 1:
        check_same(fingerprint(X), "`X` must hold the same samples in all ranks")
    told = estimator if told is None else told
    every = check_scalar(told.checkpoint_every, "checkpoint_every")
    folder = told.checkpoint
    if folder is None:
        return Journal()
    if not isinstance(folder, str | os.PathLike) or not os.fspath(folder):
        raise ValueError(f"`checkpoint` must be None or the path of a folder, got {folder!r}")
    seed = told.random_state
    if seed is not None and not isinstance(seed, int | np.integer):
        seed = described(rng.bit_generator.state)
    identity = {
        "estimator": described(estimator),
        "random_state": described(seed),
        "X": fingerprint(X),
        "warm_start": described(start),
    }
    return Journal(folder, identity, every, rng if seed is None else None)


def warn_of_checkpoint(estimator: Any) -> None:
    """Say, where a step on a stream is taken with a `checkpoint`, that this keeps nothing of it."""
    if estimator.checkpoint is not None:
        warnings.warn(
            f"`checkpoint` is of `fit` alone, and `partial_fit` keeps nothing in {str(estimator.checkpoint)!r}: "
            "set it to None, and `save` now and then what has been learned",
            UserWarning,
            stacklevel=3,
        )


def kept_fit(
    journal: Journal, estimator: Any, rng: np.random.Generator, learn: Callable[[], None]
) -> None:
    """Learn, or be what was learned before; `estimator` says what that is in `_values` and is it by `_take`."""
    with journal.stage("fit") as stage:
        if stage.complete:
            estimator._take(stage.kept["fitted"])
            rng.bit_generator.state = stage.kept["generator"]
            return
        learn()
        if journal.keeps:
            stage.finish({"fitted": estimator._values(), "generator": rng.bit_generator.state})
