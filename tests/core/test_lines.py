"""The line of the user's own program that a message names."""

import re
from typing import Any

import numpy as np
import pytest
from messages import fails

from minigrad import grad, trace
from minigrad.core.lines import Line, is_ours, located, user_line

X = np.array([0.5, -1.0, 2.0])


def test_the_line_of_an_assignment_is_shown() -> None:
    """The message ends with the file, the line number and the text of the user's own line."""

    def fun(x: Any) -> Any:
        result = np.zeros(3)
        for i in range(3):
            result[i] = x[i] ** 2
        return np.sum(result)

    message = fails(TypeError, lambda: grad(fun)(X), "result[i] = x[i] ** 2", "in fun")
    line = int(re.search(r"test_lines\.py:(\d+)", message).group(1))  # type: ignore[union-attr]
    assert line == fun.__code__.co_firstlineno + 3


def test_the_message_shows_the_line_inside_a_helper() -> None:
    """The innermost line of the user's own, not the line of the call of grad."""

    def helper(x: Any) -> Any:
        return np.histogram2d(x, x)  # the culprit

    fails(
        NotImplementedError,
        lambda: grad(lambda x: np.sum(helper(x)))(X),
        "np.histogram2d(x, x)  # the culprit",
        "in helper",
    )


def test_the_line_is_the_innermost_one_that_is_not_ours() -> None:
    """Neither minigrad's nor NumPy's, also where one of these calls the user's function."""
    seen: list[Line] = []

    def row(x: Any) -> Any:
        seen.append(user_line())  # here
        return x

    np.apply_along_axis(row, 0, X)
    grad(lambda x: np.sum(row(x)))(X)
    for line in seen:
        assert line.filename == __file__
        assert line.function == "row"
        assert line.number == row.__code__.co_firstlineno + 1
        assert line.text() == "seen.append(user_line())  # here"
        assert str(line) == f"test_lines.py:{line.number} `seen.append(user_line())  # here`"


def test_files_of_minigrad_and_numpy_are_ours() -> None:
    assert is_ours(trace.__code__.co_filename)
    assert is_ours(np.__file__)
    assert not is_ours(__file__)
    assert not is_ours(pytest.__file__)


def test_a_line_without_a_source_is_a_place_only() -> None:
    line = Line("<stdin>", 3, "<module>")
    assert line.text() == ""
    assert str(line) == "<stdin>:3"


def test_a_message_ends_with_the_place_and_the_text() -> None:
    def fun() -> str:
        return located("what happened")  # the text

    first, place, text = fun().split("\n")
    assert first == "what happened"
    assert place == f"  at {__file__}:{fun.__code__.co_firstlineno + 1}, in fun"
    assert text == '    return located("what happened")  # the text'
    line_of_nowhere = eval("located('what happened')", {"located": located})
    assert line_of_nowhere.split("\n")[1] == "  at <string>:1, in <module>"  # 3.13 has a text for it under python -c
