"""Which entries depend on which: one more pass over the tape, which carries sparsity patterns instead of tangents.

The pattern of a node has one row per entry of its value and one column per entry of the input; an entry is true where
the derivative may differ from zero. Each operation declares its rule:

| operation                                       | entry i of the result depends on                              |
|-------------------------------------------------|---------------------------------------------------------------|
| elementwise, `where` and `maximum` included     | entry i of every argument, whichever branch is taken          |
| moving entries: indexing, reshape, roll, pad, … | the entry that arrives there when the numbers 1, 2, … are moved |
| sums, means, maxima, norms, …                   | the entries along the axes of the reduction                   |
| products of arrays: matmul, einsum, convolve, … | what a term of the sum contains; zeros of a constant count    |
| transforms, functions of stacks of matrices     | everything along the axis; everything in the same matrix      |
| all others                                      | everything                                                    |

So a pattern may hold more than the derivative at this point has nonzero entries, never less. It holds at every point
where the function does the same operations with the same constants.

Source: A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, section 7.1 (index domains).
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.primitive import ITEM, Primitive
from minigrad.core.tape import Tape, peel
from minigrad.errors import DenseError
from minigrad.rules.shapes import axes_of, kept_shape

try:
    import scipy.sparse as sp  # type: ignore[import-untyped]
except ImportError:

    class _Missing:
        """In the place of `scipy.sparse`: `from minigrad import *` works without SciPy, and what needs it raises."""

        def __getattr__(self, name: str) -> Any:
            raise ImportError("sparse derivatives need SciPy: pip install scipy")

    sp = _Missing()

Pattern = Any  #: a scipy.sparse.csr_array of booleans
LARGEST = 10**8  #: entries that a pattern may have before it is no longer called sparse


# ----- the pass -------------------------------------------------------------------------------------------------------


def push_patterns(tape: Tape, outputs: Sequence[int]) -> list[Pattern]:
    """The patterns of the nodes `outputs` with respect to the entries of all leaves, one leaf after the other.

    Its cost is that of the patterns that it makes: for a function whose operations are sparse, linear in their sizes.
    """
    sizes = [math.prod(leaf.shape) for leaf in tape.leaf_values()]
    columns = sum(sizes)
    whole = sp.eye_array(columns, dtype=bool, format="csr")
    starts = np.cumsum([0, *sizes])
    known: list[Any] = [whole[a:b] for a, b in itertools.pairwise(starts)]
    stop = max(outputs, default=-1) + 1
    last = {parent: i for i in range(stop) for parent in tape.nodes[i][1]}  # where each pattern is needed last
    for i in range(tape.leaves, stop):
        primitive, parents, args, ans, params = tape.nodes[i]
        if primitive is ITEM:
            known.append(known[parents[0]][params["position"]])  # the whole is let go with the tape
            continue
        patterns = [known[p] if p >= 0 else None for p in parents]
        try:
            known.append(node_pattern(primitive, patterns, args, ans, params))
        except DenseError as error:
            line = tape.line_of(i, primitive)
            raise DenseError(
                located(
                    f"sparsity: {primitive.name} (result of shape {ans.shape}) makes a pattern of up to {error} "
                    f"entries, which is not sparse; {LARGEST:,} are the limit. Use jvp, vjp or hvp, or pass a pattern "
                    f"of the whole function that you know: pattern=" + (f"\n  made by {line}" if line else "")
                )
            ) from None
        for parent in parents:
            if parent >= 0 and last[parent] == i and parent not in outputs:
                known[parent] = None
    return [known[i] for i in outputs]


def node_pattern(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """The pattern of one operation; a list of them for one with several results."""
    if primitive.kind == "elementwise":
        return union([repeated(p, np.shape(arg), ans.shape) for p, arg in zip(patterns, args) if p is not None])
    rule = everything if primitive.pattern is None else primitive.pattern(sys.modules[__name__])
    return rule(primitive, patterns, args, ans, params)


# ----- what patterns are made of --------------------------------------------------------------------------------------


def union(patterns: Sequence[Pattern]) -> Pattern:
    """What is in one of the patterns. One that occurs twice is looked at once."""
    distinct = list({id(p): p for p in patterns}.values())
    return functools.reduce(operator.add, distinct)


def taken(pattern: Pattern, rows: Any) -> Pattern:
    """The pattern whose row i is row `rows[i]` of this one."""
    rows = np.reshape(rows, -1)
    check_size(int(np.diff(pattern.indptr)[rows].sum(dtype=np.int64)))
    return pattern[rows]


def repeated(pattern: Pattern, shape: Any, wide: Any) -> Pattern:
    """The pattern of an array of this shape after broadcasting."""
    return pattern if shape == wide else taken(pattern, np.broadcast_to(numbers(shape), wide))


def linked(pattern: Pattern, to: Any, of: Any, size: int) -> Pattern:
    """The pattern of `size` entries of which entry `to[k]` depends on entry `of[k]` of this one, for all k."""
    to, of = np.reshape(to, -1), np.reshape(of, -1)
    check_size(int(np.diff(pattern.indptr)[of].sum(dtype=np.int64)))
    links = sp.csr_array((np.ones(to.size, bool), (to, of)), shape=(size, pattern.shape[0]))
    return links @ pattern


def mixed(pattern: Pattern, shape: Any, axes: Any, wide: Any) -> Pattern:
    """Entries of an array of this shape united along the axes; then broadcast to `wide`, sizes along the axes aside."""
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    size = math.prod(kept)
    reduced = linked(pattern, np.broadcast_to(numbers(kept), shape), np.arange(pattern.shape[0]), size)
    return repeated(reduced, kept, wide)


def check_size(entries: int) -> None:
    """Refuse to make what would not fit into memory."""
    if entries > LARGEST:
        raise DenseError(f"{entries:,}")


def numbers(shape: Any) -> Any:
    """The entries of an array of this shape, counted in order."""
    return np.arange(math.prod(shape)).reshape(shape)


# ----- the rules of all that is not elementwise -----------------------------------------------------------------------
#
# A primitive names its rule where it is declared: `pattern=lambda p: p.reduced`, where p is this module.

Rule = Callable[[Primitive, list[Any], Any, Any, dict[str, Any]], Any]


def everything(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Every entry of the result depends on every entry of the arguments."""
    return in_stacks(primitive, patterns, args, ans, params, 0)


def matrices(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """As `everything`, within each matrix of a stack."""
    depth = max(len(np.shape(args[0])) - 2, 0)
    lead = np.shape(args[0])[:depth]
    alike = all(np.shape(a)[:depth] == lead for a in (*args, *(ans if type(ans) is tuple else (ans,))))
    return in_stacks(primitive, patterns, args, ans, params, depth if alike else 0)


def in_stacks(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: Any, depth: int) -> Any:
    """Every entry of the result depends on all entries of the arguments with the same first `depth` indices."""
    count = math.prod(np.shape(args[0])[:depth])
    parts = []
    for pattern, arg in zip(patterns, args):
        if pattern is not None:
            each = math.prod(np.shape(arg)[depth:])
            parts.append(linked(pattern, np.repeat(np.arange(count), each), np.arange(count * each), count))
    whole = union(parts)
    results = ans if type(ans) is tuple else (ans,)
    made = [taken(whole, np.repeat(np.arange(count), math.prod(np.shape(r)[depth:]))) for r in results]
    return made if type(ans) is tuple else made[0]


def same(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Entry by entry."""
    return patterns[0]


def moved(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Entries are copied: the operation itself moves their numbers. 0 stands for what is constant."""
    columns = next(p.shape[1] for p in patterns if p is not None)
    parts, labels, start = [sp.csr_array((1, columns), dtype=bool)], [], 1
    for pattern, arg in zip(patterns, args):
        if pattern is None:
            labels.append(np.zeros(np.shape(arg), int))
            continue
        labels.append(start + numbers(np.shape(arg)))
        parts.append(pattern)
        start += pattern.shape[0]
    sources = np.asarray(primitive.fun(*labels, **params))
    if len(parts) == 2 and sources.all():
        return taken(parts[1], sources - 1)
    return taken(sp.vstack(parts, format="csr"), sources)


def reduced(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """A reduction along axes: a sum, or whatever reads the same entries."""
    shape = args[0].shape
    groups = np.broadcast_to(numbers(kept_shape(args[0], params.get("axis"))), shape)
    return linked(patterns[0], groups, np.arange(math.prod(shape)), math.prod(ans.shape))


def accumulated(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """An entry depends on all before it along one axis."""
    ordered = np.moveaxis(numbers(ans.shape), params["axis"], -1)
    n = ordered.shape[-1]
    check_size(ordered.size * (n + 1) // 2)
    to, of = np.tril_indices(n)
    return linked(patterns[0], ordered[..., to], ordered[..., of], ordered.size)


def scattered(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Arrays are added at indices of zeros: entry k of each goes where the index finds number k."""
    places = numbers(params["shape"])
    return union(
        [
            linked(p, np.broadcast_to(places[index], np.shape(g)), np.arange(p.shape[0]), places.size)
            for p, g, index in zip(patterns, args, params["indices"])
            if p is not None
        ]
    )


def scatter_added(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """As `scattered`, with the places in one array."""
    return linked(patterns[0], params["index"], np.arange(patterns[0].shape[0]), params["size"])


def transformed(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Everything along one axis, as in a Fourier transform."""
    shape = args[0].shape
    return mixed(patterns[0], shape, axes_of(params["axis"], len(shape)), ans.shape)


# ----- products -------------------------------------------------------------------------------------------------------


def contracted(patterns: list[Any], args: Sequence[Any], shapes: Sequence[Any], terms: list[Any], out: Any) -> Any:
    """The pattern of an einsum: `terms` name the axes of each argument, `out` those of the result.

    An entry of the result is a sum of products. The argument that moves is linked to it by the nonzero entries of the
    constant with the fewest of them, and by every value of the indices which that constant does not have. Where all
    others move, or have no zero, it is enough to unite along the axes that are summed, and to broadcast.
    """
    sizes = {letter: n for term, shape in zip(terms, shapes) for letter, n in zip(term, shape) if n != 1}
    sizes |= {letter: 0 for term, shape in zip(terms, shapes) for letter, n in zip(term, shape) if n == 0}
    slim = [[letter for letter, n in zip(term, shape) if n != 1] for term, shape in zip(terms, shapes)]
    out = [letter for letter in out if letter in sizes]
    size = math.prod(sizes[letter] for letter in out)
    parts = []
    for k, pattern in enumerate(patterns):
        if pattern is None:
            continue
        constant = [j for j, p in enumerate(patterns) if p is None and any(n != 1 for n in shapes[j])]
        counts = {j: int(np.count_nonzero(peel(args[j]))) for j in constant}
        holed = [j for j in constant if counts[j] < math.prod(shapes[j])]
        places: dict[Any, Any] = {}
        if holed:
            j = min(holed, key=counts.__getitem__)
            nonzero = np.nonzero(np.reshape(peel(args[j]) != 0, [n for n in shapes[j] if n != 1]))
            on = np.ones(counts[j], bool)
            for letter, at in zip(slim[j], nonzero):
                on &= places.setdefault(letter, at) == at
            places = {letter: at[on] for letter, at in places.items() if letter in out or letter in slim[k]}
        free = [letter for letter in dict.fromkeys([*out, *slim[k]]) if letter not in places]
        pairs = math.prod(sizes[letter] for letter in free) * (len(next(iter(places.values()))) if places else 1)
        if places and pairs <= LARGEST // 4:
            grid = np.meshgrid(*[np.arange(sizes[letter]) for letter in free], indexing="ij")
            where: dict[Any, Any] = {letter: at[:, None] for letter, at in places.items()}
            where |= {letter: np.reshape(at, (1, -1)) for letter, at in zip(free, grid)}
            to, of = np.broadcast_arrays(position(out, where, sizes), position(slim[k], where, sizes))
            parts.append(linked(pattern, to, of, size))
            continue
        kept = [letter for letter in dict.fromkeys(slim[k]) if letter in out]
        inside, outside = grid_of(dict.fromkeys(slim[k]), sizes), grid_of(out, sizes)
        to, of = np.broadcast_arrays(position(kept, inside, sizes), position(slim[k], inside, sizes))
        short = linked(pattern, to, of, math.prod(sizes[letter] for letter in kept))
        rows = np.broadcast_to(position(kept, outside, sizes), [sizes[letter] for letter in out])
        parts.append(taken(short, rows))
    return union(parts)


def grid_of(letters: Any, sizes: dict[Any, int]) -> dict[Any, Any]:
    """The values of every index, each along a separate axis."""
    letters = list(letters)
    return dict(zip(letters, np.ogrid[tuple(slice(sizes[letter]) for letter in letters)])) if letters else {}


def position(letters: Sequence[Any], where: dict[Any, Any], sizes: dict[Any, int]) -> Any:
    """The place, counted in order, of an entry with these indices in an array with these axes."""
    place: Any = np.zeros((), int)
    for letter in letters:
        place = place * sizes[letter] + where[letter]
    return place


def einsum(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """As its subscripts say."""
    left, _, out = params["subscripts"].partition("->")
    return contracted(patterns, args, [np.shape(a) for a in args], left.split(","), out)


def matmul(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Rows by columns; axes before the last two are shared, counted from the end."""
    x, y = (len(np.shape(a)) for a in args)
    stack = [f"stack{i}" for i in range(max(x, y, 2) - 2)]
    first = [*stack[len(stack) - max(x - 2, 0) :], "row", "sum"] if x > 1 else ["sum"]
    second = [*stack[len(stack) - max(y - 2, 0) :], "sum", "column"] if y > 1 else ["sum"]
    out = [*stack, *["row"] * (x > 1), *["column"] * (y > 1)]
    return contracted(patterns, args, [np.shape(a) for a in args], [first, second], out)


def tensordot(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """These axes of the one with those of the other."""
    of_x, of_y = params["axes"]
    first: list[Any] = [("x", i) for i in range(len(np.shape(args[0])))]
    second: list[Any] = [("y", i) for i in range(len(np.shape(args[1])))]
    free = [a for a in first if a[1] not in of_x] + [a for a in second if a[1] not in of_y]
    for i, j in zip(of_x, of_y):
        second[j] = first[i]
    return contracted(patterns, args, [np.shape(a) for a in args], [first, second], free)


def vdot(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """All entries of the one with all of the other, in order."""
    flat = [np.reshape(peel(a), -1) for a in args]
    return contracted(patterns, flat, [f.shape for f in flat], ["i", "i"], "")


def convolved(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Indices add up, and so do places counted in an array of the shape of the result."""
    places = numbers(ans.shape)
    parts = []
    for k, pattern in enumerate(patterns):
        if pattern is not None:
            own, other = peel(args[k]), peel(args[1 - k])
            at = places[tuple(slice(n) for n in own.shape)].reshape(-1, 1)
            shifts = places[tuple(slice(n) for n in other.shape)].reshape(1, -1)
            if patterns[1 - k] is None:
                shifts = shifts[:, np.reshape(other != 0, -1)]
            check_size(at.size * shifts.size)
            of = np.broadcast_to(np.arange(at.size)[:, None], (at.size, shifts.size))
            parts.append(linked(pattern, at + shifts, of, places.size))
    return union(parts)


def slid(primitive: Primitive, patterns: list[Any], args: Any, ans: Any, params: dict[str, Any]) -> Any:
    """Entry k is the sum of x[k + j] * y[j] over j."""
    x, y = map(peel, args)
    check_size(ans.size * y.size)
    k, j = np.broadcast_arrays(np.arange(ans.size)[:, None], np.arange(y.size))
    parts = []
    for pattern, of, other, at in ((patterns[0], k + j, patterns[1], y[j]), (patterns[1], j, patterns[0], x[k + j])):
        if pattern is not None:
            on = np.ones(k.shape, bool) if other is not None else at != 0
            parts.append(linked(pattern, k[on], of[on], ans.size))
    return union(parts)
