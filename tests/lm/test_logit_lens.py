"""The readout against what the model itself does to a push along a direction."""

import numpy as np
import pytest
import torch

from overica.lm import collect_activations
from overica.lm.collecting.readout import readout
from overica.lm.collecting.residual import residual_hook
from overica.lm.features.logit_lens import LogitLens, lens_of
from tests.lm.conftest import TEXTS, tiny


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_readout_is_the_derivative_of_the_centred_logits(name):
    """At a stream of which the direction has no part, times the size that the norm divides by."""
    model = tiny(name)
    with torch.no_grad():
        for part in model.model.modules():
            # Gains that differ, and a bias, which must not matter.
            if "Norm" in type(part).__name__:
                part.weight.uniform_(0.5, 2.0)
                if getattr(part, "bias", None) is not None:
                    part.bias.normal_()
    ids = torch.tensor([[5, 9, 20]])
    v = torch.randn(model.n_features, generator=torch.Generator().manual_seed(0))
    logits, streams = [], []

    def pushed(size):
        def change(stream):
            streams.append(stream)
            x = stream - stream.mean(dim=-1, keepdim=True) if name == "gpt2" else stream
            w = v - v.mean() if name == "gpt2" else v
            across = w - (x @ w)[..., None] * x / (x * x).sum(dim=-1, keepdim=True)
            return stream + size * across

        with torch.no_grad(), residual_hook(model.blocks, model.n_layers, change):
            logits.append(model(ids, torch.ones_like(ids)).logits[0, -1])

    pushed(0.02)
    pushed(-0.02)
    x = streams[0][0, -1]
    x = x - x.mean() if name == "gpt2" else x
    size = (x * x).mean().sqrt()
    found = (logits[0] - logits[1]) / 0.04 * size
    w = v - v.mean() if name == "gpt2" else v
    expected = readout(model) @ (w - (x @ w) * x / (x @ x))
    error = (found - found.mean() - expected).abs().max() / expected.abs().max()
    assert error < 0.01


def test_tokens_are_those_of_the_largest_and_smallest_logits(tiny_gpt2):
    lens = LogitLens(readout(tiny_gpt2), tiny_gpt2.vocabulary)
    rows = np.random.default_rng(0).standard_normal((300, tiny_gpt2.n_features))
    promoted, suppressed = lens.extremes(rows, 4)
    logits = rows @ lens.readout.numpy().T.astype(float)
    np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-4)
    for j in (0, 299):
        order = np.argsort(logits[j])
        assert [t for t, _ in promoted[j]] == [lens.vocabulary[i] for i in order[:-5:-1]]
        assert [t for t, _ in suppressed[j]] == [lens.vocabulary[i] for i in order[:4]]
        assert promoted[j][0][1] == pytest.approx(logits[j].max(), rel=1e-4)


def test_reasons_for_no_lens(tiny_bert, tmp_path):
    with pytest.raises(ValueError, match="predicts no next tokens"):
        readout(tiny_bert)
    model = tiny("gpt2")
    store = collect_activations(model, 1, TEXTS, tmp_path / "acts", context=16)
    assert "no model 'GPT2LMHeadModel'" in lens_of(store)
    model.model.save_pretrained(tmp_path / "model")
    model.tokenizer.save_pretrained(tmp_path / "model")
    store = collect_activations(tmp_path / "model", 1, TEXTS, tmp_path / "more", context=16)
    assert isinstance(lens_of(store), LogitLens)
    with torch.no_grad():
        model.model.get_input_embeddings().weight.add_(1.0)
    model.model.save_pretrained(tmp_path / "model")
    assert "has other weights" in lens_of(store)


def test_a_layer_before_the_unembedding_is_refused(tiny_gpt2, monkeypatch):
    model = tiny("gpt2")
    body, width = model.model.transformer, model.n_features
    body.ln_f = torch.nn.Sequential(body.ln_f, torch.nn.Linear(width, width))
    with pytest.raises(ValueError, match="a layer of its own before its unembedding, Linear"):
        readout(model)
