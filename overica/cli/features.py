"""``overica features``: ICA beside sparse autoencoders on the activations of a transformer."""

from pathlib import Path

import click


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
    help="Comma-separated: ica, ica_nonnegative, ica_whitened, relu, batchtopk, matryoshka, topk, jumprelu.",
)
@click.option("--widths", help="Features per dimension, comma-separated.  [default: 2,4,8]")
@click.option("--active", help="Active features per token, comma-separated.  [default: 10,20,40]")
@click.option("--seeds", type=int, help="Fits of each method.  [default: 2]")
@click.option("--steps", "n_steps", type=int, help="Of the autoencoders.  [default: 500]")
@click.option("--ica-steps", type=int, help="Of ICA.  [default: 50]")
@click.option(
    "--full-width", type=float, help="Wider fits have one seed and the middle level.  [default: 4]"
)
@click.option("--quick", is_flag=True, help="The narrowest width, one level, few steps.")
@click.option("--fresh", is_flag=True, help="Run everything anew.")
def features(
    activations: Path,
    output: Path,
    methods: str | None,
    widths: str | None,
    active: str | None,
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
    from overica.cli._errors import told
    from overica.lm.study_command import run_features

    with told():
        for line in run_features(
            activations, output, methods=[m.strip() for m in _parts(methods)],
            widths=_numbers(widths, "--widths"), active=_numbers(active, "--active"), seeds=seeds,
            n_steps=n_steps, ica_steps=ica_steps, full_width=full_width, quick=quick, fresh=fresh,
        ):  # fmt: skip
            click.echo(line)


def _parts(text: str | None) -> list[str]:
    return [part for part in (text or "").split(",") if part.strip()]


def _numbers(text: str | None, name: str) -> list[float]:
    try:
        return [float(part) for part in _parts(text)]
    except ValueError:
        raise click.BadParameter(
            f"expected numbers separated by commas, got {text!r}", param_hint=name
        ) from None
