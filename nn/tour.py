"""The tour: a network from the data to its gradient, computed, drawn and explained in one run.

It walks through the same stations as the tour on neural networks in Gabriel Peyré's "Numerical Tours", with the
corrections listed in `nn.data`; the networks are trained with the gradient of `minigrad` unless asked otherwise.
`run` writes the figures as PNG files, `report.html` with all of them in one file, and `report.json` with the numbers.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy
from matplotlib.figure import Figure
from numpy.typing import NDArray

import minigrad.numpy as np
from minigrad import elementwise_grad, grad, name, trace
from nn import plots
from nn.data import SYNTHETIC, Dataset, fit_scaling, folds, load, one_hot
from nn.loss import logistic, softmax
from nn.mlp import forward, init, predict
from nn.report import Image, Section, Table, page
from nn.train import Gradient, Result, loss_and_gradient, step_size, train

Array = NDArray[numpy.float64]

HIDDEN = 15  # the hidden layer of the first network
COMPARED = (4, 5, 8, 4)  # the hidden layers of the network whose two gradients are compared
FOLDS = 5
FEW = 200  # held-out samples; below, cross-validation is worth its time
DEPTHS = (1, 2, 3, 4, 5)
DEPTH_WIDTH = 24  # of the shallowest network in the depth study; its number of parameters is the budget of all
DEPTH_STEP = 0.0003  # for 300 samples, the same at every depth: a little more than the tour's for five layers
STEPS, QUICK_STEPS = 8000, 1500
DEPTH_SEEDS, QUICK_DEPTH_SEEDS = 5, 2
QUICK_DEPTH_STEPS = 300
HIGHEST_ORDER = 6


@dataclass(frozen=True)
class Settings:
    """What to run: the options of `python -m nn tour`."""

    out: Path = Path("figures")
    seed: int = 0
    data: str = "spiral"
    steps: int | None = None
    quick: bool = False
    gradient: Gradient = "autodiff"

    @property
    def training_steps(self) -> int:
        """Steps of the first network."""
        return self.steps if self.steps is not None else QUICK_STEPS if self.quick else STEPS

    @property
    def depth_steps(self) -> int:
        """Steps of every network in the depth study: half as many, for there are many networks."""
        half = max(1, self.training_steps // 2)
        return min(half, QUICK_DEPTH_STEPS) if self.quick else half

    @property
    def depth_seeds(self) -> int:
        """Networks for every depth."""
        return QUICK_DEPTH_SEEDS if self.quick else DEPTH_SEEDS


@dataclass
class Tour:
    """The state of a run: what is shared between the stations, and what they have produced so far."""

    settings: Settings
    data: Dataset
    plane: plots.Plane
    Y: Array
    sections: list[Section] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)

    def rng(self, *key: int) -> numpy.random.Generator:
        """An independent generator for every purpose, so that no station depends on what another has drawn."""
        return numpy.random.default_rng([self.settings.seed, *key])

    def save(self, fig: Figure, file: str, alt: str, caption: str = "") -> Image:
        """Write a figure to the folder."""
        fig.savefig(self.settings.out / file, dpi=180, bbox_inches="tight", pad_inches=0.08)
        return Image(file, alt, caption)

    @property
    def held_out_name(self) -> str:
        """What the held-out samples are."""
        return "a second draw of the data" if self.settings.data in SYNTHETIC else "held-out samples"


def run(settings: Settings) -> Tour:
    """Run the whole tour and write its files.

    Raises:
        OSError: if the folder or a file cannot be written, or the data not be read.
        nn.data.DataError: if the data is no classification problem.
        nn.train.DivergedError: if a training diverges.
        ImportError: if the data needs scikit-learn and it is missing.
    """
    started = time.perf_counter()
    data = load(settings.data, rng=settings.seed)
    prepare(settings.out)
    tour = Tour(settings, data, plots.plane_through(data.x_train), one_hot(data.y_train, data.k))
    for station in (show_data, show_activation, train_network, study_depth, nest, quadratic, compare, show_tape):
        station(tour)
    seconds = time.perf_counter() - started
    numbers = {
        "settings": {
            "data": settings.data,
            "seed": settings.seed,
            "steps": settings.training_steps,
            "quick": settings.quick,
            "gradient": settings.gradient,
        },
        "versions": {"python": sys.version.split()[0], "numpy": numpy.__version__},
        "seconds": round(seconds, 1),
        **tour.numbers,
    }
    tour.numbers = numbers
    html = page(f"A neural network and its gradient: {data.name}", _introduction(tour), tour.sections, settings.out)
    (settings.out / "report.html").write_text(html, encoding="utf-8")
    text = json.dumps(numbers, indent=2, allow_nan=False, ensure_ascii=False)
    (settings.out / "report.json").write_text(text + "\n", encoding="utf-8")
    return tour


def prepare(folder: Path) -> None:
    """Make the folder, and find out now, not after minutes of work, whether it can be written to.

    Raises:
        OSError: if it cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _introduction(tour: Tour) -> str:
    s, data = tour.settings, tour.data
    how = "automatic differentiation" if s.gradient != "backprop" else "the gradient derived by hand"
    return f"""<p>This page follows a small neural network from its data to its gradient. Every derivative on it was
computed by <code>minigrad</code>, an automatic differentiation engine for NumPy code; the networks were trained with
{how}. Data: <b>{escape(data.name)}</b>, {data.x_train.shape[1]} samples to learn from and {data.x_test.shape[1]} held
out, {data.p} features, {data.k} classes; seed {s.seed}.</p>
<p>Throughout, a column is a sample: the data <i>x</i> has the shape ({data.p}, n), and the target <i>Y</i> of shape
({data.k}, n) has a one in the row of the class. The numbers are in <code>report.json</code> beside this page.</p>"""


# --------------------------------------------------------------------------------------------------------------------
# The data, and the activation
# --------------------------------------------------------------------------------------------------------------------


def show_data(tour: Tour) -> None:
    """The samples in their plane."""
    data, plane = tour.data, tour.plane
    counts = numpy.bincount(data.y_train, minlength=data.k)
    tour.numbers["data"] = {
        "name": data.name,
        "features": data.p,
        "classes": list(data.classes),
        "train": data.x_train.shape[1],
        "held_out": data.x_test.shape[1],
        "train_per_class": [int(c) for c in counts],
        "variance_in_plane": plane.explained,
    }
    section = Section("The data")
    if tour.settings.data == "spiral":
        section.text(
            "Three arms wind out of the origin, one per class. On arm <i>j</i> the radius grows from 0 to 1 while the"
            " angle turns from 4<i>j</i> to 4(<i>j</i>+1), and every sample has its own noise ε on the angle. No"
            " straight line separates the arms, so a linear classifier fails here."
        )
        section.formula(
            "<i>x</i> = (<i>r</i> sin <i>t</i>, <i>r</i> cos <i>t</i>)", "<i>t</i> = 4(<i>j</i> + <i>r</i>) + 0.2 ε"
        )
    elif tour.settings.data == "two_arcs":
        section.text("Two half circles reach into each other, one per class; the second is the first, point-reflected.")
    else:
        section.text(
            f"The features are scaled to [&minus;1, 1]; the scale is taken from the {data.x_train.shape[1]} training"
            " samples alone, and the held-out ones do not take part in anything but the final check."
        )
    if data.p > 2:
        section.text(
            f"With {data.p} features a picture has to leave something out. The plane shown goes through the mean of the"
            f" training samples along their two principal directions and holds {100 * plane.explained:.0f}&nbsp;% of"
            " their variance. Classes that overlap here may well be apart in the other directions."
        )
    fig = plots.data(plane, data.x_train, data.y_train, data.classes, f"{_title(data)}: the training samples")
    alt = f"Scatter plot of the {data.x_train.shape[1]} training samples in {data.k} classes."
    section.parts.append(tour.save(fig, "1-data.png", alt))
    tour.sections.append(section)


def show_activation(tour: Tour) -> None:
    """The arctangent and its derivative."""
    t = numpy.linspace(-5.0, 5.0, 401)
    slope = elementwise_grad(np.arctan)(t)
    error = float(numpy.abs(slope - 1.0 / (1.0 + t * t)).max())
    tour.numbers["activation"] = {"max_error_of_derivative": error}
    section = Section("The activation")
    section.text(
        "Without something that bends, layers of matrices would collapse into a single matrix. Here the arctangent"
        " bends every coordinate. Its derivative is largest, 1, at the origin and fades like 1/<i>u</i>² far out,"
        " slower than that of most sigmoids, so a layer that starts far from the origin still learns."
    )
    section.formula("&rho;(<i>u</i>) = arctan <i>u</i>", "&rho;&prime;(<i>u</i>) = 1 / (1 + <i>u</i>²)")
    fig = plots.activation(t, numpy.arctan(t), slope)
    section.parts.append(
        tour.save(
            fig,
            "2-activation.png",
            "The arctangent, rising from minus to plus pi half, and its derivative, a bump of height one at zero.",
            "The derivative is by autodiff; at all points it is "
            + (f"within {error:.1e} of the formula." if error else "the same number as that of the formula."),
        )
    )
    tour.sections.append(section)


# --------------------------------------------------------------------------------------------------------------------
# Training, and the influence of the depth
# --------------------------------------------------------------------------------------------------------------------


def _probabilities(A: Sequence[Array], b: Sequence[Array]) -> plots.Probabilities:
    return lambda x: softmax(forward(A, b, x)[-1])


def _accuracy(A: Sequence[Array], b: Sequence[Array], x: Array, y: NDArray[numpy.intp]) -> float:
    return float(numpy.mean(predict(A, b, x) == y))


def train_network(tour: Tour) -> None:
    """Train the network with one hidden layer; its losses, accuracies and map."""
    data, settings = tour.data, tour.settings
    widths = [data.p, HIDDEN, data.k]
    A, b = init(widths, tour.rng(3))
    result = train(
        A,
        b,
        data.x_train,
        tour.Y,
        steps=settings.training_steps,
        gradient=settings.gradient,
        held_out=(data.x_test, data.y_test),
    )
    history, n = result.history, data.x_train.shape[1]
    assert history.held_out is not None
    accuracy, held_out = float(history.accuracy[-1]), float(history.held_out[-1])
    tour.numbers["training"] = {
        "widths": widths,
        "steps": settings.training_steps,
        "step": result.step,
        "gradient": settings.gradient,
        "first_loss": float(history.loss[0]),
        "last_loss": float(history.loss[-1]),
        "last_loss_per_sample": float(history.loss[-1]) / n,
        "train_accuracy": accuracy,
    }
    by = "automatic differentiation" if settings.gradient != "backprop" else "backpropagation by hand"
    samples = data.x_test.shape[1]
    tour.numbers["training"]["split"] = {"held_out_accuracy": held_out, "samples": samples}
    tour.numbers["training"] |= {"held_out_accuracy": held_out, "held_out_samples": samples, "held_out_by": "split"}
    validated = None
    if settings.data not in SYNTHETIC and FOLDS <= samples < FEW:
        per_fold = cross_validate(tour, widths)
        total = sum(t for _, t in per_fold)
        validated = sum(r for r, _ in per_fold) / total
        tour.numbers["training"] |= {
            "held_out_accuracy": validated,
            "held_out_samples": total,
            "held_out_by": f"{FOLDS}-fold cross-validation",
            "held_out_accuracy_per_fold": [r / t for r, t in per_fold],
        }

    section = Section("Training by gradient descent")
    section.text(
        f"The network has the widths {widths}: {HIDDEN} hidden coordinates between the features and one score per"
        " class. A layer multiplies, shifts and bends; the parameters start from the standard normal distribution. The"
        " loss compares the scores <i>z</i> of each sample with its target and is summed over the samples."
    )
    section.formula(
        "<i>x</i><sub><i>r</i>+1</sub> = &rho;(<i>A<sub>r</sub> x<sub>r</sub></i> + <i>b<sub>r</sub></i>)",
        "<i>&ell;</i> = Σ<sub>samples</sub> ( log Σ<sub><i>i</i></sub> exp <i>z<sub>i</sub></i>"
        " &minus; ⟨<i>z</i>, <i>y</i>⟩ )",
    )
    section.text(
        f"All parameters then move {settings.training_steps} times against the gradient, with the fixed step"
        f" {result.step:.3g}; the gradient is by {by}. The loss goes from {history.loss[0] / n:.3f} to"
        f" {history.loss[-1] / n:.3f} per sample. It cannot reach zero: the last layer is bent too, so a score"
        f" stays within ±π/2 and even a perfect classification costs {_least_loss(data.k):.3f} per sample."
    )
    fig = plots.training(history.loss / n, history.at, history.accuracy, history.held_out, tour.held_out_name)
    section.parts.append(
        tour.save(
            fig,
            "3-training.png",
            "Two curves over the iterations: the loss falls, the accuracy rises.",
            f"In the end {100 * accuracy:.1f} % of the training samples and {100 * held_out:.1f} % of"
            f" {tour.held_out_name} are classified correctly.",
        )
    )
    if validated is not None:
        section.text(
            f"{samples} held-out samples are few: one more or less makes {100 / samples:.1f}&nbsp;%. So the same"
            f" network is also trained {FOLDS} times from the start, each time without another fifth of all"
            f" {n + samples} samples. Of these, each judged by the network that has not seen it,"
            f" <b>{100 * validated:.1f}&nbsp;%</b> are classified correctly. This is the held-out accuracy to believe."
        )
    tour.sections.append(section)
    _map(tour, result)


def cross_validate(tour: Tour, widths: Sequence[int]) -> list[tuple[int, int]]:
    """Hold out each fifth of all samples in turn; for every fold, how many are classified correctly, of how many."""
    data, settings = tour.data, tour.settings
    x = numpy.concatenate([data.x_train, data.x_test], axis=1)
    y = numpy.concatenate([data.y_train, data.y_test])
    counts = []
    for i, held_out in enumerate(folds(y, FOLDS, tour.rng(4))):
        rest = numpy.setdiff1d(numpy.arange(y.size), held_out)
        # Scaled anew: the scaling of the tour's own split has seen some of the samples that are held out here.
        centre, factor = fit_scaling(x[:, rest])
        scaled = (x - centre) * factor
        A, b = init(widths, tour.rng(4, i))
        bar = f"cross-validation, fold {i + 1} of {FOLDS}"
        result = train(
            A,
            b,
            scaled[:, rest],
            one_hot(y[rest], data.k),
            settings.training_steps,
            gradient=settings.gradient,
            every=settings.training_steps,
            progress=bar,
        )
        right = predict(result.A, result.b, scaled[:, held_out]) == y[held_out]
        counts.append((int(right.sum()), int(right.size)))
    return counts


def _least_loss(k: int) -> float:
    """The loss of a sample with the score pi/2 for its own class and -pi/2 for all others."""
    return float(numpy.log1p((k - 1) * numpy.exp(-numpy.pi)))


def _map(tour: Tour, result: Result) -> None:
    data, plane = tour.data, tour.plane
    section = Section("The classification map")
    section.text(
        "The soft-max turns scores into probabilities. At every point the colours of the classes are mixed with these"
        " probabilities, so a clear colour is a confident answer and a muddy one is doubt; the thin lines are where"
        " the most probable class changes."
    )
    section.formula("<i>p<sub>i</sub></i> = exp <i>z<sub>i</sub></i> / Σ<sub><i>j</i></sub> exp <i>z<sub>j</sub></i>")
    if data.p > 2:
        section.text(
            "Points of the plane are mapped back into the space of all features through the mean of the training"
            " samples. The samples on top lie off this plane, so one of them may sit on a foreign colour and still be"
            " classified correctly."
        )
    fig = plots.class_map(
        plane,
        _probabilities(result.A, result.b),
        data.x_train,
        data.y_train,
        data.classes,
        f"{_title(data)}: class probabilities",
    )
    section.parts.append(
        tour.save(fig, "4-map.png", "Regions coloured by the most probable class, with the training samples on top.")
    )
    tour.sections.append(section)


def parameters(widths: Sequence[int]) -> int:
    """How many numbers the weights and biases of a network have.

    >>> parameters([2, 15, 3])
    93
    """
    return sum((d_in + 1) * d_out for d_in, d_out in pairwise(widths))


def widths_for(budget: int, hidden: int, p: int, k: int) -> list[int]:
    """The widths of a network with `hidden` equal hidden layers and a number of parameters close to `budget`.

    >>> [widths_for(147, hidden, 2, 3) for hidden in (1, 5)]
    [[2, 24, 3], [2, 5, 5, 5, 5, 5, 3]]
    """
    candidates = ([p, *[width] * hidden, k] for width in range(2, max(3, budget // (p + k + 1)) + 1))
    return min(candidates, key=lambda widths: abs(parameters(widths) - budget))


def study_depth(tour: Tour) -> None:
    """Train networks of 1 to 5 hidden layers with the same budget, from several seeds."""
    data, settings = tour.data, tour.settings
    n, seeds, steps = data.x_train.shape[1], settings.depth_seeds, settings.depth_steps
    step = DEPTH_STEP * 300 / n
    budget = parameters([data.p, DEPTH_WIDTH, data.k])
    losses, networks, rows, numbers = [], [], [], []
    for hidden in DEPTHS:
        widths = widths_for(budget, hidden, data.p, data.k)
        results = []
        for seed in range(seeds):
            A, b = init(widths, tour.rng(5, hidden, seed))
            bar = f"{hidden} hidden, network {seed + 1} of {seeds}"
            results.append(train(A, b, data.x_train, tour.Y, steps, step, settings.gradient, every=steps, progress=bar))
        final = numpy.array([r.history.loss[-1] / n for r in results])
        accuracies = numpy.array([r.history.accuracy[-1] for r in results])
        held_out = numpy.array([_accuracy(r.A, r.b, data.x_test, data.y_test) for r in results])
        typical = results[int(numpy.argsort(final)[(seeds - 1) // 2])]
        losses.append(numpy.array([r.history.loss / n for r in results]))
        networks.append((f"{hidden} hidden: {_widths(widths)}", _probabilities(typical.A, typical.b)))
        rows.append(
            (
                str(hidden),
                _widths(widths),
                str(parameters(widths)),
                f"{numpy.median(final):.3f}",
                f"{final.min():.3f} to {final.max():.3f}",
                f"{100 * numpy.median(accuracies):.1f} %",
                f"{100 * numpy.median(held_out):.1f} %",
            )
        )
        numbers.append(
            {
                "hidden_layers": hidden,
                "widths": widths,
                "parameters": parameters(widths),
                "last_loss_per_sample": final.tolist(),
                "train_accuracy": accuracies.tolist(),
                "held_out_accuracy": held_out.tolist(),
            }
        )
    tour.numbers["depth"] = {"steps": steps, "step": step, "seeds": seeds, "networks": numbers}

    section = Section("The influence of the number of layers")
    section.text(
        f"Is it better to spend parameters on width or on depth? Five kinds of networks, with 1 to 5 hidden layers of"
        f" equal width, get the same budget: about {budget} parameters, {steps} steps, and the same step {step:.3g}."
        f" Each is trained {seeds} times from different random parameters on the same data, because a single run says"
        " more about luck than about depth."
    )
    alt = "Classification maps of five networks with one to five hidden layers."
    caption = "For every depth the network whose final loss is the median over the seeds."
    fig = plots.depth_maps(tour.plane, networks, data.x_train, data.y_train, data.classes)
    section.parts.append(tour.save(fig, "5-depth-maps.png", alt, caption))
    fig = plots.depth_losses([str(h) for h in DEPTHS], losses)
    alt = "Loss against iteration for the five depths, and the final losses of all seeds."
    caption = (
        "Every run is smoothed by medians over one percent of the iterations. The jitter this hides belongs to deep"
        " networks with a fixed step: they soon reach regions so curved that the step is about as long as it can be."
    )
    section.parts.append(tour.save(fig, "5-depth-losses.png", alt, caption))
    section.parts.append(
        Table(
            ("hidden", "widths", "parameters", "median loss", "range", "training", "held out"),
            rows,
        )
    )
    section.text(
        "The losses are per sample, the accuracies medians over the seeds"
        f" (held out: {tour.held_out_name}). All of this holds for this data and this"
        " budget only: with more steps the differences shrink, and a larger step helps some depths more than others."
    )
    tour.sections.append(section)


# --------------------------------------------------------------------------------------------------------------------
# Automatic differentiation
# --------------------------------------------------------------------------------------------------------------------


def tanh(x: Array) -> Array:
    """(1 - exp(-x)) / (1 + exp(-x)), which is the hyperbolic tangent of x / 2; elementwise, any shape."""
    value: Array = (1.0 - np.exp(-x)) / (1.0 + np.exp(-x))
    return value


def exact_tanh_derivatives(t: Array, highest: int) -> list[list[Decimal]]:
    """The derivatives of order 0..highest of `tanh` at the points t, shape (m,), with 60 digits.

    With f = tanh(x/2) we have f' = (1 - f^2) / 2, so every derivative is a polynomial in f, and the derivative of the
    polynomial P is P' (1 - f^2) / 2. The coefficients are integers over powers of two.
    """
    with localcontext() as context:
        context.prec = 60
        exponentials = [(-Decimal(float(v))).exp() for v in t]
        f = [(1 - e) / (1 + e) for e in exponentials]
        coefficients = [Decimal(0), Decimal(1)]
        orders = []
        for _ in range(highest + 1):
            values = []
            for v in f:
                total = Decimal(0)
                for c in reversed(coefficients):
                    total = total * v + c
                values.append(total)
            orders.append(values)
            slope = [i * c / 2 for i, c in enumerate(coefficients)][1:]
            following = [*slope, Decimal(0), Decimal(0)]
            for i, c in enumerate(slope):
                following[i + 2] -= c
            coefficients = following
        return orders


def nest(tour: Tour) -> None:
    """Six derivatives of tanh by nesting `elementwise_grad`, against exact values."""
    t = numpy.linspace(-7.0, 7.0, 200)
    f: Callable[[Array], Array] = tanh
    computed = [tanh(t)]
    for _ in range(HIGHEST_ORDER):
        f = elementwise_grad(f)
        computed.append(f(t))
    rows, numbers = [], []
    for order, (values, exact) in enumerate(zip(computed, exact_tanh_derivatives(t, HIGHEST_ORDER), strict=True)):
        # The difference is taken in Decimal: rounding the exact value first would hide errors of half an ulp.
        errors = [abs(Decimal(float(v)) - e) for v, e in zip(values, exact, strict=True)]
        largest = max(abs(e) for e in exact)
        to_largest = float(max(errors) / largest)
        pointwise = float(max(error / abs(e) for error, e in zip(errors, exact, strict=True)))
        rows.append((str(order), f"{float(largest):.4f}", f"{to_largest:.1e}", f"{pointwise:.1e}"))
        numbers.append(
            {
                "order": order,
                "largest_value": float(largest),
                "max_error_relative_to_largest": to_largest,
                "max_relative_error": pointwise,
            }
        )
    tour.numbers["tanh"] = numbers
    section = Section("Derivatives of derivatives")
    section.text(
        "<code>elementwise_grad(f)</code> is a function like any other, so it can be differentiated again, and again."
        " Here is a hyperbolic tangent, written with exponentials, and its first six derivatives, each from one more"
        " nesting of <code>elementwise_grad</code>."
    )
    section.formula(
        "<i>f</i>(<i>x</i>) = (1 &minus; e<sup>&minus;<i>x</i></sup>) / (1 + e<sup>&minus;<i>x</i></sup>)",
        "<i>f</i> &prime; = (1 &minus; <i>f</i> ²) / 2",
    )
    fig = plots.tanh_derivatives(t, computed)
    alt = "The function and six derivatives over [-7, 7]; each derivative has one more extremum than the one before."
    section.parts.append(tour.save(fig, "6-tanh.png", alt))
    section.text(
        "The second formula turns every derivative into a polynomial in <i>f</i>, whose exact value is easily had with"
        " 60 digits. The table has the largest error at 200 points, relative to the largest value of that order,"
        " and relative to the value at the point itself, which is harsher near a zero."
    )
    section.parts.append(Table(("order", "largest value", "error / largest value", "error / value"), rows))
    tour.sections.append(section)


def quadratic(tour: Tour) -> None:
    """The gradient of ||Mx||^2 against 2 M^T M x."""
    M = tour.rng(7).standard_normal((5, 2))

    def f(x: Array) -> Any:
        u = M @ x
        return np.sum(u * u)

    x = numpy.array([[1.0], [2.0]])
    autodiff, formula = grad(f)(x), 2.0 * M.T @ M @ x
    error = float(numpy.linalg.norm(autodiff - formula) / numpy.linalg.norm(formula))
    tour.numbers["quadratic"] = {
        "M": M.tolist(),
        "x": x.ravel().tolist(),
        "value": float(f(x)),
        "autodiff": autodiff.ravel().tolist(),
        "formula": formula.ravel().tolist(),
        "relative_error": error,
    }
    section = Section("The gradient of a quadratic function")
    section.text(
        "A case to check with pencil and paper: the squared norm of <i>Mx</i>, with a random matrix <i>M</i> of five"
        " rows and two columns. Its gradient is known, and stands upright on the level lines."
    )
    section.formula("<i>f</i>(<i>x</i>) = ‖<i>Mx</i>‖²", "∇<i>f</i>(<i>x</i>) = 2 <i>M</i><sup>T</sup><i>Mx</i>")
    angles = numpy.arctan2(2.0, 1.0) + numpy.arange(9) * 2.0 * numpy.pi / 9
    points = numpy.sqrt(5.0) * numpy.stack([numpy.cos(angles), numpy.sin(angles)])
    # The sum over the columns separates, so one gradient serves all points.
    fig = plots.quadratic(M, points, grad(f)(points), 2.0 * M.T @ M @ points)
    alt = "Elliptic level lines with arrows: at nine points the two gradients coincide."
    section.parts.append(tour.save(fig, "7-quadratic.png", alt))
    section.parts.append(
        Table(
            ("at x = (1, 2)", "∂f/∂x₁", "∂f/∂x₂"),
            [
                ("autodiff", *(f"{v:.12g}" for v in autodiff.ravel())),
                ("2 MᵀMx", *(f"{v:.12g}" for v in formula.ravel())),
            ],
        )
    )
    section.text(f"The relative error is {error:.1e}.")
    tour.sections.append(section)


def compare(tour: Tour) -> None:
    """The gradient by autodiff against the one derived by hand, for every A and b."""
    data = tour.data
    widths = [data.p, *COMPARED, data.k]
    A, b = init(widths, tour.rng(8))
    by_autodiff = loss_and_gradient("autodiff", data.x_train, tour.Y)(A, b)
    by_hand = loss_and_gradient("backprop", data.x_train, tour.Y)(A, b)
    leaves = [("A", r, *pair) for r, pair in enumerate(zip(by_autodiff[1], by_hand[1], strict=True))]
    leaves += [("b", r, *pair) for r, pair in enumerate(zip(by_autodiff[2], by_hand[2], strict=True))]
    rows: list[Sequence[str]] = []
    numbers: list[dict[str, Any]] = []
    for letter, r, ours, reference in leaves:
        norm, norm_by_hand = float(numpy.linalg.norm(ours)), float(numpy.linalg.norm(reference))
        difference = float(numpy.linalg.norm(ours - reference))
        error = difference / norm_by_hand if norm_by_hand > 0.0 else difference
        shape = f"{reference.shape[0]} x {reference.shape[1]}"
        rows.append((f"{letter}{r}", shape, f"{norm:.6g}", f"{norm_by_hand:.6g}", f"{error:.1e}"))
        numbers.append(
            {
                "leaf": f"{letter}{r}",
                "shape": list(reference.shape),
                "norm_autodiff": norm,
                "norm_by_hand": norm_by_hand,
                "relative_error": error,
            }
        )
    table = Table(("leaf", "shape", "norm, autodiff", "norm, by hand", "relative error"), rows)
    worst = max(n["relative_error"] for n in numbers)
    tour.numbers["comparison"] = {
        "widths": widths,
        "loss_autodiff": by_autodiff[0],
        "loss_by_hand": by_hand[0],
        "leaves": numbers,
        "max_relative_error": worst,
        "step_for_this_network": step_size(len(A), data.x_train.shape[1]),
    }
    section = Section("Autodiff against backpropagation by hand")
    section.text(
        f"The chain rule, read from the last layer to the first, gives the gradient of a network; below it is for the"
        f" widths {widths} at random parameters, with ⊙ for the product entry by entry. One gradient follows these"
        " formulas, written in NumPy by hand. The other comes from <code>minigrad</code>, which was only given the"
        " forward pass and the loss. The two share no code."
    )
    section.formula(
        "<i>M<sub>r</sub></i> = &rho;&prime;(<i>A<sub>r</sub>x<sub>r</sub></i> + <i>b<sub>r</sub></i>)"
        " ⊙ ∇<i>x</i><sub><i>r</i>+1</sub>",
        "∇<i>A<sub>r</sub></i> = <i>M<sub>r</sub> x<sub>r</sub></i><sup>T</sup>",
        "∇<i>b<sub>r</sub></i> = <i>M<sub>r</sub></i> 1",
        "∇<i>x<sub>r</sub></i> = <i>A<sub>r</sub></i><sup>T</sup> <i>M<sub>r</sub></i>",
    )
    fig = plots.comparison(
        [f"${letter}_{r}$" for letter, r, _, _ in leaves],
        [(n["norm_autodiff"], n["norm_by_hand"]) for n in numbers],
        [n["relative_error"] for n in numbers],
    )
    alt = (
        f"Norms of both gradients for every weight and bias, and relative errors, all below {worst:.0e} or equal to it."
    )
    section.parts.append(tour.save(fig, "8-comparison.png", alt))
    section.parts.append(table)
    section.text(
        "Here the two agree to the last bit of every entry."
        if worst == 0.0
        else f"The largest relative error is {worst:.1e}: the two differ by rounding, and by nothing else."
        if worst < 1e-12
        else f"The largest relative error is {worst:.1e}, more than rounding explains: one of the two is wrong."
    )
    tour.sections.append(section)


def show_tape(tour: Tour) -> None:
    """What autodiff recorded for the network whose gradients were compared, with the cotangents beside the values."""
    data = tour.data
    widths = [data.p, *COMPARED, data.k]
    A, b = init(widths, tour.rng(8))

    def network(A: list[Any], b: list[Any]) -> Any:
        X = forward(A, b, data.x_train)
        for r, x in enumerate(X[1:], start=1):
            name(x, f"x{r}")
        return logistic(X[-1], tour.Y)

    tape = trace(network, A, b)
    tour.numbers["tape"] = {"widths": widths, "nodes": len(tape), "inputs": tape.leaves}
    section = Section("The tape")
    section.text(
        f"Autodiff has no formulas of this network. It runs the forward pass once and notes every operation: here the"
        f" {len(tape)} rows of the tape behind the comparison above, printed by"
        " <code>minigrad.trace</code>. Then it reads the rows from the last to the first; each operation knows how the"
        " derivative in its result becomes that in its arguments. The column of cotangents holds these derivatives;"
        " those of the inputs are the gradient. Large arrays are shown by their range and mean."
    )
    section.preformatted(tape.table(cotangents=True))
    tour.sections.append(section)


def _title(data: Dataset) -> str:
    return data.name.replace("$", r"\$")


def _widths(widths: Sequence[int]) -> str:
    """The widths in a short form: 64, 5x14, 10."""
    hidden = widths[1:-1]
    middle = str(hidden[0]) if len(hidden) == 1 else f"{len(hidden)}x{hidden[0]}"
    return f"{widths[0]}, {middle}, {widths[-1]}"


def summary(tour: Tour) -> str:
    """What a reader of the terminal wants to know in the end."""
    numbers = tour.numbers
    training, comparison = numbers["training"], numbers["comparison"]
    by = "autodiff" if training["gradient"] != "backprop" else "backpropagation by hand"
    table = Table(
        ("leaf", "shape", "norm, autodiff", "norm, by hand", "relative error"),
        [
            (
                leaf["leaf"],
                "x".join(str(d) for d in leaf["shape"]),
                f"{leaf['norm_autodiff']:.9g}",
                f"{leaf['norm_by_hand']:.9g}",
                f"{leaf['relative_error']:.1e}",
            )
            for leaf in comparison["leaves"]
        ],
    )
    last = numbers["tanh"][-1]
    held_out = f"{tour.held_out_name}: {training['held_out_samples']}"
    if training["held_out_by"] != "split":
        split = training["split"]
        held_out = f"{training['held_out_by']}, each of {training['held_out_samples']} samples held out once"
        held_out += (
            f";\n{' ' * 21}{split['held_out_accuracy']:.4f}  for the {split['samples']} of the split in the figures"
        )
    return f"""\
The gradient of the network {comparison["widths"]}, autodiff against backpropagation by hand:

{table.text()}

Network {training["widths"]} on {tour.data.name}, {training["steps"]} steps, trained with {by}:
  loss per sample    {training["last_loss_per_sample"]:.4f}
  training accuracy  {training["train_accuracy"]:.4f}
  held-out accuracy  {training["held_out_accuracy"]:.4f}  ({held_out})
Derivative {last["order"]} of tanh: error {last["max_error_relative_to_largest"]:.1e} of its largest value
Took {numbers["seconds"]:.0f} s.

The report: {tour.settings.out / "report.html"}  (numbers: {tour.settings.out / "report.json"})"""
