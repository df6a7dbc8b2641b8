"""Formulas read from text: the same values as Python, errors at the right character, and nothing else is ever run."""

import builtins
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minigrad import derivatives, grad
from minigrad.errors import ExpressionError
from minigrad.show.expression import CONSTANTS, FUNCTIONS, Expression

special = pytest.importorskip("scipy.special")
X = np.array([0.3, 0.7, 0.9])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tanh(x)", np.tanh(X)),
        ("np.tanh(x) + numpy.pi*math.e", np.tanh(X) + math.pi * math.e),
        ("-x**2", -(X**2)),
        ("2**-x", 2**-X),
        ("2**3**2 * x", 512 * X),
        ("x - (x - 1) / 2 / x", X - (X - 1) / 2 / X),
        ("+x", X),
        ("ln(x) + asin(x) + abs(-x)", np.log(X) + np.arcsin(X) + X),
        ("max(x, 0.5) - min(x, 0.5)", np.maximum(X, 0.5) - np.minimum(X, 0.5)),
        ("where(x > 0.5, x**2, 1)", np.where(X > 0.5, X**2, 1)),
        ("where(0.5 < x <= 0.7 or not x > 0.3, 1, 0)", np.array([1.0, 1.0, 0.0])),
        ("where(x == 0.3 and x != 2, 1, 0)", np.array([1.0, 0.0, 0.0])),
        ("7", np.full(3, 7.0)),
        ("π * x", np.pi * X),
        ("  x\n + 1 ", X + 1),
        ("erf(x)", [math.erf(x) for x in X]),
        ("sin(2*x) / (2*x)", np.sin(2 * X) / (2 * X)),
        ("1e-3*x + 1_000", 1e-3 * X + 1000),
        ("+".join(["x"] * 100), 100 * X),
        ("(" * 100 + "x" + ")" * 100, X),
        ("relu(x - 0.5) + heaviside(x - 0.5)", np.maximum(X - 0.5, 0) + (X > 0.5)),
        ("sec(x) csc(x) cot(x)", 1 / np.sin(X) ** 2),
        ("besselj(0, x)^2 + j0(x)^2", 2 * special.j0(X) ** 2),
    ],
)
def test_values(text: str, expected: Any) -> None:
    np.testing.assert_allclose(Expression(text)(X), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2x^2 - 3x", 2 * X**2 - 3 * X),
        ("2x² + x⁻¹", 2 * X**2 + 1 / X),
        ("|x - 0.5|", np.abs(X - 0.5)),
        ("||x| - 0.5| + |x||x|", np.abs(X - 0.5) + X**2),
        ("2|sin x|cos x", 2 * np.sin(X) * np.cos(X)),
        ("sin x", np.sin(X)),
        ("sin 2x + 1", np.sin(2 * X) + 1),
        ("sin x cos x", np.sin(X) * np.cos(X)),
        ("sin cos x^2", np.sin(np.cos(X**2))),
        ("sin x^-2", np.sin(X**-2.0)),
        ("sin^2 x + cos^2(x)", np.ones(3)),
        ("sin²x", np.sin(X) ** 2),
        ("x! + 3!", special.gamma(X + 1) + 6),
        ("|x - 1|! + x^2!", special.gamma(2 - X) + X**2),
        ("√x + √(x + 1)", np.sqrt(X) + np.sqrt(X + 1)),
        ("x(x + 1)(x - 1)", X * (X + 1) * (X - 1)),
        ("2πx + 2 pi e x", 2 * np.pi * X * (1 + np.e)),
        ("xsinx", X * np.sin(X)),
        ("y = 2x", 2 * X),
        ("f(x) = x·x − 1", X * X - 1),
        ("exp(-x^2/2)/√(2pi)", np.exp(-(X**2) / 2) / np.sqrt(2 * np.pi)),
        ("1/2x", X / 2),
        ("e^-x", np.exp(-X)),
        ("where(x ≤ 0.5, 1, 2x)", np.where(X <= 0.5, 1, 2 * X)),
        ("x^2 if x else 2x", None),
        ("sin(x)(x)", np.sin(X) * X),
    ],
)
def test_formulas_as_people_write_them(text: str, expected: Any) -> None:
    if expected is None:
        with pytest.raises(ExpressionError, match="write where"):
            Expression(text)
    else:
        np.testing.assert_allclose(Expression(text)(X), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("2x + |x", 5, "a bar | is not closed"),
        ("2x + !", 5, "! has nothing before it"),
        ("sin^-1 x", 3, "the inverse function"),
        ("2x^2 + 3 foo(x)", 9, "no function 'foo'"),
        ("|x| + 2(x + sn x)", 12, "no name 'sn'"),
        ("x² + y", 5, "no name 'y'; the variable is x, and y=2 gives a value"),
        ("3 4", 2, "not a formula"),
        ("|x|) + 1", 3, "a parenthesis is missing"),
    ],
)
def test_errors_point_at_what_was_typed(text: str, place: int, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem.replace("|", r"\|")) as caught:
        Expression(text)
    assert caught.value.place == place


def test_parameters_are_numbers_with_a_name() -> None:
    np.testing.assert_allclose(
        Expression("a sin(b x + phase)", {"a": 2.0, "b": 3.0, "phase": 1.0})(X), 2 * np.sin(3 * X + 1)
    )
    np.testing.assert_allclose(Expression("ax^2", {"a": 2.0})(X), 2 * X**2)
    assert Expression("e x", {"e": 2.0})(1.0) == 2.0


def test_formulas_are_differentiated() -> None:
    assert grad(Expression("x**3"))(2.0) == 12.0
    assert derivatives(Expression("3"), 1.0, 2).tolist() == [3.0, 0.0, 0.0]


def test_sine_by_its_argument_is_continued_to_zero() -> None:
    found = derivatives(Expression("sin(3*x)/(3*x)"), 0.0, 4)
    np.testing.assert_allclose(found, [1.0, 0.0, -9 / 3, 0.0, 81 / 5], atol=1e-15)


def test_derivatives_of_sine_by_its_argument_keep_their_digits() -> None:
    """Order n of sin(x)/x is the integral of t^n cos(t x + n pi/2) over t from 0 to 1, here by another Gauss rule."""
    x = np.linspace(-9.0, 9.0, 181)
    t, w = np.polynomial.legendre.leggauss(50)
    t, w = 0.5 * t + 0.5, 0.5 * w
    for n, found in enumerate(derivatives(Expression("sin(x)/x"), x, 12)):
        expected = np.cos(np.outer(x, t) + n * np.pi / 2) @ (w * t**n)
        assert np.max(np.abs(found - expected)) < 1e-13 * np.max(np.abs(expected))


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", 0, "the formula is empty"),
        ("1 + snh(x)", 4, "no function 'snh'; did you mean sinh\\?"),
        ("1 + Sin(x)", 4, "did you mean sin\\?"),
        ("y + 1", 0, "no name 'y'; the variable is x"),
        ("x + sin", 4, "sin is a function; write sin\\(x\\)"),
        ("1 + sin(x, x)", 11, "sin takes 1 argument, not 2"),
        ("max(x)", 0, "maximum takes 2 arguments, not 1"),
        ("sin(x=3)", 6, "no options"),
        ("where(x, 1, 2)", 6, "a comparison, such as x > 0"),
        ("where(x is 1, 1, 2)", 6, "only < <="),
        ("x > 0", 0, "comparisons belong into where"),
        ("x and 1", 0, "and, or belong"),
        ("1 if x else 2", 0, "write where"),
        ("x.real", 0, "only np.NAME"),
        ("np.linalg.inv(x)", 0, "only np.NAME"),
        ("os.system(x)", 0, "only np.NAME"),
        ("x + x[0]", 4, "indexing"),
        ("lambda x: x", 0, "without lambda"),
        ("(x := 3)", 1, ":= is not supported"),
        ("f'{x}'", 0, "texts"),
        ("'a'", 0, "only numbers, x and functions"),
        ("None", 0, "only numbers"),
        ("True * x", 0, "only numbers"),
        ("x, x", 0, "without a comma"),
        ("[x]", 0, "lists"),
        ("2j * x", 0, "imaginary"),
        ("x @ x", 2, "@ is not supported"),
        ("(x) % 2", 4, "% is not supported"),
        ("~x", 0, "not supported in a formula"),
        ("sin(*x)", 4, "unpacking"),
        ("__import__('os').system('true')", 0, "only np.NAME"),
        ("9**9**9", 1, "is not a finite real number"),
        ("x + 10**400", 6, "10 \\*\\* 400"),
        ("1e999", 0, "too large"),
        ("x + " + "9" * 400, 4, "too large"),
        ("x * (1/0)", 6, "division by zero"),
        ("(-1)**0.5", 4, "not a finite real number"),
        ("x + log(0)", 4, "not a finite real number"),
        ("x +", 3, "ends too early"),
        ("sin(x", 3, "parenthesis is missing"),
        ("sin(x))", 6, "parenthesis is missing"),
        ("é*x + foo(x)", 0, "no name 'é'"),
        ("π*x + foo(x)", 6, "no function 'foo'"),
        ("x" * 1001, 1000, "more than 1000 characters"),
        ("-" * 300 + "x", 151, "nested more than 150 levels"),
        ("(" * 400 + "x" + ")" * 400, 0, "too many parentheses|not a formula|parenthes"),
        ("x = 3", 2, "this is not a formula"),
        ("import os", 0, "this is not a formula"),
        ("x\0", 0, "this is not a formula|cannot be read"),
    ],
)
def test_errors_point_at_the_character(text: str, place: int, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem) as caught:
        Expression(text)
    if len(text) < 500:
        assert caught.value.place == place
    if 0 < len(text) < 60:
        first, shown, caret = str(caught.value).split("\n")
        assert shown == f"  {text}"
        assert caret == " " * (2 + place) + "^"
        assert "\n" not in first


def test_a_long_formula_is_shown_about_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression("x + " * 50 + "foo(x)" + " + x" * 50)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^") :].startswith("foo(x)")
    assert len(shown) < 110


# ----- random formulas ------------------------------------------------------------------------------------------------

NUMPY = {name: getattr(np, name) for name in ("sin", "cos", "tanh", "arctan", "exp", "sqrt", "absolute", "hypot")}


def formulas() -> st.SearchStrategy[str]:
    leaf = st.sampled_from(["x", "2", "0.5", "1e-1", "pi", "np.e", "3"])

    def grown(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(part, st.sampled_from("+-*/"), part).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
            st.tuples(part, st.sampled_from("+-*"), part).map("".join),
            st.tuples(st.sampled_from(["sin", "np.cos", "tanh", "arctan"]), part).map(lambda p: f"{p[0]}({p[1]})"),
            part.map(lambda p: f"sqrt(absolute({p}))"),
            part.map(lambda p: f"-({p})**2"),
            st.tuples(part, part).map(lambda p: f"hypot({p[0]}, {p[1]})"),
        )

    return st.recursive(leaf, grown, max_leaves=8)


@settings(max_examples=200)
@given(formulas())
def test_values_are_those_of_python(text: str) -> None:
    with np.errstate(all="ignore"):
        try:
            found = Expression(text)(X)
        except ExpressionError as error:
            assume("division by zero" not in str(error) and "finite" not in str(error))
            raise
        expected = eval(text, {"np": np, "x": X, "pi": np.pi, **NUMPY}, {})
    np.testing.assert_allclose(found, np.broadcast_to(expected, X.shape), rtol=1e-9, atol=1e-12)


FRAGMENTS = [
    *"x1()+-*/,.=:[]{}<@%~^#e_πβ²…\\\n\t\x00 '\"",
    *["**", "//", ":=", "==", "f'", "2.5", "9" * 30, "1e400", "0x", "None", "True", "np", "sin", "where"],
    *["lambda", "__import__", "__class__", "os", "system", "eval", "exec", "open", "print"],
    *["and", "not", "if", "else", "for", "in", "await", "yield"],
]


def refused(*_: Any, **__: Any) -> Any:
    raise AssertionError("a formula was run")


@settings(max_examples=400)
@given(st.one_of(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join), st.text(max_size=30)))
def test_whatever_the_text_nothing_is_run_and_errors_are_of_one_kind(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("eval", "exec", "open", "print", "input"):
            patch.setattr(builtins, name, refused)
        try:
            formula = Expression(text)
        except ExpressionError:
            return
        with np.errstate(all="ignore"):
            assert formula(X).shape == X.shape


# ----- in print -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp(-x**2)", "e^{-x^{2}}"),
        ("1/(1+x**2)", r"\frac{1}{1 + x^{2}}"),
        ("x-(x-1)", "x - (x - 1)"),
        ("(x+1)*(x-1)", "(x + 1) (x - 1)"),
        ("2*x", r"2\,x"),
        ("x*3", r"x \cdot 3"),
        ("sin(x)**2", r"\sin^{2}(x)"),
        ("(-x)**2", "(-x)^{2}"),
        ("-x**2", "-x^{2}"),
        ("log(1+1/x)", r"\log\left(1 + \frac{1}{x}\right)"),
        ("sqrt(abs(x))", r"\sqrt{|x|}"),
        ("1e-5*pi", r"10^{-5}\,\pi"),
        ("0.1*x", r"0.1\,x"),
    ],
)
def test_mathtext(text: str, expected: str) -> None:
    assert Expression(text).mathtext == expected


@settings(max_examples=60, deadline=None)
@given(formulas())
def test_matplotlib_reads_every_title(text: str) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    try:
        formula = Expression(text)
    except ExpressionError:
        return
    assert mathtext.MathTextParser("path").parse(f"$f(x) = {formula.mathtext}$").width > 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_value_a_derivative_and_a_title(name: str) -> None:
    pytest.importorskip("scipy")
    mathtext = pytest.importorskip("matplotlib.mathtext")
    args = {"where": "x > 0, x, 1"}.get(name, "x")
    if getattr(getattr(np, name, None), "nin", 1) == 2 or name in ("max", "min"):
        args = "x, 2"
    if name in ("iv", "jv", "kv", "yv") or name.startswith("bessel"):
        args = "2, x"
    shift = " + 1" if name in ("arccosh", "acosh") else ""
    formula = Expression(f"{name}({args}{shift})")
    found = derivatives(formula, np.array([0.3, 0.6]), 2)
    assert np.isfinite(found).all()
    assert mathtext.MathTextParser("path").parse(f"${formula.mathtext}$").width > 0


def test_constants() -> None:
    assert {name: float(Expression(name)(0.0)) for name in CONSTANTS} == CONSTANTS
