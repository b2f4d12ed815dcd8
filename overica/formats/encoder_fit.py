"""Fitting an encoder to given codes: ridge regression, thresholds, and a short fine-tuning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor
from torch.nn import functional

from overica.sae.jumprelu import Jump
from overica.sae.settings import RELATIVE_RATE

_RIDGE = 1e-3
_LOOKED_AT = 8192
"""Samples by which thresholds are chosen."""
_BLOCK = 1024
"""Features whose thresholds are chosen at a time."""
_BATCH = 1024
_ROOM = 2**23
"""Codes in a batch at most, which is smaller for wide dictionaries."""
_COOL_DOWN = 0.5
_LOOKS, _PATIENCE = 20, 4
"""How often samples that are not learned from are looked at, and how often in a row they may do worse than at best."""
_MOST_WATCHED = 1000
_STEEPNESS = 4.0
"""Of the logistic loss of the thresholds, in their windows."""


class EncoderFit:
    """Encoder ``codes = z 1[z > threshold]``, ``z = x W_enc + b_enc``, that comes close to given codes.

    Parameters
    ----------
    X : array (n_samples, n_features), float32
        Samples without the offset.
    S : sparse matrix (n_samples, n_components), float32
        Codes, none of them negative.
    """

    def __init__(self, X: np.ndarray, S: scipy.sparse.csr_matrix) -> None:
        # As in the training of autoencoders: samples of mean length sqrt(n_features).
        length = float(np.linalg.norm(X, axis=1).mean()) / math.sqrt(X.shape[1])
        self.unit = length if length > 0 else 1.0
        self.X, self.S = X / np.float32(self.unit), S / np.float32(self.unit)
        watched = min(max(1, len(X) // 10), _MOST_WATCHED)
        self.n_learned = len(X) - watched
        self.size = max(1, min(self.n_learned, _BATCH, _ROOM // S.shape[1]))

    def run(self, n_steps: int, rng: np.random.Generator) -> tuple[dict[str, Tensor], list[float]]:
        """The encoder's tensors, by the names of `JumpReLUAutoencoder`, in units of X; and the losses of the steps."""
        W, b = self._ridge()
        W, b, threshold = self._calibrate(W, b)
        tensors = {"W_enc": W, "b_enc": b, "threshold": threshold}
        encoder = {
            name: torch.from_numpy(value).requires_grad_() for name, value in tensors.items()
        }
        losses = self._tune(encoder, n_steps, rng)
        found = {name: value.detach() for name, value in encoder.items()}
        return found | {name: found[name] * self.unit for name in ("b_enc", "threshold")}, losses

    def _ridge(self) -> tuple[np.ndarray, np.ndarray]:
        """``argmin |S - X W - b|^2 + ridge |W|^2``, the ridge being relative to the mean variance."""
        X, S = self.X[: self.n_learned], self.S[: self.n_learned]
        n, d = X.shape
        mean, mean_codes = X.mean(axis=0), np.asarray(S.mean(axis=0)).ravel()
        gram = (X.T @ X) / n - np.outer(mean, mean)
        gram[np.diag_indices(d)] += _RIDGE * max(float(np.trace(gram)) / d, 1e-12)
        products = np.asarray((S.T @ X).T) / n - np.outer(mean, mean_codes)
        W = np.linalg.solve(gram.astype(np.float64), products).astype(np.float32)
        return W, (mean_codes - mean @ W).astype(np.float32)

    def _calibrate(self, W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Thresholds where firings agree best, and slope and bias that fit the codes above them."""
        n = min(self.n_learned, _LOOKED_AT)
        X, S = self.X[:n], self.S[:n].tocsc()
        W, b, threshold = W.copy(), b.copy(), np.empty_like(b)
        for start in range(0, len(b), _BLOCK):
            part = slice(start, start + _BLOCK)
            z = X @ W[:, part] + b[part]
            codes = S[:, part].toarray()
            cut = best_cut(z, codes > 0)
            slope, shift = _line(z, codes, z > cut)
            W[:, part] *= slope
            b[part] = slope * b[part] + shift
            threshold[part] = np.maximum(slope * cut + shift, 0)
        return W, b, threshold

    def _tune(
        self, encoder: dict[str, Tensor], n_steps: int, rng: np.random.Generator
    ) -> list[float]:
        """Adam on the loss of `overica.formats.as_jumprelu`, in place; kept is what was best on other samples.

        There may be more weights than samples can tell: it ends once the codes of the others only get worse.
        """
        d = self.X.shape[1]
        positive = self.S.data[self.S.data > 0]
        bandwidth = float(positive.mean()) / 2 if len(positive) else 1.0
        optimiser = torch.optim.Adam(list(encoder.values()), lr=RELATIVE_RATE / math.sqrt(d) / 3)
        peak = optimiser.param_groups[0]["lr"]
        losses: list[float] = []
        best = {name: value.detach().clone() for name, value in encoder.items()}
        least, worse = self._missed(encoder), 0
        every = max(1, n_steps // _LOOKS)
        for step in range(n_steps):
            rising, falling = (step + 1) / every, (n_steps - step) / (_COOL_DOWN * n_steps)
            optimiser.param_groups[0]["lr"] = peak * min(1.0, rising, falling)
            rows = rng.integers(0, self.n_learned, self.size)
            z, exact = self._read(encoder, rows)
            codes, _ = Jump.apply(z, encoder["threshold"], bandwidth)
            margin = (z - encoder["threshold"]) * (_STEEPNESS / bandwidth)
            wrong = functional.binary_cross_entropy_with_logits(
                margin, (exact > 0).to(z.dtype), reduction="sum"
            )
            loss = ((codes - exact).square().sum() + bandwidth**2 * wrong) / len(rows)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                encoder["threshold"].clamp_(min=0)
            losses.append(float(loss.detach()))
            if (step + 1) % every == 0:
                missed = self._missed(encoder)
                worse = 0 if missed < least else worse + 1
                if missed < least:
                    least = missed
                    best = {name: value.detach().clone() for name, value in encoder.items()}
                if worse == _PATIENCE:
                    break
        with torch.no_grad():
            for name, value in best.items():
                encoder[name].copy_(value)
        return losses

    def _read(self, encoder: dict[str, Tensor], rows: Any) -> tuple[Tensor, Tensor]:
        """``x W_enc + b_enc`` and exact codes of samples."""
        x = torch.from_numpy(self.X[rows])
        exact = torch.from_numpy(self.S[rows].toarray())
        return torch.addmm(encoder["b_enc"], x, encoder["W_enc"]), exact

    @torch.no_grad()
    def _missed(self, encoder: dict[str, Tensor]) -> float:
        """Squared distance from exact codes, summed over the samples that are not learned from."""
        total = 0.0
        for start in range(self.n_learned, len(self.X), self.size):
            z, exact = self._read(encoder, slice(start, start + self.size))
            total += float((z * (z > encoder["threshold"]) - exact).square().sum())
        return total


def best_cut(z: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Per column, the value above which z agrees best, by F1, with what is active; the largest z where nothing is.

    Parameters
    ----------
    z : array (n_samples, n_features)
    active : array (n_samples, n_features) of bool

    Returns
    -------
    array (n_features,)

    Examples
    --------
    >>> z = np.array([[0.1, 1.0], [0.9, 2.0], [0.8, 3.0], [0.3, 4.0]])
    >>> active = np.array([[False, False], [True, False], [True, False], [False, False]])
    >>> best_cut(z, active)
    array([0.55, 4.  ])
    """
    order = np.argsort(-z, axis=0)
    ranked = np.take_along_axis(z, order, axis=0)
    hits = np.cumsum(np.take_along_axis(active, order, axis=0), axis=0)
    n_taken = np.arange(1, len(z) + 1)[:, None]
    best = (2 * hits / (n_taken + active.sum(axis=0))).argmax(axis=0)
    columns = np.arange(z.shape[1])
    below = ranked[np.minimum(best + 1, len(z) - 1), columns]
    cut = (ranked[best, columns] + below) / 2
    # Rounding must not leave the last one taken below; and where all are taken, all are above.
    cut = np.where(best == len(z) - 1, ranked[-1] - np.abs(ranked[-1]) * 1e-3 - 1e-6, cut)
    return np.where(active.any(axis=0), cut, ranked[0])


def _line(z: np.ndarray, codes: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per column, ``codes ~ slope z + shift`` where z is above; one and zero where it cannot be told."""
    n = np.maximum(above.sum(axis=0), 1)
    mean_z, mean_codes = (z * above).sum(axis=0) / n, (codes * above).sum(axis=0) / n
    dz = (z - mean_z) * above
    variance = np.square(dz).sum(axis=0)
    covariance = (dz * (codes - mean_codes)).sum(axis=0)
    told = (above.sum(axis=0) > 2) & (covariance > 0) & (variance > 0)
    slope = np.where(told, covariance / np.where(told, variance, 1), 1.0).astype(z.dtype)
    shift = np.where(told, mean_codes - slope * mean_z, 0.0).astype(z.dtype)
    return slope, shift
