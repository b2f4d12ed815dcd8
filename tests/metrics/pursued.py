"""Codes of a few columns per sample, for tests that need some."""

from overica.coding import SparseCoder


def pursued(X, mixing, n_active, nonnegative=False):
    """By orthogonal matching pursuit."""
    coder = SparseCoder(mixing.T, n_active=n_active, method="omp", nonnegative=nonnegative)
    return coder.transform(X)
