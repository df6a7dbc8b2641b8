"""The names of the package: those that are imported when first used are also known to type checkers."""

import ast
import builtins
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import elementwise_grad, grad, hessian, jacobian, value_and_grad


def test_lazy_names_are_known_to_type_checkers() -> None:
    tree = ast.parse(Path(minigrad.__file__).read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    imported = {
        alias.name: (node.module or "").removeprefix("minigrad.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == minigrad._LAZY
    (listed,) = (n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__")
    assert set(ast.literal_eval(listed)) >= set(minigrad._LAZY) - set(minigrad._NOT_BOUND_BY_A_STAR)


def test_every_name_is_there_and_importing_is_lazy() -> None:
    assert all(hasattr(minigrad, name) for name in minigrad.__all__)
    assert set(minigrad.__all__) <= set(dir(minigrad))
    code = (
        "import sys, minigrad; lazy = sorted({f'minigrad.{m}' for m in minigrad._LAZY.values()} & set(sys.modules));"
        "print(lazy, sorted({'scipy', 'matplotlib', 'numba', 'rich', 'inspect'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[] []", "[] ['inspect']")  # NumPy's own imports may bring `inspect`


def test_public_names() -> None:
    for name in ("batched", "vmap", "jacfwd", "jacrev", "laplacian", "bilaplacian", "ggnvp", "jacobian", "hessian"):
        assert name in minigrad.__all__
        assert callable(getattr(minigrad, name))


def test_dir_shows_public_names_only() -> None:
    """Neither what the package imports for itself nor the folders of the engine."""
    shown = {name for name in dir(minigrad) if not name.startswith("__")}
    modules = {"builtins", "compiler", "errors", "extend", "misc", "optimize", "scipy", "test_util", "testing"}
    assert shown - modules == {*minigrad.__all__, "compile", "numpy"}
    assert all(hasattr(minigrad, name) for name in dir(minigrad))


def test_a_star_shadows_nothing() -> None:
    bound: dict[str, object] = {}
    exec("from minigrad import *", bound)
    bound.pop("__builtins__")
    assert set(bound) == set(minigrad.__all__)
    assert not bound.keys() & vars(builtins).keys()
    assert not any(inspect.ismodule(value) for value in bound.values())


def loss(weights: np.ndarray, *data: float, power: int = 2) -> float:
    """How far the weights are from zero."""
    return float(np.sum(weights**power))


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, elementwise_grad, minigrad.batched])
def test_derived_functions_show_the_signature_of_the_function(transform) -> None:
    """Also when they are derived several times."""
    assert inspect.signature(transform(loss)) == inspect.signature(loss)
    assert inspect.signature(transform(grad(loss))) == inspect.signature(loss)
    assert "How far the weights are from zero." in transform(loss).__doc__
