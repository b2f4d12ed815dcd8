"""Settings for the whole suite."""

from hypothesis import HealthCheck, settings

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
