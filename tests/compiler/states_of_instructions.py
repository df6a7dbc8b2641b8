"""Ways to read state that versions of Python compile into instructions of their own."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from state_battery import X, attribute, case, entry


class Holder:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@case("instructions")
def a_slice_of_a_list() -> Any:
    ks = [1.0, 2.0, 3.0]
    return lambda x: x * ks[1:][0], (X,), entry(ks, 1, 5.0)


@case("instructions")
def a_slice_that_an_object_gives() -> Any:
    class Table:
        factor = 2.0

        def __getitem__(self, key: slice) -> float:
            return self.factor * key.stop

    o = Table()
    return lambda x: x * o[1:3], (X,), attribute(o, "factor", 4.0)


@case("instructions")
def a_slice_by_limits_that_change() -> Any:
    o = Holder(first=0, last=2)
    return lambda x: np.sum(x[o.first : o.last]) * x, (X,), attribute(o, "last", 3)


@case("instructions")
def a_list_stored_in_a_slice() -> Any:
    ks = [2.0, 3.0]

    def fun(x: Any) -> Any:
        mine = [1.0, 1.0, 1.0]
        mine[1:3] = ks
        return x * mine[0] + mine[1] * mine[2]

    return fun, (X,), entry(ks, 0, 5.0)


@case("instructions")
def a_slice_that_an_object_takes() -> Any:
    class Table:
        factor = 2.0
        held = 0.0

        def __setitem__(self, key: slice, value: float) -> None:
            self.held = value * type(self).factor

    def fun(x: Any) -> Any:
        mine = Table()
        mine[:2] = 3.0
        return x * mine.held

    return fun, (X,), attribute(Table, "factor", 4.0)


@case("instructions")
def an_attribute_of_super() -> Any:
    class Base:
        factor = 2.0

        @property
        def double(self) -> float:
            return 2.0 * self.factor

    class Derived(Base):
        factor = 3.0

        def read(self, x: Any) -> Any:
            return x * super().factor + super().double

    return Derived().read, (X,), attribute(Base, "factor", 5.0)


@case("instructions")
def a_class_method_of_super() -> Any:
    class Base:
        factor = 2.0

        @classmethod
        def read(cls) -> float:
            return cls.factor

    class Derived(Base):
        @classmethod
        def read(cls) -> float:
            return super().read() + 1.0

    return lambda x: x * Derived.read(), (X,), attribute(Derived, "factor", 5.0)


@case("instructions")
def super_of_an_outer_class() -> Any:
    class Base:
        factor = 2.0

    class Derived(Base):
        def read(self, x: Any) -> Any:
            return x * super(Derived, self).factor  # noqa: UP008

    return Derived().read, (X,), attribute(Base, "factor", 5.0)


@case("instructions")
def a_name_that_hides_super() -> Any:
    o = Holder(factor=2.0)

    def outer(super: Any) -> Any:  # noqa: A002
        class Derived:
            def read(self, x: Any) -> Any:
                return x * super(Derived, self).factor

        return Derived().read

    return outer(lambda *_: o), (X,), attribute(o, "factor", 5.0)


@case("instructions")
def a_comprehension_with_a_variable_of_its_own_name() -> Any:
    ks = [1.0, 2.0]
    k = 3.0
    o = Holder(k=2.0)

    def fun(x: Any) -> Any:
        return x * sum([k * o.k for k in ks]) * k

    return fun, (X,), attribute(o, "k", 4.0)


@case("instructions")
def a_comprehension_of_functions() -> Any:
    ks = [1.0, 2.0]

    def fun(x: Any) -> Any:
        functions = [lambda t, k=k: t * k * ks[0] for k in ks]
        late = [lambda t: t * k for k in ks]
        return functions[1](x) + late[0](x)

    return fun, (X,), entry(ks, 1, 5.0)


@case("instructions")
def comprehensions_within_each_other() -> Any:
    rows = [[1.0, 2.0], [3.0, 4.0]]

    def fun(x: Any) -> Any:
        table = {i: [(last := v) * x for v in row if v] for i, row in enumerate(rows)}
        return table[1][0] + table[0][1] * last

    return fun, (X,), entry(rows[1], 1, 5.0)


@case("instructions")
def a_comprehension_that_fails() -> Any:
    ks = [1.0, 0.0]

    def fun(x: Any) -> Any:
        k = 2.0
        try:
            return x * sum([1.0 / k for k in ks])
        except ZeroDivisionError:
            return x * k

    return fun, (X,), entry(ks, 1, 5.0)


@case("instructions")
def a_comprehension_in_a_class() -> Any:
    ks = [1.0, 2.0]

    def fun(x: Any) -> Any:
        class Table:
            first = 2.0
            rows = [k * 2.0 for k in ks]  # noqa: RUF012
            total = first + rows[1]

        return x * Table.total

    return fun, (X,), entry(ks, 1, 5.0)


@case("instructions")
def keywords_of_a_method() -> Any:
    class Layer:
        bias = 1.0

        def __call__(self, x: Any, *, scale: float, **rest: float) -> Any:
            return x * scale + self.bias * rest["shift"]

    o = Layer()
    return lambda x: o.__call__(x, scale=2.0, shift=3.0) + o(x, shift=1.0, scale=1.0), (X,), attribute(o, "bias", 2.0)


@case("instructions")
def keywords_of_a_builtin() -> Any:
    ks = [3.0, 1.0, 2.0]
    return lambda x: x * sorted(ks, key=lambda k: -k, reverse=True)[0] + max(ks, default=0.0), (X,), entry(ks, 1, 0.5)


@case("instructions")
def keywords_that_are_unpacked() -> Any:
    options = {"scale": 2.0}

    def layer(x: Any, *shifts: float, scale: float = 1.0) -> Any:
        return x * scale + sum(shifts)

    shifts = [1.0, 2.0]
    return lambda x: layer(x, *shifts, **options) + layer(*(x,)), (X,), entry(options, "scale", 5.0)


@case("instructions")
def texts_with_conversions() -> Any:
    o = Holder(name="b", digits=1, value=2.25)
    table = {"'b' b 2.2": 2.0, "'b' b 2.25": 3.0}
    return lambda x: x * table[f"{o.name!r} {o.name!s} {o.value:.{o.digits}f}"], (X,), attribute(o, "digits", 2)


@case("instructions")
def a_text_that_an_object_gives() -> Any:
    class Name:
        held = "1"

        def __str__(self) -> str:
            return self.held

        def __format__(self, spec: str) -> str:
            return self.held + spec

    o = Name()
    return lambda x: x * float(f"{o!s}") * float(f"{o:0}") * float(f"{o}"), (X,), attribute(o, "held", "2")


@case("instructions")
def a_plus_that_an_object_answers() -> Any:
    class Number:
        held = 2.0

        def __pos__(self) -> float:
            return self.held

    o = Number()
    return lambda x: x * +o, (X,), attribute(o, "held", 5.0)


@case("instructions")
def the_truth_of_a_comparison() -> Any:
    class Answer:
        held = True

        def __bool__(self) -> bool:
            return self.held

    class Number:
        def __lt__(self, other: Any) -> Any:
            return Answer()

    o = Number()
    return lambda x: x * 2.0 if o < 1.0 else x * 3.0, (X,), attribute(Answer, "held", False)


@case("instructions")
def a_comparison_that_appears() -> Any:
    class Number:
        def __init__(self, value: float) -> None:
            self.value = value

    o, other = Number(1.0), Number(1.0)

    def equal(self: Any, other: Any) -> bool:
        return self.value == other.value

    return lambda x: x * 2.0 if o == other else x * 3.0, (X,), attribute(Number, "__eq__", equal)


@case("instructions")
def a_member_of_a_set_that_grows() -> Any:
    kinds = {int, str}
    o = Holder(k=1.0)

    def change() -> Any:
        kinds.add(float)
        return lambda: kinds.discard(float)

    return lambda x: x * 2.0 if type(o.k) in kinds else x * 3.0, (X,), change


@case("instructions")
def a_generator_that_is_thrown_into() -> Any:
    ks = [1.0, 2.0]

    def numbers() -> Any:
        try:
            yield ks[0]
        except KeyError:
            yield ks[1]

    def delegated() -> Any:
        yield from numbers()

    def fun(x: Any) -> Any:
        running = delegated()
        first = next(running)
        return x * first + running.throw(KeyError())

    return fun, (X,), entry(ks, 1, 5.0)


@case("instructions")
def a_manager_that_is_left_by_an_error() -> Any:
    o = Holder(k=2.0)

    @contextlib.contextmanager
    def managed() -> Any:
        try:
            yield o.k
        except ValueError:
            o.seen = o.k

    def fun(x: Any) -> Any:
        with managed() as k, contextlib.suppress(KeyError):
            x = x * k
            raise KeyError
        return x

    return fun, (X,), attribute(o, "k", 5.0)


@case("instructions")
def a_function_with_many_names() -> Any:
    """So many that an argument of an instruction needs more than a byte."""
    names = [f"k{i}" for i in range(300)]
    o = Holder(**dict.fromkeys(names, 1.0))
    lines = "".join([f"        x = x * o.{name}\n" for name in names])
    space: dict[str, Any] = {"o": o}
    exec(f"def fun(x):\n    for _ in range(1):\n{lines}    return x", space)
    return space["fun"], (X,), attribute(o, "k299", 2.0)


@case("instructions")
def a_function_with_parameters_of_types() -> Any:
    """`def identity[T](value)`, where Python has it."""
    ks = [2.0]
    space: dict[str, Any] = {"ks": ks}
    try:
        exec(
            "def fun(x):\n    def identity[T](value: T) -> T:\n        return value\n    return x * identity(ks[0])",
            space,
        )
    except SyntaxError:
        exec("def fun(x):\n    def identity(value):\n        return value\n    return x * identity(ks[0])", space)
    return space["fun"], (X,), entry(ks, 0, 5.0)
