"""Independent sources that are not Gaussian: the theorem of overcomplete ICA.

References
----------
Comon (1994), "Independent component analysis, a new concept?", Signal Processing 36; Eriksson and Koivunen (2004),
"Identifiability, separability, and uniqueness of linear ICA models", IEEE Signal Processing Letters 11: independent
non-Gaussian sources and no two collinear columns suffice, however many there are.
"""

from collections.abc import Sequence

import numpy as np

from overica.datasets.identifiability.strata import Stratum
from overica.datasets.identifiability.truth import Truth, Verdict

_OPPOSITE = 0.999
"""``|cos|`` above which two columns lie on one line, for storage in opposite pairs."""
_N_ERRORS = 6.0
"""Standard errors of skewness and kurtosis within which a source may be Gaussian."""


def independent_sources(truth: Truth, strata: Sequence[Stratum]) -> Verdict | None:
    """Independent sources: decided by Gaussianity alone, once opposite columns are merged."""
    if truth.groups is None:
        return None
    cosines = truth.cosines
    # Each column's line, named by the first column on it.
    line = (np.abs(cosines) > _OPPOSITE).argmax(axis=1)
    if any(len(set(line[truth.groups == group])) > 1 for group in truth.groups):
        return None
    # Non-negative sources on opposite columns are one signed source on one line.
    lines = np.unique(line)
    signs = np.sign(cosines[np.arange(len(line)), line])
    T = (truth.codes * signs) @ (line[:, None] == lines[None, :])
    n_gaussian = int(_maybe_gaussian(T).sum())
    n_features, n_lines = truth.mixing.shape[0], len(lines)
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


def _maybe_gaussian(T: np.ndarray) -> np.ndarray:
    """Which columns have the skewness and kurtosis of a Gaussian, within their errors."""
    Z = (T - T.mean(axis=0)) / T.std(axis=0)
    skewness, kurtosis = (Z**3).mean(axis=0), (Z**4).mean(axis=0) - 3
    n = len(T)
    return (np.abs(skewness) < _N_ERRORS * np.sqrt(6 / n)) & (
        np.abs(kurtosis) < _N_ERRORS * np.sqrt(24 / n)
    )
