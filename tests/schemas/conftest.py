"""Settings of the property tests in this folder."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared",
    deadline=None,  # a shared core may pause at any moment: slowness is measured elsewhere
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared")
