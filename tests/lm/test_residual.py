"""Hooks on architectures that name their blocks differently: hidden states are seen, and changes arrive."""

import pytest
import torch
from transformers import AutoConfig, AutoModel

from overica.lm import find_site, load_model
from overica.lm.collecting.residual import residual_blocks
from tests.lm.conftest import piece_tokenizer

SIZES = {
    "vocab_size": 50, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 16,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
OTHERS = {
    "distilbert": {"vocab_size": 50, "dim": 8, "hidden_dim": 8, "n_layers": 2, "n_heads": 2},
    "gemma2": {"head_dim": 4, "num_key_value_heads": 1},
    "qwen2": {"num_key_value_heads": 1},
    "opt": {"word_embed_proj_dim": 8, "ffn_dim": 8},
}
# Behind these the model's last hidden state has gone through a final norm.
NORMED = {"gpt_neox", "opt", "gemma2", "qwen2", "modernbert"}


@pytest.mark.parametrize(
    "kind", ["roberta", "distilbert", "electra", "mpnet", "modernbert", "gpt_neox", "opt", "gemma2", "qwen2"]
)  # fmt: skip
def test_every_architecture(kind):
    sizes = OTHERS[kind] if kind == "distilbert" else {**SIZES, **OTHERS.get(kind, {})}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModel.from_config(AutoConfig.for_model(kind, **sizes)).eval()
    whole = load_model((model, piece_tokenizer()), device="cpu")
    model = whole.model
    ids = torch.randint(3, 50, (2, 5), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model(input_ids=ids, output_hidden_states=True).hidden_states
        for layer in range(3):
            seen = []
            site = find_site(whole, layer)
            with site.hooked(seen.append):
                clean = model(input_ids=ids)[0]
            if layer < 2 or kind not in NORMED:
                assert torch.equal(seen[0], expected[layer])
            with site.hooked(lambda stream: stream.flip(1)):
                changed = model(input_ids=ids)[0]
            assert not torch.allclose(changed, clean, atol=1e-6)
            # The hook is gone.
            assert torch.equal(model(input_ids=ids)[0], clean)


def test_one_block_run_many_times_is_refused():
    config = AutoConfig.for_model("albert", **{**SIZES, "embedding_size": 4})
    with pytest.raises(ValueError, match=r"no list in AlbertModel; .*albert_layer_groups \(1\)"):
        residual_blocks(AutoModel.from_config(config), 2)
