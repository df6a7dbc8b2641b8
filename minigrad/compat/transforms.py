"""Transformations under the names that autograd gave them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from minigrad.core.foreign import refuse_foreign
from minigrad.core.lean import LeanTape
from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.core.tree import tree_map
from minigrad.modes.checks import (
    Argnum,
    check_differentiable,
    check_scalar,
    is_integer_array,
    is_numeric,
)
from minigrad.modes.forward import jvp, jvp_of
from minigrad.modes.made import P, R, name_of_argument, transformation
from minigrad.modes.recording import Recording, insert, named, select
from minigrad.modes.reverse import grad, vjp_of
from minigrad.rules import products


@overload
def make_vjp(fun: Callable[P, R], argnum: Argnum = 0) -> Callable[P, tuple[Callable[..., Any], R]]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def make_vjp(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Callable[..., Any], Any]]: ...
@transformation
def make_vjp(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Callable[..., Any], Any]]:
    """The pullback of a function and its value, in the form of autograd: `make_vjp(fun)(x)` has the result of `vjp`.

    Args:
        fun: any function of pytrees that returns a pytree.
        argnum: the position of the argument to differentiate, or a sequence of positions.

    Returns:
        A function of the arguments of `fun`, which returns the pullback and the value, in this order.

    >>> pullback, value = make_vjp(np.sin)(0.0)
    >>> pullback(2.0), value
    (np.float64(2.0), np.float64(0.0))
    """

    def pullback_and_value(*args: Any, **kwargs: Any) -> tuple[Callable[..., Any], Any]:
        return vjp_of("make_vjp", fun, args, kwargs, argnum)

    return named(pullback_and_value, "make_vjp", fun, make_vjp, argnum)


@overload
def make_jvp(fun: Callable[P, R], argnum: Argnum = 0) -> Callable[P, Callable[..., tuple[R, R]]]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def make_jvp(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Callable[..., tuple[Any, Any]]]: ...
@transformation
def make_jvp(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Callable[..., tuple[Any, Any]]]:
    """The pushforward of a function, in the form of autograd: `make_jvp(fun)(x)(v)` has the result of `jvp`.

    Args:
        fun: any function of pytrees that returns a pytree.
        argnum: the position of the argument to differentiate, or a sequence of positions.

    Returns:
        A function of the arguments of `fun`, which returns a function of the tangent, which returns the value and its
        tangent.

    >>> make_jvp(np.sin)(0.0)(2.0)
    (np.float64(0.0), np.float64(2.0))
    """

    def at(*args: Any, **kwargs: Any) -> Callable[..., tuple[Any, Any]]:
        return lambda tangent: jvp_of("make_jvp", fun, args, kwargs, argnum, tangent)

    return named(at, "make_jvp", fun, make_jvp, argnum)


@overload
def deriv(fun: Callable[P, R], argnum: int | str = 0) -> Callable[P, R]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def deriv(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]: ...
@transformation
def deriv(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]:
    """The derivative of a function of one number, which may return an array, by one pass forward.

    Args:
        fun: a function of one number. Of an array of shape `S` the result is the derivative in the direction of ones.
        argnum: the position of that number among the arguments.

    Returns:
        A function of the arguments of `fun`, whose result has the shape of the output of `fun`.

    >>> deriv(lambda t: np.array([1.0, 2.0]) * t**2)(3.0)
    array([ 6., 12.])
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        x = select("deriv", args, argnum, fun)
        ones = tree_map(lambda leaf: np.ones(np.shape(peel(leaf))) if is_numeric(leaf) else leaf, x)
        return jvp_of("deriv", fun, args, kwargs, argnum, ones)[1]

    return named(derivative, "deriv", fun, deriv, argnum)


@transformation
def hessian_vector_product(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]:
    """The product of the Hessian with a vector, in the form of autograd: `hessian_vector_product(fun)(x, v)`.

    Args:
        fun: returns one number.
        argnum: the position of the argument to differentiate.

    Returns:
        A function of the arguments of `fun` and, as the last one, the vector; its result has the shape of the vector.

    >>> hessian_vector_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        *args, vector = args  # type: ignore[assignment]
        return make_jvp(grad(fun, argnum), argnum)(*args, **kwargs)(vector)[1]

    return named(product, "hessian_vector_product", fun, hessian_vector_product, argnum)


# ----- more names that users of autograd know -------------------------------------------------------------------------


@overload
def multigrad_dict(fun: Callable[P, R]) -> Callable[P, dict[str, Any]]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., dict[str, Any]]: ...
@transformation
def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The gradients with respect to all arguments at once, as a dict from names of arguments to gradients.

    Args:
        fun: returns one number.

    Returns:
        A function with the same arguments that returns a dict. Arguments with defaults are in it, too. The arguments
        that `*args` and `**kwargs` collect are there under these names, as a tuple and as a dict.

    >>> multigrad_dict(lambda x, y=2.0: x * y)(3.0)
    {'x': np.float64(2.0), 'y': np.float64(3.0)}
    """
    return named(_gradients_by_name(fun, None), "multigrad_dict", fun, multigrad_dict)


@overload
def grad_named(fun: Callable[P, R], argname: str) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]: ...
@transformation
def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]:
    """The gradient with respect to the argument of this name; the other arguments are constants, and may be anything.

    Args:
        fun: returns one number.
        argname: the name of the argument to differentiate.

    Returns:
        A function of the arguments of `fun`, which returns the gradient.

    Raises:
        ValueError: if `fun` has no argument of this name.

    >>> grad_named(lambda n, x: n * x**2, "x")(3, 2.0)
    np.float64(12.0)
    """
    gradients = _gradients_by_name(fun, argname)
    return named(lambda *args, **kwargs: gradients(*args, **kwargs)[argname], "grad_named", fun, grad_named, argname)


def _gradients_by_name(fun: Callable[..., Any], argname: str | None) -> Callable[..., dict[str, Any]]:
    """The gradients in the argument of this name, or in all, as a dict."""
    import inspect  # here, since it takes longer to import than this package

    signature = inspect.signature(fun)
    if argname is not None and argname not in signature.parameters:
        names = ", ".join(signature.parameters)
        raise ValueError(located(f"grad_named: the function has no argument {argname!r}; it has {names or 'none'}"))

    def gradients(*args: Any, **kwargs: Any) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)

        def by_name(values: dict[str, Any]) -> Any:
            new = inspect.BoundArguments(signature, {**given, **values})
            return fun(*new.args, **new.kwargs)

        found: dict[str, Any] = grad(by_name)(given if argname is None else {argname: given[argname]})
        return found

    return gradients


@overload
def holomorphic_grad(fun: Callable[P, R], argnum: int | str = 0) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def holomorphic_grad(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]: ...
@transformation
def holomorphic_grad(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]:
    """The complex derivative f'(z) of a holomorphic function, summed over the entries of the output.

    Args:
        fun: holomorphic in its argument `argnum`, a float or complex array or number. A real argument is taken as
            complex.
        argnum: the position of the argument to differentiate.

    Returns:
        A function with the same arguments; its result is complex and has the shape of the argument.

    >>> holomorphic_grad(lambda z: z**2)(1.0 + 2.0j)
    np.complex128(2+4j)
    >>> holomorphic_grad(lambda x: 1j * x)(3.0)
    np.complex128(1j)
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        z = select("holomorphic_grad", args, argnum, fun)
        refuse_foreign("holomorphic_grad", z, name_of_argument(argnum, fun))
        dtype = np.asarray(peel(z)).dtype
        if dtype.kind not in "fc" and not is_integer_array(z):
            check_differentiable("holomorphic_grad", z, name_of_argument(argnum, fun))
        if dtype.kind != "c":
            z = z * np.result_type(dtype if dtype.kind == "f" else np.float64, np.complex64).type(1.0)
        record = Recording("holomorphic_grad", fun, insert(args, argnum, z), kwargs, argnum, LeanTape())
        if not is_numeric(record.out):
            check_scalar("holomorphic_grad", record.out)
        return record.pull([(record.position(record.out), 1.0)], consume=True)

    return named(derivative, "holomorphic_grad", fun, holomorphic_grad, argnum)


@overload
def make_hvp(fun: Callable[P, R], argnum: int | str = 0) -> Callable[P, tuple[Callable[..., Any], Any]]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def make_hvp(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., tuple[Callable[..., Any], Any]]: ...
@transformation
def make_hvp(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., tuple[Callable[..., Any], Any]]:
    """A function of the point that returns the function v -> H v, H the Hessian, and the gradient.

    The gradient is recorded once, for any number of products.

    Args:
        fun: returns one number.
        argnum: the position of the argument to differentiate, or a sequence of positions.

    Returns:
        A function of the arguments of `fun`, which returns the product as a function of v, and the gradient.

    >>> product, gradient = make_hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    >>> product(np.array([1.0, 0.0])), gradient
    (array([6., 0.]), array([ 3., 12.]))
    """
    return named(make_vjp(grad(fun, argnum), argnum), "make_hvp", fun, make_hvp, argnum)


@transformation
def tensor_jacobian_product(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]:
    """The product of a tensor with the Jacobian, contracted over the first axes of the output.

    Args:
        fun: maps an array to an array.
        argnum: the position of the argument to differentiate.

    Returns:
        A function of the arguments of `fun` and, as the last one, a tensor of k axes. Its result has the remaining axes
        of the output, after the first k, and then the axes of the argument.

    `vector_jacobian_product` is another name of this function.

    >>> tensor_jacobian_product(lambda x: x**2)(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([ 2., 40.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        from minigrad.modes.jacobians import jacobian  # here for the start-up of `import minigrad`

        *point, tensor = args
        axes = tuple(range(np.ndim(peel(tensor))))

        def contracted(*point: Any) -> Any:
            return products.tensordot(tensor, fun(*point, **kwargs), axes=(axes, axes))

        return jacobian(contracted, argnum)(*point)

    return named(product, "tensor_jacobian_product", fun, tensor_jacobian_product, argnum)


vector_jacobian_product = tensor_jacobian_product


@transformation
def hessian_tensor_product(fun: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]:
    """The product of the Hessian with a tensor of the argument's shape.

    Args:
        fun: maps an array to one number.
        argnum: the position of the argument to differentiate.

    Returns:
        A function of the arguments of `fun` and, as the last one, the tensor; its result has the shape of the tensor.

    >>> hessian_tensor_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    gradient = grad(fun, argnum)

    def product(*args: Any, **kwargs: Any) -> Any:
        *point, tensor = args

        def along(x: Any) -> Any:
            return gradient(*insert(point, argnum, x), **kwargs)

        return jvp(along, (select("hessian_tensor_product", point, argnum, fun),), (tensor,))[1]

    return named(product, "hessian_tensor_product", fun, hessian_tensor_product, argnum)
