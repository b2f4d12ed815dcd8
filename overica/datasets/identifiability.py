"""Can the true columns be found at all?  A verdict, its reason, and a counter-example if any.

The question is put to the law of the data, as if there were infinitely many samples: are the
columns the only ones that explain it, with codes that obey what is known of the sources or are as
sparse as the true ones?  Gaussian noise of known size does not matter, since the characteristic
function of the noiseless data follows from that of the noisy data.  Each check of `CHECKS` either
decides or passes; the first that decides gives the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from overica.datasets.rays import compare_rays
from overica.datasets.strata import Stratum, find_strata
from overica.datasets.supports import compare_supports

if TYPE_CHECKING:
    from overica.datasets.mixture import Mixture

# |cos| above which two columns lie on one line: exactly, and for storage in opposite pairs.
_PARALLEL = 1 - 1e-9
_OPPOSITE = 0.999
# Standard errors of skewness and kurtosis within which a source may be Gaussian.
_N_ERRORS = 6.0


class Verdict(NamedTuple):
    """Whether the true columns are determined by the law of the data."""

    identifiable: bool | None
    """None where no known argument decides."""
    reason: str
    """The argument, in a sentence."""
    witness: np.ndarray | None = None
    """(n_features, n) columns that explain the same data with fewer active codes."""


def judge(data: Mixture) -> Verdict:
    """Verdict on the columns of a data set.

    Parameters
    ----------
    data : Mixture
        A set with its true codes.

    Returns
    -------
    Verdict

    References
    ----------
    Comon (1994), "Independent component analysis, a new concept?", Signal Processing 36; Eriksson
    and Koivunen (2004), "Identifiability, separability, and uniqueness of linear ICA models", IEEE
    Signal Processing Letters 11: independent non-Gaussian sources and no two collinear columns
    suffice, however many there are.
    Aharon, Elad and Bruckstein (2006), "On the uniqueness of overcomplete dictionaries", Linear
    Algebra and its Applications 416; Hillar and Sommer (2015), "When can dictionary learning
    uniquely recover sparse data from subsamples?", IEEE Transactions on Information Theory 61:
    supports that are rich enough suffice.

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> judge(make_mixture(1000, 2, 3, random_state=0)).identifiable
    True
    """
    heard = (data.codes != 0).any(axis=0)
    if not heard.any():
        return Verdict(False, "no source is ever active in these samples")
    if not heard.all():
        others = judge(_without(data, ~heard))
        return Verdict(
            others.identifiable and None,
            f"{(~heard).sum()} of {len(heard)} sources are never active in these samples, which "
            f"say nothing of them; of the others, {others.reason}",
        )
    strata = find_strata(data.codes)
    for check in CHECKS:
        verdict = check(data, strata)
        if verdict is not None:
            return verdict
    return Verdict(
        None, "the sources are dependent, and their supports do not single out the columns"
    )


def _parallel(data: Mixture, strata: Sequence[Stratum]) -> Verdict | None:
    cosines = _cosines(data.mixing)
    same = np.triu((cosines if data.nonnegative else np.abs(cosines)) > _PARALLEL, 1)
    if not same.any():
        return None
    i, j = np.argwhere(same)[0]
    return Verdict(
        False, f"columns {i} and {j} are parallel: how a sum splits between them is arbitrary"
    )


def _independent(data: Mixture, strata: Sequence[Stratum]) -> Verdict | None:
    """Independent sources: decided by Gaussianity alone, once opposite columns are merged."""
    if data.groups is None:
        return None
    cosines = _cosines(data.mixing)
    # Each column's line, named by the first column on it.
    line = (np.abs(cosines) > _OPPOSITE).argmax(axis=1)
    if any(len(set(line[data.groups == group])) > 1 for group in data.groups):
        return None
    # Non-negative sources on opposite columns are one signed source on one line.
    lines = np.unique(line)
    signs = np.sign(cosines[np.arange(len(line)), line])
    T = (data.codes * signs) @ (line[:, None] == lines[None, :])
    n_gaussian = int(_maybe_gaussian(T).sum())
    n_features, n_lines = data.mixing.shape[0], len(lines)
    if n_gaussian > (1 if n_lines <= n_features else 0):
        return Verdict(
            None, f"{n_gaussian} independent sources cannot be told from Gaussian ones here"
        )
    merged = "" if n_lines == len(line) else " (opposite columns count as one signed source)"
    return Verdict(
        True,
        f"the {n_lines} sources are independent and not Gaussian, on lines that all "
        f"differ{merged}: the theorem of overcomplete ICA",
    )


def _rays(data: Mixture, strata: Sequence[Stratum]) -> Verdict | None:
    comparison = compare_rays(data.mixing, data.codes, strata, data.nonnegative)
    return None if comparison is None else Verdict(*comparison)


def _supports(data: Mixture, strata: Sequence[Stratum]) -> Verdict | None:
    comparison = compare_supports(
        data.mixing, data.codes, strata, data.nonnegative, data.free_magnitudes
    )
    return None if comparison is None else Verdict(*comparison)


Check = Callable[["Mixture", Sequence[Stratum]], Verdict | None]
CHECKS: tuple[Check, ...] = (_parallel, _independent, _rays, _supports)


def _without(data: Mixture, left_out: np.ndarray) -> Mixture:
    return replace(
        data,
        mixing=data.mixing[:, ~left_out],
        codes=data.codes[:, ~left_out],
        groups=None if data.groups is None else data.groups[~left_out],
    )


def _cosines(mixing: np.ndarray) -> np.ndarray:
    A = mixing / np.linalg.norm(mixing, axis=0)
    return A.T @ A


def _maybe_gaussian(T: np.ndarray) -> np.ndarray:
    """Which columns have the skewness and kurtosis of a Gaussian, within their errors."""
    Z = (T - T.mean(axis=0)) / T.std(axis=0)
    skewness, kurtosis = (Z**3).mean(axis=0), (Z**4).mean(axis=0) - 3
    n = len(T)
    return (np.abs(skewness) < _N_ERRORS * np.sqrt(6 / n)) & (
        np.abs(kurtosis) < _N_ERRORS * np.sqrt(24 / n)
    )
