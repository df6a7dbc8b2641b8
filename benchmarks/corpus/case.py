"""What a case is, and how a group collects its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OK, WRONG, KINK, INCONCLUSIVE = "OK", "WRONG", "NOT DIFFERENTIABLE HERE", "INCONCLUSIVE"

Built = tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """One function with a gradient by hand at one point.

    `build()` makes (f, manual, args) anew, so that a function with a state, such as a noisy one, starts afresh.
    """

    name: str
    group: str
    why: str
    expected: str
    build: Callable[[], Built]


@dataclass
class Group:
    """The cases under one heading. An instance is called `case` and used as a decorator.

    >>> case = Group("squares")
    >>> @case(OK)
    ... def square():
    ...     \"\"\"The plainest gradient there is.\"\"\"
    ...     return lambda x: x * x, lambda x: 2 * x, (3.0,)
    >>> case.cases["square"].expected, case.cases["square"].why
    ('OK', 'The plainest gradient there is.')
    """

    title: str
    cases: dict[str, Case] = field(default_factory=dict)

    def __call__(self, expected: str) -> Callable[[Callable[[], Built]], Callable[[], Built]]:
        """A decorator that adds a case: the function's name is the case's name, and its docstring the reason."""

        def enter(build: Callable[[], Built]) -> Callable[[], Built]:
            why = " ".join((build.__doc__ or "").split())
            self.cases[build.__name__] = Case(build.__name__, self.title, why, expected, build)
            return build

        return enter
