"""Fitted estimators survive the disk, and nothing else is taken for one."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.persistence import read_checkpoint, write_checkpoint
from overica.priors import Laplace, SmoothLaplace, SoftUniform
from tests.persistence.killing import SKIP, at_every_step

ARRAYS, CONFIG = "arrays.safetensors", "config.json"

START = np.random.default_rng(1).standard_normal((4, 6))
FAST = {"max_iter": 5, "n_restarts": 1, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    return make_mixture(120, 4, 6, "sparse_exponential", n_active=2, random_state=0)


def fitted(X, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # five steps are too few, and enough here
        return OvercompleteICA(6, **FAST, **settings).fit(X)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"prior": "exponential"},
        {"prior": SmoothLaplace(sharpness=5.0), "whiten": False},
        {"init": START},
        {"whiten": True},
    ],
    ids=["laplace", "exponential", "instance", "array", "whitened"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(data, tmp_path, settings, dtype):
    X = data.X.astype(dtype)
    ica = fitted(X, **settings)
    ica.save(tmp_path)
    again = OvercompleteICA.load(tmp_path)
    np.testing.assert_array_equal(again.transform(X), ica.transform(X))
    np.testing.assert_array_equal(again.inverse_transform(again.transform(X)).dtype, dtype)
    assert again.score(X) == ica.score(X)
    assert again.n_iter_ == ica.n_iter_
    np.testing.assert_equal(again.history_, ica.history_)
    assert again.get_params()["max_iter"] == 5


def test_the_soft_uniform_prior_is_saved(data, tmp_path):
    ica = fitted(data.X)
    ica.model_ = replace(ica.model_, prior=SoftUniform(softness=0.2))
    ica.save(tmp_path)
    prior = OvercompleteICA.load(tmp_path).model_.prior
    assert repr(prior) == "SoftUniform(scale=1.0, softness=0.2)"


def test_learning_goes_on_where_it_ended(data, tmp_path):
    ica = OvercompleteICA(6, prior="exponential", max_iter=10, random_state=0)
    for batch in np.split(data.X[:80], 4):
        ica.partial_fit(batch)
    ica.save(tmp_path)
    again = OvercompleteICA.load(tmp_path)
    for model in (ica, again):
        model.partial_fit(data.X[80:])
    np.testing.assert_allclose(again.mixing_, ica.mixing_, rtol=1e-12)
    np.testing.assert_allclose(again.scales_, ica.scales_, rtol=1e-12)
    assert again.n_iter_ == 5


def test_partial_fit_goes_on_after_an_interrupt(data):
    def interrupt(figures, seen=[]):  # noqa: B006  (a counter)
        seen.append(figures)
        if len(seen) == 4:
            raise KeyboardInterrupt

    ica = OvercompleteICA(6, **FAST, callback=interrupt)
    with pytest.raises(KeyboardInterrupt):
        ica.fit(data.X)
    before = ica.mixing_.copy()
    ica.partial_fit(data.X)
    assert 0 < np.abs(ica.mixing_ - before).max() < 1


def test_feature_names_survive(data, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(data.X, columns=list("abcd"))
    fitted(frame).save(tmp_path)
    again = OvercompleteICA.load(tmp_path)
    assert again.feature_names_in_.tolist() == list("abcd")
    assert again.transform(frame).shape == (120, 6)


def test_files_hold_no_code_and_no_remains(data, tmp_path):
    fitted(data.X, callback=print).save(tmp_path / "new" / "folder")
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["arrays.safetensors", "config.json"]
    config = json.loads((tmp_path / "new" / "folder" / "config.json").read_text())
    assert "callback" not in {name for name, value in config["parameters"].items() if value}


def test_own_priors_are_refused_by_name(data, tmp_path):
    class Mine(Laplace):
        pass

    with pytest.raises(ValueError, match=r"`prior` must be of a class in PRIORS.*Mine"):
        fitted(data.X, prior=Mine()).save(tmp_path)


def test_missing_damaged_and_foreign_files(data, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold arrays\.safetensors"):
        OvercompleteICA.load(tmp_path)
    write_checkpoint(tmp_path, {"x": np.zeros(3)}, {"format": "overica Something"})
    with pytest.raises(ValueError, match="'overica OvercompleteICA', got 'overica Something'"):
        OvercompleteICA.load(tmp_path)
    (tmp_path / "config.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match="must hold an object, got list"):
        read_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text('{"format"')
    with pytest.raises(ValueError, match="damaged"):
        read_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "arrays.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged"):
        read_checkpoint(tmp_path)


def test_a_killed_save_leaves_the_old_model_or_the_new(data, tmp_path):
    if SKIP:
        pytest.skip(SKIP)
    old, new = fitted(data.X), fitted(100 * data.X)
    old.save(tmp_path)
    known, found = [old.score(data.X), new.score(data.X)], set()
    for _ in at_every_step(lambda: new.save(tmp_path)):
        found.add(known.index(OvercompleteICA.load(tmp_path).score(data.X)))
        old.save(tmp_path)
    assert found == {0, 1}
    assert OvercompleteICA.load(tmp_path).score(data.X) == known[1]


@pytest.fixture(scope="module")
def earlier(data, tmp_path_factory):
    """A folder as versions before the checksums wrote it, and what it held."""
    folder, ica = tmp_path_factory.mktemp("earlier"), fitted(data.X, whiten=False)
    ica.save(folder)
    arrays, config = read_checkpoint(folder)
    model, names = ica.model_, ("mixing_", "mean_", "scales_", "presence_")
    history = {name: array for name, array in arrays.items() if name.startswith("history.")}
    save_file({name: np.array(getattr(ica, name)) for name in names} | history, folder / ARRAYS)
    assert (config["unit"], config["penalty"]) == (ica.unit_, model.penalty)
    (folder / CONFIG).write_text(json.dumps(config))
    return folder, config, ica


def test_folders_of_earlier_versions_are_read(data, earlier):
    folder, _, ica = earlier
    again = OvercompleteICA.load(folder)
    np.testing.assert_allclose(again.transform(data.X), ica.transform(data.X), atol=1e-9)
    assert again.score(data.X) == pytest.approx(ica.score(data.X))
    assert again.partial_fit(data.X).n_iter_ == ica.n_iter_ + 1


@pytest.mark.parametrize("value", ["gone", None, "text", [1], {}, -1.0])
@pytest.mark.parametrize(
    "key", ["parameters", "prior", "unit", "penalty", "noise_variance", "step"]
)
def test_facts_of_another_kind_are_refused(earlier, key, value):
    # Without checksums, as if somebody had edited them.
    folder, config, _ = earlier
    config = {**config, key: value}
    if value == "gone":
        del config[key]
    (folder / CONFIG).write_text(json.dumps(config))
    if key == "parameters" and value == {}:
        assert OvercompleteICA.load(folder).max_iter == 300
        return
    with pytest.raises(ValueError, match=r"config\.json"):
        OvercompleteICA.load(folder)


@pytest.mark.parametrize("name", ["mixing", "presence", "mean", "dewhitener", "history.penalty"])
def test_arrays_of_other_shapes_are_refused(data, tmp_path, name):
    fitted(data.X, whiten=True).save(tmp_path)
    arrays, config = read_checkpoint(tmp_path)
    write_checkpoint(tmp_path, {k: v for k, v in arrays.items() if k != name}, config)
    with pytest.raises(ValueError, match=r"arrays\.safetensors"):
        OvercompleteICA.load(tmp_path)
    if name != "history.penalty":
        write_checkpoint(tmp_path, arrays | {name: np.ones((3, 3, 3))}, config)
        with pytest.raises(ValueError, match=r"arrays\.safetensors.*`\w+` must have shape"):
            OvercompleteICA.load(tmp_path)


def test_unfitted(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        OvercompleteICA().save(tmp_path)
