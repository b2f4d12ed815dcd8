"""Sources of a room as its microphones hear them: posterior means of the full-rank local Gaussian model.

Clusters of the coefficients say roughly how loud every source is when, and how it is heard; a first round of
factorised variances and covariances begins there. Later rounds begin from the images that came of the one before, seen
through each of several windows. The shorter keep apart what sounds one after the other; in the longer one covariance
holds more of the echoes. Their images are averaged as sound. Within a round the variances of several random starts are
averaged, as `ensemble` explains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from overica.separation.factors import Factors, start_factors, step
from overica.separation.rooms.full_rank import better_covariances, images, look
from overica.separation.rooms.room import Room
from overica.separation.rooms.spatial_clusters import source_powers
from overica.separation.rounds import LEAST_POWER, Round, in_rounds
from overica.separation.separator import Method, Piece
from overica.separation.stft import Transform

_LEAST_SPREAD = 1e-3
"""Added to the eigenvalues of covariances that are measured, whose mean is one."""
_EASY = 8
"""Images of a coefficient, sources times channels, that take as much memory as is planned for."""
_FEW = {
    2_000_000: (
        Round(2, 16, 128), Round(2, 16, 128, (0.256,)), Round(2, 16, 128, (0.256, 0.384)),
    ),
    np.inf: (Round(1, 12, 64), Round(1, 12, 64, (0.256,))),
}  # fmt: skip
"""For no more sources than channels, which filters tell apart, the longer the better."""
_MANY = {
    2_000_000: (Round(4, 16, 128), Round(2, 16, 128, (0.128, 0.256))),
    np.inf: (Round(1, 12, 64), Round(1, 12, 64, (0.192,))),
}
"""For more, which only their sparsity tells apart: a window that is long for speech costs more than its echoes."""


class Convolutive(Method):
    """Posterior means of the images, under ensembles of factorised variances and full-rank covariances."""

    name, label = "convolutive", "full-rank model of a room"
    model = Room()

    def burden(self, mixing: np.ndarray) -> float:
        """See `Method.burden`."""
        n_sources, _, n_channels, _ = mixing.shape
        return max(1.0, n_sources * n_channels / _EASY)

    def sources(self, piece: Piece) -> np.ndarray:
        """Images, (n_frames, n_sources, n_channels)."""
        n_sources, _, n_channels, _ = piece.mixing.shape
        return in_rounds(piece, _FEW if n_sources <= n_channels else _MANY, _through)


def _through(
    transform: Transform,
    piece: Piece,
    before: np.ndarray | None,
    stage: Round,
    run_done: Callable[[], object],
) -> np.ndarray:
    """Images (n_frames, n_sources, n_channels) of one round with one window."""
    Z, unit = piece.coefficients(transform)
    noise = piece.noise_within(transform)
    if before is None:
        R = piece.mixing
        powers = source_powers(Z, R, noise)
    else:
        powers, R = measured(_transformed(transform, before) / unit)
    powers = powers + np.float32(LEAST_POWER)
    V, R = agreed(Z, R, powers, noise, stage, piece.rng, piece.history, run_done)
    C = images(Z, R, V, noise) * unit
    sounds = transform.inverse(C.reshape(-1, *C.shape[2:]), len(piece.x))
    return sounds.reshape(len(piece.x), *C.shape[:2])


def _transformed(transform: Transform, heard: np.ndarray) -> np.ndarray:
    """Coefficients (n_sources, n_channels, n_frequencies, n_windows) of images."""
    C = transform.forward(heard.reshape(len(heard), -1))
    return C.reshape(*heard.shape[1:], *C.shape[1:])


def measured(C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Powers and covariances of images that are known.

    Parameters
    ----------
    C : array (n_sources, n_channels, n_frequencies, n_windows)
        Their coefficients.

    Returns
    -------
    powers : array (n_sources, n_frequencies, n_windows)
        Mean over the channels.
    covariances : array (n_sources, n_frequencies, n_channels, n_channels)
        Mean of ``c c^H`` over its power, of trace n_channels.

    Examples
    --------
    >>> C = np.ones((1, 2, 3, 4)) * np.array([1, 1j])[:, None, None]
    >>> powers, R = measured(C)
    >>> powers.shape, R[0, 0].round(2).tolist()
    ((1, 3, 4), [[(1+0j), -1j], [1j, (1+0j)]])
    """
    m = C.shape[1]
    powers = (C.real**2 + C.imag**2).mean(axis=1)
    unit = C / np.sqrt(powers + LEAST_POWER)[:, None]
    unit = unit.transpose(0, 2, 1, 3)
    R = unit @ unit.conj().swapaxes(-1, -2)
    trace = np.trace(R, axis1=-2, axis2=-1).real
    R *= (m / np.where(trace > 0, trace, 1))[..., None, None]
    return powers, (R + _LEAST_SPREAD * np.eye(m, dtype=R.dtype)) / (1 + _LEAST_SPREAD)


def agreed(
    Z: np.ndarray,
    R: np.ndarray,
    powers: np.ndarray,
    noise_variance: float | np.ndarray,
    stage: Round,
    rng: np.random.Generator,
    history: dict[str, list[float]],
    run_done: Callable[[], object] = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Geometric mean of the variances of all runs of a round, and mean of the covariances."""
    logs, total = np.zeros_like(powers), np.zeros_like(R)
    for _ in range(stage.n_runs):
        factors = start_factors(powers, stage.n_components, rng)
        V, found = fit_room(Z, R, factors, noise_variance, stage.n_steps, history)
        logs += np.log(V)
        total += found
        run_done()
    return np.exp(logs / np.float32(stage.n_runs)), total / np.float32(stage.n_runs)


def fit_room(
    Z: np.ndarray,
    R: np.ndarray,
    factors: Sequence[Factors],
    noise_variance: float | np.ndarray,
    n_steps: int,
    history: dict[str, list[float]],
) -> tuple[np.ndarray, np.ndarray]:
    """Steps of spectra, times and covariances on the likelihood of Z, none of which lowers it.

    The mean log likelihood per coefficient before each step, nats, in the unit of Z, is appended to
    ``history["log_likelihood"]``, and the number of the run to ``history["run"]``.

    Returns
    -------
    variances : array (n_sources, n_frequencies, n_windows)
    covariances : array (n_sources, n_frequencies, n_channels, n_channels)
        Of trace n_channels.
    """
    runs = history.setdefault("run", [])
    values = history.setdefault("log_likelihood", [])
    run = runs[-1] + 1 if runs else 0.0
    V = _variances(factors)
    for _ in range(n_steps):
        for k in range(2):
            found = look(Z, R, V, noise_variance)
            V = step(factors, found, k)
            runs.append(run)
            values.append(found.log_likelihood / Z[0].size)
        R = better_covariances(Z, R, V, noise_variance)
        size = np.trace(R, axis1=-2, axis2=-1).real / len(Z)
        R = R / np.where(size > 0, size, 1)[..., None, None]
        for one, length in zip(factors, size, strict=True):
            one.W *= length[:, None]
        V = _variances(factors)
    return V, R


def _variances(factors: Sequence[Factors]) -> np.ndarray:
    return np.stack([one.variances() for one in factors])
