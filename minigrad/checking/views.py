"""How a report is looked at: `str(report)` and the methods of `Report` that print or draw.

A report is data, and the module of the records knows nothing of tables, pages and pictures. `minigrad.checking` imports
this module, which stands above all of them, and so every report has these methods.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from minigrad.checking import figures, page, terminal, text
from minigrad.checking.records import Report as Report
from minigrad.show.notebook import view


def print_report(self: Report, file: TextIO | None = None) -> None:
    """Print to a terminal with tables and colours (by rich, if it is installed), to other files as plain text."""
    terminal.print_report(self, file)


def to_html(self: Report, path: str | Path) -> None:
    """Write the report as one page that needs nothing else, with figures if matplotlib is installed.

    The page is written beside its target and renamed, so that nobody finds half of it.

    Args:
        path: the file.

    Raises:
        OSError: if the file cannot be written.
    """
    page.write(self, path)


def figure(self: Report) -> Any:
    """The evidence as a figure of matplotlib: Taylor remainders, error against step, yours against the tape.

    Raises:
        ImportError: if matplotlib is missing.
    """
    return figures.figure(self)


def in_words(self: Report) -> str:
    """The report as plain text."""
    return text.text(self)


def in_one_line(self: Report) -> str:
    """The verdict, and what was compared."""
    f, manual = self.functions
    leaves = f"{len(self.leaves)} {'leaf' if len(self.leaves) == 1 else 'leaves'}"
    return f"<report: {self.verdict}, the {self.kind.replace('_', ' ')} {manual} against {f}, {leaves}>"


def in_a_notebook(self: Report) -> str:
    """The page without its pictures, as a part of a notebook."""
    return view(*page.parts(self))


_METHODS = {
    "__repr__": in_one_line, "__str__": in_words, "_repr_html_": in_a_notebook, "figure": figure,
    "print": print_report, "to_html": to_html,
}  # fmt: skip
for name, method in _METHODS.items():
    method.__name__, method.__qualname__ = name, f"Report.{name}"
    setattr(Report, name, method)
