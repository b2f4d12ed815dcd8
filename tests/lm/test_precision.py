"""Half precision: of models and of files; nothing overflows in silence, and folders of before are read."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from overica.lm import ActivationStore, StoreWriter, Substitution, collect_activations, load_model
from tests.lm.test_store import SETTINGS, VOCABULARY, TokenRows, X, add, writer_of

OPTIONS = {"context": 12, "batch_size": 1}


def written(folder, values, store_dtype):
    writer = StoreWriter(folder, values.shape[1], VOCABULARY, SETTINGS, store_dtype=store_dtype)
    n = len(values)
    with writer.shard(TokenRows([0] * n, [0] * n, range(n), ["a"])) as rows:
        rows[:] = values
    writer.finish()
    return ActivationStore(folder)


@pytest.mark.parametrize("store_dtype", ["float16", "bfloat16"])
def test_files_take_half_the_room_and_are_the_nearest(tmp_path, store_dtype):
    store = written(tmp_path, X, store_dtype)
    expected = torch.from_numpy(X).to(getattr(torch, store_dtype)).float().numpy()
    np.testing.assert_array_equal(store.read(slice(None)), expected)
    assert store.read(slice(None)).dtype == np.float32
    size = (tmp_path / "activations-00000.npy").stat().st_size
    assert size == 128 + 2 * X.size
    assert store.scale() == pytest.approx((expected - expected.mean(axis=0)).std(), rel=1e-4)
    np.testing.assert_array_equal(np.concatenate(list(store.batches(3))), expected)


def test_what_float16_cannot_hold_is_refused(tmp_path):
    large = X.copy()
    large[1, 1] = 70_000.0
    with pytest.raises(OverflowError, match=r"up to 7e\+04, and float16 ends at 65504"):
        written(tmp_path / "a", large, "float16")
    assert written(tmp_path / "b", large, "bfloat16").read(slice(None)).max() == 70144.0
    large[1, 1] = 3.4e38
    with pytest.raises(FloatingPointError, match="1 tokens of 7"):
        written(tmp_path / "c", large, "bfloat16")
    with pytest.raises(ValueError, match="`store_dtype` must be one of 'float32'"):
        written(tmp_path / "d", X, "int8")


def test_folders_of_before_are_read_and_gone_on_with(tmp_path):
    writer = writer_of(tmp_path)
    add(writer, 0, 3, ["a"])
    writer.close()
    path = tmp_path / "metadata.json"
    new = {"store_dtype", "skipped", "measured"}
    before = {k: v for k, v in json.loads(path.read_text()).items() if k not in new}
    path.write_text(json.dumps(before | {"format": "overica activations 1"}))
    tokens = tmp_path / "tokens-00000.safetensors"
    columns = load_file(tokens)
    del columns["kept"]
    save_file(columns, tokens)
    with pytest.warns(UserWarning, match="is not complete"):
        store = ActivationStore(tmp_path)
    np.testing.assert_array_equal(store.activations, X[:3])
    assert store.metadata["skip_first"] == 0
    again = writer_of(tmp_path)
    add(again, 3, 7, ["b", "c"])
    again.finish()
    np.testing.assert_array_equal(np.asarray(ActivationStore(tmp_path).activations), X)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_models_in_half_precision(tiny_gpt2, texts, tmp_path, dtype):
    tiny_gpt2.model.save_pretrained(tmp_path / "model")
    tiny_gpt2.tokenizer.save_pretrained(tmp_path / "model")
    source = tmp_path / "model"
    half = load_model(source, device="cpu", dtype=dtype)
    assert half.dtype == dtype
    assert {p.dtype for p in half.model.parameters()} == {getattr(torch, dtype)}
    store = collect_activations(source, 2, texts, tmp_path / "a", dtype=dtype, **OPTIONS)
    assert store.metadata["store_dtype"] == store.metadata["dtype"] == dtype
    wide = collect_activations(
        source, 2, texts, tmp_path / "b", dtype=dtype, store_dtype="float32", **OPTIONS
    )
    # What the model computes is in its own precision: nothing is lost in the file.
    np.testing.assert_array_equal(store.read(slice(None)), wide.read(slice(None)))
    single = collect_activations(tiny_gpt2, 2, texts, tmp_path / "c", **OPTIONS)
    error = np.linalg.norm(store.read(slice(None)) - single.activations)
    assert 0 < error < 0.05 * np.linalg.norm(single.activations)
    # The store says in which precision its model ran.
    substitution = Substitution(store, batch_size=1, device="cpu")
    np.testing.assert_allclose(
        np.sort(substitution.activations, axis=0), np.sort(store.read(slice(None)), axis=0)
    )
    with pytest.raises(ValueError, match=r"`dtype` is '.*float16' in .* and 'float32' now"):
        collect_activations(source, 2, texts, tmp_path / "a", store_dtype=dtype, **OPTIONS)
    with pytest.raises(ValueError, match="`dtype` must be one of 'float32'"):
        load_model(source, dtype="float8")


def test_two_collections_do_not_share_a_folder(tiny_bert, texts, tmp_path):
    def meanwhile():
        yield texts[0]
        yield texts[1]
        with pytest.raises(BlockingIOError, match="in use"):
            collect_activations(tiny_bert, 2, texts, tmp_path, shard_tokens=8, **OPTIONS)
        yield from texts[2:]

    store = collect_activations(tiny_bert, 2, meanwhile(), tmp_path, shard_tokens=8, **OPTIONS)
    assert store.complete
    assert len(store.sources) == sum(bool(text) for text in texts)
