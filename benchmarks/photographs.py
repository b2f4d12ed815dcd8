"""Coding cost of photographs over overcompleteness and precision, and how exact the evidence behind it is.

    python benchmarks/photographs.py [--part cost|precision|annealing] [--side 6] [--seeds 3] [--quick]

cost: bits per pixel of held-out patches of scikit-learn's two photographs, as `overica photographs` prints them, with
the spread over seeds; each seed has regions, patches and starts of its own. Every basis gets the same density (sparse
sources; noise, scales and presence of highest likelihood), so that the columns differ in the bases alone. The table is
that of the command at its defaults.

precision: FastICA and the estimator at 2x over the precision. "active": non-zero codes of the estimator's `transform`
at its own `penalty_`; "present": expected sources of the refitted density; "above": principal components
whose variance exceeds the squared error that the precision allows, D^2 / 12, which a linear code cannot leave out.

annealing: evidence in bits per pixel over the number of temperatures, and by the fast approximation. The annealed one
is too high in bits on average, and falls to the truth.
"""

import argparse
from dataclasses import replace

import numpy as np

from overica import OvercompleteICA
from overica.learning import annealed_log_evidence, log_evidence
from overica.photographs import (
    METHODS,
    QUICK,
    DictionaryDensity,
    StudySettings,
    coding_cost,
    split_photographs,
    study_photographs,
    table_of,
)

PRECISIONS = (1.0, 2.0, 4.0, 8.0, 16.0)
TEMPERATURES = (250, 1000, 4000)


def patches(settings, precision, seed=0):
    """Regions and patches of one seed."""
    sizes = settings.n_fit, settings.n_choose, settings.n_judge
    return split_photographs(
        side=settings.side, precision=precision, n_patches=sizes, random_state=seed
    )


def bits(nats, data):
    """Bits per pixel of grey levels from the mean log density of white patches."""
    m = data.side**2
    return -(nats + data.log_det) / np.log(2) / m - np.log2(data.precision)


def cost(settings):
    """The study's table."""
    print(table_of(study_photographs(settings=settings).rows), flush=True)


def precision(settings):
    """One row per precision."""
    print(
        f"{'grey levels':>12s}{'FastICA 1x':>12s}{'overica 2x':>12s}{'active':>8s}{'present':>9s}{'above':>7s}"
    )
    for level in PRECISIONS:
        data = patches(settings, level)
        m, effort = settings.side**2, settings.effort
        ica = OvercompleteICA(
            2 * m, annealing=(0.5, 0.01), overprovision=1.0, max_iter=effort.n_steps, random_state=0
        ).fit(data.fit.white)
        complete = METHODS["fastica"].learn(data, m, 0.0, effort, 0)
        costs = []
        for mixing in (complete, ica.mixing_):
            density = DictionaryDensity(mixing, random_state=0).fit(data.fit.white)
            white = coding_cost(
                density, data.judge.white, level, n_annealed=settings.n_annealed, random_state=0
            )
            costs.append(white - data.log_det / np.log(2) / m)
        active = (ica.transform(data.judge.white[:500]) != 0).sum(axis=1).mean()
        above = int((data.variances > level**2 / 12).sum())
        print(
            f"{level:12g}{costs[0]:12.3f}{costs[1]:12.3f}{active:8.1f}"
            f"{density.model_.presence.sum():9.1f}{above:7d}",
            flush=True,
        )


def annealing(settings):
    """One row per overcompleteness."""
    head = "".join(f"{f'{n} levels':>13s}" for n in TEMPERATURES)
    print(f"{'columns':>8s}{'fast':>9s}{head}")
    data = patches(settings, settings.precision)
    for width in settings.overcompleteness:
        n = round(width * settings.side**2)
        A = METHODS["overica"].learn(data, n, 0.01, settings.effort, 0)
        density = DictionaryDensity(A, random_state=0).fit(data.fit.white)
        X = data.judge.white[: settings.n_annealed] - density.mean_
        found = [float(log_evidence(density.model_, X).mean())] + [
            float(annealed_log_evidence(density.model_, X, n_temperatures=t, random_state=0).mean())
            for t in TEMPERATURES
        ]
        fast, *exact = (bits(nats, data) for nats in found)
        cells = "".join(f"{value:13.3f}" for value in exact)
        print(f"{f'{width:g}x':>8s}{fast:9.3f}{cells}", flush=True)


PARTS = {"cost": cost, "precision": precision, "annealing": annealing}


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, help="all if not given")
    parser.add_argument("--side", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--quick", action="store_true", help="small patches, one seed")
    options = parser.parse_args()
    settings = QUICK if options.quick else StudySettings()
    settings = replace(
        settings, side=options.side or settings.side, n_seeds=options.seeds or settings.n_seeds
    )
    for name in [options.part] if options.part else list(PARTS):
        print(f"\n{name}")
        PARTS[name](settings)


if __name__ == "__main__":
    main()
