"""Checkpoints, loops with a binomial schedule, and stopped gradients."""

import functools
import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close

from benchmarks import loops, measuring
from minigrad import (
    checkpoint,
    checkpointed_scan,
    custom_primitive,
    derivatives,
    elementwise_grad,
    grad,
    hessian,
    jacobian,
    jvp,
    stop_gradient,
    trace,
    vjp,
)
from minigrad.core.tape import Box
from minigrad.operations.schedule import default_snapshots, forward_steps, next_snapshot, reach, repeats_needed
from minigrad.test_util import check_equivalent, check_grads

# ----- the schedule ---------------------------------------------------------------------------------------------------


@functools.cache
def fewest_steps(steps: int, snapshots: int) -> int:
    """The optimum by trying everything: where to store the next state, then both parts as well as possible."""
    if steps <= 1:
        return 0
    if snapshots == 1:
        return steps * (steps - 1) // 2
    return min(
        ahead + fewest_steps(steps - ahead, snapshots - 1) + fewest_steps(ahead, snapshots) for ahead in range(1, steps)
    )


@given(st.integers(1, 90), st.integers(1, 12))
def test_the_formula_is_the_optimum_and_the_schedule_reaches_it(steps: int, snapshots: int) -> None:
    assert forward_steps(steps, snapshots) == fewest_steps(steps, snapshots)
    if steps > 1 and snapshots > 1:
        ahead = next_snapshot(steps, snapshots)
        assert 1 <= ahead < steps
        assert (
            ahead + fewest_steps(steps - ahead, snapshots - 1) + fewest_steps(ahead, snapshots)
            == fewest_steps(steps, snapshots)
        )  # fmt: skip


def test_the_reach_is_binomial_and_the_default_repeats_twice() -> None:
    assert reach(3, 2) == 10
    assert [repeats_needed(n, 3) for n in (1, 2, 4, 5, 10, 11)] == [0, 1, 1, 2, 2, 3]
    for length in (1, 2, 7, 100, 1000, 10_000):
        s = default_snapshots(length)
        assert repeats_needed(length + 1, s) <= 2
        assert s == 1 or repeats_needed(length + 1, s - 1) > 2


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 12))
def test_a_gradient_runs_as_few_steps_as_possible(length: int, snapshots: int) -> None:
    counts = {"plain": 0, "recorded": 0}

    def step(c: Any, _x: Any) -> Any:
        counts["recorded" if isinstance(c, Box) else "plain"] += 1
        return np.sin(c), None

    gradient = grad(lambda c: checkpointed_scan(step, c, length=length, snapshots=snapshots)[0])(0.7)
    assert counts == {"plain": fewest_steps(length + 1, snapshots), "recorded": length}
    c, expected = 0.7, 1.0
    for _ in range(length):
        c, expected = np.sin(c), expected * np.cos(c)
    assert_close(gradient, expected, 1e-13)


def loop(c: Any, xs: Any, step: Any, args: Any) -> Any:
    for x in xs:
        c, _ = step(c, x, *args)
    return c


def test_memory_follows_the_number_of_states_and_not_the_length() -> None:
    def step(c: Any, x: Any, k: Any) -> Any:
        return c + 0.01 * np.sin(k * c) * np.cos(c) - x * c, None

    def peak(fun: Any, *args: Any) -> tuple[Any, int]:
        tracemalloc.start()
        result = grad(fun)(*args)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result, found

    start, xs = np.linspace(0.1, 1.0, 2000), np.full(300, 1e-3)
    scans = [
        lambda k, s=s, n=n: np.sum(checkpointed_scan(step, start, xs[:n], snapshots=s, args=(k,))[0])
        for s, n in ((5, 300), (5, 150), (60, 300))
    ]
    expected, whole = peak(lambda k: np.sum(loop(start, xs, step, (k,))), 1.3)
    (few, of_few), (_, of_half), (many, of_many) = [peak(scan, 1.3) for scan in scans]
    assert_close([few, many], [expected] * 2, 1e-12)
    size = start.nbytes
    assert whole > 300 * 4 * size
    assert of_few < 0.04 * whole
    assert of_few < 1.4 * of_half
    assert 30 * size < of_many - of_few < 75 * size  # 55 states more


@pytest.mark.parametrize("states", [default_snapshots(30), 40, 20, 10, 5])
def test_the_benchmark_counts_what_the_formula_says(states: int) -> None:
    contenders = loops.loop(30, states, 3)
    found = loops.steps_run(contenders, 30, states)
    assert found["plain way"].median == 30
    assert found["minigrad"].median == 30 + forward_steps(31, states) == 30 + fewest_steps(31, states)
    measuring.agree(contenders)


def test_the_benchmark_fails_if_more_steps_run_than_the_formula_says() -> None:
    with pytest.raises(AssertionError, match=r"minigrad ran .* where 57 plain and 30 recorded steps are needed"):
        loops.steps_run(loops.loop(30, 5, 3), 30, 6)


# ----- derivatives of loops -------------------------------------------------------------------------------------------

LENGTH = 11
START, XS = np.array([0.3, 0.4]), np.linspace(0.0, 1.0, 2 * LENGTH).reshape(LENGTH, 2)
PARAMS = {"a": np.float64(0.9), "b": np.array([1.0, 2.0])}


def rich_step(c: Any, x: Any, p: Any, label: str) -> Any:
    assert label == "text"
    h = np.tanh(c["h"] * p["a"] + x["u"])
    return {"h": h, "n": c["n"] + 1}, (np.sum(h * h), [h * p["b"], None])


def by_loop(h: Any, u: Any, p: Any) -> Any:
    c, total = {"h": h, "n": 0}, 0.0
    for i in range(LENGTH):
        c, (y, (z, _)) = rich_step(c, {"u": u[i]}, p, "text")
        total = total + y * np.sum(z) * (i + 1)
    return total + np.sum(c["h"] ** 2)


def by_scan(h: Any, u: Any, p: Any, snapshots: Any = 3) -> Any:
    c, (y, (z, nothing)) = checkpointed_scan(
        rich_step, {"h": h, "n": 0}, {"u": u}, snapshots=snapshots, args=(p, "text")
    )
    assert c["n"] == LENGTH
    assert nothing is None
    assert z.shape == (LENGTH, 2)
    return np.sum(y * np.sum(z, axis=1) * np.arange(1, LENGTH + 1.0)) + np.sum(c["h"] ** 2)


POINT = (START, XS, PARAMS)


@pytest.mark.parametrize("snapshots", [1, 2, 3, 5, LENGTH, LENGTH + 5, None])
def test_a_scan_has_the_value_and_gradient_of_the_loop(snapshots: Any) -> None:
    assert_close(by_scan(*POINT, snapshots), by_loop(*POINT), 1e-14)
    check_equivalent(grad(lambda *args: by_scan(*args, snapshots), (0, 1, 2))(*POINT), grad(by_loop, (0, 1, 2))(*POINT))


def test_a_pullback_of_a_scan_can_be_called_again() -> None:
    _, pullback = vjp(by_scan, *POINT)
    first = pullback(1.0)
    check_equivalent(first, pullback(1.0))
    check_equivalent(first, grad(by_loop, (0, 1, 2))(*POINT))
    turn = lambda c, _x: (np.sin(c) * c[::-1], None)
    check_equivalent(
        jacobian(lambda h: checkpointed_scan(turn, h, length=5)[0])(START),
        jacobian(lambda h: loop(h, range(5), turn, ()))(START),
    )


def test_a_scan_in_the_other_modes_and_orders() -> None:
    check_equivalent(jvp(by_scan, POINT, POINT)[1], jvp(by_loop, POINT, POINT)[1])
    for nested in (
        lambda f: grad(lambda *args: jvp(f, args, POINT)[1], (0, 1, 2))(*POINT),
        lambda f: jvp(grad(f, (0, 1, 2)), POINT, POINT)[1],
        lambda f: jacobian(grad(f, (0, 2)), (0, 2))(*POINT),
    ):
        check_equivalent(nested(by_scan), nested(by_loop))
    scalar = [lambda a, f=f: f(START * a, XS, {"a": a, "b": PARAMS["b"]}) for f in (by_scan, by_loop)]
    for thrice in (
        lambda f: grad(grad(grad(f)))(0.8),
        lambda f: derivatives(f, 0.8, 6),
        lambda f: derivatives(grad(f), 0.8, 2),
        lambda f: grad(lambda a: derivatives(f, a, 2)[2])(0.8),
    ):
        assert_close(thrice(scalar[0]), thrice(scalar[1]), 1e-11)
    check_grads(lambda h, a: by_scan(h, XS, {"a": a, "b": PARAMS["b"]}), (0, 1))(START, 0.7)


def test_a_second_derivative_does_not_record_the_whole_loop() -> None:
    def step(c: Any, x: Any, k: Any) -> Any:
        return c + 0.01 * np.sin(k * c) * np.cos(c) - x * c, None

    start, xs = np.linspace(0.1, 1.0, 2000), np.full(120, 1e-3)
    scan = lambda k: np.sum(checkpointed_scan(step, start, xs, snapshots=4, args=(k,))[0])
    plain = lambda k: np.sum(loop(start, xs, step, (k,)))
    peaks, results = [], []
    for fun in (scan, plain):
        tracemalloc.start()
        results.append(grad(grad(fun))(1.3))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert_close(*results, 1e-10)
    assert peaks[0] < 0.1 * peaks[1]


def test_a_scan_of_complex_and_of_single_precision_numbers() -> None:
    square = lambda c, _x: (c * c, None)
    z = 0.9 + 0.2j
    assert_close(grad(lambda c: np.real(checkpointed_scan(square, c, length=3)[0]))(z), 8 * z**7, 1e-13)
    found = grad(lambda c: np.sum(checkpointed_scan(square, c, length=3)[0]))(np.ones(2, np.float32))
    assert found.dtype == np.float32
    assert found.tolist() == [8.0, 8.0]
    assert by_scan(*POINT) == checkpointed_scan(lambda c, x: (c, None), by_scan(*POINT), length=1)[0]


def test_a_scan_against_jax() -> None:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    with jax.enable_x64(True):

        def step(xp: Any) -> Any:
            return lambda c, x: (xp.tanh(c[0] * c[1] + x) * xp.ones(2), c[1])  # type: ignore[misc]

        def pair(xp: Any, scan: Any) -> Any:
            def f(c: Any, x: Any) -> Any:
                new, y = step(xp)(c, x)
                return (new, c[1]), xp.sum(new * y)

            return lambda a: (lambda out: xp.sum(out[1]) + xp.sum(out[0][0]))(scan(f, (xp.ones(2) * a, a), XS))

        expected = [g(pair(jnp, jax.lax.scan))(0.4) for g in (jax.grad, lambda f: jax.grad(jax.grad(f)))]
    found = [g(pair(np, checkpointed_scan))(0.4) for g in (grad, lambda f: grad(grad(f)))]
    assert_close(found, [float(e) for e in expected], 1e-12)


def test_scans_leave_no_cycles_behind() -> None:
    def one(a: Any) -> Any:
        return np.sum(checkpointed_scan(lambda c, x, p: (np.tanh(c * p["a"] + x), c), np.ones(3) * a, np.ones(7),
                                        args=({"a": a},))[0])  # fmt: skip

    def other(a: Any) -> Any:
        return np.sum(checkpoint(lambda x: {"a": np.sin(x), "b": 3})(a * np.ones(3))["a"])

    own = custom_primitive(lambda x: np.sin(x), vjp=lambda g, ans, x: g * np.cos(x))
    uses = [lambda f: grad(f)(0.5), lambda f: grad(grad(f))(0.5), lambda f: jvp(f, (0.5,), (1.0,)),
            lambda f: derivatives(f, 0.5, 3)]  # fmt: skip
    for f in (one, other, own):
        for use in uses:
            use(f)
            gc.collect()
            gc.disable()
            try:
                use(f)
                assert gc.collect() == 0
            finally:
                gc.enable()


def test_errors_of_a_scan() -> None:
    good = lambda c, x: (c * 1.0, None)
    with pytest.raises(ValueError, match="number of steps is not known"):
        checkpointed_scan(good, 1.0)
    with pytest.raises(ValueError, match=r"lengths differ: xs\['a'\] 3, xs\['b'\] 4, length 5"):
        checkpointed_scan(good, 1.0, {"a": np.ones(3), "b": np.ones(4)}, length=5)
    with pytest.raises(ValueError, match=r"xs\[0\] is no array .* belongs into args"):
        checkpointed_scan(good, 1.0, [2.0], length=5)
    with pytest.raises(ValueError, match="at least one step, not 0"):
        checkpointed_scan(good, 1.0, length=0)
    with pytest.raises(ValueError, match="snapshots=0; at least one"):
        checkpointed_scan(good, 1.0, length=3, snapshots=0)
    with pytest.raises(TypeError, match=r"init\['name'\] is 'text', a str"):
        checkpointed_scan(good, {"name": "text"}, length=3)
    with pytest.raises(TypeError, match=r"must return a pair \(carry, y\)"):
        checkpointed_scan(lambda c, x: c, 1.0, length=3)
    with pytest.raises(TypeError, match="carry was"):
        checkpointed_scan(lambda c, x: ((c, c), None), [1.0], length=3)
    with pytest.raises(ValueError, match=r"shape \(\) and dtype float64, and came out with shape \(3,\)"):
        checkpointed_scan(lambda c, x: (c * np.ones(3), None), 1.0, length=3)
    with pytest.raises(TypeError, match=r"dtype float64, and came out with shape .* dtype float32"):
        checkpointed_scan(lambda c, x: (np.float32(c), None), 1.0, length=3)
    with pytest.raises(TypeError, match="closes over a traced value"):
        grad(lambda a: checkpointed_scan(lambda c, x: (c * a, None), 1.0, length=3)[0])(2.0)
    with pytest.raises(TypeError, match="closes over a traced value"):
        grad(lambda a: checkpointed_scan(lambda c, x: (c * a, None), a, length=3)[0])(2.0)
    rng = np.random.default_rng(0)
    with pytest.raises(RuntimeError, match="draw random numbers beforehand"):
        grad(lambda c: checkpointed_scan(lambda c, x: (c + rng.normal(), None), c, length=3)[0])(1.0)

    def writes(c: Any, x: Any) -> Any:
        c += 1.0
        return c, None

    with pytest.raises(ValueError, match="read-only") as caught:
        grad(lambda c: np.sum(checkpointed_scan(writes, c, length=3)[0]))(np.ones(2))
    assert "c = c + x, not c += x" in "".join(caught.value.__notes__)


def test_what_is_not_a_number_does_not_look_like_another_result() -> None:
    def step(c: Any, _x: Any) -> Any:
        return {"a": np.var(c["a"]) + c["a"], "b": np.sqrt(c["b"])}, None

    with np.errstate(invalid="ignore"):
        start = {"a": np.array([0.1, 0.7]), "b": np.array([-1.0, np.inf])}
        found = grad(lambda a: np.sum(checkpointed_scan(step, {**start, "a": a}, length=4)[0]["a"]))(start["a"])
        expected = grad(lambda a: np.sum(loop({**start, "a": a}, range(4), step, ())["a"]))(start["a"])
    assert_close(found, expected, 1e-13)


def test_an_array_that_a_scan_reads_and_that_changes_is_noticed() -> None:
    weights = np.ones(2)
    _, pullback = vjp(
        lambda c: checkpointed_scan(lambda c, x, w: (c * w, None), c, length=3, args=(weights,))[0], START
    )
    weights[0] = 2.0
    with pytest.raises(RuntimeError, match="was changed between its use"):
        pullback(np.ones(2))


# ----- checkpoint -----------------------------------------------------------------------------------------------------


def test_checkpoint_in_taylor_mode_on_the_printed_tape_and_with_constants() -> None:
    A = np.array([[1.0, 0.5], [0.2, 1.0]])
    inner = checkpoint(lambda x, A, n: {"y": np.sin(A @ x) * n, "n": n, "list": [None, "text"]})
    plain = lambda t: np.sum(np.sin(A @ (t * np.ones(2))) * 3)
    assert_close(
        derivatives(lambda t: np.sum(inner(t * np.ones(2), A, 3)["y"]), 0.4, 5), derivatives(plain, 0.4, 5), 1e-13
    )
    assert inner(np.ones(2) * 1.0, A, 3)["n"] == 3
    tape = trace(lambda x: np.sum(inner(x, A, 3)["y"]), np.ones(2))
    assert [node[0].name for node in tape.nodes[1:]] == ["checkpoint", "item", "sum"]
    assert "checkpoint(%0, constant1=array(2, 2))" in str(tape)
    _, pullback = vjp(lambda x: inner(x, A, 3)["y"], np.ones(2))
    A[0, 0] = 5.0
    with pytest.raises(RuntimeError, match="was changed between its use"):
        pullback(np.ones(2))


# ----- stopped gradients ----------------------------------------------------------------------------------------------


def test_stop_gradient_stops_every_mode_at_every_level() -> None:
    f = lambda x: x**2 * stop_gradient(x)
    assert grad(f)(3.0) == 18.0
    assert grad(grad(f))(3.0) == 6.0
    assert grad(grad(grad(f)))(3.0) == 0.0
    assert jvp(f, (3.0,), (1.0,)) == (27.0, 18.0)
    assert derivatives(f, 3.0, 3).tolist() == [27.0, 18.0, 6.0, 0.0]
    x = np.array([1.0, 2.0])
    assert elementwise_grad(elementwise_grad(f))(x).tolist() == [2.0, 4.0]
    assert np.diag(jacobian(f)(x)).tolist() == [2.0, 8.0]
    assert np.diag(hessian(lambda x: np.sum(f(x)))(x)).tolist() == [2.0, 4.0]
    # an inner transformation stops the outer ones too; a derivative in one argument only is that of an argument
    assert grad(lambda x: grad(lambda y: stop_gradient(x) * y**2)(x))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: y * x)(x))(3.0) == 1.0


def test_stop_gradient_of_structures_and_of_plain_values() -> None:
    tree = {"w": np.ones(2), "name": "text", "n": 3, "none": None}
    same = stop_gradient(tree)
    assert same["name"] == "text"
    assert same["n"] == 3
    assert not same["w"].flags.writeable
    assert tree["w"].flags.writeable
    out = grad(lambda p: np.sum(stop_gradient(p)["w"] * p["w"] + stop_gradient(p["w"]).copy()))(tree | {"n": 1.0})
    assert out["w"].tolist() == [1.0, 1.0]
    assert stop_gradient(2.5) == 2.5


def test_parameters_that_are_no_tuple() -> None:
    """An array would be taken apart into its entries."""
    for p in (2.0, np.ones(2)):
        with pytest.raises(TypeError, match=r"checkpointed_scan: args is a tuple of parameters, \(p,\) for one"):
            checkpointed_scan(lambda c, x, p: (c * p, None), 1.0, length=3, args=p)


@pytest.mark.parametrize("shape", [(3, 2), (2, 0)])
def test_a_series_through_a_loop_whose_coefficients_are_numbers(shape: tuple[int, ...]) -> None:
    """The derivative of x + t is the number 1, whatever the shape of x: the loop takes entries of it."""
    x = np.linspace(0.3, 0.9, shape[0] * shape[1]).reshape(shape)
    loop = lambda x: np.sum(checkpointed_scan(lambda h, e: (h * 0.5 + e, h * e), x[0] * 1.0, x)[1])

    def unrolled(x: Any) -> Any:
        carry, total = x[0], 0.0
        for row in x:
            carry, total = carry * 0.5 + row, total + np.sum(carry * row)
        return total

    for path in (lambda t: x + t, lambda t: x + 0.0 * t, lambda t: x * t):
        found = derivatives(lambda t, p=path: loop(p(t)), 0.5, 3)
        assert_close(found, derivatives(lambda t, p=path: unrolled(p(t)), 0.5, 3), 1e-13)
