"""Every command that writes: a bad output is one line before any work, and whatever ends it leaves no litter."""

import errno
import os
import signal
import subprocess
import sys
import tempfile

import click
import pytest
from click.testing import CliRunner

from overica.cli import main

WORK = {
    "activations": "overica.lm.collecting.activations_command.run_activations",
    "compare": "overica.studies.Study.run",
    "demo": "overica.demo.run_demo",
    "evaluate": "overica.separation.evaluation_files.evaluate_files",
    "export": "overica.formats.exporting.convert",
    "fit": "overica.fits.running.run_fit",
    "features run": "overica.lm.study.feature_study.open_store",
    "features show": "overica.lm.features.show.run_show",
    "photographs": "overica.studies.Study.run",
    "separate": "overica.separation.separate_file.run_separate",
    "study": "overica.studies.Study.run",
}
"""What each does once its output is known to be writable."""


def arguments(name, folder, output):
    """Of a call that gets as far as its work."""
    for sound in ("mix.wav", "other.wav"):
        (folder / sound).touch()
    (folder / "study.toml").write_text('kind = "photographs"', encoding="utf-8")
    return {
        "activations": ["--model", "m", "--layer", "1", "--text", "t", "-o", output],
        "compare": ["-o", output],
        "demo": ["-o", output],
        "evaluate": [folder / "mix.wav", folder / "other.wav", "--json", output / "scores.json"],
        "export": [folder, "-o", output],
        "fit": [folder, "-m", "ica", "-n", "4", "-o", output],
        "features run": [folder, "-o", output],
        "features show": [folder, "--text", "a", "-o", output / "page.html"],
        "photographs": ["-o", output],
        "separate": [folder / "mix.wav", "--sources", "3", "-o", output],
        "study": [folder / "study.toml", "-o", output],
    }[name]


def call(name, folder, output):
    return CliRunner().invoke(main, [*name.split(), *map(str, arguments(name, folder, output))])


@pytest.fixture(params=sorted(WORK))
def name(request):
    return request.param


@pytest.fixture
def work(name, monkeypatch):
    """Replaces the work of the command by what it is given to raise."""
    pytest.importorskip("soundfile")

    def raising(error):
        def instead(*_, **__):
            raise error

        monkeypatch.setattr(WORK[name], instead)

    return raising


def one_line(result, message):
    assert result.exit_code == 1, result.output
    assert result.stderr.splitlines()[-1] == f"Error: {message}"
    assert "Traceback" not in result.output
    # What click was told, not what slipped through it.
    assert isinstance(result.exception, SystemExit)


def commands(group, *path):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), command


def test_no_command_is_forgotten():
    # Paths that need not exist, but for the pictures of `photographs`, found missing in a sentence of their own.
    read = {"folder"}
    writing = {
        name
        for name, command in commands(main)
        for option in command.params
        if isinstance(option.type, click.Path) and not option.type.exists and option.name not in read
    }  # fmt: skip
    assert writing == WORK.keys()


def test_an_output_in_a_file_is_refused_before_the_work(name, work, tmp_path):
    work(AssertionError("the work had begun"))
    (tmp_path / "notes").write_text("mine")
    output = tmp_path / "notes" / "results"
    result = call(name, tmp_path, output)
    assert f"results cannot go to {output}" in result.stderr
    one_line(result, result.stderr.splitlines()[-1].removeprefix("Error: "))
    assert (tmp_path / "notes").read_text() == "mine"


def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    name, work, tmp_path, monkeypatch
):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    work(AssertionError("the work had begun"))
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    one_line(
        call(name, tmp_path, tmp_path),
        f"results cannot go to {tmp_path}: {os.strerror(errno.EROFS)}",
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_what_the_system_refuses_during_the_work_is_one_line(name, work, tmp_path, number):
    work(OSError(number, os.strerror(number), "results.jsonl"))
    one_line(call(name, tmp_path, tmp_path), f"results.jsonl: {os.strerror(number)}")


def test_an_interruption_is_told(name, work, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    work(KeyboardInterrupt())
    result = call(name, tmp_path, tmp_path)
    assert result.exit_code == 130
    assert "Stopped." in result.stderr
    assert signal.getsignal(signal.SIGTERM) is before


def test_mistakes_of_the_program_keep_their_traceback(name, work, tmp_path):
    work(ZeroDivisionError())
    assert isinstance(call(name, tmp_path, tmp_path).exception, ZeroDivisionError)


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_litter(tmp_path, number):
    code = """
import pathlib, sys, time
import overica.demo
from overica.cli import main
from overica.persistence import replacing, staged

def work(output, *_):
    with staged(output) as part:
        (part / "basis.png").write_bytes(b"half")
        with replacing(output / "history.png") as half:
            half.write_bytes(b"half")
            print("at work", flush=True)
            time.sleep(60)

overica.demo.run_demo = work
main(["demo", "-o", sys.argv[1]])
"""
    output = tmp_path / "new" / "demo"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(output)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "at work\n"
        assert list(output.iterdir())
        process.send_signal(number)
        assert process.stderr.read().splitlines()[1:] == ["Stopped."]
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no such limit")
def test_files_that_find_no_room(tmp_path):
    code = """
import resource, sys
from overica.cli import main

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
main(["separate", sys.argv[1], "--sources", "2", "--method", "l1", "-o", sys.argv[2]])
"""
    soundfile = pytest.importorskip("soundfile")
    from tests.separation.sounds import RATE, bursts, mixing

    path = tmp_path / "mix.wav"
    soundfile.write(path, bursts(2, 1.5) @ mixing(2).T, RATE)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "o")], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"Error: {tmp_path / 'o'}: File too large"
    assert not (tmp_path / "o").exists()
