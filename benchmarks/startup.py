"""What a new process waits for: imports, a first small fit, and the first line of every command.

    python benchmarks/startup.py [--quick]

CPU seconds until there is something to work with, and of commands seconds by the clock until they say anything: the
least of several runs, after one that writes what Python keeps of compiled modules. Commands are given folders that hold
nothing, and are ended once they have spoken.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

CASES = {
    "import sklearn.decomposition": "import sklearn.decomposition",
    "import overica": "import overica",
    "from overica import OvercompleteICA": "from overica import OvercompleteICA",
    "from overica.sae import TopKSAE": "from overica.sae import TopKSAE",
    "first solve, 2000 x 16, 32 columns": """
import numpy as np
from overica.inference import MAPProblem, solve
rng = np.random.default_rng(0)
solve(MAPProblem(rng.standard_normal((16, 32)), rng.laplace(size=(2000, 16)), "laplace", 1.0))
""",
    "first fit, 1000 x 4, 6 components": """
from overica import OvercompleteICA
from overica.datasets import make_mixture
X = make_mixture(1000, 4, 6, "laplace", random_state=0).X
OvercompleteICA(6, max_iter=20, n_restarts=1, random_state=0).fit(X)
""",
}


def cpu_seconds(code, folder):
    """Of a new process that runs some code, byte code kept in a folder."""
    report = "import os; t = os.times(); print(t.user + t.system)"
    kept = {"PYTHONPYCACHEPREFIX": folder}
    env = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | kept
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{code}\n{report}"],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


COMMANDS = {
    "--help": "",
    "activations": "--model minilm --layer 3 --docstrings numpy",
    "compare": "--quick",
    "demo": "--quick",
    "doctor": "",
    "evaluate": "{here} {here}",
    "export": "{here}",
    "features": "{here} --quick",
    "fit": "{here} -m ica -n 4",
    "inspect": "{here}",
    "photographs": "--quick",
    "separate": "{here} --sources 2",
}
"""Commands with what they need to begin; `-o` is added where they write."""
READERS = {"--help", "doctor", "evaluate", "inspect"}


def first_line(command, options, folder):
    """Seconds until a command has said a line, on either stream."""
    here, there = os.path.join(folder, "nothing"), os.path.join(folder, "output")
    os.makedirs(here, exist_ok=True)
    output = [] if command in READERS else ["-o", there]
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "overica", command, *options.format(here=here).split(), *output],
        env=os.environ | {"PYTHONPYCACHEPREFIX": folder},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        line = process.stdout.readline()
        seconds = time.perf_counter() - started
        process.kill()
    assert line.strip(), f"{command} said nothing"
    return seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="two runs of each")
    repeats = 2 if parser.parse_args().quick else 7
    print(f"{'':36}CPU s")
    with tempfile.TemporaryDirectory() as folder:
        for name, code in CASES.items():
            cpu_seconds(code, folder)
            print(f"{name:36}{min(cpu_seconds(code, folder) for _ in range(repeats)):5.2f}")
        print(f"\n{'first line of overica':36}seconds")
        for name, options in COMMANDS.items():
            first_line(name, options, folder)
            print(f"{name:36}{min(first_line(name, options, folder) for _ in range(repeats)):5.2f}")


if __name__ == "__main__":
    main()
