"""Planted mistakes and the diagnosis each of them gets; on correct code there is none."""

import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
from minigrad import check

rng = np.random.default_rng(0)
n, weight = 30, 0.1
x = rng.standard_normal((2, n))
Y = np.eye(3)[:, rng.integers(0, 3, n)]
A = [rng.standard_normal(shape) for shape in ((5, 2), (3, 5), (3, 3))]
b = [rng.standard_normal((k, 1)) for k in (5, 3, 3)]
P = (A, b)


def loss(P):
    A, b = P
    X = x
    for r in range(3):
        X = minigrad.name(np.arctan(A[r] @ X + b[r]), f"x{r + 1}")
    return mnp.sum(mnp.logsumexp(X, axis=0)) - np.sum(X * Y) + weight / 2 * sum(np.sum(a * a) for a in A)


def by_hand(P, mistake=""):
    """Backpropagation with one mistake of that name in it."""
    A, b = P
    X, U = [x], []
    for r in range(3):
        U.append(A[r] @ X[r] + b[r])
        X.append(np.arctan(U[r]))
    e = np.exp(X[3] - X[3].max(0))
    p = e / e.sum(0)
    g = {"sign of the loss": Y - p, "labels forgotten": p, "loss averaged": (p - Y) / n}.get(mistake, p - Y)
    gA, gb, deltas = [None] * 3, [None] * 3, {"x3": g}
    for r in (2, 1, 0):
        M = g / (1 + U[r] ** 2)
        if mistake == "activation" or (mistake == "one activation" and r == 1):
            M = g
        elif mistake == "activation at the output":
            M = g / (1 + X[r + 1] ** 2)
        elif mistake == "activation upside down":
            M = g * (1 + U[r] ** 2)
        elif mistake == "activation of another layer" and r == 1:
            M = g / (1 + U[2] ** 2)
        gA[r] = M @ X[r].T + weight * A[r]
        gb[r] = M.sum(axis=1, keepdims=True)
        if mistake == "no regulariser":
            gA[r] = M @ X[r].T
        elif mistake == "regulariser twice":
            gA[r] = M @ X[r].T + 2 * weight * A[r]
        elif mistake == "input of the next layer" and r == 2:
            gA[r] = M @ X[r + 1].T + weight * A[r]
        elif mistake == "bias averaged":
            gb[r] = M.mean(axis=1, keepdims=True)
        elif mistake == "bias not summed":
            gb[r] = M
        elif mistake == "bias of the last sample":
            gb[r] = M[:, -1:]
        elif mistake == "weights of the last sample" and r == 0:
            gA[r] = M[:, -1:] @ X[r][:, -1:].T + weight * A[r]
        elif mistake == "bias flat":
            gb[r] = M.sum(axis=1)
        elif (mistake == "square transposed" and r == 2) or (mistake == "transposed" and r == 0):
            gA[r] = gA[r].T
        elif mistake == "one entry" and r == 1:
            gA[r][1, 2] *= 1.5
        elif mistake == "swapped" and r == 1:
            gA[r][1, 2], gA[r][0, 0] = gA[r][0, 0], gA[r][1, 2]
        g = A[r].T @ M
        if mistake == "not transposed on the way" and r == 2:
            g = A[r] @ M
        elif mistake == "detached" and r == 1:
            g = 0 * g
        elif mistake == "counted twice" and r == 1:
            g = 2 * g
        deltas[f"x{r}"] = g
    if mistake == "layers exchanged":
        gb = [gb[0], gb[2], gb[1]]
    elif mistake == "integers":
        gb = [g.astype(int) for g in gb]
    return deltas if mistake == "deltas" else (gA, gb)


MISTAKES = {  # the leaves that are wrong, and what is said of each
    "sign of the loss": (6, "the sign is flipped"),
    "labels forgotten": (6, "a branch is detached: nothing flows back into operand 1 of multiply"),
    "loss averaged": (6, "a constant factor of 1/30"),
    "activation": (6, "the derivative of arctan is missing, at all 3 places"),
    "one activation": (4, "the derivative of arctan is missing, at test_diagnosis.py"),
    "activation at the output": (6, "the derivative of arctan is taken at its output instead of its input"),
    "activation upside down": (6, "the derivative of arctan is divided by instead of multiplied with"),
    "activation of another layer": (4, "the derivative of arctan is taken at the wrong value"),
    "no regulariser": (3, "a term of 0.1 times the parameter is missing: the regulariser"),
    "regulariser twice": (3, "a term of 0.1 times the parameter is there once too often: the regulariser"),
    "input of the next layer": (1, "it is made with the wrong layer: with x3"),
    "bias averaged": (3, "a constant factor of 1/30, 30 being"),
    "bias not summed": (3, "a sum over axis 1 (of 30 samples) is missing: .sum(axis=1, keepdims=True)"),
    "bias of the last sample": (3, "the sum over samples is missing: only number 29 of 30 is there"),
    "weights of the last sample": (1, "the sum over samples is missing: only number 29 of 30 is there"),
    "bias flat": (3, "the numbers are right, in another shape: .reshape("),
    "square transposed": (1, "it is transposed: take .T"),
    "transposed": (1, "it is transposed: take .T"),
    "one entry": (1, "only entry [1, 2] is wrong"),
    "swapped": (1, "the entries [0, 0] and [1, 2] are swapped"),
    "not transposed on the way": (4, "the other factor is not transposed"),
    "detached": (2, "a branch is detached: nothing flows back"),
    "counted twice": (2, "a branch is counted twice"),
    "layers exchanged": (2, "it is the gradient of P[1]["),
    "integers": (3, "it was cut to integers (dtype int64): make the array float"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_backpropagation(mistake):
    count, said = MISTAKES[mistake]
    report = check(loss, lambda P: by_hand(P, mistake), P)
    wrong = [leaf for leaf in report.leaves if leaf.verdict == "WRONG"]
    assert len(wrong) == count
    for leaf in wrong:
        assert said in (leaf.diagnosis or ""), (leaf.path, leaf.diagnosis)
    assert report.evaluations <= 40
    assert report.diagnosis_evaluations <= 400
    assert said in str(report)


def test_correct_backpropagation_gets_no_diagnosis():
    for seed in range(5):
        report = check(loss, by_hand, P, seed=seed)
        assert report.verdict == "OK"
        assert [leaf.diagnosis for leaf in report.leaves] == [None] * 6
        assert report.diagnosis_evaluations == 0


def test_the_first_diverging_layer_is_named():
    right = check(loss, by_hand, P, deltas=lambda P: {k: by_hand(P, "deltas")[k] for k in ("x1", "x2", "x3")})
    assert right.first_diverging is None
    assert [(layer.name, layer.verdict) for layer in right.layers] == [("x3", "OK"), ("x2", "OK"), ("x1", "OK")]

    def wrong(P):
        deltas = by_hand(P, "deltas")
        return {"x1": 1.1 * deltas["x1"], "x2": 0.9 * deltas["x2"], "x3": deltas["x3"]}

    report = check(loss, by_hand, P, deltas=wrong)
    assert (report.verdict, report.first_diverging) == ("WRONG", "x2")
    assert [leaf.verdict for leaf in report.leaves] == ["OK"] * 6
    assert "first diverging layer, going backward: x2" in str(report)
    assert report.layers[1].max_rel == pytest.approx(0.1)


def test_deltas_may_be_arrays_or_functions_and_their_shapes_are_compared():
    deltas = by_hand(P, "deltas")
    assert check(loss, by_hand, P, deltas={"x2": deltas["x2"]}).verdict == "OK"
    assert check(loss, by_hand, P, deltas={"x2": lambda P: by_hand(P, "deltas")["x2"]}).verdict == "OK"
    report = check(loss, by_hand, P, deltas={"x2": deltas["x2"].T})
    assert report.first_diverging == "x2"
    assert "your delta has shape (30, 3), the value (3, 30)" in str(report)
    with pytest.raises(ValueError, match=r"f labels nothing 'x7'.*'x1', 'x2', 'x3'"):
        check(loss, by_hand, P, deltas={"x7": deltas["x2"]})
    with pytest.raises(ValueError, match="cannot be traced"):
        check(lambda x: float(x) ** 2, lambda x: 2 * x, 1.0, deltas={"y": 1.0})


x5 = np.array([0.3, -1.2, 0.8, 2.1, -0.5])
S = rng.standard_normal((4, 4))


def test_factors():
    def said(factor):
        return check(lambda x: np.sum(np.sin(x)), lambda x: factor * np.cos(x), x5).leaves[0].diagnosis

    assert said(2.0) == "a constant factor of 2"
    assert said(0.5) == "a constant factor of 1/2"
    assert said(-1.0) == "the sign is flipped"
    assert said(2.71) == "a constant factor of 2.71"
    assert said(5.0).startswith("a constant factor of 5, the length of axis 0 of x: a sum in place of a mean")
    assert said(-0.2).startswith("a constant factor of -1/5, 5 being the length of axis 0 of x: a mean in")
    assert said(0.0).startswith("a branch is detached: nothing flows back through sin")


@pytest.mark.parametrize(
    ("manual", "said"),
    [
        (lambda x: np.cos(x)[::-1], "it is reversed along axis 0"),
        (lambda x: np.roll(np.cos(x), 1), "it is shifted by one along axis 0"),
        (lambda x: np.cos(x)[[2, 0, 3, 1, 4]], "the numbers are right but 4 of them are in other places"),
        (lambda x: np.cos(x) + np.array([0.1, 0, 0, 0, 0]), "only entry [0] is wrong"),
        (lambda x: np.cos(x) + 3.0, "a term of 3 times ones was subtracted or added: a constant shift"),
        (lambda x: np.cos(x) + 0.3 * np.sign(x), "a term of 0.3 times its sign is there once too often"),
        (lambda x: np.where(np.arange(5) == 3, np.nan, np.cos(x)), "1 of its 5 entries are not finite"),
        (lambda x: np.ones(5), "the derivative of sin is missing"),
        (lambda x: np.cos(np.sin(x)), "the derivative of sin is taken at its output instead of its input"),
        (lambda x: np.cos(x) ** 2, "the derivative of sin is applied twice"),
    ],
)  # fmt: skip
def test_vectors(manual, said):
    assert said in check(lambda x: np.sum(np.sin(x)), manual, x5).leaves[0].diagnosis


@pytest.mark.parametrize(("factor", "said"), [(0.0, "is zero"), (1.3, "is wrong")])
def test_one_row(factor, said):
    leaf = check(lambda x: np.sum(np.sin(x)), lambda x: np.cos(x) * np.array([[1], [1], [factor], [1]]), S).leaves[0]
    assert leaf.diagnosis == f"along axis 0 only 2 {said}, the others are right"


@pytest.mark.parametrize(
    ("activation", "derivative", "manual", "said"),
    [
        (np.tanh, "tanh", lambda u: 1 - u**2, "taken at its input instead of its output"),
        (np.exp, "exp", lambda u: np.ones_like(u), "missing"),
        (lambda u: np.maximum(u, 0.0), "maximum", lambda u: np.ones_like(u), "missing"),
        (lambda u: 1 / (1 + np.exp(-u)), "exp", lambda u: 1 / (1 + np.exp(-u)) ** 2, "missing"),
    ],
)
def test_activations(activation, derivative, manual, said):
    w = np.array([1.0, -2.0, 3.0, 4.0])
    leaf = check(lambda x: w @ activation(S @ x), lambda x: S.T @ (w * manual(S @ x)), np.arange(1.0, 5.0)).leaves[0]
    assert f"the derivative of {derivative} is {said}" in leaf.diagnosis


def test_random_numbers_get_no_diagnosis():
    for seed in range(20):
        draw = np.random.default_rng(seed)
        gA, gb = [draw.standard_normal(a.shape) for a in A], [draw.standard_normal(c.shape) for c in b]
        report = check(loss, (gA, gb), P, seed=seed)
        assert [(leaf.verdict, leaf.diagnosis) for leaf in report.leaves] == [("WRONG", None)] * 6
    assert check(np.sin, 0.7234, 1.0).leaves[0].diagnosis is None  # of one number every other one is a multiple
    assert check(np.sin, 2 * np.cos(1.0), 1.0).leaves[0].diagnosis == "a constant factor of 2"


def test_conjugates():
    z = rng.standard_normal(4) + 1j * rng.standard_normal(4)
    leaf = check(lambda z: np.real(np.sum(np.sin(z))), lambda z: np.conj(np.cos(z)), z).leaves[0]
    assert leaf.diagnosis.startswith("it is conjugated: the convention is du/dx - i du/dy")
    leaf = check(lambda z: np.sum(np.abs(z) ** 2), lambda z: z, z).leaves[0]
    assert leaf.diagnosis == "it is conjugated, and a constant factor of 1/2"


def test_a_leaf_on_which_nothing_depends():
    leaf = check(lambda p: np.sum(p[0] ** 2), lambda p: (2 * p[0], p[1]), (x5, x5)).leaves[1]
    assert leaf.diagnosis == "f does not depend on this leaf: its gradient is zero"


def test_without_a_tape_small_leaves_are_differenced_entry_by_entry():
    def f(p):
        return float(np.sum(np.sin(p["a"])) * np.sum(p["b"] ** 3))

    def manual(p):
        return {"a": np.cos(p["a"]) * np.sum(p["b"] ** 3), "b": -np.sum(np.sin(p["a"])) * 3 * p["b"] ** 2}

    report = check(f, manual, {"a": x5, "b": S})
    assert [leaf.verdict for leaf in report.leaves] == ["OK", "WRONG"]
    assert report.leaves[1].diagnosis == "the sign is flipped"
    assert report.leaves[1].norm_numerical == pytest.approx(report.leaves[1].norm_manual, rel=1e-4)


def test_a_network_as_people_write_it_down_has_a_missing_sum_and_a_flat_bias():
    def f(p):
        return np.mean((p["W"] @ x + p["b"][:, None]) ** 2)

    def manual(p):
        r = p["W"] @ x + p["b"][:, None]
        return {"W": 2 * r @ x.T, "b": 2 * r / r.size}

    report = check(f, manual, {"W": S[:3, :2], "b": S[0, :3]})
    assert report.leaves[0].diagnosis.startswith("a constant factor of 90, the size of")
    assert report.leaves[1].diagnosis == "a sum over axis 1 (of 30 samples) is missing: .sum(axis=1)"
