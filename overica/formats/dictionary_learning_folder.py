"""dictionary_learning: the state of a torch module in ``ae.pt``, beside ``config.json`` of its trainer.

``encoder.weight`` is (n_components, n_features) and ``decoder.weight`` its transpose in shape; ``W_enc``, ``W_dec`` are
as here. Which class wrote them shows in the names, but for TopK and BatchTopK, whose names are the same: there the
trainer's ``dict_class`` decides. All but ``AutoEncoderNew`` and ``JumpReluAutoEncoder`` subtract the decoder's bias
before they encode. Codes of TopK are the k largest of a sample, those of BatchTopK are above a threshold, -1 before it
was ever set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from overica.formats.foreign_files import Config, Tensors, read_torch
from overica.formats.format import Format
from overica.formats.source import source
from overica.persistence import current

if TYPE_CHECKING:
    from torch import Tensor

    from overica.sae import SparseAutoencoder

_TENSORS, _CONFIG = "ae.pt", "config.json"


@dataclass(frozen=True)
class Layout:
    """How one of its classes names and shapes its tensors."""

    kind: str
    """What it is here, a name in `overica.sae.SAES`."""
    marks: frozenset[str]
    """Names that it has, and that tell it from the others."""
    vectors: Mapping[str, str]
    """One number per feature: the name here, and there."""
    bias: str
    """The decoder's bias."""
    subtracts: bool = True
    linear: bool = True
    """Whether its matrices are those of `torch.nn.Linear`."""
    keeps: bool = False
    """Whether it keeps k codes."""

    def matrices(self, tensors: Tensors) -> tuple[Tensor, Tensor]:
        """Encoder (n_features, n_components) and decoder (n_components, n_features)."""
        if not self.linear:
            W_enc = tensors.take("W_enc", activation_dim=None, dict_size=None)
            d, F = W_enc.shape
            return W_enc, tensors.take("W_dec", dict_size=F, activation_dim=d)
        weight = tensors.take("encoder.weight", dict_size=None, activation_dim=None)
        F, d = weight.shape
        decoder = tensors.take("decoder.weight", activation_dim=d, dict_size=F)
        return weight.T.contiguous(), decoder.T.contiguous()


_BIAS = {"b_enc": "encoder.bias"}
_SELECTING = frozenset({"encoder.weight", "b_dec"})
LAYOUTS: dict[str, Layout] = {
    "AutoEncoder": Layout("relu", frozenset({"encoder.weight", "bias"}), _BIAS, "bias"),
    "AutoEncoderNew": Layout(
        "relu",
        frozenset({"encoder.weight", "decoder.bias"}),
        _BIAS,
        "decoder.bias",
        subtracts=False,
    ),
    "GatedAutoEncoder": Layout(
        "gated",
        frozenset({"encoder.weight", "decoder_bias"}),
        {"b_gate": "gate_bias", "b_mag": "mag_bias", "r_mag": "r_mag"},
        "decoder_bias",
    ),
    "AutoEncoderTopK": Layout("topk", _SELECTING, _BIAS, "b_dec", keeps=True),
    "BatchTopKSAE": Layout("jumprelu", _SELECTING, _BIAS | {"threshold": "threshold"}, "b_dec"),
    "MatryoshkaBatchTopKSAE": Layout(
        "jumprelu",
        frozenset({"W_enc", "k"}),
        {"b_enc": "b_enc", "threshold": "threshold"},
        "b_dec",
        linear=False,
    ),
    "JumpReluAutoEncoder": Layout(
        "jumprelu",
        frozenset({"W_enc", "threshold"}),
        {"b_enc": "b_enc", "threshold": "threshold"},
        "b_dec",
        subtracts=False,
        linear=False,
    ),
}
"""Its classes by name; of those with the same marks the configuration must choose, else the first one fits."""


class DictionaryLearning(Format):
    """A folder of the trainers of dictionary_learning."""

    name: ClassVar[str] = "dictionary_learning"
    files: ClassVar[tuple[str, ...]] = (_TENSORS,)

    def config(self, folder: Path) -> dict[str, Any]:
        """See `Format.config`."""
        path = current(folder, _CONFIG)
        return Config.read(path).values if path.is_file() else {}

    def read(self, folder: Path) -> SparseAutoencoder:
        """See `Format.read`."""
        from overica.formats.assembling import assemble

        tensors = read_torch(folder / _TENSORS)
        trainer = Config(folder / _CONFIG, self.config(folder)).within("trainer")
        name = _class_of(trainer, tensors)
        layout = LAYOUTS[name]
        W_enc, W_dec = layout.matrices(tensors)
        F, d = W_dec.shape
        encoder = {here: _per_feature(tensors, there, F) for here, there in layout.vectors.items()}
        if "threshold" in encoder:
            encoder["threshold"] = encoder["threshold"].clamp(min=0)
        return assemble(
            layout.kind,
            {"W_enc": W_enc} | encoder,
            W_dec,
            tensors.take(layout.bias, activation_dim=d),
            source=source(
                self.name,
                str(folder),
                name,
                model=trainer.get("lm_name"),
                hook=trainer.get("submodule_name"),
                layer=trainer.get("layer"),
            ),
            subtracts=layout.subtracts,
            n_active=_k(tensors, trainer, F) if layout.keeps else None,
        )


def _class_of(trainer: Config, tensors: Tensors) -> str:
    """The class that wrote the tensors."""
    told = trainer.get("dict_class")
    if isinstance(told, str) and told in LAYOUTS:
        return told
    if told is not None:
        raise ValueError(
            f"{trainer.path}: 'dict_class' must be one of {', '.join(LAYOUTS)}, got {told!r}"
        )
    fitting = [name for name, layout in LAYOUTS.items() if layout.marks <= set(tensors)]
    if not fitting:
        raise ValueError(
            f"{tensors.path} must hold the tensors of one of {', '.join(LAYOUTS)}, got {', '.join(sorted(tensors))}"
        )
    if LAYOUTS[fitting[0]].marks == _SELECTING:
        raise ValueError(
            f"{trainer.path} must say in trainer.dict_class which of {' and '.join(fitting)} wrote {tensors.path}: "
            "their tensors have the same names"
        )
    return fitting[0]


def _per_feature(tensors: Tensors, name: str, F: int) -> Tensor:
    """One number per feature, or one for all."""
    if name == "threshold" and name in tensors and tensors.is_scalar(name):
        return tensors.take(name).expand(F).clone()
    return tensors.take(name, dict_size=F)


def _k(tensors: Tensors, trainer: Config, F: int) -> int:
    if "k" in tensors:
        return Config(tensors.path, {"k": tensors.integer("k")}).count("k", at_most=F)
    return trainer.count("k", at_most=F)
