"""What all tests share: the folder itself on the path (for `references`), and defaults for hypothesis."""

import os
import sys

from hypothesis import HealthCheck, settings

sys.path.insert(0, os.path.dirname(__file__))

quiet = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
# The same examples in every run, so that a red one is about the change at hand; HYPOTHESIS_PROFILE=search tries more.
settings.register_profile("same", max_examples=40, derandomize=True, **quiet)
settings.register_profile("search", max_examples=400, **quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
