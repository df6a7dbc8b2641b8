"""The tree of errors: one base, the errors of Python beside it, all public, all of them travel between processes."""

import ast
import copy
import importlib
import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest

import minigrad
import nn.checkpoint
import nn.data
import nn.javascript
import nn.train
from minigrad import errors
from minigrad.show.expression import Expression
from minigrad.testing import assert_grads_match

X = np.array([0.5, -1.0, 2.0])


def lost():
    minigrad.grad(lambda x: float(x) ** 2)(1.0)


def uncompiled():
    minigrad.compile(lambda x: np.sum(np.asarray(x)))(X)


def dense():
    pytest.importorskip("scipy")
    minigrad.sparsity(np.cumsum, np.ones(20_000))


def unconverged():
    minigrad.fixed_point(lambda a, x: a - x, 1.0, 0.0, maxiter=50)


def mismatched():
    assert_grads_match(lambda x: np.sum(x**2), lambda x: 3.0 * x, X)


def unread():
    Expression("1 + snh(x)")


def refused():
    from minigrad.shell.programs import program

    program("no_such_file.py")


def unclassified():
    nn.data.split(np.array([0, 0, 1]), 0.25)


def foreign():
    nn.checkpoint.load(__file__)


def untranslated():
    nn.javascript.translated("def f(x):\n    return x ** 2", [])


def diverged():
    history = nn.train.History(np.array([1.0, 2.0, np.inf]), np.array([0]), np.array([0.5]))
    raise nn.train.DivergedError(2, 0.1, history, [X], [X])


WAYS = {
    errors.LostDerivativeError: (lost, TypeError),
    errors.CannotCompileError: (uncompiled, TypeError),
    errors.DenseError: (dense, ValueError),
    errors.NoConvergenceError: (unconverged, RuntimeError),
    errors.GradientMismatchError: (mismatched, AssertionError),
    errors.ExpressionError: (unread, ValueError),
    errors.CommandError: (refused, Exception),
    nn.checkpoint.CheckpointError: (foreign, ValueError),
    nn.data.DataError: (unclassified, ValueError),
    nn.javascript.UntranslatableError: (untranslated, NotImplementedError),
    nn.train.DivergedError: (diverged, ArithmeticError),
}


def test_each_error_of_the_tree_is_raised_here() -> None:
    tree = {getattr(errors, name) for name in errors.__all__}
    assert tree - {errors.MinigradError} <= set(WAYS)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    shown = {}
    for line in errors.__doc__.splitlines():
        name, _, base = line.strip(" ├└─").partition(" ")
        if line.startswith(("    ├", "    └")):
            shown[name] = base.split(")")[0].strip("( ") if base.startswith("(") else "Exception"
    expected = {kind.__name__: base.__name__ for kind, (_, base) in WAYS.items() if kind.__module__ == errors.__name__}
    assert shown == expected


@pytest.mark.parametrize("name", errors.__all__)
def test_errors_are_exported(name: str) -> None:
    kind = getattr(errors, name)
    assert getattr(minigrad, name) is kind
    assert name in minigrad.__all__
    assert kind.__module__ == "minigrad.errors"
    assert issubclass(kind, errors.MinigradError)


@pytest.mark.parametrize(("kind", "way"), WAYS.items(), ids=[kind.__name__ for kind in WAYS])
def test_errors_are_raised_caught_and_pickled(kind: type[Exception], way: tuple) -> None:
    raise_it, base = way
    with pytest.raises(base) as caught:
        raise_it()
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, errors.MinigradError)
    error.add_note("seen in the second epoch")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        same_error(pickle.loads(pickle.dumps(error, protocol)), error)
    same_error(copy.copy(error), error)


def test_errors_come_back_from_a_pool_of_processes() -> None:
    """An error that cannot be unpickled leaves the pool waiting for ever."""
    A, b = [np.ones((2, 2))], [np.ones((2, 1))]
    calls = {
        errors.ExpressionError: (Expression, ("1 + snh(x)",)),
        nn.data.DataError: (nn.data.split, (np.array([0, 0, 1]), 0.25)),
        nn.train.DivergedError: (nn.train.train, (A, b, np.full((2, 2), np.nan), np.eye(2), 5)),
    }
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for kind, (function, args) in calls.items():
            answer = pool.apply_async(function, args)
            with pytest.raises(kind) as caught:
                answer.get(timeout=120)
            assert type(caught.value) is kind


def same_error(again: BaseException, error: BaseException) -> None:
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.args == error.args
    assert vars(again).keys() == vars(error).keys()
    assert again.__notes__ == error.__notes__
    for name, value in vars(error).items():
        assert repr(getattr(again, name)) == repr(value)


def test_no_other_module_defines_a_public_error() -> None:
    """A class of errors elsewhere is a signal between two modules, which nobody outside sees, and says so."""
    folder = Path(minigrad.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        if path.name == "errors.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(b).endswith(("Error", "Exception")) for b in node.bases
            ):
                assert (ast.get_docstring(node) or "").startswith("Internal signal: "), f"{path}: {node.name}"


def test_the_errors_need_nothing_else() -> None:
    tree = ast.parse(Path(errors.__file__).read_text(encoding="utf-8"))
    modules = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert not any(module.startswith("minigrad") for module in modules)
    assert importlib.import_module("minigrad.testing").GradientMismatchError is errors.GradientMismatchError
