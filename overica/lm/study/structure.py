"""Sentences on the features themselves: seeds, methods, splitting, prior; empty where there are no figures."""

from __future__ import annotations

from itertools import pairwise

from overica.lm.features.densities import FAMILIES
from overica.lm.study.results import StudyResults


def stability(results: StudyResults) -> str:
    """Features that seeds share."""
    found = {
        (m, w): figures
        for m in results.methods
        for w in results.widths
        if (figures := results.stability(m, w))
    }
    if not found:
        return ""
    each = "; ".join(
        f"{label} {_listed(shares)}"
        for method, label in results.methods.items()
        if (shares := [(w, f["above_0.7"]) for (m, w), f in found.items() if m == method])
    )
    chance = max(figures["chance_above_0.7"] for figures in found.values())
    return f"Features that two seeds share, |cos| above .7: {each}; chance {_percent(chance)}."


def matches(results: StudyResults) -> str:
    """Features that methods share."""
    sentences = []
    for width in results.widths:
        runs = [r for r in results.runs() if r["width"] == width]
        told = []
        for first, second, name in (("ica", "sae", "of ICA's features in an autoencoder"),
                                    ("sae", "sae", "of one autoencoder's in another"),
                                    ("ica", "ica", "between kinds of ICA")):  # fmt: skip
            shares = [
                found["above_0.7"]
                for a in runs
                for b in runs
                if (a["family"], b["family"]) == (first, second)
                and a is not b
                and (found := results.between(a, b))
            ]
            if shares:
                span = " to ".join(dict.fromkeys(map(_percent, (min(shares), max(shares)))))
                told.append(f"{span} {name}")
        if told:
            sentences.append(f"At {width:g}x, |cos| above .7 one to one: {'; '.join(told)}.")
    return " ".join(sentences)


def clusters(results: StudyResults) -> str:
    """Near-parallel features, and what becomes of a narrow fit's features in a wider one."""
    shares, kept = [], []
    for method, label in results.methods.items():
        runs = [r for r in results.runs() if r["method"] == method]
        if not runs:
            continue
        own = [(r["width"], r["clusters"]["0.7"]["clustered_share"]) for r in runs]
        shares.append(f"{label} {_listed(own)}")
        found = [(b["width"], results.between(a, b)) for a, b in pairwise(runs)]
        again = [(width, figures["above_0.7"]) for width, figures in found if figures]
        if again:
            kept.append(f"{label} {_listed(again)}")
    if not shares:
        return ""
    text = f"Features in clusters of cosine above .7: {'; '.join(shares)}."
    if kept:
        text += f" Features of the next narrower fit that are found again: {'; '.join(kept)}."
    return text


def densities(results: StudyResults) -> str:
    """Which density fits the sizes of a feature's codes, and whether the prior is right."""
    sentences = []
    for method, label in results.methods.items():
        found = [
            record["densities"]
            for record in results.runs()
            if record["method"] == method and (record.get("densities") or {}).get("features")
        ]
        if not found:
            continue
        winners = [max(f["best"], key=f["best"].__getitem__) for f in found]
        names = " or ".join(dict.fromkeys(FAMILIES[name].label for name in winners))
        gains = [f["gain"][name] for f, name in zip(found, winners, strict=True)]
        distances = [f["distance"]["exponential"] for f in found]
        sentences.append(
            f"{label}: {names} fits most often, {_span(gains, '+.2f')} nats a firing over the exponential, whose "
            f"distance is {_span(distances, '.2f')}."
        )
    return " ".join([*sentences, _rightness(results)]) if sentences else ""


def _rightness(results: StudyResults) -> str:
    """Is the prior right? Said by its distance over all described fits of ICA."""
    distances = [
        record["densities"]["distance"]["exponential"]
        for record in results.runs()
        if record["family"] == "ica" and (record.get("densities") or {}).get("features")
    ]
    if not distances:
        return ""
    worst = max(distances)
    word = (
        "about right"
        if worst < 0.05
        else "a fair approximation"
        if worst < 0.12
        else "wrong in shape"
    )
    return (
        f"So the exponential is {word} for the active codes of ICA at this sparsity, which leaves out the smallest "
        f"ones: its cumulative distribution is off by {_span(distances, '.2f')} for the median feature."
    )


def _listed(shares: list[tuple[float, float]]) -> str:
    """``5 % at 2x, 6 % at 4x``."""
    return ", ".join(f"{_percent(share)} at {width:g}x" for width, share in shares)


def _span(values: list[float], style: str) -> str:
    """The values' range, or the value."""
    ends = dict.fromkeys(format(value, style) for value in (min(values), max(values)))
    return " to ".join(ends)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
