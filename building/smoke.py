"""Whether an installed overica works: fit, transform, save, load, the command line; nothing of the source tree.

python building/smoke.py
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path

import numpy as np

import overica
from overica import OvercompleteICA
from overica._kernels import _core
from overica.datasets import make_mixture
from overica.metrics import match_components


def main() -> None:
    """Print what was found; an assertion fails where it should not have been."""
    print(
        f"overica {overica.__version__}, Python {sys.version.split()[0]}, {sysconfig.get_platform()}"
    )
    print(f"from {Path(overica.__file__).parent}")
    compilers = [name for name in ("cc", "gcc", "c++", "g++", "clang") if shutil.which(name)]
    print(f"compilers on the PATH: {', '.join(compilers) or 'none'}")
    sets = _core.instruction_sets()
    print(f"instruction sets: {', '.join(sets)}; in use: {_core.instruction_set()}")
    assert sets[0] == _core.instruction_set()
    assert sets[-1] == "baseline"

    data = make_mixture(4000, 6, 9, "sparse_laplace", n_active=1, random_state=0)
    codes = {}
    for name in sets:
        _core.use_instruction_set(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = OvercompleteICA(9, random_state=0).fit(data.X)
        codes[name] = model.transform(data.X)
        worst = match_components(model.mixing_, data.mixing).cosines.min()
        print(f"fit with {name}: the worst of 9 directions at |cos| = {worst:.4f}")
        assert worst > 0.98

    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder, "model"))
        loaded = OvercompleteICA.load(Path(folder, "model"))
    np.testing.assert_array_equal(loaded.transform(data.X), codes[sets[-1]])
    print("saved and loaded: the same codes")

    command = Path(sysconfig.get_path("scripts"), "overica")
    shown = subprocess.run([command, "--help"], capture_output=True, text=True, check=True).stdout
    assert "compare" in shown
    print("overica --help: " + shown.splitlines()[0].strip())


if __name__ == "__main__":
    main()
