"""Programs in JavaScript: what is translated, what is refused, and that both languages compute the same."""

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad import source, value_and_grad
from nn.data import one_hot
from nn.javascript import UntranslatableError, translated
from nn.mlp import forward, init
from nn.train import objective

ARRAYS = (resources.files("nn") / "playground" / "arrays.js").read_text(encoding="utf-8")


def node(program: str, folder: Path) -> Any:
    """What a program says, which ends with a call of `say`."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("no node: the same is tested in a browser by test_network_page.py")
    path = folder / "program.js"
    path.write_text(f"{ARRAYS}\nconst say = (x) => console.log(JSON.stringify(x));\n{program}", encoding="utf-8")
    done = subprocess.run([found, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def written(value: Any) -> str:
    """Arrays, and lists of them, as JavaScript; a double has the same digits in both languages."""
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return f"np.array({json.dumps(np.asarray(value).tolist())})"


WIDTHS = [[2, 3], [2, 8, 3], [3, 5, 4, 2], [2, 7, 7, 7, 2], [4, 2, 3, 2, 3, 2], [2, *[8] * 5, 3]]
RUN = """
const plain = (a) => a instanceof NDArray ? { shape: a.shape, data: [...a.data] } : Array.isArray(a) ? a.map(plain) : a;
"""


def test_values_and_gradients_are_those_of_numpy(tmp_path: Path) -> None:
    """Every leaf, for several depths and widths, and for other numbers of samples than the program was written for."""
    rng = np.random.default_rng(0)
    calls, expected = [], []
    differentiated = value_and_grad(objective, (0, 1))
    for widths in WIDTHS:
        draw = lambda n, w=widths: (rng.standard_normal((w[0], n)), one_hot(rng.integers(0, w[-1], n), w[-1]))
        text = source(differentiated, *init(widths, rng), *draw(30), rolled=True)
        network = source(forward, *init(widths, rng), draw(30)[0], rolled=True)
        for n in (1, widths[0], 41):
            A, b = init(widths, rng)
            x, Y = draw(n)
            arguments = ", ".join(map(written, (A, b, x, Y)))
            calls.append(f"({translated(text, 'Ab').javascript})({arguments})")
            calls.append(f"({translated(network, 'Ab').javascript})({', '.join(map(written, (A, b, x)))})")
            loss, (gA, gb) = differentiated(A, b, x, Y)
            expected += [[loss, [gA, gb]], forward(A, b, x)]
    found = node(f"{RUN}say([{', '.join(calls)}].map(plain))", tmp_path)
    for one, other in zip(found, expected, strict=True):
        same(one, other)


def same(found: Any, expected: Any) -> None:
    """Equal shapes, and numbers that are equal up to rounding."""
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
        return
    shape, data = (found["shape"], found["data"]) if isinstance(found, dict) else ([], found)
    assert tuple(shape) == np.shape(expected)
    error = np.abs(np.reshape(data, shape) - expected)
    assert np.max(error) <= 1e-12 * np.max(np.abs(expected))


# ----- the array library ----------------------------------------------------------------------------------------------

a, b, v, w = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -6.0]]), np.array([[2.0], [5.0]]), np.array([7.0, 8.0, 9.0]), 3.0
KNOWN = {"a": a, "b": b, "v": v, "w": w, "none": np.ones((2, 0)), "column": np.ones((1, 1))}
OPERATIONS = {
    "np.add(a, b)": a + b,
    "np.subtract(b, a)": b - a,
    "np.multiply(a, v)": a * v,
    "np.divide(v, a)": v / a,
    "np.divide(w, a)": w / a,
    "np.subtract(v, w)": v - w,
    "np.add(w, w)": w + w,
    "np.add(b, v)": b + v,
    "np.add(column, none)": np.ones((2, 0)),
    "np.divide(a, 0.0)": [[np.inf, -np.inf, np.inf], [np.inf, np.inf, -np.inf]],
    "np.matmul(a, np.transpose(a))": a @ a.T,
    "np.transpose(v)": v,
    "np.arctan(a)": np.arctan(a),
    "np.exp(v)": np.exp(v),
    "np.log(b)": np.log(b),
    "np.log(w)": np.log(w),
    "np.sum(a)": np.sum(a),
    "np.sum(none, { axis: 1 })": [0.0, 0.0],
    "np.sum(a, { axis: 0 })": np.sum(a, axis=0),
    "np.sum(a, { axis: 1, keepdims: true })": np.sum(a, axis=1, keepdims=True),
    "np.sum(v, { axis: 0 })": np.sum(v),
    "np.max(a, { axis: 0, keepdims: true })": np.max(a, axis=0, keepdims=True),
    "np.max(a, { axis: 1 })": np.max(a, axis=1),
    "np.max(np.multiply(a, NaN), { axis: 1 })": [np.nan, np.nan],
    "np.vdot(a, a)": np.vdot(a, a),
    "np.item(a, 1)": a[1],
    "np.item(v, 2)": v[2],
    "np.newaxis(v)": v[None, :],
}
REFUSED = {
    "np.add(a, np.transpose(a))": "the shapes (2, 3) and (3, 2) do not fit",
    "np.add(a, [1, 2, 3])": "is no array",
    "np.arctan(undefined)": "undefined is no array",
    "np.matmul(a, a)": "the shapes (2, 3) and (2, 3) do not fit",
    "np.matmul(a, v)": "the shapes (2, 3) and (3,) do not fit",
    "np.vdot(a, np.transpose(a))": "differ",
    "np.sum(v, { axis: 1 })": "(3,) has no axis 1",
    "np.sum(a, { keepdims: true })": "keepdims needs an axis",
    "np.max(none, { axis: 1 })": "nothing along axis 1",
    "np.item(a, 2)": "(2, 3) has no entry 2",
    "np.newaxis(a)": "(2, 3) is no vector",
    "np.array([[1], [1, 2]])": "rows of different lengths",
}


def test_the_arrays_are_those_of_numpy(tmp_path: Path) -> None:
    given = "\n".join(
        [f"const {name} = {written(value)};" for name, value in KNOWN.items() if name != "none"]
        + ["const none = new NDArray([2, 0], new Float64Array(0));"]
    )
    tell = "const tell = (f) => { try { return f(); } catch (error) { return error.message; } };"
    program = f"{given}\n{tell}\n{RUN}"
    shown = "(_, x) => Number.isNaN(x) ? 'nan' : x === Infinity ? 'inf' : x === -Infinity ? '-inf' : x"
    values = ", ".join([f"plain({text})" for text in OPERATIONS])
    errors = ", ".join([f"tell(() => {text})" for text in REFUSED])
    found, messages = node(f"{program}say(JSON.parse(JSON.stringify([[{values}], [{errors}]], {shown})))", tmp_path)
    for text, one, expected in zip(OPERATIONS, found, OPERATIONS.values(), strict=True):
        shape, data = (one["shape"], one["data"]) if isinstance(one, dict) else ([], one)
        flat = data.values() if isinstance(data, dict) else data
        numbers = [float(x) for x in flat] if shape else float(flat)
        np.testing.assert_allclose(np.reshape(numbers, shape), expected, rtol=1e-15, atol=0.0, err_msg=text)
        assert tuple(shape) == np.shape(expected), text
    for text, message, words in zip(REFUSED, messages, REFUSED.values(), strict=True):
        assert words in str(message), (text, message)


# ----- the translation ------------------------------------------------------------------------------------------------


def test_lines_stand_beside_each_other() -> None:
    """A line of Python has its row; where JavaScript needs another line, Python's side is empty."""
    text = source(forward, *init([2, 4, 4, 3], rng=0), np.ones((2, 5)), rolled=True)
    found = translated(text, "Ab")
    lines = text[text.index("def ") :].rstrip("\n").split("\n")
    assert [line for line in found.python.split("\n") if line.strip()] == [line for line in lines if line.strip()]
    assert found.javascript.split("\n") == [line for _, line in found.rows]
    assert ("    for r in range(R):", "  for (let r = 0; r < R; r++) {") in found.rows
    assert ("", "  }") in found.rows
    assert found.rows[-1] == ("", "}")


def test_names_of_python_that_javascript_keeps_for_itself() -> None:
    found = translated("def new(this, let):\n    var = this @ let\n    return var, np.exp(var)", [])
    assert found.javascript == (
        "function new$(this$, let$) {\n  let var$ = np.matmul(this$, let$);\n  return [var$, np.exp(var$)];\n}"
    )


def test_a_name_from_within_a_loop_can_be_read_after_it() -> None:
    text = "def f(A):\n    R = len(A)\n    for r in range(R):\n        if r:\n            y = A[r] * 2\n    return y"
    assert translated(text, ["A"]).javascript.split("\n")[1:3] == ["  let y;", "  let R = A.length;"]


def test_a_statement_of_several_lines() -> None:
    found = translated("def f(x):\n    y = np.exp(\n        x\n    )  # (3,)\n    return y", [])
    assert found.rows == (
        ("def f(x):", "function f(x) {"),
        ("    y = np.exp(", "  let y = np.exp(x);"),
        ("        x", ""),
        ("    )  # (3,)", ""),
        ("    return y", "  return y;"),
        ("", "}"),
    )


BODIES = {
    "return x ** 2": "the operator of 'x ** 2'",
    "return -x": "(UnaryOp)",
    "return np.sin(x)": "a call of np.sin",
    "return np.sum(x, 0)": "a call of np.sum with 2 arguments",
    "return np.sum(x, axis=-1)": "the option axis=-1 of np.sum",
    "return np.sum(x, axis=True)": "the option axis=True of np.sum",
    "return np.exp(x, out=x)": "the option out=x of np.exp",
    "return np.exp(*A)": "(Starred)",
    "return np.linalg.inv(x)": "a call of np.linalg.inv",
    "return abs(x)": "a call of abs",
    "return len(x)": "an array where a list is needed",
    "return A + A": "arithmetic of lists",
    "return 3 / 2": "arithmetic of whole numbers",
    "return A[-1]": "the index of 'A[-1]'",
    "return A[True]": "the index of 'A[True]'",
    "return A[0:1]": "the index of 'A[0:1]'",
    "return x[:, 0]": "the index of 'x[:, 0]'",
    "return x[..., None]": "the index of 'x[..., None]'",
    "return A.T": "a list where an array is needed",
    "return x.sum()": "a call of x.sum",
    "return x if A else x": "(IfExp)",
    "return [x for x in A]": "(ListComp)",
    "return [*A]": "the elements of something else than a part of a list",
    "return [*A[:2]]": "the elements of something else than a part of a list",
    "return [*A[0:4:2]]": "the elements of something else than a part of a list",
    "return [A]": "a list where an array is needed",
    "return z": "'z' (Name)",
    "return x @ 1j": "(Constant)",
    "return 1e999 * x": "a number that is not finite",
    "return 9007199254740993 * x": "a whole number that a double does not hold",
    "return": "a statement Return",
    "x += 1": "a statement AugAssign",
    "x, y = A": "stored somewhere else",
    "x[0] = 1.0": "an array where a list is needed",
    "x = y = A": "several targets",
    "x = A": "x is first array, then list",
    "x.append(x)": "no append to a list",
    "A.append(x, x)": "no append to a list",
    "A.pop()": "no append to a list",
    "import os": "a statement Import",
    "len = x": "len is the name of a variable",
    "np = x": "np is the name of a variable",
    "y = [x] * 3": "a list that is repeated",
    "if x:\n        pass": "a condition that is not the variable of a loop",
    "for y in A:\n        pass": "a loop that is not over a range",
    "for r in range(1, 2):\n        pass": "a loop that is not over a range",
    "for r in range(2):\n        break": "a statement Break",
    "for r in range(2):\n        r = 1": "r, the variable of a loop, is written to",
    "for x in range(2):\n        pass": "with a variable that is used elsewhere",
    "for r in range(2):\n        y = x\n    else:\n        y = x": "a loop with 'else'",
    "for r in range(len(A)):\n        A.append(x)": "a range whose end is not one number",
    "for r in range(2):\n        y = x\n    return A[r]": "the index of 'A[r]'",
    "for r in range(2):\n        y = A[r - 1]": "the index of 'A[r - 1]'",
    "while x:\n        pass": "a statement While",
}


@pytest.mark.parametrize(("body", "words"), BODIES.items(), ids=[body.replace("\n", " ") for body in BODIES])
def test_what_is_not_known_is_refused(body: str, words: str) -> None:
    with pytest.raises(UntranslatableError, match=r"^line \d+: ") as caught:
        translated(f"def f(A, x):\n    {body}", ["A"])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(x):\n    return x  # \u2028alert(1)", "line end"),
        ("from os import system\ndef f(x):\n    return x", "line 1: only 'import numpy as np'"),
        ("import numpy\ndef f(x):\n    return x", "line 1: only 'import numpy as np'"),
        ("def f(x):\n    return x\ndef g(x):\n    return x", "2 functions"),
        ("", "0 functions"),
        ("def f(*x):\n    return x", "only plain arguments"),
        ("def f(x=1):\n    return x", "only plain arguments"),
        ("@np.exp\ndef f(x):\n    return x", "only plain arguments"),
        ("def f(np):\n    return np", "np is the name of a variable"),
    ],
)
def test_programs_of_another_form_are_refused(text: str, words: str) -> None:
    with pytest.raises(UntranslatableError) as caught:
        translated(text, [])
    assert words in str(caught.value)
