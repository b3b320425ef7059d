"""Make the shared oracles importable, and hypothesis deterministic: equal runs, a suite of minutes."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # import mode "importlib" leaves it out

settings.register_profile(
    "covlasso",
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("covlasso")
