"""Where training starts: data far from zero are learned as well as the same data about it."""

import json

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st

from overica.datasets import make_mixture
from overica.formats import as_jumprelu
from overica.sae import (
    SAES,
    FrozenStages,
    ResidualStages,
    SparseAutoencoder,
    fine_tune_scale,
)
from overica.sae.batches import Batches
from overica.sae.centre import geometric_median, starting_offset

NAMES = sorted(SAES)
X = make_mixture(4000, 16, 32, "sparse_exponential", n_active=3, random_state=0).X
SPREAD = float(np.sqrt(X.var(axis=0).sum()))
SETTINGS = {"n_active": 3, "n_steps": 400, "batch_size": 256, "random_state": 0, "device": "cpu"}


def away(times):
    """A vector as many spreads long."""
    direction = np.random.default_rng(0).normal(size=16)
    return times * SPREAD * direction / np.linalg.norm(direction)


def explained(sae, Z):
    error = Z - sae.inverse_transform(sae.transform(Z))
    return 1 - (error**2).sum() / ((Z - Z.mean(axis=0)) ** 2).sum()


@pytest.mark.parametrize("times", [10.0, 1000.0])
@pytest.mark.parametrize("name", NAMES)
def test_an_offset_costs_nothing(name, times):
    plain, shifted = (SAES[name](32, **SETTINGS).fit(Z) for Z in (X, X + away(times)))
    assert explained(shifted, X + away(times)) > explained(plain, X) - 0.02
    assert abs(shifted.history_["explained_variance"][-1]) <= 1
    assert np.linalg.norm(shifted.offset_ - away(times)) < 1.5 * SPREAD
    assert shifted.unit_ == pytest.approx(plain.unit_, rel=0.2)


@pytest.mark.parametrize("name", NAMES)
def test_data_about_zero_start_there(name):
    sae = SAES[name](32, **SETTINGS | {"n_steps": 1}).fit(X)
    assert (sae.centre_ == 0).all()
    assert sae.unit_ == pytest.approx(np.linalg.norm(X, axis=1).mean() / 4)


# Where a penalty is steered, half of these few steps are too few for a stage.
@pytest.mark.parametrize("kind", [FrozenStages, ResidualStages])
@pytest.mark.parametrize("name", ["batchtopk", "jumprelu", "matryoshka", "topk"])
def test_an_offset_costs_stages_nothing(name, kind):
    Z = X + away(10)
    stages, plain = (kind(SAES[name](32, **SETTINGS)).fit(data) for data in (Z, X))
    assert explained(stages, Z) > explained(plain, X) - 0.03


@pytest.mark.parametrize("name", NAMES)
def test_frozen_features_read_the_same_far_from_zero(name):
    Z = X + away(10)
    stages = FrozenStages(SAES[name](32, **SETTINGS | {"n_steps": 60})).fit(Z)
    first, last = stages.estimators_
    tensor = torch.from_numpy(Z[:100])
    read = "paths" if name == "gated" else "preactivations"
    before, after = (getattr(sae.module_, read)(tensor) for sae in (first, last))
    if name != "gated":
        before, after = (before,), (after,)
    for old, new in zip(before, after, strict=True):
        torch.testing.assert_close(new[:, :16], old, rtol=0, atol=1e-4)
    np.testing.assert_allclose(last.components_[:16], first.components_, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_centre_is_saved_and_zero_in_earlier_versions(name, tmp_path):
    Z = X + away(10)
    sae = SAES[name](32, **SETTINGS | {"n_steps": 20}).fit(Z)
    sae.save(tmp_path)
    loaded = SparseAutoencoder.load(tmp_path)
    np.testing.assert_array_equal(loaded.centre_, sae.centre_)
    np.testing.assert_allclose(loaded.transform(Z), sae.transform(Z), rtol=1e-9, atol=1e-9)
    arrays = safetensors.numpy.load_file(tmp_path / "sae_weights.safetensors")
    safetensors.numpy.save_file(arrays, tmp_path / "sae_weights.safetensors")
    config = json.loads((tmp_path / "cfg.json").read_text())
    del config["sha256"], config["overica"]["centre"]
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    earlier = SparseAutoencoder.load(tmp_path)
    np.testing.assert_array_equal(earlier.centre_, np.zeros(16))
    np.testing.assert_array_equal(earlier.transform(Z), loaded.transform(Z))


def test_a_converted_autoencoder_keeps_its_centre():
    gated = SAES["gated"](32, **SETTINGS | {"n_steps": 20}).fit(X + away(10))
    np.testing.assert_array_equal(as_jumprelu(gated).centre_, gated.centre_)


@pytest.mark.parametrize("factor", [30.0, 1000.0])
@pytest.mark.parametrize("rows", [slice(7, 8), slice(0, None, 128)])
def test_huge_rows_do_not_move_the_centre(rows, factor):
    Z = np.tile(X, (4, 1)) + away(10)
    Z[rows] = 0
    Z[rows, 2] = factor * np.linalg.norm(away(10))
    usual = starting_offset(X + away(10))
    assert np.linalg.norm(starting_offset(Z) - usual) < 0.1 * SPREAD


@given(times=st.floats(0, 100))
def test_less_than_the_spread_is_left_of_the_way(times):
    Z = X[:500] + away(times)
    median = geometric_median(Z)
    spread = np.median(np.linalg.norm(Z - median, axis=1))
    start = starting_offset(Z)
    assert np.linalg.norm(median - start) <= spread * (1 + 1e-6) or (start == 0).all()
    assert (start == 0).all() == (np.linalg.norm(median) <= spread)


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-50, 50))
def test_the_median_moves_with_the_points(scale, shift):
    points = np.random.default_rng(0).exponential(size=(101, 3))
    moved = geometric_median(scale * points + shift)
    np.testing.assert_allclose(moved, scale * geometric_median(points) + shift, atol=2e-3 * scale)
    # Its law: directions to the points cancel.
    away_from = points - geometric_median(points)
    units = away_from / np.linalg.norm(away_from, axis=1, keepdims=True)
    assert np.linalg.norm(units.mean(axis=0)) < 1e-3


def test_samples_that_are_nearly_the_same_are_no_error():
    Z = np.full((20, 3), 7.3)
    Z[0] = np.nextafter(7.3, 8)
    sae = SAES["topk"](4, n_active=1, n_steps=5, random_state=0).fit(Z)
    assert (sae.centre_ == 0).all()
    assert np.isfinite(sae.components_).all()


def test_batches_are_about_the_centre_in_any_precision():
    Z = (X + away(1000)).astype(np.float32)
    batches = Batches(Z, 8, np.random.default_rng(0), torch.device("cpu"))
    scaled = batches.scaled(Z)
    assert scaled.norm(dim=1).mean().item() == pytest.approx(4, rel=1e-4)
    back = scaled.double().numpy() * batches.unit + batches.centre
    np.testing.assert_allclose(back, Z, atol=1e-5 * batches.unit)


@pytest.mark.parametrize("name", NAMES)
def test_scales_are_tuned_far_from_zero(name):
    Z = X + away(10)
    sae = SAES[name](32, **SETTINGS | {"n_steps": 100}).fit(Z)
    assert explained(fine_tune_scale(sae, Z), Z) >= explained(sae, Z) - 1e-9
