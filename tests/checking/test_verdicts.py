"""The verdicts of `minigrad.check`: right and wrong gradients of every scale, kinks, noise, untraceable code."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from programs import inputs, scalar, steps

import minigrad
from minigrad import check, grad, vjp
from minigrad.extend import defvjp, primitive

OK, WRONG, KINK, OPEN = "OK", "WRONG", "NOT DIFFERENTIABLE HERE", "INCONCLUSIVE"
x3 = np.array([1.0, -2.0, 0.5])
HILBERT = 1.0 / (np.arange(5)[:, None] + np.arange(5) + 1)
SCALES = np.array([1e12, 1.0, 1e-12])
M = np.random.default_rng(0).standard_normal((4, 3))


def relu(x):
    return np.maximum(x, 0.0)


def slope_of_relu(x):
    return (x > 0) * 1.0


def one_wrong_entry(x):
    g = np.cos(x)
    g[777] += 1e-3
    return g


def float32_inside(x):
    return np.sum(np.tanh(x.astype(np.float32)) ** 2)


def softplus(x):
    return np.sum(np.logaddexp(0.0, x))


CASES = {
    # The failures of other checkers.
    "2.5 times too large, at scale 1e-8": (
        lambda x: 1e-8 * np.sum(np.sin(x)), lambda x: 2.5e-8 * np.cos(x), x3, WRONG),
    "sin(1e4 x)": (lambda x: np.sum(np.sin(1e4 * x)), lambda x: 1e4 * np.cos(1e4 * x), x3, OK),
    "sin(1e6 x)": (lambda x: np.sum(np.sin(1e6 * x)), lambda x: 1e6 * np.cos(1e6 * x), x3, OK),
    "sin(1e6 x), 1 % off": (lambda x: np.sum(np.sin(1e6 * x)), lambda x: 1.01e6 * np.cos(1e6 * x), x3, WRONG),
    "sum x^3 at 1e6": (lambda x: np.sum(x**3), lambda x: 3 * x**2, 1e6 * x3, OK),
    "sum x^3 at 1e6, 1e-6 off": (lambda x: np.sum(x**3), lambda x: 3.000003 * x**2, 1e6 * x3, WRONG),
    "abs at 0": (lambda x: np.sum(np.abs(x)), np.sign, np.array([0.0, 1.0]), KINK),
    "relu at 0": (lambda x: np.sum(relu(x)), slope_of_relu, np.array([0.0, 1.0, -1.0]), KINK),
    # Scales.
    "scale 1e-12": (lambda x: 1e-12 * np.sum(x**2), lambda x: 2e-12 * x, x3, OK),
    "scale 1e12": (lambda x: 1e12 * np.sum(x**2), lambda x: 2e12 * x, x3, OK),
    "scale 1e12, 0.1 % off": (lambda x: 1e12 * np.sum(x**2), lambda x: 2.002e12 * x, x3, WRONG),
    "coordinates of scale 1e12 and 1e-12": (lambda x: np.sum(SCALES * x**2), lambda x: 2 * SCALES * x, x3, OK),
    "the smallest coordinate is wrong": (
        lambda x: np.sum(SCALES * x**2), lambda x: 2 * SCALES * x * np.array([1, 1, 2]), x3, WRONG),
    "parameters of scale 1e12 and 1e-12": (
        lambda x: np.sum(np.sin(x * SCALES)), lambda x: SCALES * np.cos(x * SCALES), x3 / SCALES, OK),
    "on top of 1e12": (lambda x: 1e12 + np.sum(x**2), lambda x: 2 * x, x3, OK),
    "on top of 1e12, wrong": (lambda x: 1e12 + np.sum(x**2), lambda x: 2.5 * x, x3, WRONG),
    "cancellation": (lambda x: np.sum((x + 1e10) ** 2 - 1e20), lambda x: 2 * (x + 1e10), x3, OK),
    "a step far beyond the size of x": (np.cos, lambda x: -np.sin(x), 1e-8, OK),
    "a step far beyond the size of x, wrong": (np.cos, lambda x: -2 * np.sin(x), 1e-8, WRONG),
    "sin(1e12 x), where only the complex step is short enough": (
        lambda x: np.sum(np.sin(1e12 * x)), lambda x: 1e12 * np.cos(1e12 * x), x3, OK),
    "huge curvature": (lambda x: np.exp(50 * x), lambda x: 50 * np.exp(50 * x), 1.0, OK),
    "near a pole": (lambda x: 1 / x, lambda x: -1 / x**2, 1e-6, OK),
    "an ill-conditioned solve": (
        lambda b: np.sum(np.linalg.solve(HILBERT, b) ** 2),
        lambda b: 2 * np.linalg.solve(HILBERT.T, np.linalg.solve(HILBERT, b)), np.ones(5), OK),
    # Flat points.
    "x^4 at 0": (lambda x: np.sum(x**4), lambda x: 4 * x**3, np.zeros(3), OK),
    "x^4 at 0, wrong": (lambda x: np.sum(x**4), lambda x: 4 * x**3 + 1e-3, np.zeros(3), WRONG),
    "a constant": (lambda x: 5.0 + 0.0 * np.sum(x), lambda x: 0.0 * x, x3, OK),
    "a minimum": (lambda x: np.sum((x - 1) ** 2), lambda x: 2 * (x - 1), np.ones(4), OK),
    # Kinks, and what looks like one.
    "a tie of max": (np.max, lambda x: (x == x.max()) / 2.0, np.array([1.0, 1.0, 0.0]), KINK),
    "max without a tie": (np.max, lambda x: (x == x.max()) * 1.0, np.array([1.0, 2.0, 0.0]), OK),
    "a tie of sort": (
        lambda x: np.sum(np.sort(x) * np.arange(3)), lambda x: 1.0 * np.argsort(np.argsort(x)),
        np.array([1.0, 1.0, 0.0]), KINK),
    "a norm at 0": (np.linalg.norm, lambda x: 0.0 * x, np.zeros(3), KINK),
    "sqrt at 0": (lambda x: np.sum(np.sqrt(x)), lambda x: x + np.inf, np.zeros(2), KINK),
    "cbrt at 0": (lambda x: np.sum(np.cbrt(x)), lambda x: 0.0 * x, np.zeros(2), KINK),
    "a jump": (lambda x: np.sum(np.floor(x) + x), np.ones_like, np.array([1.0, 2.0]), KINK),
    "between jumps": (lambda x: np.sum(np.floor(x) + x), np.ones_like, np.array([1.3, 2.6]), OK),
    "x sign(x), whose sign is on no tape": (lambda x: np.sum(x * np.sign(x)), np.sign, np.zeros(2), KINK),
    "an if": (lambda x: x**2 if x > 0 else -x, lambda x: 0.0, 0.0, KINK),
    "outside of the domain": (np.log, lambda x: 1 / x, -1.0, KINK),
    "one kink among ten thousand": (
        lambda x: np.sum(np.abs(x)), np.sign, np.r_[0.0, np.linspace(0.1, 1.0, 10_000)], KINK),
    "abs(x)^2 at 0 is smooth": (lambda x: np.sum(np.abs(x) ** 2), lambda x: 2 * x, np.zeros(3), OK),
    "x abs(x) at 0 is smooth": (lambda x: np.sum(np.abs(x) * x), lambda x: 2 * np.abs(x), np.zeros(3), OK),
    "a smooth where": (
        lambda x: np.sum(np.where(x > 0, x**2, 0.0)), lambda x: np.where(x > 0, 2 * x, 0.0), np.zeros(3), OK),
    "a kink beyond the step": (lambda x: np.sum(relu(x)), slope_of_relu, np.array([1e-7, 1.0, -1.0]), OK),
    "wrong beside a kink": (
        lambda x: np.sum(relu(x)), lambda x: 2 * slope_of_relu(x), np.array([0.0, 1.0, -1.0]), WRONG),
    # Single entries, and entries that are no numbers.
    "one entry of 100 000": (lambda x: np.sum(np.sin(x)), one_wrong_entry, np.linspace(-3, 3, 100_000), WRONG),
    "none of 100 000": (lambda x: np.sum(np.sin(x)), np.cos, np.linspace(-3, 3, 100_000), OK),
    "NaN": (lambda x: np.sum(x**2), lambda x: x * np.nan, x3, WRONG),
    # Right formulas that lose digits.
    "1 - tanh^2 in the tail": (lambda x: np.sum(np.tanh(x)), lambda x: 1 - np.tanh(x) ** 2, np.array([8.0, 12.0]), OK),
    "a logistic function without care": (softplus, lambda x: np.exp(x) / (1 + np.exp(x)), 10 * x3, OK),
    # float32.
    "float32": (lambda x: np.sum(np.tanh(x)), lambda x: 1 - np.tanh(x) ** 2, x3.astype(np.float32), OK),
    "float32, 1 % off": (
        lambda x: np.sum(np.tanh(x)), lambda x: 1.01 * (1 - np.tanh(x) ** 2), x3.astype(np.float32), WRONG),
    "float32 within": (
        float32_inside, lambda x: 2 * np.tanh(x) * (1 - np.tanh(x) ** 2), x3.astype(np.float32), OK),
    "float32 within, 10 % off": (
        float32_inside, lambda x: 2.2 * np.tanh(x) * (1 - np.tanh(x) ** 2), x3.astype(np.float32), WRONG),
    # Complex parameters: du/dx - i du/dy.
    "complex": (lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * np.conj(z), np.array([1 + 2j, -0.5 + 0.3j]), OK),
    "complex, conjugated": (lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z, np.array([1 + 2j, -0.5 + 0.3j]), WRONG),
    "complex, holomorphic": (
        lambda z: np.real(np.sum(z**3)), lambda z: 3 * z**2, np.array([1 + 2j, -0.5 + 0.3j]), OK),
    # Functions that cannot be traced.
    "untraced": (lambda x: sum(math.sin(t) for t in x), np.cos, x3, OK),
    "untraced, wrong": (lambda x: sum(math.sin(t) for t in x), lambda x: 2 * np.cos(x), x3, WRONG),
    "untraced, at a kink": (lambda x: sum(abs(float(t)) for t in x), np.sign, np.array([0.0, 1.0]), KINK),
    # What no derivative flows through: hand and tape may agree, and both be wrong.
    "a detached factor": (lambda x: np.sum(x * minigrad.value(x)), lambda x: x, x3, WRONG),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_verdict(name, seed):
    f, manual, x, expected = CASES[name]
    report = check(f, manual, x, seed=seed)
    assert report.verdict == expected, str(report)
    assert report.evaluations <= 40


def noisy(level, seed=0):
    rng = np.random.default_rng(seed)
    # abs, so that the complex step is of no use.
    return lambda x: np.sum(np.abs(np.sin(x))) + level * rng.standard_normal()


def slope(x):
    return np.sign(np.sin(x)) * np.cos(x)


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_function_is_confirmed_or_left_open_and_never_the_wrong_way(seed):
    assert check(noisy(1e-6, seed), slope, x3, seed=seed).verdict == OK
    assert check(noisy(1e-6, seed), lambda x: 2 * slope(x), x3, seed=seed).verdict == WRONG
    assert check(noisy(30.0, seed), slope, x3, seed=seed).verdict == OPEN
    assert check(noisy(30.0, seed), lambda x: 2 * slope(x), x3, seed=seed).verdict in (WRONG, OPEN)
    for level in (1e-3, 1e-2, 1e-1, 1.0):
        assert check(noisy(level, seed), slope, x3, seed=seed).verdict in (OK, OPEN)
        assert check(noisy(level, seed), lambda x: 2 * slope(x), x3, seed=seed).verdict in (WRONG, OPEN)


def test_noise_does_not_hide_a_derivative_from_the_complex_step():
    rng = np.random.default_rng(0)

    def f(x):
        return np.sum(np.sin(x)) + 30.0 * rng.standard_normal()

    assert check(f, np.cos, x3).verdict == OK
    assert check(f, lambda x: 2 * np.cos(x), x3).verdict == WRONG


@pytest.mark.parametrize("seed", range(5))
def test_a_small_error_that_noise_hides_is_not_confirmed(seed):
    assert check(noisy(1e-3, seed), lambda x: 1.001 * slope(x), x3, seed=seed).verdict in (WRONG, OPEN)
    assert check(noisy(1e-6, seed), lambda x: (1 + 1e-5) * slope(x), x3, seed=seed).verdict in (WRONG, OPEN)
    assert check(noisy(1e-6, seed), lambda x: (1 + 1e-11) * slope(x), x3, seed=seed).verdict == OK


def test_the_noise_is_measured():
    report = check(noisy(1e-6), slope, x3)
    assert 3e-7 < report.noise < 1e-5
    assert check(lambda x: np.sum(x**2), lambda x: 2 * x, x3).noise < 1e-14


TREE = {"a": x3, "b": np.array([[1.0, 2.0], [3.0, 4.0]])}


def of_tree(p):
    return np.sum(np.sin(p["a"])) * np.sum(p["b"] ** 2)


def gradient_of_tree(p):
    return {"a": np.cos(p["a"]) * np.sum(p["b"] ** 2), "b": np.sum(np.sin(p["a"])) * 2 * p["b"]}


@pytest.mark.parametrize("traced", [True, False])
def test_the_wrong_leaf_is_named(traced):
    f = of_tree if traced else lambda p: float(of_tree(p))
    assert check(f, gradient_of_tree, TREE).verdict == OK
    report = check(f, lambda p: gradient_of_tree(p) | {"b": gradient_of_tree(p)["b"] / 2}, TREE)
    assert [(leaf.path, leaf.verdict) for leaf in report.leaves] == [("p['a']", OK), ("p['b']", WRONG)]
    assert report.leaves[1].diagnosis == "a constant factor of 1/2"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: {"a": g["a"]}, "there is no gradient for this leaf"),
        (lambda g: g | {"b": None}, "there is no gradient for this leaf"),
        (lambda g: g | {"b": g["b"].ravel()}, "your gradient has shape (4,), the parameter (2, 2)"),
        (lambda g: g | {"c": 1.0}, "has the key 'c', which the parameter has not"),
        (lambda g: [g["a"], g["b"]], "is a list, the parameter a dict"),
        (lambda g: g["a"], "is a ndarray, the parameter a dict"),
    ],
)
def test_shapes_and_structure_come_first(change, said):
    report = check(of_tree, lambda p: change(gradient_of_tree(p)), TREE)
    assert report.verdict == WRONG
    assert said in str(report)


def test_leaves_of_different_influence_are_told_apart_without_a_tape():
    def f(p):
        return float(1e6 * np.sum(np.sin(p[0])) + np.sum(np.cos(p[1])) + 1e-3 * np.sum(p[2] ** 2))

    def by_hand(p, *factors):
        g = (1e6 * np.cos(p[0]), -np.sin(p[1]), 2e-3 * p[2])
        return tuple(a * b for a, b in zip(g, factors))

    p = (x3, x3 + 0.5, x3)
    for wrong in range(-1, 3):
        factors = [1.5 if k == wrong else 1.0 for k in range(3)]
        report = check(f, lambda p, factors=factors: by_hand(p, *factors), p)
        verdicts = [leaf.verdict for leaf in report.leaves]
        assert verdicts == [WRONG if k == wrong else OK for k in range(3)], str(report)
        assert report.evaluations <= 40
    many = check(lambda p: float(sum(10.0**k * np.sum(x**2) for k, x in enumerate(p))),
                 lambda p: [2 * 10.0**k * x for k, x in enumerate(p)], [x3] * 12)  # fmt: skip
    assert many.verdict in (OK, OPEN)
    assert many.evaluations <= 40


def test_lists_and_tuples_stand_for_each_other():
    def f(p):
        return np.sum(p[0] ** 2) + np.sum(p[1][0] ** 3)

    report = check(f, lambda p: [2 * p[0], (3 * p[1][0] ** 2,)], (x3, [x3]))
    assert report.verdict == OK
    assert "is a list, the parameter a tuple" in str(report)


@dataclass
class Layer:
    W: np.ndarray
    name: str


def test_dataclasses_and_leaves_that_are_no_numbers():
    def f(layer):
        return np.sum(layer.W**2)

    assert check(f, lambda p: Layer(2 * p.W, p.name), Layer(x3, "first")).verdict == OK
    report = check(f, lambda p: Layer(p.W, p.name), Layer(x3, "first"))
    assert (report.verdict, report.leaves[0].path) == (WRONG, "layer.W")


def test_several_arguments_and_values_beside_the_gradient():
    def f(x, y, scale=1.0):
        return scale * np.sum(x * y)

    def by_hand(x, y, scale=1.0):
        return f(x, y, scale), scale * y, scale * x

    y = x3 + 1.0
    report = check(f, by_hand, x3, y, argnum=(0, 1), scale=2.0)
    assert (report.verdict, report.kind) == (OK, "value_and_gradient")
    assert check(f, lambda x, y: (f(x, y), y), x3, y).kind == "value_and_gradient"
    assert check(f, lambda x, y: x, x3, y, argnum=1).verdict == OK
    wrong = check(f, lambda x, y: (1.1 * f(x, y), y), x3, y)
    assert (wrong.verdict, wrong.leaves[-1].path) == (WRONG, "(value)")


def test_a_gradient_given_as_numbers():
    assert check(lambda x: np.sum(x**2), 2 * x3, x3).verdict == OK
    assert check(lambda x: np.sum(x**2), 3 * x3, x3).verdict == WRONG


def layer(x):
    return np.tanh(M @ x)


def jacobian_by_hand(x):
    return (1 - np.tanh(M @ x) ** 2)[:, None] * M


def test_jacobians():
    report = check(layer, jacobian_by_hand, x3)
    assert (report.verdict, report.kind, report.leaves[0].shape) == (OK, "jacobian", (4, 3))

    def one_wrong(x):
        J = jacobian_by_hand(x)
        J[2, 1] *= 1.01
        return J

    wrong = check(layer, one_wrong, x3)
    assert (wrong.verdict, wrong.leaves[0].worst_index) == (WRONG, (2, 1))
    assert wrong.leaves[0].diagnosis == "only entry [2, 1] is wrong"
    assert check(layer, lambda x: jacobian_by_hand(x).T, x3).leaves[0].diagnosis == "it is transposed: take .T"


def test_the_shape_of_a_jacobian():
    report = check(layer, lambda x: jacobian_by_hand(x).T, x3)
    assert "your jacobian has shape (3, 4), it should have (4, 3)" in str(report)
    assert "your jvp has shape (3,), it should have (4,)" in str(check(layer, lambda x, v: v, x3, kind="jvp"))


def test_a_gradient_of_lower_precision_is_held_to_it():
    report = check(lambda x: np.sum(np.sin(x)), lambda x: np.cos(x).astype(np.float32), x3)
    assert report.verdict == OK
    assert "has the dtype float32, the parameter float64" in str(report)
    assert check(lambda x: np.sum(np.sin(x)), lambda x: (1.0001 * np.cos(x)).astype(np.float32), x3).verdict == WRONG


def test_a_complex_gradient_of_a_real_parameter():
    assert check(lambda x: np.sum(x**2), lambda x: 2 * x + 0j, x3).verdict == OK
    report = check(lambda x: np.sum(x**2), lambda x: 2 * x + 0.1j, x3)
    assert report.verdict == WRONG
    assert "its imaginary part has the norm" in str(report)


def test_functions_that_work_entry_by_entry():
    u = np.linspace(-2, 2, 12).reshape(3, 4)
    report = check(np.arctan, lambda u: 1 / (1 + u**2), u)
    assert (report.verdict, report.kind) == (OK, "elementwise")
    wrong = check(np.arctan, lambda u: 1 / (1 + np.arctan(u) ** 2), u)
    assert wrong.verdict == WRONG
    assert "the derivative of arctan is taken at its output instead of its input" in wrong.leaves[0].diagnosis
    assert check(np.arctan, lambda u: np.diag(1 / (1 + u**2)), u[0]).kind == "jacobian"


def test_vjps_and_jvps():
    assert check(layer, lambda x, c: jacobian_by_hand(x).T @ c, x3, kind="vjp").verdict == OK
    assert check(layer, lambda x, c: M.T @ c, x3, kind="vjp").verdict == WRONG
    assert check(layer, lambda x, v: jacobian_by_hand(x) @ v, x3, kind="jvp").verdict == OK
    wrong = check(layer, lambda x, v: M @ v, x3, kind="jvp")
    assert wrong.verdict == WRONG
    assert "the derivative of tanh is missing" in wrong.leaves[0].diagnosis


def test_outputs_that_are_trees():
    def f(x):
        return {"u": np.sin(x), "v": np.sum(x**2)}

    right = check(f, lambda x: {"u": np.diag(np.cos(x)), "v": 2 * x}, x3)
    assert right.verdict == OK
    report = check(f, lambda x: {"u": np.diag(np.cos(x)), "v": x}, x3)
    assert [(leaf.path, leaf.verdict) for leaf in report.leaves] == [("out['u'], x", OK), ("out['v'], x", WRONG)]


def test_kinks_are_located():
    report = check(lambda x: np.sum(relu(x)), slope_of_relu, np.array([0.0, 1.0]))
    assert any(kink.operation == "maximum" and "relu" not in kink.detail for kink in report.kinks)
    assert any(kink.line and "np.maximum(x, 0.0)" in kink.line for kink in report.kinks)
    leaves = check(
        lambda p: np.sum(np.abs(p["a"])) + np.sum(p["b"] ** 2),
        lambda p: {"a": np.sign(p["a"]), "b": 2 * p["b"]},
        {"a": np.array([0.0, 1.0]), "b": x3},
    ).leaves
    assert [leaf.verdict for leaf in leaves] == [KINK, OK]


def test_the_tape_may_be_the_one_that_is_wrong():
    @primitive
    def wrong_square(x):
        return x**2

    defvjp(wrong_square, lambda ans, x: lambda g: g * 3 * x)
    report = check(lambda x: np.sum(wrong_square(x)), lambda x: 2 * x, x3)
    assert report.verdict == OK
    assert any("the tape's own derivative is wrong" in note for note in report.notes)


def test_a_gradient_that_changes_from_call_to_call_is_not_excused_as_rounding():
    rng = np.random.default_rng(0)
    assert check(lambda x: np.sum(x**2), lambda x: 2 * x * rng.choice([1.0, 1.1], 3), x3, seed=3).verdict == WRONG


def test_a_function_that_refuses_points_near_by():
    def root(x):
        if np.any(x < 0):
            raise KeyError("negative")
        return np.sum(np.sqrt(x) * x)

    report = check(root, lambda x: 1.5 * np.sqrt(x), np.array([0.0, 1.0]))
    assert report.verdict == KINK
    assert "next to the point f raises an exception: KeyError: 'negative'" in str(report)
    assert check(root, lambda x: 1.5 * np.sqrt(x), np.array([0.1, 1.0])).verdict == OK


@settings(max_examples=40, deadline=None)
@given(program=steps, x=inputs, factor=st.sampled_from([1.0, 1.001, 2.0, -1.0, 0.0]), seed=st.integers(0, 100))
def test_random_programs(program, x, factor, seed):
    f = scalar(program)
    largest = np.argmax(np.abs(grad(f)(x)))
    assume(abs(grad(f)(x).flat[largest]) > 1e-6)

    def by_hand(x):
        g = grad(f)(x)
        g.flat[largest] *= factor
        return g

    report = check(f, by_hand, x, seed=seed)
    assert report.verdict == (OK if factor == 1.0 else WRONG), str(report)
    assert (report.leaves[0].diagnosis is None) or factor != 1.0


def test_bad_input_is_refused():
    with pytest.raises(TypeError, match="integers have no derivative"):
        check(lambda x: x**2, lambda x: 2 * x, 3)
    with pytest.raises(ValueError, match="kind is one of"):
        check(np.sin, np.cos, 1.0, kind="slope")
    with pytest.raises(ValueError, match="a gradient is that of one number"):
        check(np.sin, np.cos, x3, kind="gradient")
    with pytest.raises(TypeError, match="is empty"):
        check(lambda p: 1.0, lambda p: p, [])
    with pytest.raises(TypeError, match="value_and_gradient returns a pair"):
        check(np.sin, np.cos, 1.0, kind="value_and_gradient")


def test_arguments_are_left_alone():
    x = x3.copy()

    def greedy(x):
        x *= 2
        return x

    assert check(lambda x: np.sum(x**2), greedy, x).verdict == OK
    np.testing.assert_array_equal(x, x3)


SHAPES = {
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "square": (lambda t: t**2, lambda t: 2 * t),
    "arctan": (np.arctan, lambda t: 1 / (1 + t**2)),
}


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    inner=st.floats(-6, 6),
    outer=st.floats(-12, 12),
    seed=st.integers(0, 1000),
    factor=st.sampled_from([1.0, -1.0, 0.5, 1.02, 1.5, 3.0]),
)
def test_no_scale_makes_a_false_verdict(shape, inner, outer, seed, factor):
    f, derivative = SHAPES[shape]
    a, b = 10.0**inner, 10.0**outer
    x = np.random.default_rng(seed).uniform(0.2, 1.5, 4) / a * np.array([1, -1, 1, -1])
    report = check(lambda x: b * np.sum(f(a * x)), lambda x: factor * a * b * derivative(a * x), x, seed=seed)
    assert report.verdict == (OK if factor == 1.0 else WRONG), str(report)
    assert report.evaluations <= 40


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 60), seed=st.integers(0, 1000), wrong=st.booleans())
def test_random_networks(n, seed, wrong):
    rng = np.random.default_rng(seed)
    W, V, x = rng.standard_normal((5, n)), rng.standard_normal((2, 5)), rng.standard_normal((n, 3))

    def f(p):
        return np.sum(np.log(np.sum(np.exp(p[1] @ np.arctan(p[0] @ x)), axis=0)))

    entry = rng.integers(2), rng.integers(5)

    def by_hand(p):
        dW, dV = vjp(f, p)[1](1.0)[0]
        if wrong:
            dV[entry] *= 1.001
        return dW, dV

    report = check(f, by_hand, (W, V), seed=seed)
    assert [leaf.verdict for leaf in report.leaves] == [OK, WRONG if wrong else OK], str(report)


def test_the_arguments_are_told_from_what_is_returned():
    """A part for each argument means all of them; otherwise the first one is meant, as in `grad`."""
    A, b = np.array([[0.5, -1.0], [2.0, 0.3]]), np.array([0.1, 0.2])

    def f(A, b):
        return np.sum(np.tanh(A @ b) + b**2)

    def gA(A, b):
        return np.outer(1 - np.tanh(A @ b) ** 2, b)

    def gb(A, b):
        return A.T @ (1 - np.tanh(A @ b) ** 2) + 2 * b

    right = [
        lambda A, b: (gA(A, b), gb(A, b)),
        lambda A, b: [gA(A, b), gb(A, b)],
        lambda A, b: (f(A, b), (gA(A, b), gb(A, b))),
        lambda A, b: (f(A, b), gA(A, b), gb(A, b)),
    ]
    for manual in right:
        report = check(f, manual, A, b)
        assert (report.verdict, len(report.leaves)) == ("OK", 2)
    for manual in (gA, lambda A, b: (f(A, b), gA(A, b))):
        report = check(f, manual, A, b)
        assert (report.verdict, len(report.leaves)) == ("OK", 1)
    wrong = check(f, lambda A, b: (gA(A, b), gb(A, b)[:, None]), A, b)
    assert [leaf.verdict for leaf in wrong.leaves] == ["OK", "WRONG"]
    P = [A, b]  # one argument with two leaves, and data
    assert check(lambda P, s: s * f(*P), lambda P, s: [s * gA(*P), s * gb(*P)], P, 2.0).verdict == "OK"
    numbers = check(lambda x, y: x * y**2, lambda x, y: (y**2, 2 * x * y), 3.0, 0.5)
    assert (numbers.verdict, len(numbers.leaves)) == ("OK", 2)
    pair = check(lambda x, y: x * y**2, lambda x, y: (x * y**2, y**2), 3.0, 0.5)
    assert (pair.verdict, len(pair.leaves)) == ("OK", 1)


def test_a_call_that_was_forgotten_is_no_wrong_gradient() -> None:
    with pytest.raises(TypeError, match="returned the function <lambda>, not numbers: call it"):
        check(lambda w: np.sum(w**2), lambda w: lambda: 2 * w, np.ones(3))


@pytest.mark.parametrize("size", [np.sum, lambda x: np.sum(np.abs(x))], ids=["analytic", "not analytic"])
@pytest.mark.parametrize(("height", "rate"), [(1e-3, 1e9), (1e-6, 1e9), (0.1, 1e7)])
def test_what_varies_within_the_steps_is_no_mistake_of_the_tape(size: Any, height: float, rate: float) -> None:
    """Differences of longer steps see the mean of an oscillation, and so does the formula by hand."""

    def f(x: Any) -> Any:
        return np.sum(x**2) + height * np.sin(rate * size(x))

    x = np.array([0.3, 0.7, 1.1])
    assert check(f, lambda x: 2 * x, x).verdict in ("WRONG", "INCONCLUSIVE")
    assert check(f, grad(f), x).verdict in ("OK", "INCONCLUSIVE")
