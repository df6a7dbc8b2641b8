"""Infinite and missing derivatives are told, with the line that made them."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import derivatives, grad, jet, jvp


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


def test_a_branch_not_taken_hides_nothing_of_a_whole_matrix() -> None:
    """An entry of the cotangent of an inverse belongs to all entries of the matrix."""
    a = np.full((3, 2, 2, 2), 1e-200) * np.array([[2.0, 1.0], [1.0, 1.0]])
    shown = np.zeros(a.shape, bool)
    shown[..., 1, 1] = True
    with np.errstate(all="ignore"):
        found = grad(lambda a: np.sum(np.where(shown, np.linalg.inv(a), 0.0)))(a)
    assert np.all(np.isinf(found))


def test_a_division_by_a_number_that_is_zero_is_infinite_in_every_mode() -> None:
    """Python's own numbers raise a ZeroDivisionError, NumPy's do not."""
    with np.errstate(all="ignore"):
        for f in (lambda x: x / 0, lambda x: x / 0.0, lambda x: np.sin(x) / 0 * 2.0):
            assert grad(f)(1.0) == jvp(f, (1.0,), (1.0,))[1] == derivatives(f, 1.0, 1)[1] == np.inf
            assert minigrad.compile(grad(f))(1.0) == np.inf


def test_a_truth_value_may_divide() -> None:
    for derivative in (grad, lambda f: lambda x: jvp(f, (x,), (1.0,))[1], lambda f: lambda x: derivatives(f, x, 1)[1]):
        assert derivative(lambda x: x / True)(1.5) == 1.0


def test_two_nan_share_the_derivative_of_their_maximum() -> None:
    x = np.array([np.nan, 1.0])
    for f in (np.maximum, np.minimum, np.fmax, np.fmin):
        assert grad(lambda x, f=f: np.sum(f(x, x)))(x).tolist() == [1.0, 1.0]  # type: ignore[misc]
        assert jet(lambda x, f=f: f(x, x), [x], [[np.ones(2)]])[1][0].tolist() == [1.0, 1.0]  # type: ignore[misc]
