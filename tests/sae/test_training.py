"""The training loop: schedule, steering, and the treatment of dead features."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overica.datasets import make_mixture
from overica.sae import SAES
from overica.sae.batches import Batches
from overica.sae.coefficients import FixedCoefficient, TargetL0
from overica.sae.trainer import Training

NAMES = sorted(SAES)
DATA = make_mixture(3000, 12, 24, "sparse_exponential", n_active=2, random_state=0)


@given(warm_up=st.floats(0, 0.5), cool_down=st.floats(0, 0.5), n_steps=st.integers(1, 300))
def test_learning_rate_rises_and_falls(warm_up, cool_down, n_steps):
    training = Training(n_steps, 0.1, warm_up=warm_up, cool_down=cool_down)
    rates = np.array([training.rate(step) for step in range(n_steps)])
    assert (rates > 0).all()
    assert (rates <= 0.1 + 1e-12).all()
    top = int(rates.argmax())
    assert (np.diff(rates[: top + 1]) >= -1e-12).all()
    assert (np.diff(rates[top:]) <= 1e-12).all()


@pytest.mark.parametrize("target", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_steering_finds_the_coefficient(target, strength):
    steering, l0, n_steps = TargetL0(target, 1000), 32.0, 1000
    for step in range(n_steps):
        # A network that takes some steps to follow.
        l0 += 0.1 * (32 / (1 + strength * steering.value(step / n_steps)) - l0)
        steering.observe(l0, step / n_steps)
    assert l0 == pytest.approx(target, rel=0.05)


def test_steering_survives_silence():
    steering = TargetL0(2.0, 100)
    for step in range(100):
        steering.observe(0.0, step / 100)
        steering.observe(float("nan"), step / 100)
    assert 0 < steering.value(1.0) < 0.01


def test_a_fixed_coefficient_rises_over_the_first_third():
    fixed = FixedCoefficient(0.9)
    assert [round(fixed.value(p), 6) for p in (0, 1 / 6, 1 / 3, 1)] == [0, 0.45, 0.9, 0.9]


def still_born(kind):
    """The variant with half of its features dead from the start, and no way back by the loss on its own."""

    class Still(kind):
        def _network(self, *sizes):
            network = super()._network(*sizes)
            with torch.no_grad():
                if kind.one_sided:
                    network.displace(torch.tensor([-100.0, 0.0]).repeat(12))
                else:
                    # What is far below zero is chosen, here; what reads nothing is not.
                    network.W_enc[:, ::2] = 0.0
            return network

    return Still


@pytest.mark.parametrize("name", NAMES)
def test_dead_features_are_revived(name):
    dead = {}
    for revive in (False, True):
        sae = still_born(SAES[name])(
            24,
            n_active=2,
            n_steps=500,
            batch_size=128,
            learning_rate=0.02,
            revive=revive,
            random_state=0,
        )
        codes = sae.fit(DATA.X).transform(DATA.X)
        dead[revive] = int((codes == 0).all(axis=0).sum())
        assert sae.history_["dead_share"][-1] == pytest.approx(dead[revive] / 24, abs=0.1)
    assert dead[False] >= 6
    assert dead[True] <= 2 * dead[False] // 3


def test_restarted_features_forget_their_momentum():
    network = SAES["relu"]()._network(8, 12, None, np.random.default_rng(0))
    dead = torch.tensor([2, 5])
    directions = torch.eye(8)[:2]
    before = network.W_dec.detach().clone()
    changed = network.restart(dead, directions)
    assert {id(parameter) for parameter, _ in changed} == {
        id(network.W_dec),
        id(network.W_enc),
        id(network.b_enc),
    }
    cosines = torch.nn.functional.cosine_similarity(network.W_dec[dead], directions)
    torch.testing.assert_close(cosines, torch.ones(2))
    alive = [i for i in range(12) if i not in dead]
    torch.testing.assert_close(network.W_dec[alive], before[alive])
    for parameter, index in changed:
        assert parameter.shape[index[-1] is not dead] in (8, 12)


@given(scale=st.floats(1e-20, 1e20), n_features=st.integers(1, 6))
def test_batches_have_the_mean_length_of_the_dimension(scale, n_features):
    X = scale * np.random.default_rng(0).exponential(size=(50, n_features))
    batches = Batches(X, 8, np.random.default_rng(0), torch.device("cpu"))
    lengths = batches.scaled(X).norm(dim=1)
    assert lengths.mean().item() == pytest.approx(np.sqrt(n_features), rel=1e-5)
    assert batches.variance == pytest.approx((X / batches.unit).var(axis=0).sum(), rel=1e-6)
