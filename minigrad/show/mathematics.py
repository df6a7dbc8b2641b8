"""Formulas as trees, written as LaTeX and as MathML, which every browser shows without a network or a script.

A `Formula` has a kind and parts. `PRECEDENCE` says how tightly each kind binds, so that parentheses stand where they
are needed and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from minigrad.show.page import Html, element, joined


class Formula(NamedTuple):
    """A kind (`"sum"`, `"fraction"`, ...) and its parts: formulas, texts and integers."""

    kind: str
    parts: tuple[Any, ...]


PRECEDENCE = {
    "comparison": 0, "plus": 1, "minus": 1, "negative": 2, "total": 2, "times": 3, "entrywise": 3, "matrix": 3,
    "named product": 3, "power": 5, "transposed": 6,
}  # fmt: skip
ATOM = 9

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eps": "ε", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "lam": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_TEX_GREEK = {"eps": r"\epsilon", "lam": r"\lambda"}
TEX_FUNCTIONS = {
    "arctan": r"\arctan", "arcsin": r"\arcsin", "arccos": r"\arccos", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan",
    "tanh": r"\tanh", "sinh": r"\sinh", "cosh": r"\cosh", "log": r"\log", "max": r"\max", "min": r"\min",
    "det": r"\det",
}  # fmt: skip


def symbol(name: str, index: Any = None, mark: str = "") -> Formula:
    """A name, with an index and with a mark: "bar" for a cotangent, "dot" for a tangent."""
    return Formula("symbol", (name, index, mark))


def number(text: str) -> Formula:
    """A number."""
    return Formula("number", (text,))


def split_name(name: str) -> tuple[str, str, str]:
    """A name of Python as letter, subscript and mark.

    >>> split_name("x1_bar"), split_name("A_dot"), split_name("loss")
    (('x', '1', 'bar'), ('A', '', 'dot'), ('loss', '', ''))
    """
    mark = ""
    found = re.fullmatch(r"(.+?)_(bar|dot|series)(\d*)_*", name)
    if found:
        name, mark = found[1], found[2]
    found = re.fullmatch(r"(.*?[A-Za-z])_?(\d+)_*", name)
    return (found[1], found[2], mark) if found else (name.rstrip("_") or name, "", mark)


def with_indices(formulas: Sequence[Any], variable: str, values: Sequence[int], size: tuple[int, str]) -> Any:
    """One formula for several that differ in integers only, which are written in terms of a variable.

    Args:
        formulas: one for each value of the variable.
        variable: its name.
        values: its values.
        size: a number, and how it is written: (5, "R").

    Raises:
        ValueError: if the formulas differ in anything else, or an integer does not go up or down by equal steps.
    """
    first = formulas[0]
    if all(isinstance(each, int) for each in formulas):
        if len(set(formulas)) == 1:
            return first
        slope = (formulas[1] - first) // (values[1] - values[0])
        rest = first - slope * values[0]
        if [slope * value + rest for value in values] != list(formulas):
            raise ValueError("no arithmetic progression")
        return Formula("affine", (variable, slope, rest, size))
    if not isinstance(first, tuple):
        if any(each != first for each in formulas):
            raise ValueError("the formulas differ")
        return first
    if any(type(each) is not type(first) or len(each) != len(first) for each in formulas):
        raise ValueError("the formulas differ")
    parts = [with_indices(each, variable, values, size) for each in zip(*formulas)]
    return Formula(parts[0], parts[1]) if isinstance(first, Formula) else tuple(parts)


def affine_text(parts: tuple[Any, ...]) -> str:
    """`r + 1`, `R - 1`, `2r`."""
    variable, slope, rest, (size, name) = parts
    if slope == 0:
        return str(rest)
    text = {1: variable, -1: f"-{variable}"}.get(slope, f"{slope}{variable}")
    if rest == 0:
        return text
    if slope == -1:
        return f"{limit(rest, (size, name))}-{variable}"
    return f"{text}{'+' if rest > 0 else '-'}{abs(rest)}"


def limit(value: int, size: tuple[int, str]) -> str:
    """A number near the size, in its terms: `R-1`.

    >>> limit(4, (5, "R")), limit(0, (5, "R")), limit(4, (5, "5"))
    ('R-1', '0', '4')
    """
    number_of, name = size
    if value < 2 or name.isdigit() or abs(value - number_of) > 1:
        return str(value)
    return name + {0: "", -1: "-1", 1: "+1"}[value - number_of]


# ----- LaTeX ----------------------------------------------------------------------------------------------------------

_MARKS = {"bar": r"\bar", "dot": r"\dot", "series": r"\tilde"}


def latex(formula: Any, tight: int = 0) -> str:
    """A formula in LaTeX; in parentheses if it binds less tightly than asked for."""
    if isinstance(formula, int):
        return str(formula)
    text = _latex(formula)
    return rf"\left({text}\right)" if PRECEDENCE.get(formula.kind, ATOM) < tight else text


def _tex_name(name: str) -> str:
    if name in GREEK:
        return _TEX_GREEK.get(name, rf"\{name}")
    return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def _latex(formula: Formula) -> str:
    kind, parts = formula
    if kind == "symbol":
        return _tex_symbol(*parts)
    if kind == "number":
        return parts[0].replace("e", r"\cdot 10^{") + "}" if "e" in parts[0] else parts[0]
    if kind == "affine":
        return affine_text(parts)
    if kind in _TEX_BINARY:
        pattern, left, right = _TEX_BINARY[kind]
        return pattern.format(latex(parts[0], left), latex(parts[1], right))
    if kind in _TEX_UNARY:
        pattern, tight = _TEX_UNARY[kind]
        return pattern.format(latex(parts[0], tight))
    if kind == "call":
        name, *args = parts
        dash = "'" * name.count("'")
        name = name.rstrip("'")
        head = TEX_FUNCTIONS.get(name) or rf"\operatorname{{{name.replace('_', chr(92) + '_')}}}"
        return rf"{head}{dash}\left({', '.join(map(latex, args))}\right)"
    if kind == "total":
        return rf"\sum_{{{parts[1]}}} {latex(parts[0], 2)}" if parts[1] else rf"\textstyle\sum {latex(parts[0], 3)}"
    if kind == "sum over passes":
        return rf"\sum_{{{parts[1]}={parts[2]}}}^{{{parts[3]}}} {latex(parts[0], 2)}"
    if kind == "entry":
        return f"{latex(parts[0], ATOM)}[{parts[1]}]"
    if kind == "column":
        rows = r" \\ ".join(map(latex, parts))
        return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"
    if kind == "cases":
        condition, yes, no = map(latex, parts)
        return rf"\begin{{cases}} {yes} & {condition} \\ {no} & \text{{else}} \end{{cases}}"
    if kind == "comparison":
        sign = {"<=": r"\leq", ">=": r"\geq", "==": "=", "!=": r"\neq"}.get(parts[0], parts[0])
        return rf"{latex(parts[1], 1)} {sign} {latex(parts[2], 1)}"
    raise ValueError(f"no LaTeX for {kind}")


_TEX_BINARY = {
    "plus": ("{} + {}", 1, 1), "minus": ("{} - {}", 1, 2), "times": (r"{}\,{}", 3, 3), "matrix": (r"{}\,{}", 3, 3),
    "entrywise": (r"{} \odot {}", 3, 3), "fraction": (r"\frac{{{}}}{{{}}}", 0, 0), "power": ("{}^{{{}}}", 6, 0),
    "inner": (r"\langle {}, {} \rangle", 0, 0),
}  # fmt: skip
_TEX_UNARY = {
    "negative": ("-{}", 3), "transposed": (r"{}^{{\top}}", 6), "norm": (r"\lVert {} \rVert", 0),
    "absolute": (r"\lvert {} \rvert", 0), "root": (r"\sqrt{{{}}}", 0), "exponential": ("e^{{{}}}", 0),
    "row sums": (r"{}\,\mathbf{{1}}", 3), "column sums": (r"\mathbf{{1}}^{{\top}}{}", 3),
    "repeated in columns": (r"{}\,\mathbf{{1}}^{{\top}}", 3), "repeated in rows": (r"\mathbf{{1}}\,{}", 3),
}  # fmt: skip
PRECEDENCE.update(dict.fromkeys(["row sums", "column sums", "repeated in columns", "repeated in rows"], 3))
PRECEDENCE["sum over passes"] = 2


def _tex_symbol(name: str, index: Any, mark: str) -> str:
    letter, number_part, own_mark = split_name(name)
    mark = mark or own_mark
    text = _tex_name(letter)
    if mark.startswith("nabla"):
        inner = _tex_subscript(text, number_part, index)
        return rf"\nabla_{{{inner}}}\,{mark.partition(' ')[2]}"
    if mark:
        text = rf"{_MARKS[mark]}{{{text}}}"
    return _tex_subscript(text, number_part, index)


def _tex_subscript(text: str, number_part: str, index: Any) -> str:
    below = ",".join([part for part in (number_part, "" if index is None else latex(index)) if part])
    return f"{text}_{{{below}}}" if below else text


# ----- MathML ---------------------------------------------------------------------------------------------------------


def _row(*parts: object) -> Html:
    return element("mrow", *parts)


def _operator(text: str, **attributes: object) -> Html:
    return element("mo", text, **attributes)


def mathml(formula: Any, tight: int = 0) -> Html:
    """A formula in MathML (the core that browsers know); in parentheses if it binds less tightly than asked for."""
    if isinstance(formula, int):
        return element("mn", formula)
    text = _mathml(formula)
    if PRECEDENCE.get(formula.kind, ATOM) < tight:
        return _row(_operator("("), text, _operator(")"))
    return text


def _ml_name(name: str) -> Html:
    if name in GREEK:
        return element("mi", GREEK[name])
    return element("mi", name)


def _mathml(formula: Formula) -> Html:
    kind, parts = formula
    if kind == "symbol":
        return _ml_symbol(*parts)
    if kind == "number":
        base, _, exponent = parts[0].partition("e")
        if not exponent:
            return element("mn", base)
        return _row(
            element("mn", base), _operator("·"), element("msup", element("mn", 10), element("mn", int(exponent)))
        )
    if kind == "affine":
        return element("mi", affine_text(parts).replace("-", "−"))
    if kind in _ML_BINARY:
        sign, left, right = _ML_BINARY[kind]
        return _row(mathml(parts[0], left), _operator(sign), mathml(parts[1], right))
    if kind == "fraction":
        return element("mfrac", mathml(parts[0]), mathml(parts[1]))
    if kind == "power":
        return element("msup", mathml(parts[0], 6), mathml(parts[1]))
    if kind == "transposed":
        return element("msup", mathml(parts[0], 6), _operator("⊤"))
    if kind == "exponential":
        base = element("mi", "e", mathvariant="normal")  # upright, unlike a variable of this name
        return element("msup", base, mathml(parts[0]))
    if kind == "root":
        return element("msqrt", mathml(parts[0]))
    if kind == "negative":
        return _row(_operator("−"), mathml(parts[0], 3))
    if kind in ("norm", "absolute"):
        sign = "‖" if kind == "norm" else "|"
        return _row(_operator(sign), mathml(parts[0]), _operator(sign))
    if kind == "inner":
        return _row(_operator("⟨"), mathml(parts[0]), _operator(","), mathml(parts[1]), _operator("⟩"))
    if kind == "call":
        name, *args = parts
        inside = joined([mathml(arg) for arg in args], str(_operator(",")))
        return _row(element("mi", name), _operator("("), Html(inside), _operator(")"))
    if kind == "total":
        sign = _operator("∑")
        return _row(element("munder", sign, element("mi", parts[1])) if parts[1] else sign, mathml(parts[0], 3))
    if kind == "sum over passes":
        below = _row(element("mi", parts[1]), _operator("="), element("mn", parts[2]))
        return _row(element("munderover", _operator("∑"), below, element("mn", parts[3])), mathml(parts[0], 2))
    if kind in _ML_ONES:
        before, after = _ML_ONES[kind]
        return _row(*map(_ones, before), mathml(parts[0], 3), *map(_ones, after))
    if kind == "entry":
        return _row(mathml(parts[0], ATOM), _operator("["), element("mn", parts[1]), _operator("]"))
    if kind == "column":
        rows = [element("mtr", element("mtd", mathml(part))) for part in parts]
        return _row(_operator("["), element("mtable", *rows), _operator("]"))
    if kind == "cases":
        condition, yes, no = map(mathml, parts)
        rows = [
            element("mtr", element("mtd", yes), element("mtd", condition)),
            element("mtr", element("mtd", no), element("mtd", element("mtext", "else"))),
        ]
        return _row(_operator("{"), element("mtable", *rows))
    if kind == "comparison":
        sign = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}.get(parts[0], parts[0])
        return _row(mathml(parts[1], 1), _operator(sign), mathml(parts[2], 1))
    raise ValueError(f"no MathML for {kind}")


_ML_BINARY = {
    "plus": ("+", 1, 1), "minus": ("−", 1, 2), "times": ("\u2062", 3, 3), "matrix": ("\u2062", 3, 3),
    "entrywise": ("⊙", 3, 3),
}  # fmt: skip
_ML_ONES = {
    "row sums": ((), ("1",)), "column sums": (("1⊤",), ()), "repeated in columns": ((), ("1⊤",)),
    "repeated in rows": (("1",), ()),
}  # fmt: skip


def _ones(text: str) -> Html:
    one = element("mi", "𝟏")
    return element("msup", one, _operator("⊤")) if "⊤" in text else one


#: For a page with MathML. A bar is a border: as a character of its own it overlaps the letter without a font for it.
MATH_STYLE = """
math { font-size: 1.1rem; }
.bar { border-top: .07em solid; padding-top: .12em; }
"""


def _marked(text: Html, letter: str, mark: str) -> Html:
    """A letter with a bar, a dot or a tilde above it."""
    if mark == "bar":
        return element("mrow", text, class_="bar", aria_label=f"{letter} bar")
    return element("mover", text, _operator({"dot": "˙", "series": "~"}[mark], stretchy="false"))


def _ml_symbol(name: str, index: Any, mark: str) -> Html:
    letter, number_part, own_mark = split_name(name)
    mark = mark or own_mark
    text = _ml_name(letter)
    if mark.startswith("nabla"):
        inner = _ml_subscript(text, number_part, index)
        return _row(element("msub", _operator("∇"), inner), element("mi", mark.partition(" ")[2]))
    if mark:
        text = _marked(text, letter, mark)
    return _ml_subscript(text, number_part, index)


def _ml_subscript(text: Html, number_part: str, index: Any) -> Html:
    below = [element("mn", number_part)] if number_part else []
    below += [mathml(index)] if index is not None else []
    return element("msub", text, Html(joined(below, str(_operator(","))))) if len(below) == 1 else (
        element("msub", text, _row(Html(joined(below, str(_operator(",")))))) if below else text
    )  # fmt: skip
