"""The gallery: run the experiments, and write examples/README.md from what they say and found.

``python examples/gallery.py`` writes the page from the docstrings and the records in ``gallery/``;
``--run`` runs every experiment at its small size, two at a time, and fails where a claim does not hold.
"""

import ast
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click

FOLDER = Path(__file__).parent
GALLERY = FOLDER / "gallery"


class Post(NamedTuple):
    """What a group of experiments is about."""

    heading: str
    about: str
    sources: tuple[str, ...]
    """Posts and papers, with title and address."""


# Prefix of the scripts -> their post.
POSTS = {
    "ica": Post(
        "Lewicki and Sejnowski's rule, step by step",
        "An experiment log that follows the 1998 paper from its data to learning four sources from two "
        "mixtures, and stops where the published rule collapses.",
        (
            "M. S. Lewicki and T. J. Sejnowski, [Learning nonlinear overcomplete representations for efficient coding]"
            "(https://aitopics.org/doc/conferences:24DCD7E7), Advances in Neural Information Processing Systems 10 "
            "(1998)",
            "M. S. Lewicki and T. J. Sejnowski, [Learning overcomplete representations]"
            "(https://doi.org/10.1162/089976600300015826), Neural Computation 12 (2000)",
        ),
    ),
    "combinations": Post(
        "Do autoencoders learn combinations of features?",
        "A post argued that an L1 penalty prefers frequent combinations over rare features, and that "
        "features split as the dictionary grows; its readers proposed penalties and tests.",
        (
            '[Do sparse autoencoders find "true features"?]'
            "(https://www.lesswrong.com/posts/QoR8noAB3Mp2KBA4B/do-sparse-autoencoders-find-true-features), with its "
            "comments (2024)",
        ),
    ),
    "toy": Post(
        "Composed features in small toy models",
        "A post trained autoencoders on the two hidden dimensions of a toy model and found composed "
        "features; a reader objected that the true ones cannot be known there.",
        (
            "E. Anders, C. Neo, J. Hoelscher-Obermaier and J. N. Howard, "
            "[Sparse autoencoders find composed features in small toy models]"
            "(https://www.lesswrong.com/posts/a5wwqza2cY3W7L9cj/sparse-autoencoders-find-composed-features-in-small-toy)"
            ", with its comments (2024)",
        ),
    ),
    "shrinkage": Post(
        "Shrinkage",
        "A note on why L1 makes every code too small, and on scales, gates and jumps as cures.",
        (
            "[sparse autoencoder](https://aarnphm.xyz/thoughts/sparse-autoencoder), a note (2024)",
            "[Addressing feature suppression in SAEs]"
            "(https://www.alignmentforum.org/posts/3JuSjTZyMzaSeTxKk/addressing-feature-suppression-in-saes), the post "
            "that it refers to",
        ),
    ),
    "sensors": Post(
        "Sensors",
        "ICA is the habit of those who record from scalps, and its habits are as many components as channels.",
        (
            "S. Makeig, A. J. Bell, T.-P. Jung and T. J. Sejnowski, [Independent component analysis of "
            "electroencephalographic data](https://papers.nips.cc/paper/1091-independent-component-analysis-of-electroencephalographic-data)"
            ", Advances in Neural Information Processing Systems 8 (1996)",
            "T.-W. Lee, M. Girolami and T. J. Sejnowski, [Independent component analysis using an extended infomax "
            "algorithm for mixed sub-Gaussian and super-Gaussian sources](https://doi.org/10.1162/089976699300016719), "
            "Neural Computation 11 (1999)",
            "T.-P. Jung and others, [Removing electroencephalographic artifacts by blind source separation]"
            "(https://doi.org/10.1111/1469-8986.3720163), Psychophysiology 37 (2000)",
        ),
    ),
}
ABOUT = """Every experiment of the posts this package grew from, each a short script with its figure and a
verdict that its run checks.
"""
HEADER = """# The experiments

{about}
A small version takes seconds, `--full` the sizes and seeds of the figures given here:

```bash
python examples/{first}.py          # small: what continuous integration runs
python examples/{first}.py --full   # the figures below
make examples                       # all of them, small
```

This page is written by `python examples/gallery.py` from the scripts' docstrings and the records of `--full` in
`gallery/`; "measured" is what the run printed, with mean and range over seeds unless it says otherwise.
"""


def scripts(prefix: str = "") -> list[Path]:
    """The experiments' files in the gallery's order."""
    return [
        path
        for post in POSTS
        if post.startswith(prefix)
        for path in sorted(FOLDER.glob(f"{post}_*.py"))
    ]


def entry(path: Path) -> str:
    """One experiment of the page: title, picture, verdict, what was measured."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    title, _, verdict = docstring.partition("\n")
    title = title.rstrip(".")
    lines = [f"### {title}", ""]
    record = GALLERY / f"{path.stem}.json"
    lines += [f"[`{path.name}`]({path.name})", "", f"![{title}](gallery/{path.stem}.png)", ""]
    lines += [verdict.strip(), ""]
    if record.exists():
        found = json.loads(record.read_text(encoding="utf-8"))
        lines += [f"Measured ({found['seconds']:.0f} s):", ""]
        lines += [f"- {name}: {value}" for name, value in found["measured"].items()] + [""]
        for sentence, held in found["claims"].items():
            lines.append(f"- {'☑' if held else '☒'} {sentence}")
        lines.append("")
    return "\n".join(lines)


def page() -> str:
    """The whole README."""
    parts = [HEADER.format(about=ABOUT, first=scripts()[0].stem)]
    for prefix, post in POSTS.items():
        parts += [f"## {post.heading}\n", f"{post.about}\n"]
        parts += [*(f"- {source}" for source in post.sources), ""]
        parts += [entry(path) for path in scripts(prefix)]
    return "\n".join(parts)


def run_small(path: Path) -> tuple[Path, int, float, str]:
    """Run one experiment at its small size in a process of its own, on one thread.

    Their problems are small, and they run side by side: with threads for all cores in each of them,
    the threads wait for each other for most of the time (30 times longer on two cores).
    """
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", str(path)],
        capture_output=True,
        text=True,
        env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    )
    return path, done.returncode, time.perf_counter() - start, done.stdout + done.stderr


@click.command()
@click.option("--run", is_flag=True, help="Run every experiment at its small size instead.")
@click.option("--only", default="", help="Run those whose name contains this.")
@click.option("--jobs", default=2, show_default=True, help="Experiments at a time.")
def main(run: bool, only: str, jobs: int) -> None:
    """Write the gallery's page, or run what is in it."""
    if not run:
        (FOLDER / "README.md").write_text(page(), encoding="utf-8")
        return
    failures = 0
    with ThreadPoolExecutor(jobs) as pool:
        for path, code, seconds, output in pool.map(
            run_small, [path for path in scripts() if only in path.stem]
        ):
            click.echo(f"{'ok    ' if code == 0 else 'FAILED'} {seconds:5.1f} s  {path.stem}")
            if code:
                failures += 1
                click.echo(output)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
