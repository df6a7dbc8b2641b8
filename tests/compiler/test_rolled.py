"""Loops are found again and written as loops: the same bits, in as few lines as a person would write."""

import itertools
import linecache
import re
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from random_loops import random_loop

from minigrad import grad, hvp, jvp, source, value_and_grad
from minigrad.core.tree import flatten
from nn import loss, mlp

RUFF = shutil.which("ruff") or shutil.which("ruff", path=sys.prefix + "/bin")
rng = np.random.default_rng(5)
W, U = rng.normal(size=(4, 4)) / 2, rng.normal(size=(4, 3))
XS, BIAS = rng.normal(size=(12, 3)), rng.normal(size=4)


def code_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]


def rolled(fun: Any, *args: Any) -> Any:
    """The rolled text: it was not given up, has the bits of the function, is formatted, and keeps to its width."""
    text = source(fun, *args, rolled=True)
    assert not text.fell_back
    found, expected = flatten(text.function()(*args))[0], flatten(fun(*args))[0]
    for a, b in zip(found, expected, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    if RUFF is not None:
        command = [RUFF, "format", "--isolated", "--diff", "--quiet", "-"]
        formatted = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert formatted.returncode == 0, formatted.stdout
    return text


def pendulum(y, k):
    return np.stack([y[1], -k * np.sin(y[0])])


def rnn(W, U, b):
    h = np.zeros(4)
    for t in range(12):
        h = np.tanh(W @ h + U @ XS[t] + b)
    return np.sum(h * h)


def rnn_over_a_sequence(W, U, xs):
    h = np.zeros(4)
    total = 0.0
    for x in xs:
        h = np.tanh(W @ h + U @ x)
        total = total + np.sum(h**2)
    return total


def euler(y, k):
    for _ in range(20):
        y = y + 0.1 * pendulum(y, k)
    return np.sum(y**2)


def runge_kutta(y, k):
    h = 0.1
    for _ in range(8):
        k1 = pendulum(y, k)
        k2 = pendulum(y + h / 2 * k1, k)
        k3 = pendulum(y + h / 2 * k2, k)
        k4 = pendulum(y + h * k3, k)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(y**2)


COEFFICIENTS = rng.normal(size=9)


def horner(x):
    y = 0.0 * x
    for c in COEFFICIENTS:
        y = y * x + c
    return y


def power_iteration(M, v):
    for _ in range(10):
        v = M @ v
        v = v / np.sqrt(np.sum(v * v))
    return v @ M @ v


LAYERS = [rng.normal(size=(4, 4)) / 3 for _ in range(6)]


def residual(Ws, x):
    for Wr in Ws:
        x = x + np.tanh(Wr @ x)
    return np.sum(x)


def captured(x):
    for Wr in LAYERS:
        x = x + np.tanh(Wr @ x)
    return np.sum(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(P):
    h, c = np.zeros(4), np.zeros(4)
    for t in range(12):
        f = sigmoid(P["Wf"] @ h + P["U"] @ XS[t])
        i = sigmoid(P["Wi"] @ h + P["U"] @ XS[t])
        o = sigmoid(P["Wo"] @ h + P["U"] @ XS[t])
        c = f * c + i * np.tanh(P["Wc"] @ h)
        h = o * np.tanh(c)
    return np.sum(h)


def nested(x, depth):
    return x if depth == 0 else np.sin(nested(x, depth - 1)) * x


def recursion(x):
    return np.sum(nested(x, 7))


Q, TARGET = rng.normal(size=(6, 3)), rng.normal(size=6)


def squares(w):
    return np.sum((Q @ w - TARGET) ** 2)


def descent(w, rate):
    for _ in range(7):
        w = w - rate * grad(squares)(w)
    return squares(w)


def verlet(q, p):
    for _ in range(15):
        p = p - 0.05 * np.sin(q)
        q = q + 0.1 * p
        p = p - 0.05 * np.sin(q)
    return np.sum(p**2) + np.sum(q**2)


def dicts(layers, x):
    for layer in layers:
        x = np.tanh(layer["W"] @ x + layer["b"])
    return np.sum(x)


STEPS = rng.uniform(0.05, 0.1, 10)


def captured_steps(y):
    for dt in STEPS:
        y = y + dt * np.sin(y)
    return np.sum(y)


def columns(X, W):
    h = np.zeros(4)
    for t in range(12):
        h = np.tanh(W @ h + U @ X[:, t])
    return np.sum(h)


def two_before(x):
    a, b = x, x * 2
    for _ in range(9):
        a, b = b, a * np.sin(b)
    return np.sum(b)


def branches(x):
    for _ in range(6):
        x = np.where(x > 0.2, x * 0.9, x + 0.5)
        if np.sum(x) > -100:
            x = x * 1.1
    return np.sum(x)


def factors(x, A):
    for _ in range(4):
        Q, R = np.linalg.qr(A + np.outer(x, x))
        x = Q @ x + 0.1 * np.sum(R)
    return np.sum(x)


WIDTHS = (2, 4, 5, 8, 4)
PARTS = [{"W": rng.normal(size=(q, p)), "b": rng.normal(size=q)} for p, q in zip(WIDTHS, (*WIDTHS[1:], 3))]
GATES = {"Wf": W, "Wi": W + 0.1, "Wo": W - 0.1, "Wc": W / 2, "U": U}
Y0 = np.array([1.0, 0.0])

# (function, arguments, most lines of code, loops)
PROGRAMS = [
    (value_and_grad(rnn, (0, 1, 2)), (W, U, BIAS), 25, 2),
    (value_and_grad(rnn_over_a_sequence, (0, 1, 2)), (W, U, XS), 29, 2),
    (value_and_grad(euler, (0, 1)), (Y0, 2.0), 25, 2),
    (value_and_grad(runge_kutta, (0, 1)), (Y0, 2.0), 57, 2),
    (value_and_grad(horner), (0.3,), 17, 2),
    (value_and_grad(power_iteration), (rng.normal(size=(5, 5)), np.ones(5)), 22, 2),
    (value_and_grad(residual), (LAYERS, rng.normal(size=4)), 24, 2),
    (value_and_grad(captured), (rng.normal(size=4),), 20, 2),
    (value_and_grad(lstm), (GATES,), 68, 2),
    (value_and_grad(recursion), (np.array([0.3, 0.7]),), 16, 2),
    (value_and_grad(descent, (0, 1)), (np.zeros(3), 0.01), 23, 2),
    (value_and_grad(verlet, (0, 1)), (np.ones(2), np.zeros(2)), 20, 2),
    (value_and_grad(dicts), (PARTS, np.ones(2)), 32, 2),
    (value_and_grad(captured_steps), (np.ones(3),), 10, 2),
    (value_and_grad(columns, (0, 1)), (rng.normal(size=(3, 12)), W), 26, 2),
    (value_and_grad(two_before), (np.array([0.3, 0.6]),), 19, 2),
    (value_and_grad(branches), (rng.normal(size=4),), 47, 1),
    (value_and_grad(factors, (0, 1)), (rng.normal(size=3), np.eye(3) + 1.0), 40, 1),
    (lambda y, k: jvp(euler, (y, k), (np.ones(2), 1.0)), (Y0, 2.0), 20, 1),
    (lambda y, k: hvp(lambda u: euler(u, k), y, np.ones(2)), (Y0, 2.0), 46, 2),
    (euler, (Y0, 2.0), 9, 1),
]


W3, U3 = ([rng.normal(size=(4, 4)) / 2 for _ in range(3)] for _ in range(2))
B3 = [rng.normal(size=(4, 1)) for _ in range(3)]
BATCHES, SERIES = rng.normal(size=(5, 4, 6)), rng.normal(size=(7, 4))


def layers_in_time(W, U):
    h = [np.zeros(4) for _ in range(3)]
    total = 0.0
    for t in range(7):
        x = SERIES[t]
        for r in range(3):
            h[r] = np.tanh(W[r] @ h[r] + U[r] @ x)
            x = h[r]
        total = total + np.sum(x * x)
    return total


def substeps(y, k):
    loss = 0.0
    for _t in range(6):
        for _s in range(4):
            y = y + 0.1 * (-k * np.sin(y))
        loss = loss + np.sum(y * y)
    return loss


def powers_in_time(M, v):
    total = 0.0
    for _t in range(5):
        for _s in range(4):
            v = M @ v
            v = v / np.sqrt(np.sum(v * v))
        M = M + 0.1 * np.outer(v, v)
        total = total + v @ M @ v
    return total


def layers_over_batches(A, b):
    loss = 0.0
    for k in range(5):
        z = BATCHES[k]
        for r in range(3):
            z = np.tanh(A[r] @ z + b[r])
        loss = loss + np.sum(z * z)
    return loss


def network(A, x):
    for r in range(3):
        x = np.tanh(A[r] @ x)
    return np.sum(x * x)


def training(A, rate):
    for k in range(5):
        g = grad(network)(A, BATCHES[k])
        A = [A[r] - rate * g[r] for r in range(3)]
    return network(A, BATCHES[0])


# loops within loops: (function, arguments, most lines of code, of these of the gradient)
NESTED = [
    (layers_in_time, (W3, U3), 12, 33),
    (substeps, (np.ones(3), 2.0), 10, 29),
    (powers_in_time, (np.eye(4) + 0.1, np.ones(4)), 12, 39),
    (layers_over_batches, (W3, B3), 10, 28),
    (training, (W3, 0.1), 29, 75),
]


@pytest.mark.parametrize(("fun", "args", "most", "most_of_gradient"), NESTED)
def test_loops_within_loops(fun, args, most, most_of_gradient):
    for each, lines in ((fun, most), (value_and_grad(fun, (0, 1)), most_of_gradient)):
        text = rolled(each, *args)
        assert len(code_lines(text)) <= lines
        assert re.search(r"^        for \w+ in ", text, re.MULTILINE)


def test_the_layers_of_a_network_within_the_steps_of_time():
    """Exactly what a person derives: backward through time, and in each step backward through the layers."""
    text = rolled(value_and_grad(layers_in_time, (0, 1)), W3, U3)
    backward = """    for t in reversed(range(7)):
        # pullback of: h[r] = np.tanh(W[r] @ h[r] + U[r] @ x)
        h_bar = g[2] + h[2][t + 1] + h[2][t + 1]  # (4,)
        for r in reversed(range(R)):
            u_bar = h_bar * tanh_slope(h[r][t + 1], u[r][t])  # (4,)
            U_bar[r] = U_bar[r] + u_bar[..., None] * h1[r][t]  # (4, 4)
            if r:
                h_bar = g[r - 1] + U[r].T @ u_bar  # (4,)
            W_bar[r] = W_bar[r] + u_bar[..., None] * h[r][t]  # (4, 4)
            if t:
                g[r] = W[r].T @ u_bar  # (4,)

    return total, (W_bar, U_bar)
"""
    assert text.endswith(backward)


@pytest.mark.parametrize(("fun", "args", "most", "loops"), PROGRAMS)
def test_named_programs(fun, args, most, loops):
    text = rolled(fun, *args)
    assert text.loops >= loops
    assert len(code_lines(text)) <= most
    assert re.search(r"^    for \w+ in ", text, re.MULTILINE)


def test_the_recursion_of_the_network():
    """Exactly what a person derives."""
    A = [rng.normal(size=(q, p)) for p, q in zip((2, 4, 5), (4, 5, 3))]
    b = [rng.normal(size=(q, 1)) for q in (4, 5, 3)]
    x, Y = rng.normal(size=(2, 7)), np.eye(3)[:, rng.integers(0, 3, 7)]

    def objective(A, b):
        X = [x]
        for r in range(len(A)):
            X.append(np.arctan(A[r] @ X[r] + b[r]))
        return loss.logistic(X[-1], Y)

    text = rolled(value_and_grad(objective, (0, 1)), A, b)
    backward = """    b_bar = [None] * R
    A_bar = [None] * R
    for r in reversed(range(R)):
        # pullback of: X.append(np.arctan(A[r] @ X[r] + b[r]))
        u_bar = X_bar / (1.0 + u[r] * u[r])
        b_bar[r] = np.sum(u_bar, axis=1, keepdims=True)
        A_bar[r] = u_bar @ X[r].T
        if r:
            X_bar = A[r].T @ u_bar
"""
    assert backward in text
    assert text.rstrip().endswith("return logistic, (A_bar, b_bar)")


def tour_program():
    """The network of the tour as its program has it: a sum of Python over all entries, tiles, helpers in one line."""
    lines = """
def dotp(x,y): return sum( x.flatten() * y.flatten() )
def max2(S): return np.tile( S.max(axis=1,keepdims=1), (1,S.shape[1]) )
def LSE0(S): return np.log( np.exp(S).sum(axis=1,keepdims=1))
def LSE(S): return LSE0( S-max2(S) ) + S.max(axis=1,keepdims=1)
def lossF(z,y): return LSE(z.transpose()).sum() - dotp(z,y)
def rhoF(u): return np.arctan(u)
def ForwardNN(A,b,Z,R):
    X = []
    X.append(Z)
    for r in np.arange(0,R):
        X.append( rhoF( np.dot(A[r],X[r]) + np.tile(b[r],[1,Z.shape[1]]) ) )
    return X
def FuncNN(P): # A,b
    X = ForwardNN(P[0],P[1],x,R)
    return lossF(X[-1],Y)
"""
    D, n = (2, 4, 5, 8, 4, 3), 30
    x, Y = rng.normal(size=(2, n)), np.eye(3)[:, rng.integers(0, 3, n)]
    space = {"np": np, "x": x, "Y": Y, "R": 5}
    linecache.cache["<tour>"] = (len(lines), None, lines.splitlines(True), "<tour>")
    exec(compile(lines, "<tour>", "exec"), space)
    A = [rng.normal(size=(q, p)) for p, q in itertools.pairwise(D)]
    b = [rng.normal(size=(q, 1)) for q in D[1:]]
    return space["FuncNN"], (A, b), n


def test_the_tours_own_program_in_thirty_lines():
    fun, parameters, _ = tour_program()
    both = value_and_grad(fun)
    text = source(both, parameters, rolled=True, exact=False)
    assert not text.fell_back
    assert len(code_lines(text)) <= 30
    assert sorted(text.constants) == ["Y", "x"]
    assert "np.sum(X[5] * Y)" in text  # the sum that Python adds up entry by entry
    assert "S_bar = e / total" in text  # softmax(z) - y: the gradient through the maximum has cancelled
    assert "X_bar = S_bar.T - Y" in text
    assert "np.isnan" not in text
    value, (gA, gb) = text.function()(parameters)
    expected, (hA, hb) = both(parameters)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for a, h in zip([*gA, *gb], [*hA, *hb], strict=True):
        np.testing.assert_allclose(a, h, rtol=1e-9, atol=1e-12)


def test_exact_texts_of_the_tours_program_keep_every_bit():
    fun, parameters, _ = tour_program()
    rolled(value_and_grad(fun), parameters)


@pytest.mark.parametrize("seed", range(40))
def test_random_loops(seed):
    program, arguments = random_loop(seed)
    text = source(value_and_grad(program, tuple(range(8))), *arguments, rolled=True)
    assert not text.fell_back


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_random_loops_simplified(seed):
    program, arguments = random_loop(seed)
    fun = value_and_grad(program, tuple(range(8)))
    text = source(fun, *arguments, rolled=True, exact=False)
    assert not text.fell_back


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_random_loops_within_loops(seed):
    program, arguments = random_loop(seed, nested=True)
    text = source(value_and_grad(program, tuple(range(8))), *arguments, rolled=True)
    assert not text.fell_back


def test_names_that_are_taken():
    """Arguments called as the engine would call its own names."""

    def program(R, r, t):
        for k in range(5):
            R = R * np.cos(r) + t[k]
        return np.sum(R)

    rolled(value_and_grad(program, (0, 1, 2)), np.ones(3), 0.4, rng.normal(size=(5, 3)))


def test_a_program_without_loops_is_as_it_was():
    fun = value_and_grad(lambda x: np.sum(np.sin(x) * np.exp(x)))
    text = source(fun, np.ones(3), rolled=True)
    assert text == source(fun, np.ones(3))
    assert text.loops == 0


def test_two_passes_are_enough_where_a_line_repeats():
    A, b = mlp.init([2, 15, 3], rng=0)
    x, Y = rng.normal(size=(2, 7)), np.eye(3)[:, rng.integers(0, 3, 7)]

    def objective(A, b):
        z = x
        for r in range(2):
            z = np.arctan(A[r] @ z + b[r])
        return loss.logistic(z, Y)

    rolled(value_and_grad(objective, (0, 1)), list(A), list(b))


@pytest.mark.parametrize(
    ("fun", "text_of_gradient"),
    [
        (lambda z: np.log(np.sum(np.exp(z - np.max(z)))) + np.max(z), "e / "),
        (lambda z: np.sum(z - np.max(z)) + 3 * np.max(z), "np.ones(3)"),
        (lambda z: np.sum(z) - np.sum(z), "np.zeros(3)"),
    ],
)
def test_what_cancels_is_gone(fun, text_of_gradient):
    z = np.array([0.3, -0.2, 1.4])
    text = source(grad(fun), z, exact=False)
    assert not text.fell_back
    np.testing.assert_allclose(text.function()(z), grad(fun)(z), rtol=1e-12, atol=1e-15)
    assert text_of_gradient in text
    assert "==" not in text


def test_sums_in_order():
    x = rng.normal(size=30)
    text = source(lambda x: sum(x * x) + sum(x[k] for k in range(30)), x, exact=False)
    assert text.count("np.sum") == 2
    np.testing.assert_allclose(text.function()(x), np.sum(x * x) + np.sum(x), rtol=1e-13)
