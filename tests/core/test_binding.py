"""Binding: an operation on boxes runs one level down and leaves one record; on plain values it leaves nothing."""

from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
from minigrad import grad, trace
from minigrad.core.primitive import elementwise, linear_in_all
from minigrad.core.tape import Box, Tape

X = np.array([0.5, -1.0, 2.0])
C = np.array([1.0, 2.0, 3.0])


def test_plain_values_go_to_the_function_and_no_tape_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    square = elementwise("square", lambda x: seen.append(x) or x * x, lambda g, _ans, x: g * 2.0 * x)
    monkeypatch.setattr(Tape, "__init__", lambda self: pytest.fail("a tape was opened"))
    assert square(3.0) == 9.0
    assert type(square(3)) is int
    assert square(X).tolist() == [0.25, 1.0, 4.0]
    assert seen[-1] is X


def test_one_call_is_one_record() -> None:
    """Primitive, parents, arguments one level down, result, and what is not differentiated."""
    tape = trace(lambda x, y: mnp.sum(x * y, axis=0), X, C)
    assert len(tape) == 4
    product, total = tape.node(2), tape.node(3)
    assert (product.primitive.name, product.parents, product.params) == ("multiply", (0, 1), {})
    assert product.args[0] is tape.node(0).ans
    assert (total.primitive.name, total.parents) == ("sum", (2,))
    assert total.params["axis"] == 0
    assert total.args[0] is product.ans


def test_a_constant_has_the_parent_minus_one() -> None:
    for fun, parents in [(lambda x: x * C, (0, -1)), (lambda x: C * x, (-1, 0)), (lambda x: 2.0 - x, (-1, 0))]:
        assert trace(fun, X).node(1).parents == parents
    joined = trace(lambda x: mnp.concatenate([C, x, C, x]), X).node(1)
    assert joined.parents[-4:] == (-1, 0, -1, 0)


def test_one_value_in_two_places_has_two_equal_parents() -> None:
    assert trace(lambda x: x * x, X).node(1).parents == (0, 0)
    assert grad(lambda x: x * x)(3.0) == 6.0


def test_the_inner_tape_takes_the_operation_and_the_outer_one_records_what_it_does() -> None:
    """On the inner tape a box of the outer one is a constant; both have one record of the product."""
    inner: list[Any] = []

    def outer(x: Any) -> Any:
        def fun(y: Any) -> Any:
            product = x * y
            inner.append((product, product.tape.nodes[product.index]))  # the sweep lets go of it later
            return product

        return grad(fun)(x * 1.0)

    tape = trace(outer, 3.0)
    ((product, record),) = inner
    assert record[1] == (-1, 0)  # x is no node of the inner tape
    assert all(type(arg) is Box and arg.tape.serial < product.tape.serial for arg in record[2])
    assert "multiply" in [node[0].name for node in tape.nodes[1:]]
    assert product.tape.serial > product.value.tape.serial


@pytest.mark.parametrize(
    "both", [lambda x, box: x * box, lambda x, box: box * x, lambda x, box: mnp.stack([x, box])[0]]
)
def test_a_box_of_a_closed_tape_is_a_constant(both: Any) -> None:
    kept: list[Any] = []
    grad(lambda x: np.sum(kept.append(x * 2.0) or x))(X)
    parents = trace(lambda x: both(x, kept[0]), X).node(1).parents
    assert sorted(p for p in parents if p >= 0) == [0]
    assert -1 in parents
    assert type(np.sin(kept[0])) is np.ndarray


def test_only_arrays_that_a_rule_reads_are_watched() -> None:
    """The derivative of a sum needs no operand, that of a product the other one."""
    assert id(C) not in trace(lambda x: x + C, X).captured
    assert id(C) in trace(lambda x: x * C, X).captured
    assert id(C) in trace(lambda x: C * x, X).captured
    mask = np.array([True, False, True])
    assert id(mask) in trace(lambda x: np.where(mask, x, 0.0), X).captured


def test_operations_of_any_number_of_arguments() -> None:
    """The tape of a call is found among all arguments; each has its own parent."""
    total = linear_in_all(
        "total", lambda *xs: sum(xs), lambda g, _ans, *_xs, parents: [None if p < 0 else g for p in parents]
    )
    node = trace(lambda x, y: total(1.0, y, x, X), 2.0, 3.0).node(2)
    assert node.parents == (-1, 1, 0, -1)
    assert grad(lambda x, y: np.sum(total(1.0, y, x, y)), (0, 1))(2.0, 3.0) == (1.0, 2.0)
    assert total(1.0, 2.0) == 3.0


def test_nothing_is_recorded_when_the_operation_fails() -> None:
    """Half a record would make the sweep fail later, at another place."""
    sizes: list[int] = []

    def fun(x: Any) -> Any:
        sizes.append(len(x.tape))
        with pytest.raises(ValueError, match="broadcast"):
            x * np.ones(7)
        sizes.append(len(x.tape))
        return np.sum(x)

    assert grad(fun)(X).tolist() == [1.0, 1.0, 1.0]
    assert sizes == [1, 1]
