"""The derivation is the mathematics that a person writes: values, adjoint equations, recursions, sums."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import derivation, grad, value_and_grad
from minigrad.show.mathematics import Formula, latex, mathml, number, split_name, symbol, with_indices

rng = np.random.default_rng(2)


def equations(found):
    return [
        f"{latex(each.left)} = {latex(each.right)}" + (f" ({each.over})" if each.over else "")
        for each in found.equations
    ]


def least_squares(w, x, y):
    u = x @ w
    return np.sum((u - y) ** 2)


def network(A, b, x):
    X = [x]
    for r in range(len(A)):
        X.append(np.arctan(A[r] @ X[r] + b[r]))
    return np.sum(X[-1] * X[-1])


def rnn(W, U, xs):
    h = np.zeros(4)
    for t in range(len(xs)):
        h = np.tanh(W @ h + U @ xs[t])
    return np.sum(h * h)


A = [rng.normal(size=(q, p)) for p, q in zip((2, 4, 5, 8), (4, 5, 8, 3))]
B = [rng.normal(size=(q, 1)) for q in (4, 5, 8, 3)]
X = rng.normal(size=(2, 7))


def test_a_quadratic():
    def quadratic(x):
        u = M @ x
        return np.sum(u * u)

    M = rng.normal(size=(5, 2))
    assert equations(derivation(quadratic, np.array([1.0, 2.0]))) == [
        r"u = M\,x",
        r"\mathrm{quadratic} = \lVert u \rVert^{2}",
        r"\bar{u} = 2\,u",
        r"\bar{x} = M^{\top}\,\bar{u}",
    ]


def test_the_recursion_of_a_network():
    assert equations(derivation(network, A, B, X)) == [
        r"X_{0} = x",
        r"u_{r} = A_{r}\,X_{r} + b_{r} (r = 0, …, R-1)",
        r"X_{r+1} = \arctan\left(u_{r}\right) (r = 0, …, R-1)",
        r"\mathrm{network} = \lVert X_{R} \rVert^{2}",
        r"\bar{X}_{R} = 2\,X_{R}",
        r"\bar{u}_{r} = \frac{\bar{X}_{r+1}}{1 + u_{r}^{2}} (r = R-1, …, 0)",
        r"\bar{b}_{r} = \bar{u}_{r}\,\mathbf{1} (r = R-1, …, 0)",
        r"\bar{A}_{r} = \bar{u}_{r}\,X_{r}^{\top} (r = R-1, …, 0)",
        r"\bar{X}_{r} = A_{r}^{\top}\,\bar{u}_{r} (r = R-1, …, 0)",
    ]


def test_nabla():
    found = equations(derivation(network, A, B, X, notation="nabla"))
    assert r"\nabla_{X_{r}}\,ℓ = A_{r}^{\top}\,\nabla_{u_{r}}\,ℓ (r = R-1, …, 0)" in found
    with pytest.raises(ValueError, match="'bar' or 'nabla'"):
        derivation(network, A, B, X, notation="hat")


def test_sums_over_the_passes():
    found = equations(derivation(rnn, rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), rng.normal(size=(9, 3))))
    assert r"h_{t+1} = \tanh\left(W\,h_{t} + U\,\mathrm{xs}_{t}\right) (t = 0, …, 8)" in found
    assert any(each.startswith(r"\bar{U} = \sum_{") for each in found)
    assert any(each.startswith(r"\bar{W} = \sum_{") for each in found)


def test_every_phase_and_shape_is_told():
    found = derivation(least_squares, np.ones(2), rng.normal(size=(6, 2)), np.ones(6))
    assert found.equations[0].phase == "primal"
    assert found.equations[-1].phase == "pullback"
    assert ((6,),) in [each.shapes for each in found.equations]
    assert r"\in \mathbb{R}^{6 \times 2}" in found.latex


def test_a_gradient_is_written_as_it_is():
    only = derivation(grad(least_squares), np.ones(2), rng.normal(size=(6, 2)), np.ones(6))
    assert not any(r"\bar{x}" in each for each in equations(only))
    both = derivation(value_and_grad(least_squares, (0, 1)), np.ones(2), rng.normal(size=(6, 2)), np.ones(6))
    assert any(r"\bar{x}" in each for each in equations(both))


def test_exact_derivations_keep_what_would_cancel():
    def stable(z):
        m = np.max(z)
        return np.log(np.sum(np.exp(z - m))) + m

    z = rng.normal(size=4)
    assert len(derivation(stable, z, exact=True).equations) > len(derivation(stable, z).equations)


PROGRAMS = [
    (network, (A, B, X)),
    (rnn, (rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), rng.normal(size=(9, 3)))),
    (lambda x: np.sum(np.where(x > 0, np.exp(x), x**3)), (rng.normal(size=4),)),
    (lambda x: np.sum(np.stack([x[0] * x[1], np.abs(x[1])]) / np.sqrt(x[0] ** 2 + 1e-6)), (rng.normal(size=2),)),
    (lambda x: np.sum(np.tile(x, (1, 3)) * np.maximum(x, 0.5)), (rng.normal(size=(4, 1)),)),
    (lambda M: np.sum(np.linalg.inv(M)), (np.eye(3) + 0.1,)),
    (lambda x: np.prod(x) + np.max(x) + np.mean(x), (rng.normal(size=3),)),
    (lambda x: np.sum(np.linalg.svd(x, compute_uv=False)), (rng.normal(size=(3, 2)),)),
]


@pytest.mark.parametrize(("fun", "args"), PROGRAMS)
@pytest.mark.parametrize("notation", ["bar", "nabla"])
def test_every_way_of_writing_is_well_formed(fun, args, notation):
    found = derivation(fun, *args, notation=notation)
    assert found.latex.count("{") == found.latex.count("}")
    assert found.latex.count(r"\left") == found.latex.count(r"\right")
    assert "_{}" not in found.latex
    page = found.html
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    for each in found.equations:
        for formula in (each.left, each.right):
            ElementTree.fromstring(mathml(formula))
    assert found.markdown.count("$$") == 2 * len(found.equations)
    assert found._repr_html_().count("<math") == 2 * len(found.equations)


@given(st.text(max_size=12))
def test_names_cannot_inject_markup(name):
    formula = symbol(f"<script>{name}", 1, "bar")
    assert "<script>" not in mathml(formula)
    ElementTree.fromstring("".join(c for c in mathml(formula) if c.isprintable()))


def test_names():
    assert split_name("alpha2_bar") == ("alpha", "2", "bar")
    assert latex(symbol("alpha2_bar")) == r"\bar{\alpha}_{2}"
    assert latex(symbol("total_loss")) == r"\mathrm{total\_loss}"
    assert latex(symbol("x", 3, "dot")) == r"\dot{x}_{3}"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (Formula("negative", (Formula("plus", (symbol("a"), symbol("b"))),)), r"-\left(a + b\right)"),
        (Formula("minus", (symbol("a"), Formula("minus", (symbol("b"), symbol("c"))))), r"a - \left(b - c\right)"),
        (Formula("power", (Formula("negative", (symbol("a"),)), number("2"))), r"\left(-a\right)^{2}"),
        (Formula("transposed", (Formula("matrix", (symbol("A"), symbol("B"))),)), r"\left(A\,B\right)^{\top}"),
        (Formula("times", (number("2"), Formula("plus", (symbol("a"), symbol("b"))))), r"2\,\left(a + b\right)"),
        (number("1e-05"), r"1\cdot 10^{-05}"),
    ],
)
def test_parentheses_stand_where_they_are_needed(formula, text):
    assert latex(formula) == text


def test_indices_are_found_over_the_passes():
    formulas = [Formula("plus", (symbol("x", k + 1), symbol("y", 8 - 2 * k))) for k in range(4)]
    found = with_indices(formulas, "t", range(4), (4, "T"))
    assert latex(found) == "x_{t+1} + y_{-2t+8}"
    with pytest.raises(ValueError, match="differ"):
        with_indices([symbol("x", 1), symbol("y", 2)], "t", range(2), (2, "2"))


def test_a_state_that_begins_at_zero_is_no_pass_of_its_own() -> None:
    """What cancels in the first pass alone is left, so that one equation holds for all passes."""
    xs, W = np.linspace(-1.0, 1.0, 18).reshape(6, 3), np.eye(3) / 2

    def gated(W, U):
        h = np.zeros(3)
        c = np.zeros(3)
        for t in range(6):
            f = np.tanh(W @ h + U @ xs[t])
            c = f * c + np.sin(U @ xs[t])
            h = f * np.tanh(c)
        return np.sum(h)

    found = derivation(gated, W, W)
    assert sum("t = 0" in each.over for each in found.equations if each.phase == "primal") >= 4
    assert not any("t = 1" in each.over for each in found.equations)


COEFFICIENTS = np.array([0.3, -1.2, 0.7, 2.0, -0.4])


def test_passes_whose_formulas_differ_are_written_one_by_one() -> None:
    """A polynomial whose coefficients are captured: no index stands for the numbers."""

    def horner(x):
        y = 0.0 * x
        for c in COEFFICIENTS:
            y = y * x + c
        return y

    assert derivation(horner, 0.3).equations
    assert derivation(horner, 0.3, exact=True).equations
