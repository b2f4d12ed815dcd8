"""What is said of a name that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest_names(name: object, names: Sequence[str]) -> str:
    """A sentence with the names that are nearest, or with all where none is near.

    Examples
    --------
    >>> nearest_names("batchtok", ["topk", "batchtopk", "ica"])
    "Did you mean 'batchtopk' or 'topk'?"
    >>> nearest_names("xyz", ["mixture"]), nearest_names("xyz", [])
    ('There are: mixture.', 'There are none.')
    """
    near = difflib.get_close_matches(str(name).lower(), names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    return f"There are: {', '.join(names)}." if names else "There are none."
