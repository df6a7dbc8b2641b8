"""Trees of parameters: every kind of container comes back as it went in, at any order."""

import collections
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
from minigrad import grad, jvp, tree_map, value, value_and_grad, vjp
from minigrad.misc.flatten import flatten, flatten_func

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])

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


def test_value_of_a_container() -> None:
    """No derivative flows through any of its leaves."""
    assert grad(lambda x: x * sum(value([x, x])))(2.0) == 4.0
    assert grad(lambda x: x * value({"a": (x, "text")})["a"][0])(3.0) == 3.0


def test_counters_are_dicts() -> None:
    """Their `update` would count."""
    gradient = grad(lambda p: p["a"] ** 2)(collections.Counter(a=3.0))
    assert gradient == collections.Counter(a=6.0)


def test_flatten_keeps_dtypes_and_differentiates() -> None:
    params = {"a": np.float32([1.0, 2.0]), "n": None, "b": [np.eye(2), 3.0]}
    vector, unflatten = flatten(params)
    again = unflatten(vector)
    assert again["a"].dtype == np.float32
    assert again["n"] is None
    assert again["b"][1] == 3.0
    assert grad(lambda v: np.sum(unflatten(v)["b"][0] ** 2))(vector).tolist() == [0, 0, 2, 0, 0, 2, 0]
    assert grad(lambda p: np.sum(flatten(p)[0] ** 2))({"a": 2.0}) == {"a": 4.0}
    with pytest.raises(ValueError, match=r"shape \(7,\), got \(2,\)"):
        unflatten(np.ones(2))
    fun, _, start = flatten_func(lambda p: {"s": np.sum(p["a"])}, {"a": np.ones(3)})
    assert fun(start).tolist() == [3.0]
