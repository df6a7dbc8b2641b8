"""Two versions of minigrad side by side in one process."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from benchmarks import against, items, measuring
from benchmarks.__main__ import main


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A quick item; without Numba, which would compile it for a second."""
    monkeypatch.setattr(measuring, "TURN", 0.0)
    monkeypatch.setenv("MINIGRAD_BENCHMARK_PEERS", "")
    monkeypatch.setitem(sys.modules, "numba", None)
    return [item for item in items.ITEMS if item.name == "quadratic"]


def test_a_version_is_measured_against_another_one(tmp_path: Path, chosen: list[Any]) -> None:
    other = tmp_path / "other"
    for name in ("minigrad", "nn"):
        (other / name).parent.mkdir(exist_ok=True)
        (other / name).symlink_to(against.ROOT / name)
    lines: list[str] = []
    rows = against.measured(str(other), chosen, 1e-3, tmp_path / "copies", tiny=True, tell=lines.append)
    assert [row["contender"] for row in rows] == ["minigrad", "minigrad compiled"]
    for row in rows:
        assert row["ratio"] == row["now"] / row["before"]
        assert row["noise"] >= 0.0
    assert sys.modules["minigrad"] is minigrad
    assert sys.modules["benchmarks.items"] is items
    assert lines[0] == f"| item | contender | {other} | now | ratio | two equal versions | |"
    assert [line.split(" | ")[1] for line in lines[2:]] == ["minigrad", "minigrad compiled"]
    assert "In nine rows of ten, two copies of this version differ by at most" in against.summary(rows)


def test_versions_find_their_own_modules_also_in_late_imports(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name / "minigrad").mkdir(parents=True)
        (tmp_path / name / "minigrad" / "__init__.py").write_text(
            f"def late():\n    from minigrad import part\n    return part.NAME, {name!r}\n"
        )
        (tmp_path / name / "minigrad" / "part.py").write_text(f"NAME = {name!r}\n")
        version = against.Version(tmp_path / name)
        with version.present():
            import minigrad as copy

            found.append((version, copy.late))
    for version, late in [*found, *found]:
        with version.present():
            assert len(set(late())) == 1
    assert sys.modules["minigrad"] is minigrad


def test_what_changed_is_told_from_noise() -> None:
    def row(ratio: float, noise: float) -> dict[str, Any]:
        about = {"item": "network", "contender": "minigrad", "unit": "us", "scale": 1e6}
        return about | {"before": 1e-6, "now": ratio * 1e-6, "ratio": ratio, "noise": noise}

    rows = [row(1.02, 0.0), row(1.2, 0.15), row(1.5, 0.02), row(0.7, 0.05)]
    found = [against.is_change(each, against.usual_noise(rows)) for each in rows]
    assert found == [False, False, True, True]
    rows = [each | {"changed": told} for each, told in zip(rows, found)]
    assert against.line(rows[2]) == "| network | minigrad | 1.00 us | 1.50 us | 1.50 | ±2% | slower |"
    text = against.summary(rows)
    assert text.startswith(
        "network, minigrad: slower (1.50)\nnetwork, minigrad: faster (0.70)\n4 rows: 1 slower, 1 faster."
    )


def test_another_version_may_lack_what_an_item_is_about(tmp_path: Path, chosen: list[Any]) -> None:
    """The row says so; results that differ are told as well."""

    class Fake(against.Version):
        def contenders(self, item: str, tiny: bool = False) -> Any:
            return {"minigrad": lambda: np.float64(len(self.folder.name))}

    class Broken(against.Version):
        def contenders(self, item: str, tiny: bool = False) -> Any:
            raise AttributeError("no such function")

    versions = {"now": Fake(tmp_path / "a"), "again": Fake(tmp_path / "b"), "before": Broken(tmp_path / "c")}
    assert list(against.compared(versions, chosen[0], 1e-3)) == [
        ("minigrad", "before: AttributeError: no such function")
    ]
    versions["before"] = Fake(tmp_path / "longer")
    ((_, reason),) = against.compared(versions, chosen[0], 1e-3)
    assert str(reason).startswith("AssertionError")
    assert "not measured: x" in against.line({"item": "i", "contender": "c", "reason": "x"})


def test_there_must_be_such_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--against", "no-such-revision", "--only", "quadratic", "--no-progress"]
    assert main(arguments) == 2
    assert "'no-such-revision' is no folder with minigrad in it, and no revision" in capsys.readouterr().err
