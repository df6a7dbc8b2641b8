"""Points, functions and gradients that several groups of cases share. Without a `mistake` a gradient is right."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).standard_normal(shape)


POINT = np.array([1.0, 2.0, 3.0])


def black_box(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function as another program would compute it: it is handed plain numbers, so nothing can be traced."""

    @functools.wraps(f)
    def plain(*args: Any) -> Any:
        return f(*[np.array([float(v) for v in np.ravel(x)]).reshape(np.shape(x)) for x in args])

    return plain


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[1:] += 200.0 * (x[1:] - x[:-1] ** 2)
    g[:-1] += -400.0 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2.0 * (1.0 - x[:-1])
    return g


def data(n=40, d=3, seed=5):
    X = normal(n, d, seed=seed)
    return X, (normal(n, seed=seed + 1) + X[:, 0] > 0).astype(float)


def logistic_regression(mistake=""):
    """Mean log-loss with a ridge term, of weights (3,) and a bias ()."""
    X, y = data()
    n, ridge = len(y), 0.1

    def f(w, b):
        z = X @ w + b
        return np.mean(np.logaddexp(0.0, z) - y * z) + ridge * np.sum(w * w) / 2

    def manual(w, b):
        e = 1 / (1 + np.exp(-(X @ w + b))) - y
        gw, gb = X.T @ e / n + ridge * w, np.sum(e) / n
        if mistake == "sum":
            gw, gb = X.T @ e + ridge * w, np.sum(e)
        elif mistake == "ridge":
            gw = X.T @ e / n
        elif mistake == "ridge factor":
            gw = X.T @ e / n + 2 * ridge * w
        elif mistake == "bias":
            gb = -gb
        elif mistake == "half the samples":
            gw = X[: n // 2].T @ e[: n // 2] / n + ridge * w
        return gw, gb

    return f, manual, (normal(3), np.array(0.3))


def network(mistake="", widths=(2, 6, 6, 3), dtype=np.float64, n=20, scale=1.0):
    """A network of arctan layers and the logistic loss: weights and biases in turn, samples in columns."""
    x, R = normal(widths[0], n, seed=7).astype(dtype), len(widths) - 1
    Y = np.eye(widths[-1], dtype=dtype)[:, rng(8).integers(0, widths[-1], n)]
    P = []
    for r in range(R):
        P += [normal(widths[r + 1], widths[r], seed=20 + r), normal(widths[r + 1], 1, seed=40 + r)]
    scale = dtype(scale)

    def forward(P):
        U, V = [], [x]
        for r in range(R):
            U.append(P[2 * r] @ V[r] + P[2 * r + 1])
            V.append(np.arctan(U[r]))
        return U, V

    def f(*P):
        z = forward(P)[1][-1]
        top = np.max(z, axis=0)
        return scale * (np.sum(np.log(np.sum(np.exp(z - top), axis=0)) + top) - np.sum(z * Y))

    def manual(*P):
        U, V = forward(P)
        e = np.exp(V[-1] - np.max(V[-1], axis=0))
        g = scale * (e / np.sum(e, axis=0) - Y)
        if mistake == "softmax only":
            g = scale * (e / np.sum(e, axis=0))
        out = [None] * len(P)
        for r in range(R - 1, -1, -1):
            M = g / (1 + U[r] * U[r])
            if mistake == "activation" and r == 1:
                M = g
            elif mistake == "activation of the output":
                M = g / (1 + V[r + 1] * V[r + 1])
            out[2 * r], out[2 * r + 1] = M @ V[r].T, np.sum(M, axis=1, keepdims=True)
            if mistake == "layer" and r == 1:
                out[2 * r] = M @ V[r + 1].T
            elif mistake == "bias sign" and r == 1:
                out[2 * r + 1] = -out[2 * r + 1]
            elif mistake == "bias mean":
                out[2 * r + 1] = np.mean(M, axis=1, keepdims=True)
            elif mistake == "bias not summed":
                out[2 * r + 1] = M
            g = P[2 * r].T @ M
            if mistake == "transpose" and r == 1:
                g = P[2 * r] @ M
            elif mistake == "detached" and r == 1:
                g = np.zeros_like(g)
        return tuple(out)

    return f, manual, tuple(p.astype(dtype) for p in P)
