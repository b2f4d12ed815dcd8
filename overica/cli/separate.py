"""``overica separate``: the talkers of a recording with fewer microphones, one file each."""

from pathlib import Path

import click

from overica.cli._command import command
from overica.cli._errors import told
from overica.cli._known import SEPARATION_METHODS


class _Count(click.ParamType):
    name = "integer|auto"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        text = str(value)
        if text == "auto" or (text.isdecimal() and int(text) > 0):
            return text if text == "auto" else int(text)
        self.fail(f"{text!r} is neither a positive number nor 'auto'", param, ctx)


@command(
    examples=(
        "overica separate mix.wav --sources 3 -o separated",
        "overica separate mix.wav --sources auto -o separated",
        "overica separate recordings/ --sources 2 --method l1 -o separated",
        "overica separate room.wav --sources 2 --method convolutive -o separated",
    ),
    sections={
        "The separation": "n_sources method window seed",
        "What is written": "output images page overwrite",
    },
)
@click.argument("mixture", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--sources",
    "n_sources",
    type=_Count(),
    required=True,
    help="How many there are; 'auto' takes the most probable number, and says how sure it is.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the results; made if missing. An earlier separation there is replaced.",
)
@click.option(
    "--method",
    type=click.Choice(SEPARATION_METHODS),
    default=SEPARATION_METHODS[0],
    help="How sources are inferred once their directions are known: by the local Gaussian model (best), the smallest "
    "sum of moduli (quicker), or the nearest direction alone (a mask). convolutive: for rooms, where microphones hear "
    "delays and echoes; it needs the number of sources.",
)
@click.option(
    "--window",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Length of the analysis window.  [default: 0.128, and for the sources of gaussian 0.064 and 0.096, "
    "of convolutive 0.128 and 0.256, averaged]",
)
@click.option(
    "--images/--no-images",
    default=True,
    help="Write what each source adds to every channel, and what all of them leave.",
)
@click.option("--page/--no-page", default=True, help="Write a page to listen.")
@click.option("--seed", type=int, default=0, help="Same seed, same answer.")
@click.option("--overwrite", is_flag=True, help="Replace files that are not from here, too.")
def separate(
    mixture: Path,
    n_sources: int | str,
    output: Path,
    method: str,
    window: float | None,
    images: bool,
    page: bool,
    seed: int,
    overwrite: bool,
) -> None:
    """Separate the sources of a recording with two or more channels, even if there are more sources than channels.

    MIXTURE is a WAV, FLAC or other file that soundfile reads, in which every source reaches all channels at once,
    each with a strength of its own (as a mixing desk pans them). For delays and reverberation, microphones apart in a
    room, there is --method convolutive.
    Of a folder every such file is separated, into a folder of its own in the output.

    \b
    Writes to the folder
      source-1.wav ...  one per source, mono, loudest first; of a room, what the nearest channel hears
      image-1.wav ...   what each adds to every channel
      residual.wav      what all of them leave: images and residual sum to the mixture exactly
      mixing.json       mixing matrix, directions (of a room: delays), settings, the gain of the sources
      separation.png    the directions (delays), and spectrograms before and after
      listen.html       players and spectrograms, in one file
    """
    with told(f"Separating the sources of {mixture}, to {output}", output):
        from overica.separation.separate_file import check_method, run_separate
        from overica.separation.separate_folder import run_separate_folder

        check_method(method, n_sources)
        run = run_separate_folder if mixture.is_dir() else run_separate
        for line in run(
            mixture,
            output,
            n_sources=n_sources,
            method=method,
            window=window,
            seed=seed,
            images=images,
            page=page,
            overwrite=overwrite,
        ):
            click.echo(line)
