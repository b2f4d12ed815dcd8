"""SAELens: ``cfg.json`` and ``sae_weights.safetensors``.

``W_enc (d_in, d_sae)``, ``W_dec (d_sae, d_in)``, ``b_dec``, and by architecture ``b_enc``, ``threshold`` or ``b_gate,
b_mag, r_mag``. The encoder reads ``x - b_dec`` if ``apply_b_dec_to_input`` is set, as it is where nothing is said.
Before version 6 settings of the model stood beside the others, TopK was a standard architecture with another
activation, ``scaling_factor`` multiplied codes before they were decoded, and ``log_threshold`` stood for the threshold.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from overica.coding import Featuriser
from overica.formats.foreign_files import Config, Tensors, read_safetensors
from overica.formats.format import Format
from overica.formats.layout import Layout, assemble
from overica.formats.saelens_writing import CONFIG, WEIGHTS
from overica.formats.source import source

if TYPE_CHECKING:
    from torch import Tensor

    from overica.formats.normalised import NormalisedSAE
    from overica.sae import SparseAutoencoder

_IN_TRAINING = ("expected_average_only_in", "covariance_whitening")
"""Normalisations that SAELens makes part of the weights when it saves for inference."""


class SAELens(Format):
    """A folder of SAELens, or of what is laid out as such."""

    name: ClassVar[str] = "saelens"
    files: ClassVar[tuple[str, ...]] = (CONFIG, WEIGHTS)

    def read(self, folder: Path) -> Featuriser:
        """See `Format.read`."""
        config = Config.read(folder / CONFIG)
        tensors = read_safetensors(folder / WEIGHTS)
        return from_saelens(config, tensors, _source(config, str(folder)))


def from_saelens(
    config: Config, tensors: Tensors, facts: dict[str, Any]
) -> SparseAutoencoder | NormalisedSAE:
    """The estimator that SAELens's configuration and tensors describe; `facts` say where they are from.

    Raises
    ------
    ValueError
        Naming the file.
    """
    from overica.formats.normalised import NORMALISATIONS, NormalisedSAE

    layout, finish = ARCHITECTURES[_architecture(config)]
    width = config.count("d_sae") if "d_sae" in config else None
    if "log_threshold" in tensors:
        tensors.setdefault("threshold", tensors.pop("log_threshold").float().exp())
    encoder, W_dec, b_dec = layout.read(tensors, width, config.count("d_in"))
    n_active = finish(config, tensors, encoder, W_dec)
    factor = None
    if "scaling_factor" in tensors:
        # There in all folders of some versions, one where it was not fitted.
        factor = tensors.take("scaling_factor", d_sae=len(W_dec))
        if not config.get("finetuning_scaling_factor") and bool((factor != 1).any()):
            raise ValueError(
                f"{config.path}: 'finetuning_scaling_factor' must be true where {tensors.path} has a scaling_factor "
                "other than one"
            )
    subtracts = bool(config.get("apply_b_dec_to_input", True))
    if layout.kind == "matching_pursuit" and not subtracts:
        subtracts, b_dec = True, b_dec * 0
    sae = assemble(
        layout.kind, encoder, W_dec, b_dec,
        source=facts, subtracts=subtracts, n_active=n_active, factor=factor,
    )  # fmt: skip
    normalisation = _normalisation(config)
    return NormalisedSAE(sae, normalisation) if normalisation in NORMALISATIONS else sae


Finish = Callable[[Config, Tensors, dict[str, "Tensor"], "Tensor"], float | None]
"""What is left to be done about an encoder and its decoder's rows; the number of codes to keep."""


def _nothing(*_: object) -> None:
    """All is said."""


def _k_largest(
    config: Config, tensors: Tensors, encoder: dict[str, Tensor], W_dec: Tensor
) -> float:
    if config.get("rescale_acts_by_decoder_norm"):
        _on_unit_rows(encoder, W_dec)
    # Before version 6 it stood among the settings of the activation.
    holder = config if "k" in config else config.within("activation_fn_kwargs")
    return holder.count("k", at_most=len(W_dec))


def _one_threshold(
    config: Config, tensors: Tensors, encoder: dict[str, Tensor], W_dec: Tensor
) -> None:
    """A checkpoint of the training of BatchTopK; saved for inference it is a JumpReLU."""
    threshold = tensors.take("topk_threshold").to(W_dec.dtype)
    if config.get("rescale_acts_by_decoder_norm", True):
        _on_unit_rows(encoder, W_dec)
    encoder["threshold"] = threshold.clamp(min=0).repeat(len(W_dec))


def _steps(config: Config, tensors: Tensors, encoder: dict[str, Tensor], W_dec: Tensor) -> float:
    """A pursuit of so many steps; other ends that a sample's pursuit may have are not known here."""
    k = config.count("max_iterations", at_most=len(W_dec))
    for name in ("residual_threshold", "stop_on_duplicate_support"):
        if config.get(name, True):
            raise ValueError(
                f"{config.path}: {name!r} must be 0 or false, got {config.get(name)!r}: a pursuit that ends "
                "before its steps are over is not known here"
            )
    uneven = float((W_dec.norm(dim=1) - 1).abs().max())
    if uneven > 1e-2:
        raise ValueError(
            f"{tensors.path}: 'W_dec' must have rows of length 1 for matching pursuit, got lengths off by {uneven:.2g}"
        )
    return float(k)


ARCHITECTURES: dict[str, tuple[Layout, Finish]] = {
    "standard": (Layout("relu"), _nothing),
    "gated": (Layout("gated", {n: n for n in ("b_gate", "b_mag", "r_mag")}), _nothing),
    "jumprelu": (Layout("jumprelu", {n: n for n in ("b_enc", "threshold")}), _nothing),
    "topk": (Layout("topk"), _k_largest),
    "abstopk": (Layout("abstopk"), _k_largest),
    "batchtopk": (Layout("jumprelu"), _one_threshold),
    "matryoshka_batchtopk": (Layout("jumprelu"), _one_threshold),
    "matching_pursuit": (Layout("matching_pursuit", {}, W_enc=""), _steps),
}
"""What SAELens calls them, where their tensors stand, and what else is to be done."""


def _on_unit_rows(encoder: dict[str, Tensor], W_dec: Tensor) -> None:
    """Codes are compared times the lengths of the rows, and divided by them again before decoding.

    The second half is done here by dividing the rows, in place.
    """
    norms = W_dec.norm(dim=1)
    encoder["W_enc"] = encoder["W_enc"] * norms
    encoder["b_enc"] = encoder["b_enc"] * norms
    W_dec.div_(norms.clamp_min(1e-30)[:, None])


def _architecture(config: Config) -> str:
    found = config.get("architecture", "standard")
    older = config.get("activation_fn", config.get("activation_fn_str", "relu"))
    if found == "standard" and older != "relu":
        found = older
    if found not in ARCHITECTURES:
        raise ValueError(
            f"{config.path}: 'architecture' must be one of {', '.join(ARCHITECTURES)}, got {found!r}"
        )
    return str(found)


def _normalisation(config: Config) -> str:
    """How samples are to be normalised, with a warning where that cannot be known."""
    from overica.formats.normalised import NORMALISATIONS

    found = config.get("normalize_activations")
    if found is True:
        found = "expected_average_only_in"
    if found in _IN_TRAINING:
        warnings.warn(
            f"{config.path}: 'normalize_activations' is {found!r}, which is not part of the weights here: give samples "
            "that are normalised as in training, as SAELens would need them too",
            UserWarning,
            stacklevel=5,
        )
    elif found not in (None, False, "none", *NORMALISATIONS):
        known = ", ".join(("none", *NORMALISATIONS, *_IN_TRAINING))
        raise ValueError(
            f"{config.path}: 'normalize_activations' must be one of {known}, got {found!r}"
        )
    return str(found)


def _source(config: Config, place: str) -> dict[str, Any]:
    told = config | config.within("metadata")
    return source(
        "saelens",
        place,
        _architecture(config),
        model=told.get("model_name"),
        hook=told.get("hook_name", told.get("hook_point")),
        layer=told.get("hook_layer", told.get("hook_point_layer")),
    )
