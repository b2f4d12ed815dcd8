"""ICA with reconstruction cost: more components than dimensions by a penalty in place of orthogonality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from scipy.optimize import minimize

from overica._validation import check_choice, check_scalar
from overica.baselines.linear import LinearFeaturiser
from overica.random_state import generator
from overica.ranges import unit_rows
from overica.rows.rows import some_rows

Contrast = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

_SMOOTH = 1e-2
"""epsilon, in units of a code's variance, which is one."""
_RANK = 1e-10
"""Share of the largest variance below which a principal axis is rounding."""


def smooth_l1(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``sqrt(epsilon + s^2)`` and its slope, epsilon 0.01."""
    root = np.sqrt(_SMOOTH + s**2)
    return root, s / root


def log_cosh(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``log cosh s`` and its slope, without overflow."""
    size = np.abs(s)
    return size + np.log1p(np.exp(-2 * size)) - np.log(2), np.tanh(s)


CONTRASTS: dict[str, Contrast] = {"log_cosh": log_cosh, "smooth_l1": smooth_l1}
"""What sparse codes have little of, with its slope, by name."""


class RICABaseline(LinearFeaturiser):
    """ICA with reconstruction cost (RICA), with the decoder's columns as features.

    ICA with more components than dimensions has no inverse to speak of; here the demand that W be orthogonal is
    replaced by the cost of going there and back. For white samples z, with rows of W of unit length,

        min_W  coefficient * mean |W'W z - z|^2 + sum_j mean g(W_j z).

    Codes are linear, ``s = W z``. As samples are white, the first term is ``|W W'|_F^2 - 2 F + d``: the squared cosines
    of all pairs of rows, the same whatever the samples. It keeps rows from becoming one another, and cannot be zero
    for more rows than dimensions. Rows of free length would not do: where g is homogeneous, d long orthogonal rows and
    zeros elsewhere then cost least. Least is found by L-BFGS from random rows.

    Parameters
    ----------
    n_components : int
        F, any number.
    coefficient : float
        Of the reconstruction cost. From 0.1 on rows do not fall together; much larger ones only slow the search.
    contrast : {"log_cosh", "smooth_l1"}
        g: ``log cosh s``, or ``sqrt(0.01 + s^2)``, which is nearer to ``|s|``.
    nonnegative : bool
        Turn the signs as sources that are never negative have them.
    max_iter : int
        Steps at most.
    max_samples : int
        Samples, drawn at random, that the sparsity is averaged over; whitening uses all.
    random_state : int or None

    Attributes
    ----------
    components_ : array (n_components, n_features)
        The decoder ``W'`` out of white units, as rows of unit length.
    n_iter_, n_evaluations_ : int
        Steps of L-BFGS, and how often it looked at the objective.
    loss_ : float
        The objective at the end.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or X does not vary.

    Notes
    -----
    Reconstructions are ``c W'W z`` with the one factor c that fits best, ``F / |W W'|_F^2``: rows of unit length
    overshoot.

    References
    ----------
    Le, Karpenko, Ngiam and Ng (2011), "ICA with reconstruction cost for efficient overcomplete feature learning".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.metrics import mean_cosine
    >>> data = make_mixture(2000, 3, 3, "laplace", noise=0.001, random_state=0)
    >>> rica = RICABaseline(3, random_state=0).fit(data.X)
    >>> mean_cosine(rica.components_.T, data.mixing) > 0.99
    True
    """

    name: ClassVar[str] = "rica"
    label: ClassVar[str] = "RICA"
    encodes: ClassVar[bool] = False

    def __init__(
        self,
        n_components: int,
        *,
        coefficient: float = 0.3,
        contrast: str = "log_cosh",
        nonnegative: bool = False,
        max_iter: int = 300,
        max_samples: int = 20_000,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.coefficient = coefficient
        self.contrast = contrast
        self.nonnegative = nonnegative
        self.max_iter = max_iter
        self.max_samples = max_samples
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Whiten, and minimise."""
        self.check_parameters()
        X = np.asarray(self._validated(X, reset=True))
        rng = generator(self.random_state)
        whitener, dewhitener = white(X)
        rows = some_rows(len(X), self.max_samples, rng)
        Z = np.asarray(X[rows] - X.mean(axis=0), np.float64) @ whitener.T
        start = rng.standard_normal((self.n_components, len(whitener)))
        found = minimize(
            objective,
            start.ravel(),
            (Z, self.coefficient, CONTRASTS[self.contrast]),
            method="L-BFGS-B",
            jac=True,
            options={"maxiter": self.max_iter, "maxfun": 10 * self.max_iter},
        )
        W, _ = unit_rows(found.x.reshape(start.shape))
        self.n_iter_, self.n_evaluations_ = int(found.nit), int(found.nfev)
        self.loss_ = float(found.fun)
        factor = len(W) / np.square(W @ W.T).sum()
        self._publish(X, W @ whitener, factor * W @ dewhitener.T)
        return self

    def check_parameters(self) -> None:
        """Refuse a parameter that no samples make right."""
        check_scalar(self.coefficient, "coefficient", strict=True)
        check_choice(self.contrast, "contrast", CONTRASTS)
        for name in ("n_components", "max_samples", "max_iter"):
            check_scalar(getattr(self, name), name, minimum=1, integer=True)

    def flops(self, X: np.ndarray) -> float:
        """Per look at the objective ``4 n d F + 4 d^2 F``, n samples; for whitening ``4 N d^2 + 8 d^3`` once."""
        n_samples, d = X.shape
        n, F = min(n_samples, self.max_samples), self.n_components_
        look = 4 * n * d * F + 4 * d**2 * F
        return float(4 * n_samples * d**2 + 8 * d**3 + self.n_evaluations_ * look)


def objective(
    flat: np.ndarray, Z: np.ndarray, coefficient: float, contrast: Contrast
) -> tuple[float, np.ndarray]:
    """What RICA minimises, for rows of any length, of which directions count, and its gradient.

    Parameters
    ----------
    flat : array (n_components * rank,)
        The rows one after the other, none of them zero.
    Z : array (n_samples, rank)
        White samples.
    coefficient : float
    contrast : callable
        Of `CONTRASTS`.

    Returns
    -------
    float, array (n_components * rank,)
    """
    n_samples, rank = Z.shape
    T = flat.reshape(-1, rank)
    lengths = np.linalg.norm(T, axis=1, keepdims=True)
    W = T / lengths
    away = W.T @ W - np.eye(rank)
    costs, slopes = contrast(Z @ W.T)
    value = coefficient * np.square(away).sum() + costs.sum() / n_samples
    slope = 4 * coefficient * W @ away + slopes.T @ Z / n_samples
    # Along a row nothing changes.
    slope = (slope - (slope * W).sum(axis=1, keepdims=True) * W) / lengths
    return float(value), slope.ravel()


def white(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps to samples of unit covariance, (rank, n_features), and back, (n_features, rank)."""
    centred = np.asarray(X - X.mean(axis=0), np.float64)
    values, axes = np.linalg.eigh(centred.T @ centred / len(X))
    kept = values > max(_RANK * values[-1], 0.0)
    if not kept.any():
        raise ValueError("`X` must vary: all samples are the same")
    scales, axes = np.sqrt(values[kept]), axes[:, kept]
    return (axes / scales).T, axes * scales
