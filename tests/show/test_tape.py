"""The printed tape: a numbered table of what was computed, on request with the cotangents beside it."""

import contextlib
import re
from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad import checkpoint, derivatives, grad, hvp, jacobian, jvp, name, trace, value

X = np.array([0.5, -1.0, 2.0])


def loss(w: Any, x: Any) -> Any:
    """A small layer."""
    h = name(np.tanh(w @ x), "h1")
    return np.sum(h**2)


def rows(text: str) -> list[str]:
    """The rows of a printed tape that are nodes."""
    return [line for line in text.splitlines() if re.match(r"%\d+ ", line)]


def test_one_row_per_node_with_operation_inputs_shape_and_line() -> None:
    """Number, operation with its inputs, dtype and shape, value, and the user's source line."""
    tape = trace(loss, np.ones((2, 3)), X)
    text = str(tape)
    body = rows(text)
    assert len(body) == len(tape) == 6
    assert text.startswith("tape of loss: 6 nodes, 2 of them inputs")
    assert [line.split()[0] for line in body] == [f"%{i}" for i in range(6)]
    assert "input" in body[0]
    assert body[0].split()[1] == "w"
    assert "float64 (2, 3)" in body[0]
    assert "matmul(%0, %1)" in body[2]
    assert "float64 (2,)" in body[2]
    assert "[1.5 1.5]" in body[2]
    assert "tanh(%2)" in body[3]
    assert "h1" in body[3]
    assert 'h = name(np.tanh(w @ x), "h1")' in body[3]
    assert "test_tape.py:" in body[3]
    assert "power(%3, 2)" in body[4]
    assert "return np.sum(h**2)" in body[5]
    assert "(output)" in body[5]
    assert repr(tape) == "<tape of loss: 6 nodes, 2 of them inputs>"


def test_the_line_number_is_that_of_the_operation() -> None:
    """Not of the call of trace, and not of the first line of the function."""
    line = rows(str(trace(loss, np.ones((2, 3)), X)))[3]
    number = int(re.search(r"test_tape\.py:(\d+)", line).group(1))  # type: ignore[union-attr]
    assert number == loss.__code__.co_firstlineno + 2


def test_cotangents_stand_beside_the_values() -> None:
    """On request; they are the derivatives of the output, in the shape of the node; 0 where nothing depends on it."""
    tape = trace(lambda x: np.sum(x * x) + 0.0 * np.size(np.exp(x)), X)
    assert "cotangent" not in str(tape)
    text = tape.table(cotangents=True)
    assert "cotangent" in text.splitlines()[1]
    (line,) = (line for line in rows(text) if "multiply(%0, %0)" in line)
    assert "[1. 1. 1.]" in line
    (unused,) = (line for line in rows(text) if "exp(%0)" in line)
    assert re.search(r"\s0\s", unused)


def test_cotangents_are_gradients() -> None:
    """Of every node, the leaves included; the sweep leaves the tape as it was."""
    w = np.array([[0.1, 0.2, -0.3], [0.5, 0.4, 0.6]])
    tape = trace(loss, w, X)
    cotangents = tape.cotangents()
    assert len(cotangents) == len(tape)
    assert_close(cotangents[0], grad(loss)(w, X), 1e-15)
    assert_close(cotangents[1], grad(loss, 1)(w, X), 1e-15)
    assert_close(cotangents[3], 2 * np.tanh(w @ X), 1e-15)
    for cotangent, node in zip(cotangents, tape.nodes):
        assert np.shape(cotangent) == np.shape(node[3])
    assert tape.table(cotangents=True) == tape.table(cotangents=True)
    assert_close(tape.cotangents()[0], cotangents[0], 1e-16)


def test_labels() -> None:
    """Values and cotangents are found by label; unknown labels name the known ones."""
    tape = trace(loss, np.ones((2, 3)), X)
    assert_close(tape["h1"], np.tanh([1.5, 1.5]), 1e-15)
    assert_close(tape.cotangent("h1"), 2 * np.tanh([1.5, 1.5]), 1e-15)
    with pytest.raises(KeyError, match=r"nope.*h1"):
        tape["nope"]
    assert_close(tape["x"], X, 1e-16)


def test_labels_of_inputs_say_where_they_are() -> None:
    """Leaves of containers are labelled by the way to them; a name given by the user replaces that."""
    tape = trace(lambda p: np.sum(name(p["A"][0], "first layer") * p["b"]), {"A": [X], "b": X})
    body = rows(str(tape))
    assert "first layer" in body[0]
    assert "p['b']" in body[1]
    assert "args[0]" in str(trace(np.sin, 1.0))  # a function that does not tell the names of its arguments


def test_the_cotangent_of_a_labelled_value_that_does_not_matter() -> None:
    """`None` is the zero cotangent."""
    tape = trace(lambda x: (name(np.exp(x), "unused"), np.sum(x))[1], X)
    assert tape.cotangent("unused") is None


def indentation(line: str, operation: str) -> int:
    """In which column an operation starts."""
    return line.index(operation)


@pytest.mark.parametrize("at", ["traced", "plain"])
def test_nested_transformations_are_indented(at: str) -> None:
    """What an inner derivative records stands further right, its backward sweep included; what follows does not."""

    def fun(x: Any) -> Any:
        y = np.exp(x)
        z = grad(lambda u: np.sin(u) * y)(y if at == "traced" else 2.0)
        return z + np.log(x)

    text = str(trace(fun, 2.0))
    body = rows(text)
    outside = indentation(next(line for line in body if "exp(" in line), "exp(")
    inside = [line for line in body if "multiply(" in line or "cos(" in line]
    assert inside
    assert all(indentation(line, "multiply(" if "multiply(" in line else "cos(") > outside for line in inside)
    assert indentation(next(line for line in body if "log(" in line), "log(") == outside
    assert indentation(body[-1], "add(") == outside


def test_two_nested_levels_are_indented_twice() -> None:
    """Each level of derivatives has its own column."""

    def fun(x: Any) -> Any:
        return grad(lambda y: np.exp(y) * grad(lambda z: np.sinh(z) * z)(y))(x)

    body = rows(str(trace(fun, 0.5)))
    exp = next(line for line in body if " exp(" in line)
    sinh = next(line for line in body if " sinh(" in line)
    assert indentation(sinh, "sinh(") > indentation(exp, "exp(") > indentation(body[0], "input")


def test_a_failed_inner_derivative_does_not_leave_the_table_indented() -> None:
    """After an exception within an inner derivative the outer level goes on in its column."""

    def fun(x: Any) -> Any:
        with contextlib.suppress(ValueError):
            grad(lambda y: np.sin(y) * np.ones(2))(x)
        return np.log(x)

    body = rows(str(trace(fun, 2.0)))
    assert indentation(body[-1], "log(") == indentation(body[0], "input")


def test_tracing_a_derivative_shows_the_backward_sweep() -> None:
    """trace(grad(f), x): forward operations, then those of the sweep; so with jvp and jacobian."""
    text = str(trace(grad(lambda x: np.sum(np.sin(x))), X))
    assert "sin(%0)" in text
    assert "cos(%0)" in text
    assert "cos(%0)" in str(trace(lambda x: jvp(np.sin, (x,), (X,))[1], X))
    assert "cos(%0)" in str(trace(lambda x: jacobian(np.sin)(x), X))
    assert "%0" in str(trace(lambda x: hvp(lambda y: np.sum(np.sin(y)), x, X), X))


@pytest.mark.parametrize(
    ("fun", "pieces"),
    [
        (lambda x: np.sum(x, axis=0), ["sum(%0, axis=0)"]),
        (lambda x: x.reshape(3, 1), ["reshape(%0", "shape=(3, 1)"]),
        (lambda x: x[1:], ["getitem(%0", "slice(1, None, None)"]),
        (lambda x: x[[0, 1]], ["getitem(%0", "array"]),
        (lambda x: np.concatenate([x, X, x]), ["concatenate(%0, array(3,), %0"]),
        (lambda x: mnp.einsum("i,i->", x, x), ["einsum(%0, %0", "i,i->"]),
        (lambda x: np.where(X > 0, x, 0.0), ["where(%0, 0"]),
        (lambda x: 2.5 * x, ["multiply(2.5, %0)"]),
        (lambda x: x * np.float32(0.1), ["multiply(%0, 0.1)"]),
        (lambda x: X @ x, ["matmul(array(3,), %0)"]),
        (lambda x: x * 1j, ["complex128 (3,)"]),
        (lambda x: np.tile(x, (100, 1)), ["float64 (100, 3)", "-1 .. 2, mean 0.5"]),
        (lambda x: x[:0], ["float64 (0,)"]),
        (lambda x: np.full_like(X, np.nan) * x, ["nan"]),
        (lambda x: x.astype(np.float32), ["float32 (3,)"]),
    ],
    ids=range(15),
)
def test_operands_parameters_and_summaries(fun: Any, pieces: list[str]) -> None:
    """Constants, parameters, large, complex, empty and NaN values have a short form, also beside cotangents."""
    tape = trace(fun, X)
    for text in (str(tape), tape.table(cotangents=True)):
        for piece in pieces:
            assert piece in text
    assert len(str(tape).splitlines()[-1]) < 250


def test_outputs_of_every_kind() -> None:
    """Several outputs, constants, the input itself, nothing at all."""
    text = str(trace(lambda x: {"a": x * 2, "b": [np.exp(x), 3.0]}, X))
    assert text.count("(output)") == 2
    assert len(trace(lambda x: 3.0, X)) == 1
    assert len(trace(lambda x: x, X)) == 1
    assert "input" in trace(lambda x: x, X).table(cotangents=True)
    assert "input" in trace(lambda x: None, X).table(cotangents=True)
    assert trace(lambda x, s: np.sum(x), X, "text").leaves == 1


def test_keyword_arguments_and_titles() -> None:
    """Keywords are passed on; the title is the function's name, also of a callable object."""

    class Model:
        def __call__(self, x: Any, scale: float = 1.0) -> Any:
            return np.sum(x) * scale

    text = str(trace(Model(), X, scale=3.0))
    assert "tape of Model" in text
    assert "multiply(%1, 3)" in text


def test_tracing_does_not_change_results() -> None:
    """The value on a tape is the value of the function, and value() gives plain values within."""
    seen = []
    tape = trace(lambda x: np.sum((seen.append(value(x)), np.sin(x))[1]), X)
    assert type(seen[0]) is np.ndarray
    assert_close(tape.nodes[-1][3], np.sum(np.sin(X)), 1e-16)


def test_a_long_tape_prints() -> None:
    """Ten thousand operations: a row each, and the sweep beside them."""

    def chain(x: Any) -> Any:
        for _ in range(5000):
            x = x * 0.999 + 0.001
        return x

    tape = trace(chain, 2.0)
    body = rows(tape.table(cotangents=True))
    assert len(body) == 10_001
    assert body[-1].startswith("%10000 ")
    assert_close(tape.cotangents()[0], 0.999**5000, 1e-12)


def test_a_name_outside_of_any_transformation_does_nothing() -> None:
    """The label may stay in the program."""
    assert name(X, "x") is X
    assert grad(lambda x: name(3.0, "constant") * x)(2.0) == 3.0


def test_a_name_at_two_levels() -> None:
    """A value on an inner and an outer tape is labelled on both."""

    def fun(x: Any) -> Any:
        return grad(lambda y: name(x * x, "square") * y)(1.0)

    assert "square" in str(trace(fun, 3.0))


# ----- which line a row names -----------------------------------------------------------------------------------------


def curve(x: Any) -> Any:
    """Two lines that operations come from."""
    u = np.exp(-2.0 * x)
    return (1.0 - u) / (1.0 + u)


def test_a_rule_at_work_has_the_line_of_its_operation() -> None:
    """In nested sweeps no row names the line that called the transformation."""
    first = curve.__code__.co_firstlineno
    for fun in (lambda x: grad(grad(curve))(x), lambda x: grad(lambda y: jvp(curve, (y,), (1.0,))[1])(x)):
        tape = trace(fun, 0.5)
        assert len(tape) > 20
        assert {line.number for line in tape.lines[1:] if line} == {first + 2, first + 3}
        for origin, (primitive, *_) in zip(tape.origins[1:], tape.nodes[1:]):
            assert origin.where is not None
            if primitive.name == "exp":
                assert origin.where.number == first + 2


def test_recording_is_told_from_pulling_and_pushing() -> None:
    """An arrow stands where a rule is at work; what the function itself does within a derivative has none."""
    text = str(trace(lambda x: grad(np.sin)(x), 0.5))
    assert re.search(r"^%1 +sin\(%0\)", text, re.MULTILINE)
    assert re.search(r"^%2 .* ← cos\(%0\)", text, re.MULTILINE)
    assert " → " in str(trace(lambda x: jvp(np.sin, (x,), (1.0,))[1], 0.5))
    assert " ~ " in str(trace(lambda x: derivatives(np.tanh, x, 3)[3], 0.5))
    tape = trace(lambda x: grad(grad(curve))(x), 0.5)
    assert {tuple(level.phase for level in places) for places in tape.places[1:]} == {
        ("primal", "primal"), ("primal", "pullback"), ("pullback",),
    }  # fmt: skip
    assert set(tape.observer.operations.values()) == {"trace", "grad"}


def test_the_passes_of_a_loop_in_one_line_are_told_apart() -> None:
    """The same instruction with another call inside is another pass; operations of one pass are together."""

    def loop(x: Any) -> Any:
        for _ in range(3): x = 2.0 * np.sin(x)  # fmt: skip  # noqa: E701
        return x

    def rows(x: Any) -> Any:
        for _ in range(3):
            x = np.linalg.norm(x)
        return x

    assert [origin.run for origin in trace(loop, 0.5).origins[1:]] == [1, 1, 2, 2, 3, 3]
    runs = [origin.run for origin in trace(rows, 0.5).origins[1:]]
    assert sorted(set(runs)) == [1, 2, 3]
    assert runs == sorted(runs)


def test_a_tape_keeps_no_frame_of_the_program() -> None:
    """A frame would keep alive what its variables hold."""
    tape = trace(curve, 0.5)
    assert tape.observer._frame is tape.observer._inner is None


# ----- several results ------------------------------------------------------------------------------------------------


def test_cotangents_of_several_results_are_a_list() -> None:
    """Of eigh both; `None` for a result that does not matter."""
    A = np.array([[2.0, 0.3], [0.3, 1.0]])
    tape = trace(lambda A: np.sum(np.linalg.eigh(A)[0]), A)
    (index,) = [i for i, node in enumerate(tape.nodes) if type(node[3]) is tuple]
    values, vectors = tape.cotangents()[index]
    assert_close(values, np.ones(2), 1e-16)
    assert vectors is None
    assert "2 results" in tape.table(cotangents=True)
    pair = trace(lambda x: checkpoint(lambda y: (np.sin(y), np.exp(y)))(x)[1], 0.5)
    (index,) = [i for i, node in enumerate(pair.nodes) if type(node[3]) is tuple]
    assert pair.cotangents()[index] == [None, 1.0]


# ----- a function that raises -----------------------------------------------------------------------------------------


def test_the_tape_of_a_function_that_raises() -> None:
    """The exception is that of the function; it has the tape up to there, and says so."""

    def fails(x: Any) -> Any:
        y = np.sin(x)
        return y @ np.ones(3)

    with pytest.raises(ValueError, match="matmul") as caught:
        trace(fails, np.ones(2))
    tape = caught.value.tape  # type: ignore[attr-defined]
    assert len(tape) == 2
    assert "y = np.sin(x)" in str(tape)
    assert tape.table(cotangents=True)
    assert any("error.tape" in note for note in caught.value.__notes__)
    with pytest.raises(TypeError) as caught:  # about the arguments: there is no tape
        trace(np.sin, 3)
    assert not hasattr(caught.value, "tape")


# ----- what is kept ---------------------------------------------------------------------------------------------------


def test_what_the_backward_sweep_keeps_and_for_whom() -> None:
    """What rules read: of a product both factors, of tanh its result and its argument, of a sum nothing."""
    x = np.ones((4, 5))
    tape = trace(lambda x: np.sum(np.tanh(x + 1.0) * np.exp(x)), x)
    text = tape.table(kept=True)
    assert "160 B for %4, %2" in text  # tanh: the product reads it, and its own rule
    assert "160 B for %4, %3" in text
    assert "160 B for %2" in text  # which tells what the tails are
    assert tape.nbytes == 480
    assert "480 bytes kept" in text
    assert trace(lambda x: np.sum(x), x).nbytes == 0
    assert trace(lambda x: x * 1.0, 2.0).nbytes == 0


def test_shared_memory_is_counted_once() -> None:
    """A view keeps what it is a view of; inputs belong to the caller."""
    x = np.ones((4, 5))
    tape = trace(lambda x: np.sum((y := np.exp(x)).T * y.T.reshape(5, 4)), x)
    assert tape.nbytes == 160
    assert "a view, for" in tape.table(kept=True)
    assert trace(lambda x: np.sum(x * x), x).nbytes == 0


# ----- graphs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["h1", 'a"b', "x\\n", "]; n9 -> n0", "<script>", '"]\n  click n0', "ж"])
def test_graphs_have_a_box_for_each_node(label: str) -> None:
    """And an arrow for each operand; a label is text, whatever is in it."""
    tape = trace(lambda x: np.sum(name(np.exp(x), label) * x), X)
    dot, mermaid = tape.dot(), tape.mermaid()
    assert dot.count("[label=") == len(tape) == 4
    assert re.findall(r"^  n(\d+) -> n(\d+);$", dot, re.MULTILINE) == [("0", "1"), ("1", "2"), ("0", "2"), ("2", "3")]
    assert re.findall(r"^  n(\d+) --> n(\d+)$", mermaid, re.MULTILINE) == [
        ("0", "1"), ("1", "2"), ("0", "2"), ("2", "3"),
    ]  # fmt: skip
    assert len(dot.splitlines()) == 4 + 4 + 4
    assert len(mermaid.splitlines()) == 1 + 4 + 4
    assert mermaid.count('"') == 8
    assert "<script>" not in mermaid
