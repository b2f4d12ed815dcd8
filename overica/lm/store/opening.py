"""Any folder of activations, opened."""

from __future__ import annotations

import os
from pathlib import Path

from overica.lm.store.activation_store import ActivationStore
from overica.lm.store.activations import Activations
from overica.lm.store.files import METADATA
from overica.lm.store.foreign.foreign_store import ForeignStore
from overica.persistence import read_json


def open_store(path: str | os.PathLike[str], key: str | None = None) -> Activations:
    """Activations on disk, of `collect_activations` or of another tool.

    ================  ===============================================================================================
    files             what is read
    ================  ===============================================================================================
    ours              ``metadata.json`` of `collect_activations`: an `ActivationStore`
    ``.npy``          arrays of NumPy, memory-mapped
    ``.safetensors``  tensors, memory-mapped
    ``.pt, .pth``     what `torch.save` wrote, memory-mapped, by the reader that runs no code: a tensor, or tensors by
                      name, as dictionary_learning caches ``states`` and ``input_ids``
    ``.arrow``        data sets of Hugging Face, as SAELens's `CacheActivationsRunner` writes them; needs pyarrow
    ================  ===============================================================================================

    Parameters
    ----------
    path : path
        A folder, or one file of another tool.
    key : str, optional
        Which array, where files of another tool have several.

    Returns
    -------
    Activations
        An `ActivationStore` or a `ForeignStore`. Float16, bfloat16, float32 and float64 are read; numbers come in
        float32 or float64 from `Activations.read`.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that kind.
    ValueError
        If a file is damaged, still being written, or does not fit the others: names it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from overica.lm import open_store
    >>> folder = tempfile.mkdtemp()
    >>> np.save(f"{folder}/acts.npy", np.ones((5, 2), np.float16))
    >>> open_store(folder).read(slice(2))
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    folder = Path(path)
    metadata = folder / METADATA
    found = read_json(metadata) if metadata.is_file() else None
    told = found.get("format") if isinstance(found, dict) else None
    # Of whatever version: `ActivationStore` refuses later ones.
    if not str(told).startswith("overica"):
        return ForeignStore(folder, key)
    if key is not None:
        raise ValueError(
            f"`key` must be None for {str(folder)!r}, which holds one matrix, got {key!r}"
        )
    return ActivationStore(folder)
