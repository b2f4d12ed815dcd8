"""The folder of activations: what is written comes back, whole or not at all."""

import errno
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.lm import ActivationStore, StoreWriter, TokenRows
from overica.rows import ShardedRows
from tests.persistence.killing import SKIP, at_every_step

SETTINGS = {"model": "m", "layer": 1, "context": 8}
VOCABULARY = ["the", "cat", "##s", "sat"]
IDS = np.array([0, 1, 2, 3, 0, 1, 3], np.int32)
DOCUMENTS = np.array([0, 0, 0, 0, 1, 1, 2], np.int32)
POSITIONS = np.array([0, 1, 2, 3, 0, 1, 0], np.int32)
X = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


def writer_of(folder, **changes):
    return StoreWriter(folder, 5, VOCABULARY, {**SETTINGS, **changes}, word_pieces=True)


def add(writer, start, stop, sources, values=X):
    rows = slice(start, stop)
    with writer.shard(TokenRows(IDS[rows], DOCUMENTS[rows], POSITIONS[rows], sources)) as shard:
        shard[:] = values[rows]


def stop_midway(writer):
    with writer.shard(TokenRows(IDS[3:], DOCUMENTS[3:], POSITIONS[3:], ["b", "c"])) as shard:
        shard[0] = 1.0
        raise KeyboardInterrupt


@pytest.fixture
def folder(tmp_path):
    writer = writer_of(tmp_path / "acts")
    add(writer, 0, 3, ["a"])
    add(writer, 3, 7, ["b", "c"])
    writer.finish()
    return tmp_path / "acts"


def test_what_is_written_comes_back(folder):
    store = ActivationStore.open(folder)
    assert (store.n_tokens, store.n_features, store.n_documents, len(store)) == (7, 5, 3, 7)
    assert store.complete
    np.testing.assert_array_equal(np.asarray(store.activations), X)
    np.testing.assert_array_equal(store.ids, IDS)
    np.testing.assert_array_equal(store.document_ids, DOCUMENTS)
    np.testing.assert_array_equal(store.positions, POSITIONS)
    assert store.sources == ["a", "b", "c"]
    assert {name: store.metadata[name] for name in SETTINGS} == SETTINGS
    assert list(store.token_texts) == [VOCABULARY[i] for i in IDS]
    assert store.tokens(2) == "##s"


def test_one_shard_is_one_memory_map(tmp_path):
    writer = writer_of(tmp_path)
    add(writer, 0, 7, ["a", "b", "c"])
    with pytest.warns(UserWarning, match="may still be written to.* now, 7 tokens in 1 finished"):
        store = ActivationStore(tmp_path)
    assert isinstance(store.activations, np.memmap)
    assert not store.complete
    assert store.activations.dtype == np.float32


def test_moments(folder):
    store = ActivationStore(folder)
    np.testing.assert_allclose(store.mean(), X.astype(float).mean(axis=0), rtol=1e-12)
    centred = X - X.astype(float).mean(axis=0)
    assert store.scale() == pytest.approx(np.sqrt((centred**2).mean()), rel=1e-12)


def test_context_stays_in_its_document(folder):
    store = ActivationStore(folder)
    assert store.context(1) == (["the", "cat", "##s", "sat"], 1)
    assert store.context(4, before=3, after=3) == (["the", "cat"], 0)
    assert store.context(2, before=1, after=0) == (["cat", "##s"], 1)
    assert store.context(-1) == (["sat"], 0)
    assert store.excerpt(1) == ("the ", "cat", "s sat")
    with pytest.raises(IndexError, match=r"0\.\.6, got 7"):
        store.context(7)


def test_samples_and_batches(folder):
    store = ActivationStore(folder)
    sample = store.sample(4, random_state=0)
    assert sample.shape == (4, 5)
    np.testing.assert_array_equal(sample, store.sample(4, random_state=0))
    rows = [int(np.flatnonzero((row == X).all(axis=1)).item()) for row in sample]
    assert len(set(rows)) == 4
    np.testing.assert_array_equal(np.concatenate(list(store.batches(3))), X)
    shuffled = np.concatenate(list(store.batches(3, random_state=1)))
    assert not np.array_equal(shuffled, X)
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(X, axis=0))


@pytest.mark.parametrize("held_out", [0.1, 0.5, 0.99])
def test_split_holds_out_whole_documents(folder, held_out):
    store = ActivationStore(folder)
    rows, apart = store.split(held_out, random_state=0)
    assert rows.size
    assert apart.size
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, apart])), np.arange(7))
    assert not set(DOCUMENTS[rows]) & set(DOCUMENTS[apart])


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    data=st.data(),
)
def test_shards_read_like_one_array(sizes, data):
    whole = np.arange(2.0 * sum(sizes)).reshape(-1, 2)
    rows = ShardedRows(np.split(whole, np.cumsum(sizes)[:-1]))
    n = len(whole)
    index = data.draw(st.lists(st.integers(-n, n - 1), max_size=9))
    step = data.draw(st.sampled_from([-2, -1, 1, 2, None]))
    bounds = data.draw(st.tuples(st.none() | st.integers(-n - 2, n + 2), st.none() | st.integers()))
    np.testing.assert_array_equal(rows[index], whole[np.array(index, int)])
    np.testing.assert_array_equal(rows[bounds[0] : bounds[1] : step], whole[slice(*bounds, step)])
    np.testing.assert_array_equal(rows[n - 1], whole[n - 1])
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    np.testing.assert_array_equal(rows[mask], whole[mask])


def test_shards_refuse_what_is_no_row():
    rows = ShardedRows([np.zeros((2, 3))])
    for key in (2, -3, [0, 5], np.zeros(5, bool), "a", (0, 1, 1.5), 1.0):
        with pytest.raises(IndexError):
            rows[key]


def test_an_interrupted_shard_does_not_count(tmp_path):
    writer = writer_of(tmp_path)
    add(writer, 0, 3, ["a"])
    with pytest.raises(KeyboardInterrupt):
        stop_midway(writer)
    with pytest.warns(UserWarning, match="not complete"):
        assert ActivationStore(tmp_path).n_tokens == 3
    writer.close()
    again = writer_of(tmp_path)
    assert (again.n_shards, again.n_tokens) == (1, 3)
    add(again, 3, 7, ["b", "c"])
    again.finish()
    np.testing.assert_array_equal(np.asarray(ActivationStore(tmp_path).activations), X)
    assert not list(tmp_path.glob("*.part"))


def test_other_settings_are_refused_by_name(folder):
    with pytest.raises(ValueError, match=r"`layer` is 1 in .* and 2 now"):
        writer_of(folder, layer=2)
    with pytest.raises(ValueError, match="`n_features`"):
        StoreWriter(folder, 6, VOCABULARY, SETTINGS, word_pieces=True)


def test_not_numbers_are_refused(tmp_path):
    writer = writer_of(tmp_path)
    broken = X.copy()
    broken[1, 2] = np.nan
    with pytest.raises(FloatingPointError, match="1 tokens of 3"):
        add(writer, 0, 3, ["a"], broken)
    assert writer.n_shards == 0


def test_what_is_no_store(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"must hold metadata\.json"):
        ActivationStore(tmp_path / "nothing")
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        writer_of(tmp_path)
    empty = tmp_path / "empty"
    writer_of(empty)
    with pytest.raises(FileNotFoundError, match="no finished shard"):
        ActivationStore(empty)
    text = (folder / "metadata.json").read_text()
    (folder / "metadata.json").write_text(text[:30])
    with pytest.raises(ValueError, match="damaged"):
        ActivationStore(folder)
    (folder / "metadata.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(ValueError, match="format"):
        ActivationStore(folder)


def test_damaged_shards_are_named(folder):
    path = folder / "activations-00001.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match=r"activations-00001\.npy is damaged"):
        ActivationStore(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"activations-00001\.npy"):
        ActivationStore(folder)


@pytest.mark.parametrize("name", ["tokens-00001.safetensors", "documents-00001.json"])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b'{"a": 1}'])
def test_damaged_tokens_are_named(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name[:9]}.* is damaged"):
        ActivationStore(folder).sources  # noqa: B018  (it is read when it is asked for)


@pytest.mark.parametrize("key", ["rows", "n_tokens", "n_features", "n_documents", "complete"])
@pytest.mark.parametrize("value", ["gone", "text", None])
def test_metadata_that_lack_something_are_named(folder, key, value):
    metadata = json.loads((folder / "metadata.json").read_text()) | {key: value}
    if value == "gone":
        del metadata[key]
    elif key in ("complete", "n_documents"):
        pytest.skip("what is there is taken as it is")
    (folder / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"metadata\.json is damaged"):
        ActivationStore(folder)


def test_a_second_writer_is_refused(tmp_path):
    first = writer_of(tmp_path)
    with pytest.raises(BlockingIOError, match="in use: another process"):
        writer_of(tmp_path)
    add(first, 0, 3, ["a"])
    first.finish()
    assert ActivationStore(tmp_path).complete
    assert writer_of(tmp_path).n_shards == 1


def test_a_refused_writer_lets_go(tmp_path):
    writer_of(tmp_path).close()
    with pytest.raises(ValueError, match="`layer`"):
        writer_of(tmp_path, layer=2)
    writer_of(tmp_path)


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
def test_a_collection_killed_at_any_step_goes_on(tmp_path):
    def collect():
        writer = writer_of(tmp_path / "acts")
        for start, stop, sources in ((0, 3, ["a"]), (3, 7, ["b", "c"]))[writer.n_shards :]:
            add(writer, start, stop, sources)
        writer.finish()

    for _ in at_every_step(collect):
        # Each goes on from what the one before it left, which died a step later.
        writer_of(tmp_path / "acts").close()
    store = ActivationStore(tmp_path / "acts")
    assert store.complete
    np.testing.assert_array_equal(np.asarray(store.activations), X)
    assert store.sources == ["a", "b", "c"]
    assert store.vocabulary == VOCABULARY


@pytest.mark.parametrize("end", [StoreWriter.close, StoreWriter.finish])
def test_a_closed_writer_writes_no_more(tmp_path, end):
    closed = writer_of(tmp_path)
    add(closed, 0, 3, ["a"])
    end(closed)
    other = writer_of(tmp_path)
    with pytest.raises(ValueError, match="is closed"):
        add(closed, 3, 7, ["b", "c"])
    with pytest.raises(ValueError, match="is closed"):
        closed.finish()
    add(other, 3, 7, ["b", "c"])
    other.finish()
    np.testing.assert_array_equal(np.asarray(ActivationStore(tmp_path).activations), X)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room cannot be asked for")
def test_a_shard_without_room_does_not_count(tmp_path, monkeypatch):
    writer = writer_of(tmp_path)
    add(writer, 0, 3, ["a"])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    # Asked for first: what finds no room through a memory map is a signal that ends the process.
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match=r"No space .*activations-00001\.npy"):
            add(writer, 3, 7, ["b", "c"])
    assert writer.n_shards == 1
    writer.close()
    assert not list(tmp_path.glob("*.part"))
    again = writer_of(tmp_path)
    add(again, 3, 7, ["b", "c"])
    again.finish()
    np.testing.assert_array_equal(np.asarray(ActivationStore(tmp_path).activations), X)
