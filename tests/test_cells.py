"""Every cell has every property: its value and its derivatives, by all modes, in all orders, shapes and dtypes.

One test is one cell in one dtype. It goes through the properties below for every option and shape of the cell, and a
failure names the property and the call.

The references do not use the engine: finite differences with Richardson extrapolation, and the complex step where the
function takes it. For complex arguments the differences are taken along both axes, so functions that are not
holomorphic are held to the same test; the cotangents follow the convention that L = Re sum(c * f(z)) has
dL = Re sum(cotangent * dz).
"""

import contextlib
import functools
import importlib.util
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from cells import Case, Cell, cases, load
from references import assert_close, complex_step_jacobian, difference_jacobian, richardson, shifted

import minigrad
import minigrad.core.lean
import minigrad.numpy
from minigrad import batched, check, jvp, sparsity, tree_map, vjp
from minigrad.core.tape import Box, Tape
from minigrad.core.tree import flatten
from minigrad.errors import CannotCompileError
from minigrad.modes.by_the_book import by_the_book
from minigrad.modes.taylor.derivatives import jet
from minigrad.test_util import check_grads

NARROW = {"f": numpy.float32, "F": numpy.complex64}
HAS_SCIPY = importlib.util.find_spec("scipy") is not None


def directions(args: Any, seed: int, low: float = -1.0, high: float = 1.0) -> list[Any]:
    """A random direction for each argument, of its shape, kind and layout in memory."""
    generator = numpy.random.default_rng(seed)
    made = []
    for x in args:
        t = numpy.empty_like(x)
        t[...] = generator.uniform(low, high, numpy.shape(x))
        if t.dtype.kind == "c":
            t += 1j * generator.uniform(low, high, numpy.shape(x))
        made.append(t)
    return made


def pairing(cts: Any, ts: Any) -> Any:
    """Re sum(ct * t) over all arguments, traced or not."""
    return sum(minigrad.numpy.sum(minigrad.numpy.real(ct * t)) for ct, t in zip(cts, ts, strict=True))


class Run:
    """What several properties ask of one case: arguments, directions, and the derivatives by both modes."""

    def __init__(self, case: Case) -> None:
        self.case, self.cell = case, case.cell
        self.args = case.drawn()
        self.t, self.w = directions(self.args, 1), directions(self.args, 2)

    @functools.cached_property
    def expected(self) -> Any:
        return numpy.asarray(self.case.plain(*self.args))

    @functools.cached_property
    def c(self) -> Any:
        """A cotangent for the output; none of its entries is small."""
        return directions([self.expected], 3, 0.5, 1.5)[0]

    @functools.cached_property
    def pushed(self) -> tuple[Any, Any]:
        """The value and the tangent by forward mode."""
        return jvp(self.case.fun, tuple(self.args), tuple(self.t))

    @functools.cached_property
    def pulled(self) -> tuple[Any, Any]:
        """The value and the pullback by reverse mode."""
        return vjp(self.case.fun, *self.args)

    @functools.cached_property
    def cts(self) -> Any:
        return self.pulled[1](self.c)

    def scalar(self, *args: Any) -> Any:
        """A nonlinear function of the output with values in the reals, so that linear cells have second derivatives."""
        out = minigrad.numpy.real(self.c * self.case.fun(*args))
        return minigrad.numpy.sum(out + 0.5 * out * out)

    @functools.cached_property
    def jacobians(self) -> list[tuple[list[Any], float]]:
        """The derivatives by every independent reference: an array per argument and axis, with a tolerance."""
        found = [(difference_jacobian(self.case.plain, self.args), self.cell.tolerance)]
        if self.cell.analytic and self.case.dtype == "d":
            found.append((complex_step_jacobian(self.case.plain, self.args), 1e-13))
        return found


# ----- first order ----------------------------------------------------------------------------------------------------


def value_is_that_of_numpy(run: Run) -> None:
    """A traced function computes what NumPy computes, with its shape and dtype."""
    for value in (run.pulled[0], run.pushed[0]):
        assert numpy.asarray(value).dtype == run.expected.dtype
        assert_close(value, run.expected, 1e-14)


def forward_against_references(run: Run) -> None:
    """The tangent is the Jacobian times the direction."""
    for columns, tolerance in run.jacobians:
        expected = numpy.zeros_like(run.expected)
        for column, t in zip(columns, run.t, strict=True):
            for along, part in zip(column, (t.real, t.imag)):
                expected = expected + numpy.tensordot(along, part, part.ndim)
        assert_close(run.pushed[1], expected, tolerance, floor=1e-3)


def backward_against_references(run: Run) -> None:
    """The cotangent is the transposed Jacobian times that of the output."""
    for columns, tolerance in run.jacobians:
        for ct, column in zip(run.cts, columns, strict=True):
            real, *imag = [numpy.real(numpy.tensordot(run.c, along, run.c.ndim)) for along in column]
            assert_close(ct, real - 1j * imag[0] if imag else real, tolerance, floor=1e-3)


def modes_are_adjoint(run: Run) -> None:
    """<c, J t> = <J^T c, t>."""
    size = float(numpy.sum(numpy.abs(run.c * run.pushed[1])))
    difference = abs(pairing([run.c], [run.pushed[1]]) - pairing(run.cts, run.t))
    assert difference <= run.cell.modes * max(1.0, size), difference


def results_are_fresh_arrays(run: Run) -> None:
    """Gradients and tangents have the shape and dtype of their argument and share memory with nothing."""
    results = [*run.cts, *run.pulled[1](run.c), run.pushed[1]]
    for ct, x in zip(results, run.args * 2):
        assert isinstance(ct, numpy.ndarray)
        assert ct.shape == x.shape
        assert ct.dtype == x.dtype
        assert ct.flags.writeable
    arrays = [a for a in (*results, *run.args, *run.t, run.c) if isinstance(a, numpy.ndarray)]
    for a, b in itertools.combinations(arrays, 2):
        if any(a is x or b is x for x in results):
            assert not numpy.shares_memory(a, b)


def layouts_do_not_matter(run: Run) -> None:
    """The same values in arrays that are not contiguous have the same derivatives."""
    for a, b in zip(vjp(run.case.fun, *[strided(x) for x in run.args])[1](run.c), run.cts, strict=True):
        assert_close(a, b, 1e-12, floor=1e-6)


def strided(x: Any) -> Any:
    """The same values in an array that is not contiguous."""
    if not x.ndim:
        return x
    wide = numpy.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def numpy_dispatches(run: Run) -> None:
    """The same program written with `numpy` gives the same derivatives, to the last bit."""
    if not run.cell.plain:
        return
    value, pullback = vjp(run.case.plain, *run.args)
    assert numpy.array_equal(value, run.pulled[0])
    for a, b in zip(pullback(run.c), run.cts, strict=True):
        assert numpy.array_equal(a, b)
    assert numpy.array_equal(jvp(run.case.plain, tuple(run.args), tuple(run.t))[1], run.pushed[1])


def lean_tape_forgets_nothing_needed(run: Run) -> None:
    """When every unneeded value is dropped, whatever its size, gradients stay the same to the last bit."""
    expected = vjp(run.scalar, *run.args)[1](1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minigrad.core.lean.LeanTape, "LARGE", 0)
        lean = minigrad.grad(lambda args: run.scalar(*args))(tuple(run.args))
    for a, b in zip(lean, expected, strict=True):
        assert numpy.array_equal(a, b)


def the_chain_rule_by_the_book_agrees(run: Run) -> None:
    """The backward loop gives the numbers of the loop by the book."""
    tape = Tape()
    out = run.case.fun(*[tape.leaf(x) for x in run.args])
    tape.is_open = False
    seeds = [(out.index, run.c)] if isinstance(out, Box) else []
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        book = by_the_book(tape, seeds)
    for ct, expected, x in zip(book, run.cts, run.args, strict=True):
        assert_close(numpy.zeros_like(x) if ct is None else ct, expected, 1e-15)


# ----- higher orders --------------------------------------------------------------------------------------------------


def second_order_of_a_scalar(run: Run) -> None:
    """The Hessian-vector product in all four nestings of the modes, and by differences of the gradient."""
    args, v, w = tuple(run.args), tuple(run.t), run.w

    def gradient(*xs: Any) -> Any:
        return vjp(run.scalar, *xs)[1](1.0)

    reverse_reverse = vjp(gradient, *args)[1](v)
    forward_reverse = jvp(gradient, args, v)[1]
    reverse_forward = vjp(lambda *xs: jvp(run.scalar, xs, v)[1], *args)[1](1.0)
    forward_forward = jvp(lambda *xs: jvp(run.scalar, xs, v)[1], args, tuple(w))[1]
    for k, x in enumerate(args):
        expected = richardson(lambda s, k=k: gradient(*shifted(args, v, s))[k])
        assert reverse_reverse[k].shape == x.shape
        assert_close(reverse_reverse[k], expected, run.cell.tolerance, floor=1e-2)
        assert_close(forward_reverse[k], reverse_reverse[k], run.cell.modes, floor=1e-3)
        assert_close(reverse_forward[k], reverse_reverse[k], run.cell.modes, floor=1e-3)
    size = sum(float(numpy.sum(abs(h * u))) for h, u in zip(reverse_reverse, w))
    assert abs(pairing(reverse_reverse, w) - forward_forward) <= run.cell.modes * max(1.0, size)


def second_order_of_the_pullback(run: Run) -> None:
    """The change of the pullback of a constant along t, by differences and in all four nestings."""
    args, t, w, c = tuple(run.args), tuple(run.t), tuple(run.w), run.c

    def pulled(*xs: Any) -> Any:
        return vjp(run.case.fun, *xs)[1](c)

    def pushed(*xs: Any) -> Any:
        return jvp(run.case.fun, xs, w)[1]

    change = jvp(pulled, args, t)[1]
    flat = numpy.concatenate([numpy.ravel(x) for x in change])
    expected = richardson(lambda s: numpy.concatenate([numpy.ravel(ct) for ct in pulled(*shifted(args, t, s))]))
    assert_close(flat, expected, run.cell.tolerance, floor=1e-1)
    bound = 1e-9 * max(1.0, float(numpy.sum(numpy.abs(flat))))
    reference = pairing(change, w)
    assert abs(pairing(vjp(pulled, *args)[1](w), t) - reference) <= bound, "reverse over reverse"
    assert abs(pairing(vjp(pushed, *args)[1](c), t) - reference) <= bound, "reverse over forward"
    assert abs(pairing([c], [jvp(pushed, args, t)[1]]) - reference) <= bound, "forward over forward"


def taylor_series_of_order_3(run: Run) -> None:
    """The series along a curved path by Taylor mode and by nesting forward mode."""
    path = list(zip(run.args, run.t, run.w, directions(run.args, 4)))
    value, derivs = jet(run.case.fun, run.args, [list(derivatives) for _, *derivatives in path])
    assert_close(value, run.expected, 1e-13)

    def nested(s: Any) -> Any:
        return run.case.fun(*[x + s * v + (s * s / 2) * u + (s * s * s / 6) * w for x, v, u, w in path])

    for k in range(3):
        nested = lambda s, inner=nested: jvp(inner, (s,), (1.0,))[1]
        assert_close(derivs[k], nested(0.0), 1e-9, floor=1e-2)


# ----- the other modes ------------------------------------------------------------------------------------------------


def batches_are_their_examples(run: Run) -> None:
    """Value, pushforward and pullback of three examples at once, with NumPy's function and with ours."""
    examples = [run.case.drawn(seed) for seed in (None, 1, 2)]
    points = [numpy.stack(column) for column in zip(*examples)]
    ts = [numpy.stack(column) for column in zip(*[directions(e, 5 + k) for k, e in enumerate(examples)])]

    def derivatives_of(*points_and_directions: Any) -> Any:
        n = len(points_and_directions) // 2
        points, ts = points_and_directions[:n], points_and_directions[n:]
        out, tangent = jvp(run.case.fun, points, ts)
        _, pullback = vjp(run.case.fun, *points)
        c = numpy.cos(numpy.arange(out.size)).reshape(out.shape)
        return out, tangent, pullback(c if out.dtype.kind != "c" else c + 0.5j)

    calls = (run.case.plain if run.cell.plain else run.case.fun, points), (derivatives_of, points + ts)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Casting complex values")
        for fun, args in calls:
            got, _ = flatten(batched(fun)(*args))
            each = [flatten(fun(*[x[i] for x in args]))[0] for i in range(3)]
            for found, column in zip(got, zip(*each), strict=True):
                expected = numpy.stack(column)
                assert found.dtype == expected.dtype
                assert_close(found, expected, 1e-9, floor=1e-3)


def batches_between_two_tapes(run: Run) -> None:
    """Second derivatives of a sum over a batch of pullbacks."""
    if not run.case.is_last:
        return
    points = [numpy.stack([x, x * 1.01]) for x in run.args]
    ts = directions(points, 4)

    def pulled(*points: Any) -> Any:
        out, pullback = vjp(run.case.fun, *points)
        shape = numpy.shape(minigrad.value(out))
        return out, pullback(numpy.cos(numpy.arange(int(numpy.prod(shape)))).reshape(shape))

    def total(results: Any) -> Any:
        return sum(numpy.sum(numpy.real(part * part)) for part in flatten(results)[0])

    def at_once(*xs: Any) -> Any:
        return total(batched(pulled)(*xs))

    def in_turn(*xs: Any) -> Any:
        return sum(total(pulled(*[x[i] for x in xs])) for i in range(2))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_close(jvp(at_once, points, ts)[1], jvp(in_turn, points, ts)[1], 1e-8, floor=1e-3)
        for a, b in zip(vjp(at_once, *points)[1](1.0), vjp(in_turn, *points)[1](1.0), strict=True):
            assert_close(a, b, 1e-8, floor=1e-3)


def compiled_is_what_the_engine_gives(run: Run) -> None:
    """Value, pullback and pushforward of a compiled function, or an error that says why it cannot be compiled."""
    if not run.case.is_last or run.case.dtype != "d" or not run.cell.name.startswith("numpy."):
        return

    function, option = run.cell.fun, run.case.option  # what a compiled function closes over is watched: nothing else

    def call(*xs: Any) -> Any:
        return function(minigrad.numpy, *xs, *option)

    def fun(args: Any, ts: Any) -> Any:
        out, pullback = vjp(call, *args)
        tangent = jvp(call, tuple(args), tuple(ts))[1]
        return out, pullback(tangent), tangent

    # No direction along which a difference cancels, as that of ones does in a variance: only rounding would be left.
    slopes = [numpy.linspace(0.5, 1.5, numpy.size(x)).reshape(numpy.shape(x)) for x in run.args]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = fun(run.args, slopes)
        compiled = minigrad.compile(fun)
        with contextlib.suppress(CannotCompileError):
            compiled(run.args, slopes)
        if not compiled.stats()["programs"]:
            with pytest.raises(CannotCompileError, match=r"plain array|written"):
                compiled(run.args, slopes)
            return
        found = compiled(run.args, slopes)
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        assert type(a) is type(b)
        assert a.dtype == b.dtype
        assert_close(a, b, 1e-10)


def pattern_misses_no_entry(run: Run) -> None:
    """Where the sparsity pattern has nothing, the Jacobian is zero."""
    if not run.case.is_last or run.case.dtype != "d" or not HAS_SCIPY:
        return
    sizes = numpy.cumsum([0, *[x.size for x in run.args]])

    def of_vector(v: Any) -> Any:
        split = [v[a:b].reshape(x.shape) for a, b, x in zip(sizes, sizes[1:], run.args)]
        return run.case.fun(*split)

    pattern = sparsity(of_vector, numpy.concatenate([x.ravel() for x in run.args])).toarray()
    columns = run.jacobians[-1][0]
    dense = numpy.concatenate([c[0].reshape(run.expected.size, x.size) for c, x in zip(columns, run.args)], axis=1)
    assert pattern.shape == dense.shape
    assert numpy.all(numpy.abs(dense[~pattern]) <= 1e-9 * numpy.max(numpy.abs(dense), initial=1.0))


# ----- the checker that is offered to users ---------------------------------------------------------------------------


def the_checker_agrees(run: Run) -> None:
    """It must neither alarm nor be at a loss."""
    if not run.case.is_last:
        return
    check_grads(run.case.fun, range(len(run.args)), order=1)(*run.args)


def the_checker_finds_one_percent(run: Run) -> None:
    """A pullback whose largest entry is 1 % off, for a sample of the cases."""
    if not run.case.is_last or run.case.number() % 6:
        return

    def wrong(*args: Any) -> Any:
        cts = [numpy.array(ct) for ct in vjp(run.case.fun, *args[:-1])[1](args[-1])]
        largest = max(cts, key=lambda ct: float(numpy.max(numpy.abs(ct), initial=0.0)))
        if numpy.any(largest):
            largest.flat[numpy.argmax(numpy.abs(largest))] *= 1.01
        return tuple(cts)

    report = check(run.case.fun, wrong, *run.args, kind="vjp", argnum=tuple(range(len(run.args))))
    cotangent = tree_map(lambda y: numpy.cos(numpy.arange(y.size).reshape(y.shape)), run.case.fun(*run.args))
    moves = any(numpy.any(ct) for ct in run.pulled[1](cotangent))
    assert report.verdict == ("WRONG" if moves else "OK"), str(report)


# ----- float32 --------------------------------------------------------------------------------------------------------


def float32_stays(run: Run) -> None:
    """float32 in, float32 out, through value, tangent and cotangent, and close to what float64 gives."""
    dtype = NARROW[run.case.dtype]
    narrow = [numpy.asarray(x.astype(dtype)) for x in run.args]
    wide = [x.astype(numpy.result_type(x.dtype, numpy.float64)) for x in narrow]
    expected = numpy.asarray(run.case.plain(*narrow)).dtype
    value, tangent = jvp(run.case.fun, tuple(narrow), tuple(numpy.asarray(v.astype(dtype)) for v in run.t))
    assert numpy.asarray(value).dtype == expected
    assert numpy.asarray(tangent).dtype == expected
    out, pullback = vjp(run.case.fun, *narrow)
    assert numpy.asarray(out).dtype == expected
    c = directions([numpy.asarray(out).astype(numpy.result_type(out.dtype, numpy.float64))], 3, 0.5, 1.5)[0]
    close_in_float32(run, pullback(c.astype(expected)), vjp(run.case.fun, *wide)[1](c), narrow)
    pull = lambda xs: minigrad.grad(lambda xs: run.scalar(*xs))(tuple(xs))
    close_in_float32(run, pull(narrow), pull(wide), narrow)


def close_in_float32(run: Run, cts: Any, references: Any, args: Any) -> None:
    for ct, reference, x in zip(cts, references, args, strict=True):
        assert ct.dtype == x.dtype
        assert_close(ct, reference, run.cell.narrow, floor=1e-2)


# ----- all of them ----------------------------------------------------------------------------------------------------

FIRST: list[Callable[[Run], None]] = [
    value_is_that_of_numpy, forward_against_references, backward_against_references, modes_are_adjoint,
    results_are_fresh_arrays, layouts_do_not_matter, numpy_dispatches, lean_tape_forgets_nothing_needed,
    the_chain_rule_by_the_book_agrees,
    batches_are_their_examples, compiled_is_what_the_engine_gives, pattern_misses_no_entry, the_checker_agrees,
    the_checker_finds_one_percent,
]  # fmt: skip
HIGHER = [
    second_order_of_a_scalar, second_order_of_the_pullback, taylor_series_of_order_3, batches_between_two_tapes,
]  # fmt: skip


def properties(cell: Cell, dtype: str) -> list[Callable[[Run], None]]:
    """What is tested of a cell in one dtype."""
    chosen = [float32_stays] if dtype in NARROW else FIRST + (HIGHER if cell.order >= 2 else [])
    return [p for p in chosen if p.__name__ not in cell.without]


PARAMETERS = [(c, d) for c in load() for d in c.dtypes]


@pytest.mark.parametrize(("cell", "dtype"), PARAMETERS, ids=[f"{c}-{d}" for c, d in PARAMETERS])
def test_cell(cell: Cell, dtype: str) -> None:
    """One function in one dtype: all properties, of all its options and shapes."""
    failures = []
    for case in cases(cell, dtype):
        run = Run(case)
        for holds in properties(cell, dtype):
            try:
                holds(run)
            except Exception as failure:
                failure.add_note(f"{holds.__name__}: {case}")
                failures.append(failure)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        names = sorted({note.split(":")[0] for failure in failures for note in failure.__notes__[-1:]})
        raise ExceptionGroup(f"{cell}-{dtype}: {', '.join(names)}", failures)


def test_no_two_cells_have_the_same_name() -> None:
    names = [str(c) for c in load()]
    assert len(names) == len(set(names)), sorted({n for n in names if names.count(n) > 1})
