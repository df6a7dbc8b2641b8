"""The recursion: what minigrad finds in the recorded operations, beside what was derived by hand."""

import inspect
from dataclasses import dataclass
from typing import Any

from minigrad import derivation, source, value_and_grad
from minigrad.show.page import Html, element, joined, scrolling
from nn import backprop
from nn.report import Section
from nn.stations import comparison
from nn.stations.problem import Problem
from nn.train import objective


@dataclass(frozen=True)
class Recursion:
    """Backpropagation as minigrad writes it.

    Attributes:
        widths: of the layers of the network.
        found: the text of the value and the gradient, with its loops.
        lines: how many lines of code that text has, and how many without loops.
        equations: the same as mathematics, in HTML.
        by_hand: the loops of `nn.backprop.gradient`.
    """

    widths: list[int]
    found: str
    lines: tuple[int, int]
    equations: Html
    by_hand: str


def measure(problem: Problem) -> Recursion:
    """Let minigrad write the gradient of the network, and look up the one by hand."""
    widths, A, b = comparison.network(problem)
    both, arguments = value_and_grad(objective, (0, 1)), (A, b, problem.data.x_train, problem.Y)
    found, unrolled = source(both, *arguments, rolled=True), source(both, *arguments)
    equations = derivation(both, *arguments, notation="nabla").body
    return Recursion(widths, found, (_lines(found), _lines(unrolled)), equations, _by_hand())


def _lines(text: str) -> int:
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in text.split("\n"))


def _by_hand() -> str:
    """The body of the function by hand, without its docstring."""
    body = inspect.getsource(backprop.gradient).split('"""')[2]
    return inspect.cleandoc(body)


def numbers(measured: Recursion) -> dict[str, Any]:
    """The entry in `report.json`."""
    return {
        "widths": measured.widths,
        "lines": measured.lines[0],
        "lines_without_loops": measured.lines[1],
        "source": measured.found,
    }


def show(problem: Problem, measured: Recursion) -> Section:
    """Three derivations of one gradient: of the tour, by hand, and found."""
    section = Section("The recursion that minigrad finds")
    few, many = measured.lines
    section.text(
        "On the tape the layers follow one another, without a loop. <code>minigrad.source(..., rolled=True)</code>"
        f" finds where the operations repeat, and writes the loops again: {few} lines instead of {many}. It was given"
        " the forward pass and the loss only. Its backward loop is the recursion of the formulas above, and that of"
        " <code>nn/backprop.py</code> below it. The text runs by itself, and gives the bits of the tape."
    )
    columns = [
        element("div", element("h3", heading), scrolling(heading, element("pre", text)))
        for heading, text in (
            ("found by minigrad", _body(measured.found)),
            ("by hand, nn/backprop.py", measured.by_hand),
        )
    ]
    section.parts.append(element("div", joined(columns), class_="grid"))
    section.text(
        "<code>minigrad.derivation</code> writes the same as mathematics, with an equation for every value and one for"
        " the derivative of the loss in it:"
    )
    section.parts.append(measured.equations)
    return section


def _body(text: str) -> str:
    """The body of the function, without its indentation."""
    lines = text[text.index("def ") :].split("\n")[1:]
    return "\n".join([line[4:] for line in lines]).strip("\n")
