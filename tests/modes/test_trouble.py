"""Infinite and missing derivatives are told, with the line that made them."""

from typing import Any

import numpy as np
import pytest

from minigrad import grad


def test_a_warning_names_the_line_that_made_the_trouble() -> None:
    """The function is traced once more to find it: lines are not recorded on the way."""

    def f(x: Any) -> Any:
        y = x * 2.0
        return np.sum(np.sqrt(y) * x)  # this line

    with pytest.warns(RuntimeWarning, match=r"this line") as seen:
        assert np.array_equal(grad(f)(np.zeros(2)), [0.0, 0.0])
    assert "sqrt (result of shape (2,))" in str(seen[0].message)
    assert seen[0].filename == __file__


@pytest.mark.parametrize("mode", ["raise", "ignore"])
def test_the_users_error_state_is_respected(mode: Any) -> None:
    """np.errstate(all="raise") raises within the sweep, "ignore" is silent."""
    with np.errstate(divide=mode, invalid=mode):
        if mode == "raise":
            with pytest.raises(FloatingPointError):
                grad(np.sqrt)(0.0)
        else:
            assert grad(np.sqrt)(0.0) == np.inf


def test_a_second_derivative_of_a_length_at_zero_is_told() -> None:
    with pytest.warns(RuntimeWarning, match="second derivative is infinite"):
        grad(lambda x: np.sum(grad(lambda x: np.hypot(x[0], x[1]))(x)))(np.zeros(2))


def test_only_what_where_hides_is_kept_from_leaking_in_silence() -> None:
    """A 0 * inf that no `where` hides is taken as 0 with a warning."""
    with pytest.warns(RuntimeWarning, match=r"sqrt .* their product is taken as 0"):
        assert grad(lambda x: 0.0 * np.sqrt(x) + np.where(True, x, 0.0))(0.0) == 1.0
    with np.errstate(all="ignore"):
        assert grad(lambda x: np.where(x > 0, np.sqrt(x), 2 * x))(0.0) == 2.0
