"""`vspace` and `VSpace` of `autograd.extend`: the space in which a value lies, with its zero and its basis.

minigrad itself needs none: cotangents are plain arrays, and `minigrad.tree_map` maps over structures of them. Programs
for autograd ask for the zeros of a value, its basis, or a random direction.

>>> space = vspace({"w": np.ones((2, 3)), "b": 1.0})
>>> space.size
7
>>> space.zeros()["w"].shape
(2, 3)
>>> space.inner_prod(space.ones(), space.ones())
np.float64(7.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from minigrad.core.lines import located
from minigrad.core.tape import peel


class VSpace:
    """A space of values. Its operations work on traced values too, so they are differentiable.

    A subclass may change the operations whose names begin with an underscore, and takes part by `register`.
    """

    mappings: ClassVar[dict[type, Callable[[Any], VSpace]]] = {}
    iscomplex = False

    def __init__(self, value: Any) -> None:
        pass

    @classmethod
    def register(cls, value_type: type, vspace_maker: Callable[[Any], VSpace] | None = None) -> None:
        """Let `vspace` of values of a type be made by this class, or by a function of the value."""
        VSpace.mappings[value_type] = vspace_maker or cls

    def zeros(self) -> Any:
        """The zero of the space."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of its zeros")

    def ones(self) -> Any:
        """A value with ones in all its places; of complex numbers 1 + 1j."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of its ones")

    def standard_basis(self) -> Iterator[Any]:
        """The values with one 1, and zeros elsewhere; of complex numbers also those with one 1j."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of its basis")

    def randn(self) -> Any:
        """A random value, drawn with `np.random.randn`."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of its random values")

    def add(self, x_prev: Any, x_new: Any) -> Any:
        """The sum."""
        return self._add(x_prev, x_new)

    def mut_add(self, x_prev: Any, x_new: Any) -> Any:
        """The sum, written into the first value where that can be; `None` is zero."""
        return self._mut_add(self.zeros() if x_prev is None else x_prev, x_new)

    def scalar_mul(self, x: Any, a: Any) -> Any:
        """The product with a number."""
        return self._scalar_mul(x, a)

    def inner_prod(self, x: Any, y: Any) -> Any:
        """The real scalar product."""
        return self._inner_prod(x, y)

    def covector(self, x: Any) -> Any:
        """The value whose product with v, as of a cotangent and a tangent, is the scalar product with v."""
        return self._covector(x)

    def _add(self, x: Any, y: Any) -> Any:
        return x + y

    def _mut_add(self, x: Any, y: Any) -> Any:
        x += y
        return x

    def _scalar_mul(self, x: Any, a: Any) -> Any:
        return x * a

    def _inner_prod(self, x: Any, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} says nothing of its scalar product")

    def _covector(self, x: Any) -> Any:
        return x

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={part}' for key, part in vars(self).items())})"


class ArrayVSpace(VSpace):
    """Real arrays and numbers of one shape and dtype."""

    units: tuple[complex, ...] = (1.0,)

    def __init__(self, value: Any) -> None:
        array = np.asarray(value)
        self.shape, self.dtype = array.shape, array.dtype

    @property
    def size(self) -> int:
        """The number of real coordinates."""
        return int(np.prod(self.shape)) * len(self.units)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def zeros(self) -> Any:  # noqa: D102
        return np.zeros(self.shape, self.dtype)

    def ones(self) -> Any:  # noqa: D102
        return np.full(self.shape, sum(self.units), self.dtype)

    def standard_basis(self) -> Iterator[Any]:  # noqa: D102
        for index in np.ndindex(*self.shape):
            for unit in self.units:
                vector = self.zeros()
                vector[index] = unit
                yield vector

    def randn(self) -> Any:  # noqa: D102
        return np.asarray(sum(np.random.randn(*self.shape) * unit for unit in self.units)).astype(self.dtype)

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return np.dot(np.ravel(x), np.ravel(y))


class ComplexArrayVSpace(ArrayVSpace):
    """Complex arrays and numbers of one shape and dtype, as a space over the real numbers."""

    iscomplex = True
    units = (1.0, 1.0j)

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return np.real(np.dot(np.conj(np.ravel(x)), np.ravel(y)))

    def _covector(self, x: Any) -> Any:
        return np.conj(x)


class ContainerVSpace(VSpace):
    """Tuples, lists, named tuples and dicts of values. `shape` is such a container of the spaces of its parts."""

    def __init__(self, value: Any) -> None:
        self.shape = value
        self.shape = self._map(vspace)

    def _map(self, change: Callable[..., Any], *values: Any) -> Any:
        """The container of what `change` makes of the part of `shape`, and of those of the values."""
        shape = self.shape
        if isinstance(shape, dict):
            return {key: change(part, *[value[key] for value in values]) for key, part in shape.items()}
        parts = [change(*each) for each in zip(shape, *values, strict=True)]
        return type(shape)(*parts) if hasattr(shape, "_fields") else type(shape)(parts)

    def _parts(self, container: Any) -> Any:
        return container.values() if isinstance(container, dict) else container

    @property
    def size(self) -> int:
        """The number of real coordinates."""
        return sum(part.size for part in self._parts(self.shape))

    def zeros(self) -> Any:  # noqa: D102
        return self._map(lambda space: space.zeros())

    def ones(self) -> Any:  # noqa: D102
        return self._map(lambda space: space.ones())

    def randn(self) -> Any:  # noqa: D102
        return self._map(lambda space: space.randn())

    def standard_basis(self) -> Iterator[Any]:  # noqa: D102
        for place in self._parts(self.shape):
            for vector in place.standard_basis():
                yield self._map(lambda space, place=place, v=vector: v if space is place else space.zeros())

    def _add(self, x: Any, y: Any) -> Any:
        return self._map(lambda space, a, b: space._add(a, b), x, y)

    def _mut_add(self, x: Any, y: Any) -> Any:
        return self._map(lambda space, a, b: space._mut_add(a, b), x, y)

    def _scalar_mul(self, x: Any, a: Any) -> Any:
        return self._map(lambda space, part: space._scalar_mul(part, a), x)

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return sum(self._parts(self._map(lambda space, a, b: space._inner_prod(a, b), x, y)))

    def _covector(self, x: Any) -> Any:
        return self._map(lambda space, part: space._covector(part), x)


class SequenceVSpace(ContainerVSpace):
    """Tuples, lists and named tuples of values."""


class ListVSpace(SequenceVSpace):
    """Lists of values."""


class TupleVSpace(SequenceVSpace):
    """Tuples of values."""


class NamedTupleVSpace(SequenceVSpace):
    """Named tuples of values, such as the results of `np.linalg.eigh`."""


class DictVSpace(ContainerVSpace):
    """Dicts of values."""


EigResultVSpace = EighResultVSpace = QRResultVSpace = SlogdetResultVSpace = SVDResultVSpace = NamedTupleVSpace

ListVSpace.register(list)
TupleVSpace.register(tuple)
DictVSpace.register(dict)
for _kind in (float, np.longdouble, np.float64, np.float32, np.float16):
    ArrayVSpace.register(_kind)
for _complex in (complex, np.clongdouble, np.complex128, np.complex64):
    ComplexArrayVSpace.register(_complex)
VSpace.register(np.ndarray, lambda x: ComplexArrayVSpace(x) if np.iscomplexobj(x) else ArrayVSpace(x))


def vspace(value: Any) -> VSpace:
    """The space of a value: of floats, complex numbers, arrays, and of tuples, lists and dicts of these.

    Args:
        value: traced or not.

    Returns:
        The space. Two values of the same structure, shapes and dtypes have equal spaces.

    Raises:
        TypeError: for a type that has no space; `VSpace.register` gives it one.

    >>> vspace(1.0 + 2.0j).size
    2
    >>> [v.tolist() for v in vspace(np.zeros(2)).standard_basis()]
    [[1.0, 0.0], [0.0, 1.0]]
    """
    plain = peel(value)
    kind = type(plain)
    maker = VSpace.mappings.get(kind)
    if maker is None and isinstance(plain, tuple) and hasattr(plain, "_fields"):
        maker = NamedTupleVSpace
    if maker is None:
        raise TypeError(
            located(
                f"vspace: a value of type {kind.__name__} lies in no space; there are spaces of floats, complex "
                f"numbers, arrays of them, and of tuples, lists and dicts. VSpace.register({kind.__name__}, ...) adds "
                f"one"
            )
        )
    return maker(plain)
