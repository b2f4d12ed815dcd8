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

import numpy as np

from overica import OvercompleteICA
from overica.baselines import FastICABaseline
from overica.learning import annealed_log_evidence, log_evidence
from overica.photographs import (
    DictionaryDensity,
    PhotographConfig,
    PhotographStudy,
    coding_cost,
    split_photographs,
)

PRECISIONS = (1.0, 2.0, 4.0, 8.0, 16.0)
TEMPERATURES = (250, 1000, 4000)


def patches(settings, precision, seed=0):
    """Regions and patches of one seed."""
    return split_photographs(
        side=settings.side, precision=precision, n_patches=settings.sizes, random_state=seed
    )


def learned(settings, data, n_components):
    """Overcomplete ICA of one seed, as the study has it."""
    told = settings.arguments(settings.methods[0]).arguments
    return OvercompleteICA(n_components, annealing=(0.5, 0.01), random_state=0, **told).fit(
        data.fit.white
    )


def bits(nats, data):
    """Bits per pixel of grey levels from the mean log density of white patches."""
    m = data.side**2
    return -(nats + data.log_det) / np.log(2) / m - np.log2(data.precision)


def cost(settings):
    """The study's tables, means and deviations over the seeds."""
    results = PhotographStudy(settings).run()
    for metric in ("evidence_bits", "coefficient_bits", "n_present", "n_coded", "gabor_share"):
        table = results.table(metric)[["mean", "spread"]].unstack("width")
        print(f"\n{metric}\n{table.round(3).to_string(na_rep='-')}", flush=True)
    print(f"\n{results.verdict()}", flush=True)


def precision(settings):
    """One row per precision."""
    print(
        f"{'grey levels':>12s}{'FastICA 1x':>12s}{'overica 2x':>12s}{'active':>8s}{'present':>9s}{'above':>7s}"
    )
    for level in PRECISIONS:
        data = patches(settings, level)
        m = settings.side**2
        ica = learned(settings, data, 2 * m)
        complete = (
            FastICABaseline(m, max_iter=200, random_state=0).fit(data.fit.white).components_.T
        )
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
    for width in settings.widths:
        A = learned(settings, data, round(width * settings.side**2)).mixing_
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
    settings = PhotographConfig.from_keywords()
    settings = settings.quick() if options.quick else settings
    settings = settings.changed(side=options.side, n_seeds=options.seeds)
    for name in [options.part] if options.part else list(PARTS):
        print(f"\n{name}")
        PARTS[name](settings)


if __name__ == "__main__":
    main()
