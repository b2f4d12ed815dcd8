"""What a study of activations found, in sentences made from its figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from overica.lm.densities import FAMILIES
from overica.lm.study_results import Record, Spread, StudyResults
from overica.lm.study_tables import measure_label

RESOLUTION = 0.01
"""Differences up to this are none."""
_SPREADS = 2.0
_NATS = 1.0


def study_verdict(results: StudyResults) -> tuple[str, list[tuple[str, str]]]:
    """The headline, and findings by theme.

    The first and the second are called level if they differ by at most `RESOLUTION`, or by at most two spreads over
    seeds where there are several. What has no figures is not spoken of.

    Parameters
    ----------
    results : StudyResults

    Returns
    -------
    headline : str
    findings : list of (str, str)
        Theme and sentences.
    """
    if not results.records:
        return "No fit has ended well.", []
    told = [(theme, say(results)) for theme, say in _THEMES.items()]
    findings = [(theme, text) for theme, text in told if text]
    return _headline(results), findings


def first_measure(results: StudyResults) -> str | None:
    """The figure of the substitution to look at first; None where there is none."""
    for record in results.records:
        for name in record["metrics"]:
            if name.startswith("recovered_"):
                return str(name)
    return None


def measures(results: StudyResults) -> list[str]:
    """All figures of the substitution."""
    names = [n for r in results.records for n in r["metrics"] if n.startswith("recovered_")]
    return list(dict.fromkeys(names))


def _headline(results: StudyResults) -> str:
    parts = []
    for metric in ("explained_variance", first_measure(results)):
        if metric is None:
            continue
        led = [_leaders(results, metric, width) for width in results.widths]
        names = [" and ".join(leaders) for leaders in led if leaders]
        if names:
            alike = len(set(names)) == 1
            where = "at every width" if alike and len(names) > 1 else ""
            each = ", ".join(
                f"{name} at {width:g}x" for name, width in zip(names, results.widths, strict=True)
            )
            parts.append(
                f"{measure_label(metric)}: {f'{names[0]} {where}'.strip() if alike else each}"
            )
    return f"Best at {results.middle:g} active features a token. {_capital('; '.join(parts))}."


def _leaders(results: StudyResults, metric: str, width: float) -> list[str]:
    standings = _by_metric(results, metric, width)
    if not standings:
        return []
    first = standings[0][1]
    return [results.methods[m] for m, spread in standings if _level(first, spread)]


def _quality(results: StudyResults) -> str:
    """Every method's figures at the middle level, best first."""
    sentences = []
    for metric in ("explained_variance", *measures(results)):
        for width in results.widths:
            standings = _by_metric(results, metric, width)
            if len(standings) < 2:
                continue
            each = ", ".join(f"{results.methods[m]} {_number(s)}" for m, s in standings)
            sentences.append(f"{_capital(measure_label(metric))} at {width:g}x: {each}.")
    return " ".join(sentences)


def _by_metric(results: StudyResults, metric: str, width: float) -> list[tuple[str, Spread]]:
    return _ranked({m: results.metric(metric, method=m, width=width) for m in results.methods})


def _evidence_of(results: StudyResults, method: str, width: float) -> Spread:
    return results.spread(lambda r: r["evidence"], method=method, width=width, middle=True)


def _evidence(results: StudyResults) -> str:
    sentences = []
    for width in results.widths:
        standings = _ranked({m: _evidence_of(results, m, width) for m in results.methods})
        if standings:
            each = ", ".join(f"{results.methods[m]} {s.mean:.1f}" for m, s in standings)
            sentences.append(f"Held-out evidence at {width:g}x, nats a token: {each}.")
    for method, label in results.methods.items():
        found = [(width, _evidence_of(results, method, width).mean) for width in results.widths]
        values = [(width, mean) for width, mean in found if math.isfinite(mean)]
        if len(values) > 1:
            sentences.append(_over_width(label, values))
    gaussian = results.header.get("gaussian_evidence")
    if sentences and gaussian is not None:
        sentences.append(
            f"A Gaussian with the covariance of the data (smallest variances raised to a hundredth of the mean) has "
            f"{gaussian:.1f}."
        )
    return " ".join(sentences)


def _over_width(label: str, values: Sequence[tuple[float, float]]) -> str:
    best = max(values, key=lambda pair: pair[1])
    steps = "; ".join(
        f"{b[1] - a[1]:+.1f} from {a[0]:g}x to {b[0]:g}x" for a, b in itertools.pairwise(values)
    )
    if best[0] == values[-1][0] and values[-1][1] - values[-2][1] > _NATS:
        return f"For {label} it still rises with the width ({steps}): it sets no upper limit to n here."
    return f"For {label} it is highest at {best[0]:g}x ({steps})."


def _stability(results: StudyResults) -> str:
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


def _matches(results: StudyResults) -> str:
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


def _clusters(results: StudyResults) -> str:
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
            for a, b in itertools.pairwise(runs)
            if (found := results.between(a, b))
        ]
        if told:
            sentences.append(f"{label}: {', '.join([*told, *kept])}.")
    return " ".join(["In clusters of cosine above .7.", *sentences]) if sentences else ""


def _densities(results: StudyResults) -> str:
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


def _ranked(found: Mapping[str, Spread]) -> list[tuple[str, Spread]]:
    """What is known, the highest first."""
    known = [pair for pair in found.items() if math.isfinite(pair[1].mean)]
    return sorted(known, key=lambda pair: -pair[1].mean)


def _level(first: Spread, second: Spread) -> bool:
    difference = first.mean - second.mean
    if difference <= RESOLUTION:
        return True
    pooled = math.sqrt((first.deviation**2 + second.deviation**2) / 2)
    return difference <= _SPREADS * pooled


def _number(spread: Spread) -> str:
    text = f"{spread.mean:.3f}"
    return f"{text} ±{spread.deviation:.3f}" if spread.count > 1 else text


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_THEMES: dict[str, Callable[[StudyResults], str]] = {
    "Quality": _quality,
    "Evidence": _evidence,
    "Seeds": _stability,
    "Methods": _matches,
    "Splitting": _clusters,
    "Prior": _densities,
}


def described(results: StudyResults) -> list[Record]:
    """Fits that have pages."""
    return [
        r for r in results.runs() if (results.folder / "fits" / f"{r['job']}-codes.npz").is_file()
    ]
