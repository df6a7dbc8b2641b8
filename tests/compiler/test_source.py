"""The emitted source: it reads well, runs with NumPy alone, computes the same bits, and is formatted."""

import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from programs import STEPS, C, inputs, scalar, steps

import minigrad
import minigrad.numpy as mnp
from minigrad import derivatives, grad, hvp, jacobian, source, value_and_grad
from minigrad.core.tree import flatten
from nn import loss, mlp

rng = np.random.default_rng(3)
X, Y = rng.uniform(-1, 1, (2, 2, 3))
RUFF = shutil.which("ruff") or shutil.which("ruff", path=sys.prefix + "/bin")


def check(fun: Any, *args: Any) -> str:
    """The text runs in an empty namespace, gives the bits of the tape, and ruff finds nothing to change."""
    text = source(fun, *args)
    expected = fun(*args)
    for a, b in zip(flatten(text.function()(*args))[0], flatten(expected)[0], strict=True):
        assert type(a) is type(b)
        assert np.array_equal(a, b, equal_nan=True)
    if RUFF is not None:
        command = [RUFF, "format", "--isolated", "--diff", "--quiet", "-"]
        formatted = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert formatted.returncode == 0, formatted.stdout
    assert all(len(line) <= 88 for line in text.split("\n") if "# pr" not in line and "# pu" not in line)
    return text


TRANSFORMS: dict[str, Any] = {
    "gradient": lambda f: grad(lambda x, y: np.sum(f(x, y) * C), (0, 1)),
    "hvp": lambda f: lambda x, y: hvp(lambda u: np.sum(f(u, y) * C + f(y, u)), x, y),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("step", STEPS)
def test_every_step(step: str, transform: str) -> None:
    check(TRANSFORMS[transform](STEPS[step]), X, Y)


@settings(max_examples=15)
@given(steps, inputs)
def test_random_programs(program: Any, x: Any) -> None:
    check(value_and_grad(scalar(program)), x)


@pytest.mark.parametrize("name", ["sin", "gauss", "einsum", "entries", "prod"])
def test_jacobians_and_taylor_series(name: str) -> None:
    """Long programs, with lines that have to be broken."""
    check(jacobian(STEPS[name]), X, Y)
    check(lambda x, y: derivatives(lambda u: STEPS[name](u, y), x, 3), X, Y)


def test_backpropagation_as_in_a_textbook() -> None:
    """Names of the user, cotangents called _bar, blocks headed by the user's lines, shapes: the whole text."""
    Q = rng.uniform(-1, 1, (3, 20))
    x = rng.uniform(-1, 1, (2, 20))
    A, b = [rng.normal(size=(4, 2)), rng.normal(size=(3, 4))], [rng.normal(size=(4, 1)), rng.normal(size=(3, 1))]

    def objective(A: Any, b: Any) -> Any:
        z = x
        for Ar, br in zip(A, b):
            z = np.arctan(Ar @ z + br)
        return np.sum(mnp.logsumexp(z, axis=0)) - np.vdot(z, Q)

    text = check(value_and_grad(objective, (0, 1)), A, b)
    assert (
        text
        == """import numpy as np


def value_and_grad_objective(A, b, x, Q):
    A0, A1 = A[0], A[1]
    b0, b1 = b[0], b[1]

    # primal: z = np.arctan(Ar @ z + br)
    u1 = A0 @ x + b0  # (4, 20)
    z1 = np.arctan(u1)  # (4, 20)

    # primal: z = np.arctan(Ar @ z + br)
    u2 = A1 @ z1 + b1  # (3, 20)
    z2 = np.arctan(u2)  # (3, 20)

    # primal: return np.sum(mnp.logsumexp(z, axis=0)) - np.vdot(z, Q)
    top = np.max(z2, axis=0, keepdims=True)  # (1, 20)
    e = np.exp(z2 - top)  # (3, 20)
    total = np.sum(e, axis=0)  # (20,)
    objective = np.sum(np.log(total) + top[0]) - np.vdot(z2, Q)  # scalar

    # pullback of: return np.sum(mnp.logsumexp(z, axis=0)) - np.vdot(z, Q)
    z2_bar = e / total[None, :] - Q  # (3, 20)

    # pullback of: z = np.arctan(Ar @ z + br)
    u2_bar = z2_bar / (1.0 + u2 * u2)  # (3, 20)
    b1_bar = np.sum(u2_bar, axis=1, keepdims=True)  # (3, 1)
    A1_bar = u2_bar @ z1.T  # (3, 4)
    z1_bar = A1.T @ u2_bar  # (4, 20)

    # pullback of: z = np.arctan(Ar @ z + br)
    u1_bar = z1_bar / (1.0 + u1 * u1)  # (4, 20)
    b0_bar = np.sum(u1_bar, axis=1, keepdims=True)  # (4, 1)
    A0_bar = u1_bar @ x.T  # (4, 2)

    return objective, ([A0_bar, A1_bar], [b0_bar, b1_bar])
"""
    )
    assert sorted(text.constants) == ["Q", "x"]
    assert text.constants["Q"] is Q


def test_the_network_of_the_tour() -> None:
    A, b = mlp.init([2, 4, 5, 3], rng)
    x, Q = rng.uniform(-1, 1, (2, 30)), np.eye(3)[rng.integers(0, 3, 30)].T.copy()
    text = check(value_and_grad(lambda P: loss.logistic(mlp.forward(P[0], P[1], x)[-1], Q)), (A, b))
    assert "X3_bar = e / total[None, :] - Q" in text


def test_scattered_cotangents_are_added_up() -> None:
    def rosenbrock(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    text = check(grad(rosenbrock), np.array([0.5, 1.0, 2.0]))
    assert "x_bar = np.zeros(3)  # (3,)" in text
    assert "x_bar[1:] += " in text
    assert "x_bar[:-1] += " in text
    assert "np.add.at(" in check(grad(lambda x: np.sum(x[[0, 0, 1]] * x[[1, 2, 2]])), np.array([0.5, 1.0, 2.0]))


def test_structures_names_and_branches() -> None:
    def model(params: Any, x: Any, kind: str = "a") -> Any:
        hidden = np.tanh(params["W"] @ x)
        if hidden[0] > 0:
            hidden = hidden * 2.0
        return {"out": hidden, "more": (np.float64(2.0), [x, None])}

    params = {"W": np.array([[1.0, 2.0], [3.0, 4.0]])}
    text = check(model, params, np.array([0.1, 0.2]))
    assert '    W = params["W"]\n' in text
    assert "hidden1 = np.tanh(W @ x)" in text
    assert "hidden2 = hidden1 * 2.0" in text
    assert '    if not hidden1[0] > 0:\n        raise ValueError("this program was written for another branch")' in text
    with pytest.raises(ValueError, match="another branch"):
        text.function()(params, np.array([-0.1, -0.2]))


def test_special_constants() -> None:
    """NaN, infinities, complex numbers, other dtypes, large arrays, booleans."""
    large = np.arange(20.0)
    mask = np.array([True, False])

    def fun(x: Any) -> Any:
        y = np.where(mask, x, -np.inf)
        return y, x * np.float32(0.1), x + 2j, x[:, None] * large, np.where(x > 0, np.nan, x), x * np.int8([1, 2])

    text = check(fun, np.array([0.5, -0.25], np.float32))
    assert text.constants["large"] is large


def test_quiet_parts_stay_quiet() -> None:
    def fun(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.where(x > 0, np.log(x), 0.0)

    text = check(fun, np.array([1.0, -1.0]))
    assert 'with np.errstate(divide="ignore", invalid="ignore"):' in text


def test_long_calls_are_broken_outside_of_strings() -> None:
    def fun(first: Any, second: Any, third: Any) -> Any:
        long_name_of_first, long_name_of_second, long_name_of_third = np.sin(first), np.cos(second), np.tan(third)
        product = np.einsum("ab,bc,cd->ad", long_name_of_first, long_name_of_second, long_name_of_third)
        return product, np.stack([long_name_of_first, long_name_of_second, long_name_of_third, product, product * 2.0])

    square = rng.uniform(-1, 1, (2, 2))
    assert "np.einsum(\n" in check(fun, square, square + 1.0, square - 1.0)


def test_nested_orders() -> None:
    fun: Any = np.tanh
    for _ in range(3):
        fun = grad(fun)
        check(fun, 0.3)


def test_what_numpy_does_not_have_is_refused() -> None:
    """A ufunc of SciPy is imported from there; another library's cannot be called by name."""
    special = pytest.importorskip("scipy.special")
    text = check(lambda x: special.erf(x), X)
    assert "import scipy.special\n" in text
    foreign = np.frompyfunc(lambda x: x, 1, 1)
    with pytest.raises(TypeError, match=r"minigrad\.compile can"):
        source(lambda x: foreign(x).astype(float), X)


def test_the_text_of_a_compiled_function() -> None:
    compiled = minigrad.compile(grad(lambda x: np.sum(np.sin(x))))
    assert compiled.source(X) == source(compiled.fun, X)


def test_arrays_that_share_what_is_written() -> None:
    """The names of the user's variables are looked up in the middle of a step, which must not take one more step."""

    def f(x):
        a = np.sin(x)
        first = a[1:]
        a[1:] = a[:-1]
        first *= 2.0
        return np.sum(a * a)

    text = check(grad(f), X[0])
    assert "np.sin(x)" in text


def test_an_array_without_entries_keeps_its_shape() -> None:
    check(grad(lambda x: np.sum(np.einsum("ij->ji", x) * 2.0)), np.ones((2, 0)))
    check(grad(lambda x: np.sum(x.T * 2.0)), np.ones((0, 3), np.float32))


def one_line_loop(x: Any) -> Any:
    for _ in range(3): x = 2.0 * np.sin(x)  # fmt: skip  # noqa: E701
    return x


def test_each_pass_of_a_loop_in_one_line_has_its_comment() -> None:
    """The next pass runs the same instruction, with another call inside."""
    assert check(one_line_loop, 0.5).count("# primal: x = 2.0 * np.sin(x)") == 3
    assert check(grad(one_line_loop), 0.5).count("# pullback of: x = 2.0 * np.sin(x)") == 3
