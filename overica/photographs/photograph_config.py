"""What a study of photographs may hold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from overica.studies import METHODS, Method, StudyConfig, StudyError, checks, key, unknown
from overica.studies.choices import Choice

Setting = Mapping[str, Any]
"""Values of a method's free parameters."""


# Surplus columns are for exact recovery; the density of photographs has no true columns to miss.
_ICA = {"overprovision": 1.0, "max_iter": 80}
RAW, GAUSSIAN = "raw", "gaussian"
PHOTOGRAPH_METHODS: dict[str, Method] = {
    **{name: method for name, method in METHODS.items() if not method.needs_truth},
    **{
        # There is no featuriser to build.
        name: Method(
            name, label, "baseline", dict, sweeps=False, overcomplete=False, reference=True
        )
        for name, label in ((GAUSSIAN, "Gaussian (PCA)"), (RAW, "Raw pixels"))
    },
}
"""All methods, and two without a basis: the exact Gaussian of the patches' covariance, and the pixels' histogram."""


def _side(value: Any, name: str) -> int:
    if not 2 <= checks.count(value, name) <= 32:
        raise ValueError(f"`{name}` must be an integer from 2 to 32, got {value!r}")
    return int(value)


def _width(value: Any, name: str) -> float:
    if checks.positive(value, name) < 1:
        raise ValueError(f"`{name}` must be a number from 1, got {value!r}")
    return float(value)


def _tuned(value: Any, name: str) -> dict[str, dict[str, list[Any]]]:
    tables = checks.table(value, name)
    for method, table in tables.items():
        if method not in PHOTOGRAPH_METHODS:
            raise unknown(f"`{name}`", "method", method, PHOTOGRAPH_METHODS)
        valid = PHOTOGRAPH_METHODS[method].parameters | {"n_active"}
        for parameter, values in checks.table(table, f"{name}.{method}").items():
            if parameter not in valid:
                raise unknown(f"`{name}.{method}`", "parameter", parameter, valid)
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise StudyError(f"`{name}.{method}.{parameter}` must list values, got {values!r}")
    return tables


@dataclass(frozen=True, kw_only=True)
class PhotographConfig(StudyConfig):
    """Methods x widths x seeds on patches of photographs, see `StudyConfig`.

    Examples
    --------
    >>> config = PhotographConfig.from_keywords(side=4, widths=[2, 1])
    >>> config.widths, [method.name for method in config.methods][:2]
    ((1.0, 2.0), ['ica', 'dictionary_learning'])
    """

    kind: ClassVar[str] = "photographs"
    registry: ClassVar[Mapping[str, Method]] = PHOTOGRAPH_METHODS
    default_methods: ClassVar[tuple[Any, ...]] = (
        "ica",
        # Twice over the patches.
        {"name": "dictionary_learning", "n_rounds": 1, "n_steps": 156},
        {"name": "fastica", "max_iter": 200},
        "pca",
        "random",
        GAUSSIAN,
        RAW,
    )

    folder: str | None = key(None, checks.optional(checks.path))
    """Of pictures; scikit-learn's two photographs if not given."""
    side: int = key(6, _side)
    """Of a patch, pixels; 8 takes about three times as long."""
    precision: float = key(4.0, checks.positive)
    """D, grey levels: the side of a cell, and D^2 / 12 the squared error of quantised coefficients."""
    widths: tuple[float, ...] = key(
        (1.0, 2.0, 4.0, 8.0), checks.ascending("columns per pixel", _width)
    )
    """Columns per pixel. Methods that know complete bases alone are fitted at 1."""
    n_seeds: int = key(2, checks.count)
    """Each with regions, patches and starts of its own."""
    ica: Mapping[str, Any] = key(_ICA, checks.over(_ICA))
    """Parameters of every overcomplete ICA, over the study's own defaults."""
    n_active: float = key(6.0, checks.positive)
    """Told to methods that are told how many features are to be active in a patch."""
    tuned: Mapping[str, Mapping[str, list[Any]]] = key(
        {
            "ica": {"annealing": [[0.5, 0.02], [0.5, 0.01]]},
            "dictionary_learning": {"penalty": [0.3, 0.6, 1.2]},
        },
        _tuned,
    )
    """By name of a method, values of its free parameters (`n_active` among them) to choose from: those whose narrowest
    basis has the highest evidence on patches set aside for this. What a method's own table holds is not chosen."""
    n_fit: int = key(20_000, checks.count)
    """Patches to learn from."""
    n_choose: int = key(300, checks.count)
    """To choose free parameters by."""
    n_judge: int = key(2_000, checks.count)
    """To judge by."""
    n_annealed: int = key(40, checks.whole)
    """Of the latter, those on which the evidence is corrected."""
    n_table: int = key(2_000, checks.count)
    """Of the patches learned from, those that code tables are made of."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Patches to learn from, to choose by and to judge by."""
        return self.n_fit, self.n_choose, self.n_judge

    def settings(self, method: Choice) -> tuple[Setting, ...]:
        """What is chosen from for a method: all combinations of the values of its free parameters."""
        given = self.tuned.get(method.name, {})
        free = {name: values for name, values in given.items() if name not in method.arguments}
        return tuple(
            dict(zip(free, values, strict=True)) for values in itertools.product(*free.values())
        )

    def widths_of(self, method: Choice) -> tuple[float, ...]:
        """Widths at which a method is fitted."""
        overcomplete = self.registry[method.name].overcomplete
        return tuple(width for width in self.widths if width <= 1 or overcomplete)

    def quick(self) -> Self:
        """Small patches, 1x and 2x, one seed: half a minute."""
        return replace(
            super().quick(), side=4, widths=(1.0, 2.0), n_fit=4_000, n_choose=200, n_judge=600,
            n_table=1_500,
        )  # fmt: skip
