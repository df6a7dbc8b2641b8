"""How tests look at an error: its type, and the words that must be in its message."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad import grad

X = np.array([0.5, -1.0, 2.0])


def fails(kind: type[BaseException] | tuple[type[BaseException], ...], run: Callable[[], Any], *pieces: str) -> str:
    """The message of the error that `run` raises; all pieces must be in it, and the engine must work afterwards."""
    with pytest.raises(kind) as caught:
        run()
    message = str(caught.value)
    for piece in pieces:
        assert piece in message, f"{piece!r} is not in: {message}"
    assert grad(lambda x: np.sum(x**2))(X).tolist() == [1.0, -2.0, 4.0]
    return message
