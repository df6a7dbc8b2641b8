"""A browser for the tests of pages: headless Chromium, driven by Playwright. They skip where there is none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu"]


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
