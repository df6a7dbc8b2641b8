"""What `tree_operation` promises to checkpoints, solvers and the rules of users, which are made of it."""

import dataclasses
import gc
import operator
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad.core.tree import flatten, tree_map
from minigrad.operations.tree_operation import (
    empty,
    filled,
    one_operation,
    transposed,
    tree_jvp,
    tree_series,
    tree_vjp,
)

X, Y = np.array([0.5, -1.5]), np.array([2.0, 0.25])


class Product:
    """x * y, declared as one operation on trees of one form or another; it keeps what its rules were given."""

    def __init__(self, pack, unpack, wrap=lambda out: out, unwrap=lambda out: out):
        self.pack, self.unpack, self.wrap, self.unwrap = pack, unpack, wrap, unwrap
        self.wanted, self.seen = [], []

    def __call__(self, x, y):
        return self.unwrap(one_operation("product", self.fun, self.pack(x, y), self.pull, self.push))

    def fun(self, *args):
        x, y = self.unpack(args)
        self.seen += [type(x), type(y)]
        return self.wrap(x * y)

    def pull(self, g, out, args, wanted):
        (x, y), (of_x, of_y) = self.unpack(args), self.unpack(wanted)
        self.wanted.append((of_x, of_y))
        assert self.unwrap(out).shape == np.shape(x * y)
        g = self.unwrap(g)
        return self.pack(g * y if of_x else None, g * x if of_y else None)

    def push(self, ts, out, args):
        (x, y), (t, u) = self.unpack(args), self.unpack(ts)
        parts = [part for part in (None if t is None else t * y, None if u is None else x * u) if part is not None]
        return self.wrap(sum(parts[1:], parts[0]))


@dataclasses.dataclass
class Pair:
    """Two arrays, and a text that stays as it is."""

    x: object
    y: object
    text: str = "kept"


def forms():
    """The same operation on flat arguments, nested ones and dataclasses, with one result and with several."""
    return {
        "flat": Product(lambda x, y: (x, y), lambda args: args),
        "nested": Product(lambda x, y: ([x], {"y": (y, None)}), lambda args: (args[0][0], args[1]["y"][0])),
        "dataclass": Product(lambda x, y: (Pair(x, y),), lambda args: (args[0].x, args[0].y)),
        "beside a constant": Product(lambda x, y: (x, 3, y, "text"), lambda args: (args[0], args[2])),
        "a list of one": Product(lambda x, y: (x, y), lambda args: args, lambda out: [out], operator.itemgetter(0)),
        "beside an integer": Product(
            lambda x, y: (x, y), lambda args: args, lambda out: {"value": out, "count": 3}, operator.itemgetter("value")
        ),
    }


@pytest.mark.parametrize("name", forms())
def test_all_modes_and_orders(name) -> None:
    """As those of x * y itself, whatever the structure of arguments and results."""
    product = forms()[name]
    f, plain = (lambda x, y, times=times: np.sum(np.sin(times(x, y) * y)) for times in (product, operator.mul))
    for transform in (mg.grad, mg.hessian, mg.jacfwd):
        for argnum in (0, 1):
            np.testing.assert_allclose(transform(f, argnum)(X, Y), transform(plain, argnum)(X, Y), rtol=1e-13)
    curve, straight = (lambda t, f=f: f(X + t * Y, Y - t * t * X) for f in (f, plain))
    np.testing.assert_allclose(mg.derivatives(curve, 0.3, 4), mg.derivatives(straight, 0.3, 4), rtol=1e-12)
    np.testing.assert_allclose(mg.grad(mg.grad(mg.grad(curve)))(0.3), mg.derivatives(straight, 0.3, 3)[3], rtol=1e-12)
    assert set(product.seen) <= {np.ndarray, np.float64}, "the function itself is run on plain values"
    rows = mg.vmap(mg.grad(f))(np.stack([X, Y]), np.stack([Y, X]))
    np.testing.assert_allclose(rows, [mg.grad(plain)(X, Y), mg.grad(plain)(Y, X)], rtol=1e-13)


@pytest.mark.parametrize("name", forms())
def test_a_cotangent_is_asked_for_only_where_it_is_needed(name) -> None:
    product = forms()[name]
    mg.grad(lambda x: np.sum(product(x, Y)))(X)
    assert product.wanted.pop() in [(True, False), (True, None)]
    mg.grad(lambda x, y: np.sum(product(x, y)), (0, 1))(X, Y)
    assert product.wanted.pop() == (True, True)
    # Within a derivative in x, what is traced on an outer level is a constant.
    mg.grad(lambda y: np.sum(mg.grad(lambda x: np.sum(product(x, y)))(X)))(Y)
    assert product.wanted[0] in [(True, False), (True, None)]


def test_what_the_tape_keeps() -> None:
    """One node for one result; for several a node of all, and one that stands for each float among them."""
    one, many = forms()["flat"], forms()["beside an integer"]
    assert [node[0].name for node in mg.trace(one, X, Y).nodes[2:]] == ["product"]
    assert [node[0].name for node in mg.trace(many, X, Y).nodes[2:]] == ["product", "item"]


def test_results_that_are_no_floats_have_no_derivative() -> None:
    def fun(x):
        return {"count": len(x), "text": "abc", "square": x * x, "above": x > 0.0}

    def f(x):
        out = one_operation("fun", fun, (x,), lambda g, out, xs, _: (2.0 * xs[0] * g["square"],), None)
        assert out["count"] == 2
        assert out["text"] == "abc"
        assert type(out["above"]) is np.ndarray
        return np.sum(out["square"] * out["above"]) * out["count"]

    np.testing.assert_array_equal(mg.grad(f)(X), [4.0 * X[0], 0.0])
    integers = mg.grad(lambda x: x[0] * one_operation("length", len, (x,), None, None))(X)
    np.testing.assert_array_equal(integers, [2.0, 0.0])


def test_none_is_zero_also_in_place_of_a_container() -> None:
    def f(x):
        return one_operation("first", lambda tree: tree["a"][0], ({"a": [x, x], "b": x},), pull, push)

    def pull(g, _out, _args, _wanted):
        return ({"a": [g, None], "b": None},)

    def push(ts, _out, _args):
        return ts[0]["a"][0]

    np.testing.assert_array_equal(mg.grad(lambda x: np.sum(f(x)))(X), np.ones(2))
    np.testing.assert_array_equal(mg.jvp(f, (X,), (Y,))[1], Y)

    def nothing(x):
        return one_operation("zero", np.cos, (x,), lambda *_: None, lambda *_: None)

    np.testing.assert_array_equal(mg.grad(lambda x: np.sum(x + nothing(x)))(X), np.ones(2))
    np.testing.assert_array_equal(mg.jvp(nothing, (X,), (Y,))[1], np.zeros(2))


def test_a_rule_that_returns_another_structure_is_an_error_of_this_package() -> None:
    f = lambda x: one_operation("odd", lambda a, b: a * b, (x, [X]), lambda g, *_: (g, [g, g]), None)
    with pytest.raises(AssertionError, match="odd: the pull returned another structure"):
        mg.grad(lambda x: np.sum(f(x)))(X)
    flat = lambda x: one_operation("odd", np.cos, (x,), lambda g, *_: (g, g), None)
    with pytest.raises(AssertionError, match="odd: the pull returned another structure"):
        mg.grad(lambda x: np.sum(flat(x)))(X)


def test_a_traced_value_in_a_closure_is_refused() -> None:
    def f(x):
        return one_operation("closure", lambda y: x * y, (Y,), None, None)

    with pytest.raises(TypeError, match="closure: the function closes over a traced value"):
        mg.grad(lambda x: np.sum(f(x)))(X)


def test_constants_are_watched() -> None:
    """An array among the arguments that is written to before the sweep would give a wrong derivative."""
    product, y = forms()["nested"], Y.copy()

    def f(x):
        out = np.sum(product(x, y))
        y[0] = 7.0
        return out

    with pytest.raises(RuntimeError, match="was changed between its use"):
        mg.grad(f)(X)


@pytest.mark.parametrize("name", forms())
def test_no_reference_cycles(name) -> None:
    """Nodes hold the call; if the call held boxes, memory would wait for the garbage collector."""
    product, kept = forms()[name], []

    def f(x):
        out = product(x, Y)
        kept.append(weakref.ref(x.tape.nodes[-1][4].get("_call") or x.tape.nodes[-2][4]["_call"]))
        return np.sum(out)

    gc.collect()
    gc.disable()
    try:
        mg.grad(f)(X)
        assert kept[0]() is None
    finally:
        gc.enable()


def test_an_empty_structure_does_not_keep_the_leaves_alive() -> None:
    class Leaf:
        """An object that can be referred to weakly."""

    makers = [
        lambda: (Leaf(), [Leaf()]), lambda: {"a": Leaf()}, lambda: Pair(Leaf(), Leaf()), lambda: (Leaf(), Leaf()),
        lambda: [Leaf()],
    ]  # fmt: skip
    for make in makers:
        leaves, treedef = flatten(make())
        bare, refs = empty(treedef), [weakref.ref(leaf) for leaf in leaves if isinstance(leaf, Leaf)]
        assert str(bare) == str(treedef)
        assert str(flatten(bare.unflatten(leaves))[1]) == str(treedef)
        del leaves, treedef
        assert [ref() for ref in refs] == [None] * len(refs)


# ----- derivatives of functions of pytrees ----------------------------------------------------------------------------


def tree_function(params, x):
    """A function of a tree with an integer and a text, which returns one with an integer."""
    w = params["w"] * params["times"]
    return {"out": np.sin(w * x), "size": len(x), "sum": (np.sum(w), params["name"])}


PARAMS, TANGENTS = {"w": X, "times": 3, "name": "abc"}, {"w": Y, "times": None, "name": None}


def test_tree_jvp_and_tree_vjp_are_adjoint() -> None:
    out, moved = tree_jvp(tree_function, (PARAMS, Y), (TANGENTS, None))
    np.testing.assert_allclose(moved["out"], np.cos(3 * X * Y) * 3 * Y * Y)
    assert out["size"] == 2
    assert moved["size"] is None
    assert out["sum"][1] == "abc"
    assert moved["sum"][1] is None
    for once in (False, True):
        again, pull = tree_vjp(tree_function, (PARAMS, Y), once=once)
        np.testing.assert_array_equal(again["out"], out["out"])
        cts = pull({"out": X, "size": None, "sum": (2.0, None)})
        assert cts[0]["times"] is None
        assert cts[0]["name"] is None
        np.testing.assert_allclose(np.sum(cts[0]["w"] * Y), np.sum(X * moved["out"]) + 2.0 * moved["sum"][0])


def test_tree_series_agrees_with_derivatives() -> None:
    """Of p + t q, up to order 3; None is a zero coefficient."""
    found = tree_series("series", tree_function, [(PARAMS, Y), (TANGENTS, None), (None, None), (None, None)], 3)
    parts = [part["out"] for part in found]
    for k, each in enumerate(mg.derivatives(lambda t: np.sin((X + t * Y) * 3 * Y)[0], 0.0, 3)):
        np.testing.assert_allclose(parts[k][0] * [1, 1, 2, 6][k], each, rtol=1e-12)
    assert found[0]["size"] == 2
    assert found[1]["size"] is None


def test_transposed_is_the_transpose() -> None:
    def linear(ts):
        return {"a": 2.0 * ts[0] + ts[1][0], "b": None}

    like, out_like = (X, [Y, 5]), {"a": X, "b": 1}
    cts = transposed(linear, like, out_like, {"a": Y, "b": None})
    np.testing.assert_array_equal(cts[0], 2.0 * Y)
    np.testing.assert_array_equal(cts[1][0], Y)
    assert cts[1][1] is None
    assert transposed(linear, like, out_like, None) == (None, [None, None])
    with pytest.raises(AssertionError, match="weights of the structure"):
        transposed(linear, like, out_like, {"a": Y})


def test_filled_puts_zeros_where_there_is_nothing() -> None:
    full = filled({"a": None, "b": (Y, None)}, {"a": 2.0, "b": (X, 3)})
    assert full["a"] == 0.0
    assert full["b"][0] is Y
    assert full["b"][1] is None
    np.testing.assert_array_equal(filled(None, [X])[0], np.zeros(2))


# ----- the rules of custom_primitive that are asked for ---------------------------------------------------------------


@pytest.mark.parametrize("rules", ["vjp", "jvp"])
@pytest.mark.parametrize("inner", [mg.grad, mg.jacfwd])
def test_a_rule_is_asked_for_only_on_its_own_level(rules, inner) -> None:
    """The argument c has no rule, and moves on an outer level alone; the rule of x does not read the result."""

    def f(x, c):
        return c * x**2

    rule = {"vjp": lambda g, ans, x, c: 2.0 * g * c * x, "jvp": lambda t, ans, x, c: 2.0 * t * c * x}[rules]
    operation = mg.custom_primitive(f, **{rules: [rule]})
    assert mg.grad(lambda c: inner(operation)(1.5, c))(2.0) == 3.0
    assert mg.jacfwd(lambda c: inner(operation)(1.5, c))(2.0) == 3.0
    with pytest.raises(NotImplementedError, match="argument 1 \\(c\\) has no"):
        mg.grad(operation, 1)(1.5, 2.0)


def test_trees_keep_their_structure() -> None:
    """The cotangent of a tree is a tree of the same form."""
    scaled = mg.custom_primitive(
        lambda tree: tree_map(lambda leaf: 2.0 * leaf, tree), vjp=lambda g, ans, tree: tree_map(lambda t: 2.0 * t, g)
    )
    found = mg.grad(lambda tree: np.sum(scaled(tree)["a"][0]))({"a": (X, Y)})
    np.testing.assert_array_equal(found["a"][0], np.full(2, 2.0))
    np.testing.assert_array_equal(found["a"][1], np.zeros(2))
