"""dictionary_learning: the state of a torch module in ``ae.pt``, beside ``config.json`` of its trainer.

``encoder.weight`` is (n_components, n_features) and ``decoder.weight`` its transpose in shape; ``W_enc``, ``W_dec`` are
as here. Which class wrote them shows in the names, but for TopK and BatchTopK, whose names are the same: there the
trainer's ``dict_class`` decides. All but ``AutoEncoderNew`` and ``JumpReluAutoEncoder`` subtract the decoder's bias
before they encode. Codes of TopK are the k largest of a sample, those of BatchTopK are above a threshold, -1 before it
was ever set.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from overica.formats.foreign_files import Config, Tensors, holds, read_torch
from overica.formats.format import Format
from overica.formats.layout import Layout, assemble
from overica.formats.source import source

if TYPE_CHECKING:
    from overica.sae import SparseAutoencoder

_TENSORS, _CONFIG = "ae.pt", "config.json"


def _linear(kind: str, b_dec: str, vectors: dict[str, str], subtracts: bool = True) -> Layout:
    """Of a class whose matrices are those of `torch.nn.Linear`."""
    return Layout(kind, vectors, b_dec, "encoder.weight.T", "decoder.weight.T", subtracts)


_BIAS = {"b_enc": "encoder.bias"}
_GATES = {"b_gate": "gate_bias", "b_mag": "mag_bias", "r_mag": "r_mag"}
_JUMP = {"b_enc": "b_enc", "threshold": "threshold"}
_TOPK, _MATRYOSHKA = "AutoEncoderTopK", "MatryoshkaBatchTopKSAE"
LAYOUTS: dict[str, Layout] = {
    "AutoEncoder": _linear("relu", "bias", _BIAS),
    "AutoEncoderNew": _linear("relu", "decoder.bias", _BIAS, subtracts=False),
    "GatedAutoEncoder": _linear("gated", "decoder_bias", _GATES),
    _TOPK: _linear("topk", "b_dec", _BIAS),
    "BatchTopKSAE": _linear("jumprelu", "b_dec", _BIAS | {"threshold": "threshold"}),
    _MATRYOSHKA: Layout("jumprelu", _JUMP),
    "JumpReluAutoEncoder": Layout("jumprelu", _JUMP, subtracts=False),
}
"""Its classes by name."""


class DictionaryLearning(Format):
    """A folder of the trainers of dictionary_learning."""

    name: ClassVar[str] = "dictionary_learning"
    files: ClassVar[tuple[str, ...]] = (_TENSORS,)

    def read(self, folder: Path) -> SparseAutoencoder:
        """See `Format.read`."""
        tensors = read_torch(folder / _TENSORS)
        path = folder / _CONFIG
        config = Config.read(path) if holds(folder, _CONFIG) else Config(path, {})
        trainer = config.within("trainer")
        name = _class_of(trainer, tensors)
        layout = LAYOUTS[name]
        weights = layout.read(tensors)
        facts = source(
            self.name, str(folder), name,
            model=trainer.get("lm_name"), hook=trainer.get("submodule_name"), layer=trainer.get("layer"),
        )  # fmt: skip
        k = _k(tensors, trainer, len(weights[1])) if name == _TOPK else None
        return assemble(layout.kind, *weights, source=facts, subtracts=layout.subtracts, n_active=k)


def _class_of(trainer: Config, tensors: Tensors) -> str:
    """The class that wrote the tensors: what the trainer says, else what their names do."""
    told = trainer.get("dict_class")
    if isinstance(told, str) and told in LAYOUTS:
        return told
    if told is not None:
        raise ValueError(
            f"{trainer.path}: 'dict_class' must be one of {', '.join(LAYOUTS)}, got {told!r}"
        )
    fitting = [
        name
        for name, layout in LAYOUTS.items()
        if {layout.W_enc.removesuffix(".T"), layout.b_dec} <= tensors.keys()
        and ("k" in tensors or name != _MATRYOSHKA)
    ]
    if not fitting:
        raise ValueError(
            f"{tensors.path} must hold the tensors of one of {', '.join(LAYOUTS)}, got {', '.join(sorted(tensors))}"
        )
    if fitting[0] == _TOPK:
        raise ValueError(
            f"{trainer.path} must say in trainer.dict_class which of {' and '.join(fitting)} wrote {tensors.path}: "
            "their tensors have the same names"
        )
    return fitting[0]


def _k(tensors: Tensors, trainer: Config, F: int) -> int:
    if "k" not in tensors:
        return trainer.count("k", at_most=F)
    k = tensors["k"]
    told = k.item() if k.numel() == 1 else tuple(k.shape)
    return Config(tensors.path, {"k": told}).count("k", at_most=F)
