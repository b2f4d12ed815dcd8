"""What a study of activations found, in sentences made from its figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise, product
from typing import TypeVar

from overica.lm.features.densities import FAMILIES
from overica.lm.study.feature_results import FeatureResults
from overica.lm.study.feature_words import EXACT
from overica.metrics.words import words_of
from overica.report.numbers import short
from overica.report.phrases import capital, listed, percent
from overica.studies import Ranking, rank
from overica.studies.spread import mean_of, metric_value, summarise

T = TypeVar("T")
Place = tuple[str, str]
"""A width and a method."""
_NATS = 1.0
"""Differences of the evidence up to this are none."""


def answer(results: FeatureResults) -> str:
    """Who leads at the middle level, by what the model's output keeps, or by explained variance if nobody knows."""
    metric = main_metric(results)
    rankings = _rankings(results, metric)
    if not rankings:
        return "Nothing can be said yet."
    between = _span([r.standings[0].mean for r in rankings], lambda lead: short(lead, 3))
    return f"{_leaders(rankings)}: {words_of(metric).label} {between} at {results.middle:g} active features a token."


def findings(results: FeatureResults) -> list[tuple[str, str]]:
    """Themes and sentences; what has no figures is not spoken of."""
    told = [(theme, say(results)) for theme, say in _THEMES.items()]
    return [(theme, text) for theme, text in told if text]


def main_metric(results: FeatureResults) -> str:
    """What decides."""
    return next(iter(results.measures), "explained_variance")


def _rankings(results: FeatureResults, metric: str) -> list[Ranking]:
    found = (rank(results, what, "matched", metric) for what in results.whats)
    return [ranking for ranking in found if ranking is not None]


def _leaders(rankings: list[Ranking]) -> str:
    """``A at 2x and 4x, B and C at 8x``: all that are not clearly behind the first."""
    led: dict[str, list[str]] = {}
    for ranking in rankings:
        # Who is level is in no order, and the same names at two widths are one case.
        names = listed(sorted(standing.label for standing in ranking.tied))
        led.setdefault(names, []).append(ranking.what)
    if len(led) == 1 and len(rankings) > 1:
        return f"{next(iter(led))} at every width"
    return ", ".join(f"{names} at {listed(widths)}" for names, widths in led.items())


def _quality(results: FeatureResults) -> str:
    return " ".join(_champions(results, name) for name in ("explained_variance", *results.measures))


def _inference(results: FeatureResults) -> str:
    said = _champions(results, EXACT + "explained_variance")
    return said and f"With exact codes for every dictionary in place of the encoders. {said}"


def _champions(results: FeatureResults, metric: str) -> str:
    """The best of each family over the widths."""
    told = []
    for ranking in _rankings(results, metric):
        best = {standing.family: standing for standing in reversed(ranking.standings)}
        each = [
            f"{s.mean:.3f}{'' if math.isnan(s.spread) else f' ±{s.spread:.3f}'} ({s.label})"
            for family in ("ica", "sae", "baseline")
            if (s := best.get(family))
        ]
        told.append(f"{listed(each)} at {ranking.what}")
    label = words_of(metric).label
    return f"{capital(label)}, best of each family: {'; '.join(told)}." if told else ""


def _evidence(results: FeatureResults) -> str:
    spreads = _places(results, lambda *place: summarise(results.matched(*place), "evidence"))
    found = {place: spread for place, spread in spreads.items() if spread.count}
    if not found:
        return ""
    values = _each(results, found, lambda spread: f"{spread.mean:.1f}")
    gaussian = mean_of(spread.chance for spread in found.values())
    text = f"Held-out evidence, nats a token: {values}; a Gaussian with the covariance of the data {gaussian:.1f}."
    *narrower, widest = results.whats
    rising = [
        results.label(method)
        for method in results.methods
        if (widest, method) in found
        and all(
            found[widest, method].mean > found[what, method].mean + _NATS
            for what in narrower
            if (what, method) in found
        )
    ]
    if narrower and rising:
        text += f" At the largest width it still rises for {listed(rising)}, and sets no upper limit to n."
    return text


def _seeds(results: FeatureResults) -> str:
    """Features that seeds share."""
    found = _places(results, results.seeds_agree)
    if not found:
        return ""
    shares = _each(results, found, lambda figures: percent(figures["above_0.7"]))
    chance = max(figures["chance_above_0.7"] for figures in found.values())
    return f"Features that two seeds share, |cos| above .7: {shares}; chance {percent(chance)}."


def _matches(results: FeatureResults) -> str:
    """Features that methods share."""
    pairs = {
        ("ica", "sae"): "of ICA's features in an autoencoder",
        ("sae", "sae"): "of one autoencoder's in another",
        ("ica", "ica"): "between kinds of ICA",
    }
    sentences = []
    for what in results.whats:
        runs = results.runs(what=what)
        told = []
        for families, name in pairs.items():
            shares = [
                found["above_0.7"]
                for a in runs
                for b in runs
                if (a["family"], b["family"]) == families
                and a is not b
                and (found := results.between(a, b))
            ]
            told += [f"{_span(shares, percent)} {name}"] if shares else []
        if told:
            sentences.append(f"At {what}, |cos| above .7 one to one: {'; '.join(told)}.")
    return " ".join(sentences)


def _clusters(results: FeatureResults) -> str:
    """Near-parallel features, and what becomes of a narrow fit's features in a wider one."""
    clustered: dict[Place, float] = {}
    again: dict[Place, float] = {}
    for method in results.methods:
        runs = results.runs(method=method)
        clustered |= {(r["width"], method): metric_value(r, "clustered_0.7") for r in runs}
        steps = {(b["width"], method): results.between(a, b) for a, b in pairwise(runs)}
        again |= {place: figures["above_0.7"] for place, figures in steps.items() if figures}
    said = {
        "Features in clusters of cosine above .7": clustered,
        "Features of the next narrower fit that are found again": again,
    }
    told = {name: _each(results, shares, percent) for name, shares in said.items()}
    return " ".join(f"{name}: {text}." for name, text in told.items() if text)


def _densities(results: FeatureResults) -> str:
    """Which density fits the sizes of a feature's codes, and whether the prior is right."""
    sentences, of_ica = [], []
    for method in results.methods:
        runs = [
            r for r in results.runs(method=method) if (r.get("densities") or {}).get("features")
        ]
        found = [run["densities"] for run in runs]
        if not found:
            continue
        winners = [max(f["best"], key=f["best"].__getitem__) for f in found]
        names = " or ".join(dict.fromkeys(FAMILIES[name].label for name in winners))
        gains = [f["gain"][name] for f, name in zip(found, winners, strict=True)]
        distances = [f["distance"]["exponential"] for f in found]
        of_ica += distances if runs[0]["family"] == "ica" else []
        sentences.append(
            f"{results.label(method)}: {names} fits most often, {_span(gains, '{:+.2f}'.format)} nats a firing over "
            f"the exponential, whose distance is {_span(distances, '{:.2f}'.format)}."
        )
    return " ".join([*sentences, _rightness(of_ica)]).strip()


def _rightness(distances: list[float]) -> str:
    """Is the prior right? Said by its distance over all described fits of ICA."""
    if not distances:
        return ""
    steps = {"about right": 0.05, "a fair approximation": 0.12, "wrong in shape": math.inf}
    word = next(word for word, most in steps.items() if max(distances) < most)
    return (
        f"So the exponential is {word} for the active codes of ICA at this sparsity, which leaves out the smallest "
        f"ones: its cumulative distribution is off by {_span(distances, '{:.2f}'.format)} for the median feature."
    )


def _places(results: FeatureResults, figure: Callable[[str, str], T]) -> dict[Place, T]:
    """A figure by width and method, where there is one."""
    places = product(results.whats, results.methods)
    return {place: found for place in places if (found := figure(*place))}


def _each(results: FeatureResults, figures: Mapping[Place, T], write: Callable[[T], str]) -> str:
    """``A 5 % at 2x, 6 % at 4x; B 7 % at 2x``, of what there is."""
    told = []
    for method in results.methods:
        there = [what for what in results.whats if (what, method) in figures]
        found = [f"{write(figures[what, method])} at {what}" for what in there]
        told += [f"{results.label(method)} {', '.join(found)}"] if found else []
    return "; ".join(told)


def _span(values: list[float], write: Callable[[float], str]) -> str:
    """The values' range, or the value."""
    return " to ".join(dict.fromkeys(map(write, (min(values), max(values)))))


_THEMES: dict[str, Callable[[FeatureResults], str]] = {
    "Quality": _quality,
    "Encoder": _inference,
    "Evidence": _evidence,
    "Seeds": _seeds,
    "Methods": _matches,
    "Splitting": _clusters,
    "Prior": _densities,
}
