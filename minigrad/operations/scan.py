"""Memory: forget values and compute them again, in loops by the best possible schedule; and stop derivatives.

A tape keeps what the backward sweep needs, so its size grows with the number of operations. `checkpoint` forgets what
one function computes on the way, at the cost of running it twice. `checkpointed_scan` runs a loop of l steps with room
for s states: from these it recomputes the others, in the order that runs as few steps as possible. With t(l, s) the
least number of steps run forward, and r the smallest number with C(s + r, s) >= l,

    t(l, s) = r l - C(s + r, r - 1),

so each step runs at most r times, where r grows like the s-th root of l (A. Griewank and A. Walther, "Algorithm 799:
revolve", ACM Transactions on Mathematical Software 26(1), 2000). A gradient of a loop whose state is 200 numbers and
whose step is ten operations, as measured by `python -m benchmarks --only 'loop-*'`:

| steps  | states s | peak memory | of one tape | steps run forward, counted | t(l + 1, s) |
|--------|----------|-------------|-------------|----------------------------|-------------|
| 1,000  | one tape | 22.2 MB     | 1           | 0                          |             |
| 1,000  | 44       | 0.15 MB     | 1/145       | 1,956                      | 1,956       |
| 1,000  | 10       | 0.08 MB     | 1/262       | 3,640                      | 3,640       |
| 1,000  | 5        | 0.09 MB     | 1/247       | 6,292                      | 6,292       |
| 10,000 | one tape | 221.7 MB    | 1           | 0                          |             |
| 10,000 | 140      | 0.41 MB     | 1/538       | 19,860                     | 19,860      |
| 10,000 | 20       | 0.19 MB     | 1/1162      | 37,980                     | 37,980      |
| 10,000 | 5        | 0.17 MB     | 1/1319      | 112,882                    | 112,882     |

Each step is recorded once in any case. (l + 1, since what follows the loop is one more step to be reversed.) Peaks vary
by 0.02 MB from run to run. With 1,000 steps the time is 2.6 to 3.4 times that of one tape for these states, which are
so small that Python takes most of it, and with 200 steps on states of 20,000 numbers 1.9 times (19 states) to 2.8 times
(5 states).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.foreign import refuse_foreign
from minigrad.core.lines import located
from minigrad.core.tape import open_part, peel, read_only
from minigrad.core.tree import flatten, tree_map
from minigrad.modes.made import called_with, check_function
from minigrad.operations.schedule import default_snapshots, next_snapshot
from minigrad.operations.tree_operation import (
    filled,
    has_derivative,
    one_operation,
    refuse_closure,
    shape_of,
    tree_jvp,
    tree_series,
    tree_vjp,
    typed,
)
from minigrad.rules.moving import stack


def checkpointed_scan(
    f: Callable[..., tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    snapshots: int | None = None,
    args: Sequence[Any] = (),
) -> tuple[Any, Any]:
    """A loop, `carry, y = f(carry, x, *args)` for every x in xs, whose gradient needs little memory.

    Names and order of the first arguments are those of `jax.lax.scan`.

    Args:
        f: one step. It gets the carry, one entry of xs and the parameters, and returns the next carry, of the same
            structure, shapes and dtypes, and what is to be collected, a pytree or `None`. It is run several times for
            the same step, and must return the same; it must not write into its arguments.
        init: the carry to begin with, a pytree of arrays and numbers. Integers in it are carried on as constants.
        xs: a pytree of arrays with one first axis of the same length, or `None`.
        length: the number of steps; needed if xs is `None`.
        snapshots: how many carries may be stored at a time for the backward sweep, init included. By default about
            sqrt(2 length), with which no step runs forward more than twice. A second backward sweep over the same
            loop, by a pullback that is called again, begins with another run forward.
        args: parameters that are the same in every step. Traced values have to come this way, or in init or xs, not
            through a closure.

    Returns:
        The last carry, and the collected values, stacked along a new first axis.

    Raises:
        TypeError: if `f` closes over a traced value, does not return a pair, or changes the structure or dtype of the
            carry.
        ValueError: if `f` changes a shape of the carry, if lengths do not agree, or if there are no steps.
        RuntimeError: if `f` returns something else when it is run again.

    The schedule is "revolve" (see the module). Forward mode and Taylor mode run
    the loop once and store nothing; second and higher derivatives use the same schedule, for the loop with tangents.

    >>> from minigrad import grad
    >>> def step(x, dt, k):
    ...     x = x + dt * k * x * (1.0 - x)
    ...     return x, x
    >>> last, path = checkpointed_scan(step, 0.1, np.full(1000, 0.01), snapshots=10, args=(0.5,))
    >>> round(float(last), 6), path.shape
    (0.942895, (1000,))
    >>> loss = lambda k: checkpointed_scan(step, 0.1, np.full(1000, 0.01), snapshots=10, args=(k,))[0]
    >>> round(float(grad(loss)(0.5)), 6)
    0.539776
    """
    check_function("checkpointed_scan", f)
    if not isinstance(args, (list, tuple)):
        raise TypeError(
            located(f"checkpointed_scan: args is a tuple of parameters, (p,) for one, not a {type(args).__name__}")
        )
    leaves, treedef = flatten(xs)
    lengths = {}
    for path, leaf in zip(treedef.paths("xs"), leaves):
        refuse_foreign("checkpointed_scan", leaf, path)
        shape = shape_of(leaf)
        if not shape or not hasattr(peel(leaf), "dtype"):
            raise ValueError(
                located(
                    f"checkpointed_scan: {path} is no array with a first axis to go along, but {peel(leaf)!r}; what is "
                    f"the same in every step belongs into args"
                )
            )
        lengths[path] = shape[0]
    if length is not None:
        lengths["length"] = length
    if len(set(lengths.values())) != 1:
        raise ValueError(
            located(
                "checkpointed_scan: the number of steps is not known; give xs or length"
                if not lengths
                else f"checkpointed_scan: the lengths differ: {', '.join(f'{k} {n}' for k, n in lengths.items())}"
            )
        )
    (steps,) = set(lengths.values())
    if not isinstance(steps, (int, np.integer)) or steps < 1:
        raise ValueError(located(f"checkpointed_scan: there must be at least one step, not {steps!r}"))
    if snapshots is None:
        snapshots = default_snapshots(int(steps))
    if not isinstance(snapshots, (int, np.integer)) or snapshots < 1:
        raise ValueError(
            located(f"checkpointed_scan: snapshots={snapshots!r}; at least one state has to be kept, the first")
        )
    init = tree_map(lambda leaf: typed(open_part(leaf)), init)
    for path, leaf in zip(flatten(init)[1].paths("init"), flatten(init)[0]):
        refuse_foreign("checkpointed_scan", leaf, path)
        if not hasattr(leaf, "dtype") and not isinstance(leaf, int):
            raise TypeError(
                located(
                    f"checkpointed_scan: {path} is {leaf!r}, a {type(leaf).__name__}; a carry is made of numbers and "
                    f"arrays. What does not change belongs into args"
                )
            )
    with called_with("checkpointed_scan", f, "carry", "x", *[f"args[{k}]" for k in range(len(args))]):
        return _Loop(f, int(steps), int(snapshots)).scan(init, xs, tuple(args))


class _Loop:
    """A loop of so many steps, with room for so many states."""

    def __init__(self, f: Callable[..., Any], length: int, snapshots: int) -> None:
        self.f, self.length, self.snapshots = f, length, snapshots
        #: the states that the run forward stored, for the first run backward, which replaces them one by one; and the
        #: arguments that it had, since of others (the same under a box, for each example) the states are others
        self.states: tuple[list[Any], list[tuple[int, Any]]] | None = None

    def step(self, carry: Any, x: Any, args: Any) -> tuple[Any, Any]:
        """One step, checked."""
        result = self.f(carry, x, *args)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(
                located(
                    f"checkpointed_scan: the step must return a pair (carry, y), with y None if nothing is to be "
                    f"collected; it returned {result!r}"
                )
            )
        new, y = result
        leaves, treedef = flatten(carry)
        parts = treedef.leaves_of(new)
        if parts is None:
            raise TypeError(
                located(f"checkpointed_scan: the carry was {treedef}, and the step returned {flatten(new)[1]}")
            )
        for k, (before, after) in enumerate(zip(leaves, parts)):
            after = parts[k] = typed(after)
            if not hasattr(before, "dtype") and isinstance(after, int):
                continue  # a counter
            was, now = getattr(before, "shape", ()), getattr(after, "shape", None)
            old, new_dtype = getattr(before, "dtype", "int"), getattr(after, "dtype", type(after).__name__)
            if was != now or old != new_dtype:
                path = treedef.paths("carry")[k]
                message = (
                    f"checkpointed_scan: {path} went into the step with shape {was} and dtype {old}, and came out with "
                    f"shape {now} and dtype {new_dtype}; begin with one like the result"
                )
                raise (ValueError if was != now and now is not None else TypeError)(located(message))
        return treedef.unflatten(parts), y

    # ----- the loop, and what its derivatives are ---------------------------------------------------------------------

    def scan(self, carry: Any, xs: Any, args: Any) -> tuple[Any, Any]:
        """The last carry and the collected values."""
        found: tuple[Any, Any] = one_operation(
            "checkpointed_scan",
            self.run,
            (carry, xs, args),
            lambda g, out, primals, _wanted: self.reverse(primals, out, g),
            self.push,
            self.series,
        )
        return found

    def reverse(self, primals: tuple[Any, ...], out: Any, g: tuple[Any, Any]) -> tuple[Any, Any, Any]:
        """The cotangents of carry, xs and args, which differentiate again.

        This map p, g -> J(p)^T g is one operation too. Since <w, J(p)^T g> = <g, J(p) w>, its derivatives are those of
        the loop with tangents, p, w -> J(p) w, which has a schedule as well: no order ever records the whole loop.
        """

        def pull(w: Any, _ans: Any, inputs: Any, _wanted: Any) -> Any:
            primals, _out, g = inputs
            loop, point = self.with_tangents(primals, w)
            both = loop.scan(*point)
            cts = loop.reverse(point, both, _paired(g))
            return tuple([ct[0] for ct in cts]), None, (both[0][1], both[1][1])

        def push(ts: Any, _ans: Any, inputs: Any) -> Any:
            primals, out, g = inputs
            loop, point = self.with_tangents(primals, ts[0])
            second = tuple([ct[0] for ct in loop.reverse(point, loop.scan(*point), _paired(g))])
            first = self.reverse(primals, out, filled(ts[2], g))
            return tree_map(lambda a, b: None if a is None else a + b, first, second)

        found: tuple[Any, Any, Any] = one_operation(
            "checkpointed_scan, backward", self.run_backward, (primals, out, filled(g, out)), pull, push
        )
        return found

    def with_tangents(self, primals: tuple[Any, ...], tangents: Any) -> tuple[_Loop, tuple[Any, ...]]:
        """The loop that carries tangents along, and where it starts: pairs of values and tangents."""

        def f(carry: Any, x: Any, *args: Any) -> Any:
            points, directions = zip(carry, x, args)
            (carry, y), (d_carry, dy) = tree_jvp(self.step, points, directions)
            return (carry, d_carry), (y, dy)

        loop = _Loop(f, self.length, self.snapshots)
        return loop, tuple(zip(primals, filled(tangents, primals)))

    def push(self, ts: Any, _out: Any, primals: tuple[Any, ...]) -> Any:
        loop, point = self.with_tangents(primals, ts)
        carry, ys = loop.scan(*point)
        return carry[1], ys[1]

    def series(self, order: int, curves: list[Any], out: Any) -> list[Any]:
        """Step by step, one series each."""
        rows = [_Rows(self.length) for _ in range(order + 1)]
        carries = [c[0] for c in curves]
        for i in range(self.length):
            here = [(carry, _entry(c[1], i), c[2]) for carry, c in zip(carries, curves)]
            found = tree_series("checkpointed_scan", self.step, here, order)
            carries = [c for c, _ in found]
            for row, (_, y) in zip(rows, found):
                row.put(i, y)
        return [(c, row.whole()) for c, row in zip(carries, rows)]

    # ----- on plain values --------------------------------------------------------------------------------------------

    # What a step is given is read again, so it comes as views through which it cannot be written to; entries of
    # read-only arrays are read-only themselves.

    def run(self, carry: Any, xs: Any, args: Any) -> tuple[Any, Any]:
        """All steps forward."""
        given = flatten((carry, xs, args))[0]
        carry, xs, args = tree_map(read_only, (carry, xs, args))
        rows, states, room = _Rows(self.length), [], self.snapshots
        wanted = next_snapshot(self.length + 1, room)  # what follows the loop is one more step to be reversed
        for i in range(self.length):
            if i == wanted:
                states.append((i, tree_map(_unshared, carry)))
                room -= 1
                wanted += next_snapshot(self.length + 1 - i, room)
            try:
                carry, y = self.step(carry, _entry(xs, i), args)
            except ValueError as error:
                if "read-only" in str(error):
                    error.add_note(
                        "checkpointed_scan: a step must not write into what it is given: c = c + x, not c += x"
                    )
                raise
            refuse_closure("checkpointed_scan", flatten((carry, y))[0])
            carry = tree_map(read_only, carry)
            rows.put(i, y)
        self.states = given, states
        return tree_map(_unshared, carry), rows.whole()

    def run_backward(self, primals: tuple[Any, ...], out: Any, g: tuple[Any, Any]) -> tuple[Any, Any, Any]:
        """All steps backward; each of them is recorded by itself, from a carry that is computed again."""
        carry, xs, args = tree_map(read_only, primals)
        g_carry, g_ys = g
        given = flatten(primals)[0]
        if self.states is None or any(a is not b for a, b in zip(given, self.states[0])):  # not the first time
            self.run(carry, xs, args)
        stack, self.states = [(0, carry), *(self.states[1] if self.states else [])], None
        rows, ct_args = _Rows(self.length), None
        for end in range(self.length, 0, -1):
            while stack[-1][0] >= end:
                stack.pop()
            position, carry = stack[-1]
            while position < end - 1:
                room = self.snapshots - len(stack) + 1
                target = position + next_snapshot(end - position, room)
                for i in range(position, target):
                    carry = tree_map(_carried, self.f(carry, _entry(xs, i), *args)[0])
                position = target
                if position < end - 1:
                    stack.append((position, tree_map(_unshared, carry)))
            point = (carry, _entry(xs, end - 1), args)
            results, pullback = tree_vjp(self.step, point, once=True)
            if end == self.length:
                _check_equal(results, (out[0], _entry(out[1], end - 1)), carry)
            g_carry, ct_x, ct = pullback((g_carry, _entry(g_ys, end - 1)))
            rows.put(end - 1, ct_x)
            ct_args = ct if ct_args is None else tree_map(lambda a, b: a + b, ct_args, ct)
        return g_carry, rows.whole(), ct_args


def _paired(g: Any) -> Any:
    """A cotangent of the results as one of the tangents in pairs of results and tangents."""
    return (None, g[0]), (None, g[1])


def _entry(tree: Any, i: int) -> Any:
    """Entry i along the first axis of every leaf."""
    return tree_map(lambda leaf: leaf[i], tree)


def _carried(leaf: Any) -> Any:
    """Part of a carry, as the next step gets it."""
    return read_only(typed(leaf))


def _unshared(leaf: Any) -> Any:
    """An array that keeps no larger one alive, and may be written to."""
    return leaf.copy("K") if type(leaf) is np.ndarray else leaf


class _Rows:
    """Trees, one per step, that become one tree of arrays with one more axis."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.columns: list[Any] = []
        self.treedef: Any = None

    def put(self, i: int, tree: Any) -> None:
        """Row i."""
        leaves, treedef = flatten(tree)
        if self.treedef is None:
            self.treedef = treedef
            for leaf in leaves:
                leaf = open_part(leaf)
                plain = issubclass(type(leaf), (np.ndarray, np.generic, int, float, complex))
                shape, dtype = np.shape(leaf) if plain else (), getattr(leaf, "dtype", type(leaf))
                self.columns.append(np.empty((self.length, *shape), dtype) if plain else [None] * self.length)
        same = self.treedef.same_leaves_of(tree)
        if same is None:
            raise TypeError(
                located(f"checkpointed_scan: y was {self.treedef} in the first step, and {treedef} in a later one")
            )
        leaves = same
        for column, leaf in zip(self.columns, leaves):
            column[i] = leaf

    def whole(self) -> Any:
        """The tree of arrays."""
        return self.treedef.unflatten([c if type(c) is np.ndarray else stack(*c, axis=0) for c in self.columns])


def _check_equal(results: Any, before: Any, carry: Any) -> None:
    """Raise if a step gave other results this time, beyond what recording it may change in the last digits."""
    leaves, treedef = flatten(results)
    in_order = treedef.leaves_of(before) or ()  # a step may enter the keys of a dict in another order
    new, old, start = [[peel(leaf) for leaf in each] for each in (leaves, in_order, flatten(carry)[0])]

    def is_plain(leaf: Any) -> bool:  # examples may differ in size, and a program asks for no numbers
        return issubclass(type(leaf), (np.ndarray, np.generic, float)) and has_derivative(leaf)

    pairs = [(a, b) for a, b in zip(new, old) if is_plain(a) and is_plain(b)]
    sizes = [np.abs(a) for a in [*start, *new] if is_plain(a)]
    scale = max([float(np.max(size, initial=0.0, where=np.isfinite(size))) for size in sizes], default=0.0)
    for a, b in pairs:
        a, b = np.asarray(a), np.asarray(b)
        allowed = math.sqrt(float(np.finfo(b.dtype).eps)) * scale
        with np.errstate(invalid="ignore"):
            same = (np.abs(a - b) <= allowed) | (a == b) | (np.isnan(a) & np.isnan(b))
        if not np.all(same):
            raise RuntimeError(
                located(
                    f"checkpointed_scan: the last step was run again for the backward sweep, and a result differs by "
                    f"{float(np.max(np.abs(a - b))):.3g}. A step must depend on its arguments alone: draw random "
                    f"numbers beforehand and pass them as xs, and change nothing that it reads"
                )
            )
