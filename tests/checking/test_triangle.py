"""The check of a function that reads one triangle of its matrix: both forms of its gradient are right."""

from typing import Any

import numpy as np
import pytest

from minigrad import check, grad, value
from minigrad.checking.patterns import of_numbers
from minigrad.scipy import linalg
from minigrad.test_util import check_grads

rng = np.random.default_rng(2)
A = rng.normal(size=(4, 4))
A = A @ A.T + np.eye(4)
C = A + 0.1j * (rng.normal(size=(4, 4)) * np.tri(4, k=-1))
C = np.tril(C) + np.conj(np.tril(C, -1)).T


def log_det(x: Any) -> Any:
    return 2.0 * np.sum(np.log(np.diag(np.linalg.cholesky(x)))).real


def log_det_upper(x: Any) -> Any:
    return 2.0 * np.sum(np.log(np.diag(linalg.cholesky(x))))


FUNCTIONS = {
    "cholesky": (log_det, np.linalg.inv, A, "lower"),
    "scipy's cholesky": (log_det_upper, np.linalg.inv, A, "upper"),
    "eigvalsh": (lambda x: np.sum(np.linalg.eigvalsh(x) ** 2), lambda x: 2.0 * x, A, "lower"),
    "eigvalsh U": (lambda x: np.sum(np.linalg.eigvalsh(x, "U") ** 3), lambda x: 3.0 * x @ x, A, "upper"),
    "complex": (log_det, lambda x: np.conj(np.linalg.inv(x)), C, "lower"),
    "with another leaf": (
        lambda p: log_det(p["A"]) + np.sum(p["b"] ** 2),
        lambda p: {"A": np.linalg.inv(p["A"]), "b": 2.0 * p["b"]},
        {"A": A, "b": np.ones(3)},
        "lower",
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_symmetric_form_is_not_wrong(name: str) -> None:
    fun, manual, x, triangle = FUNCTIONS[name]
    report = check(fun, manual, x)
    assert report.verdict == "OK", report
    assert f"the {triangle} triangle" in str(report)
    assert "symmetric" in str(report)
    by_tape = check(fun, grad(fun), x)  # entry by entry
    assert by_tape.verdict == "OK", by_tape
    assert "triangle" not in str(by_tape)


def test_check_grads_takes_single_entries() -> None:
    for fun in (log_det, lambda x: np.linalg.eigvalsh(x), lambda x: np.linalg.pinv(x, hermitian=True)):
        check_grads(fun, order=2)(A)
        check_grads(fun, order=2)(A + 0.1 * rng.normal(size=A.shape))
    check_grads(lambda x: linalg.cho_solve(linalg.cho_factor(x), np.ones(4)), order=2)(A)


def test_other_mistakes_are_still_wrong() -> None:
    """A factor, one entry, or the symmetric form where the matrix is not symmetric."""
    spoiled = np.linalg.inv(A)
    spoiled[1, 2] += 1e-3
    skewed = A + 0.1 * np.triu(rng.normal(size=A.shape), 1)
    full = np.tril(skewed) + np.tril(skewed, -1).T
    for manual, x in (
        (2.0 * np.linalg.inv(A), A), (spoiled, A), (np.tril(np.linalg.inv(A)), A), (np.linalg.inv(full), skewed)
    ):  # fmt: skip
        assert check(log_det, manual, x).verdict == "WRONG"


def test_a_factor_of_one_is_no_mistake() -> None:
    """What agrees with the tape has no pattern, also where f itself is hidden from the derivative."""
    report = check(lambda x: np.sum(x * value(x)), lambda x: x, np.array([1.0, 2.0, -0.5]))
    assert report.verdict == "WRONG"
    assert "factor of 1" not in str(report)
    for size in (1.0, 1.0 + 1e-9, 1.0 - 1e-10):
        truth = np.array([1.0, 3.0, -2.0])
        assert of_numbers(size * truth, truth, None, [], {}, 1e-8) is None
