"""Fits that are ended again and again before they are done."""

import numpy as np
import pytest

from overica.persistence import journal as journals


class Ended(Exception):
    """In place of a kill."""


def ended_and_resumed(fit, writes):
    """What `fit()` gives once it has been ended at the write of each of these numbers, counted from the last end."""
    real = journals.write_tensors
    for last in writes:
        left = last

        def write(*arguments):
            nonlocal left
            left -= 1
            if left < 0:
                raise Ended
            real(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journals, "write_tensors", write)
            try:
                fit()
            except Ended:
                continue
            break
    return fit()


def same_history(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name], equal_nan=True) for name in one
    )


class Batches:
    """Samples in batches, as often as they are asked for."""

    def __init__(self, X, size):
        self.X, self.size = X, size

    def __iter__(self):
        return (self.X[at : at + self.size] for at in range(0, len(self.X), self.size))


@pytest.fixture
def little_blocks(monkeypatch):
    """Streams that are read in blocks of some hundred rows."""
    monkeypatch.setattr("overica.rows.streams.HEAD_NUMBERS", 1000)
    monkeypatch.setattr("overica.rows.shuffling._BLOCK_NUMBERS", 2000)
