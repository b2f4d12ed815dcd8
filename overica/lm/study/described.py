"""Codes of the described tokens, and how the sizes of each feature's codes are spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from overica.coding import Dictionary, Featuriser
from overica.lm.features.densities import fit_densities
from overica.lm.study.data import StudyData

_CHUNK = 4096
_FEWEST = 50
"""Firings that a feature needs for its density to be judged."""


def described_codes(
    featuriser: Featuriser, dictionary: Dictionary, data: StudyData
) -> sparse.csc_matrix:
    """Codes of the described rows, (n_described, n_components), in units of X."""
    rows = data.described
    parts = (data.store.read(rows[i : i + _CHUNK]) for i in range(0, len(rows), _CHUNK))
    return dictionary.encode_parts(featuriser, parts).tocsc()


def kept_codes(codes: sparse.csc_matrix, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Codes and the rows of the store that they are of, as arrays to keep."""
    return {
        "data": codes.data,
        "indices": codes.indices,
        "indptr": codes.indptr,
        "shape": np.asarray(codes.shape),
        "rows": rows,
    }


def codes_of(kept: Mapping[str, np.ndarray]) -> sparse.csc_matrix:
    """What `kept_codes` has made arrays of."""
    parts = (kept["data"], kept["indices"], kept["indptr"])
    return sparse.csc_matrix(parts, shape=tuple(kept["shape"]))


def density_figures(codes: sparse.csc_matrix) -> dict[str, Any]:
    """How often each density is the best for a feature's sizes, and how far off each is, over all features.

    Returns
    -------
    dict
        `features`, the number with at least 50 firings; `best`, by density the share of features for which its
        likelihood is the highest; `distance`, its median Kolmogorov-Smirnov distance; `gain`, nats per firing above
        the exponential, the median over the features.
    """
    fits = []
    for j in range(codes.shape[1]):
        values = codes.data[codes.indptr[j] : codes.indptr[j + 1]]
        found = fit_densities(np.abs(values)) if len(values) >= _FEWEST else {}
        if found:
            fits.append(found)
    names = list(fits[0]) if fits else []
    winners = [max(fit, key=lambda name: fit[name].log_likelihood) for fit in fits]
    return {
        "features": len(fits),
        "best": {name: winners.count(name) / len(fits) for name in names},
        "distance": {name: float(np.median([f[name].distance for f in fits])) for name in names},
        "gain": {
            name: float(
                np.median([f[name].log_likelihood - f["exponential"].log_likelihood for f in fits])
            )
            for name in names
        },
    }
