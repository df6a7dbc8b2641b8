"""What the tests of compiled functions share is in this folder: cases of state that changes, ordinary programs."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
