"""What a study of activations found, in sentences made from its figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from overica.lm.study_results import Spread, StudyResults
from overica.lm.study_structure import clusters, densities, matches, stability
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
        led = {width: _leaders(results, metric, width) for width in results.widths}
        names = {width: _listed(leaders) for width, leaders in led.items() if leaders}
        if names:
            alike = len(set(names.values())) == 1
            every = " at every width" if len(names) > 1 else ""
            told = ", ".join(f"{name} at {width:g}x" for width, name in names.items())
            if alike:
                told = f"{next(iter(names.values()))}{every}"
            parts.append(f"{measure_label(metric)}: {told}")
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


def _inference(results: StudyResults) -> str:
    """Every dictionary with exact codes, best first."""
    sentences = []
    for width in results.widths:
        standings = _by_metric(results, "exact_explained_variance", width)
        if len(standings) < 2:
            continue
        each = ", ".join(f"{results.methods[m]} {_number(s)}" for m, s in standings)
        sentences.append(
            f"Explained variance at {width:g}x with exact codes for every dictionary: {each}."
        )
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


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_THEMES: dict[str, Callable[[StudyResults], str]] = {
    "Quality": _quality,
    "Encoder": _inference,
    "Evidence": _evidence,
    "Seeds": stability,
    "Methods": matches,
    "Splitting": clusters,
    "Prior": densities,
}
