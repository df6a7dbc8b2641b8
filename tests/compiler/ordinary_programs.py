"""More than a hundred ordinary programs, whose state changes beside what they compile.

A program is a generator function that is given `compiled`, which compiles a function, or leaves it as it is for the
plain run. It calls what it has compiled twenty times, changes its state in between, and yields each result. What
changes is not read by the compiled function, or comes in by its arguments: so nearly every call can be answered by a
program that was made before. `named=True` marks programs that must replay at every call after the third.
"""

from __future__ import annotations

import abc
import collections
import contextlib
import copy
import dataclasses
import enum
import functools
import itertools
import logging
import operator
import time
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad import derivatives, grad, hessian, hvp, jacobian, value_and_grad

CALLS = 20

rng = np.random.default_rng(5)
X = rng.normal(size=(8, 3))
Y = np.sign(rng.normal(size=8))
W = rng.normal(size=3)


class Program(NamedTuple):
    """One ordinary program."""

    name: str
    named: bool
    run: Callable[[Callable[[Any], Any]], Iterator[Any]]


PROGRAMS: list[Program] = []


def program(run: Any = None, *, named: bool = False) -> Any:
    """A decorator that adds a program to the collection."""

    def add(run: Any) -> Any:
        known = {each.name: each.run.__code__ for each in PROGRAMS}
        if run.__code__ == known.get(run.__name__):
            return run  # the file was imported a second time, for its doctests
        assert run.__name__ not in known, run.__name__
        PROGRAMS.append(Program(run.__name__, named, run))
        return run

    return add if run is None else add(run)


# ----- models in classes ----------------------------------------------------------------------------------------------


@program(named=True)
def a_model_with_a_history(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.w, self.scale, self.history, self.steps = np.ones(3), 2.0, [], 0

        def loss(self, w: Any, x: Any) -> Any:
            return np.sum(np.tanh(x @ w) ** 2) * self.scale

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        m.w = m.w - 0.01 * g(m.w, X)
        m.steps += 1
        m.history.append(k)
        yield m.w


class Layer:
    """A layer whose calls are counted by whoever trains it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.W, self.b = np.linspace(-1.0, 1.0, inputs * outputs).reshape(inputs, outputs), np.zeros(outputs)
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        return np.tanh(x @ self.W + self.b)


@program(named=True)
def layers_whose_calls_are_counted(compiled: Any) -> Any:
    layers = [Layer(3, 4), Layer(4, 1)]

    def loss(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return np.sum(x * x)

    g = compiled(grad(loss))
    for _ in range(CALLS):
        yield g(X)
        for layer in layers:
            layer.calls += 1


@dataclasses.dataclass
class Settings:
    """What a training is run with."""

    lam: float = 0.1
    kind: str = "logistic"
    iteration: int = 0
    log: list[float] = dataclasses.field(default_factory=list)


@program(named=True)
def a_dataclass_of_settings(compiled: Any) -> Any:
    settings, w = Settings(), W.copy()

    def loss(w: Any) -> Any:
        data = np.sum(np.logaddexp(0.0, -Y * (X @ w))) if settings.kind == "logistic" else np.sum((X @ w - Y) ** 2)
        return data + settings.lam * np.sum(w * w)

    g = compiled(value_and_grad(loss))
    for _ in range(CALLS):
        value, slope = g(w)
        w = w - 0.05 * slope
        settings.iteration += 1
        settings.log.append(float(value))
        yield w


@program(named=True)
def a_configuration_beside_which_epochs_are_counted(compiled: Any) -> Any:
    config: dict[str, Any] = {"lam": 0.1, "epoch": 0, "best": np.inf}
    w = W.copy()
    g = compiled(value_and_grad(lambda w: np.sum((X @ w - Y) ** 2) + config["lam"] * np.sum(w * w)))
    for _ in range(CALLS):
        value, slope = g(w)
        w = w - 0.01 * slope
        config["epoch"] += 1
        config["best"] = min(config["best"], value)
        yield w


@program(named=True)
def a_trainer_that_keeps_the_best_loss(compiled: Any) -> Any:
    class Trainer:
        def __init__(self) -> None:
            self.w, self.rate, self.best, self.since = W.copy(), 0.01, np.inf, 0
            self.gradient = compiled(value_and_grad(self.loss))

        def loss(self, w: Any) -> Any:
            return np.mean((X @ w - Y) ** 2)

        def step(self) -> Any:
            value, slope = self.gradient(self.w)
            if value < self.best:
                self.best, self.since = value, 0
            else:
                self.since += 1
            self.w = self.w - self.rate * slope
            return self.w

    trainer = Trainer()
    for _ in range(CALLS):
        yield trainer.step()


@program(named=True)
def a_generator_in_an_attribute(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.rng, self.scale = np.random.default_rng(0), 0.5

        def loss(self, w: Any, x: Any) -> Any:
            return np.sum((x @ w) ** 2) * self.scale

    m = Model()
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        yield g(W, X[m.rng.permutation(8)[:4]])


@program(named=True)
def a_logger_in_an_attribute(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.logger, self.scale = logging.getLogger("minigrad.ordinary"), 0.5
            self.logger.setLevel(logging.ERROR)

        def loss(self, w: Any) -> Any:
            return np.sum((X @ w) ** 2) * self.scale

        def fit(self) -> Any:
            g, w = compiled(grad(self.loss)), W.copy()
            for k in range(CALLS):
                w = w - 0.01 * g(w)
                self.logger.info("step %d", k)
                yield w

    yield from Model().fit()


@program(named=True)
def an_estimator(compiled: Any) -> Any:
    class Logistic:
        def __init__(self, lam: float = 0.1, steps: int = CALLS) -> None:
            self.lam, self.steps = lam, steps

        def objective(self, w: Any, X: Any, y: Any) -> Any:
            return np.sum(np.logaddexp(0.0, -y * (X @ w))) + self.lam * np.sum(w * w)

        def fit(self, X: Any, y: Any) -> Any:
            g = compiled(grad(self.objective))
            self.coef_, self.n_iter_ = np.zeros(X.shape[1]), 0
            for _ in range(self.steps):
                self.coef_ = self.coef_ - 0.1 * g(self.coef_, X, y)
                self.n_iter_ += 1
                yield self.coef_

    yield from Logistic().fit(X, Y)


@program
def a_network_whose_parameters_are_a_list(compiled: Any) -> Any:
    class Network:
        def __init__(self, sizes: list[int]) -> None:
            fresh = np.random.default_rng(1)
            self.params = [(fresh.normal(size=(m, n)), np.zeros(n)) for m, n in itertools.pairwise(sizes)]
            self.steps = 0

        @staticmethod
        def forward(params: Any, x: Any) -> Any:
            for W, b in params[:-1]:
                x = np.tanh(x @ W + b)
            W, b = params[-1]
            return (x @ W + b)[:, 0]

        def loss(self, params: Any, x: Any, y: Any) -> Any:
            return np.mean((self.forward(params, x) - y) ** 2)

    net = Network([3, 4, 1])
    g = compiled(grad(net.loss))
    for _ in range(CALLS):
        slopes = g(net.params, X, Y)
        net.params = [(W - 0.1 * dW, b - 0.1 * db) for (W, b), (dW, db) in zip(net.params, slopes)]
        net.steps += 1
        yield net.params[0][0]


@program
def a_network_of_layer_objects_with_parameters_in_a_dict(compiled: Any) -> Any:
    class Dense:
        def __init__(self, name: str, activation: Any) -> None:
            self.name, self.activation, self.seen = name, activation, 0

        def __call__(self, params: Any, x: Any) -> Any:
            return self.activation(x @ params[self.name]["W"] + params[self.name]["b"])

    layers = [Dense("first", np.tanh), Dense("second", lambda u: u)]
    params = {"first": {"W": np.ones((3, 2)), "b": np.zeros(2)}, "second": {"W": np.ones((2, 1)), "b": np.zeros(1)}}

    def loss(params: Any, x: Any) -> Any:
        for layer in layers:
            x = layer(params, x)
        return np.mean(x * x)

    g = compiled(grad(loss))
    for _ in range(CALLS):
        slope = g(params, X)
        params = {k: {n: params[k][n] - 0.1 * slope[k][n] for n in params[k]} for k in params}
        for layer in layers:
            layer.seen += len(X)
        yield params["first"]["W"]


@program
def a_model_with_inheritance(compiled: Any) -> Any:
    class Base:
        lam = 0.1

        def __init__(self) -> None:
            self.updates = 0

        def penalty(self, w: Any) -> Any:
            return self.lam * np.sum(w * w)

        def loss(self, w: Any) -> Any:
            return self.data(w) + self.penalty(w)

    class Squares(Base):
        def data(self, w: Any) -> Any:
            return np.sum((X @ w - Y) ** 2)

    m, w = Squares(), W.copy()
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        w = w - 0.01 * g(w)
        m.updates += 1
        yield w


@program
def a_model_that_calls_super(compiled: Any) -> Any:
    class Base:
        def __init__(self) -> None:
            self.count = 0

        def loss(self, w: Any) -> Any:
            return np.sum((X @ w - Y) ** 2)

    class Robust(Base):
        delta = 0.5

        def loss(self, w: Any) -> Any:
            return np.sqrt(super().loss(w) + self.delta)

    m, w = Robust(), W.copy()
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        w = w - 0.01 * g(w)
        m.count += 1
        yield w


@program
def a_model_with_an_abstract_base(compiled: Any) -> Any:
    class Kernel(abc.ABC):
        evaluations = 0

        @abc.abstractmethod
        def __call__(self, d: Any) -> Any: ...

    class Gaussian(Kernel):
        def __init__(self, width: float) -> None:
            self.width = width

        def __call__(self, d: Any) -> Any:
            return np.exp(-((d / self.width) ** 2))

    kernel: Any = Gaussian(2.0)
    g = compiled(grad(lambda x: np.sum(kernel(x[:, None] - x[None, :]))))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        kernel.evaluations += 9


@program
def a_model_with_properties(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self._scale, self._steps = 2.0, 0

        @property
        def scale(self) -> float:
            return self._scale

        @property
        def steps(self) -> int:
            return self._steps

        def loss(self, w: Any) -> Any:
            return np.sum(w * w) * self.scale

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + k)
        m._steps += 1


@program
def a_model_with_slots(compiled: Any) -> Any:
    class Model:
        __slots__ = ("scale", "steps")

        def __init__(self) -> None:
            self.scale, self.steps = 2.0, 0

        def loss(self, w: Any) -> Any:
            return np.sum(np.sin(w)) * self.scale

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + k)
        m.steps += 1


@program
def a_model_with_a_class_method(compiled: Any) -> Any:
    class Model:
        scale, made = 2.0, 0

        @classmethod
        def loss(cls, w: Any) -> Any:
            return np.sum(w**3) * cls.scale

    g = compiled(grad(Model.loss))
    for k in range(CALLS):
        yield g(W + k)
        Model.made += 1


@program
def a_model_with_static_methods(compiled: Any) -> Any:
    class Model:
        log: list[int] = []  # noqa: RUF012

        @staticmethod
        def activation(u: Any) -> Any:
            return np.maximum(u, 0.1 * u)

        def loss(self, w: Any) -> Any:
            return np.sum(self.activation(X @ w))

    m = Model()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + 0.01 * k)
        m.log.append(k)


@program
def a_callable_object(compiled: Any) -> Any:
    class Loss:
        def __init__(self) -> None:
            self.weight, self.last = 0.5, None

        def __call__(self, w: Any) -> Any:
            return self.weight * np.sum((X @ w - Y) ** 2)

    loss: Any = Loss()
    g = compiled(grad(loss))
    w = W.copy()
    for _ in range(CALLS):
        loss.last = g(w)
        w = w - 0.01 * loss.last
        yield w


@program
def a_frozen_dataclass_of_options(compiled: Any) -> Any:
    @dataclasses.dataclass(frozen=True)
    class Options:
        lam: float = 0.1
        power: int = 2

    options, w = Options(), W.copy()
    g = compiled(grad(lambda w: np.sum((X @ w - Y) ** options.power) + options.lam * np.sum(w * w)))
    for _ in range(CALLS):
        w = w - 0.01 * g(w)
        yield w


@program
def a_dataclass_that_is_the_argument(compiled: Any) -> Any:
    @dataclasses.dataclass
    class Params:
        w: Any
        b: Any

    def loss(p: Any) -> Any:
        return np.sum((X @ p.w + p.b - Y) ** 2)

    g = compiled(grad(loss))
    p = Params(W.copy(), np.zeros(()))
    for _ in range(CALLS):
        slope = g(p)
        p = Params(p.w - 0.01 * slope.w, p.b - 0.01 * slope.b)
        yield p.w


@program
def a_named_tuple_that_is_the_argument(compiled: Any) -> Any:
    class Params(NamedTuple):
        w: Any
        b: Any

    g = compiled(grad(lambda p: np.sum((X @ p.w + p.b - Y) ** 2)))
    p = Params(W.copy(), np.zeros(()))
    for _ in range(CALLS):
        slope = g(p)
        p = Params(p.w - 0.01 * slope.w, p.b - 0.01 * slope.b)
        yield p.w


@program
def a_named_tuple_of_options(compiled: Any) -> Any:
    class Options(NamedTuple):
        lam: float
        scale: Any

    options = Options(0.1, np.array([1.0, 2.0, 3.0]))
    g = compiled(grad(lambda w: options.lam * np.sum((w * options.scale) ** 2)))
    for k in range(CALLS):
        yield g(W + k)


@program
def an_enumeration(compiled: Any) -> Any:
    class Penalty(enum.Enum):
        RIDGE = "ridge"
        LASSO = "lasso"

    chosen, w = Penalty.RIDGE, W.copy()

    def loss(w: Any) -> Any:
        penalty = np.sum(w * w) if chosen is Penalty.RIDGE else np.sum(np.abs(w))
        return np.sum((X @ w - Y) ** 2) + penalty

    g = compiled(grad(loss))
    for _ in range(CALLS):
        w = w - 0.01 * g(w)
        yield w


@program
def a_simple_namespace_with_a_counter(compiled: Any) -> Any:
    state = types.SimpleNamespace(lam=0.1, step=0, losses=[])
    w = W.copy()
    g = compiled(value_and_grad(lambda w: np.sum((X @ w) ** 2) + state.lam * np.sum(w * w)))
    for _ in range(CALLS):
        value, slope = g(w)
        w = w - 0.01 * slope
        state.step += 1
        state.losses.append(value)
        yield w


@program
def a_composite_of_models(compiled: Any) -> Any:
    class Part:
        def __init__(self, power: float) -> None:
            self.power, self.used = power, 0

        def __call__(self, u: Any) -> Any:
            return np.abs(u) ** self.power

    class Whole:
        def __init__(self) -> None:
            self.parts = {"a": Part(2.0), "b": Part(3.0)}
            self.report: list[str] = []

        def loss(self, w: Any) -> Any:
            return sum(np.sum(part(w)) for part in self.parts.values())

    m = Whole()
    g = compiled(grad(m.loss))
    for k in range(CALLS):
        yield g(W + k)
        m.parts["a"].used += 1
        m.report.append(str(k))


@program
def a_mixin(compiled: Any) -> Any:
    class Counted:
        count = 0

        def counted(self) -> None:
            self.count += 1

    class Loss(Counted):
        def value(self, w: Any) -> Any:
            return np.sum(np.cosh(w))

    m = Loss()
    g = compiled(grad(m.value))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        m.counted()


@program
def a_model_whose_weights_are_replaced_and_passed(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.w = W.copy()
            self.gradient = compiled(grad(lambda w, x, y: np.mean((x @ w - y) ** 2)))

        def step(self, x: Any, y: Any) -> None:
            self.w = self.w - 0.1 * self.gradient(self.w, x, y)

    m = Model()
    for k in range(CALLS):
        m.step(X[k % 2 :: 2], Y[k % 2 :: 2])
        yield m.w


@program
def a_model_whose_weights_are_written_in_place_and_passed(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.w = W.copy()

        def loss(self, w: Any) -> Any:
            return np.mean((X @ w - Y) ** 2)

    m = Model()
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        m.w -= 0.1 * g(m.w)
        yield m.w.copy()


@program
def a_compiled_method_as_a_decorator(compiled: Any) -> Any:
    @compiled
    def loss(w: Any, x: Any) -> Any:
        return np.sum(np.log1p((x @ w) ** 2))

    for k in range(CALLS):
        yield loss(W + 0.1 * k, X)


@program
def an_autoencoder(compiled: Any) -> Any:
    class Auto:
        def __init__(self) -> None:
            self.epoch, self.tied = 0, True

        def loss(self, p: Any, x: Any) -> Any:
            hidden = np.tanh(x @ p["E"])
            back = hidden @ (p["E"].T if self.tied else p["D"])
            return np.mean((back - x) ** 2)

    m, p = Auto(), {"E": np.linspace(-1.0, 1.0, 6).reshape(3, 2)}
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        p = {"E": p["E"] - 0.1 * g(p, X)["E"]}
        m.epoch += 1
        yield p["E"]


@program
def a_recurrent_network(compiled: Any) -> Any:
    class Cell:
        def __init__(self) -> None:
            self.size, self.last_state = 3, None

        def loss(self, A: Any, xs: Any) -> Any:
            h = np.zeros(self.size)
            for x in xs:
                h = np.tanh(A @ h + x)
            return np.sum(h * h)

    cell: Any = Cell()
    g = compiled(grad(cell.loss))
    A = 0.1 * np.eye(3)
    for _ in range(CALLS):
        A = A - 0.1 * g(A, X)
        cell.last_state = A[0]
        yield A


@program
def a_convolution(compiled: Any) -> Any:
    class Filter:
        def __init__(self) -> None:
            self.padding, self.runs = 1, 0

        def loss(self, k: Any, signal: Any) -> Any:
            padded = np.pad(signal, self.padding)
            out = sum(k[i] * padded[i : i + len(signal)] for i in range(3))
            return np.sum(out**2)

    m = Filter()
    g = compiled(grad(m.loss))
    for i in range(CALLS):
        yield g(W + 0.1 * i, Y)
        m.runs += 1


@program
def attention(compiled: Any) -> Any:
    class Attention:
        def __init__(self) -> None:
            self.scale, self.maps = 3**-0.5, []

        def loss(self, Q: Any, K: Any) -> Any:
            scores = X @ Q @ K.T @ X.T * self.scale
            scores = scores - np.max(scores, axis=1, keepdims=True)
            weights = np.exp(scores)
            weights = weights / np.sum(weights, axis=1, keepdims=True)
            return np.sum((weights @ X) ** 2)

    m = Attention()
    g = compiled(value_and_grad(m.loss))
    for k in range(CALLS):
        value, slope = g(np.eye(3) * (1.0 + 0.01 * k), np.eye(3))
        m.maps.append(value)
        yield slope


@program
def a_gaussian_process(compiled: Any) -> Any:
    class Process:
        def __init__(self) -> None:
            self.noise, self.evidence = 0.1, []

        def negative_log_likelihood(self, theta: Any) -> Any:
            d = np.sum((X[:, None] - X[None]) ** 2, axis=-1)
            K = np.exp(theta[0]) * np.exp(-d * np.exp(theta[1])) + self.noise * np.eye(8)
            return Y @ np.linalg.solve(K, Y) + np.linalg.slogdet(K)[1]

    m, theta = Process(), np.zeros(2)
    g = compiled(value_and_grad(m.negative_log_likelihood))
    for _ in range(CALLS):
        value, slope = g(theta)
        theta = theta - 0.01 * slope
        m.evidence.append(float(value))
        yield theta


@program
def a_mixture(compiled: Any) -> Any:
    class Mixture:
        def __init__(self) -> None:
            self.k, self.iterations = 2, 0

        def loss(self, means: Any) -> Any:
            d = np.sum((X[:, None] - means[None]) ** 2, axis=-1)
            return -np.sum(np.log(np.sum(np.exp(-d), axis=1)))

    m, means = Mixture(), X[:2].copy()
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        means = means - 0.05 * g(means)
        m.iterations += 1
        yield means


# ----- optimisers -----------------------------------------------------------------------------------------------------


def squares(w: Any) -> Any:
    return np.mean((X @ w - Y) ** 2)


class Momentum:
    """Gradient descent with momentum."""

    def __init__(self, rate: float = 0.1) -> None:
        self.rate, self.velocity = rate, np.zeros(3)

    def step(self, w: Any, g: Any) -> Any:
        self.velocity = 0.9 * self.velocity - self.rate * g
        return w + self.velocity


class Adam:
    """Adam, with its moments in attributes."""

    def __init__(self, rate: float = 0.1) -> None:
        self.rate, self.m, self.v, self.t = rate, np.zeros(3), np.zeros(3), 0

    def step(self, w: Any, g: Any) -> Any:
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g * g
        return w - self.rate * self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)


def optimiser(name: str, make: Callable[[], Any]) -> None:
    """A program that trains with an optimiser of its own."""

    def run(compiled: Any) -> Any:
        o, w, g = make(), W.copy(), compiled(grad(squares))
        for _ in range(CALLS):
            w = o.step(w, g(w))
            yield w

    run.__name__ = f"the_optimiser_{name}"
    program(run)


class Sgd:
    """Gradient descent with a schedule."""

    def __init__(self, schedule: Callable[[int], float]) -> None:
        self.schedule, self.k = schedule, 0

    def step(self, w: Any, g: Any) -> Any:
        self.k += 1
        return w - self.schedule(self.k) * g


class Averaged:
    """The average of all iterates, kept beside."""

    def __init__(self) -> None:
        self.mean, self.n = np.zeros(3), 0

    def step(self, w: Any, g: Any) -> Any:
        w = w - 0.1 * g
        self.n += 1
        self.mean = self.mean + (w - self.mean) / self.n
        return w


optimiser("momentum", Momentum)
optimiser("adam", Adam)
optimiser("with_a_falling_rate", lambda: Sgd(lambda k: 0.1 / k))
optimiser("with_a_cosine", lambda: Sgd(lambda k: 0.05 * (1.0 + float(np.cos(np.pi * k / CALLS)))))
optimiser("with_steps", lambda: Sgd(lambda k: 0.1 if k < 10 else 0.01))
optimiser("that_averages", Averaged)


@program
def an_optimiser_that_owns_the_gradient(compiled: Any) -> Any:
    class Optimiser:
        def __init__(self, fun: Any) -> None:
            self.gradient, self.moments, self.t = compiled(grad(fun)), {"m": np.zeros(3)}, 0

        def step(self, w: Any) -> Any:
            self.t += 1
            self.moments["m"] = 0.9 * self.moments["m"] + self.gradient(w)
            return w - 0.05 * self.moments["m"]

    o, w = Optimiser(squares), W.copy()
    for _ in range(CALLS):
        w = o.step(w)
        yield w


@program
def a_model_that_owns_its_optimiser(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.optimiser, self.lam, self.w = Adam(), 0.1, W.copy()

        def loss(self, w: Any) -> Any:
            return squares(w) + self.lam * np.sum(w * w)

    m = Model()
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        m.w = m.optimiser.step(m.w, g(m.w))
        yield m.w


@program
def a_step_that_is_compiled_whole(compiled: Any) -> Any:
    def step(state: Any, x: Any, y: Any) -> Any:
        w, v = state
        g = grad(lambda w: np.mean((x @ w - y) ** 2))(w)
        v = 0.9 * v - 0.1 * g
        return w + v, v

    step, state = compiled(step), (W.copy(), np.zeros(3))
    for _ in range(CALLS):
        state = step(state, X, Y)
        yield state[0]


@program
def a_rate_that_is_an_argument(compiled: Any) -> Any:
    step, w = compiled(lambda w, rate: w - rate * grad(squares)(w)), W.copy()
    for k in range(CALLS):
        w = step(w, 0.1 / (k + 1.0))
        yield w


@program
def newton(compiled: Any) -> Any:
    fun = lambda w: np.sum(np.logaddexp(0.0, -Y * (X @ w))) + 0.5 * np.sum(w * w)
    both, w = compiled(lambda w: (grad(fun)(w), hessian(fun)(w))), W.copy()
    for _ in range(CALLS):
        g, H = both(w)
        w = w - 0.5 * np.linalg.solve(H, g)
        yield w


@program
def conjugate_directions(compiled: Any) -> Any:
    product = compiled(lambda w, v: hvp(squares, w, v))
    v = W.copy()
    for _ in range(CALLS):
        v = product(W, v)
        v = v / np.linalg.norm(v)
        yield v


@program
def gauss_newton(compiled: Any) -> Any:
    residual = lambda w: np.tanh(X @ w) - Y
    J, w = compiled(jacobian(residual)), W.copy()
    for _ in range(CALLS):
        A = J(w)
        w = w - 0.1 * np.linalg.solve(A.T @ A + 0.1 * np.eye(3), A.T @ residual(w))
        yield w


@program
def a_line_search(compiled: Any) -> Any:
    value, slope = compiled(squares), compiled(grad(squares))
    w, tried = W.copy(), 0
    for _ in range(CALLS // 2):
        rate, g, before = 0.5, slope(w), value(w)
        while squares(w - rate * g) > before and rate > 1e-3:
            rate, tried = rate / 2.0, tried + 1
        w = w - rate * g
        yield w


@program
def a_penalty_that_grows_and_is_passed(compiled: Any) -> Any:
    g, w, penalty = compiled(grad(lambda w, mu: squares(w) + mu * (np.sum(w) - 1.0) ** 2)), W.copy(), 1.0
    for _ in range(CALLS):
        w = w - 0.01 * g(w, penalty)
        penalty *= 1.1
        yield w


@program
def an_early_stop(compiled: Any) -> Any:
    class Stop:
        best, patience, bad = np.inf, 5, 0

        def __call__(self, value: float) -> bool:
            self.bad = 0 if value < self.best else self.bad + 1
            self.best = min(self.best, value)
            return self.bad > self.patience

    stop, w, g = Stop(), W.copy(), compiled(value_and_grad(squares))
    for _ in range(CALLS):
        value, slope = g(w)
        if stop(value):
            break
        w = w - 0.1 * slope
        yield w


# ----- data -----------------------------------------------------------------------------------------------------------


@program
def a_loader_of_batches(compiled: Any) -> Any:
    class Loader:
        def __init__(self) -> None:
            self.at, self.rng, self.epoch = 0, np.random.default_rng(0), 0
            self.order = self.rng.permutation(8)

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            if self.at == 8:
                self.at, self.epoch, self.order = 0, self.epoch + 1, self.rng.permutation(8)
            part = self.order[self.at : self.at + 4]
            self.at += 4
            return X[part], Y[part]

    g, w = compiled(grad(lambda w, x, y: np.mean((x @ w - y) ** 2))), W.copy()
    for x, y in itertools.islice(Loader(), CALLS):
        w = w - 0.1 * g(w, x, y)
        yield w


@program
def batches_of_a_generator_function(compiled: Any) -> Any:
    def batches() -> Any:
        fresh = np.random.default_rng(3)
        while True:
            yield fresh.normal(size=(4, 3))

    g = compiled(grad(lambda w, x: np.sum(np.tanh(x @ w) ** 2)))
    for x, _ in zip(batches(), range(CALLS)):
        yield g(W, x)


@program
def batches_of_two_sizes(compiled: Any) -> Any:
    g = compiled(grad(lambda w, x: np.sum(np.tanh(x @ w) ** 2)))
    for k in range(CALLS):
        yield g(W, X[: 4 + 4 * (k % 2)])


@program
def one_example_at_a_time(compiled: Any) -> Any:
    g, w = compiled(grad(lambda w, x, y: (x @ w - y) ** 2)), W.copy()
    for k in range(CALLS):
        w = w - 0.05 * g(w, X[k % 8], Y[k % 8])
        yield w


@program
def data_in_an_attribute(compiled: Any) -> Any:
    class Problem:
        def __init__(self) -> None:
            self.X, self.y, self.evaluations = X.copy(), Y.copy(), 0

        def loss(self, w: Any) -> Any:
            return np.mean((self.X @ w - self.y) ** 2)

    p, w = Problem(), W.copy()
    g = compiled(grad(p.loss))
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        p.evaluations += 1
        yield w


@program
def data_with_names(compiled: Any) -> Any:
    data = {"train": (X, Y), "test": (X[:2], Y[:2])}
    scores: dict[str, list[float]] = {"train": [], "test": []}
    g, w = compiled(grad(lambda w: np.mean((data["train"][0] @ w - data["train"][1]) ** 2))), W.copy()
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        for name, (x, y) in data.items():
            scores[name].append(float(np.mean((x @ w - y) ** 2)))
        yield w


@program
def noise_that_is_an_argument(compiled: Any) -> Any:
    fresh, g = np.random.default_rng(0), compiled(grad(lambda w, noise: np.sum((X @ w + noise) ** 2)))
    for _ in range(CALLS):
        yield g(W, fresh.normal(size=8))


@program
def dropout_masks_that_are_arguments(compiled: Any) -> Any:
    fresh, g = np.random.default_rng(0), compiled(grad(lambda w, mask: np.sum(np.tanh(X @ w) * mask)))
    for _ in range(CALLS):
        yield g(W, (fresh.random(8) < 0.5).astype(float))


@program
def weights_of_examples(compiled: Any) -> Any:
    g, w, weights = compiled(grad(lambda w, c: np.sum(c * (X @ w - Y) ** 2))), W.copy(), np.ones(8)
    for _ in range(CALLS):
        w = w - 0.01 * g(w, weights)
        weights = 1.0 / (1.0 + (X @ w - Y) ** 2)
        yield w


@program
def cross_validation(compiled: Any) -> Any:
    g, scores = compiled(grad(lambda w, x, y, lam: np.mean((x @ w - y) ** 2) + lam * np.sum(w * w))), {}
    for lam in (0.01, 0.1):
        w = np.zeros(3)
        for k in range(CALLS // 2):
            part = np.arange(8) % 2 == k % 2
            w = w - 0.1 * g(w, X[part], Y[part], lam)
            yield w
        scores[lam] = w


@program
def a_buffer_of_past_results(compiled: Any) -> Any:
    buffer: collections.deque[Any] = collections.deque(maxlen=5)
    g, w = compiled(grad(squares)), W.copy()
    for _ in range(CALLS):
        buffer.append(g(w))
        w = w - 0.1 * np.mean(list(buffer), axis=0)
        yield w


@program
def normalisation_with_running_statistics_outside(compiled: Any) -> Any:
    class Norm:
        def __init__(self) -> None:
            self.mean, self.var, self.eps = np.zeros(3), np.ones(3), 1e-5

        def update(self, x: Any) -> None:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
            self.var = 0.9 * self.var + 0.1 * x.var(axis=0)

        def loss(self, w: Any, x: Any) -> Any:
            z = (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + self.eps)
            return np.sum((z @ w) ** 2)

    norm = Norm()
    g = compiled(grad(norm.loss))
    for k in range(CALLS):
        x = X * (1.0 + k)
        yield g(W, x)
        norm.update(x)


# ----- functions ------------------------------------------------------------------------------------------------------


@program
def a_closure_with_a_constant(compiled: Any) -> Any:
    def make(lam: float) -> Any:
        return lambda w: squares(w) + lam * np.sum(w * w)

    g, w = compiled(grad(make(0.1))), W.copy()
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        yield w


@program
def a_closure_beside_a_counter(compiled: Any) -> Any:
    lam, count, w = 0.1, 0, W.copy()

    def loss(w: Any) -> Any:
        return squares(w) + lam * np.sum(w * w)

    def counted() -> None:
        nonlocal count
        count += 1

    g = compiled(grad(loss))
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        counted()
        yield w


@program
def a_partial_of_a_function(compiled: Any) -> Any:
    def loss(lam: float, w: Any) -> Any:
        return squares(w) + lam * np.sum(w * w)

    g, w = compiled(grad(functools.partial(loss, 0.1))), W.copy()
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        yield w


@program
def a_partial_with_a_keyword(compiled: Any) -> Any:
    def loss(w: Any, *, lam: float, kind: str = "ridge") -> Any:
        return squares(w) + lam * (np.sum(w * w) if kind == "ridge" else np.sum(np.abs(w)))

    g, w = compiled(grad(functools.partial(loss, lam=0.1, kind="lasso"))), W.copy()
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        yield w


@program
def keywords_at_the_call(compiled: Any) -> Any:
    def loss(w: Any, *, lam: float = 0.1, kind: str = "ridge") -> Any:
        return squares(w) + lam * (np.sum(w * w) if kind == "ridge" else np.sum(np.abs(w)))

    g, w = compiled(grad(loss)), W.copy()
    for k in range(CALLS):
        w = w - 0.1 * g(w, lam=0.1 / (k + 1.0), kind="ridge")
        yield w


@program
def a_decorator_of_ones_own(compiled: Any) -> Any:
    def scaled(factor: float) -> Any:
        def decorate(fun: Any) -> Any:
            @functools.wraps(fun)
            def wrapped(*args: Any) -> Any:
                return factor * fun(*args)

            return wrapped

        return decorate

    @scaled(2.0)
    def loss(w: Any) -> Any:
        return np.sum(np.sin(w))

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W + k)


@program
def a_dict_of_activations(compiled: Any) -> Any:
    activations = {"tanh": np.tanh, "relu": lambda u: np.maximum(u, 0.0), "softplus": lambda u: np.logaddexp(0.0, u)}
    used: collections.Counter[str] = collections.Counter()

    def loss(w: Any, kind: str) -> Any:
        return np.sum(activations[kind](X @ w))

    g = compiled(grad(loss))
    for k in range(CALLS):
        kind = ("tanh", "softplus")[k % 2]
        used[kind] += 1
        yield g(W + 0.01 * k, kind)


@program
def a_composition(compiled: Any) -> Any:
    layers = [np.tanh, np.sin, lambda u: u * 2.0]
    composed = functools.reduce(lambda f, g: lambda u: g(f(u)), layers)
    g = compiled(grad(lambda w: np.sum(composed(w))))
    for k in range(CALLS):
        yield g(W + 0.1 * k)


@program
def a_recursive_function(compiled: Any) -> Any:
    def power(x: Any, n: int) -> Any:
        return 1.0 if n == 0 else x * power(x, n - 1)

    g = compiled(grad(lambda w: np.sum(power(w, 5))))
    for k in range(CALLS):
        yield g(W + 0.1 * k)


@program
def a_cached_table_beside(compiled: Any) -> Any:
    @functools.lru_cache
    def nodes(n: int) -> Any:
        return np.linspace(0.0, 1.0, n)

    cache: dict[int, Any] = {}
    g = compiled(grad(lambda w: np.sum(np.sin(nodes(4)[:, None] * w))))
    for k in range(CALLS):
        cache[k] = g(W + k)
        yield cache[k]


@program
def a_cache_of_compiled_functions(compiled: Any) -> Any:
    cache: dict[str, Any] = {}

    def gradient_of(name: str) -> Any:
        if name not in cache:
            cache[name] = compiled(grad(lambda w: np.sum(getattr(np, name)(w))))
        return cache[name]

    for k in range(CALLS):
        yield gradient_of(("sin", "exp")[k % 2])(W + 0.01 * k)


@program
def a_results_cache_in_the_object(compiled: Any) -> Any:
    class Problem:
        def __init__(self) -> None:
            self.cache: dict[bytes, Any] = {}
            self.hits, self.scale = 0, 2.0
            self.gradient = compiled(grad(self.loss))

        def loss(self, w: Any) -> Any:
            return self.scale * squares(w)

        def cached(self, w: Any) -> Any:
            key = w.tobytes()
            if key not in self.cache:
                self.cache[key] = self.gradient(w)
            return self.cache[key]

    p = Problem()
    for k in range(CALLS):
        yield p.cached(W + k)


@program
def a_timer(compiled: Any) -> Any:
    class Timed:
        def __init__(self, fun: Any) -> None:
            self.fun, self.seconds, self.calls = fun, 0.0, 0

        def __call__(self, *args: Any) -> Any:
            start = time.perf_counter()
            result = self.fun(*args)
            self.seconds += time.perf_counter() - start
            self.calls += 1
            return result

    g, w = Timed(compiled(grad(squares))), W.copy()
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        yield w


@program
def a_context_beside(compiled: Any) -> Any:
    depth = []

    @contextlib.contextmanager
    def section(name: str) -> Any:
        depth.append(name)
        yield
        depth.pop()

    g = compiled(grad(squares))
    for k in range(CALLS):
        with section(f"step {k}"):
            yield g(W + k)


@program
def callbacks_after_each_step(compiled: Any) -> Any:
    class Trainer:
        def __init__(self) -> None:
            self.callbacks, self.w, self.seen = [self.record], W.copy(), []
            self.g = compiled(grad(self.loss))

        def record(self, w: Any) -> None:
            self.seen.append(w.copy())

        def loss(self, w: Any) -> Any:
            return squares(w)

    t = Trainer()
    for _ in range(CALLS):
        t.w = t.w - 0.1 * t.g(t.w)
        for callback in t.callbacks:
            callback(t.w)
        yield t.w


@program
def a_sum_over_terms(compiled: Any) -> Any:
    terms = [(0.5, squares), (0.1, lambda w: np.sum(np.abs(w))), (2.0, lambda w: np.sum(w**4))]
    g = compiled(grad(lambda w: sum(weight * term(w) for weight, term in terms)))
    for k in range(CALLS):
        yield g(W + 0.1 * k)


@program
def a_loss_registered_by_name(compiled: Any) -> Any:
    registry: dict[str, Any] = {}

    def register(fun: Any) -> Any:
        registry[fun.__name__] = fun
        return fun

    @register
    def quadratic(w: Any) -> Any:
        return np.sum(w * w)

    g = compiled(grad(lambda w: registry["quadratic"](w)))
    for k in range(CALLS):
        yield g(W + k)
        register(lambda w, k=k: k)


@program
def operators_as_functions(compiled: Any) -> Any:
    g = compiled(grad(lambda w: functools.reduce(operator.add, [w[i] ** 2 for i in range(3)])))
    for k in range(CALLS):
        yield g(W + k)


@program
def a_while_loop(compiled: Any) -> Any:
    def loss(w: Any) -> Any:
        n = 0
        while n < 5:
            w = np.sin(w) + 0.1 * w
            n += 1
        return np.sum(w)

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W + 0.01 * k)


@program
def a_branch_on_the_sign(compiled: Any) -> Any:
    g = compiled(grad(lambda x: x * x if x > 0.0 else -x))
    for k in range(CALLS):
        yield g(1.0 if k % 2 else -1.0)


@program
def a_branch_on_a_shape(compiled: Any) -> Any:
    def loss(x: Any) -> Any:
        x = x[None] if x.ndim == 1 else x
        return np.sum((x @ W) ** 2) / len(x)

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(X[0] if k % 2 else X)


@program
def an_optional_argument(compiled: Any) -> Any:
    def loss(w: Any, mask: Any = None) -> Any:
        r = X @ w - Y
        return np.sum(r * r) if mask is None else np.sum(r * r * mask)

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W, np.ones(8) * k) if k % 2 else g(W)


@program
def a_flag_that_is_an_argument(compiled: Any) -> Any:
    g = compiled(grad(lambda w, training: squares(w) + (0.1 * np.sum(w * w) if training else 0.0)))
    for k in range(CALLS):
        yield g(W + k, k % 2 == 0)


@program
def type_checks(compiled: Any) -> Any:
    def loss(layers: Any) -> Any:
        if isinstance(layers, (list, tuple)):
            return sum(np.sum(w * w) for w in layers)
        raise TypeError

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g([W + k, W * k])[0]


@program
def messages_that_are_not_needed(compiled: Any) -> Any:
    def loss(w: Any) -> Any:
        if len(w) != 3:
            raise ValueError(f"three weights, not {len(w)}")
        assert w.ndim == 1, "a vector"
        return squares(w)

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W + k)


# ----- globals and modules --------------------------------------------------------------------------------------------

LAM = 0.1
STEPS = 0
HISTORY: list[float] = []
CONFIG: dict[str, Any] = {"lam": 0.1, "verbose": False, "step": 0}


def loss_with_globals(w: Any) -> Any:
    return squares(w) + LAM * np.sum(w * w)


@program
def globals_beside_a_counter(compiled: Any) -> Any:
    global STEPS
    g, w = compiled(grad(loss_with_globals)), W.copy()
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        STEPS += 1
        HISTORY.append(1.0)
        yield w


def loss_with_a_configuration(w: Any) -> Any:
    return squares(w) + CONFIG["lam"] * np.sum(w * w)


@program
def a_global_configuration(compiled: Any) -> Any:
    g, w = compiled(value_and_grad(loss_with_a_configuration)), W.copy()
    for _ in range(CALLS):
        value, slope = g(w)
        w = w - 0.1 * slope
        CONFIG["step"] += 1
        CONFIG["last"] = value
        yield w


@program
def a_module_of_settings(compiled: Any) -> Any:
    settings: Any = types.ModuleType("settings")
    settings.lam, settings.step = 0.1, 0
    g, w = compiled(grad(lambda w: squares(w) + settings.lam * np.sum(w * w))), W.copy()
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        settings.step += 1
        yield w


@program
def nested_configuration(compiled: Any) -> Any:
    config: dict[str, Any] = {"model": {"lam": 0.1, "layers": [1.0, 2.0]}, "run": {"step": 0, "log": []}}
    g = compiled(grad(lambda w: squares(w) * config["model"]["layers"][1] + config["model"]["lam"] * np.sum(w * w)))
    for k in range(CALLS):
        yield g(W + k)
        config["run"]["step"] += 1
        config["run"]["log"].append(k)


@program
def a_list_of_dicts_of_parameters(compiled: Any) -> Any:
    params = [{"W": np.eye(3), "b": np.zeros(3)} for _ in range(2)]

    def loss(params: Any, x: Any) -> Any:
        for layer in params:
            x = np.tanh(x @ layer["W"] + layer["b"])
        return np.sum(x * x)

    g = compiled(grad(loss))
    for _ in range(CALLS):
        slopes = g(params, X)
        params = [{k: p[k] - 0.1 * s[k] for k in p} for p, s in zip(params, slopes)]
        yield params[0]["W"]


@program
def a_tuple_of_hyperparameters(compiled: Any) -> Any:
    lam, power = hyper = (0.1, 2)
    g = compiled(grad(lambda w: hyper[0] * np.sum(np.abs(w) ** hyper[1]) + lam * np.sum(w**power)))
    for k in range(CALLS):
        yield g(W + k)


@program
def parameters_flattened_by_hand(compiled: Any) -> Any:
    shapes, steps = [(3, 2), (2,)], []

    def unpacked(theta: Any) -> Any:
        at, parts = 0, []
        for shape in shapes:
            size = int(np.prod(shape))
            parts.append(theta[at : at + size].reshape(shape))
            at += size
        return parts

    def loss(theta: Any) -> Any:
        A, b = unpacked(theta)
        return np.sum(np.tanh(X @ A + b) ** 2)

    g, theta = compiled(grad(loss)), np.linspace(-1.0, 1.0, 8)
    for k in range(CALLS):
        theta = theta - 0.1 * g(theta)
        steps.append(k)
        yield theta


# ----- sciences -------------------------------------------------------------------------------------------------------


@program
def an_integrator(compiled: Any) -> Any:
    class Pendulum:
        def __init__(self) -> None:
            self.length, self.dt, self.trace = 1.0, 0.1, []

        def energy(self, q: Any, p: Any) -> Any:
            return 0.5 * np.sum(p * p) - np.sum(np.cos(q)) / self.length

    m = Pendulum()
    force = compiled(grad(m.energy))
    q, p = W.copy(), np.zeros(3)
    for _ in range(CALLS):
        p = p - m.dt * force(q, p)
        q = q + m.dt * p
        m.trace.append(q)
        yield q


@program
def a_simulation_with_parameters(compiled: Any) -> Any:
    @dataclasses.dataclass
    class World:
        gravity: float = 9.81
        drag: float = 0.1
        time: float = 0.0
        steps: int = 0

    world = World()

    def height(v0: Any) -> Any:
        v, h = v0, 0.0
        for _ in range(4):
            v = v - 0.1 * (world.gravity + world.drag * v)
            h = h + 0.1 * v
        return h

    g = compiled(grad(height))
    for k in range(CALLS):
        yield g(10.0 + k)
        world.time += 0.1
        world.steps += 1


@program
def a_sampler(compiled: Any) -> Any:
    class Langevin:
        def __init__(self) -> None:
            self.rng, self.accepted, self.samples = np.random.default_rng(0), 0, []
            self.score = compiled(grad(self.log_density))

        def log_density(self, x: Any) -> Any:
            return -0.5 * np.sum(x * x) - np.sum(np.log1p(np.exp(-x)))

        def step(self, x: Any) -> Any:
            x = x + 0.1 * self.score(x) + 0.4 * self.rng.normal(size=3)
            self.accepted += 1
            self.samples.append(x)
            return x

    sampler, x = Langevin(), W.copy()
    for _ in range(CALLS):
        x = sampler.step(x)
        yield x


@program
def bandits(compiled: Any) -> Any:
    class Policy:
        def __init__(self) -> None:
            self.rewards, self.rng = [], np.random.default_rng(0)

        def log_probability(self, theta: Any, action: Any) -> Any:
            return np.sum(theta * action) - np.log(np.sum(np.exp(theta)))

    policy, theta = Policy(), np.zeros(3)
    g = compiled(grad(policy.log_probability))
    for _ in range(CALLS):
        a = policy.rng.integers(3)
        reward = float(a == 1)
        theta = theta + 0.5 * reward * g(theta, np.eye(3)[a])
        policy.rewards.append(reward)
        yield theta


@program
def a_physical_unit(compiled: Any) -> Any:
    class Unit:
        def __init__(self, factor: float) -> None:
            self.factor, self.conversions = factor, 0

        def __call__(self, value: Any) -> Any:
            return value * self.factor

    metre = Unit(1000.0)
    g = compiled(grad(lambda x: np.sum(metre(x) ** 2)))
    for k in range(CALLS):
        yield g(W + k)
        metre.conversions += 1


@program
def an_implicit_len_and_iter(compiled: Any) -> Any:
    class Stack:
        def __init__(self) -> None:
            self.matrices, self.log = [np.eye(3), 2.0 * np.eye(3)], []

        def __len__(self) -> int:
            return len(self.matrices)

        def __iter__(self) -> Any:
            return iter(self.matrices)

        def __getitem__(self, i: int) -> Any:
            return self.matrices[i]

    stack = Stack()

    def loss(w: Any) -> Any:
        for A in stack:
            w = np.tanh(A @ w)
        return np.sum(w) / len(stack) + np.sum(stack[0] @ w)

    g = compiled(grad(loss))
    for k in range(CALLS):
        yield g(W + 0.1 * k)
        stack.log.append(k)


@program
def derivatives_of_high_order(compiled: Any) -> Any:
    class Series:
        def __init__(self) -> None:
            self.order, self.uses = 3, 0

        def at(self, x: Any) -> Any:
            return derivatives(lambda u: np.sin(u) * u, x, self.order)

    s = Series()
    f = compiled(s.at)
    for k in range(CALLS):
        yield f(0.1 * k)
        s.uses += 1


@program
def a_deep_copy_of_the_model_beside(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.w, self.scale = W.copy(), 0.5

        def loss(self, w: Any) -> Any:
            return squares(w) * self.scale

    m = Model()
    best = copy.deepcopy(m)
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        m.w = m.w - 0.1 * g(m.w)
        best = copy.deepcopy(m)
        yield best.w


@program
def two_models_that_share_a_loss(compiled: Any) -> Any:
    class Model:
        def __init__(self, scale: float) -> None:
            self.scale, self.steps, self.w = scale, 0, W.copy()
            self.g = compiled(grad(self.loss))

        def loss(self, w: Any) -> Any:
            return squares(w) * self.scale

    models = [Model(0.5), Model(1.0)]
    for k in range(CALLS):
        m = models[k % 2]
        m.w = m.w - 0.1 * m.g(m.w)
        m.steps += 1
        yield m.w


@program
def a_method_that_is_compiled_in_its_class(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.scale, self.steps = 0.5, 0

        @compiled
        def loss(self, w: Any) -> Any:
            return squares(w) * self.scale

    m = Model()
    for k in range(CALLS):
        yield m.loss(W + k)
        m.steps += 1


@program
def a_teacher_and_a_student(compiled: Any) -> Any:
    teacher, student, moved = np.array([1.0, -1.0, 0.5]), W.copy(), []
    g = compiled(grad(lambda w: np.mean((np.tanh(X @ w) - np.tanh(X @ teacher)) ** 2)))
    for _ in range(CALLS):
        student = student - 0.1 * g(student)
        moved.append(student)
        yield student


@program
def exponential_moving_weights(compiled: Any) -> Any:
    class Ema:
        def __init__(self) -> None:
            self.shadow, self.decay = W.copy(), 0.9

        def update(self, w: Any) -> None:
            self.shadow = self.decay * self.shadow + (1.0 - self.decay) * w

    ema, w, g = Ema(), W.copy(), compiled(grad(squares))
    for _ in range(CALLS):
        w = w - 0.1 * g(w)
        ema.update(w)
        yield ema.shadow


@program
def a_warm_start(compiled: Any) -> Any:
    g, path, w = compiled(grad(lambda w, lam: squares(w) + lam * np.sum(w * w))), {}, np.zeros(3)
    for lam in (1.0, 0.1):
        for _ in range(CALLS // 2):
            w = w - 0.1 * g(w, lam)
            yield w
        path[lam] = w


@program
def a_matrix_factorisation(compiled: Any) -> Any:
    class Factors:
        def __init__(self) -> None:
            self.rank, self.errors = 2, []

        def loss(self, U: Any, V: Any) -> Any:
            return np.sum((U @ V.T - X) ** 2)

    m = Factors()
    g = compiled(grad(lambda p: m.loss(*p)))
    p = (np.ones((8, 2)) * 0.1, np.linspace(0.0, 1.0, 6).reshape(3, 2))
    for _ in range(CALLS):
        slope = g(p)
        p = tuple(a - 0.01 * b for a, b in zip(p, slope))
        m.errors.append(float(m.loss(*p)))
        yield p[0]


@program
def a_softmax_classifier(compiled: Any) -> Any:
    class Softmax:
        def __init__(self) -> None:
            self.classes, self.epoch, self.labels = 2, 0, (Y > 0.0).astype(int)

        def loss(self, A: Any) -> Any:
            scores = X @ A
            shifted = scores - np.max(scores, axis=1, keepdims=True)
            logs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
            return -np.mean(logs[np.arange(8), self.labels])

    m, A = Softmax(), np.zeros((3, 2))
    g = compiled(grad(m.loss))
    for _ in range(CALLS):
        A = A - 0.5 * g(A)
        m.epoch += 1
        yield A


@program
def weights_in_a_custom_mapping(compiled: Any) -> Any:
    class Bag(collections.abc.MutableMapping):  # type: ignore[type-arg]
        def __init__(self, **entries: Any) -> None:
            self.entries, self.writes = entries, 0

        def __getitem__(self, key: str) -> Any:
            return self.entries[key]

        def __setitem__(self, key: str, value: Any) -> None:
            self.entries[key] = value
            self.writes += 1

        def __delitem__(self, key: str) -> None:
            del self.entries[key]

        def __iter__(self) -> Any:
            return iter(self.entries)

        def __len__(self) -> int:
            return len(self.entries)

    bag = Bag(lam=0.1, step=0)
    g = compiled(grad(lambda w: squares(w) + bag["lam"] * np.sum(w * w)))
    for k in range(CALLS):
        yield g(W + k)
        bag["step"] = k


@program
def a_default_dict_of_metrics(compiled: Any) -> Any:
    class Model:
        def __init__(self) -> None:
            self.metrics, self.lam = collections.defaultdict(list), 0.1

        def loss(self, w: Any) -> Any:
            return squares(w) + self.lam * np.sum(w * w)

    m, w = Model(), W.copy()
    g = compiled(value_and_grad(m.loss))
    for _ in range(CALLS):
        value, slope = g(w)
        m.metrics["loss"].append(float(value))
        w = w - 0.1 * slope
        yield w
