"""Precision, recall and F1 against scikit-learn, and what happens where there is no partner."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from overica.metrics import Matching, f1, match_components, precision, recall


def sparse(rng, n_samples, n_columns, probability=0.3):
    S = rng.laplace(size=(n_samples, n_columns))
    return S * (rng.random(S.shape) < probability)


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    S_hat, S = sparse(rng, 300, 7), sparse(rng, 300, 7, 0.4)
    expected = precision_recall_fscore_support(S != 0, S_hat != 0, average="macro")
    got = [score(S_hat, S, Matching.identity(7)) for score in (precision, recall, f1)]
    np.testing.assert_allclose(got, expected[:3], rtol=1e-12)


@pytest.mark.parametrize("score", [precision, recall, f1])
def test_features_without_a_partner_count_zero(score):
    A = np.eye(4)
    S = sparse(np.random.default_rng(0), 200, 4)
    learned = A[:, [2]]
    matching = match_components(learned, A)
    assert score(S[:, [2]], S, matching) == pytest.approx(0.25)


@pytest.mark.parametrize("score", [precision, recall, f1])
def test_a_partner_that_never_fires_counts_zero(score):
    S = sparse(np.random.default_rng(0), 200, 4)
    S_hat = S.copy()
    S_hat[:, 1] = 0
    assert score(S_hat, S, Matching.identity(4)) == pytest.approx(0.75)


@pytest.mark.parametrize("score", [precision, recall, f1])
def test_true_features_that_never_fire_are_left_out(score):
    S = sparse(np.random.default_rng(0), 200, 4)
    S_hat = S.copy()
    S[:, 1] = 0
    assert score(S_hat, S, Matching.identity(4)) == 1.0
    assert np.isnan(score(S_hat, np.zeros_like(S), Matching.identity(4)))


@pytest.mark.parametrize("score", [precision, recall, f1])
def test_surplus_learned_columns_change_nothing(score):
    rng = np.random.default_rng(0)
    A, S = np.eye(4), sparse(rng, 200, 4)
    S_hat = sparse(rng, 200, 4) + S * (rng.random(S.shape) < 0.7)
    wide = np.column_stack([0.1 * np.ones((4, 1)), A])
    alone = score(S_hat, S, match_components(A, A))
    beside = score(np.column_stack([sparse(rng, 200, 1), S_hat]), S, match_components(wide, A))
    assert beside == alone < 1


def test_a_dead_direction_does_not_fire():
    """A code on a zero column adds nothing to the samples."""
    matching = match_components([[0.0, 0.0], [0.0, 1.0]], np.eye(2))
    assert recall(np.ones((5, 2)), np.ones((5, 2)), matching) == 0.5


@pytest.mark.parametrize(
    ("codes", "codes_true", "message"),
    [
        (np.ones((4, 2)), np.ones((5, 2)), r"`codes` must have shape \(n_samples=5"),
        (np.ones((5, 1)), np.ones((5, 2)), r"`codes` must have shape .*n_learned>=2.*got \(5, 1\)"),
        (np.full((5, 2), np.inf), np.ones((5, 2)), "`codes` must be finite"),
        (np.ones((5, 2)), np.ones(5), r"`codes_true` must have shape .*got \(5,\)"),
        (
            np.ones((5, 2)),
            np.ones((5, 1)),
            r"`codes_true` must have shape .*n_true=2.*got \(5, 1\)",
        ),
    ],
)
def test_bad_input(codes, codes_true, message):
    with pytest.raises(ValueError, match=message):
        precision(codes, codes_true, Matching.identity(2))
