"""Folders as their programs lay them out, with random weights, and the formulas by which these programs run them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from overica.sae import TopKSAE


class Written(NamedTuple):
    """What is in a folder: reconstructions of samples, and which codes are active."""

    run: Callable[[Tensor], tuple[Tensor, Tensor]]
    """Codes and reconstructions of samples, in double precision."""
    rows: Tensor
    """Of the decoder, (n_components, n_features)."""


class Weights:
    """Random tensors of a dtype, and the same as the file holds them in double precision."""

    def __init__(self, seed: int, dtype: torch.dtype) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.dtype = dtype
        self.stored: dict[str, Tensor] = {}

    def __call__(self, name: str, *shape: int, scale: float = 0.5, shift: float = 0.0) -> Tensor:
        value = torch.randn(*shape, generator=self.generator) * scale + shift
        self.stored[name] = value.to(self.dtype)
        return self.stored[name].double()


def top(z: Tensor, k: int) -> Tensor:
    """The k largest of every row."""
    found = z.topk(k, dim=1)
    return torch.zeros_like(z).scatter(1, found.indices, found.values)


def _affine(w: Weights, d: int, F: int) -> tuple[Tensor, ...]:
    return w("W_enc", d, F), w("b_enc", F), w("W_dec", F, d), w("b_dec", d)


def _saelens(folder: Path, w: Weights, config: dict) -> None:
    safetensors.torch.save_file(w.stored, folder / "sae_weights.safetensors")
    d, F = w.stored["W_enc"].shape
    metadata = {
        "model_name": "gpt2",
        "hook_name": "blocks.8.hook_resid_pre",
        "sae_lens_version": "6.54.0",
    }
    told = {"d_in": d, "d_sae": F, "dtype": "float32", "device": "cpu", "metadata": metadata}
    (folder / "cfg.json").write_text(json.dumps(told | config))


def standard(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    _saelens(folder, w, {"architecture": "standard", "apply_b_dec_to_input": True})

    def run(x):
        codes = ((x - c) @ E + b).relu()
        return codes, codes @ D + c

    return Written(run, D)


def older_scaled(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    """Before version 6: no metadata, and codes are scaled before they are decoded."""
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    factor = w("scaling_factor", F, scale=0.1, shift=1.0)
    _saelens(folder, w, {})
    config = {
        "d_in": d,
        "d_sae": F,
        "dtype": "torch.float32",
        "hook_point": "blocks.2.mlp.hook_post",
    }
    config |= {"model_name": "gpt2", "finetuning_scaling_factor": True, "activation_fn_str": "relu"}
    (folder / "cfg.json").write_text(json.dumps(config))

    def run(x):
        codes = ((x - c) @ E + b).relu()
        return codes, (codes * factor) @ D + c

    return Written(run, D)


def older_topk(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    k = max(1, F // 3)
    told = {
        "architecture": "standard",
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": k},
    }
    _saelens(folder, w, told | {"metadata": {}, "apply_b_dec_to_input": False})

    def run(x):
        codes = top((x @ E + b), k).relu()
        return codes, codes @ D + c

    return Written(run, D)


def gated(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, D, c = w("W_enc", d, F), w("W_dec", F, d), w("b_dec", d)
    gate, mag, r = w("b_gate", F), w("b_mag", F), w("r_mag", F)
    _saelens(folder, w, {"architecture": "gated", "apply_b_dec_to_input": False})

    def run(x):
        codes = (x @ E + gate > 0) * (x @ (E * r.exp()) + mag).relu()
        return codes, codes @ D + c

    return Written(run, D)


def jumprelu(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    threshold = w("threshold", F)
    _saelens(folder, w, {"architecture": "jumprelu"})

    def run(x):
        z = (x - c) @ E + b
        codes = z.relu() * (z > threshold)
        return codes, codes @ D + c

    return Written(run, D)


def topk_rescaled(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    k, norms = max(1, F // 3), D.norm(dim=1)
    _saelens(folder, w, {"architecture": "topk", "k": k, "rescale_acts_by_decoder_norm": True})

    def run(x):
        codes = top(((x - c) @ E + b) * norms, k).relu() / norms
        return codes, codes @ D + c

    return Written(run, D)


def sparsify(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = w("encoder.weight", F, d), w("encoder.bias", F), w("W_dec", F, d), w("b_dec", d)
    k = max(1, F // 3)
    safetensors.torch.save_file(w.stored, folder / "sae.safetensors")
    config = {
        "d_in": d,
        "num_latents": F,
        "expansion_factor": 32,
        "k": k,
        "normalize_decoder": True,
    }
    (folder / "cfg.json").write_text(
        json.dumps(config | {"activation": "topk", "transcode": False})
    )

    def run(x):
        codes = top(((x - c) @ E.T + b).relu(), k)
        return codes, codes @ D + c

    return Written(run, D)


def sparsify_signed(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = w("encoder.weight", F, d), w("encoder.bias", F), w("W_dec", F, d), w("b_dec", d)
    k = max(1, F // 3)
    safetensors.torch.save_file(w.stored, folder / "sae.safetensors")
    config = {"d_in": d, "expansion_factor": F // d, "k": k, "signed": True}
    (folder / "cfg.json").write_text(json.dumps(config))

    def run(x):
        z = (x - c) @ E.T + b
        codes = torch.where(top(z.abs(), k) > 0, z, 0)
        return codes, codes @ D + c

    return Written(run, D)


def _trained(folder: Path, w: Weights, name: str, **more: object) -> None:
    torch.save(w.stored, folder / "ae.pt")
    trainer = {
        "dict_class": name,
        "lm_name": "EleutherAI/pythia-70m",
        "layer": 3,
        "submodule_name": "resid",
    }
    (folder / "config.json").write_text(json.dumps({"trainer": trainer | more, "buffer": {}}))


def dl_standard(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = (
        w("encoder.weight", F, d),
        w("encoder.bias", F),
        w("decoder.weight", d, F),
        w("bias", d),
    )
    _trained(folder, w, "AutoEncoder")

    def run(x):
        codes = ((x - c) @ E.T + b).relu()
        return codes, codes @ D.T + c

    return Written(run, D.T)


def dl_new(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = (
        w("encoder.weight", F, d),
        w("encoder.bias", F),
        w("decoder.weight", d, F),
        w("decoder.bias", d),
    )
    _trained(folder, w, "AutoEncoderNew")

    def run(x):
        codes = (x @ E.T + b).relu()
        return codes, codes @ D.T + c

    return Written(run, D.T)


def dl_gated(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, D, c = w("encoder.weight", F, d), w("decoder.weight", d, F), w("decoder_bias", d)
    gate, mag, r = w("gate_bias", F), w("mag_bias", F), w("r_mag", F)
    _trained(folder, w, "GatedAutoEncoder")

    def run(x):
        z = (x - c) @ E.T
        codes = (z + gate > 0) * (r.exp() * z + mag).relu()
        return codes, codes @ D.T + c

    return Written(run, D.T)


def dl_topk(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = (
        w("encoder.weight", F, d),
        w("encoder.bias", F),
        w("decoder.weight", d, F),
        w("b_dec", d),
    )
    k = max(1, F // 3)
    w.stored |= {"k": torch.tensor(k, dtype=torch.int), "threshold": torch.tensor(-1.0)}
    _trained(folder, w, "AutoEncoderTopK", k=k)

    def run(x):
        codes = top(((x - c) @ E.T + b).relu(), k)
        return codes, codes @ D.T + c

    return Written(run, D.T)


def dl_batchtopk(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = (
        w("encoder.weight", F, d),
        w("encoder.bias", F),
        w("decoder.weight", d, F),
        w("b_dec", d),
    )
    w.stored |= {"k": torch.tensor(2, dtype=torch.int), "threshold": torch.tensor(0.25)}
    _trained(folder, w, "BatchTopKSAE", k=2)

    def run(x):
        z = ((x - c) @ E.T + b).relu()
        codes = z * (z > 0.25)
        return codes, codes @ D.T + c

    return Written(run, D.T)


def dl_matryoshka(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    w.stored |= {"k": torch.tensor(2, dtype=torch.int), "threshold": torch.tensor(-1.0)}
    w.stored["group_sizes"] = torch.tensor([1, F - 1])
    _trained(folder, w, "MatryoshkaBatchTopKSAE", k=2)

    def run(x):
        codes = ((x - c) @ E + b).relu()
        return codes, codes @ D + c

    return Written(run, D)


def dl_jumprelu(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    threshold = w("threshold", F)
    _trained(folder, w, "JumpReluAutoEncoder")

    def run(x):
        z = x @ E + b
        codes = (z * (z > threshold)).relu()
        return codes, codes @ D + c

    return Written(run, D)


def gemma_scope(
    folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Written:
    w = Weights(seed, dtype)
    E, b, D, c = _affine(w, d, F)
    threshold = w("threshold", F)
    if dtype == torch.bfloat16:
        named = {n.replace("W_", "w_"): value for n, value in w.stored.items()}
        safetensors.torch.save_file(named, folder / "params.safetensors")
    else:
        np.savez(folder / "params.npz", **{n: value.numpy() for n, value in w.stored.items()})

    def run(x):
        z = x @ E + b
        codes = z.relu() * (z > threshold)
        return codes, codes @ D + c

    return Written(run, D)


def own(folder: Path, d: int, F: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Written:
    """What this package saves."""
    rng = np.random.default_rng(seed)
    sae = TopKSAE(F, n_active=1, n_steps=2, batch_size=8, random_state=seed)
    sae.fit(rng.standard_normal((20, d)).astype(np.float32)).save(folder)

    def run(x):
        codes = sae.transform(x.numpy())
        return torch.from_numpy(codes), torch.from_numpy(sae.inverse_transform(codes))

    return Written(run, torch.from_numpy(sae.components_).double())


LAYOUTS = {
    make.__name__: make
    for make in (
        standard,
        older_scaled,
        older_topk,
        gated,
        jumprelu,
        topk_rescaled,
        sparsify,
        sparsify_signed,
        dl_standard,
        dl_new,
        dl_gated,
        dl_topk,
        dl_batchtopk,
        dl_matryoshka,
        dl_jumprelu,
        gemma_scope,
        own,
    )
}
