"""Whole models of a study's fits: their files, to keep beside its figures, and back."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overica.coding import Featuriser
from overica.formats import load
from overica.formats.exporting import write_whole

ModelFiles = Mapping[str, bytes]
"""Content by name, for one folder."""


def model_files(featuriser: Any) -> ModelFiles:
    """The files of a fitted model, as `overica.load` reads them from a folder.

    An estimator that can be saved is kept whole, codes, history and all. Of any other, such as a baseline of
    scikit-learn, the dictionary is kept.

    Parameters
    ----------
    featuriser : fitted estimator

    Returns
    -------
    dict of str to bytes

    Examples
    --------
    >>> import numpy as np
    >>> from overica.sae import TopKSAE
    >>> X = np.random.default_rng(0).exponential(size=(200, 4))
    >>> files = model_files(TopKSAE(6, n_active=2, n_steps=5, random_state=0).fit(X))
    >>> sorted(files), type(model_of(files)).__name__
    (['cfg.json', 'sae_weights.safetensors'], 'TopKSAE')
    """
    with tempfile.TemporaryDirectory() as folder:
        write_whole(featuriser, folder)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def model_of(files: ModelFiles) -> Featuriser:
    """The model that `model_files` were made of."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        return load(folder)
