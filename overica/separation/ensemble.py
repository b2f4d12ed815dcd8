"""Variances of the local Gaussian model, averaged over factorisations from different random starts.

One factorisation with few components cannot follow a voice, and one with many follows the mixture's chance
coincidences; those differ from start to start. The geometric mean of the variances of several starts keeps what they
agree on, and is worth a decibel. So are windows of several lengths, some better for pitch and some for plosives:
their estimates are averaged as sound.

A round begins from powers of the sources: the first from those of codes that go by their neighbours, every later one
from the average so far, seen through each window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from overica.separation.complex_codes import neighbourly_codes
from overica.separation.factors import Factors, start_factors, step
from overica.separation.gaussian import ROUNDING, posterior
from overica.separation.rounds import LEAST_POWER, Round, in_rounds
from overica.separation.separator import Method, Piece
from overica.separation.stft import Transform

_FIRST_CODES = 20
_WINDOWS, _LONGER = (0.064, 0.096), (0.096,)
PLANS = {
    1_000_000: (
        Round(3, 12, 128, _WINDOWS), Round(3, 8, 128, _WINDOWS), Round(3, 8, 128, _WINDOWS),
    ),
    5_000_000: (Round(2, 8, 128, _LONGER), Round(2, 6, 128, _LONGER)),
    np.inf: (Round(1, 6, 64, _LONGER),),
}  # fmt: skip
"""By the largest number of coefficients of a channel (one minute, five minutes, any length at 8 kHz)."""


class Gaussian(Method):
    """Posterior means under ensembles of factorised variances.

    Parameters
    ----------
    plans : dict
        The work that is done, by the largest number of coefficients of a channel for which it is; the last for any.
    """

    name, label = "gaussian", "Gaussian model"

    def __init__(self, plans: Mapping[float, Sequence[Round]] = PLANS) -> None:
        self.plans = plans

    def sources(self, piece: Piece) -> np.ndarray:
        """See `Method.sources`."""
        return in_rounds(piece, self.plans, _through)


def _through(
    transform: Transform,
    piece: Piece,
    before: np.ndarray | None,
    stage: Round,
    run_done: Callable[[], object],
) -> np.ndarray:
    """Sources (n_frames, n_sources) of one round with one window."""
    Z, unit = piece.coefficients(transform)
    S = (
        neighbourly_codes(Z, piece.mixing, ROUNDING, rounds=_FIRST_CODES)
        if before is None
        else transform.forward(before) / unit
    )
    powers = S.real**2 + S.imag**2 + np.float32(LEAST_POWER)
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
