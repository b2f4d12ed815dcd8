"""From a configuration to the cells of a study, with their levels of sparsity worked out."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from overica.compare.config import StudyConfig
from overica.compare.keys import Choice
from overica.compare.methods import METHODS, Assignment
from overica.compare.suggestions import StudyError
from overica.datasets import DATASETS, Mixture


@dataclass(frozen=True)
class Cell:
    """One line of the results: a method's features at one level of sparsity, with one seed."""

    name: str
    """``dataset/method/l0=4/0``, or ``dataset/method/own/0`` for codes at a level of the method's own."""
    target: int | None
    """Mean number of active features per sample to reach; None for the method's own."""
    multiple: float | None
    """The same as a multiple of the true number, before rounding."""
    config: str
    """Hash of everything that the cell's figures depend on."""

    @property
    def matched(self) -> bool:
        """Whether this is the level of the true L0."""
        return self.multiple == 1.0


@dataclass(frozen=True)
class Job:
    """One fit, and the cells that it fills."""

    dataset: Choice
    method: Choice
    seed: int
    data_seed: int
    n_components: int
    n_active: int
    """What the method is told."""
    cells: tuple[Cell, ...]
    n_samples: int | None
    n_evaluated: int
    held_out: float
    identifiable: bool | None
    """Whether the true features can be found at all, from the data set's description."""
    first: bool
    """Whether this is the study's first seed, whose pictures are kept."""

    @property
    def fit_key(self) -> str:
        """A name for the fit that fits in a file name."""
        return self.cells[0].config

    def only(self, cells: Sequence[Cell]) -> Job:
        """The same fit for some of its cells."""
        return replace(self, cells=tuple(cells))


@dataclass(frozen=True)
class Plan:
    """All fits of a study, and what is known of its data sets."""

    jobs: tuple[Job, ...]
    datasets: dict[str, dict[str, Any]]
    """Of each label: ``description``, ``describe`` (a dict), ``levels`` and ``n_components``."""

    @property
    def cells(self) -> list[Cell]:
        """All cells, in order."""
        return [cell for job in self.jobs for cell in job.cells]


@functools.lru_cache(maxsize=8)
def _load(name: str, arguments: str, n_samples: int | None, seed: int) -> Mixture:
    maker = DATASETS[name]
    keywords = json.loads(arguments)
    if n_samples is not None and "n_samples" in inspect.signature(maker).parameters:
        keywords.setdefault("n_samples", n_samples)
    return maker(**keywords, random_state=seed)


def load(dataset: Choice, n_samples: int | None, seed: int) -> Mixture:
    """Draw a data set; the last few are kept, since the cells of a process share them."""
    return _load(dataset.name, _canonical(dataset.arguments), n_samples, seed)


def plan(config: StudyConfig) -> Plan:
    """Work out every cell; data sets are drawn to learn their true L0.

    The reference level of a data set is its true mean number of active features, or its number of dimensions if
    that is less: more active features than dimensions are no sparse description of anything. Levels are multiples of
    it, rounded to whole numbers, because TopK knows no others, and at least 1.

    Raises
    ------
    StudyError
        If a data set cannot be made with its arguments, or a level is above the number of components.
    """
    jobs: list[Job] = []
    known = {}
    for i, dataset in enumerate(config.datasets):
        at = f"`datasets[{i}]` ({dataset.label})"
        try:
            data = load(dataset, config.n_samples, config.seed)
            data.split(config.held_out)
        except (TypeError, ValueError) as error:
            raise StudyError(f"{at}: {error}") from error
        facts = data.describe()
        width = _width(config.n_components, data.mixing.shape[1])
        reference = min(facts.true_l0, float(facts.n_features))
        levels = _levels(config, reference, width, facts.n_features, at)
        known[dataset.label] = {
            "description": data.description,
            "describe": facts.to_dict(),
            "nonnegative": data.nonnegative,
            "n_components": width,
            "levels": levels,
        }
        for j, method in enumerate(config.methods):
            _try(_with_defaults(method, config.sae), data, f"`methods[{j}]` ({method.label})")
            for seed in config.seeds:
                base = Job(
                    dataset=dataset,
                    method=_with_defaults(method, config.sae),
                    seed=seed,
                    data_seed=seed if config.fresh_data else config.seed,
                    n_components=_sides(config, data, method) * width,
                    n_active=levels.get("1.0", max(1, round(reference))),
                    cells=(),
                    n_samples=config.n_samples,
                    n_evaluated=config.n_evaluated,
                    held_out=config.held_out,
                    identifiable=facts.identifiable,
                    first=seed == config.seed,
                )
                jobs.extend(_jobs(base, levels))
    return Plan(tuple(jobs), known)


def _jobs(base: Job, levels: Mapping[str, int]) -> list[Job]:
    """The fits of one method with one seed: one per level, or one for all of them."""
    method = METHODS[base.method.name]
    if method.sweeps:
        return [
            told.only([_cell(told, target, float(multiple))])
            for multiple, target in levels.items()
            for told in [replace(base, n_active=target)]
        ]
    cells = [_cell(base, target, float(multiple)) for multiple, target in levels.items()]
    if method.encodes:
        cells.insert(0, _cell(base, None, None))
    return [base.only(cells)]


def _cell(job: Job, target: int | None, multiple: float | None) -> Cell:
    level = "own" if target is None else f"l0={target}"
    name = f"{job.dataset.label}/{job.method.label}/{level}/{job.seed}"
    decides = {
        "dataset": [job.dataset.name, dict(job.dataset.arguments)],
        "method": [job.method.name, dict(job.method.arguments)],
        "sizes": [job.n_samples, job.n_evaluated, job.held_out, job.n_components],
        "told": job.n_active,
        "target": [target, multiple],
        "seeds": [job.seed, job.data_seed, job.first],
    }
    digest = hashlib.sha256(_canonical(decides).encode()).hexdigest()[:16]
    return Cell(name, target, multiple, digest)


def _levels(
    config: StudyConfig, reference: float, width: int, n_features: int, at: str
) -> dict[str, int]:
    """Target by multiple; of two multiples that round to the same target, the one nearer to 1 is kept."""
    found: dict[int, float] = {}
    for multiple in sorted(config.levels, key=lambda m: abs(m - 1)):
        target = max(1, round(multiple * reference))
        if target > width and (config.levels_given or multiple == 1.0):
            raise StudyError(
                f"{at}: {multiple:g} times the true L0 {reference:.3g} is {target} active features, "
                f"above the {width} components; change `levels` or `n_components`"
            )
        if target <= (width if config.levels_given else min(width, n_features)):
            found.setdefault(target, multiple)
    return {str(multiple): target for target, multiple in sorted(found.items())}


def _width(wanted: str | float | int, n_true: int) -> int:
    if wanted == "true":
        return n_true
    return wanted if isinstance(wanted, int) else max(1, round(float(wanted) * n_true))


def _try(method: Choice, data: Mixture, at: str) -> None:
    """Refuse parameters that the method refuses before it sees samples."""
    assignment = Assignment(data.mixing.shape[1], 1.0, not data.nonnegative, 0, data)
    try:
        METHODS[method.name].build(assignment, **method.arguments)
    except (TypeError, ValueError) as error:
        raise StudyError(f"{at}: {error}") from error


def _sides(config: StudyConfig, data: Mixture, method: Choice) -> int:
    """2 where a method needs a feature for each sign of a source, unless the study says how many it gets."""
    both = METHODS[method.name].one_sided and not data.nonnegative
    return 2 if both and not isinstance(config.n_components, int) else 1


def _with_defaults(method: Choice, sae: Mapping[str, Any]) -> Choice:
    """A method with the parameters that the study gives all sparse autoencoders, where it takes them."""
    known = METHODS[method.name]
    if known.family != "sae":
        return method
    shared = {key: value for key, value in sae.items() if key in known.parameters}
    return replace(method, arguments={**shared, **method.arguments})


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
