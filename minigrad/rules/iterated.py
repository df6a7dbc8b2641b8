"""Loops over the entries of an array, `for v in x: s = s + v`: what is added up in order is one operation.

An entry that a loop takes has no node at first. It is a box on an `Iteration`, which stands where a tape stands, so
every operation on it comes to `Iteration.detoured`. There running sums and products go on, and entries of one turn are
combined (`a * b` in a loop over `zip(x, y)`), without a node. All have their values, computed as ever: they wait for a
node only.

| what happens                                         | what is recorded                                          |
|------------------------------------------------------|-----------------------------------------------------------|
| the loop comes to its end                            | the running sum or product: one reduction of the array    |
| any other operation looks at a running sum           | the same, of the entries so far; the rest of the loop is  |
|                                                      | recorded as it comes                                      |
| any other operation looks at an entry                | the entry; the rest of the loop is recorded as it comes   |
| an earlier running sum is looked at, which was kept  | entry after entry, as it would have been                  |

A loop in which nothing is added up shows this at its first turn, and its place in the code is remembered: from then on
it is recorded as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.core.asking import Place
from minigrad.core.tape import Box, Tape, link, peel, serials, settled
from minigrad.rules import elementwise as e
from minigrad.rules.moving import concatenate, getitem
from minigrad.rules.reductions import prod_in_order, sum_in_order
from minigrad.rules.shapes import reshape

GETITEM, RESHAPE, CONCATENATE = getitem.primitive, reshape.primitive, concatenate.primitive
ADD, MULTIPLY = e.add.primitive, e.multiply.primitive

#: running operations: the reduction, and the number that it starts from
FOLDS = {ADD: (sum_in_order.primitive, 0), MULTIPLY: (prod_in_order.primitive, 1)}

#: operations that have the same bits on arrays, entry by entry, as on numbers
EXACT = {ADD, MULTIPLY, e.subtract.primitive, e.divide.primitive}

NUMBERS = {int, float, np.float64, np.float32, np.float16}
PLAIN = {np.ndarray, np.complex64, np.complex128} | NUMBERS

ROLE = 32  #: the index of a box of an iteration: above this bit its role, below it the turn of the loop
TURN = (1 << ROLE) - 1


class Iteration:
    """Loops that go over arrays of one tape together, as in `zip`. It stands where a tape stands."""

    __slots__ = (
        "__weakref__", "fold", "has_begun", "is_broken", "is_open", "pairs", "roles", "running", "serial",
        "tape",
    )  # fmt: skip

    detours = True  #: whatever is done with its boxes comes to `detoured`
    is_iteration = True

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.serial = next(serials)
        self.is_open = True
        self.is_broken = False  #: whether what is to come is recorded as it comes
        self.has_begun = False
        self.roles: list[Any] = []
        self.pairs: dict[Any, Together] = {}
        self.running: list[Fold] = []
        self.fold: Fold | None = None  # the one of them that was last at work
        tape.iteration = tape.tell_when_closed(self)

    def settle(self, tape: Tape) -> None:
        """The tape is closed: from now on the boxes are their values."""
        self.is_open = False

    def capture(self, array: np.ndarray, used: Any = "") -> None:
        """As of the tape."""
        self.tape.capture(array, used)

    @property
    def lost(self) -> str | None:
        """As of the tape."""
        return self.tape.lost

    @lost.setter
    def lost(self, message: str | None) -> None:
        self.tape.lost = message

    # ----- nodes ------------------------------------------------------------------------------------------------------

    def own(self, box: Box) -> None:
        """Give a box of this iteration a node of the tape: from now on it is one of the tape."""
        if box.tape is self:
            found = self.real(box.index)
            box.value, box.tape, box.index = found.value, found.tape, found.index

    def real(self, code: int) -> Box:
        """A box of the tape for the box of this iteration with this index."""
        self.is_broken = True
        role = self.roles[code >> ROLE]
        found: Box = role.real(self, code & TURN)
        latest = role.box
        if latest is not None and latest.tape is self and latest.index == code:  # the user's own
            latest.value, latest.tape, latest.index = found.value, found.tape, found.index
        return found

    def put(self, primitive: Any, *operands: Any, **params: Any) -> Box:
        """Record an operation on boxes of the tape and constants, also when the tape is closed."""
        parents = tuple([x.index if type(x) is Box and x.tape is self.tape else -1 for x in operands])
        args = tuple([x.value if parent >= 0 else x for x, parent in zip(operands, parents)])
        if all(type(x) in PLAIN for x in args):
            with np.errstate(all="ignore"):  # all this was heard when the loop came to it
                ans = primitive.bind(*args, **params)
        else:
            ans = primitive.bind(*args, **params)
        return self.tape.record(primitive, parents, args, ans, params)

    # ----- operations -------------------------------------------------------------------------------------------------

    def detoured(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """The result of an operation on boxes of the iteration: one that waits as well, or one of the tape."""
        if len(parents) == 2 and not params:
            x, y = parents
            fold = self.fold
            if fold is not None and x == fold.at and y == fold.next and primitive is fold.primitive:
                return fold.advanced(self, primitive.bind(*args))
            if primitive in EXACT and not self.is_broken:
                box = self._of_two(primitive, x, y, args) if x >= 0 and y >= 0 else self._of_one(primitive, x, y, args)
                if box is not None:
                    return box
        now = [self.real(code) if code >= 0 else arg for code, arg in zip(parents, args)]
        return primitive.bind(*now, **params)

    def _of_two(self, primitive: Any, x: int, y: int, args: tuple[Any, ...]) -> Box | None:
        """A running result and the next entry; or two entries of one turn."""
        for fold in self.running:
            if fold.primitive is primitive and {x, y} == {fold.at, fold.next}:
                self.fold = fold
                return fold.advanced(self, primitive.bind(*args))
        if not is_alike(*args) or (primitive is not ADD and peel(args[0]).dtype.kind != "f"):
            return None
        one, other = self.roles[x >> ROLE], self.roles[y >> ROLE]
        if x & TURN == y & TURN:
            return self._combined(primitive, one, other, None, x & TURN, args)
        if x & TURN > y & TURN:
            one, other, x, y = other, one, y, x
        if primitive not in FOLDS or (y & TURN) != (x & TURN) + 1:
            return None
        if one is other and x & TURN == 0 and type(one) is not Fold:  # no start, as in `functools.reduce`
            return Fold(self, primitive, one, None, 0).advanced(self, primitive.bind(*args))
        if type(one) is Together and one.primitive is primitive and one.source is other:
            one.taken = x
            return Fold(self, primitive, other, one.constants[-1], x & TURN).advanced(self, primitive.bind(*args))
        return None

    def _of_one(self, primitive: Any, x: int, y: int, args: tuple[Any, ...]) -> Box | None:
        """An entry and a constant, which may be where a running result starts from."""
        code, constant = (y, args[0]) if x < 0 else (x, args[1])
        role = self.roles[code >> ROLE]
        one, other = (None, role) if x < 0 else (role, None)
        return self._combined(primitive, one, other, constant, code & TURN, args)

    def _combined(
        self, primitive: Any, one: Any, other: Any, constant: Any, turn: int, args: tuple[Any, ...]
    ) -> Box | None:
        if type(one) is Fold or type(other) is Fold:
            return None
        key = primitive, one, other
        pair = self.pairs.get(key)
        if one is None or other is None:
            if type(constant) not in NUMBERS and (primitive not in FOLDS or pair is not None):
                return None  # it can be but a start
            if pair is not None and (type(constant) is not pair.kind or not pair.goes_on(turn, constant)):
                return None
            if type(constant) is np.ndarray:
                constant = constant.copy()
            entry = args[1] if one is None else args[0]
            if peel(entry).dtype.kind != "f" and (primitive is not ADD or type(constant) is complex):
                return None
        # A running result may start from a box of the tape, whose value is one level down, as all others are.
        ans = primitive.bind(*[x.value if type(x) is Box and x.tape is self.tape else x for x in args])
        if pair is None:
            pair = self.pairs[key] = Together(self, primitive, one, other, turn, type(constant))
        if pair.source is not None and turn == pair.first + len(pair.constants):
            pair.constants.append(constant)
        for part in (one, other):
            if part is not None:
                part.taken = (part.number << ROLE) + turn
        pair.at = (pair.number << ROLE) + turn
        box = pair.box = Box(ans, self, pair.at)  # type: ignore[arg-type]
        return box

    def is_taken(self, code: int) -> bool:
        """Whether an entry, and all that was made of it but the beginning of a sum, is part of something else."""
        if self.is_broken or self.roles[code >> ROLE].taken != code:
            return False
        for pair in self.pairs.values():
            if pair.at != pair.taken and not (
                pair.starts and len(pair.constants) == 1 and pair.at & TURN == code & TURN
            ):
                return False
        return True

    def stop(self, code: int, *, at_end: bool = False) -> None:
        """Give nodes to the entry of the last turn and to what was made of it, as far as these are not taken."""
        for role in [self.roles[code >> ROLE], *self.pairs.values()]:
            if role.box is not None and role.taken != role.box.index:
                self.own(role.box)
        if at_end:
            for fold in self.running:
                self.own(fold.box)
        self.is_broken = True


def is_alike(x: Any, y: Any) -> bool:
    """Whether two values have the same shape and dtype."""
    x, y = peel(x), peel(y)
    return bool(x.dtype == y.dtype and x.shape == y.shape)


class Entries:
    """The entries of an array, or its rows."""

    __slots__ = ("array", "box", "found", "here", "number", "taken")

    def __init__(self, iteration: Iteration, array: Box) -> None:
        self.array = array
        self.number = len(iteration.roles)
        self.box: Box | None = None  #: the one of the present turn
        self.here: Any = None  #: where the loop is in the user's program, if the tape keeps that
        self.taken = -1  #: the last one that became a part of something else
        self.found: dict[int, Box] = {}
        iteration.roles.append(self)

    def real(self, iteration: Iteration, turn: int) -> Box:
        """The entry of a turn."""
        if turn not in self.found:
            tape, array, box = iteration.tape, self.array, self.box
            if box is None or box.index != (self.number << ROLE) + turn:
                self.found[turn] = iteration.put(GETITEM, array, index=turn)
            else:
                ans = settled(box.value) if type(box.value) is Box else box.value
                found = self.found[turn] = tape.record(GETITEM, (array.index,), (array.value,), ans, {"index": turn})
                tape.came_from(found.index, self.here)
        return self.found[turn]

    def part(self, iteration: Iteration, first: int, stop: int) -> Box:
        """The entries of several turns as an array."""
        if first == 0 and stop == self.array.shape[0]:
            return self.array
        return iteration.put(GETITEM, self.array, index=slice(first, stop))


class Together:
    """An operation on two entries of each turn, or on an entry and a constant of each turn."""

    __slots__ = (
        "at", "box", "constants", "first", "found", "kind", "number", "one", "other", "primitive", "source", "starts",
        "taken",
    )  # fmt: skip

    def __init__(self, iteration: Iteration, primitive: Any, one: Any, other: Any, first: int, kind: Any) -> None:
        self.primitive, self.one, self.other, self.first, self.kind = primitive, one, other, first, kind
        self.source = one if other is None else other if one is None else None  #: of entries and constants: the entries
        self.starts = self.source is not None and primitive in FOLDS  #: whether a running result may begin with it
        self.number = len(iteration.roles)
        self.constants: list[Any] = []
        self.box: Box | None = None
        self.at = self.taken = -1
        self.found: dict[tuple[int, int], Box] = {}
        iteration.roles.append(self)

    def goes_on(self, turn: int, constant: Any) -> bool:
        """Whether an operation with this number comes next, or is the same as the last one."""
        ahead = turn - self.first - len(self.constants)
        return ahead == 0 or (ahead == -1 and str(constant) == str(self.constants[-1]))

    def real(self, iteration: Iteration, turn: int) -> Box:
        """The result of a turn."""
        key = turn, turn
        if key not in self.found:
            operands = [
                self.constants[turn - self.first] if part is None else iteration.real((part.number << ROLE) + turn)
                for part in (self.one, self.other)
            ]
            self.found[key] = iteration.put(self.primitive, *operands)
        return self.found[key]

    def part(self, iteration: Iteration, first: int, stop: int) -> Box:
        """The results of several turns as an array."""
        key = first, stop
        if key not in self.found:
            parts = [part and part.part(iteration, first, stop) for part in (self.one, self.other)]
            operands = [self._constants(first, stop, parts) if part is None else part for part in parts]
            self.found[key] = iteration.put(self.primitive, *operands)
        return self.found[key]

    def _constants(self, first: int, stop: int, parts: list[Any]) -> Any:
        """The constants of several turns: a number if they are the same, else an array."""
        numbers = self.constants[first - self.first : stop - self.first]
        entries = peel(parts[0] if parts[1] is None else parts[1])
        dtype = entries.dtype if self.kind in (int, float) else numbers[0].dtype
        array = np.array(numbers, dtype)
        if array.tobytes() == array[:1].tobytes() * len(numbers):
            return numbers[0]
        return array.reshape(-1, *[1] * (len(entries.shape) - 1))


class Fold:
    """A running sum or product of the entries of a role, in order, from a start or from the first of them."""

    __slots__ = ("at", "box", "first", "found", "next", "number", "primitive", "source", "start")

    def __init__(self, iteration: Iteration, primitive: Any, source: Any, start: Any, first: int) -> None:
        self.primitive, self.source, self.start, self.first = primitive, source, start, first
        self.number = len(iteration.roles)
        self.at = (self.number << ROLE) + first  #: the last result
        self.next = (source.number << ROLE) + first + 1  #: the entry that it goes on with
        self.box: Any = None  #: the last result
        self.found: dict[int, Box] = {}
        iteration.roles.append(self)
        iteration.running.append(self)
        iteration.fold = self

    def advanced(self, iteration: Iteration, ans: Any) -> Box:
        """The result with one more entry, whose value is given."""
        self.source.taken = self.next
        self.next += 1
        self.at += 1
        box: Box = Box(ans, iteration, self.at)  # type: ignore[arg-type]
        self.box = box
        return box

    def real(self, iteration: Iteration, turn: int) -> Box:
        """The result of a turn. The last one is a reduction; one before it was kept, and all are then recorded."""
        if turn not in self.found:
            if turn != self.at & TURN:
                self._unroll(iteration)
            else:
                self.found[turn] = self._reduced(iteration, turn)
        return self.found[turn]

    def _reduced(self, iteration: Iteration, turn: int) -> Box:
        put, start = iteration.put, self.start
        reduction, neutral = FOLDS[self.primitive]
        entries = self.source.part(iteration, self.first, turn + 1)
        if start is not None and not (type(start) in NUMBERS and start == neutral):
            shape = (1, *entries.shape[1:])
            if type(start) is Box:
                head: Any = put(RESHAPE, start, shape=shape)
            else:
                head = np.full(shape, start, peel(entries).dtype)
            return put(reduction, put(CONCATENATE, head, entries, axis=0), axis=0)
        total = put(reduction, entries, axis=0)
        return put(ADD, start, total) if start is not None and self.primitive is ADD else total  # 0 + -0.0 is 0.0

    def _unroll(self, iteration: Iteration) -> None:
        """Record all turns, one after the other."""
        entries = self.source.number << ROLE
        result: Any = self.start
        for turn in range(self.first, (self.at & TURN) + 1):
            entry = iteration.real(entries + turn)
            result = entry if result is None else iteration.put(self.primitive, result, entry)
            self.found[turn] = result


# ----- the loop -------------------------------------------------------------------------------------------------------


def iterated(x: Box, place: Place) -> Iterator[Box]:
    """The entries of a box on an open tape, one by one, for a loop at this place of the code."""
    tape = x.tape
    iteration = tape.iteration and tape.iteration()
    if iteration is None or iteration.has_begun:  # otherwise both are in one `zip`
        iteration = Iteration(tape)
    return _turns(x, iteration, Entries(iteration, Box(x.value, tape, x.index)), place)


def _turns(x: Box, iteration: Iteration, role: Entries, place: Place) -> Iterator[Any]:
    value, index = role.array.value, role.array.index
    size, is_rows = x.shape[0], len(x.shape) > 1
    tape, first = iteration.tape, role.number << ROLE
    code = first
    zeroth = None
    iteration.has_begun = True
    try:
        for entry in value:
            if code > first and not iteration.is_taken(code - 1):
                if code > first + 1 or iteration.pairs or iteration.is_broken:
                    break
                zeroth = role.box  # it may be added to the next one
            if x.value is not value or x.index != index:  # it was written to, or its tape is closed
                break
            role.here = tape.here()
            box = role.box = Box(entry, iteration, code)  # type: ignore[arg-type]
            if is_rows:
                link(box, x, GETITEM, {"index": code - first})
            code += 1
            yield box
        if zeroth is not None and not iteration.running:
            iteration.own(zeroth)
        if code > first:
            iteration.stop(code - 1, at_end=code == first + size)
        if not iteration.running:
            place.in_vain = True
    finally:
        role.box = None
    for k in range(code - first, size):
        yield x[k]
