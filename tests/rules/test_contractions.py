"""Einsums of two operands as products of matrices: the value stays NumPy's, derivatives agree in every mode."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad.numpy as mnp
from minigrad import batched, compile, grad, hvp, source, value_and_grad  # noqa: A004
from minigrad.compiler import passes, rounding
from minigrad.compiler.meaning import interpret
from minigrad.compiler.stage import Trace
from minigrad.rules import contractions

SIZES = {"a": 1, "b": 2, "c": 3, "d": 2, "e": 3, "f": 1}


@pytest.fixture(autouse=True)
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small einsums become products too."""
    monkeypatch.setattr(contractions, "LEAST", 0)


@st.composite
def einsums(draw: Any) -> tuple[str, Any, Any]:
    """Subscripts and two operands: mostly products of matrices, some with letters repeated or summed out alone."""
    letters = draw(st.permutations("abcdef"))
    cuts = sorted(draw(st.lists(st.integers(0, 6), min_size=4, max_size=4)))
    stack, rows, summed, columns, alone = ("".join(letters[i:j]) for i, j in zip([0, *cuts], [*cuts, 6]))
    odd = draw(st.sampled_from(["", "", "alone", "repeated"]))
    first, second = stack + rows + summed, stack + columns + summed
    if odd == "alone":
        first += alone[:1]
    if odd == "repeated":
        first += first[:1]
    first, second, out = ("".join(draw(st.permutations(term))) for term in (first, second, stack + rows + columns))
    dtype = draw(st.sampled_from("ddDfe"))
    rng = np.random.default_rng(0)

    def operand(term: str) -> Any:
        shape = [n if draw(st.integers(0, 9)) else 1 for n in map(SIZES.get, term)] if odd != "repeated" else None
        x = rng.standard_normal(shape or [SIZES[c] for c in term])
        x = x.astype(dtype) if dtype != "D" else x + 1j * rng.standard_normal(x.shape)
        return np.asarray(x, order=draw(st.sampled_from("CF")))

    return f"{first},{second}->{out}", operand(first), operand(second)


def close(a: Any, b: Any, x: Any) -> None:
    tolerance = 20.0 * np.finfo(x.dtype).eps
    assert np.shape(a) == np.shape(b)
    assert np.asarray(a).dtype == np.asarray(b).dtype
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.max(np.abs(b), initial=1.0))


@settings(max_examples=60)
@given(einsums())
def test_the_value_is_that_of_numpy_and_the_gradient_that_of_its_terms(example: Any) -> None:
    """A derivative with respect to an entry is the einsum of a unit vector, since an einsum is linear in each."""
    subscripts, x, y = example
    out = np.einsum(subscripts, x, y)
    weights = np.linspace(0.5, 1.5, out.size).reshape(out.shape).astype(x.real.dtype)
    value, (gx, gy) = value_and_grad(lambda x, y: mnp.real(mnp.sum(mnp.einsum(subscripts, x, y) * weights)), (0, 1))(
        x, y
    )
    assert value == np.real(np.sum(out * weights))

    def expected(shape: Any, einsum: Any) -> Any:
        units = np.eye(int(np.prod(shape)), dtype=x.dtype).reshape(-1, *shape)
        return np.array([np.sum(einsum(unit) * weights) for unit in units]).reshape(shape)

    of_x = expected(x.shape, lambda unit: np.einsum(subscripts, unit, y))
    close(gx, of_x.astype(x.dtype), x)
    close(gy, expected(y.shape, lambda unit: np.einsum(subscripts, x, unit)).astype(x.dtype), x)


@settings(max_examples=20)
@given(einsums())
def test_second_derivatives_are_those_without_products(example: Any) -> None:
    subscripts, x, y = example

    def fun(x: Any) -> Any:
        return mnp.sum(mnp.abs(mnp.einsum(subscripts, mnp.sin(x), y)) ** 2)

    found = hvp(fun, x, y.ravel()[0] * x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contractions, "LEAST", 1 << 60)
        expected = hvp(fun, x, y.ravel()[0] * x)
    close(found, expected, x)


@settings(max_examples=8)
@given(einsums())
def test_compiled_programs_source_and_batches_compute_the_same_bits(example: Any) -> None:
    """Those that are exact; compiled programs that need not be agree to rounding."""
    subscripts, x, y = example
    gradient = grad(lambda x, y: mnp.sum(mnp.real(mnp.einsum(subscripts, x, y)) ** 2), (0, 1))
    expected = gradient(x, y)
    exact, loose = compile(gradient, exact=True), compile(gradient)
    for _ in range(2):
        for a, b, c in zip(exact(x, y), loose(x, y), expected):
            np.testing.assert_array_equal(a, c)
            close(b, c, x)
    for a, c in zip(source(gradient, x, y).function()(x, y), expected):
        np.testing.assert_array_equal(a, c)
    for a, c in zip(batched(gradient)(np.stack([x, x]), np.stack([y, y])), expected):
        close(a[1], c, x)


def test_large_einsums_are_products_in_pullbacks_and_in_compiled_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tape of a gradient shows the products; a program that need not be exact has no einsum left."""
    monkeypatch.setattr(contractions, "LEAST", 1 << 15)
    x, y = np.ones((4, 20, 30)), np.ones((4, 40, 30))
    for operands, number in (((x, y), 3), ((x[:1, :2], y[:1, :3]), 0)):
        trace = Trace()
        u, v = map(trace.input, operands)
        program = trace.close(list(grad(lambda u, v: mnp.sum(mnp.einsum("kij,knj->kni", u, v)), (0, 1))(u, v)))
        text = str(passes.canonical(program))
        assert (text.count("matmul"), text.count("einsum")) == ((2, 1) if number else (0, 3))
        program = passes.optimised(program, rounding.ROUNDING)
        assert str(program).count("einsum") == 0 or not number
        for a, b in zip(interpret(program, list(operands)), operands):
            assert a.shape == b.shape


def test_einsums_as_products_leaves_what_is_none() -> None:
    x, y = np.arange(6.0).reshape(2, 3), np.arange(6).reshape(3, 2)
    for fun in (
        lambda x: np.einsum("ij,jk->ik", x, y),  # of integers
        lambda x: np.einsum("ij,ij->i", x, x),
        lambda x: np.einsum("ij,kj->", x, x),
        lambda x: np.einsum("ij,jk,kl->il", x, x.T, x, optimize=True),
    ):
        trace = Trace()
        program = passes.canonical(trace.close([fun(trace.input(x))]))
        assert rounding.einsums_as_products(program) == program


@pytest.mark.parametrize("optimize", [None, False, True, "greedy", ["einsum_path", (0, 1), (0, 1)]], ids=str)
def test_optimize_is_asked_of_numpy(optimize: Any) -> None:
    """A plain call has NumPy's digits; with optimize=True, or a path, those of NumPy with it."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 30, 30))
    options = {} if optimize is None else {"optimize": optimize}
    value, gradient = value_and_grad(lambda x: mnp.sum(mnp.einsum("ij,jk,kl->il", x, y, y, **options)))(x)
    assert value == np.sum(np.einsum("ij,jk,kl->il", x, y, y, **options))
    np.testing.assert_allclose(gradient, np.ones((30, 30)) @ (y @ y).T, rtol=1e-11, atol=1e-11)


def test_empty_operands() -> None:
    x, y = np.ones((0, 3)), np.ones((3, 2))
    gx, gy = grad(lambda x, y: mnp.sum(mnp.einsum("ij,jk->ik", x, y)), (0, 1))(x, y)
    assert (gx.shape, gy.tolist()) == ((0, 3), [[0.0, 0.0]] * 3)
