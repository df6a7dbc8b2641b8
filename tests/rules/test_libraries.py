"""Arrays of other libraries: what is promised of each is as of NumPy, with first and second derivatives; the rest is
refused by name.

Every test runs on a stand-in whose arrays NumPy cannot read, on dask where it is installed, and on CuPy where there is
a graphics processor. A sample of dask's calls is tested; `PYTHONPATH=tests python tests/rules/test_libraries.py`
goes through all.
"""

import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from cells import Case, cases, load
from stand_ins import DEVICE, DeviceArray

from minigrad import grad, jvp, value_and_grad
from minigrad.core.adopted import LIBRARIES
from minigrad.rules.cupy_arrays import adapter
from minigrad.rules.libraries import promised


class Library(NamedTuple):
    """A library under test: how its arrays are made, and how the numbers of several are read."""

    name: str
    array: Callable[[Any], Any]
    numbers: Callable[[Any], Any]


def of_stand_in() -> Library:
    LIBRARIES.setdefault("stand_ins", lambda: adapter(DEVICE, "stand_ins"))
    return Library("stand_ins", DeviceArray, lambda values: [getattr(value, "numbers", value) for value in values])


def of_dask() -> Library:
    dask = pytest.importorskip("dask", reason="dask is not installed")
    da = pytest.importorskip("dask.array", reason="dask.array is not installed")

    def array(x: Any) -> Any:
        x = np.asarray(x)
        return da.from_array(x, chunks=tuple(max(1, (n + 1) // 2) for n in x.shape))

    return Library("dask.array", array, lambda values: dask.compute(*values, scheduler="synchronous"))


def of_cupy() -> Library:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.zeros(1)
    except Exception as error:
        pytest.skip(f"CuPy finds no graphics processor: {error}")
    return Library("cupy", cupy.asarray, lambda values: [cupy.asnumpy(value) for value in values])


@pytest.fixture(params=[of_stand_in, of_dask, of_cupy], ids=["stand-in", "dask", "cupy"])
def library(request: Any) -> Library:
    made: Library = request.param()
    return made


START = {"numpy.linalg.solve": None}  # the last shapes are stacks of matrices, of which dask has no linear algebra


def calls() -> Iterator[Case]:
    """One call of each cell that takes floats of double precision; of linear algebra also one of a single matrix."""
    for cell in load():
        if "d" in cell.dtypes and cell.name.startswith("numpy."):
            yield from list(cases(cell, "d"))[START.get(cell.name, -2 if ".linalg." in cell.name else -1) :]


KNOWN: dict[str, Any] = {}


def expected(case: Case) -> Any:
    """What NumPy's arrays give, computed once for all libraries."""
    if str(case) not in KNOWN:
        KNOWN[str(case)] = of_numpy(case)
    return KNOWN[str(case)]


def of_numpy(case: Case) -> Any:
    """The weighted sum of the results, the arguments, and NumPy's value, gradient and Hessian-vector product."""
    args = case.drawn()
    if all(arg.dtype.kind == "f" for arg in args):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                weights = np.cos(np.arange(np.size(case.fun(*args))) + 1.0).reshape(np.shape(case.fun(*args)))

                def fun(*xs: Any) -> Any:
                    return np.sum(case.fun(*xs) * weights)

                return fun, args, derived(fun, args, case.cell.order, lambda x: x)
        except Exception:
            pass  # a cell of something else: what is no number, or has no gradient
    return None


def derived(fun: Any, args: Any, order: int, array: Callable[[Any], Any]) -> list[Any]:
    """The value, the gradient, and the product of the Hessian with ones."""
    which, xs = tuple(range(len(args))), [array(arg) for arg in args]
    value, gradient = value_and_grad(fun, which)(*xs)
    if order < 2:
        return [value, *gradient]
    ones = tuple(array(np.ones_like(arg)) for arg in args)
    return [value, *gradient, *jvp(grad(fun, which), tuple(xs), ones)[1]]


def answer(case: Case, library: Library) -> str:
    """ "equal" where the library's derivatives are NumPy's, "refused" where an error names the library."""
    known = expected(case)
    if known is None:
        return "nothing"
    fun, args, numbers = known
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)  # of functions that this NumPy still has, as np.fix
            found = derived(fun, args, case.cell.order, library.array)
    except (NotImplementedError, TypeError, ValueError) as error:
        if library.name.partition(".")[0] in str(error):
            return "refused"
        raise
    kind = type(library.array(0.0))
    assert {type(x) for x in found} == {kind}, f"{case}: {[type(x) for x in found]}"
    for a, b in zip(library.numbers(found), numbers, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11, err_msg=str(case))
    return "equal"


def answers(library: Library, share: int = 1) -> dict[str, set[str]]:
    """What was found of each function; of a share of its calls, but for the first."""
    found: dict[str, set[str]] = {}
    for case in calls():
        name = case.cell.name
        if share > 1 and zlib.crc32(str(case.cell).encode()) % share:
            continue
        found.setdefault(name, set()).add(answer(case, library))
    return {name: kinds - {"nothing"} for name, kinds in found.items()}


SHARE = {"dask.array": 25}


def check_promises(library: Library, share: int) -> dict[str, set[str]]:
    found = answers(library, share)
    names = promised().get(library.name, promised()["cupy"])
    if share == 1:
        right = {name for name, kinds in found.items() if "equal" in kinds and ".ndarray." not in name}
        assert sorted(right - names) == [], "promise these too: in minigrad/rules/libraries.py"
        missing = {name for name in names - right if name not in found}  # of an older NumPy
        assert all(not hasattr(np, name.removeprefix("numpy.")) for name in missing), missing
        assert sorted(names - right - missing) == [], "promised, but refused"
    for name, kinds in found.items():
        assert name in names or kinds <= {"refused"} or ".ndarray." in name, name
    return found


def test_what_is_promised_is_as_of_numpy_and_the_rest_is_refused(library: Library) -> None:
    check_promises(library, SHARE.get(library.name, 1))


@pytest.mark.parametrize(
    "name", ["add", "hypot", "matmul", "where", "concatenate", "einsum", "maximum", "outer", "linspace"]
)
def test_a_constant_of_the_library_beside_a_traced_array_of_numpy(name: str, library: Library) -> None:
    """On either side; the derivative is NumPy's."""
    x, w = np.linspace(0.3, 1.2, 4), np.array([0.5, -0.2, 0.7, 1.1])
    calls_of: dict[str, Any] = {
        "where": lambda a, b: np.where(a > 0.5, a, b),
        "concatenate": lambda a, b: np.concatenate([a, b]),
        "einsum": lambda a, b: np.einsum("i,j->ij", a, b),
        "linspace": lambda a, b: np.linspace(a, b, 3),
    }
    call = calls_of.get(name, getattr(np, name, None))
    for fun in (lambda x, w: np.sum(np.sin(call(x, w))), lambda x, w: np.sum(np.sin(call(w, x)))):
        found = grad(fun, 1)(library.array(x), w)
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, grad(fun, 1)(x, w), rtol=1e-12, atol=1e-14)


if __name__ == "__main__":
    for make in (of_stand_in, of_dask, of_cupy):
        try:
            each = make()
        except pytest.skip.Exception as reason:
            print(f"{make.__name__[3:]}: skipped, {reason}")
            continue
        kinds = check_promises(each, 1)
        right = sum("equal" in found for found in kinds.values())
        print(f"{each.name}: {right} functions as NumPy's, {len(kinds) - right} refused")
    sys.exit(0)
