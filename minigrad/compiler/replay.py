"""`compile`: trace a function on its first call for each signature, and replay the program afterwards."""

from __future__ import annotations

import builtins
import functools
import itertools
import os
import threading
import time
import warnings
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, overload

import numpy as np

from minigrad.compiler.answers import CHANGED, Missed
from minigrad.compiler.collecting import without_collections
from minigrad.compiler.driver import driven
from minigrad.compiler.fast import written
from minigrad.compiler.floating_point import FLOWS, aloud, are_errors_heard, hushed
from minigrad.compiler.frames import is_known
from minigrad.compiler.fused import fused
from minigrad.compiler.numba_loops import numba_compiler
from minigrad.compiler.passes import PASSES, optimised
from minigrad.compiler.reading import source
from minigrad.compiler.rounding import FOR_LOOPS, ROUNDING
from minigrad.compiler.stage import TransparentError, unstaged
from minigrad.compiler.tabled import tabled
from minigrad.compiler.traced import Traced, is_input
from minigrad.compiler.watch import Watched
from minigrad.core.duck_arrays import Duck
from minigrad.core.foreign import asked
from minigrad.core.lines import Line, located, user_line
from minigrad.core.observing import WATCHED
from minigrad.core.tape import Box
from minigrad.core.transformed import reduced
from minigrad.core.tree import TreeDef, flatten, tree_map
from minigrad.errors import CannotCompileError
from minigrad.modes.made import P, R, check_function, transformation

if TYPE_CHECKING:
    from minigrad.compiler.emit import Source

MOST = 8  #: specialisations that are kept for one signature
MOST_SIGNATURES = 64
MOST_BYTES = 1 << 28  #: of all programs of a function: texts, and what they are compared with
HEAVY = 1 << 20  #: bytes of captured arrays from which on it is measured whether comparing them pays
UNKNOWN = "this version of Python does not show what a function reads (CPython 3.11, 3.12 and 3.13 do)"


class Compiled(Generic[P, R]):
    """What `compile` returns. It is called like the function it was made of."""

    def __init__(self, fun: Callable[P, R], exact: bool = False, backend: str = "numpy") -> None:
        for name in functools.WRAPPER_ASSIGNMENTS:
            if asked(fun, name) is not None:
                setattr(self, name, asked(fun, name))
        self.__wrapped__ = fun
        self.fun, self.exact, self.backend = fun, exact, backend
        self._replays: tuple[Any, ...] = ()
        self._lock, self._process = threading.RLock(), os.getpid()
        self._records: dict[Any, _Record] = {}
        self._dropped = 0  # calls that programs answered which are gone
        self._lately: deque[Any] = deque(maxlen=2 * MOST)  # the latest programs, each of a new signature
        self._sightings: dict[int, _Sightings] = {}  # by the `hash` of a signature
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._has_warned = False
        self._settled = 0  # traces that were put off, since they filled caches
        self._refusals = _Record()  # of all signatures: how seldom a function is tried that was not compiled

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, by replaying its program where there is one."""
        if WATCHED.get() is not None:  # every operation is looked at, so the engine answers
            return self._eager("checked", args, kwargs)
        missed: list[tuple[Any, str]] = []
        replays = self._replays
        for replay in replays:
            try:
                try:
                    result = replay(args, kwargs)
                except FloatingPointError as error:
                    result = aloud(replay, error, args, kwargs)
            except Exception:  # an infinite derivative, a singular matrix: the engine knows what to do or say
                return self._eager("exceptional", args, kwargs)
            if type(result) is not Missed:
                next(replay.uses)
                if replay is not replays[0]:
                    self._to_front(replay)
                return result
            if result is CHANGED:
                self._drop(replay)
            missed.append((replay, result.reason))
        return self._trace(args, kwargs, missed)

    def __reduce__(self) -> tuple[Any, ...]:
        """The function and the options travel, and no programs: the function is compiled again on arrival."""
        return reduced(self, type(self), (self.fun, self.exact, self.backend), {})

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method, of functions decorated within a class."""
        return self if instance is None else functools.partial(self, instance)

    def _locked(self) -> Any:
        """The lock. In a process that was forked there are no other threads, and what they locked would stay locked."""
        if self._process != os.getpid():
            self._lock, self._process = threading.RLock(), os.getpid()
        return self._lock

    def _to_front(self, replay: Any) -> None:
        with self._locked():
            if replay in self._replays:
                self._replays = (replay, *[each for each in self._replays if each is not replay])

    def _drop(self, replay: Any) -> None:
        with self._locked():
            if replay in self._replays:
                self._dropped += uses_of(replay)
            self._replays = tuple([each for each in self._replays if each is not replay])
            for record in self._records.values():
                if replay in record.replays:
                    record.replays.remove(replay)

    def _eager(self, why: str, args: Any, kwargs: Any) -> Any:
        self._counts[why] += 1
        result = self.fun(*args, **kwargs)
        return tree_map(lambda leaf: leaf.copy() if type(leaf) is np.ndarray else unstaged(leaf), result)

    def _trace(self, args: Any, kwargs: Any, missed: list[tuple[Any, str]]) -> Any:
        leaves, treedef = flatten((args, kwargs))
        if any(isinstance(leaf, (Box, Duck)) for leaf in leaves):
            return self.fun(*args, **kwargs)  # part of a larger computation, which is traced or differentiated itself
        try:
            key = signature(leaves, treedef)
        except _NoSignatureError as error:
            text = str(error)
            self._tell(text.split("\n")[0].removeprefix("compile: "), text, None)
            return self._eager("eager", args, kwargs)
        with self._locked():
            tried = [replay for replay, _ in missed]
            is_new = any(replay not in tried for replay in self._replays)  # made while this thread waited
            answer = None if is_new else self._traced(args, kwargs, key, missed)
        if answer is None:
            return self(*args, **kwargs)
        if type(answer) is not str:
            return answer()
        return self.fun(*args, **kwargs) if answer == "transparent" else self._eager(answer, args, kwargs)

    def _traced(self, args: Any, kwargs: Any, key: Any, missed: list[tuple[Any, str]]) -> Any:
        """Make a program for these arguments: a function that builds the result, or why there is none."""
        record = self._records.get(key)
        if record is None:
            if not self._may_pay(key):
                self._reasons["every call brings another kind of arguments: only one that comes again is traced"] += 1
                return "eager"
            if len(self._records) >= MOST_SIGNATURES:
                for replay in list(self._records.pop(next(iter(self._records))).replays):
                    self._drop(replay)
            record = self._records[key] = _Record()
        else:
            own = [reason for replay, reason in missed if replay in record.replays or reason == CHANGED.reason]
            if own:
                self._reasons[own[-1]] += 1
                self._counts["guard failures"] += 1
        if not record.may_trace() or not self._refusals.may_trace():
            return "eager"
        if are_errors_heard():
            return "exceptional"
        if not is_known():
            self._tell(UNKNOWN, located(f"compile: {UNKNOWN}"), None)
            return "eager"
        try:
            traced = Traced(self.fun, args, kwargs)
        except TransparentError:
            return "transparent"
        except FloatingPointError:
            record.failed()
            return "exceptional"
        if traced.watched.refusal is not None:
            self._refused(record, traced.watched)
            return traced.answer
        self._counts["traces"] += 1
        replay = self._written(traced, self.exact)
        is_right = agrees(replay, args, kwargs, traced)
        if not is_right and not self.exact:
            replay = self._written(traced, exact=True)  # rounding counts here: an inverse that is hardly one, say
            is_right = agrees(replay, args, kwargs, traced)
        if not is_right:
            record.failed()
            self._reasons["the compiled function gave another result than the traced one"] += 1
            return "eager"
        if reason := too_watchful(traced.watched, replay, self.fun, args, kwargs):
            record.wait = 1000
            self._reasons[reason] += 1
            return traced.answer
        if not record.replays:
            self._lately.append(replay)
        record.add(replay)
        self._refusals.since = 0
        if len(record.replays) > MOST:
            self._drop(record.replays[0])
        self._replays = (replay, *self._replays)
        while sum([each.size for each in self._replays]) > MOST_BYTES and len(self._replays) > 1:
            self._drop(self._replays[-1])
        return traced.answer

    def _written(self, traced: Traced, exact: bool) -> Any:
        """The function that answers in place of the one that was traced."""
        with without_collections():
            is_fused = self.backend == "numba" and not exact
            program = optimised(traced.program, PASSES if exact else FOR_LOOPS if is_fused else ROUNDING)
            if is_fused:
                program = driven(fused(tabled(program)))
            text, namespace = written(
                program, traced.treedef, traced.leaves, traced.positions, traced.outdef, traced.watched, exact
            )
            exec(builtins.compile(text, "<compiled>", "exec"), namespace)
        replay = namespace["replay"]
        replay.watched, replay.uses = traced.watched, itertools.count()
        replay.size = 4 * len(text) + sum([_size(value) for value in namespace.values()])
        replay.size += namespace.get("bytes_of_workspace", 0)
        return replay

    def _may_pay(self, key: Any) -> bool:
        """Whether to trace arguments of a new kind, given their signature.

        Not at once if half of the latest kinds came once only, such as a counter or ever longer arrays: then a kind is
        traced when it comes a second time, and, if its program is dropped before it is used, after twice as many calls.
        """
        seen = self._sightings.pop(hash(key), None)
        if seen is None or not seen.is_of(key):
            seen = _Sightings(key)
        self._sightings[hash(key)] = seen
        if len(self._sightings) > 16 * MOST_SIGNATURES:
            self._sightings.pop(next(iter(self._sightings)))
        seen.calls += 1
        if sum([uses_of(replay) == 0 for replay in self._lately]) >= MOST and seen.calls < seen.enough:
            return False
        seen.enough = 2 * seen.calls + 2
        return True

    def _refused(self, record: _Record, watched: Watched) -> None:
        """A function does what a program cannot repeat: the engine answers. The first time there is a warning."""
        self._counts["eager"] += 1
        if watched.may_settle and not record.has_settled and self._settled < MOST:
            record.has_settled = True  # it filled a cache, or imported a module: nothing of it may be left to do
            self._settled += 1
            return
        record.failed()
        self._refusals.failed()
        self._tell(watched.reason(), watched.message(), watched.line)

    def _tell(self, reason: str, message: str, line: Line | None) -> None:
        """Why the function is not compiled, for `stats`; and as a warning, the first time."""
        self._reasons[f"not compiled: {reason}"] += 1
        if not self._has_warned:
            self._has_warned = True
            line = line or user_line()
            text = f"{message}\nSo it is not compiled: the engine answers, correctly and more slowly."
            warnings.warn_explicit(text, RuntimeWarning, line.filename, line.number)

    def source(self, *args: Any, **kwargs: Any) -> Source:
        """The program for these arguments, as `minigrad.source` writes it."""
        return source(self.fun, *args, **kwargs)

    def stats(self) -> dict[str, Any]:
        """How often what happened.

        `traces`: programs that were made; `replays`: calls that a program answered; `guard failures`: calls for which
        the programs of their signature did not hold, with `reasons`; `exceptional`: calls that the engine answered
        because of a division by zero or an invalid operation; `eager`: calls that it answered because tracing them
        would not pay, or because the function is not compiled, for one of the `reasons`; `signatures` and `programs`:
        what is kept, in about as many `bytes`.
        """
        with self._locked():
            replays = self._dropped + sum(map(uses_of, self._replays))
        return {
            "traces": self._counts["traces"],
            "replays": replays,
            "guard failures": self._counts["guard failures"],
            "exceptional": self._counts["exceptional"],
            "eager": self._counts["eager"],
            "signatures": len(self._records),
            "programs": len(self._replays),
            "bytes": sum([replay.size for replay in self._replays]),
            "reasons": dict(self._reasons),
        }

    def __repr__(self) -> str:
        stats, name = self.stats(), getattr(self.fun, "__name__", self.fun)
        programs = f"{stats['programs']} program{'s' * (stats['programs'] != 1)}"
        counts = f": {programs}, {stats['replays']} replays" if stats["traces"] or stats["eager"] else ""
        return f"<compiled {name}{counts}>"


def uses_of(replay: Any) -> int:
    """How many calls a program has answered."""
    return int(repr(replay.uses)[6:-1])  # of a counter, which threads need no lock for


def _size(value: Any) -> int:
    """The memory of a constant of a program that is the program's own."""
    if type(value) is bytes:
        return len(value)
    return value.nbytes if type(value) is np.ndarray and value.base is None else 0


def too_watchful(watched: Watched, replay: Any, fun: Any, args: Any, kwargs: Any) -> str | None:
    """Why a program does not pay, if comparing the large arrays that it captured takes longer than the function."""
    compared = [array for array, _, _ in watched.arrays if array.flags.writeable or array.base is not None]
    if sum([array.nbytes for array in compared]) < HEAVY:
        return None
    times: tuple[list[float], list[float]] = ([], [])
    plain: Callable[[], Any] = np.errstate(**FLOWS)(lambda: fun(*args, **kwargs))
    runs: list[Callable[[], Any]] = [lambda: hushed(replay, args, kwargs), plain]
    for _ in range(3):
        for run, found in zip(runs, times):
            start = time.perf_counter()
            run()
            found.append(time.perf_counter() - start)
    if min(times[0]) <= min(times[1]):
        return None
    size = f"{sum([array.nbytes for array in compared]) / 1e6:.0f} MB"
    return (
        f"comparing captured arrays of {size} takes longer than the function: pass them as arguments, or make them "
        "read-only (a.flags.writeable = False)"
    )


class _Sightings:
    """How often a signature came that may not be traced yet. It keeps no argument alive."""

    __slots__ = ("calls", "enough", "objects")

    def __init__(self, key: Any) -> None:
        self.calls = 0
        self.enough = 2  #: at how many calls it is traced
        self.objects = [weak(value) for _, value in _by_identity(key)]

    def is_of(self, key: Any) -> bool:
        """Whether this is the same signature: objects that are gone leave their `id`, and so their hash, to others."""
        return all(ref() is value for ref, (_, value) in zip(self.objects, _by_identity(key)))


def _by_identity(key: Any) -> list[Any]:
    """The static arguments of a signature that are equal to themselves only."""
    return [each for each in key[1] if len(each) == 2 and type(each[1]).__hash__ is object.__hash__]


def weak(value: Any) -> Callable[[], Any]:
    """A weak reference, or for what has none a function that returns nothing that it could be."""
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: weak


class _Record:
    """What is known of one signature."""

    __slots__ = ("has_settled", "replays", "since", "wait")

    def __init__(self) -> None:
        self.replays: list[Any] = []
        self.since = 0  # traces in a row that were of use once only
        self.has_settled = False  # whether a trace was put off, since it filled caches
        self.wait = 0  # calls to answer without tracing

    def may_trace(self) -> bool:
        """Whether a trace may pay: not if many were made and none of them answered again."""
        if self.wait > 0:
            self.wait -= 1
            return False
        return True

    def failed(self) -> None:
        """A trace that came to nothing: try again, but ever more seldom."""
        self.since += 1
        self.wait = min(4**self.since, 1000)

    def add(self, replay: Any) -> None:
        """One more program."""
        self.replays.append(replay)
        self.since += 1
        if self.since > MOST:
            self.wait = min(2 ** (self.since - MOST), 1000)


class _NoSignatureError(CannotCompileError):
    """Internal signal: an argument cannot be part of a signature, so the engine answers."""


def signature(leaves: Sequence[Any], treedef: TreeDef) -> Any:
    """What a program depends on besides the numbers: structure, shapes, dtypes and static values."""
    described: list[Any] = []
    for leaf in leaves:
        is_text = type(leaf) is np.ndarray and leaf.dtype.kind not in "biufc"
        if not is_text and is_input(leaf):
            described.append((type(leaf), np.shape(leaf), getattr(leaf, "dtype", None)))
        else:
            try:
                hash(leaf)
            except TypeError:
                what = f"{type(leaf).__name__} of dtype {leaf.dtype}" if is_text else type(leaf).__name__
                raise _NoSignatureError(
                    located(
                        f"compile: an argument is a {what}, which cannot be part of a signature since it is not "
                        "hashable. Pass numbers, arrays of numbers, strings, or tuples, lists and dicts of them"
                    )
                ) from None
            described.append((type(leaf), leaf))
    return str(treedef), tuple(described)


def agrees(replay: Callable[..., Any], args: Any, kwargs: Any, traced: Traced) -> bool:
    """Whether the compiled function gives what the traced one gave: a look at every program before it is trusted."""
    try:
        result = hushed(replay, args, kwargs)  # the trace warns
    except Exception:
        return False
    if type(result) is Missed:
        return False
    found = flatten(result)[0]
    return len(found) == len(traced.results) and all(map(_close, found, traced.results))


def _close(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if not isinstance(b, (np.ndarray, np.number, float, complex)):
        return bool(np.all(a == b))
    if np.shape(a) != np.shape(b) or getattr(a, "dtype", None) != getattr(b, "dtype", None):
        return False
    if np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind in "fc"):
        return True
    # Where a sum is added up in another order, an entry that cancels has the rounding of the others.
    rtol = 1e-5 if np.asarray(b).dtype.itemsize < 8 else 1e-9
    sizes = np.abs(b)
    size = np.maximum.reduce(sizes, None, initial=0.0)
    if np.asarray(b).dtype.kind in "fc" and np.isfinite(size):  # as `allclose` has it, in a third of its time
        return bool(np.logical_and.reduce(np.abs(a - b) <= rtol * (sizes + 1e-3 * size), None))
    size = np.max(sizes, initial=0.0, where=np.isfinite(b))
    return bool(np.allclose(a, b, rtol=rtol, atol=1e-3 * rtol * float(size), equal_nan=True))


@overload
def compile(fun: Callable[P, R], *, exact: bool = False, backend: str = "numpy") -> Compiled[P, R]: ...  # noqa: A001
@overload
def compile(*, exact: bool = False, backend: str = "numpy") -> Callable[[Callable[P, R]], Compiled[P, R]]: ...  # noqa: A001
@transformation
def compile(  # noqa: A001
    fun: Callable[..., Any] | None = None, *, exact: bool = False, backend: str = "numpy"
) -> Compiled | Callable[[Callable[..., Any]], Compiled]:
    """A function that computes what `fun` computes, without Python's share of the work.

    The first call with arguments of a new kind traces `fun`, optimises the program that NumPy ran, and makes a Python
    function of it; later calls run this function. Derivatives are compiled like
    anything else: `compile(grad(f))`, `compile(value_and_grad(f))`, `compile(lambda x, v: hvp(f, x, v))`.

    Args:
        fun: a function of pytrees of numbers and arrays. Integers of Python, strings, functions and other objects among
            its arguments are static: each value gets a program of its own.
        exact: keep every bit. Otherwise short sums may be added up in another order, by BLAS, and products of matrices
            and scalar products with infinite entries give their NaN without a warning; an entry that is 0 since it lies
            off the diagonals of a matrix stays 0 whatever it is multiplied by; what goes through the maximum of a
            stabilised log-sum-exp, and cancels but for rounding, is left out, and the maximum with it where its
            argument is an arctan or the like; sums in which a factor grows from term to term are computed by Horner's
            rule; and results may lie in memory in another order.
        backend: "numpy", or "numba" for fused loops (see `minigrad.compiler.fused`): runs of operations entry by entry,
            and sums, become one loop each, on large arrays in several threads; the same up to rounding. Compiling takes
            about a second for each new form of loop. Needs `pip install numba`.

    Returns:
        A function with the same arguments and results, a `Compiled`. `stats()` counts traces and replays, and
        `source(*args)` gives the program as text. Without `fun`, a decorator: `@compile(backend="numba")`.

    Raises:
        ValueError: for another backend, or one that cannot be exact.
        ImportError: if the backend needs Numba, which is missing.
        CannotCompileError: on the first call, if `fun` makes a plain array of a traced value, or writes to one.

    A program holds as long as these are as they were, and is made anew where they are not: structure, shapes and dtypes
    of the arguments; the way taken at every `if` that depends on numbers, and what `float()`, `int()`, `round()`, a
    text or a key of a dict was made of a number; and whatever `fun` really read besides its arguments: globals,
    closures, attributes, entries, the content of arrays. What it did not read may change freely. Each thing takes 10 to
    50 nanoseconds to compare, a small array a fraction of a microsecond, a large one the time of reading it; an array
    that is read-only and owns its memory (`x.flags.writeable = False`) is not compared.

    A function that does what a program cannot repeat is not compiled: if it draws random numbers, reads the time, the
    system or a file, prints, changes what it did not make itself, or uses objects written in C whose state cannot be
    watched. Then the engine answers. The first time there is a warning, and `stats()["reasons"]` names the line.
    (`minigrad.compiler.watch` has the contract. It needs CPython 3.11, 3.12 or 3.13; with another Python, no function
    is compiled.)

    Divisions by zero and invalid operations are left to the engine, which knows what to do about infinite derivatives;
    so are calls in which an operation raises an exception, and calls where `np.errstate`, or a filter of warnings that
    `fun` sets, makes more of errors than a warning. (Warnings that the caller turned into errors are those of what the
    program computes: what nobody reads is left out.) Results share memory with nothing else. While `fun` is traced (or
    differentiated), its arguments are no instances of `float` or `np.ndarray`; `minigrad.builtins` has an `isinstance`
    and a `type` that see through that. The function can be pickled and copied if `fun` can; it is compiled again there.

    >>> from minigrad import compile, grad
    >>> gradient = compile(grad(lambda x: np.sum(np.sin(x) * x)))
    >>> gradient(np.zeros(3)), gradient(np.array([1.0, 2.0, 3.0])).round(4)
    (array([0., 0., 0.]), array([ 1.3818,  0.077 , -2.8289]))
    >>> gradient.stats()["traces"], gradient.stats()["replays"]
    (1, 1)
    """
    if fun is not None:
        check_function("compile", fun, makes=True)
    if backend not in ("numpy", "numba"):
        raise ValueError(located(f"compile: the backend is 'numpy' or 'numba', not {backend!r}"))
    if backend == "numba":
        if exact:
            raise ValueError(
                located("compile: fused loops are not exact to the bit; leave out exact=True or the backend")
            )
        numba_compiler()
    return (lambda fun: Compiled(fun, exact, backend)) if fun is None else Compiled(fun, exact, backend)
