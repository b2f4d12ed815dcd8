"""Separation of talkers at two microphones: SDR of overica beside codes, masks and oracles.

    python benchmarks/separation.py [--part mixtures|clips|levels|long] [--talkers FOLDER] [--numbers 3,4,5]
                                    [--combinations 4] [--mixings 2] [--quick]

Talkers of equal power are mixed without delay in directions that divide the half turn evenly, turned by a random angle.
They are the four recordings of the package, 20 s at 8 kHz, or all WAV files of a folder (`--talkers`): as many
combinations as wanted, or all if those are fewer. Every mixing has a seed of its own for the angle and for `separate`.

mixtures: SDR, decibels between the part of an estimate that lies along its source and the rest (BSS Eval with filters
of one frame), mean over the sources; after it the standard deviation over mixtures. Pairs of estimates and sources are
the best ones. Every mixture's figures go to standard error as they come.

    overica    all of it blind, number of sources given
    l1         codes of least sum of moduli, the mixing matrix learned
    l1 true A  the same, the mixing matrix given
    binary     ideal binary mask: to every coefficient the source that is loudest there, which nobody knows
    Wiener     posterior means under the sources' own powers, which nobody knows: what variances could give at best
    mixture    the first channel as every estimate: chance
    worst cos  smallest |cosine| of a true column to the learned one, over all mixtures
    auto       mixtures whose number of sources is found when it is not given

clips: of how many short clips the number of sources is found, and the worst cosine where it is given; the talkers of a
clip talk throughout it or not, as they come.

levels: the same for whole recordings in which one talker is weaker than the others.

long: ten minutes of stereo at 48 kHz, seconds and the largest memory.
"""

import argparse
import itertools
import os
import resource
import sys
import time
import warnings
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)
from fast_bss_eval import bss_eval_sources  # noqa: E402
from scipy.io import wavfile  # noqa: E402

from overica.datasets import load_talkers, spread_directions  # noqa: E402
from overica.separation import SeparationWarning, separate  # noqa: E402
from overica.separation.gaussian import posterior  # noqa: E402
from overica.separation.stft import Transform  # noqa: E402

COLUMNS = ("overica", "l1", "l1 true A", "binary", "Wiener", "mixture")


def read(folder):
    """Signals (n_talkers, n_frames) and sample rate of a folder's files, cut to the shortest."""
    if folder is None:
        talkers = load_talkers()
        return talkers.signals, talkers.sample_rate
    files = [wavfile.read(path) for path in sorted(Path(folder).glob("*.wav"))]
    if len({rate for rate, _ in files}) != 1:
        raise SystemExit("the talkers' files must exist and have one sample rate")
    shortest = min(len(frames) for _, frames in files)
    signals = np.stack([frames[:shortest].astype(float) for _, frames in files])
    return signals / signals.std(axis=1, keepdims=True), files[0][0]


def sdr(sources, estimates):
    """Mean over the sources, decibels; both (n_frames, n)."""
    return float(np.mean(bss_eval_sources(sources.T, estimates.T, filter_length=1)[0]))


def oracles(x, sources, A, sample_rate):
    """Estimates from what nobody knows: ideal binary mask and Wiener filter."""
    transform = Transform(sample_rate)
    Z, S = transform.forward(x), transform.forward(sources)
    powers = np.abs(S) ** 2
    mask = powers == powers.max(axis=0)
    masked = mask * np.tensordot(A.T, Z, 1)
    wiener = posterior(Z, A, powers, 1e-9 * float(powers.mean())).means(powers)
    return {
        name: transform.inverse(Y, len(x)) for name, Y in (("binary", masked), ("Wiener", wiener))
    }


def judge(signals, sample_rate, seed):
    """SDR by column, worst cosine, whether the number was found, seconds."""
    n_talkers = len(signals)
    angle = np.random.default_rng(seed).uniform(0, np.pi / n_talkers)
    A = spread_directions(n_talkers, angle)
    sources = signals.T
    x = sources @ A.T
    begun = time.process_time()
    found = separate(x, sample_rate, n_talkers, random_state=seed)
    seconds = time.process_time() - begun
    counted = separate(x, sample_rate, "auto", method="binary", random_state=seed)
    estimates = {
        "overica": found.sources,
        "l1": separate(x, sample_rate, n_talkers, method="l1", mixing=found.mixing).sources,
        "l1 true A": separate(x, sample_rate, n_talkers, method="l1", mixing=A).sources,
        **oracles(x, sources, A, sample_rate),
        "mixture": np.repeat(x[:, :1], n_talkers, axis=1)
        + 1e-6 * np.random.default_rng(0).standard_normal(sources.shape),
    }
    cosine = float(np.abs(found.mixing.T @ A).max(axis=0).min())
    figures = [sdr(sources, estimates[name]) for name in COLUMNS]
    cells = " ".join(f"{figure:.2f}" for figure in figures)
    print(f"{n_talkers} talkers, seed {seed}: {cells} {cosine:.6f}", file=sys.stderr, flush=True)
    return figures, cosine, counted.n_sources == n_talkers, seconds


def table(signals, sample_rate, arguments):
    """A row per number of talkers."""
    print(
        "talkers  mixtures  "
        + "".join(f"{name:>15}" for name in COLUMNS)
        + "  worst cos   auto  CPU s"
    )
    for n_talkers in arguments.numbers:
        sets = list(itertools.combinations(range(len(signals)), n_talkers))
        order = np.random.default_rng(0).permutation(len(sets))
        chosen = [sets[k] for k in order[: arguments.combinations]]
        runs = [
            judge(signals[list(who)], sample_rate, seed)
            for who in chosen
            for seed in range(arguments.mixings)
        ]
        figures = np.array([run[0] for run in runs])
        cells = "".join(
            f"{mean:>9.2f} ± {spread:.2f}"
            for mean, spread in zip(figures.mean(axis=0), figures.std(axis=0), strict=True)
        )
        found = sum(run[2] for run in runs)
        print(
            f"{n_talkers:>7}  {len(runs):>8}  {cells}  {min(run[1] for run in runs):.6f}  "
            f"{found:>2}/{len(runs):<2}  {np.mean([run[3] for run in runs]):>5.1f}",
            flush=True,
        )


def directions(x, sample_rate, A, seed):
    """Whether the number of sources is found, and the smallest |cosine| of a true column where it is given."""
    counted = separate(x, sample_rate, "auto", method="binary", random_state=seed)
    try:
        found = separate(x, sample_rate, A.shape[1], method="binary", random_state=seed)
    except ValueError:  # a source is not heard
        return False, 0.0
    cosine = float(np.abs(found.mixing.T @ A).max(axis=0).min())
    return counted.n_sources == A.shape[1], cosine


def tally(heading, cases, sample_rate, arguments):
    """A row per number of talkers and setting; ``cases(n_talkers, seed)`` yields setting, sources and directions."""
    print(f"talkers  {heading:>9}  number found  median cos  worst cos")
    for n_talkers in arguments.numbers:
        rows = {}
        for seed in range(arguments.combinations * arguments.mixings):
            for setting, sources, A in cases(n_talkers, seed):
                figures = directions(sources @ A.T, sample_rate, A, seed)
                rows.setdefault(setting, []).append(figures)
        for setting, figures in rows.items():
            right, cosines = zip(*figures, strict=True)
            print(
                f"{n_talkers:>7}  {setting:>9}  {sum(right):>9}/{len(right):<2}  {np.median(cosines):>10.5f}"
                f"  {min(cosines):>9.5f}", flush=True,
            )  # fmt: skip


def drawn(signals, n_talkers, rng):
    """Sources (n_frames, n_talkers) and directions, at random."""
    who = rng.permutation(len(signals))[:n_talkers]
    return signals[who].T, spread_directions(n_talkers, rng.uniform(0, np.pi / n_talkers))


def clips(signals, sample_rate, arguments):
    """Short clips from anywhere in the recordings."""

    def cases(n_talkers, seed):
        rng = np.random.default_rng(seed)
        sources, A = drawn(signals, n_talkers, rng)
        for seconds in (1, 2, 3):
            n_frames = round(seconds * sample_rate)
            first = rng.integers(0, len(sources) - n_frames + 1)
            yield f"{seconds} s", sources[first : first + n_frames], A

    tally("clip", cases, sample_rate, arguments)


def levels(signals, sample_rate, arguments):
    """One talker weaker than the others."""

    def cases(n_talkers, seed):
        sources, A = drawn(signals, n_talkers, np.random.default_rng(seed))
        for decibels in (0, 6, 9, 12):
            weaker = np.append(np.ones(n_talkers - 1), 10 ** (-decibels / 20))
            yield f"-{decibels} dB", sources * weaker, A

    tally("weakest", cases, sample_rate, arguments)


def long_sound(n_minutes=10.0, sample_rate=48_000):
    """Seconds and memory of a long stereo sound: talkers repeated, at six times their rate, single precision."""
    talkers = load_talkers()
    factor = round(sample_rate / talkers.sample_rate)
    n_frames = round(60 * n_minutes * sample_rate)
    A = spread_directions(3).astype(np.float32)
    x = np.zeros((n_frames, 2), np.float32)
    for j in range(3):
        once = np.repeat(talkers.signals[j].astype(np.float32), factor)
        for start in range(0, n_frames, len(once)):
            part = slice(start, min(start + len(once), n_frames))
            x[part] += once[: part.stop - part.start, None] * A[:, j]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    begun = time.process_time()
    found = separate(x, sample_rate, 3, random_state=0)
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{n_minutes:g} min at {sample_rate} Hz: {x.nbytes / 2**30:.2f} GiB of mixture, "
          f"{found.sources.nbytes / 2**30:.2f} GiB of sources; {before:.2f} GiB before, {peak:.2f} GiB at most; "
          f"{seconds:.0f} CPU s")  # fmt: skip


PARTS = {"mixtures": table, "clips": clips, "levels": levels}


def main():
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=(*PARTS, "long"), default="mixtures")
    parser.add_argument("--talkers", metavar="FOLDER", help="WAV files of one sample rate")
    parser.add_argument("--numbers", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--combinations", type=int, default=4)
    parser.add_argument("--mixings", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one mixture of 5 s each")
    parser.add_argument("--minutes", type=float, default=10.0, help="of part long")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SeparationWarning)
    if arguments.part == "long":
        long_sound(arguments.minutes)
        return
    signals, sample_rate = read(arguments.talkers)
    if arguments.quick:
        arguments.combinations = arguments.mixings = 1
        signals = signals[:, : round(5 * sample_rate)]
    wanted = arguments.numbers or ([2, 3, 4] if arguments.part == "clips" else [3, 4, 5])
    arguments.numbers = [n for n in wanted if n <= len(signals)]
    PARTS[arguments.part](signals, sample_rate, arguments)


if __name__ == "__main__":
    main()
