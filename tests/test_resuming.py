"""Fits of `OvercompleteICA` that were ended go on to the same bits."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica import OvercompleteICA
from overica.datasets import make_hierarchy, make_mixture
from overica.persistence import FolderLock
from tests.ending import Batches, ended_and_resumed, little_blocks, same_history  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore:the fit has not settled")

FITS = {
    "surplus": ((8, 12, "sparse_laplace"), {"n_active": 2}, {"max_iter": 20}),
    "race of units": ((8, 12, "sparse_laplace"), {"n_active": 2}, {"max_iter": 20}),
    "planar": ((2, 3, "laplace"), {}, {"max_iter": 20, "n_restarts": 2}),
    "square": ((4, 4, "laplace"), {}, {"max_iter": 20, "n_restarts": 2}),
    "plain": ((8, 8, "laplace"), {}, {"max_iter": 20, "rule": "natural", "annealing": (0.5, 0.5)}),
    "count": (
        (3, 4, "sparse_exponential"),
        {"n_active": 1},
        {"max_iter": 20, "prior": "exponential"},
    ),
}


def data(name):
    (n_features, n_components, law), more, _ = FITS[name]
    X = make_mixture(1500, n_features, n_components, law, random_state=0, **more).X
    # Units that differ are raced.
    return X * np.geomspace(1, 9, n_features) if name == "race of units" else X


def fitted(name, **parameters):
    n_components = "auto" if name == "count" else FITS[name][0][1]
    ica = OvercompleteICA(n_components, **{"random_state": 0} | FITS[name][2] | parameters)
    return ica.fit(data(name))


def same(one, other):
    (arrays, facts), (others, other_facts) = one._stored(), other._stored()
    return (
        arrays.keys() == others.keys()
        and all(np.array_equal(arrays[n], others[n], equal_nan=True) for n in arrays)
        and facts == other_facts
    )


@pytest.mark.parametrize("name", FITS)
@given(writes=st.lists(st.integers(0, 60), min_size=2, max_size=5))
@settings(max_examples=3, deadline=None)
def test_a_fit_ends_the_same_wherever_it_is_ended(name, writes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")

    def fit():
        return fitted(name, checkpoint=folder, checkpoint_every=0)

    found = ended_and_resumed(fit, writes)
    plain = fitted(name)
    assert same(found, plain)
    again = fit()
    assert same(again, plain)
    assert same_history(again.history_, plain.history_)


@pytest.mark.usefixtures("little_blocks")
def test_a_fit_of_a_stream_ends_the_same(tmp_path):
    samples = Batches(data("surplus"), 100)

    def fit(**more):
        return OvercompleteICA(12, max_iter=20, random_state=0, **more).fit(samples)

    found = ended_and_resumed(lambda: fit(checkpoint=tmp_path, checkpoint_every=0), [5, 20, 3, 11])
    assert same(found, fit())
    with pytest.raises(ValueError, match=r"another fit: X\.rows is"):
        OvercompleteICA(12, max_iter=20, random_state=0, checkpoint=tmp_path).fit(
            Batches(2 * data("surplus"), 100)
        )


@pytest.mark.slow
@given(writes=st.lists(st.integers(0, 150), min_size=2, max_size=4))
@settings(max_examples=2, deadline=None)
def test_a_search_of_a_hierarchy_ends_the_same_wherever_it_is_ended(writes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    X = make_hierarchy(6000, 16, 24, n_trees=2, random_state=0).X

    def fit(**more):
        return OvercompleteICA(
            24, prior="exponential", hierarchy=True, max_iter=40, random_state=0, **more
        ).fit(X)

    found = ended_and_resumed(lambda: fit(checkpoint=folder, checkpoint_every=0), writes)
    plain = fit()
    assert plain.presences_ is not None
    assert same(found, plain)


def test_a_finished_fit_takes_no_step(tmp_path):
    first = fitted("surplus", checkpoint=tmp_path)
    again = fitted("surplus", checkpoint=tmp_path, callback=lambda _: pytest.fail("a step"))
    assert same(first, again)
    assert same_history(first.history_, again.history_)


def test_the_bar_counts_what_was_done_before(tmp_path, capsys):
    def fit():
        return fitted("surplus", checkpoint=tmp_path, checkpoint_every=0, verbose=1)

    ica = ended_and_resumed(fit, [12])
    last = capsys.readouterr().err.rsplit("overica:", 1)[1]
    assert f"{ica.n_iter_}/{ica.n_iter_}" in last


def test_no_seed_means_the_one_that_was_drawn_first(tmp_path):
    first = fitted("surplus", random_state=None, checkpoint=tmp_path)
    assert same(first, fitted("surplus", random_state=None, checkpoint=tmp_path))


def test_a_generator_ends_where_it_would_have(tmp_path):
    states = []
    for _ in range(2):
        rng = np.random.default_rng(3)
        fitted("surplus", random_state=rng, checkpoint=tmp_path)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1] != np.random.default_rng(3).bit_generator.state


def test_another_fit_is_refused_with_what_differs(tmp_path):
    fitted("surplus", checkpoint=tmp_path)
    for change, said in (
        ({"max_iter": 21}, "estimator.max_iter is 21, was 20"),
        ({"random_state": 1}, "random_state is 1, was 0"),
        ({"prior": "exponential"}, "estimator.prior is 'exponential', was 'auto'"),
    ):
        with pytest.raises(ValueError, match=rf"another fit: {said}\. Make the call"):
            fitted("surplus", checkpoint=tmp_path, **change)
    with pytest.raises(ValueError, match=r"X\.rows is"):
        OvercompleteICA(12, max_iter=20, random_state=0, checkpoint=tmp_path).fit(
            data("surplus") + 1
        )
    # These change nothing of what is learned.
    fitted("surplus", checkpoint=tmp_path, checkpoint_every=1, device="cpu", callback=print)


def test_what_cannot_be_written_is_said_before_any_work(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for folder, error, said in (
        (file, NotADirectoryError, "is a file"),
        (tmp_path, FileExistsError, "it holds `file`"),
    ):
        with pytest.raises(error, match=said):
            fitted("surplus", checkpoint=folder, callback=lambda _: pytest.fail("a step"))
    with FolderLock(tmp_path), pytest.raises(FileExistsError):
        fitted("surplus", checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"checkpoint": 3}, "`checkpoint` must be None or the path of a folder, got 3"),
        ({"checkpoint": ""}, "`checkpoint` must be None or the path of a folder, got ''"),
        ({"checkpoint_every": -1}, "`checkpoint_every` must be"),
    ],
)
def test_malformed_parameters_are_named(parameters, said):
    with pytest.raises(ValueError, match=said):
        fitted("surplus", **parameters)


def test_a_wrong_parameter_can_be_put_right(tmp_path):
    with pytest.raises(ValueError, match="max_iter"):
        fitted("surplus", checkpoint=tmp_path, max_iter=0)
    assert same(fitted("surplus", checkpoint=tmp_path), fitted("surplus"))


def test_a_warm_start_begins_where_the_last_fit_ended():
    ica = fitted("surplus")
    before = ica.mixing_
    ica.set_params(warm_start=True, max_iter=5).fit(data("surplus"))
    assert ica.n_iter_ == 5
    assert np.abs((before * ica.mixing_).sum(axis=0)).min() > 0.9
    with pytest.raises(ValueError, match="the n_components of the fit before, 12, got 13"):
        ica.set_params(n_components=13).fit(data("surplus"))


def test_a_warm_start_of_nothing_is_a_plain_one():
    assert same(fitted("surplus", warm_start=True), fitted("surplus"))


SCRIPT = """
import sys
import numpy as np
from overica import OvercompleteICA
from overica.datasets import make_mixture
X = make_mixture(1500, 8, 12, "sparse_laplace", n_active=2, random_state=0).X
said = []
def step(row):
    said.append(1)
    if len(said) == 3:
        print("going", flush=True)
OvercompleteICA(
    12, max_iter=4000, random_state=0, checkpoint=sys.argv[1], checkpoint_every=1e9, callback=step
).fit(X)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_end_writes_first(number, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(SCRIPT), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(60) != 0
    assert any(
        path.name.endswith(("-run.safetensors", "-walk.safetensors")) for path in tmp_path.iterdir()
    )
