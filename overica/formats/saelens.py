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
from overica.formats.saelens_writing import CONFIG, WEIGHTS
from overica.formats.source import source

if TYPE_CHECKING:
    from torch import Tensor

    from overica.formats.normalised import NormalisedSAE
    from overica.sae import SparseAutoencoder

_IN_TRAINING = ("expected_average_only_in", "covariance_whitening")
"""Normalisations that SAELens makes part of the weights when it saves for inference."""
Encoder = tuple[str, dict[str, "Tensor"], float | None]
"""The kind here, the encoder's tensors, and the number of codes to keep."""


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
    from overica.formats.assembling import assemble
    from overica.formats.normalised import NORMALISATIONS, NormalisedSAE

    architecture = _architecture(config)
    d = config.count("d_in")
    W_dec = tensors.take("W_dec", d_sae=_width(config), d_in=d)
    b_dec = tensors.take("b_dec", d_in=d)
    F = len(W_dec)
    kind, encoder, n_active = ARCHITECTURES[architecture](config, tensors, W_dec)
    factor = None
    if "scaling_factor" in tensors:
        # There in all folders of some versions, one where it was not fitted.
        factor = tensors.take("scaling_factor", d_sae=F)
        if not config.get("finetuning_scaling_factor") and bool((factor != 1).any()):
            raise ValueError(
                f"{config.path}: 'finetuning_scaling_factor' must be true where {tensors.path} has a scaling_factor "
                "other than one"
            )
    subtracts = bool(config.get("apply_b_dec_to_input", True))
    if kind == "matching_pursuit" and not subtracts:
        subtracts, b_dec = True, b_dec * 0
    sae = assemble(
        kind, encoder, W_dec, b_dec,
        source=facts, subtracts=subtracts, n_active=n_active, factor=factor,
    )  # fmt: skip
    normalisation = _normalisation(config)
    return NormalisedSAE(sae, normalisation) if normalisation in NORMALISATIONS else sae


def _width(config: Config) -> int | None:
    return config.count("d_sae") if "d_sae" in config else None


def _relu(config: Config, tensors: Tensors, W_dec: Tensor) -> Encoder:
    return "relu", _affine(tensors, W_dec), None


def _jumprelu(config: Config, tensors: Tensors, W_dec: Tensor) -> Encoder:
    encoder, F = _affine(tensors, W_dec), len(W_dec)
    logarithm = "log_threshold" in tensors and "threshold" not in tensors
    given = tensors.take("log_threshold" if logarithm else "threshold", d_sae=F)
    # Codes are rectified too, so a threshold below zero is one at zero.
    encoder["threshold"] = given.exp() if logarithm else given.clamp(min=0)
    return "jumprelu", encoder, None


def _gated(config: Config, tensors: Tensors, W_dec: Tensor) -> Encoder:
    F, d = W_dec.shape
    encoder = {"W_enc": tensors.take("W_enc", d_in=d, d_sae=F)}
    encoder |= {name: tensors.take(name, d_sae=F) for name in ("b_gate", "b_mag", "r_mag")}
    return "gated", encoder, None


def _topk(config: Config, tensors: Tensors, W_dec: Tensor) -> Encoder:
    encoder = _affine(tensors, W_dec)
    if config.get("rescale_acts_by_decoder_norm"):
        _on_unit_rows(encoder, W_dec)
    # What settings were called before version 6.
    older = config.within("activation_fn_kwargs")
    holder = config if "k" in config else older
    return "topk", encoder, holder.count("k", at_most=len(W_dec))


def _abstopk(config: Config, tensors: Tensors, W_dec: Tensor) -> Encoder:
    _, encoder, k = _topk(config, tensors, W_dec)
    return "abstopk", encoder, k


def _batchtopk(config: Config, tensors: Tensors, W_dec: Tensor) -> Encoder:
    """A checkpoint of its training; saved for inference it is a JumpReLU."""
    encoder = _affine(tensors, W_dec)
    threshold = tensors.take("topk_threshold").to(W_dec.dtype)
    if config.get("rescale_acts_by_decoder_norm", True):
        _on_unit_rows(encoder, W_dec)
    encoder["threshold"] = threshold.clamp(min=0).expand(len(W_dec)).clone()
    return "jumprelu", encoder, None


def _matching_pursuit(config: Config, tensors: Tensors, W_dec: Tensor) -> Encoder:
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
    return "matching_pursuit", {}, float(k)


ARCHITECTURES: dict[str, Callable[[Config, Tensors, Tensor], Encoder]] = {
    "standard": _relu,
    "gated": _gated,
    "jumprelu": _jumprelu,
    "topk": _topk,
    "abstopk": _abstopk,
    "batchtopk": _batchtopk,
    "matryoshka_batchtopk": _batchtopk,
    "matching_pursuit": _matching_pursuit,
}
"""What SAELens calls them, and how each is read."""


def _affine(tensors: Tensors, W_dec: Tensor) -> dict[str, Tensor]:
    F, d = W_dec.shape
    return {
        "W_enc": tensors.take("W_enc", d_in=d, d_sae=F),
        "b_enc": tensors.take("b_enc", d_sae=F),
    }


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
