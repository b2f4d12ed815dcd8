"""``overica evaluate``: separated sources against the true ones."""

from pathlib import Path

import click

from overica.cli._command import Command, command
from overica.cli._errors import told

# No path can hold it, so it marks where "--" stood.
_SEPARATOR = "\0"


class _TwoLists(Command):
    """A command whose ``--`` parts two lists of files, and does not end the options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [_SEPARATOR if arg == "--" else arg for arg in args])


@command(
    cls=_TwoLists,
    examples=(
        "overica evaluate references/ separated/",
        "overica evaluate REF1.wav REF2.wav -- EST1.wav EST2.wav --json scores.json",
    ),
)
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--filter-length",
    type=click.IntRange(min=1),
    default=1,
    help="Delays over which an estimate may differ from its reference without loss. 1 judges the waveform; "
    "evaluation campaigns use 512, which is slower and gives higher figures.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures to this file too.",
)
def evaluate(files: tuple[str, ...], filter_length: int, json_path: Path | None) -> None:
    """Measure separated sources against the true ones: SDR, ISR, SIR, SAR in dB.

    FILES are the references followed by the estimates, in any order, or two folders; without "--" the first half are
    the references. Of a folder that "overica separate" wrote, its sources are taken, or its images if the references
    have several channels, and the gain of its files is undone.

    Each estimate is paired with the reference such that the mean SIR is highest. Estimates that are too many are named,
    and so are silent references; neither counts in any figure. For files with one channel SDR, SIR
    and SAR do not depend on the estimates' gain and sign, and the ISR measures little else; files of several channels
    are images of the sources at the microphones, and there gain and direction count. No figure is beyond 100 dB or
    below -100 dB; a silent estimate has the lowest figures.
    """
    with told("Measuring how near the estimates are to their references"):
        from overica.persistence import check_output_file
        from overica.separation.evaluation_files import (
            evaluate_files,
            score_table,
            split_paths,
            table_lines,
            write_scores,
        )

        if json_path is not None:
            check_output_file(json_path)
        references, estimates = split_paths(files, separator=_SEPARATOR)
        scores = evaluate_files(references, estimates, filter_length=filter_length)
        for line in table_lines(score_table(scores, references, estimates)):
            click.echo(line)
        click.echo(f"dB, {scores.kind}, filter length {filter_length}")
        if json_path is not None:
            write_scores(json_path, scores, references, estimates)
