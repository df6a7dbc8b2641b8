"""From a list of items to a record of their results: plain dictionaries, as they go into the JSON file."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from benchmarks import goals
from benchmarks.environment import description
from benchmarks.growth import Growth
from benchmarks.growth import measure as measure_growth
from benchmarks.items import COLUMNS, Item
from benchmarks.libraries import missing_columns
from benchmarks.measuring import Contenders, MissingError, agree

Record = dict[str, Any]
Step = Callable[[str], None]


def quiet(message: str) -> None:
    """No progress bar."""


def run(
    items: Iterable[Item],
    studies: Iterable[Growth] = (),
    *,
    seconds: float = 2.0,
    step: Step = quiet,
    sizes: int | None = None,
) -> Record:
    """Measure items and studies of growth.

    Args:
        items, studies: what to measure.
        seconds: the time for each item, shared by its contenders, and half of it for each size of a study.
        step: is called before each item with what comes.
        sizes: measure only so many sizes of a study.

    Returns:
        The record: `description` (date, machine, versions), `items`, `growth`, `goals`, and what is `missing` (no such
        function or package), was `left_out` (a contender raised) or `failed` (contenders disagree), with reasons.
    """
    record: Record = {"description": description(), "items": {}, "growth": {}}
    record |= {"missing": dict(missing_columns()), "left_out": {}, "failed": {}}
    for item in items:
        step(item.name)
        try:
            contenders = working(item, item.build(), record)
            results = item.measure(contenders, seconds)
        except MissingError as reason:
            record["missing"][item.name] = str(reason)
            continue
        except AssertionError as error:
            record["failed"][item.name] = str(error).strip()
            continue
        record["items"][item.name] = {
            "title": item.title,
            "group": item.group,
            "unit": item.unit,
            "scale": item.scale,
            "per": item.per,
            "results": {column: asdict(results[column]) for column in COLUMNS if column in results},
        }
    for study in studies:
        try:
            curves = measure_growth(study, seconds / 2, study.sizes[:sizes], step=step)
        except AssertionError as error:
            record["failed"][study.name] = str(error).strip()
            continue
        curves_as_json = {name: curve.as_json() for name, curve in curves.items()}
        record["growth"][study.name] = {"title": study.title, "axis": study.axis, "curves": curves_as_json}
    record["goals"] = goals.reached({name: item["results"] for name, item in record["items"].items()})
    record["goals"] += goals.growth_reached(record["growth"])
    return record


def working(item: Item, contenders: Contenders, record: Record) -> Contenders:
    """Those that run; they must agree. One that raises is left out and its error is kept: others still compare."""
    if not item.agrees:
        return contenders
    able: Contenders = {}
    for name, call in contenders.items():
        try:
            call()
        except Exception as error:
            record["left_out"][f"{item.name}: {name}"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        else:
            able[name] = call
    agree(able, item.rtol)
    return able
