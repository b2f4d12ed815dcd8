"""Settings for the whole suite."""

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
