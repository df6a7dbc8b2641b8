"""Solutions of ordinary differential equations, differentiated by the adjoint equation.

The cotangent a(t) of the state obeys da/dt = -(df/dy)^T a, backwards in time, and what it collects on the way is the
cotangent of the parameters (L. Pontryagin et al., 1962; R. Chen et al., "Neural ordinary differential equations",
arXiv:1806.07366, appendix C). The memory does not grow with the number of steps. Derivatives are as accurate as the
solver is, so set `rtol` and `atol` for what you need of them; the state is solved again backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as _np
from scipy import integrate as _own  # type: ignore[import-untyped]

from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.modes.made import called_with
from minigrad.modes.reverse import vjp
from minigrad.numpy import functions as _f
from minigrad.operations.custom import custom_primitive
from minigrad.operations.tree_operation import refuse_closure
from minigrad.operations.vectors import to_vector
from minigrad.rules import shapes as _shapes


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: Any = (),
    *,
    rtol: float = 1e-10,
    atol: float = 1e-10,
    **options: Any,
) -> Any:
    """The solution of dy/dt = func(y, t, *args) with y(t[0]) = y0, at the times t.

    Names and order of the arguments are SciPy's.

    Args:
        func: returns dy/dt, a vector of the shape of y; made of differentiable operations.
        y0: the start, a vector.
        t: increasing or decreasing times.
        args: a tuple of parameters, any pytree of them.
        rtol: the relative tolerance of the solver, of the backward solution too.
        atol: the absolute tolerance.
        **options: other options of `scipy.integrate.odeint`.

    Returns:
        An array of shape (len(t), len(y0)), differentiable in y0, t and args.

    >>> import numpy as np
    >>> from minigrad import grad
    >>> end = lambda rate: odeint(lambda y, t, rate: -rate * y, np.ones(1), np.array([0.0, 2.0]), (rate,))[-1, 0]
    >>> round(float(end(0.5)), 6), round(float(grad(end)(0.5)), 6)
    (0.367879, -0.735759)
    """
    args = args if isinstance(args, tuple) else (args,)
    theta, unflatten = to_vector(args)

    def right_hand_side(y: Any, time: Any, theta: Any) -> Any:
        return _f.asarray(func(y, time, *unflatten(theta)))  # SciPy takes lists, too

    settings = {"rtol": rtol, "atol": atol, **options}

    @custom_primitive
    def solved(y0: Any, t: Any, theta: Any) -> Any:
        def plain(y: Any, time: Any) -> Any:
            rate = right_hand_side(y, time, theta)
            refuse_closure("odeint", [rate])
            if _np.size(rate) != _np.size(y):
                raise ValueError(
                    located(
                        f"odeint: dy/dt has the shape {_np.shape(rate)}, for y of shape {_np.shape(y)}. The function "
                        f"is called with (y, t, *args); that of solve_ivp with (t, y, *args)"
                    )
                )
            return _np.asarray(peel(rate))

        return _own.odeint(plain, y0, t, **settings)

    @solved.defvjp
    def _adjoint(g: Any, ans: Any, y0: Any, t: Any, theta: Any) -> tuple[Any, Any, Any]:
        n, p = ans.shape[1], theta.shape[0]

        def augmented(state: Any, backwards: Any, theta: Any) -> Any:
            """State, its cotangent, the cotangents of the time and of the parameters, in time -backwards."""
            y, a = state[:n], state[n : 2 * n]
            rate, back = vjp(right_hand_side, y, -backwards, theta)
            of_y, of_t, of_theta = back(-a)
            return _f.concatenate([-rate, -of_y, -_shapes.reshape(of_t, shape=(1,)), -of_theta])

        of_y, of_time, of_theta = g[-1], 0.0, _np.zeros(p)
        of_times: list[Any] = [None] * len(t)
        for k in range(len(t) - 1, 0, -1):
            here = _f.dot(right_hand_side(ans[k], t[k], theta), g[k])
            of_times[k] = here
            of_time = of_time - here
            start = _f.concatenate([ans[k], of_y, _f.reshape(of_time, (1,)), of_theta])
            times = _f.stack([-t[k], -t[k - 1]])
            state = odeint(augmented, start, times, (theta,), **settings)[1]
            of_y, of_time, of_theta = state[n : 2 * n] + g[k - 1], state[2 * n], state[2 * n + 1 :]
        of_times[0] = of_time
        return of_y, _f.stack(of_times) if len(t) > 1 else _np.zeros(1), of_theta

    with called_with("odeint", func, "y", "t", *[f"args[{k}]" for k in range(len(args))]):
        return solved(y0, t, theta)


def solve_ivp(
    fun: Callable[..., Any], t_span: tuple[Any, Any], y0: Any, t_eval: Any = None, args: Any = (), *,
    rtol: float = 1e-10, atol: float = 1e-10,
) -> SimpleNamespace:  # fmt: skip
    """The solution of dy/dt = fun(t, y, *args), as `scipy.integrate.solve_ivp` returns it.

    Args:
        fun: returns dy/dt, as for `odeint`, but with the time first.
        t_span: the first and the last time.
        y0: the start, a vector.
        t_eval: the times of the result; by default the two ends.
        args: a tuple of parameters, any pytree of them.
        rtol: the relative tolerance of the solver.
        atol: the absolute tolerance.

    Returns:
        An object with the times `t` and the values `y`, of shape (len(y0), len(t)).
    """
    t = _f.stack([*t_span]) if t_eval is None else t_eval
    start = peel(t_span[0])
    lead = t_eval is not None and float(peel(t_eval)[0]) != float(start)
    times = _f.concatenate([_f.reshape(_f.asarray(t_span[0] * 1.0), (1,)), t_eval]) if lead else t
    y = odeint(lambda y, time, *rest: fun(time, y, *rest), y0, times, args, rtol=rtol, atol=atol)
    return SimpleNamespace(t=t, y=(y[1:] if lead else y).T, success=True)
