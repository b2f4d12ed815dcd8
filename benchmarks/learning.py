"""Time and memory of a fit, 128 sources in 64 dimensions, 6 of them active on average, and of single steps.

    python benchmarks/learning.py [--seeds 3] [--quick] [--part time|steps|memory]

Time, beside SPAMS trainDL (1000 batches of 512; penalty .1 for data of unit mean square norm, the
one that `recovery.py` chooses by the truth; ours is given none): mean over seeds, of wall-clock
seconds and of CPU seconds. The two run in turns on the same data, but two threads mean nothing on a
machine whose cores are busy: look at CPU seconds of one thread there.
"> .99": share of columns found at that cosine; "all": runs with every column above .98.

Steps: the dearest of the first ten calls of `partial_fit` at the final noise (level .02) from random columns, beside
the median of ten from the true ones; CPU seconds of one thread, with the largest mean number of active sources and the
penalty that the last step took, in units of the level's. Batches have four samples per column.

Memory, of a fit from a memory-mapped file of float32: the peak of resident anonymous memory during
the fit, less what the process held before it. Pages of the map belong to the page cache and do not
count. "codes" is what the sources of all samples would take.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from _memory import peak_of

N_FEATURES, N_COMPONENTS, N_ACTIVE = 64, 128, 6
SPAMS_PENALTY = 0.1
THREADS = (1, 2)
STEP_SIZES = {(64, 128): 6, (256, 512): 12, (768, 3072): 30}
"""Features and components of the steps: active sources per sample."""
STEP_LEVEL, N_STEPS = 0.02, 10
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MEGABYTE = 2**20


def make(n_samples, seed):
    """The data set."""
    from overica.datasets import make_mixture

    return make_mixture(
        n_samples,
        N_FEATURES,
        N_COMPONENTS,
        "sparse_laplace",
        n_active=N_ACTIVE,
        random_state=seed,
    )


def fitted(X, seed=0):
    """The default estimator."""
    from overica import OvercompleteICA

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return OvercompleteICA(N_COMPONENTS, random_state=seed).fit(X)


def warm_up():
    """A tiny fit, so that what is imported at first use is neither timed nor counted."""
    from overica import OvercompleteICA

    X = make(600, 0).X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        OvercompleteICA(N_COMPONENTS, max_iter=3, random_state=0).fit(X)


def clocked(job):
    """Result, wall-clock seconds, CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = job()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def time_worker(n_samples, n_seeds, n_threads):
    """Rows of the time table, in a process that has `n_threads` threads."""
    import numpy as np
    from _peers import Spams

    from overica.metrics import match_components

    warm_up()
    figures = {}
    for seed in range(n_seeds):
        data = make(n_samples, seed)
        jobs = {"overica": lambda data=data, seed=seed: fitted(data.X, seed).mixing_}
        if Spams.installed():
            samples = Spams.scaled(data.X)
            jobs["SPAMS"] = lambda samples=samples: Spams.train(
                samples, N_COMPONENTS, SPAMS_PENALTY, False, 1000, n_threads
            )
        for name, job in jobs.items():
            mixing, wall, cpu = clocked(job)
            cosines = match_components(mixing, data.mixing).cosines
            row = wall, cpu, (cosines > 0.99).mean(), (cosines > 0.98).all()
            figures.setdefault(name, []).append(row)
    table = {name: np.array(rows, dtype=float) for name, rows in figures.items()}
    for name, rows in table.items():
        wall, cpu, share, _ = rows.mean(axis=0)
        peer = table["SPAMS"].mean(axis=0) if "SPAMS" in table else np.full(4, np.nan)
        print(
            f"{n_samples:8d}{n_threads:8d}  {name:9s}{wall:8.2f}{wall / peer[0]:9.2f}{cpu:8.2f}"
            f"{cpu / peer[1]:9.2f}{share:8.3f}{int(rows[:, 3].sum()):5d}/{len(rows)}",
            flush=True,
        )


def step_row(n_features, n_components, n_active):
    """One row of the table of steps, in a process that has one thread."""
    import numpy as np

    from overica import OvercompleteICA
    from overica.datasets import make_mixture

    data = make_mixture(
        4 * n_components,
        n_features,
        n_components,
        "sparse_laplace",
        n_active=n_active,
        random_state=0,
    )
    rng = np.random.default_rng(1)
    seconds, history = {}, {}
    for name, start in (
        ("learned", data.mixing),
        ("random", rng.standard_normal(data.mixing.shape)),
    ):
        ica = OvercompleteICA(
            n_components, init=start, annealing=(STEP_LEVEL, STEP_LEVEL), random_state=0
        )
        seconds[name] = [
            clocked(lambda ica=ica: ica.partial_fit(data.X))[2] for _ in range(N_STEPS)
        ]
        history = ica.history_
    learned, dearest = np.median(seconds["learned"]), max(seconds["random"])
    raised = history["penalty"][-1] / (STEP_LEVEL * np.sqrt(n_features))
    print(
        f"{n_features:5d}x{n_components:<6d}{learned:9.3f}{dearest:9.3f}{dearest / learned:8.1f}"
        f"{max(history['n_active']):9.1f}{raised:9.1f}",
        flush=True,
    )


def memory_worker(path):
    """A fit from a file, with pauses in which the caller looks at the memory."""
    import numpy as np

    warm_up()
    X = np.load(path, mmap_mode="r")
    print("ready", flush=True)
    sys.stdin.readline()
    _, wall, _ = clocked(lambda: fitted(X))
    print(wall, flush=True)


def write_samples(path, n_samples):
    """A float32 file of so many rows; drawn once and repeated, since only their number matters."""
    import numpy as np

    block = make(min(n_samples, 20_000), 0).X.astype(np.float32)
    shape = (n_samples, N_FEATURES)
    X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, n_samples, len(block)):
        X[start : start + len(block)] = block[: n_samples - start]
    X.flush()


def memory_row(n_samples, folder):
    """One row of the memory table."""
    path = Path(folder) / f"{n_samples}.npy"
    write_samples(path, n_samples)
    risen, printed = peak_of(
        [sys.executable, __file__, "--memory-worker", str(path)], environment(1)
    )
    seconds = float(printed)
    codes = 8 * n_samples * N_COMPONENTS
    print(
        f"{n_samples:9d}{path.stat().st_size / MEGABYTE:9.0f}{codes / MEGABYTE:9.0f}"
        f"{risen / MEGABYTE:9.1f}{seconds:9.1f}",
        flush=True,
    )
    path.unlink()


def environment(n_threads):
    """Of a process with so many threads."""
    return os.environ | dict.fromkeys(THREAD_VARIABLES, str(n_threads))


def worker(*arguments, n_threads=1):
    """Run this file in a process of its own, since thread counts are read at import."""
    command = [sys.executable, __file__, *map(str, arguments)]
    subprocess.run(command, env=environment(n_threads), check=True)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few samples, one seed and thread")
    parser.add_argument("--part", choices=("time", "steps", "memory"), help="only this")
    parser.add_argument("--time-worker", type=int, nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--step-worker", type=int, nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--memory-worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    quick, part = options.quick, options.part
    if options.time_worker:
        time_worker(*options.time_worker)
    elif options.step_worker:
        step_row(*options.step_worker)
    elif options.memory_worker:
        memory_worker(options.memory_worker)
    else:
        if part in (None, "time"):
            print(
                f"{'samples':>8s}{'threads':>8s}  {'':9s}{'wall s':>8s}{'x SPAMS':>9s}"
                f"{'CPU s':>8s}{'x SPAMS':>9s}{'> .99':>8s}{'all':>7s}"
            )
            for n_samples in (20_000,) if quick else (20_000, 50_000):
                for n_threads in THREADS[:1] if quick else THREADS:
                    n_seeds = 1 if quick else options.seeds
                    arguments = "--time-worker", n_samples, n_seeds, n_threads
                    worker(*arguments, n_threads=n_threads)
        if part in (None, "steps"):
            print(
                f"{'size':>12s}{'learned':>9s}{'dearest':>9s}{'ratio':>8s}{'L0':>9s}{'raised':>9s}"
            )
            for size, n_active in list(STEP_SIZES.items())[: 1 if quick else None]:
                worker("--step-worker", *size, n_active)
        if part in (None, "memory"):
            print(f"{'samples':>9s}{'file MB':>9s}{'codes MB':>9s}{'fit MB':>9s}{'wall s':>9s}")
            with tempfile.TemporaryDirectory() as folder:
                for n_samples in (200_000, 800_000) if quick else (20_000, 200_000, 2_000_000):
                    memory_row(n_samples, folder)


if __name__ == "__main__":
    main()
