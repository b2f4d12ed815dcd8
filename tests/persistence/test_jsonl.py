"""JSON lines: what was appended comes back, whatever is in the names and wherever a writer ended."""

import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.persistence import append_lines, read_json, read_lines, write_json, write_lines

OLD, NEW = {"cell": "old"}, {"cell": "new"}
NAMES = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    ["a\u2028b", "a\u2029b", "a\x85b", "a\nb", "a\r\nb", "a\x1cb", "a\x0bb", "\udcff", "\\\udcff"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)  # fmt: skip


@given(before=st.lists(VALUES, max_size=3), after=st.lists(VALUES, max_size=3))
def test_what_is_written_comes_back(tmp_path_factory, before, after):
    path = tmp_path_factory.mktemp("lines") / "results.jsonl"
    write_lines(path, before)
    append_lines(path, after)
    assert read_lines(path) == [*before, *after]
    # Whoever reads lines as text finds the same ones.
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [*before, *after]


@given(value=VALUES)
def test_json_holds_any_text(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "facts.json"
    write_json(path, value)
    assert read_json(path) == value


@given(cut=st.integers(0, 40))
def test_a_torn_end_costs_the_torn_line_alone(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("torn") / "results.jsonl"
    append_lines(path, [OLD, {"cell": "é\u2028" * 4}])
    content = path.read_bytes()
    path.write_bytes(content[: max(0, len(content) - cut)])
    found = read_lines(path)
    append_lines(path, [NEW])
    assert read_lines(path) == [*found, NEW]
    assert found[:1] == [OLD]


@pytest.mark.parametrize("short", [0, 1, 9])
def test_lines_that_do_not_fit_leave_the_file_as_it_was(tmp_path, monkeypatch, short):
    path = tmp_path / "results.jsonl"
    append_lines(path, [OLD])
    before = path.read_bytes()

    def full(handle):
        os.ftruncate(handle, len(before) + short)
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            append_lines(path, [NEW])
    assert path.read_bytes() == before
    append_lines(path, [NEW])
    assert read_lines(path) == [OLD, NEW]


def test_lines_that_are_no_json_are_left_out(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"cell": "a"}\n\n\xff\xfe\n{"cell\n' + b"[" * 100_000 + b'\n{"cell": "b"}')
    assert read_lines(path) == [{"cell": "a"}, {"cell": "b"}]


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, b"bytes"])
def test_what_json_has_no_words_for_changes_nothing(tmp_path, value):
    path = tmp_path / "results.jsonl"
    with pytest.raises(TypeError):
        append_lines(path, [OLD, value])
    assert not path.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such call")
def test_content_and_name_are_on_the_disk_before_the_call_returns(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_ino), fsync(handle))
    )
    for write in (append_lines, write_lines):
        path = tmp_path / f"{write.__name__}.jsonl"
        synced.clear()
        write(path, [NEW])
        assert synced == [path.stat().st_ino, tmp_path.stat().st_ino], write.__name__
