"""What is being checked: a function, its point, what is claimed about its derivative, and what the tape says of it.

Everything that can be claimed is brought to one form. A *probe* is a pair of a direction v of the parameters and a
cotangent c of the outputs; it cuts f down to the function t -> Re <c, f(x + t v)> of one number, whose derivative at 0
every claim predicts: Re <g, v> for a gradient g (or a vjp, with its c), Re <c, u> for a jvp u, Re <c, J v> for a
Jacobian. Complex parameters follow the convention of the tape: du = Re sum(g * dz), so g = du/dx - i du/dy.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.core.foreign import is_foreign, refuse_foreign
from minigrad.core.lines import located
from minigrad.core.tape import Tape, peel
from minigrad.core.tree import LEAF, NONE, TreeDef, flatten
from minigrad.modes.checks import Argnum, is_integer_array, is_numeric
from minigrad.modes.checks import check_differentiable as refuse
from minigrad.modes.made import name_of_argument
from minigrad.modes.recording import Recording, insert, leaf_name, leaf_path, leaf_value, select
from minigrad.show.tape import TracedTape

KINDS = ("gradient", "value_and_gradient", "elementwise", "jacobian", "vjp", "jvp")


class Probe(NamedTuple):
    """A direction per numeric leaf of the parameters, and a cotangent per leaf of the output."""

    v: list[Any]
    c: list[Any]


class Problem:
    """A function and its point. It evaluates the function at points close by, and counts the evaluations.

    `leaves` are the numeric leaves of the selected arguments at double precision, `narrow` as they were given.
    """

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum, operation: str = "check"
    ) -> None:
        self.f, self.args, self.kwargs, self.argnum = f, list(args), kwargs, argnum
        selected = select(operation, args, argnum, f)
        self.all_leaves, self.treedef = flatten(selected)
        self.positions: list[int] = []
        self.narrow: list[Any] = []
        for position, leaf in enumerate(self.all_leaves):
            if is_numeric(leaf):
                value = leaf_value(operation, leaf, self.treedef, position, argnum, f)  # raises for a single integer
                self.positions.append(position)
                self.narrow.append(value if is_integer_array(leaf) else leaf)
            elif is_foreign(leaf):
                refuse_foreign(operation, leaf, leaf_name(self.treedef, position, argnum, f))
        if not self.positions:
            if not self.all_leaves:
                raise TypeError(
                    located(f"{operation}: {name_of_argument(argnum, f)} is empty: there is nothing to differentiate")
                )
            refuse(operation, self.all_leaves[0], name_of_argument(argnum, f))
        self.paths = [leaf_path(self.treedef, position, argnum, f) for position in self.positions]
        self.leaves = [widened(leaf) for leaf in self.narrow]
        self.scales = [scale_of(leaf) for leaf in self.leaves]
        self.is_narrow = any(np.asarray(a).dtype != np.asarray(b).dtype for a, b in zip(self.narrow, self.leaves))
        self.calls = 0
        self.trouble = ""  # the first exception that f raised next to its point
        self.outdef: TreeDef = LEAF

    def arguments(self, leaves: Sequence[Any]) -> list[Any]:
        """The arguments of f with these leaves, each a new array, so that nobody writes into another's."""
        new = list(self.all_leaves)
        for position, leaf in zip(self.positions, leaves):
            new[position] = leaf.copy("K") if type(leaf) is np.ndarray else leaf
        return insert(self.args, self.argnum, self.treedef.unflatten(new))

    def outputs(self, leaves: Sequence[Any]) -> list[Any]:
        """The leaves of f's output, plain arrays."""
        self.calls += 1
        with quiet():
            outs, self.outdef = flatten(self.f(*self.arguments(leaves), **self.kwargs))
        return [np.asarray(peel(out)) for out in outs]

    def moved(self, v: Sequence[Any], t: float | complex) -> list[Any]:
        """The leaves at x + t v."""
        return [laid_out(x + t * w, x) for x, w in zip(self.leaves, v)]

    def along(self, probe: Probe, t: float | complex) -> float | complex:
        """Re <c, f(x + t v)>; for complex t the whole of it, if it is complex.

        NaN where f raises an exception, or changes its shape.
        """
        try:
            outs = self.outputs(self.moved(probe.v, t))
        except Exception as error:  # f runs at the point itself; where it does not, it is not defined
            if not isinstance(t, complex):
                self.trouble = (
                    self.trouble or f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
                )
            return np.nan
        if [np.shape(c) for c in probe.c] != [out.shape for out in outs]:
            return np.nan  # f returns other shapes there
        total = sum([np.sum(c * out) for c, out in zip(probe.c, outs)])
        if isinstance(t, complex) and np.asarray(total).dtype.kind == "c":
            return complex(total)
        return float(np.real(total))

    def trace(self, leaves: Sequence[Any], tape: Tape) -> Recording:
        """f run once on a tape."""
        self.calls += 1
        with quiet():
            return Recording("check", self.f, self.arguments(leaves), self.kwargs, self.argnum, tape)

    def jiggled(self, rng: np.random.Generator, leaves: Sequence[Any]) -> list[Any]:
        """The point with every entry moved by two units in the last place, about as far as rounding moves it."""
        new = []
        for x in leaves:
            plain = np.asarray(x)
            eps = float(np.finfo(plain.dtype).eps)
            noise = (1.0 + 2.0 * eps * rng.choice([-1.0, 1.0], plain.shape)).astype(plain.real.dtype)
            new.append(type(x)(plain * noise) if type(x) is not np.ndarray else laid_out(plain * noise, x))
        return new


def laid_out(value: Any, like: Any) -> Any:
    """An array that lies in memory as another one, since a function may ask for that; a number as it is."""
    if type(like) is not np.ndarray:
        return value
    new = np.empty_like(like, np.asarray(value).dtype)
    new[...] = value
    return new


class quiet(warnings.catch_warnings):  # noqa: N801  (a context manager, used like a function)
    """A context without warnings and errors of floating point: where f overflows, the check sees an inf or a NaN."""

    def __enter__(self) -> Any:
        super().__enter__()
        warnings.simplefilter("ignore")
        self.errors = np.errstate(all="ignore")
        self.errors.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self.errors.__exit__(*exception)
        super().__exit__(*exception)


def widened(leaf: Any) -> Any:
    """A leaf at double precision (or more, where it had more)."""
    if type(leaf) is float:
        return np.float64(leaf)
    if type(leaf) is complex:
        return np.complex128(leaf)
    leaf = peel(leaf)
    least = np.complex128 if leaf.dtype.kind == "c" else np.float64
    wide = np.result_type(leaf.dtype, least)
    return leaf if leaf.dtype == wide else leaf.astype(wide)


def scale_of(leaf: Any) -> Any:
    """The distance that a step of 1 moves each entry: its own size, or for a zero the typical size of the leaf."""
    size = np.abs(np.asarray(leaf))
    typical = typical_size(leaf)
    return np.where((size > TINY) & np.isfinite(size), size, typical)


def typical_size(leaf: Any) -> float:
    """The root mean square of a leaf, 1 for zeros."""
    size = np.abs(np.asarray(leaf)).ravel()
    size = size[np.isfinite(size)]
    largest = float(np.max(size, initial=0.0))
    return largest * float(np.sqrt(np.mean((size / largest) ** 2))) if largest > TINY else 1.0


TINY = float(
    np.finfo(float).tiny
)  # a subnormal entry counts as 0: it has too few digits to be moved by a part of its size


# ----- what the user's function returned ------------------------------------------------------------------------------


class Missing:
    """Stands for a leaf that is not there."""


MISSING = Missing()


def matched_leaves(treedef: TreeDef, tree: Any, where: str, complaints: list[str], remarks: list[str]) -> list[Any]:
    """The leaves of `tree` in the order of `treedef`, `MISSING` for those that are not there.

    Lists and tuples stand for each other. What does not fit goes to `complaints`, what merely differs to `remarks`.
    """
    if treedef is LEAF:
        return [MISSING if tree is None else tree]
    if treedef is NONE:
        return []
    count = len(treedef.paths())
    if tree is None:
        return [MISSING] * count
    keys, example = treedef.keys(), treedef.example
    parts: list[Any] = []
    if isinstance(example, dict):
        if not isinstance(tree, dict):
            complaints.append(f"your gradient{where} is a {type(tree).__name__}, the parameter a dict")
            return [MISSING] * count
        parts = [tree.get(key) for key in example]
        unknown = [repr(key) for key in tree if key not in example]
        if unknown:
            complaints.append(f"your gradient{where} has the key {', '.join(unknown)}, which the parameter has not")
    elif isinstance(example, (list, tuple)):
        if not isinstance(tree, (list, tuple)) and not (isinstance(tree, np.ndarray) and tree.ndim):
            what = type(example).__name__
            complaints.append(f"your gradient{where} is a {type(tree).__name__}, the parameter a {what} of {len(keys)}")
            return [MISSING] * count
        parts = list(tree)
        if len(parts) != len(keys):
            complaints.append(f"your gradient{where} has {len(parts)} parts, the parameter {len(keys)}")
            parts = (parts + [None] * len(keys))[: len(keys)]
        if type(tree) is not type(example):
            kinds = type(tree).__name__, type(example).__name__
            remarks.append(f"your gradient{where} is a {kinds[0]}, the parameter a {kinds[1]}")
    else:
        names = [key.removeprefix(".") for key in keys]
        parts = [tree.get(n) if isinstance(tree, dict) else getattr(tree, n, None) for n in names]
        if type(tree) is not type(example):
            remarks.append(f"your gradient{where} is a {type(tree).__name__}, the parameter a {type(example).__name__}")
    return [
        leaf
        for key, child, part in zip(keys, treedef.children, parts)
        for leaf in matched_leaves(child, part, f"{where}{key}" if where else f" at {key}", complaints, remarks)
    ]


def as_plain(leaf: Any) -> Any:
    """What the user gave for a leaf as an array of numbers, or `MISSING` if it is none."""
    if leaf is MISSING or leaf is None:
        return MISSING
    try:
        plain = np.asarray(peel(leaf))
    except (ValueError, TypeError):
        return MISSING
    return plain if plain.dtype.kind in "biufc" else MISSING


class RoundingTape(Tape):
    """A tape on which every result is moved by one rounding error, up or down at random, as if the machine rounded so.

    What changes between two such tapes is what rounding can do to a derivative, in whatever operation it happens.

    Source:
        D. S. Parker, "Monte Carlo Arithmetic: exploiting randomness in floating-point arithmetic", 1997.
    """

    __slots__ = ("eps", "rng")

    def __init__(self, eps: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.eps, self.rng = eps, rng

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Any:
        """Append one node with its result moved, unless it is a selection, which does not round (and whose rule may
        look for its result among the arguments, as that of `max` does)."""
        is_number = issubclass(type(ans), (float, complex, np.inexact)) or (
            type(ans) is np.ndarray and ans.dtype.kind in "fc"
        )
        if is_number and not is_selection(ans, args):
            factor = 1.0 + self.eps * self.rng.choice([-1.0, 1.0], np.shape(ans))
            moved = np.asarray(ans * factor)
            if moved.dtype.kind == "f":  # a subnormal number is rounded to a multiple of the smallest one
                few = (np.abs(moved) < np.finfo(moved.dtype).tiny) & (moved != 0)
                moved = np.where(few, moved + np.sign(factor - 1.0) * np.finfo(moved.dtype).smallest_subnormal, moved)
            moved = moved.astype(np.asarray(ans).dtype)
            ans = moved if type(ans) is np.ndarray else type(ans)(moved)
        return super().record(primitive, parents, args, ans, params)


def is_selection(ans: Any, args: Sequence[Any]) -> bool:
    """Whether a result consists of values of the arguments, perhaps with another sign, as far as a few entries tell."""
    few = np.abs(np.ravel(ans)[:8])
    found = np.zeros(few.shape, bool)
    for arg in args:
        if issubclass(type(arg), (float, complex, np.inexact, np.ndarray)):
            found |= np.isin(few, np.abs(arg))
    return bool(found.all())


def traced(problem: Problem) -> Recording:
    """f at its point on a tape that remembers lines."""
    return problem.trace(problem.leaves, TracedTape())
