"""Small classes with the protocols of other libraries' arrays, for tests of what is refused."""

from typing import Any

import numpy as np


class JaxArray:
    """`__array__`, `shape` and `dtype`, arithmetic, and functions of NumPy that make it a plain array."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers, float)

    @property
    def shape(self) -> Any:
        return self.numbers.shape

    @property
    def dtype(self) -> Any:
        return self.numbers.dtype

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.numbers

    def __pow__(self, k: Any) -> Any:
        return type(self)(self.numbers**k)

    def __mul__(self, other: Any) -> Any:
        return type(self)(self.numbers * np.asarray(other))

    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> Any:
        return self.numbers[index]

    def sum(self, *_: Any, **__: Any) -> Any:
        return self.numbers.sum()


class PandasSeries(JaxArray):
    """It also answers ufuncs, with values of its own kind."""

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        plain = [arg.numbers if isinstance(arg, PandasSeries) else arg for arg in args]
        ans = getattr(ufunc, method)(*plain, **kwargs)
        return type(self)(ans) if np.shape(ans) else ans

    def to_numpy(self) -> Any:
        return self.numbers


class _TorchDtype:
    """A dtype that is none of NumPy's, and has no `kind`."""


class TorchTensor(JaxArray):
    dtype = _TorchDtype()

    def __init__(self, numbers: Any, requires_grad: bool = False) -> None:
        super().__init__(numbers)
        self.requires_grad = requires_grad

    def numpy(self) -> Any:
        return self.numbers


class SparseMatrix:
    """Only a shape and a dtype."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers, float)
        self.shape, self.dtype = self.numbers.shape, self.numbers.dtype

    def toarray(self) -> Any:
        return self.numbers

    def __pow__(self, k: Any) -> Any:
        return type(self)(self.numbers**k)

    def sum(self, *_: Any, **__: Any) -> Any:
        return self.numbers.sum()


class InterfaceArray:
    """Only NumPy's older protocol."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers, float)

    @property
    def __array_interface__(self) -> Any:
        return self.numbers.__array_interface__


class DlpackArray:
    """Only the protocol by which libraries exchange arrays."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers, float)

    def __dlpack__(self, **_: Any) -> Any:
        return self.numbers.__dlpack__()


STAND_INS: list[Any] = [JaxArray, PandasSeries, TorchTensor, SparseMatrix, InterfaceArray, DlpackArray]
