"""What an argument about identifiability comes to."""

from typing import NamedTuple

import numpy as np


class Verdict(NamedTuple):
    """Whether the true columns are determined by the law of the data."""

    identifiable: bool | None
    """None where no known argument decides."""
    reason: str
    """The argument, in a sentence."""
    witness: np.ndarray | None = None
    """(n_features, n) columns that explain the same data with fewer active codes."""
