"""A configuration as TOML, so that a reader can save it and run the study again."""

import json
from collections.abc import Mapping
from typing import Any


def to_toml(table: Mapping[str, Any]) -> str:
    """Return a table of strings, numbers, lists and tables as TOML; None is left out.

    Examples
    --------
    >>> print(to_toml({"n_seeds": 3, "n_samples": None, "datasets": [{"name": "rays"}], "sae": {}}))
    n_seeds = 3
    <BLANKLINE>
    [[datasets]]
    name = "rays"
    <BLANKLINE>
    [sae]
    """
    simple, tables = [], []
    for key, value in table.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for each in value:
                tables += [f"\n[[{_key(key)}]]", *_pairs(each)]
        elif isinstance(value, dict):
            tables += [f"\n[{_key(key)}]", *_pairs(value)]
        else:
            simple += _pairs({key: value})
    return "\n".join([*simple, *tables])


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(_pairs(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value if each is not None) + "]"
    if isinstance(value, float):
        # TOML wants digits on both sides of the point, and knows inf and nan by these names.
        return repr(value)
    return _text(value)


def _text(value: Any) -> str:
    # A JSON string is a TOML string but for the one control character that JSON leaves alone.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
