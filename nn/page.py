"""The network's page: real trainings to play back, and a network to train in the browser.

`python -m nn page` trains one network for each depth, keeps the parameters on the way, and writes one file of HTML that
needs nothing else. The page draws what the network has learnt: the map of its classes, the map of every neuron, and the
plane on its way through the layers. It computes with two programs that minigrad has written, the network itself and its
loss with the gradient, both translated to JavaScript by `nn.javascript`. Points can be added with a click; the page
then trains with the same backpropagation.

The page also holds losses and gradients that NumPy has computed. It computes them again when it opens, and shows how
far apart the two are.
"""

import base64
import errno
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import source, value_and_grad
from minigrad.show import page as pages
from minigrad.show.page import Html, element
from nn import exact
from nn.arrays import Array
from nn.data import DataError, Dataset, load, one_hot
from nn.javascript import Translation, translated
from nn.mlp import forward, init, parameters
from nn.report import prepare
from nn.train import objective, per_sample_gradients, train

DEPTHS = (1, 2, 3, 4, 5)  #: how many hidden layers the networks have
WIDTH = 8  #: of each of them
STEPS, QUICK_STEPS = 4000, 600
FRAMES = 90  #: how often the parameters are kept during a training, about
LOSSES = 400  #: how many losses are kept, about
CLASSES = 6  #: so many colours and shapes there are
SAMPLES = 2000  #: so many points can be drawn and trained in the page
SCRIPTS = (
    "arrays",
    "state",
    "colours",
    "maps",
    "layers",
    "curves",
    "programs",
    "training",
    "controls",
)  #: in this order


@dataclass(frozen=True)
class Check:
    """A loss and a gradient of NumPy, with which the page compares its own.

    Attributes:
        frame: at the parameters of this frame.
        loss: summed over the samples.
        gradient: in the order of the parameters in a frame.
        summed: for every A[r], then for every b[r], the largest sum of magnitudes over the samples that an entry of the
            gradient is made of. This is what rounding is relative to, also where the sum itself is small.
    """

    frame: int
    loss: float
    gradient: Array
    summed: list[float]


@dataclass(frozen=True)
class Recording:
    """A training, as it was.

    Attributes:
        widths: of the layers of the network.
        step: the size of the steps.
        steps: how many there were.
        at: the numbers of steps after which the parameters were kept; the first is 0 and the last `steps`.
        frames: these parameters, A[0], b[0], A[1], ..., one after another, shape (len(at), parameters(widths)).
        loss: the mean loss of a sample before every step and after the last one, shape (steps + 1,).
        gradient, network: the programs of the loss with its gradient, and of the network, in both languages.
        checks: what NumPy computes for the first and for the last frame.
    """

    widths: list[int]
    step: float
    steps: int
    at: list[int]
    frames: Array
    loss: Array
    gradient: Translation
    network: Translation
    checks: list[Check]


def times(steps: int, frames: int = FRAMES) -> list[int]:
    """After how many steps the parameters are kept: often in the beginning, where most happens.

    >>> times(100, 5)
    [0, 6, 25, 56, 100]
    """
    last = max(frames - 1, 1)
    return sorted({round(steps * (k / last) ** 2) for k in range(last + 1)})


def record(data: Dataset, hidden: int, steps: int, seed: int, progress: str | None = None) -> Recording:
    """Train a network with `hidden` hidden layers, and keep its parameters on the way.

    Args:
        data: two features, any number of classes.
        hidden: how many hidden layers, each of `WIDTH` coordinates.
        steps: of gradient descent.
        seed: of the initial parameters.
        progress: the label of the progress bar; None for no bar.

    Raises:
        nn.train.DivergedError: if the training diverges.

    >>> recording = record(load("two_arcs", rng=0), hidden=1, steps=20, seed=0)
    >>> recording.widths, recording.frames.shape
    ([2, 8, 2], (21, 42))
    """
    x, Y = data.x_train, one_hot(data.y_train, data.k)
    widths = [data.p, *[WIDTH] * hidden, data.k]
    A, b = init(widths, np.random.default_rng([seed, hidden]))
    at, frames = times(steps), []
    wanted = set(at)

    def watch(taken: int, _loss: float, A: list[Array], b: list[Array]) -> None:
        if taken in wanted:
            frames.append(flat(A, b))

    result = train(A, b, x, Y, steps, progress=progress, watch=watch)
    differentiated = value_and_grad(objective, (0, 1))
    return Recording(
        widths,
        result.step,
        steps,
        at,
        np.array(frames),
        result.history.loss / x.shape[1],
        translated(source(differentiated, A, b, x, Y, rolled=True), ("A", "b")),
        translated(source(forward, A, b, x, rolled=True), ("A", "b")),
        [checked(0, A, b, x, Y), checked(len(at) - 1, result.A, result.b, x, Y)],
    )


def checked(frame: int, A: Sequence[Array], b: Sequence[Array], x: Array, Y: Array) -> Check:
    """What NumPy computes for the parameters of a frame.

    >>> A, b = init([2, 3, 2], rng=0)
    >>> len(checked(0, A, b, np.ones((2, 5)), np.ones((2, 5))).summed)
    4
    """
    loss, (gA, gb) = value_and_grad(objective, (0, 1))(list(A), list(b), x, Y)
    _, *of_samples = per_sample_gradients(A, b, x, Y)
    summed = [float(np.max(np.sum(np.abs(g), axis=0))) for arrays in of_samples for g in arrays]
    return Check(frame, float(loss), flat(gA, gb), summed)


def flat(A: Sequence[Array], b: Sequence[Array]) -> Array:
    """A[0], b[0], A[1], b[1], ... as one vector.

    >>> flat([np.ones((2, 1))], [np.zeros((2, 1))])
    array([1., 1., 0., 0.])
    """
    return np.concatenate([array.ravel() for pair in zip(A, b, strict=True) for array in pair])


def run(
    out: Path, seed: int = 0, data: str = "spiral", steps: int | None = None, quick: bool = False, *, bar: bool = True
) -> list[Recording]:
    """Train the networks and write the page.

    Args:
        out: the file.
        seed: of the data and of the initial parameters.
        data: see `nn.data.load`; it has to have two features.
        steps: of each training; by default `STEPS`, or `QUICK_STEPS` if quick.
        quick: whether fewer steps are enough.
        bar: whether progress is shown, on a terminal.

    Raises:
        OSError: if the file cannot be written, or the data cannot be read.
        nn.data.DataError: if the data cannot be shown on this page.
        nn.train.DivergedError: if a training diverges.
        ImportError: if the data needs scikit-learn and it is missing.
    """
    problem = load(data, rng=seed)
    check(problem)
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder, where the name of a file was expected", str(out))
    prepare(out.parent)
    steps = steps if steps is not None else QUICK_STEPS if quick else STEPS

    recordings = [
        record(problem, hidden, steps, seed, f"training, depth {hidden} of {DEPTHS[-1]}" if bar else None)
        for hidden in DEPTHS
    ]
    pages.write(out, page(problem, recordings))
    return recordings


def summary(recordings: Sequence[Recording], out: Path) -> str:
    """What the terminal says in the end."""
    size = out.stat().st_size / 1e6
    lines = ["hidden layers  parameters  loss per sample: first  last"]
    for r in recordings:
        lines.append(f"{len(r.widths) - 2:13}{parameters(r.widths):12}{r.loss[0]:24.3f}{r.loss[-1]:6.3f}")
    table = "\n".join(lines)
    return f"{table}\n\nThe page: {out} ({size:.1f} MB). Open it in a browser; it needs no server and no network."


def check(data: Dataset) -> None:
    """Refuse data that the page cannot show.

    Raises:
        nn.data.DataError: if there are not two features, or too many classes or samples.

    >>> check(load("two_arcs", rng=0))
    """
    if data.p != 2:
        raise DataError(
            f"{data.name} has {data.p} features; the page draws the plane of two, as spiral or two_arcs have"
        )
    if data.k > CLASSES:
        raise DataError(f"{data.name} has {data.k} classes; the page can tell {CLASSES} apart")
    if data.x_train.shape[1] > SAMPLES:
        raise DataError(f"{data.name} has {data.x_train.shape[1]} samples to learn from; the page takes {SAMPLES}")


def page(data: Dataset, recordings: Sequence[Recording]) -> Html:
    """The whole page.

    Args:
        data: what the networks were trained on.
        recordings: one for each depth.
    """
    folder = resources.files("nn") / "playground"
    read = lambda name: (folder / name).read_text(encoding="utf-8")
    title = f"A network learns: {data.name}"
    programs = ",\n".join(
        [f"{{\ngradient: {r.gradient.javascript},\nnetwork: {r.network.javascript}\n}}" for r in recordings]
    )
    parts = [read(f"{name}.js") for name in SCRIPTS]
    parts.insert(1, f"// Written by minigrad, translated line by line: for each depth the gradient, and the network.\n"
                    f"const PROGRAMS = [\n{programs}\n];\n")  # fmt: skip
    text = json.dumps(content(data, recordings), separators=(",", ":"), allow_nan=False)
    printed = [element("h2", f"depth {len(r.widths) - 2}") + element("pre", r.gradient.python) for r in recordings[-1:]]
    without = element("noscript", element("p", "This page needs scripts. The gradient:"), *map(Html, printed))
    style = pages.STYLE + read("page.css")
    return pages.application(title, Html(read("body.html")), without, style=style, script="\n".join(parts), data=text)


def content(data: Dataset, recordings: Sequence[Recording]) -> dict[str, Any]:
    """The data of the page. Arrays of doubles are in base64, so that no digit is lost."""
    return {
        "name": data.name,
        "classes": list(data.classes),
        "x": _encoded(data.x_train),
        "y": data.y_train.tolist(),
        "heldOut": {"x": _encoded(data.x_test), "y": data.y_test.tolist()},
        "least": exact.least_loss(data.k),
        "networks": [_network(recording) for recording in recordings],
    }


def _network(r: Recording) -> dict[str, Any]:
    stride = max(1, r.steps // LOSSES)
    return {
        "widths": r.widths,
        "parameters": parameters(r.widths),
        "step": r.step,
        "steps": r.steps,
        "at": r.at,
        "frames": _encoded(r.frames),
        "stride": stride,
        "loss": [float(f"{loss:.6g}") for loss in r.loss[::stride]],
        "python": {"gradient": [row[0] for row in r.gradient.rows], "network": [row[0] for row in r.network.rows]},
        "frameLoss": r.loss[r.at].tolist(),
        "checks": [
            {"frame": c.frame, "loss": c.loss, "gradient": _encoded(c.gradient), "summed": c.summed} for c in r.checks
        ],
    }


def _encoded(array: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode("ascii")
