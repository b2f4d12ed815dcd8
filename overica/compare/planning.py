"""From a configuration to the fits of a study of known truth, with their levels of sparsity worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from overica.compare.bench import KnownTruthJob, load
from overica.compare.config import KnownTruthConfig
from overica.datasets import Mixture
from overica.studies import METHODS, Assignment, Plan, StudyError
from overica.studies.choices import Choice
from overica.studies.refusing import refuse_parameters


def plan(config: KnownTruthConfig) -> Plan:
    """Work out every cell; data sets are drawn to learn their true L0.

    The reference level of a data set is its true mean number of active features, or its number of dimensions if
    that is less: more active features than dimensions are no sparse description of anything. Levels are multiples of
    it, rounded to whole numbers, because TopK knows no others, and at least 1.

    Raises
    ------
    StudyError
        If a data set cannot be made with its arguments, or a level is above the number of components.
    """
    jobs: list[KnownTruthJob] = []
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
        told = Assignment(width, 1.0, data.nonnegative, 0, data.X, data)
        for j, listed in enumerate(config.methods):
            method = config.arguments(listed)
            refuse_parameters(method, told, f"`methods[{j}]` ({method.label})")
            for seed in config.seeds:
                base = KnownTruthJob(
                    what=dataset.label,
                    method=method,
                    seed=seed,
                    first=seed == config.seed,
                    dataset=dataset,
                    data_seed=seed if config.fresh_data else config.seed,
                    n_components=_sides(config, data, method) * width,
                    n_active=levels.get("1.0", max(1, round(reference))),
                    n_samples=config.n_samples,
                    n_evaluated=config.n_evaluated,
                    held_out=config.held_out,
                    identifiable=facts.identifiable,
                )
                jobs.extend(_jobs(base, levels))
    return Plan(tuple(jobs), {"datasets": known})


def _jobs(base: KnownTruthJob, levels: Mapping[str, int]) -> list[KnownTruthJob]:
    """The fits of one method with one seed: one per level, or one for all of them."""
    method = METHODS[base.method.name]
    if method.sweeps:
        return [
            told.only([told.at(target, float(multiple))])
            for multiple, target in levels.items()
            for told in [replace(base, n_active=target)]
        ]
    cells = [base.at(target, float(multiple)) for multiple, target in levels.items()]
    if method.encodes:
        cells.insert(0, base.at(None, None))
    return [base.only(cells)]


def _levels(
    config: KnownTruthConfig, reference: float, width: int, n_features: int, at: str
) -> dict[str, int]:
    """Target by multiple; of two multiples that round to the same target, the one nearer to 1 is kept."""
    given = config.levels != type(config).levels
    found: dict[int, float] = {}
    for multiple in sorted(config.levels, key=lambda m: abs(m - 1)):
        target = max(1, round(multiple * reference))
        if target > width and (given or multiple == 1.0):
            raise StudyError(
                f"{at}: {multiple:g} times the true L0 {reference:.3g} is {target} active features, "
                f"above the {width} components; change `levels` or `n_components`"
            )
        if target <= (width if given else min(width, n_features)):
            found.setdefault(target, multiple)
    return {str(multiple): target for target, multiple in sorted(found.items())}


def _width(wanted: str | float | int, n_true: int) -> int:
    if wanted == "true":
        return n_true
    return wanted if isinstance(wanted, int) else max(1, round(float(wanted) * n_true))


def _sides(config: KnownTruthConfig, data: Mixture, method: Choice) -> int:
    """2 where a method needs a feature for each sign of a source, unless the study says how many it gets."""
    both = METHODS[method.name].one_sided and not data.nonnegative
    return 2 if both and not isinstance(config.n_components, int) else 1
