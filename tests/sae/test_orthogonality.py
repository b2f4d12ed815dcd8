"""Orthogonality penalties: brute force, gradients, invariances, lists of neighbours, collapse."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from overica.sae import ReLUSAE
from overica.sae.chunks import ChunkedPairs
from overica.sae.cosine_costs import Absolute, Hinge, Signed
from overica.sae.neighbours import NearestPairs
from overica.sae.orthogonality import ORTHOGONALITY, OrthogonalityPenalty, get_orthogonality
from overica.sae.pairs import AllPairs, FiringPairs, TogetherPairs

NAMES = sorted(ORTHOGONALITY)
PENALTIES = {
    **{name: recipe(1.0) for name, recipe in ORTHOGONALITY.items()},
    "silent_partners": OrthogonalityPenalty(1.0, FiringPairs(silent_partners=True), Absolute()),
    "two_nearest": OrthogonalityPenalty(1.0, NearestPairs(2), Hinge(0.1, 3.0)),
    "linear_hinge": OrthogonalityPenalty(1.0, AllPairs(), Hinge(0.2, 1.0)),
}


def problem(seed=0, n=7, d=4, batch=6, dtype=torch.float64):
    rng = np.random.default_rng(seed)
    W = torch.tensor(rng.standard_normal((n, d)), dtype=dtype)
    codes = rng.exponential(size=(batch, n)) * (rng.random((batch, n)) < 0.3)
    return W, torch.tensor(codes, dtype=dtype)


def fresh(name, **parameters):
    return clone(PENALTIES[name]).set_params(**parameters)


def brute_force(penalty, W, codes):
    """The definition, pair by pair."""
    W, fires, first = W.numpy(), codes.numpy() != 0, penalty.n_frozen
    U = W / np.linalg.norm(W, axis=1, keepdims=True)

    def cost(i, j):
        return float(penalty.cost(torch.tensor(U[i] @ U[j])))

    def nearness(i, j):
        return float(penalty.cost.nearness(torch.tensor(U[i] @ U[j])))

    n, pairs = len(W), penalty.pairs
    weighted = []
    for i in range(first, n):
        others = [j for j in range(n) if j != i]
        if isinstance(pairs, NearestPairs | ChunkedPairs):
            ranked = sorted(others, key=lambda j: -nearness(i, j))
            weight = float(fires[:, i].any()) if getattr(pairs, "firing", False) else 1.0
            wanted = getattr(pairs, "n_neighbours", 1)
            weighted += [(weight, cost(i, j)) for j in ranked[:wanted]]
            continue
        for j in others:
            if j > i:
                continue
            both = [fires[:, i].any(), fires[:, j].any()]
            if isinstance(pairs, TogetherPairs):
                weight = float((fires[:, i] & fires[:, j]).sum())
            elif isinstance(pairs, FiringPairs):
                weight = float(any(both) if pairs.silent_partners else all(both))
            else:
                weight = 1.0
            weighted.append((weight, cost(i, j)))
    total = sum(weight for weight, _ in weighted)
    mean = sum(weight * value for weight, value in weighted) / total
    return mean * W.shape[1] if penalty.mean_error else mean


@pytest.mark.parametrize("n_frozen", [0, 3])
@pytest.mark.parametrize("name", PENALTIES)
def test_value_is_the_definition(name, n_frozen):
    for seed in range(3):
        W, codes = problem(seed)
        penalty = fresh(name, n_frozen=n_frozen)
        expected = brute_force(penalty, W, codes)
        assert expected != 0
        assert float(penalty(W, codes, step=0)) == pytest.approx(expected, rel=1e-12)


def gradient(penalty, W, codes):
    W = W.clone().requires_grad_()
    penalty(W, codes, step=0).backward()
    return W.grad


@pytest.mark.parametrize("n_frozen", [0, 3])
@pytest.mark.parametrize("name", PENALTIES)
def test_gradient_is_that_of_finite_differences(name, n_frozen):
    W, codes = problem(seed=1)
    penalty = fresh(name, n_frozen=n_frozen)
    found = gradient(penalty, W, codes)
    expected = torch.zeros_like(W)
    h = 1e-6
    for i in range(n_frozen, len(W)):
        for j in range(W.shape[1]):
            up, down = W.clone(), W.clone()
            up[i, j] += h
            down[i, j] -= h
            expected[i, j] = (penalty(up, codes, 0) - penalty(down, codes, 0)) / (2 * h)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", PENALTIES)
@given(seed=st.integers(0, 1000), log_scale=st.floats(-6, 6))
def test_norms_and_order_do_not_matter(name, seed, log_scale):
    W, codes = problem(seed)
    rng = np.random.default_rng(seed)
    value = fresh(name)(W, codes, step=0)
    scales = torch.tensor(10.0 ** (log_scale * rng.uniform(size=(len(W), 1))))
    torch.testing.assert_close(fresh(name)(W * scales, codes, step=0), value)
    order = torch.tensor(rng.permutation(len(W)))
    torch.testing.assert_close(fresh(name)(W[order], codes[:, order], step=0), value)
    slope = gradient(fresh(name), W, codes)
    assert float((slope * W).sum(dim=1).abs().max()) < 1e-12


@pytest.mark.parametrize("name", PENALTIES)
def test_orthogonal_rows_pay_nothing(name):
    rng = np.random.default_rng(0)
    Q = torch.tensor(np.linalg.qr(rng.standard_normal((5, 5)))[0])
    W = Q * torch.tensor(rng.uniform(0.1, 3, (5, 1)))
    assert float(fresh(name)(W, torch.ones(2, 5), step=0)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("name", PENALTIES)
def test_row_of_norm_zero_is_safe(name):
    W, codes = problem()
    W[2] = 0
    codes[:, 2] = 0
    slope = gradient(fresh(name), W, codes)
    assert torch.isfinite(slope).all()
    assert (slope[2] == 0).all()
    assert (slope[[0, 1, 3]] != 0).any()


@pytest.mark.parametrize("name", PENALTIES)
def test_all_rows_zero_or_none_firing_or_one_row(name):
    W, codes = problem()
    for rows, silent in ((0 * W, codes), (W[:1], codes[:, :1])):
        rows = rows.clone().requires_grad_()
        value = fresh(name)(rows, silent, step=0)
        value.backward()
        assert float(value.detach()) == 0
        assert (rows.grad == 0).all()
    value = fresh(name)(W, 0 * codes, step=0)
    assert torch.isfinite(value)


@pytest.mark.parametrize("name", PENALTIES)
def test_single_precision_agrees(name):
    W, codes = problem(seed=3)
    single = fresh(name)(W.float(), codes.float(), step=0)
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(float(fresh(name)(W, codes, step=0)), rel=1e-4)


@pytest.mark.parametrize("name", PENALTIES)
def test_frozen_rows_get_no_gradient(name):
    W, codes = problem(seed=2)
    slope = gradient(fresh(name, n_frozen=4), W, codes)
    assert (slope[:4] == 0).all()
    assert (slope[4:] != 0).any()


@given(seed=st.integers(0, 1000), n=st.integers(2, 9))
def test_signed_mean_depends_on_the_sum_of_directions_alone(seed, n):
    W, codes = problem(seed, n=n)
    U = (W / W.norm(dim=1, keepdim=True)).numpy()
    expected = (np.sum(U.sum(axis=0) ** 2) - n) / (n * (n - 1))
    assert float(fresh("signed")(W, codes, step=0)) == pytest.approx(expected, abs=1e-12)


def test_all_neighbours_are_all_pairs():
    W, codes = problem()
    lists = OrthogonalityPenalty(1.0, NearestPairs(n_neighbours=50), Hinge(0.1))
    pairs = OrthogonalityPenalty(1.0, AllPairs(), Hinge(0.1))
    torch.testing.assert_close(lists(W, codes, 0), pairs(W, codes, 0))


def test_search_in_blocks_finds_the_same(monkeypatch):
    W, codes = problem(n=9)
    whole = fresh("two_nearest")(W, codes, 0)
    monkeypatch.setattr("overica.sae.neighbours._SEARCH_ENTRIES", 20)
    torch.testing.assert_close(fresh("two_nearest")(W, codes, 0), whole)


def test_lists_are_kept_for_a_while_and_belong_to_one_fit():
    near = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    turned = near[[0, 2, 1]]
    codes = torch.ones(1, 3)
    penalty = OrthogonalityPenalty(1.0, NearestPairs(1, every=10), Absolute())
    first = float(penalty(near, codes, step=5))
    # The two that were near are orthogonal now; the list still pairs them.
    assert float(penalty(turned, codes, step=14)) < 0.9 * first
    assert float(penalty(turned, codes, step=15)) == pytest.approx(first)

    # A step that does not advance, or another width, is another fit.
    again = clone(penalty)(turned, codes, step=30)
    for later in (30, 3):
        penalty(near, codes, step=30)
        torch.testing.assert_close(penalty(turned, codes, step=later), again)
    assert torch.isfinite(penalty(turned[:2], codes[:, :2], step=4))


def test_copies_do_not_share_their_lists():
    W, codes = problem()
    other, _ = problem(seed=5)
    penalty = ORTHOGONALITY["neighbours"](1.0)
    penalty(W, codes, step=0)
    for twin in (clone(penalty), copy.deepcopy(penalty)):
        twin(other, codes, step=0)
    fixed = penalty(W, codes, step=1)
    torch.testing.assert_close(fixed, clone(penalty)(W, codes, step=1))
    assert ORTHOGONALITY["neighbours"](1.0).pairs is not penalty.pairs


@given(n=st.integers(2, 30), chunk_size=st.integers(2, 9), n_frozen=st.integers(0, 3))
def test_chunks_hold_every_direction_once_and_each_pays_for_its_nearest_there(
    n, chunk_size, n_frozen
):
    W, codes = problem(n, n=n)
    pairs = ChunkedPairs(chunk_size)
    dealt = [pairs._chunks(n, step, W.device) for step in range(3)]
    U = W / W.norm(dim=1, keepdim=True)
    for step, chunks in enumerate(dealt):
        assert sorted(torch.cat(chunks).tolist()) == list(range(n))
        assert max(map(len, chunks)) - min(map(len, chunks)) <= 1
        assert max(map(len, chunks)) <= chunk_size
        expected = []
        for chunk in chunks:
            cosines = U[chunk] @ U[chunk].T - 3 * torch.eye(len(chunk))
            best = cosines.amax(dim=1)[chunk >= n_frozen]
            expected += best[best > -2].tolist()
        cosines, weights = pairs(U, codes, step, lambda c: c, n_frozen)
        assert weights.unique().tolist() in ([1.0], [])
        assert sorted(cosines.tolist()) == pytest.approx(sorted(expected))


def test_chunks_are_others_at_every_step_and_the_same_in_every_run():
    pairs = ChunkedPairs(8)
    first, second = (torch.cat(pairs._chunks(64, step, torch.device("cpu"))) for step in (0, 1))
    assert (first != second).any()
    again = torch.cat(ChunkedPairs(8)._chunks(64, 0, torch.device("cpu")))
    torch.testing.assert_close(first, again)


def test_the_recipe_of_ortsae_is_that_of_its_authors():
    """The squared cosine with the nearest, a mean over features, a quarter of it beside a mean squared error."""
    W, codes = problem(n=9, d=3)
    U = W / W.norm(dim=1, keepdim=True)
    penalty = get_orthogonality("ortsae")
    nearest = (U @ U.T - 2 * torch.eye(9)).amax(dim=1)
    assert (nearest > 0).all()
    value = penalty.coefficient * penalty(W, codes, 0) / 3
    assert float(value) == pytest.approx(0.25 * float(nearest.square().mean()))
    with pytest.raises(ValueError, match="`coefficient` must be given: 'hinge' has no usual one"):
        get_orthogonality("hinge")


def planar(*degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([torch.cos(angles), torch.sin(angles)], dim=1)


def test_mean_absolute_cosine_holds_a_collapsed_pair_and_a_hinge_frees_it():
    codes = torch.ones(1, 3)
    for turn in (1.0, 10.0, 30.0, 60.0):
        collapsed, turned = planar(0, 0, 90), planar(0, turn, 90)
        absolute, hinge = fresh("absolute"), fresh("hinge", cost__margin=0.5)
        assert absolute(turned, codes, 0) > absolute(collapsed, codes, 0)
        if turn <= 30:
            assert hinge(turned, codes, 0) < hinge(collapsed, codes, 0)


def test_signed_mean_cannot_tell_axes_from_diagonals_or_from_two_collapsed_pairs():
    codes = torch.ones(1, 4)
    values = [
        float(fresh("signed")(planar(*degrees), codes, 0))
        for degrees in ((0, 90, 180, 270), (45, 135, 225, 315), (0, 0, 180, 180))
    ]
    assert values == pytest.approx([values[0]] * 3, abs=1e-12)
    apart, collapsed = planar(0, 90, 180, 270), planar(0, 0, 180, 180)
    signed_hinge = fresh("signed_hinge")
    assert float(signed_hinge(apart, codes, 0)) == pytest.approx(0, abs=1e-12)
    assert float(signed_hinge(collapsed, codes, 0)) > 0.1


def test_nearest_takes_the_sign_from_the_cost():
    W = planar(0, 180, 60)
    signed = OrthogonalityPenalty(1.0, NearestPairs(), Signed())
    absolute = OrthogonalityPenalty(1.0, NearestPairs(), Absolute())
    codes = torch.ones(1, 3)
    assert float(signed(W, codes, 0)) == pytest.approx((0.5 - 0.5 + 0.5) / 3)
    assert float(absolute(W, codes, 0)) == pytest.approx((1 + 1 + 0.5) / 3)


@pytest.mark.parametrize("name", NAMES)
def test_recipes_clone_and_take_nested_parameters(name):
    penalty = get_orthogonality(name, 0.25)
    twin = clone(penalty)
    assert repr(twin) == repr(penalty)
    assert twin.coefficient == 0.25
    assert type(twin.pairs) is type(penalty.pairs)
    assert twin.set_params(coefficient=0.5).coefficient == 0.5
    assert penalty.coefficient == 0.25


def test_a_negative_weight_draws_directions_together():
    X = np.abs(np.random.default_rng(0).standard_normal((500, 4)))

    def alignment(coefficient):
        penalty = get_orthogonality("absolute", coefficient)
        sae = ReLUSAE(
            6, n_steps=60, sparsity_coefficient=0.1, orthogonality=penalty, random_state=0
        ).fit(X)
        return np.abs(np.tril(sae.components_ @ sae.components_.T, -1)).sum() / 15

    assert alignment(-20.0) > alignment(0.0) + 0.1 > alignment(20.0) + 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: get_orthogonality("cosine", 1.0), "`name` must be one of 'absolute', "),
        (lambda: get_orthogonality("signed", np.nan), "`coefficient` must be a finite number"),
        (lambda: OrthogonalityPenalty(1.0, "all", Signed()), "`pairs` must be an instance of Pai"),
        (lambda: OrthogonalityPenalty(1.0, AllPairs(), abs), "`cost` must be an instance of Cos"),
        (lambda: OrthogonalityPenalty(1.0, AllPairs(), Signed(), n_frozen=-1), "`n_frozen` must"),
        (lambda: Hinge(margin=1.0), "`margin` must be below 1, got 1.0"),
        (lambda: Hinge(margin=-0.1), "`margin` must be a finite number >= 0"),
        (lambda: Hinge(power=0.5), "`power` must be a finite number >= 1"),
        (lambda: NearestPairs(0), "`n_neighbours` must be an integer >= 1"),
        (lambda: ChunkedPairs(1), "`chunk_size` must be an integer >= 2"),
        (lambda: NearestPairs(1, every=0), "`every` must be an integer >= 1"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()
