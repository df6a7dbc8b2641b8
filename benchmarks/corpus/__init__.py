"""Gradients written by hand, right and wrong, to try checkers of gradients on.

A case is a function, a gradient derived by hand, a point, and the verdict that a checker that can be trusted gives:

- `OK`: the gradient is right (up to rounding in the dtype of the point);
- `WRONG`: it is not;
- `NOT DIFFERENTIABLE HERE`: the function has no gradient at this point, so nothing that a person wrote down is one;
- `INCONCLUSIVE`: nobody can tell from what the function shows, because its noise is larger than the answer.

Functions and gradients are plain NumPy, so that every checker can be given the same ones. A function of one array has
an array as its gradient; one of several has a tuple. `@black_box` marks functions that no tape sees through, as if
they were computed by another program.

>>> case = CASES["factor_two_of_a_square"]
>>> f, manual, args = case.build()
>>> case.expected, f(*args), manual(*args)
('WRONG', np.float64(14.0), array([1., 2., 3.]))
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

OK, WRONG, KINK, INCONCLUSIVE = "OK", "WRONG", "NOT DIFFERENTIABLE HERE", "INCONCLUSIVE"

Built = tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """One function with a gradient by hand at one point.

    `build()` makes (f, manual, args) anew, so that functions with a memory, such as noisy ones, begin at its beginning.
    """

    name: str
    group: str
    why: str
    expected: str
    build: Callable[[], Built]


CASES: dict[str, Case] = {}
_group = ""


def case(expected: str) -> Callable[[Callable[[], Built]], Callable[[], Built]]:
    """A decorator that puts a case into the corpus: its name is that of the function, its reason the docstring."""

    def enter(build: Callable[[], Built]) -> Callable[[], Built]:
        why = " ".join((build.__doc__ or "").split())
        CASES[build.__name__] = Case(build.__name__, _group, why, expected, build)
        return build

    return enter


def group(title: str) -> None:
    """The heading of the cases that follow."""
    global _group
    _group = title


def black_box(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function as another program would compute it: it is handed plain numbers, so nothing can be traced."""

    @functools.wraps(f)
    def plain(*args: Any) -> Any:
        return f(*[np.array([float(v) for v in np.ravel(x)]).reshape(np.shape(x)) for x in args])

    return plain


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).standard_normal(shape)


POINT = np.array([1.0, 2.0, 3.0])


# ----- right, at ordinary points --------------------------------------------------------------------------------------
group("right, at ordinary points")


@case(OK)
def square():
    """The plainest gradient there is: sum x² and 2x."""
    return lambda x: np.sum(x * x), lambda x: 2 * x, (POINT,)


@case(OK)
def number():
    """A Python float as the point."""
    return lambda x: np.sin(x) * x, lambda x: np.cos(x) * x + np.sin(x), (0.7,)


@case(OK)
def linear():
    """Differences have no truncation error at all, so every slope of a remainder is rounding."""
    c = normal(5, seed=1)
    return lambda x: np.sum(c * x), lambda x: c + 0 * x, (normal(5),)


@case(OK)
def quadratic_form():
    """x'Qx with Q not symmetric: the gradient is (Q + Q')x."""
    Q = normal(4, 4, seed=2)
    return lambda x: x @ Q @ x, lambda x: (Q + Q.T) @ x, (normal(4),)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[1:] += 200.0 * (x[1:] - x[:-1] ** 2)
    g[:-1] += -400.0 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2.0 * (1.0 - x[:-1])
    return g


@case(OK)
def rosenbrock_in_ten_variables():
    """The classic of optimisation."""
    return rosenbrock, rosenbrock_gradient, (normal(10),)


def data(n=40, d=3, seed=5):
    X = normal(n, d, seed=seed)
    return X, (normal(n, seed=seed + 1) + X[:, 0] > 0).astype(float)


def logistic_regression(mistake=""):
    """Mean log-loss with a ridge term, of weights (3,) and a bias ()."""
    X, y = data()
    n, ridge = len(y), 0.1

    def f(w, b):
        z = X @ w + b
        return np.mean(np.logaddexp(0.0, z) - y * z) + ridge * np.sum(w * w) / 2

    def manual(w, b):
        e = 1 / (1 + np.exp(-(X @ w + b))) - y
        gw, gb = X.T @ e / n + ridge * w, np.sum(e) / n
        if mistake == "sum":
            gw, gb = X.T @ e + ridge * w, np.sum(e)
        elif mistake == "ridge":
            gw = X.T @ e / n
        elif mistake == "ridge factor":
            gw = X.T @ e / n + 2 * ridge * w
        elif mistake == "bias":
            gb = -gb
        elif mistake == "half the samples":
            gw = X[: n // 2].T @ e[: n // 2] / n + ridge * w
        return gw, gb

    return f, manual, (normal(3), np.array(0.3))


@case(OK)
def logistic_regression_with_a_ridge():
    """Two leaves, one of them a bias without dimensions."""
    return logistic_regression()


def network(mistake="", widths=(2, 6, 6, 3), dtype=np.float64, n=20, scale=1.0):
    """A network of arctan layers and the logistic loss: weights and biases in turn, samples in columns."""
    x, R = normal(widths[0], n, seed=7).astype(dtype), len(widths) - 1
    Y = np.eye(widths[-1], dtype=dtype)[:, rng(8).integers(0, widths[-1], n)]
    P = []
    for r in range(R):
        P += [normal(widths[r + 1], widths[r], seed=20 + r), normal(widths[r + 1], 1, seed=40 + r)]
    scale = dtype(scale)

    def forward(P):
        U, V = [], [x]
        for r in range(R):
            U.append(P[2 * r] @ V[r] + P[2 * r + 1])
            V.append(np.arctan(U[r]))
        return U, V

    def f(*P):
        z = forward(P)[1][-1]
        top = np.max(z, axis=0)
        return scale * (np.sum(np.log(np.sum(np.exp(z - top), axis=0)) + top) - np.sum(z * Y))

    def manual(*P):
        U, V = forward(P)
        e = np.exp(V[-1] - np.max(V[-1], axis=0))
        g = scale * (e / np.sum(e, axis=0) - Y)
        if mistake == "softmax only":
            g = scale * (e / np.sum(e, axis=0))
        out = [None] * len(P)
        for r in range(R - 1, -1, -1):
            M = g / (1 + U[r] * U[r])
            if mistake == "activation" and r == 1:
                M = g
            elif mistake == "activation of the output":
                M = g / (1 + V[r + 1] * V[r + 1])
            out[2 * r], out[2 * r + 1] = M @ V[r].T, np.sum(M, axis=1, keepdims=True)
            if mistake == "layer" and r == 1:
                out[2 * r] = M @ V[r + 1].T
            elif mistake == "bias sign" and r == 1:
                out[2 * r + 1] = -out[2 * r + 1]
            elif mistake == "bias mean":
                out[2 * r + 1] = np.mean(M, axis=1, keepdims=True)
            elif mistake == "bias not summed":
                out[2 * r + 1] = M
            g = P[2 * r].T @ M
            if mistake == "transpose" and r == 1:
                g = P[2 * r] @ M
            elif mistake == "detached" and r == 1:
                g = np.zeros_like(g)
        return tuple(out)

    return f, manual, tuple(p.astype(dtype) for p in P)


@case(OK)
def network_of_three_layers():
    """Backpropagation by hand, as in the tour."""
    return network()


@case(OK)
def log_determinant():
    """log det S has the gradient inv(S)'."""
    S = normal(4, 4)
    S = S @ S.T + 4 * np.eye(4)
    return lambda S: np.linalg.slogdet(S)[1], lambda S: np.linalg.inv(S).T, (S,)


@case(OK)
def gaussian_likelihood():
    """Mean and log-deviation, with partial derivatives of different size."""
    x = 3 + 0.5 * normal(100, seed=9)

    def f(mu, s):
        return np.sum((x - mu) ** 2) / (2 * np.exp(2 * s)) + len(x) * s

    def manual(mu, s):
        return np.sum(mu - x) / np.exp(2 * s), len(x) - np.sum((x - mu) ** 2) / np.exp(2 * s)

    return f, manual, (np.array(2.5), np.array(-0.3))


@case(OK)
def logsumexp_of_large_numbers():
    """Scores around 1000, where only the stabilised formula survives."""

    def f(z):
        top = np.max(z)
        return np.log(np.sum(np.exp(z - top))) + top

    def manual(z):
        e = np.exp(z - np.max(z))
        return e / np.sum(e)

    return f, manual, (1000.0 + normal(6),)


@case(OK)
def product_of_entries():
    """The gradient of a product, by division; no entry is zero."""
    return np.prod, lambda x: np.prod(x) / x, (np.array([1.5, -2.0, 0.5, 3.0]),)


@case(OK)
def ten_thousand_coordinates():
    """Too many for one difference per coordinate."""
    return lambda x: np.sum(np.sin(x) * x), lambda x: np.cos(x) * x + np.sin(x), (normal(10_000),)


@case(OK)
def black_box_of_fifty():
    """Nothing to trace: only values of the function tell."""
    f = black_box(lambda x: np.sum(np.exp(np.sin(x))))
    return f, lambda x: np.exp(np.sin(x)) * np.cos(x), (normal(50),)


# ----- mistakes that people make --------------------------------------------------------------------------------------
group("mistakes that people make")


@case(WRONG)
def factor_two_of_a_square():
    """x instead of 2x."""
    return lambda x: np.sum(x * x), lambda x: 1 * x, (POINT,)


@case(WRONG)
def sign_of_everything():
    """The gradient of -f: ascent instead of descent."""
    return lambda x: np.sum(np.exp(x)), lambda x: -np.exp(x), (normal(6),)


@case(WRONG)
def sum_instead_of_mean():
    """1/n is missing in the data term, not in the ridge."""
    return logistic_regression("sum")


@case(WRONG)
def regulariser_is_missing():
    """The ridge term has no gradient."""
    return logistic_regression("ridge")


@case(WRONG)
def regulariser_twice():
    """The ridge term is w'w/2, its gradient that of w'w."""
    return logistic_regression("ridge factor")


@case(WRONG)
def sign_of_the_bias():
    """Only one leaf is wrong, and it is small."""
    return logistic_regression("bias")


@case(WRONG)
def half_of_the_samples():
    """The gradient of another batch than the value."""
    return logistic_regression("half the samples")


@case(WRONG)
def activation_derivative_is_missing():
    """One layer of three lacks 1/(1 + u²), so two layers are wrong and the last is right."""
    return network("activation")


@case(WRONG)
def activation_derivative_at_the_output():
    """1/(1 + u²) is taken at arctan(u) instead of u."""
    return network("activation of the output")


@case(WRONG)
def weights_not_transposed():
    """A instead of A' in a square layer: every shape is right."""
    return network("transpose")


@case(WRONG)
def layer_off_by_one():
    """The gradient of a weight takes the layer's output instead of its input; both have six rows."""
    return network("layer")


@case(WRONG)
def bias_of_one_layer_negated():
    """One leaf of six is wrong."""
    return network("bias sign")


@case(WRONG)
def bias_averaged_over_samples():
    """mean instead of sum."""
    return network("bias mean")


@case(WRONG)
def bias_not_summed_over_samples():
    """The shape tells: (6, 20) instead of (6, 1)."""
    return network("bias not summed")


@case(WRONG)
def branch_is_detached():
    """The lower layers get no gradient at all."""
    return network("detached")


@case(WRONG)
def targets_are_forgotten():
    """softmax(z) instead of softmax(z) - Y."""
    return network("softmax only")


@case(WRONG)
def quadratic_form_taken_as_symmetric():
    """2Qx for x'Qx with Q not symmetric."""
    Q = normal(4, 4, seed=2)
    return lambda x: x @ Q @ x, lambda x: 2 * Q @ x, (normal(4),)


@case(WRONG)
def matrix_gradient_transposed():
    """The gradient of sum((AB - C)²) in a square A, transposed."""
    B, C = normal(3, 3, seed=3), normal(3, 3, seed=4)
    return lambda A: np.sum((A @ B - C) ** 2), lambda A: (2 * (A @ B - C) @ B.T).T, (normal(3, 3),)


@case(WRONG)
def two_entries_swapped():
    """The right numbers in the wrong places."""
    return lambda x: np.sum(x**3), lambda x: (3 * x**2)[[1, 0, 2]], (POINT,)


@case(WRONG)
def rows_in_place_of_columns():
    """A row (1, 3) for a column (3, 1): it would broadcast to (3, 3) in the next update."""
    return lambda b: np.sum(np.exp(b)), lambda b: np.exp(b).reshape(1, 3), (normal(3, 1),)


@case(WRONG)
def one_entry_of_ten_thousand():
    """One entry has the wrong sign; the norm of the difference is a hundredth of the gradient's."""

    def manual(x):
        g = 2 * x
        g[1234] = -g[1234]
        return g

    return lambda x: np.sum(x * x), manual, (normal(10_000),)


@case(WRONG)
def one_entry_of_ten_thousand_in_a_black_box():
    """The same, and only values of the function to tell by."""
    return black_box(one_entry_of_ten_thousand()[0]), *one_entry_of_ten_thousand()[1:]


@case(WRONG)
def inner_derivative_is_missing():
    """cos(3x) for sin(3x)."""
    return lambda x: np.sum(np.sin(3 * x)), lambda x: np.cos(3 * x), (normal(5),)


@case(WRONG)
def product_rule_is_half():
    """The derivative of x sin x without its second term."""
    return lambda x: np.sum(x * np.sin(x)), lambda x: np.sin(x), (normal(5),)


@case(WRONG)
def rosenbrock_index_off_by_one():
    """One term lands at its neighbour."""

    def manual(x):
        g = np.zeros_like(x)
        g[:-1] += 200.0 * (x[1:] - x[:-1] ** 2)
        g[:-1] += -400.0 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2.0 * (1.0 - x[:-1])
        return g

    return rosenbrock, manual, (normal(10),)


@case(WRONG)
def gradient_with_a_nan():
    """0/0 in one entry."""
    return lambda x: np.sum(x**2), lambda x: np.where(x == 0, np.nan, 2 * x), (np.array([1.0, 0.0, 2.0]),)


@case(WRONG)
def gradient_of_zeros():
    """Nobody filled it in."""
    return lambda x: np.sum(np.cos(x)), lambda x: np.zeros_like(x), (normal(4),)


@case(WRONG)
def gradient_in_integers():
    """An array of integers took the numbers and cut them."""
    return lambda x: np.sum(x**2), lambda x: (2 * x).astype(int), (np.array([0.3, 1.2, -2.7]),)


@case(WRONG)
def error_of_a_thousandth():
    """A constant with a mistyped digit: 1e-3 of the gradient."""
    return lambda x: np.sum(np.exp(x)), lambda x: np.exp(x) * 1.001, (normal(4),)


@case(WRONG)
def error_of_a_hundred_thousandth():
    """3.14159 instead of pi: 1e-6 of the gradient."""
    return lambda x: np.sum(np.sin(np.pi * x)), lambda x: 3.14159 * np.cos(3.14159 * x), (normal(4),)


@case(WRONG)
def small_error_in_a_black_box():
    """1e-5 of the gradient, with values alone to tell by."""
    return black_box(lambda x: np.sum(np.exp(x))), lambda x: np.exp(x) * (1 + 1e-5), (normal(4),)


# ----- scales ---------------------------------------------------------------------------------------------------------
group("scales from 1e-12 to 1e12")


def scaled(scale, factor=1.0):
    """sum sin(x) x, times a scale; the gradient may be off by a factor."""
    f = lambda x: scale * np.sum(np.sin(x) * x)
    return f, lambda x: factor * scale * (np.cos(x) * x + np.sin(x)), (normal(5),)


@case(OK)
def scale_1e_minus_12():
    """Right at scale 1e-12."""
    return scaled(1e-12)


@case(WRONG)
def scale_1e_minus_12_wrong():
    """Wrong by a factor of 2.5 at scale 1e-12: smaller than any absolute tolerance."""
    return scaled(1e-12, 2.5)


@case(WRONG)
def scale_1e_minus_8_wrong():
    """Wrong by a factor of 2.5 at scale 1e-8."""
    return scaled(1e-8, 2.5)


@case(OK)
def scale_1e8():
    """Right at scale 1e8."""
    return scaled(1e8)


@case(OK)
def scale_1e12():
    """Right at scale 1e12."""
    return scaled(1e12)


@case(WRONG)
def scale_1e12_wrong():
    """Wrong by 1e-4 at scale 1e12."""
    return scaled(1e12, 1.0001)


@case(OK)
def cubes_at_a_million():
    """sum x³ at 1e6: values of 1e18, gradients of 1e12."""
    return lambda x: np.sum(x**3), lambda x: 3 * x**2, (1e6 * POINT,)


@case(WRONG)
def cubes_at_a_million_wrong():
    """The same, wrong by 1e-4."""
    return lambda x: np.sum(x**3), lambda x: 3.0003 * x**2, (1e6 * POINT,)


@case(OK)
def point_near_1e_minus_9():
    """Coordinates far smaller than any fixed step."""
    return lambda x: np.sum(np.sin(1e9 * x)), lambda x: 1e9 * np.cos(1e9 * x), (1e-9 * POINT,)


@case(WRONG)
def point_near_1e_minus_9_wrong():
    """The same, with 2e9 for 1e9."""
    return lambda x: np.sum(np.sin(1e9 * x)), lambda x: 2e9 * np.cos(1e9 * x), (1e-9 * POINT,)


@case(OK)
def point_near_1e12():
    """Coordinates so large that a small step is lost in them."""
    return lambda x: np.sum(np.sin(1e-12 * x)), lambda x: 1e-12 * np.cos(1e-12 * x), (1e12 * POINT,)


UNITS = np.array([1e-6, 1.0, 1e6])


@case(OK)
def badly_scaled_coordinates():
    """Micrometres, metres and megametres in one array."""
    return lambda x: np.sum(np.sin(x / UNITS)), lambda x: np.cos(x / UNITS) / UNITS, (UNITS * POINT,)


@case(WRONG)
def badly_scaled_coordinates_wrong():
    """The smallest entry of the gradient, 1e-12 of the largest, has the wrong sign."""
    f = lambda x: np.sum(np.sin(x / UNITS))
    return f, lambda x: np.cos(x / UNITS) / UNITS * np.array([1.0, 1.0, -1.0]), (UNITS * POINT,)


@case(WRONG)
def small_leaf_beside_a_large_one():
    """The leaf b has gradients of 1e-6, a of 1e6; b is wrong by a factor of two."""
    f = lambda a, b: 1e6 * np.sum(np.exp(a)) + 1e-6 * np.sum(np.exp(b))
    return f, lambda a, b: (1e6 * np.exp(a), 2e-6 * np.exp(b)), (normal(3), normal(2, seed=1))


@case(OK)
def small_part_on_a_large_offset():
    """1e9 + sum x²: the values keep seven digits of what matters."""
    return lambda x: 1e9 + np.sum(x * x), lambda x: 2 * x, (POINT,)


@case(WRONG)
def small_part_on_a_large_offset_wrong():
    """The same, wrong by a factor of two."""
    return lambda x: 1e9 + np.sum(x * x), lambda x: 4 * x, (POINT,)


@case(OK)
def steep_offset_in_a_black_box():
    """1e6 + sum x² with values alone: rounding of 1e-10 is the noise to reckon with."""
    return black_box(lambda x: 1e6 + np.sum(x * x)), lambda x: 2 * x, (POINT,)


# ----- float32 --------------------------------------------------------------------------------------------------------
group("float32")


@case(OK)
def float32_square():
    """Seven digits, so differences keep three or four."""
    return lambda x: np.sum(x * x), lambda x: 2 * x, (POINT.astype(np.float32),)


@case(OK)
def float32_network():
    """The network in single precision."""
    return network(dtype=np.float32)


@case(OK)
def float32_network_of_small_scale():
    """The same times 1e-8."""
    return network(dtype=np.float32, scale=1e-8)


@case(OK)
def float32_in_ten_thousand_coordinates():
    """Long sums in single precision."""
    return lambda x: np.mean(np.tanh(x)), lambda x: (1 - np.tanh(x) ** 2) / x.size, (normal(10_000).astype(np.float32),)


@case(WRONG)
def float32_factor_two():
    """x instead of 2x."""
    return lambda x: np.sum(x * x), lambda x: 1 * x, (POINT.astype(np.float32),)


@case(WRONG)
def float32_activation_derivative_is_missing():
    """The network with its mistake in single precision."""
    return network("activation", dtype=np.float32)


@case(WRONG)
def float32_small_scale_wrong():
    """The bias of the second layer negated, at scale 1e-8."""
    return network("bias sign", dtype=np.float32, scale=1e-8)


@case(WRONG)
def float32_error_of_a_hundredth():
    """1e-2 of the gradient is more than single precision loses."""
    return lambda x: np.sum(np.exp(x)), lambda x: np.exp(x) * np.float32(1.01), (normal(4).astype(np.float32),)


@case(OK)
def float32_inside_of_float64():
    """The function computes in single precision and returns double: its noise is 1e-7, whatever the dtype says."""
    f = black_box(lambda x: float(np.sum(np.exp(x.astype(np.float32)), dtype=np.float32)))
    return f, np.exp, (normal(5),)


@case(WRONG)
def float32_inside_of_float64_wrong():
    """The same, wrong by a third."""
    f = black_box(lambda x: float(np.sum(np.exp(x.astype(np.float32)), dtype=np.float32)))
    return f, lambda x: np.exp(x) * 4 / 3, (normal(5),)


# ----- kinks ----------------------------------------------------------------------------------------------------------
group("kinks")


@case(KINK)
def abs_at_zero():
    """sum |x| with a zero: central differences give 0 there, which is the sign that NumPy says."""
    return lambda x: np.sum(np.abs(x)), np.sign, (np.array([1.0, 0.0, -2.0]),)


@case(KINK)
def abs_at_zero_from_the_right():
    """The same with the other popular choice, +1."""
    return lambda x: np.sum(np.abs(x)), lambda x: np.where(x >= 0, 1.0, -1.0), (np.array([1.0, 0.0, -2.0]),)


@case(OK)
def abs_away_from_zero():
    """No kink within reach."""
    return lambda x: np.sum(np.abs(x)), np.sign, (np.array([1.0, 0.5, -2.0]),)


@case(OK)
def abs_near_zero():
    """The kink is 1e-7 away: a larger step jumps across it, but the function is differentiable."""
    return lambda x: np.sum(np.abs(x)), np.sign, (np.array([1.0, 1e-7, -2.0]),)


@case(WRONG)
def abs_near_zero_wrong():
    """The kink is 1e-7 away, and the sign is wrong."""
    return lambda x: np.sum(np.abs(x)), lambda x: np.where(x > 1e-6, 1.0, -1.0), (np.array([1.0, 1e-7, -2.0]),)


@case(KINK)
def relu_at_zero():
    """max(x, 0) with a zero: 0 is the custom, the middle is 1/2."""
    return lambda x: np.sum(np.maximum(x, 0)), lambda x: (x > 0) * 1.0, (np.array([1.0, 0.0, -2.0]),)


@case(OK)
def relu_away_from_zero():
    """A layer of rectified units, none of them at its kink."""
    W = normal(8, 4, seed=3)
    return lambda x: np.sum(np.maximum(W @ x, 0)), lambda x: W.T @ (W @ x > 0), (normal(4),)


@case(WRONG)
def relu_mask_of_the_wrong_sign():
    """The units that are off get the gradient."""
    W = normal(8, 4, seed=3)
    return lambda x: np.sum(np.maximum(W @ x, 0)), lambda x: W.T @ (W @ x < 0), (normal(4),)


@case(OK)
def relu_units_that_are_off():
    """All units are off, so the gradient is zero, and so are all differences."""
    return lambda x: np.sum(np.maximum(x, 0)), lambda x: np.zeros_like(x), (-1 - np.abs(normal(4)),)


@case(KINK)
def maximum_tied():
    """max of an array with two largest entries; the first one gets it all."""
    return np.max, lambda x: np.eye(len(x))[np.argmax(x)], (np.array([1.0, 3.0, 3.0]),)


@case(OK)
def maximum_alone():
    """max of an array with one largest entry."""
    return np.max, lambda x: np.eye(len(x))[np.argmax(x)], (np.array([1.0, 3.0, 2.0]),)


@case(KINK)
def norm_at_zero():
    """The tip of a cone."""
    return np.linalg.norm, lambda x: x / (np.linalg.norm(x) + 1e-12), (np.zeros(3),)


@case(OK)
def norm_away_from_zero():
    """x/|x|, smooth everywhere but at the tip."""
    return np.linalg.norm, lambda x: x / np.linalg.norm(x), (normal(5),)


@case(KINK)
def jump_of_where():
    """A step exactly where it jumps."""
    f = lambda x: np.sum(np.where(x > 0.5, 1.0 + x, x))
    return f, np.ones_like, (np.array([0.1, 0.5, 2.0]),)


@case(KINK)
def bend_of_where():
    """x² on one side and x on the other: continuous at 1, with slopes 2 and 1."""
    f = lambda x: np.sum(np.where(x > 1, x * x, x))
    return f, lambda x: np.where(x > 1, 2 * x, 1.0), (np.array([0.5, 1.0, 2.0]),)


@case(KINK)
def lasso_at_a_zero_weight():
    """Least squares and |w|: what a sparse solution looks like."""
    X, y = data()
    f = lambda w: np.mean((X @ w - y) ** 2) / 2 + 0.1 * np.sum(np.abs(w))
    return f, lambda w: X.T @ (X @ w - y) / len(y) + 0.1 * np.sign(w), (np.array([0.4, 0.0, -0.2]),)


@case(KINK)
def hinge_at_its_margin():
    """max(0, 1 - y x'w) with one sample exactly on the margin."""
    X = np.array([[1.0, 0.0], [0.5, 2.0], [-1.0, 1.0]])
    y = np.array([1.0, -1.0, 1.0])
    f = lambda w: np.sum(np.maximum(0, 1 - y * (X @ w)))
    return f, lambda w: -X.T @ (y * (y * (X @ w) < 1)), (np.array([1.0, 0.25]),)


@case(KINK)
def clip_at_its_bound():
    """clip(x, 0, 1) at 1."""
    f = lambda x: np.sum(np.clip(x, 0.0, 1.0))
    return f, lambda x: ((x > 0) & (x < 1)) * 1.0, (np.array([0.5, 1.0, 3.0]),)


@case(KINK)
def sum_of_the_two_largest_tied():
    """sort, with a tie between what is in and what is out."""

    def manual(x):
        g = np.zeros_like(x)
        g[np.argsort(x, kind="stable")[-2:]] = 1.0
        return g

    return lambda x: np.sum(np.sort(x)[-2:]), manual, (np.array([5.0, 3.0, 3.0, 1.0]),)


@case(OK)
def tie_inside_of_a_sum():
    """sort, with a tie where it does not matter: both are in."""

    def manual(x):
        g = np.zeros_like(x)
        g[np.argsort(x, kind="stable")[-3:]] = 1.0
        return g

    return lambda x: np.sum(np.sort(x)[-3:]), manual, (np.array([5.0, 3.0, 3.0, 1.0]),)


@case(OK)
def huber_at_its_joint():
    """Quadratic inside and linear outside: the slopes agree at the joint, only the curvature jumps."""
    f = lambda x: np.sum(np.where(np.abs(x) <= 1, x * x / 2, np.abs(x) - 0.5))
    return f, lambda x: np.clip(x, -1, 1), (np.array([0.3, 1.0, -2.0]),)


@case(OK)
def smooth_in_spite_of_abs():
    """x|x| at 0: abs has a kink there, the product has none."""
    return lambda x: np.sum(x * np.abs(x)), lambda x: 2 * np.abs(x), (np.array([0.0, 1.0]),)


@case(KINK)
def square_root_at_zero():
    """An infinite slope on one side, nothing on the other."""
    return lambda x: np.sum(np.sqrt(x)), lambda x: 0.5 / np.sqrt(np.maximum(x, 1e-12)), (np.array([0.0, 1.0]),)


@case(KINK)
def cube_root_at_zero():
    """A vertical tangent: the differences grow without end."""
    return lambda x: np.sum(np.cbrt(x)), lambda x: 1 / (3 * np.cbrt(x) ** 2 + 1e-12), (np.array([0.0, 1.0]),)


@case(OK)
def floor_between_integers():
    """Steps, between two of them: constant, so the gradient is zero."""
    return lambda x: np.sum(np.floor(x)), np.zeros_like, (np.array([0.5, 1.3, -2.2]),)


@case(KINK)
def abs_at_zero_in_a_black_box():
    """No branch to read: the two sides must tell."""
    return black_box(lambda x: np.sum(np.abs(x))), np.sign, (np.array([1.0, 0.0, -2.0]),)


@case(WRONG)
def kink_in_one_leaf_and_a_mistake_in_the_other():
    """a is at a kink of abs; b is smooth and wrong, which is what matters."""
    f = lambda a, b: np.sum(np.abs(a)) + np.sum(b * b)
    return f, lambda a, b: (np.sign(a), b), (np.array([0.0, 1.0]), POINT)


@case(KINK)
def float32_relu_at_zero():
    """A kink in single precision."""
    f = lambda x: np.sum(np.maximum(x, 0))
    return f, lambda x: (x > 0).astype(np.float32), (np.array([1.0, 0.0, -2.0], np.float32),)


# ----- flat points ----------------------------------------------------------------------------------------------------
group("flat points")


@case(OK)
def fourth_power_at_zero():
    """x⁴ at 0: three derivatives vanish."""
    return lambda x: np.sum(x**4), lambda x: 4 * x**3, (np.zeros(3),)


@case(OK)
def sine_at_zero():
    """sin at 0: value and curvature vanish, so rounding is far below what a fixed noise would be."""
    return lambda x: np.sum(np.sin(x)), np.cos, (np.zeros(2),)


@case(WRONG)
def fourth_power_at_zero_wrong():
    """x⁴ at 0 with a gradient of 1e-3."""
    return lambda x: np.sum(x**4), lambda x: 4 * x**3 + 1e-3, (np.zeros(3),)


@case(OK)
def minimum_of_a_square():
    """At a minimum the gradient is exactly zero and has no direction."""
    return lambda x: np.sum((x - POINT) ** 2), lambda x: 2 * (x - POINT), (POINT,)


@case(WRONG)
def minimum_of_a_square_wrong():
    """At a minimum, with 1e-4 left over."""
    return lambda x: np.sum((x - POINT) ** 2), lambda x: 2 * (x - POINT) + 1e-4, (POINT,)


@case(OK)
def constant():
    """A function that is the same everywhere."""
    return lambda x: 3.0 + 0.0 * np.sum(x), np.zeros_like, (POINT,)


@case(WRONG)
def constant_wrong():
    """A constant function with a gradient of 1e-6."""
    return lambda x: 3.0 + 0.0 * np.sum(x), lambda x: 1e-6 + np.zeros_like(x), (POINT,)


@case(OK)
def independent_of_one_leaf():
    """The function does not use b."""
    return lambda a, b: np.sum(a * a), lambda a, b: (2 * a, np.zeros_like(b)), (POINT, normal(2))


@case(OK)
def saturated_tanh():
    """tanh at 50 is 1 to the last bit; its slope is 1e-43."""
    return lambda x: np.sum(np.tanh(x)), lambda x: 1 / np.cosh(x) ** 2, (np.array([50.0, -40.0]),)


@case(OK)
def top_of_a_large_cosine():
    """1e6 cos(x) at 0: large values, large curvature, no slope."""
    return lambda x: 1e6 * np.sum(np.cos(x)), lambda x: -1e6 * np.sin(x), (np.zeros(2),)


# ----- large curvature ------------------------------------------------------------------------------------------------
group("large curvature")


@case(OK)
def sine_of_1e4():
    """sin(1e4 x): a step of 1e-4 crosses a sixth of a wave."""
    return lambda x: np.sum(np.sin(1e4 * x)), lambda x: 1e4 * np.cos(1e4 * x), (POINT,)


@case(OK)
def sine_of_1e6():
    """sin(1e6 x): a step of 1e-6 crosses a sixth of a wave."""
    return lambda x: np.sum(np.sin(1e6 * x)), lambda x: 1e6 * np.cos(1e6 * x), (POINT,)


@case(WRONG)
def sine_of_1e4_wrong():
    """sin(1e4 x), wrong by 1e-3."""
    return lambda x: np.sum(np.sin(1e4 * x)), lambda x: 1.001e4 * np.cos(1e4 * x), (POINT,)


@case(WRONG)
def sine_of_1e6_wrong():
    """sin(1e6 x) without its inner derivative."""
    return lambda x: np.sum(np.sin(1e6 * x)), lambda x: np.cos(1e6 * x), (POINT,)


@case(OK)
def sine_of_1e4_in_a_black_box():
    """The same with values alone: the step has to be found."""
    return black_box(lambda x: np.sum(np.sin(1e4 * x))), lambda x: 1e4 * np.cos(1e4 * x), (POINT,)


@case(OK)
def steep_exponential():
    """exp(300 x) at 1: values of 1e130."""
    return lambda x: np.sum(np.exp(300 * x)), lambda x: 300 * np.exp(300 * x), (np.array([1.0, 0.5]),)


@case(WRONG)
def steep_exponential_wrong():
    """The same, with 301 for 300."""
    return lambda x: np.sum(np.exp(300 * x)), lambda x: 301 * np.exp(300 * x), (np.array([1.0, 0.99]),)


@case(OK)
def reciprocal_near_zero():
    """1/x at 1e-6: a step of 1e-6 reaches the pole."""
    return lambda x: np.sum(1 / x), lambda x: -1 / x**2, (np.array([1e-6, 2e-6]),)


@case(OK)
def logarithm_near_zero():
    """log x at 1e-8: a larger step leaves the domain, and NaN comes back."""
    return lambda x: np.sum(np.log(x)), lambda x: 1 / x, (np.array([1e-8, 1.0]),)


@case(WRONG)
def logarithm_near_zero_wrong():
    """log x at 1e-8 with the derivative of log2."""
    return lambda x: np.sum(np.log(x)), lambda x: 1 / (x * np.log(2)), (np.array([1e-8, 1.0]),)


@case(OK)
def square_root_near_zero():
    """sqrt x at 1e-10."""
    return lambda x: np.sum(np.sqrt(x)), lambda x: 0.5 / np.sqrt(x), (np.array([1e-10, 1.0]),)


@case(OK)
def arcsine_near_one():
    """arcsin at 1 - 1e-9, beside the end of its domain."""
    return lambda x: np.sum(np.arcsin(x)), lambda x: 1 / np.sqrt((1 - x) * (1 + x)), (np.array([1 - 1e-9, 0.2]),)


@case(OK)
def sharp_sigmoid():
    """1/(1 + exp(-1e5 x)) at 1e-5: a step in all but name."""
    s = lambda x: 1 / (1 + np.exp(-1e5 * x))
    return lambda x: np.sum(s(x)), lambda x: 1e5 * s(x) * (1 - s(x)), (np.array([1e-5, -2e-5]),)


@case(OK)
def twentieth_power():
    """x²⁰ at 3: the third derivative is a thousand times the first."""
    return lambda x: np.sum(x**20), lambda x: 20 * x**19, (np.array([3.0, -2.0]),)


@case(OK)
def ill_conditioned_quadratic():
    """Curvatures from 1e-6 to 1e6."""
    c = 10.0 ** np.arange(-6, 7, 3)
    return lambda x: np.sum(c * x * x) / 2, lambda x: c * x, (normal(5),)


# ----- noise ----------------------------------------------------------------------------------------------------------
group("noise")


def noisy(amplitude, factor=1.0, tape=True):
    """sum x² with noise that is new in every call."""
    draw = rng(11)

    def f(x):
        return np.sum(x * x) + amplitude * draw.standard_normal()

    return (f if tape else black_box(f)), lambda x: factor * 2 * x, (POINT,)


@case(OK)
def noise_of_1e_minus_7():
    """Noise in the seventh digit."""
    return noisy(1e-7)


@case(WRONG)
def noise_of_1e_minus_7_wrong():
    """Noise in the seventh digit, and a gradient that is wrong by half."""
    return noisy(1e-7, 1.5)


@case(OK)
def noise_in_a_black_box():
    """Noise in the seventh digit, with values alone."""
    return noisy(1e-7, tape=False)


@case(WRONG)
def noise_in_a_black_box_wrong():
    """Noise in the seventh digit, with values alone, wrong by half."""
    return noisy(1e-7, 1.5, tape=False)


def drowned(factor=1.0):
    """sum sin x, which is bounded, with noise that is larger at every distance."""
    draw = rng(11)
    f = black_box(lambda x: np.sum(np.sin(x)) + 1e3 * draw.standard_normal())
    return f, lambda x: factor * np.cos(x), (POINT,)


@case(INCONCLUSIVE)
def noise_drowns_everything():
    """The noise is a thousand times the function, at any distance; the gradient happens to be right."""
    return drowned()


@case(INCONCLUSIVE)
def noise_drowns_a_mistake():
    """The noise is a thousand times the function; the gradient is wrong by a tenth, and nobody can know."""
    return drowned(1.1)


@case(INCONCLUSIVE)
def dropout_with_a_new_mask():
    """Every call draws its own mask, so value and gradient are those of different functions."""
    draw = rng(12)
    f = lambda x: np.sum((draw.random(x.shape) < 0.5) * x * x)
    return f, lambda x: 2 * (draw.random(x.shape) < 0.5) * x, (normal(20),)


@case(OK)
def monte_carlo_of_a_fixed_seed():
    """Random numbers, but the same in every call."""
    z = lambda: rng(13).standard_normal(200)
    f = lambda x: np.mean(np.exp(x[0] + 0.3 * x[1] * z()))
    manual = lambda x: np.array(
        [np.mean(np.exp(x[0] + 0.3 * x[1] * z())), np.mean(0.3 * z() * np.exp(x[0] + 0.3 * x[1] * z()))]
    )
    return f, manual, (np.array([0.2, 0.7]),)


@case(OK)
def value_read_with_eight_digits():
    """Another program prints its result with eight digits: a staircase of steps of 1e-8."""
    return black_box(lambda x: float(f"{np.sum(np.exp(x)):.8g}")), np.exp, (normal(4),)


@case(WRONG)
def value_read_with_eight_digits_wrong():
    """The staircase, and the gradient of exp taken as that of exp(2x)."""
    return black_box(lambda x: float(f"{np.sum(np.exp(x)):.8g}")), lambda x: 2 * np.exp(2 * x), (normal(4),)


def bisection(x, tolerance):
    """The root of t³ + t = sum x², to a tolerance: what an iterative solver returns is a little rough."""
    low, high, c = 0.0, 100.0, np.sum(x * x)
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if middle**3 + middle < c else (low, middle)
    return (low + high) / 2


@case(OK)
def solver_that_stops_early():
    """An implicit function by bisection to 1e-8."""
    f = black_box(lambda x: bisection(x, 1e-8))
    return f, lambda x: 2 * x / (3 * bisection(x, 1e-14) ** 2 + 1), (POINT,)


@case(WRONG)
def solver_that_stops_early_wrong():
    """The same without the 1 in 3t² + 1."""
    f = black_box(lambda x: bisection(x, 1e-8))
    return f, lambda x: 2 * x / (3 * bisection(x, 1e-14) ** 2), (POINT,)


@case(OK)
def cancellation():
    """((1e7 + x) - 1e7)²: the digits are gone before anything is differentiated."""
    return lambda x: np.sum(((1e7 + x) - 1e7) ** 2), lambda x: 2 * x, (POINT,)


# ----- complex numbers ------------------------------------------------------------------------------------------------
group("complex numbers: the gradient of a real u(x + iy) is du/dx - i du/dy")


def complex_normal(*shape, seed=0):
    return normal(*shape, seed=seed) + 1j * normal(*shape, seed=seed + 1)


@case(OK)
def complex_modulus_squared():
    """|z|² has the gradient 2 conj(z)."""
    return lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * np.conj(z), (complex_normal(4),)


@case(WRONG)
def complex_conjugate_is_missing():
    """2z for |z|²: the imaginary part has the wrong sign."""
    return lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z, (complex_normal(4),)


@case(WRONG)
def complex_real_part_only():
    """The imaginary part of the gradient is dropped."""
    return lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z.real + 0j, (complex_normal(4),)


@case(OK)
def complex_power_spectrum():
    """A real signal, its Fourier transform, and the power in it."""
    w = np.arange(1.0, 9.0)
    f = lambda x: np.sum(w * np.abs(np.fft.fft(x)) ** 2)
    return f, lambda x: 2 * np.real(np.fft.fft(w * np.conj(np.fft.fft(x)))), (normal(8),)


@case(OK)
def complex_real_part_of_exp():
    """Re exp(z), holomorphic before the real part: the gradient is exp(z)."""
    return lambda z: np.sum(np.real(np.exp(z))), np.exp, (complex_normal(3),)


@case(KINK)
def complex_modulus_at_zero():
    """|z| at 0: the tip of a cone over the plane."""
    z = np.array([1.0 + 1.0j, 0.0j])
    return lambda z: np.sum(np.abs(z)), lambda z: np.conj(z) / np.maximum(np.abs(z), 1e-12), (z,)


@case(OK)
def complex_small_scale():
    """1e-10 |z|⁴."""
    return lambda z: 1e-10 * np.sum(np.abs(z) ** 4), lambda z: 4e-10 * np.abs(z) ** 2 * np.conj(z), (complex_normal(3),)
