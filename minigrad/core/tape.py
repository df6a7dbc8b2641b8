"""The tape, and the boxes that write on it.

A transformation opens a `Tape`, puts each input into a `Box` and calls the user's function. Every operation on a box
appends one node to the tape: that is all the forward pass does. What comes after (the backward and the forward sweep,
the printed table) reads the nodes, whose recorded order is a topological order.

**Nesting.** `grad(grad(f))` opens a tape within a tape: the inner box holds the outer box as its value. An operation
unwraps the box of the innermost tape (the one with the largest serial), runs one level down, where it meets the outer
box and records there too, and so on down to plain NumPy. The backward sweep of the inner tape works on values one level
down as well, so the outer tape records it by itself, and differentiating again needs no further machinery. Consider
`grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)`: the inner sum has to be differentiated in `y` alone although `x`
is being differentiated too. The two boxes belong to tapes with different serials, so they cannot be confused.

No state of a recording is global but the counter of serials: threads need no lock and an exception leaves nothing to
restore.
"""

from __future__ import annotations

import itertools
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad.core.fingerprint import COPIED, sums
from minigrad.core.lines import Line, is_ours, is_sparse_product, located, user_line

serials = itertools.count(1)

DEEP = 8  #: levels of nested derivatives from which on their cost is pointed out

NUMBERS = (float, complex, int)  #: Python's own; a cotangent that was not expanded may be one


class Box:
    """A value on a tape. It behaves as the array it holds; its operators and methods are in `numpy/box.py`.

    `value` is one level down: an array, or the box of an outer tape. A box whose tape is closed *is* its value, so
    intermediates can be kept and plotted once the transformation is over.

    `link` says with which other boxes it shares memory, as arrays of NumPy do: a list of weak references to the views
    that were taken of it; for a view, how it was taken, see `link`; an object with `current()` once the memory was
    written to, see `rules/writing`. From then on it is also the `value`, and the `index` is `SHARED`.
    """

    __slots__ = ("__weakref__", "index", "link", "tape", "value")

    def __init__(self, value: Any, tape: Tape, index: int) -> None:
        self.value = value
        self.tape = tape
        self.index = index
        self.link: Any = None

    if TYPE_CHECKING:  # the operators and methods are attached in numpy/box.py

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...
        def __iter__(self) -> Any: ...

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class of the value within: `isinstance(x, np.ndarray)` is answered as for it, `type(x)` is not."""
        value = self.value
        while type(value) is Box:
            value = value.value
        return Box if keeps_its_class() else type(value) if type(value) not in DUCKS else value.__class__

    @property
    def shape(self) -> Any:
        """The shape of the array within."""
        return self.value.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the array within."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> Any:
        """The number of entries."""
        return self.value.size


#: Libraries that wrap any array that hands NumPy's functions on; one that claims to be NumPy's they copy into such.
WRAPPERS = ("xarray", "pint", "dask", "sparse")


def keeps_its_class() -> bool:
    """Whether who asks for the class of a value is told the true one: one of these libraries, or one that calls C."""
    frame = sys._getframe(2)
    return frame.f_globals.get("__name__", "").partition(".")[0] in WRAPPERS or is_sparse_product(frame)


NO_PARAMS: dict[str, Any] = {}  #: of all nodes that have none, one object: a long tape would have many

SHARED = -2  #: the index of a box whose value has to be asked for, since its memory was written to


def snapshot(box: Box) -> Box:
    """What a box holds now, as a box of its own: an array that later writes do not reach, as after `copy()`.

    Taken wherever a box is kept or handed out: as the constant of an inner node, as a leaf, as a result.
    """
    if box.tape.is_iteration and box.tape.is_open:
        settled(box)
    now = box.value.current() if box.index == SHARED else box
    return Box(now.value, now.tape, now.index)


def settled(box: Box) -> Box:
    """The box itself, with a node of its own if it was waiting for one, see `rules/iterated`."""
    while box.tape.is_iteration:
        box.tape.own(box)  # type: ignore[attr-defined]
    return box


def link(view: Box, parent: Box, primitive: Any, params: dict[str, Any]) -> Box:
    """Note that a box is a view, `primitive(parent, **params)`: what is written to one of them is seen by both."""
    of_parent = parent.link
    root = of_parent[0] if type(of_parent) is tuple else parent
    view.link = (root, parent, primitive, params)
    views = root.link
    if views is None:
        root.link = [weakref.ref(view)]
        return view
    n = len(views)
    if n >= 8 and not n & (n - 1):  # now and then forget those that are gone
        views[:] = [ref for ref in views if ref() is not None]
    views.append(weakref.ref(view))
    return view


class Node(NamedTuple):
    """One operation and its result; on the tape these parts follow one another, see `Nodes`."""

    primitive: Any  #: what was done
    parents: tuple[int, ...]  #: where on this tape each argument was made, -1 for a constant
    args: tuple[Any, ...]  #: the arguments, one level down: arrays or boxes of an outer tape, never of this one
    ans: Any  #: the result, one level down
    params: dict[str, Any]  #: what is not differentiated: axis, shape, index, ...


PARTS = len(Node._fields)


class Nodes(Sequence[Any]):
    """The nodes of a tape, as tuples in the order of `Node`.

    In memory the parts of all nodes are in one list, end to end. A tuple for each node would be an object that Python's
    garbage collector visits again and again: on long tapes it took half of the time.

    >>> from minigrad import trace
    >>> [node[1] for node in trace(lambda x: np.sin(x) * x, 0.0).nodes]
    [(), (0,), (1, 0)]
    """

    __slots__ = ("flat",)

    def __init__(self, flat: list[Any]) -> None:
        self.flat = flat

    def __len__(self) -> int:
        return len(self.flat) // PARTS

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        parts = iter(self.flat)
        return zip(parts, parts, parts, parts, parts)

    def __getitem__(self, index: Any) -> Any:
        if type(index) is slice:
            return [self[i] for i in range(*index.indices(len(self)))]
        start = PARTS * (range(len(self))[index])
        return tuple(self.flat[start : start + PARTS])


class Tape:
    """What one transformation recorded, in the order it was computed. The first `leaves` nodes are the leaves.

    No node refers to a box of its own tape, so there are no reference cycles: memory is freed without the garbage
    collector. `captured` remembers how constant arrays looked, see `capture`.
    """

    __slots__ = (
        "captured", "detours", "flat", "is_open", "iteration", "labels", "leaves", "lost", "memo", "retrace", "serial",
        "small", "written",
    )  # fmt: skip

    is_iteration = False  #: whether this only stands where a tape stands, see `rules/iterated`
    levels = 1  #: of how many nested derivatives this is the tape, see `modes.second`
    looks: Any = None  #: what looks at each number of a sweep, within `errstate`

    def __init__(self) -> None:
        self.serial = next(serials)
        self.flat: list[Any] = []  # the parts of all nodes, see `Nodes`
        self.leaves = 0
        self.is_open = True
        self.captured: dict[int, tuple[Any, Any, Any]] = {}
        self.labels: dict[int, str] = {}
        self.lost: str | None = None  # the first refusal of an operation on a box of this tape, see `note_refusal`
        self.memo: dict[Any, tuple[int, Any]] | None = None  # what was recorded before, see `share`
        self.written: list[Any] = []  # weak references to what was written to, and to loops, see `close`
        self.iteration: Any = None  # a weak reference to the last loop over an array, see `rules/iterated`
        #: bytes below which who made a result may note it on a tape of this kind, without `record`
        self.small = sys.maxsize if type(self) is Tape else 0
        self.detours = False  # whether operations have to look at `memo` and `written` first, see `sharing.detour`
        self.retrace: Callable[[], Any] | None = None  # runs the function again on a tape that remembers lines

    @property
    def nodes(self) -> Nodes:
        """The nodes recorded so far."""
        return Nodes(self.flat)

    def leaf_values(self) -> list[Any]:
        """The inputs, one level down."""
        return self.flat[3 : PARTS * self.leaves : PARTS]

    def leaf(self, value: Any) -> Box:
        """Put one input on the tape. Leaves come before all other nodes."""
        self.leaves += 1
        if type(value) is Box:
            value = snapshot(value)  # the caller's own array is not written to, nor do its writes reach this tape
            value.tape.share()
        if type(value) is np.ndarray:
            before = value.tobytes() if value.nbytes <= COPIED else sums(value)
            self.captured[id(value)] = (value, before, "as an input of the differentiated function")
        flat = self.flat
        flat.extend((None, (), (), value, NO_PARAMS))
        return Box(value, self, len(flat) // PARTS - 1)

    def share(self) -> None:
        """Do equal work once from now on, if derivatives are nested three levels deep or deeper.

        Each sweep repeats operations of the sweep within it, and the next one repeats the repetitions: nested reverse
        mode records 2.3 to 3.2 times as many nodes with every order. From the third level on, the outer tapes remember
        what they recorded, and an operation with the same parents and parameters is not done again.
        """
        value, depth = self.flat[3], self.levels
        if (type(value) is Box or depth > 1) and self.memo is None:
            self.memo, self.detours = {}, True
            if type(value) is Box and value.tape.memo is None:
                value.tape.memo, value.tape.detours = {}, True
            while type(value) is Box:
                value, depth = value.value, depth + value.tape.levels
            if depth == DEEP - 1:
                line = user_line()
                message = located(
                    f"derivatives are nested {DEEP} deep; each further level takes about 2.2 times as long as the one "
                    f"before. minigrad.derivatives(f, x, order) gives all orders in one pass, at a cost that grows "
                    f"with the square of the order"
                )
                warnings.warn_explicit(message, RuntimeWarning, line.filename, line.number)

    def here(self) -> Any:
        """Where the user's program is, if this tape keeps that of its nodes."""

    def came_from(self, index: int, here: Any) -> None:
        """Say of a node, which was recorded after the operation, where the program was then."""

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node and box its result."""
        flat = self.flat
        flat.extend((primitive, parents, args, ans, params))
        return Box(ans, self, len(flat) // PARTS - 1)

    def tell_when_closed(self, other: Any) -> Any:
        """From now on `other` is told when the tape is closed, while it lives; a weak reference to it."""
        written = self.written
        n = len(written)
        if n >= 8 and not n & (n - 1):  # now and then forget those that are gone
            written[:] = [ref for ref in written if ref() is not None]
        written.append(weakref.ref(other))
        return written[-1]

    def close(self) -> None:
        """Nothing more is recorded: from now on the boxes of this tape are their values."""
        for ref in self.written:
            memory = ref()
            if memory is not None:
                memory.settle(self)
        self.written = []
        self.is_open = False

    def capture(self, array: np.ndarray, used: Any = "") -> None:
        """Remember how a plain array looks now: the sweep will read it again, and must find it unchanged.

        `used` says where it was used, for the message, or is that line of the user's; else it is found when it is asked
        for.
        """
        if id(array) not in self.captured:
            # The entry holds the array itself too, so that no other array can get the same id while the tape lives.
            self.captured[id(array)] = (array, sums(array), used)

    def check_captured(self) -> None:
        """Raise if an array that this tape refers to was written to since it was recorded."""
        for array, before, used in self.captured.values():
            now = array.tobytes() if type(before) is bytes else sums(array)
            if now != before:
                used = used or self._used(array)
                raise RuntimeError(
                    located(
                        f"an array of shape {array.shape} and dtype {array.dtype} was changed between its use "
                        + (f"at {used} " if type(used) is Line else f"{used} " if used else "")
                        + "and the sweep for the derivative, which needs the values it had. Do not write into it in "
                        "between (a = a + b instead of a += b), or hand a copy to the function: a.copy()"
                    )
                )

    def _used(self, array: np.ndarray) -> Any:
        """The user's line that used an array: that of the array that is used in its place when it is traced again."""
        again = self._traced_again()
        found = list(again.captured.values()) if again is not None else []
        place = list(self.captured).index(id(array))
        return found[place][2] if place < len(found) and found[place][0].shape == array.shape else None

    def line_of(self, index: int, primitive: Any) -> Line | None:
        """The user's line that made a node, for a message; `None` where the function took another path this time."""
        again = self._traced_again()
        if again is None or index >= len(again) or again.node(index).primitive is not primitive:
            return None
        line: Line = again.lines[index]
        return line

    def _traced_again(self) -> Any:
        """A tape of the same function that has lines. They are not recorded, which costs more than most operations."""
        try:
            return self.retrace() if self.retrace is not None else None
        except Exception:  # a function that runs only once; the message has to do without the line
            return None

    def node(self, index: int) -> Node:
        """One record, with names for its parts.

        >>> from minigrad import trace
        >>> trace(np.sin, 0.0).node(1).primitive, trace(np.sin, 0.0).node(1).parents
        (<elementwise primitive sin>, (0,))
        """
        return Node(*self.nodes[index])

    def __len__(self) -> int:
        return len(self.flat) // PARTS


DUCKS: set[type] = set()  # the kinds of duck arrays, see duck_arrays


def peel(value: Any) -> Any:
    """The plain value within any number of boxes, also those that a duck array is made of."""
    while type(value) is Box:
        value = value.value
    return value.without_boxes() if type(value) in DUCKS else value


def open_part(value: Any) -> Any:
    """The value without the boxes whose transformation is over: plain, or a box that is being differentiated."""
    while type(value) is Box and not value.tape.is_open:
        value = value.value
    return value


def note_refusal(value: Any, message: str) -> None:
    """Remember on the tape of a box that an operation on it was refused.

    The error may be caught by the user's program, which then goes on without the derivative, or with other values than
    it has on plain numbers. The transformation raises at its end if it was. Outer tapes are not told: without them the
    value within would be plain, and the operation would be refused all the same.
    """
    value = open_part(value)
    if type(value) is Box and value.tape.lost is None:
        value.tape.lost = message


def forget_refusal(error: Exception, values: Any) -> None:
    """An operation that was refused is done in another way: its refusal is none that the user's program has caught."""
    message = str(error)
    for value in values:
        while type(value) is Box:
            if value.tape.lost == message:
                value.tape.lost = None
            value = value.value


def refusal(kind: type[Exception], message: str) -> Exception:
    """The error of an operation that NumPy does and this package does not, remembered as by `note_refusal`.

    Its operands are looked for in the functions of this package and of NumPy that are being run: those which the user's
    line has called. This takes some time, of which errors have plenty, and spares all others from handing them on.
    """
    message = located(message)
    found: Any = None
    frame: Any = sys._getframe(1)
    while frame is not None and is_ours(frame.f_code.co_filename):
        for box in map(open_part, _boxes_of(tuple(frame.f_locals.values()))):
            if type(box) is Box and (found is None or box.tape.serial > found.tape.serial):
                found = box
        frame = frame.f_back
    note_refusal(found, message)
    return kind(message)


def _boxes_of(values: Any) -> Iterator[Box]:
    for value in values:
        if type(value) is Box:
            yield value
        elif type(value) in (tuple, list):
            yield from _boxes_of(value)
        elif type(value) is dict:
            yield from _boxes_of(tuple(value.values()))


def read_only(value: Any) -> Any:
    """A view of an array through which it cannot be changed; anything else as it is."""
    if type(value) is not np.ndarray:
        return value
    view = value.view()
    view.flags.writeable = False
    return view
