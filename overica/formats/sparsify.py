"""sparsify: TopK autoencoders, ``cfg.json`` and ``sae.safetensors`` in a folder per module of the model.

``encoder.weight (n_components, n_features)``, ``encoder.bias``, ``W_dec (n_components, n_features)``, ``b_dec``. Codes
are the k largest per sample of ``ReLU((x - b_dec) encoder.weight^T + encoder.bias)``; early versions could be
``signed`` and keep the k that are largest in magnitude.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from overica.formats.foreign_files import Config, read_safetensors
from overica.formats.format import Format
from overica.formats.layout import Layout, assemble
from overica.formats.source import source

if TYPE_CHECKING:
    from overica.sae import SparseAutoencoder

_WIDER = ("transcode", "skip_connection")
"""Settings of what describes a module's output by its input."""


class Sparsify(Format):
    """A folder of `SparseCoder.save_to_disk`, EleutherAI's."""

    name: ClassVar[str] = "sparsify"
    files: ClassVar[tuple[str, ...]] = ("cfg.json", "sae.safetensors")

    def read(self, folder: Path) -> SparseAutoencoder:
        """See `Format.read`."""
        config = Config.read(folder / "cfg.json")
        tensors = read_safetensors(folder / "sae.safetensors")
        wider = [name for name in _WIDER if config.get(name)]
        if wider:
            raise ValueError(
                f"{config.path} must describe an autoencoder, got a transcoder: {wider[0]!r} is set, so that samples "
                "and reconstructions are of different activations"
            )
        activation = config.get("activation", "topk")
        if activation != "topk":
            raise ValueError(f"{config.path}: 'activation' must be 'topk', got {activation!r}")
        d = config.count("d_in")
        F = config.count("num_latents") if config.get("num_latents") else None
        signed = bool(config.get("signed", False))
        layout = Layout(
            "abstopk" if signed else "topk", {"b_enc": "encoder.bias"}, W_enc="encoder.weight.T"
        )
        weights = layout.read(tensors, F, d)
        k = config.count("k", at_most=len(weights[1]))
        return assemble(layout.kind, *weights, source=_source(folder, signed), n_active=k)


def _source(folder: Path, signed: bool) -> dict[str, object]:
    """The folder has the name of the module; what the run was told, the model among it, lies one above."""
    run = folder.parent / "config.json"
    model = Config.read(run).get("model") if run.is_file() else None
    hook = folder.name if "." in folder.name or folder.name.startswith(("layer", "embed")) else None
    kind = "signed topk" if signed else "topk"
    return source("sparsify", str(folder), kind, model=model, hook=hook)
