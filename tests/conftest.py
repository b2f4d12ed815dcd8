"""Settings for the whole suite."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from overica._kernels import set_num_threads

# The tests' problems are small and their processes as many as cores: a second thread would only be waited for.
set_num_threads(1)

# Reproducible and unhurried: the same examples on every run, and no deadline.
settings.register_profile(
    "overica",
    derandomize=True,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("overica")


@pytest.fixture(autouse=True)
def _same_draws_every_time():
    """What is given no seed draws from NumPy's global state, which is the same at the start of every test."""
    np.random.seed(0)  # noqa: NPY002  (the state that scikit-learn's `random_state=None` means)
