"""The data of a training: read, split and scaled. What does not fit into memory lies in temporary files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.errors import MinigradError
from minigrad.show.progress import progress
from nn import data
from nn.arrays import Array, Labels
from nn.files import MAX_ENTRIES, Blocks, DataError, Form
from nn.samples import Block, Moments, block_size, spooled

SPARSE = 3  # a file with less than one value in so many features is kept sparse


class RunError(MinigradError, RuntimeError):
    """A command that cannot be done as it was asked for; the message says why, and what is left."""


@dataclass(frozen=True)
class Problem:
    """A classification problem, as a network is trained on it.

    Attributes:
        name: what it is called in titles.
        x_train, y_train: samples to learn from, scaled, shapes (p, n) and (n,): an array, a memory map, or sparse.
        x_test, y_test: samples that the training never sees; there may be none.
        classes: their names.
        form: what the samples of a file must have.
        centre, factor: a sample x is factor * (x - centre) for the network, both of shape (p, 1).
    """

    name: str
    x_train: Any
    y_train: Labels
    x_test: Any
    y_test: Labels
    classes: tuple[str, ...]
    form: Form
    centre: Array
    factor: Array


def load(
    source: str, test: float, seed: int, validation: float, folder: Path | None = None, *, show: bool = False
) -> Problem:
    """Read a problem, put samples for the test aside, and scale the features by those that are left.

    Features have mean 0 and standard deviation 1 then. Those of sparse data have root mean square 1 and are not
    centred, for zeros shall stay zeros.

    Args:
        source: "digits", "iris", "wine", "breast_cancer", "spiral", "two_arcs", or the path of a file.
        test: share of each class that is put aside for the test; 0 for none.
        seed: of this choice.
        validation: share that the training will hold out; a class must have samples enough.
        folder: where the disk has room for data that is larger than memory.
        show: whether to show progress while a large file is read.

    Raises:
        OSError: if the file cannot be read.
        DataError: if it is no classification problem; the message names the file and the line.
        ImportError: if scikit-learn or SciPy is needed and missing.

    >>> problem = load("two_arcs", 0.25, 0, 0.0)
    >>> problem.x_train.shape, problem.x_test.shape, problem.classes
    ((2, 150), (2, 50), ('0', '1'))
    """
    name, x, y, classes, form = _read(source, seed, folder, show)
    needed = 1 + (test > 0.0) + (validation > 0.0)
    counts = np.bincount(y, minlength=len(classes))
    if counts.min() < needed:
        few = int(counts.argmin())
        raise DataError(
            f"{name}: class {classes[few]} has {counts[few]} samples, and {needed} are needed: to learn from"
            f"{', to validate' if validation else ''}{', to test' if test else ''}"
        )
    train, held = np.arange(y.size), np.arange(0)
    if test:
        train, held = (np.sort(part) for part in data.split(y, test, np.random.default_rng([seed, 0])))
    x_train, x_test = (_chosen(x, y, part, folder) for part in (train, held))
    del x
    if hasattr(x_train, "tocsr"):
        squares = np.asarray(x_train.multiply(x_train).mean(axis=1)).reshape(-1, 1)
        centre, factor = np.zeros((form.p, 1)), 1.0 / np.sqrt(np.where(squares > 0.0, squares, np.inf))
        x_train, x_test = (part.multiply(factor).tocsr() for part in (x_train, x_test))
    else:
        moments = Moments(form.p)
        for part in _columns(x_train):
            moments.add(part)
        centre, factor = moments.scaling()
        for part in (*_columns(x_train), *_columns(x_test)):
            part -= centre
            part *= factor
    return Problem(name, x_train, y[train], x_test, y[held], classes, form, centre, factor)


def _read(source: str, seed: int, folder: Path | None, show: bool) -> tuple[str, Any, Labels, tuple[str, ...], Form]:
    if source in data.SYNTHETIC:
        draw = data.spiral if source == "spiral" else data.two_arcs
        x, y = draw(rng=seed)
        return source.replace("_", " "), x, y, tuple(str(j) for j in range(int(y.max()) + 1)), Form(2)
    if source in data.BUNDLED:
        x, y, classes = data.bundled(source)
        return source.replace("_", " "), x, y, classes, Form(x.shape[0])
    path = data.existing(source)
    with progress("reading", "samples", show=show) as bar:
        blocks = Blocks(path, watch=bar.update)
    n, p = blocks.y.size, blocks.form.p
    content: Any
    if blocks.entries * SPARSE < n * p and n * p > MAX_ENTRIES:
        content = blocks.sparse()
    elif n * p > MAX_ENTRIES:
        with progress("reading again", "samples", total=n, show=show) as bar:
            content, _ = spooled(_counted(blocks, bar), folder)
    else:
        content = np.empty((n, p)).T
        start = 0
        for x, y in blocks:
            content[:, start : start + y.size] = x
            start += y.size
    return path.name, content, blocks.y, blocks.classes, blocks.form


def _counted(blocks: Blocks, bar: Any) -> Iterator[Block]:
    for x, y in blocks:
        yield x, y
        bar.update(y.size)


def _chosen(x: Any, y: Labels, part: Labels, folder: Path | None) -> Any:
    """The samples of these indices, where the others are."""
    if not isinstance(x, np.memmap):
        return (x.tocsc() if hasattr(x, "tocsc") else x)[:, part]
    if not part.size:
        return np.zeros((x.shape[0], 0))

    def blocks() -> Iterator[Block]:
        size = block_size(x.shape[0])
        for start in range(0, part.size, size):
            mine = part[start : start + size]
            yield x[:, mine], y[mine]

    return spooled(blocks(), folder)[0]


def _columns(x: Any) -> Iterator[Array]:
    """Views of some samples after the other."""
    size = block_size(x.shape[0])
    return (x[:, start : start + size] for start in range(0, x.shape[1], size))
