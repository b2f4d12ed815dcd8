"""The verdict: what a study found, in sentences that a reader who reads nothing else can rely on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overica.compare.ranking import (
    PRIMARY,
    RESOLUTION,
    TRUTH_OR_CHANCE,
    Ranking,
    Standing,
    complete,
    rank,
)

__all__ = ["TRUTH_OR_CHANCE", "Verdict", "verdict"]


@dataclass(frozen=True)
class Verdict:
    """Sentences, and the figures behind them."""

    headline: str
    """The one-sentence answer."""
    sentences: tuple[str, ...]
    """One or more per data set."""
    rankings: tuple[Ranking, ...]
    """The figures behind the sentences."""

    def __iter__(self) -> Any:
        """All sentences, the headline first."""
        return iter((self.headline, *self.sentences))

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"- {sentence}" for sentence in self.sentences)])


def verdict(frame: pd.DataFrame) -> Verdict:
    """Which method finds the most true features, on each data set, and by how much.

    The figure is `share_recovered`; where nobody finds a feature beyond what chance gives, and where the first
    are level, `mean_cosine` tells more. Two places are compared: the matched level, at which every method has the true
    number of active features, and each method's own best level by the mean over seeds. The first and the second are
    tied if their difference is at most `RESOLUTION` or at most `SPREADS` times the spread over seeds,
    ``sqrt((sd_1^2 + sd_2^2) / 2)``. The true and the random dictionary are references and take no part.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per cell and metric with columns dataset, method, seed, target_l0, matched, metric, value, chance, and
        if possible label, family, identifiable, status; as in `Results.frame`.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> rows = []
    >>> for method, family, shares in [("ica", "ica", (0.9, 0.92)), ("topk", "sae", (0.5, 0.52))]:
    ...     for seed, share in enumerate(shares):
    ...         rows.append(
    ...             {
    ...                 "dataset": "toy",
    ...                 "method": method,
    ...                 "family": family,
    ...                 "seed": seed,
    ...                 "matched": True,
    ...             }
    ...         )
    ...         rows[-1] |= {
    ...             "metric": "share_recovered",
    ...             "value": share,
    ...             "chance": 0.1,
    ...             "target_l0": 2.0,
    ...         }
    >>> print(verdict(pd.DataFrame(rows)))
    At matched L0, of 1 data set: overcomplete ICA leads on 1; sparse autoencoders lead on 0; baselines lead on 0.
    - toy: ica finds the most true features at matched L0, 91 % (topk 51 %; the lead is 28 spreads over seeds; ...
    """
    frame = complete(frame)
    names = list(dict.fromkeys(frame["dataset"]))
    rankings = []
    sentences = []
    for dataset in names:
        rows = frame[frame["dataset"] == dataset]
        places = [rank(rows, "matched"), rank(rows, "best")]
        found = [place for place in places if place is not None]
        rankings.extend(found)
        sentences.extend(_dataset_sentences(dataset, found))
    failed = frame.loc[frame["status"] != "ok", "cell"].nunique()
    if failed:
        sentences.append(f"{failed} cells failed and are missing from these figures.")
    return Verdict(_headline(rankings), tuple(sentences), tuple(rankings))


def _dataset_sentences(dataset: str, places: Sequence[Ranking]) -> list[str]:
    if not places:
        return [f"{dataset}: no cell ended well."]
    sentences = []
    if places[0].identifiable is False:
        sentences.append(
            f"{dataset}: its true features are not identifiable, no method can find them from such samples but by "
            "luck, and its figures say nothing about methods."
        )
    told = [_sentence(place) for place in places]
    matched, best = places[0], places[-1]
    if len(places) == 1:
        return [*sentences, f"{dataset}: {told[0]}."]
    same = [s.method for s in matched.tied] == [s.method for s in best.tied] and all(
        abs(a.mean - b.mean) <= RESOLUTION for a, b in zip(matched.tied, best.tied, strict=True)
    )
    if same and matched.metric == best.metric:
        return [*sentences, f"{dataset}: {told[0]}; the same at each method's own best level."]
    return [*sentences, f"{dataset}: {told[0]}.", f"{dataset}: {told[1]}."]


def _sentence(ranking: Ranking) -> str:
    where = "at matched L0" if ranking.at == "matched" else "at each method's own best level"
    share = ranking.metric == PRIMARY
    say = _percent if share else (lambda value: f"{value:.3f}")
    goal = "finds the most true features" if share else "comes closest to the true features"
    unit = "" if share else " mean cosine"
    chance = (
        f"chance {say(ranking.chance)}" if ranking.chance == ranking.chance else "chance not known"
    )
    first = ranking.standings[0]
    if ranking.winner is None:
        return _tie(ranking, where, say, unit, chance)
    if len(ranking.standings) == 1:
        return f"{first.label}, alone, has {say(first.mean)}{unit} {where} ({chance})"
    second = ranking.standings[1]
    at = ""
    if ranking.at == "best" and first.level == first.level:
        at = f" with L0 {first.level:g}"
    return (
        f"{first.label} {goal} {where}, {say(first.mean)}{unit}{at} ({second.label} {say(second.mean)}; "
        f"{_lead(ranking)}; {_unnamed(ranking, {first, second}, say)}{chance})"
    )


def _tie(ranking: Ranking, where: str, say: Callable[[float], str], unit: str, chance: str) -> str:
    figures = [say(standing.mean) for standing in ranking.tied]
    goal = "of the true features" if ranking.metric == PRIMARY else "to the true features"
    if len(set(figures)) == 1:
        names = _listed([standing.label for standing in ranking.tied])
        told = f"{names} are tied {where}, all with {figures[0]}{unit} {goal}"
    else:
        each = [f"{s.label} {figure}" for s, figure in zip(ranking.tied, figures, strict=True)]
        told = f"tied {where}, because seeds differ as much, are {_listed(each)}{unit} {goal}"
    rest = [standing for standing in ranking.standings if standing not in ranking.tied]
    behind = f"; next is {rest[0].label} with {say(rest[0].mean)}" if rest else ""
    return f"{told}{behind} ({_unnamed(ranking, {*ranking.tied, *rest[:1]}, say)}{chance})"


def _unnamed(ranking: Ranking, named: Collection[Standing], say: Callable[[float], str]) -> str:
    """ICA and the best autoencoder, where they are not among those that are named already."""
    told = []
    for family, called in (("ica", "{}"), ("sae", "the best autoencoder, {},")):
        best = next((s for s in ranking.standings if s.family == family), None)
        if best is not None and not any(s.family == family for s in named):
            told.append(f"{called.format(best.label)} {say(best.mean)}; ")
    return "".join(told)


def _lead(ranking: Ranking) -> str:
    spreads = ranking.margin_in_spreads
    if np.isnan(spreads):
        return "one seed, so the spread is not known"
    if np.isinf(spreads):
        return "no seed differs"
    shown = f"{spreads:.0f}" if spreads >= 9.95 else f"{spreads:.1f}"
    return f"the lead is {shown} spreads over seeds"


_FAMILIES = {"ica": "overcomplete ICA", "sae": "sparse autoencoders", "baseline": "baselines"}


def _headline(rankings: Sequence[Ranking]) -> str:
    """Which family of methods leads, on how many data sets."""
    told = [ranking for ranking in rankings if ranking.identifiable is not False]
    matched = [ranking for ranking in told if ranking.at == "matched"]
    place = "At matched L0" if matched else "At each method's own best level"
    counted = matched or told
    if not counted:
        return "Nothing can be said: no data set whose features can be found has results."
    parts = []
    # A family leads where all that are tied for the first place are of it.
    leaders = {id(ranking): {standing.family for standing in ranking.tied} for ranking in counted}
    for family, plural in _FAMILIES.items():
        led = [ranking for ranking in counted if leaders[id(ranking)] == {family}]
        labels = list(dict.fromkeys(s.label for ranking in led for s in ranking.tied))
        names = "" if family == "ica" or not labels else f" ({_listed(labels)})"
        parts.append(f"{plural} {'lead' if family != 'ica' else 'leads'} on {len(led)}{names}")
    ties = [ranking for ranking in counted if len(leaders[id(ranking)]) > 1]
    if ties:
        among = [
            f"{plural} on {count}"
            for family, plural in _FAMILIES.items()
            if (count := sum(family in leaders[id(tie)] for tie in ties))
        ]
        verb = "is a tie" if len(ties) == 1 else "are ties"
        parts.append(f"{len(ties)} {verb} between them ({', '.join(among)} of these)")
    n = len(counted)
    return f"{place}, of {n} data set{'s' if n != 1 else ''}: {'; '.join(parts)}."


def _percent(value: float) -> str:
    percent = 100 * value
    return (
        f"{percent:.0f} %"
        if abs(percent - round(percent)) < 0.05 or percent >= 10
        else f"{percent:.1f} %"
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
