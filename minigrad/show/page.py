"""Pages: one file of HTML with its style and pictures inside, which opens without a network.

Text that is put into a page is escaped, unless it is `Html` already, which is what every function here returns. So a
page is built by nesting calls, and no caller escapes anything by hand.

>>> paragraph(element("code", "a < b"), " & more")
'<p><code>a &lt; b</code> &amp; more</p>'

The style sheet follows the reader's choice of a light or dark display. Pictures are drawn dark on white, so they keep a
light background. A wide table scrolls within its place, by the keyboard too, and a screen reader announces its caption
and its headers. The colours of states are those of Okabe and Ito, darkened or lightened until text in them can be read;
beside the colour stands a word, for readers and printers without colour.

Source: M. Okabe and K. Ito, "Color Universal Design: How to make figures and presentations that are friendly to
colorblind people", 2008.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import BinaryIO


def stacked_style(within: str, narrow: str) -> str:
    """The rules for tables that wrap, and on a narrow display show each row as a block: no scrolling sideways.

    Args:
        within: what stands before each selector.
        narrow: the rule for a narrow display: `@media (max-width: 40rem)`.
    """
    return f"""
{within}table.stacked th, {within}table.stacked td {{ white-space: normal; text-align: left;
  overflow-wrap: break-word; }}
{within}table.stacked th[scope="row"] {{ white-space: nowrap; }}
{within}table.stacked .number {{ text-align: right; white-space: nowrap; }}
{within}table.stacked td:last-child, {within}table.stacked td:last-child code {{ overflow-wrap: anywhere; }}
{within}table.stacked td:not(:last-child) code {{ overflow-wrap: break-word; }}
{narrow} {{
  {within}table.stacked thead {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }}
  {within}table.stacked, {within}table.stacked tbody {{ display: block; }}
  {within}table.stacked tr {{ display: block; padding: .35rem 0; border-bottom: 1px solid var(--line); }}
  {within}table.stacked th, {within}table.stacked td {{ display: block; padding: 0; border: 0;
    overflow-wrap: anywhere; }}
  {within}table.stacked .number {{ text-align: left; }}
  {within}table.stacked td:empty {{ display: none; }}
  {within}table.stacked td::before {{ content: attr(data-title) ": "; color: var(--soft); }}
}}
"""


STYLE = """
:root { color-scheme: light dark;
  --ink: #1d1d1f; --soft: #55555c; --line: #dddcd7; --back: #f6f6f4; --card: #fff; --head: #f0f0ec; --link: #005a8f;
  --ok: #00694a; --wrong: #a33d00; --kink: #8a3b6c; --unclear: #7a5600; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #ececee; --soft: #b4b4bc; --line: #43434a; --back: #151518; --card: #1f1f24; --head: #2a2a30; --link: #7cc4f0;
  --ok: #4fcaa0; --wrong: #ff9a6b; --kink: #e3a5c8; --unclear: #f0c455; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.6rem 1.2rem 3rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .7rem; }
h3 { font-size: 1rem; line-height: 1.3; margin: 1rem 0 .3rem; }
h1, h2, h3, p, li, dd, figcaption { overflow-wrap: anywhere; }
p { margin: .5rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.soft, figcaption, caption { color: var(--soft); font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.3rem;
  margin: 0 0 1.1rem; min-width: 0; }
.ok { --tone: var(--ok); } .wrong { --tone: var(--wrong); } .kink { --tone: var(--kink); }
.unclear { --tone: var(--unclear); }
.state { color: var(--tone); font-weight: 600; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .8rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; }
ul, ol { margin: .4rem 0; padding-left: 1.4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 .3rem; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; vertical-align: top; white-space: nowrap; font-weight: 400;
  border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th:last-child, td:last-child { padding-right: 0; }
th.text, td.text { text-align: left; }
code, pre { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { font-size: .93em; overflow-wrap: anywhere; }
pre { font-size: .74rem; line-height: 1.45; margin: 0; }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; background: #fff; border-radius: 6px; }
figcaption { margin: .4rem 0 0; }
.grid { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); }
summary { cursor: pointer; font-weight: 600; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 40rem) {
  main { padding: .8rem .6rem 2rem; } h1 { font-size: 1.5rem; } .card { padding: .8rem .9rem; }
  table { font-size: .86rem; } th, td { padding-right: .6rem; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; }
}
@media print { main { max-width: none; padding: 0; } .card { break-inside: avoid; } .scroll { overflow: visible; } }
""" + stacked_style("", "@media (max-width: 40rem)")

_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


class Html(str):
    """Text that is markup already, and is put into a page as it is."""

    __slots__ = ()


def escaped(part: object) -> Html:
    """A part of a page: `Html` as it is, anything else as escaped text."""
    return part if isinstance(part, Html) else Html(escape(str(part)))


def joined(parts: Iterable[object], separator: str = "") -> Html:
    """Parts of a page one after another, without those that are empty."""
    return Html(separator.join([text for text in map(escaped, parts) if text]))


def element(tag: str, *parts: object, **attributes: object) -> Html:
    """An element of HTML.

    Args:
        tag: its name.
        *parts: what is in it; text is escaped.
        **attributes: `class_` stands for class, `aria_label` for aria-label; those that are `None` are left out.

    Returns:
        The element as `Html`.

    >>> element("td", "<", class_="text", colspan=None)
    '<td class="text">&lt;</td>'
    """
    names = {name: name.rstrip("_").replace("_", "-") for name in attributes}
    given = "".join(f' {names[key]}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)
    return Html(f"<{tag}{given}>{joined(parts)}</{tag}>")


def paragraph(*parts: object, class_: str | None = None) -> Html:
    """A paragraph."""
    return element("p", *parts, class_=class_)


def listing(facts: Iterable[object]) -> Html:
    """A list with a dot before each fact; nothing for no facts."""
    items = [element("li", fact) for fact in facts]
    return element("ul", *items) if items else Html()


def section(title: object, *parts: object, class_: str = "card", id_: str | None = None, level: int = 2) -> Html:
    """A card under a heading; nothing if there is nothing in it."""
    content = joined(parts, "\n")
    return element("section", element(f"h{level}", title), "\n", content, class_=class_, id=id_) if content else Html()


def scrolling(label: str, *parts: object) -> Html:
    """What may be wider than the screen: it scrolls within its place, and the keyboard reaches it under its label."""
    return element("div", *parts, class_="scroll", tabindex="0", role="region", aria_label=label)


def table(
    titles: Sequence[object],
    rows: Sequence[Sequence[object]],
    caption: str,
    *,
    texts: Collection[int] = (0,),
    shows_caption: bool = False,
) -> Html:
    """A table in a place that scrolls on a narrow screen. The first cell of a row is the header of the row.

    Args:
        titles: the titles of the columns.
        rows: the cells of each row, as many as there are titles.
        caption: what the table shows, for screen readers.
        texts: the columns that are aligned to the left; the others hold numbers.
        shows_caption: whether everybody sees the caption.

    >>> "<th scope=" in table(["leaf"], [["A"]], "Leaves")
    True
    """
    kind = lambda k: "text" if k in texts else None
    head = [element("th", title, scope="col", class_=kind(k)) for k, title in enumerate(titles)]
    body = [
        element("tr", element("th", first, scope="row", class_=kind(0)),
                *[element("td", cell, class_=kind(k)) for k, cell in enumerate(rest, start=1)])
        for first, *rest in rows
    ]  # fmt: skip
    named = element("caption", caption if shows_caption else element("span", caption, class_="unseen"))
    parts = named, element("thead", element("tr", *head)), "\n", element("tbody", joined(body, "\n"))
    return scrolling(caption, element("table", *parts))


def stacked(
    titles: Sequence[object], rows: Sequence[Sequence[object]], caption: str, *, numbers: Collection[int] = ()
) -> Html:
    """A table that never scrolls: its texts wrap, and on a narrow display each row is a block of its own.

    Args:
        titles: the titles of the columns.
        rows: the cells of each row; the first one is its header.
        caption: what the table shows, for screen readers.
        numbers: the columns of numbers, which are aligned to the right; not the first.

    >>> 'data-title="line"' in stacked(["step", "line"], [["sin", "f.py:3"]], "Steps")
    True
    """
    kinds = ["number" if k in numbers else None for k in range(len(titles))]
    head = [element("th", title, scope="col", role="columnheader", class_=kind) for title, kind in zip(titles, kinds)]
    body = [
        element("tr", element("th", first, scope="row", role="rowheader"),
                *[element("td", cell, role="cell", data_title=title, class_=kind)
                  for title, cell, kind in zip(titles[1:], rest, kinds[1:])],
                role="row")
        for first, *rest in rows
    ]  # fmt: skip
    named = element("caption", element("span", caption, class_="unseen"))
    top = element("thead", element("tr", *head, role="row"), role="rowgroup")
    parts = named, top, "\n", element("tbody", joined(body, "\n"), role="rowgroup")
    return element("table", *parts, class_="stacked", role="table")


def picture(data: bytes | str, kind: str, alt: str, caption: object = "") -> Html:
    """A picture that is a part of the page.

    Args:
        data: the content of the file.
        kind: "png" or "svg".
        alt: what the picture shows, for readers who cannot see it.
        caption: what stands below it.
    """
    encoded = base64.b64encode(data.encode() if isinstance(data, str) else data).decode("ascii")
    image = Html(f'<img src="data:{_TYPES[kind]};base64,{encoded}" alt="{escape(alt)}">')
    return element("figure", image, element("figcaption", caption) if caption else "")


def page(title: str, *parts: object, style: str = "") -> Html:
    """The whole page.

    Args:
        title: the title of the window and of bookmarks.
        *parts: what is on the page, with a heading h1.
        style: rules of CSS that this page needs besides `STYLE`.
    """
    head = joined(
        [
            Html('<meta charset="utf-8">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            element("title", title),
            Html(f"<style>{STYLE}{style}</style>"),
        ],
        "\n",
    )
    body = element("main", "\n", joined(parts, "\n"), "\n")
    return Html(f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n')


def application(title: str, *parts: object, style: str, script: str, data: str) -> Html:
    """A page with a script that shows data. It can load nothing, and runs no script but this one.

    Args:
        title: the title of the window.
        *parts: what is in the body before the script runs.
        style: the whole style sheet.
        script: the script, which reads the data from the element of the id "data".
        data: JSON.

    >>> page = application("a", style="", script="let x;", data='["</script>"]')
    >>> page.count("</script>"), "sha256-" in page
    (2, True)
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("a script that ends itself")
    head = joined(
        [
            Html('<meta charset="utf-8">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'),
            element("title", title),
            Html(f"<style>{style}</style>"),
        ],
        "\n",
    )
    block = Html('<script type="application/json" id="data">' + data.replace("<", "\\u003c") + "</script>")
    body = joined([*parts, block, Html(f"<script>{script}</script>")], "\n")
    return Html(f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n')


def write(path: str | Path, content: str | bytes, *, sync: bool = False) -> None:
    """Write a file beside its target and rename it, so that nobody finds half a file.

    A link is followed, the permissions of a file that is replaced are kept, and a target that is no file (a pipe) is
    written to directly.

    Args:
        path: the target.
        content: the whole content; a text is encoded in UTF-8.
        sync: whether to wait until the disk has it, so that it also survives a loss of power.

    Raises:
        OSError: if it cannot be written; a file that was there is then still whole.
    """
    with writing(path, sync=sync) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def writing(path: str | Path, *, sync: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of its target at the end; `write` is for content that is there.

    After an exception within, the target is what it was.

    Args:
        path: the target.
        sync: whether to wait until the disk has it.

    Raises:
        OSError: if it cannot be written.

    >>> import tempfile
    >>> with writing(Path(tempfile.mkdtemp()) / "rows.csv") as file:
    ...     _ = file.write(b"1,2")
    """
    if Path(path).exists() and not Path(path).is_file():  # a pipe, a device: what is written has gone
        with _named(path), Path(path).open("wb") as file:
            yield file
        return
    target = Path(path).resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}{HALF}")
    with _named(path, str(beside)):
        try:
            with beside.open("wb") as file:
                yield file
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, beside)
            os.replace(beside, target)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise


HALF = ".part"  #: the end of the name of a file that is not whole yet


@contextlib.contextmanager
def _named(path: str | Path, *others: str) -> Iterator[None]:
    """Errors within are about this path: the caller does not know the file beside it."""
    try:
        yield
    except OSError as error:
        if error.filename in (None, *others):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def clear(folder: Path, names: Collection[str]) -> None:
    """Remove the halves of files of these names, which `writing` leaves in a folder when its process is killed.

    Raises:
        OSError: if one cannot be removed.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / ".rows.csv.4711.part").write_text("1,")
    >>> clear(folder, ["rows.csv"])
    >>> list(folder.iterdir())
    []
    """
    for half in folder.glob(f".*{HALF}"):
        if half.name.removeprefix(".").rsplit(".", 2)[0] in names:
            half.unlink(missing_ok=True)
