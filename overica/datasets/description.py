"""What is true of a data set: sizes, sparsity, chance levels, and whether it can be solved."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from overica.datasets.identifiability import Truth, compare_l1, judge
from overica.metrics import METRICS, chance_level

# Entries of the two matrices of a draw, above which fewer draws are exact enough.
_LARGE = 20_000
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Description:
    """What a method that learns from a set of samples is up against.

    Examples
    --------
    >>> from overica.datasets import make_three_features
    >>> told = make_three_features(500, random_state=0).describe()
    >>> told.n_components, told.identifiable
    (3, True)
    """

    name: str
    """Name in `DATASETS`."""
    n_samples: int
    n_features: int
    n_components: int
    """Number of true columns."""
    n_held_out: int
    """Samples of `Mixture.held_out`, 0 if there are none."""
    noise_share: float
    """Standard deviation of the noise over that of all entries of X."""
    true_l0: float
    """Mean number of non-zero true codes in a sample."""
    rarest: float
    """Smallest share of the samples in which a source is active."""
    max_cosine: float
    """Coherence: largest ``|cos|`` between two true columns; 1 for opposite ones."""
    mean_nearest_cosine: float
    """Mean over the columns of the largest ``|cos|`` with another column."""
    chance: dict[str, float]
    """What each metric of `overica.metrics.METRICS` gives random columns, as many as true ones."""
    identifiable: bool | None
    """Whether the law of the data determines the columns; None where nothing known decides."""
    reason: str
    """Why."""
    true_l1: float
    """Mean L1 norm of exact codes under the true columns, in the units of X."""
    best_l1: float
    """Least mean L1 norm found for other columns that explain the data as exactly; below
    `true_l1`, a sparse penalty favours those.  Infinite where no candidate was known."""
    witness: np.ndarray | None = None
    """(n_features, n) columns that need fewer active codes, where that refutes identifiability."""

    @property
    def sparsity_favours_others(self) -> bool:
        """Whether known other columns explain the data exactly at a clearly smaller L1 norm."""
        return self.best_l1 < 0.99 * self.true_l1

    def to_dict(self) -> dict[str, Any]:
        """Everything but the witness, as values that JSON can hold.

        Examples
        --------
        >>> from overica.datasets import make_mixture
        >>> make_mixture(500, 2, 3, random_state=0).describe().to_dict()["identifiable"]
        True
        """
        finite = {"best_l1": self.best_l1 if np.isfinite(self.best_l1) else None}
        chance = {m: v if np.isfinite(v) else None for m, v in self.chance.items()}
        fields = {k: v for k, v in vars(self).items() if k != "witness"}
        return (
            fields
            | finite
            | {
                "chance": chance,
                "sparsity_favours_others": self.sparsity_favours_others,
            }
        )

    def __str__(self) -> str:
        verdict = {True: "yes", False: "no", None: "not known"}[self.identifiable]
        favours = ""
        if self.sparsity_favours_others:
            favours = (
                f"; yet a sparse penalty favours other columns (mean L1 {self.best_l1:.3g} "
                f"against {self.true_l1:.3g})"
            )
        held_out = f", {self.n_held_out} held out" if self.n_held_out else ""
        chance = ", ".join(f"{metric} {value:.2f}" for metric, value in self.chance.items())
        rows = {
            "samples": f"{self.n_samples}{held_out}",
            "size": f"{self.n_components} columns in {self.n_features} dimensions",
            "noise": f"{self.noise_share:.3g} of the samples' spread",
            "true L0": f"{self.true_l0:.3g} (the rarest source is active in {self.rarest:.2g})",
            "coherence": f"max {self.max_cosine:.2f}, mean nearest {self.mean_nearest_cosine:.2f}",
            "chance": chance,
            "identifiable": f"{verdict}: {self.reason}{favours}",
        }
        width = max(map(len, rows))
        lines = [f"{key:<{width}}  {value}" for key, value in rows.items()]
        return "\n".join([self.name, *lines] if self.name else lines)


def describe(
    X: np.ndarray, truth: Truth, noise_variance: float, *, name: str = "", n_held_out: int = 0
) -> Description:
    """Describe samples whose truth is known; see `Mixture.describe`.

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> print(make_mixture(2000, 2, 3, "laplace", random_state=0).describe())
    mixture
    samples       2000
    size          3 columns in 2 dimensions
    noise         0.01 of the samples' spread
    true L0       3 (the rarest source is active in 1)
    coherence     ...
    chance        mean_cosine 0.82, ...
    identifiable  yes: the 3 sources are independent and not Gaussian, ...
    """
    n_samples, n_features = X.shape
    n = truth.mixing.shape[1]
    active = truth.codes != 0
    cosines = np.abs(truth.mixing.T @ truth.mixing)
    np.fill_diagonal(cosines, 0.0)
    nearest = cosines.max(axis=1)
    n_draws = 100 if n_features * n * n < _LARGE else 20
    chance = {
        metric: chance_level(
            metric, n_features, n, n, nonnegative=truth.nonnegative, n_draws=n_draws, random_state=0
        ).mean
        for metric in METRICS
    }
    verdict = judge(truth)
    true_l1, best_l1 = compare_l1(truth)
    return Description(
        name=name,
        n_samples=n_samples,
        n_features=n_features,
        n_components=n,
        n_held_out=n_held_out,
        noise_share=float(np.sqrt(noise_variance) / max(X.std(), _TINY)),
        true_l0=float(active.sum(axis=1).mean()),
        rarest=float(active.mean(axis=0).min()),
        max_cosine=float(nearest.max()),
        mean_nearest_cosine=float(nearest.mean()),
        chance=chance,
        identifiable=verdict.identifiable,
        reason=verdict.reason,
        true_l1=true_l1,
        best_l1=best_l1,
        witness=verdict.witness,
    )
