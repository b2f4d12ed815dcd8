"""What is exported loads in SAELens and here, and nothing else is overwritten."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

import overica
from overica.baselines import PCABaseline
from overica.coding import SparseCoder
from overica.datasets import make_mixture
from overica.formats import WRITERS, NormalisedSAE, export
from overica.formats.saelens import ARCHITECTURES
from overica.formats.saelens_writing import WRITTEN
from overica.sae import SAES, TopKSAE, fine_tune_scale
from tests.formats.layouts import LAYOUTS
from tests.persistence.killing import SKIP, at_every_step

DATA = make_mixture(1200, 8, 12, "sparse_exponential", n_active=2, random_state=0)
_FITTED: dict = {}


def fitted(name):
    if name not in _FITTED:
        settings = {"n_active": 2, "n_steps": 60, "batch_size": 64, "random_state": 0}
        _FITTED[name] = SAES[name](12, **settings).fit(DATA.X.astype(np.float32))
    if _FITTED[name].module_.architecture is None:
        pytest.skip("others have no word for it, and export refuses it")
    return _FITTED[name]


@pytest.fixture(scope="module")
def ica():
    settings = {"prior": "exponential", "whiten": False, "hierarchy": False, "n_restarts": 1}
    return overica.OvercompleteICA(12, max_iter=60, random_state=0, **settings).fit(DATA.X)


def theirs(folder: Path):
    """As SAELens reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sae_lens = pytest.importorskip("sae_lens")
        return sae_lens.SAE.load_from_disk(folder)


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("name", sorted(SAES))
def test_saelens_runs_it(name, tuned, tmp_path):
    sae = fine_tune_scale(fitted(name), DATA.X) if tuned else fitted(name)
    if tuned and name == "matching_pursuit":
        with pytest.raises(
            ValueError, match="`model` must be a matching pursuit as SAELens knows it"
        ):
            export(sae, tmp_path)
        return
    export(sae, tmp_path, model_name="gpt2", hook="blocks.8.hook_resid_pre")
    loaded = overica.load(tmp_path)
    x = DATA.X[:100].astype(np.float32)
    x_hat = sae.inverse_transform(sae.transform(x))
    np.testing.assert_allclose(loaded.inverse_transform(loaded.transform(x)), x_hat, atol=1e-5)
    assert loaded.source_["model"] == "gpt2"
    assert (loaded.source_["hook"], loaded.source_["layer"]) == ("blocks.8.hook_resid_pre", 8)
    other = theirs(tmp_path)
    with torch.no_grad():
        np.testing.assert_allclose(other(torch.from_numpy(x)).numpy(), x_hat, atol=1e-5)
    assert (other.cfg.metadata.model_name, other.cfg.metadata.hook_name) == (
        "gpt2",
        "blocks.8.hook_resid_pre",
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("normalisation", ["none", "layer_norm", "constant_norm_rescale"])
@pytest.mark.parametrize("name", ["standard", "gated", "jumprelu", "topk_rescaled"])
def test_what_saelens_says_and_back(name, normalisation, dtype, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    LAYOUTS[name](first, 6, 10, dtype=dtype)
    path = first / "cfg.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"normalize_activations": normalisation})
    )
    other = theirs(first)
    loaded = overica.load(first)
    assert isinstance(loaded, NormalisedSAE) == (normalisation != "none")
    x = torch.randn(100, 6, generator=torch.Generator().manual_seed(0)) + 0.5
    with torch.no_grad():
        x_hat, codes = other(x).numpy(), other.encode(x).numpy()
    found = loaded.transform(x.numpy())
    same = ((found[:, :10] != 0) == (codes != 0)).all(axis=1)
    assert same.mean() > 0.95
    np.testing.assert_allclose(
        loaded.inverse_transform(found)[same], x_hat[same], atol=1e-5, rtol=1e-5
    )
    export(loaded, tmp_path / "plain", format="safetensors")
    plain = overica.load(tmp_path / "plain")
    np.testing.assert_allclose(plain.transform(x.numpy())[same], found[same], atol=1e-5)
    export(loaded, second)
    with torch.no_grad():
        again = theirs(second)(x).numpy()
    np.testing.assert_allclose(again[same], x_hat[same], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "architecture", ["BatchTopK", "MatryoshkaBatchTopK", "TopK", "Standard", "Gated", "JumpReLU"]
)
def test_what_saelens_trains(architecture, tmp_path):
    """Saved for inference and, of the BatchTopK family, in the middle of training too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sae_lens = pytest.importorskip("sae_lens")
        told = {"matryoshka_widths": [3, 10]} if "Matryoshka" in architecture else {}
        told |= {"k": 2} if "TopK" in architecture else {}
        config = getattr(sae_lens, f"{architecture}TrainingSAEConfig")(d_in=6, d_sae=10, **told)
        torch.manual_seed(0)
        other = getattr(sae_lens, f"{architecture}TrainingSAE")(config)
        for parameter in other.parameters():
            parameter.data = 0.4 * torch.randn_like(parameter)
        if hasattr(other, "topk_threshold"):
            other.topk_threshold += 0.3
        other.save_inference_model(tmp_path / "inference")
        other.save_model(tmp_path / "training")
        reference = sae_lens.SAE.load_from_disk(tmp_path / "inference")
    x = torch.randn(60, 6)
    with torch.no_grad():
        x_hat = reference(x).numpy()
    for folder in ("inference", "training") if "BatchTopK" in architecture else ("inference",):
        loaded = overica.load(tmp_path / folder)
        np.testing.assert_allclose(
            loaded.inverse_transform(loaded.transform(x.numpy())), x_hat, atol=1e-5
        )


@pytest.mark.parametrize("name", sorted(SAES))
def test_plain_files(name, tmp_path):
    sae = fitted(name)
    export(sae, tmp_path, format="safetensors", model_name="gpt2", hook="h.3.mlp")
    loaded = overica.load(tmp_path)
    x = DATA.X[:50].astype(np.float32)
    np.testing.assert_allclose(
        loaded.inverse_transform(loaded.transform(x)),
        sae.inverse_transform(sae.transform(x)),
        atol=1e-5,
    )
    told = json.loads((tmp_path / "dictionary.json").read_text())
    assert told["source"]["layer"] == loaded.source_["layer"] == 3
    assert (told["n_components"], told["n_features"]) == (12, 8)


def test_exact_codes_in_plain_files(ica, tmp_path):
    export(ica, tmp_path, format="safetensors")
    loaded = overica.load(tmp_path)
    np.testing.assert_allclose(loaded.transform(DATA.X[:40]), ica.transform(DATA.X[:40]), atol=1e-5)
    coder = SparseCoder(ica.components_, n_active=2, nonnegative=True, method="debiased").fit(
        DATA.X[:200]
    )
    export(coder, tmp_path / "coder", format="safetensors")
    again = overica.load(tmp_path / "coder")
    np.testing.assert_allclose(
        again.transform(DATA.X[:40]), coder.transform(DATA.X[:40]), atol=1e-10
    )


def test_dictionaries_without_an_encoder(tmp_path):
    pca = PCABaseline(4).fit(DATA.X)
    export(pca, tmp_path, format="safetensors")
    loaded = overica.load(tmp_path)
    np.testing.assert_allclose(loaded.components_, pca.components_)
    np.testing.assert_allclose(loaded.offset_, pca.offset_)
    assert loaded.set_params(n_active=2).transform(DATA.X[:30]).shape == (30, 4)


def test_ica_for_saelens(ica, tmp_path):
    with pytest.raises(
        ValueError, match="must hold samples where OvercompleteICA is written for SAELens"
    ):
        export(ica, tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.warns(
        UserWarning, match=r"OvercompleteICA as JumpReLU: the encoder explains 0\.\d+"
    ):
        export(ica, tmp_path, X=DATA.X, layer=4)
    other = theirs(tmp_path)
    loaded = overica.load(tmp_path)
    assert loaded.source_["layer"] == 4
    x = torch.from_numpy(DATA.X[:50].astype(np.float32))
    with torch.no_grad():
        codes = other.encode(x).numpy()
    np.testing.assert_allclose(loaded.transform(x.numpy()), codes, atol=1e-5)
    np.testing.assert_allclose(loaded.mixing_, ica.mixing_, atol=1e-5)


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_what_is_not_ours_stays(format, tmp_path):
    sae = fitted("topk")
    export(sae, tmp_path, format=format)
    export(fitted("relu"), tmp_path, format=format)
    assert type(overica.load(tmp_path)).__name__ == "ReLUSAE"
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(FileExistsError, match="it holds `notes`, which is not from here"):
        export(sae, tmp_path, format=format)
    (tmp_path / "notes").unlink()
    others = tmp_path / "others"
    others.mkdir()
    LAYOUTS["standard"](others, 4, 6)
    before = (others / "cfg.json").read_text()
    with pytest.raises(FileExistsError, match=r"it holds `cfg\.json`"):
        export(sae, others, format=format)
    assert (others / "cfg.json").read_text() == before


def test_arguments(tmp_path):
    with pytest.raises(
        ValueError, match="`format` must be one of 'saelens', 'safetensors', got 'gguf'"
    ):
        export(fitted("topk"), tmp_path, format="gguf")
    with pytest.raises(NotFittedError):
        export(SAES["topk"](4), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        export(fitted("topk"), tmp_path / "file")


@pytest.mark.skipif(bool(SKIP), reason=SKIP)
@pytest.mark.parametrize("format", sorted(WRITERS))
def test_a_kill_leaves_the_old_or_the_new(format, tmp_path):
    old, new = fitted("relu"), fitted("topk")
    seen = set()
    export(old, tmp_path, format=format)
    for _ in at_every_step(lambda: export(new, tmp_path, format=format)):
        seen.add(type(overica.load(tmp_path)).__name__)
        export(old, tmp_path, format=format)
    assert seen == {"ReLUSAE", "TopKSAE"}


def test_a_network_that_others_have_no_word_for_is_refused(tmp_path):
    assert set(WRITTEN) <= ARCHITECTURES.keys()
    sae = TopKSAE(6, n_active=2, n_steps=2, random_state=0).fit(
        np.random.default_rng(0).random((50, 4))
    )
    for architecture in (None, "toy"):
        sae.module_.architecture = architecture
        for format in WRITERS:
            with pytest.raises(ValueError, match=r"architecture that others know .* got TopKSAE"):
                export(sae, tmp_path / "out", format=format)
