"""The folder of a study: nothing that has ended well is lost, and nothing damaged is believed."""

import importlib
import json

import numpy as np
import pytest

from overica.coding import Dictionary
from overica.sae import TopKSAE
from overica.studies import StudyError
from overica.studies import store as store_module
from overica.studies.models import model_files
from overica.studies.results import kept_dictionary
from overica.studies.store import Store
from tests.persistence.killing import SKIP, at_every_step

CELLS = [f"data/method/own/{i}" for i in range(5)]


def records(config):
    return [{"cell": cell, "config": config, "status": "ok"} for cell in CELLS]


def wanted(config):
    return dict.fromkeys(CELLS, config)


@pytest.fixture
def store(tmp_path):
    """Cells of a study that was edited from A to B."""
    store = Store(tmp_path)
    store.append(records("A"))
    store.resume(wanted("B"))
    store.append(records("B"))
    return store


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
@pytest.mark.parametrize("fresh", [False, True])
def test_a_study_edited_back_and_killed_loses_no_cell(store, fresh):
    for _ in at_every_step(lambda: store.resume(wanted("A"), fresh=fresh)):
        assert len(store.resume(wanted("B"))) == len(store.resume(wanted("A"))) == len(CELLS)
        store.resume(wanted("B"))


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_full_disk_loses_no_cell(store, call, monkeypatch):
    calls, replace = [], store_module._replace

    def full(path, text):
        calls.append(path)
        if len(calls) == call:
            raise OSError(28, "No space left on device")
        replace(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "_replace", full)
        with pytest.raises(OSError, match="No space"):
            store.resume(wanted("A"))
    assert len(store.resume(wanted("A"))) == len(store.resume(wanted("B"))) == len(CELLS)


@pytest.mark.parametrize("damage", [b"", b"PK", None, "flip", "cut"])
def test_a_cell_whose_dictionary_is_damaged_is_tried_again(tmp_path, damage):
    store = Store(tmp_path)
    path = "dictionaries/key.npz"
    store.keep(path, kept_dictionary(Dictionary.of_rows(np.eye(3))))
    assert store.arrays(path)["components"].tolist() == np.eye(3).tolist()
    store.append([records("A")[0] | {"kept": {"dictionaries": path}}])
    assert len(store.resume(wanted("A"))) == 1
    file, content = tmp_path / path, (tmp_path / path).read_bytes()
    if damage is None:
        file.unlink()
    else:
        flipped = content[:50] + bytes([content[50] ^ 1]) + content[51:]
        file.write_bytes({"flip": flipped, "cut": content[:-3]}.get(damage, damage))
        with pytest.raises(ValueError, match=r"key\.npz is damaged"):
            store.arrays(path)
    assert store.resume(wanted("A")) == []


def test_a_cell_whose_model_is_damaged_is_tried_again(tmp_path):
    store, path = Store(tmp_path), "models/key"
    X = np.random.default_rng(0).exponential(size=(100, 4))
    store.keep(path, model_files(TopKSAE(6, n_active=2, n_steps=3, random_state=0).fit(X)))
    assert type(store.model(path)) is TopKSAE
    store.append([records("A")[0] | {"kept": {"models": path}}])
    assert len(store.resume(wanted("A"))) == 1
    file = tmp_path / path / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    assert store.resume(wanted("A")) == []


def test_a_damaged_header_is_named(tmp_path):
    store = Store(tmp_path)
    for content, message in (
        (b"{", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[]", "object"),
    ):
        store.header_path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"study\.json .*{message}"):
            store.read_header()


def test_lines_that_are_no_record_are_passed_over(tmp_path):
    store = Store(tmp_path)
    store.append(records("A"))
    with store.results_path.open("a") as file:
        file.write("[" * 100_000 + "\n" + json.dumps({"no": "cell"}) + "\n" + '{"cell": "to')
    assert store.read() == records("A")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x1c"])
def test_names_with_separators_of_lines_survive(tmp_path, mark):
    record = records("A")[0] | {"label": f"one{mark}line"}
    store = Store(tmp_path)
    store.append([record])
    assert store.read() == [record]
    assert store.resume(wanted("A")) == [record]


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StudyError, match="must be a folder for the study, got a file"):
        Store.check(tmp_path / "file", "known_truth")
    (tmp_path / "study.json").write_text('{"study": {}}')
    with pytest.raises(StudyError, match=r"that overica did not write, or before version 0\.2"):
        Store.check(tmp_path, "known_truth")
    (tmp_path / "study.json").write_text('{"kind": "photographs"}')
    with pytest.raises(StudyError, match="a study of kind 'known_truth', got 'photographs'"):
        Store.check(tmp_path, "known_truth")
    assert Store.check(tmp_path, "photographs").read() == []
    assert not (tmp_path / "new").exists()
    assert Store.check(tmp_path / "new", "photographs").read() == []


def test_the_store_is_where_it_was():
    assert importlib.import_module("overica.compare.store") is store_module
