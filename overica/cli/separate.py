"""``overica separate``: the talkers of a recording with fewer microphones, one file each."""

from pathlib import Path

import click

from overica.cli._errors import told


class _Count(click.ParamType):
    name = "integer|auto"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        text = str(value)
        if text == "auto" or (text.isdecimal() and int(text) > 0):
            return text if text == "auto" else int(text)
        self.fail(f"{text!r} is neither a positive number nor 'auto'", param, ctx)


@click.command()
@click.argument("mixture", type=click.Path(path_type=Path))
@click.option(
    "--sources",
    "n_sources",
    type=_Count(),
    required=True,
    help="How many there are; 'auto' finds out by held-out evidence.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the results; made if missing. An earlier separation there is replaced.",
)
@click.option("--images", is_flag=True, help="Write also what each source adds to every channel.")
@click.option("--method", help="How sources are inferred once their directions are known.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same answer.")
@click.option("--overwrite", is_flag=True, help="Replace files that are not from here, too.")
def separate(
    mixture: Path,
    n_sources: int | str,
    output: Path,
    images: bool,
    method: str | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Separate the sources of a recording with two or more channels, even if there are more sources than channels.

    MIXTURE is a WAV, FLAC or other file that soundfile reads, in which every source reaches all channels at once,
    each with a strength of its own (as a mixing desk pans them). Delays and reverberation are outside this model.

    \b
    Writes to the folder
      source-1.wav ...  one per source, loudest first
      mixing.json       mixing matrix, directions, settings
      separation.png    the directions, and spectrograms before and after
    """
    with told(output):
        from overica.separation.separate_file import run_separate

        lines = run_separate(
            mixture,
            output,
            n_sources=n_sources,
            method=method,
            seed=seed,
            images=images,
            overwrite=overwrite,
        )
        for line in lines:
            click.echo(line)
