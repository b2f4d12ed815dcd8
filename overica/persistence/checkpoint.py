"""A model on disk: arrays in safetensors and everything else in JSON, one pair with checksums."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import numpy as np

from overica.persistence.atomic import read_json
from overica.persistence.together import current, replace_together

ARRAYS = "arrays.safetensors"
CONFIG = "config.json"
_SUMS = "sha256"
_NAMED = " is damaged: "
"""What whoever reads a file says of it, between its name and the reason."""
_MARK = b'{"__metadata__":{"sha256"'
"""How the header of arrays with checksums begins, after its length in eight bytes."""


def write_checkpoint(
    folder: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], config: Mapping[str, Any],
    *, arrays_file: str = ARRAYS, config_file: str = CONFIG,
) -> None:  # fmt: skip
    """Write arrays and a configuration to a folder, made if missing; both or, if it is interrupted, neither.

    The configuration is given a key ``sha256`` with a checksum of the arrays' file and one of everything else in it.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> write_checkpoint(folder, {"x": np.arange(3)}, {"answer": 42})
    >>> arrays, config = read_checkpoint(folder)
    >>> arrays["x"].tolist(), config
    ([0, 1, 2], {'answer': 42})
    """
    from safetensors.numpy import save

    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    tensors = save(contiguous, metadata={_SUMS: f"in {config_file}"})
    # As it will be read: JSON makes lists of tuples.
    facts = json.loads(json.dumps(config))
    sums = {arrays_file: sha256(tensors).hexdigest()}
    sums[config_file] = _sum_of([facts, sums])
    text = json.dumps({**facts, _SUMS: sums}, indent=1)
    replace_together(folder, {arrays_file: tensors, config_file: text.encode("utf-8")})


def read_checkpoint(
    folder: str | os.PathLike[str], *, arrays_file: str = ARRAYS, config_file: str = CONFIG
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and configuration that `write_checkpoint` wrote.

    Folders of earlier versions, which have no checksums, are read as they are.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If one is damaged, or the two do not belong together: says which.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    paths = {name: current(folder, name) for name in (arrays_file, config_file)}
    for name, path in paths.items():
        if not path.is_file():
            raise FileNotFoundError(
                f"`folder` must hold {name}, got {os.fspath(folder)!r} without it"
            )
    config = read_json(paths[config_file])
    if not isinstance(config, dict):
        raise ValueError(f"{paths[config_file]} must hold an object, got {type(config).__name__}")
    content = paths[arrays_file].read_bytes()
    sums = config.pop(_SUMS, None)
    # Arrays of earlier versions are not marked, and nothing says what they should be.
    if sums is not None or content[8:].startswith(_MARK):
        known = sums if isinstance(sums, dict) else {}
        others = {name: value for name, value in known.items() if name != config_file}
        found = {
            config_file: _sum_of([config, others]),
            arrays_file: sha256(content).hexdigest(),
        }
        for name, value in found.items():
            if known.get(name) != value:
                raise ValueError(f"{paths[name]} is damaged: it does not match its checksum")
    try:
        return load(content), config
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{paths[arrays_file]} is damaged: {error}") from None


@contextmanager
def damage_named(file: str) -> Iterator[None]:
    """Say of what is missing in a file, or of another kind than expected, that the file is damaged, if nothing has yet.

    Examples
    --------
    >>> with damage_named("models/config.json"):
    ...     {}["unit"]
    Traceback (most recent call last):
    ...
    ValueError: models/config.json is damaged: KeyError: 'unit'
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        if _NAMED in reason:
            raise
        raise ValueError(f"{file}{_NAMED}{reason}") from error


def _sum_of(facts: Any) -> str:
    """Checksum of a value that came out of JSON, whatever its white space."""
    return sha256(json.dumps(facts, sort_keys=True).encode("ascii")).hexdigest()
