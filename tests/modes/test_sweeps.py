"""The sweeps: what the real loops do besides the chain rule. The docstring of `modes.sweeps` names a test for each.

Where `by_the_book` runs beside `backward`, it lacks what the test is about and shows what would be lost; in the first
two tests both give the same numbers.
"""

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
from minigrad import grad, jvp, source, trace
from minigrad.core.tape import Tape
from minigrad.modes import cotangents
from minigrad.modes.by_the_book import by_the_book
from minigrad.modes.sweeps import backward, forward
from minigrad.modes.trouble import Trouble


def recorded(fun: Any, *leaves: Any) -> tuple[Tape, list[tuple[int, Any]]]:
    """The tape of a scalar function of arrays, and the seed of its sweep."""
    tape = Tape()
    out = fun(*[tape.leaf(leaf) for leaf in leaves])
    tape.is_open = False
    return tape, [(out.index, 1.0)]


def peak(run: Any) -> int:
    """The most memory that is in use at one time while `run()` works."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_both_loops_give_the_same_numbers() -> None:
    A, b, x = (
        np.array([[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]),
        np.array([[0.1], [-0.2]]),
        np.linspace(-1, 1, 12).reshape(3, 4),
    )
    tape, seeds = recorded(lambda A, b, x: mnp.sum(mnp.arctan(A @ x + b)[0, ::2] ** 2) + mnp.mean(x), A, b, x)
    for real, plain in zip(backward(tape, seeds), by_the_book(tape, seeds)):
        np.testing.assert_array_equal(np.broadcast_to(real, plain.shape), plain)


def test_what_does_not_lead_to_the_output_is_zero() -> None:
    tape, seeds = recorded(lambda x, y: mnp.sum(x * 2.0), np.ones(2), np.ones(3))
    for sweep in (backward, by_the_book):
        found = sweep(tape, seeds)
        assert found[1] is None
        np.testing.assert_array_equal(np.broadcast_to(found[0], 2), [2.0, 2.0])


def test_seeds_stay_numbers() -> None:
    """A cotangent is expanded only where a rule needs all of it, so an outer tape records fewer operations."""

    def nodes(sweep: Any) -> int:
        outer = Tape()
        inner, seeds = recorded(lambda x: mnp.sum(mnp.tanh(x + 1.0)), outer.leaf(np.ones(3)))
        sweep(inner, seeds)
        return len(outer)

    assert nodes(backward) < nodes(by_the_book)


@pytest.mark.parametrize("loop", ["index", "iterate", "unpack"])
def test_taking_an_array_apart_is_linear(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """n reads of an array of n entries cost one array of zeros and n additions, not n arrays."""
    made: list[Any] = []
    original = cotangents.gathered
    monkeypatch.setattr(cotangents, "gathered", lambda *a: (made.append(len(a[0])), original(*a))[1])

    def total(x: Any) -> Any:
        entries = [x[i] for i in range(len(x))] if loop == "index" else list(x) if loop == "iterate" else [*x]
        return sum(k * e for k, e in enumerate(entries))

    n = 3000
    np.testing.assert_allclose(grad(total)(np.ones(n)), np.arange(float(n)), rtol=1e-15)
    assert made == [n]


def test_uses_add_up_in_place() -> None:
    """The cotangent of a value that is used often takes one array, not one for each use."""
    x = np.ones(100_000)
    tape, seeds = recorded(lambda x: mnp.sum(sum([mnp.sin(k * x) for k in range(20)])), x)
    assert peak(lambda: backward(tape, seeds)) < 6 * x.nbytes
    assert peak(lambda: by_the_book(tape, seeds)) > 15 * x.nbytes


def test_a_consumed_tape_is_freed_on_the_way() -> None:
    def chain(x: Any) -> Any:
        for _ in range(20):
            x = mnp.sin(x)
        return mnp.sum(x)

    x = np.ones(100_000)
    tape, seeds = recorded(chain, x)
    backward(tape, seeds, consume=True)
    assert len(tape) == 1
    tangents, seeds = recorded(chain, x)
    forward(tangents, [x], [seeds[0][0]], consume=True)
    assert tangents.nodes[1:] == [(None,) * 5] * 21


def test_the_untaken_branch_does_not_leak() -> None:
    """Zero times an infinite slope, below a `where` that did not choose it, is zero."""
    tape, seeds = recorded(lambda x: mnp.sum(mnp.where(x > 0.0, mnp.sqrt(x), 0.0)), np.array([0.0, 4.0]))
    np.testing.assert_array_equal(backward(tape, seeds)[0], [0.0, 0.25])
    with np.errstate(all="ignore"):
        assert np.isnan(by_the_book(tape, seeds)[0][0])


def test_a_zero_cotangent_meets_an_infinite_slope() -> None:
    """x * sqrt(x) at 0: the product of 0 and infinity is taken as 0, and a warning says so and names the line."""
    tape, seeds = recorded(lambda x: mnp.sum(x * mnp.sqrt(x)), np.array([0.0, 4.0]))
    with pytest.warns(RuntimeWarning, match=r"sqrt .* met a factor of 0(.|\n)*test_sweeps"):
        np.testing.assert_array_equal(backward(tape, seeds)[0], [0.0, 3.0])
    with np.errstate(all="ignore"):
        assert np.isnan(by_the_book(tape, seeds)[0][0])


def test_an_array_that_was_written_to_is_noticed() -> None:
    weights = np.array([1.0, 2.0])
    tape, seeds = recorded(lambda x: mnp.sum(x * weights), np.ones(2))
    weights[0] = 7.0
    with pytest.raises(RuntimeError, match=r"was changed between its use(.|\n)*a\.copy\(\)"):
        backward(tape, seeds)
    assert by_the_book(tape, seeds)[0][0] == 7.0  # a wrong number


def test_cotangents_of_all_nodes_are_kept_on_request() -> None:
    tape, seeds = recorded(lambda x: mnp.sum(mnp.exp(x)[1:]), np.zeros(3))
    kept: list[Any] = []
    backward(tape, seeds, keep=kept)
    assert [np.shape(g) for g in kept] == [(3,), (3,), (), ()] or [np.shape(g) for g in kept] == [(3,), (3,), (2,), ()]
    np.testing.assert_array_equal(kept[1], [0.0, 1.0, 1.0])


def test_the_sweep_says_where_it_is() -> None:
    """`source` names the cotangent of each value, and the printed tape indents what an inner sweep does."""
    text = source(grad(lambda x: np.sum(np.sin(x) * x)), np.ones(2))
    assert "# pullback of: " in text
    assert "x_bar" in text
    rows = str(trace(lambda x: grad(lambda y: y**3)(x) * x, 2.0)).splitlines()[-5:]
    assert [row.index("power" if "power" in row else "multiply") for row in rows] == [18, 18, 18, 18, 14]
    assert rows[1].index("power") - rows[4].index("multiply") == 4


def test_operations_that_amplify_name_their_arguments_too() -> None:
    def fun(x: Any, y: Any) -> Any:
        u = np.sin(x)
        v = np.cos(y)
        w = np.arctan2(u, v)
        return np.sum(w * w)

    text = str(source(grad(fun, (0, 1)), np.ones(2), np.ones(2)))
    assert "x_bar = u_bar * np.cos(x)" in text


def test_an_observer_is_not_left_behind_by_an_exception() -> None:
    with pytest.raises(ZeroDivisionError):
        source(grad(lambda x: x / 0 if False else 1 // 0), 1.0)
    tape = trace(lambda x: x * x, 2.0)
    assert tape.places == [[], []]


def test_forward_agrees_with_backward() -> None:
    x, v = np.array([0.3, -0.7, 1.1]), np.array([1.0, 2.0, -1.0])
    fun = lambda x: mnp.sum(mnp.tanh(x)[::2] * mnp.cumsum(x)[1])
    tape, seeds = recorded(fun, x)
    (t,) = forward(tape, [v], [seeds[0][0]])
    np.testing.assert_allclose(t, np.sum(backward(tape, seeds)[0] * v), rtol=1e-14)


def test_no_warning_where_nothing_is_wrong() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jvp(lambda x: np.where(x > 0, np.sqrt(x), 0.0), (np.array([0.0, 4.0]),), (np.ones(2),))[1][1] == 0.25


def test_a_forward_sweep_passes_only_what_is_needed() -> None:
    """No warning comes from an operation on which the output does not depend."""

    def fun(x):
        np.sqrt(x - 1.0)  # its derivative is infinite, and nobody asks for it
        return x * 2.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jvp(fun, (1.0,), (1.0,))[1] == 2.0


def test_a_forward_sweep_lets_go_of_tangents() -> None:
    """The memory of a long chain does not grow with its length by a tangent for every operation."""

    def chain(x):
        for _ in range(40):
            x = np.sin(x)
        return x

    x = np.ones(1 << 17)
    tracemalloc.start()
    jvp(chain, (x,), (x,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 52 * x.nbytes  # one value per operation, not two


def test_digits_lost_near_a_pole_are_noticed() -> None:
    """Numerator and denominator contribute 1e15 each to a derivative of -0.5; `by_the_book` has -0.625."""
    tape, seeds = recorded(lambda x: mnp.log1p(x) / x, np.float64(1e-15))
    trouble = Trouble()
    backward(tape, seeds, trouble=trouble)
    assert trouble.has_cancelled
    assert abs(by_the_book(tape, seeds)[0] + 0.5) > 0.1
    assert grad(lambda x: np.log1p(x) / x)(1e-15) == pytest.approx(-0.5)
