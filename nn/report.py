"""The report: text, formulas, tables, and figures, on one page that needs no other file."""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigrad.show import page as pages
from minigrad.show.derivation import STYLE as STYLE_OF_EQUATIONS
from minigrad.show.page import Html, element, joined

STYLE = """
body { font-size: 17px; line-height: 1.6; }
main { max-width: 52rem; } .card { padding: 1.5rem 1.7rem; margin: 1.5rem 0; }
.formula { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", Georgia, serif; font-size: 1.08rem;
  text-align: center; margin: 1rem 0; overflow-x: auto; }
.formula span { display: inline-block; margin: 0 .8rem; white-space: nowrap; }
figure { margin: 1.1rem 0 .3rem; } figure img { width: min(38rem, 100%); margin: 0 auto; }
.scroll { margin: 1rem 0; }
table.stacked { font-size: .74rem; line-height: 1.4; width: 100%; }
thead th { white-space: normal; }
@media (max-width: 40rem) { body { font-size: 16px; } .card { padding: 1rem .9rem; margin: 1rem 0; } }
"""


@dataclass(frozen=True)
class Image:
    """A figure of the page.

    Attributes:
        file: the name of a PNG file in the folder of the page.
        alt: what it shows, in words, for readers who cannot see it; plain text.
        caption: what stands under it; plain text.
        content: of the file, if it is not written yet.
    """

    file: str
    alt: str
    caption: str = ""
    content: bytes | None = None


def picture(fig: Any, file: str, alt: str, caption: str = "", *, folder: Path | None = None, dpi: int = 180) -> Image:
    """A figure of matplotlib as an image of a page; its file is written if there is a folder for it.

    Raises:
        OSError: if it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here because it is an extra, and slow to import

    content, renderer = io.BytesIO(), FigureCanvasAgg(fig).get_renderer
    # What bbox_inches="tight" does as well, but it draws everything once more to find the places.
    fig.set_dpi(dpi)
    if fig.get_layout_engine() is None:
        fig.draw_without_rendering()
    else:
        fig.get_layout_engine().execute(fig)
        fig.set_layout_engine(None)
    fig.savefig(content, format="png", dpi=dpi, bbox_inches=fig.get_tightbbox(renderer()).padded(0.08))
    if folder is not None:
        pages.write(folder / file, content.getvalue())
    return Image(file, alt, caption, content.getvalue())


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as lines of CSV.

    >>> csv_text([["epoch", "loss"], [1, 0.5]])
    'epoch,loss\\n1,0.5\\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


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

    def html(self, caption: str) -> Html:
        """The table for the page, in a place that scrolls on a narrow screen; a screen reader announces the caption."""
        return pages.table(self.columns, self.rows, caption)


@dataclass
class Section:
    """A title, and below it HTML paragraphs, formulas, images and tables in the order of `parts`."""

    title: str
    parts: list[str | Image | Table] = field(default_factory=list)

    def text(self, html: str) -> None:
        """Add a paragraph of HTML. Names and other text from outside must be escaped by the caller."""
        self.parts.append(pages.paragraph(Html(html)))

    def stacked(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table of code that wraps; on a narrow screen each row is a block."""
        cells = [[row[0], *[element("code", cell) if cell else "" for cell in row[1:]]] for row in rows]
        self.parts.append(pages.stacked(titles, cells, self.title))

    def formula(self, *html: str) -> None:
        """Add a centred line of formulas in HTML; the line may break between two of them."""
        self.parts.append(element("div", joined([element("span", Html(f)) for f in html], " "), class_="formula"))


def page(title: str, introduction: str, sections: Sequence[Section], folder: Path) -> str:
    """The HTML of the page, with its images, which are files in `folder`, embedded.

    Args:
        title: of the page; plain text.
        introduction: paragraphs of HTML.
        sections: numbered from 1 in their order.
        folder: of the images.

    Raises:
        OSError: if an image cannot be read.
    """
    numbered = list(enumerate(sections, start=1))
    links = [element("li", element("a", s.title, href=f"#s{i}")) for i, s in numbered]
    contents = element("nav", element("ol", *links), aria_label="Contents")
    header = element("header", element("h1", title), Html(introduction), contents)
    shown = [
        pages.section(f"{i}. {s.title}", *[_part(part, s, folder) for part in s.parts], id_=f"s{i}")
        for i, s in numbered
    ]
    return pages.page(title, header, *shown, style=STYLE + STYLE_OF_EQUATIONS)


def _part(part: str | Image | Table, section: Section, folder: Path) -> Html:
    if isinstance(part, Image):
        content = (folder / part.file).read_bytes() if part.content is None else part.content
        return pages.picture(content, "png", part.alt, part.caption)
    return part.html(section.title) if isinstance(part, Table) else Html(part)


def prepare(folder: Path) -> None:
    """Make the folder, and find out now, not after minutes of work, whether files can be written to it.

    Raises:
        OSError: if they cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:  # nobody knows the file that was tried
        raise OSError(error.errno, error.strerror, str(folder)) from error
