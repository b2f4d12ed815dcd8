"""Sums over samples that are added up part by part, scaled by powers of two so that no square is out of range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np


class Sums:
    """Of z: how many, their sum, and that of their squares; with `products` also of ``z z'`` over some of them.

    Parameters
    ----------
    n_features : int
    products : bool

    Attributes
    ----------
    count : int
    first : array (n_features,)
    square : float
    weight, some_first, second : float, array (n_features,), array (n_features, n_features)
        Of the products: sums of weights, weighted samples and weighted products.
    """

    def __init__(self, n_features: int, *, products: bool = False) -> None:
        self.count, self.square, self.weight = 0, 0.0, 0.0
        self.first, self.some_first = np.zeros(n_features), np.zeros(n_features)
        self.second = np.zeros((n_features, n_features)) if products else None

    def add(self, Z: np.ndarray, lengths: np.ndarray) -> None:
        """Rows of these lengths."""
        self.count += len(Z)
        self.first += Z.sum(axis=0)
        self.square += float((lengths**2).sum())

    def add_products(self, Z: np.ndarray, weight: float) -> None:
        """Rows that stand for so many each."""
        assert self.second is not None
        self.weight += weight * len(Z)
        self.some_first += weight * Z.sum(axis=0)
        self.second += weight * (Z.T @ Z)

    @classmethod
    def together(cls, parts: Mapping[int, Self]) -> tuple[Self, int]:
        """One out of sums of ``z / 2^k``, by k: those of ``z / 2^n``, and n, the largest k."""
        top = max(k for k, part in parts.items() if part.count)
        n_features = len(parts[top].first)
        whole = cls(n_features, products=parts[top].second is not None)
        for k, part in parts.items():
            scale = 2.0 ** max(k - top, -1022)
            whole.count += part.count
            whole.first += scale * part.first
            whole.square += scale * (scale * part.square)
            whole.weight += part.weight
            whole.some_first += scale * part.some_first
            if whole.second is not None and part.second is not None:
                whole.second += scale * (scale * part.second)
        return whole, top
