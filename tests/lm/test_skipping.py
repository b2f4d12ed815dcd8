"""Tokens without a row: the first of each context and those of huge norm; what is told of them, and kept."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from sklearn.preprocessing import FunctionTransformer

from overica.cli import main
from overica.lm import ActivationStore, Substitution, collect_activations
from overica.lm.collecting.reader import norms_of, not_longer, skipped_words
from overica.lm.features.pages import token_record
from tests.lm.test_collect import Stop, stop_after

OPTIONS = {"context": 8, "shard_tokens": 24, "batch_size": 2}


@pytest.fixture
def sink(tiny_gpt2):
    """The model with one token whose embedding is huge, and that token."""
    token = int(tiny_gpt2.encode(" the")[0])
    weight = tiny_gpt2.model.get_input_embeddings().weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[token] *= 100
    yield tiny_gpt2, token
    with torch.no_grad():
        weight.copy_(kept)


def test_the_first_of_each_context_has_no_row(tiny_model, texts, tmp_path):
    whole = collect_activations(
        tiny_model, 2, texts, tmp_path / "a", skip_first=0, max_norm=0, **OPTIONS
    )
    store = collect_activations(
        tiny_model, 2, texts, tmp_path / "b", skip_first=2, max_norm=0, **OPTIONS
    )
    before, after = tiny_model.frame
    length = 8 - len(before) - len(after)
    late = whole.positions % length >= 2 - len(before)
    np.testing.assert_array_equal(store.read(slice(None)), whole.read(np.flatnonzero(late)))
    for name in ("ids", "document_ids", "positions"):
        np.testing.assert_array_equal(getattr(store, name), getattr(whole, name)[late])
    assert store.metadata["skipped"] == {"first": int((~late).sum()), "norm": 0}
    assert store.n_documents == whole.n_documents
    # What is read around a row is the whole text.
    last = store.n_tokens - 1
    assert store.excerpt(last, 99, 99) == whole.excerpt(int(np.flatnonzero(late)[-1]), 99, 99)


def test_rows_of_huge_norm_are_left_out(sink, texts, tmp_path):
    model, token = sink
    whole = collect_activations(model, 0, texts, tmp_path / "a", max_norm=0, **OPTIONS)
    store = collect_activations(model, 0, texts, tmp_path / "b", **OPTIONS)
    huge = whole.ids == token
    assert 0 < huge.sum() == store.metadata["skipped"]["norm"]
    assert store.metadata["measured"]["median_norm"] == pytest.approx(
        np.median(norms_of(whole.read(slice(0, int(whole.metadata["rows"][0]))))), rel=1e-6
    )
    np.testing.assert_array_equal(store.ids, whole.ids[~huge])
    np.testing.assert_allclose(store.activations, whole.read(np.flatnonzero(~huge)), atol=1e-5)


@pytest.mark.parametrize("n_batches", [1, 3, 6])
def test_the_limit_does_not_depend_on_where_a_kill_fell(
    sink, texts, tmp_path, monkeypatch, n_batches
):
    model, _ = sink
    whole = collect_activations(model, 0, texts, tmp_path / "whole", **OPTIONS)
    with monkeypatch.context() as patch:
        stop_after(n_batches, patch)
        with pytest.raises(Stop):
            collect_activations(model, 0, texts, tmp_path / "acts", **OPTIONS)
    store = collect_activations(model, 0, texts, tmp_path / "acts", **OPTIONS)
    assert store.metadata == whole.metadata
    np.testing.assert_array_equal(np.asarray(store.activations), np.asarray(whole.activations))
    with pytest.raises(ValueError, match="`texts` are not those of shard"):
        collect_activations(model, 0, [texts[0].upper(), *texts[1:]], tmp_path / "acts", **OPTIONS)
    with pytest.raises(ValueError, match=r"`max_norm` is 10.0 in .* and 5.0 now"):
        collect_activations(model, 0, texts, tmp_path / "acts", max_norm=5, **OPTIONS)


def test_skipped_tokens_stay_as_they_are_in_substitution(sink, texts, tmp_path):
    model, _ = sink
    store = collect_activations(model, 1, texts, tmp_path, **OPTIONS)
    substitution = Substitution(store, model=model)
    assert substitution.n_tokens == store.n_tokens < len(store.text)
    loss = substitution(FunctionTransformer(lambda X: 0.9 * X))
    assert loss.n_tokens == store.n_tokens
    # Every predicted token is judged, also where the model reads one that was skipped.
    windows = [window for group in substitution._batches for window in group]
    assert substitution._weights["cross_entropy"].sum() == sum(len(w) - 1 for w in windows)


def test_pages_show_skipped_tokens_in_brackets(tiny_gpt2, texts, tmp_path):
    store = collect_activations(tiny_gpt2, 1, texts, tmp_path, **OPTIONS)
    rows = np.flatnonzero(store.document_ids == store.n_documents - 1)
    record = token_record(store, rows)
    assert len(record["ids"]) == len(rows)
    read = "".join(record["words"][i] for i in record["ids"])
    assert read.startswith("⟨")
    bare = read.replace("⟨", "").replace("⟩", "").replace(" ", "")
    # A document's last token may be skipped too, and then nothing follows that could show it.
    assert texts[-1].replace(" ", "").startswith(bare)
    assert len(bare) > len(texts[-1]) / 2


def test_texts_of_skipped_tokens_alone(tiny_gpt2, tmp_path):
    with pytest.raises(ValueError, match="leave no token of the texts"):
        collect_activations(tiny_gpt2, 1, ["a", "b"], tmp_path / "acts", context=8)
    with pytest.raises(
        ValueError, match="`skip_first` must leave a token of the context of 8, got 8"
    ):
        collect_activations(tiny_gpt2, 1, ["a b c"], tmp_path / "none", context=8, skip_first=8)
    # A shard without a row is one all the same.
    texts = ["a", "Sparse codes of few active units.", "b"]
    options = {"context": 8, "shard_tokens": 1}
    store = collect_activations(tiny_gpt2, 1, texts, tmp_path / "some", **options)
    assert 0 in store.metadata["rows"]
    assert store.sources == ["text 0", "text 1", "text 2"]
    rows, held_out = collect_activations(
        tiny_gpt2, 1, [*texts, texts[1] * 2], tmp_path / "two", **options
    ).split(0.5)
    assert rows.size
    assert held_out.size


def test_the_command_says_what_was_skipped(tiny_gpt2, tmp_path):
    tiny_gpt2.model.save_pretrained(tmp_path / "model")
    tiny_gpt2.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "a.txt").write_text("Independent components of natural images. " * 3)
    arguments = ["activations", "--model", str(tmp_path / "model"), "--layer", "1", "--site", "mlp"]
    arguments += [str(tmp_path / "a.txt"), "-o", str(tmp_path / "acts"), "--context", "8"]
    arguments += ["--device", "cpu", "--dtype", "bfloat16"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    store = ActivationStore(tmp_path / "acts")
    n = store.metadata["skipped"]["first"]
    assert n > 0
    assert f"skipped  {n} of {n + store.n_tokens} tokens" in result.output
    assert "at the MLP of block 1, bfloat16" in result.output


def test_without_limit_and_with_infinite_rows():
    X = np.array([[3.0, 4.0], [30.0, 40.0], [np.inf, 0.0]], np.float32)
    np.testing.assert_array_equal(not_longer(X, np.inf), [True, True, True])
    np.testing.assert_array_equal(not_longer(X, 10.0), [True, False, True])
    assert skipped_words({"first": 0, "norm": 0}, 5, 10.0) == ""
