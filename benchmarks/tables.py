"""The results as tables: Markdown for files and pipes, rich for terminals."""

from collections.abc import Iterable, Mapping
from statistics import geometric_mean
from typing import Any

from benchmarks import goals
from benchmarks.items import COLUMNS, COUNTS, PEERS, TIMES
from benchmarks.measuring import need

Row = Mapping[str, Any]


def columns_of(items: Iterable[Row]) -> list[str]:
    """The columns in which some item has a result."""
    rows = list(items)
    return [column for column in COLUMNS if any(column in row["results"] for row in rows)]


def number(x: float) -> str:
    """Three digits, in plain notation.

    >>> number(0.03279), number(1.204), number(17.51), number(1305.7)
    ('0.033', '1.20', '17.5', '1,306')
    """
    if x < 0.1:
        return f"{x:.2g}"
    return f"{x:.2f}" if x < 10 else f"{x:.1f}" if x < 100 else f"{x:,.0f}"


def amount(row: Row, summary: Row) -> str:
    """A time, size or count in the unit of its row."""
    value = summary["median"] * row["scale"]
    return f"{f'{value:,.0f}' if row['unit'] in COUNTS else number(value)} {row['unit']}"


def brief(row: Row, summary: Row) -> str:
    """The same for a narrow column: a time in the unit that suits it."""
    return seconds(summary["median"] / row["per"]) if row["unit"] in TIMES else amount(row, summary)


def spread(summary: Row, reference: float) -> float:
    """Half the distance of the quartiles, as a multiple of the reference."""
    return float(summary["high"] - summary["low"]) / 2 / reference


def cells(row: Row, columns: list[str], *, spreads: bool = False) -> list[str]:
    """One cell per column: the first contender's time, memory or count, and multiples of it."""
    results = row["results"]
    first = next(iter(results))
    out = []
    for column in columns:
        summary = results.get(column)
        if summary is None:
            out.append("")
            continue
        text = amount(row, summary) if column == first else number(summary["median"] / results[first]["median"])
        if spreads and summary["turns"] > 1:
            text += f" ±{100 * spread(summary, summary['median']):.0f}%"
        out.append(text)
    return out


def markdown(record: Row) -> str:
    """The items as a Markdown table, and what is not in it."""
    rows = list(record["items"].values())
    columns = columns_of(rows)
    lines = ["| work | " + " | ".join(columns) + " |", "|" + "---|" * (len(columns) + 1)]
    for row in rows:
        lines.append(f"| {row['title']} | " + " | ".join(cells(row, columns)) + " |")
    return "\n".join([*lines, "", *notes(record)])


def notes(record: Row) -> list[str]:
    """Lines below a table: the machine, what is missing, what failed, and the goals."""
    about = record["description"]
    threads = "one core" if about["threads"] == 1 else f"{about['threads']} cores"
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [f"{about['date']}, {threads} of {about['cpu']}; {versions}."]
    if about["missing"]:
        lines.append("Not installed: " + ", ".join(about["missing"]) + ".")
    for key, text in [("missing", "Not measured"), ("left_out", "Left out"), ("failed", "FAILED")]:
        lines += [f"{text}: {name}: {reason}" for name, reason in record[key].items()]
    for start in sorted({group.items for group in goals.GROUP_GOALS}):
        rows = {name: row["results"] for name, row in record["items"].items() if name.startswith(start)}
        lines += [f"{start}*: {contender}: {text}." for contender, text in means(rows).items()]
    if record["goals"]:
        lines += ["", "| goal | at most | smallest times | medians | |", "|---|---|---|---|---|"]
        for goal in record["goals"]:
            what = f"{goal['item']}: {goal['contender']} / {goal['reference']}"
            met = "met" if goal["met"] else "missed"
            lines.append(f"| {what} | {goal['at_most']:.3g} | {goal['least']:.3g} | {goal['ratio']:.3g} | {met} |")
    return lines


def means(rows: Mapping[str, Row]) -> dict[str, str]:
    """For each contender of minigrad the geometric means of its ratios to the peers, in words."""
    columns = [column for column in COLUMNS if any(column in row for row in rows.values())]
    found: dict[str, str] = {}
    for contender in [column for column in columns if column.startswith("minigrad")]:
        ratios = {peer: goals.ratios_of_group(rows, "", contender, peer) for peer in columns if peer in PEERS}
        texts = [f"{number(geometric_mean(r.values()))} of {peer}" for peer, r in ratios.items() if len(r) > 1]
        if texts:
            found[contender] = f"geometric means over {len(rows)} problems: {', '.join(texts)}"
    return found


def show(record: Row) -> None:
    """The table on a terminal, with spreads."""
    console_module, table_module = need("rich.console"), need("rich.table")
    rows = list(record["items"].values())
    columns = columns_of(rows)
    table = table_module.Table(
        title="multiples of the first entry of a row", header_style="bold", row_styles=["", "dim"]
    )
    table.add_column("work", min_width=24)
    for column in columns:
        table.add_column(column, justify="right", style="bold cyan" if column.startswith("minigrad") else "")
    for row in rows:
        table.add_row(row["title"], *cells(row, columns, spreads=True))
    console = console_module.Console()
    console.print(table)
    console.print("\n".join(notes(record)), markup=False, highlight=False)


def growth_markdown(record: Row) -> str:
    """The studies of growth: one table each, times of one call."""
    parts = []
    for study in record["growth"].values():
        curves = study["curves"]
        lines = [
            f"| {study['title']}: {study['axis']} | " + " | ".join(curves) + " |",
            "|" + "---|" * (len(curves) + 1),
        ]
        for size in sorted({int(size) for curve in curves.values() for size in curve["times"]}):
            found = [entry(curve["times"], size) for curve in curves.values()]
            lines.append(f"| {size:,} | " + " | ".join(seconds(x["median"]) if x else "" for x in found) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def entry(by_size: Mapping[Any, Any], size: int) -> Any:
    """The entry of a size; keys are numbers, or texts when they come from a file."""
    return by_size.get(size, by_size.get(str(size)))


def seconds(t: float) -> str:
    """A time in the unit that suits it.

    >>> seconds(2.5e-7), seconds(0.00352), seconds(2)
    ('250 ns', '3.52 ms', '2 s')
    """
    for unit, scale in [("ns", 1e9), ("us", 1e6), ("ms", 1e3)]:
        if t * scale < 1000:
            return f"{t * scale:.3g} {unit}"
    return f"{t:.3g} s"
