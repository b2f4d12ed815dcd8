"""Folders for results: what cannot be written is said before the work, and looking at it changes nothing."""

import errno
import os
import tempfile

import pytest

from overica.persistence import check_output_file, check_output_folder, staged
from tests.persistence.killing import SKIP, at_every_step

OLD, NEW = {"a": b"old", "b": b"old", "c": b"old"}, {"a": b"new", "b": b"new"}


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("path", ["", "new", "new/and/deep"])
def test_a_good_folder_is_left_as_it_is(tmp_path, path):
    (tmp_path / "mine").write_text("mine")
    check_output_folder(tmp_path / path)
    assert everything(tmp_path) == ["mine"]


@pytest.mark.parametrize("path", ["file", "file/results", "file/a/b", "loose", "loose/results"])
def test_what_is_no_folder(tmp_path, path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loose").symlink_to(tmp_path / "nowhere")
    with pytest.raises(
        NotADirectoryError, match=r"results cannot go to .*(file is a file|nothing)"
    ):
        check_output_folder(tmp_path / path)
    with pytest.raises(OSError, match="results cannot go to"):
        check_output_file(tmp_path / path / "scores.json")
    assert everything(tmp_path) == ["file", "loose"]


def test_what_is_foreign(tmp_path):
    asked = []

    def foreign(folder):
        asked.append(folder)
        return "`study.json`"

    check_output_folder(tmp_path / "new", foreign=foreign)
    assert asked == []
    with pytest.raises(FileExistsError, match=r"holds `study\.json`, which is not from here"):
        check_output_folder(tmp_path, foreign=foreign)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("path", ["", "new/and/deep"])
def test_what_the_disk_refuses(tmp_path, monkeypatch, number, path):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(OSError, match=f"results cannot go to .*: {os.strerror(number)}$"):
        check_output_folder(tmp_path / path)
    assert everything(tmp_path) == []


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_the_user_may_not_write(tmp_path):
    paths = [tmp_path, tmp_path / "new" / "results"]
    tmp_path.chmod(0o555)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # What is forbidden to everyone is not forbidden to root.
            if os.geteuid() == 0:
                os.setuid(65534)
            for path in paths:
                try:
                    check_output_folder(path)
                except PermissionError as error:
                    os.write(writer, f"{error}\n".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as told:
        lines = told.read().splitlines()
    os.waitpid(child, 0)
    tmp_path.chmod(0o755)
    assert lines == [f"results cannot go to {path}: Permission denied" for path in paths]
    assert everything(tmp_path) == []


def test_files(tmp_path):
    check_output_file(tmp_path / "scores.json")
    assert everything(tmp_path) == []
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        check_output_file(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_output_file(tmp_path / "new" / "scores.json")


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
@pytest.mark.parametrize("made", [False, True])
def test_an_interruption_leaves_nothing_hidden(tmp_path, made):
    folder = tmp_path / "deep" / "folder"
    old = OLD if made else {}

    def write(files):
        with staged(folder) as part:
            for name, content in files.items():
                (part / name).write_bytes(content)

    if made:
        write(OLD)
    seen = []
    for _ in at_every_step(lambda: write(NEW), interrupted=True):
        found = {path.name: path.read_bytes() for path in folder.glob("*")}
        hidden = list(tmp_path.rglob(".*"))
        assert found in (old, old | NEW)
        assert not hidden
        assert found or everything(tmp_path) == []
        seen.append(found == old)
        for path in folder.glob("*"):
            path.unlink()
        if made:
            write(OLD)
        elif folder.exists():
            folder.rmdir()
            folder.parent.rmdir()
    assert set(seen) == {True, False}
