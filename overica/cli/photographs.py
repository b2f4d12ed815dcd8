"""``overica photographs``: overcomplete bases of photographs and what they cost in bits per pixel."""

from pathlib import Path
from typing import Any

import click

from overica.cli._command import command
from overica.cli._lists import Numbers
from overica.cli._study import run_study, study_file, study_options

_GREY_LEVELS = 256


class Precision(click.ParamType):
    """Grey levels (``4``), or the bits of a pixel (``6bits``)."""

    name = "precision"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Grey levels per step."""
        text = str(value).strip().lower()
        number = text.removesuffix("s").removesuffix("bit").strip()
        try:
            found = float(number)
        except ValueError:
            self.fail(f"{value!r} is neither grey levels, as 4, nor bits, as 6bits", param, ctx)
        levels = found if number == text else _GREY_LEVELS / 2.0**found
        if not 0 < levels < _GREY_LEVELS:
            self.fail(
                f"{value!r} is {levels:g} grey levels, expected more than 0 and less than 256",
                param, ctx,
            )  # fmt: skip
        return levels


@command(
    examples=(
        "overica photographs --quick",
        "overica photographs --folder pictures/ --side 8 -o photographs",
        "overica photographs study.toml -o photographs",
    ),
    sections={
        "What is fitted": "folder side widths precision n_seeds seed",
        "The run": "output jobs fresh quick",
    },
)
@study_file
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of pictures; scikit-learn's two photographs if not given.",
)
@click.option(
    "--side",
    type=click.IntRange(2, 32),
    help="Pixels of a patch's side; 8 takes three times as long.  [default: 6]",
)
@click.option(
    "--overcompleteness",
    "widths",
    type=Numbers(1, 64),
    help="Columns per pixel.  [default: 1,2,4,8]",
)
@click.option("--precision", type=Precision(), help="Grey levels, or bits as 6bits.  [default: 4]")
@click.option("--seeds", "n_seeds", type=click.IntRange(1), help="Splits and starts.  [default: 2]")
@click.option("--seed", type=click.IntRange(0), help="The first.  [default: 0]")
@study_options("overica-photographs", "4 x 4 patches, 1x and 2x, one seed: half a minute.")
def photographs(study: Path | None, folder: Path | None, output: Path, **options: Any) -> None:
    """Learn bases of photographs, and measure what they cost in bits per pixel.

    Beside overcomplete ICA stand FastICA, PCA, scikit-learn's dictionary learning and random columns, all on
    patches of regions that were held out. The defaults take some six minutes of one processor. STUDY is a TOML file
    that says otherwise; options go before it.
    """
    pictures = None if folder is None else str(folder)
    run_study("photographs", study, output, folder=pictures, **options)
