"""The plane of a map."""

import numpy as np
import pytest

from nn.plane import plane_through


@pytest.mark.parametrize("p", [1, 2, 3, 7])
def test_the_plane_of_a_map(p):
    x = np.random.default_rng(p).standard_normal((p, 20))
    plane = plane_through(x)
    c = plane.project(x)
    assert c.shape == (2, 20)
    np.testing.assert_allclose(plane.project(plane.lift(c)), c, atol=1e-12)
    if p > 2:
        assert np.abs(c).max() < plane.limit
        np.testing.assert_allclose(c.mean(axis=1), 0.0, atol=1e-12)
        assert c[0].var() >= c[1].var()
    else:
        np.testing.assert_array_equal(plane.lift(c), x)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_the_grid_covers_the_picture(p):
    plane = plane_through(np.random.default_rng(p).standard_normal((p, 20)))
    points = plane.grid(5)
    assert points.shape == (p, 25)
    assert plane.project(points)[0].reshape(5, 5)[3] == pytest.approx(np.linspace(-plane.limit, plane.limit, 5))
    if p > 1:  # a single feature has no second direction
        below, above = plane.project(points)[1].reshape(5, 5)[[0, -1], 2]
        assert (below, above) == pytest.approx((-plane.limit, plane.limit))
