"""Values of other libraries are recognised by their protocols, and a message says what to write instead."""

from array import array
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from stand_ins import STAND_INS, JaxArray, SparseMatrix, TorchTensor

import minigrad as mg
from minigrad.core.foreign import as_plain_code, described, is_foreign


@pytest.mark.parametrize("kind", STAND_INS, ids=lambda kind: kind.__name__)
def test_arrays_are_recognised_by_their_protocol(kind: Any) -> None:
    assert is_foreign(kind([1.0, 2.0]))
    assert not is_foreign(kind)  # a class is no value


@pytest.mark.parametrize("value", [Decimal("1.5"), Fraction(1, 2), array("d", [1.0]), memoryview(array("i", [1]))])
def test_numbers_and_blocks_of_memory_are_foreign_too(value: Any) -> None:
    assert is_foreign(value)


class Colour(Enum):
    RED = 1.0


@pytest.mark.parametrize(
    "value",
    [
        1, 1.0, 1j, True, None, "text", b"bytes", bytearray(b"x"), np.float32(1.0), np.int64(1), np.ones(2),
        np.array([None]), np.array(["a"]), np.float64, np.dtype(float), np.random.default_rng(0), np.sin, len,
        object(), Colour.RED, slice(1), {1.0}, lambda x: x,
    ],
)  # fmt: skip
def test_everything_else_is_not(value: Any) -> None:
    assert not is_foreign(value)


def test_traced_values_and_stacks_of_examples_are_not() -> None:
    seen: list[bool] = []
    mg.grad(lambda x: seen.append(is_foreign(x)) or x)(1.0)
    mg.batched(lambda x: seen.append(is_foreign(x)) or x)(np.ones(2))
    mg.compile(lambda x: x if is_foreign(x) else -x)
    assert seen == [False, False]


def test_what_to_write_instead() -> None:
    assert as_plain_code(JaxArray([1.0])) == "np.asarray(x)"
    assert as_plain_code(TorchTensor([1.0])) == "x.numpy()"
    assert as_plain_code(TorchTensor([1.0], requires_grad=True)) == "x.detach().numpy()"
    assert as_plain_code(SparseMatrix([[1.0]])) == "x.toarray()"
    assert as_plain_code(Fraction(1, 2)) == "float(x)"
    assert as_plain_code(array("d", [1.0])) == "np.asarray(x)"
    assert described(SparseMatrix([[1.0]])) == "a stand_ins.SparseMatrix (shape (1, 1), dtype float64)"


def test_those_of_the_libraries_themselves() -> None:
    pandas = pytest.importorskip("pandas")
    series, frame = pandas.Series([1.0]), pandas.DataFrame({"a": [1.0]})
    assert described(series) == "a pandas.Series (shape (1,), dtype float64)"
    assert {as_plain_code(value) for value in (series, frame, series.index)} == {"x.to_numpy()"}
    xarray = pytest.importorskip("xarray")
    assert described(xarray.DataArray([1.0])) == "a xarray.DataArray (shape (1,), dtype float64)"
    assert as_plain_code(xarray.DataArray([1.0])) == "x.to_numpy()"
    data = xarray.Dataset({"a": ("t", [1.0])})
    assert as_plain_code(data) == "{key: part.to_numpy() for key, part in x.items()}"
    scipy = pytest.importorskip("scipy")
    assert described(scipy.sparse.csr_array([[1.0]])).startswith("a scipy.sparse.csr_array")
    assert as_plain_code(scipy.sparse.csr_array([[1.0]])) == "x.toarray()"
