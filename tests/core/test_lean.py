"""A tape for one backward sweep keeps what the rules read, and no more."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad import grad
from minigrad.core.lean import LeanForwardTape, LeanTape, stand_in
from minigrad.rules import elementwise as rules


def peak_in_arrays(fun: Callable[[Any], Any], size: int = 100_000) -> float:
    """The peak memory of a gradient at an array of this size, in units of that array."""
    x = np.linspace(0.1, 1.0, size)
    grad(fun)(x)  # so that caches are filled
    tracemalloc.start()
    grad(fun)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / x.nbytes


def repeated(layer: Callable[[Any], Any], n: int) -> Callable[[Any], Any]:
    """A chain of n equal layers, summed."""

    def chain(x: Any) -> Any:
        for _ in range(n):
            x = layer(x)
        return np.sum(x)

    return chain


DEPTH = 40
CHAINS: dict[str, tuple[Callable[[Any], Any], int]] = {
    # the layer, and how many arrays per layer its derivative needs
    "affine": (lambda x: x * 1.01 + 0.5, 0),
    "negate, shift, scale": (lambda x: 2.0 - (-x / 3.0), 0),
    "tanh of affine": (lambda x: np.tanh(x * 0.9 + 0.1), 1),
    "arctan of affine": (lambda x: np.arctan(0.9 * x - 0.1), 1),
    "exp, negative": (lambda x: np.exp(-x), 1),
    "reshape, transpose, flip": (lambda x: (x.reshape(100, -1) * 1.1).T[::-1].reshape(-1), 0),
    "mean added": (lambda x: x + np.mean(x), 0),
}


@pytest.mark.parametrize(("layer", "needed"), CHAINS.values(), ids=CHAINS)
def test_a_lean_tape_keeps_what_rules_read_and_no_more(layer: Callable[[Any], Any], needed: int) -> None:
    """The peak is the needed residuals and a handful of arrays, not every intermediate of the chain."""
    assert peak_in_arrays(repeated(layer, DEPTH)) <= needed * DEPTH + 8


def test_indexing_entry_by_entry_does_not_keep_full_arrays() -> None:
    """n reads of an array of n entries take memory of order n."""
    n = 2000

    def fun(x: Any) -> Any:
        return sum(x[i] * x[i] for i in range(n))

    # A node takes some hundred bytes, an array of n entries 16,000: with one array per read it would be 32 MB.
    x = np.ones(n)
    tracemalloc.start()
    grad(fun)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


# ----- what is kept, record by record ---------------------------------------------------------------------------------

BIG = np.full(LeanTape.LARGE // 8, 0.5)
SMALL = BIG[1:]


def last(tape: Any, fun: Callable[..., Any], *values: Any) -> Any:
    """The last record after an operation on leaves."""
    fun(*map(tape.leaf, values))
    return tape.node(len(tape) - 1)


def gone(value: Any) -> bool:
    return value.base is not None and bool(np.isnan(value).all())


def test_a_stand_in_has_shape_and_dtype_and_no_memory() -> None:
    for array in (BIG, np.ones((3, 4), np.float32), np.ones((2, 0, 5), complex), np.ones(3, int)):
        instead = stand_in(array)
        assert (instead.shape, instead.dtype) == (array.shape, array.dtype)
        assert instead.strides == (0,) * array.ndim
        assert array.dtype.kind == "i" or np.isnan(instead).all()  # a rule that looks at it by mistake is found out


def test_large_values_that_no_rule_reads_are_let_go() -> None:
    node = last(LeanTape(), rules.tanh, BIG)  # the rule reads the result
    assert gone(node.args[0])
    assert not gone(node.ans)
    node = last(LeanTape(), rules.tanh, 20.0 * BIG)  # in the tails it reads the argument, too
    assert not gone(node.args[0])
    node = last(LeanTape(), rules.sin, BIG)  # the rule reads the argument
    assert not gone(node.args[0])
    assert gone(node.ans)
    node = last(LeanTape(), rules.add, BIG, BIG + 1.0)
    assert gone(node.args[0])
    assert gone(node.args[1])
    assert gone(node.ans)


def test_small_values_are_kept() -> None:
    """A stand-in is not worth its time."""
    node = last(LeanTape(), rules.add, SMALL, SMALL)
    assert node.args[0] is SMALL
    assert not gone(node.ans)


def test_the_box_still_has_its_value() -> None:
    """Only the tape forgets."""
    tape = LeanTape()
    box = rules.sin(tape.leaf(BIG))
    assert np.array_equal(box.value, np.sin(BIG))


def test_of_a_product_with_a_constant_only_the_constant_is_kept() -> None:
    node = last(LeanTape(), lambda x: rules.multiply(x, BIG), BIG + 1.0)
    assert gone(node.args[0])
    assert node.args[1] is BIG


def test_a_large_argument_of_a_small_result_is_let_go() -> None:
    """The derivative of a sum needs only the shape."""
    node = last(LeanTape(), np.sum, BIG)
    assert gone(node.args[0])
    assert node.ans == BIG.sum()


def test_a_tape_for_forward_sweeps_keeps_what_forward_rules_may_read() -> None:
    assert gone(last(LeanForwardTape(), rules.tanh, BIG).args[0])
    node = last(LeanForwardTape(), np.prod, BIG)
    assert np.array_equal(node.args[0], BIG)
