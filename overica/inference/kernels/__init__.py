"""Compiled exact solvers of the l1-penalised codes, for arrays on the CPU."""

from overica.inference.kernels.front import Moments, lasso, lasso_moments

__all__ = ["Moments", "lasso", "lasso_moments"]
