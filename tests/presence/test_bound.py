"""The bound is one, and what it rests on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from overica.presence import Forest, PresenceModel, certify
from overica.presence.relaxation import Envelope
from tests.presence.cases import draw, every_support, random_model
from tests.presence.cases import given as given_support


def best_joint(model, x):
    """The maximum of log p(x, s, b) over supports and codes, by enumeration; codes unconstrained."""
    best = -np.inf
    for support in every_support(model.n_components):
        S = np.flatnonzero(support)
        _, mean, _ = given_support(model, x, support)
        if model.nonnegative and (mean < 0).any():
            continue  # with codes at zero in it, a support is worth less than the bound of the same by continuity
        r = x - model.mixing[:, S] @ mean
        v = model.slab_variance[S]
        value = -0.5 * r @ r / model.noise_variance - 0.5 * len(x) * np.log(
            2 * np.pi * model.noise_variance
        )
        value -= (0.5 * np.log(2 * np.pi * v) + 0.5 * (mean - model.slab_mean[S]) ** 2 / v).sum()
        best = max(best, value + model.forest.log_probability([support])[0])
    return best


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    nonnegative=st.booleans(),
    integrated=st.booleans(),
    n_steps=st.sampled_from([0, 3, 60]),
)
def test_bound_is_at_least_the_best_of_all_supports(seed, nonnegative, integrated, n_steps):
    rng = np.random.default_rng(seed)
    model = random_model(rng, 4, 6, nonnegative, noise_variance=rng.uniform(0.02, 1.0))
    _, _, X = draw(model, rng, 4)
    certificate = certify(model, X, integrated=integrated, n_steps=n_steps)
    for x, value, bound in zip(X, certificate.value, certificate.bound, strict=True):
        if integrated:
            best = max(given_support(model, x, b)[0] for b in every_support(6)
                       if not nonnegative or (given_support(model, x, b)[1] >= 0).all())  # fmt: skip
        else:
            best = best_joint(model, x)
        tolerance = 1e-8 * (1 + abs(best))
        assert bound >= best - tolerance
        assert value <= best + tolerance


def test_gap_is_small_without_noise_on_orthogonal_and_independent_columns():
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    forest = Forest.independent(np.full(5, 0.2))
    model = PresenceModel(A, np.full(5, 4.0), np.full(5, 0.1), 0.05, forest, True)
    _, S, _ = draw(model, rng, 200)
    gap = certify(model, S @ A.T).gap
    assert (gap > -1e-9).all()
    assert np.median(gap) < 0.05


def test_more_steps_do_not_loosen_the_median_bound():
    rng = np.random.default_rng(1)
    model = random_model(rng, 6, 12)
    X = rng.standard_normal((50, 6)) * 2
    posterior = model.infer(X)
    gaps = [np.median(certify(model, X, posterior, n_steps=k).gap) for k in (0, 20, 200)]
    assert gaps[0] > gaps[1] >= gaps[2] - 1e-6


@given(
    mean=st.floats(-3, 3), variance=st.floats(0.05, 3), cost=st.floats(-2, 4), nonnegative=st.booleans(),
    theta=st.floats(-6, 6),
)  # fmt: skip
def test_conjugate_is_the_supremum(mean, variance, cost, nonnegative, theta):
    envelope = Envelope(np.array([mean]), np.array([variance]), np.array([cost]), nonnegative)
    s = np.linspace(0 if nonnegative else -40, 40, 40001)
    slab = (theta * s - cost - (s - mean) ** 2 / (2 * variance)).max()
    assert envelope.conjugate(np.array([theta]))[0] == pytest.approx(max(0.0, slab), abs=2e-4)


@given(
    mean=st.floats(-3, 3), variance=st.floats(0.05, 3), cost=st.floats(-2, 4), nonnegative=st.booleans(),
    v=st.floats(-5, 5), step=st.floats(0.05, 3),
)  # fmt: skip
def test_prox_is_optimal_by_moreau(mean, variance, cost, nonnegative, v, step):
    """theta = (v - prox) / step minimises g*(theta) / step + (theta - v / step)^2 / 2, which is convex."""
    envelope = Envelope(np.array([mean]), np.array([variance]), np.array([cost]), nonnegative)

    def objective(theta):
        return envelope.conjugate(np.array([theta]))[0] / step + 0.5 * (theta - v / step) ** 2

    theta = (v - envelope.prox(np.array([[v]]), step)[0, 0]) / step
    other = minimize_scalar(
        objective, bounds=(-300, 300), method="bounded", options={"xatol": 1e-10}
    ).x
    assert objective(theta) <= objective(other) + 1e-8
