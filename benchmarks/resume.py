"""Fits that are killed at random moments go on to the same bits, and what checkpoints cost.

    python benchmarks/resume.py [--quick] [--kills 100] [--seed 0] [--features 384] [--components 3072]

Each kill is SIGKILL to a process of its own, at a moment drawn evenly from the time that the fit takes; half of the
fits write after every step, so that many kills come while they write. Another process then makes the same call, and
what it has come to is compared, to the bit, with a fit that nobody ended and that kept nothing.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import signal
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.persistence import PART
from overica.sae import BatchTopKSAE

EVERY = (0.0, 0.1)
"""Seconds between two times of writing, of every other fit."""


def ica(**more: object) -> OvercompleteICA:
    """A small fit: a race of units, a run, merging, two refining runs, calibration."""
    return OvercompleteICA(12, max_iter=60, random_state=0, **more)


def batchtopk(**more: object) -> BatchTopKSAE:
    """A small training."""
    return BatchTopKSAE(32, n_active=2, n_steps=120, batch_size=256, random_state=0, **more)


FITS = {"OvercompleteICA 8 -> 12": ica, "BatchTopKSAE 8 -> 32": batchtopk}


def digest(fitted: object) -> bytes:
    """Of all that `save` stores."""
    arrays, facts = fitted._stored()
    return sha256(
        b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))
        + repr(sorted(facts.items())).encode()
    ).digest()


def in_child(work: Callable[[str], bytes], folder: str) -> tuple[int, int]:
    """A process that does some work in a folder, and where its result can be read."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.write(writing, work(folder))
        finally:
            os._exit(0)
    os.close(writing)
    return child, reading


def result(child: int, reading: int) -> bytes:
    """What it has come to; nothing, if it was killed."""
    found = b""
    while part := os.read(reading, 64):
        found += part
    os.close(reading)
    os.waitpid(child, 0)
    return found


def killed(make: Callable, X: np.ndarray, n_kills: int, rng: np.random.Generator) -> str:
    """How many of so many fits that were killed went on to the same bits."""
    expected = digest(make().fit(X))
    same, alive, writing = 0, 0, 0
    takes: dict[float, float] = {}
    for number in range(n_kills):
        every = EVERY[number % len(EVERY)]

        def fit(folder: str, every: float = every) -> bytes:
            return digest(make(checkpoint=folder, checkpoint_every=every).fit(X))

        if every not in takes:
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                result(*in_child(fit, folder))
                takes[every] = time.perf_counter() - start
        with tempfile.TemporaryDirectory() as folder:
            child, reading = in_child(fit, folder)
            time.sleep(rng.uniform(0, takes[every]))
            os.kill(child, signal.SIGKILL)
            alive += not result(child, reading)
            writing += any(Path(folder).glob(f"*{PART}"))
            same += result(*in_child(fit, folder)) == expected
    return (
        f"{same} of {n_kills} resumes to the same bits "
        f"({alive} killed before the end, {writing} of them while writing)"
    )


class Enough(Exception):
    """So many steps are enough."""


def cost(make: Callable, X: np.ndarray, n_steps: int) -> str:
    """Seconds of a step, and of a step with a checkpoint; size of that."""

    def timed(**more: object) -> float:
        times = [0.0]

        def stop(_figures: dict) -> None:
            times.append(time.perf_counter())
            if len(times) > n_steps:
                raise Enough

        with suppress(Enough):
            make(callback=stop, **more).fit(X)
        return float(np.median(np.diff(times[1:])))

    with tempfile.TemporaryDirectory() as folder:
        plain, kept = timed(), timed(checkpoint=folder, checkpoint_every=0)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    write = max(kept - plain, 0.0)
    return (
        f"a step takes {plain:.2f} s, a checkpoint {write:.2f} s and {size / 1e6:.0f} MB: "
        f"{write / 60:.1%} of the time at one a minute"
    )


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four kills, and small models")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--features", type=int, default=384)
    parser.add_argument("--components", type=int, default=3072)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.kills, arguments.features, arguments.components = 4, 32, 64
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rng = np.random.default_rng(arguments.seed)
    X = make_mixture(2000, 8, 12, "sparse_laplace", n_active=2, random_state=0).X
    for name, make in FITS.items():
        start = time.perf_counter()
        said = killed(make, X, arguments.kills, rng)
        print(f"{name}: {said}, {time.perf_counter() - start:.0f} s", flush=True)
    m, n = arguments.features, arguments.components
    law = {"n_active": 20, "random_state": 0}
    X = make_mixture(20_000, m, n, "sparse_exponential", **law).X.astype(np.float32)
    large = {
        "OvercompleteICA": lambda **more: OvercompleteICA(
            n, prior="exponential", whiten=False, hierarchy=False, batch_size=1500, overprovision=1.0,
            random_state=0, **more,
        ),
        "BatchTopKSAE": lambda **more: BatchTopKSAE(n, n_active=20, random_state=0, **more),
    }  # fmt: skip
    for name, make in large.items():
        print(f"{name} {m} -> {n}: {cost(make, X, 7)}", flush=True)


if __name__ == "__main__":
    main()
