"""A journal: the same result however often it is cut short, and never that of another fit."""

import os
import signal
import warnings
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from overica.persistence import FolderLock, Journal, described, fingerprint
from overica.persistence import journal as journals
from overica.persistence.fingerprint import differences
from overica.persistence.tensors import read_tensors, write_tensors
from overica.persistence.values import pack, unpack
from tests.persistence.killing import SKIP, at_every_step

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)
ARRAYS = arrays.arrays(st.sampled_from([np.float64, np.float32, np.int64, np.bool_]), SHAPES)
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or one != one


@given(value=VALUES)
@settings(deadline=None)
def test_values_come_back_from_a_file_to_the_bit(value, tmp_path_factory):
    path = tmp_path_factory.mktemp("values") / "value.safetensors"
    write_tensors(path, *pack(value))
    assert same(value, unpack(*read_tensors(path)))


def test_a_file_that_lacks_a_bit_anywhere_is_damaged(tmp_path):
    path = tmp_path / "value.safetensors"
    write_tensors(path, *pack({"A": np.ones(2), "step": 3}))
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"value\.safetensors is damaged"):
            read_tensors(path)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"value\.safetensors is damaged"):
            read_tensors(path)


def test_arrays_lie_in_memory_as_they_lay():
    A = np.asfortranarray(np.random.default_rng(0).normal(size=(3, 4)))
    back = unpack(*pack({"A": A, "B": A.T}))
    assert back["A"].flags.f_contiguous
    assert back["B"].flags.c_contiguous
    assert (back["A"] == A).all()


def test_what_is_no_plain_value_is_refused():
    with pytest.raises(TypeError, match=r"got object at 'a\.1'"):
        pack({"a": [1, object()]})


def walk(folder, *, n=4, every=0.0, identity=None, until=None):
    """Sums of draws: stages within a stage, one of many steps; ends with an error at the write numbered `until`."""
    rng = np.random.default_rng(0)
    with Journal(folder, identity or {"n": n}, every) as journal:
        for part in range(2):
            with journal.stage("part") as outer:
                if outer.complete:
                    rng.bit_generator.state = outer.kept["generator"]
                    continue
                with journal.stage("start") as stage:
                    if not stage.complete:
                        stage.finish(
                            {"sum": rng.normal(size=2), "generator": rng.bit_generator.state}
                        )
                    total = stage.kept["sum"]
                    rng.bit_generator.state = stage.kept["generator"]
                with journal.stage("steps") as stage:
                    done = 0
                    if stage.kept:
                        done, total = stage.kept["step"], stage.kept["sum"]
                        rng.bit_generator.state = stage.kept["generator"]
                    for step in range(done + 1, n + 1):
                        total = total + rng.normal(size=2)
                        values = {"step": step, "sum": total, "generator": rng.bit_generator.state}
                        stage.offer(lambda values=values: values)
                outer.finish({"sum": total + part, "generator": rng.bit_generator.state})
        return outer.kept["sum"].tolist()


def cut(monkeypatch, writes, action):
    """Let the write numbered `writes` do something instead."""
    left = [writes]
    real = journals.write_tensors

    def instead(*arguments):
        left[0] -= 1
        if left[0] < 0:
            action()
        real(*arguments)

    monkeypatch.setattr(journals, "write_tensors", instead)


@given(st.lists(st.integers(0, 9), max_size=4), st.sampled_from([0.0, 1e9]))
@settings(max_examples=30, deadline=None)
def test_it_ends_the_same_wherever_it_is_cut(tmp_path_factory, cuts, every):
    folder = tmp_path_factory.mktemp("journal")

    def full():
        raise OSError(28, "No space left on device")

    for writes in cuts:
        with pytest.MonkeyPatch.context() as patch:
            cut(patch, writes, full)
            with suppress(OSError):
                walk(folder, every=every)
    assert walk(folder) == walk(None)


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
def test_it_ends_the_same_wherever_it_is_killed(tmp_path):
    for step in at_every_step(lambda: walk(tmp_path / "journal", n=1)):
        if step % 7 == 0:
            assert walk(tmp_path / "journal", n=1) == walk(None, n=1)
            for path in (tmp_path / "journal").iterdir():
                path.unlink()


def test_what_is_in_a_stage_goes_once_it_is_done(tmp_path):
    walk(tmp_path)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"000-part.safetensors", "001-part.safetensors", "fit.json", ".lock"}


def test_little_is_written_before_it_is_time(tmp_path):
    with Journal(tmp_path, {}, every=3600.0) as journal:
        with journal.stage("a") as stage:
            stage.offer(lambda: pytest.fail("made"))
            stage.finish(1)
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert (tmp_path / "000-a.safetensors").exists()


def test_a_damaged_stage_is_computed_again_and_named(tmp_path):
    first = walk(tmp_path)
    path = tmp_path / "001-part.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.warns(UserWarning, match=r"001-part.safetensors is damaged.*computed again"):
        assert walk(tmp_path) == first


def test_another_fit_is_refused_with_what_differs(tmp_path):
    walk(tmp_path, identity={"rule": "natural", "X": {"shape": [9, 2]}})
    with pytest.raises(ValueError, match=r"another fit: X\.shape is \[8, 2\], was \[9, 2\]\. Make"):
        walk(tmp_path, identity={"rule": "natural", "X": {"shape": [8, 2]}})


def test_another_version_is_refused(tmp_path, monkeypatch):
    walk(tmp_path)
    monkeypatch.setattr("overica.persistence.journal.__version__", "99")
    with pytest.raises(ValueError, match="version is '99', was"):
        walk(tmp_path)


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FileExistsError, match=r"`thesis\.tex`.*choose another folder"):
        walk(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(NotADirectoryError, match="is a file"):
        walk(tmp_path / "thesis.tex")


def test_a_second_writer_is_refused_by_name(tmp_path):
    with FolderLock(tmp_path), pytest.raises(BlockingIOError, match=f"{tmp_path.name} is in use"):
        walk(tmp_path)
    assert walk(tmp_path) == walk(None)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_waits_for_the_step_to_be_written(tmp_path, number, error):
    seen = []

    def steps():
        with Journal(tmp_path, {}, every=3600.0) as journal, journal.stage("run") as stage:
            for step in range(0 if stage.kept is None else stage.kept + 1, 6):
                if step == 3 and not seen:
                    seen.append(step)
                    os.kill(os.getpid(), number)
                    seen.append("on")
                stage.offer(lambda step=step: step)
            stage.finish(step)

    before = signal.getsignal(number)
    with pytest.raises(error):
        steps()
    assert seen == [3, "on"]
    assert signal.getsignal(number) is before
    with Journal(tmp_path, {}) as journal, journal.stage("run") as stage:
        assert (stage.complete, stage.kept) == (False, 3)
    steps()


def test_a_second_signal_does_not_wait(tmp_path):
    with Journal(tmp_path, {}, 3600.0) as journal, journal.stage("run") as stage:
        stage.offer(lambda: 1)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        stage._journal._interrupts.waiting = None


def test_without_a_folder_nothing_is_made():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Journal() as journal, journal.stage("run") as stage:
            stage.offer(lambda: pytest.fail("made"))
            stage.finish(7)
        assert stage.kept == 7


def test_descriptions_tell_objects_apart_but_not_places_in_memory():
    from overica.priors import Laplace, SmoothLaplace

    assert described(Laplace(2.0)) == described(Laplace(2.0)) != described(Laplace(3.0))
    assert described(SmoothLaplace()) != described(Laplace())
    assert described(print) == "builtins.print"
    assert not list(differences(described({"a": (1, 2)}), described({"a": [1, 2]})))


def test_fingerprints_see_shape_dtype_and_values():
    X = np.random.default_rng(0).normal(size=(100, 3))
    changed = X.copy()
    changed[-1, 0] += 1
    prints = [fingerprint(each) for each in (X, changed, X[1:], X.astype(np.float32))]
    assert len({str(each) for each in prints}) == 4
    assert fingerprint(X.copy()) == prints[0]
