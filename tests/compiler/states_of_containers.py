"""State in containers, in arrays, and in what functions of Python's own make of them."""

from __future__ import annotations

import array
import collections
import copy
import functools
import heapq
import itertools
import json
import pickle
import queue
import types
from typing import Any

import numpy as np
from state_battery import X, attribute, both, case, entry, no_entry
from states_of_objects import Holder

# ----- containers -----------------------------------------------------------------------------------------------------


@case("containers")
def a_list_that_grows() -> Any:
    ks = [1.0, 2.0]
    return lambda x: sum(x * k for k in ks), (X,), both(lambda: ks.append(3.0), ks.pop)


@case("containers")
def the_length_of_a_list() -> Any:
    ks = [1.0, 2.0]
    return lambda x: x / len(ks), (X,), both(lambda: ks.append(3.0), ks.pop)


@case("containers")
def the_order_of_a_list() -> Any:
    ks = [1.0, 2.0]
    return lambda x: x * ks[0] - ks[1], (X,), both(ks.reverse, ks.reverse)


@case("containers")
def the_last_entry_of_a_list() -> Any:
    ks = [1.0, 2.0]
    return lambda x: x * ks[-1], (X,), both(lambda: ks.append(3.0), ks.pop)


@case("containers")
def a_list_in_a_tuple_in_a_dict() -> Any:
    table = {"a": ([1.0, 2.0], "b")}
    return lambda x: x * table["a"][0][1], (X,), entry(table["a"][0], 1, 3.0)


@case("containers")
def a_deque() -> Any:
    ks = collections.deque([1.0, 2.0])
    return lambda x: x * ks[0] + ks[-1], (X,), entry(ks, 1, 3.0)


@case("containers")
def a_deque_that_rotates() -> Any:
    ks = collections.deque([1.0, 2.0, 4.0])
    return lambda x: x * ks[0], (X,), both(lambda: ks.rotate(1), lambda: ks.rotate(-1))


@case("containers")
def an_ordered_dict_whose_order_changes() -> Any:
    table = collections.OrderedDict(a=1.0, b=2.0)
    return (
        lambda x: x * next(iter(table.values())),
        (X,),
        both(lambda: table.move_to_end("a"), lambda: table.move_to_end("b")),
    )


@case("containers")
def a_dict_whose_order_changes() -> Any:
    table = {"a": 1.0, "b": 2.0}

    def turn() -> None:
        key = next(iter(table))
        table[key] = table.pop(key)

    return lambda x: functools.reduce(lambda u, k: u * k + 1.0, table.values(), x), (X,), both(turn, turn)


@case("containers")
def the_keys_of_a_dict() -> Any:
    table = {1.0: "a", 2.0: "b"}
    return lambda x: sum(x * k for k in table), (X,), entry(table, 3.0, "c")


@case("containers")
def the_items_of_a_dict() -> Any:
    table = {"a": 1.0, "b": 2.0}
    return lambda x: sum(x * k for name, k in table.items() if name != "a"), (X,), entry(table, "b", 3.0)


@case("containers")
def the_length_of_a_dict() -> Any:
    table = {"a": 1.0}
    return lambda x: x / len(table), (X,), entry(table, "b", 3.0)


@case("containers")
def a_defaultdict() -> Any:
    table: dict[str, float] = collections.defaultdict(lambda: 2.0)
    table["a"] = 1.0
    return lambda x: x * table["a"], (X,), entry(table, "a", 3.0)


@case("containers")
def the_default_of_a_defaultdict() -> Any:
    table: Any = collections.defaultdict(lambda: 2.0)
    return (
        lambda x: x * table["a"],
        (X,),
        both(lambda: (table.clear(), setattr(table, "default_factory", lambda: 3.0)), lambda: None),
    )


@case("containers")
def a_counter() -> Any:
    counts = collections.Counter("aab")
    return lambda x: x * counts["a"] + counts["z"], (X,), both(lambda: counts.update("z"), lambda: counts.subtract("z"))


@case("containers")
def a_chain_map() -> Any:
    defaults, own = {"k": 2.0}, {}
    table = collections.ChainMap(own, defaults)
    return lambda x: x * table["k"], (X,), entry(own, "k", 3.0)


@case("containers")
def a_read_only_view_of_a_dict() -> Any:
    table = {"k": 2.0}
    view = types.MappingProxyType(table)
    return lambda x: x * view["k"], (X,), entry(table, "k", 3.0)


@case("containers")
def a_view_of_values() -> Any:
    table = {"k": 2.0}
    values = table.values()
    return lambda x: x * sum(values), (X,), entry(table, "k", 3.0)


@case("containers")
def a_user_dict() -> Any:
    table = collections.UserDict(k=2.0)
    return lambda x: x * table["k"], (X,), entry(table, "k", 3.0)


@case("containers")
def a_user_list() -> Any:
    ks = collections.UserList([1.0, 2.0])
    return lambda x: x * ks[1], (X,), entry(ks, 1, 3.0)


@case("containers")
def a_mapping_of_ones_own() -> Any:
    class Table(collections.abc.Mapping):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.hidden = {"a": 1.0, "b": 2.0}

        def __getitem__(self, key: str) -> float:
            return self.hidden[key]

        def __len__(self) -> int:
            return len(self.hidden)

        def __iter__(self) -> Any:
            return iter(self.hidden)

    table = Table()
    return lambda x: x * sum(table.values()) + table.get("c", 0.0), (X,), entry(table.hidden, "c", 3.0)


@case("containers")
def a_member_of_a_set() -> Any:
    names = {"a"}
    return lambda x: x * 2.0 if "b" in names else x, (X,), both(lambda: names.add("b"), lambda: names.discard("b"))


@case("containers")
def the_sum_of_a_set() -> Any:
    ks = {1.0, 2.0}
    return lambda x: x * sum(ks), (X,), both(lambda: ks.add(4.0), lambda: ks.discard(4.0))


@case("containers")
def the_state_of_a_member_of_a_set() -> Any:
    o = Holder(k=2.0)
    os = {o}
    return lambda x: x * sum(each.k for each in os), (X,), attribute(o, "k", 3.0)


@case("containers")
def the_state_of_a_key() -> Any:
    o = Holder(k=2.0)
    table = {o: 1.0}
    return lambda x: x * sum(each.k for each in table), (X,), attribute(o, "k", 3.0)


@case("containers")
def a_frozenset_that_is_replaced() -> Any:
    o = Holder(names=frozenset("ab"))
    return lambda x: x * len(o.names), (X,), attribute(o, "names", frozenset("abc"))


@case("containers")
def a_heap() -> Any:
    heap = [3.0, 4.0]
    return lambda x: x * heap[0], (X,), both(lambda: heapq.heappush(heap, 1.0), lambda: heapq.heappop(heap))


@case("containers")
def a_heap_by_a_function_of_c() -> Any:
    heap = [3.0, 4.0, 5.0]
    return lambda x: x * heapq.nsmallest(2, heap)[1], (X,), entry(heap, 1, 9.0)


@case("containers")
def an_array_of_the_standard_library() -> Any:
    ks = array.array("d", [1.0, 2.0])
    return lambda x: x * ks[1], (X,), entry(ks, 1, 3.0)


@case("containers")
def a_bytearray() -> Any:
    ks = bytearray([1, 2])
    return lambda x: x * ks[1], (X,), entry(ks, 1, 3)


@case("containers")
def a_memoryview() -> Any:
    ks = bytearray([1, 2])
    view = memoryview(ks)
    return lambda x: x * view[1], (X,), entry(ks, 1, 3)


@case("containers")
def a_queue() -> Any:
    ks: Any = queue.Queue()
    return lambda x: x * (ks.qsize() + 1.0), (X,), both(lambda: ks.put(1.0), ks.get)


@case("containers")
def a_dict_with_attributes() -> Any:
    class Table(dict):  # type: ignore[type-arg]
        pass

    table = Table(a=1.0)
    table.scale = 2.0
    return lambda x: x * table.scale, (X,), attribute(table, "scale", 3.0)


@case("containers")
def a_dict_whose_entries_are_attributes() -> Any:
    class Table(dict):  # type: ignore[type-arg]
        __getattr__ = dict.__getitem__
        __setattr__ = dict.__setitem__  # type: ignore[assignment]

    table = Table(k=2.0)
    return lambda x: x * table.k, (X,), entry(table, "k", 3.0)


@case("containers")
def a_dict_with_a_getitem_of_its_own() -> Any:
    class Table(dict):  # type: ignore[type-arg]
        factor = 1.0

        def __getitem__(self, key: str) -> Any:
            return super().__getitem__(key) * self.factor

    table = Table(k=2.0)
    return lambda x: x * table["k"], (X,), attribute(table, "factor", 3.0)


@case("containers")
def a_list_with_attributes() -> Any:
    class Layers(list):  # type: ignore[type-arg]
        scale = 2.0

    layers = Layers([1.0])
    return lambda x: x * layers.scale * layers[0], (X,), attribute(layers, "scale", 3.0)


@case("containers")
def a_float_with_attributes() -> Any:
    class Quantity(float):
        unit = 1.0

    o = Holder(k=Quantity(2.0))
    return lambda x: x * float(o.k) * o.k.unit, (X,), attribute(o.k, "unit", 1000.0)


@case("containers")
def a_string_with_attributes() -> Any:
    class Name(str):
        pass

    name = Name("tanh")
    name.scale = 2.0
    return lambda x: x * name.scale, (X,), attribute(name, "scale", 3.0)


@case("containers")
def a_range_that_is_replaced() -> Any:
    o = Holder(steps=range(2))
    return lambda x: x * sum(o.steps, start=1), (X,), attribute(o, "steps", range(4))


@case("containers")
def a_slice_that_is_replaced() -> Any:
    o = Holder(part=slice(0, 2))
    return lambda x: np.sum(x[o.part]), (X,), attribute(o, "part", slice(1, 3))


@case("containers")
def a_string_that_is_parsed() -> Any:
    o = Holder(subscripts="i,i->")
    return lambda x: np.sum(np.einsum(o.subscripts, x, x)), (X,), attribute(o, "subscripts", "i,j->")


@case("containers")
def an_entry_beyond_five_thousand() -> Any:
    ks = [1.0] * 5_000
    return lambda x: x * sum(ks), (X,), entry(ks, 4_999, 100.0)


@case("containers")
def an_object_beyond_five_thousand() -> Any:
    os = [Holder(k=1.0) for _ in range(5_000)]

    def fun(x: Any) -> Any:
        total = 0.0
        for o in os:
            total += o.k
        return x * total

    return fun, (X,), attribute(os[4_990], "k", 100.0)


@case("containers")
def a_deep_nest_of_lists() -> Any:
    inner: list[Any] = [2.0]
    nest = inner
    for _ in range(50):
        nest = [nest]

    def fun(x: Any) -> Any:
        level: Any = nest
        while isinstance(level, list):
            level = level[0]
        return x * level

    return fun, (X,), entry(inner, 0, 3.0)


@case("containers")
def a_list_that_contains_itself() -> Any:
    ks: list[Any] = [2.0]
    ks.append(ks)
    return lambda x: x * ks[1][1][0], (X,), entry(ks, 0, 3.0)


@case("containers")
def a_list_used_as_an_index() -> Any:
    order = [0, 1]
    return lambda x: np.sum(x[order] ** 2), (X,), entry(order, 1, 2)


@case("containers")
def an_array_used_as_an_index() -> Any:
    order = np.array([0, 1])
    return lambda x: np.sum(x[order] ** 2), (X,), entry(order, 1, 2)


@case("containers")
def a_mask() -> Any:
    mask = np.array([True, False, True])
    return lambda x: np.sum(x[mask] ** 2), (X,), entry(mask, 0, False)


@case("containers")
def an_axis_kept_in_a_list() -> Any:
    axes = [0]
    return lambda x: np.sum(np.sum(x, axis=axes[0]) ** 2), (np.ones((2, 3)),), entry(axes, 0, 1)


@case("containers")
def a_list_of_parameters_in_dicts() -> Any:
    layers = [{"w": np.ones(3), "b": 1.0}, {"w": np.ones(3), "b": 2.0}]

    def fun(x: Any) -> Any:
        for layer in layers:
            x = np.tanh(x * layer["w"] + layer["b"])
        return x

    return fun, (X,), entry(layers[1], "b", 5.0)


@case("containers")
def a_key_that_is_deleted() -> Any:
    table = {"k": 2.0, "l": 3.0}
    return lambda x: x * table["k"], (X,), no_entry(table, "k")


# ----- iterators ------------------------------------------------------------------------------------------------------


@case("iterators")
def next_of_an_iterator() -> Any:
    ks = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    return lambda x: x * next(ks), (X,), both(lambda: None, lambda: None)


@case("iterators")
def next_of_a_generator() -> Any:
    ks = (float(k) for k in range(20))
    return lambda x: x * next(ks), (X,), both(lambda: next(ks), lambda: None)


@case("iterators")
def a_count() -> Any:
    ks = itertools.count(1)
    return lambda x: x * next(ks), (X,), both(lambda: next(ks), lambda: None)


@case("iterators")
def a_cycle() -> Any:
    ks = itertools.cycle([1.0, 2.0, 3.0])
    return lambda x: x * next(ks), (X,), both(lambda: None, lambda: None)


@case("iterators")
def an_iterator_that_is_used_up() -> Any:
    ks = iter([1.0, 2.0])
    return lambda x: x * sum(ks), (X,), both(lambda: None, lambda: None)


@case("iterators")
def a_generator_that_is_sent_values() -> Any:
    def running() -> Any:
        total = 0.0
        while True:
            total += yield total

    mean = running()
    next(mean)
    return lambda x: x * mean.send(1.0), (X,), both(lambda: mean.send(5.0), lambda: None)


@case("iterators")
def a_generator_that_reads_a_list() -> Any:
    ks = [1.0, 2.0]

    def each() -> Any:
        yield from ks

    return lambda x: sum(x * k for k in each()), (X,), entry(ks, 0, 3.0)


# ----- aliases through functions of C ---------------------------------------------------------------------------------


def alias(name: str, fun: Any) -> None:
    """The program reads a dict in a list, found through a function of C; an entry of the dict changes."""

    def make() -> Any:
        a = [{"k": 2.0, "l": 1.0}, {"k": 5.0, "l": 0.0}]
        return functools.partial(fun, a), (X,), entry(a[0], "k", 3.0)

    make.__name__ = f"alias_{name}"
    case("aliases")(make)


def _star(a: Any, x: Any) -> Any:
    p, *q = a
    return x * p["k"] + q[0]["k"]


def _swapped(a: Any, x: Any) -> Any:
    b, c = a
    b, c = c, b
    return x * c["k"]


def _while(a: Any, x: Any) -> Any:
    rest = list(a)
    while rest:
        x = x * rest.pop()["k"]
    return x


def _joined(a: Any, x: Any) -> Any:
    chosen = a[0] if len(a) > 1 else a[1]
    return x * chosen["k"]


def _keywords(a: Any, x: Any) -> Any:
    def inner(k: float, l: float) -> Any:  # noqa: E741
        return x * k + l

    return inner(**a[0])


def _positions(a: Any, x: Any) -> Any:
    return (lambda first, *rest: x * first["k"] + len(rest))(*a)


alias("next_iter", lambda a, x: x * next(iter(a))["k"])
alias("slice", lambda a, x: x * a[:1][0]["k"])
alias("reversed", lambda a, x: x * list(reversed(a))[1]["k"])
alias("star", _star)
alias("swapped", _swapped)
alias("while", _while)
alias("joined", _joined)
alias("keywords", _keywords)
alias("positions", _positions)
alias("union", lambda a, x: x * (a[1] | a[0])["k"])
alias("dict", lambda a, x: x * dict(a[0])["k"])
alias("dict_of_lists", lambda a, x: x * dict(zip("ab", a))["a"]["k"])
alias("copy", lambda a, x: x * a.copy()[0].copy()["k"])
alias("deepcopy", lambda a, x: x * copy.deepcopy(a)[0]["k"])
alias("concatenation", lambda a, x: x * (a + a)[2]["k"])
alias("repetition", lambda a, x: x * (a * 2)[2]["k"])
alias("enumerate", lambda a, x: sum(x * d["k"] * i for i, d in enumerate(a, 1)))
alias("zip", lambda a, x: sum(x * d["k"] * i for i, d in zip((1, 2), a)))
alias("map", lambda a, x: sum(map(lambda d: x * d["k"], a)))
alias("filter", lambda a, x: sum(x * d["k"] for d in filter(lambda d: d["k"] < 4.0, a)))
alias("sorted_by_key", lambda a, x: x * sorted(a, key=lambda d: d["l"])[1]["k"])
alias("max_by_key", lambda a, x: x * max(a, key=lambda d: d["l"])["k"])
alias("chain", lambda a, x: sum(x * d["k"] for d in itertools.chain(a, a)))
alias("islice", lambda a, x: x * next(itertools.islice(a, 0, 1))["k"])
alias("reduce", lambda a, x: functools.reduce(lambda u, d: u * d["k"], a, x))
alias("values", lambda a, x: x * sum(a[0].values()))
alias("items", lambda a, x: x * dict(a[0].items())["k"])
alias("popitem_of_a_copy", lambda a, x: x * a[0].copy().popitem()[1] + a[0]["k"])
alias("setdefault", lambda a, x: x * a[0].setdefault("k", 7.0))
alias("getitem", lambda a, x: x * a.__getitem__(0).__getitem__("k"))
alias("and_or", lambda a, x: x * (a and a[0] or a[1])["k"])
alias("walrus", lambda a, x: x * b["k"] if (b := a[0]) else x)
alias("tuple", lambda a, x: x * tuple(a)[0]["k"])
alias("array", lambda a, x: x * np.array([d["k"] for d in a])[0])
alias("array_of_values", lambda a, x: x * np.array(list(a[0].values()))[0])
alias("json", lambda a, x: x * json.loads(json.dumps(a))[0]["k"])
alias("pickle", lambda a, x: x * pickle.loads(pickle.dumps(a))[0]["k"])
alias("repr", lambda a, x: x * float(repr(a[0]["k"])))
alias("str", lambda a, x: x * len(str(a).replace("3.0", "3.00")))
alias("equal", lambda a, x: x * 2.0 if a == [{"k": 3.0, "l": 1.0}, {"k": 5.0, "l": 0.0}] else x)
alias("count", lambda a, x: x * (1.0 + list(a[0].values()).count(3.0)))
alias("object_array", lambda a, x: x * np.array(a, dtype=object)[0]["k"])
alias("fsum", lambda a, x: x * __import__("math").fsum(d["k"] for d in a))
alias("nested_lambda", lambda a, x: (lambda: (lambda: x * a[0]["k"])())())
alias("class_body", lambda a, x: x * type("Own", (), dict(a[0])).k)


@case("aliases")
def an_array_taken_from_a_list_by_next() -> Any:
    ws = [np.ones(3), np.ones(3)]
    return lambda x: x * next(iter(ws)), (X,), entry(ws[0], 1, 3.0)


@case("aliases")
def arrays_that_numpy_stacks() -> Any:
    ws = [np.ones(3), np.ones(3)]
    return lambda x: np.sum(np.stack(ws) @ x), (X,), entry(ws[1], 1, 3.0)


@case("aliases")
def numbers_that_numpy_makes_an_array_of() -> Any:
    ks = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    return lambda x: np.array(ks) @ x, (X,), entry(ks[1], 1, 30.0)


@case("aliases")
def what_an_array_is_as_a_list() -> Any:
    w = np.array([1.0, 2.0, 3.0])
    return lambda x: x * w.tolist()[1], (X,), entry(w, 1, 30.0)


@case("aliases")
def an_entry_of_an_array_as_a_number() -> Any:
    w = np.array([1.0, 2.0, 3.0])
    return lambda x: x * w.item(1) if w[0] < 5.0 else x, (X,), entry(w, 0, 30.0)


# ----- arrays ---------------------------------------------------------------------------------------------------------


@case("arrays")
def a_view_whose_base_is_written_to() -> Any:
    base = np.arange(6.0)
    view = base[::2]
    return lambda x: x * view, (X,), entry(base, 2, 30.0)


@case("arrays")
def a_read_only_view_whose_base_is_written_to() -> Any:
    base = np.arange(3.0)
    view = base[:]
    view.flags.writeable = False
    return lambda x: x * view, (X,), entry(base, 2, 30.0)


@case("arrays")
def an_array_broadcast_from_a_smaller_one() -> Any:
    base = np.ones(1)
    wide = np.broadcast_to(base, (3,))
    return lambda x: x * wide, (X,), entry(base, 0, 30.0)


@case("arrays")
def a_large_array() -> Any:
    large = np.ones(50_000)
    return lambda x: x * large.sum(), (X,), entry(large, 49_000, 30.0)


@case("arrays")
def two_rows_of_a_large_array_that_are_exchanged() -> Any:
    one_hot = np.eye(64)[np.arange(1024) % 64]
    weights = np.linspace(0.0, 1.0, 1024)

    def exchange() -> None:
        one_hot[[0, 341]] = one_hot[[341, 0]]

    return lambda x: x * ((weights @ one_hot) ** 2)[:3], (X,), both(exchange, exchange)


@case("arrays")
def two_rows_of_an_identity_that_are_exchanged() -> Any:
    eye = np.eye(1023)
    weights = np.arange(1023.0)

    def exchange() -> None:
        eye[[0, 511]] = eye[[511, 0]]

    return lambda x: x * (eye @ weights)[0], (X,), both(exchange, exchange)


@case("arrays")
def two_entries_of_an_array_that_are_exchanged() -> Any:
    w = np.arange(20_000.0)

    def exchange() -> None:
        w[[5, 15_000]] = w[[15_000, 5]]

    return lambda x: x * w[5], (X,), both(exchange, exchange)


@case("arrays")
def a_shape_that_is_set() -> Any:
    w = np.arange(4.0)
    return lambda x: x * len(w), (X,), both(lambda: setattr(w, "shape", (2, 2)), lambda: setattr(w, "shape", (4,)))


@case("arrays")
def a_shape_that_is_resized() -> Any:
    w = np.arange(4.0)
    return (
        lambda x: x * w.size,
        (X,),
        both(lambda: w.resize((6,), refcheck=False), lambda: w.resize((4,), refcheck=False)),
    )


@case("arrays")
def a_structured_array() -> Any:
    rows = np.array([(1.0, 2), (3.0, 4)], dtype=[("w", "d"), ("n", "i8")])
    return (
        lambda x: x * rows["w"][1],
        (X,),
        both(lambda: rows["w"].__setitem__(1, 9.0), lambda: rows["w"].__setitem__(1, 3.0)),
    )


@case("arrays")
def a_record_array() -> Any:
    rows = np.rec.array([(1.0, 2), (3.0, 4)], dtype=[("w", "d"), ("n", "i8")])
    return (
        lambda x: x * rows.w[1],
        (X,),
        both(lambda: rows["w"].__setitem__(1, 9.0), lambda: rows["w"].__setitem__(1, 3.0)),
    )


@case("arrays")
def an_array_of_objects() -> Any:
    os = np.array([Holder(k=2.0), Holder(k=3.0)], dtype=object)
    return lambda x: x * os[1].k, (X,), attribute(os[1], "k", 30.0)


@case("arrays")
def an_array_of_objects_that_is_written_to() -> Any:
    os = np.array([1.0, "two", None], dtype=object)
    return lambda x: x * os[0], (X,), entry(os, 0, 3.0)


@case("arrays")
def a_masked_array() -> Any:
    w = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    return (
        lambda x: x * w.filled(0.0),
        (X,),
        both(lambda: w.mask.__setitem__(1, False), lambda: w.mask.__setitem__(1, True)),
    )


@case("arrays")
def a_number_in_an_array_without_axes() -> Any:
    k = np.array(2.0)
    return lambda x: x * k, (X,), entry(k, (), 3.0)


@case("arrays")
def a_number_in_an_array_without_axes_as_a_float() -> Any:
    k = np.array(2.0)
    return lambda x: x * float(k), (X,), entry(k, (), 3.0)


@case("arrays")
def an_array_of_strings() -> Any:
    names = np.array(["a", "b"])
    return lambda x: x * 2.0 if names[1] == "b" else x, (X,), entry(names, 1, "c")


@case("arrays")
def an_array_of_dates() -> Any:
    dates = np.array(["2020-01-01", "2020-01-03"], dtype="M8[D]")
    return lambda x: x * (dates[1] - dates[0]).astype(float), (X,), entry(dates, 1, np.datetime64("2020-02-01"))


@case("arrays")
def an_array_with_attributes() -> Any:
    class Measured(np.ndarray):
        error = 1.0

    w = np.ones(3).view(Measured)
    return lambda x: x * np.asarray(w) * w.error, (X,), attribute(w, "error", 3.0)


@case("arrays")
def whether_an_array_can_be_written_to() -> Any:
    w = np.ones(3)
    return (
        lambda x: x * 2.0 if w.flags.writeable else x,
        (X,),
        both(lambda: w.setflags(write=False), lambda: w.setflags(write=True)),
    )


@case("arrays")
def a_read_only_array_that_becomes_writable() -> Any:
    w = np.ones(3)
    w.flags.writeable = False

    def there() -> None:
        w.flags.writeable = True
        w[0] = 5.0

    def back() -> None:
        w[0] = 1.0
        w.flags.writeable = False

    return lambda x: x * w, (X,), both(there, back)


@case("arrays", "value")
def a_dtype_that_is_set() -> Any:
    import warnings

    w = np.array([1, 2, 3])

    def to(dtype: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            w.dtype = dtype  # type: ignore[misc]

    return lambda x: x * w, (X,), both(lambda: to("f8"), lambda: to("i8"))


@case("arrays")
def an_array_computed_from_another_in_the_function() -> Any:
    w = np.array([1.0, 2.0, 3.0])
    return lambda x: x * (w * 2.0 + 1.0)[::-1], (X,), entry(w, 0, 5.0)


@case("arrays")
def the_largest_entry_of_an_array() -> Any:
    w = np.array([1.0, 2.0, 3.0])
    return lambda x: x * w[np.argmax(w)], (X,), entry(w, 0, 5.0)


@case("arrays")
def a_choice_by_an_array() -> Any:
    w = np.array([1.0, 2.0, 3.0])
    return lambda x: x * 2.0 if (w > 0.0).all() else x, (X,), entry(w, 0, -5.0)


@case("arrays")
def an_argument_that_is_written_to() -> Any:
    x = X.copy()
    return lambda x: x * x, (x,), entry(x, 0, 5.0)


@case("arrays")
def an_array_in_an_argument_that_is_captured_too() -> Any:
    w = np.ones(3)
    return lambda x, w2: x * w * w2, (X, w), entry(w, 0, 5.0)


@case("arrays")
def a_real_part_of_a_captured_array() -> Any:
    w = np.array([1.0 + 2.0j, 3.0 + 1.0j, 1.0])
    part = w.imag
    return lambda x: x * part, (X,), entry(w, 0, 7.0j)


@case("arrays")
def a_flat_iterator() -> Any:
    w = np.ones((3, 1))
    flat = w.flat
    return lambda x: x * flat[1], (X,), entry(w, (1, 0), 7.0)


@case("arrays")
def a_polynomial_of_numpy() -> Any:
    p = np.polynomial.Polynomial([1.0, 2.0])
    return lambda x: x * p.coef[1], (X,), entry(p.coef, 1, 7.0)


@case("arrays")
def two_arrays_that_change_places_in_a_list() -> Any:
    ws = [np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])]
    return lambda x: x * ws[0] - ws[1], (X,), both(ws.reverse, ws.reverse)


@case("arrays")
def an_equal_array_that_takes_its_place_and_changes() -> Any:
    o = Holder(w=np.ones(3))

    def there() -> None:
        o.w = np.ones(3)
        o.w[1] = 4.0

    return lambda x: x * o.w, (X,), both(there, lambda: setattr(o, "w", np.ones(3)))
