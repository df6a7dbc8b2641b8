"""Python's `isinstance` and `type` for traced values."""

from typing import Any

import numpy as np

import minigrad
import minigrad.numpy as mnp
from minigrad.builtins import isinstance as sees
from minigrad.builtins import type as type_of


def test_isinstance_of_what_stands_in_for_an_array() -> None:
    """Compiled and batched functions take the branch that the value itself would take."""
    from minigrad import batched, compile  # noqa: A004

    def f(x: Any) -> Any:
        kinds = (float, np.ndarray)
        return sum(2.0**k * x for k, kind in enumerate(kinds) if sees(x, kind))

    compiled = compile(f)
    for x in (1.0, np.float64(1.0), np.ones(2)):
        for _ in range(2):
            assert np.array_equal(compiled(x), f(x))
    assert np.array_equal(batched(f)(np.ones((2, 3))), 2.0 * np.ones((2, 3)))
    assert np.array_equal(batched(f)(np.ones(2)), np.ones(2))


NUMBERS_AND_ARRAYS = [2.0, np.float64(2.0), np.float32(2.0), np.array(2.0), np.array([2.0]), np.ones((2, 3))]


def test_questions_about_a_value_are_answered_as_for_the_value_itself() -> None:
    """In every mode, with the names of this package and with those of NumPy and Python."""
    questions: list[Any] = [
        mnp.isscalar, np.ndim, np.shape, np.size, np.iterable, np.isrealobj, np.iscomplexobj, np.result_type, callable,
        lambda x: sees(x, np.ndarray), lambda x: sees(x, float), lambda x: sees(x, (int, np.generic)), type_of,
        lambda x: sees(x, np.float32),
    ]  # fmt: skip
    for value in NUMBERS_AND_ARRAYS:
        plain = np.float64(value) if type(value) is float else value
        expected = [question(plain) for question in questions]
        answers: list[list[Any]] = []

        def ask(x: Any, answers: list[list[Any]] = answers) -> Any:
            answers.append([question(x) for question in questions])
            return np.sum(x * x)

        minigrad.grad(ask)(value)
        minigrad.jvp(ask, (value,), (np.ones(np.shape(value)),))
        minigrad.derivatives(ask, value, 1)
        minigrad.hessian(ask)(value)
        minigrad.grad(lambda x, ask=ask: np.sum(minigrad.grad(ask)(x)))(value)
        assert len(answers) >= 5
        assert all(answer == expected for answer in answers)


def test_questions_in_a_batch_and_in_a_program() -> None:
    def ask(x: Any) -> Any:
        return x * (1.0 + mnp.isscalar(x) + 2 * sees(x, np.ndarray) + 4 * np.iterable(x))

    for xs in (np.ones(3), np.ones((3, 2))):
        assert np.array_equal(minigrad.batched(ask)(xs), np.stack([ask(x) for x in xs]))
        slopes = minigrad.batched(minigrad.grad(lambda x: np.sum(ask(x))))(xs)
        assert np.array_equal(slopes, np.stack([ask(x) for x in xs]))
    for value in NUMBERS_AND_ARRAYS:
        compiled = minigrad.compile(ask)
        for _ in range(2):
            assert np.array_equal(compiled(value), ask(value))
