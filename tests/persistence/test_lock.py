"""One writer at a time."""

import errno
import gc
import subprocess
import sys

import pytest

from overica.persistence import FolderLock


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path):
    first = FolderLock(tmp_path)
    with pytest.raises(BlockingIOError, match=r"in use: another process"):
        FolderLock(tmp_path)
    first.release()
    first.release()
    with FolderLock(tmp_path), pytest.raises(BlockingIOError):
        FolderLock(tmp_path)
    FolderLock(tmp_path).release()


def test_a_forgotten_lock_is_no_lock(tmp_path):
    FolderLock(tmp_path)
    gc.collect()
    FolderLock(tmp_path).release()


def test_the_lock_of_a_killed_process_is_no_lock(tmp_path):
    code = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("lock", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
held = module.FolderLock(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""
    source = sys.modules[FolderLock.__module__].__file__
    with subprocess.Popen(
        [sys.executable, "-c", code, source, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):
            FolderLock(tmp_path)
        other.kill()
        other.wait()
    FolderLock(tmp_path).release()


def test_a_drive_without_locks_is_told_and_used(tmp_path, monkeypatch):
    def unknown(_file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(sys.modules[FolderLock.__module__], "_lock", unknown)
    with pytest.warns(UserWarning, match="knows no locks"):
        FolderLock(tmp_path).release()
