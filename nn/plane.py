"""The plane in which samples and classification maps are drawn."""

from dataclasses import dataclass

import numpy as np

from nn.arrays import Array


@dataclass(frozen=True)
class Plane:
    """A plane in the space of the features: all of it for two features, else along two principal directions.

    Attributes:
        origin: a point of the plane, shape (p, 1).
        directions: orthonormal columns (or zero, for a single feature), shape (p, 2).
        limit: a picture of the plane shows the coordinates [-limit, limit]^2.
        labels: the names of the two axes.
        explained: the share of the variance of the data that lies in the plane, 0..1.
    """

    origin: Array
    directions: Array
    limit: float
    labels: tuple[str, str]
    explained: float

    def project(self, x: Array) -> Array:
        """The coordinates in the plane of the samples x: shape (p, n) to (2, n)."""
        return self.directions.T @ (x - self.origin)

    def lift(self, c: Array) -> Array:
        """The points of R^p with the coordinates c: shape (2, n) to (p, n)."""
        return self.origin + self.directions @ c

    def grid(self, resolution: int) -> Array:
        """The points of R^p on a square grid over the picture, shape (p, resolution²), row after row from below.

        >>> plane_through(np.zeros((2, 1))).grid(2)
        array([[-1.,  1., -1.,  1.],
               [-1., -1.,  1.,  1.]])
        """
        side = np.linspace(-self.limit, self.limit, resolution)
        horizontal, vertical = np.meshgrid(side, side)
        return self.lift(np.stack([horizontal.ravel(), vertical.ravel()]))


def plane_through(x: Array) -> Plane:
    """The plane for the samples x, shape (p, n).

    Two features span it themselves, over [-1, 1]^2. Otherwise it goes through the mean along the two directions of
    largest variance, the left singular vectors of the centred data, with signs that make the largest entry positive.
    """
    p = x.shape[0]
    if p == 2:
        return Plane(np.zeros((2, 1)), np.eye(2), 1.0, ("$x_1$", "$x_2$"), 1.0)
    if p == 1:
        return Plane(np.zeros((1, 1)), np.eye(1, 2), 1.0, ("$x_1$", "(one feature only)"), 1.0)
    mean = x.mean(axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(x - mean, full_matrices=False)
    directions = left[:, :2]
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    if directions.shape[1] < 2:
        directions = np.pad(directions, ((0, 0), (0, 1)))
    spread = float(np.sum(values**2))
    explained = float(np.sum(values[:2] ** 2) / spread) if spread > 0.0 else 1.0
    limit = 1.06 * float(np.abs(directions.T @ (x - mean)).max())
    return Plane(
        mean, directions, max(limit, 1e-9), ("first principal direction", "second principal direction"), explained
    )
