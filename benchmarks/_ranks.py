"""Two processes beside one: steps of equal size per process, in turns, so that both meet the same machine."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

WARM = 4
"""Steps before the first that is timed."""
SHAPE = "{name:12s}{one:12.2f}{two:12.2f}{ratio:12.2f}"


def ranks(options, script):
    """Start two ranks of one thread each; the first prints."""
    from _activations import activations

    # Collected by one process, and found by two.
    activations(options.folder, options.tokens)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    variables |= dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OVERICA_NUM_THREADS"), "1"
    )
    started = [
        subprocess.Popen(
            [sys.executable, script, "--worker", "ranks", *sys.argv[1:]],
            env=os.environ | variables | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        # The first that ends in an error ends the other.
        if started[1].wait() or started[0].wait():
            raise RuntimeError("a rank has failed")
    finally:
        for process in started:
            process.kill()


def ranks_worker(options):
    """Seconds a step, alone and together, in turns; of each the fastest counts, as the one least disturbed."""
    from _activations import activations

    from overica.distributed import alone, barrier, rank

    size = options.batch // 2
    X = np.array(activations(options.folder, options.tokens))
    if rank() == 0:
        print(
            f"\n768 to {options.width}, {size} samples a rank, one thread each\n"
            f"{'':12s}{'1 rank, s':>12s}{'2 ranks, s':>12s}{'speed':>12s}"
        )
    for name, steps in (("ICA", ica_steps), ("BatchTopK", sae_steps)):
        with alone():
            # From the same weights and the same seed, the ranks go the same way.
            run = steps(X, options, size)
            take(run(size), WARM)
        found = []
        for _ in range(options.rounds):
            barrier()
            with alone():
                mine = take(run(size), options.timed) if rank() == 0 else [np.inf]
            barrier()
            found.append((min(mine), min(take(run(2 * size), options.timed))))
        one, two = np.min(found, axis=0)
        if rank() == 0:
            for row in [*found, (one, two)] if options.verbose else [(one, two)]:
                print(
                    SHAPE.format(name=name, one=row[0], two=row[1], ratio=2 * row[0] / row[1]),
                    flush=True,
                )


def take(steps, n):
    """Seconds of each of so many steps, and one before them that is not counted."""
    next(steps)
    seconds = []
    for _ in range(n):
        start = time.perf_counter()
        next(steps)
        seconds.append(time.perf_counter() - start)
    return seconds


def ica_steps(X, options, size):
    """Steps of a run at the level that a fit has in its middle, always from where the first ones ended."""
    from overica.initialisation import start_mixing
    from overica.learning.ascent import Ascent, State
    from overica.learning.rules import Evidence
    from overica.learning.samples import Samples
    from overica.parameters import template
    from overica.schedules import Annealing, get_schedule

    rng = np.random.default_rng(0)
    samples = Samples(X, center=True, rng=rng)
    batch = samples.draw(2 * options.width, rng)
    mixing = start_mixing("data", batch, options.width, rng, False)
    state = State(replace(template("laplace", "auto", "cpu"), mixing=mixing))

    def run(size):
        ascent = Ascent(Evidence(), get_schedule("constant"), Annealing(0.2, 0.2), 1.0, 10**6, size)
        return ascent.steps(state, samples, np.random.default_rng(state.step))

    return run


def sae_steps(X, options, size):
    """Steps of the training of a BatchTopK autoencoder."""
    import torch

    from overica.sae.batches import Batches
    from overica.sae.batchtopk import BatchTopKAutoencoder
    from overica.sae.coefficients import FixedCoefficient
    from overica.sae.trainer import Run, Training

    rng = np.random.default_rng(0)
    module = BatchTopKAutoencoder(X.shape[1], options.width, rng, n_active=64)

    def run(size):
        batches = Batches(X, size, np.random.default_rng(0), torch.device("cpu"))
        training = Training(10**6, 1e-4)
        return Run(
            training,
            module,
            batches,
            FixedCoefficient(0.0),
            np.random.default_rng(0),
            {},
            lambda _: None,
            None,
        ).steps()

    return run
