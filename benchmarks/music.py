"""Separation of instruments that play together, on two channels: overica beside codes, masks and oracles.

    python benchmarks/music.py [--numbers 3,4] [--rate 16000] [--mixtures 6] [--quick]

The stems are made here (`_instruments.py`, `_songs.py`): strings, bells, membranes, bow and reed by their physics,
playing pieces over chords, in a key and at a tempo drawn for every mixture, each part as strong as the others. Parts
are panned without delay: by pan pots, anywhere from the left channel alone to the right one alone, 15 degrees apart or
more, or in directions that divide the half turn evenly. 20 s a mixture.

Columns are those of `separation.py`: SDR in dB, mean over the instruments, then mean and standard deviation over
mixtures; all but "auto" are told how many there are. "angle" is the largest between a true direction and the learned
one, in degrees, of all mixtures.

    overica    all of it blind
    mask       to every coefficient the direction that suits it best
    l1         codes of least sum of moduli
    l1 true A  the same, the mixing matrix given
    binary     ideal binary mask: the source that is loudest there, which nobody knows
    Wiener     posterior means under the sources' own powers, which nobody knows
    mixture    the first channel as every estimate: chance
    auto       mixtures whose number of sources is found when it is not given
"""

import argparse
import warnings

from separation import COLUMNS, figures  # first: it sets the number of threads

from overica.separation import SeparationStudy, SeparationWarning  # isort: skip
from overica.separation.mixture_sets import MIXTURES, PANNINGS  # isort: skip

import numpy as np
from _songs import music

WAYS = {"gaussian": "overica", "binary": "mask"} | COLUMNS


def row(n_instruments, panning, options):
    """One set of mixtures."""
    one = {"name": "music", "n_instruments": n_instruments, "panning": panning}
    one |= {"rate": options.rate, "n_seconds": options.seconds}
    methods = [*WAYS, "auto"]
    study = SeparationStudy(mixtures=[one], methods=methods, n_seeds=options.mixtures, n_jobs=1)
    results = study.run(progress=False)
    sdr = [figures(results, "music", method, "sdr") for method in WAYS]
    cells = "".join(f"{each.mean():>8.2f} ± {each.std():4.2f}" for each in sdr)
    angle = figures(results, "music", "gaussian", "angle_error")
    found, sure = (
        figures(results, "music", "auto", name) for name in ("count_found", "count_sure")
    )
    cpu = np.mean([cell["fit_cpu_seconds"] for cell in results.of("music", "gaussian")])
    print(
        f"{n_instruments}, {panning:<9} {cells}  {angle.max():>6.3f}  {found.sum():>2.0f}/{len(found):<2}"
        f" ({(sure * (1 - found)).sum():.0f} wrong but sure)  {cpu:>5.1f}", flush=True,
    )  # fmt: skip


def main():
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--numbers", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--rate", type=float, default=16_000.0, help="frames per second")
    parser.add_argument("--mixtures", type=int, default=6, help="of a number and a panning")
    parser.add_argument("--quick", action="store_true", help="one mixture of 3 s of three")
    options = parser.parse_args()
    options.numbers = options.numbers or ([3] if options.quick else [3, 4])
    options.seconds = 20.0
    if options.quick:
        options.mixtures, options.seconds = 1, 3.0
    if options.rate < 12_000:
        parser.error(
            f"--rate must be 12000 or more, since hats begin at 5 kHz, got {options.rate:g}"
        )
    warnings.simplefilter("ignore", SeparationWarning)
    MIXTURES["music"] = music
    print(
        f"{'mixtures':<12} "
        + "".join(f"{name:>15}" for name in WAYS.values())
        + "   angle  auto  CPU s"
    )
    for n_instruments in options.numbers:
        for panning in PANNINGS:
            row(n_instruments, panning, options)


if __name__ == "__main__":
    main()
