"""What a study of activations may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self

from overica.studies import METHODS, StudyConfig, StudyError, checks, key
from overica.studies.choices import Choice

# Activations are centred for every prior: their mean is no feature, and the autoencoders have a bias too.
_ICA = {"max_iter": 150, "overprovision": 1.0, "center": True, "whiten": False}
_SAE = {"n_steps": 1000, "batch_size": 1024}
_QUICK = {
    "n_fit": 20_000, "n_evaluated": 400, "n_scored": 100, "n_substituted": 600, "n_described": 4000,
}  # fmt: skip
_BATCH = 1024


class Parts(NamedTuple):
    """What decides which tokens are learned from, judge and are described."""

    seed: int
    held_out: float
    n_fit: int
    n_test: int
    n_described: int
    array: str | None = None
    """Of the activations, see `open_store`."""


@dataclass(frozen=True, kw_only=True)
class FeatureStudyConfig(StudyConfig):
    """Settings of a `FeatureStudy`, see `StudyConfig`.

    Raises
    ------
    StudyError
        If a method is unknown or needs the true features, or a number is out of range; before anything is fitted.

    Examples
    --------
    >>> from overica.lm import FeatureStudyConfig
    >>> config = FeatureStudyConfig.from_keywords(
    ...     methods=["ica"], active=[16, 8], ica={"max_iter": 9}
    ... )
    >>> config.active, config.middle, config.ica["max_iter"], config.ica["center"]
    ((8.0, 16.0), 16.0, 9, True)
    >>> FeatureStudyConfig.from_keywords(methods=["oracle"])
    Traceback (most recent call last):
    ...
    overica.studies.errors.StudyError: `methods[0]`: 'oracle' needs the true features, which nobody knows of activations
    """

    kind: ClassVar[str] = "activations"
    default_methods: ClassVar[tuple[Any, ...]] = (
        "ica",
        "ica_nonnegative",
        "relu",
        "batchtopk",
        "matryoshka",
    )

    activations: str = key("overica-activations", checks.path)
    """Folder of activations, ours or another tool's, see `open_store`."""
    array: str | None = key(None, checks.optional(checks.path))
    """Which one, where files of another tool hold several."""
    widths: tuple[float, ...] = key((2.0, 4.0, 8.0), checks.ascending("widths"))
    """Features learned per dimension of the activations."""
    n_seeds: int = key(2, checks.count)
    """Fits of each method; all but the first at the middle level alone, and at widths up to `full_width`."""
    active: tuple[float, ...] = key((10.0, 20.0, 40.0), checks.ascending("numbers of features"))
    """Mean numbers of active features at which methods are compared; the middle one is described feature by feature."""
    full_width: float = key(4.0, checks.positive)
    """Wider fits have one seed and the middle level alone."""
    ica: Mapping[str, Any] = key(_ICA, checks.over(_ICA))
    """Parameters of every overcomplete ICA, over the study's own defaults. Each of its steps infers exact codes of its
    batch: as many tokens as features, 1024 at least, unless there is a `batch_size`."""
    sae: Mapping[str, Any] = key(_SAE, checks.over(_SAE))
    """Parameters of every sparse autoencoder, likewise."""
    n_fit: int = key(120_000, checks.count)
    """Most tokens to learn from."""
    n_evaluated: int = key(1500, checks.count)
    """Held-out tokens behind L0 and explained variance."""
    n_scored: int = key(500, checks.count)
    """Held-out tokens behind the evidence."""
    n_substituted: int = key(3000, checks.whole)
    """Held-out tokens whose reconstructions are put back into the model; 0 leaves that out."""
    n_described: int = key(20_000, checks.whole)
    """Tokens whose codes are behind the pages of features."""
    held_out: float = key(0.15, checks.share)
    """Share of the tokens, in whole documents, that is never learned from."""

    def __post_init__(self) -> None:
        for i, method in enumerate(self.methods):
            if METHODS[method.name].needs_truth:
                raise StudyError(
                    f"`methods[{i}]`: {method.name!r} needs the true features, which nobody knows of activations"
                )

    @property
    def middle(self) -> float:
        """The level that all fits share, and that is described."""
        return self.active[len(self.active) // 2]

    @property
    def parts(self) -> Parts:
        """See `Parts`."""
        n_test = max(self.n_evaluated, self.n_scored)
        return Parts(self.seed, self.held_out, self.n_fit, n_test, self.n_described, self.array)

    def levels(self, width: float, seed: int) -> tuple[float, ...]:
        """Levels of the fits of a width and seed; none if there are no such fits."""
        first = seed == self.seed
        if width > self.full_width:
            return (self.middle,) if first else ()
        return self.active if first else (self.middle,)

    def told(self, method: Choice, n_components: int) -> Choice:
        """A method with its parameters at a width."""
        found = self.arguments(method)
        if METHODS[method.name].family != "ica":
            return found
        return replace(
            found, arguments={"batch_size": max(_BATCH, n_components), **found.arguments}
        )

    def quick(self) -> Self:
        """The same, rough and short."""
        sizes = {name: min(getattr(self, name), most) for name, most in _QUICK.items()}
        return replace(
            self, widths=self.widths[:1], active=(self.middle,), n_seeds=min(self.n_seeds, 2),
            ica=_at_most(self.ica, "max_iter", 20), sae=_at_most(self.sae, "n_steps", 100), **sizes,
        )  # fmt: skip


def _at_most(table: Mapping[str, Any], name: str, most: int) -> dict[str, Any]:
    """A table with a number cut down; what is no number is left for the method to refuse."""
    value = table[name]
    return {**table, name: min(value, most) if isinstance(value, int) else value}
