"""What the views of the stations share: files of figures, and numbers in words."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nn import report
from nn.data import Dataset
from nn.report import Image
from nn.stations.problem import Problem
from nn.train import Gradient


def picture(problem: Problem, fig: Figure, file: str, alt: str, caption: str = "") -> Image:
    """Write a figure into the folder of the run, and return what stands for it in a section.

    Raises:
        OSError: if the file cannot be written.
    """
    return report.picture(fig, file, alt, caption, folder=problem.settings.out)


def percent(share: float, digits: int = 1, space: str = " ") -> str:
    """A share of one, in percent.

    >>> percent(0.25), percent(0.25, digits=0, space="&nbsp;")
    ('25.0 %', '25&nbsp;%')
    """
    return f"{share:.{digits}%}".replace("%", f"{space}%")


def title(data: Dataset) -> str:
    """The name of the data as the title of a figure, where a bare dollar sign would start a formula."""
    return data.name.replace("$", r"\$")


def short(widths: Sequence[int]) -> str:
    """The widths of a network whose hidden layers are equally wide, in few characters.

    >>> short([64, 15, 10]), short([64, 14, 14, 14, 10])
    ('64, 15, 10', '64, 3x14, 10')
    """
    first, *hidden, last = widths
    middle = str(hidden[0]) if len(hidden) == 1 else f"{len(hidden)}x{hidden[0]}"
    return f"{first}, {middle}, {last}"


def method(gradient: Gradient, *, autodiff: str = "automatic differentiation", by_hand: str) -> str:
    """What to call a way to compute gradients; compiled and eager are both automatic differentiation."""
    return by_hand if gradient == "backprop" else autodiff
