"""Writing into traced arrays, with the meaning that NumPy gives it: whoever shares the memory sees it.

No array is ever changed. What boxes share, a root and the views of it, becomes a `Memory` when it is first written to.
It knows what it held, and the writes since, which wait. Each box that shares it has the numbers of its entries, which
come about as the views did: an operation that makes a view of an array makes the same view of the numbers of its
entries. A box asks for its entries when it is read.

| what is read                     | what is recorded                                    | cost of it             |
|----------------------------------|-----------------------------------------------------|------------------------|
| one entry that was written       | nothing: it is the number that was written          | constant               |
| entries of one write, or of none | their indexing                                      | their number           |
| entries of several writes        | one node `put`, with these entries as its arguments | their number           |
| all entries                      | one node `put`; nothing waits any more              | the size of the memory |

So n writes into n entries, each of which reads the one before, take linear time and memory, in all modes: `put` is
linear in all of its arguments, and its transpose is an indexing.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from minigrad.core.adopted import Adopted
from minigrad.core.duck_arrays import innermost_duck, is_array
from minigrad.core.lines import located
from minigrad.core.tape import DUCKS, SHARED, Box, Tape, open_part, peel, settled, snapshot
from minigrad.rules.elementwise import imag, real
from minigrad.rules.moving import getitem, is_basic, put
from minigrad.rules.shapes import broadcast_to, inverse_permutation, ravel, reshape, transpose

index_of: Callable[..., Any] = getitem.unlinked  # type: ignore[attr-defined]
shape_of: Callable[..., Any] = reshape.unlinked  # type: ignore[attr-defined]
transposed: Callable[..., Any] = transpose.unlinked  # type: ignore[attr-defined]


class Memory:
    """What an array and its views share: what it held, and what was written since.

    `numbers` has the shape and layout of the array, and counts its entries in order. `owner` and `slot` say of each
    entry which of the writes it comes from (0 for none, else its position plus 1), and which entry of that it is.
    """

    __slots__ = (
        "__weakref__", "aliases", "born", "dtype", "held", "numbers", "owner", "pending", "plain", "slot", "tape",
        "version",
    )  # fmt: skip

    def __init__(self, root: Box) -> None:
        plain = peel(root)
        self.held: Any = snapshot(root)
        self.tape: Tape = root.tape
        self.dtype, self.born = plain.dtype, root.tape.serial
        within = getattr(plain, "value", plain)  # while compiling
        is_by_rows = type(plain) is np.ndarray or type(within) is not np.ndarray or plain.keeps_order("C")
        self.numbers = numbered(plain if is_by_rows else within)
        self.plain = None if type(plain) is np.ndarray else plain  #: what is no array lies by rows, if it is asked
        self.aliases: list[Any] = []
        self.pending: list[Any] = []
        self.owner: Any = None
        self.slot: Any = None
        self.version = 0

    # ----- who shares it ----------------------------------------------------------------------------------------------

    def join(self, box: Box, share: Share) -> Box:
        """From now on this box shares the memory."""
        box.link = share
        aliases = self.aliases
        n = len(aliases)
        if n >= 8 and not n & (n - 1):  # now and then forget those that are gone
            aliases[:] = [ref for ref in aliases if ref() is not None]
        aliases.append(weakref.ref(box))
        return box

    def lead(self, tape: Tape) -> None:
        """Let all boxes that share the memory, which is about to be written to on this tape, ask for their entries."""
        self.tape = tape
        tape.detours = True
        tape.tell_when_closed(self)
        for ref in self.aliases:
            box = ref()
            if box is not None:
                box.value, box.tape, box.index = box.link, tape, SHARED

    def settle(self, tape: Tape) -> None:
        """Give the boxes their values, before the tape is closed."""
        if self.tape is not tape:
            return  # a tape within is closed, and since then nothing was written
        for ref in self.aliases:
            box = ref()
            if box is not None and box.index == SHARED:
                now = box.link.current()
                box.value, box.index = (now.value, now.index) if now.tape is tape else (now, -1)
        self.flush()

    # ----- reading ----------------------------------------------------------------------------------------------------

    def number(self, place: int) -> Any:
        """One entry, as a number."""
        if self.pending and (k := self.owner[place]):
            value = self.pending[k - 1]
            shape = np.shape(peel(value))
            return value if shape == () else index_of(value, index=position(self.slot[place], shape))
        return index_of(self.held, index=position(place, self.numbers.shape))

    def read(self, places: Any, index: Any = None) -> Any:
        """The entries with these numbers, as an array. `index`: where these are in the whole, if that is an index."""
        if not self.pending or not places.size:
            return self.before(places, index)
        owners = self.owner[places]
        writes = np.unique(owners).tolist()
        if writes == [0]:
            return self.before(places, index)
        if len(writes) == 1 and type(value := self.pending[writes[0] - 1]) is Box and np.shape(peel(value)):
            slots = self.slot[places]
            part = part_of(value, slots.reshape(-1))
            return part if part.shape == places.shape else shape_of(part, shape=places.shape)
        if 4 * places.size >= self.numbers.size:
            self.flush()
            return self.before(places, index)
        return self.assembled(self.before(places, index), owners.reshape(-1), self.slot[places].reshape(-1))

    def laid_out(self, places: Any, index: Any = None) -> Any:
        """As `read`, in the layout of a view with these numbers, which operations on it hand on to their results."""
        if index is None and places is not self.numbers and places.ndim > 1 and not places.flags.c_contiguous:
            axes = tuple(sorted(range(places.ndim), key=lambda k: (-abs(places.strides[k]), k)))
            if axes != tuple(range(places.ndim)):
                return transposed(self.read(places.transpose(axes)), axes=inverse_permutation(axes))
        return self.read(places, index)

    def before(self, places: Any, index: Any) -> Any:
        """What these entries were before the writes that wait."""
        if places is self.numbers:
            return self.held
        if index is None:
            if not self.numbers.shape:  # one number, and a view of it that has axes
                return index_of(shape_of(self.held, shape=(1,)), index=(places,))
            index = np.unravel_index(places, self.numbers.shape)
            if places.shape == ():
                index = (*[int(i) for i in index], Ellipsis)
        return index_of(self.held, index=index)

    def assembled(self, base: Any, owners: Any, slots: Any) -> Any:
        """An array of which the entries come from these writes, and where there is none from `base`: one node."""
        order = np.argsort(owners, kind="stable")
        ends = np.flatnonzero(np.diff(owners[order])) + 1
        parts, places = [], []
        for group in np.split(order, ends):
            k = owners[group[0]]
            if k:
                places.append(group)
                parts.append(part_of(self.pending[k - 1], slots[group]))
        return put(base, *parts, places=np.concatenate(places))

    def flush(self) -> None:
        """Write what waits."""
        if self.pending:
            self.held = snapshot(self.assembled(self.held, self.owner, self.slot))
            self.pending, self.owner, self.slot = [], None, None

    # ----- writing ----------------------------------------------------------------------------------------------------

    def write(self, places: Any, value: Any) -> None:
        """Write a value of this dtype, of the shape of the places; it is the memory's own from now on."""
        if type(places) is np.ndarray and not places.size:
            return
        self.version += 1
        value = open_part(value)
        traced = type(value) is Box
        if traced and value.tape.serial > self.tape.serial:
            self.lead(value.tape)
        if traced and is_same(places, self.numbers) and has_layout(peel(value), self.numbers):
            self.held, self.pending, self.owner, self.slot = value, [], None, None
            return
        if self.owner is None:
            self.owner, self.slot = np.zeros(self.numbers.size, np.intp), np.zeros(self.numbers.size, np.intp)
        self.pending.append(value)
        self.owner[places] = len(self.pending)
        self.slot[places] = np.arange(places.size).reshape(places.shape)


class Share:
    """How a box shares a memory that was written to: the numbers of its entries, for a complex array also which part.

    It is the box's `value` from then on, and finds what the box holds when it is asked.
    """

    __slots__ = ("found", "index", "memory", "part", "places", "version")

    def __init__(self, memory: Memory, places: Any, index: Any = None, part: Any = None) -> None:
        self.memory, self.places, self.index, self.part = memory, places, index, part
        self.version = -1
        self.found: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the box."""
        return self.places.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the box."""
        return self.memory.dtype if self.part is None else self.memory.dtype.type(0).real.dtype

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.places.size

    def of_part(self, value: Any) -> Any:
        """Of entries of the memory what this box has of them."""
        return value if self.part is None else self.part(value)

    def current(self) -> Box:
        """What the box holds now, as a box that does not change."""
        memory = self.memory
        if self.version != memory.version:
            found = self.of_part(memory.laid_out(self.places, self.index))
            is_number = not self.places.shape and not is_array(peel(found))
            self.found = broadcast_to(found, shape=()) if is_number else found  # an array without axes stays one
            self.version = memory.version
        return self.found

    def known(self) -> Box | None:
        """What the box holds, if that was asked since the last write."""
        return self.found if self.version == self.memory.version else None

    def without_boxes(self) -> Any:
        """The plain array, see `peel`."""
        return peel(self.current())

    def write(self, places: Any, value: Any) -> None:
        """Write into the entries with these numbers."""
        if type(places) in DUCKS:
            places.needs_numbers("where to write")
        if self.part is not None:
            whole = self.memory.read(places) if np.ndim(places) else self.memory.number(places)
            value = value + 1j * imag(whole) if self.part is real else real(whole) + 1j * value
        self.memory.write(places, value)

    def view(self, primitive: Any, params: dict[str, Any], is_known: bool = False) -> Share | None:
        """How a view of the box shares the memory; None if NumPy makes a copy, unless it is known that it does not."""
        if (duck := innermost_duck(params.values())) is not None:
            duck.needs_numbers("which entries a view has")
        if primitive in PARTS:
            index = self.index if self.places is not self.memory.numbers else Ellipsis
            return Share(self.memory, primitive.fun(self.places), index, PARTS[primitive])
        if primitive in NEW_SHAPES and self.memory.plain is not None and not is_known:
            self.memory.plain.lies_by_rows()
        places = primitive.fun(self.places, **params)
        base = places.base if type(places) is np.ndarray else None
        if (
            not is_known
            and primitive is not FLAT
            and (base is None or (base is not self.places and base is not self.places.base))
        ):
            return None
        index = params.get("index") if primitive is GETITEM and self.places is self.memory.numbers else None
        return Share(self.memory, places, index if index is None or is_basic(index) else None, self.part)

    def viewed(self, x: Box, primitive: Any, params: dict[str, Any]) -> Any:
        """The result of `primitive(x, **params)` for a box x that has this share."""
        share = self.view(primitive, params)
        if share is not None:
            return self.memory.join(Box(share, x.tape, SHARED), share)
        if primitive is not GETITEM:
            return primitive.bind.unlinked(self.current(), **params)
        places = self.places[params["index"]]
        if type(places) is np.ndarray:
            return self.of_part(self.memory.read(places))
        return self.of_part(self.memory.number(places))

    def joined(self, box: Box, primitive: Any, params: dict[str, Any]) -> Box:
        """A box that was made by `primitive` from one that has this share, which was not written to on an open tape."""
        share = self.view(primitive, params)
        return box if share is None else self.memory.join(box, share)


DUCKS.add(Share)

GETITEM = getitem.primitive
NEW_SHAPES = (reshape.primitive, ravel.primitive)  # views or copies, as the entries lie in memory


class Decree:
    """What is a view although our result is a copy: where NumPy finds the entries of the result."""

    __slots__ = ("fun",)

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun


FLAT = Decree(lambda x, **params: x.reshape(-1))
REAL, IMAG = Decree(lambda x: with_gaps(x)), Decree(lambda x: with_gaps(x))
PARTS: dict[Any, Any] = {REAL: real, IMAG: imag}


# ----- numbers of entries ---------------------------------------------------------------------------------------------


def numbered(plain: Any) -> Any:
    """The numbers of the entries of an array, in an array of its layout: of both NumPy makes the same views."""
    shape = plain.shape
    counted = np.arange(math.prod(shape), dtype=np.intp).reshape(shape)
    if type(plain) is not np.ndarray or plain.flags.c_contiguous:
        return counted
    numbers = np.empty_like(plain, dtype=np.intp)
    steps = [s // plain.itemsize for s in plain.strides]
    wanted = tuple(step * numbers.itemsize for step in steps)
    if wanted != numbers.strides and 0 not in steps and all(s % plain.itemsize == 0 for s in plain.strides):
        extent = 1 + sum(abs(step) * (n - 1) for step, n in zip(steps, shape))
        start = sum(-step * (n - 1) for step, n in zip(steps, shape) if step < 0)
        numbers = np.lib.stride_tricks.as_strided(np.empty(extent, np.intp)[start:], shape, wanted)
    numbers[...] = counted
    return numbers


def with_gaps(x: Any) -> Any:
    """The same entries, each followed by a gap: as the real parts lie in an array of complex numbers."""
    wide = np.empty_like(x, dtype=[("entry", x.dtype), ("gap", x.dtype)])["entry"]
    wide[...] = x
    return wide


def has_layout(plain: Any, numbers: Any) -> bool:
    """Whether an array has its entries in memory in the order of these numbers. Of other values that is not asked."""
    if type(plain) is not np.ndarray or plain.ndim < 2:
        return True
    pairs = zip(plain.strides, numbers.strides, plain.shape)
    return all(n <= 1 or s // plain.itemsize == t // numbers.itemsize for s, t, n in pairs)


def position(place: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index of the entry with this number."""
    return tuple([int(i) for i in np.unravel_index(place, shape)])


def part_of(value: Any, slots: Any) -> Any:
    """The entries of a written value with these numbers; the value itself if these are all."""
    size = math.prod(np.shape(peel(value)))
    if size == slots.size and (size <= 1 or bool(np.all(slots == np.arange(size)))):
        return value
    return index_of(shape_of(value, shape=-1), index=slots)


def is_same(places: Any, others: Any) -> bool:
    """Whether two arrays of numbers are one, or the same view of one."""
    if places is others:
        return True
    if type(places) is not np.ndarray or places.shape != others.shape or places.strides != others.strides:
        return False
    return bool(places.__array_interface__["data"][0] == others.__array_interface__["data"][0])


# ----- who may be written to ------------------------------------------------------------------------------------------

_GUARDS: ContextVar[tuple[tuple[int, Callable[[], BaseException]], ...]] = ContextVar("guards", default=())


class Guarded:
    """Within this block, who writes into an array of a tape that is older than `serial` gets an error.

    For functions that may be run again: what they have changed outside, they would change twice.
    """

    __slots__ = ("guard", "token")

    def __init__(self, serial: int, error: Callable[[], BaseException]) -> None:
        self.guard = serial, error

    def __enter__(self) -> None:
        self.token = _GUARDS.set((*_GUARDS.get(), self.guard))

    def __exit__(self, *_: object) -> None:
        _GUARDS.reset(self.token)


def share_of(box: Box) -> Share:
    """How a box, whose array is about to be written to, shares its memory."""
    if box.index == SHARED:
        return box.link
    if not box.tape.is_open:  # its value is on an outer tape
        now = open_part(box)
        box.value, box.tape, box.index = now.value, now.tape, now.index
    settled(box)
    if type(box.link) is Share:  # it was written to on a tape that is closed by now
        memory = box.link.memory
        memory.held = open_part(memory.held)
        memory.version += 1
        memory.lead(memory.held.tape)
        return box.link
    root = box.link[0] if type(box.link) is tuple else box
    if root is not box and not root.tape.is_open:
        now = open_part(root)
        root.value, root.tape, root.index = now.value, now.tape, now.index
    memory = Memory(root)
    if memory.plain is not None and root.index >= 0 and root.tape.nodes[root.index][0] in NEW_SHAPES:
        memory.plain.lies_by_rows()  # or what is taken for a copy here would be a view
    views = root.link if type(root.link) is list else []
    memory.join(root, Share(memory, memory.numbers))
    for ref in views:  # a view comes after what it was taken from
        view = ref()
        if view is not None and type(view.link) is tuple:
            _, parent, primitive, params = view.link
            if primitive in NEW_SHAPES and memory.plain is not None:
                memory.plain.lies_by_rows()
            memory.join(view, parent.link.view(primitive, params, is_known=True))
    memory.lead(root.tape)
    return box.link


def target(box: Any, what: str) -> Share:
    """How a box shares its memory, if it may be written to."""
    if type(open_part(box)) is not Box:
        raise ValueError(
            located(
                f"{what}: the array was kept beyond the transformation that computed it, and is read-only. "
                "Write into a copy: np.array(x)"
            )
        )
    settled(box)
    for serial, error in _GUARDS.get():
        if (box.link.memory.born if type(box.link) is Share else open_part(box).tape.serial) < serial:
            raise error()
    if box.index != SHARED and type(plain := peel(box)) is Adopted:  # of what was written to no value is asked for
        raise plain.refusal(what)
    share = share_of(box)
    if not share.places.flags.writeable:
        raise ValueError(
            located(
                f"{what}: the array is a read-only view, as NumPy's np.broadcast_to, np.diagonal and np.diag make "
                "them. Write into a copy (x.copy()), or into the array that it was taken from"
            )
        )
    return share


def is_number(box: Box) -> bool:
    """Whether a box holds a number, which nobody can write into, and not an array."""
    return box.index != SHARED and not is_array(peel(box))
