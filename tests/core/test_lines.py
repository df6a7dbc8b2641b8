"""The line of the user's own program that a message names."""

import re
from typing import Any

import numpy as np
from messages import fails

from minigrad import grad

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
