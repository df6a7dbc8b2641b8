"""The objectives by which ADBench compares tools: mixtures, bundle adjustment, hand tracking, a recurrent network.

They are written here from their definitions, and their data are random numbers. Every program is written once, in
arrays, for all libraries.

Source: Srajer, Kukelova and Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on some problems in
computer vision and machine learning", Optimization Methods and Software 33, 2018. The recurrent network came to the
benchmark after the paper.
"""

import functools
from typing import Any

import numpy as np

import minigrad
from benchmarks import sparse
from benchmarks.libraries import all_of, libraries
from benchmarks.measuring import Contenders, MissingError

Array = np.ndarray

# ----- a mixture of Gaussians with full covariances -------------------------------------------------------------------

GAMMA, DEGREES = 1.0, 0.0  # of the Wishart prior


def mixture_loss(lib: Any, P: list[Any], C: list[Any], product: Any = None) -> Any:
    """The logarithm of the posterior, but for constants, of the rows x of C[0].

    A component has a logarithmic weight, a mean and a lower triangular matrix Q that whitens: its diagonal is exp(q),
    its other entries are l. The prior is that of Wishart.
    """
    weights, means, q, below = P
    x, places, eye = C
    xp, (k, d) = lib.xp, means.shape
    scales = xp.exp(q)
    Q = (below @ places).reshape(k, d, d) + scales[:, :, None] * eye
    centred = x[None] - means[:, None]  # component, sample, coordinate
    white = centred @ xp.swapaxes(Q, 1, 2) if product is None else product(Q, centred)
    logarithms = xp.sum(q, 1)
    scores = (weights + logarithms)[:, None] - 0.5 * xp.sum(white * white, 2)
    likelihood = xp.sum(lib.logsumexp(scores, 0)) - x.shape[0] * lib.logsumexp(weights, 0)
    prior = 0.5 * GAMMA**2 * (xp.sum(scales * scales) + xp.sum(below * below)) - DEGREES * xp.sum(logarithms)
    return likelihood - prior


def einsum_loss(lib: Any, P: list[Any], C: list[Any]) -> Any:
    """The same with the product of all matrices Q and all samples written as an einsum."""
    return mixture_loss(lib, P, C, functools.partial(lib.xp.einsum, "kij,knj->kni"))


def mixture(n: int, d: int, k: int, loss: Any = mixture_loss) -> Contenders:
    """Value and gradient for n samples of R^d and k components."""
    rng = np.random.default_rng(0)
    rows, columns = np.tril_indices(d, -1)
    places = np.zeros((len(rows), d * d))  # from the entries below the diagonal to a whole matrix
    places[np.arange(len(rows)), rows * d + columns] = 1.0
    P = [rng.standard_normal(shape) for shape in ((k,), (k, d), (k, d), (k, len(rows)))]
    P[2] *= 0.3
    P[3] *= 0.3
    return all_of("gradient", loss, P, [rng.standard_normal((n, d)), places, np.eye(d)])


mixture_by_einsum = functools.partial(mixture, loss=einsum_loss)

# ----- bundle adjustment ----------------------------------------------------------------------------------------------

CAMERA, POINT = 11, 3  # numbers: rotation 3, centre 3, focal length, principal point 2, distortion 2


def turned(lib: Any, v: Any, i: int) -> Any:
    """The three components of a vector, moved up by i places."""
    return lib.xp.concatenate([v[i:], v[:i]])


def rotated(lib: Any, r: Any, X: Any) -> Any:
    """X, turned about the axis r by the angle |r|: the formula of Rodrigues."""
    xp = lib.xp
    angle = xp.sqrt(xp.sum(r * r, 0))
    axis = r / angle
    cosine, sine = xp.cos(angle), xp.sin(angle)
    cross = turned(lib, axis, 1) * turned(lib, X, 2) - turned(lib, axis, 2) * turned(lib, X, 1)
    return X * cosine + cross * sine + axis * (xp.sum(axis * X, 0) * (1.0 - cosine))


def reprojected(lib: Any, x: Any, seen: Any) -> Any:
    """How far from where it was seen a camera shows a point, times the weight of the observation.

    The first axis of x has the numbers of the camera, of the point and of the weight; the other one, if there is one,
    the observations.
    """
    r, centre, focal, principal, distortion = x[:3], x[3:6], x[6], x[7:9], x[9:11]
    local = rotated(lib, r, x[11:14] - centre)
    flat = local[:2] / local[2]
    square = lib.xp.sum(flat * flat, 0)
    bent = flat * (1.0 + distortion[0] * square + distortion[1] * square * square)
    return x[14] * (bent * focal + principal - seen)


def observations(cameras: int, points: int, count: int) -> tuple[Array, Array, Array, Array]:
    """Which camera saw which point, the numbers of each observation (15, count), and where it was seen (2, count)."""
    rng = np.random.default_rng(0)
    camera, point = rng.integers(0, cameras, count), rng.integers(0, points, count)
    of_camera = rng.standard_normal((CAMERA, cameras))
    of_camera[3:6] *= 0.1
    of_camera[9:11] *= 0.01
    of_point = rng.standard_normal((POINT, points)) + np.array([[0.0], [0.0], [6.0]])
    x = np.concatenate([of_camera[:, camera], of_point[:, point], rng.uniform(0.5, 1.5, (1, count))])
    return camera, point, x, rng.standard_normal((2, count))


def bundle(cameras: int, points: int, count: int) -> Contenders:
    """The blocks of the Jacobian, all observations at once: those of a sum over observations have no other entries."""
    _, _, x, seen = observations(cameras, points, count)

    def sums(lib: Any, x: Any) -> Any:
        return lib.xp.sum(reprojected(lib, x, constant(lib, seen)), 1)

    return all_of("jacobian", sums, x)


def bundle_by_observation(count: int) -> Contenders:
    """The Jacobian of every observation on its own: a batch of Jacobians of 2 x 15."""
    _, _, x, seen = observations(3, 5, count)
    return all_of("jacobians", reprojected, np.ascontiguousarray(x.T), np.ascontiguousarray(seen.T))


def bundle_sparse(cameras: int, points: int, count: int) -> Contenders:
    """The whole sparse Jacobian: of two distances and the residual 1 - w^2 of every observation, in all unknowns.

    Every library computes the blocks, which are put in their places; minigrad also finds the matrix from the residuals.
    """
    if sparse.sp is None:
        raise MissingError("scipy")
    camera, point, x, seen = observations(cameras, points, count)
    rng = np.random.default_rng(1)
    ends = np.cumsum([CAMERA * cameras, POINT * points])
    unknowns = np.concatenate([rng.standard_normal(ends[0]), rng.standard_normal(ends[1] - ends[0]), x[14]])
    unknowns[ends[0] + 2 : ends[1] : POINT] += 6.0
    columns = np.concatenate(
        [
            CAMERA * camera + np.arange(CAMERA)[:, None],
            ends[0] + POINT * point + np.arange(POINT)[:, None],
            ends[1] + np.arange(count)[None],
        ]
    )  # (15, count): where the numbers of each observation stand among the unknowns
    xp = minigrad.numpy

    def residuals(unknowns: Any) -> Any:
        parts = unknowns[columns]
        weights = unknowns[ends[1] :]
        return xp.concatenate([reprojected(libraries()[0], parts, seen).T.reshape(-1), 1.0 - weights * weights])

    entries = np.ones((2, 15), bool)
    entries[[0, 1], [8, 7]] = False  # a coordinate of the image knows nothing of the principal point's other one
    indices = np.concatenate([np.repeat(columns.T[:, None], 2, 1)[:, entries].ravel(), ends[1] + np.arange(count)])
    starts = np.concatenate([14 * np.arange(2 * count), 28 * count + np.arange(count + 1)])
    shape = (3 * count, len(unknowns))

    def assembled(blocks: Any) -> Any:
        """The sparse matrix from the blocks (2, 15, count)."""
        of_rows = np.asarray(blocks).transpose(2, 0, 1)[:, entries]
        return sparse.sp.csr_array((np.append(of_rows, -2.0 * unknowns[ends[1] :]), indices, starts), shape)

    def sums(lib: Any, x: Any) -> Any:
        return lib.xp.sum(reprojected(lib, x, constant(lib, seen)), 1)

    blocks = all_of("jacobian", sums, unknowns[columns])
    contenders: Contenders = {name: lambda run=run: assembled(run()) for name, run in blocks.items()}
    plan = minigrad.jacobian_colouring(minigrad.sparsity(residuals, unknowns))
    by_colours = {"minigrad, colouring given": lambda: minigrad.sparse_jacobian(residuals, unknowns, plan, check=False)}
    return contenders | by_colours


def constant(lib: Any, value: Array) -> Any:
    """An array that a library can compute with."""
    return lib.array(value) if hasattr(lib, "array") else value


# ----- hand tracking --------------------------------------------------------------------------------------------------

FINGERS, BONES = 5, 16  # the palm, and three bones a finger
POSE = 26  # rotation 3, translation 3, and four angles a finger: sideways, and one at every joint
CROSS = np.zeros((3, 3, 3))  # of the matrices r -> K with K v = r x v
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    CROSS[_i, _k, _j], CROSS[_i, _j, _k] = 1.0, -1.0


def about(lib: Any, angles: Any, axis: int) -> Any:
    """The rotations about an axis of coordinates, one for each angle."""
    kept = constant(lib, np.diag(np.eye(3)[axis]))
    rest = constant(lib, np.eye(3) - np.diag(np.eye(3)[axis]))
    turn = constant(lib, CROSS[axis])
    a = angles[:, None, None]
    return kept + lib.xp.cos(a) * rest + lib.xp.sin(a) * turn


def skeleton(lib: Any, pose: Any, offsets: Any) -> tuple[Any, Any]:
    """The rotation (16, 3, 3) and the place (16, 1, 3) of every bone; `offsets` (3, 5, 3) are those in a straight hand.

    Transposed: a row v goes to v R + p.
    """
    xp = lib.xp
    angles = pose[6:].reshape(FINGERS, 4)
    joint = about(lib, angles[:, 0], 2) @ about(lib, angles[:, 1], 0)
    rotation, place = joint, offsets[0][:, None]
    rotations, places = [rotation], [place]
    for k in (1, 2):
        place = place + offsets[k][:, None] @ rotation
        rotation = about(lib, angles[:, k + 1], 0) @ rotation
        rotations.append(rotation)
        places.append(place)
    eye, origin = constant(lib, np.eye(3)[None]), constant(lib, np.zeros((1, 1, 3)))
    whole = turning(lib, pose[:3])
    rotation = xp.concatenate([eye, *rotations]) @ whole
    return rotation, xp.concatenate([origin, *places]) @ whole + pose[3:6]


def turning(lib: Any, r: Any) -> Any:
    """The matrix of the rotation about r by |r|, transposed."""
    square = lib.xp.sum(r * r)
    angle = lib.xp.sqrt(square)
    K = (r @ constant(lib, CROSS.transpose(0, 2, 1).reshape(3, 9))).reshape(3, 3)
    return constant(lib, np.eye(3)) + lib.xp.sin(angle) / angle * K + (1.0 - lib.xp.cos(angle)) / square * (K @ K)


def hand(vertices: int, points: int, complicated: bool) -> Contenders:
    """The Jacobian of the distances of measured points from a skinned model of a hand, in the pose.

    Simple: every point belongs to a vertex of the model. Complicated: it lies in a triangle, at a place (u, v) that is
    unknown too. A point depends on its own u and v only, so their derivatives are two columns for all points together.
    """
    rng = np.random.default_rng(0)
    offsets = rng.standard_normal((3, FINGERS, 3))
    rest = rng.standard_normal((vertices, 3))
    skin = rng.uniform(0.0, 1.0, (vertices, BONES)) ** 8
    skin = (skin / skin.sum(axis=1, keepdims=True)).T[:, :, None]  # (16, vertices, 1): how much each bone moves it
    corners = rng.integers(0, vertices, (3, points))
    inside = rng.uniform(0.0, 0.5, (2, points, 1))
    measured = rng.standard_normal((points, 3))

    def distances(lib: Any, x: Any) -> Any:
        rotation, place = skeleton(lib, x[:POSE], constant(lib, offsets))
        moved = constant(lib, rest) @ rotation + place  # by every bone
        model = lib.xp.sum(constant(lib, skin) * moved, 0)
        if not complicated:
            return (constant(lib, measured) - model[corners[0]]).reshape(-1)
        u, v = constant(lib, inside[0]) + x[POSE], constant(lib, inside[1]) + x[POSE + 1]
        shown = u * model[corners[0]] + v * model[corners[1]] + (1.0 - u - v) * model[corners[2]]
        return (constant(lib, measured) - shown).reshape(-1)

    x = 0.3 * rng.standard_normal(POSE + 2 * complicated)
    return all_of("columns", distances, np.concatenate([x[:POSE], np.zeros(2 * complicated)]))


# ----- a recurrent network --------------------------------------------------------------------------------------------


def recurrent_loss(lib: Any, P: list[Any], C: list[Any]) -> Any:
    """The mean of minus the logarithm of the probability of the next character, in an LSTM whose gates are diagonal.

    Of layer k, P[0][k] are the weights and P[1][k] the biases of four gates; P[2] scales what goes in and what comes
    out, and shifts it. C[0] are the one-hot characters.
    """
    xp, (weights, biases, ends), (text,) = lib.xp, P, C

    def step(memory: Any, pair: Any) -> tuple[Any, Any]:
        after, x = [], pair[0] * ends[0]
        for (h, c), w, b in zip(memory, weights, biases):
            forget = logistic(lib, x * w[0] + b[0])
            enter = logistic(lib, h * w[1] + b[1])
            leave = logistic(lib, x * w[2] + b[2])
            c = c * forget + enter * xp.tanh(h * w[3] + b[3])
            x = leave * xp.tanh(c)
            after.append((x, c))
        scores = x * ends[1] + ends[2]
        return after, lib.logsumexp(scores, 0) - xp.sum(scores * pair[1])

    start = [(0.0 * text[0], 0.0 * text[0]) for _ in weights]
    return sum(lib.loop(step, start, (text[:-1], text[1:]))) / (len(text) - 1)


def logistic(lib: Any, x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + lib.xp.exp(-x))


def recurrent(layers: int, width: int, length: int) -> Contenders:
    """Value and gradient for a text of some length."""
    rng = np.random.default_rng(0)
    P = [rng.standard_normal(shape) for shape in ((layers, 4, width), (layers, 4, width), (3, width))]
    text = np.eye(width)[rng.integers(0, width, length + 1)]
    return all_of("gradient", recurrent_loss, P, [text])
