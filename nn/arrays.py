"""Types for annotations: arrays of numbers, arrays of labels, and seeds. Nothing here computes."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.intp]
Seed = np.random.Generator | int | None
