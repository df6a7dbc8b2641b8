"""Corner cases that once went wrong, each by what a user would see."""

import collections
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad import deriv, elementwise_grad, grad, jacobian, jvp, trace, value, vjp
from minigrad.core.fingerprint import fingerprint

X = np.array([0.5, -1.0, 2.0])


# ----- methods take NumPy's positional arguments ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("sum", (0, None, None, False, 5.0)),
        ("sum", (0, None, None, True, 5.0, np.array([True, False, True]))),
        ("prod", (0, None, None, False, 5.0)),
        ("max", (0, None, False, 1.0)),
        ("min", (0, None, False, 1.0)),
        ("mean", (0, None, None, True)),
        ("var", (0, None, None, 1)),
        ("std", (0, None, None, 1, True)),
    ],
)
def test_positional_arguments_of_methods(name: str, args: tuple[Any, ...]) -> None:
    """The value is NumPy's, also with `initial` and `where` by position."""
    assert_close(vjp(lambda x: getattr(x, name)(*args), X)[0], getattr(X, name)(*args), 1e-15)


def test_too_many_arguments_of_a_method() -> None:
    """More than NumPy's method takes."""
    with pytest.raises(TypeError, match="mean"):
        grad(lambda x: x.mean(0, None, None, False, True, 9))(X)


def test_maximum_with_an_initial_value() -> None:
    """Where the initial value wins, nothing depends on the array; an empty array has it as its maximum."""
    assert np.array_equal(grad(lambda x: x.max(0, None, False, 5.0))(X), np.zeros(3))
    assert grad(lambda x: np.max(x[:0], initial=0.0) + np.sum(x))(X).tolist() == [1.0, 1.0, 1.0]


# ----- plain values and boxes whose transformation is over ------------------------------------------------------------


def test_value_of_a_container() -> None:
    """No derivative flows through any of its leaves."""
    assert grad(lambda x: x * sum(value([x, x])))(2.0) == 4.0
    assert grad(lambda x: x * value({"a": (x, "text")})["a"][0])(3.0) == 3.0


def test_pickling_an_open_box_is_refused_and_a_closed_one_is_its_value() -> None:
    """A copy sent to another process would lose its derivative."""
    kept: list[Any] = []
    with pytest.raises(TypeError, match="derivative"):
        grad(lambda x: pickle.loads(pickle.dumps(x)))(1.5)
    grad(lambda x: np.sum(kept.append(x * 2.0) or x))(X)
    assert np.array_equal(pickle.loads(pickle.dumps(kept[0])), 2 * X)


def test_a_box_whose_transformation_is_over_is_its_value() -> None:
    """Functions without a rule, in-place operators and methods work on it as on the array."""
    kept: list[Any] = []
    grad(lambda x: np.sum(kept.append(x * 1.0) or x))(X)
    box = kept[0]
    assert np.median(box) == 0.5
    assert np.linalg.norm(box) == np.linalg.norm(X)
    assert np.array_equal(np.heaviside(box, 0.5), np.heaviside(X, 0.5))
    total = np.ones(3)
    total += box
    assert np.array_equal(total, X + 1.0)
    assert np.array_equal(np.histogram(box)[0], np.histogram(X)[0])
    assert box.tobytes() == X.tobytes()
    assert int(box[2]) == 2


def test_numbers_made_of_an_open_box_are_refused() -> None:
    """Also by an assignment into an array of integers, which asks for an int."""
    with pytest.raises(TypeError, match=r"minigrad\.value"):
        grad(lambda x: x * int(x))(1.5)

    def assign(x: Any) -> Any:
        a = np.zeros(3, int)
        a[0] = x[0] * 10
        return np.sum(a * 1.0)

    with pytest.raises(TypeError, match="derivative"):
        grad(assign)(X)


def test_accumulate_with_an_output_is_refused() -> None:
    """It used to leave the output unwritten."""
    with pytest.raises(TypeError, match="out="):
        grad(lambda x: np.sum(np.add.accumulate(x, out=np.zeros(3))))(X)


# ----- large and small magnitudes -------------------------------------------------------------------------------------


def test_the_derivative_of_logsumexp_sums_to_one_at_any_magnitude() -> None:
    """exp(x - logsumexp(x)) would not: the rounding of the logarithm is absolute."""
    for scale in (1.0, 1e4, 1e10, 1e16, -1e16):
        assert_close(grad(mnp.logsumexp)(np.array([scale, scale])), np.array([0.5, 0.5]), 1e-15)
        assert_close(np.array(grad(np.logaddexp, (0, 1))(scale, scale)), np.array([0.5, 0.5]), 1e-15)
    assert_close(grad(mnp.logsumexp)(np.array([1e4, 1e4], np.float32)), np.array([0.5, 0.5], np.float32), 1e-6)
    assert np.array_equal(grad(mnp.logsumexp)(np.array([-np.inf, 0.0])), [0.0, 1.0])
    assert np.array_equal(grad(mnp.logsumexp)(np.array([-np.inf, -np.inf])), [0.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(np.logaddexp)(0.0, 1000.0) == 0.0


def test_arctan2_and_arcsinh_do_not_overflow() -> None:
    """Squares of 1e200 would."""
    for scale in (1e-200, 1.0, 1e200):
        assert_close(
            np.array(grad(np.arctan2, (0, 1))(scale, scale)), np.array([0.5, -0.5]) / scale, 1e-14, floor=1e-300
        )
    assert_close(grad(np.arcsinh)(1e200), 1e-200, 1e-14, floor=1e-300)


def test_expm1_keeps_its_tail() -> None:
    """The derivative is exp(x), which ans + 1 cannot tell from 0 far to the left."""
    assert_close(grad(np.expm1)(-30.0), np.exp(-30.0), 1e-15, floor=1e-300)


def test_nan_takes_the_derivative_of_a_maximum() -> None:
    """The value is that NaN, so the derivative is not 0."""
    assert grad(np.maximum, (0, 1))(np.nan, 1.0) == (1.0, 0.0)


def test_only_what_where_hides_is_kept_from_leaking_in_silence() -> None:
    """A 0 * inf that no `where` hides is taken as 0 with a warning."""
    with pytest.warns(RuntimeWarning, match=r"sqrt .* their product is taken as 0"):
        assert grad(lambda x: 0.0 * np.sqrt(x) + np.where(True, x, 0.0))(0.0) == 1.0
    with np.errstate(all="ignore"):
        assert grad(lambda x: np.where(x > 0, np.sqrt(x), 2 * x))(0.0) == 2.0


def test_variance_of_too_few_entries() -> None:
    """As NumPy: NaN, and no ZeroDivisionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(grad(lambda x: np.var(x, ddof=1))(np.ones(1))).all()
        assert grad(lambda x: np.mean(x))(np.ones(0)).shape == (0,)


# ----- what goes in and out -------------------------------------------------------------------------------------------


def test_a_complex_direction_of_a_real_argument_is_refused() -> None:
    """Its imaginary part would vanish."""
    with pytest.raises(TypeError, match="complex"):
        jvp(lambda x: x**2, (2.0,), (1j,))


def test_outputs_without_a_derivative_are_refused() -> None:
    """A function that returns a function, or a text, has no derivative."""
    with pytest.raises(TypeError, match="function"):
        deriv(lambda u: lambda y: u * y)(2.0)
    with pytest.raises(TypeError, match="str"):
        jacobian(lambda u: "a")(2.0)
    assert jvp(lambda u: {"value": u, "text": "a"}, (2.0,), (1.0,))[1] == {"value": 1.0, "text": "a"}


def test_tangents_and_cotangents_of_the_wrong_kind() -> None:
    """None stands for a part that does not move, at any depth; a text is refused."""
    point = {"a": 2.0, "b": [3.0]}
    assert jvp(lambda p: p["a"] * p["b"][0], (point,), ({"a": None, "b": [1.0]},))[1] == 2.0
    assert jvp(lambda p: p["a"] * p["b"][0], (point,), ({"a": 1.0, "b": None},))[1] == 3.0
    with pytest.raises(TypeError, match="str"):
        jvp(np.sin, (1.0,), ("up",))
    with pytest.raises(TypeError, match="cotangent"):
        vjp(np.sin, 1.0)[1](None)


def test_the_argument_at_fault_is_named() -> None:
    """Not the tuple of all positions."""
    with pytest.raises(TypeError, match="argument 1 is 3"):
        trace(lambda x, n: x * n, 2.0, 3)


def test_counters_are_dicts() -> None:
    """Their `update` would count."""
    gradient = grad(lambda p: p["a"] ** 2)(collections.Counter(a=3.0))
    assert gradient == collections.Counter(a=6.0)


def test_both_forms_of_bounds_at_once() -> None:
    """As NumPy."""
    with pytest.raises(ValueError, match="clip"):
        grad(lambda x: np.sum(np.clip(x, 0.4, 0.5, min=0.1)))(X)


def test_a_plain_array_whose_method_is_given_a_box() -> None:
    """The advice is the operator or the function."""
    with pytest.raises(TypeError, match=r"np\.dot"):
        grad(lambda x: np.sum(np.eye(3).dot(x)))(X)


def test_fingerprints_of_permuted_rows_differ() -> None:
    """Whatever the number of columns."""
    rng = np.random.default_rng(0)
    for columns in (3, 11, 341, 1021, 1022, 1023, 1024):
        labels = np.eye(columns)[rng.integers(0, columns, 3000)]
        for shift in (1, 341, 1021, 1023):
            assert fingerprint(labels) != fingerprint(np.roll(labels, shift, axis=0))


# ----- complex numbers ------------------------------------------------------------------------------------------------


def test_a_complex_number_on_the_left_of_a_traced_one() -> None:
    """Python's own product with a NumPy number has no dtype."""
    x = 0.7
    expected = -2.0 * np.sin(x)  # of |exp(ix) + 1|^2 = 2 + 2 cos x
    assert_close(grad(lambda x: np.abs(np.exp(1j * x) + 1.0) ** 2)(x), expected, 1e-14)
    assert_close(grad(lambda x: ((1.0 + 2j) * x).imag + np.real(1j - x))(x), 1.0, 1e-15)
    assert_close(grad(grad(lambda x: np.abs(np.exp(1j * x) + 1.0) ** 2))(x), -2.0 * np.cos(x), 1e-14)


def test_the_derivative_of_a_complex_function_of_a_real_variable_is_complex() -> None:
    """Real and imaginary part, as forward mode has them."""
    assert_close(jacobian(lambda x: x * (1 + 2j))(X), (1 + 2j) * np.eye(3), 1e-15)
    assert_close(elementwise_grad(lambda x: np.exp(1j * x))(X), 1j * np.exp(1j * X), 1e-15)
    assert_close(deriv(lambda x: np.exp(1j * x))(0.3), 1j * np.exp(0.3j), 1e-15)
    assert_close(jacobian(lambda z: z**2)(X + 1j), np.diag(2 * (X + 1j)), 1e-15)


def test_products_that_have_lost_digits():
    """The product 1.5 * 5e-324 has one bit; that of the others is not to be had from it by division."""
    np.testing.assert_array_equal(grad(np.prod)(np.array([1.5, 5e-324, 2.0])), [1e-323, 3.0, 1e-323])
    np.testing.assert_allclose(grad(np.prod)(np.array([1e-200, 1e-120, 3.0])), [3e-120, 3e-200, 1e-320], rtol=1e-3)
