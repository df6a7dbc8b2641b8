"""Formulas in x, such as `exp(-x**2)`, read from text without running the text.

What people write (`2x^2`, `|x|`, `sin x`, `x!`) becomes Python first, see `notation`. Python's own parser makes the
syntax tree; the tree is walked, and every node that is not on the list below is refused with its place. There is no
`eval`: names are looked up in a table of functions, not in a namespace of Python.

Allowed are numbers, `x`, `pi`, `e`, named parameters, `+ - * / **`, parentheses, functions of `FUNCTIONS` with or
without `np.` before them, and, in the condition of `where(condition, a, b)`, comparisons and `and`, `or`, `not`.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import minigrad.numpy as mnp
from minigrad.core.tape import peel
from minigrad.errors import ExpressionError
from minigrad.numpy.dispatch import UFUNCS
from minigrad.show.notation import as_python

Formula = Callable[[Any], Any]

LONGEST = 1000  #: characters
DEEPEST = 150  #: levels of parentheses and operators

# NumPy's functions of real numbers that have a rule, by all of their names.
_UFUNCS = {
    name: ufunc
    for name, ufunc in vars(np).items()
    if isinstance(ufunc, np.ufunc)
    and ufunc.signature is None
    and ufunc in UFUNCS
    and f"{'d' * ufunc.nin}->d" in ufunc.types
}
_NUMPY = [*_UFUNCS, "sinc", "where"]
_SPECIAL = {
    "dawsn": 1, "digamma": 1, "erf": 1, "erfc": 1, "erfcx": 1, "expit": 1, "gamma": 1, "gammaln": 1,
    "i0": 1, "i1": 1, "iv": 2, "j0": 1, "j1": 1, "jv": 2, "k0": 1, "k1": 1, "kv": 2, "loggamma": 1,
    "ndtr": 1, "y0": 1, "y1": 1, "yv": 2,
}  # fmt: skip
# Functions that have a name in mathematics and none in NumPy: how many arguments they take, and what they are.
_WRITTEN: dict[str, tuple[int, Callable[..., Any]]] = {
    "cot": (1, lambda x: mnp.cos(x) / mnp.sin(x)),
    "coth": (1, lambda x: 1.0 / mnp.tanh(x)),
    "csc": (1, lambda x: 1.0 / mnp.sin(x)),
    "csch": (1, lambda x: 1.0 / mnp.sinh(x)),
    "factorial": (1, lambda x: _function("gamma")(x + 1.0)),
    "gelu": (1, lambda x: x * _function("ndtr")(x)),
    "relu": (1, lambda x: mnp.maximum(x, 0.0)),
    "sec": (1, lambda x: 1.0 / mnp.cos(x)),
    "sech": (1, lambda x: 1.0 / mnp.cosh(x)),
    "softplus": (1, lambda x: mnp.logaddexp(x, 0.0)),
    "step": (1, lambda x: mnp.heaviside(x, 0.5)),
    "swish": (1, lambda x: x * _function("expit")(x)),
}
_ALIASES = {
    "besseli": "iv", "besselj": "jv", "besselk": "kv", "bessely": "yv", "lg": "log10", "ln": "log",
    "max": "maximum", "min": "minimum",
    "sgn": "sign", "sigmoid": "expit", "lgamma": "gammaln", "round": "rint", "silu": "swish",
    **{name: ufunc.__name__ for name, ufunc in _UFUNCS.items() if name != ufunc.__name__},
}  # fmt: skip
FUNCTIONS = sorted({*_NUMPY, *_SPECIAL, *_WRITTEN, *_ALIASES})
CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}
_PREFIXES = ("np", "numpy", "math")
_ARITY = (
    {name: ufunc.nin for name, ufunc in _UFUNCS.items()}
    | _SPECIAL
    | {name: arity for name, (arity, _) in _WRITTEN.items()}
    | {"where": 3}
)

_BINARY: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add), ast.Sub: ("-", operator.sub), ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv), ast.Pow: ("**", operator.pow),
}  # fmt: skip
_COMPARISONS: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("<", operator.lt), ast.LtE: (r"\leq", operator.le), ast.Gt: (">", operator.gt),
    ast.GtE: (r"\geq", operator.ge), ast.Eq: ("=", operator.eq), ast.NotEq: (r"\neq", operator.ne),
}  # fmt: skip
_REFUSED: dict[type, str] = {
    ast.Mod: "% is not supported", ast.FloorDiv: "// is not supported; "
    "write floor(a / b)", ast.MatMult: "@ is not supported: x is a number", ast.Lambda: "write the formula itself, "
    "without lambda", ast.IfExp: "write where(condition, a, b)", ast.Attribute: "only np.NAME may have a dot",
    ast.Subscript: "indexing is not supported: x is a number", ast.Tuple: "one formula, please, without a comma",
    ast.NamedExpr: ":= is not supported", ast.JoinedStr: "texts are not supported", ast.List: "lists are not supported",
    ast.Starred: "* unpacking is not supported", ast.Compare: "comparisons belong into where(condition, a, b)",
    ast.BoolOp: "and, or belong into the condition of where(condition, a, b)",
}  # fmt: skip


class Expression:
    """A function of x read from text: call it with a number, an array, or what is being differentiated.

    `mathtext` is the formula as matplotlib and TeX set it.

    Args:
        text: the formula, at most 1000 characters.
        parameters: the values of further names.

    Raises:
        ExpressionError: a ValueError that points at the character, if the text is not a formula in x.

    >>> f = Expression("exp(-x**2) / 2")
    >>> f(0.0), f.mathtext
    (np.float64(0.5), '\\\\frac{e^{-x^{2}}}{2}')
    >>> Expression("2a x^2", {"a": 3.0})(2.0)
    24.0
    >>> Expression("snh(x) + 1")
    Traceback (most recent call last):
    minigrad.errors.ExpressionError: there is no function 'snh'; did you mean sinh?
      snh(x) + 1
      ^
    """

    def __init__(self, text: str, parameters: Mapping[str, float] | None = None) -> None:
        self.text = " ".join(text.split())
        if len(self.text) > LONGEST:
            raise ExpressionError(f"the formula has more than {LONGEST} characters", self.text, LONGEST)
        self._constants = CONSTANTS | dict(parameters or {})
        self._python, self._places = as_python(self.text, set(FUNCTIONS), {"x", *self._constants})
        tree = self._tree()
        self._formula, constant = self._compiled(tree, 0)
        self.depends_on_x = constant is None
        self.mathtext = _mathtext(tree)[0]

    def __call__(self, x: Any) -> Any:
        """The value at x; a formula without x has its value at every entry."""
        value = self._formula(x)
        return value if self.depends_on_x else value + 0.0 * x

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def _tree(self) -> ast.expr:
        if not self.text:
            raise ExpressionError("the formula is empty", "", 0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the parser warns of `2if`, which is refused anyway
                return ast.parse(self._python.strip(), mode="eval").body
        except SyntaxError as error:
            raise self._syntax_error(error.msg, max((error.offset or 1) - 1, 0)) from None
        except (ValueError, RecursionError, MemoryError) as error:
            what = "a character that cannot be read" if isinstance(error, ValueError) else "too many parentheses"
            raise ExpressionError(f"the formula has {what}", self.text, 0) from None

    def _syntax_error(self, message: str, place: int) -> ExpressionError:
        python = self._python
        if python.rstrip()[-1:] in "+-*/,(<>=":
            return ExpressionError("the formula ends too early", self.text, len(self.text))
        if "decimal literal" in message:
            place += len(re.match(r"[\d._]*", python[place:]).group())  # type: ignore[union-attr]  # it matches ""
            return self._at("a number is followed by a letter; write 2*x for a product", place)
        if "never closed" in message or "unmatched" in message or "does not match" in message:
            return self._at(f"a parenthesis is missing: {message}", place)
        detail = f": {message}" if "invalid syntax" not in message else ""
        return self._at(f"this is not a formula{detail}", place)

    def _at(self, problem: str, place: int) -> ExpressionError:
        """An error at a character of the Python text, told at the one that was typed."""
        return ExpressionError(problem, self.text, self._places[min(place, len(self._python))])

    def _error(self, problem: str, node: Any) -> ExpressionError:
        return self._at(problem, len(self._python.encode()[: node.col_offset].decode(errors="ignore")))

    def _after(self, problem: str, node: Any) -> ExpressionError:
        """An error at the operator that follows a node."""
        place = len(self._python.encode()[: node.end_col_offset].decode(errors="ignore"))
        while place < len(self._python) and self._python[place] in " )":
            place += 1
        return self._at(problem, place)

    # ----- from a node to a function of x, and to its value where it has no x -----------------------------------------

    def _compiled(self, node: ast.AST, depth: int) -> tuple[Formula, float | None]:
        if depth > DEEPEST:
            raise self._error(f"the formula is nested more than {DEEPEST} levels deep", node)
        if isinstance(node, ast.Constant):
            return self._number(node)
        if isinstance(node, ast.Name) and node.id == "x":
            return (lambda x: x), None
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = self._name(node)
            if name not in self._constants:
                known = [*self._constants, "x", *FUNCTIONS]
                if name in FUNCTIONS:
                    raise self._error(f"{name} is a function; write {name}(x)", node)
                problem = f"there is no name {name!r}{_nearest(name, known)}"
                raise self._error(f"{problem}; the variable is x, and {name}=2 gives a value", node)
            return _constant(self._constants[name])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
            inner, constant = self._compiled(node.operand, depth + 1)
            if isinstance(node.op, ast.UAdd):
                return inner, constant
            return _constant(-constant) if constant is not None else ((lambda x: -inner(x)), None)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return self._operation(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.BinOp):
            raise self._after(_REFUSED.get(type(node.op), "this operator is not supported"), node.left)
        raise self._error(_REFUSED.get(type(node), "this is not supported in a formula"), node)

    def _number(self, node: ast.Constant) -> tuple[Formula, float | None]:
        value = node.value
        if type(value) is complex:
            raise self._error("imaginary numbers are not supported", node)
        if type(value) is not int and type(value) is not float:
            raise self._error("only numbers, x and functions make a formula", node)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._error("the number is too large", node)
        return _constant(number)

    def _name(self, node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _PREFIXES:
            return node.attr
        raise self._error(_REFUSED.get(type(node), "only functions can be called"), node)

    def _operation(self, node: ast.BinOp, depth: int) -> tuple[Formula, float | None]:
        symbol, apply = _BINARY[type(node.op)]
        left, a = self._compiled(node.left, depth + 1)
        right, b = self._compiled(node.right, depth + 1)
        if a is not None and b is not None:
            try:
                value = apply(a, b)
                if isinstance(value, complex) or not math.isfinite(value):
                    raise OverflowError
            except ZeroDivisionError:
                raise self._after("division by zero", node.left) from None
            except OverflowError:
                raise self._after(f"{a:g} {symbol} {b:g} is not a finite real number", node.left) from None
            return _constant(value)
        if symbol == "/" and _is_sine_of(node.left, node.right):
            return (lambda x: sine_by_argument(right(x))), None
        if b is not None:
            return (lambda x: apply(left(x), b)), None
        if a is not None:
            return (lambda x: apply(a, right(x))), None
        return (lambda x: apply(left(x), right(x))), None

    def _call(self, node: ast.Call, depth: int) -> tuple[Formula, float | None]:
        name = self._name(node.func)
        if name not in FUNCTIONS:
            raise self._error(f"there is no function {name!r}{_nearest(name, FUNCTIONS)}", node.func)
        name = _ALIASES.get(name, name)
        if node.keywords:
            raise self._error(f"{name} takes no options here", node.keywords[0].value)
        wanted = _ARITY.get(name, 1)
        if name == "heaviside" and len(node.args) == 1:
            name, wanted = "step", 1  # calculus leaves the value at the step open, NumPy asks for it
        if len(node.args) != wanted:
            raise self._error(
                f"{name} takes {wanted} argument{'s' * (wanted > 1)}, not {len(node.args)}",
                node.args[wanted] if len(node.args) > wanted else node,
            )
        if name == "where":
            condition = self._condition(node.args[0], depth + 1)
            (a, _), (b, _) = (self._compiled(arg, depth + 1) for arg in node.args[1:])
            return (lambda x: mnp.where(condition(x), a(x), b(x))), None
        function = _function(name)
        parts = [self._compiled(arg, depth + 1) for arg in node.args]
        if all(constant is not None for _, constant in parts):
            with np.errstate(all="ignore"):
                value = float(function(*[np.float64(constant) for _, constant in parts]))
            if not math.isfinite(value):
                raise self._error("this constant is not a finite real number", node)
            return _constant(value)
        if wanted == 1:
            inner = parts[0][0]
            return (lambda x: function(inner(x))), None
        first, second = parts[0][0], parts[1][0]
        return (lambda x: function(first(x), second(x))), None

    def _condition(self, node: ast.AST, depth: int) -> Formula:
        if depth > DEEPEST:
            raise self._error(f"the formula is nested more than {DEEPEST} levels deep", node)
        if isinstance(node, ast.Compare):
            for op in node.ops:
                if type(op) not in _COMPARISONS:
                    raise self._error("only < <= > >= == != compare numbers", node)
            parts = [self._compiled(part, depth + 1)[0] for part in (node.left, *node.comparators)]
            steps = [(_COMPARISONS[type(op)][1], a, b) for op, a, b in zip(node.ops, parts, parts[1:])]
            return lambda x: _all([compare(a(x), b(x)) for compare, a, b in steps])
        if isinstance(node, ast.BoolOp):
            conditions = [self._condition(part, depth + 1) for part in node.values]
            if isinstance(node.op, ast.And):
                return lambda x: _all([condition(x) for condition in conditions])
            return lambda x: ~_all([~np.asarray(condition(x)) for condition in conditions])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._condition(node.operand, depth + 1)
            return lambda x: ~np.asarray(inner(x))
        raise self._error("the first argument of where is a comparison, such as x > 0", node)


def _all(conditions: list[Any]) -> Any:
    together = np.asarray(conditions[0])
    for condition in conditions[1:]:
        together = together & condition
    return together


def _constant(value: float) -> tuple[Formula, float]:
    return (lambda _x: value), value


def _function(name: str) -> Callable[..., Any]:
    if name in _WRITTEN:
        return _WRITTEN[name][1]
    if name in _SPECIAL:
        from minigrad.scipy import special  # here for start-up, and because SciPy may be missing

        found: Callable[..., Any] = getattr(special, name)
        return found
    return getattr(mnp, name)


def _nearest(name: str, known: list[str]) -> str:
    found = difflib.get_close_matches(name, known, 1, 0.76) or difflib.get_close_matches(name.lower(), known, 1, 0.76)
    return f"; did you mean {found[0]}?" if found else ""


def sine_by_argument(u: Any) -> Any:
    """sin(u) / u, and 1 at 0, with all its derivatives: near 0 it is the integral of cos(t u) over t from 0 to 1.

    There is no quotient there, which would lose digits with every order. The Gauss rule of 24 points is exact to
    rounding for |u| < 6, up to order 20.
    """
    near = np.abs(peel(u)) < 6.0
    inside = mnp.where(near, u, 0.0)
    points, weights = np.polynomial.legendre.leggauss(24)
    integral = sum(0.5 * float(w) * mnp.cos(0.5 * (float(t) + 1.0) * inside) for t, w in zip(points, weights))
    outside = mnp.where(near, 6.0, u)
    return mnp.where(near, integral, mnp.sin(outside) / outside)


def _is_sine_of(node: ast.AST, of: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, (ast.Name, ast.Attribute))
        and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) == "sin"
        and ast.dump(node.args[0]) == ast.dump(of)
    )


# ----- the formula as it is set in print ------------------------------------------------------------------------------

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)  # how tightly the parts of a formula hold together
_TEX_FUNCTIONS = {"arcsin", "arccos", "arctan", "cos", "cosh", "exp", "log", "sin", "sinh", "tan", "tanh"}


def _mathtext(node: ast.AST) -> tuple[str, int]:
    """A formula in the part of TeX that matplotlib knows, and how tightly it holds together."""
    if isinstance(node, ast.Constant):
        return _number_text(node.value)
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = node.id if isinstance(node, ast.Name) else node.attr
        return {"pi": r"\pi", "π": r"\pi"}.get(name, name), _ATOM
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return rf"\mathrm{{not}}\ {_held(node.operand, _ATOM)}", _SUM
        sign = "-" if isinstance(node.op, ast.USub) else "+"
        return sign + _held(node.operand, _PRODUCT), _SUM
    if isinstance(node, ast.BinOp):
        return _operation_text(node)
    if isinstance(node, ast.Compare):
        parts = [_mathtext(node.left)[0]]
        for op, right in zip(node.ops, node.comparators):
            parts += [_COMPARISONS[type(op)][0], _mathtext(right)[0]]
        return " ".join(parts), _SUM
    if isinstance(node, ast.BoolOp):
        word = r"\ \mathrm{and}\ " if isinstance(node.op, ast.And) else r"\ \mathrm{or}\ "
        return word.join(_held(part, _SUM) for part in node.values), _SUM
    assert isinstance(node, ast.Call)
    return _call_text(node)


def _held(node: ast.AST, tightly: int) -> str:
    """A part of a formula, in parentheses if it would come apart."""
    text, own = _mathtext(node)
    return text if own >= tightly else f"({text})"


def _number_text(value: Any) -> tuple[str, int]:
    text = f"{value:g}" if abs(float(f"{value:g}") - value) <= 1e-15 * abs(value) else repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text, _ATOM
    power = f"10^{{{int(exponent)}}}"
    return (power, _POWER) if mantissa == "1" else (rf"{mantissa} \cdot {power}", _PRODUCT)


def _operation_text(node: ast.BinOp) -> tuple[str, int]:
    left, right = node.left, node.right
    if isinstance(node.op, ast.Pow):
        base, own = _mathtext(left)
        name, opening, _ = base.partition("(")
        is_named = opening and not re.search(r"[|^]|\\sqrt|\\frac", name)
        if isinstance(left, ast.Call) and is_named and isinstance(right, ast.Constant):  # sin^2(x)
            cut = name.removesuffix(r"\left")
            return f"{cut}^{{{_mathtext(right)[0]}}}{base[len(cut) :]}", _POWER
        return (base if own == _ATOM else f"({base})") + f"^{{{_mathtext(right)[0]}}}", _POWER
    if isinstance(node.op, ast.Div):
        return rf"\frac{{{_mathtext(left)[0]}}}{{{_mathtext(right)[0]}}}", _PRODUCT
    if isinstance(node.op, ast.Mult):
        first, second = _held(left, _PRODUCT), _held(right, _PRODUCT)
        dot = r" \cdot " if second[0].isdigit() else r"\," if second[0] != "(" else " "
        return first + dot + second, _PRODUCT
    if isinstance(node.op, ast.Add):
        return f"{_mathtext(left)[0]} + {_held(right, _PRODUCT)}", _SUM
    return f"{_mathtext(left)[0]} - {_held(right, _PRODUCT)}", _SUM


def _call_text(node: ast.Call) -> tuple[str, int]:
    assert isinstance(node.func, (ast.Name, ast.Attribute))
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    name = _ALIASES.get(name, name)
    args = [_mathtext(arg)[0] for arg in node.args]
    if name == "exp":
        return f"e^{{{args[0]}}}", _POWER
    if name == "power":
        return f"{_held(node.args[0], _ATOM)}^{{{args[1]}}}", _POWER
    if name == "square":
        return f"{_held(node.args[0], _ATOM)}^{{2}}", _POWER
    if name in ("sqrt", "cbrt"):
        return rf"\sqrt{'[3]' * (name == 'cbrt')}{{{args[0]}}}", _ATOM
    if name == "factorial":
        return f"{_held(node.args[0], _ATOM)}!", _ATOM
    if name in ("absolute", "fabs"):
        return rf"|{args[0]}|", _ATOM
    shown = rf"\{name}" if name in _TEX_FUNCTIONS else rf"\mathrm{{{name}}}"
    tall = any(part in arg for arg in args for part in (r"\frac", r"\sqrt"))
    left, right = (r"\left(", r"\right)") if tall else ("(", ")")
    return f"{shown}{left}{', '.join(args)}{right}", _POWER
