"""Folders of other tools: the same rows come back from every kind of file, and what is wrong is named."""

import json
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from overica import export, load
from overica.cli import main
from overica.datasets import make_mixture
from overica.lm import ActivationStore, FeatureStudy, open_store
from overica.lm.store.foreign.array_files import KINDS
from overica.lm.store.precision import PRECISIONS, RAW_BFLOAT16
from overica.sae import BatchTopKSAE
from tests.lm.fake_store import write_store

SHARDS = [torch.randn(n, 6, generator=torch.Generator().manual_seed(n)) for n in (5, 7, 3)]
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def as_npy(path, tensor):
    array = (
        tensor.view(torch.int16).numpy().view(RAW_BFLOAT16)
        if tensor.dtype == torch.bfloat16
        else tensor.numpy()
    )
    np.save(path.with_suffix(".npy"), array)


WRITE = {
    "npy": as_npy,
    "safetensors": lambda path, x: save_file({"acts": x}, path.with_suffix(".safetensors")),
    "torch": lambda path, x: torch.save(x, path.with_suffix(".pt")),
    "torch by name": lambda path, x: torch.save({"states": x}, path.with_suffix(".pt")),
}


def write(folder, kind, tensors, number=lambda i: 9 + i):
    folder.mkdir(exist_ok=True)
    for i, tensor in enumerate(tensors):
        WRITE[kind](folder / f"acts_{number(i)}", tensor)
    return folder


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", WRITE)
def test_rows_come_back_in_the_order_of_their_numbers(tmp_path, kind, dtype):
    tensors = [tensor.to(dtype) for tensor in SHARDS]
    store = open_store(write(tmp_path / "acts", kind, tensors))
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    expected = torch.cat(tensors).to(wide).numpy()
    assert (store.n_tokens, store.n_features) == expected.shape
    found = store.read(slice(None))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(store.read(np.array([14, 0, 6])), expected[[14, 0, 6]])
    np.testing.assert_allclose(store.mean(), expected.mean(axis=0), rtol=1e-4, atol=1e-6)
    assert [name.rsplit("_", 1)[1].split(".")[0] for name in store.activations.names] == [
        "9",
        "10",
        "11",
    ]


@pytest.mark.parametrize("kind", WRITE)
def test_contexts_are_documents(tmp_path, kind):
    X = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    store = open_store(write(tmp_path / "acts", kind, [X[:1], X[1:]]))
    np.testing.assert_array_equal(store.read(slice(None)), X.reshape(20, 3).numpy())
    assert store.n_documents == 4
    np.testing.assert_array_equal(store.document_ids, np.repeat(np.arange(4), 5))
    np.testing.assert_array_equal(store.positions, np.tile(np.arange(5), 4))
    rows, held_out = store.split(0.3)
    assert not set(store.document_ids[rows]) & set(store.document_ids[held_out])


def test_rows_are_mapped_not_copied(tmp_path):
    write(tmp_path / "acts", "npy", SHARDS[:1])
    assert isinstance(open_store(tmp_path / "acts").activations, np.memmap)
    file = next((tmp_path / "acts").iterdir())
    np.testing.assert_array_equal(open_store(file).read(slice(2)), SHARDS[0][:2].numpy())


def test_blocks_of_rows_stand_for_documents(tmp_path):
    write(tmp_path / "acts", "npy", [torch.ones(1500, 2), torch.ones(10, 2)])
    store = open_store(tmp_path / "acts")
    assert np.bincount(store.document_ids).tolist() == [1024, 476, 10]
    assert store.sources[1] == "acts_9.npy rows 1024 to 1499"
    assert store.context(1024, 1, 1) == (["[0] ", "[1] "], 0)
    assert "no token ids lie beside" in store.without_texts


def test_token_ids_and_a_tokenizer_beside_give_texts(tmp_path, tiny_gpt2, texts):
    tiny_gpt2.tokenizer.save_pretrained(tmp_path / "tokenizer")
    ids = torch.from_numpy(tiny_gpt2.encode(texts[4]))[:20].reshape(2, 10).to(torch.int64)
    X = torch.randn(2, 10, 4, generator=torch.Generator().manual_seed(0))
    acts = tmp_path / "acts"
    acts.mkdir()
    torch.save({"states": X, "input_ids": ids}, acts / "0.pt")
    (acts / "metadata.json").write_text(
        json.dumps({"model": str(tmp_path / "tokenizer"), "hook_name": "blocks.1.hook_resid_post"})
    )
    store = open_store(acts)
    assert store.without_texts is None
    assert "".join(store.excerpt(0, 0, 99)) == tiny_gpt2.tokenizer.decode(ids[0])
    assert store.metadata["layer"] == 2
    assert store.origin["hook"] == "blocks.1.hook_resid_post"
    (acts / "metadata.json").unlink()
    again = open_store(acts)
    assert "is not at hand" in again.without_texts
    assert again.token_texts[3] == f"[{ids[0, 3]}] "


def test_data_sets_of_saelens(tmp_path):
    datasets = pytest.importorskip("datasets")
    X = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    ids = np.arange(24, dtype=np.int32).reshape(6, 4)
    hook = "blocks.0.hook_mlp_out"
    features = datasets.Features({
        hook: datasets.Array2D(shape=(4, 3), dtype="float32"),
        "token_ids": datasets.Sequence(datasets.Value(dtype="int32"), length=4),
    })  # fmt: skip
    found = datasets.Dataset.from_dict({hook: X, "token_ids": ids}, features=features)
    found.save_to_disk(tmp_path / "acts", num_shards=2)
    store = open_store(tmp_path / "acts")
    np.testing.assert_array_equal(store.read(slice(None)), X.reshape(24, 3))
    np.testing.assert_array_equal(store.ids, np.arange(24))
    assert store.n_documents == 6
    assert store.origin["hook"] == hook
    assert store.place == "an unnamed model at the MLP of block 0"


def test_without_pyarrow_the_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "data-0.arrow").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        open_store(tmp_path)


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_files_that_are_not_whole_are_named(tmp_path, suffix, share):
    folder = tmp_path / "acts"
    if suffix == ".arrow":
        datasets = pytest.importorskip("datasets")
        datasets.Dataset.from_dict({"a": np.zeros((50, 4)).tolist()}).save_to_disk(folder)
    else:
        kind = {".npy": "npy", ".safetensors": "safetensors"}.get(suffix, "torch")
        write(folder, kind, [torch.ones(100, 8)])
    (file,) = (f for f in folder.iterdir() if f.suffix in KINDS)
    file = file.rename(file.with_suffix(suffix))
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=rf"{file.name}.* (is|it is) damaged"):
        open_store(folder).read(slice(None))


def test_shards_that_do_not_fit_are_named(tmp_path):
    write(tmp_path / "a", "npy", [torch.ones(3, 4), torch.ones(3, 5)])
    with pytest.raises(
        ValueError, match=r"n_features=4\) in shard 1 \(acts_10\.npy\), got \(3, 5\)"
    ):
        open_store(tmp_path / "a")
    write(tmp_path / "b", "torch", [torch.ones(3, 4), torch.ones(3, 4, dtype=torch.bfloat16)])
    with pytest.raises(ValueError, match=r"float32 in shard 1 \(acts_10\.pt\), got bfloat16"):
        open_store(tmp_path / "b")
    write(tmp_path / "c", "npy", [torch.ones(2, 2, 2, 2)])
    with pytest.raises(
        ValueError, match=r"must hold float16, .* got float32 of shape \(2, 2, 2, 2\)"
    ):
        open_store(tmp_path / "c")
    np.save(tmp_path / "d.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="got pickled objects"):
        open_store(tmp_path / "d.npy")
    write(tmp_path / "a", "torch", [torch.ones(3, 4)])
    with pytest.raises(ValueError, match="one kind of files, got npy, torch"):
        open_store(tmp_path / "a")


def test_several_arrays_need_a_key(tmp_path):
    file = tmp_path / "acts.safetensors"
    save_file({"mlp": torch.ones(3, 4), "resid": torch.zeros(3, 2), "mean": torch.zeros(4)}, file)
    with pytest.raises(
        ValueError, match=r"choose one by `key` .*`--array` .*, of 'mlp' \(3, 4\), 'resid' \(3, 2\)"
    ):
        open_store(tmp_path)
    assert open_store(tmp_path, key="resid").n_features == 2
    with pytest.raises(ValueError, match=r"must hold 'none', got none in acts\.safetensors"):
        open_store(tmp_path, key="none")
    for name, width in (("mlp", 4), ("resid", 2)):
        np.save(tmp_path / f"{name}_0.npy", np.ones((3, width)))
    file.unlink()
    assert open_store(tmp_path, key="resid").n_features == 2


def test_integers_are_asked_whether_they_are_tokens(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 4), np.int32))
    with pytest.raises(ValueError, match=r"none in a\.npy; integers are there: token ids\?"):
        open_store(tmp_path)


def test_what_is_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        open_store(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        FileNotFoundError, match=r"metadata\.json of `overica activations`, or files"
    ):
        open_store(tmp_path)


def test_a_file_without_rows_is_a_store_without_rows(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((0, 3), np.float32))
    assert open_store(tmp_path / "a.npy").activations.shape == (0, 3)


def test_our_own_folders_are_opened_as_such(tmp_path):
    write_store(tmp_path, n_documents=2, length=3)
    assert isinstance(open_store(tmp_path), ActivationStore)
    with pytest.raises(ValueError, match="`key` must be None"):
        open_store(tmp_path, key="a")


@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_bfloat16_rounds_as_torch_does(values):
    X = np.array(values, np.float32)[:, None]
    expected = torch.from_numpy(X).bfloat16().float().numpy()
    half = PRECISIONS["bfloat16"]
    np.testing.assert_array_equal(half.decode(half.encode(X)).float().numpy(), expected)


@pytest.mark.parametrize("kind", WRITE)
def test_a_row_that_is_not_finite_is_named(tmp_path, kind):
    tensors = [tensor.clone().bfloat16() for tensor in SHARDS]
    tensors[1][4, 2] = torch.nan
    store = open_store(write(tmp_path / "acts", kind, tensors))
    with pytest.raises(ValueError, match=r"finite, got NaN in row 4 of shard 1 \(acts_10\."):
        store.read(slice(None))
    with pytest.raises(ValueError, match=r"finite, got NaN in row 4 of shard 1 \(acts_10\."):
        BatchTopKSAE(8, n_active=2, n_steps=2, random_state=0).fit(store)


def test_an_export_names_where_its_samples_are_from(tmp_path):
    store, _ = write_store(tmp_path / "acts", n_documents=4)
    sae = BatchTopKSAE(8, n_active=2, n_steps=2, random_state=0).fit(store)
    export(sae, tmp_path / "out", X=store)
    told = load(tmp_path / "out").source_
    assert (told["model"], told["hook"], told["layer"]) == (
        "/nowhere/none", "blocks.1.hook_resid_pre", 1,
    )  # fmt: skip


def test_inspect_says_what_activations_are_there(tmp_path):
    write(tmp_path / "acts", "torch", [tensor.bfloat16() for tensor in SHARDS])
    found = CliRunner().invoke(main, ["inspect", str(tmp_path / "acts")])
    assert found.exit_code == 0, found.output
    assert "n_tokens: 15\nn_features: 6\n" in found.output
    assert "precision: bfloat16" in found.output
    assert "texts: no token ids lie beside" in found.output
    (tmp_path / "none").mkdir()
    nothing = CliRunner().invoke(main, ["inspect", str(tmp_path / "none")])
    assert nothing.exit_code == 1
    assert "in one of the known formats" in nothing.output
    assert "or activations: `folder` must hold metadata.json" in nothing.output


def test_a_study_of_another_tools_activations_with_its_dictionary(tmp_path):
    X = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0).X
    half = torch.from_numpy(X).to(torch.float16)
    acts = write(tmp_path / "acts", "torch", half.reshape(2, 25, 40, 8))
    sae = BatchTopKSAE(16, n_active=2, n_steps=200, random_state=0).fit(X)
    export(sae, tmp_path / "sae")
    study = FeatureStudy(
        acts, methods=["pca", {"name": "loaded", "path": str(tmp_path / "sae")}], widths=[2], full_width=2,
        active=[2], n_seeds=1, n_jobs=1, n_evaluated=100, n_scored=20, n_described=400,
    )  # fmt: skip
    results = study.run(tmp_path / "study", progress=False)
    assert not results.failed
    study.write_report(results)
    (cell,) = (run for run in results.runs() if run["method"] == "loaded")
    assert cell["nonnegative"]
    assert cell["metrics"]["explained_variance"]["value"] > 0.7
    assert "how another tool cut those" in cell["not_substituted"]
    record = json.loads((tmp_path / "study" / "loaded-2x" / "features.json").read_text())
    assert record["source"]["model"] is None
    assert max(feature["firings"] for feature in record["features"]) > 10
    page = (tmp_path / "study" / "loaded-2x" / "index.html").read_text()
    assert "Numbers stand for texts: no token ids lie beside" in page
    tokens = json.loads((tmp_path / "study" / "assets" / "tokens.json").read_text())
    assert tokens["words"][:2] == ["[0] ", "[1] "]
