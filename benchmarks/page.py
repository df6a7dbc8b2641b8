"""The report: one page of HTML with its style and figures inside, for wide and narrow screens."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from benchmarks import figures, history, tables

STYLE = """
:root { --ink: #1d2530; --soft: #5b6673; --line: #dfe4ea; --blue: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0; background: #f7f8fa; color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.8rem; margin: 0 0 .3rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .8rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; line-height: 1.3; }
p { margin: .3rem 0 .8rem; max-width: 70ch; }
.soft { color: var(--soft); font-size: .88rem; }
.grid { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); }
.grid.figures { align-items: start; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; min-width: 0; }
.card svg { display: block; width: 100%; height: auto; }
.who { display: grid; grid-template-columns: minmax(0, 11.6em) 1fr 4.2em 4.8em; gap: 8px; align-items: center;
  font-size: .86rem; padding: 2px 0; }
.who > :nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.who > :nth-child(4) { color: var(--soft); }
.who.ours { font-weight: 600; color: #00507d; }
.who.ours > :nth-child(4) { font-weight: 400; }
.track { position: relative; height: 14px; border-bottom: 1px solid var(--line); }
.track i { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1px dashed #9aa4af; }
.track s { position: absolute; top: 5px; height: 4px; border-radius: 2px; opacity: .35; }
.track b { position: absolute; top: 2px; width: 10px; height: 10px; margin-left: -5px; border-radius: 50%; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; background: #fff; width: 100%; }
th, td { padding: 5px 9px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 12em; }
thead th { vertical-align: bottom; background: #f0f3f6; white-space: normal; }
td.met { color: #00694a; font-weight: 600; } td.missed { color: #a33d00; font-weight: 600; }
@media (max-width: 480px) {
  main { padding: 16px 12px 32px; } h1 { font-size: 1.45rem; }
  .who { grid-template-columns: minmax(0, 8.6em) 1fr 3.6em 4.4em; gap: 6px; font-size: .8rem; }
  table { font-size: .8rem; }
}
"""


def page(record: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> str:
    """The whole page. `before` is an earlier run to compare with."""
    about = record["description"]
    cores = "one core" if about["threads"] == 1 else f"{about['threads']} cores"
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        "<h1>How fast is minigrad?</h1>",
        "<p>Every contender of an item does the same work and gave the same numbers before it was timed. They took "
        "turns; the median of a call counts, as a multiple of the first contender, and the pale bar spans the "
        "quartiles. The scale of every card is logarithmic; the dashed line is the first contender.</p>",
        f'<p class="soft">{escape(about["date"])}, {cores} of {escape(about["cpu"])}.<br>{escape(versions)}.</p>',
        problems(record),
        goals(record),
    ]
    groups: dict[str, list[Any]] = {}
    for item in record["items"].values():
        groups.setdefault(item["group"], []).append(item)
    for group, items in groups.items():
        parts += [f"<h2>{escape(headline(group))}</h2>", '<div class="grid">', *map(card, items), "</div>"]
    if record["growth"]:
        parts += ["<h2>How cost grows</h2>", '<div class="grid figures">']
        for name, study in record["growth"].items():
            drawn = {study["title"]: figures.growth(study)}
            if name == "growth-order":
                drawn = {study["title"]: figures.order_cost(study), "its largest error": figures.order_error(study)}
            for title, figure in drawn.items():
                parts.append(f'<div class="card"><h3>{escape(headline(title))}</h3>{figures.svg(figure)}</div>')
        parts.append("</div>")
    if record["items"]:
        parts += ["<h2>All in one table</h2>", everything(record)]
    parts += ["<h2>Since the last run</h2>", f"<p>{escape(history.report(record, before))}</p>".replace("\n", "<br>")]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>minigrad: benchmarks</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def headline(text: str) -> str:
    """With a capital; `capitalize` would write hessian for Hessian."""
    return text[:1].upper() + text[1:]


def card(item: Mapping[str, Any]) -> str:
    """One item: a line for each contender, with a dot on a common scale."""
    results = item["results"]
    reference = next(iter(results.values()))["median"]
    ratio = {name: {k: r[k] / reference for k in ("median", "low", "high")} for name, r in results.items()}
    low = math.log10(min(r["low"] for r in ratio.values()))
    high = math.log10(max(r["high"] for r in ratio.values()))
    room = max(high - low, 0.3)

    def place(x: float) -> float:
        return 4.0 + 92.0 * (math.log10(x) - low) / room

    lines = []
    for name, r in ratio.items():
        colour = figures.STYLES[name]["color"]
        start, end = place(r["low"]), place(r["high"])
        kind = "who ours" if name.startswith("minigrad") else "who"
        lines.append(
            f'<div class="{kind}"><span>{escape(name)}</span><span class="track"><i style="left:{place(1.0):.1f}%"></i>'
            f'<s style="left:{start:.1f}%;width:{max(end - start, 0.5):.1f}%;background:{colour}"></s>'
            f'<b style="left:{place(r["median"]):.1f}%;background:{colour}"></b></span>'
            f"<span>{tables.number(r['median'])}</span><span>{tables.brief(item, results[name])}</span></div>"
        )
    return f'<div class="card"><h3>{escape(item["title"])}</h3>{"".join(lines)}</div>'


def goals(record: Mapping[str, Any]) -> str:
    """The goals that this run measured."""
    if not record["goals"]:
        return ""
    rows = [
        f"<tr><td>{escape(goal['item'])}: {escape(goal['contender'])} over {escape(goal['reference'])}</td>"
        f"<td>{goal['at_most']:.3g}</td><td>{goal['ratio']:.3g}</td>"
        + ('<td class="met">met</td></tr>' if goal["met"] else '<td class="missed">missed</td></tr>')
        for goal in record["goals"]
    ]
    head = "<thead><tr><th>goal</th><th>at most</th><th>measured</th><th></th></tr></thead>"
    return f'<h2>Goals</h2><div class="scroll"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def problems(record: Mapping[str, Any]) -> str:
    """What is not in the report, and why."""
    lines = (
        ["not installed: " + ", ".join(record["description"]["missing"])] if record["description"]["missing"] else []
    )
    for key, text in [("missing", "not measured"), ("left_out", "left out"), ("failed", "FAILED")]:
        lines += [f"{text}: {name}: {reason}" for name, reason in record[key].items()]
    return '<p class="soft">' + "<br>".join(map(escape, lines)) + "</p>" if lines else ""


def everything(record: Mapping[str, Any]) -> str:
    """The table of all ratios."""
    items = list(record["items"].values())
    columns = tables.columns_of(items)
    head = "".join(f"<th>{escape(column)}</th>" for column in ["work", *columns])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in [item["title"], *tables.cells(item, columns)]) + "</tr>"
        for item in items
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
