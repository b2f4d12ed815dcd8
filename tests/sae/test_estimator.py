"""What every sparse autoencoder promises its users."""

import json
from typing import ClassVar

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from overica.datasets import make_mixture
from overica.metrics import chance_level, mean_cosine
from overica.sae import SAES, ReLUSAE, SparseAutoencoder, TopKSAE, TrainingError, fine_tune_scale

NAMES = sorted(SAES)
DATA = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
LONGER = {"n_steps": 500, "batch_size": 128, "learning_rate": 0.02}
_FITTED: dict[str, SparseAutoencoder] = {}


def quick(name: str, **parameters) -> SparseAutoencoder:
    settings = {"n_active": 2, "n_steps": 40, "batch_size": 64, "random_state": 0}
    return SAES[name](12, **(settings | parameters))


def fitted(name: str) -> SparseAutoencoder:
    """A longer fit, shared: not to be changed."""
    if name not in _FITTED:
        _FITTED[name] = quick(name, **LONGER).fit(DATA.X)
    return _FITTED[name]


@pytest.mark.parametrize("name", NAMES)
def test_directions_are_found_beyond_chance(name):
    chance = chance_level("mean_cosine", 8, 12, 12, True, 20, random_state=0)
    found = mean_cosine(fitted(name).mixing_, DATA.mixing, nonnegative=False)
    assert found > chance.mean + 5 * chance.std


@pytest.mark.parametrize("name", NAMES)
def test_the_target_of_active_codes_is_reached(name):
    codes = fitted(name).transform(DATA.X)
    assert (codes != 0).sum(axis=1).mean() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_attributes_have_their_shapes_and_units(name):
    sae = fitted(name)
    assert sae.components_.shape == (12, 8)
    np.testing.assert_array_equal(sae.mixing_, sae.components_.T)
    np.testing.assert_allclose(np.linalg.norm(sae.components_, axis=1), 1)
    codes = sae.transform(DATA.X)
    assert (codes.min() >= 0) == SAES[name].one_sided
    X_hat = sae.inverse_transform(codes)
    np.testing.assert_allclose(X_hat, codes @ sae.components_ + sae.offset_)
    np.testing.assert_allclose(sae.inverse_transform(np.zeros((1, 12)))[0], sae.offset_)
    lengths = np.linalg.norm(DATA.X, axis=1)
    assert sae.unit_ == pytest.approx(lengths.mean() / np.sqrt(8))


@pytest.mark.parametrize("name", NAMES)
def test_history_has_a_row_per_step(name):
    sae, steps = fitted(name), LONGER["n_steps"]
    assert sae.n_iter_ == steps
    wanted = {
        "loss",
        "reconstruction",
        "sparsity",
        "auxiliary",
        "orthogonality",
        "l0",
        "dead_share",
    }
    wanted |= {"explained_variance", "sparsity_coefficient", "learning_rate"}
    assert set(sae.history_) == wanted
    assert {len(values) for values in sae.history_.values()} == {steps}
    assert np.isfinite(list(sae.history_.values())).all()
    X_hat = sae.inverse_transform(sae.transform(DATA.X))
    explained = 1 - ((DATA.X - X_hat) ** 2).sum() / ((DATA.X - DATA.X.mean(axis=0)) ** 2).sum()
    assert np.mean(sae.history_["explained_variance"][-50:]) == pytest.approx(explained, abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_answer(name):
    first, second, other = (quick(name, random_state=s).fit(DATA.X) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.components_, second.components_)
    np.testing.assert_array_equal(first.transform(DATA.X), second.transform(DATA.X))
    assert np.abs(first.components_ - other.components_).max() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_a_clone_fits_the_same(name):
    first = quick(name).fit(DATA.X)
    second = clone(first)
    assert not hasattr(second, "components_")
    np.testing.assert_array_equal(second.fit(DATA.X).components_, first.components_)


@pytest.mark.parametrize("name", NAMES)
def test_codes_scale_with_the_data(name):
    one, exact, thousand = (quick(name).fit(c * DATA.X) for c in (1, 1024, 1000))
    codes = one.transform(DATA.X)
    np.testing.assert_array_equal(exact.transform(1024 * DATA.X), 1024 * codes)
    np.testing.assert_array_equal(exact.components_, one.components_)
    np.testing.assert_allclose(thousand.components_, one.components_, atol=1e-3)
    # A code at its threshold may fall on either side.
    near = np.isclose(thousand.transform(1000 * DATA.X), 1000 * codes, rtol=1e-2, atol=10)
    assert near.mean() > 0.999


@pytest.mark.parametrize("name", NAMES)
def test_dtype_and_library_are_kept(name):
    sae = quick(name).fit(DATA.X.astype(np.float32))
    assert sae.components_.dtype == sae.offset_.dtype == np.float32
    single, double = sae.transform(DATA.X.astype(np.float32)), sae.transform(DATA.X)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    tensor = torch.from_numpy(DATA.X)
    codes = sae.transform(tensor)
    assert isinstance(codes, torch.Tensor)
    np.testing.assert_array_equal(codes.numpy(), double)
    assert sae.inverse_transform(codes).dtype == torch.float64
    twice = quick(name).fit(tensor)
    np.testing.assert_array_equal(twice.components_, quick(name).fit(DATA.X).components_)
    np.testing.assert_allclose(twice.components_, sae.components_, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tuned", [False, True])
def test_saved_and_loaded(name, tuned, tmp_path):
    sae = fine_tune_scale(fitted(name), DATA.X) if tuned else fitted(name)
    sae.save(tmp_path)
    loaded = SparseAutoencoder.load(tmp_path)
    assert type(loaded) is type(sae)
    assert loaded.get_params() == sae.get_params()
    assert loaded.history_ == sae.history_
    assert (loaded.unit_, loaded.n_active_, loaded.n_iter_) == (
        sae.unit_,
        sae.n_active_,
        sae.n_iter_,
    )
    np.testing.assert_allclose(
        loaded.transform(DATA.X), sae.transform(DATA.X), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(loaded.components_, sae.components_, rtol=1e-12)
    np.testing.assert_array_equal(loaded.offset_, sae.offset_)


def test_files_of_another_kind_are_refused(tmp_path):
    fitted("topk").save(tmp_path)
    with pytest.raises(ValueError, match=r"one of \['relu'\], got 'topk'"):
        ReLUSAE.load(tmp_path)
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert (config["architecture"], config["d_in"], config["d_sae"], config["k"]) == (
        "topk",
        8,
        12,
        2,
    )
    del config["overica"]
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"cfg\.json is damaged: it does not match its checksum"):
        TopKSAE.load(tmp_path)
    # As SAELens writes them: tensors and settings, no parameters of ours.
    tensors = safetensors.numpy.load_file(tmp_path / "sae_weights.safetensors")
    safetensors.numpy.save_file(tensors, tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_text(json.dumps({"architecture": "topk", "d_in": 8}))
    with pytest.raises(ValueError, match="format 'overica sparse autoencoder', got None"):
        TopKSAE.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"cfg\.json|safetensors"):
        TopKSAE.load(tmp_path / "nowhere")
    with pytest.raises(NotFittedError):
        TopKSAE().save(tmp_path)


@given(data=st.data())
def test_a_flipped_bit_of_a_saved_autoencoder_is_noticed(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("sae")
    fitted("topk").save(folder)
    whole = TopKSAE.load(folder)
    path = folder / data.draw(st.sampled_from(["cfg.json", "sae_weights.safetensors"]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        loaded = TopKSAE.load(folder)
    except ValueError as error:
        assert path.name in str(error)  # noqa: PT017  (some bits of JSON say nothing)
    else:
        assert path.name == "cfg.json"
        np.testing.assert_array_equal(loaded.transform(DATA.X), whole.transform(DATA.X))


def test_folders_of_earlier_versions_are_read(tmp_path):
    sae = quick("relu", n_active=None, sparsity_coefficient=0.1).fit(DATA.X)
    sae.save(tmp_path)
    arrays = safetensors.numpy.load_file(tmp_path / "sae_weights.safetensors")
    safetensors.numpy.save_file(arrays, tmp_path / "sae_weights.safetensors")
    config = json.loads((tmp_path / "cfg.json").read_text())
    del config["sha256"]
    parameters = config["overica"]["parameters"]
    parameters["penalty"] = parameters.pop("sparsity_coefficient")
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    loaded = SparseAutoencoder.load(tmp_path)
    assert loaded.sparsity_coefficient == 0.1
    np.testing.assert_array_equal(loaded.components_, sae.components_)
    del config["overica"]["unit"]
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"cfg\.json .* is damaged: KeyError: 'unit'"):
        SparseAutoencoder.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["relu", "topk", "abstopk", "jumprelu", "gated", "matching_pursuit"]
)
def test_saved_folders_load_in_saelens(name, tmp_path):
    sae_lens = pytest.importorskip("sae_lens")
    fitted(name).save(tmp_path)
    theirs = sae_lens.SAE.load_from_disk(tmp_path)
    x = torch.tensor(DATA.X[:20], dtype=theirs.W_dec.dtype)
    with torch.no_grad():
        codes = theirs.encode(x).numpy()
    np.testing.assert_allclose(codes, fitted(name).transform(DATA.X[:20]), atol=1e-5)


def test_memory_maps_are_not_copied(tmp_path):
    np.save(tmp_path / "X.npy", DATA.X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    from overica.sae.batches import Batches

    batches = Batches(mapped, 32, np.random.default_rng(0), torch.device("cpu"))
    assert batches._resident is None
    batch = batches.draw() * batches.unit
    distances = np.abs(batch.numpy()[:, None] - DATA.X[None]).max(axis=2).min(axis=1)
    assert distances.max() < 1e-5
    sae = quick("relu", n_steps=300).fit(mapped)
    assert sae.history_["explained_variance"][-1] > 0.5


def test_few_samples_are_used_whole():
    from overica.sae.batches import Batches

    batches = Batches(DATA.X[:20], 64, np.random.default_rng(0), torch.device("cpu"))
    np.testing.assert_allclose(batches.draw().numpy() * batches.unit, DATA.X[:20], rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "`n_components` must be an integer >= 1, got 0"),
        ({"n_active": 13}, "`n_active` must be at most n_components=12, got 13"),
        ({"n_active": 0}, "`n_active` must be a finite number > 0, got 0"),
        (
            {"n_active": 2, "sparsity_coefficient": 0.1},
            "give `n_active` or `sparsity_coefficient`, not both",
        ),
        (
            {"n_active": None, "sparsity_coefficient": -1.0},
            "`sparsity_coefficient` must be a finite number >= 0",
        ),
        ({"n_steps": 0}, "`n_steps` must be an integer >= 1, got 0"),
        ({"batch_size": 0}, "`batch_size` must be an integer >= 1, got 0"),
        ({"learning_rate": 0.0}, "`learning_rate` must be a finite number > 0, got 0.0"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a finite number > 0, got nan"),
        ({"betas": (0.9, 1.0)}, "`betas` must be below 1"),
        ({"betas": 0.9}, "`betas` must be a pair of numbers, got 0.9"),
        (
            {"warm_up": 0.6, "cool_down": 0.6},
            "`warm_up` and `cool_down` must together be at most 1",
        ),
        ({"warm_up": 1.5}, "`warm_up` must be a share of the run"),
        ({"clip": 0.0}, "`clip` must be a finite number > 0"),
        ({"revive": "yes"}, "`revive` must be True or False"),
        ({"orthogonality": 0.1}, "`orthogonality` must be None or called as"),
        ({"device": "abacus"}, '`device` must be "auto" or a torch device'),
    ],
)
@pytest.mark.parametrize("name", ["relu", "batchtopk"])
def test_impossible_parameters_are_refused(name, parameters, message):
    steps = []
    sae = quick(name, callback=steps.append).set_params(**parameters)
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        sae.fit(DATA.X)
    assert not steps


def test_parameters_of_single_variants_are_checked():
    for name in ("topk", "batchtopk", "matryoshka"):
        with pytest.raises(ValueError, match="`sparsity_coefficient` must be None"):
            quick(name, n_active=None, sparsity_coefficient=0.1).fit(DATA.X)
    with pytest.raises(ValueError, match="`bandwidth` must be a finite number > 0"):
        quick("jumprelu", bandwidth=0.0).fit(DATA.X)
    with pytest.raises(ValueError, match="`widths` must rise and be at most n_components=12"):
        quick("matryoshka", widths=(4, 4)).fit(DATA.X)
    with pytest.raises(ValueError, match="`widths` must rise"):
        quick("matryoshka", widths=(13,)).fit(DATA.X)
    assert quick("matryoshka", widths=(12,)).fit(DATA.X).module_.widths == (12,)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((5, 3)), "`X` must not be zero throughout"),
        (np.ones((5, 3)), "`X` must vary: .* samples that are all equal"),
        (np.ones((1, 3)), "minimum of 2 is required"),
        (np.full((5, 3), np.nan), "NaN"),
        (np.array([[1.0, np.inf], [0.0, 1.0]]), "infinity"),
        (np.ones(3), "2D array"),
    ],
)
def test_malformed_samples_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        quick("relu").fit(X)


def test_codes_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"\(n_samples, n_components=12\), got \(1, 8\)"):
        fitted("relu").inverse_transform(np.ones((1, 8)))


def test_defaults_are_as_said():
    sae = ReLUSAE(n_steps=2).fit(DATA.X)
    assert (sae.n_components_, sae.n_active_) == (16, 2)
    assert sae.history_["learning_rate"][0] == pytest.approx(0.03 / np.sqrt(8))
    assert TopKSAE(12, n_active=1.6, n_steps=2).fit(DATA.X).module_.n_active == 2


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_fit_is_a_fit(name):
    def stop(figures, calls=[]):  # noqa: B006
        calls.append(figures)
        if len(calls) % 20 == 0:
            raise KeyboardInterrupt

    sae = quick(name, callback=stop)
    with pytest.raises(KeyboardInterrupt):
        sae.fit(DATA.X)
    assert sae.n_iter_ == 20
    assert sae.transform(DATA.X).shape == (2000, 12)


class Poison:
    """A penalty that turns to NaN."""

    coefficient = 1.0

    def __call__(self, W_dec, codes, step):
        return W_dec.sum() * (float("nan") if step == 7 else 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_that_is_not_finite_says_when_and_why(name):
    sae = quick(name, orthogonality=Poison())
    with pytest.raises(TrainingError, match=r"nan at step 7 of 40, the orthogonality penalty is"):
        sae.fit(DATA.X)
    assert not hasattr(sae, "components_")
    wild = quick(name, learning_rate=1e30, clip=None)
    with pytest.raises(
        TrainingError, match=r"at step \d+ of 40.*lower `learning_rate` or give a `clip`"
    ):
        wild.fit(DATA.X)


class Recorder:
    """A penalty that notes how it was called."""

    coefficient = 20.0
    calls: ClassVar[list] = []

    def __call__(self, W_dec, codes, step):
        self.calls.append((tuple(W_dec.shape), tuple(codes.shape), step))
        return (W_dec.sum(dim=0) ** 2).sum()


@pytest.mark.parametrize("name", NAMES)
def test_orthogonality_is_part_of_the_loss(name):
    plain = quick(name, n_steps=100, random_state=1).fit(DATA.X)
    Recorder.calls.clear()
    watched = quick(name, n_steps=100, random_state=1, orthogonality=Recorder()).fit(DATA.X)
    assert Recorder.calls == [((12, 8), (64, 12), step) for step in range(100)]
    first = {key: values[0] for key, values in watched.history_.items()}
    parts = first["reconstruction"] + first["sparsity_coefficient"] * first["sparsity"]
    parts += first["auxiliary"] + first["orthogonality"]
    # That loss is over several widths.
    assert name == "matryoshka" or first["loss"] == pytest.approx(parts, rel=1e-5)
    sums = [np.linalg.norm(sae.components_.sum(axis=0)) for sae in (watched, plain)]
    assert sums[0] < sums[1]


def test_progress_bar_is_shown_when_asked_for(capsys):
    quick("relu").fit(DATA.X)
    assert capsys.readouterr().err == ""
    quick("relu", verbose=1).fit(DATA.X)
    assert "explained" in capsys.readouterr().err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_cuda_fits_too(name):
    sae = quick(name, device="cuda", **LONGER).fit(DATA.X)
    codes = sae.transform(DATA.X)
    assert (codes != 0).sum(axis=1).mean() == pytest.approx(2, rel=0.15)
    assert sae.history_["explained_variance"][-1] == pytest.approx(
        fitted(name).history_["explained_variance"][-1], abs=0.05
    )
