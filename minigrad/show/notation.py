"""Formulas as people write them, rewritten as Python: `2x^2`, `|x|`, `sin x`, `x!`, `√x`, `sin^2 x`, `x²`.

What is Python already stays as it is, character by character. Nothing is decided here about names or values: the
rewritten text is read by `expression`, and every character knows its place in what was typed, for the messages.

The rules are those of graphing calculators:

| written           | read as            | because                                                                     |
|-------------------|--------------------|-----------------------------------------------------------------------------|
| `2x`, `x(x + 1)`  | `2*x`, `x*(x + 1)` | what stands side by side is a product; it binds like any other              |
| `x^2`, `x²`       | `x**2`             |                                                                             |
| `sin 2x + 1`      | `sin(2*x) + 1`     | an argument without parentheses ends at the next sign, comma or function    |
| `sin^2 x`         | `sin(x)**2`        |                                                                             |
| `abs(x)`, `|x|`   | `abs(x)`           | a bar closes if a number, name or parenthesis stands before it, else opens  |
| `x!`              | `factorial(x)`     | it belongs to the number, name or parenthesis before it                     |
| `y = x`           | `x`                | also `f(x) = x`                                                             |
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from minigrad.errors import ExpressionError

_TOKEN = re.compile(
    r"(?P<number>0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?j?)"
    r"|(?P<name>[^\W\d⁰¹²³⁴-⁹][^\W⁰¹²³⁴-⁹]*(?:\.[^\W\d]\w*)*)"
    r"|(?P<raised>[⁻⁰¹²³⁴-⁹]+)"
    r"|(?P<space>\s+)"
    r"|(?P<sign>\*\*|//|<=|>=|==|!=|.)",
    re.DOTALL,
)
_SIGNS = {"^": "**", "·": "*", "×": "*", "∙": "*", "⋅": "*", "÷": "/", "−": "-", "≤": "<=", "≥": ">=", "≠": "!="}
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_BINDS_TIGHTER = ("**",)  # than an argument without parentheses
_FOREIGN = set("[]{}:;'\"\\@~&#`$")  # no notation of a formula: Python's parser says what it is


@dataclass
class _Open:
    """A group that is not closed yet: a parenthesis, a bar, or an argument without parentheses."""

    kind: str  #: "(", "|" or "argument"
    start: int  #: of the whole operand among the pieces
    power: str = ""  #: what follows it once it is closed, for `sin^2 x`


@dataclass
class _Token:
    kind: str
    text: str
    place: int


def as_python(
    typed: str, functions: Collection[str], names: Collection[str], splits: bool = True
) -> tuple[str, list[int]]:
    """A formula as Python, and the place in the typed text of each of its characters, and of its end.

    Args:
        typed: the formula.
        functions: the names that can be applied without parentheses.
        names: the names of numbers, which are multiplied by a parenthesis that follows.
        splits: whether an unknown name is taken apart into known ones, as `ax` and `xsinx`.

    Raises:
        ExpressionError: if a bar is not closed, or a power stands where an inverse function may be meant.

    >>> as_python("2x^2 + |sin x|", {"sin"}, {"x"})[0]
    '2*x**2 + abs(sin(x))'
    """
    start = _after_left_side(typed)
    if _FOREIGN & set(typed):
        return typed, list(range(len(typed) + 1))
    return _Writer(typed, _tokens(typed, start, functions, names, splits), functions, names).written()


def _after_left_side(typed: str) -> int:
    """The length of `y =` or `f(x) =` in front of a formula."""
    match = re.match(r"\s*(?:y|[fgh]\s*\(\s*x\s*\))\s*=(?!=)\s*", typed)
    return match.end() if match else 0


def _tokens(typed: str, start: int, functions: Collection[str], names: Collection[str], splits: bool) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(typed, start):
        kind, text, place = match.lastgroup or "sign", match.group(), match.start()
        if kind == "name" and keyword.iskeyword(text) and text not in ("True", "False", "None"):
            kind = "sign"
        elif kind == "name" and splits and "." not in text and text not in functions and text not in names:
            for part in _parts(text, [*functions, *names]) or [text]:
                found.append(_Token(kind, part, place))
                place += len(part)
            continue
        elif text == "√":
            kind, text = "name", "sqrt"
        found.append(_Token(kind, _SIGNS.get(text, text), place))
    return found


def _parts(text: str, known: Collection[str]) -> list[str] | None:
    """A name taken apart into known names, long ones first; `None` if some of it is left."""
    if not text:
        return []
    for length in range(len(text), 0, -1):
        if text[:length] in known and (rest := _parts(text[length:], known)) is not None:
            return [text[:length], *rest]
    return None


class _Writer:
    def __init__(self, typed: str, tokens: list[_Token], functions: Collection[str], names: Collection[str]) -> None:
        self.typed, self.tokens, self.functions, self.names = typed, tokens, functions, names
        self.pieces: list[tuple[str, int]] = []
        self.open: list[_Open] = []
        self.operand: int | None = None  # where the operand that has just ended starts among the pieces
        self.factor = ""  # what that operand is, if it is a single number or name
        self.at = 0

    def written(self) -> tuple[str, list[int]]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            handler: Callable[[_Token], None] = getattr(self, f"_{token.kind}")
            handler(token)
        self._close_arguments(len(self.typed))
        for group in self.open:
            if group.kind == "|":
                raise ExpressionError("a bar | is not closed", self.typed, self.pieces[group.start][1])
        text, places = "", []
        for piece, place in self.pieces:
            text += piece
            places += [place + (k if self.typed[place : place + len(piece)] == piece else 0) for k in range(len(piece))]
        return text, [*places, len(self.typed)]

    # ----- tokens, by their kinds ---------------------------------------------------------------------------------

    def _space(self, token: _Token) -> None:
        self.pieces.append((" ", token.place))

    def _number(self, token: _Token) -> None:
        if self.factor != "number":  # two numbers side by side are a slip, not a product
            self._multiplied(token.place)
        self._atom(token, "number")

    def _name(self, token: _Token) -> None:
        is_function = token.text.rpartition(".")[2] in self.functions and token.text not in self.names
        if is_function and self.operand is not None:
            self._close_arguments(token.place)
        self._multiplied(token.place)
        if not is_function:
            self._atom(token, "name" if token.text in self.names else "")
            return
        start = len(self.pieces)
        self.pieces.append((token.text, token.place))
        power = self._power_of_a_function()
        following = self._peek()
        if following is None or (following.kind == "sign" and following.text not in "(|"):
            self._ended(start, "function")
            return
        if following.text == "(":
            self.at = self.tokens.index(following) + 1
            self._opened("(", start, following.place, power)
        else:
            self.at = self.tokens.index(following)
            self._opened("argument", start, following.place, power)

    def _raised(self, token: _Token) -> None:
        self.pieces.append((f"**{token.text.translate(_RAISED)}", token.place))

    def _sign(self, token: _Token) -> None:
        text = token.text
        if text == "(":
            if self.operand is not None and self.factor != "":
                self._multiplied(token.place)
            self._opened("(", len(self.pieces) if self.operand is None else self.operand, token.place)
        elif text == ")":
            self._close_arguments(token.place)
            self._closed(token.place, "(")
        elif text == "|":
            self._bar(token.place)
        elif text == "!":
            self._factorial(token.place)
        else:
            if self.operand is not None and text not in _BINDS_TIGHTER:
                self._close_arguments(token.place)
            self.pieces.append((f" {text} " if keyword.iskeyword(text) else text, token.place))
            self.operand, self.factor = None, ""

    # ----- operands and groups ------------------------------------------------------------------------------------

    def _peek(self) -> _Token | None:
        return next((token for token in self.tokens[self.at :] if token.kind != "space"), None)

    def _atom(self, token: _Token, factor: str) -> None:
        self._ended(len(self.pieces), factor)
        self.pieces.append((token.text, token.place))

    def _ended(self, start: int, factor: str) -> None:
        self.operand, self.factor = start, factor

    def _multiplied(self, place: int) -> None:
        if self.operand is not None:
            while self.pieces[-1][0] == " ":
                self.pieces.pop()
            self.pieces.append(("*", place))

    def _opened(self, kind: str, start: int, place: int, power: str = "") -> None:
        self.open.append(_Open(kind, start, power))
        self.pieces.append(("(", place))
        self.operand, self.factor = None, ""

    def _closed(self, place: int, kind: str) -> None:
        group = self.open.pop() if self.open and self.open[-1].kind == kind else None
        self.pieces.append((")" + (group.power if group else ""), place))
        self._ended(group.start if group else len(self.pieces) - 1, "group")

    def _close_arguments(self, place: int) -> None:
        while self.open and self.open[-1].kind == "argument":
            self._closed(place, "argument")

    def _bar(self, place: int) -> None:
        inside = next((group.kind for group in reversed(self.open) if group.kind != "argument"), "")
        if self.operand is not None and inside == "|":
            self._close_arguments(place)
            self._closed(place, "|")
            return
        self._multiplied(place)
        start = len(self.pieces)
        self.pieces.append(("abs", place))
        self._opened("|", start, place)

    def _factorial(self, place: int) -> None:
        if self.operand is None:
            raise ExpressionError("! has nothing before it", self.typed, place)
        self.pieces.insert(self.operand, ("factorial(", self.pieces[self.operand][1]))
        self.pieces.append((")", place))
        self.factor = "group"

    def _power_of_a_function(self) -> str:
        """What stands between a function and its argument: the square of `sin^2 x`, taken after it."""
        at, sign = self.at, self._peek()
        if sign is None or (sign.kind != "raised" and sign.text != "**"):
            return ""
        rest = [token for token in self.tokens[at:] if token.kind != "space"][: 4 if sign.text == "**" else 1]
        if sign.kind == "raised":
            exponent, last = sign.text.translate(_RAISED), sign
        else:
            minus = len(rest) > 2 and rest[1].text == "-"
            last = rest[1 + minus] if len(rest) > 1 + minus else sign
            exponent = "-" * minus + last.text
            if last.kind != "number":
                return ""
        if exponent.startswith("-"):
            raise ExpressionError(
                "a negative power here may mean the inverse function or 1 over it; write arcsin(x), or 1/sin(x)",
                self.typed, sign.place,
            )  # fmt: skip
        self.at = self.tokens.index(last) + 1
        return f"**{exponent}"
