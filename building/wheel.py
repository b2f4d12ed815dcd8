"""Build a wheel from the sdist, and use it in a bare environment on whose PATH there is no compiler.

    python building/wheel.py [FOLDER]      dist/ by default

On Linux the wheel's name says how old a C library it runs with, as auditwheel finds it from the symbols; what it
needs of the C++ library that is not everywhere comes along. `ziglang` as the compiler, CXX="python-zig c++ ...", or
cibuildwheel's containers, give the oldest.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def call(*command: Any, **settings: Any) -> None:
    """Run a command; its failure is the end."""
    subprocess.run([str(part) for part in command], check=True, **settings)


def build(folder: Path) -> Path:
    """The sdist, and a wheel from it, in `folder`; the wheel's path."""
    with tempfile.TemporaryDirectory() as fresh:
        call(sys.executable, "-m", "build", "--outdir", fresh, ROOT, stdout=subprocess.DEVNULL)
        (built,) = Path(fresh).glob("*.whl")
        for path in Path(fresh).iterdir():
            path.replace(folder / path.name)
    return folder / built.name


def for_every_linux(wheel: Path) -> Path:
    """The wheel under the name that auditwheel allows it; `wheel` itself if none."""
    tools = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    }
    with tempfile.TemporaryDirectory() as fresh:
        command = [sys.executable, "-m", "auditwheel", "repair", wheel, "--wheel-dir", fresh]
        done = subprocess.run(command, env=tools, capture_output=True, text=True, check=False)
        if done.returncode:
            print(
                f"auditwheel: for machines like this one alone ({done.stderr.strip().splitlines()[-1]})"
            )
            return wheel
        (repaired,) = Path(fresh).iterdir()
        wheel.unlink()
        return repaired.replace(wheel.with_name(repaired.name))


def try_out(wheel: Path) -> None:
    """Install a wheel and its dependencies, from wheels, into a bare environment, and run the smoke test there."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        scripts = Path(folder, "Scripts" if sys.platform == "win32" else "bin")
        alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        alone |= {"PATH": str(scripts)}
        call(
            scripts / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile",
            "--only-binary=:all:", "-c", ROOT / "constraints.txt", wheel, env=alone, cwd=folder,
        )  # fmt: skip
        call(scripts / "python", ROOT / "building" / "smoke.py", env=alone, cwd=folder)


def main() -> None:
    """Build, install, try; say what was done and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    wheel = build(folder)
    if sys.platform == "linux":
        wheel = for_every_linux(wheel)
    size = wheel.stat().st_size / 2**20
    print(f"built {wheel} ({size:.1f} MB) in {time.monotonic() - start:.0f} s", flush=True)
    start = time.monotonic()
    try_out(wheel)
    print(f"installed and tried in {time.monotonic() - start:.0f} s: {wheel.name} works")


if __name__ == "__main__":
    main()
