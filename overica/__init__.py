"""Overcomplete independent component analysis: learning more sources than there are sensors.

`OvercompleteICA` learns them, `SparseCoder` finds codes on a dictionary that is given, `load` and `export` exchange
dictionaries with other programs. What stands beside is in `overica.sae` and `overica.baselines`; what is true, and how
much of it was found, in `overica.datasets` and `overica.metrics`; studies in `overica.compare`, `overica.lm`,
`overica.photographs` and `overica.separation`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from overica._version import __version__

if TYPE_CHECKING:
    from overica._kernels import get_num_threads, set_num_threads
    from overica.coding import SparseCoder
    from overica.estimator import OvercompleteICA
    from overica.formats import export, load
    from overica.learning import LearningError
    from overica.priors import check_prior

__all__ = [
    "LearningError",
    "OvercompleteICA",
    "SparseCoder",
    "__version__",
    "check_prior",
    "export",
    "get_num_threads",
    "load",
    "set_num_threads",
]

_HOMES = {
    "LearningError": "overica.learning",
    "OvercompleteICA": "overica.estimator",
    "SparseCoder": "overica.coding",
    "check_prior": "overica.priors",
    "export": "overica.formats",
    "get_num_threads": "overica._kernels",
    "load": "overica.formats",
    "set_num_threads": "overica._kernels",
}
"""Where the names handed out here live; a module is imported when its name is first asked for."""


def __getattr__(name: str) -> Any:
    """A name of `__all__`, imported now."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """All names, those not imported yet included."""
    return sorted({*globals(), *__all__})
