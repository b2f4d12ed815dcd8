"""What one way makes of one mixture, examined."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from overica.metrics.words import GROUPS, WORDS, Words
from overica.separation.mixing import fix_signs
from overica.separation.mixture_sets import MIXTURES, Drawn
from overica.separation.separation_scores import evaluate_separation
from overica.separation.ways import WAYS, Estimate
from overica.studies import Cell, Job, Record
from overica.studies.choices import Choice

GROUPS |= {"sound": "Sound: separated sources against the true ones, decibels"}
WORDS |= {
    "sdr": Words("SDR", "sound", "Source to distortion ratio, mean over the sources."),
    "sir": Words("SIR", "sound", "Source to interference ratio, mean over the sources."),
    "sar": Words("SAR", "sound", "Source to artefacts ratio, mean over the sources."),
    "angle_error": Words(
        "angle error", "directions", "Largest angle between a true direction and the nearest learned one, degrees.",
        -np.inf, 3,
    ),
    "count_found": Words(
        "number found", "directions", "Whether the number of sources is found when it is not given.", 1.0
    ),
    "count_sure": Words("number sure", "directions", "Whether that number is said to be sure."),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SeparationJob(Job):
    """One way on one mixture."""

    mixture: Choice


class SeparationBench:
    """What one way makes of one mixture, examined; see `overica.studies.Bench`."""

    model = None
    """See `Bench.model`: a mixture is taken apart, and nothing is learned for others."""

    def __init__(self, job: SeparationJob, filter_length: int) -> None:
        self.mixture = load(job.mixture, job.seed)
        self.filter_length = filter_length
        wall, cpu = time.perf_counter(), time.process_time()
        self.estimate: Estimate = WAYS[job.method.name].build(self.mixture, **job.method.arguments)
        self.costs = {
            "fit_seconds": time.perf_counter() - wall,
            "fit_cpu_seconds": time.process_time() - cpu,
            "fit_flops": None,
        }

    def record(self, cell: Cell) -> Record:
        """See `Bench.record`."""
        figures: dict[str, float] = {}
        directions = None
        found, truth = self.estimate, self.mixture
        if found.sources is not None:
            scores = evaluate_separation(
                truth.sources, found.sources, filter_length=self.filter_length
            ).mean()
            figures |= {name: scores[name] for name in ("sdr", "sir", "sar")}
        if found.mixing is not None:
            figures["angle_error"] = angle_error(found.mixing, truth.mixing)
            directions = {
                "learned": found.mixing.T.tolist(),
                "true": fix_signs(truth.mixing).T.tolist(),
            }
        if found.n_sources is not None:
            right = found.n_sources == truth.mixing.shape[1]
            figures |= {"count_found": float(right), "count_sure": float(found.sure)}
        metrics = {name: {"value": value} for name, value in figures.items()}
        return {"metrics": metrics, "directions": directions, "talkers": truth.names} | self.costs

    def kept(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """See `Bench.kept`."""
        return {}


def angle_error(learned: np.ndarray, true: np.ndarray) -> float:
    """Largest angle between a true direction and the nearest learned one, degrees; columns are of unit length.

    Examples
    --------
    >>> round(angle_error(np.eye(2), np.array([[-1.0, 0.6], [0.0, 0.8]])), 2)
    36.87
    """
    nearest = np.minimum(np.abs(learned.T @ true).max(axis=0), 1.0)
    return float(np.degrees(np.arccos(nearest.min())))


def load(mixture: Choice, seed: int) -> Drawn:
    """A mixture; the last few are kept, since the cells of a process share them."""
    return _load(mixture.name, json.dumps(dict(mixture.arguments), sort_keys=True), seed)


@functools.lru_cache(maxsize=4)
def _load(name: str, arguments: str, seed: int) -> Drawn:
    return MIXTURES[name](seed, **json.loads(arguments))
