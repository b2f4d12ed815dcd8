"""The verdict: what a study found, in sentences that a reader who reads nothing else can rely on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overica.report.phrases import counted, listed, percent
from overica.studies import FAMILIES, Ranking, Results, Standing, rank
from overica.studies.ranking import RESOLUTION

PRIMARY = "share_recovered"
"""What decides: the share of the true features that a learned one comes close to."""
NEARLY_ALL = 0.9
"""Share of the true features from which on a method is said to find them."""
SECONDARY = "mean_cosine"
"""What decides where nobody finds a feature, or all find the same share."""


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


def verdict(results: Results) -> Verdict:
    """Which method finds the most true features, on each data set, and by how much.

    The figure is `share_recovered`; where nobody finds a feature beyond what chance gives, and where the first
    are level, `mean_cosine` tells more. Two places are compared: the matched level, at which every method has the true
    number of active features, and each method's own best level by the mean over seeds. The first and the second are
    tied if their difference is at most `RESOLUTION` or at most `SPREADS` times the spread over seeds,
    ``sqrt((sd_1^2 + sd_2^2) / 2)``. The true and the random dictionary are references and take no part.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Verdict
    """
    rankings = []
    sentences = []
    for dataset in results.whats:
        places = [rank(results, dataset, at, PRIMARY, SECONDARY) for at in ("matched", "best")]
        found = [place for place in places if place is not None]
        rankings.extend(found)
        sentences.extend(_dataset_sentences(dataset, found))
    if results.failed:
        sentences.append(f"{len(results.failed)} cells failed and are missing from these figures.")
    return Verdict(_headline(rankings), tuple(sentences), tuple(rankings))


def answer(results: Results) -> str:
    """On how many data sets each family of methods finds nearly all of the true features, at the matched level."""
    rankings = [rank(results, dataset, "matched", PRIMARY) for dataset in results.whats]
    told = [r for r in rankings if r is not None and r.identifiable is not False]
    if not told:
        return "Nothing can be said yet."
    counts = {
        plural: sum(
            any(s.family == family and s.mean >= NEARLY_ALL for s in r.standings) for r in told
        )
        for family, plural in FAMILIES.items()
        if any(s.family == family for r in told for s in r.standings)
    }
    (first, n), *others = counts.items()
    does = "does" if first == FAMILIES["ica"] else "do"
    rest = "".join(f", {plural} on {count}" for plural, count in others)
    return f"On {n} of {counted(len(told), 'data set')} {first} {does}{rest} (at least {percent(NEARLY_ALL)} of them)."


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
    say = percent if share else (lambda value: f"{value:.3f}")
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
    """The first as an interval."""
    figures = list(dict.fromkeys(say(standing.mean) for standing in ranking.tied))
    goal = "of the true features" if ranking.metric == PRIMARY else "to the true features"
    between = figures[0] if len(figures) == 1 else f"{figures[-1]} to {figures[0]}"
    names = listed([standing.label for standing in ranking.tied])
    rest = [standing for standing in ranking.standings if standing not in ranking.tied]
    behind = f"; next is {rest[0].label} with {say(rest[0].mean)}" if rest else ""
    return (
        f"a tie {where}: {between}{unit} {goal}, {names}{behind} "
        f"({_unnamed(ranking, {*ranking.tied, *rest[:1]}, say)}{chance})"
    )


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
    for family, plural in FAMILIES.items():
        led = [ranking for ranking in counted if leaders[id(ranking)] == {family}]
        labels = list(dict.fromkeys(s.label for ranking in led for s in ranking.tied))
        names = "" if family == "ica" or not labels else f" ({listed(labels)})"
        parts.append(f"{plural} {'lead' if family != 'ica' else 'leads'} on {len(led)}{names}")
    ties = [ranking for ranking in counted if len(leaders[id(ranking)]) > 1]
    if ties:
        among = [
            f"{plural} on {count}"
            for family, plural in FAMILIES.items()
            if (count := sum(family in leaders[id(tie)] for tie in ties))
        ]
        verb = "is a tie" if len(ties) == 1 else "are ties"
        parts.append(f"{len(ties)} {verb} between them ({', '.join(among)} of these)")
    n = len(counted)
    return f"{place}, of {n} data set{'s' if n != 1 else ''}: {'; '.join(parts)}."
