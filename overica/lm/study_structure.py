"""Sentences on the features themselves: seeds, methods, splitting, prior; empty where there are no figures."""

from __future__ import annotations

from itertools import pairwise

from overica.lm.densities import FAMILIES
from overica.lm.study_results import StudyResults


def stability(results: StudyResults) -> str:
    """Features that seeds share."""
    sentences = []
    for width in results.widths:
        found = {m: results.stability(m, width) for m in results.methods}
        found = {m: f for m, f in found.items() if f}
        if not found:
            continue
        order = sorted(found, key=lambda m: -found[m]["above_0.9"])
        each = ", ".join(
            f"{results.methods[m]} {_percent(found[m]['above_0.9'])} ({_percent(found[m]['above_0.7'])})"
            for m in order
        )
        chance = max(f["chance_above_0.9"] for f in found.values())
        sentences.append(
            f"Features that two seeds share at {width:g}x, |cos| above .9 (.7): {each}; chance {_percent(chance)}."
        )
    return " ".join(sentences)


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
    sentences = []
    for method, label in results.methods.items():
        runs = [r for r in results.runs() if r["method"] == method]
        told = [
            f"{_percent(r['clusters']['0.7']['clustered_share'])} at {r['width']:g}x "
            f"({r['clusters']['0.7']['clusters']} clusters)"
            for r in runs
        ]
        kept = [
            f"{_percent(found['above_0.7'])} of the {a['width']:g}x features have a match at {b['width']:g}x"
            for a, b in pairwise(runs)
            if (found := results.between(a, b))
        ]
        if told:
            sentences.append(f"{label}: {', '.join([*told, *kept])}.")
    return " ".join(["In clusters of cosine above .7.", *sentences]) if sentences else ""


def densities(results: StudyResults) -> str:
    """Which density fits the sizes of a feature's codes, and whether the prior is right."""
    sentences = []
    for record in results.runs():
        found = record.get("densities")
        if not found or not found["features"]:
            continue
        best = max(found["best"], key=lambda name: found["best"][name])
        prior = "Laplace" if record["signed"] else "exponential"
        gain = found["gain"][best]
        sentences.append(
            f"{record['label']} at {record['width']:g}x: {FAMILIES[best].label} fits most often "
            f"({_percent(found['best'][best])} of {found['features']} features; median {gain:+.2f} nats a firing over "
            f"the exponential), exponential {_percent(found['best'].get('exponential') or 0)}; median distance of the "
            f"{prior}'s sizes {found['distance']['exponential']:.2f}"
            + (f", {_percent(found['one_sided'])} of a feature's firings on one side" if record["signed"] else "")
            + "."
        )  # fmt: skip
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
    worst, best = max(distances), min(distances)
    word = (
        "about right"
        if worst < 0.05
        else "a fair approximation"
        if worst < 0.12
        else "wrong in shape"
    )
    return (
        f"So the exponential is {word} for the active codes of ICA at this sparsity, which leaves out the smallest "
        f"ones: its cumulative distribution is off by "
        f"{best:.2f}{'' if best == worst else f' to {worst:.2f}'} for the median feature."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
