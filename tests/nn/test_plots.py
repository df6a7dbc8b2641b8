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


def test_a_wide_legend_leaves_the_map_its_room():
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 60))
    for names in (["a", "b", "c"], [f"a class with a long name {j}" for j in range(25)]):
        y = np.arange(60) % len(names)
        fig = plots.class_map(plane_through(x), np.ones((len(names), 3, 3)) / len(names), x, y, names, "map")
        fig.draw_without_rendering()
        (ax,) = fig.axes
        (legend,) = fig.legends
        assert ax.get_window_extent().width > 0.5 * ax.figure.bbox.height
        assert ax.get_window_extent().x1 < legend.get_window_extent().x0
