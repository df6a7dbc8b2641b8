"""`summed`: a sum over any number of samples, block by block, in one process or in many.

A loss that is a sum over samples need not be computed whole. Neither need its gradient, its Hessian times a vector, or
any other sum. One block of samples after another goes through one compiled program, and the results are added:

    block 0   block 1   block 2   block 3   block 4
        \\     /            \\     /             |
         0 + 1              2 + 3               4
              \\            /                    |
               (0 + 1) + (2 + 3)        +       4

The tree of additions depends on the number of blocks alone. So the sum has the same bits however many workers there
were, and the rounding errors grow with the logarithm of the number of blocks. A worker gets a whole subtree at a time,
so its answer is one sum: large ones first, which are handed out in less time, and small ones last, so that the workers
end together.
"""

from __future__ import annotations

import collections
import functools
import itertools
import os
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, overload

import numpy as np

from minigrad.compiler.replay import compile as compiled
from minigrad.core.lines import located
from minigrad.core.nested import is_traced
from minigrad.core.tape import Tape
from minigrad.core.tree import TreeDef, flatten, tree_map
from minigrad.modes.made import P, R
from minigrad.modes.recording import Recording, named

GROUP, LAST = 128, 16  #: blocks of the largest tasks, and of the last ones; powers of two, so that each is a subtree
MEMORY = 8_000_000  #: bytes for the values of one block, unless the user says otherwise: caches are that large
LEAST, MOST = 256, 8_192  #: samples in a block that is chosen here
AHEAD = 2  #: tasks for each worker that wait to be taken
SAMPLE = 64  #: samples whose tape tells how much memory one takes
TRIED = 32  #: samples on which it is tried whether the function is a sum
KEPT = 16_000_000  #: bytes of freed arrays that a process keeps: more than all values of a block


@overload
def summed(
    fun: Callable[P, R],
    in_axes: Sequence[int | None] = (None, 1, 1),
    *,
    block: int | None = None,
    memory: int = MEMORY,
    map: Any = map,  # the word of joblib, concurrent.futures and dask for it
    check: bool = True,
) -> Callable[P, R]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def summed(
    fun: Callable[..., Any],
    in_axes: Sequence[int | None] = (None, 1, 1),
    *,
    block: int | None = None,
    memory: int = MEMORY,
    map: Any = map,  # the word of joblib, concurrent.futures and dask for it
    check: bool = True,
) -> Callable[..., Any]: ...
def summed(
    fun: Callable[..., Any],
    in_axes: Sequence[int | None] = (None, 1, 1),
    *,
    block: int | None = None,
    memory: int = MEMORY,
    map: Any = map,  # noqa: A002  # the word of joblib, concurrent.futures and dask for it
    check: bool = True,
) -> Callable[..., Any]:
    """A function of all samples, computed from one that is a sum over samples, block by block.

    Args:
        fun: additive over samples: `fun(p, all of x)` is `fun(p, some of x) + fun(p, the rest of x)`. A loss summed
            over samples, its `grad`, its `value_and_grad`, a product with its Hessian, or counts for each class. It
            returns a pytree of arrays and numbers. It is compiled, once.
        in_axes: for each argument of `fun` the axis along which samples lie, or None for an argument that all blocks
            share, such as the parameters. A pytree may stand for an argument: its axis is that of all its leaves.
        block: samples in a block; by default as many as fit into `memory`, from 256 to 8192.
        memory: bytes that the values of one block may take, as a tape of the first samples tells.
        map: what runs the tasks. The built-in `map` runs them here, one by one, and any function like it will do. An
            executor of `concurrent.futures` runs them in its threads or processes; if a worker dies, what it had not
            finished is computed here. A `joblib.Parallel(return_as="generator")` and a client of `dask.distributed`
            work, too. Results do not depend on it.
        check: whether the first call tries on a few samples that `fun` is a sum.

    Returns:
        A function of the same arguments, which may be larger than memory: arrays, memory maps, anything that has a
        `shape` and gives an array for a slice (zarr, h5py), or dask arrays, whose chunks are the blocks. In place of
        all arguments that have an axis there may stand one iterator over blocks, of tuples if there are several.

    Raises:
        ValueError: if `fun` is no sum over samples, or the lengths of the arguments differ.
        TypeError: if an argument is being differentiated: put the derivative inside, `summed(grad(loss))`.

    Time is linear in the number of samples, memory that of one block for each worker, and of log2(blocks) results.

    >>> from minigrad import value_and_grad
    >>> x, y = np.linspace(-1.0, 1.0, 10_000), np.linspace(0.0, 1.0, 10_000)
    >>> loss = lambda w, x, y: np.sum((np.tanh(w * x) - y) ** 2)
    >>> total = summed(value_and_grad(loss), in_axes=(None, 0, 0), block=1024)
    >>> value, slope = total(0.5, x, y)
    >>> np.allclose((value, slope), value_and_grad(loss)(0.5, x, y), rtol=1e-13)
    True
    """
    axes = tuple(in_axes)
    if not any(axis is not None for axis in axes):
        raise ValueError("summed: in_axes has no axis, so there is nothing to sum over; give one, such as (None, 0)")
    if block is not None and block < 1:
        raise ValueError(f"summed: block must be at least 1, not {block}")
    program = Program(fun)
    fitting = lambda shared, n, few: block or _fitting(fun, axes, memory, shared, n, few)
    state = {"tried": not check}

    def total(*args: Any) -> Any:
        if any(is_traced(leaf) for leaf in flatten(args)[0]):
            raise TypeError(
                located("summed: an argument is being differentiated. Put the derivative inside: summed(grad(loss))")
            )
        shared, groups = _groups_of(args, axes, fitting)
        if not state["tried"]:
            groups = _tried(fun, axes, shared, groups)
            state["tried"] = True
        levels: collections.deque[int] = collections.deque()

        def tasks() -> Iterator[Task]:
            for level, group in groups:
                levels.append(level)
                yield Task(program, axes, shared, group, level)

        found = _added((levels.popleft(), result) for result in _run(map, tasks()))
        if found is _NOTHING:
            raise ValueError(located("summed: there are no samples"))
        return found

    return named(total, "summed", fun, functools.partial(summed, in_axes=axes))


# ----- blocks ---------------------------------------------------------------------------------------------------------


class Piece:
    """The samples from `start` to `stop` of something that is sliced where it is needed."""

    __slots__ = ("axis", "start", "stop", "whole")

    def __init__(self, whole: Any, axis: int, start: int, stop: int) -> None:
        self.whole, self.axis, self.start, self.stop = whole, axis, start, stop

    def array(self) -> Any:
        """These samples as an array."""
        return np.asarray(self.whole[(slice(None),) * self.axis + (slice(self.start, self.stop),)])

    def __reduce__(self) -> Any:
        """Of a memory map only the place in its file goes to another process; of anything else the samples."""
        if type(self.whole) is Mapped:
            return Piece, (self.whole, self.axis, self.start, self.stop)
        part = self.array()
        return Piece, (part, self.axis, 0, part.shape[self.axis])


class Mapped:
    """A memory map that travels as its place in the file. Pieces that travel together share it: it is opened once."""

    __slots__ = ("array", "file", "shape")

    def __init__(self, file: Any) -> None:
        self.file, self.shape = file, file.shape
        self.array = file.view(np.ndarray)  # its slices cost a tenth of those of the map

    def __getitem__(self, place: Any) -> Any:
        return self.array[place]

    def __reduce__(self) -> Any:
        a = self.file
        return _opened, (a.filename, a.dtype, "r", a.offset, a.shape, "F" if np.isfortran(a) else "C")


def _opened(name: Any, *layout: Any) -> Mapped:
    """The map of a file. One that the latest tasks have opened serves again, unless another file has its name now."""
    if os.name == "nt":  # there a file that is open cannot be deleted
        return Mapped(np.memmap(name, *layout))
    found = os.stat(name)
    return _kept_open(name, *layout, identity=(found.st_dev, found.st_ino, found.st_size))


@functools.lru_cache(maxsize=4)
def _kept_open(*layout: Any, identity: tuple[int, ...]) -> Mapped:
    return Mapped(np.memmap(*layout))


def placed(leaf: Any) -> Any:
    """A memory map of a whole file as `Mapped`; a part of one has no place of its own, and stays what it is."""
    is_whole = type(leaf) is np.memmap and leaf.filename is not None and type(leaf.base) is not np.memmap
    return Mapped(leaf) if is_whole else leaf


Block = tuple[Any, ...]  # for each argument that has an axis a pytree of pieces or arrays
Groups = Iterator[tuple[int, Iterable[Block]]]  # 2^level blocks each, or fewer at the end, and the level


class Row:
    """Blocks in a row that travel as one, with their ends: whoever runs them cuts it."""

    __slots__ = ("block", "ends")

    def __init__(self, block: Block, ends: list[int]) -> None:
        self.block, self.ends = block, ends

    def __iter__(self) -> Iterator[Block]:
        for start, stop in itertools.pairwise([0, *self.ends]):
            cut = lambda piece, a=start, b=stop: Piece(piece.whole, piece.axis, piece.start + a, piece.start + b)
            yield tuple(tree_map(cut, part) for part in self.block)


def _groups_of(
    args: Sequence[Any], axes: Sequence[int | None], fitting: Callable[[Sequence[Any], int, Block], int]
) -> tuple[list[Any], Groups]:
    """The arguments that all blocks share, and the blocks of the others, in groups."""
    count = sum(axis is not None for axis in axes)
    streams = [k for k, arg in enumerate(args) if hasattr(arg, "__next__")]
    if streams:
        if len(streams) != 1 or len(args) != len(axes) - count + 1:
            raise TypeError(
                located(f"summed: one iterator over blocks stands for all {count} arguments that have an axis")
            )
        shared = [arg for k, arg in enumerate(args) if k != streams[0]]
        return shared, _groups(part if isinstance(part, tuple) and count > 1 else (part,) for part in args[streams[0]])
    if len(args) != len(axes):
        raise TypeError(located(f"summed: in_axes has {len(axes)} entries, the call {len(args)} arguments"))
    shared = [arg for arg, axis in zip(args, axes) if axis is None]
    split = [(tree_map(placed, arg), axis) for arg, axis in zip(args, axes) if axis is not None]
    n = _length(args, axes)

    def take(start: int, stop: int) -> Block:
        cut = lambda leaf, axis: Piece(leaf, axis % len(np.shape(leaf)), start, stop)
        return tuple(tree_map(functools.partial(cut, axis=axis), arg) for arg, axis in split)

    chunks = next((leaf.chunks[axis] for arg, axis in split for leaf in flatten(arg)[0] if hasattr(leaf, "dask")), None)
    if chunks is not None:
        ends = np.cumsum(chunks).tolist()
    else:
        size = fitting(shared, n, take(0, min(n, SAMPLE))) if n else 1
        ends = [*range(size, n, size), n]
    ends = [stop for start, stop in itertools.pairwise([0, *ends]) if stop > start]

    def rows() -> Groups:
        start = k = 0
        while k < len(ends):
            level = min(max(len(ends) - k, 4 * LAST) // 4, GROUP).bit_length() - 1
            part = ends[k : k + 2**level]
            yield level, Row(take(start, part[-1]), [end - start for end in part])
            start, k = part[-1], k + len(part)

    return shared, rows()


def _length(args: Sequence[Any], axes: Sequence[int | None]) -> int:
    """The number of samples, on which all arguments agree."""
    lengths: dict[str, int] = {}
    for k, (arg, axis) in enumerate(zip(args, axes)):
        if axis is None:
            continue
        leaves, treedef = flatten(arg)
        for leaf, path in zip(leaves, treedef.paths(f"argument {k}")):
            shape = np.shape(leaf)
            if not -len(shape) <= axis < len(shape):
                raise ValueError(located(f"summed: {path} has the shape {shape}, which has no axis {axis}"))
            lengths[path] = shape[axis]
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{path} has {n}" for path, n in lengths.items())
        raise ValueError(located(f"summed: the numbers of samples differ: {told or 'there is no array'}"))
    return next(iter(lengths.values()))


def _fitting(
    fun: Callable[..., Any], axes: Sequence[int | None], memory: int, shared: Sequence[Any], n: int, few: Block
) -> int:
    """The number of samples whose values fit into the memory: those that a tape of a few of them holds, scaled."""
    at = tuple(k for k, axis in enumerate(axes) if axis is None)
    count = min(n, SAMPLE)
    if at:
        tape = Tape()
        Recording("summed", fun, _arguments(axes, shared, few), {}, at, tape)
        values = [part for node in tape.nodes for part in (node[3] if type(node[3]) is tuple else (node[3],))]
        held = sum(np.asarray(value).nbytes for value in values)
    else:
        held = 16 * sum(np.asarray(leaf).nbytes for leaf in flatten(_arguments(axes, shared, few))[0])
    return int(min(n, MOST, max(LEAST, memory * count // max(held, 1))))


def _arguments(axes: Sequence[int | None], shared: Sequence[Any], block: Block) -> list[Any]:
    """The arguments of the function for one block."""
    common, own = iter(shared), iter(block)
    array = lambda leaf: leaf.array() if type(leaf) is Piece else leaf
    return [next(common) if axis is None else tree_map(array, next(own)) for axis in axes]


# ----- one task -------------------------------------------------------------------------------------------------------


class Task:
    """A group of blocks in a row, to be run in this process or in another."""

    def __init__(
        self, program: Program, axes: tuple[int | None, ...], shared: list[Any], blocks: Iterable[Block], level: int
    ) -> None:
        self.program, self.axes, self.shared, self.blocks, self.level = program, axes, shared, blocks, level

    def __call__(self) -> Any:
        """The sum over these blocks."""
        return _added((0, self.program.run(*_arguments(self.axes, self.shared, block))) for block in self.blocks)


class Program:
    """The compiled function. In another process it is compiled once, whatever number of tasks arrives there."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        keep_freed_memory()
        self.fun = fun
        self.run: Callable[..., Any] = compiled(fun, exact=True)  # the first calls are the engine's, with the same bits

    def __reduce__(self) -> Any:
        try:
            text = pickle.dumps(self.fun)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            try:
                import cloudpickle  # type: ignore[import-untyped]  # here for what pickle refuses; it has no types
            except ImportError:
                raise TypeError(
                    f"summed: the function cannot go to another process ({error}); define it at the top level of a "
                    "module, or install cloudpickle"
                ) from error
            text = cloudpickle.dumps(self.fun)
        return _known, (text,)


@functools.lru_cache(maxsize=8)  # a function that captures other data at every call would fill the memory
def _known(text: bytes) -> Program:
    return Program(pickle.loads(text))


def keep_freed_memory() -> None:
    """Make the allocator of Linux keep the memory of one block or step for the next one.

    A fresh process gives freed arrays of more than 128 kB back to the system, and every new one costs page after page;
    that takes longer than the arithmetic. The C library of Linux keeps blocks up to the largest one that was ever
    freed, so one that is freed untouched is enough.
    """
    np.empty(KEPT, np.uint8)


def _run_task(task: Task) -> Any:
    return task()


def _groups(blocks: Iterable[Block]) -> Groups:
    """Blocks of which nobody knows how many will come."""
    blocks = iter(blocks)
    level = LAST.bit_length() - 1
    while group := list(itertools.islice(blocks, LAST)):
        yield level, group


def _run(by: Any, tasks: Iterator[Task]) -> Iterable[Any]:
    """The results of the tasks, in their order."""
    if isinstance(by, Executor):
        return _by_executor(by, tasks)
    if hasattr(by, "scatter") and hasattr(by, "gather"):  # a client of dask.distributed
        return _by_client(by, tasks)
    if hasattr(by, "n_jobs") and hasattr(by, "return_generator"):  # a joblib.Parallel
        results: Iterable[Any] = by((_run_task, (task,), {}) for task in tasks)
        return results
    results = by(_run_task, tasks)
    return results


def _by_executor(executor: Executor, tasks: Iterator[Task]) -> Iterator[Any]:
    """The results of an executor, few tasks ahead of its workers; what dead workers leave behind is done here."""
    ahead = AHEAD * (getattr(executor, "_max_workers", None) or os.cpu_count() or 1)
    waiting: collections.deque[tuple[Task, Future[Any] | None]] = collections.deque()
    died = False

    def unless_dead(ask: Callable[[], Any]) -> Any:
        """What the executor answers; None once a worker has died, which is told once."""
        nonlocal died
        try:
            return ask()
        except BrokenExecutor:
            if not died:
                warnings.warn("summed: a worker has died; what is left is computed in this process", stacklevel=5)
            died = True
            return None

    for task in itertools.chain(tasks, itertools.repeat(None)):
        if task is not None:
            submit = functools.partial(executor.submit, _run_task, task)
            waiting.append((task, None if died else unless_dead(submit)))
        if not waiting:
            return
        if task is None or len(waiting) > ahead:
            first, future = waiting.popleft()
            found = None if future is None else unless_dead(functools.partial(_result, future))
            yield first() if found is None else found[0]


def _result(future: Future[Any]) -> tuple[Any]:
    return (future.result(),)  # in a tuple, since a result may be None


def _by_client(client: Any, tasks: Iterator[Task]) -> Iterator[Any]:
    """The one result of a dask cluster: the additions form a tree there, and only the sum comes back.

    The cluster runs again what a lost worker had done.
    """
    futures = []
    shared = None
    for task in tasks:
        if shared is None:
            shared = client.scatter([task.shared], broadcast=True)[0]
        task.shared = []
        futures.append((task.level, client.submit(_with_shared, task, shared, pure=False)))
    total = _by_pairs(futures, functools.partial(client.submit, _sum, pure=False))
    if total is not None:
        yield total.result()


def _with_shared(task: Task, shared: list[Any]) -> Any:
    task.shared = shared
    return task()


# ----- the sum --------------------------------------------------------------------------------------------------------

_NOTHING: Any = object()


def _sum(a: Any, b: Any) -> Any:
    return tree_map(lambda x, y: x + y, a, b)


def _by_pairs(parts: Iterable[tuple[int, Any]], add: Callable[[Any, Any], Any]) -> Any:
    """The sum of subtrees, each with its level: `partial[k]` is the sum of 2^k blocks that follow each other."""
    partial: list[Any] = []
    for level, part in parts:
        partial += [None] * (level + 1 - len(partial))
        while partial[level] is not None:
            part, partial[level] = add(partial[level], part), None
            level += 1
            partial += [None] * (level + 1 - len(partial))
        partial[level] = part
    found = None
    for part in partial:
        if part is not None:
            found = part if found is None else add(part, found)
    return found


def _added(results: Iterable[tuple[int, Any]]) -> Any:
    """The sum of results, each with its level."""
    treedef: TreeDef | None = None

    def leaves_of(result: Any) -> list[Any]:  # once for each, and not at each addition
        nonlocal treedef
        treedef = flatten(result)[1] if treedef is None else treedef
        leaves = treedef.leaves_of(result)
        if leaves is None:
            raise ValueError(f"summed: the results of blocks differ in structure: {treedef} and {flatten(result)[1]}")
        return leaves

    parts = ((level, leaves_of(result)) for level, result in results)
    found = _by_pairs(parts, lambda a, b: [x + y for x, y in zip(a, b)])
    return _NOTHING if found is None or treedef is None else treedef.unflatten(found)


def _tried(fun: Callable[..., Any], axes: tuple[int | None, ...], shared: list[Any], groups: Groups) -> Groups:
    """The groups; before, it is tried on a few samples of the first whether the function is a sum over them."""
    first = next(groups, None)
    if first is None:
        return iter(())
    arrays = _arguments(axes, shared, next(iter(first[1])))
    n = min(TRIED, _length(arrays, axes))

    def of(start: int, stop: int) -> Any:
        cut = lambda axis, leaf: Piece(leaf, axis % np.ndim(leaf), start, stop).array()
        split = lambda arg, axis: arg if axis is None else tree_map(functools.partial(cut, axis), arg)
        return fun(*map(split, arrays, axes))

    if n > 1:
        together, treedef = flatten(of(0, n))
        apart = flatten(_sum(of(0, n // 2), of(n // 2, n)))[0]
        for whole, parts, path in zip(together, apart, treedef.paths("the result")):
            kind = np.result_type(whole)
            scale = np.max(np.abs(whole), initial=0.0) + np.max(np.abs(parts), initial=0.0)
            loose = 1e4 * n * scale * (np.finfo(kind).eps if kind.kind in "fc" else 0.0)
            if np.shape(whole) != np.shape(parts) or np.any(np.abs(whole - parts) > loose):
                raise ValueError(
                    located(
                        f"summed: the function is no sum over samples: {path} of {n} samples is {whole}, and that of "
                        f"both halves together {parts}. Let a mean be a sum, and divide the result by the number of "
                        "samples; what does not depend on samples, such as a regulariser, is added outside"
                    )
                )
    return itertools.chain([first], groups)
