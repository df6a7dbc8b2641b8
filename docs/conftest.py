"""The pages run: their doctests may use what their plain blocks define, and draw without a screen."""

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

PLAIN_BLOCK = re.compile(r"^```python\n(?!>>>)(.*?)^```", re.DOTALL | re.MULTILINE)

collect_ignore = ["_build", "api"]
if not importlib.util.find_spec("sphinx"):  # pip install -e '.[docs]'
    collect_ignore += ["conf.py", "site_parts.py"]


@pytest.fixture(autouse=True)
def the_page_runs(
    request: pytest.FixtureRequest, doctest_namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Run the page's plain blocks in the namespace of its doctests, and clear that namespace afterwards."""
    page = request.node.path
    if page.parent.name == "course":
        if "matplotlib" not in sys.modules:
            monkeypatch.setitem(os.environ, "MPLBACKEND", "agg")
        exec("".join(PLAIN_BLOCK.findall(page.read_text(encoding="utf-8"))), doctest_namespace)
    yield
    doctest_namespace.clear()
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
