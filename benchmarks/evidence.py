"""Error of the approximate log evidence against exact quadrature, in nats per sample.

    python benchmarks/evidence.py [--samples N]

Samples are drawn from the model itself: sources of scale one, each present with probability rho, mixed by
unit columns, with noise of standard deviation sigma. The exact density is the inverse Fourier integral of

    E exp(i w'x) = exp(-sigma^2 |w|^2 / 2) prod_j (1 - rho + rho phi(A_j'w)),

by the trapezoidal rule, which converges faster than any power of the step here. Errors are approximate minus
exact. Supports are found at the penalty sigma^2 of the model, and at the penalty of highest evidence.
"""

import argparse
from dataclasses import replace

import numpy as np

from overica.learning import Model, log_evidence
from overica.priors import get_prior

ONE_BY_TWO = np.array([[1.0, 0.6]])
TWO_BY_THREE = np.array([[1.0, -0.5, 0.3], [0.0, 0.8660254037844386, -0.9539392014169456]])
MIXINGS = {"1x2": ONE_BY_TWO, "2x3": TWO_BY_THREE}
PRIORS = ("laplace", "exponential")
NOISES = (0.05, 0.2, 0.5)
PRESENCES = (1.0, 0.3)
_PERIOD = 80.0
"""Longer than samples and their mirror images reach, in units of a source's scale."""
_WIDTHS = 6.5
"""Frequencies go up to this over sigma, where the Gaussian factor is 1e-9."""


def characteristic_function(prior, t):
    """E exp(i t s) of a source of scale one."""
    return 1 / (1 + t**2) if prior == "laplace" else 1 / (1 - 1j * t)


def exact_log_evidence(A, X, prior, sigma, presence):
    """Log density of samples with one or two features, nats, (n_samples,)."""
    step = 2 * np.pi / _PERIOD
    half = np.arange(0, _WIDTHS / sigma, step)
    full = np.concatenate([-half[:0:-1], half])
    # The density is real: half the frequencies of the first axis, counted twice, are enough.
    weight = np.where(half > 0, 2.0, 1.0)
    if len(A) == 1:
        frequencies = half[None, :]
    else:
        frequencies = np.stack(np.meshgrid(half, full, indexing="ij"))
        weight = weight[:, None]
    spectrum = np.exp(-0.5 * sigma**2 * (frequencies**2).sum(axis=0)) * weight
    for column in A.T:
        t = np.tensordot(column, frequencies, 1)
        spectrum = spectrum * (1 - presence + presence * characteristic_function(prior, t))
    total = np.exp(-1j * X[:, :1] * half) @ spectrum.astype(complex)
    if len(A) == 2:
        total = (total * np.exp(-1j * X[:, 1:] * full)).sum(axis=1)
    return np.log(total.real / _PERIOD ** len(A))


def draw(A, prior, sigma, presence, n_samples, seed=0):
    """Samples from the model."""
    rng = np.random.default_rng(seed)
    S = get_prior(prior).sample((n_samples, A.shape[1]), rng)
    S = S * (rng.random(S.shape) < presence)
    return S @ A.T + sigma * rng.standard_normal((n_samples, len(A)))


def errors(A, prior, sigma, presence, n_samples, seed=0):
    """Approximate minus exact, at the model's penalty and at the best, and that penalty over sigma^2."""
    X = draw(A, prior, sigma, presence, n_samples, seed)
    exact = exact_log_evidence(A, X, prior, sigma, presence)
    model = Model(A, get_prior(prior), sigma**2, sigma**2, np.full(A.shape[1], presence))
    levels = {
        factor: log_evidence(replace(model, penalty=factor * sigma**2), X)
        for factor in 2.0 ** np.arange(7)
    }
    best = max(levels, key=lambda factor: levels[factor].mean())
    return levels[1.0] - exact, levels[best] - exact, best


def figures(error):
    """Mean, mean absolute and largest absolute error."""
    return error.mean(), np.abs(error).mean(), np.abs(error).max()


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples")
    options = parser.parse_args()
    n_samples = options.samples // 10 if options.quick else options.samples
    print(f"{'':28s}{'penalty sigma^2':>24s}{'best penalty':>24s}")
    names = "".join(f"{name:>8s}" for name in ("bias", "mean", "max"))
    print(f"size prior        sigma  rho{names}{names}   over sigma^2")
    for size, A in MIXINGS.items():
        for prior in PRIORS:
            for presence in PRESENCES:
                for sigma in NOISES:
                    plain, best, factor = errors(A, prior, sigma, presence, n_samples)
                    cells = "".join(f"{value:8.3f}" for value in (*figures(plain), *figures(best)))
                    print(
                        f"{size} {prior:12s}{sigma:6.2f}{presence:5.1f}{cells}{factor:8.0f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
