"""Separation of talkers at two microphones: SDR of overica beside codes, masks and oracles.

    python benchmarks/separation.py [--part mixtures|noise|clips|levels|count|long] [--talkers FOLDER] [--numbers 3,4,5]
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

noise: the same in white noise, so many decibels below the mixture: overica, the plain mask (every coefficient to the
source whose learned direction is nearest), l1, ideal mask, and Wiener with the noise's variance told too;
`--combinations` times `--mixings` mixtures each.

clips: of how many short clips the number of sources is found, and the worst cosine where it is given; the talkers of a
clip talk throughout it or not, as they come.

levels: the same for whole recordings in which one talker is weaker than the others.

count: of how many mixtures of a desk, with noise, the number of sources is found when it is not given, how often it is
said to be sure, how often that is wrong, and the largest angle between a true direction and the nearest learned one
where the number is right; `--combinations` mixtures of every number of talkers.

long: ten minutes of stereo at 48 kHz, seconds and the largest memory.
"""

import argparse
import math
import os
import resource
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)

from overica.datasets import load_talkers, spread_directions  # noqa: E402
from overica.separation import SeparationStudy, SeparationWarning, separate  # noqa: E402

COLUMNS = {
    "gaussian": "overica",
    "l1": "l1",
    "l1_true": "l1 true A",
    "ideal_mask": "binary",
    "wiener": "Wiener",
    "mixture": "mixture",
}
IN_NOISE = {
    "gaussian": "overica",
    "binary": "plain mask",
    "l1": "l1",
    "ideal_mask": "ideal mask",
    "wiener": "Wiener",
}
DECIBELS = (0, 5, 10, 20, 30)
LENGTHS = (1, 2, 3)
WEAKER = (0, 6, 9, 12)
DESKS = (
    ("2, pan pot", (1, 2, 3, 4), {"panning": "pan pot"}),
    ("2, half turn", (1, 2, 3, 4, 5), {"panning": "half turn"}),
    ("3", (2, 3, 4, 5), {"n_channels": 3}),
    ("4", (2, 4, 5, 6), {"n_channels": 4}),
    ("8", (2, 5, 8, 10), {"n_channels": 8}),
)
NOISES = {
    "none": {},
    "-30 dB": {"noise": 30.0},
    "-20 dB": {"noise": 20.0},
    "-10 dB": {"noise": 10.0},
    "weak": {"noise": 30.0, "weaker": 6.0},
}


def figures(results, what, method, metric, failed=math.nan):
    """Of the mixtures of a set, in their order; `failed` where there is none."""
    cells = [r for r in results.records if r["mixture"] == what and r["method"] == method]
    found = [(r.get("metrics") or {}).get(metric, {"value": failed})["value"] for r in cells]
    return np.array(found, float)


def run(sets, methods, n_mixtures, folder, n_jobs):
    """The study of some sets of mixtures."""
    given = {} if folder is None else {"folder": folder}
    study = SeparationStudy(
        mixtures=[each | given for each in sets], methods=methods, n_seeds=n_mixtures, n_jobs=n_jobs
    )
    return study.run(progress=False)


def table(arguments):
    """A row per number of talkers."""
    print(
        "talkers  mixtures  "
        + "".join(f"{name:>15}" for name in COLUMNS.values())
        + "  worst cos   auto  CPU s"
    )
    for n_talkers in arguments.numbers:
        n_sets = math.comb(arguments.n_voices, n_talkers)
        n_mixtures = min(arguments.combinations, n_sets) * arguments.mixings
        one = {"name": "talkers", "n_talkers": n_talkers, "mixings": arguments.mixings}
        one |= {"n_seconds": 5} if arguments.quick else {}
        results = run([one], [*COLUMNS, "auto"], n_mixtures, arguments.talkers, arguments.jobs)
        sdr = [figures(results, "talkers", method, "sdr") for method in COLUMNS]
        cells = "".join(f"{each.mean():>9.2f} ± {each.std():.2f}" for each in sdr)
        angle = np.radians(figures(results, "talkers", "gaussian", "angle_error").max())
        found = figures(results, "talkers", "auto", "count_found").sum()
        cpu = np.mean([cell["fit_cpu_seconds"] for cell in results.of("talkers", "gaussian")])
        print(
            f"{n_talkers:>7}  {n_mixtures:>8}  {cells}  {np.cos(angle):.6f}  "
            f"{found:>2.0f}/{n_mixtures:<2}  {cpu:>5.1f}", flush=True,
        )  # fmt: skip


def noise(arguments):
    """A row per number of talkers and level of the noise."""
    print("talkers  dB  mixtures  " + "".join(f"{name:>15}" for name in IN_NOISE.values()))
    n_mixtures = arguments.combinations * arguments.mixings
    for n_talkers in arguments.numbers:
        for decibels in DECIBELS:
            one = {
                "name": "talkers",
                "n_talkers": n_talkers,
                "mixings": 1,
                "noise": float(decibels),
            }
            one |= {"n_seconds": 5} if arguments.quick else {}
            results = run([one], [*IN_NOISE], n_mixtures, arguments.talkers, arguments.jobs)
            sdr = [figures(results, "talkers", method, "sdr") for method in IN_NOISE]
            cells = "".join(f"{each.mean():>9.2f} ± {each.std():.2f}" for each in sdr)
            print(f"{n_talkers:>7}  {decibels:>2}  {n_mixtures:>8}  {cells}", flush=True)


def tally(heading, sets, arguments):
    """A row per number of talkers and set of mixtures, whose labels are the settings."""
    print(f"talkers  {heading:>9}  number found  median cos  worst cos")
    n_mixtures = arguments.combinations * arguments.mixings
    for n_talkers in arguments.numbers:
        own = [each | {"n_talkers": n_talkers} for each in sets]
        results = run(own, ["auto", "binary"], n_mixtures, arguments.talkers, arguments.jobs)
        for setting in results.whats:
            found = figures(results, setting, "auto", "count_found", 0.0).sum()
            # Where a source is not heard there is no direction.
            cosines = np.cos(np.radians(figures(results, setting, "binary", "angle_error", 90.0)))
            print(
                f"{n_talkers:>7}  {setting:>9}  {found:>9.0f}/{n_mixtures:<2}  {np.median(cosines):>10.5f}"
                f"  {cosines.min():>9.5f}", flush=True,
            )  # fmt: skip


def clips(arguments):
    """Short clips from anywhere in the recordings."""
    sets = [{"name": "clips", "label": f"{n} s", "n_seconds": n} for n in LENGTHS]
    tally("clip", sets, arguments)


def levels(arguments):
    """One talker weaker than the others."""
    short = {"n_seconds": 5} if arguments.quick else {}
    sets = [
        {"name": "levels", "label": f"-{decibels} dB", "decibels": decibels} | short
        for decibels in WEAKER
    ]
    tally("weakest", sets, arguments)


def count(arguments):
    """Panning, channels, noise, and a weak talker."""
    print("mixtures            noise      right  sure  wrong but sure  worst angle (median)")
    for name, numbers, desk in DESKS:
        for label, noise in NOISES.items():
            sets = [
                {"name": "desk", "label": f"{name} {label} {n}", "n_talkers": n} | desk | noise
                for n in numbers
                # Channels with nothing but one talker are multiples of one another, which is refused.
                if noise or n > 1
            ]
            results = run(sets, ["auto"], arguments.combinations, arguments.talkers, arguments.jobs)
            found, sure, angles = (
                np.concatenate([figures(results, what, "auto", metric) for what in results.whats])
                for metric in ("count_found", "count_sure", "angle_error")
            )
            angles = angles[found == 1] if found.any() else np.array([math.nan])
            print(
                f"{name:<18}  {label:<9}  {found.sum():>2.0f}/{len(found):<2}  {sure.sum():>4.0f}"
                f"  {(sure * (1 - found)).sum():>14.0f}  {angles.max():>11.2f} ({np.median(angles):.2f})", flush=True,
            )  # fmt: skip


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


PARTS = {"mixtures": table, "noise": noise, "clips": clips, "levels": levels, "count": count}
NUMBERS = {"clips": [2, 3, 4], "noise": [3, 4]}


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
    parser.add_argument("--jobs", type=int, default=1, help="mixtures at a time")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SeparationWarning)
    if arguments.part == "long":
        long_sound(arguments.minutes)
        return
    arguments.n_voices = len(load_talkers(arguments.talkers).names)
    if arguments.quick:
        arguments.combinations = arguments.mixings = 1
    wanted = arguments.numbers or NUMBERS.get(arguments.part, [3, 4, 5])
    arguments.numbers = [n for n in wanted if n <= arguments.n_voices]
    PARTS[arguments.part](arguments)


if __name__ == "__main__":
    main()
