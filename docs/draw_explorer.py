"""Take the picture of the explorer for the how-to guides, `docs/explorer.png`: `python docs/draw_explorer.py`.

It needs a browser: `pip install -e '.[browser]'`, and Chromium.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import explore
from nn import mlp
from nn.loss import logistic

PICTURE = Path(__file__).resolve().parent / "explorer.png"
STEP = 18  #: backward, where two contributions add up

rng = np.random.default_rng(0)
x, Y = rng.standard_normal((2, 6)), np.eye(3)[:, [0, 1, 2, 0, 1, 2]]
A, b = mlp.init([2, 4, 3], rng=0)


def loss(A: Any, b: Any) -> Any:
    """Of a small network."""
    X = mlp.forward(A, b, x)
    return logistic(X[-1], Y)


def main() -> int:
    """Write the picture."""
    from playwright.sync_api import sync_playwright  # here, since tests import this file where there is no browser

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "tape.html"
        explore(loss, A, b, out=page)
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        window = browser.new_page(viewport={"width": 1280, "height": 760}, reduced_motion="reduce")
        window.goto(page.as_uri())
        window.evaluate(f"explorer.show({STEP})")
        window.screenshot(path=str(PICTURE))
        browser.close()
    print(f"wrote {PICTURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
