"""Gabor functions are found again exactly, and nothing else is taken for one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from overica.photographs import GaborFits, fit_gabors, gabor_columns

SHAPE = (8, 8)


def drawn(n, rng):
    return GaborFits(
        amplitude=rng.uniform(0.5, 2, n), row=rng.uniform(1.5, 5.5, n), column=rng.uniform(1.5, 5.5, n),
        orientation=rng.uniform(0, np.pi, n), frequency=rng.uniform(0.12, 0.4, n),
        phase=rng.uniform(-np.pi, np.pi, n), width_across=rng.uniform(1, 2.5, n),
        width_along=rng.uniform(1, 2.5, n), r2=np.ones(n),
    )  # fmt: skip


def test_parameters_are_found_again():
    true = drawn(60, np.random.default_rng(0))
    found = fit_gabors(gabor_columns(true, SHAPE), SHAPE)
    assert (found.r2 > 1 - 1e-8).mean() >= 0.98
    exact = found.r2 > 1 - 1e-8
    for name in ("row", "column", "frequency", "width_across", "width_along", "amplitude"):
        np.testing.assert_allclose(
            getattr(found, name)[exact], getattr(true, name)[exact], rtol=1e-2, atol=1e-3
        )
    turn = (found.orientation - true.orientation + np.pi / 2) % np.pi - np.pi / 2
    np.testing.assert_allclose(turn[exact], 0, atol=1e-2)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_functions_returned_leave_what_r2_says(seed):
    A = np.random.default_rng(seed).standard_normal((64, 3))
    fits = fit_gabors(A, SHAPE)
    rest = ((A - gabor_columns(fits, SHAPE)) ** 2).sum(axis=0) / (A**2).sum(axis=0)
    np.testing.assert_allclose(1 - rest, fits.r2, atol=1e-6)
    assert (fits.r2 > 0).all()
    assert ((fits.orientation >= 0) & (fits.orientation < np.pi)).all()
    assert (fits.amplitude >= 0).all()


def test_length_and_sign_do_not_matter():
    rng = np.random.default_rng(0)
    A = gabor_columns(drawn(4, rng), SHAPE) + 0.05 * rng.standard_normal((64, 4))
    one, two = fit_gabors(A, SHAPE), fit_gabors(-3 * A, SHAPE)
    np.testing.assert_allclose(one.r2, two.r2, atol=1e-6)
    np.testing.assert_allclose(3 * one.amplitude, two.amplitude, rtol=1e-3)


def test_a_general_optimiser_finds_nothing_better_from_there():
    rng = np.random.default_rng(1)
    noisy = gabor_columns(drawn(5, rng), SHAPE)
    noisy += 0.1 * noisy.std() * rng.standard_normal(noisy.shape)
    fits = fit_gabors(noisy, SHAPE)
    names = [
        "amplitude",
        "row",
        "column",
        "orientation",
        "frequency",
        "phase",
        "width_across",
        "width_along",
    ]
    for j in range(5):
        column = noisy[:, j]

        def residual(p, column=column):
            one = GaborFits(
                **{n: np.array([v]) for n, v in zip(names, p, strict=True)}, r2=np.ones(1)
            )
            return gabor_columns(one, SHAPE)[:, 0] - column

        start = [float(getattr(fits, name)[j]) for name in names]
        better = least_squares(residual, start)
        assert 2 * better.cost >= (1 - fits.r2[j]) * (column**2).sum() * (1 - 1e-4)


def test_random_columns_are_none():
    fits = fit_gabors(np.random.default_rng(0).standard_normal((64, 30)), SHAPE)
    assert not fits.well_fitted.any()
    assert 0.15 < np.median(fits.r2) < 0.4


def test_oblong_patches():
    true = drawn(10, np.random.default_rng(3))
    assert fit_gabors(gabor_columns(true, (6, 9)), (6, 9)).r2.min() > 0.99


def test_bad_input():
    with pytest.raises(ValueError, match="`mixing` must have shape"):
        fit_gabors(np.ones((10, 2)), SHAPE)
    with pytest.raises(ValueError, match="no column of zeros, got 1"):
        fit_gabors(np.eye(64)[:, :2] * [1, 0], SHAPE)
    with pytest.raises(ValueError, match="`n_peaks` must be an integer >= 1"):
        fit_gabors(np.eye(64), SHAPE, n_peaks=0)
