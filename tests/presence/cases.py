"""Small models, and what is true of them by enumeration."""

from itertools import product

import numpy as np

from overica.presence import Forest, PresenceModel


def random_forest(rng, n, edges=0.7):
    """Parents before their children in a random order; strong and weak dependences of both signs."""
    parents = np.full(n, -1)
    order = rng.permutation(n)
    for place, j in enumerate(order[1:], 1):
        if rng.random() < edges:
            parents[j] = order[rng.integers(place)]
    return Forest.conditional(parents, rng.uniform(0.02, 0.98, n), rng.uniform(0.02, 0.4, n))


def random_model(rng, m, n, nonnegative=True, noise_variance=0.1, **options):
    A = rng.standard_normal((m, n))
    A /= np.linalg.norm(A, axis=0)
    mean, variance = rng.uniform(1.0, 4.0, n), rng.uniform(0.1, 0.6, n)
    return PresenceModel(
        A, mean, variance, noise_variance, random_forest(rng, n), nonnegative, **options
    )


def every_support(n):
    return np.array(list(product([0, 1], repeat=n)))


def draw(model, rng, n_samples):
    """Presences by enumeration, codes, samples."""
    B = every_support(model.n_components)
    B = B[rng.choice(len(B), n_samples, p=np.exp(model.forest.log_probability(B)))]
    S = B * rng.normal(model.slab_mean, np.sqrt(model.slab_variance), B.shape)
    if model.nonnegative:
        S = np.maximum(S, 0)
    noise = np.sqrt(model.noise_variance) * rng.standard_normal((n_samples, model.n_features))
    return B, S, S @ model.mixing.T + noise


def given(model, x, support):
    """log p(x, b), posterior mean and covariance by dense linear algebra in feature space."""
    S = np.flatnonzero(support)
    A, mu, T = model.mixing[:, S], model.slab_mean[S], np.diag(model.slab_variance[S])
    C = model.noise_variance * np.eye(len(x)) + A @ T @ A.T
    off = x - A @ mu
    evidence = -0.5 * off @ np.linalg.solve(C, off) - 0.5 * np.linalg.slogdet(2 * np.pi * C)[1]
    gain = T @ A.T @ np.linalg.inv(C)
    mean, covariance = mu + gain @ off, T - gain @ A @ T
    return evidence + model.forest.log_probability([support])[0], mean, covariance


def best_support(model, x):
    """The best of all whose means may stand: log p(x, b) and b."""
    best, which = -np.inf, None
    for support in every_support(model.n_components):
        value, mean, _ = given(model, x, support)
        if value > best and not (model.nonnegative and (mean < 0).any()):
            best, which = value, support
    return best, which
