"""The networks' losses, gradients and units, kind by kind."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from overica.sae import SAES
from overica.sae.jumprelu import Jump, JumpReLUAutoencoder
from overica.sae.module import Autoencoder
from overica.sae.selecting import (
    AUXILIARY,
    SelectingAutoencoder,
    above,
    auxiliary_loss,
    by_index,
    by_partition,
)

N_FEATURES, N_COMPONENTS = 5, 9
NAMES = sorted(SAES)


def network(name: str, seed: int = 0) -> Autoencoder:
    """A network in double precision, with all parameters off their starting points."""
    rng = np.random.default_rng(seed)
    made = SAES[name]()._network(N_FEATURES, N_COMPONENTS, 2.0, rng).double()
    with torch.no_grad():
        for key, parameter in made.named_parameters():
            noise = torch.from_numpy(rng.standard_normal(parameter.shape))
            parameter.add_(noise.abs() if key == "threshold" else noise, alpha=0.3)
        made.after_step()
    return made


def samples(n: int = 40, seed: int = 1) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, N_FEATURES)))


CHOOSING = [name for name in NAMES if isinstance(network(name), SelectingAutoencoder)]


def seen(made: Autoencoder) -> Autoencoder:
    """A network that has seen batches: its threshold, if it has one, is no sample's code."""
    for seed in (2, 3):
        made.loss(samples(seed=seed))
    return made


def numerical(objective, parameter: Tensor) -> Tensor:
    """Central differences of a scalar function of a parameter."""
    result, flat, step = torch.zeros_like(parameter), parameter.data.view(-1), 1e-6
    for i in range(flat.numel()):
        centre = flat[i].item()
        ends = []
        for moved in (centre + step, centre - step):
            flat[i] = moved
            ends.append(objective().item())
        flat[i] = centre
        result.view(-1)[i] = (ends[0] - ends[1]) / (2 * step)
    return result


def smooth_parts(name: str, made: Autoencoder) -> Iterator[tuple[list[str], list[str]]]:
    """Parameters, and the parts of the loss that are constant in them as far as the gradient is to know."""
    everything = [key for key, _ in made.named_parameters()]
    if name == "gated":
        yield [key for key in everything if "dec" not in key], []
        yield ["W_dec"], ["auxiliary"]
    elif name == "jumprelu":
        yield [key for key in everything if key != "threshold"], []
    else:
        yield everything, []


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_fixed_length_are_turned_and_not_stretched(name):
    made = network(name)
    made.loss(samples(), 0.7).total.backward()
    before = made.W_dec.grad.clone()
    along = (before * made.W_dec).sum(dim=1, keepdim=True)
    assert along.abs().max() > 1e-3
    made.before_step()
    change = before - made.W_dec.grad
    expected = along * made.W_dec if made.unit_rows else torch.zeros_like(before)
    torch.testing.assert_close(change, expected)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_differences(name):
    made, x = network(name), samples()
    made.loss(x, 0.7).total.backward()
    for keys, constant in smooth_parts(name, made):

        def objective(constant=constant):
            losses = made.loss(x, 0.7)
            return losses.total - sum(losses.parts[part] for part in constant)

        for key in keys:
            parameter = made.get_parameter(key)
            torch.testing.assert_close(
                parameter.grad, numerical(objective, parameter), rtol=1e-5, atol=1e-6
            )


def test_the_gates_do_not_teach_the_dictionary():
    made, x = network("gated"), samples()
    made.loss(x).parts["auxiliary"].backward()
    assert made.W_dec.grad is None
    assert made.b_gate.grad.abs().max() > 0
    assert made.b_mag.grad is None


def test_auxiliary_loss_teaches_the_dead_alone():
    made, x, dead = network("topk"), samples(), torch.tensor([1, 4, 7])
    losses = made.loss(x, dead=dead)
    torch.testing.assert_close(
        losses.total, losses.parts["reconstruction"] + losses.parts["auxiliary"]
    )
    residual = x - made.decode(losses.codes)
    expected = AUXILIARY * auxiliary_loss(
        made.preactivations(x)[:, dead], residual, made.W_dec[dead]
    )
    torch.testing.assert_close(losses.parts["auxiliary"], expected)
    losses.parts["auxiliary"].backward()
    alive = [i for i in range(N_COMPONENTS) if i not in dead]
    assert made.W_dec.grad[alive].abs().max() == 0
    assert made.W_enc.grad[:, alive].abs().max() == 0
    assert (made.W_dec.grad[dead].abs().amax(dim=1) > 0).all()


def test_auxiliary_loss_keeps_half_the_features():
    rng = np.random.default_rng(0)
    z, residual, D = (torch.from_numpy(rng.standard_normal(s)) for s in ((6, 7), (6, 4), (7, 4)))
    largest = z.topk(2, dim=1)
    kept = torch.zeros_like(z).scatter(1, largest.indices, largest.values.relu())
    expected = ((kept @ D - residual) ** 2).sum(dim=1).mean()
    torch.testing.assert_close(auxiliary_loss(z, residual, D), expected)


def test_matryoshka_averages_over_the_nested_dictionaries():
    made, x = network("matryoshka"), samples()
    losses = made.loss(x)
    errors = [
        ((losses.codes[:, :m] @ made.W_dec[:m] + made.b_dec - x) ** 2).sum(dim=1).mean()
        for m in made.widths
    ]
    assert made.widths == (1, 4, 9)
    torch.testing.assert_close(losses.total, torch.stack(errors).mean())
    torch.testing.assert_close(losses.parts["reconstruction"], errors[-1])


def test_penalty_weighs_codes_by_the_length_of_what_they_write():
    made, x = network("relu"), samples()
    before = made.loss(x, 0.7)
    with torch.no_grad():
        made.W_dec[3] *= 5
        made.W_enc[:, 3] /= 5
        made.b_enc[3] /= 5
    after = made.loss(x, 0.7)
    torch.testing.assert_close(after.total, before.total)
    torch.testing.assert_close(after.parts["sparsity"], before.parts["sparsity"])


def test_jump_passes_gradients_as_defined():
    rng = np.random.default_rng(0)
    z = torch.from_numpy(rng.standard_normal((30, 4))).requires_grad_()
    threshold = torch.tensor([0.1, 0.5, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    by_codes, by_active = (torch.from_numpy(rng.standard_normal((30, 4))) for _ in range(2))
    codes, active = Jump.apply(z, threshold, 0.8)
    (codes * by_codes + active * by_active).sum().backward()
    torch.testing.assert_close(z.grad, by_codes * (z > threshold))
    expected = np.zeros(4)
    for i in range(30):
        for j in range(4):
            if abs(z[i, j] - threshold[j]) < 0.4:
                expected[j] -= (threshold[j] * by_codes[i, j] + by_active[i, j]).item() / 0.8
    np.testing.assert_allclose(threshold.grad.numpy(), expected, rtol=1e-12)


def test_jump_estimates_the_derivative_of_a_mean():
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((400_000, 1)))
    t = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    codes, active = Jump.apply(z, t, 0.2)
    density = np.exp(-(0.7**2) / 2) / np.sqrt(2 * np.pi)
    (by_active,) = torch.autograd.grad(active.mean(), t, retain_graph=True)
    (by_codes,) = torch.autograd.grad(codes.mean(), t)
    assert by_active.item() == pytest.approx(-density, rel=0.02)
    assert by_codes.item() == pytest.approx(-0.7 * density, rel=0.02)


def test_a_gated_network_is_a_jumprelu_network():
    gated, x = network("gated"), samples(500)
    jump = JumpReLUAutoencoder(N_FEATURES, N_COMPONENTS, np.random.default_rng(0), bandwidth=1.0)
    jump.double()
    with torch.no_grad():
        scale = gated.r_mag.exp()
        jump.W_enc.copy_(gated.W_enc * scale)
        jump.b_enc.copy_(gated.b_mag)
        jump.threshold.copy_((gated.b_mag - scale * gated.b_gate).clamp_min(0))
        jump.W_dec.copy_(gated.W_dec)
        jump.b_dec.copy_(gated.b_dec)
    codes = gated.encode(x)
    assert 0.1 < (codes > 0).double().mean() < 0.9
    torch.testing.assert_close(jump.encode(x), codes)
    torch.testing.assert_close(jump.decode(codes), gated.decode(codes))


@pytest.mark.parametrize("name", NAMES)
def test_folding_changes_units_alone(name):
    made, x, unit = seen(network(name)), samples(), 3.7
    before, norms = made.encode(x), made.W_dec.norm(dim=1)
    x_hat = made.decode(before)
    made.fold(unit)
    after = made.encode(unit * x)
    torch.testing.assert_close(after, unit * norms * before)
    torch.testing.assert_close(made.decode(after), unit * x_hat)
    torch.testing.assert_close(made.W_dec.norm(dim=1), torch.ones(N_COMPONENTS).double())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exported_is_restored(name):
    made, x = seen(network(name)), samples()
    made.fold(2.0)
    made.gain.copy_(torch.linspace(0.5, 2, N_COMPONENTS))
    other = network(name, seed=5)
    other.restore(made.export())
    torch.testing.assert_close(other.encode(x), made.encode(x))
    torch.testing.assert_close(other.decode(other.encode(x)), made.decode(made.encode(x)))


@pytest.mark.parametrize("name", NAMES)
def test_displacing_is_moving_the_decoders_bias(name):
    made, x = seen(network(name)), samples()
    moved = torch.linspace(-1, 1, N_FEATURES).double()
    with torch.no_grad():
        made.b_dec.add_(moved)
        expected = made.encode(x)
        made.b_dec.sub_(moved)
    made.displace(-moved @ made.W_enc)
    torch.testing.assert_close(made.encode(x), expected)


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_of_the_sign_that_is_said_and_of_rows_alone(name):
    made, x = seen(network(name)), samples()
    codes = made.encode(x)
    assert (codes == 0).any()
    assert codes.max() > 0
    assert (codes.min() >= 0) == SAES[name].one_sided
    torch.testing.assert_close(made.encode(x[:3]), codes[:3])


@pytest.mark.parametrize("name", [name for name in NAMES if SAES[name].name != "relu"])
def test_rows_have_unit_norm_in_training(name):
    made = network(name)
    torch.testing.assert_close(made.W_dec.norm(dim=1), torch.ones(N_COMPONENTS).double())


def test_topk_keeps_k_and_batchtopk_k_on_average():
    x = samples(200)
    topk, batchtopk = network("topk").loss(x).codes, network("batchtopk").loss(x).codes
    assert (topk > 0).sum(dim=1).max() == 2
    assert (batchtopk > 0).sum() == 400
    assert (batchtopk > 0).sum(dim=1).max() > 2


def test_batchtopk_remembers_its_smallest_codes():
    # A step before any loss, as `network` takes one, kept nothing.
    made, smallest = network("batchtopk"), [torch.zeros((), dtype=torch.float64)]
    for seed in range(5):
        codes = made.loss(samples(seed=seed)).codes
        smallest.append(codes[codes > 0].min())
        made.after_step()
    torch.testing.assert_close(made.threshold, torch.stack(smallest).mean())


@pytest.mark.parametrize("choose", [by_index, by_partition])
def test_selection_is_that_of_torch(choose):
    values = torch.from_numpy(np.random.default_rng(0).standard_normal((6, 11))).requires_grad_()
    for k in (1, 3, 11):
        kept, smallest = choose(values, k)
        top = values.detach().topk(k, dim=1)
        expected = torch.zeros_like(values).scatter(1, top.indices, top.values.relu())
        torch.testing.assert_close(kept.detach(), expected)
        torch.testing.assert_close(smallest, top.values[:, -1:].clamp_min(0))
        (gradient,) = torch.autograd.grad(kept.sum(), values)
        torch.testing.assert_close(gradient, (expected > 0).double())


@given(levels=st.lists(st.integers(-2, 3), min_size=1, max_size=12), k=st.integers(1, 12))
def test_no_more_are_kept_where_some_tie(levels, k):
    values = torch.tensor([levels, levels[::-1], levels], dtype=torch.float64)
    k = min(k, len(levels))
    n_kept = min(k, sum(level > 0 for level in levels))
    for choose in (by_index, by_partition):
        for rows in (values, values[:1]):
            kept, smallest = choose(rows, k)
            assert (torch.count_nonzero(kept, dim=1) == n_kept).all()
            torch.testing.assert_close(kept[kept > 0], rows[kept > 0])
            left = rows.masked_fill(kept > 0, -torch.inf).amax(dim=1, keepdim=True)
            assert (left.clamp_min(0) <= smallest).all()


@pytest.mark.parametrize("name", CHOOSING)
def test_as_many_codes_are_kept_where_all_tie(name):
    made, batch = network(name), 8
    # Samples that all look the same, through features that all read the same.
    with torch.no_grad():
        made.W_enc[:] = made.W_enc[:, :1]
        made.b_enc[:] = 5.0
    codes = made.loss(samples(1).repeat(batch, 1)).codes
    assert codes.max() > 0
    assert torch.count_nonzero(codes) == 2 * batch
    if name == "topk":
        assert (torch.count_nonzero(codes, dim=1) == 2).all()
        assert (torch.count_nonzero(made.encode(samples(3)), dim=1) == 2).all()


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_above_is_one_function_with_one_gradient(threshold):
    values = torch.tensor([-1.0, 0.0, 0.25, 0.5, 2.0], requires_grad=True)
    single, several = (
        above(values, torch.tensor(threshold)),
        above(values, torch.full((5,), threshold)),
    )
    torch.testing.assert_close(single, several)
    (first,) = torch.autograd.grad(single.sum(), values)
    (second,) = torch.autograd.grad(several.sum(), values)
    torch.testing.assert_close(first, second)
