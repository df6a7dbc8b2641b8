"""This version against another one, row by row, in one process.

    python -m benchmarks --against ../release            # a folder with that version
    python -m benchmarks --against HEAD~10 --only network # a revision that git knows

The modules of both versions live in the process side by side: before a turn, those of the version whose turn it is are
put into `sys.modules`, so that imports within functions find their own. The items are those of this version's
benchmarks in both cases. A third copy, of this version again, tells how far apart equal programs are measured: that is
the noise. A row counts as changed where its ratio leaves 1 by more than the noise of the row and of most rows.
"""

import contextlib
import importlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import tables
from benchmarks.measuring import Contenders, MissingError, Sample, agree, in_turns

ROOT = Path(__file__).resolve().parents[1]
OURS = ("minigrad", "nn", "benchmarks")
LEAST = 0.03  # smaller changes of a ratio are none, however quiet the machine


class Version:
    """One version: a folder with its modules, and those that are imported from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: dict[str, ModuleType] = {}

    @contextlib.contextmanager
    def present(self) -> Iterator[None]:
        """Imports find the modules of this version, in this context."""
        others = taken_out()
        sys.modules.update(self.modules)
        sys.path.insert(0, str(self.folder))
        try:
            yield
        finally:
            sys.path.remove(str(self.folder))
            self.modules = taken_out()
            sys.modules.update(others)

    def contenders(self, item: str, tiny: bool = False) -> Contenders:
        """What minigrad does in an item, in all of its ways; its calls expect that this version is present."""
        with self.present():
            (found,) = [i for i in importlib.import_module("benchmarks.items").ITEMS if i.name == item]
            contenders = (found.tiny if tiny else found.build)()
            return {name: run for name, run in contenders.items() if name.startswith("minigrad")}


def taken_out() -> dict[str, ModuleType]:
    """The modules that a version brings along, which are not there any more."""
    names = [name for name in sys.modules if name.partition(".")[0] in OURS]
    return {name: sys.modules.pop(name) for name in names}


def copied(source: str, to: Path) -> Version:
    """A version in a folder of its own: minigrad and nn of `source`, a path or a revision, with our benchmarks.

    Raises:
        ValueError: if there is neither such a folder nor such a revision.
    """
    to.mkdir(parents=True)
    place = Path(source)
    if (place / "minigrad").is_dir():
        for name in ("minigrad", "nn"):
            shutil.copytree(place / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        command = ["git", "-C", str(ROOT), "archive", source, "minigrad", "nn"]
        archive = subprocess.run(command, capture_output=True, check=False)
        if archive.returncode != 0:
            reason = archive.stderr.decode().strip().splitlines()[-1:]
            raise ValueError(f"--against: {source!r} is no folder with minigrad in it, and no revision: {reason}")
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(to, filter="data")
    shutil.copytree(ROOT / "benchmarks", to / "benchmarks", ignore=shutil.ignore_patterns("__pycache__", "gallery"))
    return Version(to)


def compared(
    versions: Mapping[str, Version], item: Any, seconds: float, tiny: bool = False
) -> Iterator[tuple[str, dict[str, Sample] | str]]:
    """For each way in which minigrad does an item: the times of the versions by turns, or why there are none."""
    runs: dict[str, Contenders] = {}
    for name, version in versions.items():
        try:
            runs[name] = version.contenders(item.name, tiny)
        except Exception as error:  # the other version may lack what the item is about
            yield "minigrad", f"{name}: {type(error).__name__}: {error}"
            return
    for way in [way for way in runs["now"] if all(way in found for found in runs.values())]:
        calls = {name: within(versions[name], found[way]) for name, found in runs.items()}
        try:
            if item.agrees:
                agree(calls, item.rtol)
            turns = {name: found[way] for name, found in runs.items()}
            yield way, in_turns(turns, seconds, around=lambda name: versions[name].present())
        except MissingError as error:
            yield way, str(error)
        except Exception as error:
            yield way, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"


def within(version: Version, run: Callable[[], Any]) -> Callable[[], Any]:
    """A call that makes its version present."""

    def call() -> Any:
        with version.present():
            return run()

    return call


def measured(
    source: str,
    items: Sequence[Any],
    seconds: float,
    folder: Path,
    step: Callable[[str], None] = lambda name: None,
    tiny: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Every row of `items`: its times before and now, their ratio, and the noise.

    Args:
        source: the other version, a path or a revision.
        items: what to measure.
        seconds: the time for a row.
        folder: an empty one, for copies of the versions.
        step: is called with the name of each item before it is measured.
        tiny: whether the items are those of the tests.
        tell: is called with the line of each row as soon as it is measured.
    """
    os.environ["MINIGRAD_BENCHMARK_PEERS"] = ""
    versions = {"now": copied(str(ROOT), folder / "now"), "again": copied(str(ROOT), folder / "again")}
    versions["before"] = copied(source, folder / "before")
    rows: list[dict[str, Any]] = []
    for heading in headings(source):
        tell(heading)
    for item in [item for item in items if item.measure is in_turns]:
        step(item.name)
        for way, times in compared(versions, item, seconds, tiny):
            row: dict[str, Any] = {"item": item.name, "contender": way, "scale": item.scale, "unit": item.unit}
            if isinstance(times, str):
                rows.append(row | {"reason": times})
                tell(line(rows[-1]))
                continue
            now = times["now"].median
            row |= {"before": times["before"].median, "now": now, "ratio": now / times["before"].median}
            rows.append(row | {"noise": abs(times["again"].median / now - 1.0)})
            tell(line(rows[-1]))
    of_most = usual_noise(rows)
    for row in rows:
        if "ratio" in row:
            row["changed"] = is_change(row, of_most)
    return rows


def is_change(row: Mapping[str, Any], of_most: float) -> bool:
    """Whether a ratio leaves 1 by more than the noise of its row and that of most rows."""
    return bool(abs(row["ratio"] - 1.0) > max(LEAST, 2.0 * row["noise"], of_most))


def usual_noise(rows: Sequence[Mapping[str, Any]]) -> float:
    """The noise that nine rows of ten do not exceed.

    >>> usual_noise([{"noise": k / 100} for k in range(20)])
    0.17
    """
    noises = sorted(row["noise"] for row in rows if "noise" in row)
    return float(noises[int(0.9 * (len(noises) - 1))]) if noises else 0.0


def headings(source: str) -> list[str]:
    """The first two lines of the table."""
    return [f"| item | contender | {source} | now | ratio | two equal versions | |", "|---|---|---|---|---|---|---|"]


def line(row: Mapping[str, Any]) -> str:
    """A row of the table; whether it changed is known when all are measured."""
    if "reason" in row:
        return f"| {row['item']} | {row['contender']} | | | | | not measured: {row['reason']} |"
    times = [f"{tables.number(row[key] * row['scale'])} {row['unit']}" for key in ("before", "now")]
    noise = f"±{100 * row['noise']:.0f}%"
    return (
        f"| {row['item']} | {row['contender']} | {' | '.join(times)} | {row['ratio']:.2f} | {noise} | {outcome(row)} |"
    )


def outcome(row: Mapping[str, Any]) -> str:
    """Whether a row changed, in a word."""
    return "" if not row.get("changed") else "slower" if row["ratio"] > 1.0 else "faster"


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """What changed, below the table."""
    changed = [
        f"{row['item']}, {row['contender']}: {outcome(row)} ({row['ratio']:.2f})" for row in rows if outcome(row)
    ]
    slower = sum(": slower" in text for text in changed)
    return "\n".join(
        [
            *changed,
            f"{len(rows)} rows: {slower} slower, {len(changed) - slower} faster. In nine rows of ten, two copies of "
            f"this version differ by at most {100 * usual_noise(rows):.0f}%; what differs by less is no change.",
        ]
    )
