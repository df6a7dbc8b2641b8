"""What may stand beside a traced value in an operation, and what is refused."""

from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad.numpy as mnp
from minigrad import grad

X = np.array([0.5, -1.0, 2.0])


def test_operands_that_are_no_numbers() -> None:
    """A traced value meets an object, a string, a masked array, None."""
    fails(TypeError, lambda: grad(lambda x: np.sum(x * np.array([1, None, 2])))(X), "object")
    fails(TypeError, lambda: grad(lambda x: np.sum(x + "text"))(X), "str")
    fails(TypeError, lambda: grad(lambda x: np.sum(x + None))(X), "NoneType")
    fails(TypeError, lambda: grad(lambda x: np.sum(x * {}))(X), "dict")
    masked = np.ma.masked_array([1.0, 2.0, 3.0], [True, False, False])
    fails(TypeError, lambda: grad(lambda x: np.sum(x * masked))(X), "MaskedArray")
    fails(TypeError, lambda: grad(lambda x: np.sum(x * np.array(["a", "b", "c"])))(X), "dtype")


UNFIT = [
    np.ma.masked_array([1.0, 2.0], [False, True]), np.array([[1.0, 2.0]]).view(np.matrix),
    np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)]), np.array(["a", "b"]),
    np.array([1.0, None], dtype=object), np.array(["2020-01-01"], dtype="M8[D]"),
]  # fmt: skip


@pytest.mark.parametrize("unfit", UNFIT, ids=["masked", "matrix", "structured", "strings", "objects", "dates"])
@pytest.mark.parametrize(
    "use",
    [
        lambda x, y: x * y, lambda x, y: y + x, np.dot, lambda x, y: mnp.concatenate([x, y]),
        lambda x, y: np.outer(x, y), lambda x, y: np.inner(y, x),
    ],
    ids=["*", "+", "dot", "concatenate", "outer", "inner"],
)  # fmt: skip
def test_what_cannot_be_differentiated_is_refused(unfit: Any, use: Any) -> None:
    """Never a mask dropped or a string converted in silence: a TypeError that says what to pass."""
    with pytest.raises(TypeError, match=r"plain array|Convert it first|np\.asarray"):
        grad(lambda x: np.sum(use(x, unfit)))(np.ones(2))


@pytest.mark.parametrize("unfit", UNFIT, ids=["masked", "matrix", "structured", "strings", "objects", "dates"])
def test_nor_is_it_an_input(unfit: Any) -> None:
    with pytest.raises(TypeError, match=r"plain array|cannot be differentiated"):
        grad(lambda x: np.sum(x))(unfit)
