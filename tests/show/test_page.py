"""Pages: what is put in is escaped, everybody can read them, and files are whole or not there."""

import itertools
import os
import re
import stat
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.show import page as pages
from minigrad.show.page import Html, element, joined, listing, page, paragraph, picture, section, table, write

NASTY = '<script>alert(\'"&")</script>'


class Outline(HTMLParser):
    """The tags of a page, with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict[str, Any]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def every_kind_of_part(text: str) -> Html:
    """A page with a text in every place where text may be."""
    return page(
        text,
        element("h1", text),
        paragraph(text, element("code", text, title=text)),
        listing([text]),
        section(text, table([text, text], [[text, text]], text), table(["a"], [["b"]], text, shows_caption=True)),
        section("pictures", picture(b"\x89PNG", "png", text, text), pages.scrolling(text, text)),
    )


def test_text_is_escaped_wherever_it_is_put() -> None:
    shown = every_kind_of_part(NASTY)
    assert "<script" not in shown
    assert {tag for tag, _ in Outline(shown).tags} == {tag for tag, _ in Outline(every_kind_of_part("x")).tags}


def test_what_is_made_of_text_and_markup_is_text_again() -> None:
    """Markup that is joined by + is a plain string, and so escaped: a mistake is seen, and no hole."""
    assert paragraph("<" + element("b", "x")) == "<p>&lt;&lt;b&gt;x&lt;/b&gt;</p>"
    assert joined([element("b", "x"), "<", ""], ", ") == "<b>x</b>, &lt;"


def test_a_table_can_be_heard() -> None:
    """Its caption and its headers, and a place to scroll that the keyboard reaches under a name."""
    outline = Outline(table(["leaf", "error"], [["A", "1"], ["b", "2"]], "Leaves"))
    assert [attributes["scope"] for attributes in outline.all("th")] == ["col", "col", "row", "row"]
    assert len(outline.all("caption")) == 1
    (place,) = outline.all("div")
    assert (place["tabindex"], place["role"], place["aria-label"]) == ("0", "region", "Leaves")


def test_empty_parts_leave_nothing() -> None:
    assert section("Notes", listing([])) == ""
    assert section("Notes", "", Html()) == ""


def luminance(colour: str) -> float:
    """The relative luminance of a colour by WCAG 2."""
    full = colour[1:] if len(colour) == 7 else "".join(c + c for c in colour[1:])
    parts = np.array([int(full[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_all_text_stands_out_in_light_and_in_dark() -> None:
    """A contrast of at least 4.5 (WCAG 2, AA) of every colour of text on every background."""
    light, dark = (dict(re.findall(r"--(\w+): (#\w+);", block)) for block in pages.STYLE.split("@media")[:2])
    assert light.keys() == dark.keys()
    for colours in (light, dark):
        backgrounds = [colours[name] for name in ("back", "card")]
        for name, back in itertools.product(("ink", "soft", "link", "ok", "wrong", "kink", "unclear"), backgrounds):
            high, low = sorted([luminance(colours[name]), luminance(back)], reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, back)


def test_a_page_needs_nothing_else() -> None:
    shown = every_kind_of_part("text")
    assert Outline(shown).all("html") == [{"lang": "en"}]
    assert 'name="viewport"' in shown
    assert "prefers-color-scheme: dark" in shown
    assert not re.search(r"""(src|href)=["'](?!data:|#)|url\(|@import|//""", shown)


def test_headings_of_a_report_are_in_order(tmp_path: Path) -> None:
    """One h1, and no level is left out on the way down."""
    report = minigrad.check(lambda x: np.sum(x**3), lambda x: x**2, np.array([1.0, 2.0]))
    report.to_html(tmp_path / "report.html")
    tags = [tag for tag, _ in Outline((tmp_path / "report.html").read_text(encoding="utf-8")).tags]
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


# ----- files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """Who reads while it is written finds the old text or the new one."""
    path = tmp_path / "page.html"
    texts = ["a" * 300_000, "b" * 300_000]
    write(path, texts[0])
    done = threading.Event()

    def rewrite() -> None:
        for k in range(60):
            write(path, texts[k % 2])
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    while not done.is_set():
        assert path.read_text() in texts
    writer.join()
    assert os.listdir(tmp_path) == ["page.html"]


def test_when_writing_fails_the_old_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write(path, "\udc80")
    with pytest.raises(OSError, match="missing"):
        write(tmp_path / "missing" / "page.html", "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["page.html"]


@pytest.mark.skipif(os.name != "posix", reason="permissions, links and pipes of POSIX")
def test_permissions_links_and_pipes(tmp_path: Path) -> None:
    """What a plain write would keep is kept."""
    path, link, pipe = tmp_path / "page.html", tmp_path / "link.html", tmp_path / "pipe"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write(pipe, "through")
    reader.join()
    assert found == ["through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
