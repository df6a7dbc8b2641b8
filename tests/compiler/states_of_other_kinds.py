"""Ways to change state that a second look found: each gave an old answer once."""

from __future__ import annotations

import dataclasses
import operator
import sys
import types
import warnings
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest
from state_battery import X, attribute, both, case, entry, nothing


@case("arrays")
def an_entry_by_a_flat_iterator() -> Any:
    W = np.ones(3)
    return lambda x: x * W.flat[0], (X,), entry(W, 0, 5.0)


@case("arrays")
def a_loop_over_a_flat_iterator() -> Any:
    W = np.ones(3)
    return lambda x: x * sum(v for v in W.flat), (X,), entry(W, 0, 5.0)


@case("arrays")
def an_entry_of_a_transpose() -> Any:
    W = np.arange(6.0).reshape(2, 3)
    return lambda x: x * W.T[1, 1], (X,), entry(W, (1, 1), 9.0)


@case("arrays")
def a_view_of_a_row() -> Any:
    W = np.arange(6.0).reshape(2, 3)
    return lambda x: x * np.sum(W[1][:2]), (X,), entry(W, (1, 0), 9.0)


@case("arrays")
def a_polynomial_given_to_a_function() -> Any:
    p = np.poly1d([1.0, 2.0])
    return lambda x: x * np.polyval(p, 2.0), (X,), entry(p.coeffs, 0, 4.0)


@case("containers")
def the_order_of_an_ordered_dict() -> Any:
    d = OrderedDict(a=1.0, b=2.0)

    def fun(x: Any) -> Any:
        for key in d:
            return x * d[key]

    return fun, (X,), both(lambda: d.move_to_end("a"), lambda: d.move_to_end("b"))


@case("modules")
def a_getattr_of_a_module_that_is_replaced() -> Any:
    module = types.ModuleType("lazy")
    module.__getattr__ = lambda _: 2.0  # type: ignore[method-assign]
    return lambda x: x * module.k, (X,), attribute(module, "__getattr__", lambda _: 3.0)


@case("modules")
def the_package_of_an_import() -> Any:
    first, second, part = types.ModuleType("battery_pkg"), types.ModuleType("battery_pkg"), types.ModuleType("part")
    first.k, second.k = 2.0, 3.0  # type: ignore[attr-defined]
    sys.modules["battery_pkg"], sys.modules["battery_pkg.part"] = first, part

    def fun(x: Any) -> Any:
        import battery_pkg.part  # type: ignore[import-not-found]

        return x * battery_pkg.k

    return fun, (X,), entry(sys.modules, "battery_pkg", second)


@case("classes")
def whether_an_object_can_be_called() -> Any:
    class Own:
        pass

    o = Own()
    return lambda x: x * (2.0 if callable(o) else 1.0), (X,), attribute(Own, "__call__", lambda _: 1)


@case("arguments", "value")
def an_attribute_of_an_argument_that_is_no_field() -> Any:
    @dataclasses.dataclass
    class Params:
        w: Any

    p = Params(X)
    p.tag = 2.0  # type: ignore[attr-defined]
    return lambda p: p.w * p.tag, (p,), attribute(p, "tag", 3.0)


@case("arguments", "value")
def an_attribute_of_a_dict_that_is_an_argument() -> Any:
    class Params(dict):  # type: ignore[type-arg]
        pass

    p = Params(w=X)
    p.tag = 2.0
    return lambda p: p["w"] * p.tag, (p,), attribute(p, "tag", 3.0)


@case("arguments", "value")
def the_default_of_a_dict_that_is_an_argument() -> Any:
    p = defaultdict(lambda: 2.0, w=X)

    def change() -> Any:
        p.default_factory = lambda: 3.0
        del p["q"]
        return lambda: None

    return lambda p: p["w"] * p["q"], (p,), change


@case("random", "value")
def a_ufunc_made_of_a_drawing_method() -> Any:
    draw = np.frompyfunc(np.random.default_rng(0).normal, 1, 1)
    return lambda x: x * float(draw(1.0)), (X,), nothing()


@case("classes")
def the_truth_of_a_class() -> Any:
    class Meta(type):
        pass

    class Own(metaclass=Meta):
        pass

    return lambda x: x * (2.0 if Own else 1.0), (X,), attribute(Meta, "__bool__", lambda _: False)


@case("libraries")
def the_data_of_a_tree_written_in_c() -> Any:
    spatial = pytest.importorskip("scipy.spatial")
    points = np.random.default_rng(0).normal(size=(5, 2))
    tree = spatial.cKDTree(points, copy_data=False)
    return lambda x: x * tree.query([0.0, 0.0])[0], (X,), entry(points, slice(None), 5.0)


@case("surroundings")
def warnings_that_are_silenced_within() -> Any:
    factor = [2.0]

    def fun(x: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x * factor[0]

    return fun, (X,), entry(factor, 0, 3.0)


@case("classes")
def a_method_that_code_written_in_c_looks_up() -> Any:
    class Table:
        def keys(self) -> list[str]:
            return ["k"]

        def __getitem__(self, key: str) -> float:
            return 2.0

    table = Table()
    return lambda x: x * len({**table}), (X,), attribute(Table, "keys", lambda _: ["j", "k"])


@case("classes")
def a_method_that_numpy_looks_up() -> Any:
    class Own:
        def sum(self, **_: Any) -> float:
            return 2.0

    o = Own()
    return lambda x: x * np.sum(o), (X,), attribute(Own, "sum", lambda *_, **__: 3.0)  # type: ignore[call-overload]


@case("classes")
def a_method_that_numpy_does_not_find_yet() -> Any:
    class Own:
        def __array__(self, *_: Any, **__: Any) -> Any:
            return np.ones(2)

    o = Own()
    return lambda x: x * np.sum(o), (X,), attribute(Own, "sum", lambda *_, **__: 3.0)  # type: ignore[call-overload]


@case("objects")
def an_attribute_that_sorts() -> Any:
    class Own:
        def __init__(self, rank: float, k: float) -> None:
            self.rank, self.k = rank, k

    first, second = Own(1.0, 2.0), Own(2.0, 3.0)
    objects = [first, second]
    return lambda x: x * min(objects, key=operator.attrgetter("rank")).k, (X,), attribute(first, "rank", 5.0)
