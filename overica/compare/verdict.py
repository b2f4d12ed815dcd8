"""The verdict: what a study found, in sentences that a reader who reads nothing else can rely on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from overica.report.phrases import counted, failed, listed, percent
from overica.studies import FAMILIES, Ranking, Results, Standing, rank
from overica.studies.ranking import RESOLUTION

PRIMARY = "share_recovered"
"""What decides: the share of the true features that a learned one comes close to."""
NEARLY_ALL = 0.9
"""Share of the true features from which on a method is said to find them."""
SECONDARY = "mean_cosine"
"""What decides where nobody finds a feature, or all find the same share."""
TRUE_L0 = "as many active features in a sample as there truly are"
"""The level at which methods are matched, in words."""
_MOST_NAMES = 3
"""Of a tie."""


@dataclass(frozen=True)
class Verdict:
    """Sentences, and the figures behind them.

    Examples
    --------
    >>> from overica.compare import Study
    >>> few = {"name": "mixture", "n_samples": 600, "n_features": 2, "n_components": 3}
    >>> results = Study(datasets=[few], methods=["pca", "random"], n_seeds=1, n_jobs=1).run(
    ...     progress=False
    ... )
    >>> told = results.verdict()
    >>> [name for name, _ in told.findings], list(told)[0] == told.headline
    (['mixture'], True)
    """

    headline: str
    """Who leads on how many data sets."""
    findings: tuple[tuple[str, str], ...]
    """A data set, and a sentence or two; the name is empty where it is about none."""
    rankings: tuple[Ranking, ...]
    """The figures behind the sentences."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings with their names."""
        return tuple(f"{name}: {text}" if name else text for name, text in self.findings)

    def __iter__(self) -> Iterator[str]:
        """All sentences, the headline first."""
        return iter((self.headline, *self.sentences))

    def __str__(self) -> str:
        return "\n- ".join(self)


def verdict(results: Results) -> Verdict:
    """Which method finds the most true features, on each data set, and by how much.

    The figure is `share_recovered`; where nobody finds a feature beyond what chance gives, and where the first
    are level, `mean_cosine` tells more. Two places are compared: the matched level, at which every method has the true
    number of active features, and each method's own best level by the mean over seeds, which is told where it differs.
    The first and the second are tied if their difference is at most `RESOLUTION` or at most `SPREADS` times the spread
    over seeds, ``sqrt((sd_1^2 + sd_2^2) / 2)``. The true and the random dictionary are references and take no part.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from overica.compare import Study
    >>> few = {"name": "mixture", "n_samples": 600, "n_features": 2, "n_components": 3}
    >>> results = Study(datasets=[few], methods=["pca", "random"], n_seeds=1, n_jobs=1).run(
    ...     progress=False
    ... )
    >>> str(verdict(results)) == str(results)
    True
    """
    rankings: list[Ranking] = []
    findings = []
    for dataset in results.whats:
        places = [rank(results, dataset, at, PRIMARY, SECONDARY) for at in ("matched", "best")]
        found = [place for place in places if place is not None]
        rankings.extend(found)
        findings.append((dataset, _finding(found)))
    if results.failed:
        told = f"{failed(len(results.failed))} missing from these figures."
        findings.append(("", told))
    return Verdict(_headline(rankings), tuple(findings), tuple(rankings))


def answer(results: Results) -> str:
    """On how many data sets each family of methods finds nearly all of the true features, at the matched level."""
    rankings = [rank(results, dataset, "matched", PRIMARY) for dataset in results.whats]
    told = [r for r in rankings if r is not None and r.identifiable is not False]
    if not told:
        return "Nothing can be said yet."
    counts = {
        family: sum(
            any(s.family == family and s.mean >= NEARLY_ALL for s in r.standings) for r in told
        )
        for family in _families(told)
    }
    (first, n), *others = counts.items()
    find = "finds" if first == "ica" else "find"
    rest = "".join(f", {FAMILIES[family]} on {count}" for family, count in others)
    return (
        f"On {n} of {counted(len(told), 'data set')} {FAMILIES[first]} {find} "
        f"at least {percent(NEARLY_ALL)} of them{rest}."
    )


def _families(rankings: Sequence[Ranking]) -> list[str]:
    """Families that take part, in order."""
    present = {standing.family for ranking in rankings for standing in ranking.standings}
    return [family for family in FAMILIES if family in present]


def _finding(places: Sequence[Ranking]) -> str:
    """A sentence on the matched level, and one on each method's own best where that is another story."""
    if not places:
        return "no cell ended well."
    first, *others = places
    told = [f"{_place(first)}{_standings(first, whole=True)}."]
    if first.identifiable is False:
        told.insert(0, "its true features are not identifiable, so nobody finds them but by luck.")
    told += [
        f"{_place(other)}{_standings(other, whole=False)}."
        for other in others
        if not _alike(first, other)
    ]
    return " ".join(told)


def _alike(one: Ranking, other: Ranking) -> bool:
    """Whether two rankings have the same first with the same figures."""
    return (
        one.metric == other.metric
        and [s.method for s in one.tied] == [s.method for s in other.tied]
        and all(
            abs(a.mean - b.mean) <= RESOLUTION for a, b in zip(one.tied, other.tied, strict=True)
        )
    )


def _place(ranking: Ranking) -> str:
    return "" if ranking.at == "matched" else "Each at its own best L0: "


def _standings(ranking: Ranking, whole: bool) -> str:
    """Who is first, with whom, and if it is to be the whole story, who is next and by how much."""
    share = ranking.metric == PRIMARY
    say = percent if share else "{:.3f}".format
    unit = "" if share else "mean cosine "
    first = ranking.standings[0]
    if ranking.winner is None:
        figures = list(dict.fromkeys(say(s.mean) for s in (ranking.tied[-1], first)))
        told = f"{listed(_some(ranking.tied))} tie, {unit}{' to '.join(figures)}"
    elif len(ranking.standings) == 1:
        told = f"{first.label}, alone, has {unit}{say(first.mean)}"
    else:
        best = "finds the most" if share else "comes closest"
        told = f"{first.label} {best}, {unit}{say(first.mean)}"
        if ranking.at == "best" and not math.isnan(first.level):
            told += f" at L0 {first.level:g}"
        told += _lead(ranking)
    if not whole:
        return told
    beside = ", ".join(f"{s.label} {say(s.mean)}" for s in _told_beside(ranking))
    # Chance is said where it is something.
    chance = f"chance {say(ranking.chance)}" if ranking.chance > RESOLUTION else ""
    return "; ".join(filter(None, [told, beside and f"then {beside}", chance]))


def _some(tied: Sequence[Standing]) -> list[str]:
    """Their labels; of many those of the best of each family, and how many more."""
    if len(tied) <= _MOST_NAMES:
        return [standing.label for standing in tied]
    best = {standing.family: standing.label for standing in reversed(tied)}
    named = [best[family] for family in FAMILIES if family in best]
    return [*named, f"{len(tied) - len(named)} more"]


def _told_beside(ranking: Ranking) -> list[Standing]:
    """The next behind the first, and the best ICA and autoencoder if they are not among those."""
    rest = [s for s in ranking.standings if s not in ranking.tied]
    named = [*ranking.tied, *rest[:1]]
    for family in ("ica", "sae"):
        if not any(s.family == family for s in named):
            named += [s for s in rest if s.family == family][:1]
    return named[len(ranking.tied) :]


def _lead(ranking: Ranking) -> str:
    spreads = ranking.margin_in_spreads
    if math.isnan(spreads):
        return " (one seed, so the spread is not known)"
    if math.isinf(spreads):
        return " (no seed differs)"
    return f", ahead by {spreads:.{0 if spreads >= 9.95 else 1}f} spreads over seeds"


def _headline(rankings: Sequence[Ranking]) -> str:
    """Which family of methods leads, on how many data sets."""
    told = [ranking for ranking in rankings if ranking.identifiable is not False]
    matched = [ranking for ranking in told if ranking.at == "matched"]
    places = matched or told
    if not places:
        return "Nothing can be said: no data set whose features can be found has results."
    # A family leads where all that are tied for the first place are of it.
    first = [(ranking, {standing.family for standing in ranking.tied}) for ranking in places]
    counts = []
    for family in _families(places):
        led = [ranking for ranking, families in first if families == {family}]
        labels = list(dict.fromkeys(s.label for ranking in led for s in ranking.tied))
        names = "" if family == "ica" or not labels else f" ({listed(labels)})"
        counts.append((family, len(led), names))
    (family, n, names), *others = counts
    lead = "leads" if family == "ica" else "lead"
    parts = [f"{FAMILIES[family]} {lead} on {n} of {counted(len(places), 'data set')}{names}"]
    parts += [f"{FAMILIES[family]} on {n}{names}" for family, n, names in others]
    ties = [families for _, families in first if len(families) > 1]
    among = [
        f"{FAMILIES[family]} in {count}"
        for family in FAMILIES
        if (count := sum(family in families for families in ties))
    ]
    tie = f"; {counted(len(ties), 'tie')} between them ({', '.join(among)})" if ties else ""
    where = f"At the true L0 ({TRUE_L0})," if matched else "Each at its own best L0,"
    return f"{where} {', '.join(parts)}{tie}."
