"""Small classes with the protocols of other libraries' arrays, for tests of what is refused."""

import operator
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


# ----- a library whose arrays are elsewhere, as on a graphics processor -----------------------------------------------


class DeviceArray:
    """An array that no function of NumPy can read: the library's own functions do, those of `DEVICE`."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers)

    shape = property(lambda self: self.numbers.shape)
    dtype = property(lambda self: self.numbers.dtype)
    ndim = property(lambda self: self.numbers.ndim)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("NumPy asked for the numbers")

    def __array_function__(self, function: Any, types: Any, *_: Any) -> Any:
        if {*types} != {DeviceArray}:
            return NotImplemented
        raise TypeError(f"NumPy's {function.__name__} was asked")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **_: Any) -> Any:
        if any(not isinstance(arg, (DeviceArray, int, float)) for arg in args):
            return NotImplemented  # as every library does, of what it does not know
        raise TypeError(f"NumPy's {ufunc.__name__} was asked")

    def astype(self, dtype: Any) -> Any:
        return DeviceArray(self.numbers.astype(dtype))

    def reshape(self, shape: Any, order: Any = "C") -> Any:
        return DeviceArray(self.numbers.reshape(shape, order=order))

    def __getitem__(self, index: Any) -> Any:
        return DeviceArray(self.numbers[_numbers(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.numbers[_numbers(index)] = value.numbers

    def __bool__(self) -> bool:
        return bool(self.numbers)

    def __float__(self) -> float:
        return float(self.numbers)


def _on_device(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return DeviceArray(value)
    if isinstance(value, (list, tuple)):
        parts = list(map(_on_device, value))
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(_numbers, value))
    return value.numbers if isinstance(value, DeviceArray) else value


class _OfDevice:
    """A function, or a module of functions, of the library."""

    ndarray = DeviceArray

    def __init__(self, own: Any) -> None:
        self.own = own

    def __getattr__(self, name: str) -> Any:
        return _OfDevice(getattr(self.own, name))

    def __call__(self, *args: Any, **options: Any) -> Any:
        with np.errstate(all="ignore"):  # no floating-point events
            return _on_device(self.own(*_numbers(args), **{key: _numbers(value) for key, value in options.items()}))

    def asnumpy(self, value: Any) -> Any:
        return value.numbers


DEVICE = _OfDevice(np)


def _operator(function: Any, is_reflected: bool) -> Any:
    """The operator of an array, made of one of Python's."""
    return lambda x, y: _OfDevice(function)(y, x) if is_reflected else _OfDevice(function)(x, y)


for _name in ("add", "sub", "mul", "truediv", "and_", "or_", "eq", "gt"):
    for _prefix in ("", "r", "i"):
        setattr(DeviceArray, f"__{_prefix}{_name.strip('_')}__", _operator(getattr(operator, _name), _prefix == "r"))
DeviceArray.__hash__ = None  # type: ignore[assignment]
