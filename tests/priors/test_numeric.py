"""Roots of increasing functions: right wherever they are, and in few steps where the function is smooth."""

import numpy as np
import pytest

from overica.priors.numeric import increasing_root

LOW, HIGH = np.full(200, -3.0), np.full(200, 5.0)
AT = np.linspace(-2.9, 4.9, 200)


def cube(S):
    return np.abs(S - AT) ** 1.5 * np.sign(S - AT)


FUNCTIONS = {
    "smooth": (lambda S: np.sinh(S - AT), lambda S: np.cosh(S - AT)),
    "jump": (lambda S: (S - AT) + np.sign(S - AT), lambda S: np.ones_like(S)),
    # Flat at the root, and infinitely steep there.
    "flat": (cube, lambda S: 1.5 * np.abs(S - AT) ** 0.5),
    "steep": (lambda S: np.cbrt(S - AT), lambda S: np.abs(S - AT) ** (-2 / 3) / 3),
    "derivative 1 too small": (lambda S: np.expm1(S - AT), lambda S: np.full_like(S, 1e-3)),
    "derivative infinite": (lambda S: S - AT, lambda S: np.full_like(S, np.inf)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_root_is_found(name):
    function, derivative = FUNCTIONS[name]
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_allclose(increasing_root(function, derivative, LOW, HIGH), AT, atol=1e-14)


@pytest.mark.parametrize("noise", [0.0, 1e-15, 1e-13])
def test_few_steps_even_if_the_value_is_rounded(noise):
    rng = np.random.default_rng(0)
    steps = []

    def function(S):
        steps.append(S)
        return np.sinh(S - AT) + noise * rng.standard_normal(S.shape)

    root = increasing_root(function, lambda S: np.cosh(S - AT), LOW, HIGH)
    np.testing.assert_allclose(root, AT, atol=1e-14 + 10 * noise)
    assert len(steps) < 25


def test_ends_are_roots():
    low, high = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 3.0])
    root = increasing_root(lambda S: S - np.array([0.0, 1.0, 3.0]), np.ones_like, low, high)
    np.testing.assert_allclose(root, [0.0, 1.0, 3.0], atol=1e-15)
