"""State in functions, what the surroundings say, objects of installed libraries, and effects that a call has."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import datetime
import decimal
import functools
import gc
import io
import logging
import math
import mmap
import os
import pathlib
import random
import re
import struct
import sys
import tempfile
import threading
import time
import types
import uuid
import warnings
from typing import Any

import numpy as np
import pytest
from state_battery import X, attribute, both, case, entry, no_entry, nothing, replaced
from states_of_objects import HERE as GLOBALS
from states_of_objects import Holder, module

HERE = sys.modules[__name__]

FACTOR = 2.0


# ----- functions ------------------------------------------------------------------------------------------------------


@case("functions")
def a_closure_that_is_rebound() -> Any:
    k = 2.0

    def set_to(value: float) -> None:
        nonlocal k
        k = value

    return lambda x: x * k, (X,), both(lambda: set_to(3.0), lambda: set_to(2.0))


@case("functions")
def a_cell_that_is_written_to() -> Any:
    k = 2.0

    def fun(x: Any) -> Any:
        return x * k

    return fun, (X,), replaced(fun.__closure__[0], "cell_contents", 3.0)


@case("functions")
def a_closure_read_by_a_nested_function() -> Any:
    k = 2.0

    def fun(x: Any) -> Any:
        def inner() -> Any:
            return [x * k for _ in range(2)]

        return inner()[1]

    def set_to(value: float) -> None:
        nonlocal k
        k = value

    return fun, (X,), both(lambda: set_to(3.0), lambda: set_to(2.0))


@case("functions")
def a_closure_read_by_the_body_of_a_class() -> Any:
    k = 2.0

    def fun(x: Any) -> Any:
        class Own:
            factor = k * 2.0

        return x * Own.factor

    def set_to(value: float) -> None:
        nonlocal k
        k = value

    return fun, (X,), both(lambda: set_to(3.0), lambda: set_to(2.0))


@case("functions")
def a_closure_that_a_generator_reads() -> Any:
    ks, shift = [1.0, 2.0], 1.0

    def set_to(value: float) -> None:
        nonlocal shift
        shift = value

    return lambda x: x * sum(k + shift for k in ks), (X,), both(lambda: set_to(3.0), lambda: set_to(1.0))


@case("functions")
def a_recursive_closure() -> Any:
    depth = Holder(n=2)

    def power(x: Any, n: int) -> Any:
        return x if n == 0 else x * power(x, n - 1)

    return lambda x: power(x, depth.n), (X,), attribute(depth, "n", 3)


@case("functions")
def a_closure_that_is_empty_at_first() -> Any:
    def set_to(value: float) -> None:
        nonlocal k
        k = value

    def forget() -> None:
        nonlocal k
        del k

    def fun(x: Any) -> Any:
        try:
            return x * k
        except NameError:
            return x

    if FACTOR < 0.0:
        k = 1.0
    return fun, (X,), both(lambda: set_to(3.0), forget)


@case("functions")
def the_default_of_an_argument() -> Any:
    def fun(x: Any, k: float = 2.0) -> Any:
        return x * k

    return fun, (X,), replaced(fun, "__defaults__", (3.0,))


@case("functions")
def the_default_of_an_argument_of_a_helper() -> Any:
    def helper(x: Any, k: float = 2.0) -> Any:
        return x * k

    return lambda x: helper(x), (X,), replaced(helper, "__defaults__", (3.0,))


@case("functions")
def the_default_of_a_keyword_of_a_helper() -> Any:
    def helper(x: Any, *, k: float = 2.0) -> Any:
        return x * k

    return lambda x: helper(x), (X,), entry(helper.__kwdefaults__, "k", 3.0)


@case("functions")
def a_list_that_is_a_default() -> Any:
    ks = [2.0]

    def helper(x: Any, ks: list[float] = ks) -> Any:
        return x * ks[0]

    return lambda x: helper(x), (X,), entry(ks, 0, 3.0)


@case("functions")
def the_code_of_a_helper() -> Any:
    def helper(x: Any) -> Any:
        return x * 2.0

    return lambda x: helper(x), (X,), replaced(helper, "__code__", (lambda x: x * 3.0).__code__)


@case("functions")
def the_code_of_the_function() -> Any:
    def fun(x: Any) -> Any:
        return x * 2.0

    return fun, (X,), replaced(fun, "__code__", (lambda x: x * 3.0).__code__)


@case("functions")
def an_attribute_of_a_function() -> Any:
    def fun(x: Any) -> Any:
        return x * fun.k  # type: ignore[attr-defined]

    fun.k = 2.0  # type: ignore[attr-defined]
    return fun, (X,), attribute(fun, "k", 3.0)


@case("functions")
def the_annotations_of_a_function() -> Any:
    def helper(x: Any) -> Any:
        return x

    helper.__annotations__["factor"] = 2.0
    return lambda x: x * helper.__annotations__["factor"], (X,), entry(helper.__annotations__, "factor", 3.0)


@case("functions")
def a_partial() -> Any:
    o = Holder(k=2.0)
    fun = functools.partial(lambda o, x: x * o.k, o)
    return fun, (X,), attribute(o, "k", 3.0)


@case("functions")
def a_keyword_of_a_partial() -> Any:
    fun = functools.partial(lambda x, k: x * k, k=2.0)
    return fun, (X,), entry(fun.keywords, "k", 3.0)


@case("functions")
def a_partial_of_a_partial_called_inside() -> Any:
    inner = functools.partial(lambda x, k, m: x * k + m, m=1.0)
    outer = functools.partial(inner, k=2.0)
    return lambda x: outer(x), (X,), entry(outer.keywords, "k", 3.0)


@case("functions")
def a_partial_method() -> Any:
    class Own:
        k = 2.0

        def general(self, x: Any, power: int) -> Any:
            return x**power * self.k

        square = functools.partialmethod(general, power=2)

    o = Own()
    return lambda x: o.square(x), (X,), attribute(o, "k", 3.0)


@case("functions")
def a_decorated_function() -> Any:
    state = {"k": 2.0}

    def scaled(fun: Any) -> Any:
        @functools.wraps(fun)
        def wrapped(*args: Any) -> Any:
            return fun(*args) * state["k"]

        return wrapped

    @scaled
    def fun(x: Any) -> Any:
        return np.tanh(x)

    return fun, (X,), entry(state, "k", 3.0)


@case("functions")
def a_cached_function_that_is_forgotten() -> Any:
    o = Holder(k=2.0)

    @functools.lru_cache
    def factor(power: int) -> Any:
        return o.k**power

    def to(value: float) -> None:
        o.k = value
        factor.cache_clear()

    return lambda x: x * factor(2), (X,), both(lambda: to(3.0), lambda: to(2.0))


@case("functions")
def a_cached_function_that_remembers() -> Any:
    o = Holder(k=2.0)

    @functools.cache
    def factor(power: int) -> Any:
        return o.k**power

    return lambda x: x * factor(2), (X,), attribute(o, "k", 3.0)


@case("functions")
def a_function_chosen_by_the_type_of_its_argument() -> Any:
    @functools.singledispatch
    def factor(o: Any) -> float:
        return 2.0

    o = Holder()
    return lambda x: x * factor(o), (X,), both(lambda: factor.register(Holder, lambda o: 3.0), lambda: None)


@case("functions")
def a_vectorized_function() -> Any:
    o = Holder(k=2.0)
    scaled = np.vectorize(lambda u: u * o.k)
    return lambda x: x * scaled(np.ones(3)), (X,), attribute(o, "k", 3.0)


@case("functions")
def a_function_made_a_ufunc() -> Any:
    o = Holder(k=2.0)
    scaled = np.frompyfunc(lambda u: u * o.k, 1, 1)
    return lambda x: x * scaled(np.ones(3)).astype(float), (X,), attribute(o, "k", 3.0)


@case("functions")
def a_function_applied_along_an_axis() -> Any:
    o = Holder(k=2.0)
    rows = np.ones((3, 2))
    return lambda x: x * np.apply_along_axis(lambda row: row.sum() * o.k, 1, rows), (X,), attribute(o, "k", 3.0)


@case("functions")
def a_key_function_of_sorted() -> Any:
    o, ks = Holder(sign=1.0), [1.0, 2.0]
    return lambda x: x * sorted(ks, key=lambda k: k * o.sign)[0], (X,), attribute(o, "sign", -1.0)


@case("functions")
def a_callback_of_re() -> Any:
    o = Holder(k="2")
    return lambda x: x * float(re.sub("k", lambda match: o.k, "k.5")), (X,), attribute(o, "k", "3")


@case("functions")
def a_callback_of_fromfunction() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * np.fromfunction(lambda i: i * o.k, (3,)), (X,), attribute(o, "k", 3.0)


@case("functions")
def a_bound_method_kept_in_a_variable() -> Any:
    class Own:
        k = 2.0

        def scaled(self, x: Any) -> Any:
            return x * self.k

    o = Own()
    method = o.scaled
    return lambda x: method(x), (X,), attribute(o, "k", 3.0)


@case("functions")
def a_bound_method_of_a_list() -> Any:
    ks = [1.0, 2.0]
    get = ks.__getitem__
    return lambda x: x * get(1), (X,), entry(ks, 1, 3.0)


@case("functions")
def a_bound_method_of_a_dict() -> Any:
    table = {"k": 2.0}
    get = table.get
    return lambda x: x * get("k"), (X,), entry(table, "k", 3.0)


@case("functions")
def a_function_of_another_module() -> Any:
    other = module("other", K=2.0)
    exec("def scaled(x): return x * K", vars(other))
    return lambda x: other.scaled(x), (X,), attribute(other, "K", 3.0)


@case("functions")
def a_function_made_from_text() -> Any:
    names: dict[str, Any] = {"k": 2.0}
    exec("def scaled(x): return x * k", names)
    return lambda x: names["scaled"](x), (X,), entry(names, "k", 3.0)


@case("functions")
def a_function_made_of_code_and_globals() -> Any:
    own: dict[str, Any] = {"FACTOR": 2.0}
    fun = types.FunctionType((lambda x: x * FACTOR).__code__, own)
    return fun, (X,), entry(own, "FACTOR", 3.0)


@case("functions")
def a_context_manager() -> Any:
    state = {"k": 2.0}

    @contextlib.contextmanager
    def factor() -> Any:
        yield state["k"]

    def fun(x: Any) -> Any:
        with factor() as k:
            return x * k

    return fun, (X,), entry(state, "k", 3.0)


@case("functions")
def what_a_finally_block_reads() -> Any:
    o = Holder(k=2.0)

    def fun(x: Any) -> Any:
        try:
            y = x * 2.0
        finally:
            k = o.k
        return y * k

    return fun, (X,), attribute(o, "k", 3.0)


@case("functions")
def a_global_statement_in_another_function() -> Any:
    def set_to(value: float) -> None:
        global FACTOR
        FACTOR = value

    return lambda x: x * FACTOR, (X,), both(lambda: set_to(3.0), lambda: set_to(2.0))


@case("functions")
def a_global_of_an_imported_module_of_tests() -> Any:
    from states_of_objects import by_scale

    return lambda x: by_scale(x), (X,), attribute(GLOBALS, "SCALE", 3.0)


# ----- what the surroundings say --------------------------------------------------------------------------------------


@case("surroundings")
def an_entry_of_the_environment() -> Any:
    os.environ["MINIGRAD_BATTERY"] = "2.0"
    return lambda x: x * float(os.environ["MINIGRAD_BATTERY"]), (X,), entry(os.environ, "MINIGRAD_BATTERY", "3.0")


@case("surroundings")
def a_default_of_getenv() -> Any:
    return lambda x: x * float(os.getenv("MINIGRAD_ABSENT", "2.0")), (X,), entry(os.environ, "MINIGRAD_ABSENT", "3.0")


@case("surroundings")
def whether_the_environment_has_a_name() -> Any:
    os.environ["MINIGRAD_THERE"] = "1"
    return lambda x: x * 2.0 if "MINIGRAD_THERE" in os.environ else x, (X,), no_entry(os.environ, "MINIGRAD_THERE")


@case("surroundings")
def a_context_variable() -> Any:
    var: contextvars.ContextVar[float] = contextvars.ContextVar("var", default=2.0)
    return lambda x: x * var.get(), (X,), both(lambda: var.set(3.0), lambda: var.set(2.0))


@case("surroundings")
def a_value_of_this_thread() -> Any:
    local = threading.local()
    local.k = 2.0
    return lambda x: x * local.k, (X,), both(lambda: setattr(local, "k", 3.0), lambda: setattr(local, "k", 2.0))


@case("surroundings")
def a_value_that_another_thread_lacks() -> Any:
    local = threading.local()
    local.k = 2.0

    def fun(x: Any) -> Any:
        return x * getattr(local, "k", 1.0)

    return fun, (X,), both(lambda: delattr(local, "k"), lambda: setattr(local, "k", 2.0))


@case("surroundings")
def the_name_of_the_thread() -> Any:
    thread = threading.current_thread()
    return lambda x: x * len(threading.current_thread().name), (X,), replaced(thread, "name", "a longer name")


@case("surroundings")
def the_precision_of_decimals() -> Any:
    context = decimal.getcontext()
    return (
        lambda x: x * float(decimal.Decimal(1) / decimal.Decimal(3)),
        (X,),
        replaced(context, "prec", 3),
    )


@case("surroundings")
def the_printing_options_of_numpy() -> Any:
    old = np.get_printoptions()["precision"]
    third = np.array([1.0 / 3.0])
    return (
        lambda x: x * len(str(third)),
        (X,),
        both(lambda: np.set_printoptions(precision=3), lambda: np.set_printoptions(precision=old)),
    )


@case("surroundings")
def what_numpy_does_about_errors() -> Any:
    old = np.geterr()["over"]
    return (
        lambda x: x * 2.0 if np.geterr()["over"] == "ignore" else x,
        (X,),
        both(lambda: np.seterr(over="ignore"), lambda: np.seterr(over=old)),
    )


@case("surroundings")
def the_content_of_a_file() -> Any:
    path = pathlib.Path(tempfile.mkdtemp()) / "k"
    path.write_text("2.0")
    return (
        lambda x: x * float(path.read_text()),
        (X,),
        both(lambda: path.write_text("3.0"), lambda: path.write_text("2.0")),
    )


@case("surroundings")
def the_content_of_a_file_opened_in_the_function() -> Any:
    path = os.path.join(tempfile.mkdtemp(), "k")

    def write(text: str) -> None:
        with open(path, "w") as file:
            file.write(text)

    def fun(x: Any) -> Any:
        with open(path) as file:
            return x * float(file.read())

    write("2.0")
    return fun, (X,), both(lambda: write("3.0"), lambda: write("2.0"))


@case("surroundings")
def whether_a_file_exists() -> Any:
    path = pathlib.Path(tempfile.mkdtemp()) / "k"
    return lambda x: x * 2.0 if os.path.exists(path) else x, (X,), both(path.touch, path.unlink)


@case("surroundings")
def the_size_of_a_file() -> Any:
    path = pathlib.Path(tempfile.mkdtemp()) / "k"
    path.write_text("12")
    return (
        lambda x: x * os.stat(path).st_size,
        (X,),
        both(lambda: path.write_text("123"), lambda: path.write_text("12")),
    )


@case("surroundings")
def an_array_loaded_from_a_file() -> Any:
    path = pathlib.Path(tempfile.mkdtemp()) / "w.npy"
    np.save(path, np.ones(3))
    return (
        lambda x: x * np.load(path),
        (X,),
        both(lambda: np.save(path, np.full(3, 2.0)), lambda: np.save(path, np.ones(3))),
    )


@case("surroundings")
def an_array_mapped_from_a_file() -> Any:
    path = pathlib.Path(tempfile.mkdtemp()) / "w.npy"
    np.save(path, np.ones(3))
    mapped = np.load(path, mmap_mode="r+")
    return lambda x: x * np.asarray(mapped), (X,), entry(mapped, 0, 5.0)


@case("surroundings")
def a_directory() -> Any:
    here, there = os.getcwd(), tempfile.mkdtemp()
    return (
        lambda x: x * (2.0 if os.getcwd() == here else 3.0),
        (X,),
        both(lambda: os.chdir(there), lambda: os.chdir(here)),
    )


@case("surroundings")
def the_limit_of_recursion() -> Any:
    old = sys.getrecursionlimit()
    return (
        lambda x: x * sys.getrecursionlimit(),
        (X,),
        both(lambda: sys.setrecursionlimit(old + 100), lambda: sys.setrecursionlimit(old)),
    )


@case("surroundings")
def whether_garbage_is_collected() -> Any:
    return lambda x: x * 2.0 if gc.isenabled() else x, (X,), both(gc.disable, gc.enable)


@case("surroundings")
def the_arguments_of_the_program() -> Any:
    return lambda x: x * len(sys.argv), (X,), both(lambda: sys.argv.append("more"), sys.argv.pop)


@case("surroundings")
def the_level_of_a_logger() -> Any:
    logger = logging.getLogger("minigrad.battery")
    logger.setLevel(logging.INFO)
    return (
        lambda x: x * 2.0 if logger.isEnabledFor(logging.DEBUG) else x,
        (X,),
        both(lambda: logger.setLevel(logging.DEBUG), lambda: logger.setLevel(logging.INFO)),
    )


@case("surroundings")
def the_filters_of_warnings() -> Any:
    def fun(x: Any) -> Any:
        try:
            warnings.warn("a warning", UserWarning, stacklevel=1)
        except UserWarning:
            return x * 2.0
        return x

    return (
        fun,
        (X,),
        both(lambda: warnings.simplefilter("error", UserWarning), lambda: warnings.simplefilter("ignore", UserWarning)),
    )


@case("surroundings")
def the_frame_of_the_caller() -> Any:
    FACTOR_HERE = {"k": 2.0}

    def helper(x: Any) -> Any:
        return x * sys._getframe(1).f_locals["factor"]

    def fun(x: Any) -> Any:
        factor = FACTOR_HERE["k"]
        return helper(x) + 0.0 * factor

    return fun, (X,), entry(FACTOR_HERE, "k", 3.0)


@case("surroundings")
def a_clock_that_goes() -> Any:
    start = time.perf_counter_ns()
    last = [start]

    def fun(x: Any) -> Any:
        now = time.perf_counter_ns()
        goes = 1.0 if now > last[0] else 0.0
        return x * goes

    def wait() -> None:
        last[0] = time.perf_counter_ns()

    return fun, (X,), both(wait, wait)


@case("surroundings")
def whether_today_is_past_a_day() -> Any:
    o = Holder(day=datetime.date(2000, 1, 1))
    return (
        lambda x: x * 2.0 if datetime.date.today() > o.day else x,
        (X,),
        attribute(o, "day", datetime.date(9000, 1, 1)),
    )


# ----- memory outside of NumPy ----------------------------------------------------------------------------------------


@case("memory")
def an_array_on_a_bytearray() -> Any:
    memory = bytearray(np.ones(3).tobytes())
    w = np.frombuffer(memory)
    return (
        lambda x: x * w,
        (X,),
        both(
            lambda: memory.__setitem__(slice(0, 8), np.float64(3.0).tobytes()),
            lambda: memory.__setitem__(slice(0, 8), np.float64(1.0).tobytes()),
        ),
    )


@case("memory")
def an_array_made_of_a_bytearray_in_the_function() -> Any:
    memory = bytearray(np.ones(3).tobytes())
    return (
        lambda x: x * np.frombuffer(memory),
        (X,),
        both(
            lambda: memory.__setitem__(slice(0, 8), np.float64(3.0).tobytes()),
            lambda: memory.__setitem__(slice(0, 8), np.float64(1.0).tobytes()),
        ),
    )


@case("memory")
def a_number_unpacked_from_a_bytearray() -> Any:
    memory = bytearray(struct.pack("d", 2.0))
    return (
        lambda x: x * struct.unpack("d", memory)[0],
        (X,),
        both(lambda: struct.pack_into("d", memory, 0, 3.0), lambda: struct.pack_into("d", memory, 0, 2.0)),
    )


@case("memory")
def a_number_of_ctypes() -> Any:
    k = ctypes.c_double(2.0)
    return lambda x: x * k.value, (X,), both(lambda: setattr(k, "value", 3.0), lambda: setattr(k, "value", 2.0))


@case("memory")
def an_array_of_ctypes() -> Any:
    ks = (ctypes.c_double * 3)(1.0, 2.0, 3.0)
    return lambda x: x * ks[1], (X,), entry(ks, 1, 5.0)


@case("memory")
def an_array_of_numpy_on_one_of_ctypes() -> Any:
    ks = (ctypes.c_double * 3)(1.0, 2.0, 3.0)
    w = np.ctypeslib.as_array(ks)
    return lambda x: x * w, (X,), entry(ks, 1, 5.0)


@case("memory")
def a_field_of_a_structure() -> Any:
    class Point(ctypes.Structure):
        _fields_ = [("k", ctypes.c_double)]

    p = Point(2.0)
    return lambda x: x * p.k, (X,), both(lambda: setattr(p, "k", 3.0), lambda: setattr(p, "k", 2.0))


@case("memory")
def anonymous_memory() -> Any:
    memory = mmap.mmap(-1, 8)
    memory[:8] = struct.pack("d", 2.0)
    return (
        lambda x: x * struct.unpack("d", memory[:8])[0],
        (X,),
        both(
            lambda: memory.__setitem__(slice(0, 8), struct.pack("d", 3.0)),
            lambda: memory.__setitem__(slice(0, 8), struct.pack("d", 2.0)),
        ),
    )


@case("memory")
def a_text_in_memory() -> Any:
    text = io.StringIO("2.0")

    def to(value: str) -> None:
        text.seek(0)
        text.write(value)

    return lambda x: x * float(text.getvalue()), (X,), both(lambda: to("3.0"), lambda: to("2.0"))


# ----- randomness -----------------------------------------------------------------------------------------------------


@case("randomness")
def a_generator_of_numpy() -> Any:
    rng = np.random.default_rng(0)
    return lambda x: x * rng.normal(size=3), (X,), nothing()


@case("randomness")
def a_generator_in_an_attribute() -> Any:
    o = Holder(rng=np.random.default_rng(0))
    return lambda x: x * (o.rng.random(3) < 0.5), (X,), nothing()


@case("randomness")
def the_global_state_of_numpy() -> Any:
    np.random.seed(0)
    return lambda x: x * np.random.rand(), (X,), both(lambda: np.random.seed(7), lambda: np.random.seed(0))


@case("randomness")
def the_global_state_of_random() -> Any:
    random.seed(0)
    return lambda x: x * random.random(), (X,), both(lambda: random.seed(7), lambda: random.seed(0))


@case("randomness")
def a_random_of_ones_own() -> Any:
    rng = random.Random(0)
    return lambda x: x * rng.gauss(0.0, 1.0), (X,), nothing()


@case("randomness")
def a_choice_of_an_entry() -> Any:
    rng, ks = random.Random(0), [1.0, 2.0, 3.0, 4.0]
    return lambda x: x * rng.choice(ks), (X,), nothing()


@case("randomness")
def a_shuffle_of_a_copy() -> Any:
    rng = np.random.default_rng(0)
    return lambda x: np.sum(x[rng.permutation(3)][:2]), (X,), nothing()


@case("randomness")
def the_state_of_a_generator() -> Any:
    rng = np.random.default_rng(0)
    return (
        lambda x: x * float(rng.bit_generator.state["state"]["state"] % 1000),
        (X,),
        both(lambda: rng.random(), lambda: None),
    )


@case("randomness")
def a_seed_that_the_function_reads() -> Any:
    o = Holder(seed=1)
    return lambda x: x * np.random.default_rng(o.seed).normal(size=3), (X,), attribute(o, "seed", 2)


@case("randomness")
def bytes_of_the_system() -> Any:
    seen: set[bytes] = set()

    def fun(x: Any) -> Any:
        fresh = os.urandom(16)
        new = fresh not in seen
        seen.add(fresh)
        return x * 2.0 if new else x

    return fun, (X,), nothing()


@case("randomness")
def a_unique_name() -> Any:
    seen: set[Any] = set()

    def fun(x: Any) -> Any:
        seen.add(uuid.uuid4())
        return x * len(seen)

    return fun, (X,), nothing()


# ----- effects --------------------------------------------------------------------------------------------------------


@case("effects")
def a_list_that_the_function_appends_to() -> Any:
    log: list[int] = []

    def fun(x: Any) -> Any:
        log.append(1)
        return x * 2.0

    return fun, (X,), nothing(), lambda: len(log)


@case("effects")
def a_counter_that_the_function_increments() -> Any:
    o = Holder(calls=0)

    def fun(x: Any) -> Any:
        o.calls += 1
        return x * 2.0

    return fun, (X,), nothing(), lambda: o.calls


@case("effects")
def a_global_that_the_function_increments() -> Any:
    def fun(x: Any) -> Any:
        global COUNT
        COUNT += 1
        return x * 2.0

    HERE.COUNT = 0  # type: ignore[attr-defined]
    return fun, (X,), nothing(), lambda: COUNT


COUNT = 0


@case("effects")
def a_closure_that_the_function_increments() -> Any:
    count = 0

    def fun(x: Any) -> Any:
        nonlocal count
        count += 1
        return x * 2.0

    return fun, (X,), nothing(), lambda: count


@case("effects")
def a_counter_that_the_result_depends_on() -> Any:
    o = Holder(calls=0)

    def fun(x: Any) -> Any:
        o.calls += 1
        return x * o.calls

    return fun, (X,), nothing()


@case("effects")
def an_entry_that_the_function_sets() -> Any:
    table: dict[str, Any] = {}

    def fun(x: Any) -> Any:
        table["n"] = table.get("n", 0) + 1
        return x * 2.0

    return fun, (X,), nothing(), lambda: table


@case("effects")
def a_captured_array_that_the_function_writes_to() -> Any:
    buffer = np.zeros(3)

    def fun(x: Any) -> Any:
        buffer[0] += 1.0
        return x * 2.0

    return fun, (X,), nothing(), lambda: buffer.tolist()


@case("effects")
def a_captured_array_given_as_out() -> Any:
    buffer = np.zeros(3)

    def fun(x: Any) -> Any:
        np.add(buffer, 1.0, out=buffer)
        return x * 2.0

    return fun, (X,), nothing(), lambda: buffer.tolist()


@case("effects")
def a_captured_array_that_is_copied_to() -> Any:
    buffer, source = np.zeros(3), np.ones(3)

    def fun(x: Any) -> Any:
        np.copyto(buffer, buffer + source)
        return x * 2.0

    return fun, (X,), nothing(), lambda: buffer.tolist()


@case("effects")
def a_captured_array_that_is_sorted() -> Any:
    w = np.array([3.0, 1.0, 2.0])

    def fun(x: Any) -> Any:
        first = w[0]
        w.sort()
        return x * first

    return fun, (X,), nothing(), lambda: w.tolist()


@case("effects")
def a_list_that_the_function_pops_from() -> Any:
    ks = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    return lambda x: x * ks.pop(), (X,), nothing()


@case("effects")
def a_set_that_the_function_adds_to() -> Any:
    seen: set[int] = set()

    def fun(x: Any) -> Any:
        seen.add(len(seen))
        return x * 2.0

    return fun, (X,), nothing(), lambda: len(seen)


@case("effects")
def an_attribute_that_setattr_sets() -> Any:
    o = Holder(n=0)

    def fun(x: Any) -> Any:
        setattr(o, "n", o.n + 1)  # noqa: B010
        return x * 2.0

    return fun, (X,), nothing(), lambda: o.n


@case("effects")
def a_memo_that_the_function_fills() -> Any:
    memo: dict[int, float] = {}
    o = Holder(k=2.0)

    def factor(n: int) -> float:
        if n not in memo:
            memo[n] = o.k * n
        return memo[n]

    return lambda x: x * factor(3), (X,), entry(memo, 3, 7.0), lambda: memo


@case("effects")
def a_memo_that_is_cleared() -> Any:
    memo: dict[int, float] = {}
    o = Holder(k=2.0)

    def factor(n: int) -> float:
        if n not in memo:
            memo[n] = o.k * n
        return memo[n]

    def to(value: float) -> None:
        o.k = value
        memo.clear()

    return lambda x: x * factor(3), (X,), both(lambda: to(3.0), lambda: to(2.0)), lambda: memo


@case("effects")
def a_text_that_the_function_writes() -> Any:
    out = io.StringIO()

    def fun(x: Any) -> Any:
        out.write("called\n")
        return x * 2.0

    return fun, (X,), nothing(), out.getvalue


@case("effects")
def a_line_that_the_function_prints() -> Any:
    out = io.StringIO()

    def fun(x: Any) -> Any:
        print("called", file=out)
        return x * 2.0

    return fun, (X,), nothing(), out.getvalue


@case("effects")
def a_record_that_the_function_logs() -> Any:
    records: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    logger = logging.Logger("battery")
    logger.addHandler(Kept())

    def fun(x: Any) -> Any:
        logger.warning("called")
        return x * 2.0

    return fun, (X,), nothing(), lambda: len(records)


@case("effects")
def a_warning_that_the_function_gives() -> Any:
    seen: list[str] = []

    def fun(x: Any) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("called", UserWarning, stacklevel=1)
        seen.extend(str(each.message) for each in caught)
        return x * 2.0

    return fun, (X,), nothing(), lambda: seen


@case("effects")
def a_callback_with_an_effect() -> Any:
    log: list[float] = []
    return lambda x: x * sum(map(lambda k: log.append(k) or k, [1.0, 2.0])), (X,), nothing(), lambda: log


@case("effects")
def an_attribute_deleted_by_the_function() -> Any:
    o = Holder(k=2.0)

    def fun(x: Any) -> Any:
        if hasattr(o, "k"):
            del o.k
            return x
        return x * 2.0

    return fun, (X,), both(lambda: setattr(o, "k", 3.0), lambda: setattr(o, "k", 4.0))


@case("effects")
def a_counting_descriptor() -> Any:
    class Counting:
        count = 0

        def __get__(self, instance: Any, owner: Any) -> float:
            self.count += 1
            return 2.0

    counting = Counting()
    own = type("Own", (), {"k": counting})()
    return lambda x: x * own.k, (X,), nothing(), lambda: counting.count


@case("effects")
def a_running_mean() -> Any:
    class Normalised:
        mean, rate = 0.0, 0.5

        def __call__(self, x: Any) -> Any:
            self.mean = (1.0 - self.rate) * self.mean + self.rate * 2.0
            return x - self.mean

    layer = Normalised()
    return lambda x: layer(x), (X,), nothing(), lambda: layer.mean


# ----- objects of installed libraries ---------------------------------------------------------------------------------


def imported(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed")


@case("libraries")
def the_data_of_a_sparse_matrix() -> Any:
    S = imported("scipy.sparse").csr_array(np.diag([1.0, 2.0, 3.0]))
    return lambda x: x * S.data, (X,), entry(S.data, 1, 5.0)


@case("libraries")
def a_sparse_matrix_as_a_dense_one() -> Any:
    S = imported("scipy.sparse").csr_array(np.diag([1.0, 2.0, 3.0]))
    return lambda x: S.toarray() @ x, (X,), entry(S.data, 1, 5.0)


@case("libraries")
def an_entry_of_a_sparse_matrix() -> Any:
    S = imported("scipy.sparse").lil_array(np.diag([1.0, 2.0, 3.0]))
    return lambda x: x * S[1, 1], (X,), entry(S, (1, 1), 5.0)


@case("libraries")
def the_product_with_a_constant_vector() -> Any:
    S = imported("scipy.sparse").csr_array(np.diag([1.0, 2.0, 3.0]))
    return lambda x: x * (S @ np.ones(3)), (X,), entry(S.data, 1, 5.0)


@case("libraries")
def an_entry_of_a_pandas_series() -> Any:
    s = imported("pandas").Series({"k": 2.0, "l": 1.0})
    return lambda x: x * s["k"], (X,), entry(s, "k", 3.0)


@case("libraries")
def an_attribute_of_a_pandas_series() -> Any:
    s = imported("pandas").Series({"k": 2.0, "l": 1.0})
    return lambda x: x * s.k, (X,), entry(s, "k", 3.0)


@case("libraries")
def a_column_of_a_pandas_frame() -> Any:
    frame = imported("pandas").DataFrame({"w": [1.0, 2.0, 3.0]})
    return (
        lambda x: x * frame["w"].to_numpy(),
        (X,),
        both(lambda: frame.__setitem__("w", [4.0, 5.0, 6.0]), lambda: frame.__setitem__("w", [1.0, 2.0, 3.0])),
    )


@case("libraries")
def a_cell_of_a_pandas_frame() -> Any:
    frame = imported("pandas").DataFrame({"w": [1.0, 2.0, 3.0]})
    return (
        lambda x: x * frame.loc[1, "w"],
        (X,),
        both(lambda: frame.loc.__setitem__((1, "w"), 9.0), lambda: frame.loc.__setitem__((1, "w"), 2.0)),
    )


@case("libraries")
def an_entry_of_an_xarray() -> Any:
    a = imported("xarray").DataArray([1.0, 2.0, 3.0], dims="i")
    return lambda x: x * a.values, (X,), entry(a, 1, 5.0)


@case("libraries")
def a_variable_of_a_data_set() -> Any:
    data = imported("xarray").Dataset({"w": ("i", [1.0, 2.0, 3.0])})
    return (
        lambda x: x * data["w"].to_numpy(),
        (X,),
        both(lambda: data["w"].values.__setitem__(1, 5.0), lambda: data["w"].values.__setitem__(1, 2.0)),
    )


@case("libraries")
def a_coefficient_of_an_estimator() -> Any:
    model = imported("sklearn.linear_model").LinearRegression()
    model.fit(np.arange(6.0).reshape(3, 2), np.arange(3.0))
    return lambda x: x[:2] @ model.coef_ + model.intercept_, (X,), entry(model.coef_, 0, 5.0)


@case("libraries")
def the_prediction_of_an_estimator() -> Any:
    model = imported("sklearn.linear_model").LinearRegression()
    model.fit(np.arange(6.0).reshape(3, 2), np.arange(3.0))
    return lambda x: x * model.predict(np.ones((1, 2)))[0], (X,), entry(model.coef_, 0, 5.0)


@case("libraries")
def a_scaler_that_is_fitted_again() -> Any:
    scaler = imported("sklearn.preprocessing").StandardScaler()
    scaler.fit(np.arange(6.0).reshape(3, 2))
    return (
        lambda x: (x[:2] - scaler.mean_) / scaler.scale_,
        (X,),
        both(lambda: scaler.fit(np.arange(6.0).reshape(3, 2) * 2.0), lambda: scaler.fit(np.arange(6.0).reshape(3, 2))),
    )


@case("libraries")
def a_parameter_of_an_estimator() -> Any:
    model = imported("sklearn.linear_model").Ridge(alpha=2.0)
    return lambda x: x * model.get_params()["alpha"], (X,), attribute(model, "alpha", 3.0)


@case("libraries")
def a_column_of_a_polars_frame() -> Any:
    polars = imported("polars")
    o = Holder(frame=polars.DataFrame({"w": [1.0, 2.0, 3.0]}))
    return lambda x: x * o.frame["w"].to_numpy(), (X,), attribute(o, "frame", polars.DataFrame({"w": [4.0, 5.0, 6.0]}))


@case("libraries")
def the_coefficients_of_a_spline() -> Any:
    spline = imported("scipy.interpolate").CubicSpline(np.arange(4.0), np.arange(4.0) ** 2)
    return lambda x: x * spline(1.5), (X,), entry(spline.c, (3, 1), 9.0)


@case("libraries")
def the_arguments_of_a_frozen_distribution() -> Any:
    frozen = imported("scipy.stats").norm(0.0, 2.0)
    return lambda x: x * frozen.std(), (X,), attribute(frozen, "args", (0.0, 3.0))


@case("libraries")
def the_precision_of_mpmath() -> Any:
    mp = imported("mpmath").mp
    return lambda x: x * float(mp.mpf(1) / 3), (X,), replaced(mp, "dps", 3)


@case("libraries")
def a_tree_of_points() -> Any:
    spatial = imported("scipy.spatial")
    o = Holder(tree=spatial.cKDTree(np.arange(6.0).reshape(3, 2)))
    return (
        lambda x: x * o.tree.query([0.0, 0.0])[0],
        (X,),
        attribute(o, "tree", spatial.cKDTree(np.arange(6.0).reshape(3, 2) + 1.0)),
    )


@case("libraries")
def the_mean_of_a_list() -> Any:
    import statistics

    ks = [1.0, 2.0, 6.0]
    return lambda x: x * statistics.median(ks), (X,), entry(ks, 1, 5.0)


@case("libraries")
def a_sum_without_rounding() -> Any:
    ks = [1.0, 2.0, 6.0]
    return lambda x: x * math.fsum(ks) + math.prod(ks), (X,), entry(ks, 1, 5.0)
