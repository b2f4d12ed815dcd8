"""Settings for the whole suite."""

import numba
from hypothesis import HealthCheck, settings

# The tests' problems are small and their processes as many as cores: a second thread would only be waited for.
# It is still there for the test that compares one thread with several.
numba.set_num_threads(1)

# Reproducible and unhurried: the same examples on every run, and no deadline, since the first
# call of a compiled kernel includes its compilation.
settings.register_profile(
    "overica",
    derandomize=True,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("overica")
