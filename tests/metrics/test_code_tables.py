"""Laws that every metric of codes keeps, and its chance level against shuffled samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.metrics import CODE_METRICS, Matching, code_chance, match_components
from overica.metrics.registry import CODE_CHANCE

every_metric = pytest.mark.parametrize("name", sorted(CODE_METRICS))
TRUTH = dict.fromkeys(CODE_METRICS, 1.0) | {"magnitude_error": 0.0}


def make(seed, n_samples=200, nonnegative=False, n_learned=6, n_true=6):
    """Directions and codes that are related, as after a fit that half succeeded."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((5, n_true))
    S = rng.exponential(size=(n_samples, n_true)) * (rng.random((n_samples, n_true)) < 0.4)
    if not nonnegative:
        S *= rng.choice([-1.0, 1.0], S.shape)
    both = min(n_learned, n_true)
    B, S_hat = rng.standard_normal((5, n_learned)), np.zeros((n_samples, n_learned))
    B[:, :both] = A[:, :both] + 0.3 * B[:, :both]
    S_hat[:, :both] = 0.8 * S[:, :both] * (rng.random((n_samples, both)) < 0.8)
    S_hat += rng.exponential(size=S_hat.shape) * (rng.random(S_hat.shape) < 0.1)
    return B, A, S_hat, S


@every_metric
@pytest.mark.parametrize("nonnegative", [False, True])
def test_truth(name, nonnegative):
    S = make(0, nonnegative=nonnegative)[-1]
    score = CODE_METRICS[name](S, S, Matching.identity(6))
    assert isinstance(score, float)
    assert score == pytest.approx(TRUTH[name], abs=1e-12)


@every_metric
@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans(), n_learned=st.integers(3, 9))
def test_order_sign_and_length_of_learned_columns_do_not_count(name, seed, nonnegative, n_learned):
    B, A, S_hat, S = make(seed, 40, nonnegative, n_learned)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_learned)
    factors = rng.lognormal(size=n_learned)
    if not nonnegative:
        factors *= rng.choice([-1.0, 1.0], n_learned)
    score = CODE_METRICS[name]
    plain = score(S_hat, S, match_components(B, A, nonnegative))
    moved_codes, moved = (S_hat / factors)[:, order], (B * factors)[:, order]
    assert score(moved_codes, S, match_components(moved, A, nonnegative)) == pytest.approx(
        plain, rel=1e-9, abs=1e-12, nan_ok=True
    )
    at_random = code_chance(name, S_hat, S, match_components(B, A, nonnegative))
    assert code_chance(
        name, moved_codes, S, match_components(moved, A, nonnegative)
    ) == pytest.approx(at_random, rel=1e-9, abs=1e-12, nan_ok=True)


@every_metric
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_samples_and_units_do_not_count(name, seed):
    B, A, S_hat, S = make(seed, 40)
    matching = match_components(B, A)
    order = np.random.default_rng(seed).permutation(40)
    plain = CODE_METRICS[name](S_hat, S, matching)
    assert CODE_METRICS[name](S_hat[order], S[order], matching) == pytest.approx(plain)
    assert CODE_METRICS[name](1e-3 * S_hat, 1e-3 * S, matching) == pytest.approx(plain)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
@given(seed=st.integers(0, 2**32 - 1), n_learned=st.integers(1, 9))
def test_bounds(name, seed, n_learned):
    B, A, S_hat, S = make(seed, 30, n_learned=n_learned)
    assert 0 <= CODE_METRICS[name](S_hat, S, match_components(B, A)) <= 1


@every_metric
@pytest.mark.parametrize(("n_learned", "n_true"), [(6, 6), (4, 6), (9, 6)])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_closed_form_of_chance_is_the_mean_of_shuffles(name, n_learned, n_true, nonnegative):
    B, A, S_hat, S = make(3, 400, nonnegative, n_learned, n_true)
    matching = match_components(B, A, nonnegative)
    rng = np.random.default_rng(0)
    shuffled = [CODE_METRICS[name](S_hat, S[rng.permutation(len(S))], matching) for _ in range(400)]
    error = np.std(shuffled) / np.sqrt(400)
    # Ratios over hits differ from the ratio of expectations by about one part in the hits.
    bias = 0.01 * abs(np.mean(shuffled)) if name in ("shrinkage", "magnitude_error") else 0.0
    assert abs(code_chance(name, S_hat, S, matching) - np.mean(shuffled)) < 4 * error + bias


@every_metric
def test_shuffled_codes_reach_chance_and_related_ones_do_better(name):
    B, A, S_hat, S = make(1, 4000)
    matching = match_components(B, A)
    chance = code_chance(name, S_hat, S, matching)
    unrelated = np.roll(S, 1000, axis=0)
    found = CODE_METRICS[name](S_hat, S, matching)
    by_luck = CODE_METRICS[name](S_hat, unrelated, matching)
    assert abs(by_luck - chance) < 0.15 * abs(found - chance)
    assert abs(found - TRUTH[name]) < abs(chance - TRUTH[name])


def test_metrics_without_closed_form_are_shuffled():
    def same_sample(codes, codes_true, matching):
        return float(np.mean(codes[:, 0] == codes_true[:, 0]))

    S = np.arange(50.0)[:, None]
    level = code_chance(same_sample, S, S, Matching.identity(1), n_shuffles=40, random_state=0)
    assert 0 < level < 0.06
    again = code_chance(same_sample, S, S, Matching.identity(1), n_shuffles=40, random_state=0)
    assert level == again


def test_registered_metric_without_closed_form_is_shuffled(monkeypatch):
    B, A, S_hat, S = make(0)
    matching = match_components(B, A)
    exact = code_chance("f1", S_hat, S, matching)
    monkeypatch.delitem(CODE_CHANCE, "f1")
    drawn = code_chance("f1", S_hat, S, matching, n_shuffles=50, random_state=0)
    assert drawn != exact
    assert drawn == pytest.approx(exact, abs=0.02)


def test_closed_forms_are_of_registered_metrics():
    assert set(CODE_CHANCE) <= set(CODE_METRICS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "accuracy"}, "`metric` must be one of 'precision'"),
        (
            {"metric": lambda *_: 0.0, "n_shuffles": 0},
            "`n_shuffles` must be an integer >= 1, got 0",
        ),
    ],
)
def test_bad_chance(arguments, message):
    with pytest.raises(ValueError, match=message):
        code_chance(
            codes=np.ones((2, 1)),
            codes_true=np.ones((2, 1)),
            matching=Matching.identity(1),
            **arguments,
        )
