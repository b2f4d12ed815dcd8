"""Checkpoints and archives: a bit, a byte or a key too few is noticed, and the file is named."""

import json

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from overica.persistence import (
    damage_named,
    read_arrays,
    read_checkpoint,
    read_json,
    write_arrays,
    write_checkpoint,
)

ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "y": np.zeros(0, np.float32), "z": np.array(3)}
CONFIG = {"format": "f", "unit": 0.1, "names": ["é", "b"], "nan": float("nan"), "pair": (1, 2)}
FILES = ("arrays.safetensors", "config.json")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder, ARRAYS, CONFIG)
    return folder, {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "rows.npz"
    write_arrays(path, ARRAYS)
    return path, path.read_bytes()


def same(found):
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def flipped(content, data):
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    return bytes(damaged)


def cut(content, data):
    return content[: data.draw(st.integers(0, len(content) - 1))]


def test_what_is_written_comes_back(checkpoint, archive):
    arrays, config = read_checkpoint(checkpoint[0])
    same(arrays)
    same(read_arrays(archive[0]))
    assert np.isnan(config.pop("nan"))
    assert config == {"format": "f", "unit": 0.1, "names": ["é", "b"], "pair": [1, 2]}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [flipped, cut])
@given(data=st.data())
def test_any_damage_to_a_checkpoint_is_noticed(checkpoint, name, damage, data):
    folder, contents = checkpoint
    damaged = damage(contents[name], data)
    (folder / name).write_bytes(damaged)
    try:
        with pytest.raises(ValueError, match=name):
            read_checkpoint(folder)
    except pytest.fail.Exception:
        # Of JSON some bits say nothing, such as the case of an exponent: the same value is the same model.
        assert name == "config.json"
        assert repr(json.loads(damaged)) == repr(json.loads(contents[name]))
    finally:
        (folder / name).write_bytes(contents[name])


@given(data=st.data())
def test_any_key_of_a_configuration_is_missed(checkpoint, data):
    folder, contents = checkpoint
    config = json.loads(contents["config.json"])
    del config[data.draw(st.sampled_from(sorted(config)))]
    (folder / "config.json").write_text(json.dumps(config))
    try:
        with pytest.raises(ValueError, match=r"config\.json is damaged"):
            read_checkpoint(folder)
    finally:
        (folder / "config.json").write_bytes(contents["config.json"])


def test_files_of_two_models_are_no_model(tmp_path):
    for name, shift in (("one", 0), ("other", 1)):
        write_checkpoint(tmp_path / name, {"x": ARRAYS["x"] + shift}, CONFIG)
    (tmp_path / "one" / FILES[0]).replace(tmp_path / "other" / FILES[0])
    with pytest.raises(ValueError, match=r"arrays\.safetensors is damaged"):
        read_checkpoint(tmp_path / "other")


def test_white_space_says_nothing(checkpoint):
    folder, contents = checkpoint
    (folder / "config.json").write_text(json.dumps(json.loads(contents["config.json"])))
    same(read_checkpoint(folder)[0])
    (folder / "config.json").write_bytes(contents["config.json"])


def test_folders_without_checksums_are_read(tmp_path):
    safetensors.numpy.save_file({"x": ARRAYS["x"]}, tmp_path / FILES[0])
    (tmp_path / FILES[1]).write_text('{"format": "f"}')
    arrays, config = read_checkpoint(tmp_path)
    np.testing.assert_array_equal(arrays["x"], ARRAYS["x"])
    assert config == {"format": "f"}
    (tmp_path / FILES[0]).write_bytes((tmp_path / FILES[0]).read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"arrays\.safetensors is damaged"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("damage", [flipped, cut])
@given(data=st.data())
def test_any_damage_to_an_archive_is_noticed(archive, damage, data):
    path, content = archive
    path.write_bytes(damage(content, data))
    try:
        with pytest.raises(ValueError, match=r"rows\.npz is damaged"):
            read_arrays(path)
    finally:
        path.write_bytes(content)


@given(data=st.data())
def test_a_damaged_archive_without_a_seal_is_named_or_read(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("plain") / "rows.npz"
    np.savez_compressed(path, **ARRAYS)
    same(read_arrays(path))
    path.write_bytes(data.draw(st.sampled_from([flipped, cut]))(path.read_bytes(), data))
    try:
        read_arrays(path)
    except ValueError as error:
        assert "rows.npz is damaged" in str(error)  # noqa: PT017  (some damage cannot be seen)


def test_archives_are_what_numpy_reads(archive):
    with np.load(archive[0], allow_pickle=False) as arrays:
        same(dict(arrays))


def test_damage_is_named_once(tmp_path):
    (tmp_path / "facts.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged") as told, damage_named("all of it"):
        read_json(tmp_path / "facts.json")
    assert str(told.value).startswith(f"{tmp_path / 'facts.json'} is damaged: ")
    assert str(told.value).count("is damaged") == 1
