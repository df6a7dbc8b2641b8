"""Ways that an object takes from where it is known to where an attribute of it is read."""

from __future__ import annotations

import collections
import contextlib
import contextvars
import copy
import dataclasses
import functools
import heapq
import itertools
import operator
import queue
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from state_battery import X, attribute, both, case, entry, replaced
from states_of_objects import Holder


def path(name: str, fun: Callable[[Any, Any], Any]) -> None:
    """`fun(o, x)` reads `k` of an object, which changes; `o.other` is another object that does not."""

    def make() -> Any:
        o = Holder(k=2.0, other=Holder(k=7.0), name="o")
        o.same = Holder(inner=o)
        o.many = [o, o.other]
        return lambda x: fun(o, x), (X,), attribute(o, "k", 3.0)

    make.__name__ = f"path_{name}"
    case("paths")(make)


def _exception(o: Any, x: Any) -> Any:
    try:
        raise ValueError(o)
    except ValueError as error:
        return x * error.args[0].k


def _exception_attribute(o: Any, x: Any) -> Any:
    class Own(Exception):
        def __init__(self, payload: Any) -> None:
            self.payload = payload

    try:
        raise Own(o)
    except Own as error:
        return x * error.payload.k


def _cause(o: Any, x: Any) -> Any:
    try:
        try:
            raise ValueError(o)
        except ValueError as first:
            raise KeyError from first
    except KeyError as second:
        return x * second.__cause__.args[0].k  # type: ignore[union-attr]


def _finally(o: Any, x: Any) -> Any:
    for each in o.many:
        try:
            continue
        finally:
            x = x * each.k
    return x


def _generator(o: Any, x: Any) -> Any:
    def made() -> Any:
        for each in o.many:
            yield each

    return x * next(made()).k


def _sent(o: Any, x: Any) -> Any:
    def made() -> Any:
        got = yield None
        yield got.k

    running = made()
    next(running)
    return x * running.send(o)


def _yield_from(o: Any, x: Any) -> Any:
    def inner() -> Any:
        yield o
        return o.other

    def outer() -> Any:
        last = yield from inner()
        yield last

    return x * [each.k for each in outer()][0]


def _nonlocal(o: Any, x: Any) -> Any:
    kept = None

    def keep() -> None:
        nonlocal kept
        kept = o

    keep()
    return x * kept.k  # type: ignore[attr-defined]


def _default(o: Any, x: Any) -> Any:
    def inner(x: Any, own: Any = o) -> Any:
        return x * own.k

    return inner(x)


def _keyword_default(o: Any, x: Any) -> Any:
    def inner(x: Any, *, own: Any = o) -> Any:
        return x * own.k

    return inner(x)


def _class_body(o: Any, x: Any) -> Any:
    class Own:
        held = o
        values = [each.k for each in (o,)]  # noqa: RUF012

    return x * Own.held.k * Own.values[0]


def _instance(o: Any, x: Any) -> Any:
    class Own:
        def __init__(self, held: Any) -> None:
            self.held = held

        @property
        def factor(self) -> Any:
            return self.held.k

    return x * Own(o).factor


def _proxy(o: Any, x: Any) -> Any:
    class Proxy:
        def __init__(self, target: Any) -> None:
            self.__dict__["target"] = target

        def __getattr__(self, name: str) -> Any:
            return getattr(self.__dict__["target"], name)

    return x * Proxy(o).k


def _slots(o: Any, x: Any) -> Any:
    class Own:
        __slots__ = ("held",)

    own = Own()
    own.held = o
    return x * own.held.k


def _dataclass(o: Any, x: Any) -> Any:
    @dataclasses.dataclass
    class Own:
        held: Any
        n: int = 1

    return x * dataclasses.replace(Own(o), n=2).held.k


def _named_tuple(o: Any, x: Any) -> Any:
    Own = collections.namedtuple("Own", "held n")
    return x * Own(o.other, 1)._replace(held=o).held.k


def _with(o: Any, x: Any) -> Any:
    @contextlib.contextmanager
    def managed() -> Any:
        yield o

    with managed() as own:
        return x * own.k


def _closing(o: Any, x: Any) -> Any:
    with contextlib.nullcontext(o) as own:
        return x * own.k


def _nested_targets(o: Any, x: Any) -> Any:
    (a, (b, *rest)), c = (o, (o.other, o, o)), 1.0
    return x * a.k * rest[1].k * b.k * c


def _swap(o: Any, x: Any) -> Any:
    a, b, c = o, o.other, 1.0
    a, b, c = b, c, a
    return x * c.k


def _augmented(o: Any, x: Any) -> Any:
    own = []
    own += [o]
    own *= 2
    return x * own[1].k


def _slice_assigned(o: Any, x: Any) -> Any:
    own: list[Any] = [1, 2, 3]
    own[1:] = o.many
    return x * own[1].k


def _deleted(o: Any, x: Any) -> Any:
    own = [o.other, o]
    del own[0]
    return x * own[0].k


def _local_dict(o: Any, x: Any) -> Any:
    own: dict[str, Any] = {}
    own.setdefault("a", []).append(o)
    own |= {"b": 1}
    return x * own.pop("a")[0].k


def _grouped(o: Any, x: Any) -> Any:
    groups = collections.defaultdict(list)
    for each in o.many:
        groups[getattr(each, "name", "")].append(each)
    return x * groups["o"][0].k


def _heap(o: Any, x: Any) -> Any:
    heap: list[Any] = []
    for i, each in enumerate(o.many):
        heapq.heappush(heap, (i, each))
    return x * heapq.heappop(heap)[1].k


def _deque(o: Any, x: Any) -> Any:
    own = collections.deque(o.many)
    own.rotate(1)
    return x * own[1].k


def _while(o: Any, x: Any) -> Any:
    stack = [o.same]
    while stack:
        top = stack.pop()
        if hasattr(top, "inner"):
            stack.append(top.inner)
        else:
            x = x * top.k
    return x


def _break_else(o: Any, x: Any) -> Any:
    for each in reversed(o.many):
        if each.k == 99.0:
            break
    else:
        return x * each.k
    return x


def _recursion(o: Any, x: Any) -> Any:
    def depth(n: int, own: Any) -> Any:
        return own if n == 0 else depth(n - 1, own)

    return x * depth(5, o).k


def _linked(o: Any, x: Any) -> Any:
    node = types.SimpleNamespace(next=types.SimpleNamespace(next=None, held=o), held=o.other)
    while node.next is not None:
        node = node.next
    return x * node.held.k


def _match(o: Any, x: Any) -> Any:
    match [o, 1]:
        case [own, 1 | 2]:
            return x * own.k
    return x


def _decorated(o: Any, x: Any) -> Any:
    def scaled(fun: Any) -> Any:
        @functools.wraps(fun)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return fun(*args, **kwargs, own=o)

        return inner

    @scaled
    def fun(x: Any, own: Any) -> Any:
        return x * own.k

    return fun(x)


def _context_variable(o: Any, x: Any) -> Any:
    var: Any = contextvars.ContextVar("own")
    token = var.set(o)
    try:
        return x * var.get().k
    finally:
        var.reset(token)


def _queue(o: Any, x: Any) -> Any:
    own: Any = queue.SimpleQueue()
    own.put(o)
    return x * own.get().k


def _cached(o: Any, x: Any) -> Any:
    @functools.lru_cache
    def find(name: str) -> Any:
        return o

    return x * find("a").k


def _partial_method(o: Any, x: Any) -> Any:
    class Own:
        def scaled(self, own: Any, x: Any) -> Any:
            return x * own.k

        with_o = functools.partialmethod(scaled, o)

    return Own().with_o(x)


def _bound_later(o: Any, x: Any) -> Any:
    read = types.MethodType(lambda self, x: x * self.k, o)
    return read(x)


def _chained(o: Any, x: Any) -> Any:
    class Builder:
        def __init__(self) -> None:
            self.parts: list[Any] = []

        def add(self, part: Any) -> Any:
            self.parts.append(part)
            return self

        def build(self) -> Any:
            return self.parts[-1]

    return x * Builder().add(o.other).add(o).build().k


path("exception", _exception)
path("exception_attribute", _exception_attribute)
path("cause", _cause)
path("finally", _finally)
path("generator", _generator)
path("sent", _sent)
path("yield_from", _yield_from)
path("nonlocal", _nonlocal)
path("default", _default)
path("keyword_default", _keyword_default)
path("class_body", _class_body)
path("instance", _instance)
path("proxy", _proxy)
path("slots", _slots)
path("dataclass", _dataclass)
path("named_tuple", _named_tuple)
path("with", _with)
path("nullcontext", _closing)
path("nested_targets", _nested_targets)
path("swap", _swap)
path("augmented", _augmented)
path("slice_assigned", _slice_assigned)
path("deleted", _deleted)
path("local_dict", _local_dict)
path("grouped", _grouped)
path("heap", _heap)
path("deque", _deque)
path("while", _while)
path("break_else", _break_else)
path("recursion", _recursion)
path("linked", _linked)
path("match", _match)
path("decorated", _decorated)
path("context_variable", _context_variable)
path("queue", _queue)
path("cached", _cached)
path("partial_method", _partial_method)
path("bound_later", _bound_later)
path("chained", _chained)
path("conditional", lambda o, x: x * (o if o.name == "o" else o.other).k)
path("or", lambda o, x: x * (None or o).k)
path("and", lambda o, x: x * (o.name and o).k)
path("walrus", lambda o, x: x * (p := o.same.inner).k * p.k)
path("comprehension", lambda o, x: x * [p for p in o.many if p.k < 5.0][0].k)
path("nested_comprehension", lambda o, x: x * sum(q.k for p in [o.many] for q in p if q is not o.other))
path("dict_comprehension", lambda o, x: x * {i: p for i, p in enumerate(o.many)}[0].k)
path("set_comprehension", lambda o, x: x * next(iter({p for p in o.many if p.k != 7.0})).k)
path("min_by_key", lambda o, x: x * min(o.many, key=lambda p: p.k).k)
path("max_default", lambda o, x: x * max([], default=o).k)
path("next_default", lambda o, x: x * next(iter([]), o).k)
path("zip_star", lambda o, x: x * list(zip(*[o.many, [1, 2]]))[0][0].k)
path("sum_of_lists", lambda o, x: x * sum([o.many, o.many], [])[2].k)  # noqa: RUF017
path("chain", lambda o, x: x * list(itertools.chain.from_iterable([o.many]))[0].k)
path("cycle", lambda o, x: x * next(itertools.cycle(o.many)).k)
path("repeat", lambda o, x: x * next(itertools.repeat(o)).k)
path("tee", lambda o, x: x * next(itertools.tee(o.many)[1]).k)
path("map_lambda", lambda o, x: x * next(map(lambda p: p.k, o.many)))
path("filter_lambda", lambda o, x: x * next(filter(lambda p: p.k != 7.0, o.many)).k)
path("starmap", lambda o, x: x * next(itertools.starmap(lambda p, q: p.k * q.k, [o.many])))
path("groupby", lambda o, x: x * [list(g)[0].k for _, g in itertools.groupby(o.many, key=lambda p: p.k)][0])
path("reduce", lambda o, x: functools.reduce(lambda u, p: u * p.k, o.many, x))
path("sorted_attribute", lambda o, x: x * sorted(o.many, key=operator.attrgetter("k"))[0].k)
path(
    "largest_attribute",
    lambda o, x: x * max(map(operator.attrgetter("k"), o.many)) - max(o.many, key=operator.attrgetter("k")).k / o.k,
)
path(
    "filtered_attribute",
    lambda o, x: x * len(list(filter(operator.attrgetter("k"), o.many))) * next(map(operator.attrgetter("k"), o.many)),
)
path("namespace", lambda o, x: x * types.SimpleNamespace(**{"a": o}).a.k)
path("keywords", lambda o, x: (lambda **kw: x * kw["a"].k)(a=o))
path("positions", lambda o, x: (lambda *args: x * args[-2].k)(*o.many))
path("partial", lambda o, x: functools.partial(lambda p, x: x * p.k, o)(x))
path("object_array", lambda o, x: x * np.array(o.many, dtype=object)[0].k)
path("object_array_list", lambda o, x: x * np.array(o.many, dtype=object).tolist()[0].k)
path("object_array_max", lambda o, x: x * np.frompyfunc(lambda p: p.k, 1, 1)(np.array(o.many, dtype=object)).min())
path("vars_copy", lambda o, x: x * vars(o).copy()["k"])
path("dict_of_vars", lambda o, x: x * dict(vars(o))["k"])
path("union_of_vars", lambda o, x: x * (o.__dict__ | {})["k"])
path("items_of_vars", lambda o, x: x * [v for n, v in vars(o).items() if n == "k"][0])
path("copied_list", lambda o, x: x * copy.copy(o.many)[0].k)
path("deep_copied", lambda o, x: x * copy.deepcopy(o.many)[0].k)
path("chain_map", lambda o, x: x * collections.ChainMap({}, {"a": o})["a"].k)
path("user_dict", lambda o, x: x * collections.UserDict(a=o)["a"].k)
path("circle", lambda o, x: x * o.same.inner.same.inner.k)
path("by_name_of_name", lambda o, x: x * getattr(getattr(o, "same"), "inner").k)  # noqa: B009
path("many_attributes", lambda o, x: x * operator.attrgetter("k", "name")(o)[0])
path("dotted_attribute", lambda o, x: x * operator.attrgetter("same.inner.k")(o))
path("compared", lambda o, x: x * 2.0 if o.k < o.other.k > 2.5 and o.k > 2.5 else x)
path("in_text", lambda o, x: x * float(f"{o.k:{o.other.k:.0f}.1f}"))
path("in_text_with_name", lambda o, x: x * float(f"{o.k=}"[4:]))
path("index", lambda o, x: x * [5.0, 6.0, 7.0, 8.0][int(o.k)])
path("slice", lambda o, x: np.sum(x[: int(o.k)]))
path("in_operator", lambda o, x: x * 2.0 if o.k in {3.0, 4.0} else x)
path("identity", lambda o, x: x * o.k if o.many[0] is o else x)
path("type_call", lambda o, x: x * type(o)(k=o.k).k)
path("eval", lambda o, x: x * eval("own.k", {"own": o}))
path("exec", lambda o, x: x * _executed(o))
path("lambda_in_list", lambda o, x: x * [lambda: o.k, lambda: 1.0][0]())
path("lambda_in_dict", lambda o, x: x * {"a": lambda: o.k}["a"]())
path("late_binding", lambda o, x: x * [lambda: p.k for p in [o.other, o]][0]())
path("iterator_class", lambda o, x: x * [p.k for p in _Iterates(o)][0])
path("weak_method", lambda o, x: x * getattr(_Reads(o), "read")())  # noqa: B009
path("static_in_class", lambda o, x: x * _Reads.static(o))
path("by_class_method", lambda o, x: x * _Reads.of(o).read())
path("by_call", lambda o, x: x * _Reads(o)())
path("by_subscript", lambda o, x: x * _Reads(o)["k"])
path("by_operator", lambda o, x: x * (_Reads(o) + 0.0))
path("by_float", lambda o, x: x * float(_Reads(o)))
path("by_context", lambda o, x: x * _entered(_Reads(o)))


def _executed(o: Any) -> Any:
    names: dict[str, Any] = {"own": o}
    exec("found = own.k", names)
    return names["found"]


def _entered(reads: Any) -> Any:
    with reads as k:
        return k


class _Iterates:
    def __init__(self, o: Any) -> None:
        self.left = [o]

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if not self.left:
            raise StopIteration
        return self.left.pop()


class _Reads:
    def __init__(self, o: Any) -> None:
        self.o = o

    def read(self) -> Any:
        return self.o.k

    @staticmethod
    def static(o: Any) -> Any:
        return o.k

    @classmethod
    def of(cls, o: Any) -> Any:
        return cls(o)

    def __call__(self) -> Any:
        return self.o.k

    def __getitem__(self, name: str) -> Any:
        return getattr(self.o, name)

    def __add__(self, other: float) -> Any:
        return self.o.k + other

    def __float__(self) -> float:
        return float(self.o.k)

    def __enter__(self) -> Any:
        return self.o.k

    def __exit__(self, *args: Any) -> None: ...


# ----- what is on the path changes ------------------------------------------------------------------------------------


def turn(name: str, start: Callable[[], Any], change: Callable[[Any], Any], fun: Callable[[Any, Any], Any]) -> None:
    """Something on the way changes, and not the end of it."""

    def make() -> Any:
        o = start()
        return lambda x: fun(o, x), (X,), change(o)

    make.__name__ = f"turn_{name}"
    case("turns")(make)


def two() -> Any:
    return Holder(a=Holder(k=2.0), b=Holder(k=3.0), flag=True, i=0, key="a", many=[Holder(k=2.0), Holder(k=3.0)])


turn("flag", two, lambda o: attribute(o, "flag", False), lambda o, x: x * (o.a if o.flag else o.b).k)
turn("index", two, lambda o: attribute(o, "i", 1), lambda o, x: x * o.many[o.i].k)
turn("key", two, lambda o: attribute(o, "key", "b"), lambda o, x: x * getattr(o, o.key).k)
turn("order", two, lambda o: both(o.many.reverse, o.many.reverse), lambda o, x: x * o.many[0].k)
turn("link", two, lambda o: attribute(o, "a", o.b), lambda o, x: x * o.a.k)
turn("length", two, lambda o: both(lambda: o.many.append(o.a), o.many.pop), lambda o, x: x * sum(p.k for p in o.many))
turn("pop", two, lambda o: both(lambda: o.many.append(o.many.pop(0)), lambda: o.many.insert(0, o.many.pop())),
     lambda o, x: x * o.many[0].k)  # fmt: skip
turn(
    "function",
    two,
    lambda o: attribute(o, "read", lambda p: p.b.k),
    lambda o, x: x * getattr(o, "read", lambda p: p.a.k)(o),
)
turn("default", two, lambda o: attribute(o, "c", o.b), lambda o, x: x * getattr(o, "c", o.a).k)
turn("truth", two, lambda o: both(lambda: o.many.clear(), lambda: o.many.extend([o.a, o.b])),
     lambda o, x: x * o.many[0].k if o.many else x * 9.0)  # fmt: skip
turn("sign", two, lambda o: attribute(o.a, "k", -2.0), lambda o, x: x * 2.0 if o.a.k > 0 else x)
turn("kind", two, lambda o: attribute(o.a, "k", 2), lambda o, x: x * 2.0 if isinstance(o.a.k, float) else x)
turn("count", two, lambda o: attribute(o, "i", 2), lambda o, x: functools.reduce(lambda u, _: u * 2.0, range(o.i), x))
turn("slice", two, lambda o: attribute(o, "i", 1), lambda o, x: x * sum(p.k for p in o.many[o.i :]))
turn(
    "membership",
    two,
    lambda o: both(lambda: o.many.append(o.b), o.many.pop),
    lambda o, x: x * 2.0 if o.b in o.many else x,
)
turn("class_of_part", two, lambda o: replaced(o.a, "__class__", type("Other", (Holder,), {"extra": 5.0})),
     lambda o, x: x * getattr(o.a, "extra", 1.0))  # fmt: skip
turn("part_of_dict", lambda: {"a": {"b": [Holder(k=2.0)]}}, lambda o: entry(o["a"], "b", [Holder(k=3.0)]),
     lambda o, x: x * o["a"]["b"][0].k)  # fmt: skip
turn(
    "nested_key", lambda: {"use": "a", "a": 2.0, "b": 3.0}, lambda o: entry(o, "use", "b"), lambda o, x: x * o[o["use"]]
)
turn(
    "name_in_text", lambda: {"n": 1, "w1": 2.0, "w2": 3.0}, lambda o: entry(o, "n", 2), lambda o, x: x * o[f"w{o['n']}"]
)
turn("first_true", two, lambda o: attribute(o.many[0], "k", 0.0), lambda o, x: x * next(p.k for p in o.many if p.k))
turn(
    "any_true",
    two,
    lambda o: attribute(o.many[1], "k", 9.0),
    lambda o, x: x * 2.0 if any(p.k > 5.0 for p in o.many) else x,
)
turn(
    "all_true",
    two,
    lambda o: attribute(o.many[1], "k", -9.0),
    lambda o, x: x * 2.0 if all(p.k > 0.0 for p in o.many) else x,
)
turn("short_circuit", two, lambda o: attribute(o, "flag", False), lambda o, x: x * ((o.flag and o.a.k) or 9.0))
turn("exit_of_a_loop", two, lambda o: attribute(o.many[0], "k", 9.0), lambda o, x: _until(o, x))
turn("caught", two, lambda o: attribute(o, "many", []), lambda o, x: _caught(o, x))


def _until(o: Any, x: Any) -> Any:
    for i, p in enumerate(o.many):
        if p.k > 5.0:
            break
        x = x * (i + 2.0)
    return x


def _caught(o: Any, x: Any) -> Any:
    try:
        return x * o.many[0].k
    except IndexError:
        return x * 9.0
