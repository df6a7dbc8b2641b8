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
from minigrad.core.tree import flatten as tree_of

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
        st.floats(-2, 2, width=16) | st.none() | st.text(max_size=2),
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


# ----- taking apart and putting together ------------------------------------------------------------------------------


nested = st.recursive(
    st.one_of(st.floats(-1, 1), st.just(None), st.text(max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
        st.builds(Point, inner, inner),
        st.builds(Frozen, inner, inner),
    ),
    max_leaves=8,
)


@given(nested)
def test_a_tree_is_put_together_as_it_was_taken_apart(tree: Any) -> None:
    leaves, treedef = tree_of(tree)
    again = treedef.unflatten(leaves)
    assert again == tree
    assert type(again) is type(tree)
    assert treedef.leaves_of(tree) == leaves


@given(nested)
def test_the_path_of_a_leaf_is_the_python_that_reaches_it(tree: Any) -> None:
    leaves, treedef = tree_of(tree)
    assert all(eval("tree" + path, {"tree": tree}) is leaf for path, leaf in zip(treedef.paths(), leaves))
    assert len(treedef.paths()) == len(leaves)


def test_leaves_go_from_left_to_right_and_dicts_keep_their_order() -> None:
    leaves, treedef = tree_of({"b": [1.0, (2.0, None)], "a": Point(3.0, 4.0)})
    assert leaves == [1.0, 2.0, 3.0, 4.0]
    assert treedef.paths() == ["['b'][0]", "['b'][1][0]", "['a'].x", "['a'].y"]
    assert str(treedef) == "dict(['b']: list([0]: *, [1]: tuple([0]: *, [1]: None)), ['a']: Point(.x: *, .y: *))"


def test_leaves_of_another_tree_come_in_the_order_of_the_first() -> None:
    """None where a container or a key differs; a None in place of a container stands for None at all of its leaves."""
    treedef = tree_of({"a": 1.0, "b": (2.0, 3.0)})[1]
    assert treedef.leaves_of({"b": (20.0, 30.0), "a": 10.0}) == [10.0, 20.0, 30.0]
    assert treedef.leaves_of({"b": None, "a": 10.0}) == [10.0, None, None]
    for other in ({"a": 1.0}, {"a": 1.0, "c": (2.0, 3.0)}, {"a": 1.0, "b": [2.0, 3.0]}, {"a": 1.0, "b": (2.0,)}, 1.0):
        assert treedef.leaves_of(other) is None


def test_a_leaf_is_whatever_is_no_container() -> None:
    for leaf in (1.0, X, "text", len, {1, 2}):
        leaves, treedef = tree_of(leaf)
        assert leaves[0] is leaf
        assert treedef is minigrad.core.tree.LEAF
    assert tree_of(None)[0] == []


class Tagged(list):
    """A list of the user's own."""


class Triple(tuple):
    """A tuple of the user's own."""

    __slots__ = ()


def test_subclasses_of_containers_stay_what_they_are() -> None:
    for tree in (Tagged([1.0, 2.0]), Triple([1.0, 2.0, 3.0]), OrderedDict(b=1.0, a=2.0)):
        leaves, treedef = tree_of(tree)
        again = treedef.unflatten([10 * leaf for leaf in leaves])
        assert type(again) is type(tree)
        assert tree_of(again)[0] == [10 * leaf for leaf in leaves]


def test_a_dataclass_is_rebuilt_without_its_init() -> None:
    """Its `__post_init__` may check what boxes are not, and its `__init__` may take other arguments."""
    before = Custom()
    again = tree_of(before)[1].unflatten([20.0, 30.0])
    assert (again.w, again.b) == (20.0, 30.0)
    assert (before.w, before.b) == (2.0, 3.0)
    assert tree_of(Slotted(1.0, 2.0))[1].unflatten([3.0, 4.0]) == Slotted(3.0, 4.0)


def test_trees_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"differ in shape: list\(\[0\]: \*\) and tuple\(\[0\]: \*\)"):
        tree_map(lambda a, b: a + b, [1.0], (2.0,))
