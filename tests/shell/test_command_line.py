"""Hostile files, full disks, poor encodings and interruption: of every command one line, and never exit code 1."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.shell.cli import main

MODEL = """\
import sys

import numpy as np

def loss(w):
    return np.sum(np.tanh(w) ** 2)

def gradient(w):
    t = np.tanh(w)
    return 2 * t * (1 - t * t)

def ισχύς(θ):
    return np.sum(θ * θ)

def κλίση(θ):
    return 2 * θ

def slow(w):
    raise KeyboardInterrupt

two = lambda w, v: w
"""
PARSES = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.5)
rate = parser.parse_args().rate

def loss(w):
    return rate * w * w

def gradient(w):
    return 2 * rate * w
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(MODEL, encoding="utf-8")
    Path("parses.py").write_text(PARSES, encoding="utf-8")


def check(*arguments: str) -> int:
    return main(["check", "model.py:loss", "--manual", "gradient", *arguments])


def started(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"PYTHONPATH": str(Path(minigrad.__file__).parents[1])} | options.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "minigrad", *arguments], env=environment, stderr=subprocess.PIPE, timeout=120, **options
    )


# ----- hostile points -------------------------------------------------------------------------------------------------


def member(content: bytes, name: str = "w.npy") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def array_of(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


GOOD = member(array_of(np.ones(3)))
HUGE = array_of(np.ones(3)).replace(b"(3,), }    ", b"(9999999999999,), }"[:11].ljust(11))
FILES = {
    "empty": b"",
    "truncated": GOOD[: len(GOOD) // 2],
    "a zip without its end": GOOD[:-30],
    "a damaged member": GOOD.replace(b"\x00\x00\xf0?", b"\x01\x00\xf0?", 1),
    "text": b"w = 1",
    "a member that is no array": member(b"hello"),
    "a header that never ends": member(b"\x93NUMPY\x01\x00\xff\xff{"),
    "a header of code": member(b"\x93NUMPY\x01\x00\x20\x00" + b"__import__('os').getpid()       "),
    "an array of objects": member(array_of(np.array([{}, None], dtype=object))),
    "an array and a part of it": member(array_of(np.ones(2))),
    "a name that is no name": member(array_of(np.ones(2)), "w[[1]].npy"),
    "an array of texts": member(array_of(np.array(["a"]))),
}


@pytest.mark.parametrize("name", FILES)
def test_hostile_points_are_bad_input(name: str, capsys: Any) -> None:
    content = FILES[name]
    if name == "an array and a part of it":
        np.savez("point.npz", **{"w": np.ones(2), "w[0]": np.ones(2)})
    else:
        Path("point.npz").write_bytes(content)
    assert check("--at", "point.npz") == 2
    told = capsys.readouterr().err
    assert told.startswith("minigrad check: ")
    assert told.count("\n") == 1
    assert "point.npz" in told or "w has" in told


def test_a_header_that_promises_more_than_there_is(capsys: Any) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }".ljust(117) + b"\n"
    Path("point.npz").write_bytes(member(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header))
    assert check("--at", "point.npz") == 2
    assert "point.npz" in capsys.readouterr().err


@pytest.mark.parametrize(
    "shapes",
    ["w=(-1,)", "w=(99999999999,)", "w=(True,)", "w=True", "w=-3", "w=1.5", "w=[(2,), (-2,)]", "w=(2, 'a')", "w='a'",
     "w={'a': (-1,)}", "w=(10**9, 10**9)", "w=(2,), w=(3,)", "w=(" + "1," * 70 + ")",
     "w=(" * 300, "w=" + "[" * 300 + "]" * 300, "w=(99999, 99999)"],
)  # fmt: skip
def test_shapes_that_are_none(shapes: str, capsys: Any) -> None:
    assert check("--shapes", shapes) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--shapes" in told


# ----- programs that are imported -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "parses.py:loss", "--manual", "gradient", "--at", "w=0.5"],
        ["explore", "parses.py:loss", "--at", "w=0.5"],
        ["plot", "parses.py:loss", "--csv", "-", "--points", "5"],
    ],
)
def test_a_program_that_parses_its_own_arguments_finds_its_own(arguments: list[str], capsys: Any) -> None:
    given = list(sys.argv)
    assert main(arguments) == 0
    assert sys.argv == given


def test_a_program_that_ends_the_process_is_bad_input(capsys: Any) -> None:
    Path("ends.py").write_text("import sys\nsys.exit(1)\n")
    for command in (["check", "ends.py:f", "--manual", "g"], ["explore", "ends.py:f"], ["plot", "ends.py:f"]):
        assert main([*command]) == 2
        told = capsys.readouterr().err
        assert "ends.py" in told
        assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("manual", "code"),
    [("lambda w: 2 * np.tanh(w) * (1 - np.tanh(w)**2)", 0), ("lambda w: w", 1), ("lambda w, v: w", 2), ("lambda: 1", 2),
     ("two", 2), ("lambda w: loss", 2), ("lambda w: nothing", 2), ("lambda *ws: gradient(*ws)", 0)],
)  # fmt: skip
def test_a_lambda_by_hand(manual: str, code: int, capsys: Any) -> None:
    assert main(["check", "model.py:loss", "--manual", manual, "--at", "w=[0.5, -1.0]"]) == code
    if code == 2:
        assert capsys.readouterr().err.count("\n") == 1


# ----- output ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "model.py:loss", "--manual", "gradient", "--at", "w=[0.5]"],
        ["coverage", "--module", "numpy.fft"],
        ["plot", "x", "--points", "99", "--csv", "-"],
    ],
)
def test_a_full_disk_behind_the_terminal(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = started(*arguments, stdout=full)
    assert done.returncode == 2
    assert done.stderr.decode() == "minigrad: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_are_printed_in_every_encoding(encoding: str) -> None:
    arguments = ["check", "model.py:ισχύς", "--manual", "κλίση", "--at", "θ=[0.5, 1.0]"]
    done = started(*arguments, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding)
    assert ("κλίση" if encoding == "utf-8" else r"\u03ba\u03bb\u03af\u03c3\u03b7") in shown
    done = started(
        "check",
        "model.py:ισχ",
        "--manual",
        "κλίση",
        stdout=subprocess.PIPE,
        env={"LC_ALL": "C", "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "model.py:ισχύς", "--manual", "κλίση", "--shapes", "θ=(2,)"],
        ["check", "model.py:ισχύς(θ)", "--manual", "κλίση", "--at", "θ=[0.5, 1.0]"],
        ["plot", "sin(α x) + π", "α=2", "--points", "51", "--csv", "-"],
    ],
)
def test_greek_letters_are_read_without_a_locale(arguments: list[str]) -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = started(*arguments, stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_report_on_the_terminal(option: str, capsys: Any) -> None:
    assert check("--at", "w=[0.5]", option, "-") == 0
    told = capsys.readouterr()
    assert told.out.lstrip().startswith("{" if option == "--json" else "<!doctype html>")
    assert "OK" in told.err
    assert not Path("-").exists()


def test_the_explorer_on_the_terminal(capsys: Any) -> None:
    assert main(["explore", "model.py:loss", "--at", "w=[0.5]", "--out", "-"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("<!doctype html>")
    assert "entries" in told.err


def test_a_page_and_a_picture_on_the_terminal(capfdbinary: Any) -> None:
    pytest.importorskip("matplotlib")
    assert main(["plot", "x", "--points", "51", "--page", "-"]) == 0
    told = capfdbinary.readouterr()
    assert told.out.startswith(b"<!doctype html>")
    assert main(["plot", "x", "--points", "51", "--out", "-"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"\x89PNG")


def test_only_one_thing_goes_to_the_terminal(capsys: Any) -> None:
    assert check("--at", "w=[0.5]", "--json", "-", "--html", "-") == 2
    assert main(["plot", "x", "--csv", "-", "--page", "-"]) == 2
    assert all("only one" in line for line in capsys.readouterr().err.splitlines())


# ----- interruption ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "model.py:slow", "--manual", "gradient", "--at", "w=[0.5]", "--json", "a.json"],
        ["explore", "model.py:slow", "--at", "w=[0.5]", "--out", "a.html"],
        ["plot", "model.py:slow", "--out", "a.png"],
    ],
)
def test_an_interruption_says_what_is_left(arguments: list[str], capsys: Any) -> None:
    assert main(arguments) == 130
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == f"minigrad {arguments[0]}: interrupted; nothing was written"
    assert sorted(path.name for path in Path().iterdir() if path.name != "__pycache__") == ["model.py", "parses.py"]


@pytest.mark.parametrize("rich", [True, False])
def test_no_header_is_cut_at_80_columns(rich: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.checking import terminal

    report = minigrad.check(lambda w: np.sum(w**2), lambda w: 2 * w, np.ones(3))
    if rich:
        console = pytest.importorskip("rich.console").Console(width=80, file=io.StringIO())
        for part in terminal.rich_parts(report):
            console.print(part)
        shown = console.file.getvalue()
    else:
        shown = str(report)
    lines = shown.splitlines()
    assert not rich or all(len(line) <= 80 for line in lines if "|yours|" in line), shown
    for title in ("verdict", "shape", "|yours|", "|tape|", "cosine", "tolerance"):
        assert title in shown, shown
    assert "…" not in shown
