"""State as larger programs read it: by the standard library, NumPy, transformations, and functions of functions."""

from __future__ import annotations

import ast
import base64
import bisect
import collections
import configparser
import contextlib
import csv
import dataclasses
import decimal
import enum
import fractions
import functools
import hashlib
import heapq
import inspect
import io
import itertools
import json
import math
import operator
import os
import re
import signal
import statistics
import string
import struct
import sys
import threading
import types
import typing
import weakref
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from state_battery import X, attribute, both, case, entry, no_entry, nothing, replaced
from states_of_functions import imported
from states_of_objects import Holder, module

import minigrad

HERE = sys.modules[__name__]


def reading(kind: str, name: str, old: Any, new: Any, fun: Callable[[Any, Any], Any]) -> None:
    """A case in which `fun(o, x)` reads the attribute `o.a`, which is replaced."""

    def make() -> Any:
        o = Holder(a=old() if callable(old) and type(old) is types.FunctionType else old, b=1.0)
        return lambda x: fun(o, x), (X,), attribute(o, "a", new() if type(new) is types.FunctionType else new)

    make.__name__ = name
    case(kind)(make)


def inside(kind: str, name: str, start: Callable[[], Any], key: Any, new: Any, fun: Callable[[Any, Any], Any]) -> None:
    """A case in which `fun(c, x)` reads a container, of which an entry changes."""

    def make() -> Any:
        c = start()
        return lambda x: fun(c, x), (X,), entry(c, key, new)

    make.__name__ = name
    case(kind)(make)


# ----- texts ----------------------------------------------------------------------------------------------------------

text = functools.partial(reading, "texts")
text("text_as_a_number", "2.0", "3.0", lambda o, x: x * float(o.a))
text("text_as_an_integer", "2", "3", lambda o, x: x * int(o.a))
text("text_that_starts", "abc", "xbc", lambda o, x: x * 2.0 if o.a.startswith("a") else x)
text("text_in_upper_case", "a", "b", lambda o, x: x * 2.0 if o.a.upper() == "B" else x)
text("text_that_is_split", "1,2", "1,3", lambda o, x: x * float(o.a.split(",")[1]))
text("text_of_some_length", "ab", "abc", lambda o, x: x * len(o.a))
text("text_in_another", "b", "z", lambda o, x: x * 2.0 if o.a in "abc" else x)
text("text_by_template", "$k.5", "1$k.5", lambda o, x: x * float(string.Template(o.a).substitute(k=2)))
text("text_by_pattern", r"\d", r"\d\d", lambda o, x: x * float(re.match(o.a, "12").group()))
text("text_as_literal", "[1.0, 2.0]", "[1.0, 3.0]", lambda o, x: x * ast.literal_eval(o.a)[1])
text("text_as_json", '{"k": 2.0}', '{"k": 3.0}', lambda o, x: x * json.loads(o.a)["k"])
text("text_as_rows", "1,2\n3,4", "1,2\n3,5", lambda o, x: x * float(list(csv.reader(io.StringIO(o.a)))[1][1]))
text("text_as_array", "1 2 3", "1 2 4", lambda o, x: x * np.array(o.a.split(), dtype=float))
text("text_loaded_by_numpy", "1 2 3", "1 2 4", lambda o, x: x * np.loadtxt(io.StringIO(o.a)))
text("text_that_is_counted", "aab", "aaab", lambda o, x: x * o.a.count("a"))
text("text_that_is_replaced", "k", "kk", lambda o, x: x * len(o.a.replace("k", "long")))
text("text_by_a_format", "{:.1f}", "{:.3f}", lambda o, x: x * len(o.a.format(2.0)))
text("text_by_percent", "%.1f", "%.3f", lambda o, x: x * len(o.a % 2.0))
text("text_that_names_a_function", "sin", "cos", lambda o, x: getattr(np, o.a)(x))
text("text_that_names_an_axis", "i,i->i", "i,j->i", lambda o, x: np.einsum(o.a, x, x))
inside("texts", "a_format_map", lambda: {"k": "2"}, "k", "3", lambda c, x: x * float("{k}.5".format_map(c)))
inside("texts", "a_percent_of_a_dict", lambda: {"k": 2.0}, "k", 3.0, lambda c, x: x * float("%(k).1f" % c))
inside("texts", "a_translation", lambda: {ord("k"): "2"}, ord("k"), "3", lambda c, x: x * float("k".translate(c)))
inside("texts", "a_joined_list", lambda: ["1", ".5"], 0, "2", lambda c, x: x * float("".join(c)))


@case("texts")
def a_configuration_file_in_memory() -> Any:
    config = configparser.ConfigParser()
    config.read_string("[model]\nlam = 2.0\n")
    return (
        lambda x: x * config.getfloat("model", "lam"),
        (X,),
        both(lambda: config.set("model", "lam", "3.0"), lambda: config.set("model", "lam", "2.0")),
    )


# ----- numbers of the standard library --------------------------------------------------------------------------------

number = functools.partial(reading, "numbers")
number("a_fraction", fractions.Fraction(1, 2), fractions.Fraction(1, 3), lambda o, x: x * float(o.a))
number("a_decimal", decimal.Decimal("2.0"), decimal.Decimal("3.0"), lambda o, x: x * float(o.a))
number("a_complex_number", 2.0 + 1.0j, 3.0 + 1.0j, lambda o, x: x * o.a.real)
number(
    "a_sign_of_an_imaginary_part", complex(1.0, 0.0), complex(1.0, -0.0), lambda o, x: x * math.copysign(1.0, o.a.imag)
)
number("an_integer_of_many_digits", 10**30, 10**30 + 1, lambda o, x: x * (o.a % 7))
number("a_chain_of_comparisons", 2.0, 9.0, lambda o, x: x * 2.0 if 0.0 < o.a < 5.0 else x)
number("a_member_of_a_tuple", 1, 3, lambda o, x: x * 2.0 if o.a in (1, 2) else x)
number("a_count_of_a_loop", 2, 3, lambda o, x: functools.reduce(lambda u, _: u * 1.5, range(o.a), x))
number("a_condition_of_while", 2, 3, lambda o, x: _while(o, x))
number("a_number_of_combinations", 2, 1, lambda o, x: x * math.comb(5, o.a))
number("bits", 5, 6, lambda o, x: x * (o.a & 3))
number("a_power_of_two", 3, 300, lambda o, x: x * o.a.bit_length())
number("a_numpy_integer", np.int64(2), np.int64(3), lambda o, x: x * o.a)
number("a_dtype", np.dtype("f4"), np.dtype("f8"), lambda o, x: x * o.a.itemsize)
number("a_dtype_to_cast_to", np.float32, np.float64, lambda o, x: x * np.ones(3).astype(o.a).nbytes)
number("not_a_flag", False, True, lambda o, x: x if not o.a else x * 2.0)
number("a_list_as_a_truth", lambda: [], lambda: [1], lambda o, x: x * 2.0 if o.a else x)


def _while(o: Any, x: Any) -> Any:
    i = 0
    while i < o.a:
        x, i = x * 1.5, i + 1
    else:
        x = x + 1.0
    return x


class Level(enum.IntEnum):
    """Numbers with names."""

    LOW = 1
    HIGH = 2


class Mark(enum.Flag):
    """Bits with names."""

    A = enum.auto()
    B = enum.auto()


number("a_number_with_a_name", Level.LOW, Level.HIGH, lambda o, x: x * o.a)
number("a_flag_of_several", Mark.A, Mark.A | Mark.B, lambda o, x: x * 2.0 if Mark.B in o.a else x)

# ----- functions of the standard library on containers ----------------------------------------------------------------

KS = lambda: [1.0, 2.0, 4.0]
TABLE = lambda: {"a": 1.0, "b": 2.0}
on_list = functools.partial(inside, "containers in functions")
on_list("accumulated", KS, 1, 3.0, lambda c, x: x * list(itertools.accumulate(c))[2])
on_list("bisected", KS, 1, 3.5, lambda c, x: x * (1 + bisect.bisect(c, 3.0)))
on_list("mean_of_a_list", KS, 1, 3.0, lambda c, x: x * statistics.mean(c))
on_list("pairs", KS, 1, 3.0, lambda c, x: sum(x * b * a for a, b in itertools.pairwise(c)))
on_list("products", KS, 1, 3.0, lambda c, x: x * sum(a * b for a, b in itertools.product(c, c)))
on_list("combinations", KS, 1, 3.0, lambda c, x: x * sum(a * b for a, b in itertools.combinations(c, 2)))
on_list("grouped", KS, 1, 3.0, lambda c, x: x * len([k for k, _ in itertools.groupby(c, key=lambda k: k > 2.5)]) + c[1])
on_list("compressed", KS, 1, 3.0, lambda c, x: x * sum(itertools.compress(c, [0, 1, 1])))
on_list("star_mapped", KS, 1, 3.0, lambda c, x: x * sum(itertools.starmap(pow, [(c[1], 2)])))
on_list(
    "zipped_to_the_longest",
    KS,
    1,
    3.0,
    lambda c, x: x * sum(a * b for a, b in itertools.zip_longest(c, [], fillvalue=1.0)),
)
on_list("taken_while", KS, 1, 3.0, lambda c, x: x * sum(itertools.takewhile(lambda k: k < 2.5, c)))
on_list("merged", KS, 1, 3.0, lambda c, x: x * list(heapq.merge(c, [2.5]))[1])
on_list("counted", KS, 1, 1.0, lambda c, x: x * collections.Counter(c).most_common(1)[0][1])
on_list("most_common", KS, 1, 4.0, lambda c, x: x * collections.Counter(c).most_common(1)[0][0])
on_list("a_set_of_a_list", KS, 1, 1.0, lambda c, x: x * len(set(c)))
on_list("a_set_difference", KS, 1, 3.0, lambda c, x: x * sum(set(c) - {1.0}))
on_list("a_subset", KS, 1, 3.0, lambda c, x: x * 2.0 if {2.0} <= set(c) else x)
on_list("a_dict_from_keys", KS, 1, 3.0, lambda c, x: x * max(dict.fromkeys(c[:2], 1.0)))
on_list("a_comprehension_of_a_dict", KS, 1, 3.0, lambda c, x: x * {i: 1.0 * k for i, k in enumerate(c)}[1])
on_list("a_list_in_a_list", KS, 1, 3.0, lambda c, x: x * [0.0, *c][2])
on_list("a_tuple_of_a_generator", KS, 1, 3.0, lambda c, x: x * tuple(k + 1.0 for k in c)[1])
on_list("an_unpacked_middle", KS, 1, 3.0, lambda c, x: (lambda a, *b: x * b[0])(*c))
on_list("a_slice_with_a_step", KS, 2, 3.0, lambda c, x: x * c[::2][1])
on_list("a_negative_slice", KS, 1, 3.0, lambda c, x: x * c[-2:][0])
on_list("an_equality_of_lists", KS, 1, 3.0, lambda c, x: x * 2.0 if c == [1.0, 3.0, 4.0] else x)
on_list("an_order_of_lists", KS, 1, 3.0, lambda c, x: x * 2.0 if c > [1.0, 2.5] else x)
on_list("a_list_packed", KS, 1, 3.0, lambda c, x: x * struct.unpack("3d", struct.pack("3d", *c))[1])
on_list("a_sequence_pattern", KS, 1, 3.0, lambda c, x: _pattern(c, x))
on_list("a_list_made_an_array", KS, 1, 3.0, lambda c, x: x * np.fromiter((k for k in c), float))
on_list("a_list_of_limits", KS, 1, 0.2, lambda c, x: np.clip(x, -c[1], c[1]) * 10.0)
on_list("a_list_in_partial", KS, 1, 3.0, lambda c, x: functools.partial(operator.getitem, c)(1) * x)
on_list("a_list_in_a_key", KS, 1, 0.5, lambda c, x: x * sorted(range(3), key=c.__getitem__)[0] + x)
on_list("a_list_by_cmp", KS, 1, 0.5, lambda c, x: x * sorted(c, key=functools.cmp_to_key(lambda a, b: a - b))[0])
on_list("a_deque_of_a_list", KS, 1, 3.0, lambda c, x: x * collections.deque(c, maxlen=2)[0])
on_list("a_list_in_exec", KS, 1, 3.0, lambda c, x: x * eval("c[1]", {"c": c}))
on_table = functools.partial(inside, "containers in functions")
on_table("a_spread_dict", TABLE, "b", 3.0, lambda c, x: x * {**c, "a": 0.0}["b"])
on_table("common_keys", TABLE, "c", 3.0, lambda c, x: x * (1 + len(c.keys() & {"b", "c"})))
on_table("equal_dicts", TABLE, "b", 3.0, lambda c, x: x * 2.0 if c == {"a": 1.0, "b": 3.0} else x)
on_table("the_largest_key", TABLE, "a", 3.0, lambda c, x: x * c[max(c, key=c.get)])
on_table("a_sorted_dict", TABLE, "0", 3.0, lambda c, x: x * c[sorted(c)[0]])
on_table("the_last_of_a_dict", TABLE, "c", 3.0, lambda c, x: x * c[next(reversed(c))])
on_table("the_first_item", TABLE, "a", 3.0, lambda c, x: x * list(c.items())[0][1])
on_table("a_dict_of_keywords", TABLE, "b", 3.0, lambda c, x: (lambda a, b: x * a * b)(**c))
on_table("a_dict_made_a_namespace", TABLE, "b", 3.0, lambda c, x: x * types.SimpleNamespace(**c).b)
on_table("a_mapping_pattern", TABLE, "b", 3.0, lambda c, x: _mapping_pattern(c, x))
on_table("a_bytearray_as_a_number", lambda: bytearray([1, 2]), 0, 3, lambda c, x: x * int.from_bytes(c, "little"))
on_table("a_checksum", lambda: bytearray([1, 2]), 0, 3, lambda c, x: x * (zlib.crc32(c) % 97))
on_table("a_digest", lambda: bytearray([1, 2]), 0, 3, lambda c, x: x * hashlib.sha256(c).digest()[0])
on_table("an_encoded_text", lambda: bytearray(b"ab"), 0, 200, lambda c, x: x * base64.b64encode(bytes(c))[0])


def _pattern(c: Any, x: Any) -> Any:
    match c:
        case [_, 2.0, *_]:
            return x * 5.0
        case [_, k, *_]:
            return x * k
    return x


def _mapping_pattern(c: Any, x: Any) -> Any:
    match c:
        case {"b": k, **rest} if k > 2.5:
            return x * k * len(rest)
    return x


# ----- arrays in NumPy's functions ------------------------------------------------------------------------------------

ARRAY = lambda: np.array([1.0, 2.0, 4.0])
on_array = functools.partial(inside, "arrays in functions")
on_array("enumerated", ARRAY, 1, 3.0, lambda c, x: sum(x * k for _, k in np.ndenumerate(c)))
on_array("iterated", ARRAY, 1, 3.0, lambda c, x: sum(x * float(k) for k in c))
on_array("by_nditer", ARRAY, 1, 3.0, lambda c, x: sum(x * float(k) for k in np.nditer(c)))
on_array("bytes_of_an_array", ARRAY, 1, 3.0, lambda c, x: x * np.frombuffer(c.tobytes())[1])
on_array("bits_of_an_array", ARRAY, 1, 300.0, lambda c, x: x * (c.view(np.int64) >> 52))
on_array("transposed_alias", lambda: np.arange(9.0).reshape(3, 3), (0, 1), 30.0, lambda c, x: c.T @ x)
on_array("strided_alias", ARRAY, 1, 3.0, lambda c, x: x * np.lib.stride_tricks.sliding_window_view(c, 2)[0, 1])
on_array("norm", ARRAY, 1, 3.0, lambda c, x: x / np.linalg.norm(c))
on_array("masked_sum", ARRAY, 1, -3.0, lambda c, x: x * c[c > 0.0].sum())
on_array("searched", ARRAY, 1, 3.5, lambda c, x: x * (1 + np.searchsorted(c, 3.0)))
on_array("interpolated", ARRAY, 1, 3.0, lambda c, x: x * np.interp(1.5, [0.0, 1.0, 2.0], c))
on_array("piecewise", ARRAY, 1, -3.0, lambda c, x: x * np.piecewise(c, [c < 0.0], [lambda v: -v, 1.0]))
on_array("selected", ARRAY, 1, -3.0, lambda c, x: x * np.select([c < 0.0], [c], 1.0))
on_array("sorted_array", ARRAY, 1, 3.0, lambda c, x: x * np.sort(c)[::-1])
on_array("order_of_an_array", ARRAY, 1, 9.0, lambda c, x: x[np.argsort(c)] * [1.0, 2.0, 3.0])
on_array("unique", ARRAY, 1, 1.0, lambda c, x: x * len(np.unique(c)))
on_array("close_arrays", ARRAY, 1, 3.0, lambda c, x: x * 2.0 if np.allclose(c, [1.0, 2.0, 4.0]) else x)
on_array("equal_arrays", ARRAY, 1, 3.0, lambda c, x: x * 2.0 if np.array_equal(c, [1.0, 2.0, 4.0]) else x)
on_array("polynomial", ARRAY, 1, 3.0, lambda c, x: np.polyval(c, x))
on_array("poly1d", ARRAY, 1, 3.0, lambda c, x: x * np.poly1d(c)(2.0))
on_array(
    "where_of_a_ufunc",
    lambda: np.array([True, False, True]),
    1,
    True,
    lambda c, x: x * np.add(1.0, 1.0, where=c, out=np.zeros(3)),
)
on_array("initial_of_a_sum", ARRAY, 1, 3.0, lambda c, x: x * np.sum(np.ones(2), initial=c[1]))
on_array("joined_by_r", ARRAY, 1, 3.0, lambda c, x: x * np.r_[c[:2], 1.0])
on_array("open_mesh", lambda: [0, 1], 1, 2, lambda c, x: np.sum(np.outer(x, x)[np.ix_(c, c)]))
on_array("copy_that_is_written", ARRAY, 1, 3.0, lambda c, x: x * _written(c))
on_array("array_in_vectorize", ARRAY, 1, 3.0, lambda c, x: x * np.vectorize(lambda i: c[i])(np.arange(3)))
on_array(
    "random_by_a_seed_in_an_array", lambda: np.array([1, 2]), 1, 3, lambda c, x: x * np.random.default_rng(c).random()
)
on_array("memoryview_of_an_array", ARRAY, 1, 3.0, lambda c, x: x * memoryview(c)[1])
on_array("list_of_an_array", ARRAY, 1, 3.0, lambda c, x: x * sum(c.tolist()))
on_array("text_of_an_array", ARRAY, 1, 3.25, lambda c, x: x * len(str(c)))
on_array("fourier", ARRAY, 1, 3.0, lambda c, x: x * np.fft.rfft(c)[0].real)
on_array("solved", lambda: np.diag([1.0, 2.0, 4.0]), (1, 1), 3.0, lambda c, x: np.linalg.solve(c, x))
on_array("einsum_of_a_list", lambda: [np.ones(3), np.ones(3)], 1, np.zeros(3), lambda c, x: x * np.einsum("i,i", *c))
on_array("choice_by_truth", lambda: np.array([1.0, 0.0]), 1, 5.0, lambda c, x: x * 2.0 if c.any() and c.all() else x)
on_array("zero_axes", lambda: np.array(2.0), (), 3.0, lambda c, x: x * c.item() + c)


def _written(c: Any) -> Any:
    own = c.copy()
    own[0] = 7.0
    own += 1.0
    return own


@case("arrays in functions")
def whether_two_arrays_share_memory() -> Any:
    o = Holder(a=np.ones(3), b=np.ones(3))
    return lambda x: x * 2.0 if np.shares_memory(o.a, o.b) else x, (X,), attribute(o, "b", o.a)


@case("arrays in functions")
def the_base_of_an_array() -> Any:
    o = Holder(a=np.ones(3))
    return lambda x: x * 2.0 if o.a.base is None else x, (X,), attribute(o, "a", np.ones(4)[:3])


@case("arrays in functions")
def the_layout_of_an_array() -> Any:
    o = Holder(a=np.ones((3, 3)))
    return (
        lambda x: x * 2.0 if o.a.flags.c_contiguous else x,
        (X,),
        attribute(o, "a", np.asfortranarray(np.ones((3, 3)))),
    )


@case("arrays in functions")
def the_fill_value_of_a_masked_array() -> Any:
    w = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False], fill_value=5.0)
    return lambda x: x * w.filled(), (X,), both(lambda: w.set_fill_value(7.0), lambda: w.set_fill_value(5.0))


# ----- what is known of classes and functions -------------------------------------------------------------------------


@case("reflection")
def the_subclasses_of_a_class() -> Any:
    class Base:
        pass

    kept: list[Any] = []
    return (
        lambda x: x * (1 + len(Base.__subclasses__())),
        (X,),
        both(lambda: kept.append(type("Own", (Base,), {})), lambda: None),
    )


@case("reflection")
def the_names_in_an_object() -> Any:
    o = Holder(a=1.0)
    return lambda x: x * len([name for name in dir(o) if not name.startswith("_")]), (X,), attribute(o, "b", 2.0)


@case("reflection")
def the_annotations_of_a_class() -> Any:
    class Own:
        a: int

    return lambda x: x * len(Own.__annotations__), (X,), entry(Own.__annotations__, "b", int)


@case("reflection")
def the_type_hints_of_a_class() -> Any:
    class Own:
        a: int

    return lambda x: x * len(typing.get_type_hints(Own)), (X,), entry(Own.__annotations__, "b", int)


@case("reflection")
def the_signature_of_a_function() -> Any:
    def helper(a: float, b: float = 2.0) -> float:
        return a

    return (
        lambda x: x * inspect.signature(helper).parameters["b"].default,
        (X,),
        replaced(helper, "__defaults__", (3.0,)),
    )


@case("reflection")
def the_name_of_a_function() -> Any:
    def helper() -> None: ...

    return lambda x: x * len(helper.__name__), (X,), replaced(helper, "__name__", "another_name")


@case("reflection")
def the_text_of_a_docstring() -> Any:
    def helper() -> None:
        """Four"""

    return lambda x: x * len(helper.__doc__ or ""), (X,), replaced(helper, "__doc__", "Longer")


@case("reflection")
def the_content_of_a_cell() -> Any:
    k = 2.0

    def helper() -> float:
        return k

    return (
        lambda x: x * helper.__closure__[0].cell_contents,
        (X,),
        replaced(helper.__closure__[0], "cell_contents", 3.0),
    )


@case("reflection")
def the_fields_of_a_dataclass() -> Any:
    @dataclasses.dataclass
    class Own:
        a: float = 2.0
        b: float = 1.0

    o = Own()
    return lambda x: x * sum(getattr(o, f.name) for f in dataclasses.fields(o)), (X,), attribute(o, "b", 3.0)


@case("reflection")
def the_resolution_order_of_a_class() -> Any:
    class First: ...

    class Second: ...

    class Own(First): ...

    return lambda x: x * 2.0 if Second in Own.__mro__ else x, (X,), replaced(Own, "__bases__", (Second,))


@case("reflection")
def whether_an_object_is_callable() -> Any:
    class Own: ...

    o = Own()
    return lambda x: x * 2.0 if callable(o) else x, (X,), attribute(Own, "__call__", lambda self: 1.0)


@case("reflection")
def the_match_args_of_a_class() -> Any:
    class Own:
        __match_args__ = ("a",)

        def __init__(self) -> None:
            self.a, self.b = 2.0, 3.0

    o = Own()

    def fun(x: Any) -> Any:
        match o:
            case Own(k):
                return x * k
        return x

    return fun, (X,), attribute(Own, "__match_args__", ("b",))


@case("reflection")
def a_hash_by_identity() -> Any:
    o = Holder(a=Holder())
    first = o.a
    return lambda x: x * 2.0 if id(o.a) == id(first) else x, (X,), attribute(o, "a", Holder())


# ----- more about classes ---------------------------------------------------------------------------------------------


@case("classes")
def a_new_method_with_state() -> Any:
    class Own(float):
        offset = 1.0

        def __new__(cls, value: float) -> Any:
            return super().__new__(cls, value + cls.offset)

    return lambda x: x * Own(2.0), (X,), attribute(Own, "offset", 5.0)


@case("classes")
def a_metaclass_that_is_called() -> Any:
    class Meta(type):
        factor = 2.0

        def __call__(cls, *args: Any) -> Any:
            o = super().__call__(*args)
            o.k = cls.factor
            return o

    class Own(metaclass=Meta): ...

    return lambda x: x * Own().k, (X,), attribute(Meta, "factor", 3.0)


@case("classes")
def a_property_of_a_metaclass() -> Any:
    class Meta(type):
        @property
        def k(cls) -> float:
            return cls.hidden  # type: ignore[attr-defined]

    class Own(metaclass=Meta):
        hidden = 2.0

    return lambda x: x * Own.k, (X,), attribute(Own, "hidden", 3.0)


@case("classes")
def an_operator_that_is_replaced() -> Any:
    class Own:
        k = 2.0

        def __add__(self, other: float) -> float:
            return self.k + other

    o = Own()
    return lambda x: x * (o + 1.0), (X,), attribute(Own, "__add__", lambda self, other: 10.0)


@case("classes")
def a_reflected_operator_that_appears() -> Any:
    class Own:
        def __add__(self, other: Any) -> Any:
            return NotImplemented if hasattr(type(other), "__radd__") else 2.0

    class Other: ...

    a, b = Own(), Other()
    return lambda x: x * (a + b), (X,), attribute(Other, "__radd__", lambda self, other: 5.0)


@case("classes")
def a_singledispatch_method() -> Any:
    class Own:
        k = 2.0

        @functools.singledispatchmethod
        def factor(self, value: Any) -> float:
            return self.k

    o = Own()
    return lambda x: x * o.factor("text"), (X,), attribute(o, "k", 3.0)


@case("classes")
def a_context_that_suppresses() -> Any:
    class Own:
        suppresses = True

        def __enter__(self) -> None: ...

        def __exit__(self, *args: Any) -> bool:
            return self.suppresses

    o = Own()

    def fun(x: Any) -> Any:
        y = x
        with o:
            y = x * 2.0
            raise ValueError
        return y

    return fun, (X,), attribute(o, "suppresses", False)


@case("classes")
def an_exit_stack() -> Any:
    state = {"k": 2.0}

    @contextlib.contextmanager
    def factor() -> Any:
        yield state["k"]

    def fun(x: Any) -> Any:
        with contextlib.ExitStack() as stack:
            return x * stack.enter_context(factor())

    return fun, (X,), entry(state, "k", 3.0)


@case("classes")
def the_type_of_an_exception() -> Any:
    o = Holder(error=ValueError)

    def fun(x: Any) -> Any:
        try:
            try:
                raise KeyError
            except o.error:
                return x * 2.0
        except KeyError:
            return x

    return fun, (X,), attribute(o, "error", KeyError)


@case("classes")
def a_key_that_is_an_object_with_state() -> Any:
    class Key:
        def __init__(self, k: int) -> None:
            self.k = k

        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: Any) -> bool:
            return bool(self.k == other.k)

    key, table = Key(1), {Key(1): 2.0, Key(2): 3.0}
    return lambda x: x * table[key], (X,), attribute(key, "k", 2)


@case("classes")
def a_weak_dictionary() -> Any:
    o = Holder(a=1.0)
    table: Any = weakref.WeakKeyDictionary({o: 2.0})
    return lambda x: x * table[o], (X,), entry(table, o, 3.0)


@case("classes")
def a_weak_value_dictionary() -> Any:
    kept = [Holder(a=1.0)]
    table: Any = weakref.WeakValueDictionary({"o": kept[0]})
    return lambda x: x * 2.0 if "o" in table else x, (X,), both(kept.clear, lambda: None)


@case("classes")
def a_registry_of_subclasses() -> Any:
    registry: dict[str, Any] = {}

    class Base:
        k = 1.0

        def __init_subclass__(cls) -> None:
            registry["last"] = cls

    class First(Base):
        k = 2.0

    def there() -> None:
        type("Second", (Base,), {"k": 3.0})

    assert registry["last"] is First
    return lambda x: x * registry["last"].k, (X,), both(there, lambda: registry.update(last=First))


@case("classes")
def a_module_whose_class_is_replaced() -> Any:
    own = module("own", k=2.0)

    class Other(types.ModuleType):
        @property
        def extra(self) -> float:
            return 3.0

    return lambda x: x * getattr(own, "extra", 2.0), (X,), replaced(own, "__class__", Other)


@case("classes")
def a_function_in_a_table_of_functions() -> Any:
    table: dict[str, Any] = {"act": np.tanh}
    return lambda x: table["act"](x), (X,), entry(table, "act", np.sin)


@case("classes")
def a_function_in_a_list_of_functions() -> Any:
    chain: list[Any] = [np.tanh, np.sin]
    return lambda x: functools.reduce(lambda u, f: f(u), chain, x), (X,), entry(chain, 1, np.cos)


@case("classes")
def a_line_that_is_printed_when_asked() -> Any:
    o, out = Holder(verbose=False), io.StringIO()

    def fun(x: Any) -> Any:
        if o.verbose:
            print("called", file=out)
        return x * 2.0

    return fun, (X,), attribute(o, "verbose", True), out.getvalue


@case("classes")
def an_attribute_that_is_set_for_a_while() -> Any:
    o = Holder(k=2.0)

    def fun(x: Any) -> Any:
        before, o.k = o.k, o.k + 1.0
        try:
            return x * o.k
        finally:
            o.k = before

    return fun, (X,), attribute(o, "k", 5.0), lambda: o.k


# ----- what the surroundings say --------------------------------------------------------------------------------------


@case("more surroundings")
def the_home_directory() -> Any:
    return lambda x: x * len(os.path.expanduser("~/a")), (X,), entry(os.environ, "HOME", "/a/very/long/directory")


@case("more surroundings")
def a_variable_in_a_path() -> Any:
    os.environ["BATTERY_K"] = "ab"
    return lambda x: x * len(os.path.expandvars("$BATTERY_K")), (X,), entry(os.environ, "BATTERY_K", "abc")


@case("more surroundings")
def an_environment_as_a_dict() -> Any:
    os.environ["BATTERY_D"] = "2"
    return lambda x: x * float(dict(os.environ)["BATTERY_D"]), (X,), entry(os.environ, "BATTERY_D", "3")


@case("more surroundings")
def the_number_of_threads() -> Any:
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def there() -> None:
        threads.append(threading.Thread(target=stop.wait))
        threads[0].start()

    def back() -> None:
        stop.set()
        threads[0].join()

    return lambda x: x * threading.active_count(), (X,), both(there, back)


@case("more surroundings")
def whether_an_event_is_set() -> Any:
    event = threading.Event()
    return lambda x: x * 2.0 if event.is_set() else x, (X,), both(event.set, event.clear)


@case("more surroundings")
def whether_a_lock_is_held() -> Any:
    lock = threading.Lock()
    return lambda x: x * 2.0 if lock.locked() else x, (X,), both(lock.acquire, lock.release)


@case("more surroundings")
def the_handler_of_a_signal() -> Any:
    if threading.current_thread() is not threading.main_thread():
        return lambda x: x, (X,), nothing()
    old = signal.getsignal(signal.SIGUSR1)
    return (
        lambda x: x * 2.0 if signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN else x,
        (X,),
        both(lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN), lambda: signal.signal(signal.SIGUSR1, old)),
    )


@case("more surroundings")
def how_often_threads_take_turns() -> Any:
    old = sys.getswitchinterval()
    return (
        lambda x: x * sys.getswitchinterval(),
        (X,),
        both(lambda: sys.setswitchinterval(0.01), lambda: sys.setswitchinterval(old)),
    )


@case("more surroundings")
def whether_a_module_was_imported() -> Any:
    return (
        lambda x: x * 2.0 if "battery_module" in sys.modules else x,
        (X,),
        entry(sys.modules, "battery_module", module("battery_module")),
    )


@case("more surroundings")
def the_paths_of_modules() -> Any:
    return lambda x: x * len(sys.path), (X,), both(lambda: sys.path.append("/nowhere"), sys.path.pop)


@case("more surroundings")
def the_rounding_of_decimals() -> Any:
    context = decimal.getcontext()
    return (
        lambda x: x * float(decimal.Decimal("2.5").quantize(decimal.Decimal(1))),
        (X,),
        replaced(context, "rounding", decimal.ROUND_UP),
    )


@case("more surroundings")
def a_module_that_is_executed_again() -> Any:
    own = module("own")
    exec("K = 2.0\ndef scaled(x): return x * K", vars(own))
    return (
        lambda x: own.scaled(x),
        (X,),
        both(
            lambda: exec("K = 3.0\ndef scaled(x): return x * K", vars(own)),
            lambda: exec("K = 2.0\ndef scaled(x): return x * K", vars(own)),
        ),
    )


# ----- transformations and compiled functions within ------------------------------------------------------------------

WITHIN = lambda: {"k": 2.0}
within = functools.partial(inside, "transformations within")
within("a_gradient_of_a_constant", WITHIN, "k", 3.0, lambda c, x: x * minigrad.grad(lambda t: t * t * c["k"])(1.0))
within("a_hessian_of_a_constant", WITHIN, "k", 3.0, lambda c, x: x * minigrad.hessian(lambda t: t**3 * c["k"])(1.0))
within(
    "a_series_of_a_constant",
    WITHIN,
    "k",
    3.0,
    lambda c, x: x * minigrad.derivatives(lambda t: t**3 * c["k"], 1.0, 2)[2],
)
within("a_batch_of_constants", WITHIN, "k", 3.0, lambda c, x: x * minigrad.batched(lambda t: t * c["k"])(np.ones(3)))
within("a_batch", WITHIN, "k", 3.0, lambda c, x: minigrad.batched(lambda t: t * c["k"])(x))
within("a_checkpoint", WITHIN, "k", 3.0, lambda c, x: minigrad.checkpoint(lambda t: np.sin(t) * c["k"])(x))
within("a_root", WITHIN, "k", 3.0, lambda c, x: minigrad.root(lambda p, y: y - p * c["k"], x, np.zeros(3)))
within(
    "a_numba_free_jvp", WITHIN, "k", 3.0, lambda c, x: minigrad.jvp(lambda t: t * t * c["k"], (x,), (np.ones(3),))[1]
)
within(
    "a_tape",
    WITHIN,
    "k",
    3.0,
    lambda c, x: x * len(str(minigrad.trace(lambda t: t * c["k"] if c["k"] > 2.5 else t * t * t, 1.0))),
)


@case("transformations within")
def a_rule_that_reads_state() -> Any:
    state = {"k": 2.0}
    own = minigrad.custom_primitive(lambda x: np.sin(x), vjp=lambda g, ans, x: g * state["k"])
    return lambda x: own(x), (X,), entry(state, "k", 3.0)


@case("transformations within")
def an_elementwise_rule_that_reads_state() -> Any:
    state = {"k": 2.0}
    own = minigrad.custom_elementwise(np.sin, lambda ans, x: np.cos(x) * state["k"])
    return lambda x: own(x), (X,), entry(state, "k", 3.0)


@case("transformations within")
def an_operation_of_ones_own_that_reads_state() -> Any:
    state = {"k": 2.0}
    own = minigrad.custom_primitive(lambda x: np.sin(x) * state["k"], vjp=lambda g, ans, x: g * np.cos(x) * state["k"])
    return lambda x: own(x), (X,), entry(state, "k", 3.0)


@case("transformations within")
def a_solver_that_reads_state() -> Any:
    state = {"k": 2.0}

    @minigrad.custom_root(lambda p, y: y - p * state["k"])
    def solver(p: Any) -> Any:
        return p * state["k"]

    return lambda x: solver(x), (X,), entry(state, "k", 3.0)


@case("transformations within")
def a_compiled_function_of_a_constant() -> Any:
    o = Holder(k=2.0)
    inner = minigrad.compile(lambda t: t * o.k)
    constant = np.ones(3)
    inner(constant)
    return lambda x: x * inner(constant), (X,), attribute(o, "k", 3.0)


@case("transformations within")
def a_compiled_function_of_the_argument() -> Any:
    o = Holder(k=2.0)
    inner = minigrad.compile(lambda t: t * o.k)
    return lambda x: inner(x) + 1.0, (X,), attribute(o, "k", 3.0)


@case("transformations within")
def a_compiled_gradient_of_a_constant() -> Any:
    o = Holder(k=2.0)
    inner = minigrad.compile(minigrad.grad(lambda t: np.sum(t * t) * o.k))
    constant = np.ones(3)
    for _ in range(3):
        inner(constant)
    return lambda x: x * inner(constant), (X,), attribute(o, "k", 3.0)


@case("transformations within")
def a_compiled_function_of_a_constant_in_a_container() -> Any:
    o, weights = Holder(k=2.0), {"w": np.ones(3)}
    inner = minigrad.compile(lambda t: t * o.k)
    inner(weights["w"])
    return lambda x: x * inner(weights["w"]), (X,), entry(weights["w"], 0, 5.0)


@case("transformations within")
def a_function_of_numba() -> Any:
    numba = imported("numba")
    K = 2.0
    o = Holder(k=2.0)

    @numba.njit
    def scaled(k: float) -> float:
        return k * K

    return lambda x: x * scaled(o.k), (X,), attribute(o, "k", 3.0)


# ----- more arguments -------------------------------------------------------------------------------------------------


@case("arguments")
def an_iterator_in_an_argument() -> Any:
    ks = itertools.count(1)
    return lambda x, ks: x * next(ks), (X, ks), nothing()


@case("arguments")
def a_class_in_an_argument() -> Any:
    class Own:
        k = 2.0

    return lambda x, kind: x * kind.k, (X, Own), attribute(Own, "k", 3.0)


@case("arguments")
def a_module_in_an_argument() -> Any:
    own = module("own", k=2.0)
    return lambda x, m: x * m.k, (X, own), attribute(own, "k", 3.0)


@case("arguments")
def an_object_that_compares_equal_in_an_argument() -> Any:
    class Own:
        def __init__(self) -> None:
            self.k = 2.0

        def __eq__(self, other: Any) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

    o = Own()
    return lambda x, o: x * o.k, (X, o), attribute(o, "k", 3.0)


@case("arguments")
def a_list_of_options_in_an_argument() -> Any:
    options = ["sin"]
    return lambda x, options: getattr(np, options[0])(x), (X, options), entry(options, 0, "cos")


@case("arguments")
def a_dict_of_options_in_an_argument() -> Any:
    options: dict[str, Any] = {"kind": "sin", "lam": 2.0}
    return (
        lambda x, options: getattr(np, options["kind"])(x) * options["lam"],
        (X, options),
        entry(options, "kind", "cos"),
    )


@case("arguments")
def a_key_that_appears_in_an_argument() -> Any:
    options: dict[str, Any] = {"lam": 2.0}
    return lambda x, options: x * options.get("mu", 1.0), (X, options), entry(options, "mu", 3.0)


@case("arguments")
def a_key_that_disappears_from_an_argument() -> Any:
    options: dict[str, Any] = {"lam": 2.0, "mu": 3.0}
    return lambda x, options: x * options.get("mu", 1.0), (X, options), no_entry(options, "mu")


@case("arguments")
def a_set_in_an_argument() -> Any:
    options = {"a"}
    return (
        lambda x, options: x * 2.0 if "b" in options else x,
        (X, options),
        both(lambda: options.add("b"), lambda: options.discard("b")),
    )


@case("arguments")
def an_array_in_an_object_in_an_argument() -> Any:
    o = Holder(w=np.ones(3))
    return lambda x, o: x * o.w, (X, o), entry(o.w, 1, 3.0)


@case("arguments")
def a_partial_in_an_argument() -> Any:
    own = functools.partial(lambda x, k: x * k, k=2.0)
    return lambda x, fun: fun(x), (X, own), entry(own.keywords, "k", 3.0)


@case("arguments")
def integers_in_an_argument() -> Any:
    n = np.array([1, 2, 3])
    return lambda x, n: x * n, (X, n), entry(n, 0, 5)


@case("arguments")
def an_array_of_texts_in_an_argument() -> Any:
    names = np.array(["a", "b"])
    return lambda x, names: x * 2.0 if names[1] == "c" else x, (X, names), entry(names, 1, "c")


# ----- more of installed libraries ------------------------------------------------------------------------------------


@case("more libraries")
def an_option_of_pandas() -> Any:
    pandas = imported("pandas")
    old = pandas.get_option("display.precision")
    return (
        lambda x: x * pandas.get_option("display.precision"),
        (X,),
        both(
            lambda: pandas.set_option("display.precision", old + 1), lambda: pandas.set_option("display.precision", old)
        ),
    )


@case("more libraries")
def an_index_of_pandas() -> Any:
    frame = imported("pandas").DataFrame({"w": [1.0, 2.0, 3.0]})
    other = frame.index[::-1]
    return lambda x: x * frame.loc[0, "w"], (X,), replaced(frame, "index", other)


@case("more libraries")
def a_setting_of_matplotlib() -> Any:
    rc = imported("matplotlib").rcParams
    return lambda x: x * rc["lines.linewidth"], (X,), entry(rc, "lines.linewidth", 7.0)


@case("more libraries")
def a_setting_of_scikit_learn() -> Any:
    sklearn = imported("sklearn")
    old = sklearn.get_config()["working_memory"]
    return (
        lambda x: x * sklearn.get_config()["working_memory"],
        (X,),
        both(lambda: sklearn.set_config(working_memory=old + 1), lambda: sklearn.set_config(working_memory=old)),
    )


@case("more libraries")
def a_step_of_a_pipeline() -> Any:
    preprocessing, pipeline = imported("sklearn.preprocessing"), imported("sklearn.pipeline")
    model = pipeline.make_pipeline(preprocessing.StandardScaler())
    model.fit(np.arange(6.0).reshape(3, 2))
    return lambda x: x * model.transform(np.ones((1, 2)))[0, 0], (X,), entry(model.steps[0][1].mean_, 0, 7.0)


@case("more libraries")
def a_result_of_an_optimiser() -> Any:
    result = imported("scipy.optimize").OptimizeResult(x=np.ones(3), fun=2.0)
    return lambda x: x * result.x * result.fun, (X,), entry(result, "fun", 3.0)


@case("more libraries")
def an_interpolation_of_scipy() -> Any:
    interpolate = imported("scipy.interpolate")
    f = interpolate.PchipInterpolator(np.arange(4.0), np.arange(4.0) ** 2)
    return lambda x: x * f(1.5), (X,), entry(f.c, (0, 1), 9.0)


@case("more libraries")
def a_sparse_matrix_whose_diagonal_is_set() -> Any:
    S = imported("scipy.sparse").csr_array(np.diag([1.0, 2.0, 3.0]))
    return lambda x: x * S.sum(), (X,), both(lambda: S.setdiag([4.0, 5.0, 6.0]), lambda: S.setdiag([1.0, 2.0, 3.0]))


@case("more libraries")
def a_sorted_dict_of_a_library() -> Any:
    table = imported("sortedcontainers").SortedDict(b=1.0, c=2.0)
    return lambda x: x * table.peekitem(0)[1], (X,), entry(table, "a", 3.0)


@case("more libraries")
def a_sorted_list_of_a_library() -> Any:
    ks = imported("sortedcontainers").SortedList([1.0, 2.0])
    return lambda x: x * ks[0], (X,), both(lambda: ks.add(0.5), lambda: ks.remove(0.5))


@case("more libraries")
def a_progress_bar() -> Any:
    bar = imported("tqdm").tqdm(total=10, disable=True)
    bar.n = 2
    return lambda x: x * bar.n, (X,), attribute(bar, "n", 3)


@case("more libraries")
def attributes_of_an_xarray() -> Any:
    a = imported("xarray").DataArray([1.0, 2.0, 3.0], dims="i", attrs={"scale": 2.0})
    return lambda x: x * a.attrs["scale"], (X,), entry(a.attrs, "scale", 3.0)


@case("more libraries")
def what_scipy_does_about_errors() -> Any:
    special = imported("scipy.special")
    old = special.geterr()["loss"]
    return (
        lambda x: x * 2.0 if special.geterr()["loss"] == "warn" else x,
        (X,),
        both(lambda: special.seterr(loss="warn"), lambda: special.seterr(loss=old)),
    )


@case("more libraries")
def a_rotation_that_is_replaced() -> Any:
    spatial = imported("scipy.spatial.transform")
    o = Holder(r=spatial.Rotation.from_euler("z", 0.5))
    return lambda x: o.r.as_matrix() @ x, (X,), attribute(o, "r", spatial.Rotation.from_euler("z", 1.0))
