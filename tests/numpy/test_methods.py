"""Methods of a traced array take NumPy's arguments, by NumPy's names, and do what NumPy does with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
from minigrad import batched, grad, jvp, value
from minigrad.errors import CannotCompileError

X = np.random.default_rng(0).uniform(0.2, 2.0, (3, 3))
MASK = X > 0.9
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("sum", {"axis": 1, "where": MASK, "initial": 3.0, "keepdims": True}), ("prod", {"dtype": complex}),
    ("max", {"axis": 0, "initial": 1.5}), ("min", {"where": MASK, "initial": 5.0}), ("mean", {"dtype": np.float32}),
    ("var", {"ddof": 1}), ("var", {"mean": np.full((3, 1), 0.3), "axis": 1}), ("std", {"where": MASK, "ddof": 0.5}),
    ("cumsum", {"axis": -2}), ("cumprod", {"dtype": np.float32}), ("clip", {"max": 0.9}), ("round", {"decimals": 1}),
    ("compress", {"condition": [True, False, True]}),
    ("compress", {"condition": [True, False, True], "axis": 1}),
    ("take", {"indices": [0, 12], "mode": "wrap"}), ("repeat", {"repeats": [1, 0, 2], "axis": 1}),
    ("ravel", {"order": "F"}), ("flatten", {"order": "F"}), ("trace", {"offset": 1}), ("trace", {"dtype": complex}),
    ("diagonal", {"offset": 1, "axis1": 1, "axis2": 0}), ("argsort", {"axis": 0}), ("argpartition", {"kth": 1}),
    ("argmax", {"axis": 0, "keepdims": True}), ("astype", {"dtype": np.float32}), ("astype", {"dtype": int}),
    ("astype", {"dtype": float, "order": "F"}), ("astype", {"dtype": complex, "order": "F", "copy": False}),
    ("astype", {"dtype": np.float32, "casting": "same_kind"}), ("view", {}), ("view", {"type": np.ndarray}),
    ("put", {"indices": [0, 20], "values": np.array([0.4, 0.9]), "mode": "wrap"}),
]  # fmt: skip


def called(name: str, options: Any) -> Callable[[Any], Any]:
    """The result, or the array that was written to; read in the order of memory."""

    def function(x: Any) -> Any:
        y = x * 1.0
        ans = getattr(y, name)(**options)
        return (y if ans is None else ans).ravel("K")

    return function


@pytest.mark.parametrize(("name", "options"), CALLS, ids=[f"{name} {' '.join(options)}" for name, options in CALLS])
def test_methods_do_what_numpys_do(name: str, options: Any) -> None:
    f = called(name, options)
    kept: list[Any] = []

    def keep(x: Any) -> Any:
        kept.append(value(f(x)))
        return np.sum(x)

    expected = f(X)
    grad(keep)(X)
    jvp(keep, (X,), (X,))
    kept += [minigrad.compile(f)(X), batched(f)(X[None])[0]]
    for found in kept:
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6 if expected.dtype == np.float32 else 1e-13)


def test_a_method_refuses_what_numpys_refuses() -> None:
    for call, error in [
        (lambda x: x.astype(np.float32, casting="safe"), TypeError),
        (lambda x: x.astype(float, order="Q"), ValueError),
        (lambda x: x.astype(float, nonsense=1), TypeError),
        (lambda x: (x * 1.0).put([0], [1.0], mode="nonsense"), ValueError),
    ]:
        for f in (call, grad(call), minigrad.compile(call)):
            with pytest.raises(error):
                f(X)
    for transform in (grad, minigrad.compile):
        with pytest.raises(TypeError, match=r"x\.view: it looks at the same bytes"):
            transform(lambda x: np.sum(x.view(np.float32)))(X)


ALIASES: list[Callable[[Any], Any]] = [
    lambda y: y.astype(float, copy=False), lambda y: np.astype(y, float, copy=False), lambda y: y.view(),
    lambda y: y.view(np.ndarray), lambda y: mnp.asarray(y, float),
]  # fmt: skip


@pytest.mark.parametrize("alias", ALIASES)
def test_what_is_no_copy_is_written_through(alias: Callable[[Any], Any]) -> None:
    def f(x: Any) -> Any:
        y = np.sin(x)
        z = alias(y)
        z *= 2.0
        return np.sum(y**2)

    expected = 8.0 * np.sin(X) * np.cos(X)
    np.testing.assert_allclose(grad(f)(X), expected)
    np.testing.assert_allclose(jvp(f, (X,), (X,))[1], np.sum(expected * X))
    np.testing.assert_allclose(minigrad.compile(grad(f))(X), expected)
    np.testing.assert_allclose(batched(grad(f))(X[None])[0], expected)
    np.testing.assert_allclose(minigrad.compile(f)(X), f(X))


def test_an_entry_of_a_plain_array_is_refused_with_advice() -> None:
    def f(x: Any) -> Any:
        a = np.full_like(x, 0.5)
        a[0] = x[-1]
        return np.sum(a**2)

    with pytest.raises(CannotCompileError, match=r"cannot be written to\. Use minigrad\.set_at\(x, index, value\)"):
        minigrad.compile(f)(X[0])
