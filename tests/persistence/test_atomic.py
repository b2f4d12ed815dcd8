"""Single files and sets of files: the old or the new, whenever the writer is killed."""

import json

import pytest

from overica.persistence import (
    current,
    read_json,
    replace_together,
    replacing,
    staged,
    write_atomically,
    write_json,
)
from tests.persistence.killing import SKIP, at_every_step

OLD, NEW = {"a": b"old", "b": b"old"}, {"a": b"new" * 5000, "b": b"new"}


def together(folder):
    return {name: current(folder, name).read_bytes() for name in OLD}


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
def test_a_killed_writer_of_one_file_leaves_the_old_or_the_new(tmp_path):
    path = tmp_path / "facts.json"
    write_json(path, "old")
    seen = []
    for _ in at_every_step(lambda: write_json(path, "new")):
        seen.append(read_json(path))
        write_json(path, "old")
    assert set(seen) <= {"old", "new"}
    assert seen[0] == "old"
    assert read_json(path) == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["facts.json"]


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
def test_a_killed_writer_of_several_leaves_all_old_or_all_new(tmp_path):
    replace_together(tmp_path, OLD)
    seen = []
    for _ in at_every_step(lambda: replace_together(tmp_path, NEW)):
        seen.append(together(tmp_path) == NEW)
        assert together(tmp_path) in (OLD, NEW)
        # The next one, after such an end, is as good as ever.
        replace_together(tmp_path, OLD)
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == OLD
    assert True in seen
    assert False in seen
    assert together(tmp_path) == NEW


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
def test_a_writer_killed_again_and_again_leaves_no_mixture(tmp_path):
    replace_together(tmp_path, OLD)
    for step in at_every_step(lambda: replace_together(tmp_path, NEW)):
        # Of neither call anything is tidied up.
        for _ in at_every_step(lambda step=step: replace_together(tmp_path, OLD)):
            assert together(tmp_path) in (OLD, NEW), step


@pytest.mark.parametrize("made", [False, True])
def test_what_fails_leaves_nothing(tmp_path, made):
    folder = tmp_path / "folder"
    if made:
        replace_together(folder, OLD)

    def fail():
        with staged(folder) as part:
            (part / "a").write_bytes(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert folder.exists() == made
    assert not made or {p.name: p.read_bytes() for p in folder.iterdir()} == OLD


def test_other_files_stay(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    replace_together(tmp_path, OLD)
    replace_together(tmp_path, {"a": b"new"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "mine.txt"]


def test_an_interrupted_file_is_as_it_was(tmp_path):
    path = tmp_path / "page.html"
    write_atomically(path, "é")

    def interrupted():
        with replacing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text("utf-8") == "é"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1} x'])
def test_damaged_json_is_named(tmp_path, content):
    path = tmp_path / "facts.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"facts\.json is damaged"):
        read_json(path)


def test_json_is_kept_as_it_is(tmp_path):
    value = {"text": "é \ud7ff", "list": [1, 2.5, None], "deep": {"a": {}}}
    write_json(tmp_path / "facts.json", value)
    assert read_json(tmp_path / "facts.json") == value
    assert json.loads((tmp_path / "facts.json").read_bytes()) == value
