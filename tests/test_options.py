"""No option is silently ignored: with a traced argument a function gives the original's value, or names the option.

Every function with a rule is called with every option of its signature: the legal values of `VALUES`, and a text that
means nothing. Where the original raises, so does the rule; where it returns, the rule returns the same, or raises an
error that names the option.
"""

import copy
import importlib
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

import minigrad.numpy as mnp
from minigrad import grad, value
from minigrad.numpy.dispatch import FUNCTIONS, UFUNCS
from minigrad.scipy import linalg, signal, special

rng = np.random.default_rng(3)
X, Y = rng.uniform(0.2, 0.9, 3), rng.uniform(0.2, 0.9, 3)
M = rng.uniform(0.1, 0.9, (3, 3)) + np.diag([1.0, 2.0, 3.0])
N = rng.uniform(0.1, 0.9, (3, 3)) + np.diag([4.0, 2.0, 3.0])
C = M + 0.3j * N
B = np.array([[True, False, True], [False, True, True], [True, True, False]])
CANDIDATES: list[tuple[Any, ...]] = [
    (M,), (M, N), (X,), (X, Y), (C,), ([M, N],), (M, 1), (M, (3, 3)), (X, 2), (B, M), (B, M, N), (X, np.sort(Y), X),
    (0.5, M), (1, M), (1.0, X, Y), (M, 0, 1), (M, [0, 2], 1), (M, np.array([[0, 1, 2]] * 3), 0), ([B], [M]), (M, 1, 0),
    ((1, 1), np.array([[0.0, 2, 2], [3, 3, 3], [1, 1, 0]]), X), (M, X, Y), (np.array([0, 2, 1]), [M, N, C.real]),
    (X, X, 1), ((M, True), X), (scipy.linalg.lu_factor(M), X), (lambda x: 2 * x, 0, M), (lambda x, axis: x, M, 0),
    (X, X > 0.5, [lambda x: 2 * x, 1.0]), (X, [0.0, 0.5, 1.0]), ("ij,jk->ik", M, N), (M, 3), (X, M),
    (M.reshape(1, 3, 3),),
    (1, 0.5), (2, 0.5), (1, 2, X), (1, 2, 3, X), (1, 2, X, Y), (2, 1, X, Y), (2, 1, 0.5), (X, 3.0),
    (np.arange(9.0).reshape(3, 1, 3),), (M[:2],), (2 * X, np.eye(3)), ((2, 3), 0.5), (X, 4), (X, X, X), (X, X, X, X),
]  # fmt: skip
# What an option may be; of an option that is not here, only the text that means nothing is tried, and 1.
TEXT = "nonsense"
NUMBERS = (2, 0.5, -1)
VALUES: dict[str, tuple[Any, ...]] = {
    "axis": (0, -1, 1, None, (0, 1), 5), "axes": (0, (1, 0), (0, 1), [(-2, -1)] * 3, ((0,), (1,))),
    "keepdims": (True, False),
    "dtype": (np.float32, np.complex128, int),
    "where": (B, B[0], False), "initial": (2.0, 0.05), "order": ("F", "C", "A", "K"), "casting": ("unsafe", "no"),
    "mode": ("full", "same", "valid", "wrap", "clip", "r", "economic", "complete", "edge", "reflect", "symmetric"),
    "constant_values": (2.0, ((1.0, 2.0),)), "copy": (True, False, None), "subok": (True, False), "ddof": (1, 0.5),
    "correction": (1,), "mean": (np.full((1, 1), 0.3),), "UPLO": ("U", "L", "u"), "upper": (True, False),
    "hermitian": (True, False), "full_matrices": (True, False), "compute_uv": (True, False), "rcond": (0.3, 1e-3, None),
    "rtol": (0.3, 1e-3, None), "atol": (0.3,), "ord": (1, 2, np.inf, "fro", "nuc", -2), "p": (1, 2, "fro"),
    "norm": ("ortho", "forward", "backward"), "n": (2, 4), "s": ((2, 2), (4, 2)), "lower": (True, False),
    "trans": (0, 1, 2, "N", "T", "C"), "unit_diagonal": (True,), "overwrite_a": (True,), "overwrite_b": (True,),
    "check_finite": (True, False), "assume_a": ("gen", "sym", "her", "pos", "diagonal", "tridiagonal", "banded",
    "upper triangular", "lower triangular", "hermitian"), "transposed": (True,), "permute_l": (True,),
    "p_indices": (True,), "pivoting": (True,), "eigvals_only": (True,), "subset_by_index": ([0, 1], (1, 1)),
    "subset_by_value": ((1.0, 4.0), (-9.0, 99.0)), "type": (2, 3), "driver": ("evd", "ev"), "lapack_driver": ("gesvd",),
    "lwork": (64,), "return_rank": (True,), "b": (N @ N.T, X), "r": (Y,), "method": ("direct", "fft", "auto", "linear",
    "nearest", "lower", "midpoint", "hazen"), "stable": (True,), "kind": ("stable", "heapsort"), "left": (7.0,),
    "right": (7.0,),
    "period": (0.4, 3.0), "discont": (0.1,), "endpoint": (True, False), "num": (4,), "retstep": (True,), "base": (2.0,),
    "edge_order": (2,), "prepend": (0.0,), "append": (1.0,), "offset": (1,), "axis1": (1,), "axis2": (0,), "k": (1, -1),
    "dx": (0.5,), "x": (X,), "to_end": (3.0,), "to_begin": (3.0,), "weights": (X,), "rowvar": (False,), "bias": (True,),
    "fweights": (np.array([1, 2, 3]),), "aweights": (X,), "return_index": (True,), "return_inverse": (True,),
    "return_counts": (True,), "equal_nan": (True, False), "sorted": (True, False), "trim": ("f", "b"),
    "returned": (True,), "default": (7.0,), "indexing": ("ij", "xy"), "sparse": (True,), "optimize": (True,),
    "nan": (1.0,), "posinf": (1.0,), "neginf": (1.0,), "min": (0.3,), "max": (0.6,), "a_min": (0.3,), "a_max": (0.6,),
    "deg": (True, 1, 2), "full": (True,), "w": (X,), "cov": (True, "unscaled"), "m": (2,), "N": (2,),
    "increasing": (True,),
    "decimals": (1,), "axisa": (0,), "axisb": (0,), "axisc": (0,), "shift": (1,), "ndmin": (3,),
    "ndmax": (0, 2, -1),
    "shape": ((9,), (3, 3)),
    "newshape": ((9,),), "start": (1,), "tol": (1.0,), "ind": (1,), "loc": (0.3,), "scale": (2.0,), "bins": (3,),
    "range": ((0.0, 1.0),), "density": (True,), "in2": (N,), "sep": (0,), "stat_length": (1,), "end_values": (1.0,),
}  # fmt: skip
LOOKED_FOR: dict[str, tuple[Any, ...]] = {
    **{f"scipy.special.spherical_{kind}n": (1, M) for kind in "jyik"},
    "numpy.linalg.lstsq": (M, X), "numpy.polyfit": (X, Y, 1), "numpy.linalg.multi_dot": ([M, N, M],),
    "numpy.pad": (M, 1), "numpy.interp": (X, np.sort(Y), X), "scipy.linalg.solve_banded": ((1, 1), M, X),
    "scipy.linalg.solve_sylvester": (M, N, M), "numpy.linalg.matrix_power": (M, 2), "numpy.geomspace": (X, 2 * X),
    "numpy.linspace": (X, 2 * X), "numpy.logspace": (X, 2 * X), "numpy.apply_along_axis": (lambda x: 2 * x, 0, M),
    "numpy.apply_over_axes": (lambda x, axis: np.sum(x, axis), M, 0), "numpy.fft.irfft": (C,), "numpy.fft.hfft": (C,),
    "numpy.select": ([B], [M]), "numpy.unwrap": (3 * M,), "numpy.gradient": (M,), "numpy.histogram": (X,),
    "numpy.linalg.tensorinv": (M.reshape(3, 3),), "numpy.cross": (M, N), "numpy.linalg.cross": (M, N),
    "numpy.take": (M, [0, 2]), "numpy.repeat": (M, 2), "numpy.average": (M,),
    "numpy.piecewise": (X, [X > 0.5], [1.0, 2.0]), "numpy.roll": (M, 1),
    "scipy.stats.multivariate_normal.pdf": (X, Y, N @ N.T), "scipy.stats.multivariate_normal.logpdf": (X, Y, N @ N.T),
    "scipy.stats.multivariate_normal.entropy": (X, N @ N.T), "scipy.stats.dirichlet.pdf": (X / X.sum(), Y + 1.0),
    "scipy.stats.dirichlet.logpdf": (X / X.sum(), Y + 1.0), "numpy.astype": (M, np.float32),
    "numpy.can_cast": (X.dtype, X.dtype),
    "numpy.broadcast_shapes": ((2, 1), (3,)), "numpy.bincount": (np.array([0, 1, 1]), X),
    "numpy.dsplit": (M.reshape(1, 3, 3), 3),
}  # fmt: skip
if np.lib.NumpyVersion(scipy.__version__) < "1.17.0":  # which takes a matrix for its entries
    LOOKED_FOR["scipy.linalg.toeplitz"] = (X,)
HOMES = {"numpy": mnp, "numpy.linalg": mnp.linalg, "numpy.fft": mnp.fft, "scipy.special": special}
SAME_TO_PHASES = {"eigh", "eig", "svd"}
# Its values are what was in memory; samples have no derivative.
EXCEPT = {"numpy.empty_like", "scipy.stats.dirichlet.rvs"}
# What is true or false: any text is true.
FLAGS = {
    "keepdims", "subok", "copy", "hermitian", "full_matrices", "compute_uv", "lower", "overwrite_a", "overwrite_b",
    "overwrite_ab", "check_finite", "upper", "transposed", "where", "permute_l", "p_indices", "pivoting",
    "eigvals_only", "return_rank", "unit_diagonal",
}  # fmt: skip


def functions() -> Iterator[tuple[str, Any, Any]]:
    """The name, the original and ours of everything that has rules."""
    for own in [*FUNCTIONS, *UFUNCS]:
        name = own.__name__
        for home, ours in (
            ("numpy", mnp),
            ("numpy.linalg", mnp.linalg),
            ("numpy.fft", mnp.fft),
            ("scipy.special", special),
        ):
            original = getattr(importlib.import_module(home), name, None)
            if original is own:
                yield f"{home}.{name}", own, getattr(ours, name)
    for home, ours in (("scipy.linalg", linalg), ("scipy.signal", signal), ("scipy.special", special)):
        original = importlib.import_module(home)
        for name in vars(ours):
            own = getattr(original, name, None)
            if callable(own) and not isinstance(own, np.ufunc) and not name.startswith("_"):
                yield f"{home}.{name}", getattr(original, name), getattr(ours, name)
    for name in ("norm", "t", "beta", "chi2", "gamma", "poisson", "dirichlet", "multivariate_normal"):
        ours, original = importlib.import_module(f"minigrad.scipy.stats.{name}"), getattr(scipy.stats, name)
        for method in vars(ours):
            if callable(getattr(original, method, None)) and not method.startswith("_"):
                yield f"scipy.stats.{name}.{method}", getattr(original, method), getattr(ours, method)


def outcome(fun: Any, args: Any, options: Any) -> Any:
    """The result, or the error; the arguments are copied, which may be overwritten."""
    args, options = copy.deepcopy((args, options)) if fun in OWN else (args, options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return fun(*args, **options)
        except Exception as error:
            return error


def is_traceable(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "fc"


def traced(fun: Any, args: Any, options: Any) -> Any:
    """The plain value of a call in which all arrays of floats are traced."""
    kept: list[Any] = []
    leaves = [x for x in flat(args) if is_traceable(x)]

    def run(leaves: Any) -> Any:
        supply = iter(leaves)
        kept.append(plain(fun(*filled(args, supply), **options)))
        return sum(np.sum(np.real(x)) for x in leaves)

    error = outcome(grad(run), (leaves,), {})
    return error if isinstance(error, Exception) else kept[0]


def flat(x: Any) -> Iterator[Any]:
    if isinstance(x, (list, tuple)):
        for part in x:
            yield from flat(part)
    else:
        yield x


def filled(x: Any, supply: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)([filled(part, supply) for part in x])
    return next(supply) if is_traceable(x) else x


def plain(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return [plain(part) for part in x]
    return np.asarray(value(x))


def equal(name: str, ours: Any, theirs: Any) -> bool:
    theirs = plain(theirs)
    if isinstance(theirs, list) != isinstance(ours, list):
        return False
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(equal(name, a, b) for a, b in zip(ours, theirs))
    if (
        ours.shape != theirs.shape
        or ours.dtype.kind != theirs.dtype.kind
        or (ours.dtype.kind in "fc" and ours.dtype != theirs.dtype)
    ):
        return False
    if theirs.dtype.kind not in "fciub":
        return True
    if name.split(".")[-1] in SAME_TO_PHASES:
        ours, theirs = np.abs(ours), np.abs(theirs)
    wide = theirs.dtype.itemsize // (2 if theirs.dtype.kind == "c" else 1) > 4
    return bool(np.allclose(ours, theirs, rtol=1e-9 if wide else 1e-4, atol=1e-10 if wide else 1e-5, equal_nan=True))


def call(name: str, own: Any) -> tuple[Any, ...] | None:
    """Arguments with which the original works."""
    if name in LOOKED_FOR:
        return LOOKED_FOR[name]
    for args in CANDIDATES:
        if isinstance(own, np.ufunc) and len(args) != own.nin:
            continue
        ans = outcome(own, args, {})
        if not isinstance(ans, Exception) and not (isinstance(ans, np.ndarray) and ans.dtype.kind not in "fciub"):
            return args
    return None


def options_of(own: Any, args: tuple[Any, ...]) -> list[str]:
    if isinstance(own, np.ufunc):
        common = ["out", "dtype", "casting", "order", "subok"]
        if own.signature:
            return [*common, "axes", "axis", "keepdims"]
        # With where= the ufuncs of SciPy write out of bounds, without this package; the rule is that of NumPy's.
        return common if hasattr(scipy.special, own.__name__) else [*common, "where"]
    try:
        parameters = list(inspect.signature(own).parameters.values())
    except (TypeError, ValueError):
        return ["out", "dtype", "order", "axis", TEXT]
    named = [p.name for p in parameters[len(args) :] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return [name for name in named if name != "like"]


def values_of(option: str, own: Any, args: Any) -> tuple[Any, ...]:
    if option == "out":  # a place for the result: NumPy itself crashes on some that do not fit
        result = outcome(own, args, {})
        return (np.empty_like(result),) if isinstance(result, np.ndarray) else ()
    return (*VALUES.get(option, (1,)), *(() if option in FLAGS else (TEXT,)))


ALL = {name: (own, ours) for name, own, ours in functions() if name not in EXCEPT}
OWN = {own for own, _ in ALL.values()}


@pytest.mark.parametrize("name", ALL)
def test_no_option_is_silently_ignored(name: str) -> None:
    own, ours = ALL[name]
    args = call(name, own)
    if args is None:
        pytest.fail(f"no arguments are known with which {name} works")
    faults = []
    for option in options_of(own, args):
        for given in values_of(option, own, args):
            expected = outcome(own, args, {option: given})
            found = traced(ours, args, {option: given})
            shown = f"{option}={given!r}"
            if isinstance(found, Exception):
                message = str(found)
                if not isinstance(expected, Exception) and option not in message:
                    faults.append(f"{shown}: raises {type(found).__name__} without the option's name: {message[:160]}")
            elif isinstance(expected, Exception):
                faults.append(f"{shown}: the original raises {expected!r:.120}, ours returns")
            elif not equal(name, found, expected):
                faults.append(f"{shown}: {found!r:.200} for {plain(expected)!r:.200}")
    assert not faults, "\n".join(faults)
