"""Overcomplete independent component analysis: learning more sources than there are sensors.

`OvercompleteICA` learns them, `SparseCoder` finds codes on a dictionary that is given, `load` and `export` exchange
dictionaries with other programs. What stands beside is in `overica.sae` and `overica.baselines`; what is true, and how
much of it was found, in `overica.datasets` and `overica.metrics`; studies in `overica.compare`, `overica.lm`,
`overica.photographs` and `overica.separation`.

What users import is in ``__all__`` here and of `PLACES`; everything else is for those who work on the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overica._names import handed_out
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

PLACES = (
    "sae",
    "coding",
    "inference",
    "priors",
    "learning",
    "presence",
    "initialisation",
    "schedules",
    "rows",
    "distributed",
    "datasets",
    "metrics",
    "baselines",
    "formats",
    "plots",
    "compare",
    "lm",
    "photographs",
    "separation",
)
"""The packages and modules whose names are for users."""

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

__getattr__ = handed_out(__name__, _HOMES | {place: f"{__name__}.{place}" for place in PLACES})


def __dir__() -> list[str]:
    """All names, those not imported yet included."""
    return sorted({*globals(), *__all__, *PLACES})
