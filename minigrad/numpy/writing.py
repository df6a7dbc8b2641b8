"""NumPy's ways of writing into an array, for traced ones: operators, assignment, `out=`, and the functions that write.

Each finds out what is to be written to which entries; who shares these is known to `rules/writing`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import as_plain
from minigrad.core.lines import is_ours, located
from minigrad.core.tape import SHARED, Box, link, peel, snapshot
from minigrad.numpy.dispatch import FUNCTIONS, as_array, refuse
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import shapes as _shapes
from minigrad.rules import writing as _w
from minigrad.rules.writing import Share, is_number, target

# ----- a value for the entries that it is written to ------------------------------------------------------------------


def fitted(value: Any, shape: tuple[int, ...], dtype: Any, what: str, casting: str = "unsafe") -> Any:
    """A value of this shape and dtype, which nobody else has."""
    value = as_array(value)
    have = peel(value)
    if have.dtype != dtype:
        if have.dtype.kind == "c" and dtype.kind != "c":
            advice = "a complex value cannot be written into a real array; take np.real of it"
            raise refuse(what, advice) if casting == "unsafe" else TypeError(located(f"{what}: {advice}"))
        if not np.can_cast(have.dtype, dtype, casting):  # type: ignore[arg-type]
            raise TypeError(
                located(
                    f"{what}: {have.dtype} cannot be written into an array of {dtype} (casting={casting!r}); "
                    f"cast it first: x.astype({dtype.name!r})"
                )
            )
        value = _moving.cast(value, dtype) if type(value) is Box else value.astype(dtype)
    if have.shape != shape:
        extra = len(have.shape) - len(shape)
        if extra > 0 and have.shape[:extra] == (1,) * extra:
            value = _shapes.reshape(value, shape=have.shape[extra:])
        if peel(value).shape != shape:
            try:
                value = _shapes.broadcast_to(value, shape=shape)
            except ValueError:
                raise ValueError(
                    located(
                        f"{what}: a value of shape {have.shape} cannot be written into entries of shape {shape}; "
                        "it has to broadcast to these"
                    )
                ) from None
    return snapshot(value) if type(value) is Box else value


def write(box: Box, value: Any, what: str, casting: str = "same_kind") -> Box:
    """Write into all entries of a box."""
    share = target(box, what)
    share.write(share.places, fitted(value, share.shape, share.dtype, what, casting))
    return box


# ----- operators and assignment ---------------------------------------------------------------------------------------


def in_place(bind: Callable[..., Any], what: str) -> Callable[..., Any]:
    """`x += y` and the like: an array is written to; for a number the name is given to the result."""

    def operate(self: Box, other: Any) -> Any:
        if is_number(self):
            return bind(self, other)
        target(self, what)
        ans = bind(self, as_array(other) if isinstance(other, (list, tuple)) else other)
        if peel(ans).shape != self.shape:
            raise ValueError(
                located(
                    f"{what}: a result of shape {peel(ans).shape} cannot be written into an array of shape "
                    f"{self.shape}; write x = x + y, which makes a new array"
                )
            )
        return write(self, ans, what)

    return operate


def setitem(self: Box, index: Any, value: Any) -> None:
    """`x[index] = value`."""
    what = "x[index] = value"
    if is_number(self):
        raise TypeError(located(f"{what}: x is a number, {type(peel(self)).__name__}, and has no entries"))
    share = target(self, what)
    places = share.places[_moving.plain_index(index, self)]
    if type(places) is not np.ndarray:
        value = as_array(value)
        if peel(value).size == 1 and peel(value).ndim:
            value = _shapes.reshape(value, shape=())
        value = fitted(value, (), share.dtype, what)[()]
    else:
        if type(value) is Box and type(value.link) is Share:
            other = value.link
            if other.memory is share.memory and other.part is share.part:
                if _w.is_same(other.places, places):
                    return  # what `x[index] += y` does at its end
                _refuse_shuffle()
        value = fitted(value, places.shape, share.dtype, what)
    share.write(places, value)


def _refuse_shuffle() -> None:
    """Raise if it is NumPy's `shuffle` that exchanges two parts of an array.

    It copies the parts of its own arrays, and writes those of others over each other, which are views. It is written in
    C, so that it is seen by the line that calls it: this is a call, and not an assignment.
    """
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    if "shuffle" in frame.f_code.co_names:
        from opcode import opname  # here for start-up: few programs shuffle

        if opname[frame.f_code.co_code[frame.f_lasti]].startswith("CALL"):
            raise refuse(
                "shuffle",
                "NumPy exchanges parts of an array that is not its own without copying them, and doubles some. "
                "Write x = x[rng.permutation(len(x))]",
            )


def into(out: Any, ans: Any, what: str, where: Any = True, casting: str = "same_kind") -> Any:
    """`out=`: a result is written into a traced array. Of several results, each into its own."""
    if type(out) is tuple:
        if len(out) == 1:
            return into(out[0], ans, what, where, casting)
        return tuple([a if o is None else into(o, a, what, where, casting) for o, a in zip(out, ans)])
    if type(out) is not Box or is_number(out):
        raise refuse(
            what,
            "a traced value cannot be written into an array that is not traced (out= or an in-place operator such as "
            "a += x): its derivative would be lost. Write a = a + x instead",
        )
    if where is not True:
        ans = _e.where(where, ans, out)
    if peel(ans).shape != out.shape:
        ans = as_array(ans)
    return write(out, ans, what, casting)


# ----- ufunc.at -------------------------------------------------------------------------------------------------------


def at(ufunc: np.ufunc, bind: Any, x: Any, index: Any, *operands: Any) -> None:
    """`ufunc.at(x, index, v)`: at places that occur several times, one after the other."""
    what = f"np.{ufunc.__name__}.at"
    if type(x) is not Box:
        raise refuse(what, "the array is not traced, and cannot take the derivative; use minigrad.add_at(x, index, v)")
    share = target(x, what)
    places = np.asarray(share.places[_moving.plain_index(index, x)])
    vs = [_shapes.reshape(_shapes.broadcast_to(as_array(v), shape=places.shape), shape=-1) for v in operands]
    once, which = np.unique(places.reshape(-1), return_inverse=True)
    now = share.of_part(share.memory.read(once))
    if ufunc in (np.add, np.subtract):
        if vs:
            total = _moving.scatter_add(_moving.cast(vs[0], share.dtype), index=which, size=once.size)
            now = now + total if ufunc is np.add else now - total
    else:
        order = np.argsort(which, kind="stable")
        starts = np.flatnonzero(np.diff(which[order], prepend=-1))
        turn = np.arange(which.size) - np.repeat(starts, np.diff(starts, append=which.size))
        for k in range(turn.max(initial=-1) + 1):
            chosen = order[turn == k]
            entries = which[chosen]
            result = _moving.cast(bind(now[entries], *[v[chosen] for v in vs]), share.dtype)
            now = _moving.put(now, result, places=entries)
    share.write(once, fitted(now, once.shape, share.dtype, what, "same_kind"))


# ----- functions ------------------------------------------------------------------------------------------------------


def _array(a: Any, what: str) -> Box:
    if type(a) is not Box or is_number(a):
        raise refuse(
            what,
            "the array is not traced, and the derivative of what is written into it would be lost. Build the array "
            "instead: np.array([x, y]), np.stack, np.where(mask, new, old), or minigrad.set_at(x, index, new)",
        )
    return a


def _repeated(values: Any, size: int) -> Any:
    """A vector of `size` entries, by going through the values again and again."""
    flat = _shapes.reshape(as_array(values), shape=-1)
    return flat[np.arange(size) % flat.shape[0]]


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    _array(dst, "np.copyto")
    if where is True:
        write(dst, src, "np.copyto", casting)
    else:
        target(dst, "np.copyto")
        into(dst, as_array(src), "np.copyto", as_plain(peel(where), bool), casting)


def putmask(a: Any, mask: Any, values: Any) -> None:
    mask = as_plain(peel(mask), bool)
    chosen = np.flatnonzero(mask)
    setitem(_array(a, "np.putmask"), mask.reshape(a.shape), _repeated(values, a.size)[chosen])


def place(arr: Any, mask: Any, vals: Any) -> None:
    mask = as_plain(peel(mask), bool)
    setitem(_array(arr, "np.place"), mask.reshape(arr.shape), _repeated(vals, int(mask.sum())))


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    _array(a, "np.put")
    ind = as_plain(peel(ind)).reshape(-1)
    np.put(np.zeros(1), [0], 0.0, mode)  # type: ignore[arg-type]  # or NumPy's own error
    if mode != "raise":
        ind = ind % a.size if mode == "wrap" else np.clip(ind, 0, a.size - 1)
    share = target(a, "np.put")
    places = share.places.reshape(-1)[ind]
    share.write(places, fitted(_repeated(v, ind.size), places.shape, share.dtype, "np.put"))


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    mask = np.zeros(_array(a, "np.fill_diagonal").shape, bool)
    np.fill_diagonal(mask, True, wrap)
    setitem(a, mask, _repeated(val, int(mask.sum())))


def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any = -1) -> None:
    share = target(_array(arr, "np.put_along_axis"), "np.put_along_axis")
    places = np.take_along_axis(share.places, as_plain(peel(indices)), axis)
    share.write(places, fitted(values, places.shape, share.dtype, "np.put_along_axis"))


WRITERS: dict[Any, Callable[..., Any]] = {
    np.copyto: copyto, np.putmask: putmask, np.place: place, np.put: put, np.fill_diagonal: fill_diagonal,
    np.put_along_axis: put_along_axis,
}  # fmt: skip

# ----- methods and attributes -----------------------------------------------------------------------------------------


def fill(self: Box, value: Any) -> None:
    """As of an array."""
    setitem(self, Ellipsis, value)


def sort(self: Box, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    """As of an array: sorts it, and returns nothing."""
    write(_array(self, "x.sort()"), FUNCTIONS[np.sort](self, axis=axis), "x.sort()")


def partition(self: Box, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
    """As of an array: reorders it, and returns nothing."""
    places = np.argpartition(peel(_array(self, "x.partition()")), kth, axis)
    write(self, FUNCTIONS[np.take_along_axis](self, places, axis), "x.partition()")


def flat(x: Box) -> Any:
    """All entries in order, to read and to write: a view also where the array has another layout."""
    made = _shapes.reshape.unlinked(x, shape=-1)  # type: ignore[attr-defined]
    return _decreed(made, x, _w.FLAT)


def real(x: Box) -> Any:
    """The real part, a view of a complex array; a real array is its own."""
    return _decreed(_e.real(x), x, _w.REAL) if x.dtype.kind == "c" else x


def imag(x: Box) -> Any:
    """The imaginary part, a view of a complex array."""
    return _decreed(_e.imag(x), x, _w.IMAG) if x.dtype.kind == "c" else _e.imag(x)


def _decreed(made: Any, x: Box, view: Any) -> Any:
    if type(made) is not Box or is_number(x):
        return made
    if type(x.link) is Share:
        return x.link.viewed(x, view, {}) if x.index == SHARED else x.link.joined(made, view, {})
    return link(made, x, view, {})


def set_all(name: str) -> Callable[[Box, Any], None]:
    """`x.real = v` and the like."""
    return lambda self, value: fill(getattr(self, name), value)


def set_shape(self: Box, shape: Any) -> None:
    """`x.shape = shape`, where NumPy does not have to copy."""
    made = _shapes.reshape(self, shape=shape)
    if type(made) is not Box or made.link is None or type(made.link) is list:
        raise AttributeError(
            located("x.shape = shape: the entries would have to be copied; write x = x.reshape(shape)")
        )
    share = target(made, "x.shape = shape")
    target(self, "x.shape = shape")
    share.memory.join(self, share)
    self.value = share
