"""Implicit functions: solutions of equations, differentiated without looking at how they were found.

Where F(p, x) = 0 defines x as a function of p, the implicit function theorem gives its derivative from those of F:

    dx = -A^{-1} (dF/dp) dp,    with A = dF/dx at the solution,

forward, and backward the cotangent g of x becomes -(dF/dp)^T A^{-T} g. Both need one linear solve, whatever the solver
did: Newton's method, a thousand iterations, or C code. The linear solve is an operation with derivatives of its own (A
u = b defines u implicitly too), so solutions have derivatives of any order in every mode.

Source: A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, chapter 15; M. Blondel and others,
"Efficient and Modular Implicit Differentiation", NeurIPS 2022; for fixed points B. Christianson, "Reverse accumulation
and attractive fixed points", Optimization Methods and Software 3, 1994.

>>> from minigrad import derivatives, grad
>>> square_root = lambda p: root(lambda p, x: x * x - p, p, 1.0)
>>> float(square_root(4.0)), float(grad(square_root)(4.0)), float(grad(grad(square_root))(4.0))
(2.0, 0.25, -0.03125)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.foreign import asked, refuse_foreign
from minigrad.core.lines import located, user_line
from minigrad.core.nested import is_traced
from minigrad.core.tape import open_part, peel
from minigrad.core.transformed import transformed
from minigrad.core.tree import flatten, tree_map
from minigrad.modes.checks import is_integer_array
from minigrad.modes.jacobians import jacobian
from minigrad.modes.made import P, R, called_with, check_function
from minigrad.modes.taylor.rounding import with_error
from minigrad.modes.trouble import least_told
from minigrad.operations.erring import erring
from minigrad.operations.solvers import gave_up, gmres, largest, neumann, precision
from minigrad.operations.tree_operation import (
    filled,
    has_derivative,
    one_operation,
    refuse_closure,
    shape_of,
    tree_jvp,
    tree_series,
    tree_vjp,
    typed,
)
from minigrad.operations.vectors import to_vector

DENSE = 200  #: unknowns up to which "auto" forms the matrix
MOST_LOOKS = 16  #: linear systems of one solution after which nobody looks for lost digits any more
MOST_ENTRIES = 8  #: parameters up to which derivatives are looked at one by one
LinearSolver = str | Callable[[Callable[[Any], Any], Any], Any]


# ----- what users call ------------------------------------------------------------------------------------------------


def root(
    fun: Callable[[Any, Any], Any],
    params: Any,
    x0: Any,
    *,
    solver: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    linear: LinearSolver = "auto",
    tol: float = 1e-12,
    maxiter: int = 100,
) -> Any:
    """The x with fun(params, x) = 0, differentiable in params, in every mode and to any order.

    Args:
        fun: the residual, of the structure and shapes of x. It is a differentiable function of both arguments. What is
            to be differentiated must come through params, not through a closure.
        params: a pytree.
        x0: where to start, a pytree of floats. No derivative flows to it, since the solution does not depend on it.
        solver: `solver(residual, x0)` returns the solution; it is given plain values and may do anything, such as
            `lambda residual, x0: scipy.optimize.root(residual, x0).x`. By default Newton's method with steps that are
            halved until the residual shrinks.
        linear: how to solve the linear systems of Newton's method and of the derivative: "dense" forms the matrix of n
            unknowns (n sweeps and n^3 operations), "gmres" multiplies by it only, "auto" is "dense" up to n = 200;
            "neumann" sums the Neumann series, for A close to the identity; or `linear(product, b)`, with vectors of
            shape (n,), returns the solution of product(u) = b.
        tol: stop when a step is smaller than this, relative to x, or as small as the dtype allows. The result of your
            own solver is refused, where it is differentiated, if Newton's step from there is larger than 1e-4,
            relative to x, since it is no root.
        maxiter: the number of iterations allowed.

    Returns:
        The solution, in the structure, shapes and dtypes of x0.

    Raises:
        NoConvergenceError: a RuntimeError with a `history`, if no root, or no solution of a linear system, is found.
        numpy.linalg.LinAlgError: if the derivative in x is singular at the solution, which then is no function of
            params.
        ValueError: if the residual does not have the structure and shapes of x.
        TypeError: if `fun` closes over a traced value, or x0 is not made of floats.

    >>> from minigrad import grad
    >>> kepler = lambda e, M: root(lambda p, E: E - p[0] * np.sin(E) - p[1], (e, M), M)
    >>> float(kepler(0.5, 1.0).round(6)), float(grad(kepler, 1)(0.5, 1.0).round(6))
    (1.498701, 1.037362)
    """
    check_function("root", fun)

    def solve(params: Any) -> Any:
        start = start_from("root", x0)
        if solver is None:
            return _newton(fun, params, start, _Linear("root", fun, linear), tol, maxiter)
        return solver(lambda x: fun(params, x), start)

    with called_with("root", fun, "params", "x"):
        return solution("root", fun, params, solve, x0, linear, solver is not None)


def fixed_point(
    fun: Callable[[Any, Any], Any],
    params: Any,
    x0: Any,
    *,
    solver: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    linear: LinearSolver = "auto",
    tol: float = 1e-12,
    maxiter: int = 10_000,
) -> Any:
    """The x with x = fun(params, x), found by iterating, differentiable in params, in every mode and to any order.

    Args:
        fun: the map, which returns the structure and shapes of x. It is a differentiable function of both arguments.
            What is to be differentiated must come through params, not through a closure.
        params: a pytree.
        x0: where to start, a pytree of floats. No derivative flows to it, since the solution does not depend on it.
        solver: `solver(map, x0)` returns the fixed point. By default x is replaced by fun(params, x) again and again.
        linear: as for `root`. The matrix is I - ∂fun/∂x, and "neumann" iterates u = b + (∂fun/∂x) u, which converges as
            fast as the iteration itself.
        tol: stop when x changes by less than this, relative to x. If the map contracts by a factor q, the error is
            up to tol / (1 - q).
        maxiter: the number of iterations allowed.

    Returns:
        The fixed point, in the structure, shapes and dtypes of x0.

    Raises:
        NoConvergenceError: a RuntimeError with a `history`, if the iteration diverges or takes too long.
        numpy.linalg.LinAlgError: if I - ∂fun/∂x is singular at the fixed point.
        ValueError: if the result of `fun` does not have the structure and shapes of x.
        TypeError: if `fun` closes over a traced value, or x0 is not made of floats.

    >>> from minigrad import grad
    >>> cosine = lambda p: fixed_point(lambda p, x: np.cos(p * x), p, 1.0)
    >>> float(cosine(1.0).round(6)), float(grad(cosine)(1.0).round(6))
    (0.739085, -0.297474)
    """
    check_function("fixed_point", fun)

    def residual(params: Any, x: Any) -> Any:
        return tree_map(lambda a, b: a - b, x, _like_x("fixed_point", fun(params, x), x))

    def solve(params: Any) -> Any:
        start = start_from("fixed_point", x0)
        if solver is None:
            return _iterate(fun, params, start, tol, maxiter)
        return solver(lambda x: fun(params, x), start)

    with called_with("fixed_point", fun, "params", "x"):
        return solution("fixed_point", residual, params, solve, x0, linear, solver is not None)


def custom_root(
    fun: Callable[[Any, Any], Any], *, linear: LinearSolver = "auto"
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that gives any solver the derivative of what it solves.

    Args:
        fun: the residual: `fun(params, x)` is zero at the solution, and differentiable. For a minimum of a function it
            is its gradient.
        linear: as for `root`.

    Returns:
        A decorator of `solver(params, *args, **kwargs)`, a function that returns x and is run on plain values. The
        other arguments are passed on; no derivative flows to them.

    Raises:
        NoConvergenceError: (from the decorated solver) if its result is not near a root, so that the derivative would
            be wrong.
        numpy.linalg.LinAlgError: (from the decorated solver) if the derivative in x is singular there.

    >>> from minigrad import grad
    >>> def loss(p, w):  # ridge regression
    ...     return np.sum((X @ w - y) ** 2) + p * np.sum(w**2)
    >>> X, y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]), np.array([1.0, 2.0, 3.0])
    >>> @custom_root(grad(loss, 1))
    ... def ridge(p):
    ...     return np.linalg.solve(X.T @ X + p * np.eye(2), X.T @ y)
    >>> grad(lambda p: ridge(p)[0])(1.0).round(6)
    np.float64(0.027682)
    """
    check_function("custom_root", fun, makes=True)

    return lambda solver: _rooted(solver, fun, linear)


def _rooted(solver: Callable[..., Any], fun: Callable[[Any, Any], Any], linear: LinearSolver) -> Callable[..., Any]:
    """The solver, with the derivative of a root of `fun`."""
    name = asked(solver, "__name__", type(solver).__name__)

    def solved(params: Any, *args: Any, **kwargs: Any) -> Any:
        plain_args, plain_kwargs = tree_map(peel, args), tree_map(peel, kwargs)
        return solution(name, fun, params, lambda p: solver(p, *plain_args, **plain_kwargs), None, linear, True)

    return transformed(solved, name, asked(solver, "__doc__") or "", solver, _rooted, fun, linear)


# ----- the derivative of a solution -----------------------------------------------------------------------------------


def solution(
    name: str,
    residual: Callable[[Any, Any], Any],
    params: Any,
    solve: Callable[[Any], Any],
    x0: Any = None,
    linear: LinearSolver = "auto",
    is_foreign: bool = False,
) -> Any:
    """What `solve(params)` finds, with the derivative by the implicit function theorem.

    Where `x0` is given it has to be like it, and a foreign result has to be a root.
    """
    system = _Linear(name, residual, linear)
    is_differentiated = any(map(is_traced, flatten(params)[0]))

    def value(params: Any) -> Any:
        x = tree_map(lambda leaf: typed(open_part(leaf)), solve(params))
        _check_floats(name, x, "the solution")
        if x0 is not None:
            x = _like_x(name, x, start_from(name, x0), "the solver returned")
        if is_foreign and is_differentiated:
            _check_root(name, residual, params, x, system)
        return x

    def pull(g: Any, x: Any, primals: Any, _wanted: Any) -> Any:
        return (system.pulled(g, x, primals[0]),)

    def push(ts: Any, x: Any, primals: Any) -> Any:
        (params,) = primals
        speed = tree_jvp(lambda p: _like_x(name, residual(p, x), x), (params,), ts)[1]
        return tree_map(lambda u: -u, system.solve((params, x), speed))

    def series(order: int, curves: list[Any], x: Any) -> list[Any]:
        return system.series(order, [c[0] for c in curves], x)

    return one_operation(name, value, (params,), pull, push, series, opaque=True)


class _Linear:
    """The systems A u = b and A^T u = b, where A is the derivative of a residual in x, at a point (params, x)."""

    def __init__(self, name: str, residual: Callable[[Any, Any], Any], method: LinearSolver) -> None:
        if not callable(method) and method not in ("auto", "dense", "gmres", "neumann"):
            raise ValueError(
                located(
                    f'{name}: linear={method!r}; it is "auto", "dense", "gmres", "neumann", or a function of the '
                    f"product with the matrix and the right side"
                )
            )
        self.name, self.residual, self.method = name, residual, method
        self.is_transposed = False
        self.known: list[tuple[list[Any], Any]] = []  # the last point and its matrix: rows of a Jacobian share it
        self.beside: list[tuple[list[Any], Any, Any]] = []  # likewise two pullbacks
        self.order = 1  #: of the derivatives of the solution that are found by this system
        self.looks = [MOST_LOOKS]  #: how many times still to look whether digits were lost
        self.seen: set[int] = set()  #: the higher orders that were looked at

    def transposed(self) -> _Linear:
        """The system with the transposed matrix."""
        return self._like(self.residual, not self.is_transposed)

    def _like(self, residual: Callable[[Any, Any], Any], is_transposed: bool) -> _Linear:
        other = _Linear(self.name, residual, self.method)
        other.is_transposed, other.order, other.looks, other.seen = is_transposed, self.order, self.looks, self.seen
        if residual is self.residual:
            other.known, other.beside = self.known, self.beside
        return other

    def pulled(self, g: Any, x: Any, params: Any) -> Any:
        """The cotangent of the parameters from that of the solution."""
        weights = tree_map(lambda w: -w, self.transposed().solve((params, x), filled(g, x)))
        return tree_vjp(lambda p: self.residual(p, x), (params,))[1](weights)[0]

    def series(self, order: int, curve: list[Any], x: Any) -> list[Any]:
        """The coefficients of the solution from those of the parameters."""
        xs = [x]
        for k in range(1, order + 1):  # coefficient k of F(p, x) is A x[k] and what the lower ones make of it
            points = [(c, xs[j] if j < k else tree_map(lambda a: a * 0.0, x)) for j, c in enumerate(curve[: k + 1])]
            rest = tree_series(self.name, self.residual, points, k)[k]
            xs.append(tree_map(lambda u: -u, self.of_order(k).solve((curve[0], x), rest)))
        return xs

    def of_order(self, order: int) -> _Linear:
        """The same system, for derivatives of this order."""
        other = self._like(self.residual, self.is_transposed)
        other.order = order
        return other

    def times(self, params: Any, x: Any, v: Any) -> Any:
        """A v, or A^T v."""
        if self.is_transposed:
            return tree_vjp(lambda x: self.residual(params, x), (x,))[1](v)[0]
        return tree_jvp(lambda x: self.residual(params, x), (x,), (v,))[1]

    def solve(self, point: tuple[Any, Any], b: Any) -> Any:
        """The solution, as an operation: from A u = b follows A du = db - dA u, and the cotangent of b is A^-T g."""

        def pull(g: Any, u: Any, primals: Any, _wanted: Any) -> Any:
            params, x, _b = primals
            of_b = further.transposed().solve((params, x), filled(g, u))
            back = tree_vjp(lambda params, x: self.times(params, x, u), (params, x))[1]
            return (*back(tree_map(lambda w: -w, of_b)), of_b)

        def push(ts: Any, u: Any, primals: Any) -> Any:
            params, x, _b = primals
            moved = tree_jvp(lambda params, x: self.times(params, x, u), (params, x), ts[:2])[1]
            total = tree_map(lambda m, t: m if t is None else m - t, moved, ts[2])
            return tree_map(lambda w: -w, further.solve((params, x), total))

        def series(order: int, curves: list[Any], u: Any) -> list[Any]:
            us = [u]
            for k in range(1, order + 1):
                points = [
                    (*c[:2], us[j] if j < k else tree_map(lambda a: a * 0.0, u)) for j, c in enumerate(curves[: k + 1])
                ]
                rest = tree_series(self.name, self.times, points, k)[k]
                right = tree_map(lambda r, b: r if b is None else r - b, rest, curves[k][2])
                us.append(tree_map(lambda w: -w, self.of_order(self.order + k).solve(curves[0][:2], right)))
            return us

        further = self.of_order(self.order + 1)
        return one_operation(f"{self.name}, linear system", self.look, (*point, b), pull, push, series, opaque=True)

    def look(self, params: Any, x: Any, b: Any) -> Any:
        """The solution on plain values, of which the user is told if derivatives found by it have lost their digits.

        Where the residual cancels, or its derivative in x nearly vanishes, rounding moves the root by more than the
        last place, and its derivatives by more than that.
        """
        u = self.run(params, x, b)
        if self.looks[0] > 0 and self.order not in self.seen:
            self.looks[0] -= 1
            if self.order > 1:  # of which the cotangent at hand does not matter
                self.seen.add(self.order)
            with np.errstate(all="ignore"):
                is_lost = self._has_lost_slopes(params, x, b, u) if self.order == 1 else self._has_lost(params, x)
            if is_lost:
                message = (
                    f"{self.name}: rounding errors in the residual, near the solution, are all that is left of a "
                    f"derivative of order {self.order}. Write the residual so that nothing cancels in it, as "
                    f"np.expm1(p) for np.exp(p) - 1, and divide it by what vanishes"
                )
                line = user_line()
                warnings.warn_explicit(located(message, line), RuntimeWarning, line.filename, line.number)
        return u

    def _has_lost_slopes(self, params: Any, x: Any, g: Any, w: Any) -> bool:
        """Whether the cotangent of the parameters is another one there; g is that of the solution, and w = A^-T g."""
        transposed = self._like(self.residual, True)
        if not self.is_transposed:  # a forward sweep: any cotangent will do
            draw = np.random.default_rng(0)
            g = tree_map(lambda a: draw.choice([-1.0, 1.0], a.shape).astype(a.dtype) / np.where(a == 0, 1.0, a), x)
            w = transposed.run(params, x, g)
        leaves = flatten((params, x))[0]
        if not self.beside or any(a is not b for a, b in zip(leaves, self.beside[0][0])):
            value, back = tree_vjp(self.residual, (params, x))
            at = self._near(params, x, value)
            self.beside[:] = [(leaves, back, tree_vjp(erring(self.residual), (params, at))[1])]
        _, back, other = self.beside[0]
        ct, (again, back_g) = back(w)[0], other(w)
        off = transposed.run(params, x, tree_map(lambda a, b: a - b, back_g, g))  # what w is off by, nearly
        again = tree_map(lambda a, b: a if a is None else a - b, again, back(off)[0])
        size = sum([float(np.sum(np.abs(a * b))) for a, b in zip(flatten(g)[0], flatten(x)[0])])
        around = tree_map(lambda p: size / np.maximum(np.abs(p), 1.0) if has_derivative(p) else None, params)
        return _is_another(ct, again, around)

    def _near(self, params: Any, x: Any, value: Any) -> Any:
        """The root of the residual with rounding errors of our own, where without these it has this value at x."""
        moved = tree_map(lambda a, b: a - b, erring(self.residual)(params, x), value)
        step, draw = self._like(self.residual, False).run(params, x, moved), np.random.default_rng(0)
        return tree_map(lambda a, b: with_error((a - b).astype(a.dtype)[()], draw, 4.0), x, step)

    def _has_lost(self, params: Any, x: Any) -> bool:
        """Whether higher derivatives of the solution are other ones there."""
        quiet, other = self._like(self.residual, False), self._like(erring(self.residual), False)
        quiet.looks = other.looks = [0]
        at = self._near(params, x, self.residual(params, x))
        for curve in _directions(params, self.order):
            found, again = quiet.series(self.order, curve, x), other.series(self.order, curve, at)
            if any(map(_is_another, found[1:], again[1:], found)):
                return True
        return False

    def run(self, params: Any, x: Any, b: Any) -> Any:
        """The solution on plain values."""
        start, to_tree = to_vector(x)
        right, _ = to_vector(b)
        n = start.shape[0]
        if right.shape != start.shape:
            raise ValueError(
                located(f"{self.name}: the residual has {right.shape[0]} entries, but x has {n}; they must be as many")
            )
        return to_tree(self.solved(params, x, start, to_tree, right))

    def solved(self, params: Any, x: Any, start: Any, to_tree: Any, right: Any) -> Any:
        """The solution as a vector, where x as a vector is `start` and the right side is another one."""
        if right.dtype.kind == start.dtype.kind:
            right = right.astype(start.dtype)  # what x can tell apart
        if self.method == "dense" or (self.method == "auto" and start.shape[0] <= DENSE):
            matrix = self.matrix(params, x, start, to_tree)
            return np.linalg.solve(matrix.T if self.is_transposed else matrix, right)
        product = self.product(params, x, to_tree)
        if callable(self.method):
            u = np.asarray(self.method(product, right))
            gap = float(np.linalg.norm(product(u) - right)) if u.shape == right.shape else np.inf
            if not gap <= 1e-6 * float(np.linalg.norm(right)):
                raise gave_up(f"{self.name}: the linear solver that was given left a residual", [gap])
            return u
        return neumann(product, right, self.name) if self.method == "neumann" else gmres(product, right, self.name)

    def product(self, params: Any, x: Any, to_tree: Any) -> Callable[[Any], Any]:
        """The product of the matrix with a vector; backward, the residual is recorded once for all products."""
        if self.is_transposed:
            back = tree_vjp(lambda x: self.residual(params, x), (x,))[1]
            return lambda v: to_vector(back(to_tree(v))[0])[0]
        return lambda v: to_vector(self.times(params, x, to_tree(v)))[0]

    def matrix(self, params: Any, x: Any, start: Any, to_tree: Any) -> Any:
        """A as an array, known to be invertible."""
        leaves = flatten((params, x))[0]
        if self.known and all(a is b for a, b in zip(leaves, self.known[0][0])):
            return self.known[0][1]
        found = jacobian(lambda v: to_vector(self.residual(params, to_tree(v)))[0])(start)
        if not np.all(np.isfinite(found)):
            raise np.linalg.LinAlgError(located(f"{self.name}: the derivative of the residual in x is not finite"))
        if found.shape[0] != found.shape[1] or np.linalg.cond(found) > 0.05 / precision(found) or not np.any(found):
            raise np.linalg.LinAlgError(
                located(
                    f"{self.name}: the derivative of the residual in x, a matrix of shape {found.shape}, is singular "
                    f"at x of size {largest(x):.6g}. If that is the solution, it is no differentiable function of the "
                    f"parameters; if Newton's method came by, try another x0"
                )
            )
        self.known[:] = [(leaves, found)]
        return found


def _directions(params: Any, order: int) -> list[list[Any]]:
    """Curves through the parameters along each of their entries, or along some directions if there are many."""
    at, to_tree = to_vector(params)
    far = np.maximum(np.abs(at), 1.0)
    if at.size <= MOST_ENTRIES:
        ways = np.diag(far)
    else:
        ways = far * np.random.default_rng(0).choice([-1.0, 1.0], (2, at.size))
    return [[params, to_tree(way.astype(at.dtype)), *[to_tree(at * 0.0)] * (order - 1)] for way in ways]


def _is_another(found: Any, again: Any, around: Any) -> bool:
    """Whether derivatives differ by more than what counts as lost, given the size of what is around them."""
    for a, b, size in zip(*[flatten(tree)[0] for tree in (found, again, around)]):
        if a is not None and has_derivative(a):
            near = np.abs(a) + 1e-3 * np.abs(size) + 1e-6 * np.max(np.abs(a), initial=0.0)
            if np.any(np.abs(a - b) > least_told(a.dtype) * near):
                return True
    return False


def _like_x(name: str, found: Any, x: Any, what: str = "the function returned") -> Any:
    """`found`, in the structure and shapes of x."""
    leaves, treedef = flatten(x)
    if found is None:
        raise TypeError(located(f"{name}: the function returned None; did it forget its return statement?"))
    parts = treedef.leaves_of(found)
    if parts is None or len(flatten(found)[0]) != len(leaves) or any(isinstance(part, (list, tuple)) for part in parts):
        raise ValueError(located(f"{name}: {what} the structure {flatten(found)[1]}, but x has {treedef}"))
    for path, part, leaf in zip(treedef.paths("x"), parts, leaves):
        if shape_of(part) != shape_of(leaf):
            raise ValueError(located(f"{name}: {what} shape {shape_of(part)} for {path} of shape {shape_of(leaf)}"))
    return treedef.unflatten(parts)


def _check_floats(name: str, x: Any, what: str) -> None:
    leaves, treedef = flatten(x)
    for path, leaf in zip(treedef.paths("x"), leaves):
        refuse_foreign(name, leaf, f"{what} {path}")
        if not has_derivative(leaf):
            raise TypeError(located(f"{name}: {what} {path} is {leaf!r}; it must be made of floats: 1.0, not 1"))
    if not leaves:
        raise TypeError(located(f"{name}: {what} holds no numbers"))


def start_from(name: str, x0: Any) -> Any:
    """The plain values to start from."""
    x0 = tree_map(lambda leaf: typed(peel(leaf)), x0)
    x0 = tree_map(lambda leaf: leaf.astype(np.float64) if is_integer_array(leaf) else leaf, x0)
    _check_floats(name, x0, "the start")
    return x0


def _check_root(name: str, residual: Any, params: Any, x: Any, system: _Linear) -> None:
    """Raise if Newton's step from what a solver returned is not small: then it is no root."""
    left = residual(params, x)
    refuse_closure(name, flatten(left)[0])
    left = _like_x(name, left, x, "the residual has")
    if not any(np.any(part) for part in flatten(left)[0]):
        return
    step, size = largest(system.run(params, x, left)), largest(x)
    if not step <= 1e-4 * size and not step <= 1e-10:
        raise gave_up(
            f"{name}: what the solver returned is no root: the residual there has a size of {largest(left):.3g}, and a "
            f"step of Newton's method would move x, of size {size:.3g}, by {step:.3g}; its derivative would be wrong",
            [largest(left)],
        )


# ----- solvers, on plain values ---------------------------------------------------------------------------------------


def _newton(f: Any, params: Any, x: Any, system: _Linear, tol: float, maxiter: int) -> Any:
    """Newton's method; a step is halved until the residual shrinks. It works on vectors, of which f sees the trees."""
    v, to_tree = to_vector(x)

    def residual(x: Any) -> Any:
        found = f(params, x)
        refuse_closure("root", flatten(found)[0])
        return to_vector(_like_x("root", found, x, "the residual has"))[0]

    eps = precision(x)
    tol = max(tol, 4 * eps)
    left = residual(x)
    norm = float(np.linalg.norm(left))
    history, scale = [norm], largest(v)
    for _ in range(maxiter):
        if norm == 0.0:
            return x
        step = system.solved(params, x, v, to_tree, left)
        scale = max(scale, largest(step)) if len(history) == 1 else scale
        length = 1.0
        while True:
            new = (v - length * step).astype(v.dtype)
            new_x = to_tree(new)
            with np.errstate(all="ignore"):
                new_left = residual(new_x)
                new_norm = float(np.linalg.norm(new_left))
            if new_norm <= (1.0 - 1e-4 * length) * norm:
                break
            length /= 2
            if length < 1e-6:
                break
        small = largest(step) <= tol * max(scale, largest(v))
        if length < 1e-6:  # no way down: at the root, where rounding rules, or stuck
            if largest(step) <= 4 * eps**0.5 * max(scale, largest(v)):
                return x
            raise gave_up("root: no step makes the residual smaller; try another x0", history)
        v, x, left, norm = new, new_x, new_left, new_norm
        history.append(norm)
        if small:
            return x
    raise gave_up(f"root: not found in {maxiter} iterations; try another x0 or a larger maxiter", history)


def _iterate(f: Any, params: Any, x: Any, tol: float, maxiter: int) -> Any:
    """x = f(x), until it does not change."""
    history: list[float] = []
    tol = max(tol, 4 * precision(x))
    for _ in range(maxiter):
        with np.errstate(over="ignore", invalid="ignore"):  # of which an exception tells
            new = f(params, x)
            refuse_closure("fixed_point", flatten(new)[0])
            new = tree_map(typed, _like_x("fixed_point", new, x))
            history.append(largest(tree_map(lambda a, b: a - b, new, x)))
        x = new
        if not np.isfinite(history[-1]):
            raise gave_up("fixed_point: the iteration diverges; does the map contract?", history)
        if history[-1] <= tol * largest(x):
            return x
    raise gave_up(
        f"fixed_point: x still changes after {maxiter} iterations; does the map contract? Try another x0 or tol, "
        f"or root with the residual x - f(params, x)",
        history,
    )
