"""The names of the package: those that are imported when first used are also known to type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import minigrad


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
