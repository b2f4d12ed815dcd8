"""What the benchmark of features in trees is made of: its samples and its figures."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks._detection import chance, detection_f1, judge, partner_cosines, unit
from benchmarks._features import SETS, Features, saelens

TINY = {
    "n_true": 60,
    "n_features": 12,
    "rank": 3,
    "total_root_nodes": 4,
    "branching_factor": 2,
    "max_depth": 2,
}


def drawn(name):
    """A tiny set, once from each generator."""
    if name == "ours":
        return SETS["hierarchy"].draw(0, n_test=300, n_samples=2000)[0]
    pytest.importorskip("sae_lens")
    return saelens(0, 12_000, **TINY)


@pytest.mark.parametrize("name", ["ours", "saelens"])
def test_samples_are_codes_times_directions(name):
    data = drawn(name)
    np.testing.assert_allclose(np.linalg.norm(data.directions, axis=1), 1, rtol=1e-5)
    bias = data.X - data.codes @ data.directions
    np.testing.assert_allclose(bias, bias[:1].repeat(len(bias), axis=0), atol=1e-4)
    assert np.linalg.norm(bias[0]) == pytest.approx(float(name == "saelens"), abs=1e-4)
    assert (np.diff(data.firing[data.frequent]) <= 0).all()
    assert data.l0 == pytest.approx(data.firing.sum())


@pytest.mark.parametrize("name", ["ours", "saelens"])
def test_children_need_their_parents_and_exclude_each_other(name):
    data = drawn(name)
    fires = (data.codes > 0).toarray()
    children = np.flatnonzero(data.parents >= 0)
    assert len(children) == (72 if name == "ours" else 4 * (2 + 4))
    assert not (fires[:, children] & ~fires[:, data.parents[children]]).any()
    together = fires.T.astype(int) @ fires
    for child in children:
        siblings = children[data.parents[children] == data.parents[child]]
        assert together[child, siblings[siblings != child]].sum() == 0


def test_a_seed_of_the_generator_is_one_set():
    first, again, other = drawn("saelens"), drawn("saelens"), saelens(1, 50, **TINY)
    np.testing.assert_array_equal(first.X, again.X)
    assert abs(first.directions - other.directions).max() > 0.1


def test_figures_are_those_of_saelens():
    synthetic = pytest.importorskip("sae_lens.synthetic")
    torch = pytest.importorskip("torch")
    data, rng = drawn("saelens")[:500], np.random.default_rng(0)
    directions = data.directions[:20] + 0.3 * rng.standard_normal((20, 12)).astype(np.float32)
    codes = data.codes[:, :20].toarray() * (rng.random((500, 20)) < 0.8)
    codes[:, 3] = 0
    given = [torch.from_numpy(part) for part in (directions, data.directions)]
    theirs = synthetic.compute_classification_metrics(
        torch.from_numpy(codes), torch.from_numpy(data.codes.toarray()), *given
    )
    assert detection_f1(directions, codes, data) == pytest.approx(theirs.f1_score, abs=1e-6)
    mcc = synthetic.mean_correlation_coefficient(*given)
    assert partner_cosines(directions, data.directions).sum() / 20 == pytest.approx(mcc, abs=1e-6)


def test_the_truth_has_the_best_figures():
    D, rng = unit(np.random.default_rng(0).standard_normal((6, 4))), np.random.default_rng(1)
    S = sparse.csr_matrix(rng.exponential(size=(200, 6)) * (rng.random((200, 6)) < 0.3))
    data = Features(S @ D, D, S, np.full(6, -1))
    best = judge(D, S.toarray(), S @ D, data, 1.5)
    assert (best.mcc, best.found, best.frequent, best.f1, best.explained) == pytest.approx((1,) * 5)
    assert (best.l0, best.seconds) == (pytest.approx(data.l0), 1.5)
    # Two columns of six: all that there is for them to find, a third of everything.
    some = data.frequent[:2]
    half = judge(-D[some], S.toarray()[:, some], S[:, some] @ D[some], data, 0.0)
    assert (half.mcc, half.found, half.frequent) == pytest.approx((1, 1 / 3, 1))
    assert half.explained < 1
    assert 0 < chance(2, data, 0) < 1
