"""The report: one page of HTML with its style and figures inside, for wide and narrow screens."""

import math
from collections.abc import Mapping
from typing import Any

from benchmarks import figures, history, tables
from minigrad.show import page as pages
from minigrad.show.page import Html, element, joined, paragraph, section

# A card has a dot for each contender, on a common scale. Dots keep their colours on a dark display: the track is light.
STYLE = """
h2 { margin: 2.2rem 0 .8rem; } h2 + .card { margin-top: 0; } section { min-width: 0; }
.card h3 { margin: 0 0 .5rem; }
.grid { grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); align-items: start; }
.grid .card { margin: 0; }
.contenders { list-style: none; margin: 0; padding: 0; }
.contenders li { display: grid; grid-template-columns: minmax(0, 11.6em) 1fr 4.2em 4.8em; gap: 8px; align-items: center;
  font-size: .86rem; padding: 2px 0; }
.contenders li > :nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.contenders li > :nth-child(4) { color: var(--soft); }
.contenders .ours { font-weight: 600; color: var(--link); }
.contenders .ours > :nth-child(4) { font-weight: 400; }
.track { position: relative; height: 14px; border-bottom: 1px solid var(--line); }
.track i { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1px dashed #808a94; }
.track s { position: absolute; top: 5px; height: 4px; border-radius: 2px; opacity: .35; }
.track b { position: absolute; top: 2px; width: 10px; height: 10px; margin-left: -5px; border-radius: 50%; }
.everything th:first-child { white-space: normal; min-width: 12em; } .everything thead th { white-space: normal; }
@media (prefers-color-scheme: dark) { .track { background: #f4f4f6; border-radius: 3px; border-bottom: 0; } }
@media (max-width: 40rem) {
  .contenders li { grid-template-columns: minmax(0, 8.6em) 1fr 3.6em 4.4em; gap: 6px; font-size: .8rem; }
}
"""


def page(record: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> str:
    """The whole page. `before` is an earlier run to compare with."""
    about = record["description"]
    cores = "one core" if about["threads"] == 1 else f"{about['threads']} cores"
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        element("h1", "How fast is minigrad?"),
        paragraph(
            "Every contender of an item does the same work and gave the same numbers before it was timed. They took "
            "turns; the median of a call counts, as a multiple of the first contender, and the pale bar spans the "
            "quartiles. The scale of every card is logarithmic; the dashed line is the first contender."
        ),
        paragraph(f"{about['date']}, {cores} of {about['cpu']}.", Html("<br>"), f"{versions}.", class_="soft"),
        problems(record),
        goals(record),
    ]
    groups: dict[str, list[Any]] = {}
    for item in record["items"].values():
        groups.setdefault(item["group"], []).append(item)
    for group, items in groups.items():
        parts += [element("h2", headline(group)), element("div", *map(card, items), class_="grid")]
    if record["growth"]:
        drawn = [picture for name, study in record["growth"].items() for picture in pictures(name, study)]
        parts += [element("h2", "How cost grows"), element("div", *drawn, class_="grid")]
    if record["items"]:
        parts += [element("h2", "All in one table"), everything(record)]
    parts += [element("h2", "Since the last run"), paragraph(lines(history.report(record, before).splitlines()))]
    return pages.page("minigrad: benchmarks", *parts, style=STYLE)


def headline(text: str) -> str:
    """With a capital; `capitalize` would write hessian for Hessian."""
    return text[:1].upper() + text[1:]


def lines(texts: list[str]) -> Html:
    """One under the other."""
    return joined(texts, "<br>")


def pictures(name: str, study: Mapping[str, Any]) -> list[Html]:
    """The figures of a study of growth, each in a card."""
    drawn = {study["title"]: figures.growth}
    if name == "growth-order":
        drawn = {study["title"]: figures.order_cost, "its largest error": figures.order_error}
    curves = ", ".join(study["curves"])
    return [
        section(
            headline(title),
            pages.picture(figures.svg(draw(study)), "svg", f"{headline(title)}: a curve for each of {curves}."),
            level=3,
        )
        for title, draw in drawn.items()
    ]


def card(item: Mapping[str, Any]) -> Html:
    """One item: a line for each contender, with a dot on a common scale."""
    results = item["results"]
    reference = next(iter(results.values()))["median"]
    ratio = {name: {k: r[k] / reference for k in ("median", "low", "high")} for name, r in results.items()}
    low = math.log10(min(r["low"] for r in ratio.values()))
    high = math.log10(max(r["high"] for r in ratio.values()))
    room = max(high - low, 0.3)

    def place(x: float) -> float:
        return 4.0 + 92.0 * (math.log10(x) - low) / room

    rows = []
    for name, r in ratio.items():
        colour = figures.STYLES[name]["color"]
        start, end = place(r["low"]), place(r["high"])
        track = element(
            "span",
            element("i", style=f"left:{place(1.0):.1f}%"),
            element("s", style=f"left:{start:.1f}%;width:{max(end - start, 0.5):.1f}%;background:{colour}"),
            element("b", style=f"left:{place(r['median']):.1f}%;background:{colour}"),
            class_="track",
            aria_hidden="true",
        )
        numbers = tables.number(r["median"]), tables.brief(item, results[name])
        kind = "ours" if name.startswith("minigrad") else None
        rows.append(element("li", element("span", name), track, *[element("span", x) for x in numbers], class_=kind))
    return section(item["title"], element("ul", *rows, class_="contenders"), level=3)


def goals(record: Mapping[str, Any]) -> Html:
    """The goals that this run measured."""
    if not record["goals"]:
        return Html()
    rows = [
        [
            f"{goal['item']}: {goal['contender']} over {goal['reference']}",
            f"{goal['at_most']:.3g}",
            f"{goal['least']:.3g}",
            f"{goal['ratio']:.3g}",
            element("span", "met", class_="state ok")
            if goal["met"]
            else element("span", "missed", class_="state wrong"),
        ]
        for goal in record["goals"]
    ]
    found = pages.table(["goal", "at most", "smallest times", "medians", "outcome"], rows, "Goals, as ratios of times")
    return joined([element("h2", "Goals"), element("div", found, class_="card everything")])


def problems(record: Mapping[str, Any]) -> Html:
    """What is not in the report, and why."""
    missing = record["description"]["missing"]
    found = ["not installed: " + ", ".join(missing)] if missing else []
    for key, text in [("missing", "not measured"), ("left_out", "left out"), ("failed", "FAILED")]:
        found += [f"{text}: {name}: {reason}" for name, reason in record[key].items()]
    return paragraph(lines(found), class_="soft") if found else Html()


def everything(record: Mapping[str, Any]) -> Html:
    """The table of all ratios."""
    items = list(record["items"].values())
    columns = tables.columns_of(items)
    rows = [[item["title"], *tables.cells(item, columns)] for item in items]
    found = pages.table(["work", *columns], rows, "Times of all contenders, as multiples of the first one's")
    return element("div", found, class_="card everything")
