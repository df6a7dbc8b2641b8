"""Functions of one variable with exact counterparts, and random elementwise programs, for tests of high orders."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from hypothesis import strategies as st

import minigrad.numpy as mnp
from minigrad import elementwise_grad, grad

GRID = np.linspace(-7, 7, 57)
POSITIVE = np.linspace(0.125, 7, 56)
FUNCTIONS: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any], Any]] = [
    ("tanh of the tour", lambda x: (1 - np.exp(-x)) / (1 + np.exp(-x)), lambda x: mpmath.tanh(x / 2), GRID),
    ("tanh", np.tanh, mpmath.tanh, GRID),
    ("arctan", np.arctan, mpmath.atan, GRID),
    ("exp(-x^2)", lambda x: np.exp(-(x**2)), lambda x: mpmath.exp(-x * x), GRID),
    ("1/(1+x^2)", lambda x: 1 / (1 + x**2), lambda x: 1 / (1 + x**2), GRID),
    ("log(1+e^x)", lambda x: np.log(1 + np.exp(x)), lambda x: mpmath.log(1 + mpmath.exp(x)), GRID),
    ("logaddexp(0, x)", lambda x: np.logaddexp(0.0, x), lambda x: mpmath.log(1 + mpmath.exp(x)), GRID),
    ("x^x", lambda x: x**x, lambda x: x**x, POSITIVE),
    ("x^2.5", lambda x: x**2.5, lambda x: x ** mpmath.mpf("2.5"), POSITIVE),
    ("sqrt", np.sqrt, mpmath.sqrt, POSITIVE),
    ("cbrt", np.cbrt, lambda x: mpmath.cbrt(x), POSITIVE),
    ("log", np.log, mpmath.log, POSITIVE),
    ("log1p", np.log1p, mpmath.log1p, POSITIVE),
    ("log2", np.log2, lambda x: mpmath.log(x, 2), POSITIVE),
    ("log10", np.log10, mpmath.log10, POSITIVE),
    ("exp", np.exp, mpmath.exp, GRID),
    ("exp2", np.exp2, lambda x: mpmath.mpf(2) ** x, GRID),
    ("expm1", np.expm1, mpmath.expm1, GRID),
    ("sin", np.sin, mpmath.sin, GRID),
    ("cos", np.cos, mpmath.cos, GRID),
    ("tan", np.tan, mpmath.tan, np.linspace(-1.2, 1.2, 25)),
    ("sinh", np.sinh, mpmath.sinh, GRID),
    ("cosh", np.cosh, mpmath.cosh, GRID),
    ("arcsin", np.arcsin, mpmath.asin, np.linspace(-0.9, 0.9, 19)),
    ("arccos", np.arccos, mpmath.acos, np.linspace(-0.9, 0.9, 19)),
    ("arcsinh", np.arcsinh, mpmath.asinh, GRID),
    ("arccosh", np.arccosh, mpmath.acosh, np.linspace(1.5, 7, 23)),
    ("arctanh", np.arctanh, mpmath.atanh, np.linspace(-0.9, 0.9, 19)),
    ("reciprocal", np.reciprocal, lambda x: 1 / x, POSITIVE),
    ("x^7", lambda x: x**7, lambda x: x**7, GRID),
    ("3 - x/2", lambda x: 3 - x / 2, lambda x: 3 - x / 2, GRID),
]  # fmt: skip

PIECES: list[Callable[[Any], Any]] = [
    lambda x: mnp.exp(mnp.sin(x) * 0.5), lambda x: mnp.log(2.0 + mnp.cos(x)), lambda x: mnp.tanh(x) / (1.5 + x * x),
    lambda x: mnp.sqrt(1.0 + x * x), lambda x: mnp.arctan(x - 0.3), lambda x: x**3 - 2.0 * x,
    lambda x: mnp.where(x > 0.1, x, x * x),
    lambda x: mnp.logaddexp(x, 0.5), lambda x: mnp.maximum(x, 0.2) * x, lambda x: mnp.sinc(x), lambda x: mnp.abs(x) + x,
    lambda x: mnp.hypot(x, 1.0), lambda x: mnp.arctan2(x, 2.0), lambda x: (2.0 + mnp.sin(x)) ** x, lambda x: 1.3**x,
]  # fmt: skip

BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - 0.5 * b, lambda a, b: a / (1.5 + b * b),
    lambda a, b: mnp.arctan2(a, 2.0 + b * b), lambda a, b: mnp.logaddexp(a, b), lambda a, b: (1.5 + mnp.sin(a)) ** b,
    lambda a, b: mnp.hypot(a, 1.0 + b * b),
]  # fmt: skip
#: A program of two variables: in each step a piece of one of them, and a combination of both.
PROGRAMS = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(BINARY), st.booleans()), min_size=1, max_size=3)


def run(program: Any, a: Any, b: Any) -> Any:
    for piece, binary, swap in program:
        a, b = piece(a if swap else b), binary(a, b)
    return a * b + a


def nested_reverse(fun: Any, order: int) -> Any:
    """The derivative by nothing but nested reverse mode."""
    for _ in range(order):
        fun = grad(fun)
    return fun


def nested_elementwise(fun: Any, order: int, argnum: int = 0) -> Any:
    for _ in range(order):
        fun = elementwise_grad(fun, argnum)
    return fun
