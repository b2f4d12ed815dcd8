"""Keywords that were renamed still do what they did, and say what they are called now."""

import ast
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

import overica
from overica._deprecation import renamed_keyword
from overica.metrics import (
    chance_level,
    composed_share,
    composition_index,
    evaluate,
    fit_chance,
    match_components,
    max_cosine_histogram,
    mean_cosine,
    mean_max_cosine,
    mean_max_cosine_recall,
    share_recovered,
    stability,
)
from overica.plots import plot_cosines

A = np.random.default_rng(0).standard_normal((4, 5))
B = -A[:, ::-1]
CALLS = {
    match_components: (A, B),
    mean_cosine: (A, B),
    share_recovered: (A, B),
    mean_max_cosine: (A, B),
    mean_max_cosine_recall: (A, B),
    composition_index: (A, B),
    composed_share: (A, B),
    evaluate: (A, B),
    max_cosine_histogram: (A, B),
    stability: ([A, B],),
    fit_chance: (A.T, np.ones((5, 3))),
    plot_cosines: (A, B),
    chance_level: ("mean_cosine", 4, 5, 5),
}


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("value", [False, True])
def test_signed_is_nonnegative(function, value):
    seed = {"random_state": 0} if "random_state" in signature(function).parameters else {}
    with pytest.warns(
        FutureWarning, match=f"`signed` of {function.__name__} is now called `nonnegative`"
    ):
        old = function(*CALLS[function], signed=value, **seed)
    new = function(*CALLS[function], nonnegative=value, **seed)
    assert shown(old) == shown(new)


def shown(result):
    if hasattr(result, "images"):
        return result.images[0].get_array().tolist(), result.images[0].get_clim()
    return repr(result)


def test_the_warning_points_at_the_caller():
    with pytest.warns(FutureWarning) as caught:
        match_components(A, B, signed=False)
    assert caught[0].filename == __file__


def test_both_names_at_once_are_refused():
    with pytest.raises(TypeError, match="mean_cosine takes `nonnegative`, or `signed`"):
        mean_cosine(A, B, signed=True, nonnegative=True)


def test_the_rest_is_left_alone():
    @renamed_keyword("old", "new")
    def function(x, *, new=0):
        """Adds."""
        return x + new

    assert function(1, new=2) == 3
    assert (function.__name__, function.__doc__) == ("function", "Adds.")
    with pytest.raises(TypeError, match="unexpected keyword argument 'older'"):
        function(1, older=1)


def test_a_metric_of_ones_own_may_call_it_as_it_likes():
    def metric(mixing_a, mixing_true, signed=False):
        return float(signed)

    levels = [
        chance_level(metric, 2, 3, 3, nonnegative=value, n_draws=2).mean for value in (False, True)
    ]
    assert levels == [0.0, 1.0]


def moved():
    """(package, name, new home) of every name that has moved, as the packages say."""
    package = Path(overica.__file__).parent
    for path in sorted(package.glob("*/__init__.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "moved":
                for name, home in ast.literal_eval(node.value).items():
                    yield f"overica.{path.parent.name}", name, home


def test_names_that_moved_go_on_working():
    names = list(moved())
    assert len(names) > 30
    for package, name, home in names:
        with pytest.warns(
            FutureWarning, match=rf"^{package}\.{name} is now {home}\.{name}$"
        ) as told:
            found = getattr(import_module(package), name)
        assert found is getattr(import_module(home), name)
        assert name not in import_module(package).__all__
        assert told[0].filename == __file__
    with pytest.raises(AttributeError, match=r"'overica\.rows' has no attribute 'nothing'"):
        overica.rows.nothing  # noqa: B018
