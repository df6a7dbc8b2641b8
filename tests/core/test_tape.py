"""The tape: one record per operation, in the order in which they were done."""

import contextlib
import gc
import weakref
from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import grad, grad_and_aux, trace, vjp
from minigrad.core.tape import Box, Node, Tape, open_part, peel, read_only


def test_a_tape_of_a_million_operations() -> None:
    """No recursion, in recording, sweeping or freeing; one node per operation."""
    n = 1_000_000

    def chain(x: Any) -> Any:
        for _ in range(n // 2):
            x = x * 0.999999 + 1e-6
        return x

    assert_close(grad(chain)(2.0), 0.999999 ** (n // 2), 1e-9)


def test_the_garbage_collector_has_no_nodes_to_visit() -> None:
    """Once it has seen that their parts refer to nothing that it watches over, it looks at the list alone."""

    def chain(x: Any) -> Any:
        for _ in range(2000):
            x = x * 1.5 - np.sin(x)
        gc.collect()
        return x, len(gc.get_objects())

    assert chain(0.5)[1] + 500 > grad_and_aux(chain)(0.5)[1]


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


X = np.array([0.5, -1.0, 2.0])


# ----- what a record says ---------------------------------------------------------------------------------------------


def program(p: Any) -> Any:
    x, y = p["x"], p["y"]
    h = np.tanh(x * y) + x[::-1]
    return np.sum(h * h) / y[0]


def test_a_node_refers_to_earlier_nodes_only() -> None:
    """The recorded order is a topological order; leaves come first and have no parents."""
    tape = trace(program, {"x": X, "y": X + 3.0})
    assert tape.leaves == 2
    for i, (primitive, parents, args, _, _) in enumerate(tape.nodes):
        assert (primitive is None) == (i < tape.leaves)
        assert len(parents) == len(args)
        assert all(-1 <= parent < i for parent in parents)


def test_a_record_holds_the_values_of_its_parents() -> None:
    tape = trace(program, {"x": X, "y": X + 3.0})
    for node in map(tape.node, range(tape.leaves, len(tape))):
        assert type(node) is Node
        for parent, arg in zip(node.parents, node.args):
            assert parent < 0 or arg is tape.node(parent).ans
        again = node.primitive.fun(*node.args, **node.params)
        assert np.array_equal(again, node.ans)


def test_no_record_refers_to_a_box_of_its_own_tape() -> None:
    """So a tape has no reference cycle: it is gone with its last name, without the garbage collector."""
    arrays: list[Any] = []

    def fun(x: Any) -> Any:
        y = np.sum(np.sin(x) * x)
        arrays.append(weakref.ref(peel(x)))
        for _, _, args, ans, _ in x.tape.nodes:
            assert all(type(v) is not Box or v.tape.serial < x.tape.serial for v in (*args, ans))
        return y

    gc.disable()
    try:
        grad(lambda x: np.sum(grad(fun)(x * 1.0)))(X.copy())
        assert arrays[0]() is None
    finally:
        gc.enable()


def test_an_inner_tape_has_the_larger_serial() -> None:
    serials: list[int] = []

    def inner(y: Any) -> Any:
        serials.append(y.tape.serial)
        return y * y

    def outer(x: Any) -> Any:
        serials.append(x.tape.serial)
        return grad(inner)(x)

    grad(outer)(1.0)
    grad(outer)(1.0)
    assert serials == sorted(set(serials))


def test_a_box_has_the_shape_and_dtype_of_what_it_holds() -> None:
    seen: list[Any] = []
    x = np.ones((2, 3), np.float32)
    grad(lambda x: np.sum(grad(lambda y: np.sum(seen.append((y.shape, y.dtype, y.ndim, y.size)) or y))(x)))(x)
    assert seen == [((2, 3), np.float32, 2, 6)]


def test_a_transformation_closes_its_tape_also_when_the_function_fails() -> None:
    kept: list[Any] = []

    def fails(x: Any) -> Any:
        kept.append(x)
        raise KeyError("of the user")

    with pytest.raises(KeyError, match="of the user"):
        grad(fails)(1.0)
    assert not kept[0].tape.is_open
    assert kept[0] + 1.0 == 2.0


# ----- plain values ---------------------------------------------------------------------------------------------------


def test_peel_takes_off_all_boxes_and_open_part_those_of_closed_tapes() -> None:
    outer, inner = Tape(), Tape()
    box = inner.leaf(outer.leaf(X))
    assert peel(box) is X
    assert open_part(box) is box
    inner.is_open = False
    assert open_part(box) is box.value
    outer.is_open = False
    assert open_part(box) is X
    assert peel("text") == open_part("text") == "text"


def test_a_view_that_is_read_only_leaves_the_array_as_it_is() -> None:
    view = read_only(X)
    assert np.shares_memory(view, X)
    assert not view.flags.writeable
    assert X.flags.writeable
    assert read_only(2.0) == 2.0


# ----- arrays that are watched ----------------------------------------------------------------------------------------


def test_an_array_that_changed_is_noticed_by_its_values() -> None:
    tape, array = Tape(), np.ones(3)
    tape.capture(array)
    tape.check_captured()
    tape.capture(array)
    assert len(tape.captured) == 1
    array[1] = 2.0
    with pytest.raises(RuntimeError, match=r"shape \(3,\) and dtype float64 was changed between its use and the sweep"):
        tape.check_captured()
    array[1] = 1.0
    tape.check_captured()  # the values are what counts


def test_an_array_that_changed_is_named_with_the_line_of_its_use() -> None:
    """Also one that is made anew when the function runs again for its lines."""
    weights = np.ones(3)

    def outside(x: Any) -> Any:
        y = x * 2.0
        return y * weights  # the first line

    def inside(x: Any) -> Any:
        own = np.ones(3)
        y = x * own  # the second line
        own[0] = 7.0
        return np.sum(y)

    _, pullback = vjp(outside, np.ones(3))
    weights[1] = 2.0
    with pytest.raises(RuntimeError, match=r"was changed between its use at .*the first line"):
        pullback(np.ones(3))
    with pytest.raises(RuntimeError, match=r"was changed between its use at .*the second line"):
        grad(inside)(np.ones(3))


def test_a_function_that_runs_once_only_has_no_line() -> None:
    weights, calls = np.ones(3), iter([np.ones(3)])
    _, pullback = vjp(lambda x: x * next(calls) * weights, np.ones(3))
    weights[0] = 2.0
    with pytest.raises(RuntimeError, match="was changed between its use and the sweep"):
        pullback(np.ones(3))


def test_a_result_that_was_handed_out_is_watched() -> None:
    out, pullback = vjp(np.exp, np.ones(3))
    out.flags.writeable = True
    out[0] = 7.0
    with pytest.raises(RuntimeError, match="between its use as a result that was handed out and the sweep"):
        pullback(np.ones(3))


def test_a_leaf_is_watched_too() -> None:
    tape, array = Tape(), np.ones(3)
    tape.leaf(array)
    array[0] = np.nan
    with pytest.raises(RuntimeError, match="as an input of the differentiated function"):
        tape.check_captured()


@pytest.mark.parametrize("levels", [7, 8])
def test_deep_nesting_is_told_its_cost(levels: int) -> None:
    fun: Any = np.tanh
    for _ in range(levels):
        fun = grad(fun)
    with pytest.warns(RuntimeWarning, match="nested 8 deep") if levels == 8 else contextlib.nullcontext():
        fun(0.3)
