"""What must be equal for every program: two expressions, left and right, in the names that the program defines.

The right one is the reference: if it fails, the comparison says nothing. If the left one fails, that is a fault, unless
minigrad refuses: an error that its own code raises, with its own words.
"""

import pathlib
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
from references import richardson

import minigrad
from benchmarks.fuzz.programs import IMPORTS, Program
from minigrad.compiler.swept import OFTEN
from minigrad.errors import MinigradError

PACKAGE = str(pathlib.Path(minigrad.__file__).parent)

HARNESS = """
from benchmarks.fuzz.comparisons import after, again, bits, calls, difference, fresh, kept, loss_of, own_rule, pure, stack, traits

w = np.cos(np.arange(1.0, np.size(f(x())) + 1)).reshape(np.shape(f(x()))).astype(np.result_type(f(x())))
loss = loss_of(f, w)  # a number: nonlinear in the result of f
"""
"""What the expressions use besides. It is part of what is printed."""


def loss_of(f: Callable[..., Any], w: Any) -> Callable[..., Any]:
    """A number that depends on all entries of the result of f, not linearly; real, also where the result is complex."""

    def loss(*args: Any) -> Any:
        out = f(*args)
        return np.sum(np.real(w * out + 0.3 * out * out))

    return loss


def kept(fun: Callable[..., Any], x: Any) -> Any:
    """The argument after a call."""
    fun(x)
    return x


def fresh(fun: Callable[..., Any], x: Any) -> list[bool]:
    """Whether the result can be written to, and shares memory with the argument."""
    result = fun(x)
    return [not isinstance(result, np.ndarray) or result.flags.writeable, np.shares_memory(result, x)]


def after(first: Any, result: Any) -> Any:
    """The result, computed after something else."""
    return result


def traits(x: Any) -> list[str]:
    """What an array is, besides its entries."""
    return [str(np.shape(x)), str(np.result_type(x))]


def bits(x: Any, point: Any = None) -> Any:
    """The array, with its traits; a number is no array, as nobody can write into it.

    Of a number as the point, some functions of NumPy (np.where) make an array without axes, where ours give a number.
    """
    is_number = point is not None and not isinstance(point, np.ndarray)
    is_array = isinstance(x, np.ndarray)
    return [*traits(x), None if is_array and is_number else is_array, x]


def stack(x: Callable[[float], Any]) -> Any:
    """Three points on the line, as an array of examples."""
    return np.stack([np.array(x(t), order="C") for t in (0.0, 0.37, -0.21)])


def calls(fun: Callable[..., Any], x: Callable[[float], Any]) -> list[Any]:
    """Several calls: with the same numbers, with others, in another layout, with an array that is changed in between."""
    found = [fun(x(0.0)), fun(x(0.0)), fun(x(0.31)), fun(np.array(x(-0.2))), fun(x(0.0))]
    same = np.array(x(0.1))
    found.append(fun(same))
    same = np.array(x(0.1))
    if same.shape and same.flags.writeable:
        same *= same.dtype.type(0.9)
    found.append(fun(same))
    return found


def again(fun: Callable[..., Any], x: Callable[[float], Any]) -> list[Any]:
    """The same calls, after so many that the sweeps have become programs."""
    for _ in range(OFTEN + 1):
        fun(x(0.0))
    return calls(fun, x)


def own_rule(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as an operation with rules of its own, which are right."""
    f = pure(f)
    own = minigrad.custom_primitive(f)
    own.defvjp(lambda g, ans, x: minigrad.vjp(f, x)[1](g)[0])
    own.defjvp(lambda tangents, ans, x: minigrad.jvp(f, (x,), tangents)[1])
    return own


def pure(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which does not write into its argument."""
    return lambda x: f(1.0 * x)


class Rough(Exception):  # noqa: N818 - no error: there is nothing to compare with
    """Differences at two steps disagree: the point is near a kink, or the function varies too fast."""


def difference(curve: Callable[[float], Any]) -> Any:
    """The derivative at 0 by extrapolated differences; raises `Rough` where they do not settle."""
    with np.errstate(all="ignore"):
        far, near = richardson(curve, 0.02), richardson(curve, 0.007)
        middle, right, left = (np.asarray(curve(t)) for t in (0.0, 1e-4, -1e-4))
        one_sided = (right - middle) / 1e-4 - (middle - left) / 1e-4  # of order 1e-4, or the jump at a kink
    scale = max(1.0, float(np.max(np.abs(near), initial=0.0)))
    far_off = float(np.max(np.abs(far - near), initial=0.0))
    jump = float(np.max(np.abs(one_sided), initial=0.0))
    if not (far_off < 1e-7 * scale and jump < 1e-2 * scale):
        raise Rough
    return near


@dataclass(frozen=True)
class Comparison:
    """Two expressions that must be equal, `tolerance` relative to the largest entry (or to 1)."""

    group: str
    name: str
    left: str
    right: str
    tolerance: float = 1e-9
    kinds: Sequence[str] = ("float64", "float32", "complex")
    most: int = 12  # entries of the point
    often: float = 1.0  # the share of programs it is done for

    def code(self) -> tuple[CodeType, CodeType]:
        return compile(self.left, "<left>", "eval"), compile(self.right, "<right>", "eval")


REAL, WIDE = ("float64",), ("float64", "complex")
ALL = ("float64", "float32", "complex", "special", "ties")
EXACT = ("float64", "ties")  # with ties, derivatives are chosen: differences say nothing, but the modes agree
HVP = "hvp(loss, x(), v)"
# fmt: off
COMPARISONS = (
    # the value
    Comparison("value", "reverse mode computes NumPy's value", "bits(vjp(f, x())[0])", "bits(f(x()), x())", 1e-13, ALL),
    Comparison("value", "forward mode computes NumPy's value", "bits(jvp(f, (x(),), (v,))[0])", "bits(f(x()), x())", 1e-13, ALL),
    Comparison("value", "Taylor mode computes NumPy's value", "bits(jet(f, [x()], [[v, v]])[0])", "bits(f(x()), x())", 1e-13, REAL),
    Comparison("value", "the argument is left alone", "kept(grad(loss), x())", "x()", 0.0),
    Comparison("value", "a gradient has the traits of its argument", "traits(grad(loss)(x()))", "traits(x())", 0.0, ALL),
    Comparison("value", "a tangent has the traits of the value", "traits(jvp(f, (x(),), (v,))[1])", "traits(f(x()))", 0.0, ALL),
    Comparison("value", "a gradient is an array of its own", "fresh(grad(loss), x())", "[True, False]", 0.0),
    Comparison("value", "a pullback can be asked twice", "(lambda pull: after(pull(2 * w), pull(w)))(vjp(f, x())[1])", "vjp(f, x())[1](w)", 0.0),
    # first order
    Comparison("first order", "forward mode against differences", "jvp(f, (x(),), (v,))[1]", "difference(lambda t: f(x(t)))", 1e-6, WIDE),
    Comparison("first order", "reverse against forward mode", "np.sum(np.real(grad(loss)(x()) * v))", "jvp(loss, (x(),), (v,))[1]", 1e-10),
    Comparison("first order", "reverse against forward mode at a special point", "np.sum(vjp(f, x())[1](w)[0] * v)", "np.sum(w * jvp(f, (x(),), (v,))[1])", 1e-10, ("special", "ties")),
    Comparison("first order", "reverse mode against differences", "np.sum(np.real(grad(loss)(x()) * v))", "difference(lambda t: loss(x(t)))", 1e-6, WIDE),
    Comparison("first order", "Taylor against forward mode", "jet(f, [x()], [[v]])[1][0]", "jvp(f, (x(),), (v,))[1]", 1e-10, (*EXACT, "special")),
    Comparison("first order", "jacobian against jacfwd", "jacobian(f)(x())", "jacfwd(f)(x())", 1e-10, EXACT),
    Comparison("first order", "jacobian against the pushforward", "np.tensordot(jacobian(f)(x()), v, v.ndim)", "jvp(f, (x(),), (v,))[1]", 1e-10, REAL),
    Comparison("first order", "sparse against dense Jacobian", "sparse_jacobian(f, x()).toarray()", "jacobian(f)(x()).reshape(np.size(f(x())), X.size)", 1e-10, EXACT),
    Comparison("first order", "checkpoint changes nothing", "grad(loss_of(checkpoint(pure(f)), w))(x())", "grad(loss_of(pure(f), w))(x())", 1e-12, ("float64", "float32", "complex", "ties")),
    Comparison("first order", "a rule of one's own changes nothing, reverse", "grad(loss_of(own_rule(f), w))(x())", "grad(loss_of(pure(f), w))(x())", 1e-12),
    Comparison("first order", "a rule of one's own changes nothing, forward", "jvp(own_rule(f), (x(),), (v,))[1]", "jvp(pure(f), (x(),), (v,))[1]", 1e-12),
    # second order
    Comparison("second order", "forward over reverse against differences", HVP, "difference(lambda t: grad(loss)(x(t)))", 1e-6, WIDE),
    Comparison("second order", "reverse over reverse", "grad(lambda y: np.sum(np.real(grad(loss)(y) * v)))(x())", HVP, 1e-9, ("float64", "float32", "complex", "ties")),
    Comparison("second order", "reverse over forward", "grad(lambda y: jvp(loss, (y,), (v,))[1])(x())", HVP, 1e-9, ("float64", "float32", "complex", "ties")),
    Comparison("second order", "forward over forward", "jvp(lambda y: jvp(loss, (y,), (v,))[1], (x(),), (v,))[1]", f"np.sum(np.real({HVP} * v))", 1e-9, ("float64", "float32", "complex", "ties")),
    Comparison("second order", "hessian", "np.tensordot(hessian(loss)(x()), v, v.ndim)", HVP, 1e-9, EXACT),
    Comparison("second order", "laplacian", "laplacian(loss)(x())", "np.trace(hessian(loss)(x()).reshape(X.size, X.size))", 1e-9, REAL),
    Comparison("second order", "sparse Hessian", "sparse_hessian(loss, x()).toarray()", "hessian(loss)(x()).reshape(X.size, X.size)", 1e-9, REAL),
    Comparison("second order", "reverse over checkpoint", "grad(lambda y: np.sum(grad(loss_of(checkpoint(pure(f)), w))(y) * v))(x())", "hvp(loss_of(pure(f), w), x(), v)", 1e-9, REAL),
    Comparison("second order", "forward over a rule of one's own", "hvp(loss_of(own_rule(f), w), x(), v)", "hvp(loss_of(pure(f), w), x(), v)", 1e-9, REAL),
    Comparison("second order", "hessian, again and again", "again(hessian(loss), x)", "calls(jacfwd(jacrev(loss)), x)", 1e-13, (*EXACT, "special", "float32"), often=0.04),
    Comparison("second order", "hvp, again and again", "again(lambda y: hvp(loss, y, v), x)", "calls(lambda y: jvp(grad(loss), (y,), (v,))[1], x)", 1e-13, ("float64", "float32", "special", "ties"), often=0.04),
    # Taylor
    Comparison("Taylor", "a series of order 2", "jet(loss, [x()], [[v, 0.5 * v]])[1][1]", f"np.sum({HVP} * v) + 0.5 * np.sum(grad(loss)(x()) * v)", 1e-9, EXACT),
    Comparison("Taylor", "derivatives of order 3", "derivatives(lambda t: loss(x() + t * v), 0.0, 3)[3]", "jvp(lambda y: jvp(lambda z: jvp(loss, (z,), (v,))[1], (y,), (v,))[1], (x() + 0 * v,), (v,))[1]", 1e-8, REAL),
    Comparison("Taylor", "derivatives of a gradient", "derivatives(lambda t: grad(loss)(x() + t * v), 0.0, 2)[1]", "hvp(loss, x() + 0 * v, v)", 1e-9, REAL),
    # batches
    Comparison("batched", "values", "batched(f)(stack(x))", "np.stack([f(y) for y in stack(x)])", 1e-12, (*WIDE, "float32", "ties")),
    Comparison("batched", "of gradients", "batched(grad(loss))(stack(x))", "np.stack([grad(loss)(y) for y in stack(x)])", 1e-10, (*WIDE, "ties")),
    Comparison("batched", "gradient through it", "grad(lambda s: np.sum(batched(loss)(s)))(stack(x))", "np.stack([grad(loss)(y) for y in stack(x)])", 1e-10, (*WIDE, "ties")),
    Comparison("batched", "pushforward through it", "jvp(batched(f), (stack(x),), (np.stack([v, v, v]),))[1]", "np.stack([jvp(f, (y,), (v,))[1] for y in stack(x)])", 1e-10, WIDE),
    Comparison("batched", "of Hessian-vector products", "batched(lambda y: hvp(loss, y, v))(stack(x))", "np.stack([hvp(loss, y, v) for y in stack(x)])", 1e-9, EXACT),
    Comparison("batched", "gradient of gradients", "grad(lambda s: np.sum(batched(grad(loss))(s) ** 2))(stack(x))", "np.stack([2 * hvp(loss, y, grad(loss)(y)) for y in stack(x)])", 1e-8, REAL),
    Comparison("batched", "of series", "batched(lambda y: jet(loss, [y], [[v, v]])[1][1])(stack(x))", "np.stack([jet(loss, [y], [[v, v]])[1][1] for y in stack(x)])", 1e-9, REAL),
    # compiled
    Comparison("compiled", "values", "calls(compile(f), x)", "calls(f, x)", 1e-12, ALL),
    Comparison("compiled", "gradients", "calls(compile(value_and_grad(loss)), x)", "calls(value_and_grad(loss), x)", 1e-11, ALL),
    Comparison("compiled", "Hessian-vector products", "calls(compile(lambda y: hvp(loss, y, v)), x)", "calls(lambda y: hvp(loss, y, v), x)", 1e-9, REAL, often=0.3),
    Comparison("compiled", "gradients of a batch", "calls(compile(lambda s: grad(lambda s: np.sum(batched(loss)(s)))(s)), lambda t: stack(lambda u: x(t + u)))", "calls(grad(lambda s: np.sum(batched(loss)(s))), lambda t: stack(lambda u: x(t + u)))", 1e-10, REAL, often=0.3),
    Comparison("compiled", "series", "calls(compile(lambda y: jet(loss, [y], [[v, v]])[1]), x)", "calls(lambda y: jet(loss, [y], [[v, v]])[1], x)", 1e-9, REAL, often=0.3),
    Comparison("compiled", "source of a gradient", "source(grad(loss), x()).function()(x())", "grad(loss)(x())", 1e-12, REAL, often=0.3),
    Comparison("compiled", "gradients, numba", "calls(compile(value_and_grad(loss), backend='numba'), x)", "calls(value_and_grad(loss), x)", 1e-11, WIDE, often=0.02),
)
# fmt: on
CODES = {comparison: comparison.code() for comparison in COMPARISONS}
HARNESS_CODE = compile(HARNESS, "<harness>", "exec")
NARROW = 1e4 * float(np.finfo(np.float32).eps)  # 1e-3: programs amplify rounding


class Fault(AssertionError):  # noqa: N818 - the word that is used everywhere
    """Two things that must be equal differ, or minigrad fails where NumPy does not."""

    def __init__(self, program: Program, comparison: Comparison, message: str) -> None:
        super().__init__(message)
        self.program, self.comparison, self.message = program, comparison, message

    def text(self, seed: int | None = None) -> str:
        """A program that shows it, to be run in the folder of the repository."""
        remark = "\n".join("# " + line for line in self.message.splitlines()[:6])
        title = f"# {self.comparison.group}: {self.comparison.name}" + ("" if seed is None else f" (--seed {seed})")
        return (
            f"{title}\n{remark}\n{self.program.text}\n{HARNESS if self.program.kind != 'series' else ''}\n"
            f"print('found   ', {self.comparison.left})\nprint('expected', {self.comparison.right})\n"
        )


_kinds: dict[Comparison, type[Fault]] = {}


def fault(program: Program, comparison: Comparison, message: str) -> Fault:
    """The fault, of a class of its own for each comparison: hypothesis then does not take one for another."""
    if comparison not in _kinds:
        _kinds[comparison] = type("Fault", (Fault,), {})
    return _kinds[comparison](program, comparison, message)


def refusal(error: BaseException) -> str | None:
    """The first words of an error that minigrad raises on purpose, else None."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename.startswith(PACKAGE)]
    if isinstance(error, MinigradError) or (
        frames and frames[-1].filename.startswith(PACKAGE) and (frames[-1].line or "").startswith("raise")
    ):
        return f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"
    if isinstance(error, (np.linalg.LinAlgError, MemoryError)) or not inside:
        return f"{type(error).__name__} of NumPy"
    return None


def is_loose(program: Program, comparison: Comparison) -> bool:
    """Whether only finite entries are compared: where a second derivative is infinite, modes meet 0 times infinity."""
    return comparison.group in ("second order", "Taylor") or (
        program.kind == "special" and comparison.group == "first order"
    )


def differ(left: Any, right: Any, tolerance: float, loose: bool = False) -> str | None:
    """How two results differ, or None. NaN is equal to NaN; `loose`: only finite entries are compared."""
    if isinstance(right, (list, tuple)):
        if not isinstance(left, (list, tuple)) or len(left) != len(right):
            return f"{left} is not {right}"
        return next((found for a, b in zip(left, right) if (found := differ(a, b, tolerance, loose))), None)
    if right is None:  # either is right
        return None
    if isinstance(right, (str, bool)):
        return None if left == right else f"{left} is not {right}"
    if np.shape(left) != np.shape(right):
        return f"shape {np.shape(left)} is not {np.shape(right)}"
    left, right = np.asarray(left), np.asarray(right)
    if left.dtype.kind not in "fciub" or not left.size:
        return None
    with np.errstate(all="ignore"):
        finite = np.isfinite(left) & np.isfinite(right)
        same = (left == right) | (np.isnan(left) & np.isnan(right))
        if loose:  # whether 0 meets infinity first is a matter of the order of the products
            same |= ~finite
        scale = max(1.0, float(np.max(np.abs(right), where=finite, initial=0.0)))
        error = np.abs(left - right)
        if np.all(same | (finite & (error <= tolerance * scale))):
            return None
        worst = float(np.max(error, where=finite, initial=0.0))
    return f"relative error {worst / scale:.1e}\nfound    {left.tolist()}\nexpected {right.tolist()}"


def compare(
    program: Program,
    chosen: Sequence[Comparison] = COMPARISONS,
    counts: Counter[str] | None = None,
    is_known: Callable[[Fault], bool] = lambda _: False,
) -> None:
    """Hold a program to comparisons; raises a `Fault` for the first one that fails, unless it is known."""
    counts = Counter() if counts is None else counts
    with warnings.catch_warnings(record=True) as told, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        names = program.module()
        try:
            exec(HARNESS_CODE, names)
        except Exception:
            counts["not run"] += 1
            return
        for comparison in chosen:
            if program.kind not in comparison.kinds or names["X"].size > comparison.most:
                continue
            try:
                hold(program, comparison, names, counts, told)
            except Fault as found:
                if not is_known(found):
                    raise
                counts["met again"] += 1


def hold(
    program: Program, comparison: Comparison, names: dict[str, Any], counts: Counter[str], told: list[Any]
) -> None:
    """Hold a program to one comparison. Where minigrad warns, NaN and infinity may be on one side only."""
    left, right = CODES[comparison]
    try:
        expected = eval(right, names)
    except Exception:  # an error of the reference is for the comparison that has it on its left
        counts["without a reference"] += 1
        return
    told.clear()
    try:
        with np.errstate(divide="warn", invalid="warn"):
            found = eval(left, names)
    except Exception as error:
        if (why := refusal(error)) is None:
            raise fault(program, comparison, f"{type(error).__name__}: {error}\nin {place(error)}") from error
        counts[f"refused: {why}"] += 1
        return
    counts[comparison.group] += 1
    tolerance = max(comparison.tolerance, NARROW if comparison.tolerance and "float32" in program.text else 0.0)
    warned = any("(result of shape" in str(warning.message) for warning in told)
    counts["warned"] += warned
    if message := differ(found, expected, tolerance, warned or is_loose(program, comparison)):
        raise fault(program, comparison, message)


def place(error: BaseException) -> str:
    """The last line of minigrad that an error passed."""
    if isinstance(error, RecursionError):
        return "a recursion without end"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(PACKAGE)]
    return f"{frames[-1].filename[len(PACKAGE) + 1 :]}:{frames[-1].lineno}" if frames else "no line of minigrad"


__all__ = ["COMPARISONS", "IMPORTS", "Comparison", "Fault", "compare"]
