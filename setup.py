"""The compiled extension; everything else about the package is in setup.cfg.

The kernels are compiled once per instruction set into one binary, and the processor chooses at import
(see overica/_kernels/src/processor.hpp). Which compiler does it: see building/compiler.py.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from sysconfig import get_platform

from pybind11.setup_helpers import Pybind11Extension, build_ext
from setuptools import setup
from setuptools.modified import newer_group

from building.compiler import build_environment

SOURCES = "overica/_kernels/src"
# What is built for, which need not be this machine. A binary for both kinds of Mac has the baseline alone.
X86 = get_platform().endswith(("x86_64", "amd64"))
MSVC = sys.platform == "win32" and "CXX" not in os.environ

# No infinities and no NaNs are assumed away: an overflow must end in a poor certificate, not in
# undefined behaviour. Python's own flags let integers wrap, which keeps loops from becoming vectors:
# dense codes take twice as long.
FAST = (
    ["/O2", "/fp:precise", "/fp:contract"]
    if MSVC
    else [
        "-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math",
        "-freciprocal-math", "-ffp-contract=fast", "-fvisibility=hidden", "-fno-wrapv",
    ]
)  # fmt: skip
# -march=x86-64-v3 and -v4 need a recent compiler; the features by name work with all.
AVX2 = ["-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mf16c", "-mlzcnt", "-mmovbe", "-mpopcnt"]
AVX512 = [
    *AVX2,
    "-mavx512f",
    "-mavx512dq",
    "-mavx512bw",
    "-mavx512vl",
    "-mavx512cd",
    "-mprefer-vector-width=512",
]
INSTRUCTION_SETS = {"baseline": []}
if X86:
    INSTRUCTION_SETS |= {
        "avx2": ["/arch:AVX2"] if MSVC else AVX2,
        "avx512": ["/arch:AVX512"] if MSVC else AVX512,
    }


class BuildKernels(build_ext):
    """Compile the kernels for every instruction set, then link the extension with all of them."""

    def run(self):
        """See `setuptools.Command`: the compiler is settled before setuptools looks for one."""
        os.environ |= build_environment()
        super().run()

    def build_extension(self, extension):
        """See `setuptools.command.build_ext`."""
        inputs = [*extension.sources, *extension.depends]
        if not (self.force or newer_group(inputs, self.get_ext_fullpath(extension.name))):
            return
        if not getattr(self.compiler, "initialized", True):
            self.compiler.initialize()  # Microsoft's: by its first call, and here there are several at once
        standard = ["/std:c++17", "/EHsc"] if MSVC else ["-std=c++17"]

        def compile_for(name):
            macros = [("OVERICA_ISA", name), ("OVERICA_ISA_NAME", f'"{name}"')]
            return self.compiler.compile(
                [f"{SOURCES}/kernels.cpp"],
                output_dir=os.path.join(self.build_temp, name),
                macros=macros,
                include_dirs=[SOURCES],
                extra_postargs=[*standard, *FAST, *INSTRUCTION_SETS[name]],
                depends=extension.depends,
            )

        with ThreadPoolExecutor() as pool:
            objects = pool.map(compile_for, INSTRUCTION_SETS)
            extension.extra_objects = [name for names in objects for name in names]
        super().build_extension(extension)


setup(
    ext_modules=[
        Pybind11Extension(
            "overica._kernels._core",
            [f"{SOURCES}/module.cpp"],
            include_dirs=[SOURCES],
            define_macros=[("OVERICA_X86", "1")] if X86 else [],
            depends=["setup.py", *(f"{SOURCES}/{name}" for name in sorted(os.listdir(SOURCES)))],
            extra_compile_args=[] if MSVC else ["-O2"],
            extra_link_args=["-pthread"] if sys.platform == "linux" else [],
            cxx_std=17,
        )
    ],
    cmdclass={"build_ext": BuildKernels},
)
