"""``overica photographs``: overcomplete bases of photographs and what they cost in bits per pixel."""

from pathlib import Path
from typing import Any

import click

from overica.cli._errors import told
from overica.cli._lists import Numbers

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


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("overica-photographs"),
    show_default=True,
    help="Folder for pictures and figures; made if missing.",
)
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
    "--overcompleteness", type=Numbers(1, 64), help="Columns per pixel.  [default: 1,2,4,8]"
)
@click.option("--precision", type=Precision(), help="Grey levels, or bits as 6bits.  [default: 4]")
@click.option("--seeds", type=click.IntRange(1), help="Splits and starts.  [default: 2]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The first.")
@click.option("--jobs", type=int, default=-1, help="Seeds at a time; -1 is one per processor.")
@click.option("--quick", is_flag=True, help="4 x 4 patches, 1x and 2x, one seed: half a minute.")
def photographs(
    output: Path,
    folder: Path | None,
    side: int | None,
    overcompleteness: tuple[float, ...] | None,
    precision: float | None,
    seeds: int | None,
    seed: int,
    jobs: int,
    quick: bool,
) -> None:
    """Learn bases of photographs, and measure what they cost in bits per pixel.

    Beside overcomplete ICA stand FastICA, PCA, scikit-learn's dictionary learning and random columns, all on
    patches of regions that were held out. The defaults take some six minutes of one processor.
    """
    given: dict[str, Any] = {
        "side": side,
        "overcompleteness": overcompleteness,
        "precision": precision,
        "n_seeds": seeds,
    }
    with told(output):
        from dataclasses import replace

        from overica.datasets import load_images
        from overica.photographs import QUICK, StudySettings, study_photographs
        from overica.photographs.study_text import save_study, text_of

        settings = replace(
            QUICK if quick else StudySettings(),
            **{name: value for name, value in given.items() if value is not None},
        )
        images = None if folder is None else load_images(folder)
        study = study_photographs(
            images,
            settings,
            random_state=seed,
            n_jobs=jobs,
            report=lambda line: click.echo(line, err=True),
        )
        # Said first: it is not lost if it cannot be written.
        click.echo(text_of(study))
        for path in save_study(study, output):
            click.echo(str(path))
