"""The examples of `from_scratch.md` use the engine that the page builds in its plain Python blocks."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

PLAIN_BLOCK = re.compile(r"^```python\n(?!>>>)(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def engine_of_the_page(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> Iterator[None]:
    """Run the page's plain blocks in the namespace of its doctests, and clear that namespace afterwards."""
    if request.node.path.name == "from_scratch.md":
        text = request.node.path.read_text(encoding="utf-8")
        exec("".join(PLAIN_BLOCK.findall(text)), doctest_namespace)
    yield
    doctest_namespace.clear()
