"""Folders of all programs: loaded, they say what these programs say; damaged, they are refused by name."""

import json
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import overica
from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.formats import FORMATS, as_jumprelu, inspect
from overica.metrics import evaluate
from overica.sae import fine_tune_scale
from tests.formats.layouts import LAYOUTS

NAMES = sorted(LAYOUTS)


def agrees(estimator, written, x: torch.Tensor) -> None:
    """Codes in units of X, and reconstructions, those of the formula; where no code is within rounding of its edge."""
    codes, x_hat = (value.numpy() for value in written.run(x))
    found = estimator.transform(x.numpy())
    same = ((found != 0) == (codes != 0)).all(axis=1)
    assert same.mean() > 0.9
    theirs = codes * written.rows.norm(dim=1).numpy()
    np.testing.assert_allclose(
        estimator.inverse_transform(found)[same], x_hat[same], atol=1e-5, rtol=1e-5
    )
    np.testing.assert_allclose(found[same], theirs[same], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("own", "older_scaled")])
def test_what_the_program_says(name, dtype, tmp_path):
    written = LAYOUTS[name](tmp_path, 6, 12, dtype=dtype)
    loaded = overica.load(tmp_path)
    assert isinstance(loaded, Featuriser)
    agrees(
        loaded, written, torch.randn(100, 6, generator=torch.Generator().manual_seed(1)).double()
    )
    np.testing.assert_allclose(np.linalg.norm(loaded.components_, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(Dictionary.of(loaded).offset, loaded.offset_, rtol=1e-6)


@given(
    name=st.sampled_from([name for name in NAMES if name not in ("own", "older_scaled")]),
    d=st.integers(2, 9),
    F=st.integers(2, 20),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25)
def test_any_shape(name, d, F, seed):
    with tempfile.TemporaryDirectory() as folder:
        written = LAYOUTS[name](Path(folder), d, F, seed)
        x = torch.randn(40, d, generator=torch.Generator().manual_seed(seed)).double()
        agrees(overica.load(folder), written, x)


def test_codes_that_were_scaled_before_decoding(tmp_path):
    written = LAYOUTS["older_scaled"](tmp_path, 6, 12)
    x = torch.randn(50, 6).double()
    loaded = overica.load(tmp_path)
    x_hat = loaded.inverse_transform(loaded.transform(x.numpy()))
    np.testing.assert_allclose(x_hat, written.run(x)[1].numpy(), atol=1e-5)
    assert loaded.source_["layer"] == 2


def test_own_models(tmp_path):
    written = LAYOUTS["own"](tmp_path, 4, 6)
    x = torch.randn(30, 4).double()
    loaded = overica.load(tmp_path / "cfg.json")
    np.testing.assert_allclose(loaded.transform(x.numpy()), written.run(x)[0].numpy(), rtol=1e-5)
    X = np.random.default_rng(0).laplace(size=(300, 2))
    ica = overica.OvercompleteICA(3, max_iter=60, n_restarts=1, random_state=0).fit(X)
    ica.save(tmp_path / "ica")
    loaded = overica.load(tmp_path / "ica")
    np.testing.assert_array_equal(loaded.transform(X), ica.transform(X))
    assert inspect(tmp_path / "ica")["kind"] == "OvercompleteICA"


def test_where_it_is_from_survives_saving(tmp_path):
    LAYOUTS["dl_topk"](tmp_path, 4, 6)
    loaded = overica.load(tmp_path)
    assert (loaded.source_["model"], loaded.source_["layer"]) == ("EleutherAI/pythia-70m", 3)
    loaded.save(tmp_path / "ours")
    again = overica.load(tmp_path / "ours")
    assert again.source_ == loaded.source_
    x = np.random.default_rng(0).standard_normal((20, 4))
    np.testing.assert_allclose(again.transform(x), loaded.transform(x), atol=1e-6)
    told = inspect(tmp_path)
    assert (told["format"], told["n_components"], told["n_features"]) == (
        "dictionary_learning",
        6,
        4,
    )
    assert told["codes"] == "never negative, 2 of a sample"


def test_what_takes_an_estimator_takes_it(tmp_path):
    """Metrics, coders on its dictionary, and what is done to autoencoders."""
    LAYOUTS["gated"](tmp_path, 6, 12)
    loaded = overica.load(tmp_path)
    X = np.random.default_rng(0).standard_normal((200, 6))
    codes = loaded.transform(X)
    figures = evaluate(
        loaded.mixing_, codes=codes, X=X, X_hat=loaded.inverse_transform(codes), n_draws=2
    )
    assert figures["l0"].value == pytest.approx((codes != 0).sum(axis=1).mean())
    exact = SparseCoder(loaded.components_, offset=loaded.offset_, n_active=2, nonnegative=True)
    assert exact.fit(X).transform(X).shape == (200, 12)
    tuned = fine_tune_scale(loaded, X)
    error, before = (
        np.square(X - each.inverse_transform(each.transform(X))).sum() for each in (tuned, loaded)
    )
    assert error < before
    np.testing.assert_allclose(as_jumprelu(loaded).transform(X), codes, atol=1e-5)
    assert clone(loaded).get_params() == loaded.get_params()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", NAMES)
def test_truncated_weights(name, share, tmp_path):
    LAYOUTS[name](tmp_path, 4, 6)
    path = weights(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=path.name.replace(".", r"\.")):
        overica.load(tmp_path)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("own", "gemma_scope")])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(name, bad, tmp_path):
    LAYOUTS[name](tmp_path, 4, 6)
    change(
        tmp_path,
        lambda name, value: (
            value if value.ndim < 2 else value.index_fill(0, torch.tensor([1]), bad)
        ),
    )
    with pytest.raises(
        ValueError, match=r"(safetensors|ae\.pt): '.*' must be finite, got \d+ values"
    ):
        overica.load(tmp_path)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("own", "gemma_scope")])
def test_every_tensor_is_needed_and_has_its_shape(name, tmp_path):
    LAYOUTS[name](tmp_path, 4, 6)
    path = weights(tmp_path)
    whole = path.read_bytes()
    needless = {"group_sizes", "k", "scaling_factor"} | (
        {"threshold"} if name == "dl_topk" else set()
    )
    for removed in tensors(path).keys() - needless:
        change(tmp_path, lambda name, value, removed=removed: None if name == removed else value)
        with pytest.raises(ValueError, match=removed.replace(".", r"\.")):
            overica.load(tmp_path)
        path.write_bytes(whole)
        change(
            tmp_path, lambda name, value, removed=removed: value[None] if name == removed else value
        )
        with pytest.raises(ValueError, match=rf"'{removed}' must have shape"):
            overica.load(tmp_path)
        path.write_bytes(whole)


def test_settings_that_do_not_fit(tmp_path):
    LAYOUTS["standard"](tmp_path, 4, 6)
    path = tmp_path / "cfg.json"
    told = json.loads(path.read_text())
    for change, message in (
        ({"d_in": 5}, r"'W_dec' must have shape \(d_sae=6, d_in=5\), got \(6, 4\)"),
        ({"d_in": None}, r"'d_in' must be a positive integer, got None"),
        (
            {"architecture": "transcoder"},
            "'architecture' must be one of standard, gated, .*got 'transcoder'",
        ),
        ({"activation_fn_str": "tanh-relu"}, "'architecture' must be one of .* got 'tanh-relu'"),
        ({"architecture": "topk", "k": 7}, r"'k' must be a positive integer of at most 6, got 7"),
        (
            {"normalize_activations": "whiten"},
            "'normalize_activations' must be one of none, .*got 'whiten'",
        ),
    ):
        path.write_text(json.dumps(told | change))
        with pytest.raises(ValueError, match=r"(cfg\.json|safetensors): .*" + message):
            overica.load(tmp_path)
    path.write_text("[1]")
    with pytest.raises(ValueError, match=r"cfg\.json must hold an object, got list"):
        overica.load(tmp_path)
    path.write_text('{"d_in": ')
    with pytest.raises(ValueError, match=r"cfg\.json is damaged"):
        overica.load(tmp_path)


def test_a_normalisation_that_is_not_in_the_weights_is_told(tmp_path):
    LAYOUTS["standard"](tmp_path, 4, 6)
    path = tmp_path / "cfg.json"
    told = json.loads(path.read_text()) | {"normalize_activations": "expected_average_only_in"}
    path.write_text(json.dumps(told))
    with pytest.warns(
        UserWarning, match=r"cfg\.json: 'normalize_activations' is 'expected_av.*not part of"
    ):
        overica.load(tmp_path)


def test_transcoders_are_refused(tmp_path):
    LAYOUTS["sparsify"](tmp_path, 4, 6)
    path = tmp_path / "cfg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"transcode": True}))
    with pytest.raises(
        ValueError, match=r"cfg\.json must describe an autoencoder, got a transcoder"
    ):
        overica.load(tmp_path)


class Told:
    """Something that a pickle could run."""

    def __reduce__(self):
        return (print, ("run",))


def test_pickled_objects_are_not_run(tmp_path, capsys):
    for content in (Told(), torch.nn.Linear(2, 3)):
        torch.save(content, tmp_path / "ae.pt")
        with pytest.raises(
            ValueError, match=r"ae\.pt must hold tensors by name and nothing else.*not\s+read"
        ):
            overica.load(tmp_path)
    (tmp_path / "ae.pt").write_bytes(pickle.dumps(Told()))
    with pytest.raises(ValueError, match=r"ae\.pt"):
        overica.load(tmp_path)
    torch.save([1, 2], tmp_path / "ae.pt")
    with pytest.raises(ValueError, match=r"ae\.pt must hold tensors by name, got list"):
        overica.load(tmp_path)
    assert "run" not in capsys.readouterr().out


def test_classes_with_the_same_tensors_need_the_configuration(tmp_path):
    LAYOUTS["dl_batchtopk"](tmp_path, 4, 6)
    (tmp_path / "config.json").unlink()
    with pytest.raises(
        ValueError,
        match=r"config\.json must say in trainer\.dict_class which of AutoEncoderTopK and",
    ):
        overica.load(tmp_path)
    (tmp_path / "config.json").write_text('{"trainer": {"dict_class": "Crosscoder"}}')
    with pytest.raises(
        ValueError, match=r"config\.json: 'dict_class' must be one of AutoEncoder, .*'Crosscoder'"
    ):
        overica.load(tmp_path)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n.startswith("dl_") and n not in ("dl_topk", "dl_batchtopk")]
)
def test_other_classes_show_in_their_tensors(name, tmp_path):
    written = LAYOUTS[name](tmp_path, 4, 6)
    (tmp_path / "config.json").unlink()
    agrees(overica.load(tmp_path), written, torch.randn(50, 4).double())


def test_nothing_known(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        overica.load(tmp_path / "missing")
    with pytest.raises(
        FileNotFoundError, match=r"must hold a dictionary in one of the known formats .*got nothing"
    ):
        overica.load(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileNotFoundError, match=r"got notes\.txt"):
        overica.load(tmp_path)
    for layer in ("layers.3", "layers.12"):
        (tmp_path / layer).mkdir()
        LAYOUTS["sparsify"](tmp_path / layer, 4, 6)
    (tmp_path / "config.json").write_text('{"model": "EleutherAI/pythia-70m"}')
    with pytest.raises(
        FileNotFoundError, match=r"a folder of such folders: choose one, layers\.12, layers\.3"
    ):
        overica.load(tmp_path)
    source = overica.load(tmp_path / "layers.12").source_
    assert (source["model"], source["hook"], source["layer"]) == (
        "EleutherAI/pythia-70m",
        "layers.12",
        12,
    )


def test_formats_have_names():
    assert all(kind.name == name and kind.files for name, kind in FORMATS.items())


def weights(folder: Path) -> Path:
    """The file of a folder that holds tensors."""
    (found,) = (path for path in folder.iterdir() if path.suffix in (".safetensors", ".pt", ".npz"))
    return found


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path) if path.suffix == ".pt" else safetensors.torch.load_file(path)


def change(folder: Path, how) -> None:
    """Replace each tensor of a folder by another, or by none."""
    path = weights(folder)
    changed = {name: how(name, value) for name, value in tensors(path).items()}
    kept = {name: value.contiguous() for name, value in changed.items() if value is not None}
    (torch.save if path.suffix == ".pt" else safetensors.torch.save_file)(kept, path)
