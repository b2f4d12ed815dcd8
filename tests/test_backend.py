"""Devices by name, and what is said of those that are of no use."""

import pytest
import torch

from overica.backend import torch_device
from overica.sae import TopKSAE


def useless():
    """Devices that torch knows by name, and this machine has not, or that hold no numbers."""
    return ["meta"] if torch.backends.mps.is_available() else ["meta", "mps"]


@pytest.mark.parametrize("name", useless())
def test_a_device_that_holds_no_numbers_is_refused(name):
    with pytest.raises(ValueError, match=f"`device` must hold numbers here, got '{name}"):
        torch_device(name)
    with pytest.raises(ValueError, match="`device`"):
        TopKSAE(4, n_active=1, n_steps=1, device=name).fit([[1.0, 2.0], [3.0, 5.0]])
