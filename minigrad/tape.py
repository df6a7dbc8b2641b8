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

Nothing here is global but the counter of serials: threads need no lock and an exception leaves nothing to restore.
"""

from __future__ import annotations

import functools
import itertools
import linecache
import os
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

_serials = itertools.count(1)

DEEP = 8  #: levels of nested derivatives from which on their cost is pointed out

NUMBERS = (float, complex, int)  #: Python's own; a thin cotangent may be one


class Box:
    """A value on a tape. It behaves as the array it holds; its operators and methods are listed in `numpy.py`.

    `value` is one level down: an array, or the box of an outer tape. A box whose tape is closed *is* its value, so
    intermediates can be kept and plotted once the transformation is over.
    """

    __slots__ = ("index", "tape", "value")

    def __init__(self, value: Any, tape: Tape, index: int) -> None:
        self.value = value
        self.tape = tape
        self.index = index

    if TYPE_CHECKING:  # the operators and methods are attached in numpy.py

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...
        def __iter__(self) -> Any: ...

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


class Node(NamedTuple):
    """One record of a tape; in memory a plain tuple in this order, since a tuple is the cheapest thing to make."""

    primitive: Any  #: what was done
    parents: tuple[int, ...]  #: where on this tape each argument was made, -1 for a constant
    args: tuple[Any, ...]  #: the arguments, one level down: arrays or boxes of an outer tape, never of this one
    ans: Any  #: the result, one level down
    params: dict[str, Any]  #: what is not differentiated: axis, shape, index, ...


class Tape:
    """What one transformation recorded, in the order it was computed. Nodes 0, 1, ... are the leaves.

    No node refers to a box of its own tape, so there are no reference cycles: memory is freed without the garbage
    collector. `captured` remembers how constant arrays looked, see `capture`.
    """

    __slots__ = ("captured", "is_open", "labels", "leaves", "memo", "nodes", "retrace", "serial")

    def __init__(self) -> None:
        self.serial = next(_serials)
        self.nodes: list[Any] = []
        self.leaves = 0
        self.is_open = True
        self.captured: dict[int, tuple[Any, Any, Line | None]] = {}
        self.labels: dict[int, str] = {}
        self.memo: dict[Any, tuple[int, Any]] | None = None  # what was done before, see `share`
        self.retrace: Callable[[], Any] | None = None  # runs the function again on a tape that remembers lines

    def leaf(self, value: Any) -> Box:
        """Put one input on the tape. Leaves come before all other nodes."""
        self.leaves += 1
        if type(value) is Box:
            value.tape.share()
        if type(value) is np.ndarray:
            before = value.tobytes() if value.nbytes <= _SMALL else fingerprint(value)
            self.captured[id(value)] = (value, before, None)
        nodes = self.nodes
        nodes.append((None, (), (), value, {}))
        return Box(value, self, len(nodes) - 1)

    def share(self) -> None:
        """From now on let equal work be done once, if derivatives of derivatives of derivatives are being taken.

        Each sweep repeats operations of the sweep within it, and the next one repeats the repetitions: nested reverse
        mode grows by a factor of 3 to 4 per order. From the third level on, the tapes further out remember what they
        did, and an operation with the same parents and parameters is not done again.
        """
        value = self.nodes[0][3]
        if type(value) is Box and self.memo is None:
            self.memo = {}
            if value.tape.memo is None:
                value.tape.memo = {}
            depth = 2
            while type(value := value.value) is Box:
                depth += 1
            if depth == DEEP - 1:
                line = user_line()
                message = located(
                    f"derivatives are nested {DEEP} deep; each further level takes about 2.2 times as long as the one "
                    f"before. minigrad.derivatives(f, x, order) gives all orders in one pass, at a cost that grows "
                    f"with the square of the order"
                )
                warnings.warn_explicit(message, RuntimeWarning, line.filename, line.number)

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node and box its result."""
        nodes = self.nodes
        nodes.append((primitive, parents, args, ans, params))
        return Box(ans, self, len(nodes) - 1)

    def capture(self, array: np.ndarray) -> None:
        """Remember how a plain array looks now: the sweep will read it again, and must find it unchanged."""
        if id(array) in self.captured:
            return
        # The entry holds the array itself too, so that no other array can get the same id while the tape lives.
        self.captured[id(array)] = (array, fingerprint(array), user_line())

    def check_captured(self) -> None:
        """Raise if an array that this tape refers to was written to since it was recorded."""
        for array, before, line in self.captured.values():
            now = array.tobytes() if type(before) is bytes else fingerprint(array)
            if now != before:
                raise RuntimeError(
                    located(
                        f"an array of shape {array.shape} and dtype {array.dtype} was changed between its use "
                        + (f"at {line}" if line else "as an input of the differentiated function")
                        + " and the sweep for the derivative, which needs the values it had. Do not write into it in "
                        "between (a = a + b instead of a += b), or hand a copy to the function: a.copy()"
                    )
                )

    def line_of(self, index: int, primitive: Any) -> Line | None:
        """The user's line that made a node, for a message.

        Lines are not recorded, which would cost more than most operations: the function is traced once more instead,
        and where it took another path this time there is no answer.
        """
        if self.retrace is None:
            return None
        try:
            again = self.retrace()
        except Exception:  # a function that runs only once; the message has to do without the line
            return None
        found = index < len(again.nodes) and again.nodes[index][0] is primitive
        return again.lines[index] if found else None

    def node(self, index: int) -> Node:
        """One record, with names for its parts.

        >>> from minigrad import trace
        >>> trace(np.sin, 0.0).node(1).primitive, trace(np.sin, 0.0).node(1).parents
        (<elementwise primitive sin>, (0,))
        """
        return Node(*self.nodes[index])

    def __len__(self) -> int:
        return len(self.nodes)


class LeanTape(Tape):
    """A tape for one backward sweep: it forgets large values that no rule is going to read.

    Each primitive knows which of its values its rules read. The others are replaced by a stand-in that has a shape and
    a dtype, and NaN wherever a rule should look at it by mistake.
    """

    __slots__ = ()

    LARGE = 1 << 16  #: bytes from which a stand-in is worth its time

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node without the large values that its rules do not read."""
        kept = ans
        if primitive.shrinks or (type(ans) is np.ndarray and ans.nbytes >= self.LARGE):
            reads_ans, dropped = primitive.residuals(parents)
            if not reads_ans and type(ans) is np.ndarray and ans.nbytes >= self.LARGE:
                kept = stand_in(ans)
            for k in dropped:
                arg = args[k]
                if type(arg) is np.ndarray and arg.nbytes >= self.LARGE:
                    args = (*args[:k], stand_in(arg), *args[k + 1 :])
        nodes = self.nodes
        nodes.append((primitive, parents, args, kept, params))
        return Box(ans, self, len(nodes) - 1)


class LeanForwardTape(LeanTape):
    """A tape for forward sweeps that forgets large values which no rule reads.

    Elementwise rules serve both directions, and a linear operation is applied to the tangent; of the other kinds the
    forward rules may read what the backward ones do not.
    """

    __slots__ = ()

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, without large values if it is known which ones the forward rules read."""
        largest = args[0] if primitive.shrinks else ans
        if type(largest) is np.ndarray and largest.nbytes >= self.LARGE:
            if primitive.kind in ("elementwise", "linear", "bilinear"):
                return LeanTape.record(self, primitive, parents, args, ans, params)
        nodes = self.nodes
        nodes.append((primitive, parents, args, ans, params))
        return Box(ans, self, len(nodes) - 1)


class LostDerivativeError(TypeError):
    """A traced value was about to become a plain number or to be written into a plain array."""


DUCKS: set[type] = set()  # the kinds of duck arrays, see duck.py


def peel(value: Any) -> Any:
    """The plain value within any number of boxes, also those that a duck array is made of."""
    while type(value) is Box:
        value = value.value
    return value.without_boxes() if type(value) in DUCKS else value


def peel_all(values: Any) -> Any:
    """`peel`, also within lists, tuples and dicts."""
    if isinstance(values, dict):
        return {key: peel_all(value) for key, value in values.items()}
    if type(values) is list or type(values) is tuple:
        return type(values)([peel_all(value) for value in values])
    return peel(values)


def open_part(value: Any) -> Any:
    """The value without the boxes whose transformation is over: plain, or a box that is being differentiated."""
    while type(value) is Box and not value.tape.is_open:
        value = value.value
    return value


def read_only(value: Any) -> Any:
    """A view of an array through which it cannot be changed; anything else as it is."""
    if type(value) is not np.ndarray:
        return value
    view = value.view()
    view.flags.writeable = False
    return view


def stand_in(array: Any) -> Any:
    """An array that takes no memory but has this shape and dtype; every entry is NaN where the dtype has one."""
    return _stand_in(array.shape, array.dtype)


@functools.lru_cache(maxsize=4096)
def _stand_in(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.broadcast_to(np.array(np.nan if dtype.kind in "fc" else 0, dtype=dtype), shape)


# ----- has an array changed? ------------------------------------------------------------------------------------------

_SMALL = 1 << 14  # bytes up to which the fingerprint of an array is a copy
_ROW, _COLUMNS = 1021, 1023


def fingerprint(array: np.ndarray) -> Any:
    """Something that differs when the array was written to: with certainty for one changed entry or two swapped ones.

    Small arrays are copied. The bits of large ones are read as integers, whose sums modulo 2^64 are taken at about
    memory speed: over rows of one length, and over columns of rows of another, so that no permutation of the rows of an
    array preserves both. (Both odd, since a changed sign is a changed top bit, and an even number of these cancel.)
    """
    if array.nbytes <= _SMALL:
        return array.tobytes()
    if not array.flags.c_contiguous:
        array = array.T if array.flags.f_contiguous else np.ascontiguousarray(array)
    raw = array.reshape(-1).view(np.uint8)
    words = raw[: raw.size - raw.size % 8].view(np.uint64)
    in_rows, in_columns = words.size - words.size % _ROW, words.size - words.size % _COLUMNS
    rows = np.add.reduce(words[:in_rows].reshape(-1, _ROW), 1)
    columns = np.add.reduce(words[:in_columns].reshape(-1, _COLUMNS), 0)
    return rows.tobytes(), columns.tobytes(), raw[8 * min(in_rows, in_columns) :].tobytes()


# ----- where in the user's program are we? ----------------------------------------------------------------------------


class Line(NamedTuple):
    """A line of the user's program."""

    filename: str
    number: int
    function: str

    def text(self) -> str:
        """The source text, empty where there is none (an interactive session)."""
        return linecache.getline(self.filename, self.number).strip()

    def __str__(self) -> str:
        text = self.text()
        return f"{os.path.basename(self.filename)}:{self.number}" + (f" `{text}`" if text else "")


_LIBRARIES = (os.path.dirname(__file__) + os.sep, os.path.dirname(np.__file__) + os.sep)


@functools.cache
def _is_ours(filename: str) -> bool:
    return filename.startswith(_LIBRARIES)


def user_line() -> Line:
    """The innermost line outside of minigrad and NumPy that is being run."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def located(message: str) -> str:
    """An error message with the user's line at its end."""
    line = user_line()
    text = line.text()
    return f"{message}\n  at {line.filename}:{line.number}, in {line.function}" + (f"\n    {text}" if text else "")
