"""Draw `docs/layers.svg`, the folders of minigrad and their imports, from the code: `python docs/draw_layers.py`.

With `--check` nothing is written, and the exit code is 1 if the picture on disk is not what the code gives. The tests
check it, too. What a folder holds is the first sentence of its docstring; the reading path is the table in
`docs/explanation.md`; an arrow is an import. Lines are rounded to 500 (below 250 to 100), so that not every commit
changes the picture.
"""

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "layers.svg"

# From the bottom to the top: a folder imports from floors below its own. Folders on one floor do not know each other.
FLOORS = (
    ("errors",), ("core",), ("rules",), ("modes",), ("numpy", "compiler"), ("operations",), ("scipy",), ("show",),
    ("checking",), ("compat",), ("shell",),
)  # fmt: skip
LEVEL = {folder: level for level, floor in enumerate(FLOORS) for folder in floor}
FACES = "minigrad"  # the modules beside the folders: public names, which nothing inside imports
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "minigrad").rglob("*.py"))
}


class Import(NamedTuple):
    """One name that one module of minigrad imports from another."""

    source: str
    target: str
    name: str
    inside: bool  # within a function
    lines: str  # the line of the statement and the one above it, where a comment may say why


def folder_of(module: str) -> str:
    """`minigrad.core.tape` is in `core`; modules beside the folders are in `minigrad`."""
    part = module.split(".")[1] if "." in module else ""
    return part if part in LEVEL else FACES


def imports_of(module: str) -> Iterator[Import]:
    """All imports of a module that stay within minigrad, also those within functions."""
    text = MODULES[module].read_text(encoding="utf-8")
    tree = ast.parse(text)
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):  # a module that is named by a text
            found = [(arg.value, "") for arg in node.args if isinstance(arg, ast.Constant)]
        elif isinstance(node, ast.Import):
            found = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [
                (f"{node.module}.{a.name}", "") if f"{node.module}.{a.name}" in MODULES else (str(node.module), a.name)
                for a in node.names
            ]
        else:
            continue
        lines = "\n".join(text.splitlines()[max(node.lineno - 2, 0) : node.lineno])
        for target, name in found:
            if target in MODULES:
                yield Import(module, target, name, node in inside, lines)


def imports() -> list[Import]:
    """All imports within minigrad."""
    return [each for module in MODULES for each in imports_of(module)]


def arrows() -> list[tuple[str, str]]:
    """Which folder imports which, without the arrows that follow from two others."""
    pairs = {(folder_of(each.source), folder_of(each.target)) for each in imports()}
    down = {(a, b) for a, b in pairs if b in LEVEL and LEVEL.get(a, len(FLOORS)) > LEVEL[b]}
    closed = set(down)
    for middle in LEVEL:  # Warshall's algorithm
        closed |= {(a, b) for a, m in closed if m == middle for k, b in closed if k == middle}
    return sorted(
        ((a, b) for a, b in down if not any((a, m) in closed and (m, b) in closed for m in LEVEL)),
        key=lambda pair: (-LEVEL.get(pair[0], len(FLOORS)), -LEVEL[pair[1]], pair),
    )


def size_of(folder: str) -> str:
    """Files, and lines rounded to 500, below 250 to 100."""
    paths = [path for module, path in MODULES.items() if folder_of(module) == folder]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
    rounded = round(lines / 500) * 500 or round(lines / 100) * 100
    return f"{len(paths)} file{'s' if len(paths) > 1 else ''}, some {rounded:,} lines"


def about(folder: str) -> str:
    """The first sentence of the docstring of a folder."""
    if folder == FACES:
        return "The public names, defined on the floors below."
    text = ast.get_docstring(ast.parse(MODULES[f"minigrad.{folder}"].read_text(encoding="utf-8"))) or ""
    first = re.split(r"(?<=\.)\s", " ".join(text.partition("\n\n")[0].split()))[0]
    return first.replace("`", "")


def reading_path() -> list[str]:
    """The modules of the kernel in the order in which `docs/explanation.md` has them read: core/tape, core/lines, …"""
    text = (ROOT / "docs" / "explanation.md").read_text(encoding="utf-8")
    table = text.partition("| file | its one job |")[2].partition("\n\n")[0]
    return re.findall(r"^\| \[?`([\w/]+)`", table, flags=re.MULTILINE)


# ----- the drawing: SVG with one style sheet for light and dark -------------------------------------------------------

WIDTH, LEFT, RIGHT, GAP, PAD = 480, 26, 424, 26, 12  # cards stand between LEFT and RIGHT, arrows pass beside them
STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2328 }
.name { font-size: 17px; font-weight: 700 } .size { font-size: 13px; fill: #57606a } .about { font-size: 14px }
.card { fill: #f6f8fa; stroke: #8c959f } .kernel { fill: #e3f0fa; stroke: #0072b2; stroke-width: 2 }
.chip { fill: #0072b2 } .step { font-size: 13px; font-weight: 600; fill: #ffffff }
.arrow { fill: none; stroke: #57606a; stroke-width: 1.6 } .head { fill: #57606a } .paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .size { fill: #9da7b1 } .card { fill: #161b22; stroke: #6e7681 }
  .kernel { fill: #0c2a43; stroke: #56b4e9 } .chip { fill: #56b4e9 } .step { fill: #06121d }
  .arrow { stroke: #9da7b1 } .head { fill: #9da7b1 } .paper { fill: #0d1117 }
}
"""


class Card(NamedTuple):
    """Where a folder is drawn."""

    x: float
    y: float
    width: float
    height: float


def text_at(kind: str, x: float, y: float, words: str, anchor: str = "start") -> str:
    """One line of text."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def chips_of(folder: str, width: float) -> list[list[tuple[float, float, str]]]:
    """The numbered modules of the reading path in this folder, in rows: place, width and text of each."""
    rows: list[list[tuple[float, float, str]]] = []
    at = width + 1.0
    for number, module in enumerate(reading_path(), 1):
        where, _, name = module.partition("/")
        if where != folder:
            continue
        label = f"{number} {name}"
        wide = 14 + 8.3 * len(label)
        if at + wide > width - 2 * PAD:
            rows.append([])
            at = 0.0
        rows[-1].append((at, wide, label))
        at += wide + 6
    return rows


def draw_card(folder: str, x: float, y: float, width: float, height: float | None = None) -> tuple[float, list[str]]:
    """The height of a card, and its parts."""
    halved = width < 250
    lines = textwrap.wrap(about(folder), int((width - 2 * PAD) / 7.4))
    chips = chips_of(folder, width)
    parts = [text_at("name", x + PAD, y + 25, folder)]
    row = y + 25
    if halved:
        row += 19
        parts.append(text_at("size", x + PAD, row, size_of(folder)))
    else:
        parts.append(text_at("size", x + width - PAD, row, size_of(folder), "end"))
    for line in lines:
        row += 20
        parts.append(text_at("about", x + PAD, row, line))
    for chip_row in chips:
        row += 32
        for at, wide, label in chip_row:
            parts.append(
                f'<rect class="chip" x="{x + PAD + at:g}" y="{row - 16:g}" width="{wide:g}" height="24" rx="12"/>'
            )
            parts.append(text_at("step", x + PAD + at + wide / 2, row + 1, label, "middle"))
    height = height or row - y + (20 if chips else 15)
    kind = "kernel" if chips else "card"
    box = f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8"/>'
    return height, [box, *parts]


def draw_arrow(points: list[tuple[float, float]]) -> list[str]:
    """A line with a head at its last point."""
    (x0, y0), (x, y) = points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    path = "M" + " L".join(f"{a:g} {b:g}" for a, b in [*points[:-1], (x - 6 * dx, y - 6 * dy)])
    back = (x - 8 * dx, y - 8 * dy)
    corners = [(x, y), (back[0] - 4.5 * dy, back[1] - 4.5 * dx), (back[0] + 4.5 * dy, back[1] + 4.5 * dx)]
    return [
        f'<path class="arrow" d="{path}"/>',
        f'<polygon class="head" points="{" ".join(f"{a:g},{b:g}" for a, b in corners)}"/>',
    ]


def picture() -> str:
    """The whole SVG."""
    body: list[str] = []
    cards: dict[str, Card] = {}
    y = 8.0
    for floor in ((FACES,), *reversed(FLOORS)):
        width = (RIGHT - LEFT - 12 * (len(floor) - 1)) / len(floor)
        places = [(folder, LEFT + k * (width + 12)) for k, folder in enumerate(floor)]
        height = max(draw_card(folder, x, y, width)[0] for folder, x in places)
        for folder, x in places:
            body += draw_card(folder, x, y, width, height)[1]
            cards[folder] = Card(x, y, width, height)
        y += height + GAP
    order = (FACES, *(folder for floor in reversed(FLOORS) for folder in floor))
    taken: list[tuple[int, float, float]] = []  # lanes beside the cards, with the stretch that is in use
    passing: list[tuple[str, str]] = []
    for a, b in arrows():
        up, low = cards[a], cards[b]
        if LEVEL.get(a, len(FLOORS)) == LEVEL[b] + 1:
            narrow = up if up.width < low.width else low
            x = narrow.x + narrow.width / 2
            body += draw_arrow([(x, up.y + up.height), (x, low.y)])
            continue
        side = -1 if b == "numpy" else 1
        leaving = sum(pair[0] == a for pair in passing)
        passing.append((a, b))
        start, stop = up.y + up.height - 10 - 9 * leaving, low.y + 12
        lane = next(k for k in range(1, 9) if not any(
            side * k == used and start < end + 10 and stop > begin - 10 for used, begin, end in taken
        ))  # fmt: skip
        taken.append((side * lane, start, stop))
        edge = LEFT if side < 0 else RIGHT
        x = edge + side * (4 + 10 * lane)
        body += draw_arrow([(edge, start), (x, start), (x, stop), (edge, stop)])
    y -= GAP
    steps = ", ".join(f"{k} {module}" for k, module in enumerate(reading_path(), 1))
    description = (
        "From the top: " + "; ".join(f"{f} ({size_of(f)})" for f in order) + ". Arrows: "
        + ", ".join(f"{a} to {b}" for a, b in arrows()) + f". The reading path: {steps}."
    )  # fmt: skip
    caption = [
        "An arrow says: the upper folder imports from the lower one.",
        "Arrows that follow from two others are left out.",
        "Numbers: the order in which to read the kernel.",
    ]
    for line in caption:
        y += 21
        body.append(text_at("size", LEFT, y, line))
    height = y + 12
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" viewBox="0 0 {WIDTH} {height:g}" role="img"'
        ' aria-labelledby="title about">',
        '<title id="title">The folders of minigrad, and what each imports</title>',
        f'<desc id="about">{escape(description)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height:g}"/>',
        *body,
        "</svg>",
        "",
    ])  # fmt: skip


if __name__ == "__main__":
    drawn = picture()
    if "--check" in sys.argv[1:]:
        if not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != drawn:
            sys.exit("docs/layers.svg is not what the code gives; run: python docs/draw_layers.py")
    else:
        PICTURE.write_text(drawn, encoding="utf-8")
