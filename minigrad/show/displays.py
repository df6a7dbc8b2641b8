"""`compile` and `source`, whose results show themselves in a notebook.

The compiler knows nothing of pages, which stand above it. `minigrad` takes both functions from here.
"""

from __future__ import annotations

from typing import Any

from minigrad.compiler.emit import Source
from minigrad.compiler.reading import source as source
from minigrad.compiler.replay import Compiled
from minigrad.compiler.replay import compile as compile  # noqa: A004 - ours, not Python's
from minigrad.show import page as pages
from minigrad.show.notebook import view
from minigrad.show.page import Html, element, listing, paragraph, scrolling


def html_of_source(self: Source) -> str:
    """The text of the module, as it is; a wide line scrolls."""
    title = paragraph(repr(self)[1:-1], f". {self.fell_back}" if self.fell_back else "", class_="soft")
    return view(title, scrolling(f"Source of {self.name}", element("pre", element("code", str.__str__(self)))))


def html_of_compiled(self: Compiled) -> str:
    """What became of the calls, and why some were not answered by a program."""
    stats = self.stats()
    reasons = stats.pop("reasons")
    rows = [[key, f"{value:,}"] for key, value in stats.items()]
    told: Any = listing(f"{count} times: {reason}" for reason, count in reasons.items())
    table = pages.table(["", "number"], rows, "What became of the calls")
    return view(paragraph(repr(self)[1:-1], class_="soft"), table, told or Html())


Source._repr_html_ = html_of_source  # type: ignore[attr-defined]  # a notebook asks for it, no code of ours
Compiled._repr_html_ = html_of_compiled  # type: ignore[attr-defined]  # as above
