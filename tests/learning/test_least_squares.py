"""Columns by least squares: the same whether equations are solved or descended."""

import numpy as np
from scipy.sparse import csr_matrix

from overica.learning.least_squares import fitted_columns


def test_conjugate_gradients_end_where_the_equations_are_solved():
    rng = np.random.default_rng(0)
    S = rng.exponential(size=(400, 40)) * (rng.random((400, 40)) < rng.uniform(0.02, 0.4, 40))
    S[:, 7] = 0
    X, A = rng.standard_normal((400, 5)), rng.standard_normal((5, 40))
    solved = fitted_columns(csr_matrix(S), X, A, 0.01)
    expected = np.linalg.solve(S.T @ S + 0.01 * np.eye(40), S.T @ X + 0.01 * A.T).T
    np.testing.assert_allclose(solved, expected, atol=1e-9)
    np.testing.assert_allclose(solved[:, 7], A[:, 7])
    found = fitted_columns(csr_matrix(S), X, A, 0.01, n_solved=0)
    np.testing.assert_allclose(found, expected, atol=1e-4)
