"""Runs that are kept: one line of JSON for each, and what changed since the last one."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

CHANGE = 0.1  # smaller changes of a ratio are noise on most machines


def load(path: pathlib.Path) -> list[dict[str, Any]]:
    """The runs in the file, oldest first; none if there is no such file.

    Raises:
        ValueError: naming the line that is not a run.
    """
    runs = []
    for i, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        try:
            run = json.loads(line)
            _ = run["description"]["date"], run["items"]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}:{i} is no run of the benchmarks (one JSON object per line)") from error
        runs.append(run)
    return runs


def append(path: pathlib.Path, record: Mapping[str, Any]) -> None:
    """Add a run at the end of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def previous(runs: list[dict[str, Any]], record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The last run on the same processor with as many threads."""
    here = record["description"]
    for run in reversed(runs):
        if all(run["description"].get(key) == here[key] for key in ("cpu", "threads")):
            return run
    return None


def changes(record: Mapping[str, Any], before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where minigrad is faster or slower than it was, as a multiple of the first contender of the item.

    Ratios are compared and not times, so a machine that is slower today changes nothing. A change counts from 10 % on,
    and beyond the quartiles of both runs.
    """
    found = []
    for name, item in record["items"].items():
        old = before["items"].get(name)
        if old is None:
            continue
        now, then = item["results"], old["results"]
        first = next(iter(now))
        if first not in then:
            continue
        if first.startswith("minigrad"):  # no contender by hand: compare with a peer, if one took part
            first = next((other for other in now if not other.startswith("minigrad") and other in then), first)
        for contender in now:
            if contender.startswith("minigrad") and contender in then and contender != first:
                a, b = (r[contender]["median"] / r[first]["median"] for r in (now, then))
                noise = max(
                    (r[k]["high"] - r[k]["low"]) / r[k]["median"] for r in (now, then) for k in (contender, first)
                )
                if abs(a / b - 1.0) > max(CHANGE, noise):
                    found.append({"item": name, "contender": contender, "reference": first, "now": a, "before": b})
    return found


def report(record: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    """The changes in words."""
    if before is None:
        return "no earlier run on this processor to compare with"
    found = changes(record, before)
    date = before["description"]["date"]
    if not found:
        return f"no change since {date}"
    lines = [f"since {date}:"]
    for change in found:
        word = "slower" if change["now"] > change["before"] else "faster"
        lines.append(
            f"  {change['item']}: {change['contender']} is {word}, {change['before']:.3g} -> {change['now']:.3g} "
            f"of {change['reference']}"
        )
    return "\n".join(lines)
