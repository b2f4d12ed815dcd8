"""Every prior in the registry keeps the laws, and the self-check notices those that do not."""

import json

import cvxpy
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from overica import priors
from overica.priors import (
    PRIORS,
    Exponential,
    Laplace,
    Prior,
    SmoothLaplace,
    check_prior,
    get_prior,
    prior_from_config,
    prior_to_config,
)
from overica.priors.base import namespace
from overica.priors.log_concave import KNOTS


class Huber(Prior):
    """Quadratic within one scale, straight outside; only what a user must write."""

    def cost(self, S):
        Z, xp = abs(S) / self.scale_like(S), namespace(S)
        return xp.where(Z <= 1, Z**2 / 2, Z - 0.5)

    def score(self, S):
        theta, xp = self.scale_like(S), namespace(S)
        return -xp.clip(S / theta, -1.0, 1.0) / theta

    def log_normaliser(self):
        inner = integrate.quad(lambda z: np.exp(-(z**2) / 2), -1, 1)[0]
        return np.log((inner + 2 * np.exp(-0.5)) * np.asarray(self.scale))

    def sample(self, size, rng):
        # Rejection from a Laplace density: exp(-|z| + 1/2) is never below exp(-cost).
        draws = rng.laplace(size=(200, *np.atleast_1d(size)))
        kept = rng.random(draws.shape) < np.exp(np.abs(draws) - 0.5 - Huber().cost(draws))
        first = np.argmax(kept, axis=0)[None]
        return np.take_along_axis(draws, first, axis=0)[0] * self.scale

    def cvxpy_cost(self, s):
        return cvxpy.sum(cvxpy.huber(cvxpy.multiply(1 / self.scale_for(s), s))) / 2


@pytest.fixture(params=[*PRIORS, "sharp", "blunt", "huber"])
def prior(request):
    """Every registered prior, and some besides."""
    extra = {
        "sharp": SmoothLaplace(sharpness=100.0),
        "blunt": SmoothLaplace(sharpness=0.5),
        "huber": Huber(),
    }
    return extra[request.param] if request.param in extra else PRIORS[request.param]()


def test_laws(prior):
    check_prior(prior)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
def test_density_integrates_to_one(prior, scale):
    scaled = prior.with_scale(scale)
    low = 0.0 if prior.nonnegative else -60 * scale
    mass, _ = integrate.quad(
        lambda s: np.exp(scaled.log_density(np.array([s]))[0]), low, 60 * scale, points=[0.0],
        limit=400,
    )  # fmt: skip
    assert mass == pytest.approx(1, abs=1e-7)


def supports(prior, S):
    return np.abs(S) if prior.nonnegative else S


@settings(max_examples=40, deadline=None)
@given(
    v=st.floats(-30, 30),
    step=st.floats(1e-3, 50),
    theta=st.floats(0.05, 20),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("kind", [*PRIORS.values(), Huber])
def test_prox_beats_every_other_point(kind, v, step, theta, seed):
    prior = kind(theta)
    got = prior.prox(np.array([v]), step)
    rivals = np.concatenate(
        [np.linspace(-40, 40, 2001), np.random.default_rng(seed).normal(0, 10, 500), [0.0, v]]
    )
    rivals = supports(prior, rivals)

    def value(S):
        return (S - v) ** 2 / (2 * step) + prior.cost(S)

    assert value(got)[0] <= np.min(value(rivals)) * (1 + 1e-12) + 1e-12


@settings(max_examples=40, deadline=None)
@given(fraction=st.floats(-1, 1), theta=st.floats(0.05, 20), s=st.floats(-50, 50))
@pytest.mark.parametrize("kind", [*PRIORS.values(), Huber])
def test_fenchel_young_inequality(kind, fraction, theta, s):
    """cost(s) + conjugate(v) >= s v, with equality at v = cost'(s)."""
    prior = kind(theta)
    S = supports(prior, np.array([s * theta]))
    V = np.array([fraction / theta])
    assert prior.cost(S)[0] + prior.conjugate(V)[0] - (S * V)[0] >= -1e-9
    assert prior.fenchel_young(S, V)[0] >= 0
    assert prior.fenchel_young(S, -prior.score(S))[0] <= 1e-9


def test_conjugate_of_smooth_laplace_where_it_is_hard():
    """Far in the tail the divergence is that of a saturated coin."""
    prior = SmoothLaplace(sharpness=10.0)
    S, V = np.array([3.0, 40.0, -40.0]), np.array([0.5, 0.5, 1.0])
    w = np.array([0.5, 0.5, -1.0])
    conjugate = (1 + np.abs(w)) * np.log(1 + np.abs(w)) + np.where(
        np.abs(w) < 1, (1 - np.abs(w)) * np.log(np.where(np.abs(w) < 1, 1 - np.abs(w), 1)), 0
    )
    wanted = np.abs(S) - np.log(2) / 10 + conjugate / 20 - S * V
    np.testing.assert_allclose(prior.fenchel_young(S, V), wanted, rtol=1e-12)


def test_smooth_laplace_tends_to_laplace():
    S = np.linspace(-4, 4, 41)
    sharp = SmoothLaplace(2.0, sharpness=1e4)
    np.testing.assert_allclose(sharp.log_density(S), Laplace(2.0).log_density(S), atol=2e-4)
    np.testing.assert_allclose(sharp.prox(S, 0.7), Laplace(2.0).prox(S, 0.7), atol=2e-3)


def test_tiny_sources_keep_their_precision():
    S = np.array([1e-30, -1e-30])
    np.testing.assert_allclose(SmoothLaplace(sharpness=4.0).cost(S), 2e-60, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_keeps_dtype(prior, dtype):
    scaled = prior.with_scale(np.array([0.5, 2.0]))
    S = torch.tensor([[0.3, 1.0], [0.0, 5.0]], dtype=dtype)
    for result in (scaled.cost(S), scaled.score(S), scaled.prox(S, 0.1), scaled.curvature(S)):
        assert result.dtype == dtype
        assert result.shape == S.shape
    # rtol: float32 near the smooth prior's curvature
    np.testing.assert_allclose(
        scaled.prox(S, 0.1).numpy(), scaled.prox(S.double().numpy(), 0.1), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (0.0, "positive and finite"),
        (-1.0, "positive and finite"),
        (np.nan, "positive and finite"),
        ([1.0, np.inf], "positive and finite"),
        (np.ones((2, 2)), r"got \(2, 2\)"),
        ("wide", "number"),
    ],
)
def test_scale_is_validated(scale, message):
    with pytest.raises(ValueError, match=message):
        Laplace(scale)


def test_scale_is_the_priors_own():
    theta = np.array([1.0, 2.0])
    prior = Laplace(theta)
    theta[0] = 5.0
    np.testing.assert_array_equal(prior.scale, [1.0, 2.0])
    assert prior.with_scale(3.0).scale == 3.0


def test_names():
    assert isinstance(get_prior("exponential"), Exponential)
    with pytest.raises(ValueError, match="'laplace', 'exponential', 'smooth_laplace'"):
        get_prior("cauchy")
    with pytest.raises(ValueError, match="instance of Prior"):
        get_prior(Laplace)


class WrongScore(Huber):
    def score(self, S):
        return super().score(S) * 1.01


class WrongNormaliser(Laplace):
    def log_normaliser(self):
        return np.log(np.asarray(self.scale))


class WrongProx(Laplace):
    def prox(self, V, step):
        return super().prox(V, step * 1.01)


class WrongConjugate(SmoothLaplace):
    def conjugate(self, V):
        return super().conjugate(V) * 1.01


class WrongSampler(Laplace):
    def sample(self, size, rng):
        return 1.1 * super().sample(size, rng)


class WrongExpression(Laplace):
    def cvxpy_cost(self, s):
        return cvxpy.norm1(s)


class NotConvex(Laplace):
    def cost(self, S):
        return namespace(S).log1p(abs(S) / self.scale_like(S))

    def score(self, S):
        return -namespace(S).sign(S) / (self.scale_like(S) + abs(S))


class NumpyOnly(Laplace):
    def cost(self, S):
        return np.abs(np.asarray(S)) / self.scale


class NotAFamily(Laplace):
    def cost(self, S):
        return abs(S) / self.scale_like(S) ** 0.5


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (WrongScore, "score"),
        (WrongNormaliser, "log_normaliser"),
        (WrongProx, "prox"),
        (WrongConjugate, "conjugate"),
        (WrongSampler, "sample"),
        (WrongExpression, "cvxpy_cost"),
        (NotConvex, "cost"),
        (NumpyOnly, "torch"),
        (NotAFamily, "scale family"),
    ],
)
def test_check_prior_finds(kind, law):
    with pytest.raises(AssertionError, match=rf"(?m)^{law}: "):
        check_prior(kind())


def test_check_prior_wants_a_prior():
    with pytest.raises(ValueError, match="instance of Prior"):
        check_prior("laplace")


OTHERS = {"slopes": np.linspace(-1, 2, len(KNOTS))}
"""Values of parameters that are no numbers."""
EXPORTED = [
    kind
    for name in priors.__all__
    if isinstance(kind := getattr(priors, name), type)
    and issubclass(kind, Prior)
    and kind is not Prior
]


@pytest.mark.parametrize("kind", sorted({*PRIORS.values(), *EXPORTED}, key=lambda k: k.__name__))
def test_every_prior_is_told_and_made_again(kind):
    prior = kind()
    public = {name for name in vars(prior) if not name.startswith("_")}
    for name in public:
        setattr(prior, name, OTHERS.get(name, 0.3))
    config = json.loads(json.dumps(prior_to_config(prior)))
    assert set(config) == public - {"scale"} | {"name"}
    again = prior_from_config(config)
    assert type(again) is kind
    assert again.scale == 1.0
    for name in public - {"scale"}:
        np.testing.assert_array_equal(getattr(again, name), getattr(prior, name))


@pytest.mark.parametrize(
    "config", [{}, {"name": "gaussian"}, {"name": "laplace", "sharpness": 1.0}, {"name": 3}]
)
def test_descriptions_of_no_prior_are_refused(config):
    with pytest.raises(ValueError, match="`prior`"):
        prior_from_config(config)
