"""Collected activations: what transformers itself calls hidden states, whatever the batch, and resumable."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import T5Config, T5Model

from overica.lm import ActivationStore, collect_activations, load_model
from overica.lm.collecting import reader as reader_module
from overica.lm.collecting.residual import residual_blocks

LAYERS = 3


def hidden_states(model, window):
    """Of transformers, for one window alone, special tokens left out."""
    before, after = model.frame
    ids = torch.tensor([[*before, *window, *after]])
    with torch.inference_mode():
        states = model.model(input_ids=ids, output_hidden_states=True).hidden_states
    return [state[0, len(before) : len(before) + len(window)].numpy() for state in states]


def windows_of(store, length):
    for document in range(store.n_documents):
        rows = np.flatnonzero(store.document_ids == document)
        np.testing.assert_array_equal(store.positions[rows], np.arange(rows.size))
        yield from np.split(rows, range(length, rows.size, length))


@pytest.mark.parametrize("layer", range(LAYERS + 1))
def test_activations_are_hidden_states(tiny_model, texts, tmp_path, layer):
    if tiny_model.causal and layer == LAYERS:
        pytest.skip("hidden_states ends behind the final norm")
    store = collect_activations(
        tiny_model, layer, texts, tmp_path, context=12, batch_size=1, skip_first=0, max_norm=0
    )
    length = 12 - sum(map(len, tiny_model.frame))
    assert store.complete
    assert store.n_documents == sum(bool(text) for text in texts)
    assert len(store.sources) == store.n_documents
    for rows in windows_of(store, length):
        expected = hidden_states(tiny_model, store.ids[rows].tolist())[layer]
        np.testing.assert_array_equal(store.activations[rows], expected)


def test_behind_the_last_block_is_before_the_final_norm(tiny_gpt2, texts, tmp_path):
    store = collect_activations(tiny_gpt2, LAYERS, texts[:1], tmp_path, context=64, skip_first=0)
    stream = torch.from_numpy(np.array(store.activations))
    with torch.inference_mode():
        normed = tiny_gpt2.model.transformer.ln_f(stream).numpy()
    np.testing.assert_allclose(normed, hidden_states(tiny_gpt2, store.ids.tolist())[-1], atol=1e-5)


def test_rows_do_not_depend_on_batch_and_shard(tiny_model, texts, tmp_path):
    alone = collect_activations(tiny_model, 2, texts, tmp_path / "1", context=16, batch_size=1)
    many = collect_activations(
        tiny_model, 2, texts, tmp_path / "9", context=16, batch_size=9, shard_tokens=20
    )
    assert len(many.metadata["rows"]) > 1
    assert max(many.metadata["rows"]) <= 20
    np.testing.assert_allclose(many.activations, alone.activations, atol=1e-5)
    for name in ("ids", "document_ids", "positions"):
        np.testing.assert_array_equal(getattr(many, name), getattr(alone, name))
    assert many.sources == alone.sources


def test_tokens_read_as_the_texts(tiny_model, texts, tmp_path):
    store = collect_activations(tiny_model, 1, texts, tmp_path, context=8, skip_first=0)
    last = np.flatnonzero(store.document_ids == store.n_documents - 1)
    read = "".join(store.excerpt(int(last[0]), 0, 1000))
    expected = texts[-1]
    if tiny_model.word_pieces:
        read, expected = read.replace(" ", ""), expected.replace(" ", "")
    assert read == expected


def test_most_tokens(tiny_bert, texts, tmp_path):
    store = collect_activations(tiny_bert, 1, texts, tmp_path, context=8, max_tokens=20)
    assert store.n_tokens == 20
    assert store.metadata["max_tokens"] == 20


class Stop(Exception):
    pass


def stop_after(n_batches, monkeypatch):
    """Let the collection end in an exception at a batch."""
    original, seen = reader_module.stream_of, []

    def limited(*arguments):
        seen.append(1)
        if len(seen) > n_batches:
            raise Stop
        return original(*arguments)

    monkeypatch.setattr(reader_module, "stream_of", limited)
    return seen


@pytest.mark.parametrize("n_batches", [1, 2, 5])
def test_an_interrupted_collection_goes_on(tiny_bert, texts, tmp_path, monkeypatch, n_batches):
    options = {"context": 8, "shard_tokens": 12, "batch_size": 1}
    whole = collect_activations(tiny_bert, 2, texts, tmp_path / "whole", **options)
    with monkeypatch.context() as patch:
        stop_after(n_batches, patch)
        with pytest.raises(Stop):
            collect_activations(tiny_bert, 2, texts, tmp_path / "acts", **options)
    with monkeypatch.context() as patch:
        seen = stop_after(1000, patch)
        store = collect_activations(tiny_bert, 2, texts, tmp_path / "acts", **options)
    assert store.complete
    assert store.metadata == whole.metadata
    np.testing.assert_array_equal(np.asarray(store.activations), np.asarray(whole.activations))
    # Batches of whole shards are not computed again, nor are those two that the median norm was measured on.
    assert len(seen) <= len(list(windows_of(whole, 6))) + 2 - n_batches + 1


def test_a_finished_collection_runs_nothing(tiny_bert, texts, tmp_path, monkeypatch):
    collect_activations(tiny_bert, 2, texts, tmp_path, context=8)
    stop_after(0, monkeypatch)
    assert collect_activations(tiny_bert, 2, texts, tmp_path, context=8).complete


def test_changed_settings_and_texts_are_named(tiny_bert, tiny_gpt2, texts, tmp_path):
    collect_activations(tiny_bert, 2, texts, tmp_path, context=8, shard_tokens=12)
    for change, name in [({"context": 9}, "context"), ({"max_tokens": 5}, "max_tokens")]:
        options = {"context": 8, "shard_tokens": 12, **change}
        with pytest.raises(ValueError, match=f"`{name}` is .* now: take the same setting"):
            collect_activations(tiny_bert, 2, texts, tmp_path, **options)
    with pytest.raises(ValueError, match=r"`layer` is 2 in .* and 1 now"):
        collect_activations(tiny_bert, 1, texts, tmp_path, context=8, shard_tokens=12)
    with pytest.raises(ValueError, match=r"`model` is 'BertModel' .* 'GPT2LMHeadModel' now"):
        collect_activations(tiny_gpt2, 2, texts, tmp_path, context=8, shard_tokens=12)
    for other in (texts[:1], ["Basis.", *texts[1:]], [*texts, "More of it."]):
        with pytest.raises(ValueError, match=r"`texts` are not those of shard \d"):
            collect_activations(tiny_bert, 2, other, tmp_path, context=8, shard_tokens=12)
    assert ActivationStore(tmp_path).complete


def test_other_weights_are_noticed(tiny_bert, texts, tmp_path):
    collect_activations(tiny_bert, 2, texts, tmp_path, context=8)
    weight = next(tiny_bert.model.parameters())
    kept = weight.detach().clone()
    other = load_model((tiny_bert.model, tiny_bert.tokenizer), device="cpu")
    try:
        with torch.no_grad():
            weight += 1
        with pytest.raises(ValueError, match="`fingerprint`"):
            collect_activations(other, 2, texts, tmp_path, context=8)
    finally:
        with torch.no_grad():
            weight.copy_(kept)


def test_settings_out_of_range(tiny_bert, texts, tmp_path):
    output = tmp_path / "acts"
    with pytest.raises(ValueError, match=r"`layer` must be in 0\.\.3 .*got 4"):
        collect_activations(tiny_bert, 4, texts, output)
    with pytest.raises(ValueError, match=r"`context` must be an integer >= 3, got 2"):
        collect_activations(tiny_bert, 1, texts, output, context=2)
    with pytest.raises(ValueError, match=r"`context` must be at most 64"):
        collect_activations(tiny_bert, 1, texts, output, context=65)
    for name in ("batch_size", "shard_tokens", "max_tokens"):
        with pytest.raises(ValueError, match=f"`{name}`"):
            collect_activations(tiny_bert, 1, texts, output, context=8, **{name: 0})
    for nothing in ([], [""], " \n "):
        with pytest.raises(ValueError, match="`texts` must hold a token"):
            collect_activations(tiny_bert, 1, nothing, output, context=8)
    assert not output.exists()


def test_models_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        load_model(str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="holds no model that can be read"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="not among the models downloaded earlier"):
        load_model("nobody/nothing", local_files_only=True)


def test_models_with_two_stacks_are_refused(tiny_bert):
    config = T5Config(vocab_size=9, d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2)
    with pytest.raises(ValueError, match="an encoder with a decoder"):
        load_model((T5Model(config), tiny_bert.tokenizer))
    two = nn.ModuleDict({name: nn.ModuleList([nn.Identity()] * 2) for name in "ab"})
    with pytest.raises(ValueError, match=r"more than one list .* a \(2\), b \(2\)"):
        residual_blocks(two, 2)
    with pytest.raises(ValueError, match="no list"):
        residual_blocks(two, 3)
    with pytest.raises(ValueError, match="lists of modules there: none"):
        residual_blocks(nn.Linear(2, 2), 1)


def test_a_saved_model_is_the_same(tiny_gpt2, texts, tmp_path):
    tiny_gpt2.model.save_pretrained(tmp_path / "model")
    tiny_gpt2.tokenizer.save_pretrained(tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    assert loaded.causal
    assert loaded.fingerprint == tiny_gpt2.fingerprint
    a = collect_activations(loaded, 2, texts, tmp_path / "a", context=16)
    b = collect_activations(tiny_gpt2, 2, texts, tmp_path / "b", context=16)
    np.testing.assert_allclose(a.activations, b.activations, atol=1e-6)
