"""Fused loops: the vector functions against 40 digits, and fused programs against the same programs step by step."""

import math
import operator
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import inputs, scalar, steps

import minigrad
import minigrad.numpy as mnp
from minigrad import grad, value_and_grad
from minigrad.compiler import vector_math
from minigrad.compiler.meaning import interpret
from minigrad.compiler.passes import optimised
from minigrad.compiler.program import Program
from minigrad.compiler.stage import Trace
from minigrad.core.tree import flatten

finite = st.floats(allow_nan=False, allow_infinity=False)


def ulps(value: Any, exact: Any) -> float:
    """The distance of a float from the exact value in units in the last place of the latter."""
    nearest = float(exact)
    return float(abs(mpmath.mpf(float(value)) - exact) / mpmath.mpf(float(np.spacing(abs(nearest)))))


@pytest.mark.parametrize(
    ("name", "exact"), [("arctan", mpmath.atan), ("exp", mpmath.exp), ("tanh", mpmath.tanh), ("log", mpmath.log)]
)
@given(x=st.one_of(finite, st.floats(-30, 30)))
def test_vector_functions_are_accurate(name: str, exact: Any, x: float) -> None:
    """Two units in the last place, over all numbers; subnormal results of exp may lose what they have no digits for."""
    x = abs(x) or 1.0 if name == "log" else x
    with np.errstate(all="ignore"), mpmath.workdps(40):
        value = getattr(vector_math, name)(np.float64(x))
        if name == "exp" and (x > 709.78 or x < -708):
            np.testing.assert_allclose(value, np.exp(x), rtol=1e-12, atol=1e-323)
        else:
            assert ulps(value, exact(mpmath.mpf(x))) <= 2.0


@pytest.mark.parametrize("name", ["arctan", "exp", "log", "tanh"])
def test_vector_functions_at_the_ends(name: str) -> None:
    """Infinities and NaN, in Python and compiled."""
    numba = pytest.importorskip("numba")
    from minigrad.compiler.numba_loops import vector_functions

    function = vector_functions()[name]  # which only compiled code can call
    compiled = numba.njit(error_model="numpy")(lambda x: function(x))
    with np.errstate(all="ignore"):
        for x in (0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, 709.0, -745.0):
            expected = getattr(np, name)(x)
            np.testing.assert_allclose(getattr(vector_math, name)(np.float64(x)), expected, rtol=1e-13, atol=1e-323)
            np.testing.assert_allclose(compiled(x), expected, rtol=1e-13, atol=1e-323)


def program_of(fun: Any, *args: Any) -> tuple[Program, list[Any]]:
    """The optimised program of a function of arrays, and the leaves of its arguments."""
    leaves, treedef = flatten(args)
    trace = Trace()
    out = fun(*treedef.unflatten([trace.input(leaf) for leaf in leaves]))
    return optimised(trace.close(flatten(out)[0])), leaves


def check_fused(fun: Any, *args: Any) -> Program:
    """The program in which steps are fused, whose results must be those of the one in which they are not."""
    from minigrad.compiler.driver import driven
    from minigrad.compiler.fused import fused

    program, leaves = program_of(fun, *args)
    together = fused(program)
    expected = interpret(program, leaves)
    for a, b in zip(interpret(together, leaves) + interpret(driven(together), leaves), expected * 2, strict=True):
        assert type(a) is type(b)
        assert np.shape(a) == np.shape(b)
        scale = float(np.max(np.abs(b), initial=1.0))
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13 * scale)
    return together


def kernels(program: Program) -> list[Any]:
    from minigrad.compiler.fused import Kernel

    return [step.function for step in program.steps if isinstance(step.function, Kernel)]


def network(A: Any, b: Any, x: Any, Y: Any) -> Any:
    for Ar, br in zip(A, b):
        x = np.arctan(Ar @ x + br)
    return mnp.sum(mnp.logsumexp(x, axis=0)) - mnp.sum(x * Y)


def parameters(widths: list[int], n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    A = [rng.standard_normal((q, p)) for p, q in pairwise(widths)]
    b = [rng.standard_normal((q, 1)) for q in widths[1:]]
    return A, b, rng.uniform(-1, 1, (widths[0], n)), np.eye(widths[-1])[rng.integers(0, widths[-1], n)].T.copy()


def test_a_network_is_a_few_kernels_between_products() -> None:
    """Every layer is one kernel forward and one backward; layers of the same form share their source."""
    pytest.importorskip("numba")
    found = kernels(check_fused(value_and_grad(network, (0, 1)), *parameters([2, 4, 5, 8, 3], 30)))
    assert len(found) == 7
    assert len({kernel.source for kernel in found}) == 3
    assert "arctan(" in found[0].source


def test_a_small_network_is_one_call() -> None:
    """A driver multiplies small matrices itself and calls the kernels, which are compiled once for all drivers."""
    pytest.importorskip("numba")
    from minigrad.compiler.driver import Driver, driven

    program = driven(check_fused(value_and_grad(network, (0, 1)), *parameters([2, 4, 5, 3], 30)))
    (step,) = [step for step in program.steps if isinstance(step.function, Driver)]
    assert [other for other in program.steps if other is not step] == []
    source = step.function.source  # has the lines of a few, and calls of what comes often
    assert source.count("product(") + source.count("for c_") == 8
    assert step.function.source.count("kernel_0(") == 2
    large = driven(check_fused(value_and_grad(network, (0, 1)), *parameters([30, 40, 3], 50)))
    assert sum(step.function is operator.matmul for step in large.steps) == 2


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.booleans(), st.booleans())
def test_products_of_small_matrices(m: int, k: int, n: int, turn_x: bool, turn_y: bool) -> None:
    """In both orders of loops, of matrices laid out by rows and by columns."""
    pytest.importorskip("numba")
    from minigrad.compiler.driver import PRODUCTS, compiled_product

    rng = np.random.default_rng(m + 7 * k + 49 * n)
    x = rng.standard_normal((k, m)).T if turn_x else rng.standard_normal((m, k))
    y = rng.standard_normal((n, k)).T if turn_y else rng.standard_normal((k, n))
    for name, product in PRODUCTS.items():
        np.testing.assert_allclose(product(x, y), x @ y, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(compiled_product(name)(x, y), x @ y, rtol=1e-12, atol=1e-14)


def test_rows_are_shared_out_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of threads the results are the same."""
    pytest.importorskip("numba")
    from minigrad.compiler import fused

    monkeypatch.setattr(fused.Kernel, "LARGE", 1)
    for threads in (1, 2, 3):
        monkeypatch.setattr(fused, "number_of_threads", lambda threads=threads: threads)
        found = kernels(check_fused(value_and_grad(network, (0, 1)), *parameters([3, 6, 3], 40)))
        assert any(kernel.rows == 6 for kernel in found)


@pytest.mark.parametrize(
    "fun",
    [
        lambda x, y: np.sum(np.maximum(x, y) * np.minimum(x, 0.5) + np.abs(y)),
        lambda x, y: np.where(x > y, np.sqrt(x * x + 1.0), np.tanh(y)).sum(axis=0),
        lambda x, y: (x - x.max(axis=1, keepdims=True)) / (1.0 + x.min(axis=1) ** 2).sum() * y,
        lambda x, y: (x.sum(axis=0)[None, :] * y).sum(axis=1),
        lambda x, y: x.sum(axis=0).reshape(1, 3, 1) + y.sum() * x.reshape(2, 3, 1),
        lambda x, y: np.vdot(x, y) * np.exp(-x) / (1.0 + np.exp(-y)),
    ],
)
def test_reductions_views_and_choices(fun: Any) -> None:
    """The ways in which values meet in a kernel, and their gradients."""
    pytest.importorskip("numba")
    x, y = np.array([[0.3, -0.7, 0.2], [0.9, 0.1, -0.4]]), np.array([[0.1, -0.2, 0.8], [0.5, 0.4, -1.4]])
    assert kernels(check_fused(fun, x, y))
    check_fused(grad(lambda x, y: mnp.sum(mnp.sin(fun(x, y))), (0, 1)), x, y)


@settings(max_examples=15)
@given(steps, inputs)
def test_random_programs_fused(program: Any, x: Any) -> None:
    """Gradients of random programs, fused and not."""
    pytest.importorskip("numba")
    check_fused(grad(scalar(program)), x)


def test_infinite_results_are_left_to_the_engine() -> None:
    """A kernel that makes an infinity raises, so that the function is run once more where it can be resolved."""
    pytest.importorskip("numba")
    from minigrad.compiler.fused import fused

    program, _ = program_of(lambda x: 1.0 / (x * x) + x, np.array([1.0, 2.0]))
    with pytest.raises(FloatingPointError, match="not finite"):
        interpret(fused(program), [np.array([0.0, 1.0])])


def test_the_source_of_a_kernel_can_be_read() -> None:
    """Loops, loads that do not change before the inner one, and the results."""
    pytest.importorskip("numba")
    (kernel,) = kernels(check_fused(lambda u, b: np.sum(np.exp(u + b) * 2.0, axis=1), np.ones((2, 3)), np.ones((2, 1))))
    assert kernel.source == (
        "def kernel(x0, x1):\n"
        "    finite = 0.0  # something else once a division is by zero, or an operation invalid\n"
        "    n0 = x0.shape[0]\n"
        "    n1 = x0.shape[1]\n"
        "    a3 = np.empty((n0,), np.float64)\n"
        "    for i0 in range(n0):\n"
        "        r0 = x1[i0, 0]\n"
        "        v3 = 0.0\n"
        "        for i1 in range(n1):\n"
        "            v0 = x0[i0, i1] + r0\n"
        "            v1 = exp(v0)\n"
        "            v2 = v1 * 2.0\n"
        "            v3 = plus(v3, v2)\n"
        "        a3[i0] = v3\n"
        "        finite = plus(finite, 1.0 * (v3 != v3))\n"
        "    return a3, finite\n"
    )
    assert math.isfinite(float(kernel(np.ones((2, 3)), np.ones((2, 1)))[0][0]))


def test_compile_with_fused_loops() -> None:
    """The results of the tape up to rounding, of its types; infinities are left to the engine, with its warning."""
    pytest.importorskip("numba")
    from minigrad import compile  # noqa: A004

    gradient = value_and_grad(network, (0, 1))
    fast = compile(gradient, backend="numba")
    args = parameters([2, 4, 3], 30)
    for scale in (1.0, 0.5):
        A = [scale * a for a in args[0]]
        (loss, grads), (expected, others) = fast(A, *args[1:]), gradient(A, *args[1:])
        assert type(loss) is np.float64
        np.testing.assert_allclose(loss, expected, rtol=1e-13)
        for a, b in zip(flatten(grads)[0], flatten(others)[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    assert (fast.stats()["traces"], fast.stats()["replays"]) == (1, 1)
    root = compile(grad(lambda x: np.sum(np.sqrt(x) * np.exp(-x))), backend="numba")
    root(np.array([1.0, 2.0]))
    with pytest.warns(RuntimeWarning, match="infinite"):
        assert root(np.array([0.0, 1.0]))[0] == np.inf
    assert root.stats()["exceptional"] == 1


def test_bad_backends_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name, a promise that fused loops cannot keep, and Numba missing."""
    from minigrad import compile  # noqa: A004

    with pytest.raises(ValueError, match="'numpy' or 'numba', not 'torch'"):
        compile(np.sin, backend="torch")
    with pytest.raises(ValueError, match="not exact"):
        compile(np.sin, exact=True, backend="numba")
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r"pip install numba"):
        compile(np.sin, backend="numba")


# ----- infinities, NaN, signs of zeros, and digits that must not be simplified away -----------------------------------


def assert_as_eager(fun: Any, *points: Any, replays: int) -> None:
    """The compiled function has the results of the plain one, to rounding, also where they are infinite or NaN."""
    pytest.importorskip("numba")
    compiled = minigrad.compile(fun, backend="numba")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for point in points:
            args = point if type(point) is tuple else (point,)
            for a, b in zip(flatten(compiled(*args))[0], flatten(fun(*args))[0], strict=True):
                assert type(a) is type(b)
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-300)
    assert compiled.stats()["replays"] == replays
    assert not compiled.stats()["reasons"]


def test_zero_times_an_infinity_made_of_finite_numbers() -> None:
    """exp(800) is infinite and exp(-exp(800)) is 0: their product is for the engine, which takes it as 0."""
    for fun in (lambda x: np.sum(np.exp(-np.exp(x))), lambda x: np.sum(np.exp(-np.exp(x)), axis=0)[0]):
        assert_as_eager(
            grad(fun), np.ones((3, 2)), np.full((3, 2), 0.5), np.array([[1, 2], [800, 1], [2, 2.0]]), replays=1
        )
    assert_as_eager(grad(lambda x: np.exp(-np.exp(x)) + np.exp(np.exp(-x))), 1.0, 2.0, 800.0, replays=1)


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 2), (1, 2), None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_any_axes_tell_of_invalid_operations(axis: Any, keepdims: bool) -> None:
    good, bad = np.linspace(0.1, 1.0, 24).reshape(2, 3, 4), np.linspace(0.1, 1.0, 24).reshape(2, 3, 4)
    bad[1, 2, 3] = 0.0
    assert_as_eager(lambda x: np.sum(np.exp(x) / x, axis=axis, keepdims=keepdims), good, good, bad, replays=1)
    # exp(800) - exp(800) is NaN, exp(800) alone is infinite, which is no reason to ask the engine
    for other, replays in ((-800.0, 1), (0.5, 2)):
        bad[...], bad[1, 2, 3], bad[0, 2, 3] = 0.5, 800.0, other
        fun = lambda x: np.sum(np.exp(x) + np.exp(-x) * -2.0, axis=axis, keepdims=keepdims)
        meets = axis in (0, (0, 2), None)
        assert_as_eager(fun, good, good, bad, replays=replays if meets else 2)


def test_maximum_and_minimum_at_nan_and_equal_zeros() -> None:
    nan, z = np.array([np.nan, 1.0, 2.0]), np.array([0.0, -0.0, 1.0])
    for fun in (np.maximum, np.minimum):
        pair = lambda x, y, fun=fun: (fun(x, y) * 2.0, np.sum(fun(x, y)))
        assert_as_eager(pair, (z, z + 1.0), (nan, z), (z, nan), (nan, nan), (z, z), replays=1)
        derivative = grad(lambda x, y, fun=fun: np.sum(fun(x, y) * np.exp(y)), (0, 1))
        assert_as_eager(derivative, (z + 2.0, z + 1.0), (z, z), (z, -z), replays=2)
        compiled = minigrad.compile(lambda x, y, fun=fun: fun(x, y) * 2.0, backend="numba")
        for x, y in ((z, z + 1.0), (z, -z), (-z, z)):
            assert np.array_equal(np.signbit(compiled(x, y)), np.signbit(fun(x, y)))


def test_signs_of_zeros_survive() -> None:
    """Later operations may ask for them."""
    fun = lambda x, y: np.arctan2(-(x - y) * np.exp(x), -1.0)
    x = np.linspace(0.1, 0.9, 5)
    assert_as_eager(fun, (x, 2.0 * x), (x, x), (x, 2.0 * x), replays=2)


def test_rounding_errors_that_are_meant() -> None:
    """log(1 + x) by Goldberg, and a compensated sum: (1 + x) - 1 is not x."""

    def log_of_more(x: Any) -> Any:
        u = 1.0 + x
        return np.log(u) * x / (u - 1.0)

    def error_of_sum(x: Any, y: Any) -> Any:
        s = x + y
        part = s - x
        return (x - (s - part)) + (y - part) + 0.0 * np.exp(-x)

    x = np.array([1e-10, 3e-12, 1e-5, 0.5])
    assert_as_eager(log_of_more, x, x * 1.7, replays=1)
    assert_as_eager(error_of_sum, (x, x[::-1] * 1e-3), (x * 0.3, x[::-1]), replays=1)


def test_a_view_of_a_number_within_a_driver() -> None:
    def fun(x: Any) -> Any:
        total = np.sum(np.exp(x) * 2.0)
        return (
            total[None],
            np.sum(np.exp(x @ x.T) * 2.0).reshape(1, 1) @ np.ones((1, 1)),
            np.exp(x) / total.reshape(1, 1),
        )

    assert_as_eager(fun, np.ones((3, 3)), np.eye(3), np.full((3, 3), 0.5), replays=2)


def test_arrays_without_axes_are_no_numbers() -> None:
    fun = lambda x, y: (x * y + np.exp(y), np.exp(x) * 2.0 + x)
    assert_as_eager(fun, (np.array(0.5), np.ones(3)), (np.array(1.5), np.arange(3.0)), replays=1)


def test_threads_leave_the_rows_of_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum over the second of three axes is set to 0 row by row."""
    pytest.importorskip("numba")
    from minigrad.compiler import fused

    monkeypatch.setattr(fused.Kernel, "LARGE", 1)
    monkeypatch.setattr(fused, "number_of_threads", lambda: 3)
    fun = lambda x: np.sum(np.exp(x) * 2.0, axis=1) / 3.0
    x = np.linspace(-1.0, 1.0, 12 * 5 * 40).reshape(12, 5, 40)
    assert_as_eager(fun, *[x * k for k in range(1, 9)], replays=7)


def chain(x: Any) -> Any:
    """A long loop of a few operations, with values that are read long after they were made, as in a gradient."""
    values = [x]
    for k in range(60):
        values.append(values[-1] * x + 0.1 if k % 2 else values[-1] / 1.5)
    for value in values[::-1]:
        x = (x - value) * 0.5
    return x, values[30]


@pytest.mark.parametrize("shape", [(5,), (1,), (150,), (3, 70), (2, 3, 4)])
@pytest.mark.parametrize("threads", [0, 2])
def test_a_loop_of_equal_steps_is_one_kernel_with_loops(
    shape: tuple[int, ...], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results have the bits of NumPy's, also where there are more entries than are computed together."""
    pytest.importorskip("numba")
    from minigrad.compiler import fused

    if threads:
        monkeypatch.setattr(fused.Kernel, "LARGE", 1)
        monkeypatch.setattr(fused, "number_of_threads", lambda: threads)
    x = np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)
    program, leaves = program_of(chain, x)
    together = fused.fused(program)
    (kernel,) = kernels(together)
    assert kernel.source.count("for t in range(") >= 2
    assert kernel.source.count("\n") < 80
    for found, expected in zip(interpret(together, leaves), chain(x), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_sums_in_a_long_body_are_no_loop_of_values() -> None:
    pytest.importorskip("numba")

    def fun(x: Any) -> Any:
        total = 0.0
        for _ in range(40):
            x = x * 1.01 + 0.1
            total = total + np.sum(x)
        return total

    check_fused(fun, np.linspace(0.1, 0.9, 7))


def test_long_programs_become_kernels_of_a_bounded_size() -> None:
    """What repeats nothing is cut, and what Numba would compile for too long stays with NumPy."""
    pytest.importorskip("numba")
    from minigrad.compiler.driver import driven
    from minigrad.compiler.fused import BUDGET, MOST_STEPS, fused

    rng = np.random.default_rng(0)

    def fun(x: Any) -> Any:
        values = [x]
        for k in range(1500):
            y = values[rng.integers(0, len(values))] * 0.5
            values.append(y + values[rng.integers(0, len(values))] if k % 3 else y * y)
        return values

    program, _ = program_of(fun, np.linspace(0.1, 0.9, 5))
    together = fused(program)
    found = {kernel.source: kernel for kernel in kernels(together) + kernels(driven(together))}
    assert found
    assert max(source.count("\n") for source in found) < 6 * MOST_STEPS
    assert sum(kernel.cost for kernel in found.values()) <= BUDGET
    assert len(together.steps) > 1000


# ----- what outlives the process --------------------------------------------------------------------------------------

KEPT = """
import numpy as np
import minigrad
from minigrad.compiler import numba_loops
kernel = {source!r}
run = numba_loops.compiled(kernel)
assert run(np.array([1.0, 2.0]))[0].tolist() == {value!r}
print(dict(run.stats.cache_hits) != {{}}, dict(run.stats.cache_misses) == {{}})
"""


def test_kernels_are_kept_on_disk_for_other_processes(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    from minigrad.compiler import numba_loops

    monkeypatch.setenv("MINIGRAD_CACHE_DIR", str(tmp_path / "loops"))
    program = check_fused(lambda x: np.sqrt(x + 1.0) * 2.0 - 0.25, np.array([1.0, 2.0]))
    source = kernels(program)[0].source
    numba_loops.compiled.cache_clear()  # as if nothing had been compiled in this process
    run = numba_loops.compiled(source)
    value = run(np.array([1.0, 2.0]))[0].tolist()
    files = sorted(path.name for path in (tmp_path / "loops").iterdir())
    assert any(name.startswith("loops_") for name in files)
    script = KEPT.format(source=source, value=value)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["True", "True"], ended.stderr


def test_drivers_of_other_kernels_are_other_files(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of a driver names kernels by numbers."""
    from minigrad.compiler.on_disk import file_of

    monkeypatch.setenv("MINIGRAD_CACHE_DIR", str(tmp_path))
    assert file_of("kernel_0()", "one") != file_of("kernel_0()", "two")
    assert file_of("kernel_0()", "one") == file_of("kernel_0()", "one")


def test_functions_of_other_texts_have_other_names() -> None:
    """Numba finds the constants of a function from disk by its name and its number in the process that compiled it.

    Another function of one name and one number took those of the first: a dtype was missing.
    """
    from minigrad.compiler.numba_loops import function_of

    texts = [f"def kernel(x):\n    return {value}\n" for value in ("x", "2 * x")]
    names = [function_of(text, {}, called).__qualname__ for text in texts for called in ("", "other")]
    assert len(set(names)) == 4


def test_there_may_be_no_place_on_disk(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is wanted, or it cannot be made: loops are then compiled in every process."""
    pytest.importorskip("numba")
    from minigrad.compiler import numba_loops, on_disk

    (tmp_path / "file").write_text("")
    for name in ("", str(tmp_path / "file" / "below")):
        monkeypatch.setenv("MINIGRAD_CACHE_DIR", name)
        assert on_disk.file_of("text") is None
        assert not numba_loops.is_kept(numba_loops.function_of("def kernel():\n    return 1\n", {}))
    monkeypatch.delenv("MINIGRAD_CACHE_DIR")
    assert on_disk.folder().name == "minigrad"


def test_the_folder_of_loops_does_not_grow_without_end(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.compiler import on_disk

    monkeypatch.setenv("MINIGRAD_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(on_disk, "MOST_FILES", 4)
    for k in range(20):
        path = Path(on_disk.file_of(f"text {k}"))
        (tmp_path / "__pycache__").mkdir(exist_ok=True)
        (tmp_path / "__pycache__" / f"{path.stem}.kernel-1.nbi").write_text("")
    assert path.exists()
    assert len(list(tmp_path.glob("*.py"))) <= 4
    assert len(list((tmp_path / "__pycache__").iterdir())) <= 4


#: sums whose summands would be other numbers, were they rearranged, or computed with one rounding instead of two
SUMMANDS = [
    ("difference", lambda x: np.sum(x - 2 * x)),
    ("difference by rows", lambda x: np.sum((x - 2 * x).reshape(2, -1) * 1.0, axis=1)),
    ("difference by columns", lambda x: np.sum((x - 2 * x).reshape(2, -1) * 1.0, axis=0)),
    ("largest difference", lambda x: np.max(x - 2 * x)),
    ("product and sum", lambda x: np.sum(2 * x - x)),
    ("equal products", lambda x: np.sum(x * x - x * x)),
    ("products that overflow", lambda x: np.sum(x * 1e200 * 1e200 * 1e-300)),
    ("products that underflow", lambda x: np.sum(x * 1e-300 * 1e-300 * 1e300)),
    ("digits that are lost", lambda x: np.sum((x + 1e16) - 1e16)),
    ("rounding of a quotient", lambda x: np.sum((x / 3.0) * 3.0 - x)),
    ("finite or not", lambda x: np.sum(np.where(x - x == 0, x, 0.5))),
    ("inner product", lambda x: np.vdot(x - 2 * x, x)),
]


@pytest.mark.parametrize("x", [np.inf, -np.inf, 1e308, 0.1, np.nan, -0.0], ids=str)
@pytest.mark.parametrize(("name", "f"), SUMMANDS, ids=[row[0] for row in SUMMANDS])
def test_the_summands_of_a_fused_sum_are_those_of_numpy(name: str, f: Any, x: float) -> None:
    pytest.importorskip("numba")
    fast = minigrad.compile(f, backend="numba")
    point = np.linspace(0.5, 1.5, 32)
    with np.errstate(all="ignore"):
        fast(point)
        point[:8] = x
        np.testing.assert_allclose(fast(point), f(point), rtol=1e-13, atol=0)
