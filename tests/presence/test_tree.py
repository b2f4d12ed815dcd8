"""Forests: normalisers, marginals and what co-activations determine, against enumeration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.presence import Forest, chow_liu
from tests.presence.cases import every_support, random_forest

SEEDS = st.integers(0, 10**6)


def edges(forest):
    return {frozenset((int(j), int(i))) for j, i in enumerate(forest.parents) if i >= 0}


def moments(forest):
    """E[b b'] by enumeration."""
    B = every_support(forest.n_components)
    return B.T @ (np.exp(forest.log_probability(B))[:, None] * B)


@given(seed=SEEDS, n=st.integers(1, 9))
def test_probabilities_sum_to_one_and_marginals_are_exact(seed, n):
    forest = random_forest(np.random.default_rng(seed), n)
    p = np.exp(forest.log_probability(every_support(n)))
    assert p.sum() == pytest.approx(1, abs=1e-10)
    assert forest.normaliser() == pytest.approx(forest.log_normaliser, abs=1e-9)
    np.testing.assert_allclose(forest.marginals(), np.diag(moments(forest)), atol=1e-10)


@given(seed=SEEDS, n=st.integers(1, 8))
def test_graph_holds_every_edge_at_both_ends(seed, n):
    forest = random_forest(np.random.default_rng(seed), n)
    graph = forest.graph()
    B = every_support(n)
    J = np.zeros((n, n))
    for j in range(n):
        for c in range(graph.starts[j], graph.starts[j + 1]):
            J[j, graph.ends[c]] = graph.couplings[c]
    np.testing.assert_array_equal(J, J.T)
    value = forest.log_normaliser + B @ graph.log_odds + 0.5 * np.einsum("si,ij,sj->s", B, J, B)
    np.testing.assert_allclose(value, forest.log_probability(B), atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_exact_moments_give_the_forest_back(seed):
    rng = np.random.default_rng(seed)
    n = 8
    # Dependences that are neither weak nor alike, which would leave the edges open.
    parents = random_forest(rng, n, 0.8).parents
    true = Forest.conditional(parents, rng.uniform(0.5, 0.9, n), rng.uniform(0.02, 0.2, n))
    found = chow_liu(1e9 * moments(true), 1e9, smoothing=0.0)
    assert edges(found) == edges(true)
    B = every_support(n)
    np.testing.assert_allclose(found.log_probability(B), true.log_probability(B), atol=1e-4)


@given(seed=SEEDS)
def test_marginals_of_any_counts_are_kept(seed):
    rng = np.random.default_rng(seed)
    B = rng.random((200, 6)) < rng.uniform(0.01, 0.9, 6)
    forest = chow_liu(B.T.astype(float) @ B, 200.0, least_information=0.0)
    np.testing.assert_allclose(forest.marginals(), (B.sum(0) + 0.5) / 201, atol=2e-4)
    assert np.exp(forest.log_probability(every_support(6))).sum() == pytest.approx(1, abs=1e-9)


def test_independent_presences_have_no_edges():
    """The bar is what the best of n independent pairs brings by chance."""
    wrong = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        B = (rng.random((2000, 30)) < 0.1).astype(float)
        wrong += len(edges(chow_liu(B.T @ B, 2000.0)))
    assert wrong <= 10  # of 20 forests with 29 possible edges each


def test_sources_that_exclude_each_other_are_neighbours():
    B = np.zeros((1000, 3))
    B[:400, 0] = B[400:800, 1] = B[::7, 2] = 1
    forest = chow_liu(B.T @ B, 1000.0)
    assert edges(forest) == {frozenset((0, 1))}
    assert forest.couplings[forest.parents >= 0][0] < -3


@pytest.mark.parametrize(
    ("parents", "message"), [([1, 0], "circles"), ([-1, 2], "positions below 2"), ([0], "circles")]
)
def test_parents_that_are_none(parents, message):
    with pytest.raises(ValueError, match=message):
        Forest(parents, np.zeros(len(parents)), np.zeros(len(parents)), 0.0)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="`couplings` must have shape"):
        Forest([-1, 0], np.zeros(2), np.zeros(3), 0.0)
