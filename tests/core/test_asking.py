"""Which of Python's functions asks for the entries of a value is known by the code that calls it, or not at all."""

import builtins
import functools
import itertools
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from minigrad.core.asking import asked_by


class Asked:
    """Three numbers, and who has asked for them."""

    def __init__(self) -> None:
        self.by: list[str] = []

    def __iter__(self) -> Iterator[int]:
        self.by.append(asked_by(sys._getframe(1)))
        return iter((3, 1, 2))

    def self(self) -> "Asked":
        return self


def in_a_loop(x: Any) -> int:
    total = 0
    for entry in x:
        total += entry
    return total


def shadowed(x: Any) -> Any:
    sum = list  # noqa: A001
    return sum(x)


@pytest.mark.parametrize(
    ("by", "fun"),
    [
        ("sum", lambda x: sum(x)),
        ("sum", lambda x: 2 * sum(x.self().self()) + 1),
        ("max", lambda x: max(x)),
        ("min", lambda x: [min(x), 2]),
        ("sum", lambda x: (lambda y: sum(y))(x)),
        ("sum", lambda x: eval("sum(x)", {"x": x})),
        ("sum", lambda x: eval("[sum(v) for v in xs][0]", {"xs": [x]})),
        ("", lambda x: sum(x, 1)),
        ("", lambda x: sum(x, start=1)),
        ("", lambda x: sum(*[x])),
        ("", lambda x: max(x, key=abs)),
        ("", lambda x: max(x, default=3)),
        ("", lambda x: sum(itertools.islice(x, 2))),
        ("", lambda x: sum(iter(x))),
        ("", lambda x: sum(v for v in x)),
        ("", lambda x: sum([*x])),
        ("", lambda x: sum(map(abs, x))),
        ("", lambda x: sum(x if x else [])),  # which of two is not seen
        ("", lambda x: builtins.sum(x)),
        ("", lambda x: functools.reduce(max, x)),
        ("", lambda x: list(x)),
        ("", lambda x: eval("sum(x)", {"x": x, "sum": list})),
        ("", lambda x: eval("sum(x)", {}, {"x": x, "sum": list})),
        ("", in_a_loop),
        ("", shadowed),
        ("", lambda x: (lambda a, b, c: a)(*x)),
    ],
)
def test_who_asks(by: str, fun: Any) -> None:
    x = Asked()
    for _ in range(20):  # Python changes how it runs what runs often
        fun(x)
    assert set(x.by) == {by}
    assert len(x.by) >= 20


def test_a_name_is_looked_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Asked()

    def total() -> Any:
        return sum(x)

    assert total() == 6
    monkeypatch.setitem(globals(), "sum", list)
    assert total() == [3, 1, 2]
    assert x.by == ["sum", ""]
