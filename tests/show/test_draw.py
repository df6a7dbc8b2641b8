"""Pictures of curves: layouts, scales, labels."""

import numpy as np
import pytest

from minigrad.show.curves import curves
from minigrad.show.draw import draw, label
from minigrad.show.expression import Expression

pytest.importorskip("matplotlib")


@pytest.mark.parametrize(
    ("text", "order", "layout", "panels"),
    [
        ("tanh(x)", 6, "auto", 1),
        ("tanh(x)", 12, "auto", 13),
        ("tanh(x)", 3, "stacked", 4),
        ("tanh(x)", 3, "overlay", 1),
        ("1/x", 2, "auto", 3),
        ("1/x", 0, "auto", 1),
        ("x", 3, "normalised", 1),
    ],
)
def test_layouts(text: str, order: int, layout: str, panels: int) -> None:
    figure = draw(curves(Expression(text), -2.0, 2.0, order, 101), layout)
    assert len(figure.axes) == panels


def test_curves_are_divided_by_their_largest_values() -> None:
    found = curves(np.tanh, -7.0, 7.0, 6, 501)
    lines = [line for line in draw(found, "normalised").axes[0].lines if len(line.get_xdata()) == 501]
    assert len(lines) == 7
    for line in lines:
        assert np.max(np.abs(line.get_ydata())) == 1.0
    assert len({line.get_color() for line in lines}) == 7


def test_labels() -> None:
    assert [label(k) for k in range(6)] == ["$f$", "$f'$", "$f''$", "$f'''$", "$f^{(4)}$", "$f^{(5)}$"]


def test_the_axis_shows_what_is_away_from_the_pole() -> None:
    low, high = draw(curves(Expression("1/x"), -2.0, 2.0, 1, 1001)).axes[0].get_ylim()
    assert -20 < low < -2
    assert 2 < high < 20
