"""Directions for true columns: random, orthogonal, or with given angles between them."""

import numpy as np


def random_directions(rng: np.random.Generator, n_features: int, n_components: int) -> np.ndarray:
    """Draw a matrix (n_features, n_components) of columns uniform on the unit sphere."""
    A = rng.standard_normal((n_features, n_components))
    return A / np.linalg.norm(A, axis=0)


def orthogonal_directions(
    rng: np.random.Generator, n_features: int, n_components: int
) -> np.ndarray:
    """Draw orthonormal columns (n_features, n_components), uniform among all such frames.

    Raises
    ------
    ValueError
        If there are more columns than dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> A = orthogonal_directions(np.random.default_rng(0), 5, 3)
    >>> bool(np.allclose(A.T @ A, np.eye(3)))
    True
    """
    if n_components > n_features:
        raise ValueError(
            f"`n_components`={n_components} orthogonal directions need as many features, "
            f"got `n_features`={n_features}"
        )
    Q, R = np.linalg.qr(rng.standard_normal((n_features, n_components)))
    # The signs of R's diagonal make the frame uniform, and not only orthogonal.
    return Q * np.where(np.diag(R) < 0, -1.0, 1.0)


def directions_with_cosines(
    rng: np.random.Generator, n_features: int, cosines: np.ndarray
) -> np.ndarray:
    """Unit columns with the given matrix of cosines, in a random orientation.

    ``A = Q L^T`` with ``cosines = L L^T`` and Q a random orthonormal frame, so that
    ``A^T A = cosines``.

    Raises
    ------
    ValueError
        If no vectors of `n_features` dimensions have these cosines.

    Examples
    --------
    >>> import numpy as np
    >>> wanted = np.array([[1.0, 0.5], [0.5, 1.0]])
    >>> A = directions_with_cosines(np.random.default_rng(0), 3, wanted)
    >>> bool(np.allclose(A.T @ A, wanted))
    True
    """
    values, vectors = np.linalg.eigh(cosines)
    rank = int((values > 1e-9).sum())
    if values[0] < -1e-9:
        raise ValueError(
            f"`cosines` must be those of real vectors, got a matrix with the eigenvalue "
            f"{values[0]:.3g}"
        )
    if rank > n_features:
        raise ValueError(
            f"vectors with these `cosines` span {rank} dimensions, got `n_features`={n_features}"
        )
    root = vectors[:, -rank:] * np.sqrt(values[-rank:])
    return orthogonal_directions(rng, n_features, rank) @ root.T
