"""What a study of separation compares: blind separation by every method of `separate`, oracles, and nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from overica.separation.gaussian import posterior
from overica.separation.mixture_sets import Drawn
from overica.separation.result import Separation
from overica.separation.separate import separate
from overica.separation.separators import METHODS
from overica.separation.stft import Transform
from overica.studies import Method


@dataclass(frozen=True, eq=False)
class Estimate:
    """What one way makes of a mixture."""

    sources: np.ndarray | None = None
    """(n_frames, n_sources), in any order."""
    mixing: np.ndarray | None = None
    """Columns, where they are learned."""
    n_sources: int | None = None
    """Their number, where it is found."""
    sure: bool = False
    """Whether that number is said to be sure."""


def _blind(name: str) -> Callable[[Drawn], Estimate]:
    def estimate(mixture: Drawn) -> Estimate:
        n_sources = mixture.mixing.shape[1]
        found = separate(
            mixture.x, mixture.sample_rate, n_sources, method=name, random_state=mixture.seed
        )
        return Estimate(found.sources, found.mixing)

    return estimate


def _told_directions(name: str) -> Callable[[Drawn], Estimate]:
    def estimate(mixture: Drawn) -> Estimate:
        found = separate(
            mixture.x, mixture.sample_rate, mixture.mixing.shape[1], method=name,
            mixing=mixture.mixing, random_state=mixture.seed,
        )  # fmt: skip
        return Estimate(found.sources)

    return estimate


def _counted(mixture: Drawn) -> Estimate:
    """The number of sources, by the method that takes the least time: all count alike."""
    found = separate(
        mixture.x, mixture.sample_rate, "auto", method="binary", random_state=mixture.seed
    )
    assert isinstance(found, Separation)
    return Estimate(mixing=found.mixing, n_sources=found.n_sources, sure=found.sure)


def _ideal_mask(mixture: Drawn) -> Estimate:
    """To every coefficient the source that is loudest there, which nobody knows."""
    transform = Transform(mixture.sample_rate)
    Z, S = transform.forward(mixture.x), transform.forward(mixture.sources)
    powers = np.abs(S) ** 2
    masked = (powers == powers.max(axis=0)) * np.tensordot(mixture.mixing.T, Z, 1)
    return Estimate(transform.inverse(masked, len(mixture.x)))


def _wiener(mixture: Drawn) -> Estimate:
    """Posterior means under the sources' own powers and the noise's variance, which nobody knows: the best there is."""
    transform = Transform(mixture.sample_rate)
    Z, S = transform.forward(mixture.x), transform.forward(mixture.sources)
    powers = np.abs(S) ** 2
    left = np.abs(Z - np.tensordot(mixture.mixing, S, 1)) ** 2
    noise = left.mean(axis=(1, 2), keepdims=True) + 1e-9 * float(powers.mean())
    means = posterior(Z, mixture.mixing, powers, noise).means(powers)
    return Estimate(transform.inverse(means, len(mixture.x)))


def _mixture(mixture: Drawn) -> Estimate:
    """The first channel as every estimate: chance. A little noise makes them independent, as the figures want it."""
    noise = np.random.default_rng(0).standard_normal(mixture.sources.shape)
    return Estimate(np.repeat(mixture.x[:, :1], noise.shape[1], axis=1) + 1e-6 * noise)


_REFERENCE = Method("", "", "baseline", _mixture, sweeps=False, reference=True)
WAYS: dict[str, Method] = {
    **{
        name: Method(name, f"Blind, {method.label}", "ica", _blind(name), sweeps=False)
        for name, method in METHODS.items()
    },
    "auto": Method("auto", "Blind, number not given", "ica", _counted, sweeps=False),
    **{
        way.name: way
        for way in (
            *(
                replace(
                    _REFERENCE, name=f"{name}_true", label=f"True directions, {method.label}",
                    build=_told_directions(name),
                )
                for name, method in METHODS.items()
                if method.model.columns
            ),
            replace(_REFERENCE, name="ideal_mask", label="Ideal binary mask", build=_ideal_mask),
            replace(_REFERENCE, name="wiener", label="Wiener filter of the true powers", build=_wiener),
            replace(_REFERENCE, name="mixture", label="The mixture itself"),
        )
    },
}  # fmt: skip
"""Ways by name: ``build(mixture)`` returns an `Estimate`. References are told the truth, or do nothing."""
