"""Units in which learning does not depend on how samples are mixed: whitened ones, and some between them and plain.

Why multiplying by A A' helps
-----------------------------
The question that this package began with is why a gradient that is multiplied by ``A A'`` works where the plain one
does not. Let samples be mixed once more, ``y = T x`` with an invertible T. The columns for y are ``T A``, and a
learning rule should get there by the steps that it would have taken to A. But the gradient of the log evidence L is a
covector,

    dL/d(TA) = T^-T dL/dA,

so that a step of plain ascent in y is, taken back to x, ``T^-1 T^-T dL/dA``: what T stretches by t is learned slower
by t^2, and no one rate suits sensors of unlike units. Multiplied by ``A A'`` the step is

    (TA)(TA)' T^-T dL/dA = T (A A' dL/dA),

T times the step in x. Trajectories map to one another: ascent is equally fast for every T. With as many sources as
features this is ``A <- A (I + eta G)``, where G depends on the codes alone: the relative gradient of Cardoso and
Laheld (1996), Amari's natural gradient.

It does not move the points where ascent ends, since ``A A'`` is invertible. Those are equivariant if L is, that is
without noise; and here it is not. Noise is isotropic in x, hence not in y, and the penalty of a code goes by it: both
say that directions in which samples are weak matter little, whatever multiplies the gradient.

Whitening mends that too. With ``z = C^(-1/2) x`` for the second moments ``C = E[x x']`` every T leads to the same z,
but for a rotation, under which all is invariant here: noise, penalty, drawn starts, and the steps of the rule, which
divides by ``|A_j|^2``. So the fit of ``T x`` is the fit of x, mapped. And for independent sources of unit variance
``C = A A'``: a plain step in z is ``C dL/dA`` in x, the natural gradient again, n > m included.

What must not happen is that directions of nothing but noise are blown up. `candidates` has units between plain and
white, and in `overica.learning.racing` the evidence chooses.

References
----------
Cardoso and Laheld (1996), "Equivariant adaptive source separation", IEEE Transactions on Signal Processing 44.
Amari (1998), "Natural gradient works efficiently in learning", Neural Computation 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.learning.samples import Samples
from overica.learning.units import Units

_REFERENCE = 4096
"""Rows that tell in which frame white samples are."""
_RANK = 8.0
"""Standard deviations of rounding below which there is no direction."""
_ALIKE = 4.0
"""Ratio of variances that make no difference."""
_ROWS = 8
"""Rows per feature below which second moments say more of the rows than of the law that they are drawn from."""
_DEAF = 0.01
"""Share of the mean variance at which a floor is tried."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Principal axes of samples in plain units, and what is needed to go there and back."""

    values: np.ndarray
    """Variances along the axes, falling, (rank,); their sum is the number of features."""
    whitener: np.ndarray
    """To unit variance along each axis, (rank, n_features)."""
    dewhitener: np.ndarray
    """(n_features, rank)."""
    complete: bool
    """Whether the axes span all features."""

    @classmethod
    def of(cls, samples: Samples, dtype: np.dtype) -> Spectrum:
        """Of the second moments about what is subtracted, to the numerical rank.

        In units of every sensor first, which costs no digits; otherwise a sensor in small units would be lost beside
        one in large units.

        Raises
        ------
        ValueError
            If all features vary by rounding alone.
        """
        spectrum = cls._of(samples, dtype, every=False)
        # What is rare may be missing among some of the rows, and would be for ever.
        return spectrum if spectrum.complete else cls._of(samples, dtype, every=True)

    @classmethod
    def _of(cls, samples: Samples, dtype: np.dtype, *, every: bool) -> Spectrum:
        C = samples.second_moments(every=every)
        sizes = np.sqrt(np.maximum(C.diagonal(), 0.0))
        rounding = np.finfo(dtype).eps * (sizes + np.abs(samples.mean) / samples.unit)
        there = sizes > _RANK * rounding
        D = sizes[there]
        values, vectors = np.linalg.eigh(C[np.ix_(there, there)] / np.outer(D, D))
        lowest = max(
            len(D) * np.finfo(np.float64).eps * values.max(initial=0.0),
            len(D) * (_RANK * float((rounding[there] / D).max(initial=0.0))) ** 2,
        )
        kept = values > lowest
        if not kept.any():
            size = float(np.abs(samples.mean).max())
            raise ValueError(
                f"`X` must vary by more than the rounding of {np.dtype(dtype)}, got features of standard deviation "
                f"{samples.unit:.2g} about means up to {size:.2g}: subtract these in float64"
            )
        half = np.zeros((len(C), int(kept.sum())))
        half[there] = (vectors[:, kept] * np.sqrt(values[kept])) * D[:, None]
        inverse = np.zeros_like(half.T)
        inverse[:, there] = (vectors[:, kept] / np.sqrt(values[kept])).T / D
        # half half' = C; its singular vectors are the principal axes, and a rotation of white samples stays white.
        _, scales, rotation = np.linalg.svd(half, full_matrices=False)
        return cls(scales**2, rotation @ inverse, half @ rotation.T, int(kept.sum()) == len(C))

    def lowest(self, n_components: int) -> float:
        """Variance of the last axis that so many components can fill; if the model is right, the rest is noise."""
        return float(self.values[min(n_components, len(self.values)) - 1])

    def units(self, samples: Samples, floor: float) -> Units:
        """Axes of a variance above the floor are made equal, those below it stay as much shorter as they are.

        At the lowest variance samples are white, at the highest plain; in between weak directions stay weak. The mean
        variance is one.
        """
        relative = np.minimum(self.values / floor, 1.0)
        stretch = np.sqrt(relative / relative.mean())
        W = self.whitener * stretch[:, None]
        B = self.dewhitener / stretch
        Q = _frame(samples.plain(_REFERENCE) @ W.T)
        return Units(samples.mean, samples.unit, Q.T @ W, B @ Q)


def candidates(samples: Samples, dtype: np.dtype, n_components: int) -> list[Units]:
    """Units that may suit samples: white ones first, plain ones last; all are of the same dimensions.

    Where variances differ little there is nothing to choose, and of too few rows nothing is known. In between are
    those with a floor at a hundredth of the mean variance, if there are axes below it.
    """
    if samples.n_rows < _ROWS * samples.n_features:
        return [samples.units]
    spectrum = Spectrum.of(samples, dtype)
    values = spectrum.values
    lowest = spectrum.lowest(n_components)
    found = [spectrum.units(samples, lowest)]
    if values[0] > _ALIKE * values[-1]:
        middle = _DEAF * float(values.mean())
        if _ALIKE * lowest < middle < values[0]:
            found.append(spectrum.units(samples, middle))
        whole = spectrum.complete
        found.append(samples.units if whole else spectrum.units(samples, float(values[0])))
    return found


def white_units(samples: Samples, dtype: np.dtype, n_components: int) -> Units:
    """Units in which samples have the same variance in all directions, or in as many as there are components."""
    spectrum = Spectrum.of(samples, dtype)
    return spectrum.units(samples, spectrum.lowest(n_components))


def _frame(Z: np.ndarray) -> np.ndarray:
    """A rotation that goes along when samples are rotated, (n_dimensions, n_dimensions).

    Random sums of the samples, made orthonormal one after the other. In such a frame white samples are the same numbers
    whatever was mixed, so that a fit takes the same steps.
    """
    sums = Z.T @ np.random.default_rng(0).standard_normal((len(Z), Z.shape[1]))
    Q, R = np.linalg.qr(sums)
    return np.asarray(Q * np.where(R.diagonal() < 0, -1.0, 1.0))
