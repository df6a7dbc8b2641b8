"""Forward mode: tangents of arguments that move and that do not."""

import numpy as np

from minigrad import jvp

X = np.array([0.5, -1.0, 2.0])


def test_jvp_with_arguments_that_do_not_move() -> None:
    """`None` stands for an argument, or a part of a tuple, that does not move."""
    assert jvp(lambda x, y: x * y, (2.0, 3.0), (None, 1.0))[1] == 2.0
    assert jvp(lambda p, y: p[0] * p[1] * y, ((2.0, 3.0), 4.0), ((1.0, None), None))[1] == 12.0
    assert jvp(lambda x, y: x, (2.0, 3.0), (None, 1.0))[1] == 0.0
    assert jvp(lambda x: x * 0 + 1, (X,), (X,))[1].tolist() == [0.0, 0.0, 0.0]
