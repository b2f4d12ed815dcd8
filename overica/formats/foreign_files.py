"""Files that others wrote, read with suspicion: tensors by name and numbers by key, or an error that names the file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overica.persistence import current, read_json

if TYPE_CHECKING:
    from torch import Tensor


class Tensors(dict[str, "Tensor"]):
    """Tensors of one file, by name.

    Parameters
    ----------
    path : path
        For messages.
    tensors : mapping of str to Tensor
    """

    def __init__(self, path: str | os.PathLike[str], tensors: Mapping[str, Tensor]) -> None:
        super().__init__(tensors)
        self.path = os.fspath(path)

    def take(self, name: str, **shape: int | None) -> Tensor:
        """A tensor in single precision, or double if it is; it is gone from here then.

        Parameters
        ----------
        name : str
        **shape : int or None
            Its axes in order, by name; None leaves a length free.

        Raises
        ------
        ValueError
            If there is none, or it is of another shape, not of numbers or not finite.
        """
        import torch

        if name not in self:
            held = ", ".join(sorted(self)) or "nothing"
            raise ValueError(f"{self.path} must hold a tensor {name!r}, got {held}")
        tensor = self.pop(name)
        fits = tensor.ndim == len(shape) and all(
            found > 0 and wanted in (None, found)
            for found, wanted in zip(tensor.shape, shape.values(), strict=True)
        )
        if not fits:
            axes = ", ".join(axis if n is None else f"{axis}={n}" for axis, n in shape.items())
            raise ValueError(
                f"{self.path}: {name!r} must have shape ({axes}), got {tuple(tensor.shape)}"
            )
        if tensor.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
            raise ValueError(f"{self.path}: {name!r} must hold real numbers, got {tensor.dtype}")
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise ValueError(
                f"{self.path}: {name!r} must be finite, got {bad} values that are NaN or infinite"
            )
        return tensor if tensor.dtype == torch.float64 else tensor.float()


def read_safetensors(path: Path) -> Tensors:
    """Tensors of a safetensors file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = _existing(path).read_bytes()
    try:
        return Tensors(path, load(content))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged: expected a safetensors file: {error}") from None


def read_torch(path: Path) -> Tensors:
    """Tensors by name that `torch.save` wrote; by the reader that runs no code.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it holds anything but tensors by name, or is damaged.
    """
    import torch

    found = load_torch(path)
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in found.items()
    ):
        raise ValueError(f"{path} must hold tensors by name, got {type(found).__name__}")
    return Tensors(path, found)


def load_torch(path: Path, *, mapped: bool = False) -> Any:
    """What `torch.save` wrote, tensors and plain values, by the reader that runs no code.

    Parameters
    ----------
    path : Path
    mapped : bool
        Leave the numbers in the file, where it is of the layout that allows it (since PyTorch 1.6).

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it holds pickled objects, or is damaged.
    """
    import pickle
    import zipfile

    import torch

    content = _existing(path)
    try:
        with warnings.catch_warnings():
            # Of pickles that are older or newer than its own, which end as errors or as tensors.
            warnings.simplefilter("ignore")
            return torch.load(
                content,
                map_location="cpu",
                weights_only=True,
                mmap=mapped and zipfile.is_zipfile(content),
            )
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path} must hold tensors by name and nothing else: it is damaged, or holds pickled objects, which are "
            "not read because that would run code. Save its `state_dict()` instead"
        ) from None
    except Exception as error:
        # What a reader of bytes that may be anything ends with is anything.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is damaged: {reason}") from None


class Config(dict[str, Any]):
    """A JSON object of one file, whose values are checked when they are asked for.

    Parameters
    ----------
    path : path
        For messages.
    values : mapping
    """

    def __init__(self, path: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.path = os.fspath(path)

    @classmethod
    def read(cls, path: Path) -> Config:
        """Of a file.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If it is damaged or holds no object.
        """
        values = read_json(_existing(path))
        if not isinstance(values, dict):
            raise ValueError(f"{path} must hold an object, got {type(values).__name__}")
        return cls(path, values)

    def within(self, key: str) -> Config:
        """The object of that key; an empty one if there is none."""
        inner = self.get(key)
        return Config(self.path, inner if isinstance(inner, dict) else {})

    def count(self, key: str, *, at_most: int | None = None) -> int:
        """A positive integer.

        Raises
        ------
        ValueError
            If it is missing, something else, or too large.
        """
        value: Any = self.get(key)
        whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
        if not whole or (at_most is not None and value > at_most):
            limit = "" if at_most is None else f" of at most {at_most}"
            raise ValueError(
                f"{self.path}: {key!r} must be a positive integer{limit}, got {value!r}"
            )
        return int(value)


def holds(folder: Path, *names: str) -> bool:
    """Whether a folder holds files of these names, in place or on the way there."""
    return all(current(folder, name).is_file() for name in names)


def _existing(path: Path) -> Path:
    found = current(path.parent, path.name)
    if not found.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    return found
