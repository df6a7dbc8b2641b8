"""Reports for the eye: tables in the terminal, one page without anything else, figures."""

import base64
import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import minigrad
from benchmarks.corpus import CASES
from minigrad.checking import figures, page, terminal
from minigrad.checking.records import Report

VOID = {"meta", "img", "br", "link"}


def report_of(name: str) -> Report:
    """The report on a case of the corpus."""
    f, manual, args = CASES[name].build()
    return minigrad.check(f, manual, *args, argnum=tuple(range(len(args))) if len(args) > 1 else 0)


def layered() -> Report:
    """A report with deltas by hand, the second of them wrong, and labels that have to be escaped."""

    def f(w: Any) -> Any:
        h = minigrad.name(np.tanh(w), "a<b")
        return np.sum(minigrad.name(h * h, "[square]"))

    deltas = {"[square]": np.ones(3), "a<b": np.ones(3)}
    return minigrad.check(f, lambda w: np.tanh(w), np.array([0.3, -1.0, 2.0]), deltas=deltas)


CASES_SHOWN = [
    "network_of_three_layers",  # OK, several leaves
    "activation_derivative_is_missing",  # WRONG
    "bias_not_summed_over_samples",  # shapes that differ
    "abs_at_zero",  # a kink, one axis
    "noise_drowns_everything",  # nothing is known, no tape
    "number",  # no axis at all
    "ten_thousand_coordinates",  # too many entries to draw
    "complex_conjugate_is_missing",
    "gradient_with_a_nan",
    "constant",  # nothing on a logarithmic scale
    "scale_1e_minus_12_wrong",
    "float32_factor_two",
]


class Page(HTMLParser):
    """The text, the pictures and the balance of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.open, self.images, self.links = "", [], [], []  # type: ignore[var-annotated]
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        if tag == "img":
            self.images.append(found)
        self.links += [found[key] for key in ("src", "href") if key in found]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", CASES_SHOWN)
def test_the_page_stands_alone(name: str, tmp_path: Path) -> None:
    """Well-formed, nothing loaded from elsewhere, the verdict in words, a text for every picture."""
    report = report_of(name)
    report.to_html(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = Page(text)
    assert str(report.verdict) in shown.text
    assert "<script" not in text
    assert all(link.startswith("data:image/svg+xml;base64,") for link in shown.links)
    assert all(len(image["alt"]) > 30 for image in shown.images)
    for leaf in report.leaves:
        assert leaf.path in shown.text
    for image in shown.images:
        ElementTree.fromstring(base64.b64decode(image["src"].split(",")[1]))


def test_the_page_shows_worst_entry_and_diagnosis() -> None:
    """What the text says, the page says too."""
    report = report_of("factor_two_of_a_square")
    text = Page(page.html(report)).text
    assert "Worst entry x[" in text
    assert "yours" in text
    assert report.leaves[0].diagnosis is None or report.leaves[0].diagnosis in text


def test_layers_and_characters_of_markup() -> None:
    """The first diverging layer is named, in the page and in the terminal, with its characters as they are."""
    report = layered()
    assert report.first_diverging == "a<b"
    assert "First diverging layer: a<b" in Page(page.html(report)).text
    shown = in_terminal(report)
    assert "a<b" in shown
    assert "[square]" in shown
    assert "first to differ" in shown


def in_terminal(report: Report, width: int = 200) -> str:
    """What rich prints."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    for part in terminal.rich_parts(report):
        console.print(part)
    return console.file.getvalue()


@pytest.mark.parametrize("name", CASES_SHOWN)
def test_the_table_in_a_terminal(name: str) -> None:
    """All leaves, the verdict, the evidence."""
    pytest.importorskip("rich", reason="the table in the terminal is made by rich, which is not installed")
    report = report_of(name)
    shown = in_terminal(report)
    assert str(report.verdict) in shown
    for leaf in report.leaves:
        assert (leaf.path or "(the argument)") in shown
        assert leaf.diagnosis is None or leaf.diagnosis.split()[-1] in shown


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_print_chooses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables to a terminal, plain text to a pipe and without rich."""
    report = report_of("square")
    report.print()
    assert capsys.readouterr().out == f"{report}\n"
    pytest.importorskip("rich")
    shown = Terminal()
    report.print(shown)
    assert "✓ OK" in shown.getvalue()
    find = terminal.importlib.util.find_spec
    monkeypatch.setattr(terminal.importlib.util, "find_spec", lambda name: None if name == "rich" else find(name))
    shown = Terminal()
    report.print(shown)
    assert shown.getvalue() == f"{report}\n"


@pytest.mark.parametrize("name", CASES_SHOWN)
def test_the_figure(name: str) -> None:
    """It can be drawn, in a title that names the verdict."""
    report = report_of(name)
    figure = report.figure()
    figure.savefig(io.BytesIO(), format="png", dpi=20)
    assert str(report.verdict) in figure.get_suptitle()
    assert len(figure.axes) >= len(figures.panels(report))


def test_what_the_panels_show() -> None:
    """Slopes and V-curve always; scatter and heatmap of the leaf that is wrong."""
    titles = [panel.title for panel in figures.panels(report_of("sign_of_the_bias"))]
    assert titles[:2] == ["Taylor remainders", "Error against step"]
    assert titles[2] == "Yours against the tape, b"
    assert [panel.title for panel in figures.panels(report_of("black_box_of_fifty"))] == titles[:2]


def test_the_heatmap_takes_the_largest_of_each_block() -> None:
    """One wrong entry among ten thousand is still seen."""
    from matplotlib.figure import Figure

    report = report_of("one_entry_of_ten_thousand")
    leaf = figures.worst_leaf(report)
    assert leaf is not None
    panel = figures.heat_panel(leaf)
    assert panel is not None
    axes = Figure().add_subplot()
    panel.draw(axes)
    shown = axes.images[0].get_array()
    assert shown.size <= figures.TILES**2
    assert shown.max() == pytest.approx(leaf.max_abs)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has tables, and says what to install; a figure raises and says so too."""
    report = report_of("square")
    find = page.importlib.util.find_spec
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    text = page.html(report)
    assert "<img" not in text
    assert "pip install matplotlib" in text
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install matplotlib"):
        report.figure()


def test_arrays_are_not_in_the_json() -> None:
    """They are for the figures; the JSON holds numbers of a bounded number."""
    read: dict[str, Any] = json.loads(report_of("ten_thousand_coordinates").to_json())
    assert "arrays" not in read["leaves"][0]
    assert len(json.dumps(read)) < 20_000


def test_many_leaves_are_cut() -> None:
    """A page and a table of the leaves that decide; the rest is counted."""
    parameters = [np.array(1.0 + k) for k in range(60)]
    report = minigrad.check(
        lambda P: sum([x**2 for x in P]), lambda P: [2 * x for x in P[:-1]] + [3 * P[-1]], parameters
    )
    text = Page(page.html(report)).text
    assert "... and 20 more." in text
    assert re.search(r"\[59\].*WRONG", text)
