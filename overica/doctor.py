"""What an installation is made of, and whether it works: the facts that a report of a bug needs.

Each fact is found by a function of its own, and none of them ends the others: what cannot be found says why.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from overica._extras import ALONE, EXTRAS, install_line, is_installed
from overica._version import __version__

Facts = dict[str, Any]
_MEMORY = Path("/proc/meminfo")

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "cvxpy", "matplotlib", "safetensors")
"""Distributions whose versions change what comes out."""
_ENVIRONMENT = (
    "OVERICA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES", "HF_HUB_OFFLINE",
)  # fmt: skip


def examine() -> Iterator[tuple[str, Facts]]:
    """Every group of facts by name, as they are found; the self-test comes last.

    Examples
    --------
    >>> dict(examine())["overica"]["version"] == __version__
    True
    """
    for name, find in PROBES.items():
        try:
            yield name, find()
        except Exception as error:
            # Whatever is broken here is what the facts are asked for.
            yield name, {"error": f"{type(error).__name__}: {error}"}


def _overica() -> Facts:
    return {"version": __version__, "folder": str(Path(__file__).parent)}


def _python() -> Facts:
    return {
        "version": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
    }


def _packages() -> Facts:
    return {name: _version(name) for name in PACKAGES}


def _optional() -> Facts:
    found: Facts = {}
    for extra, modules in EXTRAS.items():
        lacking = [name for name in modules if not is_installed(name)]
        found[extra] = {
            "installed": not lacking,
            "missing": lacking,
            "install": install_line(modules[0]),
        }
    for module, package in ALONE.items():
        here = is_installed(module)
        found[package] = {
            "installed": here,
            "missing": [] if here else [module],
            "install": install_line(module),
        }
    return found


def _kernels() -> Facts:
    core = import_module("overica._kernels._core")
    return {
        "compiled": True,
        "instruction set": core.instruction_set(),
        "instruction sets": list(core.instruction_sets()),
    }


def _threads() -> Facts:
    from threadpoolctl import threadpool_info

    # With it come NumPy's BLAS and SciPy's, which is the kernels'.
    from overica._kernels import get_num_threads

    return {
        "processors": os.cpu_count(),
        "kernels": get_num_threads(),
        "libraries": [
            f"{pool['internal_api']} {pool['version']}: {pool['num_threads']}"
            for pool in threadpool_info()
        ],
        "environment": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    }


def _memory() -> Facts:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = {"total GiB": round(total / 2**30, 1)}
    if _MEMORY.is_file():
        for line in _MEMORY.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found["available GiB"] = round(int(line.split()[1]) / 2**20, 1)
    return found


def _devices() -> Facts:
    import torch

    cuda = [
        f"{torch.cuda.get_device_name(i)}, {torch.cuda.get_device_properties(i).total_memory / 2**30:.0f} GiB"
        for i in range(torch.cuda.device_count())
    ]
    mps = bool(torch.backends.mps.is_available())
    return {"cuda": cuda, "cuda version of torch": torch.version.cuda, "mps": mps}


def _folders() -> Facts:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    places = {
        "working folder": Path.cwd(),
        "temporary files": Path(tempfile.gettempdir()),
        "models of the hub": Path(os.environ.get("HF_HOME", cache / "huggingface")),
        "matplotlib": Path(os.environ.get("MPLCONFIGDIR", cache / "matplotlib")),
    }
    return {name: {"path": str(path), "writable": _writable(path)} for name, path in places.items()}


def _self_test() -> Facts:
    """A tiny fit from a random start, judged by the truth, and codes with their certificate."""
    from overica.datasets import make_mixture
    from overica.estimator import OvercompleteICA
    from overica.inference import MAPProblem, solve
    from overica.metrics import match_components
    from overica.priors import Laplace

    started = time.perf_counter()
    data = make_mixture(2000, 3, 4, "sparse_laplace", n_active=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ica = OvercompleteICA(4, max_iter=60, n_restarts=1, random_state=0).fit(data.X)
    problem = MAPProblem(data.mixing, data.X, Laplace(), 0.01)
    solution = solve(problem)
    gap = float((solution.gap / problem.objective(solution.codes).clip(1e-300)).max())
    cosine = float(match_components(ica.mixing_, data.mixing).cosines.min())
    return {
        "passed": gap < 1e-6 and cosine > 0.95,
        "smallest cosine with a true direction": round(cosine, 4),
        "largest relative duality gap": gap,
        "seconds": round(time.perf_counter() - started, 2),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _writable(path: Path) -> bool:
    """Whether a file can be made in a folder, or in the nearest above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


PROBES: dict[str, Callable[[], Facts]] = {
    "overica": _overica,
    "python": _python,
    "packages": _packages,
    "optional parts": _optional,
    "kernels": _kernels,
    "threads": _threads,
    "memory": _memory,
    "folders": _folders,
    "devices": _devices,
    "self-test": _self_test,
}
"""What is asked, what takes longest last."""
