"""Variances of the local Gaussian model, averaged over factorisations from different random starts.

One factorisation with few components cannot follow a voice, and one with many follows the mixture's chance
coincidences; those differ from start to start. The geometric mean of the variances of several starts keeps what they
agree on, and is worth a decibel. So are windows of several lengths, some better for pitch and some for plosives:
their estimates are averaged as sound.

A round begins from powers of the sources: the first from those of codes that go by their neighbours, every later one
from the average so far, seen through each window.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from overica.separation.complex_codes import neighbourly_codes
from overica.separation.factors import Factors, start_factors, step
from overica.separation.gaussian import ROUNDING, posterior
from overica.separation.separator import Method, Piece
from overica.separation.stft import Transform

_FIRST_CODES = 20
_LEAST_POWER = 1e-7
"""Added to those powers, in units of the mean power of the coefficients."""


@dataclass(frozen=True)
class Round:
    """Runs that begin from the same powers."""

    n_runs: int
    """Random starts per window."""
    n_steps: int
    """Steps of spectra and of times on the likelihood."""
    n_components: int
    """Spectra per source."""


@dataclass(frozen=True)
class Plan:
    """How much work is done."""

    windows: tuple[float, ...]
    """Lengths, seconds."""
    rounds: tuple[Round, ...]


PLANS = {
    1_000_000: Plan((0.064, 0.096), (Round(3, 12, 128), Round(3, 8, 128), Round(3, 8, 128))),
    5_000_000: Plan((0.096,), (Round(2, 8, 128), Round(2, 6, 128))),
    np.inf: Plan((0.096,), (Round(1, 6, 64),)),
}
"""By the largest number of coefficients of a channel (one minute, five minutes, any length at 8 kHz)."""


class Gaussian(Method):
    """Posterior means under ensembles of factorised variances.

    Parameters
    ----------
    plans : dict
        The work that is done, by the largest number of coefficients of a channel for which it is; the last for any.
    """

    name, label = "gaussian", "Gaussian model"

    def __init__(self, plans: Mapping[float, Plan] = PLANS) -> None:
        self.plans = plans

    def sources(self, piece: Piece) -> np.ndarray:
        """See `Method.sources`."""
        plan = next(plan for most, plan in self.plans.items() if piece.n_coefficients <= most)
        rate = piece.transform.sample_rate
        transforms = (
            [piece.transform]
            if piece.window_chosen
            else [Transform(rate, seconds) for seconds in plan.windows]
        )
        n_runs = len(transforms) * sum(stage.n_runs for stage in plan.rounds)
        done = itertools.count(1)

        def run_done() -> None:
            piece.tell(next(done) / n_runs)

        sources: np.ndarray | None = None
        for stage in plan.rounds:
            total = np.zeros((len(piece.x), piece.mixing.shape[1]), np.float32)
            for transform in transforms:
                total += _through(transform, piece, sources, stage, run_done)
            sources = total / np.float32(len(transforms))
        assert sources is not None
        return sources


def _through(
    transform: Transform,
    piece: Piece,
    before: np.ndarray | None,
    stage: Round,
    run_done: Callable[[], object],
) -> np.ndarray:
    """Sources (n_frames, n_sources) of one round with one window."""
    Z = transform.forward(piece.x)
    unit = np.float32(np.sqrt(np.mean(np.abs(Z) ** 2)))
    Z /= unit
    S = (
        neighbourly_codes(Z, piece.mixing, ROUNDING, rounds=_FIRST_CODES)
        if before is None
        else transform.forward(before) / unit
    )
    powers = S.real**2 + S.imag**2 + np.float32(_LEAST_POWER)
    noise = piece.noise_within(transform)
    V = agreed_variances(Z, piece.mixing, powers, noise, stage, piece.rng, piece.history, run_done)
    S = posterior(Z, piece.mixing, V, noise).means(V)
    return transform.inverse(S * unit, len(piece.x))


def agreed_variances(
    Z: np.ndarray,
    A: np.ndarray,
    powers: np.ndarray,
    noise_variance: float | np.ndarray,
    stage: Round,
    rng: np.random.Generator,
    history: dict[str, list[float]],
    run_done: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Geometric mean of the variances of all runs of a round, (n_sources, n_frequencies, n_windows)."""
    logs = np.zeros_like(powers)
    for _ in range(stage.n_runs):
        factors = start_factors(powers, stage.n_components, rng)
        logs += np.log(fit_variances(Z, A, factors, noise_variance, stage.n_steps, history))
        run_done()
    return np.exp(logs / np.float32(stage.n_runs))


def fit_variances(
    Z: np.ndarray,
    A: np.ndarray,
    factors: Sequence[Factors],
    noise_variance: float | np.ndarray,
    n_steps: int,
    history: dict[str, list[float]],
) -> np.ndarray:
    """Steps of `factors` on the likelihood of coefficients Z, none of which lowers it; the variances that come of it.

    The mean log likelihood per coefficient, nats, in the unit of Z, is appended to ``history["log_likelihood"]``, and
    the number of the run to ``history["run"]``.
    """
    runs = history.setdefault("run", [])
    run = runs[-1] + 1 if runs else 0.0
    V = np.stack([one.variances() for one in factors])
    for k in range(2 * n_steps):
        found = posterior(Z, A, V, noise_variance)
        runs.append(run)
        history.setdefault("log_likelihood", []).append(found.log_likelihood / Z[0].size)
        V = step(factors, found, k)
    return V
