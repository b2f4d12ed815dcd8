"""Mixtures in which every source reaches all channels at once: one real column says all of how it is heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overica._validation import check_array
from overica.separation.gaussian import ROUNDING, Posterior, posterior
from overica.separation.mixing import fix_signs, learn_mixing
from overica.separation.mixing_model import Learned, MixingModel, Outcome
from overica.separation.noise import Noise
from overica.separation.noise_learning import learn_noise
from overica.separation.quality import (
    INSTANTANEOUS,
    one_source_vectors,
    share_explained,
    share_real,
)
from overica.separation.result import Separation


@dataclass(frozen=True)
class LearnedColumns(Learned):
    """A mixing matrix."""

    mixing: np.ndarray
    """Unit columns, (n_channels, n_sources)."""
    fit_quality: float
    explained: float
    given: bool
    noise: Noise | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    """Of the learning of the noise."""
    doubts: tuple[str, ...] = ()
    evidence: dict[int, float] = field(default_factory=dict)
    probabilities: dict[int, float] = field(default_factory=dict)

    def result(self, outcome: Outcome, order: np.ndarray) -> Separation:
        """See `Learned.result`."""
        return Separation(
            outcome.estimates, self.mixing[:, order].astype(outcome.estimates.dtype),
            outcome.transform.sample_rate, outcome.method, self.fit_quality, self.explained, self.evidence,
            outcome.history | self.history, outcome.transform, self.probabilities,
            None if self.noise is None else outcome.power * self.noise.variances(outcome.transform.n_frequencies),
        )  # fmt: skip


class Instantaneous(MixingModel):
    """``x_c(t) = sum_j a_cj s_j(t) + e_c(t)``.

    Parameters
    ----------
    with_noise : bool
        Whether that of the channels, e, is learned.
    """

    columns = True

    def __init__(self, *, with_noise: bool = True) -> None:
        self.with_noise = with_noise

    def check(self, n_sources: int | None, mixing: Any, n_channels: int) -> np.ndarray | None:
        """See `MixingModel.check`."""
        if mixing is None:
            return None
        A = check_array(mixing, "mixing", {"n_channels": n_channels, "n_sources": n_sources})
        if (np.linalg.norm(A, axis=0) == 0).any():
            raise ValueError("`mixing` must have columns that are not zero")
        return fix_signs(np.asarray(A, np.float64))

    def learn(
        self,
        Z: np.ndarray,
        n_sources: int | None,
        given: np.ndarray | None,
        rng: np.random.Generator,
    ) -> LearnedColumns:
        """See `MixingModel.learn`."""
        doubts: list[str] = []
        evidence: dict[int, float] = {}
        probabilities: dict[int, float] = {}
        if given is None:
            learned = learn_mixing(Z, n_sources, rng)
            A, evidence, probabilities = learned.columns, learned.evidence, learned.probabilities
            if n_sources is not None and n_sources > learned.supported:
                doubts.append(
                    f"{n_sources} sources are wanted, but the evidence supports {learned.supported}: the others are "
                    "faint, or split a source"
                )
        else:
            A = given
        vectors = one_source_vectors(Z, rng)
        quality = share_real(vectors)
        if quality < INSTANTANEOUS:
            doubts.append(_poor(quality, counted=n_sources is None and given is None))
        history: dict[str, list[float]] = {}
        noise = columns_noise(Z, A, rng, history) if self.with_noise else None
        return LearnedColumns(
            A, quality, share_explained(vectors, A), given is not None, noise, history, tuple(doubts), evidence,
            probabilities,
        )  # fmt: skip


def columns_noise(
    Z: np.ndarray, A: np.ndarray, rng: np.random.Generator, history: dict[str, list[float]]
) -> Noise:
    """That of coefficients Z beside sources of columns A; figures are written to the history."""

    def terms(Z: np.ndarray, V: np.ndarray, noise_variance: float | np.ndarray) -> Posterior:
        return posterior(Z, A, V, noise_variance)

    def powers(Z: np.ndarray) -> np.ndarray:
        V = np.ones((A.shape[1], *Z.shape[1:]), np.float32)
        S = terms(Z, V, ROUNDING).means(V)
        return np.asarray(S.real**2 + S.imag**2)

    return learn_noise(Z, powers, terms, rng, history)


def _poor(quality: float, *, counted: bool) -> str:
    count = ", and their number is not known: give it" if counted else ""
    return (
        f"in {1 - quality:.0%} of the coefficients that one source fills alone the channels differ by more than "
        "loudness: delays or reverberation, which are outside the model of an instantaneous mixture, or noise as loud "
        "as the sources; sources of a room "
        f"are separated by the method convolutive (--method convolutive){count}"
    )
