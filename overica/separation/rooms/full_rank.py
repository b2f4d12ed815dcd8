r"""The local Gaussian model of a room: every source has a full spatial covariance at every frequency.

At each frequency f and window t

.. math:: x \sim N(0, \Sigma), \quad \Sigma_{ft} = \sum_j v_{jft} R_{jf} + \mathrm{diag}(\sigma_f^2),

circular complex. A covariance of rank one is a source heard from one direction at once; echoes later than the window,
which arrive from everywhere, fill its other directions. With :math:`y = \Sigma^{-1} x` the image of a source at the
microphones has the mean :math:`v_j R_j y`, and the gradient of the log likelihood in :math:`v_j` is
:math:`y^H R_j y - \mathrm{tr}(\Sigma^{-1} R_j)`, by whose two terms variances take their steps (`factors`).

Covariances take theirs between the same bounds. The log likelihood lies above

.. math:: -\mathrm{tr}(R_j P_j) - \mathrm{tr}(R_j^{-1} Q_j) + \ldots, \quad P_j = \sum_t v_{jt} \Sigma_t^{-1}, \quad
          Q_j = R_j \Big(\sum_t v_{jt} y_t y_t^H\Big) R_j

with equality at the present values, and the largest value of that is the solution R of :math:`R P R = Q`, the geometric
mean of :math:`P^{-1}` and Q, so that no step lowers the likelihood (Sawada et al. 2013, "Multichannel extensions of
non-negative matrix factorization with complex-valued data"; the model: Duong, Vincent and Gribonval 2010,
"Under-determined reverberant audio source separation using a full-rank spatial covariance model", both in IEEE
Transactions on Audio, Speech, and Language Processing).

Hermitian matrices are held as real vectors: the diagonal, then real and imaginary parts of what is above it. Sums over
sources and over windows, and traces of products, are then products of real matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_BLOCK = 2**14
"""Coefficients at a time, of whole frequencies: what there is of each besides x, m^2 numbers, is never held of all."""


@dataclass(frozen=True)
class Looks:
    """What the coefficients say of variances, see `Terms`."""

    attraction: np.ndarray
    """y' R_j y, (n_sources, n_frequencies, n_windows)."""
    precision: np.ndarray
    """tr(Sigma^-1 R_j), likewise; their difference is the gradient of log p(x) in the variance."""
    noise: tuple[np.ndarray, np.ndarray]
    """``|y_c|^2`` and the diagonal of Sigma^-1, sums over windows, (n_channels, n_frequencies)."""
    log_likelihood: float
    """Sum of log p(x) over all coefficients, nats."""

    def noise_terms(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Terms`."""
        return self.noise


def look(Z: np.ndarray, R: np.ndarray, V: np.ndarray, noise_variance: float | np.ndarray) -> Looks:
    """Terms of the gradient in the variances.

    Parameters
    ----------
    Z : array (n_channels, n_frequencies, n_windows)
        Complex coefficients.
    R : array (n_sources, n_frequencies, n_channels, n_channels)
        Hermitian.
    V : array (n_sources, n_frequencies, n_windows)
        Variances.
    noise_variance : float or array (n_channels, n_frequencies, 1)
        sigma^2, positive.
    """
    scores, precisions = np.empty_like(V), np.empty_like(V)
    m = len(Z)
    noise = np.empty((2, *Z.shape[:2]), V.dtype)
    total = 0.0
    for rows, block in _blocks(Z, R, V, noise_variance):
        weights = block.forms.transpose(0, 2, 1) * _twice(m, block.forms.dtype)
        outer = _outer(block.y)
        scores[:, rows] = (weights @ outer).transpose(1, 0, 2)
        precisions[:, rows] = (weights @ block.inverse).transpose(1, 0, 2)
        noise[:, :, rows] = np.stack([outer, block.inverse])[:, :, :m].sum(axis=3).swapaxes(1, 2)
        total += block.log_likelihood
    tiny = np.finfo(V.dtype).tiny
    return Looks(
        np.maximum(scores, 0), np.maximum(precisions, tiny), (noise[0], np.maximum(noise[1], tiny)),
        total,
    )  # fmt: skip


def better_covariances(
    Z: np.ndarray, R: np.ndarray, V: np.ndarray, noise_variance: float | np.ndarray
) -> np.ndarray:
    """R after a step that does not lower the likelihood; see `look`."""
    found = np.empty_like(R)
    m = len(Z)
    for rows, block in _blocks(Z, R, V, noise_variance):
        P = _matrices(block.v @ block.inverse.transpose(0, 2, 1), m)
        Y = _matrices(block.v @ _outer(block.y).transpose(0, 2, 1), m)
        before = R[:, rows].transpose(1, 0, 2, 3).astype(complex)
        found[:, rows] = _between(P, before @ Y @ before).transpose(1, 0, 2, 3)
    return found


def images(
    Z: np.ndarray, R: np.ndarray, V: np.ndarray, noise_variance: float | np.ndarray
) -> np.ndarray:
    """Posterior means of the sources at the microphones, (n_sources, n_channels, n_frequencies, n_windows).

    They sum to Z but for what the noise takes.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> Z = rng.standard_normal((2, 3, 4)) + 1j * rng.standard_normal((2, 3, 4))
    >>> R = np.stack([np.eye(2) + 0.5, np.eye(2) - 0.5])[:, None].repeat(3, axis=1) + 0j
    >>> found = images(Z, R, np.ones((2, 3, 4)), 1e-9)
    >>> found.shape, bool(np.allclose(found.sum(axis=0), Z))
    ((2, 2, 3, 4), True)
    """
    found = np.empty((len(R), *Z.shape), Z.dtype)
    for rows, block in _blocks(Z, R, V, noise_variance):
        means = R[:, rows] @ block.y
        found[:, :, rows] = (V[:, rows, None] * means).transpose(0, 2, 1, 3)
    return found


@dataclass(frozen=True)
class _Block:
    """Some frequencies, which come first here; Hermitian matrices as vectors."""

    forms: np.ndarray
    """R, (n_frequencies, m^2, n_sources)."""
    v: np.ndarray
    """Variances, (n_frequencies, n_sources, n_windows)."""
    inverse: np.ndarray
    """Sigma^-1, (n_frequencies, m^2, n_windows)."""
    y: np.ndarray
    """Sigma^-1 x, (n_frequencies, m, n_windows)."""
    log_likelihood: float


def _blocks(
    Z: np.ndarray, R: np.ndarray, V: np.ndarray, noise_variance: float | np.ndarray
) -> Iterator[tuple[slice, _Block]]:
    m, n_frequencies, n_windows = Z.shape
    size = max(1, _BLOCK // n_windows)
    noise = np.broadcast_to(np.asarray(noise_variance, V.dtype), (m, n_frequencies, 1))
    for start in range(0, n_frequencies, size):
        rows = slice(start, start + size)
        forms = np.ascontiguousarray(_vectors(R[:, rows]).transpose(1, 2, 0), V.dtype)
        v = np.ascontiguousarray(V[:, rows].transpose(1, 0, 2))
        x = np.ascontiguousarray(Z[:, rows].transpose(1, 0, 2))
        sigma = forms @ v
        sigma[:, :m] += noise[:, rows].swapaxes(0, 1)
        inverse, log_det = _inverse(sigma, m)
        y = _times(inverse, x)
        quadratic = (x.real * y.real + x.imag * y.imag).sum(axis=1)
        total = quadratic.sum(dtype=np.float64) + log_det.sum(dtype=np.float64)
        constant = m * np.log(np.pi) * quadratic.size
        yield rows, _Block(forms, v, inverse, y, -float(total + constant))


def _upper(m: int) -> list[tuple[int, int, int, int]]:
    """Row and column of every entry above the diagonal, and where its parts stand in the vector."""
    places = [(c, d) for c in range(m) for d in range(c + 1, m)]
    return [(c, d, m + k, m + len(places) + k) for k, (c, d) in enumerate(places)]


def _twice(m: int, dtype: np.dtype) -> np.ndarray:
    """By which the products of two vectors' entries add up to the trace of the product of the matrices."""
    return np.asarray([1] * m + [2] * (m * m - m), dtype)


def _vectors(H: np.ndarray) -> np.ndarray:
    """(..., m, m) to (..., m^2)."""
    m = H.shape[-1]
    rows, columns = np.triu_indices(m, 1)
    above = H[..., rows, columns]
    diagonal = np.diagonal(H, axis1=-2, axis2=-1).real
    return np.concatenate([diagonal, above.real, above.imag], axis=-1)


def _matrices(vectors: np.ndarray, m: int) -> np.ndarray:
    """(..., m^2) to (..., m, m), in double precision."""
    H = np.zeros((*vectors.shape[:-1], m, m), complex)
    for c in range(m):
        H[..., c, c] = vectors[..., c]
    for c, d, real, imaginary in _upper(m):
        H[..., c, d] = vectors[..., real] + 1j * vectors[..., imaginary]
        H[..., d, c] = H[..., c, d].conj()
    return H


def _outer(y: np.ndarray) -> np.ndarray:
    """y y^H of vectors (..., m, n_windows), (..., m^2, n_windows)."""
    m = y.shape[-2]
    found = np.empty((*y.shape[:-2], m * m, y.shape[-1]), y.real.dtype)
    found[..., :m, :] = y.real**2 + y.imag**2
    for c, d, real, imaginary in _upper(m):
        product = y[..., c, :] * y[..., d, :].conj()
        found[..., real, :], found[..., imaginary, :] = product.real, product.imag
    return found


def _times(H: np.ndarray, x: np.ndarray) -> np.ndarray:
    """H x for vectors H (n, m^2, n_windows) and x (n, m, n_windows)."""
    m = x.shape[1]
    y = H[:, :m] * x
    for c, d, real, imaginary in _upper(m):
        entry = H[:, real] + 1j * H[:, imaginary]
        y[:, c] += entry * x[:, d]
        y[:, d] += entry.conj() * x[:, c]
    return y


def _inverse(sigma: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Inverse and log determinant of positive matrices (n, m^2, n_windows), by sweeps over the rows.

    After the sweep of row k, with pivot p, the entries are ``h_ij - h_ik h_kj / p``, ``h_ik / p`` in that row and
    ``-1 / p`` on the diagonal; Hermitian matrices stay so, and after all rows the negative inverse is there.
    """
    # Below the rounding of what it comes from, a pivot is noise.
    rounding = np.finfo(sigma.dtype).eps * sigma[:, :m]
    H: dict[tuple[int, int], np.ndarray] = {(c, c): sigma[:, c].copy() for c in range(m)}
    for c, d, real, imaginary in _upper(m):
        H[c, d] = sigma[:, real] + 1j * sigma[:, imaginary]
    log_det = np.zeros_like(sigma[:, 0])
    for k in range(m):
        pivot = np.maximum(H[k, k], rounding[:, k])
        log_det += np.log(pivot)
        others = [i for i in range(m) if i != k]
        column = {i: H[i, k] if i < k else H[k, i].conj() for i in others}
        for i in others:
            scaled = column[i] / pivot
            H[i, i] = H[i, i] - (scaled * column[i].conj()).real
            for j in others:
                if j > i:
                    H[i, j] = H[i, j] - scaled * column[j].conj()
            if i < k:
                H[i, k] = scaled
            else:
                H[k, i] = scaled.conj()
        H[k, k] = -1 / pivot
    inverse = np.empty_like(sigma)
    for c in range(m):
        inverse[:, c] = -H[c, c]
    for c, d, real, imaginary in _upper(m):
        inverse[:, real], inverse[:, imaginary] = -H[c, d].real, -H[c, d].imag
    return inverse, log_det


def _between(P: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """R with R P R = Q, positive matrices (..., m, m): P^-1/2 (P^1/2 Q P^1/2)^1/2 P^-1/2."""
    values, U = np.linalg.eigh(P)
    values = np.maximum(values, 1e-12 * values[..., -1:] + 1e-30)
    adjoint = U.conj().swapaxes(-1, -2)
    root = (U * np.sqrt(values)[..., None, :]) @ adjoint
    back = (U / np.sqrt(values)[..., None, :]) @ adjoint
    values, U = np.linalg.eigh(root @ Q @ root)
    middle = (U * np.sqrt(np.maximum(values, 0))[..., None, :]) @ U.conj().swapaxes(-1, -2)
    R = back @ middle @ back
    return (R + R.conj().swapaxes(-1, -2)) / 2
