"""What a study of activations found, in sentences made from its figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from overica.lm.study.results import Spread, StudyResults
from overica.lm.study.structure import clusters, densities, matches, stability
from overica.lm.study.tables import capital, measure_label

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
    return f"Best at {results.middle:g} active features a token. {capital('; '.join(parts))}."


def _leaders(results: StudyResults, metric: str, width: float) -> list[str]:
    standings = _by_metric(results, metric, width)
    if not standings:
        return []
    first = standings[0][1]
    return [results.methods[m] for m, spread in standings if _level(first, spread)]


def _quality(results: StudyResults) -> str:
    """The best of each family at the middle level."""
    names = ("explained_variance", *measures(results))
    return " ".join(filter(None, (_champions(results, n, measure_label(n)) for n in names)))


def _inference(results: StudyResults) -> str:
    """The same with exact codes for every dictionary."""
    said = _champions(results, "exact_explained_variance", "explained variance")
    return said and f"With exact codes for every dictionary in place of the encoders. {said}"


def _champions(results: StudyResults, metric: str, label: str) -> str:
    """The best of ICA and the best autoencoder over the widths."""
    families = {name: method["family"] for name, method in results.header["methods"].items()}
    told = []
    for width in results.widths:
        standings = _by_metric(results, metric, width)
        best = {families[m]: (m, spread) for m, spread in reversed(standings)}
        first = [best[family] for family in ("ica", "sae") if family in best]
        each = " and ".join(f"{_number(spread)} ({results.methods[m]})" for m, spread in first)
        if each:
            told.append(f"{each} at {width:g}x")
    return f"{capital(label)}, best of each family: {'; '.join(told)}." if told else ""


def _by_metric(results: StudyResults, metric: str, width: float) -> list[tuple[str, Spread]]:
    return _ranked({m: results.metric(metric, method=m, width=width) for m in results.methods})


def _evidence_of(results: StudyResults, method: str, width: float) -> Spread:
    return results.spread(lambda r: r["evidence"], method=method, width=width, middle=True)


def _evidence(results: StudyResults) -> str:
    sentences = []
    for method, label in results.methods.items():
        found = [(width, _evidence_of(results, method, width).mean) for width in results.widths]
        values = [(width, mean) for width, mean in found if math.isfinite(mean)]
        if values:
            sentences.append(_over_width(label, values))
    gaussian = results.header.get("gaussian_evidence")
    if sentences and gaussian is not None:
        sentences.append(
            f"A Gaussian with the covariance of the data (smallest variances raised to a hundredth of the mean) has "
            f"{gaussian:.1f}."
        )
    return " ".join(sentences)


def _over_width(label: str, values: Sequence[tuple[float, float]]) -> str:
    each = ", ".join(f"{value:.1f} at {width:g}x" for width, value in values)
    text = f"Held-out evidence of {label}, nats a token: {each}."
    if len(values) < 2:
        return text
    if values[-1][1] - max(value for _, value in values[:-1]) > _NATS:
        return f"{text} It still rises with the width and sets no upper limit to n here."
    return f"{text} It is highest at {max(values, key=lambda pair: pair[1])[0]:g}x."


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


_THEMES: dict[str, Callable[[StudyResults], str]] = {
    "Quality": _quality,
    "Encoder": _inference,
    "Evidence": _evidence,
    "Seeds": stability,
    "Methods": matches,
    "Splitting": clusters,
    "Prior": densities,
}
