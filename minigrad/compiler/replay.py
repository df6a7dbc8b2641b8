"""`compile`: trace a function on its first call for each signature, and replay the program afterwards."""

from __future__ import annotations

import functools
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.compiler.fast import CHANGED, Missed, written
from minigrad.compiler.passes import PASSES, ROUNDING, optimised
from minigrad.compiler.stage import CannotCompileError, FloatingPointEvent, Program, Staged, Trace, plain
from minigrad.compiler.watch import Purity, Watched
from minigrad.duck import Duck
from minigrad.tape import Box, located, open_part
from minigrad.tree import TreeDef, flatten, tree_map

if TYPE_CHECKING:
    from minigrad.compiler.emit import Source

MOST = 8  #: specialisations that are kept for one signature
MOST_SIGNATURES = 64

_CONSTANT_RESULTS = (int, float, complex, str, bytes, bool, np.generic, np.ndarray, np.dtype)


class Traced:
    """A function run once: its program, and what belongs to it."""

    __slots__ = ("leaves", "outdef", "positions", "program", "results", "treedef", "watched")

    def __init__(self, fun: Callable[..., Any], args: Any, kwargs: Any, keeps_lines: bool = False) -> None:
        self.leaves, self.treedef = flatten((args, kwargs))
        self.positions = [k for k, leaf in enumerate(self.leaves) if is_input(leaf)]
        inputs = set(self.positions)
        self.watched = Watched(fun, [leaf for k, leaf in enumerate(self.leaves) if k not in inputs])
        if self.watched.closes_over_box:
            raise _Transparent
        trace = Trace(keeps_lines)
        staged = list(self.leaves)
        for k in self.positions:
            staged[k] = trace.input(self.leaves[k])
        new_args, new_kwargs = self.treedef.unflatten(staged)
        try:
            with Purity(self.watched.is_suspicious):
                out = fun(*new_args, **new_kwargs)
        except BaseException:
            trace.is_open = False
            raise
        self.watched.check_after_trace()
        outs, self.outdef = flatten(out)
        outs = [checked_result(open_part(each)) for each in outs]
        self.results = [plain(each) for each in outs]
        self.program: Program = trace.close(outs)


class _Transparent(Exception):  # noqa: N818
    """The function is being differentiated from outside: run it as it is."""


def is_input(leaf: Any) -> bool:
    """Whether a leaf of the arguments is an input of the program, not a static value of the signature."""
    if isinstance(leaf, np.ndarray):
        if type(leaf) is not np.ndarray or leaf.dtype.kind not in "biufc":
            raise CannotCompileError(
                located(f"compile: an argument is a {type(leaf).__name__} of dtype {leaf.dtype}; pass a plain array")
            )
        return True
    return type(leaf) in (float, complex) or isinstance(leaf, (np.number, np.bool_))


def checked_result(value: Any) -> Any:
    """A leaf of the result, if it can be one of a compiled function."""
    if type(value) is Box:
        raise _Transparent
    if type(value) is Staged or isinstance(value, _CONSTANT_RESULTS):
        return value
    raise CannotCompileError(
        located(
            f"compile: the function returned a {type(value).__name__}; a compiled function returns numbers and arrays, in "
            "tuples, lists, dicts and dataclasses. Call what it returned (a pullback) within the function"
        )
    )


class Compiled:
    """What `compile` returns. It is called like the function it was made of."""

    def __init__(self, fun: Callable[..., Any], exact: bool = False) -> None:
        functools.update_wrapper(self, fun, updated=())
        self.fun, self.exact = fun, exact
        self._replays: tuple[Callable[..., Any], ...] = ()
        self._lock = threading.RLock()
        self._records: dict[Any, _Record] = {}
        self._calls = itertools.count()
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result, by replaying its program where there is one."""
        missed: list[tuple[Any, str]] = []
        for replay in self._replays:
            try:
                result = replay(args, kwargs)
            except Exception:  # an infinite derivative, a singular matrix: the engine knows what to do or say
                return self._eager("exceptional", args, kwargs)
            if type(result) is not Missed:
                next(self._calls)
                if replay is not self._replays[0]:
                    self._to_front(replay)
                return result
            if result is CHANGED:
                self._drop(replay)
            missed.append((replay, result.reason))
        return self._trace(args, kwargs, missed)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method, of functions decorated within a class."""
        return self if instance is None else functools.partial(self, instance)

    def _to_front(self, replay: Any) -> None:
        with self._lock:
            if replay in self._replays:
                self._replays = (replay, *[each for each in self._replays if each is not replay])

    def _drop(self, replay: Any) -> None:
        with self._lock:
            self._replays = tuple([each for each in self._replays if each is not replay])
            for record in self._records.values():
                if replay in record.replays:
                    record.replays.remove(replay)

    def _eager(self, why: str, args: Any, kwargs: Any) -> Any:
        self._counts[why] += 1
        result = self.fun(*args, **kwargs)
        return tree_map(lambda leaf: leaf.copy() if type(leaf) is np.ndarray else leaf, result)

    def _trace(self, args: Any, kwargs: Any, missed: list[tuple[Any, str]]) -> Any:
        leaves, treedef = flatten((args, kwargs))
        if any(isinstance(leaf, (Box, Duck)) for leaf in leaves):
            return self.fun(*args, **kwargs)  # part of a larger computation, which is traced or differentiated itself
        with self._lock:
            key = signature(leaves, treedef)
            record = self._records.get(key)
            if record is None:
                if len(self._records) >= MOST_SIGNATURES:
                    oldest = next(iter(self._records))
                    for replay in list(self._records.pop(oldest).replays):
                        self._drop(replay)
                record = self._records[key] = _Record()
            else:
                own = [reason for replay, reason in missed if replay in record.replays or reason == CHANGED.reason]
                if own:
                    self._reasons[own[-1]] += 1
                    self._counts["guard failures"] += 1
            if not record.may_trace():
                return self._eager("eager", args, kwargs)
            try:
                traced = Traced(self.fun, args, kwargs)
            except _Transparent:
                return self.fun(*args, **kwargs)
            except FloatingPointEvent:
                record.failed()
                return self._eager("exceptional", args, kwargs)
            self._counts["traces"] += 1
            program = optimised(traced.program, PASSES if self.exact else ROUNDING)
            text, namespace = written(
                program, traced.treedef, traced.leaves, traced.positions, traced.outdef, traced.watched
            )
            exec(compile_text(text, "<compiled>", "exec"), namespace)
            replay = namespace["replay"]
            if not agrees(replay, args, kwargs, traced):
                record.failed()
                self._reasons["the compiled function gave another result than the traced one"] += 1
                return self._eager("eager", args, kwargs)
            record.add(replay)
            if len(record.replays) > MOST:
                self._drop(record.replays[0])
            self._replays = (replay, *self._replays)
            results = [result.copy() if type(result) is np.ndarray else result for result in traced.results]
            return traced.outdef.unflatten(results)

    def source(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Source:
    """What `fun(*args)` computes, derivatives included, as a module that reads like a derivation by hand.

    Args:    fun: a function as for `compile`, often a derivative such as `grad(f)`.  args: its arguments; they fix the
             shapes, and the way taken at each `if` that depends on numbers.
    Returns: the text of a Python module, a `str`. It needs NumPy alone, is formatted as ruff would, and computes the same
             bits. Values have the names of the user's variables, where a line assigns to one, and the cotangent of `z`
             is `z_bar`; every block is headed by the user's line. The function has the arguments of `fun`, then the
             captured arrays: `.constants` holds these, by name, `.name` is the name of the function, and `.function()`
             is the function itself, with the captured arrays filled in.
    Raises:  CannotCompileError as `compile`; TypeError for an operation that is not NumPy's own.

    >>> from minigrad import grad, source
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(x @ w))
    >>> print(source(grad(loss), np.ones(2), np.ones((3, 2))))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def grad_loss(w, x):
        # primal: return np.sum(np.tanh(x @ w))
        u = np.tanh(x @ w)  # (3,)
    <BLANKLINE>
        # pullback of: return np.sum(np.tanh(x @ w))
        u_bar = 1.0 - u * u  # (3,)
        w_bar = x.T @ u_bar  # (2,)
    <BLANKLINE>
        return w_bar
    <BLANKLINE>
    """
    from minigrad.compiler.emit import module

    traced = Traced(fun, args, kwargs, keeps_lines=True)
    return module(traced, optimised(traced.program), fun, args, kwargs)
