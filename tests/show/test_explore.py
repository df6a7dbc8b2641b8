"""The explorer: what is on its page agrees with the program, and nothing that is put into it becomes markup."""

import base64
import hashlib
import json
import linecache
import math
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import inputs, scalar, steps
from references import assert_close

from minigrad import checkpoint, derivatives, explain_nan, explore, grad, jet, jvp, name, root, trace, value_and_grad
from minigrad.core.tape import peel
from minigrad.show.explore import columns, rule_text
from minigrad.show.measured import Measured, measured
from minigrad.show.sampled import chosen, number, numbers, sampled
from nn import loss as losses
from nn import mlp

rng = np.random.default_rng(0)
POINTS, CLASSES = rng.standard_normal((2, 6)), np.eye(3)[:, [0, 1, 2, 0, 1, 2]]
A, B = mlp.init([2, 4, 3], rng=0)


def network(A: Any, b: Any) -> Any:
    """A small classifier."""
    X = mlp.forward(A, b, POINTS)
    return losses.logistic(X[-1], CLASSES)


def curve(x: Any) -> Any:
    """tanh, in two lines."""
    u = np.exp(-2.0 * x)
    return (1.0 - u) / (1.0 + u)


def loop(x: Any, a: Any) -> Any:
    """Five passes."""
    for _ in range(5):
        u = np.sin(a * x)
        x = x + 0.1 * u
    return x


def data_of(html: str) -> Any:
    """The data that the page holds."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    return json.loads(text, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


# ----- the numbers ----------------------------------------------------------------------------------------------------

S = np.array([[2.0, 0.3], [0.3, 1.0]])
PROGRAMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "network": (network, (A, B)),
    "loop": (loop, (0.5, 2.0)),
    "second derivative": (lambda x: grad(grad(curve))(x), (0.5,)),
    "eigh": (lambda M: np.sum(np.linalg.eigh(M)[0] * np.array([1.0, 2.0])), (S,)),
    "fft": (lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2), (np.arange(4.0),)),
    "checkpoint": (lambda x: checkpoint(lambda y: np.sin(np.exp(y)))(x), (0.5,)),
    "root": (lambda M: root(lambda E, M: E - 0.5 * np.sin(E) - M, 1.0, M), (1.0,)),
    "float32": (lambda x: np.sum(np.sin(x)), (np.ones(3, np.float32),)),
    "complex": (lambda z: np.abs(np.sum(z * z)) ** 2, (np.array([1.0 + 2.0j, 0.5]),)),
    "taken apart": (lambda x: sum(k * x[k] * x[0] for k in range(3)), (np.arange(3.0),)),
    "dict": (lambda p: np.sum(np.tanh(p["W"] @ p["b"])), ({"W": np.ones((2, 2)), "b": np.ones(2)},)),
    "empty": (lambda x: np.sum(x), (np.zeros(0),)),
    "constant": (lambda x: 3.0, (1.0,)),
    "two results": (lambda x: (np.sum(x), np.argmax(x)), (np.array([1.0, 2.0]),)),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_contributions_add_up_and_values_are_those_of_the_program(case: str) -> None:
    fun, args = PROGRAMS[case]
    found = measured(fun, args)
    assert found.failure is None
    assert found.difference <= 1e-15
    tape = trace(fun, *args)
    assert len(found.tape) == len(tape)
    for mine, (node, other), ct in zip(found.tape.nodes, zip(tape.nodes, found.cotangents), tape.cotangents()):
        if type(mine[3]) is not tuple:
            np.testing.assert_array_equal(peel(mine[3]), peel(node[3]))
            if ct is not None:
                np.testing.assert_allclose(peel(other), peel(ct), rtol=1e-14, atol=1e-300)
    assert sum(part.nbytes for part in found.memory) == tape.nbytes
    json.dumps(columns(found), allow_nan=False)


@settings(max_examples=30)
@given(steps, inputs)
def test_contributions_add_up_in_any_program(program: Any, x: Any) -> None:
    """Where the result is not the sum of what cancels to nothing, to 1e-15 of the largest entry."""
    found = measured(scalar(program), (x,), order=0)
    received: dict[int, list[Any]] = {}
    for edge in found.edges:
        received.setdefault(edge.parent, []).append(edge.contribution)
    for index, parts in received.items():
        if type(parts[0]) is not list and index not in found.outputs:
            largest = max(float(np.max(np.abs(part), initial=0.0)) for part in parts)
            assert np.max(np.abs(sum(parts) - found.cotangents[index]), initial=0.0) <= len(parts) * 1e-15 * largest


def test_cotangents_of_the_inputs_are_the_gradient() -> None:
    found = measured(network, (A, B))
    gradient = grad(network, (0, 1))(A, B)
    for mine, exact in zip(found.cotangents, [*gradient[0], *gradient[1]]):
        assert_close(mine, exact, 1e-15)


def test_tangents_are_those_of_jvp() -> None:
    """In each of the directions, and added up in that of all inputs."""
    found = measured(network, (A, B))
    zero = [np.zeros_like(leaf) for leaf in [*A, *B]]
    total = 0.0
    for k, (direction, tangents) in enumerate(zip(found.directions, found.tangents)):
        assert direction.name == ["A[0]", "A[1]", "b[0]", "b[1]"][k]
        moving = [np.ones_like(leaf) if j == k else leaf for j, leaf in enumerate(zero)]
        exact = jvp(network, (A, B), (moving[:2], moving[2:]))[1]
        assert_close(tangents[-1], exact, 1e-14)
        total += tangents[-1]
        for t, node in zip(tangents, found.tape.nodes):
            assert t is None or np.shape(t) == np.shape(node[3])
    ones = [np.ones_like(leaf) for leaf in zero]
    assert_close(total, jvp(network, (A, B), (ones[:2], ones[2:]))[1], 1e-14)


def test_a_direction_is_given() -> None:
    """It comes first, and has a Taylor series of its own."""
    found = measured(loop, (0.5, 2.0), direction=(1.0, -3.0))
    assert [d.name for d in found.directions] == ["the given direction", "x", "a"]
    assert_close(found.tangents[0][-1], jvp(loop, (0.5, 2.0), (1.0, -3.0))[1], 1e-14)
    _, series = jet(loop, (0.5, 2.0), ([1.0], [-3.0]))
    assert_close(found.series[1][-1][0], series[0], 1e-14)
    vector = measured(lambda x: np.sum(x**2), (np.ones(3),), direction=np.array([1.0, 0.0, 2.0]))
    assert vector.tangents[0][-1] == 6.0
    with pytest.raises(ValueError, match=r"shape \(2,\) for an input of shape \(3,\)"):
        measured(lambda x: np.sum(x), (np.ones(3),), direction=np.ones(2))
    with pytest.raises(ValueError, match="a tangent for each of 2 arguments"):
        measured(loop, (0.5, 2.0), direction=1.0)


def test_series_are_those_of_derivatives() -> None:
    found = measured(curve, (0.5,), order=6)
    exact = derivatives(np.tanh, 0.5, 6)
    for k in range(1, 7):
        assert_close(found.series[0][-1][k - 1] * math.factorial(k), exact[k], 1e-12)
    both = measured(loop, (0.5, 2.0), order=3)
    assert [line.name for line in both.lines] == ["all inputs, with speed 1", "x", "a"]
    _, along_x = jet(loop, (0.5, 2.0), ([1.0, 0.0, 0.0], [0.0, 0.0, 0.0]))
    for k in range(3):
        assert_close(both.series[1][-1][k] * math.factorial(k + 1), along_x[k], 1e-13)


def test_what_the_backward_sweep_starts_from_is_said() -> None:
    found = measured(lambda x: 3.0, (1.0,))
    assert "does not depend" in found.notes[0]
    assert found.edges == ()
    several = measured(lambda x: (x, 2.0 * x), (1.0,))
    assert "2 results" in several.notes[0]
    array = measured(lambda x: 2.0 * x, (np.ones(3),))
    assert "sum of its entries" in array.notes[0]


# ----- where entries come from ----------------------------------------------------------------------------------------


def expression(found: Measured, index: int) -> str:
    """The expression of an entry, as the page underlines it."""
    spot = found.tape.spots[found.tape.seen[index].spot]
    assert spot.first == spot.last
    return linecache.getline(spot.code.co_filename, spot.first)[spot.start : spot.stop]


def test_the_expression_of_each_entry() -> None:
    found = measured(curve, (0.5,))
    assert [expression(found, k) for k in range(1, 6)] == [
        "-2.0 * x", "np.exp(-2.0 * x)", "1.0 - u", "1.0 + u", "(1.0 - u) / (1.0 + u)",
    ]  # fmt: skip
    assert found.tape.names == {2: "u"}


def test_columns_are_in_characters() -> None:
    """Python counts bytes."""

    def strange(x: Any) -> Any:
        ä = x; return "äöü€"[:0] or np.sin(ä)  # fmt: skip  # noqa: E702

    assert expression(measured(strange, (0.5,)), 1) == "np.sin(ä)"


def test_callers_are_known() -> None:
    """The function that a function of the program was called from."""
    found = measured(network, (A, B))
    spot = found.tape.spots[found.tape.seen[4].spot]
    assert spot.code.co_name == "forward"
    caller = found.tape.spots[spot.caller]
    assert caller.code is network.__code__
    assert caller.caller == -1


def test_passes_of_a_loop_and_calls() -> None:
    found = measured(loop, (0.5, 2.0))
    assert [seen.turn for seen in found.tape.seen[2:]] == [k for k in range(5) for _ in range(4)]
    assert {seen.call for seen in found.tape.seen[2:]} == {1}
    layers = measured(lambda x: curve(curve(curve(x))), (0.5,))
    assert [seen.call for seen in layers.tape.seen[1:]] == [2] * 5 + [3] * 5 + [4] * 5

    def one_line(x: Any) -> Any:
        for _ in range(3): x = np.sin(x)  # fmt: skip  # noqa: E701
        return x

    assert [seen.turn for seen in measured(one_line, (0.5,)).tape.seen[1:]] == [0, 1, 2]


def test_what_a_pass_calls_belongs_to_it() -> None:
    """A pass knows from which pass its function was called."""

    def outer(x: Any) -> Any:
        for _ in range(3):
            x = curve(x)
        return x

    tape = measured(outer, (0.5,)).tape
    passages = list(tape.passages)
    for index, seen in enumerate(tape.seen[1:]):
        call, turn, caller = passages[seen.passage]
        assert (call, turn) == (seen.call, seen.turn) == (2 + index // 5, 0)
        assert passages[caller] == (1, index // 5, -1)


def test_a_sum_that_is_not_python_is_one_pass() -> None:
    """The sum of the entries of an array runs its loop in C, within one instruction; in a loop, too."""

    def total(x: Any) -> Any:
        return sum(x * x)

    def totals(x: Any) -> Any:
        s = 0.0
        for _ in range(2):
            s = s + sum(x * x)
        return s

    assert {seen.turn for seen in measured(total, (np.ones(30),)).tape.seen[1:]} == {0}
    tape = measured(totals, (np.ones(30),)).tape
    assert [seen.turn for seen in tape.seen[1:]] == [0] * ((len(tape) - 1) // 2) + [1] * ((len(tape) - 1) // 2)
    assert len({origin.run for origin in trace(total, np.ones(30)).origins[1:]}) == 1


def test_rows_of_a_derivative_lead_to_the_rows_they_came_from() -> None:
    """The entry whose rule is at work, and the one it leads to; the expression is that of the former."""
    found = measured(lambda x: grad(curve)(x), (0.5,))
    seen, nodes = found.tape.seen, found.tape.nodes
    assert [s.rule for s in seen[:6]] == [None] * 6
    for index in range(6, len(nodes)):
        made_by, leads_to = seen[index].rule  # type: ignore[misc]
        assert made_by < 6
        assert leads_to in nodes[made_by][1]
        assert seen[index].spot == seen[made_by].spot
    assert sum(s.adds for s in seen) == 1  # u is used twice
    page = columns(found)
    assert page["levels"] == [[], [["primal", 1, "grad"]], [["pullback", 1, "grad"]]]


def test_of_value_and_grad_the_function_is_shown() -> None:
    found = explore(value_and_grad(curve), 0.5, out=None).measured
    assert found.tape.title == "curve"
    assert explore(grad(curve), 0.5, out=None).measured.tape.title == "grad_curve"


def test_arrays_that_are_written_to() -> None:
    """To look at a variable records nothing, and does not ask an array that was written to what it holds now."""

    def writes(x: Any) -> Any:
        y = x * 2.0
        y[0] = x[1] ** 2
        y += 1.0
        y[1:] *= y[0]
        return np.sum(y * y)

    x = np.array([1.0, 2.0, 3.0])
    found = measured(writes, (x,))
    assert found.failure is None
    assert len(found.tape) == len(trace(writes, x))
    assert_close(found.cotangents[0], grad(writes)(x), 1e-15)
    nested = measured(lambda x: grad(writes)(x) * 2.0, (x,))
    assert nested.failure is None
    assert nested.difference <= 1e-15


def test_frames_of_the_program_are_let_go() -> None:
    tape = measured(curve, (0.5,)).tape
    assert tape._frames == {}
    assert tape._base is None


# ----- costs ----------------------------------------------------------------------------------------------------------


def test_costs() -> None:
    """Arithmetic from the shapes; bytes, and which rules read them."""
    found = measured(lambda M, x: np.sum(np.exp(M @ x)[1:].reshape(2, 1)), (np.ones((3, 4)), np.ones(4)))
    names = [node[0].name for node in found.tape.nodes[2:]]
    assert names == ["matmul", "exp", "getitem", "reshape", "sum"]
    assert found.flops[2:] == (24, 3, 0, 0, 2)
    assert measured(lambda M: M @ M, (np.ones((5, 5)),)).flops[1] == 250
    assert measured(lambda x: np.einsum("i,j->ij", x, x), (np.ones(5),)).flops[1] == 25
    assert found.memory[3] == (24, (3,))
    assert found.memory[2] == (0, ())
    assert found.memory[0].readers == (2,)
    assert all(seen.seconds > 0 for seen in found.tape.seen[2:])


# ----- deltas by hand -------------------------------------------------------------------------------------------------


def by_hand(A: Any, b: Any, x: Any, mistake: float = 1.0) -> dict[str, Any]:
    """The deltas of a network of two layers."""
    h = np.arctan(A @ x)
    d2 = 2.0 * (h - b)
    d1 = mistake * d2 / (1.0 + (A @ x) ** 2)
    return {"h": d2, "z": d1, "x": A.T @ d1}


def two_layers(A: Any, b: Any, x: Any) -> Any:
    z = name(A @ x, "z")
    h = np.arctan(z)
    return np.sum((h - b) ** 2)


def test_deltas_and_the_first_that_differs() -> None:
    """Names are labels, local variables or arguments; the first in the backward sweep is marked."""
    args = (np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([0.2, 0.1]), np.array([0.3, -0.4]))
    right = measured(two_layers, args, deltas=by_hand)
    assert [(d.label, d.agrees, d.first) for d in right.deltas] == [
        ("h", True, False), ("z", True, False), ("x", True, False),
    ]  # fmt: skip
    wrong = measured(two_layers, args, deltas=by_hand(*args, mistake=1.5))
    assert [(d.label, d.agrees, d.first) for d in wrong.deltas] == [
        ("h", True, False), ("z", False, True), ("x", False, False),
    ]  # fmt: skip
    assert abs(wrong.deltas[1].difference - 0.5) < 1e-12
    assert measured(two_layers, args, deltas={"z": np.ones(3)}).deltas[0].difference == math.inf
    assert measured(two_layers, args, deltas={"%3": np.ones(2)}).deltas[0].node == 3
    with pytest.raises(ValueError, match=r"'nope', which names no entry; the names are: 'A', 'b', 'h', 'x', 'z'"):
        measured(two_layers, args, deltas={"nope": 1.0})


def test_why_a_nan_begins() -> None:
    """The cause and the cure, as `explain_nan` tells them."""
    with np.errstate(all="ignore"):
        found = measured(lambda x: np.log(x[0] - 1.0) * np.exp(x[1]), (np.array([0.5, 1000.0]),))
        told = explain_nan(lambda x: np.log(x[0] - 1.0), np.array([0.5]))
    names = {found.tape.nodes[index][0].name: cause for index, cause in found.troubles.items()}
    assert set(names) == {"log", "exp"}
    assert names["log"].why == told.why
    with np.errstate(all="ignore"):
        page = explore(lambda x: np.log(x - 1.0), 0.5, out=None)
    assert data_of(page.html)["troubles"]["2"] == [told.why, told.cure]
    assert measured(curve, (0.5,)).troubles == {}


# ----- functions that fail, and large tapes ---------------------------------------------------------------------------


def test_a_function_that_raises_has_a_page() -> None:
    def fails(x: Any) -> Any:
        y = np.sin(x)
        return y @ np.ones(3)

    found = measured(fails, (np.ones(2),))
    assert found.failure is not None
    assert "matmul" in found.failure.message
    assert found.tape.spots[found.failure.spot].line == fails.__code__.co_firstlineno + 2
    assert found.outputs == (1,)
    assert_close(found.cotangents[0], np.cos(np.ones(2)), 1e-15)
    assert data_of(explore(fails, np.ones(2), out=None).html)["failure"]["spot"] == found.failure.spot

    def at_once(x: Any) -> Any:
        raise RuntimeError("</script> at once")

    assert "before any operation" in measured(at_once, (1.0,)).notes[0]
    with pytest.raises(TypeError, match="integer"):
        explore(np.sin, 3, out=None)


def test_a_long_tape_is_shown_on_request() -> None:
    def long(x: Any) -> Any:
        for _ in range(100):
            x = np.sin(x)
        return x

    with pytest.raises(ValueError, match=r"101 entries(.|\n)*max_entries=101"):
        explore(long, 1.0, out=None, max_entries=100)
    assert len(explore(long, 1.0, out=None, max_entries=101).measured.tape) == 101
    with pytest.raises(ValueError, match="order"):
        explore(long, 1.0, out=None, order=-1)


def test_ten_thousand_entries_stay_small() -> None:
    """Of each value a few numbers are shown, and no more than three coefficients."""

    def long(x: Any) -> Any:
        for _ in range(2500):
            u = np.sin(2.0 * x)
            x = x + 0.1 * u
        return x

    page = explore(long, np.linspace(0.0, 1.0, 50), out=None)
    data = data_of(page.html)
    assert len(data["entries"]["op"]) == 10_001
    assert data["order"] == 3
    assert len(data["entries"]["value"][5]["v"]) <= 16
    assert len(page.html) < 1500 * 10_001


# ----- values on the page ---------------------------------------------------------------------------------------------


def test_numbers() -> None:
    assert [number(x) for x in (0.1, 1 / 3, 2.0, -0.0, np.nan, -np.inf, 1e300)] == [
        0.1, 0.333333, 2, -0.0, "nan", "-inf", 1e300,
    ]  # fmt: skip
    assert type(number(2.0)) is int
    assert math.copysign(1.0, number(-0.0)) == -1.0


def test_many_numbers_are_written_as_one() -> None:
    values = np.array([0.1, 1 / 3, 2.0, -3.0, -0.0, np.nan, np.inf, -np.inf, 1e300, 1e-300, 123456789.0, 0.0, 1e15])
    together, apart = numbers(values), [number(x) for x in values]
    assert together == apart
    assert math.copysign(1.0, together[4]) == -1.0
    assert [type(x) for x in numbers(np.array([2.0, 123456.0, True]))] == [int] * 3
    assert numbers(np.zeros((0, 3))) == []


def test_samples_add_up() -> None:
    """Large arrays show some of their entries, the same for all arrays of a shape."""
    a, b = rng.standard_normal((2, 40, 30))
    x, y, z = sampled(a, 64), sampled(b, 64), sampled(a + b, 64)
    assert x["part"] == [8, 8]
    np.testing.assert_allclose(np.array(x["v"]) + y["v"], z["v"], atol=2e-5)
    assert x["m"] == [number(a.min()), number(a.mean()), number(a.max())]
    rows, columns = chosen((1000, 3), 64)
    assert len(rows) * len(columns) <= 64
    assert len(columns) == 3
    assert sampled(np.array([1.0, np.nan]), 64) == {"s": [2], "bad": 1, "v": [1, "nan"]}
    assert sampled(np.array(1.0 + 2.0j), 64) == {"s": [], "v": [1], "w": [2]}
    assert sampled((1.0, None), 64) == [1, None]
    assert sampled(np.zeros((0, 3)), 64) == {"s": [0, 3], "v": []}


def test_texts_of_rules() -> None:
    tape = trace(lambda x: np.arctan(x) / x, 1.0)
    assert [rule_text(rule) for rule in tape.nodes[1][0].vjps] == ["g / (1.0 + x * x)"]
    assert len([rule_text(rule) for rule in tape.nodes[2][0].vjps]) == 2
    assert rule_text(len) == ""


# ----- the page -------------------------------------------------------------------------------------------------------


class Markup(HTMLParser):
    """The tags of a page with their attributes, and the text in scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[Any] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, tuple(sorted((key, "" if key == "content" else text) for key, text in attrs))))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", data))


HARMLESS = Markup(explore(lambda x: np.sin(x), 1.0, out=None).html).tags
hostile = st.text(max_size=40) | st.sampled_from([
    "{{DATA}}", "{{TITLE}}", "/*JS*/", "</script><script>alert(1)</script>", "<!--", "<img src=x onerror=alert(1)>",
    "\\u003c/script>", "]]>", '"><svg onload=alert(1)>', "' onclick='", "\u2028", "</noscript><b>", "</title><b>",
    "%s{0}\\", "</pre>", "\x00", "\ud7ff", "&lt;b&gt;", "__proto__", "constructor",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(hostile, hostile, hostile)
def test_names_labels_and_lines_are_no_markup(title: str, label: str, comment: str) -> None:
    """Whatever they are, the page has the tags of a harmless one, and holds them as text."""
    line = re.sub(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029\x00]", " ", comment)
    source = f"def f(x):\n    return named(sin(x) * {line!r}.__len__().__bool__(), label)  # {line}\n"
    filename = "<script>hostile"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        scope: dict[str, Any] = {"named": name, "sin": np.sin, "label": label}
        exec(compile(source, filename, "exec"), scope)
        scope["f"].__name__ = title
        html = explore(scope["f"], 1.0, out=None).html
    finally:
        del linecache.cache[filename]
    assert Markup(html).tags == HARMLESS
    data = data_of(html)
    assert data["title"] == title
    assert label in data["labels"].values()
    if data["sources"] and data["sources"][0]["lines"]:
        assert any(line in text for text in data["sources"][0]["lines"])


def test_the_page_needs_nothing_else(tmp_path: Any) -> None:
    """One file, without an address; its policy allows its own script alone."""
    explorer = explore(network, A, B, out=tmp_path / "tape.html")
    html = (tmp_path / "tape.html").read_text(encoding="utf-8")
    assert html == explorer.html
    assert explorer.path == tmp_path / "tape.html"
    assert not re.search(r"https?://|//[a-z]+\.|\burl\(|@import|\bsrc=|\bhref=\"(?!#)", html)
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in html
    assert "default-src &#x27;none&#x27;" in html
    assert "<noscript><pre>tape of network: 14 nodes" in html


def test_in_a_notebook_the_page_is_a_frame(tmp_path: Any) -> None:
    explorer = explore(curve, 0.5, out=None)
    frame = explorer._repr_html_()
    assert Markup(frame).tags[0][0] == "iframe"
    assert len(Markup(frame).tags) == 1
    assert dict(Markup(frame).tags[0][1])["srcdoc"] == explorer.html
    assert repr(explorer).startswith("<page of the tape of curve: 6 entries")
    assert explorer.save(tmp_path / "again.html").path == tmp_path / "again.html"
    assert (tmp_path / "again.html").exists()


def test_columns_have_an_item_for_each_entry() -> None:
    data = data_of(explore(network, A, B, out=None).html)
    assert data["format"] == "minigrad-explore/1"
    entries = data["entries"]
    assert {len(column) for column in entries.values()} == {14}
    assert {len(column) for column in data["edges"].values()} == {len(data["edges"]["node"])}
    assert data["labels"]["0"] == "A[0]"
    assert max(entries["op"]) < len(data["operations"])
    assert max(entries["type"]) < len(data["types"])
    assert max(entries["spot"]) < len(data["spots"])
    for source, _, line, *_ in data["spots"]:
        lines = data["sources"][source]
        assert lines["first"] <= line < lines["first"] + len(lines["lines"])
