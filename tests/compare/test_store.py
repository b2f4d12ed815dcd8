"""The folder of a study: nothing that has ended well is lost, and nothing damaged is believed."""

import json

import numpy as np
import pytest

import overica.compare.store
from overica.coding import Dictionary
from overica.compare.store import Store
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
    calls, replace = [], overica.compare.store._replace

    def full(path, text):
        calls.append(path)
        if len(calls) == call:
            raise OSError(28, "No space left on device")
        replace(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(overica.compare.store, "_replace", full)
        with pytest.raises(OSError, match="No space"):
            store.resume(wanted("A"))
    assert len(store.resume(wanted("A"))) == len(store.resume(wanted("B"))) == len(CELLS)


@pytest.mark.parametrize("damage", [b"", b"PK", None, "flip", "cut"])
def test_a_cell_whose_dictionary_is_damaged_is_tried_again(tmp_path, damage):
    store = Store(tmp_path)
    path = store.keep_dictionary("key", Dictionary.of_rows(np.eye(3)))
    assert store.dictionary(path).tolist() == np.eye(3).tolist()
    store.append([records("A")[0] | {"dictionary": path}])
    assert len(store.resume(wanted("A"))) == 1
    file, content = tmp_path / path, (tmp_path / path).read_bytes()
    if damage is None:
        file.unlink()
    else:
        flipped = content[:50] + bytes([content[50] ^ 1]) + content[51:]
        file.write_bytes({"flip": flipped, "cut": content[:-3]}.get(damage, damage))
        with pytest.raises(ValueError, match=r"key\.npz is damaged"):
            store.dictionary(path)
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
