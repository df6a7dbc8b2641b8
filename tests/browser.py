"""A browser for the tests of pages: headless Chromium, driven by Playwright. They skip where there is none."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu"]
# The texts in sight whose contrast with what is behind them is below 4.5 to 1.
CONTRAST = """() => {
  const linear = x => ((x /= 255) <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
  const luminance = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
  const rgba = text => {
    const n = text.match(/[\\d.]+/g).map(Number);
    return [...(text.startsWith('color(') ? n.slice(0, 3).map(x => 255 * x) : n.slice(0, 3)), n[3] ?? 1];
  };
  const over = (a, b) => a.slice(0, 3).map((x, k) => x * a[3] + b[k] * (1 - a[3]));
  const behind = e => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const hasText = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  const worst = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility() || !hasText(e) || e.closest('svg, canvas, option, script')) continue;
    if (e.closest('label')?.querySelector('input:disabled')) continue;
    const back = behind(e);
    const [a, b] = [luminance(over(rgba(getComputedStyle(e).color), back)), luminance(back)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) worst.push([ratio.toFixed(2), e.className || e.id || e.tagName, e.textContent.slice(0, 30)]);
  }
  return worst;
}"""


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; the test skips, with the reason, if there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install -e '.[browser]'")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=program, args=FLAGS)
        except playwright.Error as error:
            pytest.skip(f"no Chromium (apt-get install chromium, or playwright install chromium): {error.message[:80]}")
        yield browser
        browser.close()


class Opened:
    """A page that is open in the browser, and what its console says."""

    def __init__(self, browser: Any, path: Path, width: int = 1280, scheme: str = "light") -> None:
        # With reduced motion no colour fades in, which a test would have to wait for.
        view = {"width": width, "height": 800}
        self.context = browser.new_context(viewport=view, color_scheme=scheme, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("request", lambda r: self.complaints.append(r.url) if not r.url.startswith("file:") else None)
        self.page.goto(path.resolve().as_uri())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def press(self, *keys: str) -> None:
        """Keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def until(self, expression: str) -> None:
        """Wait for something to become true. (Playwright's own wait is stopped by the policy of the page.)"""
        for _ in range(100):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"waited in vain for {expression}")

    def close(self) -> None:
        """Close it; nothing may have gone wrong."""
        self.context.close()
        assert self.complaints == []


@contextmanager
def all_closed(browser: Any) -> Iterator[Callable[..., Opened]]:
    """A function that opens pages as `Opened` does; at the end each is closed, and nothing may have gone wrong."""
    pages: list[Opened] = []

    def open_page(path: Path, width: int = 1280, scheme: str = "light") -> Opened:
        pages.append(Opened(browser, path, width, scheme))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()
