"""Directions of two channels, as angles."""

from __future__ import annotations

import numpy as np


def direction_degrees(mixing: np.ndarray) -> np.ndarray:
    """Angle of each column of a two-channel mixing matrix, in (-90, 90]: 0 is the first channel alone, 45 the middle.

    Examples
    --------
    >>> import numpy as np
    >>> direction_degrees(np.array([[1.0, 1.0, 0.0, -1.0], [0.0, 1.0, 1.0, 1.0]])).tolist()
    [0.0, 45.0, 90.0, -45.0]
    """
    angles = np.degrees(np.arctan2(mixing[1], mixing[0]))
    # A direction has no sign.
    return 90.0 - (90.0 - angles) % 180.0
