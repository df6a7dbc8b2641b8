"""`minimize`: SciPy's minimisers on pytrees of parameters, with exact gradients and products with the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.compiler.replay import compile as compiled
from minigrad.core.lines import located
from minigrad.core.tree import flatten
from minigrad.modes.checks import is_numeric
from minigrad.modes.forward import jvp
from minigrad.modes.reverse import grad, value_and_grad
from minigrad.operations.vectors import to_vector

METHODS = ("L-BFGS-B", "BFGS", "CG", "Newton-CG", "trust-ncg")
OF_SECOND_ORDER = ("Newton-CG", "trust-ncg")


def minimize(
    fun: Callable[..., Any],
    params: Any,
    args: Sequence[Any] = (),
    *,
    method: str = "L-BFGS-B",
    jac: bool = False,
    hessp: Callable[..., Any] | None = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
    callback: Callable[[Any], Any] | None = None,
) -> Any:
    """The result of `scipy.optimize.minimize`, for parameters in any structure and with exact derivatives.

    The function is compiled together with its gradient, and for "Newton-CG" and "trust-ncg" so is its product of the
    Hessian with a vector, which never forms the Hessian.

    Args:
        fun: maps the parameters (and `args`) to one number.
        params: where to start: a pytree of real arrays and numbers. Integers become floats; leaves that are no numbers
            are left alone.
        args: further arguments of `fun`, constants.
        method: "L-BFGS-B", "BFGS", "CG", "Newton-CG" or "trust-ncg".
        jac: whether `fun` returns the value and the gradient, a pytree like the parameters. So does
            `minigrad.summed(value_and_grad(loss))`, for data of any size. Such a function is called as it is.
        hessp: the product of the Hessian with a vector, `hessp(params, v, *args)`, a pytree like the parameters; by
            default that of `fun`. With `jac=True` the methods of second order need it.
        tol: SciPy's tolerance.
        options: SciPy's options of the method, such as `{"maxiter": 100}`.
        callback: called with the parameters after each iteration; `StopIteration` ends the search there.

    Returns:
        SciPy's `OptimizeResult`, in which `x` and `jac` have the structure, the shapes and the dtypes of `params`.

    Raises:
        ImportError: if SciPy is missing.
        ValueError: if the method is unknown, there is nothing to minimise over, a gradient does not have the structure
            and shapes of the parameters, or the value where the search starts is not finite.
        TypeError: if a parameter is complex.

    >>> import numpy as np
    >>> def bowl(p):
    ...     return np.sum((p["w"] - np.array([1.0, 2.0])) ** 2) + (p["b"] + 3.0) ** 2
    >>> found = minimize(bowl, {"w": np.zeros(2), "b": 0.0}, method="trust-ncg")
    >>> found.x["w"].round(6), found.x["b"].round(6)
    (array([1., 2.]), np.float64(-3.0))
    """
    try:
        from scipy import optimize  # type: ignore[import-untyped]  # here because it is an extra, and slow to import
    except ImportError as error:
        raise ImportError("minimize: SciPy is needed, pip install scipy") from error

    if method not in METHODS:
        raise ValueError(f"minimize: the method {method!r} is not known; there are {', '.join(METHODS)}")
    if jac and hessp is None and method in OF_SECOND_ORDER:
        raise ValueError(
            f"minimize: {method} needs products with the Hessian. fun returns its gradient itself (jac=True), so pass "
            "hessp, such as lambda p, v, *args: hvp(lambda q: loss(q, *args), p, v), or take method='L-BFGS-B'"
        )
    start, unflatten = _start(params)

    if jac:
        evaluate = fun
    else:
        evaluate = compiled(value_and_grad(fun))
    if hessp is None and not jac:

        def product_of(p: Any, v: Any, *args: Any) -> Any:
            def value(q: Any) -> Any:
                return fun(q, *args)

            return jvp(grad(value), (p,), (v,))[1]

        hessp = compiled(product_of)

    def to_scipy(what: str, tree: Any) -> Any:
        """A gradient as a vector; it must have the structure of the parameters."""
        expected, treedef = flatten(params)
        leaves = treedef.same_leaves_of(tree)
        if leaves is None or any(is_numeric(p) and np.shape(p) != np.shape(g) for p, g in zip(expected, leaves)):
            raise ValueError(
                located(f"minimize: {what} must have the structure and shapes of the parameters, {treedef}")
            )
        numbers = treedef.unflatten(g if is_numeric(p) else p for p, g in zip(expected, leaves))
        return np.asarray(to_vector(numbers)[0], np.float64)

    def value_and_gradient(x: Any) -> tuple[float, Any]:
        answer = evaluate(unflatten(np.array(x)), *args)
        if jac and not (isinstance(answer, tuple) and len(answer) == 2):
            raise ValueError(located("minimize: with jac=True, fun must return the pair (value, gradient)"))
        value, gradient = answer
        if np.shape(value) != ():
            raise ValueError(located(f"minimize: the value must be one number, not of shape {np.shape(value)}"))
        return float(value), to_scipy("the gradient", gradient)

    def product(x: Any, v: Any) -> Any:
        assert hessp is not None
        return to_scipy("hessp", hessp(unflatten(np.array(x)), unflatten(np.array(v)), *args))

    value, gradient = value_and_gradient(start)
    if not np.isfinite(value) or not np.all(np.isfinite(gradient)):
        raise ValueError(
            located(
                f"minimize: where the search starts, the value is {value:g} and the gradient is "
                f"{'finite' if np.all(np.isfinite(gradient)) else 'not'}; start elsewhere, or ask minigrad.explain_nan"
            )
        )
    watch = None if callback is None else lambda xk: callback(unflatten(np.array(xk)))
    result = optimize.minimize(
        value_and_gradient,
        start,
        method=method,
        jac=True,
        hessp=product if method in OF_SECOND_ORDER else None,
        tol=tol,
        options=options,
        callback=watch,
    )
    result.x = unflatten(np.array(result.x))
    result.jac = unflatten(np.array(result.jac))
    return result


def _start(params: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The parameters as a vector of float64, and the way back."""
    leaves, treedef = flatten(params)
    for leaf, path in zip(leaves, treedef.paths()):
        if is_numeric(leaf) and np.iscomplexobj(leaf):
            raise TypeError(
                f"minimize: the parameter{f' {path}' if path else ''} is complex, but SciPy searches real numbers; "
                "let the real and the imaginary part be two parameters"
            )
    vector, unflatten = to_vector(params)
    if not vector.size:
        raise ValueError("minimize: there are no parameters: no leaf of params is an array or a float")
    return np.asarray(vector, np.float64), unflatten
