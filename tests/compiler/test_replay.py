"""Compiled functions: the same results as eager ones, in every form of argument and transformation."""

import dataclasses
import sys
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from compiled import assert_same, assert_trusted, check
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import STEPS, C, inputs, run, scalar, steps

import minigrad
import minigrad.numpy as mnp
from minigrad import derivatives, elementwise_grad, grad, hvp, jacobian, jvp, value_and_grad
from minigrad.core.tree import flatten
from minigrad.errors import CannotCompileError

rng = np.random.default_rng(3)
X, Y = rng.uniform(-1, 1, (2, 2, 3))

TRANSFORMS: dict[str, Any] = {
    "value": lambda f: f,
    "gradient": lambda f: grad(lambda x, y: np.sum(f(x, y) * C), (0, 1)),
    "hvp": lambda f: lambda x, y: hvp(lambda u: np.sum(f(u, y) * C + f(y, u)), x, y),
    "jacobian": jacobian,
    "derivatives": lambda f: lambda x, y: derivatives(lambda u: f(u, y), x, 2),
}


# ----- it computes the same -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("step", STEPS)
def test_every_step(step: str, transform: str) -> None:
    """Each operation of the random programs, under each transformation, at points other than that of the trace."""
    if (step, transform) == ("power", "derivatives"):
        pytest.skip("the Taylor rule of x**y looks at the numbers in y: a program holds for these only")
    fun = TRANSFORMS[transform](STEPS[step])
    compiled = check(fun, (X, Y), (Y, X), (X + 0.1, X))
    assert compiled.stats()["replays"] == 3
    assert compiled.stats()["traces"] == 1


@settings(max_examples=40)
@given(steps, inputs, inputs)
def test_random_programs(program: Any, x: Any, other: Any) -> None:
    """Values, gradients and products with Hessians of random programs, traced at one point and replayed at another."""
    fun = scalar(program)
    for derived in (value_and_grad(fun), lambda x: hvp(fun, x, C), lambda x: run(program, x)[-1]):
        compiled = minigrad.compile(derived)
        compiled(x)
        assert_same(compiled(other), derived(other))
        assert compiled.stats()["traces"] + compiled.stats()["exceptional"] >= 1
        assert_trusted(compiled)


@settings(max_examples=40)
@given(steps, inputs, st.lists(st.integers(-6, 6), min_size=3, max_size=8))
def test_random_programs_with_branches_and_changes_between_calls(program: Any, x: Any, changes: list[int]) -> None:
    """A branch on a sum, a captured array that is written to, a captured number that changes, and new inputs."""
    captured, offset = C.copy(), 0.0
    fun = scalar(program)

    def branching(x: Any) -> Any:
        y = x * captured
        return fun(y) if np.sum(y) > 0.1 else fun(0.5 * x) * (1.0 + offset)

    derived = value_and_grad(branching)
    compiled = minigrad.compile(derived)
    for change in changes:
        if change > 0:
            captured[change % 2, change % 3] *= -0.7
        elif change < -3:
            offset += 0.25
        elif change < 0:
            x = -x[::-1]
        assert_same(compiled(x), derived(x))
        assert_same(compiled(0.9 * x), derived(0.9 * x))
    assert_trusted(compiled)


@settings(max_examples=25)
@given(steps, inputs, inputs)
def test_exact_replays_have_the_bits_of_the_tape(program: Any, x: Any, other: Any) -> None:
    derived = value_and_grad(scalar(program))
    compiled = minigrad.compile(derived, exact=True)
    compiled(x)
    for a, b in zip(compiled(other), derived(other)):
        assert np.array_equal(a, b, equal_nan=True)


def test_arrays_keep_their_order_in_memory() -> None:
    """A sum goes through memory in order, so a result written into columns would have another last bit."""
    C, D = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))

    def fun(x: Any) -> Any:
        return np.sum(0.3 * (np.arctan(x).T @ C).T * D)

    compiled = minigrad.compile(fun, exact=True)
    for _ in range(20):
        x = rng.normal(size=(2, 3))
        assert compiled(x) == fun(x)


@settings(max_examples=20)
@given(steps, inputs)
def test_random_programs_in_float32(program: Any, x: Any) -> None:
    fun = grad(scalar(program))
    x = x.astype(np.float32)
    compiled = minigrad.compile(fun)
    compiled(x)
    assert_same(compiled(x[::-1].copy()), fun(x[::-1].copy()), 1e-4)


@pytest.mark.parametrize("order", range(1, 5))
def test_nested_derivatives(order: int) -> None:
    fun: Any = np.tanh
    for _ in range(order):
        fun = grad(fun)
    compiled = check(fun, (0.3,), (0.7,))
    assert compiled.stats()["replays"] == 2


@pytest.mark.parametrize("x", [0.5, np.float64(0.5), np.float32(0.5), np.array(0.5), 0.5 + 1j, np.int64(3), np.True_])
def test_numbers_keep_their_type(x: Any) -> None:
    """A float of Python is a weak operand, a float64 is not; results have the types that NumPy gives."""
    wide, narrow = np.ones(2), np.ones(2, np.float32)
    check(lambda x: (x * narrow, x * wide, x + 1, 2.0 * x, x * x), (x,), (x + x,))


def test_floats_of_python_stay_right_beside_other_dtypes() -> None:
    """Arithmetic of numbers is done by Python; where a float64 matters for the dtype, it is one."""
    narrow = np.ones(2, np.float32)
    compiled = check(
        lambda x: ((x * 2.0 + 1.0) * narrow, np.sin(x * x), (x + 1.0) // 0.3, x * x > 0.1), (np.float64(0.5),),
        (np.float64(0.7),),
    )  # fmt: skip
    assert compiled(np.float64(0.7))[0].dtype == np.float64
    assert compiled.stats()["replays"] == 3


def test_pytrees_static_values_and_keywords() -> None:
    """Structures are kept; integers of Python, strings and None are part of the signature."""

    @dataclasses.dataclass
    class Params:
        w: Any
        b: Any

    pair = namedtuple("pair", "first second")

    def fun(p: Any, kind: str, n: int, *, scale: Any = 1.0, extra: Any = None) -> Any:
        y = np.tanh(p.w["a"] @ p.b) if kind == "tanh" else p.w["a"] @ p.b
        for _ in range(n):
            y = y * scale
        return {"y": y, "pair": pair(y, [p.b, None]), "kind": kind, "p": Params(y, 1)}

    compiled = minigrad.compile(fun)
    for kind in ("tanh", "linear", "tanh"):
        for n in (1, 3):
            p = Params({"a": rng.normal(size=(2, 2))}, rng.normal(size=2))
            assert_same(compiled(p, kind, n, scale=0.5), fun(p, kind, n, scale=0.5))
    assert compiled.stats()["traces"] == 4
    assert compiled.stats()["replays"] == 2
    assert compiled.stats()["signatures"] == 4


def test_a_decorator_and_a_method() -> None:
    class Model:
        def __init__(self) -> None:
            self.scale = 2.0

        @minigrad.compile
        def __call__(self, x: Any) -> Any:
            return self.scale * x

        @minigrad.compile
        def predict(self, x: Any) -> Any:
            return np.sin(self.scale * x)

    model = Model()
    for scale in (2.0, 3.0, 3.0):
        model.scale = scale
        assert_same(model.predict(X), np.sin(scale * X))
        assert_same(model(X), scale * X)
    assert Model.__dict__["predict"].stats()["replays"] == 1
    assert Model.__dict__["__call__"].stats()["replays"] == 1
    assert minigrad.compile(grad(np.sin)).__name__ == "grad_sin"


def test_a_compiled_function_is_differentiated_like_any_other() -> None:
    """Within a transformation or another compiled function it is the function that it was made of."""
    inner = minigrad.compile(lambda x: np.sin(x) * x)
    assert_same(grad(inner)(0.5), grad(lambda x: np.sin(x) * x)(0.5))
    assert_same(jvp(inner, (0.5,), (1.0,))[1], jvp(lambda x: np.sin(x) * x, (0.5,), (1.0,))[1])
    outer = minigrad.compile(lambda x: inner(x) + grad(inner)(x))
    for x in (0.5, 0.7):
        assert_same(outer(x), inner.fun(x) + grad(inner.fun)(x))
    assert_same(grad(lambda x: minigrad.compile(lambda y: x * y)(2.0))(3.0), np.float64(2.0))


# ----- results are nobody else's --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: x, lambda x: (x, x), lambda x: x.T, lambda x: (x[0], x[1:]), lambda x: C, lambda x: (C, C[0], x * C),
        lambda x: [(y := np.sin(x)), y, y.T, y[0]], lambda x: np.broadcast_to(x[0, 0], (2, 2)), lambda x: np.real(x),
        lambda x: np.reshape(x, (3, 2)), grad(lambda x: np.sum(x)), grad(lambda x: np.sum(C * x)),
        lambda x: value_and_grad(lambda p: np.sum(p[0] + p[1]))((x, x)),
    ],
)  # fmt: skip
def test_results_share_no_memory(fun: Any) -> None:
    """Neither with arguments, nor with constants, with each other, or with earlier results."""
    compiled = minigrad.compile(fun)
    x = X.copy()
    kept: list[Any] = [x, C]
    for _ in range(3):
        leaves = [leaf for leaf in flatten(compiled(x))[0] if isinstance(leaf, np.ndarray)]
        for leaf in leaves:
            assert not any(np.shares_memory(leaf, other) for other in kept)
            assert leaf.flags.writeable
            kept.append(leaf)
    assert_same(compiled(x), fun(x))
    for leaf in kept[2:]:
        leaf[...] = np.nan
    assert_same(compiled(x), fun(x))


# ----- exceptional numbers, and errors --------------------------------------------------------------------------------


def test_errors_are_those_of_the_engine() -> None:
    compiled = minigrad.compile(lambda a: np.linalg.solve(a, np.ones(2)))
    compiled(np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        compiled(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="shape"):
        minigrad.compile(grad(lambda x: x))(X)
    with pytest.raises(TypeError, match="integers have no derivative"):
        minigrad.compile(grad(lambda x: x * x))(3)


# ----- what is refused ------------------------------------------------------------------------------------------------


def test_a_method_that_traced_values_do_not_have() -> None:
    with pytest.raises(AttributeError, match=r"np\.ptp\(x\)"):
        minigrad.compile(lambda x: x.ptp())(X)


def test_arguments_that_cannot_be_part_of_a_signature() -> None:
    """The engine answers, and says why the first time."""
    for argument in ({1, 2}, np.array(["a"]), bytearray(b"a")):
        compiled = minigrad.compile(lambda x, y: x * len(y))
        with pytest.warns(RuntimeWarning, match=r"(?s)not hashable.*the engine answers"):
            assert_same(compiled(X, argument), X * len(argument))
        assert_same(compiled(X, argument), X * len(argument))
        assert compiled.stats()["eager"] == 2
        assert "not hashable" in next(iter(compiled.stats()["reasons"]))


def test_arguments_that_are_refused() -> None:
    with pytest.raises(CannotCompileError, match="plain array"):
        minigrad.compile(lambda x: x)(np.ma.masked_array([1.0]))


# ----- threads --------------------------------------------------------------------------------------------------------


def test_threads() -> None:
    """Many threads, several signatures and branches at once."""
    fun = value_and_grad(lambda x: np.sum(np.sin(x) * x) * (2.0 if np.sum(x) > 0 else -1.0))
    compiled = minigrad.compile(fun)
    points = [rng.uniform(-1, 1, shape) for shape in ((3,), (2, 3), (5,)) for _ in range(4)]
    expected = [fun(x) for x in points]
    failures: list[Any] = []

    def work(seed: int) -> None:
        order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(points)), 10))
        for k in order:
            try:
                assert_same(compiled(points[k]), expected[k])
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    stats = compiled.stats()
    assert stats["replays"] + stats["traces"] >= 6 * 10 * len(points)


def test_elementwise_grad_collapses_within_a_program() -> None:
    check(elementwise_grad(elementwise_grad(np.tanh)), (X,), (Y,))


@pytest.mark.parametrize("outer", ["compile", "batched"])
@pytest.mark.parametrize("argument", [2.0, np.array([2.0, 3.0])])
def test_a_compiled_function_that_closes_over_a_value_of_an_outer_transformation(outer: str, argument: Any) -> None:
    # The inner function sees plain arguments alone; what it closes over is no constant.
    def fun(x: Any) -> Any:
        kept = {"x": [x]}
        return minigrad.compile(lambda y: y * kept["x"][0])(argument)

    if outer == "compile":
        compiled = minigrad.compile(fun)
        for x in (3.0, 5.0):
            assert_same(compiled(x), x * argument)
        assert compiled.stats()["replays"] == 1
    else:
        points = np.array([3.0, 5.0, -1.0])
        assert_same(minigrad.batched(fun)(points), np.stack([x * np.asarray(argument) for x in points]))


def test_what_a_compiled_function_was_kept_for_does_not_stay_when_it_is_nested() -> None:
    kept = [1.0]
    inner = minigrad.compile(lambda y: y * kept[0])

    def fun(x: Any) -> Any:
        kept[0] = x
        return inner(2.0)

    assert fun(4.0) == 8.0
    assert_same(minigrad.batched(fun)(np.arange(3.0)), np.array([0.0, 2.0, 4.0]))
    assert fun(5.0) == 10.0


def test_staged_values_leave_operations_to_examples_of_inner_levels() -> None:
    matrix = np.arange(9.0).reshape(3, 3) / 9

    def fun(x: Any) -> Any:
        return np.sum(np.tanh(matrix @ x) * x)

    def within(x: Any) -> Any:  # x is no argument of what is batched
        return minigrad.batched(lambda y: np.sum(2.0 * x * y - x / y))(matrix + 1.0)

    for outer in (minigrad.laplacian(fun), minigrad.bilaplacian(fun), within, grad(lambda x: np.sum(within(x)))):
        compiled = minigrad.compile(outer)
        for x in np.linspace(-1.0, 1.0, 9).reshape(3, 3):
            assert_same(compiled(x), outer(x))
        assert compiled.stats()["replays"] == 2


def test_a_compiled_loop_with_checkpoints_is_traced_once() -> None:
    def fun(x: Any) -> Any:
        return np.sum(minigrad.checkpointed_scan(lambda c, _: (np.tanh(c * x0 + c), None), x, length=4)[0])

    x0 = np.array([0.5, -0.3])
    for transform in (grad, minigrad.hessian):
        compiled = minigrad.compile(transform(fun))
        for x in np.linspace(-1.0, 1.0, 6).reshape(3, 2):
            assert_same(compiled(x), transform(fun)(x))
        assert compiled.stats()["replays"] == 2


def test_operations_of_ones_own_that_return_structures() -> None:
    @minigrad.custom_primitive(vjp=lambda g, ans, x: 2.0 * g["square"] * x + np.sum(g["rest"][1]) * np.ones(2))
    def own(x: Any) -> Any:
        return {"square": x * x, "rest": (1, float(x[0]) + float(x[1]))}

    def plain(x: Any) -> Any:
        return {"square": x * x, "rest": (1, x[0] + x[1])}

    def entries(x: Any) -> Any:
        found = own(x)
        return found["square"] * found["rest"][1]

    compiled = minigrad.compile(entries)
    derivative = minigrad.compile(jacobian(entries))
    for x in np.linspace(-1.0, 1.0, 6).reshape(3, 2):
        assert_same(compiled(x), plain(x)["square"] * plain(x)["rest"][1])
        assert_same(derivative(x), jacobian(lambda x: plain(x)["square"] * plain(x)["rest"][1])(x))
    assert compiled.stats()["replays"] == derivative.stats()["replays"] == 2


def test_what_operations_close_over_is_told() -> None:
    def own(w: Any) -> Any:
        return minigrad.custom_primitive(lambda x: x * w, vjp=lambda g, ans, x: g * w)(X * w)

    def static(w: Any) -> Any:
        return minigrad.custom_primitive(lambda x, n: x * n, jvp=lambda t, ans, x, n: t[0] * n, static="n")(X * w, w)

    def solved(w: Any) -> Any:
        return minigrad.root(lambda p, y: y * w - p, X[0] * w, np.ones(3))

    for fun, message in ((own, "closes over a value"), (static, "a static argument"), (solved, "closes over a value")):
        with pytest.raises(TypeError, match=message):
            minigrad.compile(fun)(2.0)
    with pytest.raises(TypeError, match=r"sparse_jacobian\(compile\(f\), x\)"):
        minigrad.compile(lambda x: minigrad.sparse_jacobian(np.sin, x).toarray())(X[0])


@pytest.mark.parametrize("name", ["psi", "gamma", "loggamma", "rgamma", "erfcx", "dawsn", "log_ndtr"])
def test_second_derivatives_of_special_functions(name: str) -> None:
    special = pytest.importorskip("scipy.special")

    def fun(x: Any) -> Any:
        return np.sum(np.sin(getattr(special, name)(x)))

    def reference(x: Any) -> Any:
        return mnp.array([grad(grad(lambda t, e=e: fun(x + t * e)))(0.0) for e in np.eye(2)])

    for outer in (lambda x: np.sum(reference(x)), minigrad.laplacian(fun), grad(minigrad.laplacian(fun))):
        points = np.array([[1.3, 0.7], [1.9, 0.9], [0.6, 1.1]])  # below 2, where 1/gamma has another series
        expected = np.stack([outer(x) for x in points])
        compiled = minigrad.compile(outer)
        np.testing.assert_allclose([compiled(x) for x in points], expected, rtol=1e-9)
        np.testing.assert_allclose(minigrad.batched(outer)(points), expected, rtol=1e-9)
        assert compiled.stats()["replays"] == 2
    np.testing.assert_allclose(minigrad.laplacian(fun)(points[0]), np.sum(reference(points[0])), rtol=1e-8)


# ----- texts, signs of zeros, and operators of other duck arrays ------------------------------------------------------


def test_batched_sweeps_through_captured_values_are_compiled() -> None:
    """A staged value on the left of a stack of directions leaves the operation to the stack."""
    x, A = np.array([0.5, 2.0]), np.array([[2.0, 1.0], [1.0, 3.0]])
    for derivative, at in (
        (minigrad.laplacian(lambda x: np.sum(np.sin(x) * x)), x),
        (minigrad.bilaplacian(lambda x: np.sum(x) ** 4), x),
        (minigrad.hessian(lambda A: np.sum(np.linalg.inv(A))), A),
    ):
        compiled = minigrad.compile(derivative)
        for _ in range(2):
            np.testing.assert_allclose(compiled(at), derivative(at), rtol=1e-12, atol=1e-12)
        assert compiled.stats()["replays"] == 1


@pytest.mark.parametrize("part", ["real", "imag"])
def test_a_part_that_is_set_is_a_write(part: str) -> None:
    """It cannot be followed, and says so as `x[...] = y` does."""

    def f(x):
        setattr(x, part, 1.0)
        return x

    with pytest.raises(CannotCompileError, match=r"writes into an argument.*set_at"):
        minigrad.compile(f)(np.ones(3, complex))


# ----- threads --------------------------------------------------------------------------------------------------------


def test_first_calls_from_several_threads_compile_once() -> None:
    """Whoever waits for a program uses it; calls of another kind make their own."""

    def fun(x: Any) -> Any:
        for _ in range(30):
            x = np.sin(x) * x
        return np.sum(x)

    compiled, start, interval = minigrad.compile(grad(fun)), threading.Barrier(8), sys.getswitchinterval()

    def run(k: int) -> Any:
        x = np.linspace(0.0, 1.0 + k, 3 + k % 2)
        start.wait()
        return [compiled(x) for _ in range(5)]

    sys.setswitchinterval(1e-5)  # so that all of them look before the first has compiled
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(run, range(8)))
    finally:
        sys.setswitchinterval(interval)
    for k, results in enumerate(found):
        for result in results:
            assert_same(result, compiled.fun(np.linspace(0.0, 1.0 + k, 3 + k % 2)))
    stats = compiled.stats()
    assert (stats["traces"], stats["replays"]) == (2, 38)
    assert stats["guard failures"] == 0


def test_a_series_beside_a_pole_is_compiled() -> None:
    """Whether digits are lost there is asked of a traced value."""
    fun = lambda r: derivatives(lambda u: u**-12 - 2.0 * u**-6 + 1.0 / u, r, 3)
    check(fun, (1.5,), (1.1,), (2.0,))
