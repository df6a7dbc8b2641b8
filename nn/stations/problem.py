"""What every station starts from: the options of the run, the data, and independent random numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nn.arrays import Array
from nn.data import SYNTHETIC, Dataset, load, one_hot
from nn.plane import Plane, plane_through
from nn.train import Gradient

STEPS, QUICK_STEPS = 8000, 1500
DEPTH_SEEDS, QUICK_DEPTH_SEEDS = 5, 2
QUICK_DEPTH_STEPS = 300


@dataclass(frozen=True)
class Settings:
    """The options of `python -m nn tour`."""

    out: Path = Path("figures")
    seed: int = 0
    data: str = "spiral"
    steps: int | None = None
    quick: bool = False
    gradient: Gradient = "autodiff"
    jobs: int | None = None  # processes for the networks of the depth study; as many as can run at once if None

    @property
    def training_steps(self) -> int:
        """Steps of the first network."""
        return self.steps if self.steps is not None else QUICK_STEPS if self.quick else STEPS

    @property
    def depth_steps(self) -> int:
        """Steps of every network in the depth study: half as many, for there are many networks."""
        half = max(1, self.training_steps // 2)
        return min(half, QUICK_DEPTH_STEPS) if self.quick else half

    @property
    def depth_seeds(self) -> int:
        """Networks for every depth."""
        return QUICK_DEPTH_SEEDS if self.quick else DEPTH_SEEDS


@dataclass(frozen=True)
class Problem:
    """The classification problem of a run.

    Attributes:
        settings: the options.
        data: the samples, split for training and testing.
        plane: where they are drawn.
        Y: the one-hot targets of the training samples, shape (k, n).
    """

    settings: Settings
    data: Dataset
    plane: Plane
    Y: Array

    def rng(self, *key: int) -> np.random.Generator:
        """A generator for one purpose, named by its key: no station depends on what another one has drawn."""
        return np.random.default_rng([self.settings.seed, *key])

    @property
    def is_synthetic(self) -> bool:
        """Whether the samples are drawn, so that there can be as many as one likes."""
        return self.settings.data in SYNTHETIC

    @property
    def held_out_name(self) -> str:
        """What the report calls the held-out samples."""
        return "a second draw of the data" if self.is_synthetic else "held-out samples"


def load_problem(settings: Settings) -> Problem:
    """Load the data that the settings name.

    Raises:
        OSError: if the data cannot be read.
        nn.data.DataError: if the data is no classification problem.
        ImportError: if the data needs scikit-learn and it is missing.

    >>> load_problem(Settings(data="two_arcs")).Y.shape
    (2, 200)
    """
    data = load(settings.data, rng=settings.seed)
    return Problem(settings, data, plane_through(data.x_train), one_hot(data.y_train, data.k))
