"""Samples from files and loaders in half precision beside an array in memory: rows a second, and memory.

    python benchmarks/streams.py [--quick]

What it costs to read samples as they come. "pass" is what an ICA reads before it learns, for units and second moments;
"batch" what a learning step draws, 4,096 rows: each in thousand rows a CPU second, and as a multiple of what the
array in single precision takes, the least of several in turns. "peak" is what NumPy asks for meanwhile. The kinds: the
array; a memory map; four of them; a torch `Dataset` of rows; a `DataLoader` of 4,096 such rows at a time, and what that
takes by itself, in batches. Files are in the page cache.
"""

import argparse
import os
import tempfile
import time
import tracemalloc
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)
import torch  # noqa: E402
from torch.utils.data import DataLoader, Dataset, TensorDataset  # noqa: E402

from overica.learning.samples import Samples  # noqa: E402
from overica.rows import opened  # noqa: E402

BATCH = 4096
N_BATCHES = 8


class Items(Dataset):
    """Rows of a tensor, one at a time."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


def kinds(folder, n_rows, n_features):
    """Names of the kinds, and samples of each."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), np.float32).astype(np.float16)
    shards = []
    for number, rows in enumerate(np.array_split(X, 4)):
        np.save(folder / f"{number}.npy", rows)
        shards.append(np.load(folder / f"{number}.npy", mmap_mode="r"))
    np.save(folder / "X.npy", X)
    half = torch.from_numpy(X)
    return {
        "array, float32": X.astype(np.float32),
        "map": np.load(folder / "X.npy", mmap_mode="r"),
        "4 shards": shards,
        "data set": Items(half),
        "loader": DataLoader(TensorDataset(half), batch_size=BATCH),
    }


def timed(act):
    start = time.process_time()
    result = act()
    return time.process_time() - start, result


def measured(X):
    """CPU seconds of the pass, and of the batches."""
    rng = np.random.default_rng(0)
    first, samples = timed(lambda: Samples(opened(X), center=True, rng=rng))
    first += timed(samples.second_moments)[0]
    batches, _ = timed(lambda: [samples.batch(BATCH, rng).shape for _ in range(N_BATCHES)])
    return first, batches


def peak(X):
    """Megabytes at the most in use meanwhile."""
    tracemalloc.start()
    try:
        measured(X)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, once")
    quick = parser.parse_args().quick
    n_rows, n_features, n_repeats = (20_000, 256, 1) if quick else (100_000, 512, 2)
    with tempfile.TemporaryDirectory() as folder:
        samples = kinds(Path(folder), n_rows, n_features)
        times = {name: [] for name in samples}
        for _ in range(n_repeats):
            for name, X in samples.items():
                times[name].append(measured(X))
        best = {name: np.min(found, axis=0) for name, found in times.items()}
        whole = best["array, float32"]
        print(
            f"{n_rows} rows of {n_features}, {n_rows * n_features * 2 / 1e6:.0f} MB in half precision"
        )
        print(f"{'':16}{'pass':>9}{'times':>7}{'batch':>9}{'times':>7}{'peak MB':>9}")
        for name, seconds in best.items():
            rates = np.array([n_rows, BATCH * N_BATCHES]) / seconds / 1e3
            ratios = seconds / whole
            print(
                f"{name:16}{rates[0]:9.0f}{ratios[0]:7.2f}{rates[1]:9.0f}{ratios[1]:7.2f}"
                f"{peak(samples[name]):9.0f}"
            )
        alone, _ = timed(lambda: [None for _ in samples["loader"]])
        print(f"{'loader alone':32}{n_rows / alone / 1e3:9.0f}")


if __name__ == "__main__":
    main()
