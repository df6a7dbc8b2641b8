"""What objects show of themselves in a notebook, and how its lines are named."""

import sys
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from browser import chromium

import minigrad
from minigrad import check, coverage, grad, plot, source, trace
from minigrad.core.lines import Line, located

X = np.linspace(0.1, 1.0, 6).reshape(2, 3)


def loss(w: Any, x: Any) -> Any:
    h = minigrad.name(np.tanh(w @ x), "<hidden>")
    return np.sum(h**2)


def shown() -> dict[str, Any]:
    """One object of each kind."""
    w = np.ones((2, 2))
    compiled = minigrad.compile(grad(loss))
    compiled(w, X)
    compiled(w, X)
    return {
        "report": check(loss, lambda w, x: 2 * w, w, X),
        "tape": trace(loss, w, X),
        "source": source(grad(loss), w, X),
        "compiled": compiled,
        "coverage": coverage("linalg"),
    }


WORDS = {
    "report": ("<report: WRONG, the gradient <lambda> against loss, 1 leaf>", ("WRONG", "Leaves", "Findings")),
    "tape": ("<tape of loss: 6 nodes, 2 of them inputs>", ("tanh(%2)", "&lt;hidden&gt;", "test_notebook.py")),
    "source": ("<source of grad_loss: ", ("def grad_loss(w, x):", "# pullback of: return np.sum(h**2)")),
    "compiled": ("<compiled grad_loss: 1 program, 1 replays>", ("replays", "guard failures")),
    "coverage": ("<coverage of 31 functions: ", ("numpy.linalg.det", "composed", "none by nature")),
}


class Balanced(HTMLParser):
    """Checks that every element that is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_each_kind_has_one_line_and_a_part_of_a_page() -> None:
    found = shown()
    assert found.keys() == WORDS.keys()
    for kind, (line, words) in WORDS.items():
        assert repr(found[kind]).startswith(line.partition("31 functions")[0]), kind
        assert "\n" not in repr(found[kind])
        text = found[kind]._repr_html_()
        for word in words:
            assert word in text, (kind, word)
        assert "<hidden>" not in text
        Balanced(text)


def test_what_is_printed_is_still_the_whole() -> None:
    found = shown()
    assert str(found["tape"]).startswith("tape of loss: 6 nodes")
    assert str(found["source"]).startswith("import numpy as np")
    assert "|yours|" in str(found["report"])
    assert str(found["coverage"]).startswith("name")


def test_a_long_tape_and_a_long_table_are_cut() -> None:
    def many(x: Any) -> Any:
        for _ in range(300):
            x = np.sin(x)
        return x

    text = trace(many, 0.5)._repr_html_()
    assert "... and 101 more; print(tape) has them all" in text
    assert text.count("<tr") == 201
    assert "more: print(coverage) has them all" in coverage()._repr_html_()


def test_each_view_is_readable_in_both_schemes_and_never_wider_than_its_place() -> None:
    """In the colours around it, which a notebook may choose against the display's."""
    body = "".join(each._repr_html_() for each in shown().values())
    with chromium() as browser:
        for width in (400, 1280):
            for scheme, theme, ground in (("light", "false", "#111"), ("dark", "true", "#fff"), ("dark", "", "#111")):
                ink = "#eee" if ground == "#111" else "#111"
                page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
                style = f"body{{margin:8px;background:{ground};color:{ink}}}"
                attribute = f' data-jp-theme-light="{theme}"' if theme else ""
                page.set_content(f"<!doctype html><style>{style}</style><body{attribute}>{body}</body>")
                assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                wrong = page.evaluate("getComputedStyle(document.querySelector('.minigrad-view .state')).color")
                assert wrong == ("rgb(255, 154, 107)" if ground == "#111" else "rgb(163, 61, 0)")
                page.close()


# ----- figures --------------------------------------------------------------------------------------------------------


def test_a_figure_is_shown_and_not_its_name() -> None:
    pytest.importorskip("matplotlib")
    for figure in (plot(np.tanh, order=6, range=(-7, 7)), check(np.sin, np.cos, 1.0).figure()):
        assert figure._repr_png_().startswith(b"\x89PNG")


def test_plot_takes_functions_and_formulas() -> None:
    pytest.importorskip("matplotlib")
    assert "sin" in plot("a sin(x)", a=2.0, orders=(0, 2)).axes[0].get_title()
    assert len(plot(np.tanh, np.sin, order=1).axes) == 2
    for call, kind, words in (
        (lambda: plot(), TypeError, "which function"),
        (lambda: plot(3.0), TypeError, "plot takes a function"),
        (lambda: plot(np.sin, range=(1, 1)), ValueError, "range=(1, 1)"),
        (lambda: plot(np.sin, order=-1), ValueError, "orders are from 0 to 100"),
        (lambda: plot(np.sin, layout="pile"), ValueError, "layout='pile'"),
        (lambda: plot(np.sin, marks=["poles"]), ValueError, "zeros and extrema"),
        (lambda: plot(np.sin, points=3), ValueError, "points=3"),
        (lambda: plot(lambda x: np.log(-1.0 - x * x)), ValueError, "is not finite anywhere"),
        (lambda: plot("sin(x"), ValueError, "sin(x"),
    ):
        with pytest.raises(kind) as caught, np.errstate(all="ignore"):
            call()
        assert words in str(caught.value)


# ----- lines ----------------------------------------------------------------------------------------------------------


def test_a_line_of_a_notebook_is_named_by_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(compile=SimpleNamespace(_filename_map={"/tmp/ipykernel_7/3.py": 2}))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert str(Line("/tmp/ipykernel_7/3.py", 2, "f")) == "In [2], line 2"
    assert str(Line("/tmp/other.py", 2, "f")) == "other.py:2"
    assert "at In [2], line 2, in f" in located("what", Line("/tmp/ipykernel_7/3.py", 2, "f"))


def test_lines_and_views_in_ipython() -> None:
    """The real thing, where it is installed."""
    ipython = pytest.importorskip("IPython.core.interactiveshell", reason="no IPython: pip install ipython")
    ipython.InteractiveShell.clear_instance()
    shell = ipython.InteractiveShell.instance()
    try:
        shell.run_cell("import numpy as np\nfrom minigrad import grad, trace, plot", store_history=True)
        shell.run_cell("def f(x):\n    return np.array([x, x**2]).sum()", store_history=True)
        error = shell.run_cell("grad(f)(1.5)", store_history=True).error_in_exec
        assert "at In [2], line 2, in f" in str(error)
        assert "np.stack([x, x**2])" in str(error)
        tape = shell.run_cell("trace(lambda x: np.sin(x), 0.5)", store_history=True).result
        assert "In [4], line 1 `trace(lambda x: np.sin(x), 0.5)`" in str(tape)
        data, _ = shell.display_formatter.format(tape)
        assert "minigrad-view" in data["text/html"]
        figure = shell.run_cell("plot(np.tanh)", store_history=True).result
        assert "image/png" in shell.display_formatter.format(figure)[0]
    finally:
        ipython.InteractiveShell.clear_instance()
