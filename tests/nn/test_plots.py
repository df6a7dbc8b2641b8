"""The figures."""

import numpy as np
from matplotlib.figure import Figure

from nn import plots
from nn.plane import plane_through


def test_more_classes_than_colours_still_differ():
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 60))
    y = np.arange(60) % 13
    fig = plots.data(plane_through(x), x, y, [str(j) for j in range(13)], "many")
    assert isinstance(fig, Figure)
    looks = {(plots.class_colour(j), plots.class_marker(j)) for j in range(60)}
    assert len(looks) == 60
