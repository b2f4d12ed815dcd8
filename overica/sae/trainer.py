"""The training loop, one for every variant: it knows networks only by their loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from overica.backend import products
from overica.distributed import broadcast
from overica.distributed.exchange import align, average
from overica.persistence import Journal, remember, series_values
from overica.progress import StepProgress
from overica.sae.adam import Adam
from overica.sae.arithmetic import Arithmetic
from overica.sae.batches import Batches, OneBatch
from overica.sae.coefficients import Coefficient
from overica.sae.module import Autoencoder

History = dict[str, list[float]]


class Orthogonality(Protocol):
    """A penalty on the decoder, added to the loss, times its coefficient.

    One that remembers anything from step to step is `Remembering`, or a fit that is taken up again begins without.

    Examples
    --------
    >>> class Alike:
    ...     coefficient = 0.1
    ...
    ...     def __call__(self, W_dec, codes, step):
    ...         return (W_dec @ W_dec.T).tril(-1).square().sum()
    >>> from overica.sae import TopKSAE
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> sae = TopKSAE(4, n_active=1, n_steps=2, orthogonality=Alike(), random_state=0).fit(X)
    >>> len(sae.history_["orthogonality"])
    2
    """

    coefficient: float

    def __call__(self, W_dec: Tensor, codes: Tensor, step: int) -> Tensor:
        """Scalar penalty of a decoder (n_components, n_features) and the codes (batch, n_components) of a batch."""


@runtime_checkable
class Remembering(Protocol):
    """What remembers something from step to step, and can say what."""

    def values(self) -> Mapping[str, Any]:
        """What is remembered, in numbers, text and arrays."""

    def take(self, values: Mapping[str, Any]) -> None:
        """Remember such values."""


_FAR = 10
"""Steps between two looks at a network on an accelerator, which would otherwise wait for each."""
_SHORTEST_WINDOW = 10
_RESTARTS_END = 0.7
_TINY = 1e-30


class TrainingError(RuntimeError):
    """A fit that cannot go on; says at which step, why, and what to change."""


@dataclass(frozen=True)
class Training:
    """A run of Adam.

    The learning rate rises linearly over the first share `warm_up` of the steps and falls linearly to zero over the
    last share `cool_down`. Gradients longer than `clip` are shortened to it.
    """

    n_steps: int
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    warm_up: float = 0.1
    cool_down: float = 0.2
    clip: float | None = 1.0
    revive: bool = True
    """Whether dead features are treated."""
    dead_window: float = 0.05
    """Share of the run's samples for which a feature must not have fired to count as dead."""
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    """In which the loss is worked out."""
    endless: bool = False
    """Whether steps go on after `n_steps`: at the peak rate, with all else as it is by then."""

    def progress(self, step: int) -> float:
        """Share of the run that lies before a step."""
        return min(1.0, step / self.n_steps)

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0.

        Examples
        --------
        >>> training = Training(n_steps=100, learning_rate=1.0)
        >>> training.rate(0), training.rate(50), round(training.rate(99), 3)
        (0.1, 1.0, 0.05)
        """
        rising = (step + 1) / max(1.0, self.warm_up * self.n_steps)
        falling = (self.n_steps - step) / max(1.0, self.cool_down * self.n_steps)
        return self.learning_rate * min(1.0, rising, 1.0 if self.endless else falling)

    def run(
        self,
        module: Autoencoder,
        batches: Batches | OneBatch,
        coefficient: Coefficient,
        rng: np.random.Generator,
        history: History,
        report: Callable[[dict[str, float]], None],
        orthogonality: Orthogonality | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Train a network in place; extends `history` by one entry per step.

        With a journal it goes on from the last step that this has of it.

        Raises
        ------
        TrainingError
            If the loss is not finite.
        """
        run = Run(self, module, batches, coefficient, rng, history, report, orthogonality)
        with (journal or Journal()).stage("run") as stage:
            if stage.kept is not None:
                run.take(stage.kept)
                if isinstance(report, StepProgress):
                    report.skip(run.step)
            for _ in run.steps():
                stage.offer(run.values)


class Run:
    """What changes in the course of one run."""

    def __init__(
        self,
        training: Training,
        module: Autoencoder,
        batches: Batches | OneBatch,
        coefficient: Coefficient,
        rng: np.random.Generator,
        history: History,
        report: Callable[[dict[str, float]], None],
        orthogonality: Orthogonality | None,
    ) -> None:
        self.training, self.module = training, module
        self.batches: Batches | OneBatch = batches
        self.coefficient, self.rng, self.history, self.report = coefficient, rng, history, report
        self.orthogonality = orthogonality
        self.parameters = list(module.parameters())
        align(self.parameters)
        self.optimiser = Adam(self.parameters, training.betas)
        device = module.W_dec.device
        self.near = device.type == "cpu"
        self.window = max(_SHORTEST_WINDOW, math.ceil(training.dead_window * training.n_steps))
        self.activity = torch.zeros(len(module.W_dec), device=device)
        """Sum over the steps of the present window of the share of samples in which each feature fired."""
        self.dead: Tensor | None = None
        self.waiting: list[tuple[dict[str, float], dict[str, Tensor]]] = []
        """Steps whose figures nobody has looked at yet."""
        self.step = 0

    def steps(self) -> Iterator[None]:
        """The steps that are left."""
        while self.step < self.training.n_steps:
            self.go()
            yield

    def go(self) -> None:
        """The next step, its figures and what follows from them."""
        self.advance(self.step)
        self.step += 1
        every = 1 if self.near or self.training.endless else _FAR
        if len(self.waiting) == every or self.step == self.training.n_steps:
            self.look()
        if self.step % self.window == 0:
            self.look_for_dead(self.training.progress(self.step))

    def values(self) -> dict[str, Any]:
        """All that changes in the course of a run, in plain values."""
        penalty = self.orthogonality
        waiting = [
            (known, {name: value.cpu().numpy() for name, value in figures.items()})
            for known, figures in self.waiting
        ]
        return {
            "step": self.step,
            "module": self.module.values(),
            "optimiser": self.optimiser.values(),
            "coefficient": self.coefficient.values(),
            "orthogonality": penalty.values() if isinstance(penalty, Remembering) else None,
            "generator": self.rng.bit_generator.state,
            "position": self.batches.position,
            "activity": self.activity.cpu().numpy(),
            "dead": None if self.dead is None else self.dead.cpu().numpy(),
            "waiting": waiting,
            "history": series_values(self.history),
        }

    def take(self, values: Mapping[str, Any]) -> None:
        """Go on from such values."""

        def back(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(self.activity.device)

        self.step = values["step"]
        self.module.take(values["module"])
        self.optimiser.take(values["optimiser"])
        self.coefficient.take(values["coefficient"])
        penalty: Any = self.orthogonality
        if isinstance(penalty, Remembering):
            penalty.take(values["orthogonality"])
        self.rng.bit_generator.state = values["generator"]
        self.batches.seek(values["position"])
        self.activity = back(values["activity"])
        self.dead = None if values["dead"] is None else back(values["dead"])
        self.waiting = [
            (known, {name: back(value) for name, value in figures.items()})
            for known, figures in values["waiting"]
        ]
        remember(self.history, values["history"])

    def advance(self, step: int) -> None:
        """One step on one batch."""
        training, module = self.training, self.module
        progress = training.progress(step)
        known = {
            "sparsity_coefficient": self.coefficient.value(progress),
            "learning_rate": training.rate(step),
            "dead_share": 0.0 if self.dead is None else len(self.dead) / len(module.W_dec),
        }
        treated = self.dead if training.revive else None
        x = self.batches.batch()
        coefficient = known["sparsity_coefficient"]
        with products(x, rough=True):
            losses = training.arithmetic.loss(module, x, coefficient, treated)
            total, parts = losses.total, dict(losses.parts)
            if self.orthogonality is not None:
                value = self.orthogonality(module.W_dec, losses.codes, step)
                parts["orthogonality"] = self.orthogonality.coefficient * value
                total = total + parts["orthogonality"]
            total.backward()
        firing = losses.codes.detach().sign().abs().mean(dim=0, dtype=torch.float32)
        figures = {"loss": total} | parts
        values = torch.stack([value.detach().float() for value in figures.values()])
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        average([*gradients, firing, values], len(x))
        module.before_step()
        if training.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, training.clip)
        self.optimiser.step(known["learning_rate"])
        module.after_step()
        self.activity += firing
        looked_at = dict(zip(figures, values, strict=True)) | {"l0": firing.sum()}
        self.waiting.append((known, looked_at))

    def look(self) -> None:
        """Read the figures of the steps done since the last look, check them, and steer by them."""
        waiting, self.waiting = self.waiting, []
        for known, figures in waiting:
            step = len(self.history.get("loss", ()))
            values = dict.fromkeys(("sparsity", "auxiliary", "orthogonality"), 0.0)
            values |= {name: float(value) for name, value in figures.items()}
            if not math.isfinite(values["loss"]):
                raise TrainingError(self.cause(step, values))
            unexplained = values["reconstruction"] / max(self.batches.variance, _TINY)
            row = values | {"explained_variance": 1 - unexplained} | known
            for name, value in row.items():
                self.history.setdefault(name, []).append(value)
            self.coefficient.observe(row["l0"], self.training.progress(step))
            self.report(row)

    def look_for_dead(self, progress: float) -> None:
        """Find the features that did not fire in the window that ends, and treat them."""
        dead = torch.nonzero(self.activity == 0).flatten()
        self.activity.zero_()
        self.dead = dead
        if self.training.revive and len(dead) and progress <= _RESTARTS_END:
            self.restart(dead)

    @torch.no_grad()
    def restart(self, dead: Tensor) -> None:
        """Point dead features at what is left of samples, drawn with a probability as their squared residuals."""
        x = self.batches.draw()
        # Of several ranks all look at the same samples; that they choose alike must not hang on rounding.
        dead = broadcast(self.module.hopeless(dead, x).cpu()).to(x.device)
        residual = x - self.module.decode(self.module.activate(x))
        lengths = residual.norm(dim=1)
        weights = broadcast(lengths.double().square().cpu().numpy())
        if not (len(dead) and weights.sum() > 0):
            return
        rows = self.rng.choice(len(x), len(dead), p=weights / weights.sum())
        chosen = torch.from_numpy(rows).to(x.device)
        for parameter, index in self.module.restart(dead, residual[chosen] / lengths[chosen, None]):
            self.optimiser.forget(parameter, index)
        align(self.parameters)

    def cause(self, step: int, values: dict[str, float]) -> str:
        """What made the loss of a step infinite or NaN."""
        parts = ("orthogonality", "sparsity", "auxiliary", "reconstruction")
        bad = [name for name in parts if not math.isfinite(values[name])]
        before = self.history.get("loss", [])
        earlier = f"; the loss of the step before was {before[-1]:.3g}" if before else ""
        if bad == ["orthogonality"]:
            reason = "the orthogonality penalty is: check its values, or lower its `coefficient`"
        elif step == 0:
            reason = f"at the start already, in {', '.join(bad)}: look for extreme values in `X`"
        else:
            reason = f"in {', '.join(bad) or 'the sum'}: lower `learning_rate`"
            if not self.training.clip:
                reason += " or give a `clip`"
        return f"the loss is {values['loss']} at step {step} of {self.training.n_steps}, {reason}{earlier}"
