"""More ordinary programs, of those that use the engine and other libraries in more ways."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import functools
import itertools
import logging
import math
import operator
import time
import typing
import warnings
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import pytest
from ordinary_programs import CALLS, W, X, Y, program, squares

import minigrad
from minigrad import batched, checkpoint, derivatives, grad, hessian, hvp, jacobian, jvp, value_and_grad

logger = logging.getLogger("minigrad.more")
logger.setLevel(logging.WARNING)


# ----- ways to keep parameters ----------------------------------------------------------------------------------------


@program
def parameters_by_numbered_names(compiled: Any) -> Any:
    params = {f"{kind}{i}": np.full((3, 3) if kind == "W" else 3, 0.1 * (i + 1)) for i in range(2) for kind in "Wb"}

    def forward(params: Any, x: Any) -> Any:
        for i in range(2):
            x = np.tanh(x @ params[f"W{i}"] + params[f"b{i}"])
        return x

    g, epochs = compiled(grad(lambda p: np.sum(forward(p, X) ** 2))), []
    for _ in range(CALLS):
        slopes = g(params)
        params = {name: params[name] - 0.1 * slopes[name] for name in params}
        epochs.append(params["b0"])
        yield params["W0"]


@program
def parameters_in_turns(compiled: Any) -> Any:
    params = [np.eye(3), np.zeros(3), np.eye(3), np.zeros(3)]

    def loss(params: Any) -> Any:
        x = X
        for A, b in zip(params[::2], params[1::2]):
            x = np.tanh(x @ A + b)
        return np.mean(x**2)

    g = compiled(grad(loss))
    for _ in range(CALLS):
        params = [p - 0.1 * s for p, s in zip(params, g(params))]
        yield params[0]


@program
def layers_by_numbered_attributes(compiled: Any) -> Any:
    class Net:
        depth = 2

        def __init__(self) -> None:
            for i in range(self.depth):
                setattr(self, f"scale{i}", 0.5 + i)
            self.step = 0

        def loss(self, w: Any) -> Any:
            for i in range(self.depth):
                w = np.tanh(w) * getattr(self, f"scale{i}")
            return np.sum(w)

    net = Net()
    g = compiled(grad(net.loss))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        net.step += 1


@program
def a_parameter_class(compiled: Any) -> Any:
    class Parameter:
        def __init__(self, value: Any) -> None:
            self.value, self.grad, self.name = value, None, "w"

    class Model:
        def __init__(self) -> None:
            self.params = [Parameter(W.copy()), Parameter(np.zeros(()))]

        def values(self) -> Any:
            return [p.value for p in self.params]

        def loss(self, values: Any) -> Any:
            return np.mean((X @ values[0] + values[1] - Y) ** 2)

    m = Model()
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        for p, slope in zip(m.params, g(m.values())):
            p.grad = slope
            p.value = p.value - 0.1 * slope
        yield m.params[0].value


@program
def modules_with_submodules(compiled: Any) -> Any:
    class Module:
        def __init__(self) -> None:
            self.children: dict[str, Any] = {}
            self.training = True

        def __setattr__(self, name: str, value: Any) -> None:
            if isinstance(value, Module):
                self.children[name] = value
            object.__setattr__(self, name, value)

        def __call__(self, *args: Any) -> Any:
            return self.forward(*args)

    class Scale(Module):
        def __init__(self, k: float) -> None:
            super().__init__()
            self.k, self.seen = k, 0

        def forward(self, x: Any) -> Any:
            return np.tanh(x) * self.k

    class Net(Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Scale(0.5), Scale(2.0)

        def forward(self, w: Any) -> Any:
            for child in self.children.values():
                w = child(w)
            return np.sum(w) if self.training else w

    net = Net()
    g = compiled(grad(net))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        net.first.seen += 3


T = TypeVar("T")


class Activation(Protocol):
    def __call__(self, x: Any) -> Any: ...


class Box(Generic[T]):
    """A generic class."""

    count: ClassVar[int] = 0

    def __init__(self, item: T) -> None:
        self.item, self.opened = item, 0


@program
def generic_classes_and_protocols(compiled: Any) -> Any:
    box: Box[Any] = Box(np.tanh)
    activation: Activation = box.item
    g = compiled(grad(lambda w: np.sum(box.item(w) * activation(w))))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        box.opened += 1
        Box.count += 1


@program
def a_dataclass_with_slots_and_methods(compiled: Any) -> Any:
    @dataclasses.dataclass(slots=True, kw_only=True)
    class Loss:
        lam: float = 0.1
        history: list[float] = dataclasses.field(default_factory=list)

        def __call__(self, w: Any) -> Any:
            return squares(w) + self.lam * np.sum(w * w)

    loss, w = Loss(lam=0.2), W.copy()
    g = compiled(value_and_grad(loss))
    for _ in range(CALLS):
        value, slope = g(w)
        loss.history.append(float(value))
        w = w - 0.1 * slope
        yield w


@program
def a_typed_dict(compiled: Any) -> Any:
    class Options(typing.TypedDict):
        lam: float
        steps: int

    options: Options = {"lam": 0.1, "steps": 0}
    g = compiled(grad(lambda w: squares(w) + options["lam"] * np.sum(w * w)))
    for k in range(CALLS):
        yield g(W + k)
        options["steps"] += 1


@program
def options_by_match(compiled: Any) -> Any:
    class Kind(enum.Enum):
        L1 = 1
        L2 = 2

    class Model:
        def __init__(self) -> None:
            self.kind, self.calls = Kind.L2, []

        def penalty(self, w: Any) -> Any:
            match self.kind:
                case Kind.L1:
                    return np.sum(np.abs(w))
                case Kind.L2:
                    return np.sum(w * w)

    m = Model()
    g = compiled(grad(lambda w: squares(w) + m.penalty(w)))
    for k in range(CALLS):
        yield g(W + k)
        m.calls.append(k)


@program
def a_disabled_message(compiled: Any) -> Any:
    def loss(w: Any) -> Any:
        logger.debug("the loss of a vector of %d entries", len(w))
        return squares(w)

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W + k)


@program
def a_verbose_flag(compiled: Any) -> Any:
    class Model:
        verbose, iteration = False, 0

        def loss(self, w: Any) -> Any:
            if self.verbose:
                print(self.iteration, w)
            return squares(w)

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + k)
        m.iteration += 1


@program
def a_training_flag(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.training, self.rate, self.masks = True, 0.5, 0

        def loss(self, w: Any, mask: Any) -> Any:
            h = np.tanh(X @ w)
            return np.sum(h * mask / (1.0 - self.rate)) if self.training else np.sum(h)

    m, rng = Model(), np.random.default_rng(0)
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        m.masks += 1
        yield g(W, (rng.random(8) < 0.5) * 1.0)


@program
def a_positional_encoding(compiled: Any) -> Any:
    @functools.cache
    def encoding(n: int, d: int) -> Any:
        return np.sin(np.arange(n)[:, None] / 10.0 ** (np.arange(d) / d))

    class Model:
        dim, uses = 3, 0

        def loss(self, w: Any, x: Any) -> Any:
            return np.sum(((x + encoding(len(x), self.dim)) @ w / math.sqrt(self.dim)) ** 2)

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + k, X)
        m.uses += 1


@program
def heads_of_attention(compiled: Any) -> Any:
    class Heads:
        def __init__(self) -> None:
            self.heads, self.trace = 3, []

        def loss(self, Q: Any) -> Any:
            outs = []
            for h in range(self.heads):
                s = np.outer(X[:, h], X[:, h]) * Q[h]
                e = np.exp(s - np.max(s, axis=1, keepdims=True))
                outs.append(e / np.sum(e, axis=1, keepdims=True) @ X[:, h])
            return np.sum(np.stack(outs) ** 2)

    m = Heads()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        m.trace.append(k)


@program
def a_one_hot_of_labels(compiled: Any) -> Any:
    labels = (Y > 0.0).astype(int)

    def loss(A: Any) -> Any:
        z = X @ A
        z = z - np.max(z, axis=1, keepdims=True)
        return -np.mean(np.sum(np.eye(2)[labels] * (z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))), axis=1))

    g, A = compiled(grad(loss)), np.zeros((3, 2))
    for _ in range(CALLS):
        A = A - 0.5 * g(A)
        yield A


@program
def a_tree_of_nodes(compiled: Any) -> Any:
    class Node:
        def __init__(self, op: str, *children: Any) -> None:
            self.op, self.children, self.visits = op, children, 0

        def value(self, x: Any) -> Any:
            parts = [child.value(x) for child in self.children]
            return {"x": lambda: x, "add": lambda: parts[0] + parts[1], "mul": lambda: parts[0] * parts[1]}[self.op]()

    tree = Node("add", Node("mul", Node("x"), Node("x")), Node("x"))
    g = compiled(grad(lambda w: np.sum(tree.value(w))))
    for k in range(CALLS):
        yield g(W + k)
        tree.visits += 1


@program
def a_registry_of_layers(compiled: Any) -> Any:
    registry: dict[str, type] = {}

    class Layer:
        def __init_subclass__(cls, **options: Any) -> None:
            registry[cls.__name__.lower()] = cls

    class Tanh(Layer):
        def __call__(self, x: Any) -> Any:
            return np.tanh(x)

    class Double(Layer):
        factor = 2.0

        def __call__(self, x: Any) -> Any:
            return self.factor * x

    layers = [registry[name]() for name in ("tanh", "double")]
    g, log = compiled(grad(lambda w: np.sum(functools.reduce(lambda u, f: f(u), layers, w)))), []
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        log.append(k)


@program
def keyword_options_handed_through(compiled: Any) -> Any:
    def inner(w: Any, *, lam: float = 0.1, power: int = 2, **other: Any) -> Any:
        return squares(w) + lam * np.sum(np.abs(w) ** power)

    def outer(w: Any, **options: Any) -> Any:
        return inner(w, **{"lam": 0.2, **options})

    g, defaults = compiled(grad(outer)), {"power": 3}
    for k in range(CALLS):
        yield g(W + k, **defaults)


# ----- transformations within -----------------------------------------------------------------------------------------


@program
def a_differential_equation_in_the_loss(compiled: Any) -> Any:
    class Pinn:
        def __init__(self) -> None:
            self.points, self.losses = np.linspace(0.0, 1.0, 5), []

        def u(self, p: Any, t: Any) -> Any:
            return np.sum(p * np.sin(t * np.array([1.0, 2.0, 3.0])))

        def loss(self, p: Any) -> Any:
            slope = batched(grad(lambda t: self.u(p, t)))(self.points)
            return np.mean((slope + self.points) ** 2)

    m, p = Pinn(), W.copy()
    g = compiled(value_and_grad(m.loss))
    for _ in range(CALLS):
        value, slope = g(p)
        m.losses.append(float(value))
        p = p - 0.01 * slope
        yield p


@program
def gradients_for_every_example(compiled: Any) -> Any:
    class Model:
        scale, rounds = 0.5, 0

        def loss(self, w: Any, x: Any, y: Any) -> Any:
            return (x @ w - y) ** 2 * self.scale

    m = Model()
    g = compiled(batched(grad(m.loss), in_axes=(None, 0, 0)))
    for k in range(CALLS):
        yield g(W + k, X, Y)
        m.rounds += 1


@program
def a_solution_of_an_equation(compiled: Any) -> Any:
    class Layer:
        def __init__(self) -> None:
            self.A, self.solves = 0.1 * np.eye(3), 0

        def loss(self, b: Any) -> Any:
            z = minigrad.fixed_point(lambda b, z: np.tanh(self.A @ z + b), b, np.zeros(3))
            return np.sum(z * z)

    m = Layer()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        m.solves += 1


@program
def a_checkpointed_block(compiled: Any) -> Any:
    class Block:
        def __init__(self) -> None:
            self.k, self.runs = 1.5, 0

        def __call__(self, x: Any) -> Any:
            return np.sin(x) * self.k

    block = Block()
    g = compiled(grad(lambda w: np.sum(checkpoint(block)(w))))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        block.runs += 1


@program
def an_operation_of_ones_own(compiled: Any) -> Any:
    log: list[int] = []

    @minigrad.custom_primitive(vjp=lambda g, ans, x: g * np.cos(x))
    def sine(x: Any) -> Any:
        return np.sin(x)

    g = compiled(grad(lambda w: np.sum(sine(w) ** 2)))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        log.append(k)


@program
def products_with_curvature(compiled: Any) -> Any:
    class Problem:
        lam, products = 0.1, 0

        def loss(self, w: Any) -> Any:
            return np.sum(np.logaddexp(0.0, -Y * (X @ w))) + self.lam * np.sum(w * w)

        def product(self, w: Any, v: Any) -> Any:
            return hvp(self.loss, w, v)

    p = Problem()
    product = compiled(p.product)
    for k in range(CALLS):
        yield product(W, W + k)
        p.products += 1


@program
def directional_derivatives(compiled: Any) -> Any:
    f = compiled(lambda x, v: jvp(squares, (x,), (v,)))
    for k in range(CALLS):
        yield f(W, W + k)


@program
def matrices_of_derivatives(compiled: Any) -> Any:
    class Curve:
        def __init__(self) -> None:
            self.scale, self.seen = 2.0, set()

        def __call__(self, x: Any) -> Any:
            return np.sin(x) * self.scale

    curve: Any = Curve()
    J, H = compiled(jacobian(curve)), compiled(hessian(lambda x: np.sum(curve(x) ** 2)))
    for k in range(CALLS // 2):
        yield J(W + k), H(W + k)
        curve.seen.add(k)


@program
def a_neural_differential_equation(compiled: Any) -> Any:
    class Flow:
        def __init__(self) -> None:
            self.dt, self.steps, self.evaluations = 0.1, 5, 0

        def field(self, A: Any, z: Any) -> Any:
            return np.tanh(A @ z)

        def loss(self, A: Any) -> Any:
            z = W
            for _ in range(self.steps):
                k1 = self.field(A, z)
                k2 = self.field(A, z + 0.5 * self.dt * k1)
                z = z + self.dt * k2
            return np.sum((z - 1.0) ** 2)

    flow, A = Flow(), 0.1 * np.eye(3)
    g = compiled(grad(flow.loss))
    for _ in range(CALLS):
        A = A - 0.1 * g(A)
        flow.evaluations += 10
        yield A


@program
def a_filter_of_kalman(compiled: Any) -> Any:
    class Filter:
        def __init__(self) -> None:
            self.H, self.fits = np.array([1.0, 0.5]), 0

        def loss(self, theta: Any) -> Any:
            m, P, total = np.zeros(2), np.eye(2), 0.0
            F = np.array([[1.0, 0.1], [0.0, 0.9]])
            for y in Y:
                m, P = F @ m, F @ P @ F.T + np.exp(theta[0]) * np.eye(2)
                S = self.H @ P @ self.H + np.exp(theta[1])
                v = y - self.H @ m
                K = P @ self.H / S
                m, P = m + K * v, P - np.outer(K, K) * S
                total = total + v * v / S + np.log(S)
            return total

    f, theta = Filter(), np.zeros(2)
    g = compiled(grad(f.loss))
    for _ in range(CALLS):
        theta = theta - 0.01 * g(theta)
        f.fits += 1
        yield theta


@program
def the_price_of_an_option(compiled: Any) -> Any:
    special = pytest.importorskip("minigrad.scipy.special")

    @dataclasses.dataclass
    class Market:
        rate: float = 0.02
        time: float = 1.0
        quotes: int = 0

    market = Market()

    def price(s: Any, k: Any, sigma: Any) -> Any:
        d = (np.log(s / k) + (market.rate + sigma**2 / 2) * market.time) / (sigma * np.sqrt(market.time))
        return s * special.ndtr(d) - k * np.exp(-market.rate * market.time) * special.ndtr(d - sigma)

    g = compiled(grad(price, (0, 2)))
    for k in range(CALLS):
        yield g(100.0 + k, 95.0, 0.2)
        market.quotes += 1


@program
def a_game_of_two_networks(compiled: Any) -> Any:
    class Game:
        def __init__(self) -> None:
            self.lam, self.round = 0.1, 0

        def payoff(self, a: Any, b: Any) -> Any:
            return np.sum(np.tanh(X @ a) * np.tanh(X @ b)) + self.lam * (np.sum(b * b) - np.sum(a * a))

    game, a, b = Game(), W.copy(), -W
    first, second = compiled(grad(game.payoff)), compiled(grad(game.payoff, 1))
    for _ in range(CALLS // 2):
        a, b = a + 0.1 * first(a, b), b - 0.1 * second(a, b)
        game.round += 1
        yield a, b


@program
def a_variational_bound(compiled: Any) -> Any:
    class Bound:
        def __init__(self) -> None:
            self.rng, self.values = np.random.default_rng(0), []

        def loss(self, q: Any, noise: Any) -> Any:
            mean, log_scale = q
            z = mean + np.exp(log_scale) * noise
            return np.sum((X @ z - Y) ** 2) + 0.5 * np.sum(mean**2 + np.exp(2 * log_scale) - 2 * log_scale)

    m, q = Bound(), (W.copy(), np.zeros(3))
    g = compiled(value_and_grad(m.loss))
    for _ in range(CALLS):
        value, slopes = g(q, m.rng.normal(size=3))
        m.values.append(float(value))
        q = tuple(p - 0.01 * s for p, s in zip(q, slopes))
        yield q[0]


@program
def higher_derivatives_of_an_object(compiled: Any) -> Any:
    class Potential:
        depth, plots = 2.0, 0

        def __call__(self, r: Any) -> Any:
            return self.depth * (r**-12 - 2.0 * r**-6)

    V: Any = Potential()
    f = compiled(lambda r: derivatives(V, r, 3))
    for k in range(CALLS):
        yield f(1.0 + 0.05 * k)
        V.plots += 1


# ----- other libraries ------------------------------------------------------------------------------------------------


@program
def a_minimiser_of_scipy(compiled: Any) -> Any:
    optimize = pytest.importorskip("scipy.optimize")
    seen: list[Any] = []

    class Problem:
        evaluations = 0

        def loss(self, w: Any) -> Any:
            return np.sum((w[1:] - w[:-1] ** 2) ** 2 * 100.0 + (1.0 - w[:-1]) ** 2)

    p = Problem()
    g = compiled(value_and_grad(p.loss))

    def counted(w: Any) -> Any:
        p.evaluations += 1
        value, slope = g(w)
        return float(value), slope

    result = optimize.minimize(counted, np.zeros(3), jac=True, callback=lambda w: seen.append(w))
    yield np.round(result.x, 6)


@program
def a_fit_of_scipy(compiled: Any) -> Any:
    optimize = pytest.importorskip("scipy.optimize")
    residual = lambda w: np.tanh(X @ w) - Y * 0.5
    f, J = compiled(residual), compiled(jacobian(residual))
    result = optimize.least_squares(lambda w: f(w), W, jac=lambda w: J(w))
    yield np.round(result.x, 5)


@program
def data_of_pandas(compiled: Any) -> Any:
    frame = pytest.importorskip("pandas").DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y})
    inputs, target = frame[["a", "b"]].to_numpy(copy=True), frame["y"].to_numpy(copy=True)
    g, w = compiled(grad(lambda w: np.mean((inputs @ w - target) ** 2))), np.zeros(2)
    for k in range(CALLS):
        w = w - 0.1 * g(w)
        frame.loc[k % 8, "b"] = 0.0
        yield w


@program
def a_scaler_of_scikit_learn(compiled: Any) -> Any:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    scaler = preprocessing.StandardScaler().fit(X)
    g = compiled(grad(lambda w, z: np.mean((z @ w - Y) ** 2)))
    for k in range(CALLS):
        yield g(W, scaler.transform(X + k))


@program
def a_sparse_matrix_of_scipy(compiled: Any) -> Any:
    S = pytest.importorskip("scipy.sparse").csr_array(np.diag([1.0, 2.0, 3.0]))
    dense, calls = S.toarray(), []
    g = compiled(grad(lambda w: np.sum((dense @ w) ** 2)))
    for k in range(CALLS):
        yield g(W + k)
        calls.append(k)


# ----- ways to organise a program -------------------------------------------------------------------------------------


@program
def a_state_machine(compiled: Any) -> Any:
    class Trainer:
        def __init__(self) -> None:
            self.state, self.w, self.log = "start", W.copy(), collections.deque(maxlen=3)
            self.gradient = compiled(grad(self.loss))

        def loss(self, w: Any) -> Any:
            return squares(w)

        def advance(self) -> None:
            handler = {"start": self.begin, "run": self.run}[self.state]
            self.log.append(self.state)
            handler()

        def begin(self) -> None:
            self.state = "run"
            self.run()

        def run(self) -> None:
            self.w = self.w - 0.1 * self.gradient(self.w)

    t = Trainer()
    for _ in range(CALLS):
        t.advance()
        yield t.w


@program
def a_context_of_time(compiled: Any) -> Any:
    class Clock:
        def __enter__(self) -> Any:
            self.start = time.perf_counter()
            return self

        def __exit__(self, *args: Any) -> None:
            self.elapsed = time.perf_counter() - self.start

    class Model:
        def __init__(self) -> None:
            self.clock, self.scale = Clock(), 2.0

        def loss(self, w: Any) -> Any:
            return self.scale * squares(w)

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        with m.clock:
            yield g(W + k)


@program
def an_observer(compiled: Any) -> Any:
    class Subject:
        def __init__(self) -> None:
            self.observers: list[Any] = []

        def loss(self, w: Any) -> Any:
            return squares(w)

        def notify(self, value: Any) -> None:
            for observer in self.observers:
                observer(value)

    s, seen = Subject(), []
    s.observers.append(seen.append)
    g = compiled(value_and_grad(s.loss))
    for k in range(CALLS):
        value, slope = g(W + k)
        s.notify(value)
        if k == 5:
            s.observers.append(lambda value: None)
        yield slope


@program
def a_cached_property(compiled: Any) -> Any:
    class Problem:
        def __init__(self) -> None:
            self.evaluations = 0

        @functools.cached_property
        def gram(self) -> Any:
            return X.T @ X

        def loss(self, w: Any) -> Any:
            return w @ self.gram @ w

    p = Problem()
    g = compiled(grad(p.loss))
    for k in range(CALLS):
        yield g(W + k)
        p.evaluations += 1


@program
def a_copy_that_is_trained(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.scale, self.tags = 2.0, []

        def loss(self, w: Any) -> Any:
            return self.scale * squares(w)

    first = Model()
    second = copy.copy(first)
    g = compiled(grad(second.loss))
    for k in range(CALLS):
        yield g(W + k)
        first.scale += 1.0
        second.tags.append(k)


@program
def silenced_warnings_outside(compiled: Any) -> Any:
    g = compiled(grad(squares))
    for k in range(CALLS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield g(W + k)


@program
def all_pairs_of_options(compiled: Any) -> Any:
    results: dict[Any, Any] = {}
    g = compiled(grad(lambda w, kind, scale: scale * (squares(w) if kind == "a" else np.sum(np.abs(w)))))
    for k, (kind, scale) in zip(range(CALLS), itertools.cycle(itertools.product("ab", (1.0, 2.0)))):
        results[kind, scale] = g(W + k, kind, scale)
        yield results[kind, scale]


@program
def names_for_values(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.names, self.outputs = ["hidden", "output"], {}

        def loss(self, w: Any) -> Any:
            named = {name: np.tanh(w * (i + 1.0)) for i, name in enumerate(self.names)}
            return sum(np.sum(named[name]) for name in sorted(named))

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        m.outputs[k] = g(W + 0.1 * k)
        yield m.outputs[k]


@program
def a_local_buffer(compiled: Any) -> Any:
    def loss(w: Any) -> Any:
        parts: list[Any] = []
        totals: dict[str, Any] = {}
        for i in range(3):
            parts.append(w[i] ** (i + 1))
            totals[f"t{i}"] = parts[-1] * 2.0
        parts.reverse()
        return sum(parts) + max(totals.values())

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(np.abs(W) + 1.0 + k)


@program
def a_recursion_within_the_function(compiled: Any) -> Any:
    tree = ((1.0, 2.0), (3.0, (4.0, 5.0)))

    def loss(w: Any) -> Any:
        def folded(node: Any) -> Any:
            return sum(map(folded, node)) if isinstance(node, tuple) else np.sum(np.sin(w * node))

        return folded(tree)

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W + k)


@program
def layers_in_the_order_of_an_attribute(compiled: Any) -> Any:
    class Layer:
        def __init__(self, order: int, scale: float) -> None:
            self.order, self.scale, self.calls = order, scale, 0

    layers = [Layer(2, 0.5), Layer(1, 2.0)]

    def loss(w: Any) -> Any:
        for layer in sorted(layers, key=operator.attrgetter("order")):
            w = np.tanh(w * layer.scale)
        return np.sum(w) * max(map(operator.attrgetter("scale"), layers))

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        layers[0].calls += 1
