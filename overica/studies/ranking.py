"""Who finds most of the true features on a data set, and who is tied with the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

PRIMARY = "share_recovered"
"""What decides: the share of the true features that a learned one comes close to."""
SECONDARY = "mean_cosine"
"""What decides where nobody finds a feature, or all find the same share."""
RESOLUTION = 0.01
"""Differences up to this are no difference, however small the spread over seeds."""
SPREADS = 2.0
"""Differences up to so many spreads over the seeds are ties."""
TRUTH_OR_CHANCE = ("oracle", "random")
"""Methods that are references and not contestants."""


@dataclass(frozen=True)
class Standing:
    """A method's place on a data set."""

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
    """Who finds most on a data set, at one choice of level."""

    dataset: str
    at: str
    """"matched" or "best"."""
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


def rank(rows: pd.DataFrame, at: str) -> Ranking | None:
    """The ranking on one data set by `PRIMARY`, or by `SECONDARY` where that does not tell methods apart."""
    primary = _ranking(rows, at, PRIMARY)
    if primary is None:
        return _ranking(rows, at, SECONDARY)
    level = [s for s in primary.tied if abs(s.mean - primary.tied[0].mean) <= RESOLUTION]
    nobody = primary.standings[0].mean <= max(primary.chance, 0.0) + RESOLUTION
    if nobody or (len(primary.tied) > 1 and len(level) == len(primary.standings)):
        return _ranking(rows, at, SECONDARY) or primary
    return primary


def _ranking(rows: pd.DataFrame, at: str, metric: str) -> Ranking | None:
    rows = rows[(rows["metric"] == metric) & ~rows["reference"].astype(bool)]
    rows = rows.dropna(subset=["value"])
    if at == "matched":
        rows = rows[rows["matched"]]
    if rows.empty:
        return None
    standings = []
    for method, own in rows.groupby("method", sort=False):
        levels = own["target_l0"].fillna(-1.0)
        values = own["value"][levels == own["value"].groupby(levels, sort=False).mean().idxmax()]
        chosen = own.loc[values.index[0]]
        standings.append(
            Standing(
                str(method), str(chosen["label"]), str(chosen["family"]), float(values.mean()),
                float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
                float(chosen["target_l0"]),
            )
        )  # fmt: skip
    standings.sort(key=lambda standing: -standing.mean)
    tied = tuple(s for s in standings if not _clearly_behind(s, standings[0]))
    margin = in_spreads = float("nan")
    if len(standings) > 1:
        margin = standings[0].mean - standings[1].mean
        in_spreads = _in_spreads(standings[0], standings[1])
    known = [each for each in rows["identifiable"] if each is not None and each == each]
    return Ranking(
        dataset=str(rows["dataset"].iloc[0]), at=at, metric=metric,
        chance=float(rows["chance"].mean()), standings=tuple(standings), margin=margin,
        margin_in_spreads=in_spreads, tied=tied, identifiable=bool(known[0]) if known else None,
    )  # fmt: skip


def _in_spreads(first: Standing, second: Standing) -> float:
    pooled = float(np.sqrt((first.spread**2 + second.spread**2) / 2))
    difference = first.mean - second.mean
    if np.isnan(pooled):
        return float("nan")
    if pooled == 0:
        return float("inf") if difference > 0 else 0.0
    return difference / pooled


def _clearly_behind(standing: Standing, first: Standing) -> bool:
    difference = first.mean - standing.mean
    in_spreads = _in_spreads(first, standing)
    return difference > RESOLUTION and not in_spreads <= SPREADS


def complete(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns that may be missing."""
    defaults = {
        "label": frame.get("method"),
        "family": "",
        "identifiable": None,
        "status": "ok",
        "chance": float("nan"),
        "matched": False,
        "target_l0": float("nan"),
        "cell": frame.get("method"),
        "reference": frame["method"].isin(TRUTH_OR_CHANCE),
    }
    missing = {name: value for name, value in defaults.items() if name not in frame}
    frame = frame.assign(**missing) if missing else frame
    return frame.assign(matched=frame["matched"].fillna(False).astype(bool))
