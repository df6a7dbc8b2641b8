"""The tour's network with the logistic loss, an LSTM step and a Gaussian mixture: losses of a statistician's day."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

import minigrad
from benchmarks import handwritten
from benchmarks.libraries import Jax, Minigrad, Torch, all_of, compilers, installed, libraries
from benchmarks.measuring import Contenders, MissingError, Run
from nn import backprop, mlp
from nn.fit import Settings, fit
from nn.train import Gradient, train

Array = np.ndarray


def network_loss(lib: Any, P: list[Any], C: list[Any]) -> Any:
    """The logistic loss of the network in the samples C[0] with the one-hot targets C[1]."""
    R, z = len(P) // 2, C[0]
    for r in range(R):
        z = lib.xp.arctan(P[r] @ z + P[R + r])
    return lib.xp.sum(lib.logsumexp(z, 0)) - lib.xp.sum(z * C[1])


def network_data(widths: Sequence[int], n: int, dtype: Any = np.float64) -> tuple[list[Array], list[Array]]:
    """Parameters A[0], ..., b[0], ..., and the samples and targets."""
    rng = np.random.default_rng(0)
    A, b = mlp.init(widths, rng)
    P = [matrix / max(1.0, matrix.shape[1] / 16) for matrix in A] + b
    x, Y = rng.uniform(-1, 1, (widths[0], n)), np.eye(widths[-1])[rng.integers(0, widths[-1], n)].T
    return [p.astype(dtype) for p in P], [np.ascontiguousarray(c, dtype) for c in (x, Y)]


def network(widths: Sequence[int], n: int, dtype: Any = np.float64) -> Contenders:
    """Loss and gradient."""
    P, (x, Y) = network_data(widths, n, dtype)
    R = len(widths) - 1

    def prepared(make: Any) -> Run:
        gradients: list[Any] = []

        def run() -> Any:
            if not gradients:  # allocates and compiles in the first call, as others do
                gradients.append(make(widths, n, dtype))
            return gradients[0](P, x, Y)

        return run

    return all_of(
        "gradient",
        network_loss,
        P,
        [x, Y],
        by_hand=lambda: backprop.gradient(P[:R], P[R:], x, Y),
        **{
            "hand-written, tuned": prepared(handwritten.tuned),
            "fused by hand (numba)": prepared(handwritten.fused) if handwritten.HAS_NUMBA else None,
        },
    )


def training(widths: Sequence[int], n: int, steps: int) -> Contenders:
    """Steps of gradient descent: `nn.train`, with its tests, history and accuracies, and by hand with updates in place.

    A training is compiled anew, so a part of the time is that of its first step.
    """
    P, (x, Y) = network_data(widths, n)
    R, step = len(widths) - 1, 1e-4

    def by_hand() -> Any:
        gradient, Q = handwritten.tuned(widths, n), [p.copy() for p in P]
        for _ in range(steps):
            for q, g in zip(Q, gradient(Q, x, Y)[1:]):
                g *= step
                q -= g
        return Q

    def ours(gradient: Gradient) -> Any:
        found = train(P[:R], P[R:], x, Y, steps, step, gradient, progress=None)
        return [*found.A, *found.b]

    compiled, eager = functools.partial(ours, "autodiff"), functools.partial(ours, "eager")
    return {"hand-written, tuned": by_hand, "minigrad": eager, "minigrad compiled": compiled}


def mini_batches(widths: Sequence[int], n: int, epochs: int, size: int = 64) -> Contenders:
    """Steps of Adam on mini-batches: `nn.fit`, with its losses and its state after each step, and by hand in place.

    Both see the same samples in the same order. `nn.fit` compiles, and does so anew in each training, as in `training`.
    """
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.0, 1.0, (widths[0], n)), rng.integers(0, widths[-1], n)
    y[: widths[-1]] = np.arange(widths[-1])
    A, b = mlp.init(widths, rng)
    A = [a / np.sqrt(a.shape[1]) for a in A]
    settings = Settings(hidden=tuple(widths[1:-1]), epochs=epochs, batch=size, rate=1e-3)

    def by_hand() -> Any:
        P = [p.copy() for p in (*A, *b)]
        M, V = [np.zeros_like(p) for p in P], [np.zeros_like(p) for p in P]
        rows, targets, t = np.ascontiguousarray(x.T), np.eye(widths[-1]), 0
        for epoch in range(epochs):
            order = np.random.default_rng([settings.seed, 2, epoch]).permutation(n)
            for start in range(0, n, size):
                part, t = order[start : start + size], t + 1
                gradient = handwritten.softmax_gradient(P, rows[part].T, targets[y[part]].T)
                handwritten.adam(P, M, V, gradient, t, settings.rate)
        return P

    def ours() -> Any:
        found = fit(x, y, settings, start=(A, b))
        return [*found.A, *found.b]

    return {"hand-written, tuned": by_hand, "minigrad": ours}


# ----- the network as the tour's program has it -----------------------------------------------------------------------


def repeated_max(lib: Any, S: Any) -> Any:
    """The largest entry of each row, once for every entry of the row."""
    return lib.xp.tile(lib.xp.amax(S, axis=1, keepdims=True), (1, S.shape[1]))


def tour_layers(lib: Any, P: list[Any], z: Any) -> list[Any]:
    """The samples and the values after each layer, with one copy of the bias for every sample."""
    R, X = len(P) // 2, [z]
    for r in range(R):
        X.append(lib.xp.arctan(lib.xp.matmul(P[r], X[r]) + lib.xp.tile(P[R + r], (1, z.shape[1]))))
    return X


def tour_logistic(lib: Any, z: Any, Y: Any) -> Any:
    """The logistic loss: the maximum is taken twice, and the scalar product is a sum of Python over all entries."""
    S = z.T
    logs = lib.xp.log(lib.xp.sum(lib.xp.exp(S - repeated_max(lib, S)), axis=1, keepdims=True))
    return lib.xp.sum(logs + lib.xp.amax(S, axis=1, keepdims=True)) - sum(z.flatten() * Y.flatten())


def tour_loss(lib: Any, P: list[Any], C: list[Any]) -> Any:
    """The loss of the samples C[0] with the one-hot targets C[1]."""
    return tour_logistic(lib, tour_layers(lib, P, C[0])[-1], C[1])


class _Numpy:
    """NumPy, for the value of a loss."""

    xp = np


def tour_by_hand(P: list[Array], x: Array, Y: Array) -> list[Any]:
    """Loss and gradient by hand in the manner of the tour: what the layers had within is computed again."""
    R, n = len(P) // 2, x.shape[1]
    X = tour_layers(_Numpy, P, x)
    S = X[R].T
    shifted = S - repeated_max(_Numpy, S)
    g = (np.exp(shifted) / np.tile(np.exp(shifted).sum(axis=1, keepdims=True), (1, S.shape[1]))).T - Y
    gradient = [x] * (2 * R)
    for r in reversed(range(R)):
        M = 1 / (1 + (P[r].dot(X[r]) + np.tile(P[R + r], (1, n))) ** 2) * g
        g = P[r].T.dot(M)
        gradient[r], gradient[R + r] = M.dot(X[r].T), M.sum(axis=1).reshape(-1, 1)
    return [tour_logistic(_Numpy, X[R], Y), *gradient]


def tour(widths: Sequence[int], n: int) -> Contenders:
    """Loss and gradient of the tour's own program. JAX is left out: it traces the sum entry by entry, for minutes."""
    P, C = network_data(widths, n)
    contenders: Contenders = {"hand-written": functools.partial(tour_by_hand, P, *C)}
    for library in libraries():
        if not isinstance(library, Jax):
            contenders |= library.gradient(tour_loss, P, C)
    return contenders


# ----- what surrounds a gradient --------------------------------------------------------------------------------------


def first_call(widths: Sequence[int], n: int) -> Contenders:
    """One eager call, and the first call of a compiled gradient: tracing, optimising, emitting, and the call itself."""
    P, C = network_data(widths, n)
    eager = minigrad.value_and_grad(functools.partial(network_loss, Minigrad()))
    contenders: Contenders = {"minigrad": lambda: eager(P, C)}
    for name, make in compilers().items():
        if name != "minigrad":
            contenders[name] = functools.partial(compile_and_call, make, P, C)
    jax = installed(Jax)
    if jax is not None:

        def compile_jax() -> Any:
            def loss(P: Any, C: Any) -> Any:  # a new function every time, which no cache knows
                return network_loss(jax, P, C)

            return jax.jax.block_until_ready(jax.jax.jit(jax.jax.value_and_grad(loss))(P, C))

        contenders["JAX jit"] = compile_jax
    if len(contenders) == 1:
        raise MissingError("no compiler here: minigrad.compile, jax")
    return contenders


def compile_and_call(make: Any, P: list[Array], C: list[Array]) -> Any:
    """Compile the gradient anew and call it once."""
    return make(minigrad.value_and_grad(functools.partial(network_loss, Minigrad())))(P, C)


def per_sample(widths: Sequence[int], n: int) -> Contenders:
    """The gradient of the loss of every sample on its own: one batched pass against a loop over the samples."""
    if not hasattr(minigrad, "batched"):
        raise MissingError("minigrad.batched")
    P, (x, Y) = network_data(widths, n)
    rows = np.ascontiguousarray(x.T), np.ascontiguousarray(Y.T)

    def loss_of_one(lib: Any) -> Any:
        return lambda P, x, y: network_loss(lib, P, [x[:, None], y[:, None]])

    gradient = minigrad.grad(loss_of_one(Minigrad()))

    def of_all(P: Any, x: Any, y: Any) -> Any:
        return list(minigrad.batched(lambda x, y: gradient(P, x, y))(x, y))

    contenders: Contenders = {
        "row by row": lambda: [np.stack(parts) for parts in zip(*(gradient(P, u, v) for u, v in zip(*rows)))],
        **Minigrad().runs(of_all, P, *rows),
    }
    torch, jax = installed(Torch), installed(Jax)
    if torch is not None:
        tensors = [[torch.array(p) for p in P], *map(torch.array, rows)]
        run = torch.torch.func.vmap(torch.torch.func.grad(loss_of_one(torch)), (None, 0, 0))
        contenders["torch"] = functools.partial(run, *tensors)
    if jax is not None:
        contenders |= jax.runs(jax.jax.vmap(jax.jax.grad(loss_of_one(jax)), (None, 0, 0)), P, *rows)
    return contenders


# ----- a step of an LSTM ----------------------------------------------------------------------------------------------


def lstm_loss(lib: Any, P: list[Any], C: list[Any]) -> Any:
    """The sum of squares of h after one step, from the input x, h and c.

    Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997, with the forget gate of
    Gers, Schmidhuber and Cummins, 2000.
    """
    W, V, b = P
    x, h, c = C
    k = h.shape[0]
    u = W @ x + V @ h + b
    gates = 0.5 + 0.5 * lib.xp.tanh(0.5 * u[: 3 * k])  # the logistic function
    i, f, o = gates[:k], gates[k : 2 * k], gates[2 * k :]
    c = f * c + i * lib.xp.tanh(u[3 * k :])
    h = o * lib.xp.tanh(c)
    return lib.xp.sum(h * h)


def lstm(inputs: int, hidden: int, n: int) -> Contenders:
    """Loss and gradient in the weights."""
    rng = np.random.default_rng(0)
    k = hidden
    P = [rng.standard_normal(shape) / np.sqrt(k) for shape in ((4 * k, inputs), (4 * k, k), (4 * k, 1))]
    C = [rng.standard_normal(shape) for shape in ((inputs, n), (k, n), (k, n))]

    def by_hand() -> Any:
        (W, V, b), (x, h, c) = P, C
        u = W @ x + V @ h + b
        gates = 0.5 + 0.5 * np.tanh(0.5 * u[: 3 * k])
        i, f, o = gates[:k], gates[k : 2 * k], gates[2 * k :]
        proposal = np.tanh(u[3 * k :])
        squashed = np.tanh(f * c + i * proposal)
        out = o * squashed
        g = 2.0 * out
        gc = g * o * (1.0 - squashed * squashed)
        gu = np.empty_like(u)
        gu[:k], gu[k : 2 * k], gu[2 * k : 3 * k] = gc * proposal, gc * c, g * squashed
        gu[: 3 * k] *= gates * (1.0 - gates)
        gu[3 * k :] = gc * i * (1.0 - proposal * proposal)
        return [np.sum(out * out), gu @ x.T, gu @ h.T, gu.sum(axis=1, keepdims=True)]

    return all_of("gradient", lstm_loss, P, C, by_hand=by_hand)


# ----- a mixture of Gaussians -----------------------------------------------------------------------------------------


def mixture_loss(lib: Any, P: list[Any], C: list[Any]) -> Any:
    """The log-likelihood, but for a constant, of the rows of C[0] under Gaussians with diagonal precision exp(2 q)."""
    weights, means, q = P
    (x,) = C
    scaled = (x[:, None, :] - means) * lib.xp.exp(q)
    scores = weights + lib.xp.sum(q, 1) - 0.5 * lib.xp.sum(scaled * scaled, 2)
    return lib.xp.sum(lib.logsumexp(scores, 1)) - x.shape[0] * lib.logsumexp(weights, 0)


def mixture(n: int, components: int, dimension: int) -> Contenders:
    """Log-likelihood and gradient in the logarithms of the weights, the means and the scales."""
    rng = np.random.default_rng(0)
    shapes = [(components,), (components, dimension), (components, dimension)]
    P, x = [0.5 * rng.standard_normal(shape) for shape in shapes], rng.standard_normal((n, dimension))

    def by_hand() -> Any:
        weights, means, q = P
        scales = np.exp(q)
        scaled = (x[:, None, :] - means) * scales
        scores = weights + q.sum(axis=1) - 0.5 * np.einsum("nkd,nkd->nk", scaled, scaled)
        top = scores.max(axis=1, keepdims=True)
        e = np.exp(scores - top)
        total = e.sum(axis=1, keepdims=True)
        share = e / total  # the responsibilities
        prior = np.exp(weights - weights.max())
        normaliser = np.log(prior.sum()) + weights.max()
        value = np.sum(np.log(total) + top) - n * normaliser
        column = share.sum(axis=0)
        g_means = np.einsum("nk,nkd->kd", share, scaled) * scales
        g_q = column[:, None] - np.einsum("nk,nkd,nkd->kd", share, scaled, scaled)
        return [value, column - n * prior / prior.sum(), g_means, g_q]

    return all_of("gradient", mixture_loss, P, [x], by_hand=by_hand)
