"""Writing into traced arrays: what NumPy does, and the derivatives of it, to every order and in every mode."""

from __future__ import annotations

import copy
import gc
import operator
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cells import cases, load
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import minigrad
import minigrad.numpy as mnp
from minigrad import (
    batched,
    checkpoint,
    derivatives,
    grad,
    hvp,
    jacobian,
    jvp,
    sparse_jacobian,
    stop_gradient,
    trace,
    value,
    value_and_grad,
    vjp,
)
from minigrad.core.tape import Box, Tape
from minigrad.core.tree import flatten
from minigrad.errors import CannotCompileError
from minigrad.rules.writing import share_of

X = np.array([0.7, -0.4, 1.1, 0.3, 0.9, -1.2])
V = np.array([0.2, 0.5, -0.3, 0.8, -0.6, 0.1])


def difference(f: Callable[[float], Any], h: float = 2e-3) -> Any:
    """The derivative at 0 by five points."""
    return (f(-2 * h) - 8 * f(-h) + 8 * f(h) - f(2 * h)) / (12 * h)


def agrees(f: Callable[[Any], Any]) -> None:
    """The value is NumPy's; first and second derivatives agree with differences and with each other, in all modes."""

    def plain(x: Any) -> Any:
        return f(np.array(x))

    x, before = X.copy(), X.copy()
    numerical = np.array([difference(lambda t, e=e: plain(X + t * e)) for e in np.eye(6)])
    val, g = value_and_grad(f)(x)
    assert np.array_equal(x, before), "the caller's array was written to"
    assert np.allclose(val, plain(X), rtol=1e-14, atol=1e-14)
    assert np.allclose(g, numerical, rtol=1e-7, atol=1e-7)
    val, t = jvp(f, (x,), (V,))
    assert np.allclose(val, plain(X), rtol=1e-14, atol=1e-14)
    assert np.allclose(t, g @ V, rtol=1e-10, atol=1e-10)
    curved = difference(lambda t: grad(f)(X + t * V))
    assert np.allclose(hvp(f, x, V), curved, rtol=1e-6, atol=1e-6)
    assert np.allclose(grad(lambda y: np.sum(grad(f)(y) * V))(x), curved, rtol=1e-6, atol=1e-6)
    assert np.allclose(jvp(lambda y: jvp(f, (y,), (V,))[1], (x,), (V,))[1], curved @ V, rtol=1e-6, atol=1e-6)
    line = derivatives(lambda t: f(X + t * V), 0.0, 3)
    assert np.allclose(line[:3], [plain(X), g @ V, curved @ V], rtol=1e-6, atol=1e-6)
    assert np.allclose(line[3], difference(lambda t: hvp(f, X + t * V, V) @ V), rtol=1e-5, atol=1e-5)
    stack = np.stack([X, X + 0.1 * V, X - V])
    assert np.allclose(batched(f)(stack), [plain(row) for row in stack], rtol=1e-13, atol=1e-13)
    assert np.allclose(batched(grad(f))(stack), [grad(f)(row) for row in stack], rtol=1e-10, atol=1e-10)
    assert np.allclose(grad(lambda s: np.sum(batched(f)(s)))(stack), batched(grad(f))(stack), rtol=1e-10, atol=1e-10)
    try:
        compiled = minigrad.compile(value_and_grad(f))(x)[1]
    except CannotCompileError as error:  # it refuses what it cannot follow
        if "test_writing.py" not in str(error):
            raise
    else:
        assert np.allclose(compiled, g, rtol=1e-12, atol=1e-12)
    twice = lambda y: np.stack([f(y.copy()), 2.0 * f(y)])
    dense = jacobian(twice)(x)
    assert np.allclose(dense, np.stack([g, 2 * g]), rtol=1e-10, atol=1e-10)
    assert np.allclose(sparse_jacobian(twice, x).toarray(), dense, rtol=1e-10, atol=1e-10)


PROGRAMS: dict[str, Callable[[Any], Any]] = {}


def program(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    PROGRAMS[f.__name__.replace("_", " ")] = f
    return f


@program
def two_names_of_one_array(x):
    h = np.tanh(x)
    g = h
    g *= 2.0
    return np.sum(h * h)


@program
def all_in_place_operators(x):
    h = x * x + 2.0
    g = h
    h += x
    h -= 0.5
    h *= x + 3.0
    h /= 2.0 + x * x
    h **= 2
    h %= 7.0
    m = np.outer(x[:3], x[3:]) + np.eye(3)
    n = m.T
    m @= np.ones((3, 3)) * x[0]
    return np.sum(g * x) + np.sum(n[0] * n[1])


@program
def the_argument_itself(x):
    x *= 2.0
    x[0] = x[1] * x[2]
    x[2:4] += x[:2]
    return np.sum(x**3)


@program
def a_recurrence(x):
    h = 1.0 * x
    for i in range(1, 6):
        h[i] = np.sin(h[i - 1]) * x[i] + h[i]
    return np.sum(h * h)


@program
def numbers_are_values(x):
    h = x * 1.0
    a = h[0]
    a *= 3.0
    h[0] = 5.0 * x[1]
    return np.sum(h * h) * a


@program
def an_array_without_axes_is_a_view(x):
    h = x * 1.0
    a = h[2, ...]
    a *= x[0]
    h[2] *= 2.0
    return np.sum(h * h) + a * a


@program
def views_of_views(x):
    h = np.outer(x, x)
    a, b, c = h[1:4], h.T, h.reshape(-1)
    d = a[:, ::2]
    d[0] = x[:3]
    b[5] *= 2.0
    c[7:11] += a[0, :4]
    a[1, 1] = d[0, 1] * c[0]
    return np.sum(h * h) + np.sum(d * d) + np.sum(b[5] * c[30:])


@program
def rows_by_iteration(x):
    h = np.outer(x, np.ones(3))
    for i, row in enumerate(h):
        row *= x[i] + i
        row[1] = row[0] * row[2]
    return np.sum(h * h)


@program
def pieces_by_split(x):
    h = x * x
    a, b = np.split(h, 2)
    a[:] = b * a
    b += a
    return np.sum(h**3)


@program
def ravel_is_a_view_where_numpy_makes_one(x):
    h = np.outer(x, x)[:2]
    h.ravel()[1] = x[0] * 3.0
    h.T.ravel()[2] = 100.0
    h.T.ravel("K")[3] *= 2.0
    h.flatten()[4] = 100.0
    h.flat[5] = x[1]
    h.T.flat[1] = x[2] * x[2]
    return np.sum(h**3)


@program
def memory_order_stays(x):
    h = mnp.asfortranarray(np.outer(x[:3], x[3:]))
    v = h.T
    h[...] = np.outer(x[3:], x[:3])
    h *= np.outer(x[3:], x[:3])
    h[0, 1] = x[5]
    a, b, c = h.ravel("K"), np.exp(v).ravel("K"), (v[1:] * 2.0).ravel("K")
    a[3] = 2.0
    return np.sum(a * np.arange(9)) + np.sum(b * np.arange(9)) + np.sum(c * np.arange(6)) + np.sum(h**3)


@program
def rotations_flips_and_transposes(x):
    h = np.outer(x[:3], x[3:])
    np.rot90(h)[0] *= 2.0
    np.flip(h)[0] += x[:3]
    np.flipud(h)[:, 1] -= x[0]
    np.swapaxes(h, 0, 1)[2] *= x[3:]
    np.moveaxis(h, 0, 1)[0, 0] = x[5]
    h[None, :, :, None][0, 1, 1, 0] = x[4]
    np.squeeze(h[None])[2, 2] = x[3]
    np.atleast_2d(h)[2, 0] = x[2]
    return np.sum(h**3)


@program
def read_only_views_see_later_writes(x):
    h = np.outer(x[:3], x[3:])
    d, e, b = np.diagonal(h), np.diag(h, 1), np.broadcast_to(h[0], (4, 3))
    h[0] = x[3:] ** 2
    h[1, 2] *= 3.0
    return np.sum(d**3) + np.sum(e**3) + np.sum(b**3)


@program
def einsum_makes_views(x):
    h = np.outer(x[:3], x[3:])
    np.einsum("ii->i", h)[:] = x[:3] ** 2
    np.einsum("ij->ji", h)[0] *= 2.0
    d = np.einsum("ii->i", h)
    h[2, 2] = x[5]
    return np.sum(h**3) + np.sum(d**2)


@program
def masks_and_positions(x):
    h = x * 2.0
    h[h > 1.0] = x[0]
    h[[0, 2, 0]] = x[1:4]  # of the same place twice the last counts
    h[np.array([1, 4])] += x[:2]
    h[[3, 3]] += x[2]
    return np.sum(h**3)


@program
def copies_are_copies(x):
    h = x * 2.0
    many = [h.copy(), np.copy(h), h.astype(float), copy.copy(h), copy.deepcopy(h), h[[0, 1, 2, 3, 4, 5]]]
    many += [h.flatten(), np.take(h, [0, 1, 2, 3, 4, 5]), +h, mnp.array(h), h.take(np.arange(6))]
    h *= x
    for i, c in enumerate(many):
        c[i % 6] = x[0] * i
    return np.sum(h**2) + sum(np.sum(c**3) for c in many)


@program
def asarray_is_the_array(x):
    h = x * 2.0
    mnp.asarray(h)[0] = x[1]
    mnp.asarray(h, float)[1] = x[0]
    return np.sum(h**3)


@program
def out_of_ufuncs_and_functions(x):
    h, k, m = x * 1.0, x * 1.0, np.outer(x, x)
    np.exp(x, out=h)
    np.add(h, x, out=h[::-1])
    np.multiply(x, 2.0, out=k, where=x > 0)
    np.sum(m, axis=0, out=h)
    np.cumsum(k, out=m[1])
    np.clip(m, -0.5, 0.5, out=m)
    np.dot(m, x, out=k)
    np.maximum.accumulate(h, out=h)
    m.sum(axis=1, out=m[2])
    mnp.sin(k, out=k)
    mnp.sum(m, axis=0, out=m[0])
    return np.sum(h**2) + np.sum(k**2) + np.sum(m**2)


@program
def out_of_several(x):
    h, k = x * 1.0, x * 1.0
    np.divmod(x * 3.0, 0.73, out=(h, k))
    np.modf(x * 2.0, out=(h, None))
    return np.sum(h**2) + np.sum(k**2)


@program
def ufunc_at(x):
    h = x * 1.0
    np.add.at(h, [0, 0, 2], x[1:4])
    np.subtract.at(h, [3, 3, 3], x[0])
    np.multiply.at(h, [1, 1, 2], x[3:] + 1.0)
    np.negative.at(h, [4, 4, 5])
    m = np.outer(x[:2], x[:3])
    np.add.at(m, ([0, 0, 1], [1, 1, 2]), 2.0 * x[0])
    np.power.at(m[1], slice(0, 2), 2.0)
    return np.sum(h**2) + np.sum(m**3)


@program
def functions_that_write(x):
    h, m = x * 1.0, np.outer(x[:3], x[3:])
    np.copyto(h[:3], x[3:])
    np.copyto(h, x**2, where=x > 0.5)
    np.put(h, [0, -1, 8], [x[1], 2.0 * x[0]], mode="wrap")
    np.place(h, x < -0.3, [x[2], x[3]])
    np.putmask(m, np.eye(3) > 0, x[:4] * 2.0)
    np.fill_diagonal(m, x[4])
    np.put_along_axis(m, np.array([[1], [0], [1]]), x[:3, None], 1)
    h.put([3], x[5] * x[5])
    np.nan_to_num(m, copy=False)
    return np.sum(h**2) + np.sum(m**3)


@program
def methods_that_write(x):
    h, m = x * 1.0, np.outer(x, x)
    v = h[1:4]
    h.sort()
    v.fill(x[0] * x[1])
    m[2].sort()
    m.sort(axis=0)
    m[:, 1].partition(2)
    return np.sum(h * x) + np.sum(m[2] * x) + np.sum(m[:, 1] ** 2)


@program
def parts_of_complex_arrays(x):
    z = x[:3] + 1j * x[3:]
    z.real[0] = x[1] * x[2]
    z.imag *= x[:3]
    r = z.real
    z *= 1.0 + 2.0j
    np.real(z)[1] += x[5]
    z.imag = z.imag * 2.0
    z.real[2:] = r[:1]
    return np.sum(np.abs(z) ** 2) + np.sum(r**3)


@program
def parts_of_complex_arrays_have_gaps(x):
    z = x * (1.0 + 2.0j)
    b, c = z.real, z.imag.reshape(2, 3)
    b[0] = x[1]
    b.ravel()[1] = 5.0  # a copy
    b.reshape(2, 3)[0, 2] = x[2] ** 2  # a view
    c.T[1] *= 2.0
    c.ravel()[0] = 5.0
    c.T.ravel()[0] = 5.0
    return np.sum(b**2) + np.sum(c**3) + np.sum(np.abs(z) ** 2)


@program
def attributes_that_are_set(x):
    h = np.outer(x[:2], x[:3])
    g = h[1]
    h.shape = (3, 2)
    h[2] *= x[4]
    h.flat = x
    h.real = h * 2.0
    return np.sum(h[:, 0] ** 3) + np.sum(g**2)


@program
def overlapping_parts(x):
    h = x * 1.0
    h[1:] = h[:-1]
    h[:-1] += h[1:]
    h[::2], h[1::2] = h[1::2].copy(), h[::2].copy()
    return np.sum(h**3)


@program
def constants_are_written(x):
    h = np.sin(x)
    h[2] = 4.0
    h[3:] = [1.0, 2.0, 3.0]
    k = h[2:4] * x[2:4]
    h[:2] = 0.0
    j = h * x
    h.fill(1.0)
    return np.sum(h * x) + np.sum(k) + np.sum(j**2)


@program
def lists_with_traced_values_are_written(x):
    h = np.outer(x, x)
    h[0] = [x[0], 1.0, x[1] * x[2], 0.0, 2.0, x[5]]
    h[:, 1] = h[0] = x * x
    return np.sum(h**2)


@program
def a_stencil(x):
    h = x * 1.0
    for _ in range(3):
        h[1:-1] += 0.1 * (h[2:] - 2.0 * h[1:-1] + h[:-2])
        h[0], h[-1] = h[1], h[-2]
    return np.sum(h**3)


@program
def an_elimination(x):
    a = np.outer(x, x) + np.diag(np.arange(3.0, 9.0))
    b = x.copy()
    for k in range(6):
        for i in range(k + 1, 6):
            f = a[i, k] / a[k, k]
            a[i, k:] -= f * a[k, k:]
            b[i] -= f * b[k]
    for k in range(5, -1, -1):
        b[k] = (b[k] - a[k, k + 1 :] @ b[k + 1 :]) / a[k, k]
    return np.sum(b**2)


@program
def a_write_within_an_inner_derivative(x):
    h = x * x

    def inner(y):
        k = h * y
        k[1] = h[0] * y
        return np.sum(k**3)

    d = grad(inner)(x[0])
    h[0] = d
    h *= x
    return np.sum(h) * grad(inner)(x[1])


@program
def an_inner_derivative_reads_what_is_written_later(x):
    h = x * x
    d = grad(lambda y: np.sum(h * y**3))(x[0])
    h.fill(0.0)
    return d + np.sum(h * x)


@program
def two_gradients_are_two_arrays(x):
    a, b = grad(lambda u, v: np.sum((u + v) * x), (0, 1))(x, x * x)
    a *= x
    return np.sum(a**2) + np.sum(b**2)


@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array")  # NumPy 2.5 still does it
@pytest.mark.parametrize("name", PROGRAMS)
def test_values_are_numpys_and_derivatives_agree(name: str) -> None:
    f = PROGRAMS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        agrees(f)


# ----- programs that plain NumPy cannot run, against the same without writes ------------------------------------------


def test_an_outer_array_is_written_within_an_inner_derivative() -> None:
    """What is written there stays, with the derivative that the outer transformation sees."""

    def written(x: Any) -> Any:
        h = x * x
        row = h[:3]

        def inner(y: Any) -> Any:
            h[0] = y * y * x[1]
            row[1] *= y
            return np.sum(h * y) + row[0]

        d = grad(inner)(x[2])
        h[5] += row[1]
        return d + np.sum(h**2) + row[1]

    def pure(x: Any) -> Any:
        def inner(y: Any) -> Any:
            h = np.concatenate([(y * y * x[1])[None], (x[1] * x[1] * y)[None], x[2:] ** 2])
            return np.sum(h * y) + h[0]

        y = x[2]
        h = np.concatenate(
            [(y * y * x[1])[None], (x[1] ** 2 * y)[None], x[2:5] ** 2, (x[5] ** 2 + x[1] ** 2 * y)[None]]
        )
        return grad(inner)(y) + np.sum(h**2) + h[1]

    for derive in (grad, lambda f: lambda x: hvp(f, x, V), lambda f: lambda x: jvp(f, (x,), (V,))[1]):
        assert np.allclose(derive(written)(X), derive(pure)(X), rtol=1e-12)


def test_a_pullback_keeps_its_point_and_results_are_arrays_of_their_own() -> None:
    def written(x: Any) -> Any:
        h = x * x
        out, pull = vjp(lambda y: np.sin(y) * y, h)
        h *= 0.0
        out[0] = 7.0
        (g,) = pull(x)
        g2 = pull(x)[0]
        g[1:] = 0.0
        return np.sum(g * x) + np.sum(g2**2) + np.sum(out)

    def pure(x: Any) -> Any:
        out, pull = vjp(lambda y: np.sin(y) * y, x * x)
        (g,) = pull(x)
        return g[0] * x[0] + np.sum(g**2) + np.sum(out[1:]) + 7.0

    for derive in (grad, lambda f: lambda x: hvp(f, x, V)):
        assert np.allclose(derive(written)(X), derive(pure)(X), rtol=1e-12)


def test_a_function_that_is_run_again_for_the_line_of_a_warning_does_not_write_twice() -> None:
    def f(x: Any) -> Any:
        h = x * 1.0

        def inner(y: Any) -> Any:
            h[0] *= 2.0
            return np.sqrt(y) * h[0]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grad(inner)(x[0] * 0.0)
        return np.sum(h)

    assert np.isclose(value_and_grad(f)(X)[0], np.sum(X) + X[0])
    assert grad(f)(X).tolist() == [2.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_examples_that_write_into_an_array_from_outside_come_one_after_the_other() -> None:
    def f(w: Any) -> Any:
        h = w * 1.0

        def each(x: Any) -> Any:
            h[0] += x * w[1]
            return h[0] * x

        return np.sum(batched(each)(np.array([1.0, 2.0, 3.0]))) + h[0]

    def pure(w: Any) -> Any:
        a, b, c = w[0] + w[1], w[0] + 3 * w[1], w[0] + 6 * w[1]
        return a + 2 * b + 3 * c + c

    assert np.allclose(grad(f)(X), grad(pure)(X), rtol=1e-14)


# ----- what is refused ------------------------------------------------------------------------------------------------


def set_entry(a: Any, i: Any, v: Any) -> None:
    a[i] = v


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an entry of a plain array": (lambda x: set_entry(np.zeros(6), 0, x[0]), r"np\.stack"),
    "a part of a plain array": (lambda x: set_entry(np.zeros(6), slice(3), x[:3]), r"np\.stack"),
    "a plain array as out": (lambda x: np.exp(x, out=np.zeros(6)), r"a = a \+ x"),
    "ufunc.at of a plain array": (lambda x: np.add.at(np.zeros(6), [0], x[0]), r"minigrad\.add_at"),
    "copyto a plain array": (lambda x: np.copyto(np.zeros(6), x), r"minigrad\.set_at"),
    "a number": (lambda x: set_entry(x[0], (), 1.0), "has no entries"),
    "a number as out": (lambda x: np.exp(x[0], out=x[1]), "not traced"),
    "through broadcast_to": (lambda x: set_entry(np.broadcast_to(x, (2, 6)), 0, 1.0), r"read-only.*x\.copy"),
    "through diagonal": (lambda x: np.outer(x, x).diagonal().fill(0.0), r"read-only.*x\.copy"),
    "a view of a read-only view": (lambda x: np.diag(np.outer(x, x))[1:].fill(0.0), r"read-only.*x\.copy"),
    "complex into real": (lambda x: set_entry(x, 0, 1j), r"np\.real"),
    "an operator to complex": (lambda x: x.__iadd__(1j), r"np\.real"),
    "another shape": (lambda x: x.__iadd__(np.ones((2, 6))), "x = x"),
    "a value of another shape": (lambda x: set_entry(x, slice(2), [1.0, 2.0, 3.0]), "broadcast"),
    "resize": (lambda x: x.resize(3), r"x\.reshape"),
    "view": (lambda x: x.view(int), "astype"),
    "a shape that needs a copy": (lambda x: setattr(np.outer(x, x).T, "shape", (36,)), r"reshape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused(name: str) -> None:
    """With the line, and what to write instead; at first and at second order, and forward."""
    f, advice = REFUSED[name]
    for derive in (grad, lambda f: grad(lambda x: np.sum(grad(f)(x))), lambda f: lambda x: jvp(f, (x,), (V,))):
        with pytest.raises((TypeError, ValueError, AttributeError), match=advice) as caught:
            derive(lambda x: (f(x), np.sum(x))[1])(X)
        assert "test_writing.py" in str(caught.value)


def test_an_array_that_was_kept_is_read_only() -> None:
    """A basic view of it is the memory that a pullback reads."""
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * 2.0)
        return kept[0] * kept[0]

    _, pull = vjp(f, X)
    h = kept[0]
    writes: list[Callable[[], Any]] = [
        lambda: set_entry(h, 0, 100.0),
        lambda: set_entry(h[:2], Ellipsis, 100.0),
        lambda: set_entry(h.reshape(2, 3).T, Ellipsis, 100.0),
        lambda: h.__iadd__(1.0),
        lambda: np.add.at(h, [0], 1.0),
        lambda: np.copyto(h, 1.0),
        lambda: np.exp(X, out=h),
        lambda: h.sort(),
        lambda: h.fill(0.0),
        lambda: set_entry(h.real, 0, 1.0),
        lambda: set_entry(value(h), 0, 1.0),
    ]
    for write in writes:
        with pytest.raises(ValueError, match="read-only"):
            write()
    assert np.array_equal(pull(np.ones(6))[0], 8 * X)
    h.copy()[0] = 3.0
    np.array(h)[0] = 3.0
    assert np.array_equal(pull(np.ones(6))[0], 8 * X)


def test_an_array_kept_from_an_inner_transformation_is_written_to_in_the_outer_one() -> None:
    def f(x: Any) -> Any:
        kept: list[Any] = []
        grad(lambda y: np.sum(kept.append(y * x) or y))(x)
        h = kept[0]
        v = h[:2]
        h[0] = x[1] ** 3
        v[1] *= 2.0
        return np.sum(h) + v[0] * v[1]

    expected = lambda x: x[1] ** 3 + 2 * x[1] ** 2 + np.sum(x[2:] ** 2) + 2 * x[1] ** 5
    assert np.allclose(grad(f)(X), grad(expected)(X), rtol=1e-14)
    assert np.allclose(hvp(f, X, V), hvp(expected, X, V), rtol=1e-14)


def test_the_value_and_stop_gradient_are_what_was_held() -> None:
    def f(x: Any) -> Any:
        h = x * 2.0
        before, stopped = value(h), stop_gradient(h)
        h[:] = x * x
        assert np.array_equal(before, 2 * X)
        assert np.array_equal(value(h), X * X)
        return np.sum(h * stopped)

    assert np.allclose(grad(f)(X), 4 * X * X)


def test_checkpoint_does_not_hand_out_the_arrays_of_the_tape() -> None:
    def double(v: Any) -> Any:
        v *= 2.0
        return v

    with pytest.raises(ValueError, match=r"checkpoint: the function writes into its argument.*x\.copy\(\)"):
        grad(lambda x: np.sum(checkpoint(double)(x * x) * x))(X)
    assert np.allclose(grad(lambda x: np.sum(checkpoint(lambda v: double(v.copy()))(x * x) * x))(X), 6 * X**2)


def test_examples_gone_through_one_by_one_get_arrays_of_their_own() -> None:
    x = np.ones((3, 2))

    def f(row: Any) -> Any:
        row[0] = 5.0
        return row * 1.0

    assert np.array_equal(batched(f)(x), [[5.0, 1.0]] * 3)
    assert np.array_equal(x, np.ones((3, 2)))


def test_a_function_that_is_run_for_each_example_does_not_write_into_the_callers_array() -> None:
    x = np.array([[np.nan, 1.0], [2.0, np.nan]])
    assert np.array_equal(batched(lambda row: np.nan_to_num(row, copy=False))(x), [[0.0, 1.0], [2.0, 0.0]])
    assert np.isnan(x).sum() == 2


def test_names_of_one_stack_of_examples_share_what_is_written() -> None:
    def f(row: Any) -> Any:
        h = row * 2.0
        g = h
        g *= 3.0
        h.real = h + 1.0
        return h

    assert np.array_equal(batched(f)(np.ones((3, 2))), np.full((3, 2), 7.0))


def test_who_shares_memory_is_what_numpy_says() -> None:
    """A result of any function is a view of its argument if, and only if, NumPy makes it one; read-only as there.

    Those of `np.broadcast_arrays` are read-only too: NumPy warns who writes into them.
    """
    shared = 0
    for case in (case for cell in load() for case in cases(cell, cell.dtypes[0] if "d" not in cell.dtypes else "d")):
        for layout in (np.array, np.asfortranarray):
            args = [layout(x) for x in case.drawn()]
            tape = Tape()
            boxes = [tape.leaf(x) for x in args]
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    results = flatten((case.plain if case.cell.plain else case.fun)(*args))[0]
                    traced = flatten(case.fun(*boxes))[0]
                except Exception:  # what a cell cannot do is another test's business
                    continue
            for result, box in zip(results, traced):
                for x, argument in zip(args, boxes):
                    if not isinstance(result, np.ndarray) or not result.size or not x.size:
                        continue
                    root = box.link[0] if type(box) is Box and type(box.link) is tuple else box
                    assert (root is argument) == np.shares_memory(result, x), str(case)
                    if root is argument and box is not argument and case.cell.name != "numpy.broadcast_arrays":
                        shared += 1
                        assert share_of(box).places.flags.writeable == result.flags.writeable, str(case)
    assert shared > 200


# ----- cost -----------------------------------------------------------------------------------------------------------


def entries(fun: Callable[[Any], Any], x: Any) -> int:
    """How many entries all operations of a function made, and how many operations there were: its memory and work."""
    nodes = trace(fun, x).nodes
    return len(nodes) + sum(np.size(node[3]) for node in nodes)


def recurrence(x: Any) -> Any:
    h = x * 1.0
    for i in range(1, len(x)):
        h[i] = 0.5 * h[i - 1] + x[i]
    return np.sum(h * h)


def rows(x: Any) -> Any:
    h = np.ones((len(x), 4)) * x[:, None]
    live = list(h)
    for i in range(1, len(x)):
        live[i] *= 0.5 * live[i - 1]
    return np.sum(h)


def entries_of_rows(x: Any) -> Any:
    h = x * np.ones((4, 1))
    for i in range(1, len(x)):
        h.T[i, :2] = h[2:, i - 1] * x[i]
    return np.sum(h)


def windows(x: Any) -> Any:
    h = x * 1.0
    for i in range(2, len(x)):
        h[i] = np.sum(h[i - 2 : i] * np.array([0.3, 0.6]))
    return np.sum(h)


DERIVATIVES: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "value": lambda fun: fun,
    "grad": grad,
    "jvp": lambda fun: lambda x: jvp(fun, (x,), (x,))[1],
    "hvp": lambda fun: lambda x: hvp(fun, x, x),
    "grad of grad": lambda fun: grad(lambda x: np.sum(grad(fun)(x))),
    "Taylor": lambda fun: lambda x: derivatives(lambda t: fun(t * x), 1.0, 3)[3],
    "batched": lambda fun: lambda x: np.sum(batched(fun)(x * np.ones((2, 1)))),
}


@pytest.mark.parametrize("mode", DERIVATIVES)
@pytest.mark.parametrize("fun", [recurrence, rows, entries_of_rows, windows])
def test_n_writes_are_linear(fun: Callable[[Any], Any], mode: str) -> None:
    """Twice as many writes are twice the work of a function and of all its sweeps, as an outer tape records them."""
    derived = DERIVATIVES[mode](fun)
    once, twice = (entries(derived, np.linspace(0.5, 1.0, n)) for n in (40, 80))
    assert twice < 2.2 * once


def test_a_program_without_writes_records_what_it_did_before() -> None:
    """No node more, and no memory of the views that are gone."""
    tape = trace(lambda x: np.sum(x.reshape(2, 3).T[0] * x[1:4:2]), X)
    assert [node[0].name for node in tape.nodes[1:]] == [
        "reshape",
        "transpose",
        "getitem",
        "getitem",
        "multiply",
        "sum",
    ]

    def many(x: Any) -> Any:
        for _ in range(100):
            x[1:]
        assert len(x.link) < 16
        return np.sum(x)

    grad(many)(X)


def test_memory_is_freed_without_the_garbage_collector() -> None:
    refs: list[Any] = []

    def f(x: Any) -> Any:
        h = np.outer(x, x)
        v = h[1]
        v *= 2.0
        h[0] = v
        refs.extend([weakref.ref(h), weakref.ref(v), weakref.ref(v.link.memory), weakref.ref(h.tape.__class__)])
        return np.sum(h)

    gc.collect()
    gc.disable()
    try:
        grad(f)(X)
        assert all(ref() is None for ref in refs[:3])
    finally:
        gc.enable()


def test_a_box_of_a_closed_tape_is_its_value_again() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        h = x * 1.0
        kept.extend([h, h[1:3]])
        h[1] = x[0]
        return np.sum(h)

    grad(f)(X)
    h, v = kept
    assert type(h) is type(v) is Box
    assert (h + 0.0).tolist() == [0.7, 0.7, 1.1, 0.3, 0.9, -1.2]
    assert (v + 0.0).tolist() == [0.7, 1.1]


NUMBERS: dict[str, Callable[[Any], Any]] = {
    "median": np.median,
    "nanmedian": np.nanmedian,
    "quantile": lambda x: np.quantile(x, 0.3),
    "a higher quantile": lambda x: np.quantile(x, 0.3, method="higher"),
    "nanpercentile": lambda x: np.nanpercentile(x, 30.0),
    "nanmean": np.nanmean,
    "nanvar": np.nanvar,
    "nanstd": np.nanstd,
    "mean of some": lambda x: np.mean(x, where=np.array([True, False, True, True, False, True])),
    "norm of a matrix": lambda x: np.linalg.norm(x.reshape(2, 3), 1),
    "modf": lambda x: np.modf(x[0])[0],
    "sum": np.sum,
    "norm": np.linalg.norm,
    "norm of order 3": lambda x: np.linalg.norm(x, 3),
    "an entry": lambda x: x[0],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_reduction_is_a_number_and_numbers_are_immutable(name: str) -> None:
    """An array without axes in its place would be changed by `c *= 2.0` under all its names."""

    def f(x: Any) -> Any:
        b = NUMBERS[name](np.sin(x))
        c = b
        c *= 2.0
        return b + 0.1 * c

    assert not isinstance(NUMBERS[name](X), np.ndarray)
    assert not isinstance(vjp(NUMBERS[name], X)[0], np.ndarray)
    assert not isinstance(jvp(NUMBERS[name], (X,), (V,))[1], np.ndarray)
    val, g = value_and_grad(f)(X)
    assert np.isclose(val, f(X), rtol=1e-14)
    assert np.isclose(np.sum(g * V), difference(lambda t: f(X + t * V)), rtol=1e-7)
    assert not isinstance(vjp(NUMBERS[name], 0.0 * X)[0], np.ndarray), "at a special point"
    stack = np.stack([X, V])
    assert np.allclose(batched(f)(stack), [f(X), f(V)], rtol=1e-13)


def test_plain_values_are_written_into_a_stack_of_examples() -> None:
    """One after the other, since the stack itself cannot be written to."""

    def f(x: Any) -> Any:
        h = np.sin(x)
        np.add(V, 1.0, out=h)
        return np.sum(h * x)

    stack = np.stack([X, V])
    assert np.allclose(batched(f)(stack), [f(X), f(V)], rtol=1e-14)
    assert np.allclose(batched(grad(f))(stack), [V + 1.0, V + 1.0], rtol=1e-14)
    compiled = minigrad.compile(f)
    for x in (X, V, X):
        assert compiled(x) == f(x)


def by_columns(make: Any) -> Any:
    def f(x: Any) -> Any:
        h = make(np.outer(x[:3], x[3:]))
        return np.sum(h.ravel("K") * np.arange(9))

    return f


def copied_shape_written(x: Any) -> Any:
    h = np.outer(x[:3], x[3:]).copy("F")
    v = h.reshape(-1)  # a copy, since h lies by columns
    v[1] = x[5]
    return np.sum(h * np.arange(9).reshape(3, 3)) + np.sum(v)


@pytest.mark.parametrize(
    "f",
    [
        by_columns(mnp.asfortranarray),
        by_columns(lambda h: h.copy("F")),
        by_columns(lambda h: np.copy(h, "F")),
        by_columns(lambda h: mnp.array(h, order="F")),
        by_columns(lambda h: np.exp(h, order="F")),
        copied_shape_written,
    ],
)
def test_an_order_of_memory_that_is_asked_for_is_followed(f: Any) -> None:
    """In a batch example by example, in a program by a copy; it refuses to write into what does not lie by rows."""
    stack = np.stack([X, V])
    assert np.allclose(batched(f)(stack), [f(X), f(V)], rtol=1e-13)
    assert np.allclose(batched(grad(f))(stack), [grad(f)(X), grad(f)(V)], rtol=1e-13)
    compiled = minigrad.compile(grad(f))
    if f is copied_shape_written:
        with pytest.raises(CannotCompileError, match="row by row"):
            compiled(X)
        return
    for x in (X, V, X):
        assert np.array_equal(compiled(x), grad(f)(x))
    assert compiled.stats()["replays"] == 2


def test_an_array_made_of_a_number_is_not_a_view_of_it_in_a_batch() -> None:
    def f(x: Any) -> Any:
        a = np.sum(x)
        c = np.reshape(a, -1)
        d = np.expand_dims(a, 0)
        c[0] = 0.5
        d *= x[0]
        return a * a + np.sum(c * d)

    stack = np.stack([X, V])
    for made in (f, grad(f)):
        assert np.allclose(batched(made)(stack), [made(X), made(V)], rtol=1e-14)
        assert np.allclose(
            grad(lambda s, f=made: np.sum(batched(f)(s)))(stack)[0], grad(lambda x, f=made: np.sum(f(x)))(X)
        )
    assert np.allclose(minigrad.compile(grad(f))(X), grad(f)(X), rtol=1e-14)


def test_examples_that_do_not_lie_by_rows_have_copies_where_others_have_views() -> None:
    """The real part of a complex array has gaps: its `reshape(-1)` is a view, the `ravel()` of that a copy."""

    def f(x: Any) -> Any:
        b = np.real(x.reshape(2, 3) * (1.0 + 2.0j))
        d = np.reshape(b, -1)
        d.ravel()[0] = 0.5
        return np.sum(d**2)

    stack = np.stack([X, V])
    assert np.allclose(batched(f)(stack), [f(X), f(V)], rtol=1e-14)
    assert np.allclose(batched(grad(f))(stack), [grad(f)(X), grad(f)(V)], rtol=1e-14)


EMPTY: dict[str, Callable[[Any], Any]] = {
    "an array without entries": lambda x: x[:0].reshape(2, 0),
    "no place": lambda x: x,
}


@pytest.mark.parametrize("name", EMPTY)
def test_writing_nothing_changes_nothing(name: str) -> None:
    def f(x: Any) -> Any:
        h = EMPTY[name](np.sin(x))
        h[0 if h.ndim == 2 else []] = h[-1]
        h[h > 9.0] = x[0]
        return np.sum(h)

    assert f(X) == value_and_grad(f)(X)[0]
    assert np.array_equal(grad(f)(X), grad(lambda x: np.sum(EMPTY[name](np.sin(x))))(X))
    assert np.array_equal(batched(f)(np.stack([X, V])), [f(X), f(V)])


def test_a_view_with_axes_of_one_number_is_written() -> None:
    """In a batch the sine of a number is an array without axes, so that a view of it leads back to it."""

    def f(x: Any) -> Any:
        c = np.expand_dims(np.sin(x), -1)
        d = np.broadcast_to(c, (2, 1))
        c[0] *= x
        return np.sum(c * d)

    expected = [f(x) for x in X]
    assert np.allclose(batched(f)(X), expected, rtol=1e-15)
    assert np.allclose(batched(value_and_grad(f))(X)[0], expected, rtol=1e-15)
    assert np.allclose(batched(grad(f))(X), [grad(f)(x) for x in X], rtol=1e-14)
    assert np.allclose(grad(lambda x: np.sum(batched(f)(x)))(X), [grad(f)(x) for x in X], rtol=1e-14)


# ----- random programs that write -------------------------------------------------------------------------------------

#: how a view of an array of shape (4, 3), or of a view of it, is taken; what fits no shape is left out
VIEWS: list[Callable[[Any], Any]] = [
    lambda a: a[1:],
    lambda a: a[::-1],
    lambda a: a[..., 0],
    lambda a: a[0],
    lambda a: a[:, 1:],
    lambda a: a[None],
    lambda a: a.T,
    lambda a: a.reshape(-1),
    lambda a: np.flip(a),
    lambda a: np.swapaxes(a, 0, -1),
    lambda a: a.ravel(),
    lambda a: np.rot90(a),
    lambda a: np.split(a, [1])[1],
    lambda a: a.copy(),
    lambda a: a[[0, -1]],
    lambda a: a[2, ...],
    lambda a: list(a)[-1],
]
WRITES: list[Callable[[Any, Any], Any]] = [
    lambda a, b: operator.iadd(a, b),
    lambda a, b: operator.imul(a, np.sin(b)),
    lambda a, b: operator.setitem(a, Ellipsis, np.cos(b)),
    lambda a, b: operator.setitem(a, 0, 0.5 * np.sum(b)),
    lambda a, b: operator.setitem(a, -1, a[0] * np.mean(b)),
    lambda a, b: operator.setitem(a, slice(1, None), a[:-1] + np.max(b)),
    lambda a, b: operator.setitem(a, [0, 0], np.sum(b * b)),
    lambda a, b: operator.setitem(a, np.arange(len(a)) % 2 == 0, np.sum(b)),
    lambda a, b: operator.setitem(a, 0, 1.0),
    lambda a, b: np.add.at(a, [0, -1, 0], np.sum(b)),
    lambda a, b: np.multiply.at(a, [0, 0], np.tanh(np.sum(b))),
    lambda a, b: np.multiply(a, 0.5, out=a),
    lambda a, b: np.copyto(a, np.sum(b), where=np.arange(np.size(a)).reshape(np.shape(a)) % 3 == 0),
    lambda a, b: np.put(a, [0, 1], [np.sum(b), 2.0 * np.sum(b)][0]),
    lambda a, b: a.fill(np.sum(b) * 0.3),
    lambda a, b: operator.setitem(a, Ellipsis, a + np.sum(b)),
]


def is_writable(a: Any) -> bool:
    return np.ndim(value(a)) > 0 and np.size(value(a)) > 0


def run(steps: list[tuple[bool, int, int, int]], x: Any) -> Any:
    """Each step takes a view of one of the arrays, or writes something made of one of them into another."""
    arrays = [np.outer(x[:4], x[3:]), x * 1.0]
    for takes_view, what, i, j in steps:
        a, b = arrays[i % len(arrays)], arrays[j % len(arrays)]
        if not is_writable(a):
            continue
        if takes_view:
            try:
                arrays.append(VIEWS[what % len(VIEWS)](a))
            except (IndexError, ValueError):  # not of this shape
                continue
        else:
            b = b if np.shape(value(b)) == np.shape(value(a)) else np.sum(np.tanh(b)) * 0.5
            try:
                WRITES[what % len(WRITES)](a, b)
            except (IndexError, ValueError):
                continue
    return sum((k + 1.0) * np.sum(np.tanh(a) ** 2 + 0.1 * a) for k, a in enumerate(arrays))


STEP = st.tuples(st.booleans(), st.integers(0, 200), st.integers(0, 50), st.integers(0, 50))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=3, max_size=14))
def test_random_programs_that_write(steps: list[tuple[bool, int, int, int]]) -> None:
    """NumPy's values, and the derivatives of differences, in all modes."""
    f = lambda x: run(steps, x)
    around = [f(X + t * V) for t in (-0.01, 0.0, 0.01)]
    assume(all(np.isfinite(around)) and abs(around[1]) < 1e3)
    # A maximum that changes, or a bend too sharp: differences are no reference.
    for along in np.eye(6):
        coarse, fine = (difference(lambda t, e=along: f(X + t * e), h) for h in (4e-3, 2e-3))
        assume(abs(coarse - fine) < 1e-7 * (1.0 + abs(fine)))
    coarse, fine = (difference(lambda t: grad(f)(X + t * V) * V, h) for h in (4e-3, 2e-3))
    assume(np.allclose(coarse, fine, rtol=1e-6, atol=1e-6))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        agrees(f)


# ----- shuffle --------------------------------------------------------------------------------------------------------


def test_numpy_shuffles_a_traced_vector_and_is_refused_with_rows() -> None:
    """NumPy copies the rows of its own arrays; of others it exchanges views, which doubles some."""

    def vector(x: Any) -> Any:
        y = 1.0 * x
        np.random.default_rng(0).shuffle(y)
        return np.sum(y * np.arange(6.0))

    def rows(x: Any) -> Any:
        y = np.outer(x, x)
        np.random.default_rng(0).shuffle(y)
        return np.sum(y * np.arange(6.0))

    def rows_of_the_old_module(x: Any) -> Any:
        y = np.outer(x, x)
        np.random.shuffle(y)
        return np.sum(y * np.arange(6.0))

    with pytest.warns(UserWarning, match="shuffling"):
        value, gradient = value_and_grad(vector)(X)
    assert value == vector(X)
    assert gradient @ X == pytest.approx(value)
    for f in (rows, rows_of_the_old_module):
        with pytest.warns(UserWarning, match="shuffling"), pytest.raises(TypeError, match=r"rng\.permutation"):
            grad(f)(X)

    def by_index(x: Any) -> Any:
        y = np.outer(x, x)
        return np.sum(y[np.random.default_rng(0).permutation(6)] * np.arange(6.0))

    def exchanged(x: Any) -> Any:
        """As in NumPy, where the second row is lost."""
        y = np.outer(x, x)
        y[0], y[1] = y[1], y[0]
        return np.sum(y * np.arange(6.0))

    for f in (by_index, exchanged):
        assert value_and_grad(f)(X)[0] == f(X)
