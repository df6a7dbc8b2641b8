"""`import autograd` means minigrad: the modules, the names, rules for functions that exist, and the command."""

import importlib
import pkgutil
import subprocess
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad
from minigrad.compat.as_autograd import INTERNALS, MODULES, standing_in
from minigrad.core.tape import Box

X = np.array([0.3, -0.8, 1.2])


@pytest.fixture(autouse=True)
def autograd() -> Iterator[Any]:
    with standing_in():
        yield importlib.import_module("autograd")


def test_what_a_program_imports_is_minigrad(autograd: Any) -> None:
    scope: dict[str, Any] = {}
    exec(
        "import autograd.numpy as np\nimport autograd.numpy.random as npr\nimport autograd.scipy.stats.norm as norm\n"
        "from autograd import grad, value_and_grad, jacobian, checkpoint, make_jvp, isinstance, tuple\n"
        "from autograd.numpy import *\nfrom autograd.misc import flatten, const_graph\n"
        "from autograd.scipy.special import gammaln, expit\nfrom autograd.numpy.numpy_vjps import unbroadcast_f\n"
        "from autograd.differential_operators import make_jvp_reversemode\n",
        scope,
    )
    assert scope["grad"] is minigrad.grad
    assert scope["grad"](lambda x: np.sum(scope["np"].tanh(x)))(X).shape == (3,)
    assert scope["npr"].RandomState(0).rand() == np.random.RandomState(0).rand()
    assert scope["flatten"]({"b": 1.0, "a": np.array([2.0, 3.0])})[0].tolist() == [2.0, 3.0, 1.0]
    assert importlib.import_module("autograd.misc.flatten").flatten is autograd.misc.flatten


def test_autograd_is_itself_again_afterwards() -> None:
    assert sys.modules["autograd"].__name__ == "autograd"
    inner = sys.modules["autograd"]
    with standing_in():
        assert importlib.import_module("autograd.numpy") is inner.numpy
    assert sys.modules["autograd"] is inner


def test_every_name_of_autograd_is_there() -> None:
    """Every module, and every name that one of them defines."""
    code = (
        "import importlib, pkgutil, types, autograd\n"
        "for m in ['autograd', *[m.name for m in pkgutil.walk_packages(autograd.__path__, 'autograd.')]]:\n"
        "    for name, value in vars(importlib.import_module(m)).items():\n"
        "        if getattr(value, '__module__', None) == m and name[0] != '_' and not isinstance(value, type(m)):\n"
        "            print(m, name)\n"
        "    print(m)\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("autograd is not installed")
    missing = []
    for line in done.stdout.splitlines():
        module, *names = line.split()
        names = [name for name in names if line != "autograd.scipy.stats.multivariate_normal solve"]  # NumPy's
        missing += [line for name in names if not hasattr(importlib.import_module(module), name)]
    assert missing == []
    assert {line for line in done.stdout.splitlines() if " " not in line} == {
        f"autograd.{m}".strip(".") for m in MODULES
    }


def test_internals_can_be_imported_and_say_that_they_are_not_there() -> None:
    for below, names in INTERNALS.items():
        for name in names.split():
            assert hasattr(importlib.import_module(f"autograd.{below}"), name)
    from autograd.tracer import new_box, trace_stack

    fails(NotImplementedError, lambda: new_box(1.0, 0, None), "autograd.tracer.new_box is a part of autograd's engine")
    fails(NotImplementedError, lambda: trace_stack.top, "autograd.tracer.trace_stack is a part")
    fails(AttributeError, lambda: importlib.import_module("autograd.numpy").nonsense, "autograd.numpy")
    fails(ModuleNotFoundError, lambda: importlib.import_module("autograd.torch"), "autograd.torch")


def test_boxes_are_known_by_their_names() -> None:
    from autograd.builtins import DictBox, ListBox, SequenceBox, TupleBox
    from autograd.numpy.numpy_boxes import ArrayBox
    from autograd.tracer import getval, isbox

    seen: list[Any] = []

    def f(p: Any) -> Any:
        x = p["w"][0]
        seen.append((isinstance(x, ArrayBox), isbox(x), isinstance(p, DictBox), isinstance(p["w"], ListBox)))
        seen.append((isinstance(p["w"], TupleBox), isinstance((x,), SequenceBox), isinstance(x, DictBox)))
        seen.append((x._value, getval(x), type(x._value)))
        return np.sum(x**2)

    minigrad.grad(f)({"w": [X]})
    assert seen[0] == (True,) * 4
    assert seen[1] == (False, True, False)
    assert seen[2][0] is not X
    assert np.array_equal(seen[2][0], X)
    assert not seen[2][0].flags.writeable
    assert not isinstance(X, ArrayBox)
    assert not isinstance([X], ListBox)


def test_the_value_of_a_nested_box_is_one_level_down() -> None:
    seen = []
    minigrad.grad(minigrad.grad(lambda x: seen.append((type(x._value), type(x._value._value))) or x**3))(2.0)
    assert seen == [(Box, np.float64)]


def test_integers_and_where_are_as_in_autograd() -> None:
    import autograd.numpy as anp

    assert minigrad.grad(lambda x: x[anp.int64(x[0])] ** 2)(np.array([1.0, 3.0])).tolist() == [0.0, 6.0]
    assert np.zeros(2, anp.int64).dtype == np.int64
    assert isinstance(np.int64(3), anp.int64)
    assert type(anp.where(True, 1, 2)) is int
    assert anp.where([True, False], X[:2], y=X[1:]).tolist() == [0.3, 1.2]
    assert minigrad.grad(lambda x: anp.where(x > 0, x**2, 0.0))(3.0) == 6.0
    assert anp.make_diagonal(X, axis1=-1, axis2=-2).tolist() == np.diag(X).tolist()
    fails(NotImplementedError, lambda: anp.make_diagonal(X), "make_diagonal")


def test_traces_with_nodes_of_ones_own() -> None:
    from autograd.core import JVPNode, VJPNode, backward_pass, make_jvp, make_vjp, primitive
    from autograd.differential_operators import make_jvp_reversemode
    from autograd.extend import defvjp
    from autograd.misc.tracers import const_graph, full_graph
    from autograd.tracer import trace

    cube = primitive(lambda x: x**3)
    defvjp(cube, lambda ans, x: lambda g: 3.0 * x**2 * g)

    def f(x: Any) -> Any:
        values, vectors = np.linalg.eigh(np.outer(x, x) + np.diag(x))
        return np.sum(vectors * x) + cube(values[0]) + np.sum(np.sin(x) * x)

    gradient, direction = minigrad.grad(f)(X), np.array([0.5, -1.0, 2.0])
    value, node = trace(VJPNode.new_root(), f, X)
    assert value == f(X)
    np.testing.assert_allclose(backward_pass(1.0, node), gradient)
    np.testing.assert_allclose(make_vjp(f, X)[0](1.0), gradient)
    slope = gradient @ direction
    np.testing.assert_allclose(trace(JVPNode.new_root(direction), f, X)[1].g, slope)
    np.testing.assert_allclose(make_jvp(f, X)(direction)[1], slope)
    np.testing.assert_allclose(make_jvp_reversemode(f)(X)(direction), slope)
    assert trace(VJPNode.new_root(), lambda x: 1.0, X)[1] is None
    assert full_graph(lambda x: np.sin(x), 2.0).value == np.sin(2.0)

    graph = const_graph(lambda k, x, p: f(x) * k + p["a"] if p["name"] else 0.0, 2.0)
    assert graph(X, {"a": 1.0, "name": "on"}) == 2.0 * f(X) + 1.0
    assert graph(X + 1.0, {"a": 2.0, "name": ""}) == 2.0 * f(X + 1.0) + 2.0  # the branch of the first call
    np.testing.assert_allclose(minigrad.grad(graph)(X, {"a": 1.0, "name": "on"}), 2.0 * gradient)
    fails(ValueError, lambda: const_graph(lambda x: 1.0)(X), "const_graph: the result does not depend")


def test_spaces_of_values() -> None:
    from autograd.extend import VSpace, vspace

    point = {"w": [X, 2.0 + 1.0j], "pair": np.linalg.eigh(np.eye(2))}
    space = vspace(point)
    assert space.size == 3 + 2 + 2 + 4
    assert space == vspace(minigrad.tree_map(lambda x: 2 * x, point))
    assert space != vspace({"w": [X[:2], 2.0 + 1.0j], "pair": point["pair"]})
    basis = list(space.standard_basis())
    assert len(basis) == space.size
    inner = np.array([[space.inner_prod(a, b) for a in basis] for b in basis])
    assert np.array_equal(inner, np.eye(space.size))
    twice = space.mut_add(None, space.add(space.ones(), space.scalar_mul(space.ones(), 1.0)))
    assert twice["w"][1] == 2.0 + 2.0j
    assert type(twice["pair"]) is type(point["pair"])
    assert space.covector(twice)["w"][1] == 2.0 - 2.0j
    assert vspace(space.randn()) == vspace(space.zeros())
    assert minigrad.grad(lambda x: vspace(x).inner_prod(x, vspace(x).scalar_mul(x, 2.0)))(X).tolist() == list(4.0 * X)

    class Own:
        pass

    class OwnSpace(VSpace):
        def zeros(self) -> Any:
            return 0.0

    fails(TypeError, lambda: vspace(Own()), "vspace: a value of type Own")
    OwnSpace.register(Own)
    try:
        assert vspace(Own()).mut_add(None, 3.0) == 3.0
        fails(NotImplementedError, lambda: vspace(Own()).ones(), "OwnSpace says nothing of its ones")
    finally:
        del VSpace.mappings[Own]


# ----- rules ----------------------------------------------------------------------------------------------------------


def test_a_function_of_ours_takes_another_rule() -> None:
    import autograd.numpy as anp
    from autograd.core import primitive_jvps, primitive_vjps
    from autograd.extend import defjvp, defvjp

    for f in (anp.sinc, anp.exp, anp.spacing):
        before = f(3.0)
        defvjp(f, lambda ans, x: lambda g: 7.0 * g)
        assert minigrad.grad(f)(3.0) == 7.0
        assert minigrad.jvp(f, (3.0,), (1.0,))[1] == 7.0
        assert np.all(f(3.0) == before)
        assert primitive_vjps.pop(f, None) is not None
        assert primitive_vjps.pop(f, None) is None
    assert minigrad.grad(anp.exp)(0.0) == 1.0
    assert anp.__version__ == np.__version__
    assert anp.sinc is importlib.import_module("autograd.numpy.numpy_wrapper").sinc
    defjvp(anp.abs, lambda t, ans, x: 5.0 * t)
    assert minigrad.jvp(anp.absolute, (3.0,), (1.0,))[1] == 5.0  # another name of the same function
    assert minigrad.grad(lambda x: abs(x))(3.0) == 1.0
    del primitive_jvps[anp.absolute]
    assert minigrad.jvp(anp.abs, (3.0,), (1.0,))[1] == 1.0


def test_a_rule_for_a_plain_function_is_not_asked() -> None:
    from autograd.extend import defjvp, defvjp, defvjp_argnum

    def square(x: Any) -> Any:
        return x**2

    defvjp(square, lambda ans, x: lambda g: 0.0 * g)
    defjvp(square, lambda t, ans, x: 0.0 * t)
    defvjp_argnum(square, lambda argnum, ans, args, kwargs: lambda g: 0.0 * g)
    assert minigrad.grad(square)(3.0) == 6.0


def test_functions_of_scipy_without_a_rule_take_one() -> None:
    own = pytest.importorskip("scipy.linalg")
    import autograd.scipy.linalg as spla
    from autograd.extend import defvjp

    names = [name for name in own.__all__ if not isinstance(getattr(own, name), (type, types.ModuleType))]
    assert all(callable(getattr(spla, name)) for name in names)
    assert np.array_equal(spla.toeplitz(X), own.toeplitz(X))
    fails(NotImplementedError, lambda: minigrad.grad(lambda x: np.sum(spla.cosm(x)[0]))(np.eye(2)), "cosm")
    defvjp(spla.cosm, lambda ans, a: lambda g: -g @ own.sinm(a))
    assert minigrad.grad(lambda x: np.sum(spla.cosm(x)))(np.zeros((2, 2))).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_older_forms_of_declarations() -> None:
    from autograd import primitive
    from autograd.util import quick_grad_check

    cube = primitive(lambda x, n: n * x**3)
    with pytest.warns(DeprecationWarning, match="defgrad"):
        cube.defgrad(lambda ans, x, n: lambda g: 3 * n * x**2 * g)
    with pytest.warns(DeprecationWarning, match="defvjp_is_zero"):
        cube.defvjp_is_zero(argnums=(1,))
    with pytest.warns(DeprecationWarning, match="defvjp"):
        cube.defvjp(lambda g, ans, space, out, x, n: 3 * n * x**2 * g + space.zeros(), argnum=0)
    assert minigrad.grad(cube, (0, 1))(2.0, 1.0) == (12.0, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quick_grad_check(lambda x, k, *, s: k * s * x**2, 3.0, (2.0,), {"s": 1.0})


# ----- the command ----------------------------------------------------------------------------------------------------

PROGRAM = """
import sys, subprocess
import autograd, autograd.numpy as np
import beside
if __name__ == "__main__":
    print(sys.argv, float(autograd.grad(np.tanh)(beside.ZERO)), sys.modules["__main__"].PROGRAM)
    code = "import autograd.numpy as np; from autograd import grad; print(grad(np.tanh)(0.0), np)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    sys.exit(7)
"""


def _run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "minigrad", "as-autograd", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_program_runs_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arguments, its folder, its exit code are its own, and processes that it starts find minigrad, too."""
    monkeypatch.setenv("PYTHONPATH", str(Path(minigrad.__file__).parents[1]))
    below = tmp_path / "below"
    below.mkdir()
    (below / "beside.py").write_text("ZERO = 0.0\n")
    (below / "program.py").write_text(PROGRAM.replace("import beside\n", "import beside\nPROGRAM = 'its own'\n"))
    code, out, _ = _run(tmp_path, "below/program.py", "-m", "x", "--help")
    assert code == 7
    assert out.startswith("['below/program.py', '-m', 'x', '--help'] 1.0 its own\n1.0 <module 'autograd.numpy'")
    (below / "broken.py").write_text("import autograd\n1 / 0\n")
    code, _, errors = _run(below, "-m", "broken")
    assert code == 1
    assert "ZeroDivisionError" in errors
    (below / "missing.py").write_text("import autograd\nopen('nothing.txt')\n")
    code, _, errors = _run(below, "missing.py")
    assert code == 1
    assert errors.splitlines()[-1].startswith("FileNotFoundError: ")
    for wrong, words in (
        (["nowhere.py"], "no such file"),
        (["-m", "no.where"], "no such module"),
        ([], "name a script"),
    ):
        code, _, errors = _run(tmp_path, *wrong)
        assert code == 2
        assert words in errors


def test_autograd_must_not_have_been_imported_before() -> None:
    code = (
        "import sys, types; sys.modules['autograd.numpy'] = types.ModuleType('autograd.numpy')\n"
        "from minigrad.compat import install_as_autograd\n"
        "try: install_as_autograd()\nexcept RuntimeError as error: print(error)\n"
        "del sys.modules['autograd.numpy']\ninstall_as_autograd(); install_as_autograd()\n"
        "import autograd.numpy, autograd\n"
        "print(autograd.numpy.tanh(0.0), sum('_Finder' in repr(f) for f in sys.meta_path))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "autograd.numpy has been imported already" in done.stdout
    assert done.stdout.endswith("0.0 1\n")
    assert pkgutil.resolve_name("minigrad.compat:install_as_autograd")


def test_a_type_of_ones_own_is_not_boxed() -> None:
    from autograd.extend import Box as ExtendBox

    class Own:
        pass

    fails(NotImplementedError, lambda: ExtendBox.register(Own), "Box.register", "Make Own a named tuple")
