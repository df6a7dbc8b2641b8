"""The tape: what autodiff recorded for the network whose gradients were compared."""

from dataclasses import dataclass
from typing import Any

from minigrad import name, trace
from nn.loss import logistic
from nn.mlp import forward
from nn.report import Section
from nn.stations import comparison
from nn.stations.problem import Problem


@dataclass(frozen=True)
class Tape:
    """A recorded forward pass.

    Attributes:
        widths: of the layers of the network.
        nodes: how many rows the tape has.
        inputs: how many of them are inputs.
        rows: the cells of the table, titles first, with the cotangents beside the values.
    """

    widths: list[int]
    nodes: int
    inputs: int
    rows: list[list[str]]


def measure(problem: Problem) -> Tape:
    """Trace the loss of the network, with a name for the result of every layer."""
    widths, A, b = comparison.network(problem)

    def network(A: list[Any], b: list[Any]) -> Any:
        X = forward(A, b, problem.data.x_train)
        for r, x in enumerate(X[1:], start=1):
            name(x, f"x{r}")
        return logistic(X[-1], problem.Y)

    tape = trace(network, A, b)
    return Tape(widths, len(tape), tape.leaves, tape.rows(cotangents=True))


def numbers(measured: Tape) -> dict[str, Any]:
    """The entry in `report.json`."""
    return {"widths": measured.widths, "nodes": measured.nodes, "inputs": measured.inputs}


def show(problem: Problem, measured: Tape) -> Section:
    """How a gradient is read off the tape, and the tape."""
    section = Section("The tape")
    section.text(
        "Autodiff has no formulas of this network. It runs the forward pass once and notes every operation: here the"
        f" {measured.nodes} rows of the tape behind the comparison above, printed by"
        " <code>minigrad.trace</code>. Then it reads the rows from the last to the first; each operation knows how the"
        " derivative in its result becomes that in its arguments. The column of cotangents holds these derivatives;"
        " those of the inputs are the gradient. Large arrays are shown by their range and mean."
    )
    titles, *rows = measured.rows
    section.stacked(["node", *titles[1:]], rows)
    return section
