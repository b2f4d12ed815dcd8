"""What samples may come as: each kind says by what it is known and how it is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from overica.rows.rows import Rows, in_memory
from overica.rows.shards import ShardedRows
from overica.rows.streams import Stream
from overica.rows.torch_data import DatasetRows


class Kind(NamedTuple):
    """Of data that is not an array in memory in the first place."""

    recognises: Callable[[Any], bool]
    opens: Callable[[Any], Any]
    """To `Rows`, to a `Stream`, or to an array as `overica._validation` takes it."""


def opened(X: Any) -> Any:
    """Samples as they are read: `Rows`, a `Stream`, or, for what is known as nothing else, X itself.

    Parameters
    ----------
    X : object
        An `ActivationStore`, or anything else with a matrix `activations`; a map-style torch `Dataset`; a list or tuple
        of shards (n_i, n_features), each a matrix of any kind that is read by rows; a memory map, a matrix in half
        precision, or another whose rows are chosen by slices and index arrays; or an object that gives 2-D batches each
        time it is iterated, such as a torch `DataLoader`. One that ends soon is an array.

    Returns
    -------
    Rows, Stream or X

    Raises
    ------
    ValueError
        If X can be iterated once only, its parts do not fit together, or it is a path or a function.

    Examples
    --------
    >>> opened([np.ones((2, 3), np.float16), np.ones((1, 3), np.float16)]).shape
    (3, 3)
    >>> opened([[1.0, 2.0], [3.0, 4.0]])
    [[1.0, 2.0], [3.0, 4.0]]
    >>> opened(np.ones((2, 3)) for _ in range(4))
    Traceback (most recent call last):
    ...
    ValueError: `X` must be readable more than once, got an iterator (generator): give `fit` what makes a new one each \
time it is iterated, such as a list of arrays or a `DataLoader`, or each batch to `partial_fit`
    """
    for kind in KINDS:
        if kind.recognises(X):
            return kind.opens(X)
    return X


def _holds_activations(X: Any) -> bool:
    return hasattr(X, "activations") and not _is_array_like(X)


def _torch_data() -> Any:
    """Torch's data sets, if anybody has imported them: nobody who has not can hand one over."""
    return sys.modules.get("torch.utils.data")


def _is_tensors(X: Any) -> bool:
    data = _torch_data()
    return data is not None and isinstance(X, data.TensorDataset)


def _is_dataset(X: Any) -> bool:
    data = _torch_data()
    by_number = data is not None and isinstance(X, data.Dataset)
    return by_number and not isinstance(X, data.IterableDataset)


def _is_shards(X: Any) -> bool:
    return isinstance(X, list | tuple) and any(len(getattr(shard, "shape", ())) == 2 for shard in X)


def _shard(X: Any) -> Any:
    """One of several: as it is where its rows can be chosen, opened where it must be for that."""
    if array_api_compat.is_array_api_obj(X):
        return X
    found = opened(X)
    if isinstance(found, Stream) or hasattr(found, "toarray"):
        raise ValueError(f"a shard of `X` must be a matrix in full, got {type(X).__name__}")
    return found if isinstance(found, Rows) else np.asarray(found)


def _is_by_rows(X: Any) -> bool:
    """Whether samples are read part by part: what is mapped, in half precision, or has rows but is no array."""
    if array_api_compat.is_torch_array(X):
        half = X.element_size() == 2 and X.is_floating_point()
        return X.ndim > 0 and (half or not in_memory(X))
    if isinstance(X, np.ndarray):
        return X.ndim > 0 and (X.dtype.name in ("float16", "bfloat16") or not in_memory(X))
    # Sparse matrices have rows, but none that could be read; scikit-learn refuses them in its own words.
    by_rows = all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
    return by_rows and len(X.shape) > 0 and not hasattr(X, "toarray")


def _is_array_like(X: Any) -> bool:
    return any(
        hasattr(X, name) for name in ("shape", "__array__", "__array_interface__", "to_numpy")
    )


def _is_once(X: Any) -> bool:
    return hasattr(X, "__next__") and hasattr(X, "__iter__")


def _refuse(X: Any) -> Any:
    raise ValueError(
        f"`X` must be readable more than once, got an iterator ({type(X).__name__}): give `fit` what makes a new one "
        "each time it is iterated, such as a list of arrays or a `DataLoader`, or each batch to `partial_fit`"
    )


def _is_path(X: Any) -> bool:
    return isinstance(X, str | os.PathLike)


def _refuse_path(X: Any) -> Any:
    raise ValueError(
        f"`X` must be samples, got the path {os.fspath(X)!r}: `overica.lm.open_store` opens files of activations"
    )


def _is_function(X: Any) -> bool:
    return callable(X) and not hasattr(X, "__iter__") and not _is_array_like(X)


def _refuse_function(X: Any) -> Any:
    raise ValueError(
        f"`X` must be samples, got {getattr(X, '__name__', type(X).__name__)}, which is a function: what gives "
        "batches anew each time is an object with `__iter__`, such as a `DataLoader`"
    )


def _is_batches(X: Any) -> bool:
    plain = isinstance(X, str | bytes | bytearray | list | tuple | Mapping | Set | range)
    return hasattr(X, "__iter__") and not plain and not _is_array_like(X)


def _stream(X: Any) -> Any:
    stream = Stream(X)
    return stream.beginning if stream.is_short else stream


KINDS: tuple[Kind, ...] = (
    Kind(lambda X: isinstance(X, Rows | Stream), lambda X: X),
    Kind(_holds_activations, lambda X: opened(X.activations)),
    Kind(_is_tensors, lambda X: opened(X.tensors[0])),
    Kind(_is_dataset, lambda X: Rows(DatasetRows(X))),
    Kind(_is_shards, lambda X: Rows(ShardedRows([_shard(shard) for shard in X]))),
    Kind(_is_by_rows, Rows),
    Kind(_is_once, _refuse),
    Kind(_is_batches, _stream),
    Kind(_is_path, _refuse_path),
    Kind(_is_function, _refuse_function),
)
"""Asked in this order."""
