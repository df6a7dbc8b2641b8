"""State in modules, classes and instances, by every way to read it; what is absent; types; implicit methods."""

from __future__ import annotations

import abc
import argparse
import builtins
import copy
import dataclasses
import enum
import functools
import importlib
import inspect
import operator
import sys
import types
from typing import Any, NamedTuple

import numpy as np
from state_battery import X, attribute, both, case, entry, no_attribute, replaced

HERE = sys.modules[__name__]

SCALE = 2.0
TABLE = {"lam": 2.0, "inner": {"mu": 0.5}}
WEIGHTS = np.array([1.0, 2.0, 3.0])
LAYERS = [np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.5, 0.5])]
CHOSEN = "first"


class Holder:
    """An object with attributes, and nothing else."""

    def __init__(self, **entries: Any) -> None:
        self.__dict__.update(entries)


def module(name: str, **entries: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    vars(made).update(entries)
    return made


CONSTANTS = module("constants", K=2.0, ARRAY=np.ones(3))


# ----- globals --------------------------------------------------------------------------------------------------------


@case("globals")
def a_global_number() -> Any:
    return lambda x: x * SCALE, (X,), attribute(HERE, "SCALE", 3.0)


@case("globals")
def a_global_array_that_is_replaced() -> Any:
    return lambda x: x * WEIGHTS, (X,), attribute(HERE, "WEIGHTS", np.zeros(3))


@case("globals")
def a_global_array_that_is_written_to() -> Any:
    return lambda x: x * WEIGHTS, (X,), entry(WEIGHTS, 1, 7.0)


@case("globals")
def an_entry_of_a_global_dict() -> Any:
    return lambda x: x * TABLE["lam"], (X,), entry(TABLE, "lam", 3.0)


@case("globals")
def an_entry_of_a_dict_in_a_global_dict() -> Any:
    return lambda x: x * TABLE["inner"]["mu"], (X,), entry(TABLE["inner"], "mu", 3.0)


@case("globals")
def an_array_in_a_global_list() -> Any:
    return lambda x: x * LAYERS[0] + LAYERS[1], (X,), entry(LAYERS[1], 0, 9.0)


@case("globals")
def a_global_name_that_chooses_an_entry() -> Any:
    by_name = {"first": 1.0, "second": 2.0}
    return lambda x: x * by_name[CHOSEN], (X,), attribute(HERE, "CHOSEN", "second")


@case("globals")
def a_global_read_by_a_helper_of_a_helper() -> Any:
    def inner(x: Any) -> Any:
        return x * SCALE

    def outer(x: Any) -> Any:
        return inner(x) + 1.0

    return lambda x: outer(x), (X,), attribute(HERE, "SCALE", 3.0)


@case("globals")
def a_global_function_that_is_replaced() -> Any:
    return lambda x: activation(x), (X,), attribute(HERE, "activation", lambda x: x * x)


def activation(x: Any) -> Any:
    return np.tanh(x)


@case("globals")
def a_function_of_numpy_that_is_replaced_in_a_module() -> Any:
    functions = module("functions", apply=np.sin)
    return lambda x: functions.apply(x), (X,), attribute(functions, "apply", np.cos)


# ----- names that are found at run time -------------------------------------------------------------------------------


@case("names found at run time")
def an_entry_of_globals() -> Any:
    return lambda x: x * globals()["SCALE"], (X,), attribute(HERE, "SCALE", 3.0)


@case("names found at run time")
def a_name_in_eval() -> Any:
    return lambda x: x * eval("SCALE"), (X,), attribute(HERE, "SCALE", 3.0)


@case("names found at run time")
def a_name_in_exec() -> Any:
    def fun(x: Any) -> Any:
        names: dict[str, Any] = {}
        exec("factor = SCALE + 1.0", globals(), names)
        return x * names["factor"]

    return fun, (X,), attribute(HERE, "SCALE", 3.0)


@case("names found at run time")
def an_attribute_by_a_computed_name() -> Any:
    o = Holder(rate_1=2.0, which=1)
    return lambda x: x * getattr(o, f"rate_{o.which}"), (X,), attribute(o, "rate_1", 3.0)


@case("names found at run time")
def the_name_that_getattr_is_given() -> Any:
    o = Holder(a=2.0, b=3.0, which="a")
    return lambda x: x * getattr(o, o.which), (X,), attribute(o, "which", "b")


@case("names found at run time")
def an_entry_of_vars() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * vars(o)["k"], (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def an_entry_of_the_instance_dict() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * o.__dict__["k"], (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def an_attrgetter() -> Any:
    o, get = Holder(inner=Holder(k=2.0)), operator.attrgetter("inner.k")
    return lambda x: x * get(o), (X,), attribute(o.inner, "k", 3.0)


@case("names found at run time")
def an_attrgetter_in_map() -> Any:
    os = [Holder(k=2.0), Holder(k=3.0)]
    return lambda x: x * sum(map(operator.attrgetter("k"), os)), (X,), attribute(os[1], "k", 30.0)


@case("names found at run time")
def a_partial_of_getattr() -> Any:
    o = Holder(k=2.0)
    get = functools.partial(getattr, o)
    return lambda x: x * get("k"), (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def getattr_along_a_path_by_reduce() -> Any:
    o = Holder(a=Holder(b=Holder(c=2.0)))
    return lambda x: x * functools.reduce(getattr, ["a", "b", "c"], o), (X,), attribute(o.a.b, "c", 3.0)


@case("names found at run time")
def an_attribute_in_a_format_string() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * float("{0.k}".format(o)), (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def an_attribute_in_an_f_string() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * float(f"{o.k:.3f}"), (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def a_methodcaller() -> Any:
    class Model:
        k = 2.0

        def factor(self, power: int) -> float:
            return self.k**power

    o, call = Model(), operator.methodcaller("factor", 2)
    return lambda x: x * call(o), (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def an_itemgetter() -> Any:
    table, get = {"a": 2.0, "b": 1.0}, operator.itemgetter("a", "b")
    return lambda x: x * get(table)[0] + get(table)[1], (X,), entry(table, "b", 4.0)


@case("names found at run time")
def object_getattribute() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * object.__getattribute__(o, "k"), (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def inspect_getattr_static() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * inspect.getattr_static(o, "k"), (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def an_entry_of_the_class_dict() -> Any:
    class Model:
        k = 2.0

    return lambda x: x * Model.__dict__["k"], (X,), attribute(Model, "k", 3.0)


@case("names found at run time")
def attributes_in_a_match_statement() -> Any:
    o = Holder(k=2.0)

    def fun(x: Any) -> Any:
        match o:
            case Holder(k=2.0):
                return x
            case Holder(k=k):
                return x * k

    return fun, (X,), attribute(o, "k", 3.0)


@case("names found at run time")
def keys_in_a_match_statement() -> Any:
    table: dict[str, Any] = {"kind": "l2", "lam": 2.0}

    def fun(x: Any) -> Any:
        match table:
            case {"kind": "l2", "lam": lam}:
                return x * lam
            case _:
                return x

    return fun, (X,), entry(table, "kind", "l1")


@case("names found at run time")
def a_function_chosen_by_name() -> Any:
    o = Holder(kind="tanh")
    return lambda x: getattr(np, o.kind)(x), (X,), attribute(o, "kind", "sin")


# ----- modules --------------------------------------------------------------------------------------------------------


@case("modules")
def an_attribute_of_a_module() -> Any:
    return lambda x: x * CONSTANTS.K, (X,), attribute(CONSTANTS, "K", 3.0)


@case("modules")
def an_entry_of_sys_modules() -> Any:
    sys.modules["minigrad_battery_a"] = made = module("minigrad_battery_a", K=2.0)
    return lambda x: x * sys.modules["minigrad_battery_a"].K, (X,), attribute(made, "K", 3.0)


@case("modules")
def a_module_imported_inside_the_function() -> Any:
    sys.modules["minigrad_battery_b"] = made = module("minigrad_battery_b", K=2.0)

    def fun(x: Any) -> Any:
        import minigrad_battery_b

        return x * minigrad_battery_b.K

    return fun, (X,), attribute(made, "K", 3.0)


@case("modules")
def a_name_imported_inside_the_function() -> Any:
    sys.modules["minigrad_battery_c"] = made = module("minigrad_battery_c", K=2.0)

    def fun(x: Any) -> Any:
        from minigrad_battery_c import K

        return x * K

    return fun, (X,), attribute(made, "K", 3.0)


@case("modules")
def a_module_that_is_replaced_in_sys_modules() -> Any:
    sys.modules["minigrad_battery_d"] = module("minigrad_battery_d", K=2.0)

    def fun(x: Any) -> Any:
        import minigrad_battery_d

        return x * minigrad_battery_d.K

    return fun, (X,), entry(sys.modules, "minigrad_battery_d", module("minigrad_battery_d", K=3.0))


@case("modules")
def import_module() -> Any:
    sys.modules["minigrad_battery_e"] = made = module("minigrad_battery_e", K=2.0)
    return lambda x: x * importlib.import_module("minigrad_battery_e").K, (X,), attribute(made, "K", 3.0)


@case("modules")
def a_module_with_getattr() -> Any:
    lazy = module("lazy", _k=2.0)
    exec("def __getattr__(name): return _k", vars(lazy))
    return lambda x: x * lazy.anything, (X,), attribute(lazy, "_k", 3.0)


@case("modules")
def a_lazy_module_whose_name_appears() -> Any:
    lazy = module("lazy")
    exec("def __getattr__(name): return 2.0", vars(lazy))
    return lambda x: x * lazy.k, (X,), attribute(lazy, "k", 3.0)


@case("modules")
def a_constant_of_an_installed_library_that_is_changed() -> Any:
    return lambda x: x * np.pi, (X,), attribute(np, "pi", 3.0)


# ----- attributes -----------------------------------------------------------------------------------------------------


class Model:
    """What an ordinary model looks like."""

    rate = 2.0

    def __init__(self) -> None:
        self.w, self.scale, self.history = np.array([1.0, 2.0, 3.0]), 2.0, []

    def loss(self, x: Any) -> Any:
        return np.sum((x * self.w) ** 2) * self.scale * self.rate

    @property
    def doubled(self) -> Any:
        return 2.0 * self.scale

    @classmethod
    def by_class(cls, x: Any) -> Any:
        return x * cls.rate

    @staticmethod
    def by_static(x: Any) -> Any:
        return x * SCALE


@case("attributes")
def an_attribute_read_in_a_method() -> Any:
    m = Model()
    return m.loss, (X,), attribute(m, "scale", 3.0)


@case("attributes")
def an_array_attribute_that_is_written_to() -> Any:
    m = Model()
    return m.loss, (X,), entry(m.w, 0, 3.0)


@case("attributes")
def an_array_attribute_that_is_replaced() -> Any:
    m = Model()
    return m.loss, (X,), attribute(m, "w", m.w + 1.0)


@case("attributes")
def a_class_attribute_read_through_an_instance() -> Any:
    class Own(Model):
        rate = 2.0

    return Own().loss, (X,), attribute(Own, "rate", 3.0)


@case("attributes")
def a_class_attribute_of_a_base_class() -> Any:
    class Own(Model):
        pass

    return Own().loss, (X,), attribute(Model, "rate", 3.0)


@case("attributes")
def a_class_attribute_read_in_a_class_method() -> Any:
    class Own(Model):
        rate = 2.0

    return Own.by_class, (X,), attribute(Own, "rate", 3.0)


@case("attributes")
def a_global_read_in_a_static_method() -> Any:
    return Model.by_static, (X,), attribute(HERE, "SCALE", 3.0)


@case("attributes")
def an_attribute_behind_a_property() -> Any:
    m = Model()
    return lambda x: x * m.doubled, (X,), attribute(m, "scale", 3.0)


@case("attributes")
def a_property_that_is_replaced() -> Any:
    class Own(Model):
        doubled = property(lambda self: 2.0)

    m = Own()
    return lambda x: x * m.doubled, (X,), attribute(Own, "doubled", property(lambda self: 5.0))


@case("attributes")
def a_method_that_is_replaced_on_the_class() -> Any:
    class Own(Model):
        def loss(self, x: Any) -> Any:
            return np.sum(x)

    m = Own()
    return lambda x: m.loss(x), (X,), attribute(Own, "loss", lambda self, x: np.sum(x * x))


@case("attributes")
def a_method_of_super() -> Any:
    class Base:
        k = 2.0

        def factor(self) -> float:
            return self.k

    class Own(Base):
        def factor(self) -> float:
            return super().factor() + 1.0

    m = Own()
    return lambda x: x * m.factor(), (X,), attribute(Base, "factor", lambda self: 7.0)


@case("attributes")
def an_attribute_of_the_metaclass() -> Any:
    class Meta(type):
        k = 2.0

    class Own(metaclass=Meta):
        pass

    return lambda x: x * Own.k, (X,), attribute(Meta, "k", 3.0)


@case("attributes")
def a_descriptor() -> Any:
    class Stored:
        def __get__(self, instance: Any, owner: Any) -> Any:
            return instance.values["k"]

    class Own:
        k = Stored()

        def __init__(self) -> None:
            self.values = {"k": 2.0}

    o = Own()
    return lambda x: x * o.k, (X,), entry(o.values, "k", 3.0)


@case("attributes")
def a_descriptor_with_state_of_its_own() -> Any:
    class Stored:
        value = 2.0

        def __get__(self, instance: Any, owner: Any) -> Any:
            return self.value

        def __set__(self, instance: Any, value: Any) -> None:
            self.value = value

    class Own:
        k = Stored()

    o = Own()
    return lambda x: x * o.k, (X,), both(lambda: setattr(o, "k", 3.0), lambda: setattr(o, "k", 2.0))


@case("attributes")
def a_getattr_method() -> Any:
    class Own:
        def __init__(self) -> None:
            self.values = {"k": 2.0}

        def __getattr__(self, name: str) -> Any:
            return self.__dict__["values"][name]

    o = Own()
    return lambda x: x * o.k, (X,), entry(o.values, "k", 3.0)


@case("attributes")
def a_getattr_method_that_raises_a_key_error() -> Any:
    class Own:
        def __init__(self) -> None:
            self.__dict__["values"] = {"k": 2.0}

        def __getattr__(self, name: str) -> Any:
            return self.__dict__["values"][name]

    o = Own()
    return lambda x: x * o.k, (X,), entry(o.__dict__["values"], "k", 3.0)


@case("attributes")
def a_getattribute_method() -> Any:
    bonus = {"k": 2.0}

    class Own:
        def __getattribute__(self, name: str) -> Any:
            return bonus[name]

    o = Own()
    return lambda x: x * o.k, (X,), entry(bonus, "k", 3.0)


@case("attributes")
def a_slot() -> Any:
    class Own:
        __slots__ = ("k",)

    o = Own()
    o.k = 2.0
    return lambda x: x * o.k, (X,), attribute(o, "k", 3.0)


@case("attributes")
def a_simple_namespace() -> Any:
    o = types.SimpleNamespace(k=2.0)
    return lambda x: x * o.k, (X,), attribute(o, "k", 3.0)


@case("attributes")
def an_argparse_namespace() -> Any:
    o = argparse.Namespace(lam=2.0)
    return lambda x: x * o.lam, (X,), attribute(o, "lam", 3.0)


@dataclasses.dataclass
class Settings:
    """The options of a program."""

    lam: float = 2.0
    kind: str = "l2"
    layers: list[float] = dataclasses.field(default_factory=lambda: [1.0, 2.0])


@case("attributes")
def a_field_of_a_dataclass() -> Any:
    s = Settings()
    return lambda x: x * s.lam if s.kind == "l2" else x, (X,), attribute(s, "kind", "l1")


@case("attributes")
def a_frozen_dataclass_that_is_replaced() -> Any:
    @dataclasses.dataclass(frozen=True)
    class Frozen:
        lam: float = 2.0

    o = Holder(settings=Frozen())
    return lambda x: x * o.settings.lam, (X,), attribute(o, "settings", Frozen(3.0))


@case("attributes")
def a_frozen_dataclass_that_is_changed_all_the_same() -> Any:
    @dataclasses.dataclass(frozen=True)
    class Frozen:
        lam: float = 2.0

    s = Frozen()
    set_to = functools.partial(object.__setattr__, s, "lam")
    return lambda x: x * s.lam, (X,), both(lambda: set_to(3.0), lambda: set_to(2.0))


@case("attributes")
def a_named_tuple_that_is_replaced() -> Any:
    class Options(NamedTuple):
        lam: float
        w: Any

    o = Holder(options=Options(2.0, np.ones(3)))
    return lambda x: x * o.options.lam * o.options.w, (X,), attribute(o, "options", Options(3.0, np.ones(3)))


@case("attributes")
def an_array_in_a_named_tuple() -> Any:
    class Options(NamedTuple):
        lam: float
        w: Any

    options = Options(2.0, np.ones(3))
    return lambda x: x * options.lam * options.w, (X,), entry(options.w, 0, 5.0)


@case("attributes")
def the_value_of_an_enumeration_chosen_by_an_attribute() -> Any:
    class Kind(enum.Enum):
        SMALL = 1.0
        LARGE = 2.0

    o = Holder(kind=Kind.SMALL)
    return lambda x: x * o.kind.value, (X,), attribute(o, "kind", Kind.LARGE)


@case("attributes")
def a_cached_property_that_is_forgotten() -> Any:
    class Own:
        k = 2.0

        @functools.cached_property
        def factor(self) -> float:
            return 2.0 * self.k

    o = Own()

    def there() -> None:
        o.k = 3.0
        o.__dict__.pop("factor", None)

    return lambda x: x * o.factor, (X,), both(there, lambda: o.__dict__.pop("factor", None))


@case("attributes")
def a_cached_property_that_stays() -> Any:
    class Own:
        k = 2.0

        @functools.cached_property
        def factor(self) -> float:
            return 2.0 * self.k

    o = Own()
    return lambda x: x * o.factor, (X,), attribute(o, "k", 3.0)


@case("attributes")
def a_chain_whose_middle_is_replaced() -> Any:
    o = Holder(a=Holder(b=Holder(k=2.0)))
    return lambda x: x * o.a.b.k, (X,), attribute(o.a, "b", Holder(k=3.0))


@case("attributes")
def an_attribute_of_an_entry_of_an_attribute() -> Any:
    o = Holder(layers=[Holder(k=2.0), Holder(k=3.0)])
    return lambda x: x * o.layers[1].k, (X,), attribute(o.layers[1], "k", 30.0)


@case("attributes")
def objects_in_a_loop() -> Any:
    layers = [Holder(w=np.ones(3), k=1.0), Holder(w=np.ones(3), k=2.0)]

    def fun(x: Any) -> Any:
        for layer in layers:
            x = np.tanh(x * layer.w) * layer.k
        return x

    return fun, (X,), attribute(layers[1], "k", 5.0)


@case("attributes")
def an_attribute_of_an_object_in_an_argument() -> Any:
    o = Holder(k=2.0)
    return lambda x, options: x * options.k, (X, o), attribute(o, "k", 3.0)


@case("attributes")
def a_closure_of_a_function_in_an_argument() -> Any:
    o = Holder(k=2.0)
    return lambda x, fun: fun(x), (X, lambda x: x * o.k), attribute(o, "k", 3.0)


@case("attributes")
def a_bound_method_in_an_argument() -> Any:
    m = Model()
    return lambda x, fun: fun(x), (X, m.loss), attribute(m, "scale", 3.0)


@case("attributes")
def a_write_only_seen_through_an_alias() -> Any:
    a = Holder(k=2.0)
    b = Holder(same=a)
    return lambda x: x * a.k, (X,), attribute(b.same, "k", 3.0)


@case("attributes")
def the_arrays_of_two_attributes_are_exchanged() -> Any:
    o = Holder(a=np.array([1.0, 2.0, 3.0]), b=np.array([4.0, 5.0, 6.0]))

    def exchange() -> None:
        o.a, o.b = o.b, o.a

    return lambda x: x * o.a - o.b, (X,), both(exchange, exchange)


@case("attributes")
def the_dict_of_an_instance_is_replaced() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * o.k, (X,), replaced(o, "__dict__", {"k": 3.0})


@case("attributes")
def a_dynamic_attribute_set_through_the_dict() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * o.k, (X,), entry(o.__dict__, "k", 3.0)


@case("attributes")
def an_attribute_read_by_a_comprehension() -> Any:
    o = Holder(ks=[1.0, 2.0], shift=1.0)
    return lambda x: sum(x * k + o.shift for k in o.ks), (X,), attribute(o, "shift", 3.0)


@case("attributes")
def an_attribute_of_a_copy() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * copy.copy(o).k, (X,), attribute(o, "k", 3.0)


@case("attributes")
def an_attribute_of_a_deep_copy() -> Any:
    o = Holder(inner=Holder(k=2.0))
    return lambda x: x * copy.deepcopy(o).inner.k, (X,), attribute(o.inner, "k", 3.0)


@case("attributes")
def a_dataclass_as_a_dict() -> Any:
    s = Settings()
    return lambda x: x * dataclasses.asdict(s)["lam"], (X,), attribute(s, "lam", 3.0)


@case("attributes")
def a_dataclass_that_the_function_replaces() -> Any:
    s = Settings()
    return lambda x: x * dataclasses.replace(s, kind="l1").lam, (X,), attribute(s, "lam", 3.0)


@case("attributes")
def an_attribute_behind_a_weak_reference() -> Any:
    import weakref

    o = Holder(k=2.0)
    weak = weakref.ref(o)
    return lambda x: x * weak().k, (X,), attribute(o, "k", 3.0)


@case("attributes")
def an_object_behind_a_weak_reference_that_dies() -> Any:
    import weakref

    kept = [Holder(k=2.0)]
    weak = weakref.ref(kept[0])
    return lambda x: x * (1.0 if weak() is None else 2.0), (X,), both(kept.clear, lambda: None)


@case("attributes")
def an_attribute_behind_a_weak_proxy() -> Any:
    import weakref

    o = Holder(k=2.0)
    kept = [o]
    proxy = weakref.proxy(o)
    return lambda x: x * proxy.k * len(kept), (X,), attribute(o, "k", 3.0)


# ----- absence --------------------------------------------------------------------------------------------------------


@case("absence")
def hasattr_of_what_appears() -> Any:
    o = Holder()
    return lambda x: x * (2.0 if hasattr(o, "k") else 1.0), (X,), attribute(o, "k", 3.0)


@case("absence")
def the_default_of_getattr() -> Any:
    o = Holder()
    return lambda x: x * getattr(o, "k", 1.0), (X,), attribute(o, "k", 3.0)


@case("absence")
def the_default_of_get() -> Any:
    table: dict[str, float] = {}
    return lambda x: x * table.get("k", 1.0), (X,), entry(table, "k", 3.0)


@case("absence")
def a_key_that_is_not_in_a_dict() -> Any:
    table: dict[str, float] = {}
    return lambda x: x * (table["k"] if "k" in table else 1.0), (X,), entry(table, "k", 3.0)


@case("absence")
def a_key_error_that_is_caught() -> Any:
    table: dict[str, float] = {}

    def fun(x: Any) -> Any:
        try:
            return x * table["k"]
        except KeyError:
            return x

    return fun, (X,), entry(table, "k", 3.0)


@case("absence")
def an_attribute_error_that_is_caught() -> Any:
    o = Holder()

    def fun(x: Any) -> Any:
        try:
            return x * o.k
        except AttributeError:
            return x

    return fun, (X,), attribute(o, "k", 3.0)


@case("absence")
def a_name_error_that_is_caught() -> Any:
    def fun(x: Any) -> Any:
        try:
            return x * LATER  # type: ignore[name-defined]
        except NameError:
            return x

    return fun, (X,), attribute(HERE, "LATER", 3.0)


@case("absence")
def an_index_error_that_is_caught() -> Any:
    ks: list[float] = []

    def fun(x: Any) -> Any:
        try:
            return x * ks[0]
        except IndexError:
            return x

    return fun, (X,), both(lambda: ks.append(3.0), ks.clear)


@case("absence")
def an_import_error_that_is_caught() -> Any:
    def fun(x: Any) -> Any:
        try:
            import minigrad_battery_absent
        except ImportError:
            return x
        return x * minigrad_battery_absent.K

    return fun, (X,), entry(sys.modules, "minigrad_battery_absent", module("minigrad_battery_absent", K=3.0))


@case("absence")
def a_built_in_that_a_global_shadows() -> Any:
    return lambda x: x * max(1.0, 2.0), (X,), attribute(HERE, "max", lambda a, b: 7.0)


@case("absence")
def a_name_added_to_the_built_ins() -> Any:
    builtins.battery_factor = 2.0  # type: ignore[attr-defined]
    return lambda x: x * battery_factor, (X,), attribute(builtins, "battery_factor", 3.0)  # type: ignore[name-defined]  # noqa: F821


@case("absence")
def an_instance_attribute_that_shadows_one_of_the_class() -> Any:
    m = Model()
    return m.loss, (X,), attribute(m, "rate", 3.0)


@case("absence")
def an_instance_attribute_that_shadows_a_method() -> Any:
    m = Model()
    return lambda x: m.loss(x), (X,), attribute(m, "loss", lambda x: np.sum(x))


@case("absence")
def an_attribute_of_a_subclass_that_shadows_one_of_its_base() -> Any:
    class Own(Model):
        pass

    return Own().loss, (X,), attribute(Own, "rate", 3.0)


@case("absence")
def an_attribute_of_a_class_between_two() -> Any:
    class Middle(Model):
        pass

    class Own(Middle):
        pass

    return Own().loss, (X,), attribute(Middle, "rate", 3.0)


@case("absence")
def an_attribute_that_getattr_made_until_it_appears() -> Any:
    class Own:
        def __getattr__(self, name: str) -> Any:
            return 2.0

    o = Own()
    return lambda x: x * o.k, (X,), attribute(o, "k", 3.0)


@case("absence")
def a_getattr_method_that_appears() -> Any:
    class Own:
        pass

    o = Own()
    return lambda x: x * getattr(o, "k", 1.0), (X,), attribute(Own, "__getattr__", lambda self, name: 3.0)


@case("absence")
def a_base_class_that_is_exchanged() -> Any:
    class First:
        k = 2.0

    class Second:
        k = 3.0

    class Own(First):
        pass

    o = Own()
    return lambda x: x * o.k, (X,), replaced(Own, "__bases__", (Second,))


@case("absence")
def an_attribute_that_disappears() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * getattr(o, "k", 1.0), (X,), no_attribute(o, "k")


@case("absence")
def an_attribute_that_disappears_and_was_needed() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * o.k, (X,), no_attribute(o, "k")


@case("absence")
def an_attribute_that_is_none_at_first() -> Any:
    o = Holder(mask=None)
    return lambda x: x if o.mask is None else x * o.mask, (X,), attribute(o, "mask", np.array([1.0, 0.0, 2.0]))


@case("absence")
def a_hook_that_is_registered_later() -> Any:
    hooks: list[Any] = []

    def fun(x: Any) -> Any:
        for hook in hooks:
            x = hook(x)
        return x

    return fun, (X,), both(lambda: hooks.append(lambda x: x * 2.0), hooks.clear)


@case("absence")
def the_missing_method_of_a_dict() -> Any:
    class Table(dict):  # type: ignore[type-arg]
        default = 2.0

        def __missing__(self, key: str) -> float:
            return self.default

    table = Table()
    return lambda x: x * table["k"], (X,), attribute(table, "default", 3.0)


@case("absence")
def a_key_that_appears_where_missing_answered() -> Any:
    class Table(dict):  # type: ignore[type-arg]
        def __missing__(self, key: str) -> float:
            return 2.0

    table = Table()
    return lambda x: x * table["k"], (X,), entry(table, "k", 3.0)


# ----- types ----------------------------------------------------------------------------------------------------------


class Linear:
    """A kind of layer."""

    k = 2.0


class Constant(Linear):
    """Another kind of layer."""

    k = 3.0


@case("types")
def the_class_of_an_object() -> Any:
    o = Linear()
    return (
        lambda x: x * o.k,
        (X,),
        both(lambda: setattr(o, "__class__", Constant), lambda: setattr(o, "__class__", Linear)),
    )


@case("types")
def type_is() -> Any:
    o = Linear()
    return (
        lambda x: x if type(o) is Linear else x * 2.0,
        (X,),
        both(lambda: setattr(o, "__class__", Constant), lambda: setattr(o, "__class__", Linear)),
    )


@case("types")
def an_instance_check() -> Any:
    o = Holder(layer=Linear())
    return lambda x: x * 2.0 if isinstance(o.layer, Constant) else x, (X,), attribute(o, "layer", Constant())


@case("types")
def a_registration_at_an_abstract_base_class() -> Any:
    class Base(abc.ABC):  # noqa: B024
        pass

    o = Linear()
    return lambda x: x * 2.0 if isinstance(o, Base) else x, (X,), both(lambda: Base.register(Linear), lambda: None)


@case("types")
def the_name_of_a_class() -> Any:
    class Own:
        pass

    o = Own()
    return lambda x: x * len(type(o).__name__), (X,), replaced(Own, "__name__", "Longer")


@case("types")
def an_integer_becomes_a_float() -> Any:
    o = Holder(k=2)
    return lambda x: x * (2.0 if isinstance(o.k, int) else 3.0), (X,), attribute(o, "k", 2.0)


@case("types", "value")
def an_integer_becomes_a_float_and_with_it_the_dtype() -> Any:
    o = Holder(k=2)
    return lambda x: x * o.k, (np.array([1, 2, 3]),), attribute(o, "k", 2.0)


@case("types")
def one_becomes_true() -> Any:
    o = Holder(k=1)
    return lambda x: x * (5.0 if o.k is True else 1.0), (X,), attribute(o, "k", True)


@case("types")
def a_zero_gets_a_sign() -> Any:
    o = Holder(k=0.0)
    return lambda x: x * np.copysign(1.0, o.k), (X,), attribute(o, "k", -0.0)


@case("types")
def a_zero_in_an_array_gets_a_sign() -> Any:
    zeros = np.zeros(3)
    return lambda x: x * np.copysign(1.0, zeros), (X,), entry(zeros, 1, -0.0)


@case("types")
def a_number_becomes_one_of_numpy() -> Any:
    o = Holder(k=2.0)
    return lambda x: x * o.k, (X.astype("f"),), attribute(o, "k", np.float64(2.0))


@case("types")
def an_equal_object_that_is_another() -> Any:
    first, second = [1.0], [1.0]
    o = Holder(chosen=first)
    return lambda x: x * (2.0 if o.chosen is first else 3.0), (X,), attribute(o, "chosen", second)


@case("types")
def a_list_becomes_a_tuple() -> Any:
    o = Holder(ks=[1.0, 2.0])
    return lambda x: x * (2.0 if type(o.ks) is list else 3.0), (X,), attribute(o, "ks", (1.0, 2.0))


@case("types")
def nan_becomes_another_number() -> Any:
    o = Holder(k=float("nan"))
    return lambda x: x * (2.0 if o.k != o.k else o.k), (X,), attribute(o, "k", 3.0)


# ----- implicit methods -----------------------------------------------------------------------------------------------


class Number:
    """An object with every implicit method, which all read `k`."""

    def __init__(self, k: float) -> None:
        self.k = k
        self.ks = [k, 2.0 * k]

    def __len__(self) -> int:
        return int(self.k)

    def __bool__(self) -> bool:
        return self.k > 2.5

    def __iter__(self) -> Any:
        return iter([self.k, 1.0])

    def __reversed__(self) -> Any:
        return iter([1.0, self.k])

    def __getitem__(self, i: Any) -> float:
        return self.k * i

    def __contains__(self, value: Any) -> bool:
        return value < self.k

    def __call__(self, x: Any) -> Any:
        return x * self.k

    def __float__(self) -> float:
        return self.k

    def __int__(self) -> int:
        return int(self.k)

    def __index__(self) -> int:
        return int(self.k) - 2

    def __eq__(self, other: Any) -> bool:
        return bool(self.k == other)

    def __hash__(self) -> int:
        return hash(self.k)

    def __lt__(self, other: Any) -> bool:
        return bool(self.k < other)

    def __add__(self, other: Any) -> Any:
        return self.k + other

    __radd__ = __add__
    __array_ufunc__ = None

    def __rmul__(self, other: Any) -> Any:
        return other * self.k

    def __neg__(self) -> float:
        return -self.k

    def __abs__(self) -> float:
        return abs(self.k)

    def __round__(self, digits: int = 0) -> float:
        return round(self.k, digits)

    def __enter__(self) -> float:
        return self.k

    def __exit__(self, *args: Any) -> None:
        pass

    def __str__(self) -> str:
        return str(self.k)

    def __format__(self, spec: str) -> str:
        return format(self.k, spec)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.full(3, self.k)

    def __matmul__(self, other: Any) -> Any:
        return self.k * other


@dataclasses.dataclass
class Ordered:
    """Equality and order are written by `dataclass`."""

    a: float = 1.0
    b: float = 2.0


def implicit(name: str, fun: Any) -> None:
    """A case for one implicit method of `Number`: its object changes the number that the method reads."""

    def make() -> Any:
        o = Number(2.0)
        return functools.partial(fun, o), (X,), attribute(o, "k", 3.0)

    make.__name__ = f"implicit_{name}"
    case("implicit methods")(make)


def _with(o: Any, x: Any) -> Any:
    with o as k:
        return x * k


def _unpacked(o: Any, x: Any) -> Any:
    a, b = o
    return x * a + b


implicit("len", lambda o, x: x * len(o))
implicit("bool", lambda o, x: x * 2.0 if o else x)
implicit("not", lambda o, x: x * 2.0 if not o else x)
implicit("iter", lambda o, x: sum(x * k for k in o))
implicit("unpacking", _unpacked)
implicit("star", lambda o, x: x * max(*o))
implicit("reversed", lambda o, x: x * list(reversed(o))[1])
implicit("getitem", lambda o, x: x * o[2])
implicit("contains", lambda o, x: x * 2.0 if 2.5 in o else x)
implicit("call", lambda o, x: o(x))
implicit("float", lambda o, x: x * float(o))
implicit("int", lambda o, x: x * int(o))
implicit("index", lambda o, x: x * [5.0, 6.0][o])
implicit("range", lambda o, x: x + len(range(o)))
implicit("eq", lambda o, x: x * 2.0 if o == 3.0 else x)
implicit("hash", lambda o, x: x * (2.0 if hash(o) == hash(3.0) else 1.0))
implicit("lt", lambda o, x: x * 2.0 if o < 2.5 else x)
implicit("add", lambda o, x: x * (o + 1.0))
implicit("radd", lambda o, x: x * (1.0 + o))
implicit("rmul", lambda o, x: x * (2.0 * o))
implicit("neg", lambda o, x: x * -o)
implicit("abs", lambda o, x: x * abs(o))
implicit("round", lambda o, x: x * round(o, 1))
implicit("with", _with)
implicit("str", lambda o, x: x * float(str(o)))
implicit("format", lambda o, x: x * float(f"{o:.2f}"))
implicit("percent", lambda o, x: x * float("%s" % o))
implicit("array", lambda o, x: x * np.asarray(o))
implicit("matmul", lambda o, x: o @ x)
implicit("sum", lambda o, x: x * sum([o, 1.0]))
implicit("sorted", lambda o, x: x * sorted(o)[1])
implicit("max_by_key", lambda o, x: x * max([1, 2], key=lambda i: o[i] - o.k * i + (o.k - 2.5) * i))
implicit("any", lambda o, x: x * (2.0 if any([o]) else 1.0))
implicit("all", lambda o, x: x * (2.0 if all([o, 1]) else 1.0))
implicit("filter", lambda o, x: x + len(list(filter(None, [o, 1]))))
implicit("in_list", lambda o, x: x * 2.0 if 3.0 in [o] else x)
implicit("list_index", lambda o, x: x * ([o, 3.0].index(3.0) + 1.0))
implicit("list_equal", lambda o, x: x * 2.0 if [o] == [3.0] else x)
implicit("join", lambda o, x: x * float("".join(["1", str(o)])))


@case("implicit methods")
def an_implicit_method_that_is_replaced() -> Any:
    class Own(Number):
        def __len__(self) -> int:
            return 2

    o = Own(2.0)
    return lambda x: x * len(o), (X,), attribute(Own, "__len__", lambda self: 5)


@case("implicit methods")
def an_implicit_method_that_appears() -> Any:
    class Own:
        pass

    o = Own()
    return lambda x: x * 2.0 if o else x, (X,), attribute(Own, "__bool__", lambda self: False)


@case("implicit methods")
def the_equality_of_a_dataclass() -> Any:
    a, b = Ordered(), Ordered()
    return lambda x: x * 2.0 if a == b else x, (X,), attribute(b, "b", 3.0)


@case("implicit methods")
def the_instance_check_of_a_metaclass() -> Any:
    accepted = {"all": True}

    class Meta(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return accepted["all"]

    class Own(metaclass=Meta):
        pass

    return lambda x: x * 2.0 if isinstance(3.0, Own) else x, (X,), entry(accepted, "all", False)


@case("implicit methods")
def the_subscript_of_a_class() -> Any:
    factor = {"k": 2.0}

    class Own:
        def __class_getitem__(cls, i: int) -> float:
            return factor["k"] * i

    return lambda x: x * Own[2], (X,), entry(factor, "k", 3.0)


@case("implicit methods")
def an_init_of_an_object_that_the_function_makes() -> Any:
    class Own:
        k = 2.0

        def __init__(self) -> None:
            self.factor = self.k * 2.0

    return lambda x: x * Own().factor, (X,), attribute(Own, "k", 3.0)


@case("implicit methods")
def a_post_init_of_a_dataclass() -> Any:
    state = {"k": 2.0}

    @dataclasses.dataclass
    class Own:
        a: float = 1.0

        def __post_init__(self) -> None:
            self.a *= state["k"]

    return lambda x: x * Own().a, (X,), entry(state, "k", 3.0)


def by_scale(x: Any) -> Any:
    """What another file of cases calls."""
    return x * SCALE
