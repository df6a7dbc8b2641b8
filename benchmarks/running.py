"""Measure a list of items. The record of their results is made of plain dictionaries, as in the JSON file."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from benchmarks import goals
from benchmarks.environment import description
from benchmarks.growth import Growth
from benchmarks.growth import measure as measure_growth
from benchmarks.items import COLUMNS, Item
from benchmarks.libraries import missing_columns
from benchmarks.measuring import ALONE, Contenders, MissingError, agree

Record = dict[str, Any]
Step = Callable[[str], None]


def quiet(name: str) -> None:
    """Show no progress."""


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
        step: is called with the name of each item before it is measured.
        sizes: how many sizes of a study to measure, the smallest first; all by default.

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
    """The contenders that run, checked to agree. One that raises is left out, and the record keeps its error."""
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
    agree({name: call for name, call in able.items() if name != ALONE}, item.rtol)
    return able
