"""``overica features``: ICA beside sparse autoencoders on the activations of a transformer."""

from pathlib import Path

import click

from overica.cli._errors import told
from overica.cli._lists import Numbers, Words


@click.command()
@click.argument("activations", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("overica-features"),
    show_default=True,
    help="Folder for results and pages; made if missing. A second call goes on where the first ended.",
)
@click.option(
    "--methods",
    type=Words(),
    help="Comma-separated: ica, ica_nonnegative, ica_whitened, relu, batchtopk, matryoshka, topk, jumprelu.",
)
@click.option(
    "--widths", type=Numbers(), help="Features per dimension, comma-separated.  [default: 2,4,8]"
)
@click.option(
    "--active",
    type=Numbers(),
    help="Active features per token, comma-separated.  [default: 10,20,40]",
)
@click.option("--seeds", type=int, help="Fits of each method.  [default: 2]")
@click.option("--steps", "n_steps", type=int, help="Of the autoencoders.  [default: 1000]")
@click.option("--ica-steps", type=int, help="Of ICA.  [default: 150]")
@click.option(
    "--full-width", type=float, help="Wider fits have one seed and the middle level.  [default: 4]"
)
@click.option("--quick", is_flag=True, help="The narrowest width, one level, few steps.")
@click.option("--fresh", is_flag=True, help="Run everything anew.")
def features(
    activations: Path,
    output: Path,
    methods: tuple[str, ...] | None,
    widths: tuple[float, ...] | None,
    active: tuple[float, ...] | None,
    seeds: int | None,
    n_steps: int | None,
    ica_steps: int | None,
    full_width: float | None,
    quick: bool,
    fresh: bool,
) -> None:
    """Find features in activations by ICA and by sparse autoencoders, and write pages of them.

    ACTIVATIONS is a folder of `overica activations`.
    """
    with told(output, stopped=f"What is done is in {output}; the same command goes on from there."):
        from overica.lm.study.features_command import run_features

        for line in run_features(
            activations, output, methods=methods, widths=widths, active=active, seeds=seeds,
            n_steps=n_steps, ica_steps=ica_steps, full_width=full_width, quick=quick, fresh=fresh,
        ):  # fmt: skip
            click.echo(line)
