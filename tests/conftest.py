"""What all tests share: the folder itself on the path (for `references`), and quiet defaults for hypothesis."""

import os
import sys

from hypothesis import HealthCheck, settings

sys.path.insert(0, os.path.dirname(__file__))

settings.register_profile(
    "minigrad", deadline=None, max_examples=40, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("minigrad")
