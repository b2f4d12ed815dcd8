"""What every experiment here shares: a figure, what was measured, and claims that are checked.

A script's docstring is its entry in the gallery: a title, then what the post saw, what we see, and what
now works.  Its ``run(full)`` returns an `Outcome`; ``command(run)`` makes it a command.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

# One thread: the problems are small, and several experiments may run side by side.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import click
import numpy as np
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
GALLERY = FOLDER / "gallery"
SMALL_RESULTS = FOLDER.parent / "results" / "examples"


@dataclass(frozen=True)
class Outcome:
    """What an experiment found."""

    figure: Figure
    """The picture, at most about 10 x 5 inches."""
    measured: dict[str, str]
    """Figures with their spread, in words: what was measured -> value."""
    claims: dict[str, bool]
    """What the verdict says, each sentence with whether it held in this run."""


def spread(values: Iterable[float], digits: int = 3) -> str:
    """Mean, smallest and largest of a figure over the seeds: ``.993 (.981 to .999)``.

    >>> spread([0.5, 1.0])
    '0.750 (0.500 to 1.000)'
    """
    values = np.asarray(list(values), dtype=float)
    return f"{values.mean():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})"


def command(run: Callable[[bool], Outcome]) -> None:
    """Run as a command: print what was found, save the figure, fail where a claim does not hold."""
    script = Path(sys.argv[0])
    title = (sys.modules["__main__"].__doc__ or script.stem).splitlines()[0]

    @click.command(help=title)
    @click.option(
        "--full", is_flag=True, help="The post's own sizes, and the seeds of the verdict."
    )
    @click.option(
        "-o",
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for figure and figures; gallery/ with --full, results/examples/ without.",
    )
    def main(full: bool, output: Path | None) -> None:
        start = time.perf_counter()
        outcome = run(full)
        seconds = time.perf_counter() - start
        folder = output or (GALLERY if full else SMALL_RESULTS)
        folder.mkdir(parents=True, exist_ok=True)
        outcome.figure.savefig(folder / f"{script.stem}.png", dpi=80)
        record = {
            "full": full,
            "seconds": round(seconds, 1),
            "measured": outcome.measured,
            "claims": {sentence: bool(held) for sentence, held in outcome.claims.items()},
        }
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{script.stem}.json").write_text(text, encoding="utf-8")
        click.echo(title)
        for name, value in outcome.measured.items():
            click.echo(f"  {name}: {value}")
        for sentence, held in outcome.claims.items():
            click.echo(f"  {'holds' if held else 'FAILS'}  {sentence}")
        click.echo(f"  {seconds:.0f} s, {folder / script.stem}.png")
        sys.exit(0 if all(outcome.claims.values()) else 1)

    main()
