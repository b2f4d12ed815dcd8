"""Loading a dictionary of whoever wrote it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from overica.coding import Featuriser
from overica.formats.dictionary_learning_folder import DictionaryLearning
from overica.formats.format import Format
from overica.formats.gemma_scope import GemmaScope
from overica.formats.own import SavedAutoencoder, SavedModel
from overica.formats.plain import PlainDictionary
from overica.formats.saelens import SAELens
from overica.formats.source import source, words
from overica.formats.sparsify import Sparsify

FORMATS: dict[str, Format] = {
    kind.name: kind()
    for kind in (
        SavedModel,
        SavedAutoencoder,
        SAELens,
        Sparsify,
        DictionaryLearning,
        GemmaScope,
        PlainDictionary,
    )
}
"""Formats by name, in the order in which a folder is tried."""
_SHOWN = 5


def load(path: str | os.PathLike[str]) -> Featuriser:
    """A fitted estimator from a folder of this package or another's, which its content tells apart.

    ===================  ==========================================  ==============================================
    format               files                                       becomes
    ===================  ==========================================  ==============================================
    overica              ``config.json``, ``arrays.safetensors``     `OvercompleteICA`
    overica sae          ``cfg.json``, ``sae_weights.safetensors``   the class of `overica.sae.SAES` that was saved
    saelens              the same                                    `ReLUSAE`, `GatedSAE`, `TopKSAE`, `AbsTopKSAE`,
                                                                     `MatchingPursuitSAE`, `JumpReLUSAE`
    sparsify             ``cfg.json``, ``sae.safetensors``           `TopKSAE`; of signed ones `AbsTopKSAE`
    dictionary_learning  ``ae.pt``, ``config.json``                  `ReLUSAE`, `GatedSAE`, `TopKSAE`, `JumpReLUSAE`
    gemma_scope          ``params.npz`` or ``params.safetensors``    `JumpReLUSAE`
    safetensors          ``dictionary.json``,                        the autoencoder, or a `SparseCoder`
                         ``dictionary.safetensors``
    ===================  ==========================================  ==============================================

    BatchTopK and Matryoshka autoencoders of others are JumpReLU ones once they are trained.

    Others' codes come in units of X: rows of `components_` have unit length here, and codes are multiplied by the
    lengths that they had, so that reconstructions are the same. Autoencoders of samples normalised one by one become a
    `overica.formats.NormalisedSAE`. Half precision is widened to single. No file is run: pickled objects are refused.

    Parameters
    ----------
    path : path
        The folder, or one of its files.

    Returns
    -------
    estimator
        Fitted, with `transform`, `inverse_transform`, `components_` and `offset_`; of others' files also `source_`, a
        dict of format, path, architecture, model, hook and layer. `fit` of an autoencoder would train it anew.

    Raises
    ------
    FileNotFoundError
        If there is nothing, or nothing that is known.
    ValueError
        If a file is damaged, misses something or does not fit the others: names it, and what was expected.

    Examples
    --------
    >>> import tempfile
    >>> import overica
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import TopKSAE
    >>> X = make_mixture(500, 6, 8, "sparse_exponential", n_active=2, random_state=0).X
    >>> folder = tempfile.mkdtemp()
    >>> TopKSAE(8, n_active=2, n_steps=20, random_state=0).fit(X).save(folder)
    >>> overica.load(folder).transform(X).shape
    (500, 8)
    """
    folder, found = recognise(path)
    return found.read(folder)


def is_dictionary(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds what `load` reads."""
    given = Path(path)
    folder = given.parent if given.is_file() else given
    return _kind_of(folder) is not None


def recognise(path: str | os.PathLike[str]) -> tuple[Path, Format]:
    """The folder that a path means, and its format.

    Raises
    ------
    FileNotFoundError
        If there is nothing, or nothing that is known: says what was expected, and where else it may lie.
    """
    given = Path(path)
    if not given.exists():
        raise FileNotFoundError(f"there is nothing at {given}")
    folder = given.parent if given.is_file() else given
    found = _kind_of(folder)
    if found is not None:
        return folder, found
    expected = "; ".join(f"{name}: {', '.join(kind.files)}" for name, kind in FORMATS.items())
    place = folder if folder == given else f"{given} must be of a dictionary: its folder"
    raise FileNotFoundError(
        f"{place} must hold a dictionary in one of the known formats ({expected}), got {_content(folder)}"
    )


def inspect(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What lies at a path: its format, the class that it becomes, its shape, and where it is from.

    It is loaded for that, so that what is reported is known to be whole.

    Parameters
    ----------
    path : path
        See `load`.

    Returns
    -------
    dict
        ``format``, ``kind``, ``n_components``, ``n_features``, ``dtype``, ``codes``, and ``source`` in words.

    Raises
    ------
    FileNotFoundError, ValueError
        See `load`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from overica.sae import TopKSAE
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> folder = tempfile.mkdtemp()
    >>> TopKSAE(4, n_active=1, n_steps=2, random_state=0).fit(X).save(folder)
    >>> inspect(folder)["kind"], inspect(folder)["n_components"]
    ('TopKSAE', 4)
    """
    folder, found = recognise(path)
    estimator: Any = found.read(folder)
    origin = getattr(estimator, "source_", None) or source(found.name, str(folder), "")
    n_components, n_features = estimator.components_.shape
    return {
        "format": found.name,
        "kind": type(estimator).__name__,
        "n_components": n_components,
        "n_features": n_features,
        "dtype": str(estimator.components_.dtype),
        "codes": _codes(estimator),
        "source": words(origin).strip(),
    }


def is_one_sided(estimator: Any) -> bool:
    """Whether codes of a fitted featuriser are never negative."""
    one_sided = getattr(estimator, "one_sided", None)
    if one_sided is None:
        model = getattr(estimator, "model_", None)
        one_sided = (
            getattr(estimator, "nonnegative", False) if model is None else model.prior.nonnegative
        )
    return bool(one_sided)


def _kind_of(folder: Path) -> Format | None:
    return next((kind for kind in FORMATS.values() if kind.recognises(folder)), None)


def _codes(estimator: Any) -> str:
    """Of which signs codes are, and how many."""
    number = getattr(estimator, "n_active_", None)
    signs = "never negative" if is_one_sided(estimator) else "of both signs"
    return signs if number is None else f"{signs}, {number:g} of a sample"


def _content(folder: Path) -> str:
    """What lies in a folder, and in which folders below there is something that is known."""
    names = sorted(each.name for each in folder.iterdir())
    below = sorted(each.name for each in folder.iterdir() if each.is_dir() and _kind_of(each))
    if below:
        more = "" if len(below) <= _SHOWN else f" and {len(below) - _SHOWN} more"
        return f"a folder of such folders: choose one, {', '.join(below[:_SHOWN])}{more}"
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "") or "nothing"
