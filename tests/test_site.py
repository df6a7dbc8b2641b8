"""The site of `docs`: it builds without a warning, needs nothing from outside, and its links lead somewhere."""

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import Opened, chromium

ROOT = Path(__file__).parents[1]
ADDRESSES = {"href", "src", "srcset", "data", "action", "poster", "xlink:href"}


class Page(HTMLParser):
    """The addresses and the anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.anchors: set[str] = set()
        self.pictures_without_words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        self.addresses += [value for name, value in values.items() if name in ADDRESSES]
        if tag == "img" and not values.get("alt"):
            self.pictures_without_words.append(values.get("src", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    for package in ("sphinx", "myst_parser", "furo", "matplotlib"):
        pytest.importorskip(package, reason="no Sphinx: pip install -e '.[docs]'")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_chapter_has_a_page(site: Path) -> None:
    chapters = {path.stem for path in (ROOT / "docs/course").glob("*.md")}
    assert chapters == {path.stem for path in (site / "course").glob("*.html")}


def test_every_public_name_has_its_docstring(pages: dict[Path, Page]) -> None:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    anchors = {anchor for page in pages.values() for anchor in page.anchors}
    names = [f"{home.module}.{name}" for (_, name), home in reference.homes().items()]
    assert [name for name in names if not {name, f"module-{name}"} & anchors] == []


def test_nothing_comes_from_outside(site: Path, pages: dict[Path, Page]) -> None:
    outside = [(path.name, a) for path, page in pages.items() for a in page.addresses if urlsplit(a).netloc]
    assert outside == []
    for path in [*site.rglob("*.css"), *site.rglob("*.html")]:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", text) == [], path.name
    for path in site.rglob("*.js"):
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert "https://" not in code, path.name


def test_links_within_the_site_lead_somewhere(pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for address in set(page.addresses):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
                broken.append((path.name, address))
    assert broken == []


def test_pictures_have_words(pages: dict[Path, Page]) -> None:
    assert [(path.name, src) for path, page in pages.items() for src in page.pictures_without_words] == []


def test_figures_of_the_course_follow_light_and_dark(site: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (site / "course").glob("*.html"))
    figures = re.findall(r"<figure class=\"[^\"]*made-by-code.*?</figure>", text, flags=re.DOTALL)
    assert figures
    for figure in figures:
        assert re.search(r'<svg[^>]* aria-label="[^"]+"', figure)
        assert "currentColor" in figure
        assert "#000000" not in figure


def test_pages_open_in_a_browser_in_both_colours_and_widths(site: Path) -> None:
    """Nothing is asked for from outside, nothing is said in the console, and no page is wider than the window."""
    with chromium() as browser:
        for name in ("index", "course/04_engine", "course/15_tour", "explanation", "api/reverse-mode"):
            for width, scheme in [(400, "dark"), (1280, "light")]:
                page = Opened(browser, site / f"{name}.html", width, scheme)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
                page.close()


def test_the_search_finds_without_a_server(site: Path) -> None:
    with chromium() as browser:
        page = Opened(browser, site / "search.html")
        page.goto((site / "search.html").as_uri() + "?q=cotangent")
        page.until("document.querySelectorAll('#search-results li').length > 3")
        page.close()
