"""What a user meets first: a table of contents, a line before any wait, and a doctor."""

import json
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import overica.doctor
from overica.baselines import BASELINES
from overica.cli import CHAPTERS, _known, main
from overica.cli._command import Command
from overica.cli._study import load
from overica.fits.building import learners
from overica.formats import WRITERS
from overica.lm.store.precision import PRECISIONS
from overica.priors import PRIORS
from overica.sae import SAES
from overica.sae.arithmetic import PRECISIONS as TRAINING
from overica.separation import METHODS as SEPARATION
from overica.studies import METHODS
from tests.test_cli_output import WORK, arguments, commands

COMMANDS = dict(commands(main))
EXAMPLES = {
    example: name
    for name, command in COMMANDS.items()
    if isinstance(command, Command)
    for example in command.examples
}

FIRST_LINE = """
import io, os, sys

class Heard(io.StringIO):
    def write(self, text):
        super().write(text)  # click asks whether it takes bytes, or nothing
        if not text:
            return
        loaded = {"numpy", "scipy", "sklearn", "torch", "transformers", "matplotlib", "pandas"} & sys.modules.keys()
        print(text if not loaded else f"after {sorted(loaded)}: {text}", flush=True)
        os._exit(0)

sys.stderr = Heard()
from overica.cli import main
main(sys.argv[1:], prog_name="overica")
"""


def said(*args):
    done = subprocess.run(
        [sys.executable, "-c", FIRST_LINE, *map(str, args)], capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", sorted({*COMMANDS, "features"}))
def test_what_is_done_is_said_before_anything_is_imported_that_takes_long(name, tmp_path):
    others = {"inspect": [tmp_path], "doctor": []}
    path = "features run" if name == "features" else name
    args = others[name] if name in others else arguments(path, tmp_path, tmp_path / "out")
    line = said(*name.split(), *args)
    assert line.endswith(" ...")
    assert not line.startswith("after")


def test_an_unknown_method_is_told_as_soon(tmp_path):
    line = said("fit", tmp_path, "-m", "ika", "-n", 4, "-o", tmp_path / "out")
    assert line.startswith("Usage: overica fit")


def test_an_unknown_method_of_a_study_is_told_as_soon(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('methods = ["pca", {name = "batchtok"}]', encoding="utf-8")
    code = """
import sys
from overica.cli import main
try:
    main(sys.argv[1:])
finally:
    assert not {"torch", "sklearn", "pandas"} & sys.modules.keys()
"""
    for args, where in (
        (["compare", study], f"{study}, `methods[1]`"),
        (["features", tmp_path, "--methods", "ica,batchtok"], "`methods[1]`"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, args), "-o", str(tmp_path / "out")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = f"Error: {where}: unknown method 'batchtok'. Did you mean 'batchtopk'"
        assert done.stderr.splitlines()[-1].startswith(told)
        assert done.returncode == 1


def test_other_ranks_are_silent(tmp_path, monkeypatch):
    monkeypatch.setattr(WORK["fit"], lambda *_, **__: ())
    monkeypatch.setenv("RANK", "1")
    args = [*map(str, arguments("fit", tmp_path, tmp_path / "out"))]
    assert CliRunner().invoke(main, ["fit", *args]).output == ""


def test_names_that_options_know_are_those_that_are_registered():
    assert [*_known.METHODS] == learners()
    assert {*_known.METHODS, *_known.BESIDE} == METHODS.keys()
    for kind, names in _known.METHODS_OF.items():
        usable = load(kind).config_type.registry
        assert {*names} == usable.keys()
    assert {name: kind.name for name, kind in {**SAES, **BASELINES}.items()} == {
        name: name for name in _known.METHODS if not name.startswith("ica")
    }
    assert {*_known.PRIORS} == {"auto", *PRIORS}
    assert {*_known.ACTIVATION_PRECISIONS} == {*PRECISIONS}
    assert {*_known.TRAINING_PRECISIONS} == {*TRAINING}
    assert [*_known.EXPORT_FORMATS] == [*WRITERS]
    assert [*_known.SEPARATION_METHODS] == [*SEPARATION]


def test_help_is_a_table_of_contents_with_an_example_each():
    told = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    names = [name for chapter in CHAPTERS.values() for name in chapter]
    assert sorted(names) == sorted({*COMMANDS, "features"} - {"features run"})
    places = [told.index(f"\n  {name} ") for name in names]
    assert places == sorted(places)
    for name in names:
        command = COMMANDS["features run" if name == "features" else name]
        assert f"{command.examples[0]}\n" in told
    assert not [line for line in told.splitlines()[1:] if line.endswith("...")]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_understood(example, tmp_path, monkeypatch):
    words = shlex.split(example.partition(" < ")[0].partition(" > ")[0])
    words = words[words.index("overica") + 1 :]
    name = EXAMPLES[example]
    for word in name.removesuffix(" run").split():
        assert words.pop(0) == word
    monkeypatch.chdir(tmp_path)
    for word in words:
        path = tmp_path / word
        if "." in word and "/" not in word:
            path.touch()
        elif word.replace("/", "").isalnum():
            path.mkdir(parents=True)
    COMMANDS[name].make_context(name, words)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_examples_sections_and_defaults(name):
    command = COMMANDS[name]
    told = CliRunner().invoke(main, [*name.split(), "--help"]).output
    assert all(example in told for example in command.examples)
    assert command.examples
    shown = {param.name for param in command.params if isinstance(param, click.Option)}
    placed = [param for names in command.sections.values() for param in names]
    assert len(placed) == len(set(placed))
    assert not set(placed) - shown, "a section names what is no option"
    assert set(placed) == shown or len(shown) < 6
    for param in command.params:
        if isinstance(param, click.Option) and not param.required and not param.is_flag:
            assert param.help, param.name
            if isinstance(param.default, str | int | float):
                assert f"[default: {param.default}" in " ".join(told.split())


def test_a_doctor_says_what_is_here_as_json():
    result = CliRunner().invoke(main, ["doctor", "--json"])
    facts = json.loads(result.stdout)
    assert result.exit_code == 0
    assert facts.keys() == overica.doctor.PROBES.keys()
    assert not [name for name, found in facts.items() if "error" in found]
    assert facts["self-test"]["passed"]


@pytest.mark.parametrize("name", overica.doctor.PROBES)
def test_a_doctor_bears_what_is_broken(name, monkeypatch):
    def broken():
        raise OSError("no such part")

    light = {other: (lambda: {"passed": True}) for other in overica.doctor.PROBES}
    monkeypatch.setattr(overica.doctor, "PROBES", light | {name: broken})
    result = CliRunner().invoke(main, ["doctor"])
    assert "  error: OSError: no such part\n" in result.output
    assert result.exit_code == (1 if name == "self-test" else 0)


def test_a_doctor_names_the_line_that_installs_what_is_missing(monkeypatch):
    monkeypatch.setattr(overica.doctor, "is_installed", lambda module: module == "transformers")
    light = {"optional parts": overica.doctor.PROBES["optional parts"]}
    monkeypatch.setattr(overica.doctor, "PROBES", light | {"self-test": lambda: {"passed": True}})
    told = CliRunner().invoke(main, ["doctor"]).output
    assert "  audio: pip install 'overica[audio]'\n" in told
    assert "  lm: installed\n" in told
    assert "  pyarrow: pip install pyarrow\n" in told
