"""Six programs whose texts were read: what a person wants to find in them, and what not."""

import re
from typing import Any

import numpy as np
import pytest

from minigrad import elementwise_grad, grad, hvp, jvp, source, value_and_grad
from minigrad.compiler.emit import Source
from minigrad.core.tree import flatten

rng = np.random.default_rng(8)

# ----- the loss of the tour, as its notebook writes it ----------------------------------------------------------------

x = rng.normal(size=(2, 12))
Y = np.eye(3)[rng.integers(0, 3, 12)].T.copy()


def dotp(x: Any, y: Any) -> Any:
    return np.sum(x.flatten() * y.flatten())


def max2(S: Any) -> Any:
    return np.tile(S.max(axis=1, keepdims=1), (1, S.shape[1]))


def LSE0(S: Any) -> Any:
    return np.log(np.exp(S).sum(axis=1, keepdims=1))


def LSE(S: Any) -> Any:
    return LSE0(S - max2(S)) + S.max(axis=1, keepdims=1)


def lossF(z: Any, y: Any) -> Any:
    return LSE(z.transpose()).sum() - dotp(z, y)


def ForwardNN(A: Any, b: Any, Z: Any, R: int) -> Any:
    X = []
    X.append(Z)
    for r in np.arange(0, R):
        X.append(np.arctan(np.dot(A[r], X[r]) + np.tile(b[r], [1, Z.shape[1]])))
    return X


def FuncNN(P: Any) -> Any:
    X = ForwardNN(P[0], P[1], x, 2)
    return lossF(X[-1], Y)


# ----- five others ----------------------------------------------------------------------------------------------------

xs, target = rng.normal(size=(5, 3)), rng.normal(size=4)


def rnn(W: Any, U: Any, b: Any, V: Any) -> Any:
    h = np.zeros(4)
    for t in range(3):
        h = np.tanh(W @ h + U @ xs[t] + b)
    y = V @ h
    return np.sum((y - target[:2]) ** 2)


def euler(theta: Any, start: Any) -> Any:
    dt = 0.1
    u, v = start[0], start[1]
    for _ in range(3):
        a = -theta[0] * np.sin(u) - theta[1] * v
        u = u + dt * v
        v = v + dt * a
    return u**2 + v**2


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


X, labels, lam = rng.normal(size=(20, 3)), (rng.random(20) > 0.5) * 1.0, 0.1


def logistic(w: Any, c: Any) -> Any:
    scores = X @ w + c
    p = 1.0 / (1.0 + np.exp(-scores))
    return -np.mean(labels * np.log(p) + (1.0 - labels) * np.log(1.0 - p)) + lam * np.sum(w**2)


def tanh(x: Any) -> Any:
    return (1.0 - np.exp(-x)) / (1.0 + np.exp(-x))


A = [rng.normal(size=(4, 2)), rng.normal(size=(3, 4))]
B = [rng.normal(size=(4, 1)), rng.normal(size=(3, 1))]
SIX: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "tour": (value_and_grad(FuncNN), ((A, B),)),
    "rnn": (value_and_grad(rnn, (0, 1, 2, 3)), tuple(rng.normal(size=n) for n in ((4, 4), (4, 3), 4, (2, 4)))),
    "euler": (grad(euler, (0, 1)), (np.array([1.0, 0.2]), np.array([1.0, 0.0]))),
    "rosenbrock": (grad(rosenbrock), (np.array([0.5, 1.0, 2.0, 3.0]),)),
    "logistic": (value_and_grad(logistic, (0, 1)), (rng.normal(size=3), 0.5)),
    "second derivative": (elementwise_grad(elementwise_grad(tanh)), (np.linspace(-1, 1, 7),)),
    "nested": (grad(grad(tanh)), (0.5,)),
    "product with the Hessian": (lambda x, v: hvp(rosenbrock, x, v), (np.array([0.5, 1.0, 2.0, 3.0]), np.ones(4))),
}
READ: dict[str, Source] = {name: source(fun, *args) for name, (fun, args) in SIX.items()}


def headings(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip().startswith("#")]


@pytest.mark.parametrize("name", SIX)
def test_it_runs_by_itself_to_the_same_bits(name: str) -> None:
    fun, args = SIX[name]
    for found, expected in zip(flatten(READ[name].function()(*args))[0], flatten(fun(*args))[0], strict=True):
        assert type(found) is type(expected)
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", SIX)
def test_what_nobody_wants_to_read(name: str) -> None:
    text = READ[name]
    assert not re.search(r"\bconstant\d*\b", text)  # arrays keep the names of their variables
    assert not re.search(r"-\(-", text)  # no sign of a sign
    assert "+ -" not in text
    assert "function" not in text
    assert "scatter" not in text  # nothing is scattered by a table of places
    assert "np.add.at" not in text
    assert "source(" not in text  # the line that asked for the text is no part of it
    *helpers, last = re.findall(r"^def (\w+)", text, flags=re.M)
    assert last == text.name
    assert all(text.count(f"{helper}(") > 1 for helper in helpers)  # none that is not called
    assert all(constant in {"x", "Y", "xs", "target", "X", "labels"} for constant in text.constants)


@pytest.mark.parametrize("name", SIX)
def test_every_step_stands_below_a_heading_of_its_phase(name: str) -> None:
    """A cotangent below `pullback of`, a tangent below `pushforward of`; at the top what the arguments hold."""
    below = ""
    for line in READ[name].split("\n"):
        line = line.strip()
        if line.startswith("#"):
            below = line
        for suffix, phases in (("_bar", ("pullback", "cotangents")), ("_dot", ("pushforward", "tangents"))):
            if re.match(rf"\w+{suffix} = ", line):
                assert below.startswith(tuple(f"# {phase}" for phase in phases)), line


def test_the_tour() -> None:
    """Sums where the notebook repeats columns; values of functions have the names of variables that hold them."""
    text = READ["tour"]
    assert "def value_and_grad_FuncNN(P, x, Y):" in text
    assert "    A0, A1 = P[0][0], P[0][1]\n    b0, b1 = P[1][0], P[1][1]\n\n    # primal: X.append(np.arctan(" in text
    assert "X2_bar = S1_bar.T - Y" in text
    assert "b1_bar = np.sum(u2_bar, axis=1, keepdims=True)" in text
    assert "A0_bar = u1_bar @ x.T" in text
    assert "# pullback of: return np.tile(S.max(axis=1, keepdims=1), (1, S.shape[1]))" in text


def test_the_recurrent_network() -> None:
    text = READ["rnn"]
    assert "def value_and_grad_rnn(W, U, b, V, xs, target):" in text or "target = np.array(" in text
    assert "u2 = W @ h1 + U @ xs[1] + b" in text
    assert "h2 = np.tanh(u2)" in text
    assert "y - target[:2]" in text


def test_several_statements_on_a_line() -> None:
    """Each has its heading, and its value the name of its variable."""
    text = READ["euler"]
    assert {"# primal: u = u + dt * v", "# primal: v = v + dt * a", "# pullback of: v = v + dt * a"} <= set(
        headings(text)
    )
    assert "u1 = start[0]" in text
    assert "v1 = start[1]" in text
    assert re.search(r"v2 = v1 \+ 0\.1 \* a1", text)


def test_rosenbrock() -> None:
    assert (
        READ["rosenbrock"]
        == """import numpy as np


def grad_rosenbrock(x):
    # primal: return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    u = x[:-1]  # (3,)

    # pullback of: return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1 ...
    g = 200.0 * (x[1:] - u * u)  # (3,)
    u_bar = -2.0 * g * u  # (3,)
    x_bar = np.zeros(4)  # (4,)
    x_bar[:-1] -= 2.0 * (1.0 - u)
    x_bar[:-1] += u_bar
    x_bar[1:] += g

    return x_bar
"""
    )


def test_logistic_regression() -> None:
    text = READ["logistic"]
    assert "def value_and_grad_logistic(w, c, X, labels):\n    c = np.float64(c)\n\n    # primal: scores" in text
    assert "1.0 - labels" in text
    assert "-0.05 * labels / p" in text
    assert "c_bar = np.sum(scores_bar)" in text


def test_the_second_derivative() -> None:
    assert "x_bar = " in READ["nested"]
    assert "    x = np.float64(x)\n" in READ["nested"]


# ----- names ----------------------------------------------------------------------------------------------------------


def test_the_function_of_a_lambda() -> None:
    """It is called like the variable that holds it; `f`, if none does."""
    loss = lambda w: np.sum(np.tanh(X @ w))
    text = source(value_and_grad(loss), np.ones(3))
    assert text.name == "value_and_grad_loss"
    assert "# primal: np.sum(np.tanh(X @ w))" in text  # the body of the lambda
    text = source(value_and_grad(lambda w: np.sum(np.tanh(X @ w))), np.ones(3))
    assert text.name == "value_and_grad_f"
    assert source(lambda x, v: jvp(np.sin, (x,), (v,)), 0.5, 1.0).name == "f"


def test_no_value_is_called_like_the_variable_of_the_caller() -> None:
    text = source(lambda x: jvp(lambda u: np.exp(-(u**2)) * u, (x,), (1.0,)), 0.5)
    assert not re.search(r"\btext", text)


def test_new_axes_are_undone_by_a_sum() -> None:
    text = source(grad(lambda b: np.sum((xs * b[:, None]) ** 2)), np.ones(5))
    assert "b_bar = np.sum(2.0 * (xs * b[:, None]) * xs, axis=1)" in text


def test_a_repetition_has_no_guard() -> None:
    text = source(grad(lambda b: np.sum((np.repeat(b, 3) * np.arange(15.0)) ** 2)), np.ones(5))
    assert "np.repeat(b, 3)" in text
    assert "raise" not in text
    assert ".reshape((5, 3)), axis=1)" in text


def test_a_gradient_without_a_statement_of_its_own_has_a_heading() -> None:
    text = source(grad(lambda a, b: np.sum(a * b[:, None])), np.ones((3, 4)), np.ones(3))
    assert headings(text) == ["# cotangents of the arguments", *headings(text)[1:]]


def test_arrays_that_the_users_were_made_of() -> None:
    """Rows, columns, slices, transposes, copies in another shape, multiples and differences are written as such."""
    M = rng.normal(size=(12, 5))

    def f(v: Any) -> Any:
        return M.T @ v, M[2] * v[:5], M[:, 1] * v, M[3:] @ v[:5], -M @ v[:5], (2.0 * M).T @ v, (1.0 - M).T @ v, (
            M.flatten() * v[0])  # fmt: skip

    text = source(f, np.ones(12))
    assert list(text.constants) == ["M"]
    for expression in ("M.T", "M[2]", "M[:, 1]", "M[3:]", "-M", "2.0 * M", "1.0 - M", "M.reshape(60)"):
        assert expression in text


# ----- refusals -------------------------------------------------------------------------------------------------------


def test_a_refusal_names_source() -> None:
    with pytest.raises(Exception, match=r"^source: ") as error:
        source(lambda x: x + np.random.rand(), 1.0)
    assert "compile:" not in str(error.value)
    with pytest.raises(FloatingPointError, match=r"^source: .*arguments at which all numbers exist"):
        source(grad(np.sqrt), 0.0)


def test_within_another_transformation() -> None:
    def f(x: Any) -> Any:
        source(np.sin, x)
        return x

    with pytest.raises(Exception, match=r"^source: .*another transformation"):
        grad(f)(1.0)


def test_keyword_arguments_by_their_own_names() -> None:
    f = lambda x, *, rate: x * rate
    text = source(f, 2.0, rate=3.0)
    assert text.function()(2.0, rate=5.0) == 10.0
