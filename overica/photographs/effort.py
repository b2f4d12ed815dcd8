"""How much a study of photographs does."""

from __future__ import annotations

from dataclasses import dataclass

from overica._validation import check_scalar
from overica.photographs.basis_learners import METHODS, Effort

_EFFORT = Effort(n_steps=80, n_passes=2)


@dataclass(frozen=True)
class StudySettings:
    """How much a study does."""

    side: int = 6
    """Of a patch, pixels; 8 takes about three times as long."""
    precision: float = 4.0
    """Grey levels: the side of a cell, and D^2 / 12 the squared error of quantised coefficients."""
    overcompleteness: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """Columns per pixel, ascending."""
    methods: tuple[str, ...] = tuple(METHODS)
    """Names in `METHODS`."""
    n_seeds: int = 2
    """Each with regions, patches and starts of its own."""
    n_fit: int = 20_000
    """Patches to learn from."""
    n_choose: int = 300
    """To choose free parameters by."""
    n_judge: int = 2_000
    """To judge by."""
    n_annealed: int = 40
    """Of the latter, those on which the evidence is corrected."""
    n_table: int = 2_000
    """Of the patches learned from, those that code tables are made of."""
    effort: Effort = _EFFORT
    """Of the learners."""

    def __post_init__(self) -> None:
        for name in ("n_seeds", "n_fit", "n_choose", "n_judge", "n_table"):
            check_scalar(getattr(self, name), name, minimum=1, integer=True)
        check_scalar(self.n_annealed, "n_annealed", integer=True)
        if not self.overcompleteness:
            raise ValueError("`overcompleteness` must name at least one, got none")
        for value in self.overcompleteness:
            check_scalar(value, "overcompleteness", minimum=1.0)
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown:
            raise ValueError(f"`methods` must be among {list(METHODS)}, got {unknown}")


QUICK = StudySettings(
    side=4, overcompleteness=(1.0, 2.0), n_seeds=1, n_fit=4_000, n_choose=200, n_judge=600, n_annealed=40,
    n_table=1_500, effort=Effort(n_steps=60, n_passes=2),
)  # fmt: skip
"""Small patches, one seed: half a minute."""
