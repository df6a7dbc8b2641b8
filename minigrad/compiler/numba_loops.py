"""Numba compiles the loops that `fused` and `driver` write, once for equal texts, in memory and on disk."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler import vector_math
from minigrad.compiler.on_disk import file_of, name_of
from minigrad.core.lines import located


@functools.lru_cache(maxsize=512)
def compiled(source: str) -> Callable[..., Any]:
    """The function of this source, compiled by Numba; once for equal sources."""
    return compiled_loops(function_of(source, {"np": np, "math": math, **vector_functions()}))


def function_of(source: str, namespace: dict[str, Any], called: str = "") -> Callable[..., Any]:
    """The function `kernel` of a text, written by a `Writer` or a `Driver`, in a file if it can be.

    `called` is the text of the functions that it calls, besides those of `vector_math`.
    """
    namespace["__name__"] = __name__  # the module in which Numba looks for globals of a function that it kept
    exec(compile(source, file_of(source, called) or "<kernel>", "exec"), namespace)
    function: Callable[..., Any] = namespace["kernel"]
    # Numba takes functions from disk under the names that they had, with a number that counts those of one process.
    function.__qualname__ = f"kernel_{name_of(source, called)}"
    return function


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether Numba is to keep a function on disk: its text is in a file of ours."""
    return function.__code__.co_name == "kernel" and function.__code__.co_filename != "<kernel>"


def compiled_loops(function: Callable[..., Any], adds_in_any_order: bool = False) -> Callable[..., Any]:
    """A function of loops, compiled without any freedom: every operation is rounded as NumPy's is.

    Sums alone may be added up several terms at a time. That is up to `plus`, a function of its own, since a freedom is
    one of all operations of a function: LLVM would make -x of the summands x - 2 x, which is wrong where 2 x overflows.
    """
    freedom = {"contract", "reassoc"} if adds_in_any_order else set()
    return loops_of(function, fastmath=freedom, nogil=True, cache=is_kept(function))


def loops_of(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """A function compiled by Numba, without the entry for callers in C, which takes a seventh of the time."""
    loops: Callable[..., Any] = numba_compiler()(error_model="numpy", no_cfunc_wrapper=True, **options)(function)
    return loops


def plus(total, term):  # type: ignore[no-untyped-def]  # Numba finds the types
    """A sum so far, and one more term; in which order the terms are added is left open."""
    return total + term


@functools.cache
def vector_functions() -> dict[str, Any]:
    """`plus`, and the functions of `vector_math`, compiled without freedom to reorder: their steps are as written.

    Only compiled code can call them: they have no entry for Python, which takes a quarter of the time.
    """
    functions: dict[str, Any] = {"plus": compiled_loops(plus, adds_in_any_order=True)}
    for name in ("exp", "log", "arctan", "tanh", "tanh_slope"):
        function = getattr(vector_math, name)
        if name.startswith("tanh"):  # it calls exp
            namespace = {**function.__globals__, **functions}
            function = type(function)(function.__code__, namespace, name)
        functions[name] = loops_of(function, fastmath={"contract"}, nogil=True, no_cpython_wrapper=True)
    return functions


def numba_compiler() -> Any:
    """`numba.njit`.

    Raises:
        ImportError: if Numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise ImportError(located("fused loops need Numba: pip install numba")) from error
    return numba.njit
