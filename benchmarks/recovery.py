"""Recovery of a known mixing matrix from a random start: overica, and with --peers the others.

    python benchmarks/recovery.py [--part auto] [--cases 2x3-lap,16x32-k4] [--seeds 10] [--peers] [--quick]

A seed draws a mixing matrix and samples. Ours has default settings apart from the prior: nothing
is tuned, noise and penalty are learned. Peers get the penalty of their grid that is best *by the
truth* (most runs with every column, then the highest mean cosine) on the first seeds of the same
data: in their favour, since a user has no truth. Columns are matched one to one, those of
non-negative sources with their sign.

    all      runs in which every true column is matched at |cos| > .98
    worst    smallest cosine of a matched column, over all runs
    mean     mean cosine, and its standard deviation over seeds
    > .95    share of columns
    chance   mean cosine of random directions
    s/fit    CPU seconds; of peers without the search for their penalty

"kN": N sources of a sample are active on average, Laplace; "eN": the same, exponential and
non-negative; "lap", "exp": all sources active; "bl": each with probability .3. Noise is one per
cent of the standard deviation. "comp-n" is the compositional set: 10 of n non-negative sources in
ceil(20 log(n/10)) dimensions, noiseless, 5,000 samples. "warned": fits that issued a warning. --part auto: how
many components "auto" counts with few samples. Below
a row stand the seeds in which columns are missing, and what is there instead.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)
from _peers import PEERS  # noqa: E402

from overica import OvercompleteICA  # noqa: E402
from overica.datasets import Mixture, make_compositional, make_mixture  # noqa: E402
from overica.learning import LearningError  # noqa: E402
from overica.metrics import chance_level, cosine_matrix, match_components  # noqa: E402

FOUND = 0.98


@dataclass(frozen=True)
class Case:
    """A data set, and how much of it a default run does."""

    make: Callable[..., Mixture]
    n_seeds: int = 10
    n_peer_seeds: int = 10
    long: bool = False
    """Whether peers get twice the steps."""
    penalties: tuple[float, ...] = ()
    """To try with peers in place of their grid, where a fit takes many minutes."""


def mixture(n_samples, n_features, n_components, sources, **settings):
    """A case of `make_mixture`."""
    return Case(partial(make_mixture, n_samples, n_features, n_components, sources, **settings))


def compositional(n_components, n_peer_seeds, penalties=()):
    """A case of `make_compositional`."""
    make = partial(make_compositional, n_components)
    return Case(make, n_peer_seeds=n_peer_seeds, long=True, penalties=penalties)


CASES = {
    "2x3-bl": mixture(10_000, 2, 3, "bernoulli_laplace"),
    "2x4-bl": mixture(10_000, 2, 4, "bernoulli_laplace"),
    "2x3-exp": mixture(10_000, 2, 3, "exponential"),
    "2x4-exp": mixture(10_000, 2, 4, "exponential"),
    "2x3-lap": mixture(20_000, 2, 3, "laplace"),
    "2x4-lap": mixture(20_000, 2, 4, "laplace"),
    "8x16-k3": mixture(20_000, 8, 16, "sparse_laplace", n_active=3),
    "16x32-k4": mixture(20_000, 16, 32, "sparse_laplace", n_active=4),
    "16x32-k6": mixture(20_000, 16, 32, "sparse_laplace", n_active=6),
    "16x32-e4": mixture(20_000, 16, 32, "sparse_exponential", n_active=4),
    "64x128-k6": mixture(20_000, 64, 128, "sparse_laplace", n_active=6),
    "comp-100": compositional(100, 10),
    "comp-300": compositional(300, 5),
    "comp-1000": compositional(1000, 1, penalties=(0.05, 0.025)),
}
COUNTED = {"4x8-k2": (4, 8, 2), "8x16-k3": (8, 16, 3), "16x32-k4": (16, 32, 4)}
"""Features, sources and active sources of sets whose sources are counted with few samples."""
QUICK = ("2x3-bl", "2x3-exp", "8x16-k3")


@dataclass(frozen=True)
class Run:
    """One fit and how it went."""

    cosines: np.ndarray
    """Of the matched columns, in the order of the true ones."""
    seconds: float
    remark: str = ""
    """What is wrong with the columns that are not found."""
    warned: bool = False


def judge(mixing, data, seconds, warned=False):
    """A run from a learned matrix; of every column that is not found, what stands in its place."""
    matching = match_components(mixing, data.mixing, data.nonnegative)
    remark = "; ".join(failures(mixing, data, matching))
    return Run(matching.cosines, seconds, remark, warned)


def failures(mixing, data, matching):
    """One phrase per column that is not found."""
    cosines = cosine_matrix(mixing, data.mixing)
    cosines = cosines if data.nonnegative else np.abs(cosines)
    for true, learned, cosine in zip(
        matching.true_index, matching.learned_index, matching.cosines, strict=True
    ):
        if cosine > FOUND:
            continue
        others = np.delete(np.arange(cosines.shape[1]), true)
        rival = others[cosines[learned, others].argmax()]
        also = cosines[learned, rival]
        # A copy of a column found elsewhere leaves this one out; a column near two mixes them.
        if also > 0.95:
            kind = f"copy of {rival}"
        elif also > 0.5 and also > cosine - 0.3:
            kind = f"and {rival} at {also:.3f}"
        else:
            kind = "inexact"
        yield f"column {true} at {cosine:.3f} ({kind})"


def ours(case, seed):
    """A fit with default settings apart from the prior."""
    data = case.make(random_state=seed)
    prior = "exponential" if data.nonnegative else "laplace"
    n_components = data.mixing.shape[1]
    ica = OvercompleteICA(n_components=n_components, prior=prior, random_state=seed)
    warm_up(data, prior)
    start = time.process_time()
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            ica.fit(data.X)
        except LearningError as error:
            nothing = np.zeros(n_components)
            return Run(nothing, time.process_time() - start, f"LearningError: {error}")
    seconds = time.process_time() - start
    return judge(ica.mixing_, data, seconds, warned=bool(raised))


def warm_up(data, prior):
    """Fit a few samples, so that what is imported at first use is not timed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        OvercompleteICA(data.X.shape[1] + 1, prior=prior, max_iter=3, n_restarts=1).fit(
            data.X[:600]
        )


def theirs(peer, case, penalty, seed):
    """A fit of a peer."""
    data = case.make(random_state=seed)
    start = time.process_time()
    mixing = PEERS[peer]().learn(
        data.X,
        data.mixing.shape[1],
        penalty,
        nonnegative=data.nonnegative,
        long=case.long,
        seed=seed,
    )
    seconds = time.process_time() - start
    # A dictionary that has died is nowhere, not an error.
    return judge(np.nan_to_num(mixing), data, seconds)


def race(peer, case, n_seeds, budget, pool):
    """Runs at the best penalty of the grid, and that penalty; no round of fits begins past the budget."""
    tuning = range(min(PEERS[peer].n_tuning_seeds, n_seeds))
    trials, spent = {}, 0.0
    for penalty in case.penalties or PEERS[peer].grid:
        trials[penalty] = list(pool.map(partial(theirs, peer, case, penalty), tuning))
        spent += sum(run.seconds for run in trials[penalty])
        if spent > budget:
            break
    best = max(trials, key=lambda penalty: quality(trials[penalty]))
    runs = trials[best]
    if spent < budget:
        runs += pool.map(partial(theirs, peer, case, best), range(len(tuning), n_seeds))
    return runs, best


def quality(runs):
    """Number of runs that found every column, then the mean cosine."""
    return n_complete(runs), np.mean([run.cosines.mean() for run in runs])


def n_complete(runs):
    """Number of runs that found every column."""
    return sum(bool((run.cosines > FOUND).all()) for run in runs)


def line(case_name, learner, runs, chance, note=""):
    """One row of the table."""
    means = np.array([run.cosines.mean() for run in runs])
    everything = np.concatenate([run.cosines for run in runs])
    seconds = np.mean([run.seconds for run in runs])
    print(
        f"{case_name:10s} {learner:13s}{n_complete(runs):4d}/{len(runs):<3d}{everything.min():8.3f}"
        f"{means.mean():8.4f} ±{means.std():6.4f}{(everything > 0.95).mean():8.3f}"
        f"{chance:8.3f}{seconds:9.2f}  {note}",
        flush=True,
    )


def remarks(runs, first):
    """What went wrong, seed by seed, at most four columns of each."""
    for seed, run in enumerate(runs, first):
        if run.remark:
            parts = run.remark.split("; ")
            more = f"; and {len(parts) - 4} more" if len(parts) > 4 else ""
            print(f"    seed {seed}: {'; '.join(parts[:4])}{more}", flush=True)


def counts(n_seeds):
    """Numbers of components that "auto" finds, a row for each set and number of samples."""
    for name, (n_features, n_components, n_active) in COUNTED.items():
        for n_samples in (500, 1000, 3000):
            found, start = [], time.process_time()
            for seed in range(n_seeds):
                data = make_mixture(
                    n_samples, n_features, n_components, "sparse_laplace", n_active=n_active, random_state=seed
                )  # fmt: skip
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found.append(
                        OvercompleteICA("auto", random_state=seed).fit(data.X).n_components_
                    )
            seconds = (time.process_time() - start) / n_seeds
            print(f"{name:10s}{n_samples:7d}  {found}  {seconds:.1f} s/fit", flush=True)


class Serial:
    """As much of an executor as is needed, in this process."""

    map = staticmethod(map)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def pool_of(n_jobs):
    """Workers, each with its own import of everything: threads of the peers do not survive a fork."""
    if n_jobs == 1:
        return Serial()
    return ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn"))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=None, help=f"comma-separated: {','.join(CASES)}")
    parser.add_argument("--seeds", type=int, default=None, help="of every case, peers included")
    parser.add_argument(
        "--first-seed", type=int, default=0, help="of ours, for a single failing one"
    )
    parser.add_argument(
        "--peers", nargs="?", const=",".join(PEERS), default="", help="all, or some by name"
    )
    parser.add_argument("--no-ours", action="store_true", help="peers alone")
    parser.add_argument("--budget", type=float, default=600, help="CPU seconds per case of a peer")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--part", choices=("columns", "auto"), default="columns")
    parser.add_argument("--quick", action="store_true", help="three small cases, two seeds, peers")
    options = parser.parse_args()
    if options.part == "auto":
        counts(options.seeds or 5)
        return
    names = options.cases.split(",") if options.cases else QUICK if options.quick else list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        parser.error(f"unknown cases {unknown}, expected some of {list(CASES)}")
    seeds = options.seeds or (2 if options.quick else None)
    asked = list(PEERS) if options.quick else options.peers.split(",")
    peers = [name for name in PEERS if name in asked and PEERS[name].installed()]
    print(
        f"{'data':10s} {'':13s}{'all':>6s}  {'worst':>8s}{'mean':>8s}{'':8s}"
        f"{'> .95':>8s}{'chance':>8s}{'s/fit':>9s}"
    )
    with pool_of(options.jobs) as pool:
        for name in names:
            case = CASES[name]
            data = case.make(random_state=0)
            size = (data.X.shape[1], data.mixing.shape[1], data.mixing.shape[1])
            draws = 20 if size[1] < 500 else 2
            chance = chance_level("mean_cosine", *size, data.nonnegative, draws, random_state=0)
            if not options.no_ours:
                first = options.first_seed
                n_seeds = seeds or case.n_seeds
                runs = list(pool.map(partial(ours, case), range(first, first + n_seeds)))
                n_warned = sum(run.warned for run in runs)
                line(name, "overica", runs, chance.mean, f"{n_warned} warned" if n_warned else "")
                remarks(runs, first)
            for peer in peers:
                wanted = seeds or case.n_peer_seeds
                runs, penalty = race(peer, case, wanted, options.budget, pool)
                note = f"penalty {penalty:g}, chosen by the truth"
                if len(runs) < wanted:
                    note += f"; out of time after {len(runs)} seeds"
                line(name, peer, runs, chance.mean, note)


if __name__ == "__main__":
    main()
