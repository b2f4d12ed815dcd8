"""Checks at the boundary: public entry points call these once, and nothing below checks again.

Arrays may be NumPy arrays (or anything `numpy.asarray` takes) or torch tensors; what comes in is
what goes out. Half precision, of `ml_dtypes` too, is widened to float32, because no solver here is sound in 11 bits;
integers and booleans become float64, as in scikit-learn; float32 and float64 stay what they are.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import array_api_compat
import array_api_compat.numpy
import numpy as np

Array = Any
"""A NumPy array or a torch tensor."""


def namespace(*arrays: Array) -> Any:
    """The array namespace of `arrays`: torch's if one of them is a tensor, else NumPy's.

    Python scalars and NumPy scalars count as NumPy.

    Examples
    --------
    >>> from overica._validation import namespace
    >>> float(namespace(0.0).cos(0.0))
    1.0
    """
    for array in arrays:
        if array_api_compat.is_torch_array(array):
            return array_api_compat.array_namespace(array)
    return array_api_compat.numpy


def as_floating(value: Array, name: str) -> Array:
    """`value` as a float32 or float64 array of its own library, on its own device.

    Parameters
    ----------
    value : array_like or torch tensor
    name : str
        What the error message calls it.

    Returns
    -------
    array
        float32 for half precision and float32 input, float64 for float64, integer and boolean
        input.

    Raises
    ------
    ValueError
        If `value` is complex, or not numeric.

    Examples
    --------
    >>> import numpy as np
    >>> from overica._validation import as_floating
    >>> as_floating(np.arange(3), "X").dtype, as_floating(np.ones(2, np.float16), "X").dtype
    (dtype('float64'), dtype('float32'))
    """
    if array_api_compat.is_torch_array(value):
        value = value.detach()
    else:
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"`{name}` must be a rectangular array of numbers: {error}") from None
    xp = namespace(value)
    narrow = [xp.float32, getattr(xp, "float16", None), getattr(xp, "bfloat16", None)]
    if any(value.dtype == dtype for dtype in narrow if dtype is not None):
        return xp.astype(value, xp.float32, copy=False)
    if xp is array_api_compat.numpy and value.dtype.name == "bfloat16":
        return np.asarray(value.astype(np.float32))
    if xp is array_api_compat.numpy and value.dtype.kind not in "biuf":
        # What `numpy.load` makes of bfloat16, whose name its files do not keep.
        view = ": say `.view(ml_dtypes.bfloat16)` if it is that" if value.dtype == "V2" else ""
        raise ValueError(f"`{name}` must hold real numbers, got dtype {value.dtype}{view}")
    if value.dtype in (xp.complex64, xp.complex128):
        raise ValueError(f"`{name}` must hold real numbers, got dtype {value.dtype}")
    return xp.astype(value, xp.float64, copy=False)


def as_numpy(X: Array) -> np.ndarray:
    """An array in host memory."""
    return np.asarray(X.detach().cpu().numpy() if array_api_compat.is_torch_array(X) else X)


def check_array(
    value: Array, name: str, shape: Mapping[str, int | None], *, finite: bool = True
) -> Array:
    """Validated floating array of a given shape.

    Parameters
    ----------
    value : array_like or torch tensor
    name : str
        The argument's name, for the message.
    shape : dict of str to (int or None)
        The axes in order: name to required length; None leaves the length free, though not zero.
    finite : bool
        Refuse NaN and infinity.

    Returns
    -------
    array
        float32 or float64, see `as_floating`.

    Raises
    ------
    ValueError
        Naming the argument, what was expected, and what came.

    Examples
    --------
    >>> from overica._validation import check_array
    >>> check_array([[1.0, 2.0]], "X", {"n_samples": None, "n_features": 3})
    Traceback (most recent call last):
    ...
    ValueError: `X` must have shape (n_samples, n_features=3), got (1, 2)
    """
    array = as_floating(value, name)
    got = tuple(int(length) for length in array.shape)
    fits = len(got) == len(shape) and all(
        length > 0 and required in (None, length)
        for length, required in zip(got, shape.values(), strict=True)
    )
    if not fits:
        axes = [axis if n is None else f"{axis}={n}" for axis, n in shape.items()]
        wanted = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
        empty = " (no axis may be empty)" if 0 in got else ""
        raise ValueError(f"`{name}` must have shape {wanted}, got {got}{empty}")
    if finite:
        xp = namespace(array)
        finite_entries = xp.isfinite(array)
        if not bool(xp.all(finite_entries)):
            bad = int(xp.sum(xp.astype(~finite_entries, xp.int64)))
            raise ValueError(f"`{name}` must be finite, got {bad} values that are NaN or infinite")
    return array


def check_magnitude(value: Array, name: str, shape: dict[str, int | None]) -> tuple[Array, float]:
    """As `check_array`, of finite entries, and the largest of their absolute values.

    Two passes over the array do both: NaN is neither the largest nor the smallest of numbers, it is the answer.

    Examples
    --------
    >>> check_magnitude([[1.0, -2.0]], "X", {"n_samples": None, "n_features": 2})[1]
    2.0
    """
    array = check_array(value, name, shape, finite=False)
    xp = namespace(array)
    largest = float(max(xp.max(array), -xp.min(array)))
    if not np.isfinite(largest):
        check_array(array, name, shape)
    return array, largest


def check_same_home(first: Array, first_name: str, second: Array, second_name: str) -> None:
    """Refuse two arrays of different libraries or devices.

    Raises
    ------
    ValueError
        If one is a NumPy array and the other a torch tensor, or the devices differ.
    """

    def home(array: Array) -> str:
        if array_api_compat.is_torch_array(array):
            return f"a torch tensor on {array.device}"
        return "a NumPy array"

    if home(first) != home(second):
        raise ValueError(
            f"`{first_name}` and `{second_name}` must be of the same array library and device, "
            f"got {home(first)} and {home(second)}"
        )


def check_scalar(
    value: Any, name: str, *, minimum: float = 0.0, strict: bool = False, integer: bool = False
) -> Any:
    """A finite number, not below (with `strict`: above) `minimum`, as a Python float or int.

    Raises
    ------
    ValueError
        Naming the argument, what was expected, and what came.

    Examples
    --------
    >>> from overica._validation import check_scalar
    >>> check_scalar(-1.0, "noise_variance")
    Traceback (most recent call last):
    ...
    ValueError: `noise_variance` must be a finite number >= 0, got -1.0
    """
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    kind = numbers.Integral if integer else numbers.Real
    valid = (
        isinstance(value, kind)
        and value is not True
        and value is not False
        and math.isfinite(float(value))
    )
    valid = valid and (value > minimum if strict else value >= minimum)
    if not valid:
        noun = "an integer" if integer else "a finite number"
        raise ValueError(
            f"`{name}` must be {noun} {'>' if strict else '>='} {minimum:g}, got {value!r}"
        )
    return int(value) if integer else float(value)


def check_choice(value: Any, name: str, choices: Any) -> str:
    """One of the given names.

    Raises
    ------
    ValueError
        Listing the valid names.
    """
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {listed}, got {value!r}")
    return value


def check_flag(value: Any, name: str) -> bool:
    """True or False, as a Python bool.

    Raises
    ------
    ValueError
        Naming the argument and what came.

    Examples
    --------
    >>> from overica._validation import check_flag
    >>> check_flag("yes", "nonnegative")
    Traceback (most recent call last):
    ...
    ValueError: `nonnegative` must be True or False, got 'yes'
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"`{name}` must be True or False, got {value!r}")
    return bool(value)
