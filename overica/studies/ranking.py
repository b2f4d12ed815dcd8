"""Who is best on what is learned from, and who is tied with the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.metrics.words import words_of
from overica.studies.levels import LEVELS
from overica.studies.results import Results
from overica.studies.spread import Spread, mean_of, number, summarise

RESOLUTION = 0.01
"""Differences up to this are no difference, however small the spread over seeds."""
SPREADS = 2.0
"""Differences up to so many spreads over the seeds are ties."""


@dataclass(frozen=True)
class Standing:
    """A method's place.

    Examples
    --------
    >>> from overica.compare import Study
    >>> few = {"name": "mixture", "n_samples": 600, "n_features": 2, "n_components": 3}
    >>> results = Study(datasets=[few], methods=["pca", "random"], n_seeds=1, n_jobs=1).run(
    ...     progress=False
    ... )
    >>> standing = results.verdict().rankings[0].standings[0]
    >>> standing.method, standing.family
    ('pca', 'baseline')
    """

    method: str
    label: str
    family: str
    mean: float
    """Mean over the seeds."""
    spread: float
    """Standard deviation over the seeds; NaN for one seed."""
    level: float
    """Target L0; NaN for codes at a level of the method's own."""


@dataclass(frozen=True)
class Ranking:
    """Who is best, at one choice of level.

    Examples
    --------
    >>> from overica.compare import Study
    >>> few = {"name": "mixture", "n_samples": 600, "n_features": 2, "n_components": 3}
    >>> results = Study(datasets=[few], methods=["pca", "random"], n_seeds=1, n_jobs=1).run(
    ...     progress=False
    ... )
    >>> ranking = results.verdict().rankings[0]
    >>> ranking.what, ranking.metric, [standing.method for standing in ranking.standings]
    ('mixture', 'share_recovered', ['pca'])
    """

    what: str
    """What is learned from."""
    at: str
    """A key of `LEVELS`."""
    metric: str
    chance: float
    """What random directions get."""
    standings: tuple[Standing, ...]
    """Best first, references left out."""
    margin: float
    """Lead of the first over the second; NaN without a second."""
    margin_in_spreads: float
    """The same in units of the spread over seeds, pooled over both: infinite where no seed differs, NaN for one."""
    tied: tuple[Standing, ...]
    """All that are not clearly behind the first, the first included."""
    identifiable: bool | None

    @property
    def winner(self) -> Standing | None:
        """The one that leads clearly; None for a tie."""
        return self.tied[0] if len(self.tied) == 1 else None


def rank(
    results: Results, what: str, at: str, metric: str, finer: str | None = None
) -> Ranking | None:
    """The ranking by a metric, or by a finer one where that does not tell methods apart.

    Parameters
    ----------
    results : Results
    what : str
        The data set.
    at : str
        A key of `LEVELS`.
    metric : str
        What decides.
    finer : str, optional
        What decides where nobody is above chance, or all are level.
    """
    first = _ranking(results, what, at, metric)
    second = None if finer is None else _ranking(results, what, at, finer)
    if first is None:
        return second
    level = [s for s in first.tied if abs(s.mean - first.tied[0].mean) <= RESOLUTION]
    nobody = first.standings[0].mean <= max(first.chance, 0.0) + RESOLUTION
    if nobody or (len(first.tied) > 1 and len(level) == len(first.standings)):
        return second or first
    return first


def _ranking(results: Results, what: str, at: str, metric: str) -> Ranking | None:
    merit = words_of(metric).merit
    found: list[tuple[Standing, Spread]] = []
    known = None
    for method in results.methods:
        cells = LEVELS[at](results.of(what, method), metric)
        if at == "matched":
            cells = [cell for cell in cells if cell.get("matched")]
        spread = summarise(cells, metric)
        if results.is_reference(method) or not spread.count:
            continue
        first = cells[0]
        known = first.get("identifiable") if known is None else known
        standing = Standing(
            method, str(first.get("label") or method), str(first["family"]), spread.mean, spread.deviation,
            number(first.get("target_l0")),
        )  # fmt: skip
        found.append((standing, spread))
    if not found:
        return None
    standings = sorted((one for one, _ in found), key=lambda one: -merit(one.mean))
    tied = tuple(s for s in standings if not _clearly_behind(s, standings[0]))
    margin = in_spreads = float("nan")
    if len(standings) > 1:
        margin = abs(standings[0].mean - standings[1].mean)
        in_spreads = _in_spreads(standings[0], standings[1])
    return Ranking(
        what=what, at=at, metric=metric, chance=mean_of(spread.chance for _, spread in found),
        standings=tuple(standings), margin=margin, margin_in_spreads=in_spreads, tied=tied,
        identifiable=known,
    )  # fmt: skip


def _in_spreads(first: Standing, second: Standing) -> float:
    pooled = float(np.sqrt((first.spread**2 + second.spread**2) / 2))
    difference = abs(first.mean - second.mean)
    if np.isnan(pooled):
        return float("nan")
    if pooled == 0:
        return float("inf") if difference > 0 else 0.0
    return difference / pooled


def _clearly_behind(standing: Standing, first: Standing) -> bool:
    difference = abs(first.mean - standing.mean)
    in_spreads = _in_spreads(first, standing)
    return difference > RESOLUTION and not in_spreads <= SPREADS
