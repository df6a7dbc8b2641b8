"""Many examples in one pass: an array with a hidden axis, and `batched`.

A `Batched` stands for one array per example. Its `shape` is that of one example; the examples lie along a first axis of
its `payload`, which nobody sees. NumPy's functions and operators end in its method `perform`, which runs them on the
payload with the axes shifted by one. A function that does not know of examples is thus computed for all of them in one
pass, and so is a sweep over a tape that is given a `Batched` as seed: all rows of a Jacobian at once.

| what is called                              | what runs                                                   |
|---------------------------------------------|-------------------------------------------------------------|
| ufuncs, `where`, `clip` and the like        | the same on payloads whose axes are lined up (`aligned`)    |
| reductions, shapes, joins, products, linalg | the same with shifted axes (the table `RULES`)              |
| anything else                               | the function for each example, and the results are stacked  |

Where the examples would part ways (an `if` on a value, `float(x)`, a mask of different lengths), no pass can serve all:
`ExamplesDifferError` takes control back to whoever made the batch, who goes through the examples one by one.

**Nesting.** Each batch has a serial from the same counter as the tapes. Of a box and a `Batched` that meet, or two of
these, the one with the larger serial is of the inner level and takes the operation; the other is its operand. A payload
may therefore be the box of an outer tape, or a `Batched` of an outer batch, and a box may hold a `Batched`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import Adopted, adopted, given_back
from minigrad.core.foreign import asked, refuse_foreign, refuse_foreign_result
from minigrad.core.lines import located
from minigrad.core.tape import Box, open_part, peel
from minigrad.core.transformed import transformed
from minigrad.core.tree import LEAF, TreeDef, flatten
from minigrad.modes.batching import rules as rules  # fills the table
from minigrad.modes.batching.stack import Batched, ExamplesDifferError, Level, as_stack, operand_shape, own
from minigrad.modes.checks import is_numeric
from minigrad.modes.made import transformation
from minigrad.rules import moving
from minigrad.rules.writing import Guarded


def checked_chunk_size(operation: str, chunk_size: Any) -> int:
    """Raise unless so many examples, or rows, can go through at once."""
    if not isinstance(chunk_size, (int, np.integer)) or chunk_size < 1:
        raise ValueError(located(f"{operation}: chunk_size is a whole number of at least 1, not {chunk_size!r}"))
    return int(chunk_size)


@transformation
def batched(fun: Callable[..., Any], in_axes: Any = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """A function of one example, applied to many of them in one pass.

    Args:
        fun: a function of one example, of arrays, numbers and pytrees of them, that returns arrays or numbers or a
            pytree of them. It must depend on its arguments alone: random numbers drawn in it are shared.
        in_axes: along which axis of the arguments the examples lie: one axis for all of them, or a tuple with one entry
            per argument. None: the argument is the same for all examples. For an argument that is a pytree the entry is
            one axis for all of its leaves, or a pytree of axes.
        chunk_size: how many examples to compute at once, to bound the memory; by default all.

    Returns:
        A function with the same arguments, whose results have the examples along a new axis 0. Keyword arguments are
        passed on as they are.

    Raises:
        ValueError: if an argument has no such axis, or if the numbers of examples differ.
        TypeError: if `in_axes` does not fit the arguments, or `fun` returns something else than arrays and numbers.

    It takes any function written in NumPy and every transformation of this package, within and around. Where examples
    part ways (`if` on a value that differs, `float(x)`, assignment to entries of an array), `fun` is called again for
    each example, which is slower and has the same results. The attribute `how(*args)` of the returned function says
    whether that is so. `vmap` is another name of `batched`.

    >>> import numpy as np
    >>> batched(np.linalg.norm)(np.array([[3.0, 4.0], [6.0, 8.0]]))
    array([ 5., 10.])
    >>> batched(lambda w, x: w @ x, in_axes=(None, 1))(np.array([1.0, 10.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([31., 42.])
    >>> signs = batched(lambda x: 1.0 if x > 0 else -1.0)
    >>> signs(np.array([3.0, -2.0])), signs.how(np.array([3.0, -2.0]))
    (array([ 1., -1.]), 'one by one, because of bool()')
    """

    def run(args: tuple[Any, ...], kwargs: Any, partings: list[str]) -> Any:
        leaves, treedef = flatten(args)
        axes = _axes_of_leaves(args, in_axes)
        fronts, size = _fronts(leaves, axes, treedef)
        step = max(1, size) if chunk_size is None else checked_chunk_size("batched", chunk_size)
        parts = []
        for i in range(0, max(size, 1), step):
            chunk = fronts
            if step < size:
                chunk = [x if axis is None else x[i : i + step] for x, axis in zip(fronts, axes)]
            parts.append(_some_examples(fun, chunk, axes, treedef, min(step, size - i), kwargs, partings))
        if len(parts) == 1:
            return parts[0]
        columns, outdef = _columns(parts)
        return outdef.unflatten(moving.concatenate(*column, axis=0) for column in columns)

    def batched_fun(*args: Any, **kwargs: Any) -> Any:
        return run(args, kwargs, [])

    def how(*args: Any, **kwargs: Any) -> str:
        partings: list[str] = []
        run(args, kwargs, partings)
        return f"one by one, because of {partings[0]}" if partings else "one pass"

    name = asked(fun, "__name__", type(fun).__name__)
    doc = f"{name}, for many examples. {asked(fun, '__doc__') or ''}"
    function = transformed(batched_fun, f"batched_{name}", doc, fun, batched, in_axes, chunk_size=chunk_size)
    function.how = how
    return function


vmap = batched


def _some_examples(
    fun: Callable[..., Any], fronts: list[Any], axes: list[int | None], treedef: TreeDef, size: int, kwargs: Any,
    partings: list[str],
) -> Any:  # fmt: skip
    """One chunk of examples in one pass, or one by one where they part ways."""
    level = Level(size)
    try:
        new = [x if axis is None else Batched(own(x), level) for x, axis in zip(fronts, axes)]
        with Guarded(level.serial, lambda: level.differ("a write into an array from outside")):
            outs, outdef = flatten(fun(*treedef.unflatten(new), **kwargs))
        if not level.parted:
            taken = {id(x) for x in fronts}
            return outdef.unflatten([_result(out, level, taken) for out in outs])
    except ExamplesDifferError as differ:
        if differ.level is not level:
            raise
    except Exception:  # NumPy hides the signal behind "setting an array element with a sequence", a program behind
        if not level.parted:  # what its handler raises
            raise
    finally:
        level.is_open = False
    what = level.parted
    if not size:
        raise ValueError(located(f"batched: there are no examples, and {what} needs one"))
    partings.append(what)
    results = []
    for i in range(size):
        # Each run is given arrays of its own, as by any transformation: it may write into them.
        leaves = [x if axis is None else own_array(x[i]) for x, axis in zip(fronts, axes)]
        results.append(fun(*treedef.unflatten(leaves), **kwargs))
    columns, outdef = _columns(results)
    return outdef.unflatten([_joined(column) for column in columns])


def _columns(results: Sequence[Any]) -> tuple[list[tuple[Any, ...]], TreeDef]:
    """For every leaf of the results its values in all of them, and the structure."""
    outdef = flatten(results[0])[1]
    rows = [outdef.same_leaves_of(result) for result in results]
    if any(row is None for row in rows):
        raise TypeError(located("batched: the function returned different structures for different examples"))
    return list(zip(*[row for row in rows if row is not None])), outdef


def own_array(value: Any) -> Any:
    """A copy of an array, also of a traced one; numbers as they are."""
    return value.copy("K") if type(value) is np.ndarray else own(value)


def _result(out: Any, level: Level, taken: set[int]) -> Any:
    """One output for all examples, as an array that shares no memory with others."""
    out = open_part(out)
    if type(out) is not Batched:
        inner = peel(out)
        if type(out) is Box and type(inner) is Batched and inner.serial >= level.serial:
            raise level.differ("an outer tape")
        _check_output(out)
    ans = as_stack(out, level)
    if type(ans) is np.ndarray and (ans.base is not None or id(ans) in taken):
        ans = ans.copy()
    taken.add(id(ans))
    return given_back(ans)


def _check_output(out: Any) -> None:
    refuse_foreign_result("batched", out)
    if not is_numeric(out) and not isinstance(out, (bool, int)):
        raise TypeError(
            located(
                f"batched: the function returned a {type(out).__name__}; return numbers, arrays, or a pytree of these"
            )
        )


def _joined(parts: Sequence[Any]) -> Any:
    for part in parts:
        _check_output(part)
    shapes = {tuple(operand_shape(part)) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            located(
                f"batched: the function returned arrays of different shapes for different examples, "
                f"{sorted(shapes)}; pad them to one shape"
            )
        )
    return moving.stack(*[open_part(part) for part in parts], axis=0)


def _axes_of_leaves(args: tuple[Any, ...], in_axes: Any) -> list[int | None]:
    """The axis of the examples for every leaf."""
    if in_axes is None or isinstance(in_axes, (int, np.integer)):
        in_axes = (in_axes,) * len(args)
    if not isinstance(in_axes, (tuple, list)) or len(in_axes) != len(args):
        raise TypeError(
            located(
                f"batched: in_axes={in_axes!r} must be an axis, None, or a tuple with one entry for each of the "
                f"{len(args)} arguments"
            )
        )
    axes: list[int | None] = []
    for k, (arg, axis) in enumerate(zip(args, in_axes)):
        _spread_axis(arg, axis, axes, f"argument {k}")
    return axes


def _spread_axis(tree: Any, axis: Any, axes: list[int | None], where: str) -> None:
    if type(tree) is np.ndarray and type(axis) is int:
        axes.append(axis)
        return  # the usual case
    leaves, treedef = flatten(tree)
    if axis is None or isinstance(axis, (int, np.integer)):
        if axis is not None:
            for k, leaf in enumerate(leaves):
                if type(leaf) is np.ndarray:
                    continue  # the usual case
                name = where + treedef.paths()[k]
                refuse_foreign("batched", leaf, name)
                if type(found := adopted(peel(leaf))) is Adopted:
                    library = found.adapter.library
                    raise TypeError(
                        located(
                            f"batched: {name} is an array of {library}, whose examples are not taken apart: write the "
                            f"function for the whole array, or use minigrad.summed"
                        )
                    )
        axes.extend([None if axis is None or not is_numeric(leaf) else int(axis) for leaf in leaves])
        return
    keys = treedef.keys() if treedef is not LEAF and treedef.example is not None else []
    same = type(axis) is type(tree) or (isinstance(axis, (tuple, list)) and isinstance(tree, (tuple, list)))
    if same and isinstance(tree, dict) and axis.keys() == tree.keys():
        parts = [(tree[key], axis[key]) for key in tree]
    elif same and isinstance(tree, (tuple, list)) and len(axis) == len(tree):
        parts = list(zip(tree, axis))
    else:
        raise TypeError(
            located(
                f"batched: the entry {axis!r} of in_axes does not fit {where}, "
                f"{'an array or number' if treedef is LEAF else treedef}; give an axis, None, or axes in that structure"
            )
        )
    for key, (part, each) in zip(keys, parts):
        _spread_axis(part, each, axes, where + key)


def _fronts(leaves: list[Any], axes: list[int | None], treedef: TreeDef) -> tuple[list[Any], int]:
    """The leaves with the examples along axis 0, and their number."""
    sizes: dict[int, int] = {}
    fronts = []

    def name(k: int) -> str:
        return f"argument {treedef.paths()[k].replace('[', '', 1).replace(']', '', 1)}"

    for k, (leaf, axis) in enumerate(zip(leaves, axes)):
        if axis is None:
            fronts.append(leaf)
            continue
        if type(leaf) is not np.ndarray:
            leaf = open_part(leaf)
        shape = tuple(operand_shape(leaf))
        if not -len(shape) <= axis < len(shape):
            what = f"an array of shape {shape}" if shape else "a number"
            raise ValueError(
                located(
                    f"batched: {name(k)} is {what} and has no axis {axis} with examples. Give its entry of in_axes "
                    f"another axis, or None if it is the same for all examples"
                )
            )
        axis %= len(shape)
        sizes[k] = shape[axis]
        fronts.append(leaf if axis == 0 else np.moveaxis(leaf, axis, 0))
    if not sizes:
        raise ValueError(located("batched: in_axes gives no argument an axis with examples; call the function itself"))
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{name(k)}: {n}" for k, n in sizes.items())
        raise ValueError(located(f"batched: the arguments have different numbers of examples: {found}"))
    return fronts, next(iter(sizes.values()))
