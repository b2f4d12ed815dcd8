"""The readout against what the model itself does to a push along a direction."""

import numpy as np
import pytest
import torch
import transformers

from overica.lm import collect_activations, load_model
from overica.lm.collecting.sites import find_site
from overica.lm.features.logit_lens import LogitLens, lens_of, readout
from tests.lm.conftest import TEXTS, WIDTH, byte_tokenizer, tiny

_SIZES = {"vocab_size": 300, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}
_WIDER = _SIZES | {"intermediate_size": 24}
_GROUPED = _WIDER | {"num_key_value_heads": 1, "head_dim": 8}
_OPT = _SIZES | {"ffn_dim": 24}
FAMILIES = {
    "Bloom": {"vocab_size": 300, "hidden_size": WIDTH, "n_layer": 2, "n_head": 2},
    "GPT2": {"vocab_size": 300, "n_embd": WIDTH, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "GPTNeo": {
        "vocab_size": 300, "hidden_size": WIDTH, "num_layers": 2, "num_heads": 2,
        "attention_types": [[["global", "local"], 1]],
    },
    "GPTNeoX": _WIDER,
    "Gemma2": _GROUPED | {"final_logit_softcapping": None},
    "Llama": _WIDER,
    "OPT": _OPT | {"word_embed_proj_dim": WIDTH},
    "Olmo": _WIDER,
    "Phi": _WIDER,
    "Qwen3": _GROUPED,
}  # fmt: skip


def of_family(name, settings):
    """A tiny model of random weights: gains that differ, and biases, which must not matter."""
    kind = {"GPT2": "GPT2LMHeadModel"}.get(name, f"{name}ForCausalLM")
    config = getattr(transformers, f"{name}Config")(
        **settings, bos_token_id=None, eos_token_id=None, pad_token_id=None
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = getattr(transformers, kind)(config)
        with torch.no_grad():
            for weight in network.parameters():
                weight.normal_(0.7 if weight.ndim == 1 else 0.0, 0.3)
    return load_model((network, byte_tokenizer()), device="cpu")


@pytest.mark.parametrize("name", FAMILIES)
def test_readout_is_the_derivative_of_the_logits(name):
    """But for the size that the norm divides by, and the part of a direction along the stream."""
    model = of_family(name, FAMILIES[name])
    ids = torch.tensor([[5, 9, 20]])
    v = torch.randn(WIDTH, generator=torch.Generator().manual_seed(0))
    streams = []

    def pushed(size):
        def change(stream):
            streams.append(stream[0, -1])
            return stream + size * v

        with torch.no_grad(), find_site(model, model.n_layers).hooked(change):
            return model(ids, torch.ones_like(ids)).logits[0, -1]

    change = pushed(0.01) - pushed(-0.01)
    change -= change.mean()
    across, along = (readout(model) @ w for w in (v, streams[0]))
    parts = torch.stack([across, along], dim=1)
    sizes = torch.linalg.lstsq(parts, change[:, None]).solution
    assert sizes[0] > 0
    assert (change - (parts @ sizes)[:, 0]).norm() < 1e-3 * change.norm()
    assert (change - sizes[1] * along).norm() > 0.1 * change.norm()


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
    assert "has others" in lens_of(store)


def test_a_layer_before_the_unembedding_is_refused():
    model = of_family("OPT", _OPT | {"word_embed_proj_dim": WIDTH // 2})
    with pytest.raises(ValueError, match="a layer of its own before its unembedding, Linear"):
        readout(model)
