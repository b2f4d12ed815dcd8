"""Noise that columns cannot explain ends the annealing."""

from dataclasses import replace

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.datasets import make_hierarchy, make_mixture
from overica.learning import Model, infer
from overica.learning.misfit import least_penalty
from overica.priors import get_prior


def test_noise_alone_makes_no_more_sources_active_than_are_there():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((64, 128)) / 4
    model = Model(A, get_prior("laplace"), 1.0, noise_variance=0.3, presence=0.05)
    noise = np.sqrt(0.3) * rng.standard_normal((300, 64))
    there = 0.05 * 128
    level = least_penalty(model)
    at = infer(replace(model, penalty=level), noise).n_active.mean()
    below = infer(replace(model, penalty=level / 3), noise).n_active.mean()
    assert 0 < at <= there < 3 * there < below


@pytest.mark.parametrize("factor", [0.1, 7.0])
def test_level_is_measured_in_the_units_of_the_samples(factor):
    # A penalty weighs codes, which have no unit, beside squares of samples.
    A = np.random.default_rng(0).standard_normal((4, 8))
    model = Model(A, get_prior("laplace"), 1.0, noise_variance=0.2, presence=np.full(8, 0.3))
    expected = least_penalty(model) / factor**2
    assert least_penalty(model.measured_in(factor)) == pytest.approx(expected)


def test_no_level_where_all_sources_are_there_or_none_is_ever_absent():
    A = np.eye(3)
    assert least_penalty(Model(A, get_prior("laplace"), 1.0, presence=1.0)) == 0
    smooth = Model(A, get_prior("smooth_laplace"), 1.0, presence=0.1)
    assert least_penalty(smooth) == 0


def test_too_few_columns_for_features_in_trees_do_not_make_codes_dense():
    data = make_hierarchy(
        8000, 64, 256, n_trees=16, branching=3, depth=3, probabilities=(0.4, 0.002),
        correlation_rank=10, random_state=7,
    )  # fmt: skip
    ica = OvercompleteICA(
        128, prior="exponential", hierarchy=False, annealing=(0.5, 0.02), overprovision=1.0, max_iter=100,
        whiten=False, random_state=0,
    ).fit(data.X)  # fmt: skip
    true = (data.codes > 0).sum(axis=1).mean()
    assert np.mean(ica.history_["n_active"][-5:]) < 1.5 * true
    # Held at the noise, which is high: far above where annealing would end.
    assert ica.history_["penalty"][-1] > 3 * 0.02 * 8
    # And annealing ends there, rather than at the highest evidence that it passed on its way down.
    evidence = np.array(ica.history_["log_evidence"])
    evidence = evidence[np.isfinite(evidence)]
    assert evidence[-1] > evidence.max() - 0.5


def test_annealing_comes_down_where_columns_explain_the_samples():
    data = make_mixture(5000, 16, 32, "sparse_laplace", n_active=4, random_state=0)
    history = OvercompleteICA(32, max_iter=100, whiten=False, random_state=0).fit(data.X).history_
    assert history["penalty"][99] == pytest.approx(0.05 * 4)
    assert np.all(np.diff(history["penalty"][:100]) <= 1e-12)
