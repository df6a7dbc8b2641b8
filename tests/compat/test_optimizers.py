"""The optimisers of autograd's misc."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad.misc.optimizers import adam, rmsprop, sgd


def test_optimisers_call_back_with_structures() -> None:
    seen: list[Any] = []
    for optimise in (sgd, rmsprop, adam):
        optimise(lambda p, i: {"a": 2 * p["a"]}, {"a": np.ones(2)}, lambda p, i, g: seen.append((p["a"], i, g["a"])), 3)
    assert [i for _, i, _ in seen] == [0, 1, 2] * 3
    assert np.array_equal(seen[0][2], 2 * seen[0][0])


@pytest.mark.parametrize("optimise", [sgd, rmsprop, adam])
def test_a_gradient_by_hand_may_name_its_parts_in_any_order(optimise: Any) -> None:
    """The steps of the two parameters were exchanged, without a word."""
    target = {"w": 3.0, "b": -2.0}

    def gradient(p: Any, i: int) -> Any:
        return {key: 2.0 * (p[key] - target[key]) for key in ("b", "w")}

    found = optimise(gradient, {"w": 0.0, "b": 0.0}, None, 2000, 0.01)
    assert list(found) == ["w", "b"]
    assert_close(np.array([found["w"], found["b"]]), [3.0, -2.0], 0.02)


@pytest.mark.parametrize("optimise", [sgd, rmsprop, adam])
def test_a_gradient_of_another_size_is_refused(optimise: Any) -> None:
    """One number would be added to all parameters."""
    with pytest.raises(ValueError, match=f"{optimise.__name__}: the gradient has 1 entries, but there are 3"):
        optimise(lambda x, i: np.sum(x), np.ones(3), num_iters=2)


@pytest.mark.parametrize("optimise", [sgd, rmsprop, adam])
@pytest.mark.parametrize("gradient", [{"b": 1.0, "w": np.ones(2)}, {"b": np.ones(2), "v": 1.0}])
def test_a_gradient_with_other_parts_of_the_same_total_size_is_refused(optimise: Any, gradient: Any) -> None:
    """The numbers of one parameter would be added to another."""
    with pytest.raises(ValueError, match=f"{optimise.__name__}: the gradient has the parts"):
        optimise(lambda p, i: gradient, {"w": 0.0, "b": np.zeros(2)}, num_iters=2)
