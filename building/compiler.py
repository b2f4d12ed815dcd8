"""Which compiler builds the kernels: this machine's own, or the one of `ziglang` from PyPI where none works.

    python building/compiler.py        says which, in one line

``zig c++`` is clang with its own headers, C++ library and C library. It compiles for the processor it runs on
unless told the target, and then the kernels meant for every processor would hold AVX-512 code.
"""

import importlib.util
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ZIGLANG = "ziglang>=0.13"
PACKAGED = sys.platform == "linux"
"""Whether `ziglang` is asked for where nothing else works."""
PROGRAM = "#include <optional>\nint main() { return std::optional<int>(0).value(); }\n"
"""What a compiler of C++17 compiles and links."""
OLDEST_GLIBC = {"x86_64": "2.17", "aarch64": "2.17"}
"""The C library that zig's binaries ask for; on other processors zig's own choice."""


def works(command: str) -> bool:
    """Whether a command compiles and links C++17: there may be a C compiler without the C++ part, or without headers.

    Parameters
    ----------
    command : str
        As in the environment variable CXX: with quotes and options, if need be.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "program.cpp"), Path(folder, "program")
        source.write_text(PROGRAM)
        arguments = [*shlex.split(command), "-std=c++17", str(source), "-o", str(program)]
        try:
            return subprocess.run(arguments, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def zig() -> str | None:
    """The command of `ziglang`, for this kind of processor; None if it is not installed."""
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        return None
    target = sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
    if target.endswith("-gnu") and platform.machine() in OLDEST_GLIBC:
        target += f".{OLDEST_GLIBC[platform.machine()]}"
    # Debian's Python.h includes a file of the folder above; the C library's own that lie there come last.
    above = Path(sysconfig.get_path("include")).parent
    words = Path(found.origin).with_name("zig"), "c++", "-target", target, "-idirafter", above
    return shlex.join(map(str, words))


def compiler() -> str | None:
    """The command that compiles C++ here, None if there is none.

    The user's (CXX) is taken as it is. Then come the one that Python was built with, the usual names and, on Linux,
    `ziglang`. On Windows setuptools finds Microsoft's by itself.
    """
    if sys.platform == "win32" or "CXX" in os.environ:
        return os.environ.get("CXX", "cl")
    names = (sysconfig.get_config_var("CXX"), "c++", "g++", "clang++")
    own = next((name for name in names if name and works(name)), None)
    return own or (zig() if PACKAGED else None)


def build_environment() -> dict[str, str]:
    """What setuptools must find in the environment to compile with `compiler`.

    Raises
    ------
    SystemExit
        If there is none, or no Python.h: one line that says so, and what to do.
    """
    command = compiler()
    if command is None:
        remedy = (
            "pip install ziglang" if PACKAGED else "install one (macOS: xcode-select --install)"
        )
        sys.exit(f"No compiler of C++17 works here: {remedy}")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        sys.exit("Python.h is missing: install Python's headers (python3-dev, python3-devel)")
    if command == zig():
        # The options of the compiler that Python was built with are not zig's. In the last one
        # setuptools puts CXX in the place of the first word.
        return {"CXX": command, "CXXFLAGS": "-DNDEBUG", "LDCXXSHARED": "c++ -shared"}
    return {"CXX": command}


def main() -> None:
    """Say which compiler there is."""
    if compiler() is None and PACKAGED:
        print(
            "No compiler of C++17 works here: ziglang from PyPI (100 MB) brings one for the build."
        )
    else:
        print(f"The kernels are compiled by {build_environment()['CXX']}.")


if __name__ == "__main__":
    main()
