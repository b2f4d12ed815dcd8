"""Fitted estimators survive the disk, and nothing else is taken for one."""

import json
import warnings

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.checkpoint import read_checkpoint, write_checkpoint
from overica.datasets import make_mixture
from overica.priors import Laplace, SmoothLaplace

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
    [{}, {"prior": "exponential"}, {"prior": SmoothLaplace(sharpness=5.0)}, {"init": START}],
    ids=["laplace", "exponential", "instance", "array"],
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


def test_unfitted(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        OvercompleteICA().save(tmp_path)
