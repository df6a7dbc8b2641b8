"""Primitives: the operations that have rules, declared by their kind.

| kind          | a rule is                                 | backward  | forward                   |
|---------------|-------------------------------------------|-----------|---------------------------|
| `elementwise` | `g * ∂ans/∂arg`: the Jacobian is diagonal | the rule  | the same rule             |
| `linear`      | the transpose                             | the rule  | the operation itself      |
| `bilinear`    | one transpose per argument                | the rules | the operation, arg by arg |
| `general`     | a vjp and a jvp per argument              | the vjps  | the jvps                  |
| `several`     | one pull, one push for a tuple of results | the pull  | the push                  |
| `joint`       | the same for a single result              | the pull  | the push                  |
| `constant`    | nothing: no derivative flows              | -         | -                         |

An operation of any number of arguments may be linear in all together (`linear_in_all`: `concatenate`) or in each
(`multilinear`: `einsum`); it has one rule for all of them, `pull`.

A rule is called as `rule(g, ans, *args, **params)`. It is written with operators and with functions of this package,
so that it can be differentiated. A parameter whose name starts with an underscore says "I do not read this value (its
shape and dtype at most)": a lean tape then does not keep it.

Cotangents and tangents may be *unexpanded*: anything that broadcasts to its node's shape, such as the seed 1.0.
Elementwise rules take them as they are, reductions take a single number; for all other kinds the sweep expands them
first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from minigrad.core.binding import bind_many, bind_one, bind_two, bind_view
from minigrad.core.nested import peel_all
from minigrad.core.operands import SparseOperandError, current, innermost_tape, lifted, operands, watch, with_sparse
from minigrad.core.tape import open_part

Rule = Callable[..., Any]


class Operation(Protocol):
    """What has rules: the function that users call for a primitive, as the declarations below return it."""

    primitive: Primitive
    __name__: str
    __qualname__: str

    def __call__(self, *args: Any, **params: Any) -> Any:
        """The value, on plain values, boxes and duck arrays."""


class Primitive:
    """One row of the table of rules: all that any mode asks of an operation, declared in one expression.

    `fun` computes it on plain values, `bind` on boxes too (it is what the public function calls). `pull`, where
    given, returns the cotangents of all arguments at once and stands in for `vjps`. The rest is optional:

    | declared       | asked for by      | what it is                                                                |
    |----------------|-------------------|---------------------------------------------------------------------------|
    | `taylor`       | Taylor mode       | `taylor(s, order, ans, *series, **params)`: the series of the result by a |
    |                |                   | recurrence, made with the arithmetic `s`, which is the module             |
    |                |                   | `rules.series`; None where it does not hold and the jvps have to do       |
    | `pattern`      | sparse mode       | `pattern(p)`, one of the tools of `p`, the module `modes.sparse.patterns`: |
    |                |                   | which entries of the result depend on which of the arguments              |
    | `takes_scalar` | backward sweep    | whether the rules also take a cotangent that is one number                |
    | `commutes`     | sharing           | whether the two arguments may be exchanged                                |
    | `hides_branch` | the sweeps        | whether what it leaves out may be infinite or NaN: `where`                |
    | `chooses`      | `check`           | `chooses(ans, *args, **params)`: an array that tells which piece of a     |
    |                |                   | function in pieces it took                                                |
    | `noisy`        | Taylor mode       | whether rounding may grow in its series, which is then compared with that |
    |                |                   | of a point beside it                                                      |
    | `view`         | who writes        | whether it only moves entries, and NumPy makes the result a view if it can |
    | `singular`     | `check`           | `singular(ans, *args, **params)`: where a derivative is infinite or none  |
    | `pole`         | the sweeps        | `pole(ans, *args)`: what vanishes where the derivative is infinite, such  |
    |                |                   | as the denominator of a quotient; None if nothing does                    |
    | `amplifies`    | the sweeps        | whether it has poles that nothing tells of but the size of its tangents   |
    |                |                   | and cotangents, as a nearly singular matrix has                           |
    | `spares`       | lean tapes        | `spares(ans)`: whether the rules do without the arguments of this result   |
    | `joint`        | `bind_several`    | what is recorded where `fun` returns one array, and not a tuple of them   |
    """

    __slots__ = (
        "_residuals", "amplifies", "bind", "by_sparse", "chooses", "commutes", "fun", "hides_branch", "joint", "jvps",
        "kind", "name", "noisy", "pattern", "pole", "pull", "push", "shrinks", "singular", "spares", "sweeping",
        "takes_scalar", "taylor", "vjps",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        fun: Callable[..., Any],
        vjps: Sequence[Rule] = (),
        jvps: Sequence[Rule] = (),
        *,
        pull: Rule | None = None,
        push: Rule | None = None,
        taylor: Rule | None = None,
        pattern: Rule | None = None,
        takes_scalar: bool = False,
        commutes: bool = False,
        hides_branch: bool = False,
        chooses: Rule | None = None,
        singular: Rule | None = None,
        pole: Rule | None = None,
        amplifies: bool = False,
        joint: Primitive | None = None,
        noisy: bool = False,
        view: bool = False,
        spares: Callable[[Any], bool] | None = None,
    ) -> None:
        self.name, self.kind, self.fun, self.pull, self.push = name, kind, fun, pull, push
        self.vjps, self.jvps = tuple(vjps), tuple(jvps)
        self.taylor, self.pattern, self.chooses, self.singular = taylor, pattern, chooses, singular
        self.spares, self.pole, self.amplifies = spares, pole, amplifies
        self.takes_scalar, self.noisy = takes_scalar or kind == "elementwise", noisy
        self.commutes, self.hides_branch, self.joint = commutes, hides_branch, joint
        self.by_sparse: Rule | None = None  # what it does with a sparse matrix of SciPy, set by `rules.products`
        # What the backward sweep asks of every node, in one look: does it take the cotangent as it comes? does it
        # broadcast? its rules, if they are called one by one; may it have a pole? does it hide a branch?
        self.sweeping = (
            kind in ("elementwise", "several"),
            kind == "elementwise" and len(vjps) > 1,
            None if pull or amplifies else self.vjps,
            pole,
            hides_branch,
        )
        self._residuals: dict[tuple[bool, ...], tuple[bool, tuple[int, ...]]] = {}
        # Whether an argument that is not needed may be larger than the result, as in a sum.
        self.shrinks = kind != "elementwise" and bool(self.residuals((0,) * max(1, len(self.vjps)))[1])
        by_number = {1: bind_view if view else bind_one, 2: bind_two}.get(len(self.vjps), bind_many)
        binder: Any = {"several": bind_several, "constant": bind_constant}.get(kind, by_number)
        self.bind: Any = binder(self)
        self.bind.__name__ = self.bind.__qualname__ = name
        self.bind.primitive = self

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


def bind_several(primitive: Primitive) -> Callable[..., Any]:
    """The function that users call for an operation with several results."""
    fun = primitive.fun

    def bind(*args: Any, **params: Any) -> Any:
        tape = innermost_tape(args)
        if tape is None:
            return fun(*map(open_part, args), **params)
        inner = lifted(args, tape)
        if inner is not None:
            return bind(*inner, **params)
        if tape.detours and (now := current(args)):
            return bind(*now, **params)
        try:
            parents, values = operands(args, tape, True)
        except SparseOperandError:
            return with_sparse(primitive, *args)
        ans = bind(*values, **params)
        watch(params, tape)
        if type(ans) is not tuple:
            return tape.record(primitive.joint, parents, values, ans, params)
        # One node holds the tuple of results, and one more for each of them stands for it from here on.
        whole = tape.record(primitive, parents, values, ans, params).index
        return tuple([tape.record(ITEM, (whole,), (ans,), part, {"position": k}) for k, part in enumerate(ans)])

    return bind


def bind_constant(primitive: Primitive) -> Callable[..., Any]:
    """The function that users call for an operation without a derivative: nothing is recorded."""
    fun = primitive.fun

    def bind(*args: Any, **params: Any) -> Any:
        return fun(*peel_all(args), **peel_all(params)) if params else fun(*peel_all(args))

    return bind


# ----- the kinds ------------------------------------------------------------------------------------------------------
#
# Whatever else is known of an operation is `declared` in the same expression, see `Primitive`.


def elementwise(name: str, fun: Callable[..., Any], *rules: Rule, **declared: Any) -> Operation:
    """An operation entry by entry, with broadcasting. One rule per argument, for both directions."""
    return Primitive(name, "elementwise", fun, rules, rules, **declared).bind


def linear(name: str, fun: Callable[..., Any], transpose: Rule, **declared: Any) -> Operation:
    """A linear operation of one argument. It pushes forward by applying itself; only the transpose is written."""
    return Primitive(name, "linear", fun, (transpose,), **declared).bind


def linear_in_all(name: str, fun: Callable[..., Any], pull: Rule, **declared: Any) -> Operation:
    """A linear operation of any number of arguments taken together, such as `concatenate`."""
    return Primitive(name, "linear", fun, pull=pull, **declared).bind


def bilinear(name: str, fun: Callable[..., Any], transpose_x: Rule, transpose_y: Rule, **declared: Any) -> Operation:
    """An operation of two arguments that is linear in each, such as `matmul`."""
    return Primitive(name, "bilinear", fun, (transpose_x, transpose_y), **declared).bind


def multilinear(name: str, fun: Callable[..., Any], pull: Rule, **declared: Any) -> Operation:
    """An operation that is linear in each of any number of arguments, such as `einsum`."""
    return Primitive(name, "bilinear", fun, pull=pull, **declared).bind


def general(
    name: str, fun: Callable[..., Any], vjps: Sequence[Rule], jvps: Sequence[Rule], **declared: Any
) -> Operation:
    """An operation that is none of these: a vjp and a jvp per argument."""
    return Primitive(name, "general", fun, vjps, jvps, **declared).bind


def several(name: str, fun: Callable[..., Any], pull: Rule, push: Rule, **declared: Any) -> Operation:
    """An operation with several results, such as `eigh`: `fun` returns a tuple of arrays.

    `pull(gs, ans, *args, parents, **params)` takes a list of cotangents, one per result in its full shape or `None` for
    zero, and returns a list of one cotangent per argument (`None` where its parent is -1). `push(ts, ans, *args,
    **params)` takes a list of tangents, one per argument in its full shape or `None` for zero, and returns a list of
    one tangent per result.
    """
    return Primitive(name, "several", fun, pull=pull, push=push, **declared).bind


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
).primitive


def constant(name: str, fun: Callable[..., Any]) -> Operation:
    """An operation through which no derivative flows (`argmax`, `floor`, `>`): it returns plain values."""
    return Primitive(name, "constant", fun).bind
