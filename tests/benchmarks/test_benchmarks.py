"""The benchmarks: every item runs and its contenders agree. How fast they are is no matter for a test."""

import copy
import dataclasses
import functools
import gc
import html
import importlib.util
import json
import math
import pathlib
import re
import time
from typing import Any

import numpy as np
import pytest

from benchmarks import (
    environment,
    figures,
    footprint,
    goals,
    growth,
    history,
    items,
    libraries,
    measuring,
    orders,
    page,
    running,
    scaling,
    sparse,
    tables,
)
from benchmarks.__main__ import main, parser

# What torch says about itself where it compiles its own functions.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

SAMPLE = {"median": 2e-6, "low": 1.9e-6, "high": 2.2e-6, "turns": 9, "least": 1.8e-6}


def in_a_moment(contenders: measuring.Contenders, seconds: float) -> dict[str, measuring.Sample]:
    return measuring.in_turns(contenders, 1e-9, least=1)


def tiny(item: items.Item) -> items.Item:
    measure = (
        in_a_moment
        if item.agrees
        else lambda contenders, seconds: dict.fromkeys(contenders, measuring.Sample(1, 1, 1, 1, 1))
    )
    if not item.name.startswith("adbench-"):
        return dataclasses.replace(item, build=item.tiny, measure=measure)

    def build() -> measuring.Contenders:  # Numba would compile each of these problems for seconds
        return {name: run for name, run in item.tiny().items() if "fast" not in name}

    return dataclasses.replace(item, build=build, measure=measure)


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "TURN", 0.0)


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """A run with one item of every unit and a study of growth, tiny."""
    chosen = [tiny(item) for item in items.ITEMS if item.name in ("quadratic", "chain-number", "order-2", "import")]
    study = growth.Growth("growth-operations", "a chain", "operations", [10, 20], growth.GROWTH[0].build, [10])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "TURN", 0.0)
        return running.run(chosen, [study], seconds=1e-6)


# ----- what is measured -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", items.ITEMS, ids=lambda item: item.name)
def test_the_contenders_of_an_item_agree(item: items.Item) -> None:
    """For whoever is installed; nobody may raise. An item that this version cannot run says what is missing."""
    result = running.run([tiny(item)], seconds=1e-6)
    assert result["failed"] == {}
    assert result["left_out"] == {}
    if item.name in result["missing"]:
        assert result["missing"][item.name]
    else:
        found = result["items"][item.name]["results"]
        assert "minigrad" in found
        assert all(math.isfinite(sample["median"]) for sample in found.values())


@pytest.mark.parametrize("study", growth.GROWTH, ids=lambda study: study.name)
def test_a_study_of_growth_measures_every_size(study: growth.Growth) -> None:
    def build(size: int) -> measuring.Contenders:  # the items try JAX, which compiles for seconds at every size
        return {name: run for name, run in study.build(size).items() if "JAX" not in name or "jet" in name}

    patient = dataclasses.replace(study, build=build, longest=math.inf)  # or a busy machine drops what compiles
    curves = growth.measure(patient, 1e-6, study.tiny)
    ours = [curve for name, curve in curves.items() if name.startswith("minigrad")]
    assert ours
    for curve in ours:
        assert list(curve.times) == list(study.tiny)
        assert all(error < 1e-13 for error in curve.errors.values())


@pytest.mark.parametrize("axis", scaling.AXES, ids=lambda axis: axis.name)
def test_scaling_has_a_call_for_every_size(axis: scaling.Axis) -> None:
    assert [np.all(np.isfinite(part)) for size in (2, 3) for part in measuring.numbers(axis.build(size)())]


def test_scaling_measures_time_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "ENOUGH", 0.0)
    axis = dataclasses.replace(next(axis for axis in scaling.AXES if axis.name == "order"), sizes=[2, 4])
    first, second = scaling.measured([axis])
    assert (first["exponent"], first["too_fast"]) == (None, False)
    assert second["seconds_per_unit"] == second["seconds"] / 4**axis.power
    assert math.isfinite(second["exponent"])
    assert second["bytes_per_unit"] > 0
    second["too_fast"] = True
    text = scaling.markdown([first, second])
    assert "Grows faster than expected: order." in text
    assert len({line.count("|") for line in text.splitlines()[:4]}) == 1


def test_a_contender_that_becomes_slow_leaves_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only the slow one moves on: the machine may be as busy as it likes."""
    now = [0.0]
    monkeypatch.setattr(measuring, "clock", lambda: now[0])

    def build(size: int) -> measuring.Contenders:
        def slow() -> float:
            now[0] += size * 1e-3
            return 1.0

        return {"quick": lambda: 1.0, "slow": slow}

    study = growth.Growth("s", "a clock", "milliseconds", [1, 10, 100], build, [1], longest=0.05)
    curves = growth.measure(study, 1e-6)
    assert list(curves["quick"].times) == [1, 10, 100]
    assert list(curves["slow"].times) == [1, 10]


def test_contenders_that_differ_are_a_failure() -> None:
    item = tiny(items.ITEMS[0])
    wrong = dataclasses.replace(
        item, build=lambda: {"hand-written": lambda: [1.0, 2.0], "minigrad": lambda: [1.0, 2.1]}
    )
    result = running.run([wrong], seconds=1e-6)
    assert result["items"] == {}
    assert "minigrad, hand-written" in result["failed"]["network"]
    with pytest.raises(AssertionError, match="torch returns 1 arrays, JAX jit 2"):
        measuring.agree({"JAX jit": lambda: [1.0, 2.0], "torch": lambda: [1.0]})


def test_a_contender_that_raises_is_left_out_and_named() -> None:
    item = tiny(items.ITEMS[0])
    contenders = {"hand-written": lambda: 1.0, "minigrad": lambda: 1.0, "torch": lambda: 1 / 0}
    result = running.run([dataclasses.replace(item, build=lambda: contenders)], seconds=1e-6)
    assert result["left_out"] == {"network: torch": "ZeroDivisionError: division by zero"}
    assert list(result["items"]["network"]["results"]) == ["hand-written", "minigrad"]


def test_exact_derivatives_are_those_of_mpmath() -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        for order in (1, 4, 7):
            values, scale = orders.exact(order, 5)
            direct = [mpmath.diff(lambda x: mpmath.tanh(x / 2), mpmath.mpf(float(x)), order) for x in orders.grid(5)]
            np.testing.assert_allclose([float(v) for v in values], [float(d) for d in direct], rtol=1e-14, atol=1e-30)
            assert scale == max(abs(float(d)) for d in direct)
    assert orders.error(2, np.full(5, np.nan), 5) == math.inf


@pytest.mark.parametrize("make", [sparse.band, sparse.arrow, sparse.rosenbrock])
def test_sparse_matrices_take_three_sweeps(make: Any) -> None:
    problem = make(12)
    assert sparse.sweeps(problem)["minigrad"].median == problem.plan().sweeps == 3
    measuring.agree({"dense": lambda: sparse.Dense(problem.dense(problem.fun)(problem.x)), "by hand": problem.by_hand})


def test_the_function_alone_is_measured_and_not_compared() -> None:
    item = dataclasses.replace(
        tiny(items.ITEMS[0]), build=lambda: {"minigrad": lambda: 1.0, measuring.ALONE: lambda: 2.0}
    )
    result = running.run([item], seconds=1e-6)
    assert result["failed"] == {}
    assert list(result["items"]["network"]["results"]) == ["minigrad", "function alone"]


def test_a_run_measures_loops_and_sparse_matrices_as_other_items() -> None:
    """Through the same command: counts are shown as such, and the steps are those of the formula."""
    pytest.importorskip("scipy")
    chosen = [items.of_loop(30, 5)[2], *list(items.of_sparse("band", "a band", sparse.band, [12]))[2:]]
    result = running.run(chosen, seconds=1e-6)
    assert result["failed"] == {}
    steps, sweeps = result["items"].values()
    assert tables.cells(steps, ["plain way", "minigrad"]) == ["30 steps", "3.17"]
    assert tables.cells(sweeps, ["plain way", "minigrad"]) == ["10 sweeps", "0.30"]
    assert tables.brief(sweeps, sweeps["results"]["minigrad"]) == "3 sweeps"


def test_memory_of_a_call_is_counted() -> None:
    def run() -> float:
        return float(np.ones(500_000).sum())

    assert footprint.traced_peaks({"a": run})["a"].median == pytest.approx(4e6, rel=0.02)
    small, large = "network([2, 3, 2], 7)", "network([2, 40, 2], 20_000)"
    peaks = footprint.resident_peaks(large, small, ["hand-written", "minigrad"])
    # One hidden array is 6.4 MB, and u, z and their derivatives live at once.
    assert all(6e6 < sample.median < 1e8 for sample in peaks.values())


def test_every_goal_names_an_item_and_columns_that_exist() -> None:
    names = {item.name for item in items.ITEMS}
    for goal in goals.GOALS:
        assert {goal.item, goal.reference_item or goal.item} <= names
        assert {goal.contender, goal.reference} <= {*items.COLUMNS, goals.MICROSECONDS}
    for group in goals.GROUP_GOALS:
        assert sum(name.startswith(group.items) for name in names) > 1
        assert {group.contender, group.reference} <= set(items.COLUMNS)
    assert set(items.COLUMNS) <= set(figures.STYLES)


# ----- how it is measured ---------------------------------------------------------------------------------------------


def test_everyone_has_turns_and_the_least_served_is_next() -> None:
    calls: list[str] = []

    def contender(name: str, seconds: float) -> Any:
        def run() -> None:
            calls.append(name)
            time.sleep(seconds)

        return run

    found = measuring.in_turns({"short": contender("short", 1e-3), "long": contender("long", 5e-3)}, 0.08)
    assert found["short"].turns > found["long"].turns >= 5
    assert found["short"].median < found["long"].median
    assert found["short"].low <= found["short"].median <= found["short"].high
    assert calls.index("long") < len(calls) - 1 - calls[::-1].index("short")


def test_numbers_takes_arrays_of_any_library() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    found = measuring.numbers([1.0, (np.ones(2), [3.0]), sparse.eye_array(2)])
    assert [part.tolist() for part in found] == [1.0, [1, 1], 3.0, [0, 1, 2], [0, 1], [1, 1]]


def test_the_columns_of_minigrad_follow_what_it_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_(f: Any, backend: str | None = None) -> Any:
        if backend is not None:
            raise ImportError("pip install numba")
        return functools.wraps(f)(lambda *args: f(*args))

    libraries._compilers.cache_clear()
    try:
        monkeypatch.setattr(libraries.minigrad, "compile", compile_, raising=False)
        assert list(libraries.compilers()) == ["minigrad", "minigrad compiled"]
        assert libraries.missing_columns() == {"minigrad compiled, fast": "pip install numba"}
        result = running.run(
            [tiny(items.ITEMS[0]), tiny(next(i for i in items.ITEMS if i.name == "first-call"))], seconds=1e-6
        )
        assert "minigrad compiled" in result["items"]["network"]["results"]
        assert "minigrad compiled" in result["items"]["first-call"]["results"]
    finally:
        libraries._compilers.cache_clear()


# ----- the command ----------------------------------------------------------------------------------------------------


def test_patterns_choose_items(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", "chain-*", "--only", "hvp"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "chain-number",
        "chain-long",
        "chain-vector",
        "rosenbrock-hvp",
    ]
    with pytest.raises(SystemExit):
        main(["--only", "nothing-like-it"])
    assert "no item matches 'nothing-like-it'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--seconds", "0"], ["--threads", "0"], ["--threads", "2", "--clock", "cpu"], ["nap"]]
)
def test_bad_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_options_have_the_documented_defaults() -> None:
    options = parser().parse_args([])
    assert (options.what, options.seconds, options.only, options.threads, options.clock) == ("run", 2.0, [], 1, "wall")


def test_a_run_writes_json_history_and_report(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [f"--{kind}={tmp_path / kind}" for kind in ("json", "history", "html", "figures")]
    arguments = ["--only", "quadratic", "--seconds", "0.001", "--no-progress", *files]
    frozen = gc.get_freeze_count()
    assert main(arguments) == 0
    assert gc.get_freeze_count() <= frozen  # Python 3.12 freezes some objects when it starts
    assert "no earlier run" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "since 20" in capsys.readouterr().out
    assert len(history.load(tmp_path / "history")) == 2
    assert json.loads((tmp_path / "json").read_text())["items"]["quadratic"]["results"]["minigrad"]["turns"] >= 5
    assert (tmp_path / "figures" / "ratios.png").stat().st_size > 1000
    assert "quadratic" in (tmp_path / "html").read_text()


# ----- what is shown --------------------------------------------------------------------------------------------------


def test_a_row_shows_the_reference_in_its_unit_and_ratios_to_it() -> None:
    row = {"unit": "us", "scale": 1e6, "results": {"hand-written": SAMPLE, "minigrad": {**SAMPLE, "median": 3e-6}}}
    assert tables.cells(row, ["hand-written", "torch", "minigrad"]) == ["2.00 us", "", "1.50"]
    assert tables.cells(row, ["minigrad"], spreads=True) == ["1.50 ±5%"]
    assert tables.brief({**row, "per": 1.0}, SAMPLE) == "2 us"
    assert tables.brief({**row, "unit": "steps", "scale": 1.0}, {"median": 2956.0}) == "2,956 steps"


def test_the_markdown_table_is_one(record: dict[str, Any]) -> None:
    lines = tables.markdown(record).splitlines()
    table = lines[: lines.index("")]
    assert len({line.count("|") for line in table}) == 1
    assert table[0].startswith("| work | hand-written |")
    assert any(line.startswith("| 1,000 operations on a number, each |") for line in table)


def test_the_table_shows_on_a_terminal(record: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    tables.show(record)
    assert "minigrad" in capsys.readouterr().out


def test_what_is_missing_is_named(record: dict[str, Any]) -> None:
    other = copy.deepcopy(record)
    other["description"]["missing"] = ["torch"]
    other["missing"] = {"per-sample": "minigrad.batched"}
    other["failed"] = {"lstm": "<differs>"}
    for text in ("\n".join(tables.notes(other)), page.page(other)):
        assert "ot installed: torch" in text
        assert "ot measured: per-sample: minigrad.batched" in text
        assert "FAILED: lstm: " in text
    assert "&lt;differs&gt;" in page.page(other)
    assert environment.missing_peers() == [p for p in environment.PEERS if importlib.util.find_spec(p) is None]


def test_the_report_is_one_page_with_everything(record: dict[str, Any]) -> None:
    text = page.page(record)
    assert text.startswith("<!doctype html>")
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text
    levels = "".join(re.findall(r"<h(\d)", text))
    assert re.fullmatch("1(2|23+)+", levels)
    assert text.count("<caption>") == text.count("<table>") > 0
    assert text.count('src="data:image/svg+xml;base64,') == len(record["growth"])
    for item in record["items"].values():
        assert html.escape(item["title"]) in text
    outside = re.findall(r"""(?:src|href)=["'](?!data:)""", text)
    assert outside == []
    assert "<script" not in text
    for number in re.findall(r"left:(-?[\d.]+)%", text):
        assert 0 <= float(number) <= 100


def test_the_figure_of_orders_marks_what_is_not_a_number() -> None:
    curve = {"times": {1: SAMPLE, 2: SAMPLE}, "first": {1: 0.1, 2: 0.2}, "errors": {1: 1e-16, 2: None}}
    study = {"title": "orders", "axis": "order", "curves": {"autograd, nested": curve, "JAX jit, jet": curve}}
    for figure in (figures.order(study), figures.order_error(study), figures.order_cost(study)):
        text = figures.svg(figure)
        assert "autograd, nested" in text
    assert "NaN" in figures.svg(figures.order_error(study))
    assert "compiling" in figures.svg(figures.order_cost(study))


# ----- what is kept ---------------------------------------------------------------------------------------------------


def test_history_compares_ratios_on_the_same_machine(tmp_path: pathlib.Path, record: dict[str, Any]) -> None:
    path = tmp_path / "deep" / "runs.jsonl"
    assert history.load(path) == []
    old = json.loads(json.dumps(record))
    item = old["items"]["quadratic"]["results"]
    for contender, median in [("hand-written", 1e-6), ("minigrad", 5e-6)]:
        item[contender] = {"median": median, "low": median, "high": median, "turns": 9, "least": median}
    new = json.loads(json.dumps(old))
    for contender in item:  # a machine half as fast is no change
        new["items"]["quadratic"]["results"][contender] = {
            key: 2 * value for key, value in item[contender].items() if key != "turns"
        }
    history.append(path, old)
    elsewhere = copy.deepcopy(old)
    elsewhere["description"]["cpu"] = "another"
    history.append(path, elsewhere)
    before = history.previous(history.load(path), new)
    assert before == old
    assert history.changes(new, before) == []
    assert "no change since" in history.report(new, before)

    slower = new["items"]["quadratic"]["results"]["minigrad"]
    slower.update({key: 1.5 * value for key, value in slower.items()})
    (change,) = history.changes(new, before)
    assert (change["item"], change["contender"], change["reference"]) == ("quadratic", "minigrad", "hand-written")
    assert change["now"] / change["before"] == pytest.approx(1.5)
    assert "minigrad is slower, 5 -> 7.5 of hand-written" in history.report(new, before)


def test_a_broken_history_names_the_line(tmp_path: pathlib.Path, record: dict[str, Any]) -> None:
    path = tmp_path / "runs.jsonl"
    history.append(path, record)
    path.write_text(path.read_text() + "[1, 2]\n")
    with pytest.raises(ValueError, match=r"runs\.jsonl:2 is no run"):
        history.load(path)


def test_goals_are_judged_by_ratios_of_the_smallest_times() -> None:
    results = {"network": {"minigrad compiled": SAMPLE, "hand-written, tuned": {**SAMPLE, "median": 1e-6}}}
    (goal,) = goals.reached(results)
    assert (goal["ratio"], goal["least"], goal["met"]) == (2.0, 1.0, False)
    results["network"]["hand-written, tuned"] = {**SAMPLE, "least": 2e-6}
    (goal,) = goals.reached(results)
    assert (goal["ratio"], goal["least"], goal["met"]) == (1.0, pytest.approx(0.9), True)
    pairs = [(1e-6, 1e-6), (4e-6, 1e-6)]
    *_, goal = goals.reached({"order-1": {"minigrad": {**SAMPLE, "median": 17e-6, "least": 15e-6}}})
    assert (goal["reference"], goal["ratio"], goal["met"]) == ("microseconds", pytest.approx(17.0), True)
    results = {
        f"adbench-{k}": {
            "minigrad": {**SAMPLE, "median": a},
            **{peer: {**SAMPLE, "median": b} for peer in ("torch", "autograd")},
        }
        for k, (a, b) in enumerate(pairs)
    }
    mean, largest_of_torch, largest = goals.reached(results)
    assert largest_of_torch["ratio"] == largest["ratio"]
    assert (mean["reference"], mean["ratio"]) == ("torch, geometric mean of 2", pytest.approx(2.0))
    assert (largest["reference"], largest["ratio"]) == ("autograd, largest of 2", pytest.approx(4.0))
    assert tables.means(results) == {"minigrad": "geometric means over 2 problems: 2.00 of autograd, 2.00 of torch"}
    times = {k: {"median": 1.1**k, "least": 1.1**k} for k in range(1, 15)}
    (goal,) = goals.growth_reached({"growth-order": {"curves": {"minigrad, nested": {"times": times}}}})
    assert goal["ratio"] == pytest.approx(1.1)
    assert goal["met"]
