"""An operation is declared once and found everywhere: one row in the table of rules is all that a new one takes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

PACKAGE = Path(minigrad.__file__).parent

ROW = """
cosm1 = elementwise("cosm1", np.cosm1, lambda g, _ans, x: -g * sin(x))
"""

# NumPy gets one more ufunc, cos(x) - 1, before minigrad is imported.
PROGRAM = """
import numpy as np
from scipy.special import cosm1

np.cosm1 = cosm1
np.__all__.append("cosm1")

import minigrad
import minigrad.numpy as mnp
from minigrad import batched, check, derivatives, grad, hessian, jvp, source, sparse_jacobian
from minigrad.show import coverage
from minigrad.show.expression import Expression

x = np.array([0.3, -0.7, 1.1])
total = lambda x: np.sum(np.cosm1(x))

assert mnp.cosm1(0.3) == cosm1(0.3) and "cosm1" in dir(mnp)
assert np.allclose(grad(total)(x), -np.sin(x))
assert np.allclose(grad(lambda x: np.sum(mnp.cosm1(x)))(x), -np.sin(x))
assert np.allclose(jvp(np.cosm1, (x,), (x,))[1], -x * np.sin(x))
assert np.allclose(hessian(total)(x), -np.diag(np.cos(x)))
assert np.allclose(derivatives(np.cosm1, 0.3, 4), [cosm1(0.3), -np.sin(0.3), -np.cos(0.3), np.sin(0.3), np.cos(0.3)])
assert np.allclose(batched(grad(total))(np.stack([x, 2 * x])), -np.sin([x, 2 * x]))
assert sparse_jacobian(np.cosm1, x).nnz == 3
assert np.allclose(minigrad.compile(grad(total))(x), -np.sin(x))
assert "np.sin(x)" in str(source(grad(total), x))
assert check(total, lambda x: -np.sin(x), x).verdict == "OK"
assert np.allclose(derivatives(Expression("2 * cosm1(x)"), x, 1)[1], -2 * np.sin(x))
rows = {entry.name: entry for entry in coverage.entries(("numpy",))}
assert (rows["numpy.cosm1"].status, rows["numpy.cosm1"].taylor) == (coverage.RULE, "derived")
print(rows["numpy.cosm1"].name)
"""


def test_one_row_is_found_by_every_mode(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    shutil.copytree(PACKAGE, tmp_path / "minigrad", ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "minigrad" / "rules" / "elementwise.py"
    table.write_text(table.read_text("utf-8") + ROW, "utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    found = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == "numpy.cosm1\n", found.stderr
