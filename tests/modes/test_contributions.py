"""The backward sweep taken apart: contributions add up to the cotangents of the real sweep."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from programs import inputs, scalar, steps
from references import assert_close

import minigrad.numpy as mnp
from minigrad import checkpoint, root, trace
from minigrad.core.tape import peel
from minigrad.modes.contributions import contributions, local_derivative

X = np.array([0.5, -1.0, 2.0])
S = np.array([[2.0, 0.3], [0.3, 1.0]])


def taken_apart(tape: Any) -> tuple[list[Any], list[Any]]:
    """The cotangents, and for each node what it received."""
    received: list[list[Any]] = [[] for _ in tape.nodes]
    seeds = [(index, 1.0) for index in tape.output if index >= 0]
    for index, seed in seeds:
        received[index].append(seed)
    found = contributions(tape, seeds, lambda _i, _k, parent, ct, _seconds: received[parent].append(ct))
    return found, received


def parts_of(g: Any) -> list[Any]:
    """The cotangents of several results, or the one."""
    return g if type(g) is list else [g]


FUNCTIONS = {
    "several uses": (lambda x: np.sum(x * np.sin(x) + x[1] * x), X),
    "broadcasting": (lambda x: np.sum(x[:, None] * x + 2.0 * x.sum()), X),
    "entries": (lambda x: sum(k * x[k] * x[0] for k in range(3)), X),
    "matrices": (lambda A: np.sum(np.tanh(A @ A.T) @ A), S),
    "where": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), np.array([0.0, 4.0])),
    "complex": (lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2), X),
    "eigh": (lambda A: np.sum(np.linalg.eigh(A)[0] * np.array([1.0, 2.0])), S),
    "checkpoint": (lambda x: np.sum(checkpoint(lambda y: np.sin(np.exp(y)))(x)), X),
    "root": (lambda M: root(lambda E, M: E - 0.5 * np.sin(E) - M, 1.0, M), 1.0),
    "two outputs": (lambda x: (np.sum(x * x), x * 2.0), X),
    "nothing": (lambda x: 3.0, X),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_contributions_add_up_to_the_cotangents(case: str) -> None:
    """Of every node, and the cotangents are those of `backward`."""
    tape = trace(*FUNCTIONS[case])
    found, received = taken_apart(tape)
    for index, (mine, sweeps) in enumerate(zip(found, tape.cotangents())):
        assert (mine is None) == (sweeps is None) == (not received[index])
        for a, b in zip(parts_of(mine), parts_of(sweeps)):
            if b is not None:
                np.testing.assert_allclose(a, b, rtol=1e-15, atol=1e-300)
        if type(mine) is np.ndarray or isinstance(mine, np.generic):
            np.testing.assert_allclose(sum(received[index]), mine, rtol=1e-14, atol=1e-15)


@settings(max_examples=60)
@given(steps, inputs)
def test_contributions_of_any_program(program: Any, x: Any) -> None:
    """The sum of the contributions is the cotangent to 1e-15 of the largest of them."""
    tape = trace(scalar(program), x)
    found, received = taken_apart(tape)
    for mine, sweeps, parts in zip(found, tape.cotangents(), received):
        assert (mine is None) == (sweeps is None)
        if mine is None or type(mine) is list:
            continue
        largest = max(float(np.max(np.abs(part), initial=0.0)) for part in parts)
        np.testing.assert_allclose(sum(parts), mine, rtol=1e-15, atol=len(parts) * 1e-15 * largest)
        np.testing.assert_allclose(mine, sweeps, rtol=1e-13, atol=len(parts) * 1e-15 * largest)


def test_contributions_are_in_full() -> None:
    """Each in the shape of its argument, also where a rule returns a number."""
    tape = trace(lambda x: np.sum(x + np.mean(x)), np.ones((2, 3)))
    shapes: list[Any] = []
    contributions(tape, [(len(tape) - 1, 1.0)], lambda _i, _k, p, ct, _s: shapes.append((p, np.shape(ct))))
    assert all(shape == np.shape(tape.nodes[p][3]) for p, shape in shapes)


def test_a_zero_cotangent_meets_an_infinite_slope() -> None:
    """As in the sweep: 0 times infinity is 0, and nothing warns here."""
    tape = trace(lambda x: mnp.sum(x * mnp.sqrt(x)), np.array([0.0, 4.0]))
    found, _ = taken_apart(tape)
    np.testing.assert_array_equal(found[0], [0.0, 3.0])


def test_local_derivatives() -> None:
    """Elementwise the diagonal, else a matrix, and nothing where that is too large or there are several results."""
    tape = trace(lambda A: np.sum(np.tanh(A @ X)) + np.linalg.eigh(A[:, :2])[0][0], np.ones((2, 3)))
    local = {}
    for primitive, _parents, args, ans, params in tape.nodes[1:]:
        local[primitive.name] = local_derivative(primitive, 0, args, ans, params)
    assert_close(local["tanh"], 1.0 - np.tanh([1.5, 1.5]) ** 2, 1e-15)
    assert_close(local["sum"], np.ones((1, 2)), 1e-15)
    assert_close(local["matmul"], np.kron(np.eye(2), X), 1e-15)
    assert local["eigh"] is None
    big = trace(lambda A: A @ A, np.ones((9, 9)))
    primitive, _, args, ans, params = big.nodes[1]
    assert local_derivative(primitive, 0, args, ans, params) is None
    assert peel(big.nodes[0][3]).shape == (9, 9)
