"""Names that options know, so that whoever mistypes one need not wait for what they stand for.

What they stand for is registered elsewhere; a test holds these to it.
"""

import click

from overica._nearest import nearest_names

METHODS = (
    "ica", "ica_nonnegative",
    "relu", "tied", "gated", "jumprelu", "topk", "abstopk", "batchtopk", "matryoshka", "matching_pursuit",
    "dictionary_learning", "fastica", "rica", "pca",
)  # fmt: skip
"""Methods that learn, of `overica.studies.METHODS`."""
BESIDE = ("loaded", "random", "oracle")
"""The other methods of studies."""
PRIORS = ("auto", "laplace", "exponential", "smooth_laplace")
"""Of `overica.priors.PRIORS`, and the choice among them."""
ACTIVATION_PRECISIONS = ("float32", "bfloat16", "float16")
"""Of models, and of activations on disk."""
TRAINING_PRECISIONS = ("float32", "bfloat16")
"""Of an autoencoder's products."""
EXPORT_FORMATS = ("saelens", "safetensors")
"""Of `overica.formats.WRITERS`."""
SEPARATION_METHODS = ("gaussian", "l1", "binary", "convolutive")
"""Of `overica.separation.METHODS`."""


class Known(click.Choice):
    """A name of a list; another one is refused with those that are nearest.

    Examples
    --------
    >>> Known(["topk", "batchtopk"], "method").convert("batchtop", None, None)
    Traceback (most recent call last):
    ...
    click.exceptions.BadParameter: unknown method 'batchtop'. Did you mean 'batchtopk' or 'topk'?
    """

    def __init__(self, names: tuple[str, ...] | list[str], kind: str) -> None:
        super().__init__(names)
        self._kind = kind

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """See `click.ParamType.convert`."""
        if value in self.choices:
            return str(value)
        hint = nearest_names(value, self.choices)
        self.fail(f"unknown {self._kind} {str(value)!r}. {hint}", param, ctx)
