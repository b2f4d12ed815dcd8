"""Adam against torch's."""

import pytest
import torch

from overica.sae.adam import Adam


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5)])
def test_steps_are_those_of_torch(betas):
    draw = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=draw) for shape in ((5, 3), (3,), (2,))]
    ours, theirs = ([p.clone().requires_grad_() for p in start] for _ in range(2))
    adam = Adam(ours, betas)
    reference = torch.optim.Adam(theirs, lr=1.0, betas=betas, fused=True)
    for step in range(12):
        gradients = [torch.randn(p.shape, generator=draw) for p in start]
        # The second moves now and then, the third never.
        for p, q, g in zip(ours[: 2 - step % 2], theirs, gradients, strict=False):
            p.grad, q.grad = g.clone(), g.clone()
        rate = 0.1 / (1 + step)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        reference.zero_grad()
        adam.step(rate)
        if step == 6:
            rows = torch.tensor([0, 2])
            adam.forget(ours[0], rows)
            for moment in ("exp_avg", "exp_avg_sq"):
                reference.state[theirs[0]][moment][rows] = 0.0
        assert all(p.grad is None for p in ours)
        assert all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))
    assert torch.equal(ours[2], start[2])


def test_without_gradients_nothing_moves():
    p = torch.ones(2, requires_grad=True)
    Adam([p], (0.9, 0.999)).step(1.0)
    assert torch.equal(p, torch.ones(2))
