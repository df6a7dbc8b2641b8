"""Every cell of the coverage table: value, forward mode, backward mode and second order on all dtypes and shapes.

The reference is the directional derivative by finite differences with Richardson extrapolation. For complex arguments
it is taken along a complex direction, so functions that are not holomorphic are held to the same test; the cotangents
follow the convention that L = Re sum(c * f(z)) has dL = Re sum(cotangent * dz).
"""

import zlib
from typing import Any

import cells
import numpy
import pytest
from cells import Cell, load
from references import assert_close, richardson

import minigrad.numpy
from minigrad import check, jvp, tree_map, vjp
from minigrad.modes.taylor.derivatives import jet
from minigrad.test_util import check_grads

CELLS = load()
NARROW = {"f": numpy.float32, "F": numpy.complex64}


def arguments(cell: Cell, shape: Any, dtype: str) -> list[Any]:
    """The arguments of a cell for one entry of its shapes; complex ones get an imaginary part from the same domain."""
    shapes = (shape,) if len(cell.domains) == 1 else shape
    cells.rng = numpy.random.default_rng(zlib.crc32(f"{cell.name} {cell.note} {shape}".encode()))
    made = []
    for domain, each in zip(cell.domains, shapes):
        x = numpy.asarray(domain(*each))
        if dtype == "D":
            x = x + 0.3j * numpy.asarray(domain(*each))
        made.append(x)
    return made


def directions(args: list[Any], seed: int) -> list[Any]:
    """A random direction for each argument, of its shape and kind."""
    generator = numpy.random.default_rng(seed)
    made = []
    for x in args:
        t = generator.uniform(-1, 1, numpy.shape(x))
        made.append(numpy.asarray(t + 1j * generator.uniform(-1, 1, numpy.shape(x)) if x.dtype.kind == "c" else t))
    return made


def moved(args: list[Any], tangents: list[Any], t: float) -> list[Any]:
    return [x + t * v for x, v in zip(args, tangents)]


def pairing(cts: Any, ts: Any) -> float:
    """Re sum(ct * t) over all arguments."""
    return float(sum(numpy.sum(numpy.real(numpy.asarray(c) * t)) for c, t in zip(cts, ts)))


def strided(x: Any) -> Any:
    """The same values in an array that is not contiguous."""
    if not x.ndim:
        return x
    wide = numpy.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


PARAMETERS = [(c, d) for c in CELLS for d in c.dtypes]


@pytest.mark.parametrize(("cell", "dtype"), PARAMETERS, ids=[f"{c.name}-{c.note}-{d}" for c, d in PARAMETERS])
def test_cell(cell: Cell, dtype: str) -> None:
    """One function on one dtype: all its shapes."""

    def fun(*args: Any) -> Any:
        return cell.fun(minigrad.numpy, *args)

    for shape in cell.shapes:
        args = arguments(cell, shape, dtype)
        t, w = directions(args, 1), directions(args, 2)
        if dtype in NARROW:
            check_narrow(cell, fun, args, t, NARROW[dtype])
            continue
        expected = numpy.asarray(cell.fun(numpy, *args))
        value, tangent = jvp(fun, tuple(args), tuple(t))
        assert numpy.asarray(value).dtype == expected.dtype, shape
        assert_close(value, expected, 1e-13)
        assert_close(
            tangent,
            richardson(lambda s, args=args, t=t: cell.fun(numpy, *moved(args, t, s))),
            cell.tolerance,
            floor=1e-2,
        )

        c = directions([expected], 3)[0]
        out, pullback = vjp(fun, *args)
        cts = pullback(c)
        assert_close(out, expected, 1e-13)
        size = float(numpy.sum(numpy.abs(c * tangent)))
        assert abs(pairing([c], [tangent]) - pairing(cts, t)) <= 1e-11 * max(1.0, size), (shape, "modes disagree")
        for ct, x in zip(cts, args):
            assert numpy.shape(ct) == numpy.shape(x)
            assert numpy.asarray(ct).dtype == x.dtype

        layout = vjp(fun, *[strided(x) for x in args])[1](c)
        for a, b in zip(layout, cts):
            assert_close(a, b, 1e-12, floor=1e-6)

        if cell.plain:
            for a, b in zip(vjp(lambda *xs: cell.fun(numpy, *xs), *args)[1](c), cts):
                assert_close(a, b, 1e-14)

        if cell.order >= 2:
            check_second_order(cell, fun, args, c, t, w)


def check_narrow(cell: Cell, fun: Any, args: list[Any], t: list[Any], dtype: Any) -> None:
    """float32 in, float32 out, through value, tangent and cotangent, and close to what float64 gives."""
    narrow = [numpy.asarray(x.astype(dtype)) for x in args]
    wide = [x.astype(numpy.result_type(x.dtype, numpy.float64)) for x in narrow]
    expected = numpy.asarray(cell.fun(numpy, *narrow)).dtype
    value, tangent = jvp(fun, tuple(narrow), tuple(numpy.asarray(v.astype(dtype)) for v in t))
    assert numpy.asarray(value).dtype == expected
    assert numpy.asarray(tangent).dtype == expected
    out, pullback = vjp(fun, *narrow)
    c = directions([numpy.asarray(out).astype(numpy.result_type(out.dtype, numpy.float64))], 3)[0]
    cts, references = pullback(c.astype(expected)), vjp(fun, *wide)[1](c)
    for ct, reference, x in zip(cts, references, narrow):
        assert numpy.asarray(ct).dtype == x.dtype
        assert_close(ct, reference, 1e-3, floor=1e-1)


def check_second_order(cell: Cell, fun: Any, args: list[Any], c: Any, t: list[Any], w: list[Any]) -> None:
    """The change of the pullback along t: by differences, forward over reverse, reverse over reverse and the rest."""

    def pulled(*xs: Any) -> Any:
        return vjp(fun, *xs)[1](c)

    def plain(s: float) -> Any:
        return numpy.concatenate([numpy.ravel(ct) for ct in pulled(*moved(args, t, s))])

    expected = richardson(plain)
    _, change = jvp(pulled, tuple(args), tuple(t))
    flat = numpy.concatenate([numpy.ravel(x) for x in change])
    assert_close(flat, expected, cell.tolerance, floor=1e-1)
    scale = max(1.0, float(numpy.sum(numpy.abs(flat))))
    # w . (d/dt pullback) three more ways: reverse over reverse, reverse over forward, forward over forward.
    reference = pairing(change, w)
    back = vjp(pulled, *args)[1](tuple(numpy.asarray(v) for v in w))
    assert abs(pairing(back, t) - reference) <= 1e-9 * scale, "reverse over reverse"

    def pushed(*xs: Any) -> Any:
        return jvp(fun, xs, tuple(w))[1]

    assert abs(pairing(vjp(pushed, *args)[1](c), t) - reference) <= 1e-9 * scale, "reverse over forward"
    second = jvp(pushed, tuple(args), tuple(t))[1]
    assert abs(pairing([c], [second]) - reference) <= 1e-9 * scale, "forward over forward"


WIDE = [(c, d) for c, d in PARAMETERS if d not in NARROW]


@pytest.mark.parametrize(("cell", "dtype"), WIDE, ids=[f"{c.name}-{c.note}-{d}" for c, d in WIDE])
def test_check_grads(cell: Cell, dtype: str) -> None:
    """Both modes by the checker that is offered to users, on one shape: it must neither alarm nor be at a loss."""

    def fun(*args: Any) -> Any:
        return cell.fun(minigrad.numpy, *args)

    args = arguments(cell, cell.shapes[-1], dtype)
    if cell.name == "scipy.special.itairy":  # SciPy computes it to 1e-7 only, so differences of it cannot confirm it
        with pytest.raises(AssertionError, match="INCONCLUSIVE"):
            check_grads(fun, order=1)(*args)
        return
    check_grads(fun, order=1)(*args)


SAMPLE = WIDE[::6]


@pytest.mark.parametrize(("cell", "dtype"), SAMPLE, ids=[f"{c.name}-{c.note}-{d}" for c, d in SAMPLE])
def test_an_error_of_one_percent_is_found(cell: Cell, dtype: str) -> None:
    """The checker again, on pullbacks whose largest entry is 1 % off."""

    def fun(*args: Any) -> Any:
        return cell.fun(minigrad.numpy, *args)

    def wrong(*args: Any) -> Any:
        cts = [numpy.array(ct) for ct in vjp(fun, *args[:-1])[1](args[-1])]
        largest = max(cts, key=lambda ct: float(numpy.max(numpy.abs(ct), initial=0.0)))
        if numpy.any(largest):
            largest.flat[numpy.argmax(numpy.abs(largest))] *= 1.01
        return tuple(cts)

    args = arguments(cell, cell.shapes[-1], dtype)
    report = check(fun, wrong, *args, kind="vjp", argnum=tuple(range(len(args))))
    moves = any(numpy.any(ct) for ct in vjp(fun, *args)[1](tree_map(numpy.ones_like, fun(*args))))
    assert report.verdict == ("WRONG" if moves else "OK"), str(report)


@pytest.mark.parametrize(("cell", "dtype"), PARAMETERS, ids=[f"{c.name}-{c.note}-{d}" for c, d in PARAMETERS])
def test_taylor(cell: Cell, dtype: str) -> None:
    """The series of orders 1 to 3 along a curved path: by Taylor mode and by nesting forward mode."""
    if dtype in NARROW or cell.order < 2:
        return

    def fun(*args: Any) -> Any:
        return cell.fun(minigrad.numpy, *args)

    for shape in cell.shapes:
        args = arguments(cell, shape, dtype)
        t, w = directions(args, 1), directions(args, 2)
        value, derivs = jet(fun, args, [[v, u, 0.0] for v, u in zip(t, w)])

        def path(s: Any, args: Any = args, t: Any = t, w: Any = w) -> Any:
            return fun(*[x + s * v + (0.5 * s * s) * u for x, v, u in zip(args, t, w)])

        nested: Any = path
        assert_close(value, fun(*args), 1e-13)
        for k in range(3):
            nested = lambda s, inner=nested: jvp(inner, (s,), (1.0,))[1]
            assert_close(derivs[k], nested(0.0), 1e-9, floor=1e-2)
