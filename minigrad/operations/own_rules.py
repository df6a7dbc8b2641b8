"""What a rule of the user's own must be like: its arguments when it is declared, its result when it is used.

A rule that forgot its `return`, or returns an array of another shape, would be a derivative of zero, or a wrong one
where the shape broadcasts. Both are told where they can be, with the operation, the argument and the shapes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.tape import Box, peel
from minigrad.core.tree import flatten
from minigrad.operations.tree_operation import has_derivative, shape_of

_ARRAYS = (np.ndarray, np.float64, Box)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

# ----- when it is declared --------------------------------------------------------------------------------------------


def signature_of(fun: Any) -> inspect.Signature | None:
    """The signature of a function; None if it has none that is of use, as ufuncs and functions written in C."""
    if isinstance(fun, np.ufunc):
        return None
    try:
        return inspect.signature(fun)
    except (TypeError, ValueError):
        return None


def positional_names(signature: inspect.Signature | None) -> list[str] | None:
    """The names of the arguments that can be given by position; None if there may be any number of them."""
    if signature is None or any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values()):
        return None
    return [name for name, p in signature.parameters.items() if p.kind in _POSITIONAL]


def check_rule(name: str, kind: str, rule: Any, form: str, leading: int, signature: inspect.Signature | None) -> None:
    """Raise if a rule cannot be called: with so many leading arguments, then those of the operation.

    Args:
        name: the operation.  kind: "vjp", "jvp" or "Taylor rule".  form: how such a rule is written.
        signature: of the operation. It may be called with fewer arguments than it has, so a rule passes if there is
            any such call that it can answer.
    """
    if not callable(rule):
        raise TypeError(located(f"{name}: the {kind} is {rule!r}, which is no function; write {form}"))
    own = signature_of(rule)
    if own is None or signature is None or any(_accepts(own, leading, call) for call in _calls(signature)):
        return
    raise TypeError(
        located(
            f"{name}: the {kind} takes the arguments {_short(own)}, which do not fit those of the operation, "
            f"{_short(signature)}; "
            f"write {form}"
        )
    )


def _short(signature: inspect.Signature) -> str:
    """A signature without its annotations."""
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))


def _calls(signature: inspect.Signature) -> Iterator[tuple[int, list[str]]]:
    """How an operation may be called: so many arguments by position, and these by name."""
    parameters = list(signature.parameters.values())
    by_position = [p for p in parameters if p.kind in _POSITIONAL]
    by_name = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    needed = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    is_open = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    for count in range(len(by_position) + 8 * is_open, -1, -1):  # of any number of arguments, these will do
        rest = [p for p in by_position[count:] if p.default is p.empty]
        for names in (needed, by_name):
            yield count, [*names, *[p.name for p in rest]]


def _accepts(rule: inspect.Signature, leading: int, call: tuple[int, list[str]]) -> bool:
    """Whether a rule can be called with its leading arguments and those of the operation."""
    try:
        rule.bind(*[None] * (leading + call[0]), **dict.fromkeys(call[1]))
    except TypeError:
        return False
    return True


def check_form(name: str, kind: str, rule: Any, form: str, count: int) -> None:
    """Raise if a rule cannot be called with so many arguments."""
    if not callable(rule):
        raise TypeError(located(f"{name}: the {kind} is {rule!r}, which is no function; write {form}"))
    own = signature_of(rule)
    if own is not None:
        try:
            own.bind(*[None] * count)
        except TypeError:
            raise TypeError(located(f"{name}: the {kind} takes the arguments {_short(own)}; write {form}")) from None


def check_places(name: str, kind: str, rules: Sequence[Any], argnums: Sequence[int], names: list[str] | None) -> None:
    """Raise if rules were declared for arguments that the operation does not have, or not one for each."""
    if len(rules) != len(argnums) or len(set(argnums)) != len(argnums):
        raise ValueError(
            located(f"{name}: {len(rules)} {kind}s were given for argnums={tuple(argnums)}; give one for each of them")
        )
    if names is not None and any(not 0 <= k < len(names) for k in argnums):
        wrong = next(k for k in argnums if not 0 <= k < len(names))
        have = f"the arguments {', '.join(names)}, counted from 0" if names else "no arguments"
        raise ValueError(located(f"{name}: a {kind} was given for argument {wrong}, but the operation has {have}"))


# ----- what it returns ------------------------------------------------------------------------------------------------


def refuse_nothing(name: str, kind: str, found: Any, where: str, zero: str) -> None:
    """Raise if a rule returned None; `zero` is how to say that the derivative is zero."""
    if found is None:
        raise TypeError(
            located(f"{name}: the {kind}{where} returned None; did it forget its return statement? For zero {zero}")
        )


def fitted(
    name: str, found: Any, like: Any, kind: str, what: str, where: str, *, is_real: bool = False
) -> Any:  # fmt: skip
    """A tangent or cotangent as a rule returned it, once it is known to fit.

    Args:
        name: the operation.  found: what the rule returned; `None` within it is zero.  like: what it belongs to.
        kind: of the rule.  what: "tangent" or "cotangent".  where: of or for what.
        is_real: whether a complex number would mean nothing, even if there are some elsewhere.
    """
    if type(found) in _ARRAYS and type(like) in _ARRAYS and found.dtype.kind == "f" and found.shape == like.shape:
        return found  # the usual case: nothing of the following can be wrong
    _, treedef = flatten(like)
    parts = treedef.leaves_of(found)
    if parts is None:
        raise ValueError(
            located(
                f"{name}: the {kind} returned a {what} {where} with the structure {flatten(found)[1]}, which should be "
                f"{treedef}"
            )
        )
    fitting: list[Any] = []
    for path, part, leaf in zip(treedef.paths(), parts, flatten(like)[0]):
        if part is None or not has_derivative(leaf):
            fitting.append(part)
            continue
        at = f", leaf {path}" if path else ""
        if isinstance(part, (np.ma.MaskedArray, np.matrix)):
            raise TypeError(
                located(
                    f"{name}: the {kind} returned a {what} {where}{at} that is a {type(part).__name__}; return a plain "
                    f"array: np.asarray(x), np.ma.filled(x, 0.0)"
                )
            )
        if not hasattr(part, "shape") and not isinstance(part, (int, float, complex)):
            raise TypeError(
                located(
                    f"{name}: the {kind} returned a {what} {where}{at} that is a {type(part).__name__}, not an array "
                    f"or number"
                )
            )
        shape, wanted = shape_of(part), shape_of(leaf)
        if shape != wanted:
            raise ValueError(
                located(
                    f"{name}: the {kind} returned a {what} of shape {shape} {where}{at} of shape {wanted}; they must "
                    f"be equal" + (" (np.sum undoes broadcasting)" if len(shape) > len(wanted) else "")
                )
            )
        if not hasattr(part, "shape"):
            part = np.complex128(part) if isinstance(part, complex) else np.float64(part)
        dtype = peel(part).dtype
        if dtype.kind == "c" and is_real and peel(leaf).dtype.kind != "c":
            raise TypeError(
                located(
                    f"{name}: the {kind} returned a {what} of dtype {dtype} {where}{at}, which is real; its imaginary "
                    f"part would be lost. Return np.real of it if that is zero"
                )
            )
        if shape and dtype.kind not in "fc":
            raise TypeError(
                located(
                    f"{name}: the {kind} returned a {what} of dtype {dtype} {where}{at} of dtype {peel(leaf).dtype}; "
                    f"it must be made of floats"
                )
            )
        fitting.append(part)
    return treedef.unflatten(fitting)


def all_real(tree: Any) -> bool:
    """Whether there is no complex number among the leaves."""
    if type(tree) in _ARRAYS:
        return bool(tree.dtype.kind != "c")
    return not any(getattr(getattr(peel(leaf), "dtype", None), "kind", "") == "c" or isinstance(peel(leaf), complex)
                   for leaf in flatten(tree)[0])  # fmt: skip
