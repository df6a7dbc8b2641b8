"""Each cause for which a traced value would become a plain number or array has its own words."""

import builtins
import cmath
import contextlib
import math
import random
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad.numpy as mnp
from minigrad import LostDerivativeError, grad
from minigrad.core.lost import instead_of

M = np.eye(2)
RNG = np.random.default_rng(0)


class Model:
    """Holds what users hold in objects."""

    M, rng = np.eye(2), RNG


def rows(x: Any) -> Any:
    made = []
    for k in range(2):
        made.append([x, k * x])
    return np.array(made)


def written(x: Any) -> Any:
    a = np.zeros(2)
    a[0] = x**2
    return a


def written_by_a_slice(x: Any) -> Any:
    a = np.zeros(2)
    a[:1] = x
    return a


#: The program, and the words that must be in the message, of which the last is what to write instead.
CAUSES: dict[str, tuple[Callable[[Any], Any], tuple[str, ...]]] = {
    "list": (lambda x: np.array([x, x**2]), ("np.array([x, x**2]) makes a plain array of a list", "np.stack([x, x**2])")),
    "asarray": (lambda x: np.asarray([x, 1.0]), ("of a list", "np.stack([x, 1.0])")),
    "comprehension": (lambda x: np.array([x * k for k in range(2)]), ("np.stack([x * k for k in range(2)])",)),
    "list of lists": (lambda x: np.array([[x, 0.0], [0.0, x]]), ("of lists", "import minigrad.numpy as np")),
    "rows": (rows, ("np.array(made) makes a plain array of lists", "import minigrad.numpy as np")),
    "array": (lambda x: np.array(x), ("np.array(x) makes a plain array", "leave np.array() out")),
    "math": (lambda x: math.sin(x), ("math.sin(x) computes with plain numbers", "Write np.sin(x)")),
    "math of another name": (lambda x: math.atan2(x, 2.0), ("math.atan2(x, 2.0)", "Write np.arctan2(x, 2.0)")),
    "logarithm of a base": (lambda x: math.log(x, 2), ("math.log(x, 2)", "np.log(x) / np.log(base)")),
    "special": (lambda x: math.lgamma(x), ("math.lgamma(x)", "Write scipy.special.gammaln")),
    "cmath": (lambda x: cmath.exp(x), ("cmath.exp(x)", "Write np.exp(x)")),
    "mapped": (lambda x: sum(map(math.sin, [x])), ("a function of the math module", "np.sin(x) for math.sin(x)")),
    "float": (lambda x: float(x), ("float(x) makes a plain number", "Leave float() out")),
    "int": (lambda x: int(x), ("int(x) makes a whole number", "int(minigrad.value(x))")),
    "complex": (lambda x: complex(x), ("complex(x) makes a plain number", "Leave complex() out")),
    "float32": (lambda x: np.float32(x), ("np.float32(x) makes a plain number", "x.astype(np.float32)")),
    "dot": (lambda x: M.dot(x * M[0]), ("M.dot(x * M[0]) is a method of a plain array", "np.dot(M, x * M[0])")),
    "dot of an attribute": (lambda x, m=Model(): m.M.dot(x), ("m.M.dot(x) is a method", "m.M @ x, or np.dot(m.M, x)")),
    "dot of an entry": (lambda x: M[0].dot(x * M[0]), ("dot is a method of a plain array", "np.dot(M, x)")),
    "searchsorted": (lambda x: M[0].searchsorted(x), ("searchsorted is a method of a plain array", "np.searchsorted(")),
    "fill": (lambda x: M.fill(x), ("M.fill(x) writes", "minigrad.set_at")),
    "iterator": (lambda x: np.fromiter((x * k for k in range(2)), float), ("np.fromiter", "np.stack([f(i) for i in range(n)])")),
    "generator made on the spot": (lambda x: np.random.default_rng(0).normal(x), ("….normal draws plain numbers", "mu + sigma")),
    "vectorize": (lambda x: np.vectorize(lambda t: t * t)(x), ("np.vectorize hands plain numbers", "minigrad.vmap(f)(x)")),
    "generator": (lambda x: RNG.normal(x), ("RNG.normal(x) draws plain numbers", "mu + sigma * rng.standard_normal(n)")),
    "generator of an object": (lambda x, m=Model(): m.rng.uniform(0.0, x), ("m.rng.uniform(0.0, x) draws", "outside")),
    "random": (lambda x: np.random.poisson(x), ("np.random.poisson(x) draws plain numbers", "Draw numbers that do not")),
    "sum": (lambda x: np.sum([x, 2 * x]), ("np.sum([x, 2 * x])", "np.sum(np.stack([x, 2 * x]))")),
    "mean": (lambda x: np.mean((x, x)), ("np.mean((x, x))", "Write np.mean(np.stack((x, x)))")),
    "exp": (lambda x: np.exp([x, 1.0]), ("np.exp([x, 1.0])", "Write np.exp(np.stack([x, 1.0]))")),
    "two lists": (lambda x: np.dot([x, x], [1.0, 2.0]), ("np.dot(", "Write np.dot(np.stack([x, x]), [1.0, 2.0])")),
    "stack": (lambda x: np.stack([[x, x], M[0]]), ("np.stack(", "Write np.stack([np.stack([x, x]), M[0]])")),
    "full": (lambda x: np.full(2, x), ("np.full(2, x) makes a plain array", "x * np.ones(shape)")),
    "arange": (lambda x: np.arange(0.0, x, 0.1), ("np.arange(0.0, x, 0.1)", "x * np.linspace(0.0, 1.0, n)")),
    "entry": (written, ("a[0] = ... writes", "minigrad.set_at(a, index, new)")),
    "slice": (written_by_a_slice, ("a[:1] = ... writes", "minigrad.set_at(a, index, new)")),
    "index": (lambda x: M[x], ("M[x] takes", "int(minigrad.value(x))")),
    "text": (lambda x: "%.2f" % x, ('"%.2f" % x makes a plain number', 'f"{x:.3f}"')),
    "statistics": (lambda x: statistics.mean([x, x]), ("the module statistics computes", "Use NumPy's functions")),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_has_its_own_words(cause: str) -> None:
    fun, words = CAUSES[cause]
    message = fails(LostDerivativeError, lambda: grad(lambda x: np.sum(fun(x)))(1.5), *words)
    assert "minigrad.value(x)" in message
    assert "test_lost.py" in message


def test_no_two_causes_share_their_words() -> None:
    """All messages differ, and none speaks of another mistake."""
    messages = {}
    for cause, (fun, _) in CAUSES.items():
        messages[cause] = fails(LostDerivativeError, lambda f=fun: grad(lambda x: np.sum(f(x)))(1.5)).split("\n")[0]
    assert len(set(messages.values())) == len(messages)
    for cause in ("float", "math", "list", "sum", "generator"):
        assert "M @ x" not in messages[cause]
        assert "set_at" not in messages[cause]


def test_a_count_or_an_index_is_a_whole_number() -> None:
    """The type is Python's and NumPy's own, so that a handler is the branch that it is on plain numbers."""
    for fun, words in (
        (lambda x: range(x), "range(x)"),
        (lambda x: [1, 2][x], "[1, 2][x]"),
    ):
        with pytest.raises(TypeError):
            fun(np.float64(1.5))
        fails(TypeError, lambda f=fun: grad(f)(1.5), words, "needs a whole number", "int(minigrad.value(x))")

    def counted(x: Any) -> Any:
        try:
            return sum([x for _ in range(x)])
        except TypeError:
            return x**2

    assert grad(counted)(1.5) == 3.0


def test_functions_of_math_are_called_by_their_names_in_numpy() -> None:
    """Each function of a real number of `math` and `cmath` has an advice, and each name in it is NumPy's or SciPy's."""
    special = pytest.importorskip("scipy.special")
    others = {"gcd", "lcm", "isqrt", "frexp", "ldexp", "modf", "fma", "polar", "rect", "remainder", "dist", "prod"}
    for module in (math, cmath):
        for name, function in vars(module).items():
            if name[0] == "_" or not builtins.callable(function) or name in others:
                continue
            advice = instead_of(function).partition("(")[0]
            home, _, own = advice.rpartition(".")
            assert hasattr({"np": np, "scipy.special": special}[home], own), (name, advice)


@pytest.mark.parametrize("name", ["sin", "acos", "asinh", "atanh", "expm1", "log1p", "cbrt", "hypot", "pow", "degrees"])
def test_the_advice_for_a_function_of_math_computes_the_same(name: str) -> None:
    function = getattr(math, name)
    point = (0.3, 0.4) if name in ("hypot", "pow") else (0.3,)
    replaced = eval(instead_of(function, str(point) if len(point) > 1 else f"({point[0]})"), {"np": np})
    assert replaced == pytest.approx(function(*point), rel=1e-15)


def test_what_the_advice_says_works() -> None:
    """The replacements of the messages are differentiable."""
    for fun in (
        lambda x: np.stack([x, x**2]), lambda x: np.sum(np.stack([x, 2 * x])), lambda x: np.dot(M, x * M[0]),
        lambda x: x + 0.1 * RNG.standard_normal(3), lambda x: mnp.array([[x, 0.0], [0.0, x]]),
        lambda x: x * np.linspace(0.0, 1.0, 4), lambda x: mnp.full(2, x), lambda x: random.gauss(x, 1.0),
        lambda x: np.stack([x * k for k in range(2)]), lambda x: float(f"{x:.3f}") * x,
    ):  # fmt: skip
        assert np.isfinite(grad(lambda x, f=fun: np.sum(f(x)))(1.5))


# ----- the user's own line --------------------------------------------------------------------------------------------


def test_the_line_is_the_users_own_where_pandas_is_at_work() -> None:
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0])
    message = fails(
        LostDerivativeError, lambda: grad(lambda x: (series * x).sum())(1.5), "pandas makes", "x.to_numpy()"
    )
    assert message.split("\n")[1].strip().startswith(f"at {__file__}:")
    assert "(series * x).sum()" in message.split("\n")[2]


def test_the_line_is_the_users_own_where_scipy_is_at_work() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    interpolate = pytest.importorskip("scipy.interpolate")
    spline = interpolate.CubicSpline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0])
    message = fails(
        LostDerivativeError, lambda: grad(lambda x: spline(x))(1.5), "scipy makes", "minigrad.custom_primitive"
    )
    assert message.split("\n")[1].strip().startswith(f"at {__file__}:")
    with pytest.raises((LostDerivativeError, ValueError)) as caught:  # its code in C does not look at errors
        grad(lambda x: optimize.brentq(lambda t: t - x, 0.0, 2.0))(1.5)
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert "scipy makes a plain number" in told
    assert f"at {__file__}:" in told


def test_an_error_that_follows_a_refusal_tells_of_it() -> None:
    """Code in C may let an error go by, and raise another one later."""

    def fun(x: Any) -> Any:
        with contextlib.suppress(TypeError):
            float(x)
        raise KeyError("later")

    with pytest.raises(KeyError) as caught:
        grad(fun)(1.5)
    assert "float(x) makes a plain number" in caught.value.__notes__[0]


def test_without_a_source_the_cause_is_known_all_the_same() -> None:
    """As in an interactive session: the words are those of the cause, without a text that could be repeated."""
    scope: dict[str, Any] = {"np": np, "math": math, "M": M, "float": float}
    for text, words in (
        ("math.sin(x)", ("math.sin() computes with plain numbers", "Write np.sin")),
        ("np.array([x, x])", ("np.array makes a plain array of a list", "np.stack([x, y])")),
        ("M.dot(x)", ("M.dot is a method of a plain array", "np.dot(M, x)")),
        ("float(x)", ("float() makes", "Leave float() out")),
    ):
        fails(LostDerivativeError, lambda t=text: grad(eval(f"lambda x: {t}", scope))(1.5), *words)
