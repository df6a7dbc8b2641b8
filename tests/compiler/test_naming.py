"""Names in an emitted program: the user's own, made valid and told apart."""

import ast
import builtins
import keyword
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import source
from minigrad.compiler.naming import Names, Ways, identifier, literal_key
from minigrad.compiler.statements import target_of
from minigrad.compiler.traced import Traced
from minigrad.core.tree import flatten


class Pair(NamedTuple):
    left: float
    right: float


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("z = f(x)", "z"), ("h[i] = f(x)", "h"), ("X.append(f(x))", "X"), ("self.z = f(x)", "z"),
        ("z: float = f(x)", "z"), ("z = f(x) if x else g(x)", "z"), ("u, v = g(x), f(x)", "v"), ("a = b = f(x)", "a"),
        ("z = (\n    f(x)\n)", "z"), ("z == f(x)", None), ("f(x)", None), ("g(f(x))", None), ("z = 1 + f(x)", None),
        ("u, v = f(x)", None), ("if f(x): pass", None), ("return f(x)", None),
    ],
)  # fmt: skip
def test_a_value_is_called_like_the_variable_that_it_is_assigned_to(text: str, name: str | None) -> None:
    """The whole value of an assignment has its name, parts of it have none."""
    (statement,) = ast.parse(text).body
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and ast.unparse(node) == "f(x)"]
    assert target_of(statement, _span_of(calls[0])) == (name, text.startswith("return"))


@pytest.mark.parametrize("text", ["z += x", "z **= x", "z //= x"])
def test_an_operator_that_assigns(text: str) -> None:
    (statement,) = ast.parse(text).body
    assert target_of(statement, _span_of(statement)) == ("z", False)


def _span_of(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


PROGRAM = """
def fun(x):
    u = np.exp(x); v = np.cos(u) * 2.0
    w = (np.sin(u)
         + v)
    f = lambda t: np.tan(t)
    if f(w) > 0: w = -w
    return np.sum(w)
"""


def test_the_statement_that_is_run(tmp_path: Path) -> None:
    """Of several on a line one; of several lines the text in one line; the body of a lambda; the head of an `if`."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    scope: dict[str, Any] = {"np": np}
    exec(compile(PROGRAM, str(path), "exec"), scope)
    program = Traced(scope["fun"], (np.array(0.5),), {}, keeps_lines=True).program
    found = [(step.origin.statement.text, step.origin.statement.target) for step in program.steps]
    assert list(dict.fromkeys(found)) == [
        ("u = np.exp(x)", "u"), ("v = np.cos(u) * 2.0", None), ("v = np.cos(u) * 2.0", "v"),
        ("w = (np.sin(u) + v)", None), ("w = (np.sin(u) + v)", "w"), ("np.tan(t)", None), ("if f(w) > 0:", None),
        ("w = -w", "w"), ("return np.sum(w)", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ({"W": [1.0]}, ["W0"]), ([1.0, 2.0], ["x0", "x1"]), ({3: 1.0, "y2": [2.0]}, ["x3", "y2_0"]),
        ({"a b": 1.0, "class": 2.0, "2nd": 3.0}, ["a_b", "class_", "x_2nd"]), ([[1.0], [2.0]], ["x0_0", "x1_0"]),
        (Pair(1.0, 2.0), ["left", "right"]),
    ],
)  # fmt: skip
def test_a_part_of_an_argument_is_called_like_its_key(tree: Any, names: list[str]) -> None:
    ways = Ways(lambda wanted, value: wanted).to_leaves(flatten(tree)[1], "x", "x")
    assert [identifier(name) for _, name, _ in ways] == names
    assert [eval(way, {"x": tree}) for way, _, _ in ways] == flatten(tree)[0]


@given(st.text(max_size=60))
def test_any_text_gives_a_valid_name(text: str) -> None:
    name = identifier(text)
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert not hasattr(builtins, name)
    assert name == unicodedata.normalize("NFKC", name)  # or Python would read it as another
    assert not name.startswith("__")


@given(
    st.recursive(st.text() | st.integers() | st.floats() | st.booleans() | st.none(), lambda key: st.tuples(key, key))
)
def test_a_key_is_written_as_a_literal_that_is_equal(key: Any) -> None:
    literal = literal_key(key)
    if literal is not None:
        assert ast.literal_eval(literal) == key
        assert literal.isprintable()
    else:
        assert "inf" in repr(key) or "nan" in repr(key)


def test_a_program_with_odd_keys_can_be_run() -> None:
    """A quarter sign is a letter for a regular expression and not for Python, which reads the ligature as fi."""
    p = {"¼": {"\ufb01": 1.0, "fi": 2.0}}
    text = source(lambda p: p["¼"]["\ufb01"] * 10.0 + p["¼"]["fi"], p)
    scope: dict[str, Any] = {}
    exec(text, scope)
    (fun,) = [value for value in scope.values() if callable(value)]
    assert fun(p) == 12.0


@given(
    st.lists(st.sampled_from(["u", "u1", "g", "np", "in", "x"]), max_size=8),
    st.sets(st.sampled_from(["u", "u1", "u_1", "x", "g2"])),
)
def test_no_two_values_have_one_name(wanted: list[str], taken: set[str]) -> None:
    """Nor that of an argument, a word of Python, or the module."""
    names = Names(taken).several(dict(enumerate(wanted)))
    chosen = list(names.values())
    assert len(set(chosen)) == len(chosen) == len(wanted)
    assert not set(chosen) & (taken | {"np"} | set(keyword.kwlist))
    assert all(name.isidentifier() and not hasattr(builtins, name) for name in chosen)


def test_a_name_that_is_wanted_once_stays() -> None:
    assert Names().several({3: "h", 5: "u", 7: "u"}) == {3: "h", 5: "u1", 7: "u2"}
