"""The ReLU-output toy model of superposition: features squeezed into fewer hidden dimensions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from overica._validation import check_scalar
from overica.datasets._checks import check_sizes

# Drawing many small batches in one call costs little more than drawing one.
_BATCHES_AT_ONCE = 50


@dataclass(frozen=True)
class ToyModel:
    """``f_hat = ReLU(W^T h + b)`` of the hidden activations ``h = W f``.

    Examples
    --------
    >>> import numpy as np
    >>> model = ToyModel.antipodal(2)
    >>> model.weights[:, :2].tolist()
    [[1.0, -1.0], [0.0, -0.0]]
    >>> F = np.array([[0.5, 0.0, 0.0, 2.0]])
    >>> bool(np.allclose(model.reconstruct(F), F))
    True
    """

    weights: np.ndarray
    """(n_hidden, n_inputs) W; column j is where input j is stored."""
    bias: np.ndarray
    """(n_inputs,) b."""
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    """(n_steps,) mean squared error of each training step's batch; empty if not trained."""

    @classmethod
    def antipodal(cls, n_pairs: int, angle: float = 0.0) -> ToyModel:
        """The ideal storage of `n_pairs` pairs: each on one axis, in opposite directions.

        Parameters
        ----------
        n_pairs : int
            Number of pairs, and of hidden dimensions.
        angle : float
            Turn of the first two axes in their plane, in radians.
        """
        axes = np.eye(n_pairs)
        if n_pairs > 1:
            c, s = np.cos(angle), np.sin(angle)
            axes[:2, :2] = [[c, -s], [s, c]]
        return cls(np.kron(axes, [1.0, -1.0]), np.zeros(2 * n_pairs))

    def hidden(self, F: np.ndarray) -> np.ndarray:
        """Hidden activations (n_samples, n_hidden) of inputs (n_samples, n_inputs)."""
        return F @ self.weights.T

    def reconstruct(self, F: np.ndarray) -> np.ndarray:
        """Outputs (n_samples, n_inputs)."""
        return np.maximum(0.0, self.hidden(F) @ self.weights + self.bias)


def make_toy_model(
    sample: Callable[[np.random.Generator, int], np.ndarray],
    n_hidden: int = 2,
    *,
    n_steps: int = 2000,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    n_starts: int = 4,
    random_state: int | np.random.Generator | None = None,
) -> ToyModel:
    """Train ``f_hat = ReLU(W^T W f + b)`` to return its inputs, with AdamW, from several starts.

    Minimises ``E |f - f_hat|^2 / n_inputs`` on fresh batches; all starts are trained at once, on
    the same batches, and the one with the lowest loss over the last tenth of the steps is kept.

    Parameters
    ----------
    sample : callable
        ``sample(rng, n)`` draws n inputs, (n, n_inputs).
    n_hidden : int
        Number of hidden dimensions.
    n_steps, batch_size : int
        Length of the training.
    learning_rate, weight_decay : float
        AdamW's, its betas being .9 and .999.  The rate is constant but for the last fifth of the
        steps, where it falls linearly to zero.
    n_starts : int
        Number of random starts.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    ToyModel

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Elhage et al. (2022), "Toy models of superposition"; the settings of Anders et al. (2024),
    "Sparse autoencoders find composed features in small toy models".

    Examples
    --------
    >>> def one_hot(rng, n):
    ...     return rng.random((n, 1)) * np.eye(3)[rng.integers(3, size=n)]
    >>> model = make_toy_model(one_hot, n_hidden=2, n_steps=300, n_starts=2, random_state=0)
    >>> model.weights.shape, bool(model.losses[-50:].mean() < model.losses[:50].mean())
    ((2, 3), True)
    """
    import torch

    check_sizes(n_hidden=n_hidden, n_steps=n_steps, batch_size=batch_size, n_starts=n_starts)
    learning_rate = check_scalar(learning_rate, "learning_rate", strict=True)
    weight_decay = check_scalar(weight_decay, "weight_decay")
    rng = np.random.default_rng(random_state)
    n_inputs = sample(rng, 1).shape[1]

    # Xavier's normal start, on which the published figures are built.
    spread = np.sqrt(2 / (n_inputs + n_hidden))
    start = spread * rng.standard_normal((n_starts, n_hidden, n_inputs))
    W = torch.tensor(start, dtype=torch.float32, requires_grad=True)
    b = torch.zeros(n_starts, 1, n_inputs, requires_grad=True)
    optimizer = torch.optim.AdamW([W, b], lr=learning_rate, weight_decay=weight_decay)
    losses = np.empty((n_steps, n_starts))
    # Matrices this small are slower on several threads.
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for step in range(n_steps):
            rate = learning_rate * min(1.0, (n_steps - step) / max(1, n_steps // 5))
            optimizer.param_groups[0]["lr"] = rate
            if step % _BATCHES_AT_ONCE == 0:
                drawn = sample(rng, _BATCHES_AT_ONCE * batch_size)
                batches = torch.as_tensor(drawn, dtype=torch.float32).split(batch_size)
            F = batches[step % _BATCHES_AT_ONCE]
            output = torch.relu(torch.matmul(F @ W.mT, W) + b)
            loss = ((output - F) ** 2).mean(dim=(1, 2))
            optimizer.zero_grad()
            loss.sum().backward()
            optimizer.step()
            losses[step] = loss.detach().numpy()
    finally:
        torch.set_num_threads(n_threads)
    best = int(losses[-max(1, n_steps // 10) :].mean(axis=0).argmin())
    return ToyModel(
        weights=W.detach()[best].numpy().astype(np.float64),
        bias=b.detach()[best, 0].numpy().astype(np.float64),
        losses=losses[:, best],
    )
