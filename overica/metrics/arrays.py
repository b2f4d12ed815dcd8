"""What every metric does with its arrays first: check them, in float64 on the CPU."""

from typing import Any

import numpy as np

from overica._validation import as_numpy, check_array


def as_matrix(
    value: Any, name: str, rows: str, columns: str, *, length: int | None = None
) -> np.ndarray:
    """A finite matrix as a NumPy array of float64.

    Metrics sum over many samples, where float32 would cost digits; tensors come to the CPU.

    Parameters
    ----------
    value : array-like or torch tensor
        What the user gave.
    name, rows, columns : str
        The argument and its axes, for the message.
    length : int, optional
        Number of rows required.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If `value` is not a finite matrix, or has another number of rows.

    Examples
    --------
    >>> as_matrix([[1, 2]], "codes", "n_samples", "n_components", length=3)
    Traceback (most recent call last):
    ...
    ValueError: `codes` must have shape (n_samples=3, n_components), got (1, 2)
    """
    array = check_array(value, name, {rows: length, columns: None})
    return np.asarray(as_numpy(array), dtype=np.float64)
