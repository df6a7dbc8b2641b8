"""Types and completions, as an editor and a type checker have them."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = Path(__file__).with_name("typed_calls.py")
ROOT = CALLS.parents[2]


CHECKS = [name for name in runpy.run_path(str(CALLS)) if name.startswith("check_")]


@pytest.mark.parametrize("name", CHECKS)
def test_the_typed_calls_run(name: str) -> None:
    """Mypy checks their types; here they are called."""
    runpy.run_path(str(CALLS))[name]()


def test_pyright_infers_the_same_types() -> None:
    pyright = shutil.which("pyright", path=str(Path(sys.executable).parent))
    if pyright is None:
        pytest.skip("no pyright: pip install pyright")
    command = [pyright, "--pythonpath", sys.executable, "--outputjson", str(CALLS)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout)
    assert [one["message"] for one in found["generalDiagnostics"] if one["severity"] == "error"] == []


def test_jedi_completes_names_and_shows_signatures() -> None:
    jedi = pytest.importorskip("jedi", reason="no jedi: pip install jedi")
    project = jedi.Project(ROOT)
    begun = jedi.Script("import minigrad.numpy as np\nnp.ta", project=project)
    assert {"tan", "tanh", "take"} <= {found.name for found in begun.complete()}
    call = jedi.Script("import minigrad.numpy as np\nnp.sum(", project=project)
    assert any("axis" in str(found) for found in call.get_signatures())
    own = jedi.Script("from minigrad import grad\ngrad(", project=project)
    assert any("argnum" in str(found) for found in own.get_signatures())
