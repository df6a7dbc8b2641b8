"""Prices, portfolios and returns."""

import numpy as np
from scipy import special

from benchmarks.corpus.realistic.case import Field, normal

case = Field("finance")


def call_price(mistake):
    """A call of Black and Scholes in spot and volatility."""
    K, T, r = 100.0, 0.5, 0.02

    def f(S, s):
        d1 = (np.log(S / K) + (r + s**2 / 2) * T) / (s * np.sqrt(T))
        d2 = d1 - s * np.sqrt(T)
        return S * special.ndtr(d1) - K * np.exp(-r * T) * special.ndtr(d2)

    def manual(S, s):
        d1 = (np.log(S / K) + (r + s**2 / 2) * T) / (s * np.sqrt(T))
        d2 = d1 - s * np.sqrt(T)
        density = np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi)
        delta = special.ndtr(d2 if mistake == "d2" else d1)
        return delta, S * density * (1.0 if mistake == "root" else np.sqrt(T))

    return f, manual, (np.array(105.0), np.array(0.25))


@case("wrong value|d2|nothing flows|subtract")
def delta_with_d2(wrong):
    """N(d2) in place of N(d1)."""
    return call_price("d2" if wrong else "")


@case("1\\.41421|sqrt\\(2\\)|factor")
def vega_without_the_root_of_time(wrong):
    """The square root of the maturity is missing; T is one half."""
    return call_price("root" if wrong else "")


@case("factor of 1/2")
def portfolio_variance_without_its_two(wrong):
    """Cw in place of 2Cw."""
    B = normal(4, 6)
    C = B @ B.T
    return lambda w: w @ C @ w, lambda w: (1 if wrong else 2) * C @ w, (normal(4, seed=1),)


@case("factor of (multiply|.*)missing|missing|nothing flows|sign")
def discount_without_its_time(wrong):
    """The derivative of exp(-rt) lacks -t."""
    c, t = np.abs(normal(6)) + 1, np.arange(1.0, 7.0)

    def f(r):
        return np.sum(c * np.exp(-r * t))

    def manual(r):
        return np.sum(c * np.exp(-r * t) * (1 if wrong else -t))

    return f, manual, (np.array(0.03),)


@case("sign")
def duration_with_the_wrong_sign(wrong):
    """The price falls when the yields rise."""
    c, t = np.abs(normal(6)) + 1, np.arange(1.0, 7.0)

    def f(y):
        return np.sum(c / (1 + y) ** t)

    def manual(y):
        return c * t / (1 + y) ** (t + 1) * (1 if wrong else -1)

    return f, manual, (0.02 + 0.01 * np.abs(normal(6)),)


@case("nothing flows|denominator|constant|detached")
def ratio_without_the_derivative_of_the_denominator(wrong):
    """The Sharpe ratio, whose deviation is taken for a constant."""
    B, m = normal(4, 6), normal(4, seed=2)
    C = B @ B.T

    def f(w):
        return (m @ w) / np.sqrt(w @ C @ w)

    def manual(w):
        s = np.sqrt(w @ C @ w)
        return m / s if wrong else m / s - (m @ w) * (C @ w) / s**3

    return f, manual, (normal(4, seed=1),)


@case("nothing flows|direct|detached|recursion")
def garch_without_its_recursion(wrong):
    """The variance of yesterday depends on the parameter, too; that is forgotten."""
    r2 = normal(8) ** 2

    def f(p):
        v, total = 1.0, 0.0
        for x in r2:
            v = p[0] + p[1] * x + p[2] * v
            total = total + np.log(v) + x / v
        return total

    def manual(p):
        v, d, g = 1.0, np.zeros(3), np.zeros(3)
        for x in r2:
            direct = np.array([1.0, x, v])
            d = direct if wrong else direct + p[2] * d
            v = p[0] + p[1] * x + p[2] * v
            g += (1 / v - x / v**2) * d
        return g

    return f, manual, (np.array([0.2, 0.3, 0.5]),)


@case("derivative of log is missing|missing")
def growth_without_the_derivative_of_log(wrong):
    """The growth is log(1 + Rw); 1/(1 + Rw) is forgotten."""
    R = 0.3 * normal(12, 3)

    def f(w):
        return np.sum(np.log(1 + R @ w))

    def manual(w):
        return R.T @ (np.ones(12) if wrong else 1 / (1 + R @ w))

    return f, manual, (0.3 * normal(3, seed=1),)


@case("mean|sum|12|factor")
def mean_return_summed(wrong):
    """The gradient of a sum where a mean is asked for."""
    R = 0.3 * normal(12, 3)

    def f(w):
        return np.mean(np.tanh(R @ w))

    def manual(w):
        return R.T @ (1 - np.tanh(R @ w) ** 2) / (1 if wrong else 12)

    return f, manual, (normal(3, seed=1),)


@case("nothing flows|detached")
def transaction_cost_forgotten(wrong):
    """The quadratic cost of the change of a portfolio has no gradient."""
    m, old = normal(5), normal(5, seed=1)

    def f(w):
        return m @ w - 0.4 * np.sum((w - old) ** 2)

    def manual(w):
        return m if wrong else m - 0.8 * (w - old)

    return f, manual, (normal(5, seed=2),)


@case("shifted|reversed|places")
def cash_flows_shifted_by_a_period(wrong):
    """Every flow is discounted one period early, in the gradient of the flows."""
    d = 1.05 ** -np.arange(1.0, 7.0)
    return lambda c: np.sum(c * d * np.ones(6)), lambda c: np.roll(d, 1) if wrong else d, (normal(6),)
