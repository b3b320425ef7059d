"""One deterministic hypothesis profile: equal runs everywhere, and a suite of minutes."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "covlasso",
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("covlasso")
