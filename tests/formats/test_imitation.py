"""An encoder for exact codes: what it keeps, and what it says that it loses."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

import overica
from overica.coding import SparseCoder
from overica.datasets import make_mixture
from overica.formats import as_jumprelu
from overica.formats.encoder_fit import EncoderFit, best_cut
from overica.metrics.fit import explained_variance, l0
from overica.sae import GatedSAE, JumpReLUSAE

DATA = make_mixture(3000, 32, 48, "sparse_exponential", n_active=2, random_state=0)
CODER = SparseCoder(DATA.mixing.T, n_active=2, method="debiased", nonnegative=True).fit(DATA.X)


@pytest.fixture(scope="module")
def imitating():
    with pytest.warns(UserWarning, match="SparseCoder as JumpReLU: the encoder explains") as told:
        sae = as_jumprelu(CODER, DATA.X, n_steps=400)
    assert str(sae.imitation_) in str(told[0].message)
    return sae


def test_most_of_the_exact_codes_is_kept(imitating):
    assert isinstance(imitating, JumpReLUSAE)
    np.testing.assert_allclose(imitating.mixing_, CODER.components_.T, atol=1e-6)
    lost = imitating.imitation_
    assert lost.explained_variance > 0.85 < lost.explained_variance_exact
    assert lost.f1 > 0.6
    assert 0.5 * lost.l0_exact < lost.l0 < 1.2 * lost.l0_exact
    assert not lost.two_sided


def test_what_is_lost_holds_for_new_samples(imitating):
    new = make_mixture(3000, 32, 48, "sparse_exponential", n_active=2, random_state=0).codes
    rng = np.random.default_rng(7)
    X = np.stack([rng.permutation(column) for column in new.T], axis=1) @ DATA.mixing.T
    codes = imitating.transform(X)
    lost = imitating.imitation_
    assert explained_variance(X, imitating.inverse_transform(codes)) == pytest.approx(
        lost.explained_variance, abs=0.15
    )
    assert l0(X, X, codes) == pytest.approx(lost.l0, rel=0.3)


def test_fine_tuning_helps():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start, tuned = (as_jumprelu(CODER, DATA.X, n_steps=n).imitation_ for n in (0, 400))
    assert tuned.f1 > start.f1 + 0.02


def test_fine_tuning_ends_before_it_does_harm():
    """More weights than samples can tell: what fits these would not fit others."""
    rng = np.random.default_rng(0)
    D = rng.standard_normal((256, 32))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    S = scipy.sparse.random(500, 256, density=4 / 256, random_state=0, format="csr") * 3
    X, S = (S @ D).astype(np.float32), S.astype(np.float32)
    encoders = {n: EncoderFit(X[:400], S[:400]).run(n, np.random.default_rng(0)) for n in (0, 400)}
    missed = {}
    for n, (encoder, _) in encoders.items():
        z = X[400:] @ encoder["W_enc"].numpy() + encoder["b_enc"].numpy()
        codes = z * (z > encoder["threshold"].numpy())
        missed[n] = np.square(codes - S[400:].toarray()).sum()
    assert missed[400] < 1.05 * missed[0]
    assert len(encoders[400][1]) < 400


def test_signed_codes_come_twice():
    data = make_mixture(2000, 16, 20, "sparse_laplace", n_active=2, random_state=0)
    coder = SparseCoder(data.mixing.T, n_active=2, method="debiased").fit(data.X)
    with pytest.warns(UserWarning, match="codes were signed, so that features come twice"):
        sae = as_jumprelu(coder, data.X, n_steps=300)
    assert sae.imitation_.two_sided
    np.testing.assert_allclose(sae.components_[20:], -sae.components_[:20])
    codes, exact = sae.transform(data.X), coder.transform(data.X)
    both = codes[:, :20] - codes[:, 20:]
    agreement = np.corrcoef(both.ravel(), exact.ravel())[0, 1]
    assert agreement > 0.7


def test_offset_and_scale_are_no_matter():
    moved = SparseCoder(
        CODER.components_,
        n_active=2,
        method="debiased",
        nonnegative=True,
        offset=np.full(32, 500.0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = as_jumprelu(CODER, DATA.X, n_steps=100).imitation_
        second = as_jumprelu(
            moved.fit(100 * DATA.X + 500), 100 * DATA.X + 500, n_steps=100
        ).imitation_
    assert second.f1 == pytest.approx(first.f1, abs=0.02)
    assert second.explained_variance == pytest.approx(first.explained_variance, abs=0.02)


def test_learned_models():
    settings = {
        "prior": "laplace",
        "whiten": False,
        "hierarchy": False,
        "n_restarts": 1,
        "max_iter": 60,
    }
    data = make_mixture(1500, 6, 8, "laplace", random_state=0)
    ica = overica.OvercompleteICA(8, random_state=0, **settings).fit(data.X)
    with pytest.warns(UserWarning, match="OvercompleteICA as JumpReLU"):
        sae = as_jumprelu(ica, data.X, n_steps=100)
    assert sae.components_.shape == (16, 6)
    assert sae.imitation_.explained_variance > 0.5


def test_gated_autoencoders_need_no_samples():
    gated = GatedSAE(12, n_active=2, n_steps=30, random_state=0).fit(DATA.X)
    np.testing.assert_allclose(
        as_jumprelu(gated).transform(DATA.X), gated.transform(DATA.X), atol=1e-9
    )


def test_same_seed_same_encoder():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (as_jumprelu(CODER, DATA.X[:300], n_steps=5) for _ in range(2))
    np.testing.assert_array_equal(first.transform(DATA.X[:50]), second.transform(DATA.X[:50]))


def test_arguments():
    with pytest.raises(
        ValueError, match="`X` must hold samples, to which an encoder for a SparseCoder is fitted"
    ):
        as_jumprelu(CODER)
    with pytest.raises(
        ValueError, match=r"`X` must have shape \(n_samples, n_features=32\), got \(50, 3\)"
    ):
        as_jumprelu(CODER, np.ones((50, 3)))
    with pytest.raises(ValueError, match="`X` must have at least 20 samples, got 5"):
        as_jumprelu(CODER, DATA.X[:5])
    with pytest.raises(ValueError, match="`n_steps` must be an integer >= 0, got -1"):
        as_jumprelu(CODER, DATA.X, n_steps=-1)
    with pytest.raises(NotFittedError):
        as_jumprelu(overica.OvercompleteICA(3), DATA.X)


@given(n=st.integers(2, 30), seed=st.integers(0, 10_000))
def test_the_best_cut_is_the_best(n, seed):
    """No other cut has a higher F1."""
    rng = np.random.default_rng(seed)
    z, active = rng.standard_normal((n, 3)), rng.random((n, 3)) < 0.4
    cut = best_cut(z, active)

    def f1(taken):
        return (
            2 * (taken & active).sum(axis=0) / np.maximum(taken.sum(axis=0) + active.sum(axis=0), 1)
        )

    found = f1(z > cut)
    for other in np.vstack([z, z.min(axis=0) - 1]):
        assert (found >= f1(z > other) - 1e-12)[active.any(axis=0)].all()
    assert not (z > cut)[:, ~active.any(axis=0)].any()


def test_an_encoder_that_exists_is_found():
    """Codes that are affine in the sample where they are active, and below a threshold where not."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4000, 6)).astype(np.float32)
    W = np.linalg.qr(rng.standard_normal((6, 6)))[0].astype(np.float32)
    z = X @ W
    S = scipy.sparse.csr_matrix(z * (z > 1.0))
    encoder, losses = EncoderFit(X, S).run(1500, rng)
    found = X @ encoder["W_enc"].numpy() + encoder["b_enc"].numpy()
    active = found > encoder["threshold"].numpy()
    assert ((active == (z > 1.0)).mean(axis=0) > 0.97).all()
    assert losses[-1] < losses[0]
