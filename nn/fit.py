"""Training by mini-batches, with all that long trainings need: checkpoints, early stopping, an end at any moment.

`nn.train` is the gradient descent of the tour; this is for data of one's own. All randomness follows from the seed and
the number of the epoch, so a checkpoint holds the random state with these two, and a training that is taken up again
computes the same bits as one that was never stopped. That needs the same machine and the same versions of libraries.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy

import minigrad.numpy as np
from minigrad import compile, grad, jvp, summed, value_and_grad  # noqa: A004 - it is not Python's compile
from minigrad.optimize import minimize
from nn import checkpoint
from nn.arrays import Array, Labels
from nn.checkpoint import CheckpointError
from nn.data import split
from nn.loss import softmax
from nn.mlp import forward, init, parameters, predict
from nn.record import Record
from nn.samples import Block, Samples, block_size, class_weights, spooled
from nn.train import DivergedError, History

Optimizer = Literal["adam", "momentum", "sgd", "L-BFGS-B", "Newton-CG"]
Schedule = Literal["constant", "cosine", "halving"]
OPTIMIZERS = ("adam", "momentum", "sgd", "L-BFGS-B", "Newton-CG")
SCHEDULES = ("constant", "cosine", "halving")
WHOLE = ("L-BFGS-B", "Newton-CG")  # these take all samples at once

Parameters = tuple[list[Array], list[Array]]


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        hidden: the widths of the hidden layers.
        optimizer: "adam", "momentum" or "sgd" by mini-batches; "L-BFGS-B" or "Newton-CG" on all samples.
        epochs: how often all samples are seen; for the last two optimisers, the largest number of iterations.
        batch: samples in a mini-batch; the last of an epoch may be smaller.
        rate: the step size at the start, on the loss per sample.
        schedule: "constant"; "cosine", to zero along half a wave; or "halving", after each quarter of the epochs.
        momentum: the part of the velocity that "momentum" keeps.
        l2: weight of half the sum of squares of all weights, beside the loss per sample.
        class_weight: a factor for the samples of each class; "balanced" makes all classes count the same.
        validation: share of the samples that is held out to decide when to stop; 0 for none.
        patience: stop after so many epochs without a better validation loss, and return the best parameters.
        seed: of the parameters, the held-out samples and the order of the others.
        last: whether the last layer has its activation too, as in the tour.
        follow: whether to take accuracies, too, after each epoch.

    Raises:
        ValueError: if one of them is out of its range.
    """

    hidden: tuple[int, ...] = (64,)
    optimizer: Optimizer = "adam"
    epochs: int = 200
    batch: int = 64
    rate: float = 1e-3
    schedule: Schedule = "constant"
    momentum: float = 0.9
    l2: float = 0.0
    class_weight: tuple[float, ...] | Literal["balanced"] | None = None
    validation: float = 0.0
    patience: int | None = None
    seed: int = 0
    last: bool = False
    follow: bool = False

    def __post_init__(self) -> None:
        rules = {
            "hidden": all(width >= 1 for width in self.hidden),
            "optimizer": self.optimizer in OPTIMIZERS,
            "epochs": self.epochs >= 0,
            "batch": self.batch >= 1,
            "rate": 0.0 < self.rate < math.inf,
            "schedule": self.schedule in SCHEDULES,
            "momentum": 0.0 <= self.momentum < 1.0,
            "l2": 0.0 <= self.l2 < math.inf,
            "validation": 0.0 <= self.validation < 1.0,
            "patience": self.patience is None or (self.patience >= 1 and self.validation > 0.0),
            "seed": self.seed >= 0,
        }
        for name, fits in rules.items():
            if not fits:
                advice = {
                    "optimizer": f"; there are {', '.join(OPTIMIZERS)}",
                    "schedule": f"; there are {', '.join(SCHEDULES)}",
                    "patience": "; it is at least 1, and needs a share for validation above 0",
                }.get(name, "")
                raise ValueError(f"{name} cannot be {getattr(self, name)!r}{advice}")


@dataclass(frozen=True)
class State:
    """A training after some steps: all that the next steps depend on, so all that a checkpoint holds.

    Attributes:
        theta: the parameters in one vector, shape (m,): all weights, then all biases.
        first, second: what the optimiser remembers, shape (m,): the velocity; the means of the gradients and of their
            squares; the parameters at which a search by SciPy has begun.
        best: the parameters with the lowest validation loss, shape (m,).
        best_loss: that loss.
        waited: epochs since then.
        step: steps taken.
        before: steps that earlier trainings had taken, from which this one has its parameters and memory.
        partial: the sum of the losses of the samples seen in this epoch.
        losses: loss per training sample, for each epoch, shape (epochs,).
        validation_losses: the same for held-out samples, if there are any.
        accuracies, validation_accuracies: share of these samples that are classified correctly after each epoch, if
            that is followed; of more than 10,000 training samples, so many of them stand for all.
        record: what a search by SciPy has been told until now, while there is more to do, see `nn.record`.
        ended: "" while there is more to do, "epochs", "patience" or "converged".
    """

    theta: Array
    first: Array
    second: Array
    best: Array
    best_loss: float = math.inf
    waited: int = 0
    step: int = 0
    before: int = 0
    partial: float = 0.0
    losses: Array = field(default_factory=lambda: numpy.zeros(0))
    validation_losses: Array = field(default_factory=lambda: numpy.zeros(0))
    accuracies: Array = field(default_factory=lambda: numpy.zeros(0))
    validation_accuracies: Array = field(default_factory=lambda: numpy.zeros(0))
    record: Array = field(default_factory=lambda: numpy.zeros(0))
    ended: str = ""


VECTORS = ("theta", "first", "second", "best")
NUMBERS = ("best_loss", "partial")  # stored as arrays: JSON has no infinity
SERIES = ("losses", "validation_losses", "accuracies", "validation_accuracies", "record")
NOTE = "note."  # what the names of the caller's arrays begin with in a checkpoint
FOLLOWED = 10_000  # training samples on which the accuracy is followed


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Attributes:
        A, b: its parameters: the best on held-out samples if there are such, else the last.
        settings: how it was trained.
        state: the training at its end.
        interrupted: whether it was ended by Ctrl-C.
        note: what the caller of `fit` wanted to be kept beside it.
    """

    A: list[Array]
    b: list[Array]
    settings: Settings
    state: State
    interrupted: bool = False
    note: Mapping[str, Any] = field(default_factory=dict)

    def probabilities(self, x: Any) -> Array:
        """The probability of each class for the samples x, which may be sparse, shape (p, n) to (k, n)."""
        if hasattr(x, "tocsr"):
            columns, ends = x.tocsc(), [*range(0, x.shape[1], block_size(x.shape[0])), x.shape[1]]
            parts = [self.probabilities(columns[:, a:b].toarray()) for a, b in pairwise(ends)]
            return numpy.concatenate(parts or [numpy.zeros((self.A[-1].shape[0], 0))], axis=1)
        return softmax(forward(self.A, self.b, x, last=self.settings.last)[-1])


def loss_per_sample(parameters: Parameters, x: Array, Y: Array, weight: Array, l2: float, *, last: bool = False) -> Any:
    """The logistic loss per sample, each times its weight, with half of l2 times the squares of the weights A."""
    A, b = parameters
    z = forward(A, b, x, last=last)[-1]
    data = np.sum(weight * (np.logsumexp(z, axis=0) - np.sum(z * Y, axis=0))) / x.shape[1]
    if l2 == 0.0:  # a sixth of the time of a step of [64, 64, 10] would go into nothing
        return data
    return data + 0.5 * l2 * sum(np.sum(a * a) for a in A)


def fit(
    x: Any,
    y: Labels | None = None,
    settings: Settings | None = None,
    *,
    classes: int | None = None,
    start: Parameters | State | None = None,
    path: str | Path | None = None,
    every: int = 100,
    watch: Callable[[State], None] | None = None,
    note: Mapping[str, Any] | None = None,
) -> Fitted:
    """Train a network for classification.

    Data may be larger than memory: a memory map is read a few samples at a time, by all optimisers. Blocks are first
    written to a temporary file beside the checkpoint, or else where temporary files go, for mini-batches take samples
    from everywhere.

    Args:
        x: samples in columns, shape (p, n): an array, a memory map, or a sparse matrix of SciPy. Or an iterator over
            blocks `(x, y)`; `y` is then left out.
        y: labels 0..k-1, shape (n,).
        settings: how to train; the defaults of `Settings` if None.
        classes: the number k of classes; the largest label tells if None.
        start: (A, b), the parameters to start from, which are not changed; or the `State` of another training with
            the same optimiser and widths, whose memory is taken over, too. Parameters are drawn at random if None.
        path: a file for checkpoints, see `resume`; one that is there is replaced. None for no checkpoints.
        every: steps between two checkpoints.
        watch: called with the `State` after each step.
        note: arrays and values that JSON knows, to be kept in each checkpoint and in the result.

    Returns:
        A `Fitted`. Ctrl-C ends the training and returns what was learned so far, after a checkpoint.

    Raises:
        DivergedError: if the loss is no longer finite; it holds the parameters before that step.
        ValueError: if the data has NaN or infinite numbers (the first is named), or shapes and labels do not fit.
        OSError: if a checkpoint cannot be written.

    >>> x, y = numpy.array([[-1.0, -0.8, 0.9, 1.0]]), numpy.array([0, 0, 1, 1])
    >>> fitted = fit(x, y, Settings(hidden=(4,), epochs=200, rate=0.02))
    >>> fitted.probabilities(x).argmax(axis=0)
    array([0, 0, 1, 1])
    """
    settings = Settings() if settings is None else settings
    samples = _samples(x, y, classes, path)
    widths = [samples.p, *settings.hidden, samples.k]
    if start is None:
        A, b = init(widths, settings.seed)
        start = [a / math.sqrt(a.shape[1]) for a in A], [0.0 * c for c in b]
    if isinstance(start, State):
        if start.theta.size != parameters(widths):
            raise ValueError(f"start has {start.theta.size} parameters, but the widths {widths} need another number")
        theta, first, second, before = start.theta, start.first, start.second, start.before + start.step
    else:
        if [a.shape for a in start[0]] != [(d_out, d_in) for d_in, d_out in pairwise(widths)]:
            raise ValueError(f"start has weights of the shapes {[a.shape for a in start[0]]}; the widths are {widths}")
        theta = _vector(*start)
        first, second, before = 0.0 * theta, 0.0 * theta, 0
    state = State(theta, theta if settings.optimizer in WHOLE else first, second, theta, before=before)
    data = samples.fingerprint() if path is not None else ""
    training = _Training(samples, widths, settings, path, data, every, watch, note or {})
    training.state = state
    training.save()  # so that a folder that cannot be written to is found out now
    return training.run(state)


def resume(
    path: str | Path,
    x: Any,
    y: Labels | None = None,
    *,
    every: int = 100,
    watch: Callable[[State], None] | None = None,
) -> Fitted:
    """Take up a training from its checkpoint; the result has the bits of a training that was never stopped.

    A search by "L-BFGS-B" or "Newton-CG" has its memory within SciPy. So it starts again from its first parameters, and
    is given the values, gradients and products again that it had got. The checkpoint holds 64 MB of them; what comes
    after these is computed again.

    Args:
        path: the checkpoint, which is written again on the way.
        x, y: the same data that `fit` was given.
        every: steps between two checkpoints.
        watch: called with the `State` after each step.

    Returns:
        A `Fitted`, as `fit` does.

    Raises:
        CheckpointError: if the file is damaged or foreign, or belongs to other data.
        OSError: if it cannot be read, or written again.
    """
    settings, widths, state, data, note = _loaded(path)
    samples = _samples(x, y, None, path)
    if data != samples.fingerprint():
        raise CheckpointError(f"{path}: this training was begun with other data; pass the same x and y")
    if samples.k != widths[-1]:  # the last classes have no samples
        samples = Samples(samples.rows.T, samples.y, widths[-1])
    return _Training(samples, widths, settings, path, data, every, watch, note).run(state)


def load(path: str | Path) -> Fitted:
    """The network of a checkpoint, whether its training has ended or not.

    Raises:
        CheckpointError: if the file is damaged or foreign.
        OSError: if it cannot be read.
    """
    settings, widths, state, _, note = _loaded(path)
    return _fitted(state, widths, settings, note, interrupted=not state.ended)


def held_out(y: Labels, settings: Settings) -> tuple[Labels, Labels]:
    """The indices of the samples that `fit` learns from, and of those that it holds out for validation."""
    if not settings.validation:
        return numpy.arange(y.size), numpy.arange(0)
    return split(y, settings.validation, numpy.random.default_rng([settings.seed, 1]))


# ----- one training ---------------------------------------------------------------------------------------------------


class _Training:
    """Data, settings and compiled functions of one training; what changes is in the `State`."""

    def __init__(
        self,
        samples: Samples,
        widths: list[int],
        settings: Settings,
        path: str | Path | None,
        data: str,
        every: int,
        watch: Callable[[State], None] | None,
        note: Mapping[str, Any],
    ) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        self.widths, self.settings, self.path, self.every, self.watch = widths, settings, path, every, watch
        self.samples, self.data, self.note = samples, data, note
        samples.weight = class_weights(samples.y, widths[-1], settings.class_weight)
        self.train, self.held = held_out(samples.y, settings)
        self.followed = numpy.sort(self.train)[:: math.ceil(self.train.size / FOLLOWED)]
        self.record = Record(numpy.zeros(0))
        self.epoch, self.order = -1, self.train  # the order in which the samples of this epoch are seen
        # The first call of a compiled function is traced. `exact`: the later calls give the same bits, and so the first
        # call after a resumption gives those of a later call.
        self.gradient = compile(value_and_grad(loss_per_sample), exact=True)
        self.loss = compile(loss_per_sample, exact=True)

    def known(self, word: str, parameters: Parameters, compute: Callable[[], float]) -> float:
        """A number that a search may have computed before it was interrupted."""
        if self.settings.optimizer not in WHOLE:
            return compute()
        return float(self.record.answer(word, [_vector(*parameters)], 1, lambda: numpy.array([compute()]))[0])

    def mean_loss(self, parameters: Parameters, indices: Labels) -> float:
        """The loss per sample of these, without the term of the weights."""
        total = 0.0
        for part in self.samples.parts(indices):
            block = self.samples.take(part)
            total += float(self.loss(parameters, *block, 0.0, last=self.settings.last)) * part.size
        return total / indices.size

    def accuracy(self, parameters: Parameters, indices: Labels) -> float:
        """The share of these samples whose most probable class is theirs."""
        right = 0
        for part in self.samples.parts(indices):
            found = predict(*parameters, self.samples.take(part)[0], last=self.settings.last)
            right += int(numpy.sum(found == self.samples.y[part]))
        return right / indices.size

    def run(self, state: State) -> Fitted:
        """Train from this state to the end."""
        interrupted = False
        # `state` is replaced whole, in one assignment: whenever Ctrl-C comes, it is that after a step.
        self.state, self.record = state, Record(state.record, keeps=self.path is not None)
        try:
            if self.settings.optimizer in WHOLE:
                if not state.ended:
                    self.search(state)
            else:
                # What is not finite is named. Once for all steps: compiled programs know the state of the last call.
                with numpy.errstate(over="ignore", invalid="ignore"):
                    while not self.state.ended:
                        self.state = self.after_step(self.state)
                        self.told(self.state.step)
        except KeyboardInterrupt:
            interrupted = True
            if not self.record.is_played:  # nothing new was found
                self.state = state
        self.save()
        return _fitted(self.state, self.widths, self.settings, self.note, interrupted=interrupted)

    def told(self, step: int) -> None:
        """After a step: a checkpoint if it is time for one, and a word to the watcher."""
        if step % self.every == 0 and self.record.is_played:
            self.save()
        if self.watch is not None:
            self.watch(self.state)

    def save(self) -> None:
        """Write a checkpoint."""
        if self.path is None:
            return
        if self.settings.optimizer in WHOLE and self.record.is_played:
            record = numpy.zeros(0) if self.state.ended else self.record.numbers()
            self.state = replace(self.state, record=record)
        arrays = {name: numpy.asarray(getattr(self.state, name)) for name in (*VECTORS, *NUMBERS, *SERIES)}
        arrays |= {NOTE + name: value for name, value in self.note.items() if isinstance(value, numpy.ndarray)}
        counts = {name: getattr(self.state, name) for name in ("waited", "step", "before", "ended")}
        note = {name: value for name, value in self.note.items() if not isinstance(value, numpy.ndarray)}
        about = {"settings": asdict(self.settings), "widths": self.widths, "data": self.data, "note": note, **counts}
        checkpoint.save(self.path, arrays, about)

    def after_step(self, state: State) -> State:
        """One step of a method of mini-batches."""
        s, n = self.settings, self.train.size
        per_epoch = math.ceil(n / s.batch)
        epoch, k = divmod(state.step, per_epoch)
        if epoch >= s.epochs:
            return replace(state, ended="epochs")
        if self.epoch != epoch:
            self.epoch, self.order = epoch, numpy.random.default_rng([s.seed, 2, epoch]).permutation(self.train)
        part = self.order[k * s.batch : (k + 1) * s.batch]
        parameters = _parameters(state.theta, self.widths)
        loss, (gA, gb) = self.gradient(parameters, *self.samples.take(part), s.l2, last=s.last)
        g = _vector(gA, gb)
        theta, first, second = _updated(s, state, g, _rate(s, state.step, per_epoch))
        if not numpy.isfinite(loss) or not numpy.isfinite(theta).all():
            history = History(numpy.append(state.losses, loss), numpy.arange(0), numpy.zeros(0))
            raise DivergedError(state.step, _rate(s, state.step, per_epoch), history, *parameters)
        partial = state.partial + float(loss) * part.size
        state = replace(state, theta=theta, first=first, second=second, step=state.step + 1, partial=partial)
        if k < per_epoch - 1:
            return state
        state = replace(state, losses=numpy.append(state.losses, partial / n), partial=0.0)
        return self.judged(state)

    def judged(self, state: State) -> State:
        """After an epoch: the best parameters so far, and whether to stop."""
        parameters = _parameters(state.theta, self.widths)
        if self.settings.follow:
            found = self.known("accuracy", parameters, lambda: self.accuracy(parameters, self.followed))
            accuracies = numpy.append(state.accuracies, found)
            state = replace(state, accuracies=accuracies)
        if not self.held.size:
            return replace(state, best=state.theta)
        if self.settings.follow:
            found = self.known("held accuracy", parameters, lambda: self.accuracy(parameters, self.held))
            accuracies = numpy.append(state.validation_accuracies, found)
            state = replace(state, validation_accuracies=accuracies)
        loss = self.known("held loss", parameters, lambda: self.mean_loss(parameters, self.held))
        state = replace(state, validation_losses=numpy.append(state.validation_losses, loss))
        if loss < state.best_loss:
            return replace(state, best=state.theta, best_loss=loss, waited=0)
        patience = self.settings.patience
        ended = "patience" if patience is not None and state.waited + 1 >= patience else ""
        return replace(state, waited=state.waited + 1, ended=ended)

    def search(self, begun: State) -> None:
        """Minimise on all samples by SciPy; they are summed block by block, so they need not fit into memory."""
        theta = begun.first
        self.state = State(theta, theta, 0.0 * theta, theta, before=begun.before, record=begun.record)
        s, n = self.settings, self.train.size
        columns = self.samples.columns(self.train)

        def loss(p: Parameters, x: Array, Y: Array, weight: Array) -> Any:
            return loss_per_sample(p, x, Y, weight, 0.0, last=s.last) * x.shape[1]

        def curvature(p: Parameters, v: Parameters, *block: Array) -> Any:
            return jvp(grad(lambda q: loss(q, *block)), (p,), (v,))[1]

        total = summed(value_and_grad(loss), in_axes=(None, 1, 1, 0), check=False)
        curved = summed(curvature, in_axes=(None, None, 1, 1, 0), check=False)

        def per_sample(gradient: Parameters, of: Parameters) -> Parameters:
            """A sum over samples divided by their number, with the part of the term of the weights."""
            return [g / n + s.l2 * a for g, a in zip(gradient[0], of[0])], [g / n for g in gradient[1]]

        def penalty(p: Parameters) -> float:
            return 0.5 * s.l2 * float(sum(numpy.vdot(a, a) for a in p[0]))

        def value_and_gradient(p: Parameters) -> tuple[float, Parameters]:
            def compute() -> Array:
                found, gradient = total(p, *columns)
                return numpy.append(float(found) / n + penalty(p), _vector(*per_sample(gradient, p)))

            found = self.record.answer("gradient", [_vector(*p)], 1 + theta.size, compute)
            return float(found[0]), _parameters(found[1:], self.widths)

        def product(p: Parameters, v: Parameters) -> Parameters:
            compute = lambda: _vector(*per_sample(curved(p, v, *columns), v))
            found = self.record.answer("product", [_vector(*p), _vector(*v)], theta.size, compute)
            return _parameters(found, self.widths)

        def callback(found: Parameters) -> None:
            loss = self.known("loss", found, lambda: self.mean_loss(found, self.train)) + penalty(found)
            state = replace(self.state, theta=_vector(*found), step=self.state.step + 1)
            self.state = self.judged(replace(state, losses=numpy.append(state.losses, loss)))
            self.told(self.state.step)
            if self.state.ended:
                raise StopIteration

        result = minimize(
            value_and_gradient,
            _parameters(theta, self.widths),
            jac=True,
            hessp=product,
            method=s.optimizer,
            options={"maxiter": max(s.epochs, 1)},
            callback=callback,
        )
        self.state = replace(self.state, ended=self.state.ended or ("converged" if result.success else "epochs"))


def _rate(s: Settings, step: int, per_epoch: int) -> float:
    """The step size of this step."""
    done = step / (per_epoch * max(s.epochs, 1))
    if s.schedule == "cosine":
        return s.rate * 0.5 * (1.0 + math.cos(math.pi * done))
    return s.rate * 0.5 ** int(4.0 * done) if s.schedule == "halving" else s.rate


def _updated(s: Settings, state: State, g: Array, rate: float) -> tuple[Array, Array, Array]:
    """The parameters and the memory of the optimiser after a step.

    Source:
        D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015; for momentum B. Polyak, "Some
        methods of speeding up the convergence of iteration methods", 1964.
    """
    if s.optimizer == "sgd":
        return state.theta - rate * g, state.first, state.second
    if s.optimizer == "momentum":
        velocity = s.momentum * state.first - rate * g
        return state.theta + velocity, velocity, state.second
    t = state.before + state.step + 1
    # Into arrays that are there already, which halves the time: 12 new arrays a step are more work than the numbers.
    first, second, scratch = 0.9 * state.first, 0.999 * state.second, g * g
    scratch *= 0.001
    second += scratch
    first += numpy.multiply(g, 0.1, out=scratch)
    numpy.sqrt(second, out=scratch)
    scratch *= 1.0 / math.sqrt(1.0 - 0.999**t)
    scratch += 1e-8
    numpy.divide(first, scratch, out=scratch)
    scratch *= -rate / (1.0 - 0.9**t)
    scratch += state.theta
    return scratch, first, second


def _vector(A: list[Array], b: list[Array]) -> Array:
    return numpy.concatenate([part.ravel() for part in (*A, *b)])


def _parameters(theta: Array, widths: list[int]) -> Parameters:
    """Weights and biases as views of the vector."""
    A, b, start = [], [], 0
    for d_in, d_out in pairwise(widths):
        A.append(theta[start : start + d_in * d_out].reshape(d_out, d_in))
        start += d_in * d_out
    for d_out in widths[1:]:
        b.append(theta[start : start + d_out].reshape(d_out, 1))
        start += d_out
    return A, b


def _fitted(
    state: State, widths: list[int], settings: Settings, note: Mapping[str, Any], *, interrupted: bool
) -> Fitted:
    theta = state.best if numpy.isfinite(state.best_loss) else state.theta
    A, b = _parameters(theta.copy(), widths)
    return Fitted(A, b, settings, state, interrupted, note)


def _samples(x: Any, y: Labels | None, k: int | None, path: str | Path | None) -> Samples:
    if y is None:
        blocks: Iterable[Block] = x
        return Samples(*spooled(blocks, None if path is None else Path(path).resolve().parent), k)
    return Samples(x, y, k)


# ----- checkpoints ----------------------------------------------------------------------------------------------------


def _loaded(path: str | Path) -> tuple[Settings, list[int], State, str, dict[str, Any]]:
    """Settings, widths, state, fingerprint of the data and the caller's note of a checkpoint, all of it checked."""
    arrays, about = checkpoint.load(path)
    try:
        note = {**about["note"], **{name[len(NOTE) :]: arrays.pop(name) for name in [*arrays] if name[:5] == NOTE}}
        given = about["settings"]
        if set(given) != {each.name for each in fields(Settings)}:
            raise ValueError("the settings are those of another version")
        tuples = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        settings, widths = Settings(**{**given, **tuples}), [int(width) for width in about["widths"]]
        if tuple(widths[1:-1]) != settings.hidden or {*arrays, "record"} != {*VECTORS, *NUMBERS, *SERIES}:
            raise ValueError("its parts do not belong together")
        arrays.setdefault("record", numpy.zeros(0))  # checkpoints had none at first
        shapes = {
            **dict.fromkeys(VECTORS, (parameters(widths),)),
            **dict.fromkeys(NUMBERS, ()),
            **{name: (arrays[name].size,) for name in SERIES},
        }
        for name, shape in shapes.items():
            if arrays[name].shape != shape or arrays[name].dtype != numpy.float64:
                raise ValueError(f"{name} has the shape {arrays[name].shape} and dtype {arrays[name].dtype}")
            if name != "record" and numpy.isnan(arrays[name]).any():  # a search may have met NaN and gone on
                raise ValueError(f"{name} has NaN, and a training stops before it writes one")
        parts: dict[str, Any] = {**arrays, **{name: float(arrays[name]) for name in NUMBERS}}
        parts |= {name: int(about[name]) for name in ("waited", "step", "before")}
        state = State(**parts, ended=str(about["ended"]))
        return settings, widths, state, str(about["data"]), note
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: this checkpoint cannot be taken up ({error})") from error
