"""Programs that minigrad has written, in JavaScript.

`minigrad.source(..., rolled=True)` writes a derivative as a few lines of NumPy. `translated` goes over the syntax tree
of this text and writes each line once more, for a browser. It knows what such a text of a network with dense layers
consists of: loops over the layers, lists of arrays, arithmetic, products, and a handful of NumPy's functions. It knows
nothing else, and refuses anything else with the line: a program that is nearly translated computes something else.

JavaScript has no operators for arrays, so `A[r] @ X[r] + b[r]` becomes `np.add(np.matmul(A[r], X[r]), b[r])`. The
functions are those of `playground/arrays.js`, which check their arguments. Arithmetic of indices stays as it is.
"""

import ast
import io
import re
import tokenize
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeGuard

from minigrad.errors import MinigradError

BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.MatMult: "matmul"}
INDEX = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
FUNCTIONS = {"arctan": 1, "exp": 1, "log": 1, "max": 1, "sum": 1, "vdot": 2}  #: how many arrays each takes
REDUCTIONS = ("max", "sum")  #: these also take an axis, and keepdims
RESERVED = re.compile(  #: words of JavaScript; in Python some of them are names like any other
    "arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|"
    "false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|"
    "public|return|static|super|switch|this|throw|true|try|typeof|undefined|var|void|while|with|yield"
)
TAKEN = frozenset(("np", "len", "range", "reversed"))  #: what a program may not use as a name of its own
LINE_ENDS = "\r\f\x0b\x1c\x1d\x1e\x85\u2028\u2029"  # ends of lines to Python or to JavaScript, but not to both

LIST, ARRAY, INTEGER = "list", "array", "integer"  # what an expression is; a number of NumPy counts as an array


class UntranslatableError(MinigradError, NotImplementedError):
    """A line that is not among those that can be translated to JavaScript."""


@dataclass(frozen=True)
class Translation:
    """A program in both languages, line by line.

    Attributes:
        name: of the function.
        rows: the lines of the function, each as (Python, JavaScript). One of both is empty where only the other
            language needs a line.
    """

    name: str
    rows: tuple[tuple[str, str], ...]

    @property
    def python(self) -> str:
        """The text in Python, without the lines that only JavaScript needs."""
        return "\n".join([line for line, _ in self.rows])

    @property
    def javascript(self) -> str:
        """The text in JavaScript: a function with the arguments of the one in Python."""
        return "\n".join([line for _, line in self.rows])


def translated(text: str, lists: Collection[str]) -> Translation:
    """A program of `minigrad.source` in JavaScript.

    Args:
        text: the program: imports of NumPy as np, and one function.
        lists: the names of its arguments that are lists of arrays; the others are arrays.

    Returns:
        The function in both languages. In JavaScript, a tuple is an `Array`.

    Raises:
        UntranslatableError: if the program uses something that cannot be translated; the line is named.

    >>> text = "def layer(A, b, x):" + chr(10) + "    return np.arctan(A[0] @ x + b[0])"
    >>> print(translated(text, ["A", "b"]).javascript)
    function layer(A, b, x) {
      return np.arctan(np.add(np.matmul(A[0], x), b[0]));
    }
    """
    if any(end in text for end in LINE_ENDS):
        raise UntranslatableError(
            "the program has a line end that only one of both languages knows; end lines with \\n"
        )
    functions = []
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.FunctionDef):
            functions.append(statement)
        elif not (
            isinstance(statement, ast.Import) and [(n.name, n.asname) for n in statement.names] == [("numpy", "np")]
        ):
            raise UntranslatableError(f"line {statement.lineno}: only 'import numpy as np' and a function, please")
    if len(functions) != 1:
        raise UntranslatableError(f"the program has {len(functions)} functions; translate one with one function")
    return _Writer(text, lists).function(functions[0])


class _Writer:
    """Writes one function; `kinds` has what each name is that has a value."""

    def __init__(self, text: str, lists: Collection[str]) -> None:
        self.lines = text.split("\n")
        self.given_lists = lists
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        found = {t.start[0]: t for t in tokens if t.type == tokenize.COMMENT}
        self.comments = {k: t.string for k, t in found.items() if not t.line[: t.start[1]].strip()}
        self.rows: list[tuple[str, str]] = []
        self.kinds: dict[str, str] = {}
        self.variables: list[str] = []  # of the loops around
        self.declared: set[str] = set()
        self.indent = 0
        self.next = 1  # the first line of the program that has no row yet

    def refuse(self, node: ast.AST, why: str) -> UntranslatableError:
        """The error about a part of the program."""
        number = getattr(node, "lineno", 0)
        line = self.lines[number - 1].strip() if number else ""
        return UntranslatableError(f"line {number}: {why}, in: {line}")

    # ----- rows ----------------------------------------------------------------------------------------------------

    def skip_to(self, number: int) -> None:
        """Rows for blank lines and comments before a line."""
        for k in range(self.next, number):
            comment = self.comments.get(k)
            self.rows.append((self.lines[k - 1], "" if comment is None else "  " * self.indent + "//" + comment[1:]))
        self.next = max(self.next, number)

    def row(self, node: ast.stmt, text: str, last: int | None = None) -> None:
        """The row of a statement; a statement of several lines has several rows."""
        self.skip_to(node.lineno)
        last = last or node.end_lineno or node.lineno
        self.rows.append((self.lines[node.lineno - 1], "  " * self.indent + text))
        self.rows += [(line, "") for line in self.lines[node.lineno : last]]
        self.next = last + 1

    def close(self) -> None:
        """The end of a block, which Python has no line for; a blank line of Python is as good as none."""
        self.indent -= 1
        text = "  " * self.indent + "}"
        if self.next <= len(self.lines) and not self.lines[self.next - 1].strip():
            self.next += 1
        self.rows.append(("", text))

    # ----- statements ----------------------------------------------------------------------------------------------

    def function(self, node: ast.FunctionDef) -> Translation:
        """The whole function."""
        a = node.args
        if a.vararg or a.kwarg or a.kwonlyargs or a.posonlyargs or a.defaults or node.decorator_list:
            raise self.refuse(node, "only plain arguments can be translated")
        for argument in a.args:
            self.check_name(argument, argument.arg)
            self.kinds[argument.arg] = LIST if argument.arg in self.given_lists else ARRAY
            self.declared.add(argument.arg)
        self.stores = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self.next = node.lineno
        names = ", ".join(map(_named, self.kinds))
        self.row(node, f"function {_named(node.name)}({names}) {{", last=node.lineno)
        self.indent = 1
        within = self.first_within_blocks(node)
        if within:
            self.rows.append(("", f"  let {', '.join(map(_named, within))};"))
            self.declared.update(within)
        self.block(node.body)
        self.close()
        return Translation(node.name, tuple(self.rows))

    def first_within_blocks(self, node: ast.FunctionDef) -> list[str]:
        """The names whose first value is given within a loop; Python lets them be read after it."""
        outside: set[str] = set()
        found: dict[str, None] = {}
        for statement in node.body:
            targets = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            if isinstance(statement, ast.Assign):
                outside.update(targets)
            else:
                loops = {
                    n.target.id
                    for n in ast.walk(statement)
                    if isinstance(n, ast.For) and isinstance(n.target, ast.Name)
                }
                found.update(dict.fromkeys(name for name in targets if name not in outside | loops | self.declared))
        return list(found)

    def block(self, statements: list[ast.stmt]) -> None:
        """Statements one after another."""
        for statement in statements:
            if isinstance(statement, ast.Assign):
                self.assign(statement)
            elif isinstance(statement, ast.Expr):
                self.row(statement, f"{self.append(statement)};")
            elif isinstance(statement, ast.For):
                self.loop(statement)
            elif isinstance(statement, ast.If):
                self.condition(statement)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                self.row(statement, f"return {self.any(statement.value)};")
            else:
                raise self.refuse(statement, f"a statement {type(statement).__name__}")

    def assign(self, node: ast.Assign) -> None:
        """`name = value` or `list[index] = value`."""
        if len(node.targets) != 1:
            raise self.refuse(node, "several targets at once")
        target = node.targets[0]
        kind, text = self.expression(node.value)
        if isinstance(target, ast.Name):
            self.check_name(node, target.id)
            if target.id in self.variables:
                raise self.refuse(node, f"{target.id}, the variable of a loop, is written to")
            if self.kinds.setdefault(target.id, kind) != kind:
                raise self.refuse(node, f"{target.id} is first {self.kinds[target.id]}, then {kind}")
            new = target.id not in self.declared
            self.declared.add(target.id)
            self.row(node, f"{'let ' if new else ''}{_named(target.id)} = {text};")
        elif isinstance(target, ast.Subscript) and kind == ARRAY:
            self.row(node, f"{self.entry(target)} = {text};")
        else:
            raise self.refuse(node, "a value is stored somewhere else than in a name or a list")

    def append(self, node: ast.Expr) -> str:
        """`list.append(value)`."""
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "append"
            and len(call.args) == 1
            and not call.keywords
        ):
            kind, text = self.expression(call.func.value)
            if kind == LIST:
                return f"{text}.push({self.of(ARRAY, call.args[0])})"
        raise self.refuse(node, "an expression without a result that is no append to a list")

    def loop(self, node: ast.For) -> None:
        """`for r in range(n)`, or in `reversed(range(n))`."""
        if node.orelse or not isinstance(node.target, ast.Name) or node.target.id in self.kinds:
            raise self.refuse(node, "a loop with 'else', or with a variable that is used elsewhere")
        over, backward = node.iter, False
        if _is_call(over, "reversed"):
            over, backward = over.args[0], True
        if not _is_call(over, "range"):
            raise self.refuse(node, "a loop that is not over a range")
        bound = over.args[0]
        if not (isinstance(bound, ast.Constant) or (isinstance(bound, ast.Name) and self.stores.count(bound.id) <= 1)):
            raise self.refuse(node, "a range whose end is not one number")  # JavaScript would look at it in every pass
        end, name = self.of(INTEGER, bound), node.target.id
        self.check_name(node, name)
        r = _named(name)
        head = f"let {r} = {end} - 1; {r} >= 0; {r}--" if backward else f"let {r} = 0; {r} < {end}; {r}++"
        self.row(node, f"for ({head}) {{", last=node.lineno)
        self.kinds[name] = INTEGER
        self.variables.append(name)
        self.indent += 1
        self.block(node.body)
        self.close()
        # JavaScript forgets the variable here, so nothing may read it from now on.
        del self.kinds[self.variables.pop()]

    def condition(self, node: ast.If) -> None:
        """`if r:` for the variable of a loop; of lists and arrays, both languages have different views."""
        if node.orelse or not isinstance(node.test, ast.Name) or node.test.id not in self.variables:
            raise self.refuse(node, "a condition that is not the variable of a loop")
        self.row(node, f"if ({_named(node.test.id)}) {{", last=node.lineno)
        self.indent += 1
        self.block(node.body)
        self.close()

    # ----- expressions ---------------------------------------------------------------------------------------------

    def any(self, node: ast.expr) -> str:
        """What a function may return: also tuples, and lists of lists."""
        if isinstance(node, ast.Tuple):
            return f"[{', '.join(map(self.any, node.elts))}]"
        return self.expression(node)[1]

    def of(self, kind: str, node: ast.expr) -> str:
        """The text of an expression of one kind; whole numbers may stand for arrays."""
        found, text = self.expression(node)
        if found != kind and (kind, found) != (ARRAY, INTEGER):
            raise self.refuse(node, f"{_article(found)} where {_article(kind)} is needed")
        return text

    def expression(self, node: ast.expr) -> tuple[str, str]:
        """The kind and the text of an expression."""
        if isinstance(node, ast.Name) and node.id in self.kinds:
            return self.kinds[node.id], _named(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and type(node.value) is not bool:
            return self.constant(node, node.value)
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.List):
            return LIST, f"[{', '.join(map(self.element, node.elts))}]"
        if isinstance(node, ast.Subscript):
            return ARRAY, self.subscript(node)
        if isinstance(node, ast.Attribute) and node.attr == "T":
            return ARRAY, f"np.transpose({self.of(ARRAY, node.value)})"
        if isinstance(node, ast.Call):
            return self.call(node)
        raise self.refuse(node, f"{ast.unparse(node)!r} ({type(node).__name__})")

    def constant(self, node: ast.expr, value: int | float) -> tuple[str, str]:
        """A number. Both languages read the digits of Python's `repr` as the same double."""
        if isinstance(value, int):
            if not 0 <= value < 2**53:
                raise self.refuse(node, "a whole number that a double does not hold")
            return INTEGER, str(value)
        if value != value or value in (float("inf"), float("-inf")):
            raise self.refuse(node, "a number that is not finite")
        return ARRAY, repr(value)

    def binary(self, node: ast.BinOp) -> tuple[str, str]:
        """Arithmetic of indices, a list of a given length, or arithmetic of arrays."""
        operation = type(node.op)
        if operation is ast.Mult and isinstance(node.left, ast.List):
            if ast.unparse(node.left) != "[None]":
                raise self.refuse(node, "a list that is repeated")
            return LIST, f"new Array({self.of(INTEGER, node.right)}).fill(null)"
        if operation not in BINARY:
            raise self.refuse(node, f"the operator of {ast.unparse(node)!r}")
        (left, a), (right, b) = self.expression(node.left), self.expression(node.right)
        if LIST in (left, right):
            raise self.refuse(node, "arithmetic of lists")
        if left == right == INTEGER:
            if operation not in INDEX:
                raise self.refuse(node, "arithmetic of whole numbers that is not +, - or *")
            return INTEGER, f"({a} {INDEX[operation]} {b})"
        return ARRAY, f"np.{BINARY[operation]}({a}, {b})"

    def element(self, node: ast.expr) -> str:
        """An element of a list: an array, or the elements of a part of another list."""
        if isinstance(node, ast.Starred):
            inner = node.value
            if (
                isinstance(inner, ast.Subscript)
                and isinstance(part := inner.slice, ast.Slice)
                and _is_index(part.lower)
                and _is_index(part.upper)
                and part.step is None
            ):
                return f"...{self.of(LIST, inner.value)}.slice({ast.unparse(inner.slice).replace(':', ', ')})"
            raise self.refuse(node, "the elements of something else than a part of a list")
        return self.of(ARRAY, node)

    def subscript(self, node: ast.Subscript) -> str:
        """An entry of a list; a row of an array; an array with a new first axis."""
        kind, base = self.expression(node.value)
        if kind == LIST:
            return self.entry(node)
        if kind == ARRAY and _is_index(node.slice):
            return f"np.item({base}, {ast.unparse(node.slice)})"
        if kind == ARRAY and ast.unparse(node.slice) in ("None, :", "(None, :)"):
            return f"np.newaxis({base})"
        raise self.refuse(node, f"the index of {ast.unparse(node)!r}")

    def entry(self, node: ast.Subscript) -> str:
        """An entry of a list, at a number or at the variable of a loop: these cannot be negative."""
        index = node.slice
        is_variable = isinstance(index, ast.Name) and index.id in self.variables
        if not (is_variable or _is_index(index)):
            raise self.refuse(node, f"the index of {ast.unparse(node)!r}")
        return f"{self.of(LIST, node.value)}[{self.of(INTEGER, index)}]"

    def call(self, node: ast.Call) -> tuple[str, str]:
        """`len` of a list, or a function of NumPy."""
        if _is_call(node, "len"):
            return INTEGER, f"{self.of(LIST, node.args[0])}.length"
        function = node.func
        if not (
            isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "np"
        ):
            raise self.refuse(node, f"a call of {ast.unparse(function)}")
        name = function.attr
        if FUNCTIONS.get(name) != len(node.args):
            raise self.refuse(node, f"a call of np.{name} with {len(node.args)} arguments")
        arguments = [self.of(ARRAY, argument) for argument in node.args]
        options = [self.option(node, name, keyword) for keyword in node.keywords]
        if options:
            arguments.append(f"{{ {', '.join(options)} }}")
        return ARRAY, f"np.{name}({', '.join(arguments)})"

    def option(self, node: ast.Call, function: str, keyword: ast.keyword) -> str:
        """`axis=0` or `keepdims=True` of a reduction."""
        value = keyword.value
        if function in REDUCTIONS and isinstance(value, ast.Constant):
            if keyword.arg == "axis" and type(value.value) is int and value.value in (0, 1):
                return f"axis: {value.value}"
            if keyword.arg == "keepdims" and type(value.value) is bool:
                return f"keepdims: {str(value.value).lower()}"
        raise self.refuse(node, f"the option {ast.unparse(keyword)} of np.{function}")

    def check_name(self, node: ast.AST, name: str) -> None:
        """A name of the program's own must not hide one that the translation reads."""
        if name in TAKEN:
            raise self.refuse(node, f"{name} is the name of a variable")


def _named(name: str) -> str:
    """A name of Python as one of JavaScript; `$` is in no name of Python, so two names stay two."""
    return f"{name}$" if RESERVED.fullmatch(name) else name


def _is_call(node: ast.expr, name: str) -> TypeGuard[ast.Call]:
    """Whether an expression is a call of a function of Python with one argument."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and len(node.args) == 1
        and not isinstance(node.args[0], ast.Starred)
        and not node.keywords
    )


def _is_index(node: ast.expr | None) -> bool:
    """Whether an index is a whole number that is not negative; True and False are not meant."""
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value >= 0


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "ai" else f"a {kind}"
