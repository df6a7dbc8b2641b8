"""A self-contained HTML page: text, formulas, tables, and figures embedded as base64. Standard library only."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f6f4; color: #1d1d1f;
       font: 17px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2.2rem 1.2rem 4rem; }
header p { color: #44444a; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .6rem; }
section { background: #fff; border: 1px solid #e3e3df; border-radius: 10px; padding: 1.5rem 1.7rem; margin: 1.5rem 0; }
p { margin: .6rem 0; overflow-wrap: break-word; }
.formula { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", Georgia, serif; font-size: 1.08rem;
           text-align: center; margin: 1rem 0; overflow-x: auto; }
.formula span { display: inline-block; margin: 0 .8rem; white-space: nowrap; }
figure { margin: 1.1rem 0 .3rem; text-align: center; }
img { width: 38rem; max-width: 100%; height: auto; }
figcaption { color: #55555c; font-size: .9rem; text-align: left; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; border-bottom: 1px solid #e8e8e4; white-space: nowrap; }
th { white-space: normal; vertical-align: bottom; }
th:last-child, td:last-child { padding-right: 0; }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; color: #44444a; }
pre { font-size: .72rem; line-height: 1.45; margin: 0; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { font-size: .9em; }
nav { font-size: .95rem; } nav ol { margin: .4rem 0; padding-left: 1.4rem; }
a { color: #005a8f; }
@media (max-width: 40rem) {
  body { font-size: 16px; }
  main { padding: 1.2rem .6rem 2rem; }
  h1 { font-size: 1.6rem; }
  section { padding: 1rem .9rem; margin: 1rem 0; border-radius: 8px; }
  table { font-size: .84rem; }
  th, td { padding-right: .6rem; }
}
"""


@dataclass(frozen=True)
class Image:
    """A figure of the page.

    Attributes:
        file: the name of a PNG file in the folder of the page.
        alt: what it shows, in words, for readers who cannot see it; plain text.
        caption: what stands under it; plain text.
    """

    file: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of plain text under column titles; the first column is aligned left, the others right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """The table for a terminal.

        >>> print(Table(("leaf", "error"), (("A0", "1e-16"), ("b0", "0"))).text())
        leaf  error
        A0    1e-16
        b0        0
        """
        cells = [list(self.columns), *(list(row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in cells
        )

    def html(self) -> str:
        """The table for the page, in a box that scrolls on a narrow screen."""
        head = "".join(f"<th>{escape(c)}</th>" for c in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>\n" for row in self.rows)
        return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'


@dataclass
class Section:
    """A title, and below it HTML paragraphs, formulas, images and tables in the order of `parts`."""

    title: str
    parts: list[str | Image | Table] = field(default_factory=list)

    def text(self, html: str) -> None:
        """Add a paragraph of HTML. Names and other text from outside must be escaped by the caller."""
        self.parts.append(f"<p>{html}</p>")

    def preformatted(self, text: str) -> None:
        """Add plain text in columns, in a box that scrolls on a narrow screen."""
        self.parts.append(f'<div class="wide"><pre>{escape(text)}</pre></div>')

    def formula(self, *html: str) -> None:
        """Add a centred line of formulas in HTML; the line may break between two of them."""
        self.parts.append('<p class="formula">' + " ".join(f"<span>{f}</span>" for f in html) + "</p>")


def page(title: str, introduction: str, sections: Sequence[Section], folder: Path) -> str:
    """The HTML of the page, with its images, which are files in `folder`, embedded.

    Raises:
        OSError: if an image cannot be read.
    """
    links = "".join(f'<li><a href="#s{i}">{escape(s.title)}</a></li>' for i, s in enumerate(sections, start=1))
    body = "\n".join(_section(i, s, folder) for i, s in enumerate(sections, start=1))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{CSS}</style>
</head>
<body>
<main>
<header>
<h1>{escape(title)}</h1>
{introduction}
<nav aria-label="Contents"><ol>{links}</ol></nav>
</header>
{body}
</main>
</body>
</html>
"""


def _section(number: int, section: Section, folder: Path) -> str:
    parts = []
    for part in section.parts:
        if isinstance(part, Image):
            encoded = base64.b64encode((folder / part.file).read_bytes()).decode("ascii")
            caption = f"<figcaption>{escape(part.caption)}</figcaption>" if part.caption else ""
            parts.append(
                f'<figure><img src="data:image/png;base64,{encoded}" alt="{escape(part.alt)}">{caption}</figure>'
            )
        elif isinstance(part, Table):
            parts.append(part.html())
        else:
            parts.append(part)
    content = "\n".join(parts)
    return f'<section id="s{number}">\n<h2>{number}. {escape(section.title)}</h2>\n{content}\n</section>'
