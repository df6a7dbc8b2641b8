"""The cells of a notebook that is written as text: the site and the tests run them by the same few lines."""

import ast
import contextlib
import io
import linecache
from typing import Any


def run(code: str, name: str, namespace: dict[str, Any]) -> str:
    """What a cell says: what it prints, and the value of its last expression unless a semicolon ends it.

    Args:
        code: the text of the cell.
        name: a name for it, under which its lines are found by whoever quotes them.
        namespace: the variables of the cells before, to which it adds its own.

    >>> variables = {}
    >>> print(run("x = 2; print(x)\\nx + 1", "<cell 1>", variables), run("x * x", "<cell 2>", variables), sep="")
    2
    3
    4
    >>> run("x + 1;", "<cell 3>", variables)
    ''
    """
    linecache.cache[name] = len(code), None, code.splitlines(keepends=True), name
    tree = ast.parse(code, name)
    last = None
    if isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]  # it is an Expr
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(tree, name, "exec"), namespace)
        value = None if last is None else eval(compile(last, name, "eval"), namespace)
        if value is not None:
            print(repr(value))
    return said.getvalue()
