"""Learning steps on tensors beside the compiled ones: the same step, from the sums to a fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.inference.code_supports import Supports
from overica.learning import Model, infer
from overica.learning.adding import add_up
from overica.learning.ascent import Ascent, State
from overica.learning.crowding import sparse_enough
from overica.learning.posterior import codes_of
from overica.learning.rules import RULES, LearningRule
from overica.learning.tensor_posterior import ByColumn
from overica.metrics import share_recovered
from overica.priors import get_prior
from overica.schedules import Annealing, Cosine

HERE = "cpu:0"
"""The CPU, as a torch device: steps on tensors."""


def batch(n_features=32, n_components=100, n_samples=400, prior="exponential"):
    """A model at which supports are sparse, and samples."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((n_features, n_components))
    A /= np.linalg.norm(A, axis=0)
    S = rng.exponential(size=(n_samples, n_components))
    S *= rng.random(S.shape) < 4 / n_components
    if prior == "laplace":
        S *= rng.choice([-1, 1], S.shape)
    X = S @ A.T + 0.1 * rng.standard_normal((n_samples, n_features))
    return Model(A, get_prior(prior), 0.2, device=HERE), X


def decided(model, X, margin=1e-4):
    """Samples in whose codes nothing is so near to its threshold that precision decides it."""
    S = infer(model, X).codes
    V = (X - S @ model.mixing.T) @ model.mixing / model.penalty
    V = V if model.prior.nonnegative else abs(V)
    near = np.where(S == 0, 1 - margin < V, abs(S) < margin)
    assert near.any(axis=1).mean() < 0.1
    return ~near.any(axis=1)


def step(model, X, rule):
    """The state after one step, at home."""
    ascent = Ascent(rule, Cosine(), Annealing(0.1, 0.1), 1.0, 1, len(X))
    state = State(model.sent(), floor=0.0)
    row = ascent.advance(state, X, 0.5)
    state.come_home()
    return state, row


@pytest.mark.parametrize("prior", ["exponential", "laplace"])
@pytest.mark.parametrize("rule", list(RULES.values()))
def test_a_step_on_tensors_is_that_of_the_kernels(rule, prior):
    model, X = batch(prior=prior)
    X = X[decided(model, X)]
    there, row = step(model, X, rule())
    here, expected = step(replace(model, device="cpu"), X, rule())
    change = np.abs(here.model.mixing - model.mixing).max()
    assert change > 1e-3
    np.testing.assert_allclose(there.model.mixing, here.model.mixing, atol=1e-5 * change)
    np.testing.assert_allclose(there.activity, here.activity, atol=1e-6)
    assert row.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(row[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_step_in_double_precision_is_the_same_to_rounding():
    model, X = batch()
    tensors = replace(model, mixing=torch.from_numpy(model.mixing))
    for rule in RULES.values():
        found = add_up(tensors, rule(), torch.from_numpy(X))
        expected = add_up(replace(model, device="cpu"), rule(), X)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            scale = np.abs(value).max()
            # Kernels keep inverses of wide dictionaries in single precision.
            np.testing.assert_allclose(found[name], value, atol=1e-6 * scale, err_msg=name)


def test_crowded_samples_are_seen_on_a_device():
    model, X = batch()
    dense = replace(model, penalty=1e-4)
    samples = torch.from_numpy(X.astype(np.float32))
    found = sparse_enough(dense.sent(), samples), sparse_enough(dense, X)
    assert found[0] == pytest.approx(found[1])
    assert found[0] > dense.penalty


def test_parts_of_a_batch_add_up():
    model, X = batch()
    tensors, samples = model.sent(), torch.from_numpy(X.astype(np.float32))
    rule = RULES["evidence"]()
    whole, parts = (add_up(tensors, rule, samples, size) for size in (None, 40_000))
    for name, value in whole.items():
        one, other = (np.asarray(v) for v in (value, parts[name]))
        scale = np.abs(one).max()
        np.testing.assert_allclose(other, one, atol=1e-5 * scale, err_msg=name)


def test_a_step_twice_has_the_same_bits():
    model, X = batch()
    first, second = (step(model, X, RULES["evidence"]())[0] for _ in range(2))
    np.testing.assert_array_equal(first.model.mixing, second.model.mixing)


def test_models_at_home_are_compiled_whatever_the_device():
    model, X = batch()
    assert model.compiled
    assert not model.sent().compiled
    assert model.sent().mixing.dtype == torch.float32
    assert model.sent().home().mixing.dtype == np.float64
    assert model.sent().sent().mixing is not None
    posterior = infer(model.sent(), torch.from_numpy(X.astype(np.float32)))
    np.testing.assert_allclose(posterior.codes.numpy(), infer(model, X).codes, atol=1e-5)
    np.testing.assert_allclose(codes_of(model, X), infer(model, X).codes, atol=1e-7)


class Regression(LearningRule):
    """A rule of somebody's own, in what arrays and tensors have in common: the gradient of the squared residual."""

    name = "regression"
    max_relative_step = 0.3

    def statistics(self, model, posterior):
        one = 0 * posterior.n_active + 1
        return {"carried": posterior.residual.T @ posterior.codes, "energy": posterior.energy(one)}

    def direction(self, A, sums, n_samples, activity):
        return sums["carried"] / (sums["energy"] + 1)


def test_a_rule_of_ones_own_runs_on_tensors():
    model, X = batch()
    there, here = (
        step(model, X, Regression())[0],
        step(replace(model, device="cpu"), X, Regression())[0],
    )
    np.testing.assert_allclose(there.model.mixing, here.model.mixing, atol=1e-6)


def test_sums_by_column():
    codes = torch.tensor([[0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0]])
    entries = ByColumn.of(Supports.of(codes))
    assert entries.lengths.tolist() == [1, 2, 0, 1]
    assert entries.values.tolist() == [3.0, 2.0, 4.0, 1.0]
    assert entries.samples.tolist() == [2, 0, 2, 0]
    rows = torch.stack([entries.values, torch.ones(4)], dim=1)
    assert entries.summed(rows).tolist() == [[3.0, 1.0], [6.0, 2.0], [0.0, 0.0], [1.0, 1.0]]


@pytest.mark.filterwarnings("ignore:the fit has not settled")
@pytest.mark.parametrize("prior", ["exponential", "smooth_laplace"])
def test_a_fit_on_a_device_is_the_one_at_home(prior):
    law = "sparse_exponential" if prior == "exponential" else "sparse_laplace"
    data = make_mixture(2000, 8, 8, law, n_active=2, random_state=0)
    found = {}
    for device in ("cpu", HERE):
        settings = {"whiten": False, "hierarchy": False, "random_state": 0, "max_iter": 100}
        ica = OvercompleteICA(8, prior=prior, device=device, **settings).fit(data.X)
        found[device] = share_recovered(ica.mixing_, data.mixing), ica.score(data.X)
        assert isinstance(ica.mixing_, np.ndarray)
        assert ica.mixing_.dtype == data.X.dtype
    assert found[HERE] == pytest.approx(found["cpu"], abs=0.02)
    assert found["cpu"][0] >= 0.5


def test_streams_of_batches_on_a_device():
    model, X = batch()
    found = {}
    for device in ("cpu", HERE):
        ica = OvercompleteICA(
            100, prior="exponential", device=device, init=model.mixing, random_state=0
        )
        for start in (0, 200):
            ica.partial_fit(X[start : start + 200])
        found[device] = ica.mixing_
    np.testing.assert_allclose(found[HERE], found["cpu"], atol=1e-5)


def test_a_device_without_room_says_what_to_lower(monkeypatch):
    model, X = batch()

    def full(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr("overica.learning.tensor_posterior.certified_supports", full)
    with pytest.raises(MemoryError, match=r"400 samples of 32 features.*lower `batch_size`"):
        step(model, X, RULES["evidence"]())
