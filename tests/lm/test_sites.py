"""Sites: what blocks add to the stream is what it differs by, in architectures that name their parts differently."""

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel

from overica.lm import Substitution, collect_activations, find_site, load_model
from tests.lm.conftest import piece_tokenizer
from tests.lm.test_residual import OTHERS, SIZES

# Stream in, attention, MLP, stream out: with a norm before each part and none behind, the sum of the first three is the
# last.
ADDING = ["gpt2", "gpt_neo", "gpt_neox", "bloom", "phi", "llama", "qwen2", "mistral"]
MORE = {
    **OTHERS,
    "gpt2": {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 16},
    "gpt_neo": {"num_layers": 2, "num_heads": 2, "attention_types": [[["global", "local"], 1]]},
    "bloom": {"n_layer": 2, "n_head": 2},
    "llama": {"num_key_value_heads": 1},
    "mistral": {"num_key_value_heads": 1},
    "phi": {"num_key_value_heads": 1},
}


def model_of(kind):
    sizes = OTHERS[kind] if kind == "distilbert" else {**SIZES, **MORE.get(kind, {})}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AutoModel.from_config(AutoConfig.for_model(kind, **sizes))
        with torch.no_grad():
            for weight in network.parameters():
                weight.normal_(0, 0.3)
    return load_model((network, piece_tokenizer()), device="cpu")


def seen_at(model, *places):
    """What flows at several places in one pass."""
    seen = [[] for _ in places]
    with torch.inference_mode():
        from contextlib import ExitStack

        with ExitStack() as stack:
            for place, found in zip(places, seen, strict=True):
                stack.enter_context(place.hooked(found.append))
            ids = torch.arange(3, 12).reshape(1, 9)
            model(ids, torch.ones_like(ids))
    return [found[0] for found in seen]


@pytest.mark.parametrize("kind", ADDING)
@pytest.mark.parametrize("block", [0, 1])
def test_a_block_adds_attention_and_mlp(kind, block):
    model = model_of(kind)
    places = [find_site(model, block), find_site(model, block, site="attention")]
    places += [find_site(model, block, site="mlp"), find_site(model, block + 1)]
    before, attention, mlp, after = seen_at(model, *places)
    assert attention.abs().max() > 1e-3
    assert mlp.abs().max() > 1e-3
    torch.testing.assert_close(before + attention + mlp, after, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "mpnet", "distilbert"])
def test_encoders_norm_the_sum(kind):
    model = model_of(kind)
    places = [find_site(model, 1), *(find_site(model, 1, site=s) for s in ("attention", "mlp"))]
    before, attention, mlp, after = seen_at(model, *places, find_site(model, 2))
    norms = [m for m in model.blocks[1].modules() if isinstance(m, torch.nn.LayerNorm)]
    middle = norms[0](before + attention)
    torch.testing.assert_close(norms[1](middle + mlp), after, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["gemma2", "modernbert"])
def test_other_architectures_have_sites_of_the_width_of_the_stream(kind):
    model = model_of(kind)
    for site in ("mlp", "attention"):
        place = find_site(model, 1, site=site)
        assert place.n_features == model.n_features
        assert (place.layer, place.name) == (1, site)


def test_a_module_by_its_name_is_what_its_hook_sees(tiny_bert, texts, tmp_path):
    name = "encoder.layer.1.intermediate"
    store = collect_activations(
        tiny_bert, None, texts, tmp_path, module=name, context=12, batch_size=1
    )
    assert store.n_features == 24
    assert {key: store.metadata[key] for key in ("site", "module", "layer", "hook")} == {
        "site": "module", "module": name, "layer": None, "hook": name,
    }  # fmt: skip
    assert store.place == f"{tiny_bert.name} at {name}"
    before, after = tiny_bert.frame
    rows = np.flatnonzero((store.document_ids == 0) & (store.positions < 10))
    found = []
    handle = tiny_bert.model.encoder.layer[1].intermediate.register_forward_hook(
        lambda _module, _args, output: found.append(output)
    )
    ids = torch.tensor([[*before, *store.ids[rows].tolist(), *after]])
    with torch.inference_mode():
        tiny_bert(ids, torch.ones_like(ids))
    handle.remove()
    np.testing.assert_array_equal(store.read(rows), found[0][0, 1:-1].numpy())


@pytest.mark.parametrize("site", ["mlp", "attention"])
def test_substitution_at_other_sites(tiny_model, texts, tmp_path, site):
    from sklearn.preprocessing import FunctionTransformer

    store = collect_activations(tiny_model, 1, texts, tmp_path, site=site, context=12)
    assert store.origin["hook"] == f"blocks.1.hook_{'mlp' if site == 'mlp' else 'attn'}_out"
    substitution = Substitution(store, model=tiny_model)
    np.testing.assert_allclose(
        np.sort(substitution.activations, axis=0), np.sort(store.activations, axis=0), atol=1e-5
    )
    same = substitution(FunctionTransformer())
    changed = substitution(FunctionTransformer(lambda X: 0.2 * X))
    for name, measure in same.measures.items():
        assert measure.loss == 0.0
        assert changed.measures[name].loss != 0.0


def test_what_is_no_site_is_told(tiny_bert, tiny_gpt2, texts, tmp_path):
    with pytest.raises(ValueError, match=r"near: .*encoder\.layer\.1\.output"):
        find_site(tiny_bert, module="encoder.layer.1.outptu")
    with pytest.raises(ValueError, match=r"`layer` must be in 0\.\.2 for mlp, got 3"):
        find_site(tiny_bert, 3, site="mlp")
    with pytest.raises(ValueError, match="`site` must be one of 'residual', 'mlp'"):
        find_site(tiny_bert, 1, site="mpl")
    with pytest.raises(ValueError, match="name two places"):
        find_site(tiny_bert, 1, site="mlp", module="encoder.layer.1")
    with pytest.raises(ValueError, match="`layer` must be given unless a `module`"):
        find_site(tiny_bert)
    with pytest.raises(ValueError, match=r"'encoder' gives BaseModelOutput"):
        find_site(tiny_bert, module="encoder")
    with pytest.raises(ValueError, match=r"`module` must run once .* runs 0 times"):
        find_site(tiny_bert, module="encoder.layer")
    with pytest.raises(
        ValueError, match=r"must give \(batch=2, tokens=3, features\), .* gives \(1, 3, 16\)"
    ):
        find_site(tiny_gpt2, module="transformer.wpe")
    with pytest.raises(ValueError, match=r"'decoder.layers.0.fc2' gives \(10, 8\)"):
        find_site(model_of("opt"), 0, site="mlp")
    with pytest.raises(ValueError, match="`module` must be one"):
        collect_activations(tiny_bert, None, texts, tmp_path / "acts", module="none")
    assert not (tmp_path / "acts").exists()


def test_blocks_of_unknown_parts_are_listed(tiny_bert):
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mixer = torch.nn.Linear(2, 2)

    from dataclasses import replace

    odd = replace(tiny_bert, blocks=[Odd()])
    with pytest.raises(
        ValueError, match=r"no known name in a Odd, which holds mixer: name the module"
    ):
        find_site(odd, 0, site="mlp")
