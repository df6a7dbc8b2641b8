"""Whatever a program calls its values: the emitted text is one function, runs nothing else, and computes the same."""

import ast
import builtins
import enum
import linecache
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minigrad import grad, source
from minigrad.compiler import explain
from minigrad.compiler.emit import Source, check
from minigrad.compiler.layout import broken, comment
from minigrad.core.tree import flatten

X = np.linspace(0.25, 1.75, 12)
ATTACK = "__import__('builtins').__dict__.__setitem__('attacked', 1)"
HOSTILE = [
    f"W={ATTACK}", f"W):\n    {ATTACK}\ndef g(a", f"'] + [{ATTACK}] + ['", f'"] + [{ATTACK}] + ["', f"x\r{ATTACK}",
    f"x\n{ATTACK}", f"x\u2028{ATTACK}", f"x\f{ATTACK}", f"x\\\n{ATTACK}", "np", "numpy", "scipy", "x", "slice",
    "ValueError", "complex", "getattr", "print", "class", "None", "__builtins__", "__debug__", "__name__", "match", "",
    " ", "\0", "\ud800", "\u202e", "a b", "a_b", "a-b", "a\u00b7b", "2", "¼", "\ufb01", "\u2118", "é", "e\u0301", "x1",
    "scatter", "written", "u", "g", "c", "constant", "(", '"""', "'''", "#", "\\", "{x}", "%s", "a" * 300, "-> x:",
]  # fmt: skip

texts = st.sampled_from(HOSTILE) | st.text(max_size=12) | st.text("xnp_ \n\r\f\u2028\"'\\#()[]{}=,:;é1", max_size=12)


def run(text: Source, *args: Any, **kwargs: Any) -> Any:
    """The result of a text, as a file would be read, which must not have run anything but its function."""
    assert text.encode().decode() == text
    assert text.splitlines() == text.split("\n")[:-1]
    module = ast.parse(text)
    assert all(isinstance(node, (ast.Import, ast.FunctionDef)) for node in module.body)
    assert all(len(line) <= 88 for line in text.split("\n") if line.lstrip().startswith("#"))
    result = text.function()(*args, **kwargs)
    assert not hasattr(builtins, "attacked")
    return result


def same(found: Any, expected: Any) -> None:
    leaves, treedef = flatten(found)
    wanted, wanted_treedef = flatten(expected)
    assert str(treedef) == str(wanted_treedef)
    assert all(np.array_equal(a, b) for a, b in zip(leaves, wanted, strict=True))


@settings(max_examples=150)
@given(st.lists(texts, min_size=1, max_size=4, unique=True))
@example([HOSTILE[0]])
@example(["a b", "a_b", "a-b"])
@example(["np", "x"])
def test_keyword_arguments(names: list[str]) -> None:
    def f(**arrays: Any) -> Any:
        return sum(np.sum(np.sin(array) * (k + 1)) for k, array in enumerate(arrays.values()))

    given = {name: X + k for k, name in enumerate(names)}
    same(run(source(f, **given), **given), f(**given))


@settings(max_examples=150)
@given(st.lists(texts, min_size=1, max_size=4, unique=True), st.lists(texts, min_size=1, max_size=2, unique=True))
def test_keys_of_arguments_and_results(names: list[str], outer: list[str]) -> None:
    def f(tree: Any) -> Any:
        return {key: {name: np.tanh(part) * X for name, part in inner.items()} for key, inner in tree.items()}

    tree = {key: {name: X + k for k, name in enumerate(names)} for key in outer}
    same(run(source(f, tree), tree), f(tree))
    gradient = grad(lambda tree: np.sum(np.stack(flatten(f(tree))[0])))
    same(run(source(gradient, tree), tree), gradient(tree))


@given(texts)
def test_names_of_functions_and_arguments(name: str) -> None:
    def inner(x: Any) -> Any:
        return np.sum(np.cos(x) * x)

    inner.__name__ = inner.__qualname__ = name
    same(run(source(grad(inner), X), X), grad(inner)(X))
    safe = name.replace("\0", "") if "\ud800" not in name else "x"
    code = inner.__code__.replace(co_varnames=(safe,), co_name=safe)
    odd = types.FunctionType(code, {"np": np})
    same(run(source(odd, X), X), odd(X))


LINES = "def fun(x):\n    y = np.sin(x)\n    z = y * np.cos(y)\n    return np.sum(z * x)\n"


@settings(max_examples=100)
@given(texts, st.integers(0, 3))
def test_source_lines(line: str, position: int) -> None:
    """The lines that Python reads for a program may be other than those that it was made of."""
    scope: dict[str, Any] = {"np": np}
    exec(compile(LINES, "<hostile>", "exec"), scope)
    lines = LINES.splitlines(keepends=True)
    lines[position] = f"{lines[position][:-1]} {line}\n"
    linecache.cache["<hostile>"] = len(LINES), None, lines, "<hostile>"
    same(run(source(grad(scope["fun"]), X), X), grad(scope["fun"])(X))


@given(st.lists(texts, min_size=1, max_size=3, unique=True))
def test_names_of_captured_arrays(names: list[str]) -> None:
    """A module and a namespace can have any names."""
    held = types.SimpleNamespace(**{name: X + k for k, name in enumerate(names)})
    table = {name: X * k for k, name in enumerate(names)}

    def f(x: Any) -> Any:
        return sum(np.sum(x * array + table[name]) for name, array in vars(held).items())

    same(run(source(grad(f), X), X), grad(f)(X))


@pytest.mark.parametrize("name", ["np", "slice", "complex", "ValueError", "scatter_add", "scipy"])
def test_what_the_text_uses_keeps_its_meaning(name: str) -> None:
    scope: dict[str, Any] = {"n": np}
    exec(
        f"def f({name}):\n    u = n.sin({name})\n    {name} = u[[0, 0, 1]] * (1 + 2j)\n    return {name}[u[:3] > 0.1]",
        scope,
    )
    same(run(source(scope["f"], X), X), scope["f"](X))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Text(str):
    """A text that says of itself something that could be run."""

    def __repr__(self) -> str:
        return ATTACK


class Number(float):
    def __repr__(self) -> str:
        return ATTACK


def test_keys_that_have_no_literal() -> None:
    """Members of enumerations, subclasses of str and NaN come as arguments of the text."""
    keys = [
        Colour.RED,
        Colour.BLUE,
        Text("a"),
        (Text("b"), 1),
        1.5,
        float("nan"),
        frozenset({1}),
        b"c",
        None,
    ]
    tree = {key: X + k for k, key in enumerate(keys)}
    f = lambda tree: {key: np.sin(part) * 2.0 for key, part in tree.items()}
    text = source(f, tree)
    same(run(text, tree), f(tree))
    assert "RED" in text.constants


def test_constants_that_say_something_else() -> None:
    f = lambda x: x * Number(2.0) + np.float64(Number(3.0))
    same(run(source(f, X), X), f(X))


@given(st.text(max_size=200))
def test_a_comment_is_one_line(text: str) -> None:
    line = comment(text, 60)
    assert line.isprintable()
    assert len(line) < 70
    assert ast.parse(line).body == []


@given(st.lists(texts, min_size=1, max_size=8), st.integers(8, 60))
def test_lines_are_not_broken_within_a_literal(parts: list[str], width: int) -> None:
    line = (
        "result = f("
        + ", ".join(f"g({part!r}, [{part!r}], key={part.encode(errors='replace')!r})" for part in parts)
        + ")"
    )
    found = broken(line, width)
    assert ast.dump(ast.parse("\n".join(found))) == ast.dump(ast.parse(line))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os\n\n\ndef f(x):\n    return os\n", "reads os"), ("def f(x):\n    return y\n", "reads y"),
        ("def f(x):\n    import os\n    return x\n", "Import within"),
        ("y = 1\n\ndef f(x):\n    return x\n", "more than"),
        ("def f(x):\n    np = x\n    return np\n", "another meaning"), ("def g(x):\n    return x\n", "more than"),
    ],
)  # fmt: skip
def test_the_second_bolt(text: str, words: str) -> None:
    """A text that is more than its function is never handed out."""
    found = Source(text)
    found.name = "f"
    with pytest.raises(RuntimeError, match=words):
        check(found, {"x"}, set())


@given(texts)
def test_explain_is_one_line_for_a_step(name: str) -> None:
    def f(x: Any) -> Any:
        return np.einsum("i,i->", x, x) * np.sum(x)

    f.__name__ = name
    text = explain(lambda **given: f(next(iter(given.values()))), **{name: X})
    assert text.splitlines() == text.split("\n")
