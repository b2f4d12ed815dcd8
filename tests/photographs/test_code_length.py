"""Coding costs agree with what is known of Gaussians, codes that are prefix-free, and each other."""

import numpy as np
import pytest
from sklearn.decomposition import PCA, FactorAnalysis

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.photographs import (
    DictionaryDensity,
    coding_cost,
    coefficient_cost,
    pixel_entropy,
)
from overica.photographs.code_length import _code_length


@pytest.fixture(scope="module")
def gaussian():
    rng = np.random.default_rng(0)
    spread = np.array([8.0, 4.0, 2.0, 1.0])
    return rng.standard_normal((8000, 4)) * spread, spread


@pytest.fixture(scope="module")
def ica():
    data = make_mixture(1500, 8, 8, "laplace", random_state=0)
    fitted = OvercompleteICA(
        8, prior="laplace", max_iter=60, overprovision=1.0, random_state=0
    ).fit(data.X)
    return fitted, data


@pytest.mark.parametrize("model", [PCA(), FactorAnalysis(2)], ids=["PCA", "FactorAnalysis"])
def test_gaussian_cost(gaussian, model):
    X, spread = gaussian
    expected = np.log2(np.sqrt(2 * np.pi * np.e) * spread / 0.1).mean()
    assert coding_cost(model.fit(X[:6000]), X[6000:], 0.1) == pytest.approx(expected, abs=0.02)


def test_half_the_precision_is_one_bit(gaussian):
    X, _ = gaussian
    model = PCA().fit(X)
    assert coding_cost(model, X, 0.1) == pytest.approx(coding_cost(model, X, 0.2) + 1)


def test_estimator_and_its_density(ica):
    model, data = ica
    agree(model, data.X[:200])


def test_sources_of_any_shape_and_their_density():
    X = np.random.default_rng(0).laplace(size=(3000, 8))
    model = OvercompleteICA(8, random_state=0).fit(X)
    assert model.penalty_ == 0
    agree(model, X[:200])


def agree(model, X):
    """The ways to the bits of a fitted estimator."""
    per_pixel = model.coding_cost(X, 0.1) / 8
    assert coding_cost(model, X, 0.1) == pytest.approx(per_pixel)
    assert coding_cost(DictionaryDensity.of(model), X, 0.1) == pytest.approx(per_pixel)
    exact = coding_cost(model, X, 0.1, n_annealed=50, random_state=0)
    assert exact == pytest.approx(per_pixel, abs=0.1)


def test_orthogonal_basis_is_exact():
    """The density of rotated sources with white noise is a product of line integrals."""
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    X = rng.laplace(size=(2500, 6)) @ A.T + 0.3 * rng.standard_normal((2500, 6))
    s = np.linspace(-15, 15, 3001)
    line = np.exp(-np.abs(s)) / 2 * (s[1] - s[0]) / np.sqrt(2 * np.pi * 0.09)
    judged = X[2000:]
    exact = sum(
        np.log(np.exp(-((u[:, None] - s) ** 2) / 0.18) @ line).mean() for u in (judged @ A).T
    )
    density = DictionaryDensity(A, random_state=0).fit(X[:2000])
    found = density.evidence(judged, n_annealed=100, random_state=0)
    # Twelve parameters were learned, and the annealing has a little less than the whole.
    assert exact - 0.1 < found < exact + 0.03


def test_density_finds_noise_presence_and_scales():
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    present = np.linspace(0.1, 0.8, 8)
    scales = np.linspace(1, 3, 8)
    S = rng.laplace(size=(4000, 8)) * scales * (rng.random((4000, 8)) < present)
    X = S @ A.T + 0.1 * rng.standard_normal((4000, 8))
    model = DictionaryDensity(A, n_samples=3000, random_state=0).fit(X).model_
    np.testing.assert_allclose(model.presence, present, atol=0.08)
    np.testing.assert_allclose(np.linalg.norm(model.mixing, axis=0), scales, rtol=0.15)
    assert model.noise_variance == pytest.approx(0.01, rel=0.4)


def test_pixel_entropy():
    X = np.repeat(np.arange(8.0), 5)[None, :]
    assert pixel_entropy(X, 1.0) == pytest.approx(3.0)
    assert pixel_entropy(np.zeros((2, 2)), 1.0) == 0.0


def test_quantised_gaussians_cost_what_theory_says(gaussian):
    """At high resolution the rate is the differential entropy less log2 of the step."""
    X, spread = gaussian
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    cost = coefficient_cost(turn, X[:6000] @ turn.T, X[6000:] @ turn.T, 0.25 / 12, penalty=0.0)
    assert cost.step == pytest.approx(0.5, rel=0.02)
    assert cost.distortion == pytest.approx(0.25 / 12, rel=1e-3)
    expected = np.log2(np.sqrt(2 * np.pi * np.e) * spread / 0.5).mean()
    assert cost.bits == pytest.approx(expected, abs=0.03)


def test_lengths_and_order_of_columns_do_not_matter_to_linear_codes(gaussian):
    X, _ = gaussian
    A = np.random.default_rng(2).standard_normal((4, 4))
    one = coefficient_cost(A, X[:2000], X[6000:], 0.1, penalty=0.0)
    other = coefficient_cost(A[:, ::-1] * [-3, 1, 2, 5], X[:2000], X[6000:], 0.1, penalty=0.0)
    assert one.bits == pytest.approx(other.bits, rel=1e-6)


def test_overcomplete_codes_meet_the_error_or_say_so(ica):
    data = make_mixture(900, 6, 12, "sparse_laplace", n_active=2, random_state=0)
    cost = coefficient_cost(data.mixing, data.X[:600], data.X[600:], 0.01, penalty=0.005)
    assert cost.distortion <= 0.01
    assert 0 < cost.n_active <= 12
    assert coefficient_cost(data.mixing, data.X[:600], data.X[600:], 1e-6, penalty=10.0) is None


@pytest.mark.parametrize("law", ["rare", "wide", "constant"])
def test_code_tables_are_codes(law):
    """Kraft: the lengths of all symbols are those of a code."""
    rng = np.random.default_rng(0)
    table = {
        "rare": (rng.random(500) < 0.02).astype(int) * 3,
        "wide": np.round(rng.laplace(scale=40, size=500)).astype(int),
        "constant": np.zeros(500, int),
    }[law]
    lengths = [_code_length(table, np.array([k])) for k in range(-700, 701)]
    assert 0.99 < sum(2.0 ** -np.array(lengths)) <= 1 + 1e-9
    assert np.isfinite(_code_length(table, np.array([10_000])))


def test_models_without_a_density(gaussian):
    X, _ = gaussian

    class Plain:
        pass

    with pytest.raises(ValueError, match=r"`model` must have a method `score`.*got Plain"):
        coding_cost(Plain(), X, 0.1)
    with pytest.raises(ValueError, match="`precision` must be a finite number > 0"):
        coding_cost(PCA().fit(X), X, 0.0)
