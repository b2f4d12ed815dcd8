"""A public self-check of priors: does a class keep the laws that inference relies on?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from overica._validation import Array, check_scalar
from overica.priors.base import Prior

_REACH = 30.0
"""The grid reaches this many scales to both sides."""

_SCALES = np.array([0.5, 3.0])


def check_prior(prior: Prior, *, random_state: int = 0) -> None:
    """Test a prior against its laws, numerically and all over its support.

    Derivatives are compared with finite differences; the prox and the conjugate with the best
    point of one global grid of 30 scales to both sides, which knows nothing of the answer; the
    normaliser with quadrature; the sampler with the distribution function; the cvxpy expression
    with the cost; torch with NumPy; and other scales with the scale family's law.

    Parameters
    ----------
    prior : Prior
    random_state : int
        Seed of the draws that the sampler is judged by.

    Raises
    ------
    AssertionError
        With every finding, one a line.
    ValueError
        If `prior` is not an instance of `Prior`.

    Examples
    --------
    >>> from overica.priors import Laplace, check_prior
    >>> check_prior(Laplace(0.5))
    >>> class Twice(Laplace):
    ...     def score(self, S):
    ...         return 2 * super().score(S)
    >>> check_prior(Twice())
    Traceback (most recent call last):
    ...
    AssertionError: Twice(scale=1.0) breaks 2 laws:
    score: 2 at s = -30 where the cost's finite differences give 1 to 1
    conjugate: slope_bounds (-1, 1) leave out slopes of the cost
    """
    if not isinstance(prior, Prior):
        raise ValueError(f"`prior` must be an instance of Prior, got {prior!r}")
    check_scalar(random_state, "random_state", integer=True)
    unit = prior.with_scale(1.0)
    findings = []
    for name, law in _LAWS.items():
        try:
            with np.errstate(all="ignore"):
                findings += [f"{name}: {finding}" for finding in law(unit, random_state)]
        except Exception as error:  # a law that cannot be evaluated is broken, whatever stopped it
            findings.append(f"{name}: raised {type(error).__name__}: {error}")
    if findings:
        count = f"{len(findings)} law{'s' if len(findings) > 1 else ''}"
        raise AssertionError(f"{prior!r} breaks {count}:\n" + "\n".join(findings))


def _grid(prior: Prior, size: int = 60_001) -> np.ndarray:
    """Points all over the support, even ones and ones dense around the mode, not the mode."""
    mode = float(prior.mode())
    even = np.linspace(mode - _REACH, mode + _REACH, size)
    dense = np.geomspace(1e-6, _REACH, size // 10)
    S = np.union1d(even + _REACH / size * 0.37, np.concatenate([mode + dense, mode - dense]))
    return S[S > 0] if prior.nonnegative else S


def _cost(prior: Prior, seed: int) -> Iterator[str]:
    S, mode = _grid(prior), np.full(1, float(prior.mode()))
    cost = prior.cost(S)
    if not abs(prior.cost(mode)[0]) < 1e-12:
        yield f"{prior.cost(mode)[0]:.3g} at the mode {mode[0]:g}, not 0"
    if not np.all(cost > -1e-12):
        yield f"{np.min(cost):.3g} at s = {S[np.argmin(cost)]:.6g}, below 0"
    slopes = np.diff(cost) / np.diff(S)
    noise = 1e-13 * (np.abs(cost[1:]) + np.abs(cost[:-1]) + 1) / np.diff(S)
    bend = np.diff(slopes) + noise[1:] + noise[:-1]
    if not np.all(bend >= 0):
        yield f"not convex at s = {S[1:-1][np.argmin(bend)]:.6g}"
    if prior.nonnegative and not np.all(prior.cost(np.array([-1e-3, -1.0])) == np.inf):
        yield "finite for s < 0, outside the support"


def _score(prior: Prior, seed: int) -> Iterator[str]:
    S = _grid(prior, 3001)
    width = 1e-4 * np.minimum(1.0, np.abs(S - float(prior.mode())) / 2)
    # By convexity the derivative lies between the two one-sided differences.
    left = (prior.cost(S) - prior.cost(S - width)) / width
    right = (prior.cost(S + width) - prior.cost(S)) / width
    slope = -prior.score(S)
    slack = 1e-12 * (prior.cost(S) + 1) / width + 1e-9
    wrong = ~((slope >= left - slack) & (slope <= right + slack))
    if np.any(wrong):
        at = np.argmax(wrong)
        yield (
            f"{-slope[at]:.6g} at s = {S[at]:.6g} where the cost's finite differences give "
            f"{-right[at]:.6g} to {-left[at]:.6g}"
        )


def _curvature(prior: Prior, seed: int) -> Iterator[str]:
    S = _grid(prior, 301)
    width = 1e-4 * np.minimum(1.0, np.abs(S - float(prior.mode())) / 2)
    below, above = -prior.score(S - width), -prior.score(S + width)
    # Where the slope jumps there is no curvature to compare.
    here = prior.curvature(S)
    error = np.abs(here - (above - below) / (2 * width))
    wrong = ~(error <= 1e-3 * np.abs(here) + 1e-5 + 1e-10 / width)
    if np.mean(wrong) > 0.02:
        at = np.argmax(wrong)
        yield f"{here[at]:.6g} at s = {S[at]:.6g}, off by {error[at]:.3g} from differences"


def _density(prior: Prior, seed: int) -> Iterator[str]:
    from scipy import integrate

    def density(s: float) -> float:
        return float(np.exp(prior.log_density(np.array([s]))[0]))

    mode = float(prior.mode())
    ends = (0.0 if prior.nonnegative else -np.inf, mode, mode + 1, np.inf)
    mass = sum(
        integrate.quad(density, low, high, limit=500)[0]
        for low, high in pairwise(ends)
        if low < high
    )
    if not abs(mass - 1) < 1e-6:
        yield f"integrates to {mass:.8g}, not 1"


def _scale_family(prior: Prior, seed: int) -> Iterator[str]:
    both = prior.with_scale(_SCALES)
    S = np.random.default_rng(seed).exponential(2.0, (50, 2))
    S = S if prior.nonnegative else S * np.array([1, -1])
    pairs = {
        "cost": (both.cost(S), prior.cost(S / _SCALES)),
        "score": (both.score(S), prior.score(S / _SCALES) / _SCALES),
        "log_density": (both.log_density(S), prior.log_density(S / _SCALES) - np.log(_SCALES)),
        "prox": (both.prox(S, 0.3), prior.prox(S / _SCALES, 0.3 / _SCALES**2) * _SCALES),
    }
    for method, (got, wanted) in pairs.items():
        if not (
            np.shape(got) == np.shape(wanted) and np.allclose(got, wanted, rtol=1e-6, atol=1e-9)
        ):
            yield f"{method} with scales {_SCALES} is not that of s / scale"


def _prox(prior: Prior, seed: int) -> Iterator[str]:
    S = _grid(prior, 20_001)
    S = np.union1d(S, [float(prior.mode())])
    cost = prior.cost(S)
    V = np.array([-20.0, -3.1, -1.0, -0.3, -1e-3, 0.0, 1e-3, 0.3, 1.0, 3.1, 20.0])
    for step in (0.01, 0.7, 5.0):
        got = prior.prox(V, step)
        value = (got - V) ** 2 / (2 * step) + prior.cost(got)
        for v, s, f in zip(V, got, value, strict=True):
            best = np.min((S - v) ** 2 / (2 * step) + cost)
            if not f <= best + 1e-9 * (1 + abs(best)):
                yield f"prox({v:g}, {step:g}) = {s:.6g} has value {f:.9g}, a grid finds {best:.9g}"
                return


def _conjugate(prior: Prior, seed: int) -> Iterator[str]:
    S = np.union1d(_grid(prior), [float(prior.mode())])
    low, high = (float(bound) for bound in prior.slope_bounds())
    slopes = -prior.score(S[(S - float(prior.mode()) != 0)])
    if not (low <= np.min(slopes) + 1e-9 and np.max(slopes) <= high + 1e-9):
        yield f"slope_bounds ({low:g}, {high:g}) leave out slopes of the cost"
    cost = prior.cost(S)
    # A grid reaches the supremum only at slopes that the cost attains well inside it.
    inner = np.quantile(slopes, [0.2, 0.8])
    V = np.unique(np.clip([-0.9, -0.5, -0.1, 0.0, 0.1, 0.5, 0.9], *inner))
    got = prior.conjugate(V)
    wanted = np.max(V[:, None] * S - cost, axis=1)
    if not np.allclose(got, wanted, rtol=1e-4, atol=1e-5):
        at = np.argmax(~np.isclose(got, wanted, rtol=1e-4, atol=1e-5))
        yield f"conjugate({V[at]:.6g}) = {got[at]:.6g}, a grid finds {wanted[at]:.6g}"
    points = np.random.default_rng(seed).choice(S, V.shape)
    loss = prior.fenchel_young(points, V)
    direct = prior.cost(points) + got - points * V
    if not np.allclose(loss, direct, rtol=1e-9, atol=1e-9 * _REACH):
        yield "fenchel_young is not cost + conjugate - s v"


def _sampler(prior: Prior, seed: int) -> Iterator[str]:
    from scipy import integrate, stats

    draws = prior.with_scale(_SCALES).sample((40_000, 2), np.random.default_rng(seed))
    again = prior.with_scale(_SCALES).sample((40_000, 2), np.random.default_rng(seed))
    if np.shape(draws) != (40_000, 2):
        yield f"a sample of size (40000, 2) has shape {np.shape(draws)}"
        return
    if not np.array_equal(draws, again):
        yield "the same generator state gives another sample"
    S = np.union1d(_grid(prior), [float(prior.mode()), *([0.0] if prior.nonnegative else [])])
    cdf = integrate.cumulative_trapezoid(np.exp(prior.log_density(S)), S, initial=0.0)
    for column, scale in zip(draws.T, _SCALES, strict=True):
        p = stats.kstest(column / scale, lambda s: np.interp(s, S, cdf)).pvalue
        if not p > 1e-5:
            yield f"draws with scale {scale:g} do not follow the density (p = {p:.1g})"


def _expression(prior: Prior, seed: int) -> Iterator[str]:
    import cvxpy

    scaled = prior.with_scale(_SCALES)
    S = np.random.default_rng(seed).exponential(2.0, (5, 2))
    S = S if prior.nonnegative else S * np.array([1, -1])
    for value, codes in ((S[0], S[0]), (S.T, S)):
        variable = cvxpy.Variable(value.shape, nonneg=prior.nonnegative)
        expression = scaled.cvxpy_cost(variable)
        if not (expression.is_convex() and expression.is_scalar()):
            yield f"of a variable of shape {value.shape} is not a convex scalar by cvxpy's rules"
            continue
        variable.value = value
        wanted = np.sum(scaled.cost(codes))
        if not np.isclose(float(expression.value), wanted, rtol=1e-8, atol=1e-9):
            yield f"{float(expression.value):.9g} where the summed cost is {wanted:.9g}"


def _libraries(prior: Prior, seed: int) -> Iterator[str]:
    import torch

    S = np.linspace(0.1, 3.0, 6).reshape(3, 2)
    scaled = prior.with_scale(_SCALES)
    methods: dict[str, Callable[[Array], Array]] = {
        "cost": scaled.cost,
        "score": scaled.score,
        "curvature": scaled.curvature,
        "prox": lambda values: scaled.prox(values, 0.5),
        "log_density": scaled.log_density,
    }
    for method, function in methods.items():
        wanted = function(S)
        for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-3)):
            got = function(torch.tensor(S, dtype=dtype))
            if not (isinstance(got, torch.Tensor) and got.dtype == dtype):
                yield f"{method} of a {dtype} tensor is not one"
            elif not np.allclose(got.double().numpy(), wanted, rtol=tolerance, atol=tolerance):
                yield f"{method} differs between NumPy and torch ({dtype})"


_LAWS: dict[str, Callable[[Prior, int], Iterator[str]]] = {
    "cost": _cost,
    "score": _score,
    "curvature": _curvature,
    "log_normaliser": _density,
    "scale family": _scale_family,
    "prox": _prox,
    "conjugate": _conjugate,
    "sample": _sampler,
    "cvxpy_cost": _expression,
    "torch": _libraries,
}
