"""What an import and a fit load: nobody waits for packages that are not used."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "cvxpy",
    "matplotlib",
    "pandas",
    "jinja2",
    "joblib",
    "tqdm",
    "safetensors",
    "click",
)

FIT = """
from overica import OvercompleteICA
from overica.datasets import make_mixture
X = make_mixture(600, {m}, {n}, "{sources}", random_state=0).X
ica = OvercompleteICA({n}, prior="{prior}", max_iter=5, n_restarts=1, random_state=0)
ica.fit(X).transform(X)
ica.score(X[:50])
ica.partial_fit(X)
"""


def loaded(code: str) -> set[str]:
    """Which of `HEAVY` a new process holds after some code, beyond those that scikit-learn brings."""
    report = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{code}\n{report}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def of_sklearn() -> set[str]:
    """scikit-learn itself imports joblib, and pandas where that is installed."""
    return loaded("import sklearn.utils.validation")


def test_the_report_sees_what_is_loaded():
    assert loaded("import tqdm, click") >= {"tqdm", "click"}


@pytest.mark.parametrize(
    "room", ["overica", "overica.backend", "overica.priors", "overica.random_state"]
)
def test_rooms_without_scikit_learn(room):
    code = f"import sys, {room}; assert 'sklearn' not in sys.modules"
    assert loaded(code) == set()


@pytest.mark.parametrize(
    "room",
    [
        "overica.coding",
        "overica.datasets",
        "overica.inference",
        "overica.learning",
        "overica.metrics",
        "overica.estimator",
        "overica.formats",
        "overica.initialisation",
    ],
)
def test_rooms_with_nothing_but_scikit_learn(room, of_sklearn):
    assert loaded(f"import {room}") <= of_sklearn


@pytest.mark.parametrize(
    ("m", "n", "sources", "prior"),
    [(4, 6, "laplace", "laplace"), (2, 3, "exponential", "exponential")],
)
def test_a_fit_on_the_cpu(m, n, sources, prior, of_sklearn):
    assert loaded(FIT.format(m=m, n=n, sources=sources, prior=prior)) <= of_sklearn


def test_a_solver_loads_what_it_runs_on(of_sklearn):
    code = """
import numpy as np
from overica.inference import MAPProblem, solve
problem = MAPProblem(np.eye(2), np.ones((1, 2)), "laplace", 0.1)
solve(problem, "active_set")
"""
    assert loaded(code) <= of_sklearn
    assert {"torch", "cvxpy"} & loaded(code + 'solve(problem, "fista")') == {"torch"}


def test_an_autoencoder_loads_no_compiler():
    code = """
import sys
import numpy as np
from overica.sae import SAES
for kind in SAES.values():
    kind(4, n_steps=25, random_state=0).fit(np.random.default_rng(0).standard_normal((50, 3)))
assert 'torch._dynamo' not in sys.modules
"""
    loaded(code)


def test_the_front_door_hands_out_its_names():
    code = """
import overica
assert set(overica.__all__) <= set(dir(overica))
for name in overica.__all__:
    getattr(overica, name)
from overica import OvercompleteICA
from overica.estimator import OvercompleteICA as same
assert OvercompleteICA is same is overica.OvercompleteICA
try:
    overica.no_such_name
except AttributeError as error:
    assert "no_such_name" in str(error)
else:
    raise AssertionError
"""
    loaded(code)
