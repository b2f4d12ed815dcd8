"""What every synthetic set is: samples together with the dictionary and codes behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from overica._validation import check_scalar
from overica.datasets.description import Description, describe
from overica.datasets.identifiability import Truth


@dataclass(frozen=True)
class Mixture:
    """Samples ``x = A s + b + e`` together with what made them.

    ``X = codes @ mixing.T + e`` with ``e ~ N(0, noise_variance I)``, and plus `offset` in the few
    sets that have one.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 0.6], [0.0, 0.8]])
    >>> S = np.random.default_rng(0).exponential(size=(100, 2))
    >>> data = Mixture(S @ A.T, A, S, 0.0, True, "two exponential sources")
    >>> [part.n_samples for part in data.split(0.25)]
    [75, 25]
    >>> round(data.describe().max_cosine, 3)
    0.6
    """

    X: np.ndarray
    """(n_samples, n_features) observed samples, not centred."""
    mixing: np.ndarray
    """(n_features, n_components) true mixing matrix A, columns of unit norm."""
    codes: np.ndarray
    """(n_samples, n_components) true sources S, in the units of X."""
    noise_variance: float
    """Variance of the noise per feature, in the squared units of X; 0 without noise."""
    nonnegative: bool
    """Whether the sources are never negative, so that a column's sign is identified."""
    description: str
    """One line for tables and titles."""
    name: str = ""
    """Name in `DATASETS`."""
    held_out: Mixture | None = None
    """Other samples of the same columns for evaluation, possibly of another distribution."""
    features: np.ndarray | None = None
    """(n_samples, n_components) inputs of the toy model whose hidden activations X are."""
    groups: np.ndarray | None = None
    """(n_components,) labels: sources of different groups are independent.  None if nothing is
    known; all different where all sources are."""
    free_magnitudes: bool = False
    """Whether a source's magnitude has a density, and is independent of which sources are
    present and of the magnitudes of all others."""
    offset: np.ndarray | None = None
    """(n_features,) constant b; None is zero."""

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.X)

    @property
    def truth(self) -> Truth:
        """What made the samples, as far as their law goes."""
        return Truth(self.mixing, self.codes, self.nonnegative, self.groups, self.free_magnitudes)

    def describe(self) -> Description:
        """Chance levels, true L0, coherence, and whether the columns can be found at all.

        Returns
        -------
        Description
            Its string is a short table.
        """
        n_held_out = 0 if self.held_out is None else self.held_out.n_samples
        return describe(
            self.X, self.truth, self.noise_variance, name=self.name, n_held_out=n_held_out
        )

    def split(self, share: float = 0.2) -> tuple[Mixture, Mixture]:
        """Samples to learn from and samples to evaluate on.

        Parameters
        ----------
        share : float
            Share of the samples for evaluation, in (0, 1): the last ones, since all sets are
            drawn in no order.  Ignored where there are `held_out` samples.

        Returns
        -------
        (Mixture, Mixture)
            All samples and `held_out` if there is one, otherwise the two parts; neither has a
            `held_out` of its own.

        Raises
        ------
        ValueError
            If `share` is outside (0, 1) or leaves a part empty.
        """
        if self.held_out is not None:
            return replace(self, held_out=None), self.held_out
        share = check_scalar(share, "share", strict=True)
        n_evaluation = round(share * self.n_samples)
        if not 0 < n_evaluation < self.n_samples:
            raise ValueError(
                f"`share` must leave samples in both parts, got {share:g} of {self.n_samples}"
            )
        cut = self.n_samples - n_evaluation
        return self._rows(slice(None, cut)), self._rows(slice(cut, None))

    def _rows(self, rows: slice) -> Mixture:
        features = None if self.features is None else self.features[rows]
        return replace(self, X=self.X[rows], codes=self.codes[rows], features=features)


def assemble(
    rng: np.random.Generator, A: np.ndarray, S: np.ndarray, noise: float, **known: Any
) -> Mixture:
    """Mix, add noise of `noise` times the mixtures' standard deviation, scale X to unit spread.

    Raises
    ------
    ValueError
        If the samples are all equal.
    """
    X = S @ A.T
    noise_std = noise * X.std()
    X += noise_std * rng.standard_normal(X.shape)
    unit = X.std()
    if not unit > 0:
        raise ValueError(
            f"`n_samples`={len(S)} is too few: the drawn samples are all equal "
            f"(each source is non-zero in {(S != 0).mean():.3g} of them)"
        )
    return Mixture(
        X=X / unit,
        mixing=A,
        codes=S / unit,
        noise_variance=float((noise_std / unit) ** 2),
        **known,
    )
