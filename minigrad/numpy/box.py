"""What a box can do: NumPy's two protocols, and the tables of its operators, methods and properties."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad.core.adopted import adopt_all, given_back
from minigrad.core.asking import place_of
from minigrad.core.duck_arrays import Duck, as_plain, innermost, reduced_for
from minigrad.core.foreign import performs_ufuncs
from minigrad.core.lines import PRODUCT, asked_by_a_sparse_matrix, is_left_to_the_other, located
from minigrad.core.nested import any_within, is_box, is_traced, peel_all
from minigrad.core.tape import Box, note_refusal, open_part, peel, read_only, refusal, snapshot
from minigrad.errors import LostDerivativeError
from minigrad.numpy import functions as _f
from minigrad.numpy import writing as _writing
from minigrad.numpy.dispatch import FUNCTIONS, UFUNCS, as_array, call_ufunc, laid_out, refuse
from minigrad.rules import elementwise as _e
from minigrad.rules import libraries as _libraries  # noqa: F401  (it enters its tables where they are looked for)
from minigrad.rules import moving as _moving
from minigrad.rules import products as _l
from minigrad.rules import reductions as _reductions
from minigrad.rules import shapes as _shapes
from minigrad.rules import sparse_products as _sparse_products  # noqa: F401  (it enters itself in the primitives)
from minigrad.rules.iterated import iterated

_PLAIN = {Box, _np.ndarray, _np.float64, float, int}  # operands of these types hold no duck arrays but in boxes

# ----- NumPy's two protocols ------------------------------------------------------------------------------------------


def _array_ufunc(self: Box, ufunc: _np.ufunc, method: str, *args: Any, **options: Any) -> Any:
    """NEP 13: NumPy calls this for every ufunc that meets a box."""
    if method == "__call__" and not options and self.tape.is_open and _PLAIN.issuperset(map(type, args)):
        bind = UFUNCS.get(ufunc)  # the usual case, without a walk over the arguments
        if bind is not None:
            return bind(*args)
    if len(args) > 1 and (isinstance(innermost(args), Duck) or any(map(performs_ufuncs, args))):
        return NotImplemented
    if not (any_within(is_traced, args) or any_within(is_traced, options)):
        if method == "at" or any_within(is_box, options.get("out")):
            raise _kept(f"np.{ufunc.__name__}")
        return getattr(ufunc, method)(*peel_all(args), **peel_all(options))
    bind = UFUNCS.get(ufunc)
    if bind is None and "scipy.special" in sys.modules:
        import minigrad.scipy.special  # noqa: F401  (it enters the ufuncs of SciPy in the table)

        bind = UFUNCS.get(ufunc)
    if bind is None:
        raise refusal(NotImplementedError, f"{ufunc.__name__} has no derivative rule. {_nearest(ufunc.__name__)}")
    if method == "__call__" and not options:
        return bind(*args)
    if method == "at":
        return _writing.at(ufunc, bind, *args)
    if options.get("out") is not None:
        out, where, casting = options.pop("out"), options.pop("where", True), options.get("casting", "same_kind")
        return _writing.into(out, _array_ufunc(self, ufunc, method, *args, **options), ufunc.__name__, where, casting)
    if method == "__call__":
        return call_ufunc(ufunc, bind, args, (), options)
    if method == "outer":
        x, y = map(as_array, args)
        wide = _shapes.reshape(x, shape=x.shape + (1,) * len(y.shape))
        return call_ufunc(ufunc, bind, (wide, y), (), options)
    if method == "reduce" and ufunc in _REDUCTIONS:
        axis, keepdims = options.pop("axis", 0), options.pop("keepdims", False)
        return _REDUCTIONS[ufunc](args[0], axis=args[1] if len(args) > 1 else axis, keepdims=keepdims, **options)
    if method == "accumulate" and ufunc in (_np.add, _np.multiply):
        given = dict(zip(("axis", "dtype", "out"), args[1:])) | options
        out = given.pop("out", None)
        return (_f.cumsum if ufunc is _np.add else _f.cumprod)(args[0], given.pop("axis", 0), out=out, **given)
    if ufunc.nin == 2 and ufunc.nout == 1 and ufunc.signature is None and method in _FOLDS:
        given = dict(zip(_FOLDS[method], args[1:])) | options
        if given.pop("out", None) is not None:
            raise refuse(f"{ufunc.__name__}.{method}", "out= cannot be differentiated; use the returned value")
        return _folded(bind, method, as_array(args[0]), **given)
    raise refusal(
        NotImplementedError,
        f"np.{ufunc.__name__}.{method} has no derivative rule; use minigrad.add_at(x, index, v) or "
        f"minigrad.set_at(x, index, v), which return a new array",
    )


_FOLDS = {"reduce": ("axis", "dtype", "out", "keepdims"), "accumulate": ("axis", "dtype", "out")}
_FOLDS["reduceat"] = ("indices", "axis", "dtype", "out")


def _folded(
    bind: Callable[..., Any], method: str, x: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False,
    indices: Any = None,
) -> Any:  # fmt: skip
    """`reduce`, `accumulate` and `reduceat` of any binary ufunc: the operation, applied again and again."""
    if not isinstance(axis, (int, _np.integer)):
        raise refusal(NotImplementedError, f"ufunc.{method}: axis={axis!r} has no rule; name one axis")
    x = x if dtype is None else _moving.cast(x, dtype)
    rows = list(_f.moveaxis(x, axis, 0))
    if not rows:
        raise ValueError(located(f"ufunc.{method}: an axis of size 0 has nothing to fold"))
    if method == "reduce":
        ans = functools.reduce(bind, rows)
        return _f.expand_dims(ans, axis) if keepdims else ans
    if method == "accumulate":
        return _f.moveaxis(_moving.stack(*itertools.accumulate(rows, bind), axis=0), 0, axis)
    starts = as_plain(peel(indices)).tolist()
    parts = [rows[a:b] if a < b else rows[a : a + 1] for a, b in zip(starts, [*starts[1:], len(rows)])]
    return _f.moveaxis(_moving.stack(*[functools.reduce(bind, part) for part in parts], axis=0), 0, axis)


_REDUCTIONS: dict[Any, Callable[..., Any]] = {
    _np.add: _f.sum, _np.multiply: _f.prod, _np.maximum: _f.max, _np.minimum: _f.min,
    _np.logical_and: FUNCTIONS[_np.all], _np.logical_or: FUNCTIONS[_np.any],
}  # fmt: skip


def _array_function(self: Box, function: Any, types: Any, args: Any, options: Any) -> Any:
    """NEP 18: NumPy calls this for every other function that meets a box."""
    if not options and len(args) == 1 and args[0] is self and self.tape.is_open:
        rule = FUNCTIONS.get(function)  # the usual case, without a walk over the arguments
        if rule is not None:
            return rule(self)
    if len(types) > 1:
        if isinstance(innermost((args, options)), Duck):
            return NotImplemented
        args, options = adopt_all((args, options))
    if not (any_within(is_traced, args) or any_within(is_traced, options)):
        if type(options.get("out")) is Box or (function in _writing.WRITERS and type(args[0]) is Box):
            raise _kept(f"np.{function.__name__}")
        return function(*peel_all(args), **peel_all(options))
    rule = FUNCTIONS.get(function)
    if rule is None and function.__module__ == "numpy.fft":
        import minigrad.numpy.fft  # noqa: F401  (start-up: it enters its functions in the table)

        rule = FUNCTIONS.get(function)
    if options.get("out") is not None:
        out = options.pop("out")
        return _writing.into(out, _array_function(self, function, types, args, options), f"np.{function.__name__}")
    if rule is None:
        if function in _writing.WRITERS:
            return _writing.WRITERS[function](*args, **options)
        name = f"{function.__module__}.{function.__name__}"
        raise refusal(NotImplementedError, f"{name} has no derivative rule. {_nearest(function.__name__)}")
    return rule(*args, **options)


def _kept(what: str) -> ValueError:
    return ValueError(
        located(
            f"{what}: the array was kept beyond the transformation that computed it, and is read-only. Write into a "
            "copy: np.array(x)"
        )
    )


def _nearest(name: str) -> str:
    """What to do about a function without a rule."""
    if name.endswith(" (vectorized)"):
        return (
            "np.frompyfunc calls a function of Python with plain numbers: call that function itself, written in "
            "NumPy's functions, or minigrad.vmap(f)(x)"
        )
    import difflib

    known = sorted({f.__name__ for f in FUNCTIONS} | {f.__name__ for f in UFUNCS})
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"The nearest names that have one: {', '.join(near)}. " if near else ""
    return hint + "To treat its argument as a constant, take its plain value: minigrad.value(x)"


# ----- operators and methods of a box ---------------------------------------------------------------------------------


def _getitem(self: Box, index: Any) -> Any:
    return _moving.getitem(self, index=_moving.plain_index(index, self))


def _len(self: Box) -> int:
    if not self.shape:
        raise TypeError(located("len() of a traced value without axes (shape ())"))
    return int(self.shape[0])


def _iter(self: Box) -> Any:
    if not self.shape:
        raise TypeError(located("iteration over a traced value without axes (shape ())"))
    frame = sys._getframe(1)
    place = place_of(frame)
    if place.name and (asked := place.asked_by(frame)):
        one = reduced_for(asked, self, _SUM_IN_ORDER)
        if one is not None:
            return iter((one,))
    size = self.shape[0]
    if place.in_vain or size < 2 or self.index < 0 or not self.tape.is_open or self.tape.is_iteration:
        return (self[i] for i in range(size))
    return iterated(self, place)


_SUM_IN_ORDER = functools.partial(_reductions.sum_in_order, axis=0)


def _bool(self: Box) -> bool:
    if self.size != 1:
        raise ValueError(
            located(f"the truth of a traced array of shape {self.shape} is ambiguous; use np.any, np.all or np.where")
        )
    return bool(given_back(peel(self)))  # which a lazy library computes, as it does for its own arrays


def _hash(self: Box) -> int:
    if not _writing.is_number(self):
        raise TypeError("unhashable type: 'numpy.ndarray'")
    if type(open_part(self)) is not Box:
        return hash(peel(self))
    raise refusal(
        TypeError,
        f"a value that is being differentiated (shape {self.shape}, {self.dtype}) is no key of a dict, member of a set "
        "or argument of a function with functools.cache: an equal number would find what was stored, and get the "
        "derivative of this one. For the plain value, as a constant: minigrad.value(x)",
    )


def _lost(self: Box, message: str) -> LostDerivativeError:
    """The error of an operation that would lose the derivative of this value."""
    note_refusal(self, message)
    return LostDerivativeError(message)


def _no_plain(self: Box, kind: type | None = None) -> LostDerivativeError:
    """The error of making a plain number of this kind, or a plain array, of this value."""
    from minigrad.core.lost import words  # here, for a fast start-up: only mistakes need it

    return _lost(self, located(words("", self, kind)))


def _number(kind: type) -> Callable[[Box], Any]:
    def convert(self: Box) -> Any:
        if type(open_part(self)) is Box:
            raise _no_plain(self, kind)
        return kind(peel(self))

    return convert


def _array(self: Box, dtype: Any = None, copy: Any = None) -> Any:
    if type(open_part(self)) is Box:
        if asked_by_a_sparse_matrix():
            return _np.array(None)
        raise _no_plain(self)
    plain = read_only(_np.asarray(peel(self), dtype=dtype))  # a pullback may still need it
    return plain.copy() if copy else plain


def _missing(self: Box, name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"a traced value has no attribute {name!r}")
    from minigrad.core.words import OF_ARRAYS, instead  # here, for a fast start-up: only mistakes need it

    function = f"; here: np.{name}(x)" if name not in OF_ARRAYS and callable(getattr(_np, name, None)) else ""
    raise AttributeError(
        f"a value that is being differentiated behaves as an array of NumPy, which has no attribute {name!r}"
        + (function or instead(name, OF_ARRAYS, dir(_np.ndarray)))
    )


def _exclusive_or(self: Box, other: Any) -> Any:
    raise TypeError(located("^ is the exclusive or of bits, which floats have not: the power is x**2"))  # as NumPy does


def _index(self: Box) -> int:
    from minigrad.core.lost import no_index  # start-up, as above

    raise TypeError(located(no_index(self)))  # as for any float, so nothing is noted on the tape


def _ratio(self: Box) -> Any:
    if type(open_part(self)) is Box:
        raise _no_plain(self, float)
    return peel(self).as_integer_ratio()


def _reduce(self: Box) -> Any:
    if type(open_part(self)) is Box:
        raise LostDerivativeError(  # not noted on the tape: who catches this has no value to go on with
            located(
                "a value that is being differentiated cannot be pickled or sent to another process: its derivative "
                "would be lost. Differentiate within each process instead, or send minigrad.value(x)"
            )
        )
    return _moving.same, (peel(self),)


def _token(self: Box) -> Any:
    """What dask knows a value by that it puts into a graph, beyond which no tape sees."""
    if type(open_part(self)) is Box:
        raise _lost(
            self,
            located(
                "a function of dask was given a value that is being differentiated: its derivative would be lost. "
                "Write NumPy's function of the same name (np.sum for da.sum); minigrad.value(x) is the plain value"
            ),
        )
    return type(self).__name__, given_back(peel(self))


def _fill_value(self: Box) -> Any:
    if is_left_to_the_other():
        raise NotImplementedError(PRODUCT)
    raise AttributeError("fill_value")


def _tolist(self: Box) -> Any:
    return [part.tolist() for part in self] if self.shape else self


def _astype(
    self: Box, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    kind = self.dtype
    if casting != "unsafe":
        _np.zeros(1, kind).astype(dtype, casting=casting)  # NumPy's own error, if it has one
    cast = self if not copy and kind == dtype else _moving.cast(self, dtype)
    return laid_out(cast, order)


def _view(self: Box, dtype: Any = None, type: Any = None) -> Any:
    if {dtype, type} <= {None, _np.ndarray}:
        return self[...] if self.shape else self
    raise refuse("x.view", "it looks at the same bytes in another way; write x.reshape(shape) or x.astype(dtype)")


def _item(self: Box, *index: Any) -> Any:
    if not index and self.size != 1:
        raise ValueError(
            located(f"item() of a traced array of shape {self.shape}: only an array of size 1 is one number")
        )
    if len(index) > 1 or (index and isinstance(index[0], tuple)):
        return self[index[0] if len(index) == 1 else index]
    return _shapes.reshape(self, shape=-1)[index[0] if index else 0]


def _in_place(name: str, advice: str) -> Callable[..., Any]:
    def method(self: Box, *args: Any, **options: Any) -> Any:
        raise refuse(f"x.{name}", f"a traced value cannot be changed in place; use {advice}")

    return method


def _plain_only(name: str) -> Callable[..., Any]:
    def method(self: Box, *args: Any, **options: Any) -> Any:
        plain = open_part(self)
        if type(plain) is not Box:
            return getattr(plain, name)(*args, **options)
        raise refuse(f"x.{name}", f"it has no derivative; for the plain array use minigrad.value(x).{name}")

    return method


def _comparison(bind: Callable[..., Any]) -> Callable[[Box, Any], Any]:
    return lambda self, other: bind(self, other)


def _several(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method that takes a shape or axes as one tuple or as several numbers."""

    def method(self: Box, *args: Any, **options: Any) -> Any:
        if not args:
            return function(self, **options)
        return function(self, args[0] if len(args) == 1 else args, **options)

    return method


_OPERATORS: dict[str, Callable[..., Any]] = {
    "__add__": _e.add, "__radd__": lambda x, y: _e.add(y, x),
    "__sub__": _e.subtract, "__rsub__": lambda x, y: _e.subtract(y, x),
    "__mul__": _e.multiply, "__rmul__": lambda x, y: _e.multiply(y, x),
    "__truediv__": _e.divide, "__rtruediv__": lambda x, y: _e.divide(y, x),
    "__pow__": _e.power, "__rpow__": lambda x, y: _e.power(y, x),
    "__mod__": _e.remainder, "__rmod__": lambda x, y: _e.remainder(y, x),
    "__floordiv__": _comparison(_e.floor_divide), "__rfloordiv__": lambda x, y: _e.floor_divide(y, x),
    "__divmod__": _f.divmod, "__rdivmod__": lambda x, y: _f.divmod(y, x),
    "__matmul__": _l.matmul, "__rmatmul__": lambda x, y: _l.matmul(y, x),
    "__neg__": _e.negative, "__pos__": _e.positive, "__abs__": _e.absolute,
    "__lt__": _comparison(_e.less), "__le__": _comparison(_e.less_equal),
    "__gt__": _comparison(_e.greater), "__ge__": _comparison(_e.greater_equal),
    "__eq__": _comparison(_e.equal), "__ne__": _comparison(_e.not_equal),
    "__getitem__": _getitem, "__setitem__": _writing.setitem, "__len__": _len, "__iter__": _iter,
    "__contains__": lambda x, y: bool(_np.any(peel(x) == peel(y))),
    "__bool__": _bool, "__float__": _number(float), "__complex__": _number(complex),
    "__int__": _number(int), "__index__": _index, "__reduce__": _reduce,
    "__round__": lambda x, n=0: _np.round(peel(x), n),
    "__getattr__": _missing, "__xor__": _exclusive_or, "__rxor__": _exclusive_or,
    "__array__": _array, "__array_ufunc__": _array_ufunc, "__array_function__": _array_function,
    "__dask_tokenize__": _token,
    "__repr__": lambda x: f"Box({peel(x)!r})", "__str__": lambda x: str(peel(x)),
    "__format__": lambda x, spec: format(peel(x), spec),
    "__copy__": _f.copied, "__deepcopy__": lambda x, memo: _f.copied(x),
    "__iadd__": _writing.in_place(_e.add, "x += y"), "__isub__": _writing.in_place(_e.subtract, "x -= y"),
    "__imul__": _writing.in_place(_e.multiply, "x *= y"), "__itruediv__": _writing.in_place(_e.divide, "x /= y"),
    "__ipow__": _writing.in_place(_e.power, "x **= y"), "__imod__": _writing.in_place(_e.remainder, "x %= y"),
    "__ifloordiv__": _writing.in_place(_e.floor_divide, "x //= y"),
    "__imatmul__": _writing.in_place(_l.matmul, "x @= y"),
}  # fmt: skip

_METHODS: dict[str, Callable[..., Any]] = {
    "sum": _f.sum, "mean": _f.mean,
    "prod": _f.prod, "max": _f.max,
    "min": _f.min, "var": _f.var,
    "std": _f.std, "cumsum": _f.cumsum,
    "cumprod": _f.cumprod, "take": _f.take, "compress": lambda x, condition, axis=None: _f.compress(condition, x, axis),
    "reshape": _several(_f.reshape), "transpose": _several(_f.transpose), "ravel": _f.ravel, "flatten": _f.flatten,
    "swapaxes": _f.swapaxes, "squeeze": FUNCTIONS[_np.squeeze], "repeat": _f.repeat, "diagonal": _f.diagonal,
    "trace": _f.trace,
    "dot": _f.dot, "clip": _f.clip, "conj": _shapes.conjugate_if_complex, "conjugate": _shapes.conjugate_if_complex,
    "copy": lambda x, order="C": _f.copy(x, order),
    "astype": _astype, "item": _item, "tolist": _tolist,
    "all": FUNCTIONS[_np.all], "any": FUNCTIONS[_np.any], "nonzero": FUNCTIONS[_np.nonzero],
    "argmax": FUNCTIONS[_np.argmax], "argmin": FUNCTIONS[_np.argmin], "argsort": FUNCTIONS[_np.argsort],
    "argpartition": FUNCTIONS[_np.argpartition], "searchsorted": FUNCTIONS[_np.searchsorted],
    "round": FUNCTIONS[_np.round], "view": _view,
    "sort": _writing.sort, "partition": _writing.partition, "fill": _writing.fill,
    "put": lambda x, indices, values, mode="raise": _writing.put(x, indices, values, mode),
    "resize": _in_place("resize", "x.reshape"), "byteswap": _in_place("byteswap", "the values as they are"),
    "setfield": _in_place("setfield", "np.where"), "setflags": _in_place("setflags", "x as it is"),
    "__delitem__": _in_place("__delitem__", "an index that leaves entries out"),
    "as_integer_ratio": _ratio,
    "tobytes": _plain_only("tobytes"), "tofile": _plain_only("tofile"), "dump": _plain_only("dump"),
    "dumps": _plain_only("dumps"), "choose": _plain_only("choose"), "getfield": _plain_only("getfield"),
}  # fmt: skip

_PROPERTIES: dict[str, Callable[[Box], Any]] = {
    "T": _f.transpose, "mT": _l.matrix_transposed,
    "real": _writing.real, "imag": _writing.imag, "flat": _writing.flat,
    "nbytes": lambda x: peel(x).nbytes, "itemsize": lambda x: peel(x).itemsize, "device": lambda x: peel(x).device,
    "fill_value": _fill_value,
    "strides": lambda x: peel(x).strides, "flags": lambda x: peel(x).flags,
    "_value": lambda x: read_only(snapshot(x).value),  # as programs for autograd ask for it, one level down
}  # fmt: skip

for _name, _attribute in {**_OPERATORS, **_METHODS}.items():
    setattr(Box, _name, _attribute)
for _name, _attribute in _PROPERTIES.items():
    setattr(Box, _name, property(_attribute, _writing.set_all(_name) if _name in ("real", "imag", "flat") else None))
Box.shape = Box.shape.setter(_writing.set_shape)  # type: ignore
Box.__hash__ = _hash  # type: ignore[method-assign, assignment]
