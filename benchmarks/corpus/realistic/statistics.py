"""Likelihoods, regressions and regularisers."""

import numpy as np
from scipy import special

from benchmarks.corpus.realistic.case import Field, normal, sigmoid, softmax

case = Field("statistics")
X1, Y1 = np.sort(normal(9)), normal(9, seed=1)


def gaussian_process(mistake):
    """The negative log-likelihood of a Gaussian process in the logarithms of variance, length and noise."""
    D = (X1[:, None] - X1[None, :]) ** 2

    def f(theta):
        variance, length, noise = np.exp(theta[0]), np.exp(theta[1]), np.exp(theta[2])
        K = variance * np.exp(-0.5 * D / length**2) + noise * np.eye(9)
        return 0.5 * Y1 @ np.linalg.solve(K, Y1) + 0.5 * np.linalg.slogdet(K)[1]

    def manual(theta):
        variance, length, noise = np.exp(theta)
        E = np.exp(-0.5 * D / length**2)
        K = variance * E + noise * np.eye(9)
        a, inverse = np.linalg.solve(K, Y1), np.linalg.inv(K)
        parts = [E, variance * E * D / length**3, np.eye(9)]
        if mistake != "exp":
            parts = [part * factor for part, factor in zip(parts, (variance, length, noise))]
        if mistake == "trace":
            return np.array([-0.5 * a @ part @ a for part in parts])
        half = 1.0 if mistake == "half" else 0.5
        return np.array([half * np.sum(inverse * part) - half * a @ part @ a for part in parts])

    return f, manual, (np.array([0.2, -0.3, -1.0]),)


@case("derivative of exp is missing")
def gaussian_process_with_exp_forgotten(wrong):
    """The parameters are logarithms, the gradient is that of their exponentials."""
    return gaussian_process("exp" if wrong else "")


@case("nothing flows.*(slogdet|logdet)|slogdet")
def gaussian_process_without_the_trace(wrong):
    """The gradient of the log-determinant is missing."""
    return gaussian_process("trace" if wrong else "")


@case("factor of 2")
def gaussian_process_without_the_half(wrong):
    """The one half of the likelihood is missing."""
    return gaussian_process("half" if wrong else "")


@case("nothing flows|detached")
def deviation_without_its_logarithm(wrong):
    """The gradient of n log(sigma) is forgotten."""
    y = normal(12)

    def f(mean, sigma):
        return np.sum((y - mean) ** 2) / (2 * sigma**2) + 12 * np.log(sigma)

    def manual(mean, sigma):
        r = y - mean
        slope = -np.sum(r * r) / sigma**3
        return -np.sum(r) / sigma**2, slope if wrong else slope + 12 / sigma

    return f, manual, (np.array(0.3), np.array(1.4))


@case("derivative of exp is missing")
def poisson_without_the_derivative_of_exp(wrong):
    """The rate is exp(Xb); its derivative is forgotten in the sum of the rates."""
    X, y = normal(15, 3), np.random.default_rng(1).poisson(2.0, 15)

    def f(b):
        return np.sum(np.exp(X @ b)) - np.sum(y * (X @ b))

    def manual(b):
        return X.T @ ((1.0 if wrong else np.exp(X @ b)) - y)

    return f, manual, (0.5 * normal(3, seed=2),)


@case("sign")
def poisson_with_the_sign_of_the_likelihood(wrong):
    """The gradient of the likelihood in place of that of the loss."""
    X, y = normal(15, 3), np.random.default_rng(1).poisson(2.0, 15)

    def f(b):
        return np.sum(np.exp(X @ b)) - np.sum(y * (X @ b))

    def manual(b):
        return X.T @ (np.exp(X @ b) - y) * (-1 if wrong else 1)

    return f, manual, (0.5 * normal(3, seed=2),)


@case("transpos")
def log_determinant_without_the_transpose(wrong):
    """The gradient of log det A is inv(A)', not inv(A)."""
    return (
        lambda A: np.linalg.slogdet(A)[1],
        lambda A: np.linalg.inv(A) if wrong else np.linalg.inv(A).T,
        (normal(4, 4) + 3 * np.eye(4),),
    )


@case("axis")
def mixture_with_responsibilities_over_samples(wrong):
    """The responsibilities of a mixture are normalised over samples in place of components."""
    x = normal(7)

    def f(m):
        z = -0.5 * (x[:, None] - m) ** 2
        return -np.sum(np.log(np.sum(np.exp(z), axis=1)))

    def manual(m):
        r = softmax(-0.5 * (x[:, None] - m) ** 2, axis=0 if wrong else 1)
        return -np.sum(r * (x[:, None] - m), axis=0)

    return f, manual, (normal(3, seed=1),)


@case("nothing flows|normalis|detached|constant")
def mixture_weights_without_their_normalisation(wrong):
    """The logarithms of the weights are normalised, and their gradient forgets it."""
    p = np.abs(normal(8, 3)) + 0.1

    def f(a):
        log_w = a - np.log(np.sum(np.exp(a)))
        return -np.sum(np.log(p @ np.exp(log_w)))

    def manual(a):
        w = softmax(a[None])[0]
        r = p * w / (p @ w)[:, None]
        return -r.sum(0) if wrong else 8 * w - r.sum(0)

    return f, manual, (normal(3, seed=1),)


@case("direction|reversed|cumsum|cumulative")
def cox_with_the_risk_set_on_the_wrong_side(wrong):
    """The sum over those at risk runs over those who have left."""
    X = normal(10, 2)

    def f(b):
        z = X @ b
        return np.sum(np.log(np.cumsum(np.exp(z)))) - np.sum(z)

    def manual(b):
        z = X @ b
        e = np.exp(z)
        inverse = 1 / np.cumsum(e)
        back = np.cumsum(inverse) if wrong else np.cumsum(inverse[::-1])[::-1]
        return X.T @ (e * back - 1)

    return f, manual, (normal(2, seed=1),)


@case("nothing flows|detached")
def gamma_shape_without_its_digamma(wrong):
    """The gradient of log Gamma(k) is forgotten."""
    x = np.abs(normal(9)) + 0.2

    def f(k, s):
        return 9 * (special.gammaln(k) + k * np.log(s)) - np.sum((k - 1) * np.log(x) - x / s)

    def manual(k, s):
        gk = 9 * np.log(s) - np.sum(np.log(x))
        return gk if wrong else gk + 9 * special.digamma(k), 9 * k / s - np.sum(x) / s**2

    return f, manual, (np.array(1.7), np.array(0.8))


@case("regulariser")
def ridge_forgotten(wrong):
    """The ridge term has no gradient."""
    X, y = normal(20, 4), normal(20, seed=1)

    def f(w):
        return np.sum((X @ w - y) ** 2) / 2 + 0.3 * np.sum(w * w)

    def manual(w):
        return X.T @ (X @ w - y) + (0 if wrong else 0.6 * w)

    return f, manual, (normal(4, seed=2),)


@case("its sign|sign")
def lasso_forgotten(wrong):
    """The absolute values of the penalty have no gradient."""
    X, y = normal(20, 4), normal(20, seed=1)

    def f(w):
        return np.mean((X @ w - y) ** 2) + 0.2 * np.sum(np.abs(w))

    def manual(w):
        return 2 * X.T @ (X @ w - y) / 20 + (0 if wrong else 0.2 * np.sign(w))

    return f, manual, (normal(4, seed=2),)


@case("clip|minimum|maximum|where|bound")
def huber_without_its_bound(wrong):
    """The residuals are not clipped, as if the loss were the square everywhere."""
    X, y = normal(20, 3), 3 * normal(20, seed=1)

    def f(w):
        r = X @ w - y
        return np.sum(np.where(np.abs(r) < 1.0, 0.5 * r**2, np.abs(r) - 0.5))

    def manual(w):
        r = X @ w - y
        return X.T @ (r if wrong else np.clip(r, -1, 1))

    return f, manual, (normal(3, seed=2),)


@case("shifted|off by one|wrong value|wrong (layer|value)|lag")
def autoregression_with_the_wrong_lag(wrong):
    """The gradient of the coefficient takes the value of the same time in place of the one before."""
    y = normal(30)

    def f(a):
        return np.sum((y[1:] - a * y[:-1]) ** 2)

    def manual(a):
        return -2 * np.sum((y[1:] - a * y[:-1]) * (y[1:] if wrong else y[:-1]))

    return f, manual, (np.array(0.6),)


@case("symmetric|transpos|nothing flows")
def quadratic_form_taken_as_symmetric(wrong):
    """2Qx for x'Qx with Q not symmetric."""
    Q = normal(4, 4)
    return lambda x: x @ Q @ x, lambda x: 2 * Q @ x if wrong else (Q + Q.T) @ x, (normal(4, seed=1),)


@case("derivative of (the )?(sigmoid|tanh|.*) is missing|nothing flows|factor")
def probit_like_model_without_the_chain(wrong):
    """The squared error of probabilities, without the derivative of the logistic function."""
    X, y = normal(20, 3), (normal(20, seed=1) > 0) * 1.0

    def f(w):
        return np.sum((1 / (1 + np.exp(-(X @ w))) - y) ** 2)

    def manual(w):
        p = sigmoid(X @ w)
        return X.T @ (2 * (p - y) * (1.0 if wrong else p * (1 - p)))

    return f, manual, (normal(3, seed=2),)
