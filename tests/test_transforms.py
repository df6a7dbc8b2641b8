"""The transformations: what they accept, what they return, and in which structure."""

import warnings
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from references import assert_close

import minigrad.core.tree
import minigrad.numpy as mnp
from minigrad import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    hessian,
    hessian_vector_product,
    hvp,
    jacobian,
    jvp,
    make_jvp,
    make_vjp,
    name,
    trace,
    tree_map,
    value,
    value_and_grad,
    vjp,
)
from minigrad.modes import sweeps

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])


def cubic(x: Any) -> Any:
    """sum x^3."""
    return np.sum(x**3)


# ----- what each returns ----------------------------------------------------------------------------------------------


def test_grad_of_numbers_and_arrays() -> None:
    """A float gives a NumPy number, an array an array, an array without axes such an array."""
    assert grad(lambda x: x**2)(3.0) == 6.0
    assert isinstance(grad(lambda x: x**2)(3.0), np.float64)
    assert isinstance(grad(lambda x: x**2)(np.float32(3.0)), np.float32)
    assert_close(grad(cubic)(X), 3 * X**2, 1e-15)
    zero_dimensional = grad(lambda x: x**2)(np.array(3.0))
    assert isinstance(zero_dimensional, np.ndarray)
    assert zero_dimensional.shape == ()


def test_value_and_grad() -> None:
    """The value is what the function returns, plain."""
    v, g = value_and_grad(cubic)(X)
    assert v == np.sum(X**3)
    assert type(v) is np.float64
    assert_close(g, 3 * X**2, 1e-15)


def test_grad_and_aux_returns_plain_auxiliary_values() -> None:
    """Whatever comes second is freed of boxes, within its structure."""
    g, aux = grad_and_aux(lambda x: (cubic(x), {"twice": 2 * x, "text": "as it is", "list": [x, None, 3]}))(X)
    assert_close(g, 3 * X**2, 1e-15)
    assert type(aux["twice"]) is np.ndarray
    assert type(aux["list"][0]) is np.ndarray
    assert aux["text"] == "as it is"
    assert aux["list"][1:] == [None, 3]


def test_elementwise_grad() -> None:
    """The derivative entry by entry; of other functions, the gradient of the sum."""
    assert_close(elementwise_grad(np.tanh)(X), 1 / np.cosh(X) ** 2, 1e-14)
    assert_close(elementwise_grad(lambda x: A @ x)(X), A.sum(axis=0), 1e-15)
    assert_close(elementwise_grad(lambda x, y: x * y, 1)(X, 2 * X), X, 1e-15)
    assert elementwise_grad(np.sin)(0.0) == 1.0


def test_deriv() -> None:
    """The derivative of a curve."""
    assert_close(deriv(lambda t: np.stack([t, t**2, np.sin(t)]))(0.5), [1.0, 1.0, np.cos(0.5)], 1e-15)
    assert deriv(deriv(lambda t: t**3))(2.0) == 12.0
    assert deriv(np.sin)(np.float32(0.0)).dtype == np.float32


def test_jacobian_shapes_and_values() -> None:
    """Output axes first, input axes last; scalars have no axes."""
    assert_close(jacobian(lambda x: A @ x)(X), A, 1e-15)
    j = jacobian(lambda a: a @ X)(A)
    assert_close(j, np.einsum("ik,j->ikj", np.eye(2), X), 1e-15)
    assert jacobian(cubic)(X).shape == (3,)
    assert jacobian(lambda x: x**2)(3.0) == 6.0
    assert np.shape(jacobian(lambda x: x**2)(3.0)) == ()
    assert jacobian(lambda x: np.outer(x, x))(X).shape == (3, 3, 3)
    assert jacobian(lambda x: x[:0])(X).shape == (0, 3)
    assert jacobian(lambda x: x[:0])(X.astype(np.float32)).dtype == np.float32
    assert jacobian(lambda x: np.ones(2))(X).tolist() == [[0.0] * 3] * 2


def test_jacobian_of_pytrees() -> None:
    """The structure of the output, with the structure of the input at every leaf."""
    j = jacobian(lambda p: {"sum": p["a"] + p["b"], "pair": (p["a"] * p["b"],)})({"a": X, "b": 2 * X})
    assert_close(j["sum"]["a"], np.eye(3), 1e-15)
    assert_close(j["pair"][0]["b"], np.diag(X), 1e-15)
    both = jacobian(lambda x, y: x * y, (0, 1))(X, 2 * X)
    assert_close(both[0], np.diag(2 * X), 1e-15)


def test_hessian() -> None:
    """Second derivatives, of shape S + S."""
    assert_close(hessian(cubic)(X), np.diag(6 * X), 1e-15)
    assert_close(hessian(lambda a: np.sum((a @ X) ** 2))(A), 2 * np.einsum("ik,j,l->ijkl", np.eye(2), X, X), 1e-15)
    assert hessian(lambda x: x**3)(2.0) == 12.0


def test_hessian_vector_products() -> None:
    """All forms equal the Hessian times the vector, in the structure of the argument."""
    v = np.array([1.0, 2.0, -1.0])

    def fun(x: Any) -> Any:
        return np.sum(np.sin(x) * x[::-1] ** 2)

    expected = hessian(fun)(X) @ v
    assert_close(hvp(fun, X, v), expected, 1e-14)
    assert_close(hessian_vector_product(fun)(X, v), expected, 1e-14)
    assert_close(hessian_vector_product(lambda c, x: c * fun(x), 1)(2.0, X, v), 2 * expected, 1e-14)
    product = hvp(lambda p: fun(p["x"]) * p["c"], {"x": X, "c": 1.0}, {"x": v, "c": 0.0})
    assert_close(product["x"], expected, 1e-14)
    assert_close(product["c"], grad(fun)(X) @ v, 1e-14)


def test_vjp_and_jvp_of_pytrees() -> None:
    """Cotangents and tangents come in the structure of the arguments and outputs."""

    def fun(p: Any, s: Any) -> Any:
        return {"y": p[0] * s, "z": [np.sum(p[1])]}

    out, pullback = vjp(fun, (X, A), 2.0)
    assert_close(out["y"], 2 * X, 1e-15)
    of_p, of_s = pullback({"y": np.ones(3), "z": [3.0]})
    assert_close(of_p[0], [2.0, 2.0, 2.0], 1e-15)
    assert_close(of_p[1], np.full((2, 3), 3.0), 1e-15)
    assert_close(of_s, X.sum(), 1e-15)
    again, _ = pullback({"y": np.zeros(3), "z": [1]})
    assert_close(again[1], np.ones((2, 3)), 1e-15)
    out, tangent = jvp(fun, ((X, A), 2.0), ((np.ones(3), np.ones((2, 3))), 1.0))
    assert_close(tangent["y"], 2 + X, 1e-15)
    assert_close(tangent["z"][0], 6.0, 1e-15)


def test_jvp_with_arguments_that_do_not_move() -> None:
    """`None` stands for an argument, or a part of a tuple, that does not move."""
    assert jvp(lambda x, y: x * y, (2.0, 3.0), (None, 1.0))[1] == 2.0
    assert jvp(lambda p, y: p[0] * p[1] * y, ((2.0, 3.0), 4.0), ((1.0, None), None))[1] == 12.0
    assert jvp(lambda x, y: x, (2.0, 3.0), (None, 1.0))[1] == 0.0
    assert jvp(lambda x: x * 0 + 1, (X,), (X,))[1].tolist() == [0.0, 0.0, 0.0]


def test_make_vjp_and_make_jvp_have_the_form_of_autograd() -> None:
    """make_vjp gives (pullback, value), make_jvp gives (value, tangent)."""
    pullback, v = make_vjp(lambda x, y: x * y, 1)(X, 2 * X)
    assert_close(v, 2 * X * X, 1e-15)
    assert_close(pullback(np.ones(3)), X, 1e-15)
    v, t = make_jvp(lambda x, y: x * y, 1)(X, 2 * X)(np.ones(3))
    assert_close(v, 2 * X * X, 1e-15)
    assert_close(t, X, 1e-15)
    _, t = make_jvp(lambda x, y: x * y, (0, 1))(X, 2 * X)((np.ones(3), np.zeros(3)))
    assert_close(t, 2 * X, 1e-15)


def test_a_pullback_may_be_called_many_times_and_in_any_order() -> None:
    """Calls do not influence one another, and do not change the cotangents handed in."""
    _, pullback = vjp(lambda x: x[0] * x + x[[0, 0, 2]] * x[1] + np.sum(x), X)
    cs = [np.array(c) for c in ([1.0, 0.0, 0.0], [0.0, 1.0, 2.0], [3.0, 1.0, 2.0])]
    copies = [c.copy() for c in cs]
    first = [pullback(c)[0] for c in cs]
    second = [pullback(c)[0] for c in reversed(cs)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    assert_close(first[2], 3 * first[0] + first[1], 1e-14)
    assert all(np.array_equal(a, b) for a, b in zip(cs, copies))


@pytest.mark.parametrize("transform", [grad, value_and_grad, elementwise_grad, jacobian, hessian, deriv, make_vjp])
def test_derived_functions_say_what_they_are(transform: Callable[..., Any]) -> None:
    """Name and docstring of the original are carried along; so it goes for lambdas, partials and callables."""
    derived = transform(cubic)
    assert cubic.__name__ in derived.__name__
    assert "sum x^3" in derived.__doc__
    assert derived.__wrapped__ is not None
    assert transform(len).__name__


def test_name_and_value() -> None:
    """`name` returns its argument; `value` the plain number, as a constant."""
    assert name(X, "x") is X
    assert grad(lambda x: name(x, "x") ** 2)(3.0) == 6.0
    assert grad(lambda x: x * value(x))(3.0) == 3.0
    assert grad(lambda x: grad(lambda y: x * y * value(y) * value(x))(2.0))(3.0) == 6.0
    assert value(2.0) == 2.0
    assert type(grad_and_aux(lambda x: (x, value(x)))(3.0)[1]) is np.float64


# ----- argnum and keyword arguments -----------------------------------------------------------------------------------


def three(x: Any, y: Any, z: Any = 2.0, *, scale: float = 1.0) -> Any:
    """A function of three arguments and a keyword."""
    return scale * x * y**2 * z**3


def test_argnum() -> None:
    """An int, a negative int, NumPy's int, a sequence in any order, of one or none."""
    assert grad(three, 1)(2.0, 3.0, 1.0) == 12.0
    assert grad(three, -1)(2.0, 3.0, 1.0) == 54.0
    assert grad(three, np.int64(1))(2.0, 3.0, 1.0) == 12.0
    assert grad(three, argnum=(0, 2))(2.0, 3.0, 1.0) == (9.0, 54.0)
    assert grad(three, [2, 0])(2.0, 3.0, 1.0) == (54.0, 9.0)
    assert grad(three, (-1, 0))(2.0, 3.0, 1.0) == (54.0, 9.0)
    assert grad(three, (1,))(2.0, 3.0, 1.0) == (12.0,)
    assert isinstance(grad(three, [0])(2.0, 3.0), tuple)
    assert jacobian(three, 1)(2.0, 3.0, 1.0) == 12.0
    assert hessian(three, 1)(2.0, 3.0, 1.0) == 4.0


def test_keyword_arguments_are_passed_on() -> None:
    """As constants, through every transformation."""
    assert grad(three)(2.0, 3.0, scale=10.0) == 720.0
    assert grad(three)(2.0, y=3.0, z=1.0) == 9.0
    assert value_and_grad(three)(2.0, 3.0, scale=0.5)[0] == 72.0
    assert vjp(three, 2.0, 3.0, scale=10.0)[0] == 1440.0
    assert jvp(three, (2.0, 3.0), (1.0, 0.0), scale=10.0)[1] == 720.0
    assert hessian(three)(2.0, 3.0, scale=10.0) == 0.0
    assert grad(grad(three, 1), 1)(2.0, 3.0, scale=10.0) == 320.0


# ----- pytrees --------------------------------------------------------------------------------------------------------

Point = namedtuple("Point", ["x", "y"])


class Typed(NamedTuple):
    """A namedtuple with a default."""

    w: Any
    b: Any = 1.0


@dataclass(frozen=True)
class Frozen:
    """A frozen dataclass."""

    w: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Slotted:
    """A frozen dataclass with slots."""

    w: Any
    b: Any


@dataclass
class Post:
    """A dataclass whose __post_init__ must not run on boxes."""

    w: Any
    b: Any
    n: Any = field(default=None)

    def __post_init__(self) -> None:
        if type(self.w) is not float:
            raise AssertionError("__post_init__ was called again")


@dataclass(init=False)
class Custom:
    """A dataclass with an __init__ of its own."""

    w: Any
    b: Any

    def __init__(self) -> None:
        self.w, self.b = 2.0, 3.0


@dataclass
class WithClassVar:
    """Class variables and init-only variables are no parameters."""

    w: Any
    scale: ClassVar[float] = 3.0
    seed: InitVar[int] = 0

    def __post_init__(self, seed: int) -> None:
        self.drawn = seed


PYTREES: list[tuple[Any, Callable[[Any], Any], Any]] = [
    ((2.0, 3.0), lambda p: p[0] * p[1], (3.0, 2.0)),
    ([2.0, [3.0]], lambda p: p[0] * p[1][0], [3.0, [2.0]]),
    ({"a": 2.0, "b": (3.0,)}, lambda p: p["a"] * p["b"][0], {"a": 3.0, "b": (2.0,)}),
    (OrderedDict(z=2.0, a=3.0), lambda p: p["z"] * p["a"], OrderedDict(z=3.0, a=2.0)),
    (defaultdict(list, a=2.0, b=3.0), lambda p: p["a"] * p["b"], defaultdict(list, a=3.0, b=2.0)),
    ({1: 2.0, (0, "k"): 3.0}, lambda p: p[1] * p[(0, "k")], {1: 3.0, (0, "k"): 2.0}),
    (Point(2.0, 3.0), lambda p: p.x * p.y, Point(3.0, 2.0)),
    (Typed(2.0, 3.0), lambda p: p.w * p.b, Typed(3.0, 2.0)),
    (Frozen(2.0, 3.0), lambda p: p.w * p.b, Frozen(3.0, 2.0)),
    (Slotted(2.0, 3.0), lambda p: p.w * p.b, Slotted(3.0, 2.0)),
    (Post(2.0, 3.0), lambda p: p.w * p.b, None),
    (Custom(), lambda p: p.w * p.b, None),
    ([Frozen((2.0,), {"k": 3.0})], lambda p: p[0].w[0] * p[0].b["k"], [Frozen((3.0,), {"k": 2.0})]),
    ((2.0, None, "relu", True, len, 3.0), lambda p: p[0] * p[5] if p[3] and p[2] == "relu" else None, None),
    (
        {"a": 2.0, "empty": (), "none": None, "b": 3.0}, lambda p: p["a"] * p["b"],
        {"a": 3.0, "empty": (), "none": None, "b": 2.0},
    ),
]  # fmt: skip
pytrees = pytest.mark.parametrize(("tree", "fun", "expected"), PYTREES, ids=[str(type(t[0]).__name__) for t in PYTREES])


@pytrees
def test_gradients_come_in_the_structure_of_the_parameters(tree: Any, fun: Any, expected: Any) -> None:
    """Containers of every kind, nested; the original is left as it was."""
    before = repr(tree)
    v, gradient = value_and_grad(fun)(tree)
    assert v == 6.0
    assert type(gradient) is type(tree)
    if expected is not None:
        assert gradient == expected
    numbers = [leaf for leaf in minigrad.core.tree.flatten(gradient)[0] if isinstance(leaf, np.floating)]
    assert [float(n) for n in numbers] == [3.0, 2.0]
    assert repr(tree) == before


@pytrees
def test_second_order_in_the_structure_of_the_parameters(tree: Any, fun: Any, expected: Any) -> None:
    """Gradients of gradients pass through containers too."""
    leaves = minigrad.core.tree.flatten

    def first(p: Any) -> Any:
        return leaves(grad(fun)(p))[0][0] ** 2

    gradient = grad(first)(tree)
    assert type(gradient) is type(tree)
    assert float(leaves(gradient)[0][-1]) == 6.0


def test_what_is_not_a_number_passes_through() -> None:
    """None, strings, bools and functions come back as they went in."""
    gradient = grad(lambda p: p[0] * p[5])((2.0, None, "relu", True, len, 3.0))
    assert gradient == (3.0, None, "relu", True, len, 2.0)


def test_dataclass_class_variables_are_no_parameters() -> None:
    """ClassVar and InitVar are left alone; other attributes survive."""
    gradient = grad(lambda p: p.w**2 * p.scale)(WithClassVar(2.0, seed=7))
    assert gradient.w == 12.0
    assert gradient.scale == 3.0
    assert "scale" not in vars(gradient)
    assert gradient.drawn == 7


def test_defaultdict_keeps_its_factory() -> None:
    """The container is copied, not only its entries."""
    gradient = grad(lambda p: p["a"] ** 2)(defaultdict(list, a=2.0))
    assert gradient["missing"] == []


def test_empty_trees() -> None:
    """No parameters, no gradient."""
    assert grad(lambda p: np.float64(3.0))(()) == ()
    assert grad(lambda p: 3.0)({}) == {}
    assert grad(lambda p: 3.0)([[], {}]) == [[], {}]
    assert grad(lambda p: 3.0)(None) is None


def test_keys_of_dicts_are_matched_by_name() -> None:
    """A tangent or cotangent with the same keys in another order means the same."""
    _, tangent = jvp(lambda p: p["a"] * p["b"] ** 2, ({"a": 1.0, "b": 2.0},), ({"b": 0.0, "a": 1.0},))
    assert tangent == 4.0
    _, pullback = vjp(lambda x: {"u": x, "v": 2 * x}, 3.0)
    assert pullback({"v": 1.0, "u": 0.0}) == (2.0,)


def test_tree_map() -> None:
    """A step of gradient descent on nested parameters; trees of other shape are refused."""
    p = {"A": [A, X], "b": (1.0, None)}
    gradient = grad(lambda p: np.sum(p["A"][0] @ p["A"][1]) * p["b"][0])(p)
    moved = tree_map(lambda w, g: w - 0.1 * g, p, gradient)
    assert_close(moved["A"][1], X - 0.1 * A.sum(axis=0), 1e-15)
    assert moved["b"][1] is None
    with pytest.raises(ValueError, match="differ in shape"):
        tree_map(lambda w, g: w, [1.0, 2.0], [1.0])


@settings(max_examples=25)
@given(
    st.recursive(
        st.floats(-2, 2) | st.none() | st.text(max_size=2),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_tree_has_a_gradient_of_its_shape(tree: Any) -> None:
    """The gradient of half the sum of squares is the tree itself."""
    flatten = minigrad.core.tree.flatten

    def half_square(p: Any) -> Any:
        return sum((0.5 * x * x for x in flatten(p)[0] if not isinstance(x, str)), np.float64(0.0))

    leaves = flatten(tree)[0]
    assume(not leaves or any(isinstance(x, float) for x in leaves))
    gradient = grad(half_square)(tree)
    assert flatten(gradient)[1].paths() == flatten(tree)[1].paths()
    assert gradient == tree


# ----- zero, constant and size-1 outputs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: 3.0, lambda x: 3, lambda x: np.float64(2.0), lambda x: np.array([2.0]), lambda x: np.argmax(x),
        lambda x: np.sum(np.floor(x)), lambda x: np.sum(x > 0), lambda x: x.shape[0],
        lambda x: np.sum(value(x)), lambda x: np.sum(np.zeros_like(x)), lambda x: np.sum(x[5:]),
        lambda x: float(len(x)),
    ],
)  # fmt: skip
def test_constant_outputs_have_the_gradient_zero(fun: Callable[..., Any]) -> None:
    """Zeros of the shape and dtype of the argument, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradient = grad(fun)(X)
        assert gradient.tolist() == [0.0, 0.0, 0.0]
        assert gradient.dtype == X.dtype
        assert jvp(fun, (X,), (np.ones(3),))[1] == 0.0
        assert hessian(fun)(X).shape in {(3, 3), (1, 3, 3)}
        assert not np.any(hessian(fun)(X))


def test_unused_arguments_have_the_gradient_zero() -> None:
    """Each in its shape, and each an array of its own."""
    g = grad(lambda p: p["used"] ** 2)({"used": 3.0, "array": A, "other": A, "narrow": A.astype(np.float32)})
    assert g["used"] == 6.0
    assert not np.any(g["array"])
    assert g["array"].shape == A.shape
    assert g["narrow"].dtype == np.float32
    assert not np.shares_memory(g["array"], g["other"])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_outputs_of_one_entry_are_numbers(shape: tuple[int, ...]) -> None:
    """An array with one entry has a gradient."""
    v, g = value_and_grad(lambda x: np.reshape(np.sum(x**2), shape))(X)
    assert np.shape(v) == shape
    assert_close(g, 2 * X, 1e-15)
    assert_close(grad(lambda x: x[:1] ** 2)(X), [1.0, 0.0, 0.0], 1e-15)


def test_identity() -> None:
    """A function that returns its argument, or another's."""
    assert grad(lambda x: x)(2.0) == 1.0
    assert_close(jacobian(lambda x: x)(X), np.eye(3), 1e-15)
    out, pullback = vjp(lambda x: (x, x), X)
    c = np.ones(3)
    assert_close(pullback((c, c))[0], [2.0, 2.0, 2.0], 1e-15)
    assert out[0] is X or np.array_equal(out[0], X)
    assert c.tolist() == [1.0, 1.0, 1.0]


def test_the_same_array_in_two_arguments() -> None:
    """Each position has a gradient of its own."""
    assert_close(grad(lambda x, y: np.sum(x * y**2), (0, 1))(X, X)[1], 2 * X * X, 1e-15)
    gx, gy = grad(lambda p: np.sum(p[0] + p[1]))((X, X))
    assert not np.shares_memory(gx, gy)


# ----- methods and attributes of a traced value -----------------------------------------------------------------------

METHODS: list[Callable[[Any], Any]] = [
    lambda x: x.shape, lambda x: x.ndim, lambda x: x.size, lambda x: x.dtype, lambda x: len(x),
    lambda x: np.shape(x), lambda x: np.ndim(x), lambda x: np.size(x), lambda x: np.size(x, 1),
    lambda x: x.argmax(), lambda x: x.argmin(axis=1), lambda x: x.argsort(), lambda x: np.argsort(x, axis=0),
    lambda x: x.any(), lambda x: x.all(axis=0), lambda x: np.any(x > 1), lambda x: np.all(x, axis=1),
    lambda x: x.round(1), lambda x: round(x[0, 0], 1), lambda x: np.round(x, 1), lambda x: np.floor(x),
    lambda x: np.sign(x),
    lambda x: np.isnan(x), lambda x: np.isfinite(x), lambda x: x > 0, lambda x: x > 0, lambda x: x == x,
    lambda x: x != 1,
    lambda x: np.greater(x, 0.3), lambda x: np.logical_and(x, 1), lambda x: np.count_nonzero(x),
    lambda x: np.nonzero(x),
    lambda x: np.allclose(x, x), lambda x: np.array_equal(x, x), lambda x: np.isclose(x, 1.0),
    lambda x: np.where(x > 0),
    lambda x: np.zeros_like(x), lambda x: np.ones_like(x), lambda x: np.empty_like(x).shape,
    lambda x: np.result_type(x),
    lambda x: 1.0 in x, lambda x: x[0, 0] in [1.0], lambda x: bool(x[0, 0] > 0), lambda x: str(x),
    lambda x: f"{x[0, 0]:.3f}",
    lambda x: np.argmax(x, axis=1), lambda x: np.searchsorted(np.array([0.0, 1.0]), x), lambda x: x.nonzero(),
    lambda x: x // 1,
    lambda x: np.iscomplexobj(x), lambda x: np.isreal(x), lambda x: np.flatnonzero(x), lambda x: int(value(x)[0, 0]),
    lambda x: x is None,
]  # fmt: skip


@pytest.mark.parametrize("fun", METHODS, ids=range(len(METHODS)))
def test_what_has_no_derivative_is_plain(fun: Callable[[Any], Any]) -> None:
    """Shapes, comparisons, positions and rounding work on traced values and give what NumPy gives, unboxed."""
    seen: list[Any] = []
    grad(lambda x: (seen.append(fun(x)), np.sum(x))[1])(A)
    expected = fun(A)
    assert type(seen[0]) is type(expected)
    assert repr(seen[0]) == repr(expected)
    nested: list[Any] = []
    grad(lambda x: grad(lambda y: (nested.append(fun(y)), np.sum(x * y))[1])(A)[0, 0])(A)
    assert repr(nested[0]) == repr(expected)


def test_branches_on_traced_values() -> None:
    """`if`, `while`, min, max and sorted see the plain value, and the derivative is that of the branch taken."""
    assert grad(lambda x: x**2 if x > 0 else -x)(3.0) == 6.0
    assert grad(lambda x: x**2 if x > 0 else -x)(-3.0) == -1.0
    assert grad(lambda x: max(x, 2.0) * 3)(3.0) == 3.0
    assert grad(lambda x: sorted([x[2], x[0], x[1]])[0] ** 2)(X).tolist() == [0.0, -2.0, 0.0]

    def halving(x: Any) -> Any:
        while abs(x) > 1:
            x = x / 2
        return x

    assert grad(halving)(10.0) == 1 / 16


# ----- large programs: counted, not timed -----------------------------------------------------------------------------


def test_a_tape_of_a_million_operations() -> None:
    """No recursion, in recording, sweeping or freeing; one node per operation."""
    n = 1_000_000

    def chain(x: Any) -> Any:
        for _ in range(n // 2):
            x = x * 0.999999 + 1e-6
        return x

    assert_close(grad(chain)(2.0), 0.999999 ** (n // 2), 1e-9)


def test_a_chain_has_one_node_per_operation() -> None:
    """Also where values are used again."""

    def chain(x: Any) -> Any:
        for _ in range(500):
            x = np.sin(x) * x
        return x

    assert len(trace(chain, 0.5)) == 1001


def test_two_thousand_scalar_parameters() -> None:
    """A list of numbers, each its own leaf."""
    p = [float(k) for k in range(2000)]
    g = grad(lambda p: sum(k * x * x for k, x in enumerate(p)))(p)
    assert [float(x) for x in g] == [2.0 * k * k for k in range(2000)]


@pytest.mark.parametrize("loop", ["index", "iterate", "unpack"])
def test_taking_an_array_apart_entry_by_entry_is_linear(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """n reads of an array of n entries cost one array of zeros and n additions, not n arrays."""
    made: list[Any] = []
    original = sweeps.gathered
    monkeypatch.setattr(sweeps, "gathered", lambda *a: (made.append(len(a[0])), original(*a))[1])

    def total(x: Any) -> Any:
        entries = [x[i] for i in range(len(x))] if loop == "index" else list(x) if loop == "iterate" else [*x]
        return sum(k * e for k, e in enumerate(entries))

    n = 3000
    assert_close(grad(total)(np.ones(n)), np.arange(float(n)), 1e-15)
    assert made == [n]


# ----- autograd names and the namespace -------------------------------------------------------------------------------


def test_the_namespace_has_every_name_of_numpy() -> None:
    """`import minigrad.numpy as np` replaces `import numpy as np`."""
    missing = [n for n in np.__all__ if not hasattr(mnp, n)]
    assert missing == []
    assert mnp.pi == np.pi
    assert mnp.float64 is np.float64
    assert mnp.linalg.LinAlgError is np.linalg.LinAlgError
    assert "sin" in dir(mnp)


@pytest.mark.parametrize(
    "function", ["sum", "exp", "dot", "reshape", "concatenate", "max", "where", "mean", "clip", "size"]
)
def test_the_namespace_on_plain_values_is_numpy(function: str) -> None:
    """Without traced values nothing is different."""
    arguments = {
        "dot": (A, X), "reshape": (A, (3, 2)), "concatenate": ([A, A],), "where": (A > 0, A, 0.0), "clip": (A, 0, 1),
    }.get(function, (A,))  # fmt: skip
    assert np.array_equal(getattr(mnp, function)(*arguments), getattr(np, function)(*arguments))
    assert type(getattr(mnp, function)(*arguments)) is type(getattr(np, function)(*arguments))


def test_float16_and_longdouble() -> None:
    """Other float types stay what they are."""
    for dtype in (np.float16, np.longdouble):
        g = grad(lambda x: np.sum(x**2 * np.mean(x)))(X.astype(dtype))
        assert g.dtype == dtype
        assert_close(g.astype(float), 2 * X * X.mean() + np.sum(X**2) / 3, 5e-3)


def test_float32_sums_in_the_dtype_asked_for() -> None:
    """np.sum(x, dtype=float) adds up in float64, as NumPy does."""
    x = np.full(100_000, 0.1, np.float32)
    for fun in (np.sum, np.mean):
        assert vjp(lambda x, f=fun: f(x, dtype=np.float64), x)[0] == fun(x, dtype=np.float64)
    g = grad(lambda x: np.sum(x, dtype=np.float64))(x)
    assert g.dtype == np.float32
