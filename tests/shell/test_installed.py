"""What pyproject.toml installs works where nobody can write to it, far from the clone, in a terminal of ASCII alone."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def files_of_a_wheel() -> Iterator[Path]:
    for module in SETTINGS["py-modules"]:
        yield ROOT / f"{module}.py"
    for package in SETTINGS["packages"]:
        yield from (ROOT / package.replace(".", "/")).glob("*.py")
    for package, patterns in SETTINGS["package-data"].items():
        for pattern in patterns:
            yield from (ROOT / package.replace(".", "/")).glob(pattern)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("installed") / "site"
    for path in files_of_a_wheel():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o444)
    folders = [folder, *[path for path in folder.rglob("*") if path.is_dir()]]
    for each in folders:
        each.chmod(0o555)
    yield folder
    for each in folders:
        each.chmod(0o755)


def test_every_package_is_listed() -> None:
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for home in ("minigrad", "nn")
        for path in (ROOT / home).rglob("*.py")
    }
    assert found == set(SETTINGS["packages"])


FUNCTION = """
import numpy as np
def loss(w):
    return np.sum(np.sin(w) ** 2)
def slope(w):
    return np.sin(2 * w)
"""
RUN = (
    "import minigrad as m, nn, numpy as np; f = m.compile(m.grad(np.sin)); print(f(0.0), m.source(m.grad(np.sin), 0.0))"
)
COMMANDS = {
    "a program": (["-c", RUN], "1.0 import numpy"),
    "check": (["-m", "minigrad", "check", "loss.py:loss", "--manual", "slope", "--shapes", "w=(3,)"], "OK"),
    "coverage": (["-m", "minigrad", "coverage"], "numpy.tanh"),
    "explore": (["-m", "minigrad", "explore", "loss.py:loss", "--shapes", "w=(3,)", "--out", "page.html"], "page.html"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command(name: str, site: Path, tmp_path: Path) -> None:
    arguments, printed = COMMANDS[name]
    (tmp_path / "loss.py").write_text(FUNCTION, encoding="utf-8")
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(site)}
    process = subprocess.run(
        [sys.executable, "-W", "error", *arguments], cwd=tmp_path, env={**os.environ, **plain, "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert printed in process.stdout + process.stderr
    assert not [path for path in site.rglob("*") if path.suffix == ".pyc"] or os.geteuid() == 0
