"""Names that options know, so that whoever mistypes one need not wait for what they stand for.

What they stand for is registered elsewhere; a test holds these to it.
"""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from overica._methods import BASELINES, SAES
from overica._nearest import nearest_names

METHODS = ("ica", "ica_nonnegative", *SAES, *BASELINES)
"""Methods that learn, of `overica.studies.METHODS`."""
BESIDE = ("loaded", "random", "oracle")
"""The other methods of studies."""
METHODS_OF = {
    "known_truth": (*METHODS, *BESIDE),
    "activations": (*METHODS, *BESIDE),
    "photographs": (*METHODS, "loaded", "random", "gaussian", "raw"),
}
"""Methods that a study of a kind may list."""
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


def check_methods(kind: str, study: Path | None, listed: Sequence[Any] | None = None) -> None:
    """Refuse a study that names methods which do not exist; whatever else is wrong with it is told when it is read.

    Parameters
    ----------
    kind : str
        Of study.
    study : Path or None
        Its file.
    listed : sequence, optional
        Methods instead of those that the file lists.

    Raises
    ------
    ValueError
        Naming the nearest that do.
    """
    # Once studies are imported, their registry may hold more, and there is nothing to save.
    if kind not in METHODS_OF or "overica.studies" in sys.modules:
        return
    where = "" if listed or study is None else f"{study}, "
    if not listed and study is not None:
        try:
            listed = tomllib.loads(study.read_text(encoding="utf-8")).get("methods")
        except (OSError, ValueError):
            return
    for i, entry in enumerate(listed if isinstance(listed, list | tuple) else ()):
        name = entry.get("name") if isinstance(entry, dict) else entry
        if isinstance(name, str) and name not in METHODS_OF[kind]:
            hint = nearest_names(name, sorted(METHODS_OF[kind]))
            raise ValueError(f"{where}`methods[{i}]`: unknown method {name!r}. {hint}")
