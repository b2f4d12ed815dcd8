"""Wide dictionaries of real activations, 768 features and 6144 columns by default: what a learning step costs.

``--part step``: microseconds a token of every step of an `OvercompleteICA.fit`, its checks included, beside those of
SAELens's BatchTopK trainer. After each step of ours SAELens takes one too, on a batch as large and with as many active
features as ours had, so that both meet the same machine; the mean is over all steps of the fit but the first one of
each run, which has what comes before it. Then what one of our steps is made of.

``--part memory``: the peak of resident anonymous memory during a fit from a memory-mapped file, above that of the
process before it, less the mixing matrix it ends with.

``--part ranks``: seconds of steps of equal size per process, of one process and of two, in turns.

Activations are those of two layers of MiniLM side by side, see `_activations.py`; they are kept in ``--folder``.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from _memory import peak_of
from _ranks import ranks, ranks_worker

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OVERICA_NUM_THREADS")
FOLDER = Path(tempfile.gettempdir()) / "overica-activations"
MEGABYTE = 2**20
CHECKS, USUAL_STEPS = 12, 300


class Stopwatch:
    """Wall and CPU seconds since it was last looked at."""

    def __init__(self):
        self.lap()

    def lap(self):
        """Both, and from the start again."""
        now = time.perf_counter(), time.process_time()
        passed = tuple(b - a for a, b in zip(getattr(self, "last", now), now, strict=True))
        self.last = now
        return passed


def estimator(options, **more):
    """Ours, as a user has it but for what is asked for."""
    from overica import OvercompleteICA

    asked = {
        "prior": options.prior, "batch_size": options.batch, "max_iter": options.steps,
        "overprovision": options.overprovision, "hierarchy": False, "whiten": False, "random_state": 0,
    }  # fmt: skip
    return OvercompleteICA(options.width, **asked | more)


def step_worker(options):
    """Steps in turns, in this process."""
    import numpy as np
    import torch
    from _activations import activations
    from _saelens import installed, trainer_of

    X = np.array(activations(options.folder, options.tokens))
    rng, watch = np.random.default_rng(1), Stopwatch()
    torch.set_num_threads(options.threads)
    rows = []
    trainer = None
    if installed():
        trainer = trainer_of(
            "batchtopk", X, width=options.width, n_active=64, coefficient=None, n_steps=10 * options.steps,
            batch_size=options.batch, learning_rate=1e-3, seed=0,
        )  # fmt: skip

    def theirs(n_active):
        batch = torch.from_numpy(X[rng.integers(0, len(X), options.batch)])
        trainer.sae.activation_fn.k = max(n_active, 1.0)
        watch.lap()
        trainer.step(batch)
        return watch.lap()

    def stepped(figures):
        ours, active = watch.lap(), figures["n_active"]
        rows.append((*ours, *(theirs(active) if trainer else (np.nan, np.nan)), active))
        checked.append(np.isfinite(figures["log_evidence"]))
        if options.verbose:
            print(len(rows), np.round(rows[-1], 2), figures["penalty"], flush=True)
        watch.lap()
        if options.main and len(rows) == options.steps:
            raise KeyboardInterrupt

    checked = []
    ica = estimator(options, callback=stepped)
    with contextlib.suppress(KeyboardInterrupt):
        ica.fit(X)
    table(np.array(rows), np.array(checked), options, watch.lap())
    parts(ica, X, options)


def table(rows, checked, options, rest):
    """Microseconds a token."""
    import numpy as np

    # The first step of a run has what is done before it, such as merging: not a step's.
    n_first = round(0.5 * 0.2 * options.steps)
    starts = np.isin(np.arange(len(rows)), (0, options.steps, options.steps + n_first))
    main = np.arange(len(rows)) < options.steps
    kinds = {
        "all steps": ~starts,
        "with surplus columns": main & ~starts,
        "refining": ~main & ~starts,
    }
    kinds |= {"without a check": ~checked & ~starts, "with a check": checked & ~starts}
    print(
        f"\n{'us a token':24s}{'steps':>6s}{'L0':>7s}{'ICA':>8s}{'BatchTopK':>11s}{'ratio':>7s}"
        f"{'ICA cpu':>9s}{'BTK cpu':>9s}{'ratio':>7s}"
    )
    means = {
        name: (int(which.sum()), *rows[which].mean(axis=0))
        for name, which in kinds.items()
        if which.any()
    }
    if {"without a check", "with a check"} <= means.keys():
        # A run has a dozen checks, whatever its number of steps; here there are fewer steps between them.
        plain, more = (np.array(means[name]) for name in ("without a check", "with a check"))
        share = CHECKS / USUAL_STEPS
        means[f"a run of {USUAL_STEPS} steps"] = (0, *((1 - share) * plain + share * more)[1:])
    for name, (count, wall, cpu, their_wall, their_cpu, active) in means.items():
        unit = 1e6 / options.batch
        print(
            f"{name:24s}{count or '':6}{active:7.1f}{wall * unit:8.0f}{their_wall * unit:11.0f}"
            f"{wall / their_wall:7.2f}{cpu * unit:9.0f}{their_cpu * unit:9.0f}{cpu / their_cpu:7.2f}"
        )
    wall, cpu = rows[starts][1:, :2].sum(axis=0) + rest
    print(f"between and after the runs (merging, noise, scales): {wall:.0f} s, {cpu:.0f} s of CPU")


def parts(ica, X, options):
    """What a step is made of, at the columns and the penalty that the fit ended with."""
    import numpy as np

    from overica._kernels import lasso_moments, lasso_supports
    from overica.learning import Model
    from overica.learning.adding import add_up
    from overica.learning.evidence import enough_judges, judge
    from overica.learning.rules import Evidence
    from overica.learning.samples import Samples

    watch, model = Stopwatch(), ica.model_
    samples = Samples(X, center=True, rng=np.random.default_rng(0))
    samples = samples.measured_in(ica.units_)
    watch.lap()
    batch = samples.draw(options.batch, np.random.default_rng(0))
    figures = {"drawing the batch": watch.lap()}
    small, sample = batch.astype(np.float32), model.mixing.astype(np.float32)
    watch.lap()
    small @ sample
    figures["the product A'x in float32, the floor"] = watch.lap()
    given = (model.mixing, batch, model.penalty, model.prior.nonnegative)
    lasso_supports(model.mixing, batch[:1], *given[2:])
    figures["preparing the dictionary"] = prepared = watch.lap()
    found = lasso_supports(*given)
    coded = watch.lap()
    figures["codes, with it"] = tuple(a - b for a, b in zip(coded, prepared, strict=True))
    lasso_moments(*given)
    figures["scattered sums"] = tuple(a - b for a, b in zip(watch.lap(), coded, strict=True))
    rule = Evidence()
    model = Model(model.mixing, model.prior, model.penalty)
    sums = add_up(model, rule, batch[:64])
    watch.lap()
    rule.direction(model.mixing, sums, 64, sums["activity"] / 64)
    figures["direction"] = watch.lap()
    judges = samples.held_out[: enough_judges(model)]
    watch.lap()
    judge(model, judges)
    checks = watch.lap()
    print(
        f"\n{'of a step at the end':38s}{'us a token':>11s}{'cpu':>7s}   L0 {found.n_active.mean():.1f}"
    )
    for name, (wall, cpu) in figures.items():
        print(f"{name:38s}{1e6 * wall / options.batch:11.0f}{1e6 * cpu / options.batch:7.0f}")
    print(f"a check, {len(judges)} judges: {checks[0]:.2f} s, {checks[1]:.2f} s of CPU")


def memory_worker(options):
    """A fit from a file, with a pause in which the caller looks at the memory."""
    import numpy as np
    from _activations import activations

    X = activations(options.folder, options.tokens)
    warm = estimator(options, max_iter=1, batch_size=100).set_params(n_components=8)
    warm.fit(np.array(X[:600, :4]))
    print("ready", flush=True)
    sys.stdin.readline()

    def stepped(figures):
        if options.verbose:
            print(figures, file=sys.stderr, flush=True)

    # The first penalties alone: the lowest of a run of few steps would meet columns that have not been learned.
    ica = estimator(options, annealing=(0.5, 0.25), callback=stepped).fit(X)
    print(ica.mixing_.nbytes, flush=True)


def memory(options):
    """The peak during a fit."""

    def watch(seconds, risen):
        print(f"{seconds:7.0f} s {risen / MEGABYTE:7.0f} MB", flush=True)

    risen, printed = peak_of(
        [sys.executable, __file__, "--worker", "memory", *sys.argv[1:]],
        environment(options.threads),
        watch if options.verbose else None,
    )
    model = int(printed.split()[-1])
    print(
        f"\n768 to {options.width}, overprovision {options.overprovision}, batch {options.batch}: model "
        f"{model / MEGABYTE:.0f} MB; peak above it and the data {(risen - model) / MEGABYTE:.0f} MB"
    )


def environment(n_threads):
    """Of a process with so many threads."""
    return os.environ | dict.fromkeys(THREADS, str(n_threads))


def step(options):
    """In a process of its own, since thread counts are read at import."""
    subprocess.run(
        [sys.executable, __file__, "--worker", "step", *sys.argv[1:]], env=environment(options.threads), check=True
    )  # fmt: skip


PARTS = {"step": step, "memory": memory, "ranks": partial(ranks, script=__file__)}
WORKERS = {"step": step_worker, "memory": memory_worker, "ranks": ranks_worker}


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--folder", default=FOLDER, help="of the activations")
    parser.add_argument("--tokens", type=int, default=60_000)
    parser.add_argument("--width", type=int, default=6144)
    parser.add_argument("--batch", type=int, help="samples a step; the estimator's own by default")
    parser.add_argument(
        "--steps", type=int, default=60, help="of the main run; refining adds 30 %%"
    )
    parser.add_argument("--overprovision", type=float, default=1.3)
    parser.add_argument("--prior", default="auto")
    parser.add_argument("--rounds", type=int, default=3, help="turns of one rank and two")
    parser.add_argument("--timed", type=int, default=3, help="steps in a turn")
    parser.add_argument("--main", action="store_true", help="the main run alone")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="a line a step")
    parser.add_argument("--quick", action="store_true", help="narrow and short")
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        # More features than columns would be searched as sources of any shape.
        options.width, options.steps, options.tokens, options.prior = 256, 6, 3000, "laplace"
        options.rounds = options.timed = 1
    options.batch = options.batch or max(1500, 4 * options.width)
    from _activations import activations

    if options.worker:
        WORKERS[options.worker](options)
        return
    try:
        activations(options.folder, options.tokens)
    except (ImportError, FileNotFoundError) as error:
        print(f"nothing to measure: {error}")
        return
    for name in PARTS if options.part == "all" else [options.part]:
        PARTS[name](options)


if __name__ == "__main__":
    main()
