"""What dictionary_learning and sparsify write themselves, where they are installed."""

import json
import warnings

import numpy as np
import pytest
import torch

import overica


def imported(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, exc_type=ImportError)


def shaken(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """With random weights that a dtype holds."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = 0.4 * torch.randn(parameter.shape, generator=generator)
    for name, buffer in module.named_buffers():
        if name == "threshold":
            buffer.fill_(0.25)
    return module.to(dtype)


def agrees(folder, codes: torch.Tensor, x_hat: torch.Tensor, rows: torch.Tensor, x: torch.Tensor):
    loaded = overica.load(folder)
    found = loaded.transform(x.numpy())
    same = ((found != 0) == (codes.numpy() != 0)).all(axis=1)
    assert same.mean() > 0.95
    theirs = (codes * rows.norm(dim=1)).numpy()
    np.testing.assert_allclose(found[same], theirs[same], atol=1e-5)
    np.testing.assert_allclose(loaded.inverse_transform(found)[same], x_hat[same], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("dictionary", "AutoEncoder", ()),
        ("dictionary", "AutoEncoderNew", ()),
        ("dictionary", "GatedAutoEncoder", ()),
        ("dictionary", "JumpReluAutoEncoder", ()),
        ("trainers.top_k", "AutoEncoderTopK", (3,)),
        ("trainers.batch_top_k", "BatchTopKSAE", (3,)),
        ("trainers.matryoshka_batch_top_k", "MatryoshkaBatchTopKSAE", (3, [4, 12])),
    ],
)
def test_dictionary_learning(module, name, arguments, dtype, tmp_path):
    theirs = shaken(
        getattr(imported(f"dictionary_learning.{module}"), name)(8, 16, *arguments), dtype
    )
    torch.save(theirs.state_dict(), tmp_path / "ae.pt")
    (tmp_path / "config.json").write_text(json.dumps({"trainer": {"dict_class": name}}))
    theirs, x = theirs.float(), torch.randn(100, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        codes = theirs.encode(x)
        rows = theirs.W_dec if hasattr(theirs, "W_dec") else theirs.decoder.weight.T
        agrees(tmp_path, codes, theirs.decode(codes), rows, x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sparsify(dtype, tmp_path):
    sparsify = imported("sparsify")
    config = sparsify.SparseCoderConfig(num_latents=16, k=3)
    theirs = shaken(sparsify.SparseCoder(8, config), dtype)
    theirs.save_to_disk(tmp_path / "layers.3")
    theirs, x = theirs.float(), torch.randn(100, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        values, chosen, _ = theirs.encode(x)
        codes = torch.zeros(100, 16).scatter(1, chosen, values)
        agrees(tmp_path / "layers.3", codes, theirs.decode(values, chosen), theirs.W_dec, x)
