"""What an install is made of: metadata in one place, all sources, a compiler found or brought, none at run time."""

import ast
import configparser
import importlib
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from building import compiler as finding
from overica._kernels import _core

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "overica" / "_kernels" / "src"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """What a build reads, without what earlier builds left."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("building", "overica"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, folder)
    return folder


def hook(tree, call):
    """Call a hook of the build backend as pip does, in a process of its own."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        f"from building import backend; print(backend.{call})",
    ]
    done = subprocess.run(
        command, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_metadata_is_in_setup_cfg_alone():
    assert "project" not in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    calls = [
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    ]
    assert [{keyword.arg for keyword in call.keywords} for call in calls] == [
        {"ext_modules", "cmdclass"}
    ]


def test_every_python_that_is_promised_is_built():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["metadata"]["classifiers"].split("\n")
    promised = {line.rsplit("3.", 1)[1] for line in lines if "Python :: 3." in line}
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert {
        name.removeprefix("cp3").removesuffix("-*") for name in tools["cibuildwheel"]["build"]
    } == promised


def test_sdist_holds_every_source(tree, tmp_path):
    with tarfile.open(tmp_path / hook(tree, f"build_sdist({str(tmp_path)!r})")) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {path.relative_to(ROOT).as_posix() for path in SOURCES.iterdir()}
    assert len(wanted) > 10
    building = {path.relative_to(ROOT).as_posix() for path in (ROOT / "building").glob("*.py")}
    wanted |= building | {"setup.py", "setup.cfg", "pyproject.toml", "overica/_kernels/_core.pyi"}
    assert wanted <= held
    assert not any(name.endswith((".so", ".pyc")) or name.startswith("tests") for name in held)


def test_wheel_holds_what_is_read_at_run_time(tree, tmp_path):
    command = [
        sys.executable,
        "-W",
        "ignore",
        "setup.py",
        "-q",
        "build_py",
        "--build-lib",
        str(tmp_path),
    ]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    built = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    there = {
        path.relative_to(tree).as_posix()
        for path in (tree / "overica").rglob("*")
        if path.is_file()
    }
    sources = {name for name in there if name.startswith("overica/_kernels/src/")}
    assert built == there - sources


@pytest.mark.skipif(not finding.PACKAGED, reason="ziglang is asked for on Linux alone")
@pytest.mark.skipif(finding.zig() is not None, reason="ziglang is installed")
@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_ziglang_is_asked_for_where_nothing_compiles(tree, tmp_path, monkeypatch, kind):
    def requirements(status):
        """What a build asks for where compilers are there, and end with a status: 1 as of C alone."""
        for name in ("c++", "g++", "clang++"):
            (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
            (tmp_path / name).chmod(0o755)
        return ast.literal_eval(hook(tree, f"get_requires_for_build_{kind}()"))

    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    usual = requirements(0)
    assert not any("ziglang" in requirement for requirement in usual)
    assert requirements(1) == [*usual, finding.ZIGLANG]
    monkeypatch.setenv("CXX", "my-own c++")
    assert requirements(1) == usual


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(finding.sysconfig, "get_config_var", lambda name: None)
    monkeypatch.setattr(finding, "zig", lambda: None)
    with pytest.raises(SystemExit, match=r"^No compiler of C\+\+17 works here: .+$"):
        finding.build_environment()
    monkeypatch.setenv("CXX", "g++")
    monkeypatch.setattr(finding.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(SystemExit, match=r"^Python\.h is missing: .+$"):
        finding.build_environment()


def test_zig_is_told_the_processor_and_an_old_library(tmp_path, monkeypatch):
    folder = tmp_path / "a folder" / "ziglang"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder.parent)
    importlib.invalidate_caches()
    monkeypatch.setattr(finding.sysconfig, "get_config_var", lambda name: "x86_64-linux-gnu")
    monkeypatch.setattr(finding.platform, "machine", lambda: "x86_64")
    command = finding.shlex.split(finding.zig())
    assert command[:4] == [str(folder / "zig"), "c++", "-target", "x86_64-linux-gnu.2.17"]


def test_nothing_compiles_at_run_time():
    for path in (ROOT / "overica").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & {
                "numba",
                "pybind11",
                "cffi",
                "ctypes",
            }, path
    installed = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not any(f"{name}==" in installed for name in ("numba", "llvmlite"))


def test_extension_names_its_instruction_sets():
    sets = _core.instruction_sets()
    assert sets == [name for name in ("avx512", "avx2", "baseline") if name in sets]
    assert sets[-1] == "baseline"
    assert _core.instruction_set() in sets
    with pytest.raises(ValueError, match="instruction set of this processor, got 'sse1'"):
        _core.use_instruction_set("sse1")


def test_the_citation_is_of_this_version():
    import overica

    told = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {overica.__version__}\n" in told
    assert f"\n## {overica.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
