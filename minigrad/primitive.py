"""Primitives: the operations that have rules, declared by their kind.

| kind          | a rule is                                 | backward  | forward                   |
|---------------|-------------------------------------------|-----------|---------------------------|
| `elementwise` | `g * ∂ans/∂arg`: the Jacobian is diagonal | the rule  | the same rule             |
| `linear`      | the transpose                             | the rule  | the operation itself      |
| `bilinear`    | one transpose per argument                | the rules | the operation, arg by arg |
| `general`     | a vjp and a jvp per argument              | the vjps  | the jvps                  |
| `several`     | one pull, one push for a tuple of results | the pull  | the push                  |
| `constant`    | nothing: no derivative flows              | -         | -                         |

A rule is called as `rule(g, ans, *args, **params)`. It is written with operators and with functions of this package,
so that it differentiates itself. A parameter whose name starts with an underscore says "I do not read this value (its
shape and dtype at most)": a lean tape then does not keep it.

Cotangents and tangents may be *thin*: anything that broadcasts to its node's shape, such as the seed 1.0. Elementwise
rules take them as they are, reductions take a single number; for all other kinds the sweep expands them first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.duck import Duck
from minigrad.tape import Box, Tape, located, open_part, peel, peel_all

Rule = Callable[..., Any]


class Primitive:
    """One row of the table of rules.

    `fun` computes it on plain values, `bind` on boxes too (it is what the public function calls). `pull`, where
    given, returns the cotangents of all arguments at once and stands in for `vjps`.
    """

    __slots__ = (
        "_residuals", "bind", "fun", "jvps", "kind", "name", "pull", "push", "shrinks", "sweeping", "takes_scalar",
        "taylor", "vjps",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        fun: Callable[..., Any],
        vjps: Sequence[Rule] = (),
        jvps: Sequence[Rule] = (),
        pull: Rule | None = None,
        push: Rule | None = None,
    ) -> None:
        self.name, self.kind, self.fun, self.pull, self.push = name, kind, fun, pull, push
        self.vjps, self.jvps = tuple(vjps), tuple(jvps)
        # What the backward sweep asks of every node, in one look: does it take the
        # cotangent as it comes? does it broadcast? its rules.
        self.sweeping = (
            kind in ("elementwise", "several"),
            kind == "elementwise" and len(vjps) > 1,
            None if pull else self.vjps,
        )
        self.taylor: Callable[..., Any] | None = None  # its Taylor series by a recurrence, see taylor.py
        self.takes_scalar = kind == "elementwise"  # whether the rules also take a thin cotangent that is one number
        self._residuals: dict[tuple[bool, ...], tuple[bool, tuple[int, ...]]] = {}
        # Whether an argument that is not needed may be larger than the result, as in a sum.
        self.shrinks = kind != "elementwise" and bool(self.residuals((0,) * max(1, len(self.vjps)))[1])
        self.bind: Callable[..., Any] = (
            _bind_several if kind == "several" else {1: _bind_one, 2: _bind_two}.get(len(self.vjps), _bind_many)
        )(self)
        self.bind.__name__ = self.bind.__qualname__ = name
        self.bind.primitive = self  # type: ignore[attr-defined]

    def residuals(self, parents: tuple[int, ...]) -> tuple[bool, tuple[int, ...]]:
        """Whether the backward rules of these parents read `ans`, and the positions of arguments that none reads.

        The rule of a constant operand, whose parent is -1, will not be asked.
        """
        moving = tuple([parent >= 0 for parent in parents])
        found = self._residuals.get(moving)
        if found is None:
            if self.pull is not None:
                reads_ans, reads_args = _reads(self.pull, len(parents))
                found = reads_ans, tuple(k for k in range(len(parents)) if not reads_args[k])
            else:
                reads = [_reads(rule, len(parents)) for rule, moves in zip(self.vjps, moving) if moves]
                dropped = [k for k in range(len(parents)) if not any(args[k] for _, args in reads)]
                found = any(ans for ans, _ in reads), tuple(dropped)
            self._residuals[moving] = found
        return found

    def __repr__(self) -> str:
        return f"<{self.kind} primitive {self.name}>"


def _reads(rule: Rule, number: int) -> tuple[bool, tuple[bool, ...]]:
    """Which of `ans` and a number of `*args` a rule reads, by the names that it gives them.

    A rule of any number of arguments, `rule(g, ans, *args)`, has one answer for all of them.
    """
    code = rule.__code__
    names = code.co_varnames[1 : code.co_argcount]
    if code.co_flags & _VARARGS:
        names += (code.co_varnames[code.co_argcount + code.co_kwonlyargcount],)
    reads = [not name.startswith("_") for name in names]
    if code.co_flags & _VARARGS:
        reads += reads[-1:] * (number + 1 - len(reads))
    return reads[0], tuple(reads[1:])


_VARARGS = 0x04  # inspect.CO_VARARGS, without the time to import inspect


# ----- binding: run one level down, then record -----------------------------------------------------------------------


def _bind_one(primitive: Primitive) -> Callable[..., Any]:
    fun = primitive.fun

    def bind(x: Any, **params: Any) -> Any:
        if type(x) is not Box:
            return fun(x, **params)
        value, tape = x.value, x.tape
        if tape.memo is not None and tape.is_open:
            return shared(tape, primitive, (x.index,), (value,), params)
        if type(value) is Box:
            ans = bind(value, **params)
        else:
            ans = fun(value, **params) if params else fun(value)
        if not tape.is_open:
            return ans  # its transformation is over: a constant
        if params:
            watch(params, tape)
        return tape.record(primitive, (x.index,), (value,), ans, params)

    return bind


def _bind_two(primitive: Primitive) -> Callable[..., Any]:
    fun = primitive.fun
    reads_x, reads_y = 0 not in primitive.residuals((-1, 0))[1], 1 not in primitive.residuals((0, -1))[1]

    def bind(x: Any, y: Any, **params: Any) -> Any:
        if type(x) is Box:
            if not x.tape.is_open:
                return bind(x.value, y, **params)
            tape: Tape = x.tape
            if type(y) is Box:
                if not y.tape.is_open:
                    return bind(x, y.value, **params)
                if tape is y.tape:
                    parents, x, y = (x.index, y.index), x.value, y.value
                elif tape.serial > y.tape.serial:  # x is on the inner tape: y is a constant there
                    parents, x = (x.index, -1), x.value
                else:
                    tape = y.tape
                    parents, y = (-1, y.index), y.value
            else:
                if type(y) is not float:
                    if isinstance(y, Duck) and y.serial > tape.serial:
                        return bind(y.lift(x), y, **params)
                    y = constant_operand(y, tape, reads_y, x)
                parents, x = (x.index, -1), x.value
        elif type(y) is Box:
            if not y.tape.is_open:
                return bind(x, y.value, **params)
            tape = y.tape
            if type(x) is not float:
                if isinstance(x, Duck) and x.serial > tape.serial:
                    return bind(x, x.lift(y), **params)
                x = constant_operand(x, tape, reads_x, y)
            parents, y = (-1, y.index), y.value
        else:
            return fun(x, y, **params)
        if tape.memo is not None:
            return shared(tape, primitive, parents, (x, y), params)
        if type(x) is Box or type(y) is Box:
            ans = bind(x, y, **params)
        else:
            ans = fun(x, y, **params) if params else fun(x, y)
        if params:
            watch(params, tape)
        return tape.record(primitive, parents, (x, y), ans, params)

    return bind


def _bind_many(primitive: Primitive) -> Callable[..., Any]:
    fun = primitive.fun
    reads_args = not primitive.residuals((0,))[1]

    def bind(*args: Any, **params: Any) -> Any:
        tape = innermost(args)
        if tape is None:
            return fun(*map(open_part, args), **params)
        inner = lifted(args, tape)
        if inner is not None:
            return bind(*inner, **params)
        parents, values = operands(args, tape, reads_args)
        if tape.memo is not None:
            return shared(tape, primitive, parents, values, params)
        ans = bind(*values, **params)
        watch(params, tape)
        return tape.record(primitive, parents, values, ans, params)

    return bind


def shared(tape: Tape, primitive: Primitive, parents: tuple[int, ...], args: tuple[Any, ...], params: Any) -> Box:
    """Record an operation on a tape that remembers what it did; equal work is found, not done again.

    Operations are equal if the primitive, the parents (of sums and products in either order), the parameters and the
    constants are. Constants are compared by
    type and value, boxes of outer tapes by their place, and arrays by their content if they are small; never by `id`.
    """
    assert tape.memo is not None
    try:
        constants = tuple([frozen(arg) for arg, parent in zip(args, parents) if parent < 0]) if -1 in parents else ()
        same = parents if constants or primitive.name not in ("add", "multiply") else tuple(sorted(parents))
        key = (primitive, same, constants, frozen(params) if params else ())
    except TypeError:  # a large array: not compared
        key = None
    found = tape.memo.get(key)
    if found is not None:
        index, ans = found
        return Box(ans, tape, index)
    ans = primitive.bind(*args, **params)
    watch(params, tape)
    box = tape.record(primitive, parents, args, ans, params)
    if key is not None and (type(ans) is not np.ndarray or ans.nbytes <= SMALL):
        tape.memo[key] = (box.index, ans)
    return box


SMALL = 1 << 16  # bytes up to which a value is kept only because it may be needed again


def frozen(value: Any) -> Any:
    """Something hashable that is equal for equal constants; a TypeError for arrays of some size."""
    kind = type(value)
    if kind is float:
        return (kind, value) if value else (kind, str(value))  # 0.0 and -0.0 are equal, and not the same
    if kind is Box:
        return Box, value.tape.serial, value.index
    if kind is tuple:
        return kind, *[frozen(part) for part in value]
    if kind is dict:
        return kind, *[(name, frozen(part)) for name, part in value.items()]
    if kind is slice:
        return kind, value.start, value.stop, value.step
    if isinstance(value, np.generic) or (kind is np.ndarray and value.nbytes <= 256):
        return kind, value.shape, value.dtype.str, value.tobytes()
    hash(value)
    return kind, value


def _bind_several(primitive: Primitive) -> Callable[..., Any]:
    fun = primitive.fun

    def bind(*args: Any, **params: Any) -> Any:
        tape = innermost(args)
        if tape is None:
            return fun(*map(open_part, args), **params)
        inner = lifted(args, tape)
        if inner is not None:
            return bind(*inner, **params)
        parents, values = operands(args, tape, True)
        ans = bind(*values, **params)
        watch(params, tape)
        # One node holds the tuple of results, and one more for each of them stands for it from here on.
        whole = tape.record(primitive, parents, values, ans, params).index
        return tuple([tape.record(ITEM, (whole,), (ans,), part, {"position": k}) for k, part in enumerate(ans)])

    return bind


def lifted(args: Sequence[Any], tape: Tape) -> Any:
    """The arguments with their boxes in a duck array that is further in than their tapes; None if there is none."""
    inner = max([arg for arg in args if isinstance(arg, Duck)], key=lambda duck: duck.serial, default=None)
    if inner is None or inner.serial < tape.serial:
        return None
    return [inner.lift(arg) if type(arg) is Box else arg for arg in args]


def operands(args: Sequence[Any], tape: Tape, are_read: bool) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """The parents and the values one level down of what a node on `tape` is made from."""
    parents, values = [], []
    for arg in map(open_part, args):
        if type(arg) is Box and arg.tape is tape:
            parents.append(arg.index)
            values.append(arg.value)
        else:
            parents.append(-1)
            values.append(arg if type(arg) is Box else constant_operand(arg, tape, are_read))
    return tuple(parents), tuple(values)


def innermost(args: Sequence[Any]) -> Tape | None:
    """The open tape with the largest serial among these arguments."""
    tape: Tape | None = None
    for arg in map(open_part, args):
        if type(arg) is Box and (tape is None or arg.tape.serial > tape.serial):
            tape = arg.tape
    return tape


def watch(params: dict[str, Any], tape: Tape) -> None:
    """Watch arrays among the parameters (a mask, numbers of repeats) for changes."""
    for value in params.values():
        if type(value) is np.ndarray:
            tape.capture(value)


def constant_operand(value: Any, tape: Tape, is_read: bool, other: Any = None) -> Any:
    """A plain operand as the tape keeps it: sequences become arrays; arrays that a rule reads are watched."""
    kind = type(value)
    if kind is int or kind is float or kind is np.float64:
        return value
    if kind is complex and type(peel(other)) is np.float64:
        return np.complex128(value)  # 1j * np.float64(2) would be a complex of Python, without a dtype
    if kind is list or kind is tuple:
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        if not isinstance(value, (np.generic, int, float, complex)) and not hasattr(value, "__array_function__"):
            raise TypeError(
                located(
                    f"a {kind.__module__}.{kind.__qualname__} cannot take part in a differentiated operation; "
                    f"pass a number or an array: np.asarray(x, dtype=float)"
                )
            )
        return value
    if kind is not np.ndarray:
        check_plain(value)
    if value.dtype.kind not in "biufc":
        raise TypeError(
            located(
                f"an array of dtype {value.dtype} cannot take part in a differentiated operation. "
                f"Convert it first: x.astype(float)"
            )
        )
    if is_read:
        tape.capture(value)
    return value


def check_plain(value: Any) -> None:
    """Refuse the arrays whose operators or functions mean something else, or that hide entries."""
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        raise TypeError(
            located(
                f"{type(value).__name__} operands are not differentiated: pass a plain array, np.asarray(x)"
                + (", and leave masked entries out with np.where(mask, 0.0, x)" if type(value) is not np.matrix else "")
            )
        )


# ----- the kinds ------------------------------------------------------------------------------------------------------


def elementwise(name: str, fun: Callable[..., Any], *rules: Rule) -> Callable[..., Any]:
    """An operation entry by entry, with broadcasting. One rule per argument, for both directions."""
    return Primitive(name, "elementwise", fun, rules, rules).bind


def linear(name: str, fun: Callable[..., Any], transpose: Rule) -> Callable[..., Any]:
    """A linear operation of one argument. It pushes forward by applying itself; only the transpose is written."""
    return Primitive(name, "linear", fun, (transpose,)).bind


def linear_in_all(name: str, fun: Callable[..., Any], pull: Rule) -> Callable[..., Any]:
    """A linear operation of any number of arguments taken together, such as `concatenate`."""
    return Primitive(name, "linear", fun, pull=pull).bind


def bilinear(name: str, fun: Callable[..., Any], transpose_x: Rule, transpose_y: Rule) -> Callable[..., Any]:
    """An operation of two arguments that is linear in each, such as `matmul`."""
    return Primitive(name, "bilinear", fun, (transpose_x, transpose_y)).bind


def multilinear(name: str, fun: Callable[..., Any], pull: Rule) -> Callable[..., Any]:
    """An operation that is linear in each of any number of arguments, such as `einsum`."""
    return Primitive(name, "bilinear", fun, pull=pull).bind


def general(name: str, fun: Callable[..., Any], vjps: Sequence[Rule], jvps: Sequence[Rule]) -> Callable[..., Any]:
    """An operation that is none of these: a vjp and a jvp per argument."""
    return Primitive(name, "general", fun, vjps, jvps).bind


def several(name: str, fun: Callable[..., Any], pull: Rule, push: Rule) -> Callable[..., Any]:
    """An operation with several results, such as `eigh`: `fun` returns a tuple of arrays.

    `pull(gs, ans, *args, parents, **params)` takes a list of cotangents, one per result in its full shape or `None` for
    zero, and returns a list of one cotangent per argument (`None` where its parent is -1). `push(ts, ans, *args,
    **params)` takes a list of tangents, one per argument in its full shape or `None` for zero, and returns a list of
    one tangent per result.
    """
    return Primitive(name, "several", fun, pull=pull, push=push).bind


class Scatter:
    """The cotangent of `x[index]` with respect to x: zero but for `g` at the index.

    The backward sweep collects them and writes them into one array when it comes to x. Taking an array apart entry by
    entry therefore costs linear time, not one full array per entry. In a tuple of results the index is the position.
    """

    __slots__ = ("g", "index")

    def __init__(self, g: Any, index: Any) -> None:
        self.g, self.index = g, index


ITEM: Primitive = linear_in_all(
    "item",
    lambda results, position: results[position],
    lambda g, _ans, *_results, parents, position: [Scatter(g, position)],
).primitive  # type: ignore[attr-defined]


def constant(name: str, fun: Callable[..., Any]) -> Callable[..., Any]:
    """An operation through which no derivative flows (`argmax`, `floor`, `>`): it returns plain values."""

    def bind(*args: Any, **params: Any) -> Any:
        return fun(*peel_all(args), **peel_all(params))

    bind.__name__ = bind.__qualname__ = name
    bind.primitive = Primitive.__new__(Primitive)  # type: ignore[attr-defined]
    bind.primitive.name, bind.primitive.kind, bind.primitive.fun = name, "constant", fun  # type: ignore[attr-defined]
    return bind
