"""Data to classify: two synthetic sets, LibSVM and CSV files (`nn.files`), and the sets bundled with scikit-learn.

Columns are samples: x is (p, n) and y is (n,) with the labels 0..k-1.

`nn` follows the tour in "Numerical Tours" (Gabriel Peyré), with these corrections:

- the columns of class j are j n0 .. (j+1) n0; the published range starts one class earlier and wraps round to the end;
- every sample has its own noise on the angle;
- labels are compared with labels, 0..k-1 everywhere, also when points are coloured (published with an offset of one,
  which draws the classes in each other's colours and leaves one of them out);
- the backward pass takes the number of samples from its arguments, not from a global, so it works for any subset
  (`nn.backprop`), and it keeps A x + b instead of computing it a second time;
- the comparison of two gradients looks at every layer, not at one stale index again and again
  (`nn.stations.comparison`);
- no name is used for two things (the depth of the network was overwritten by an image).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nn import files
from nn.arrays import Array, Labels, Seed
from nn.files import DataError as DataError

SYNTHETIC = ("spiral", "two_arcs")
BUNDLED = ("iris", "wine", "breast_cancer", "digits")


@dataclass(frozen=True)
class Dataset:
    """A classification problem, split for training and testing.

    Attributes:
        name: what it is called in titles.
        x_train, x_test: features, shapes (p, n_train) and (p, n_test), float64.
        y_train, y_test: labels 0..k-1, shapes (n_train,) and (n_test,).
        classes: the name of every class, in the order of the labels (the label itself for a file).
    """

    name: str
    x_train: Array
    y_train: Labels
    x_test: Array
    y_test: Labels
    classes: tuple[str, ...]

    @property
    def p(self) -> int:
        """The number of features."""
        return int(self.x_train.shape[0])

    @property
    def k(self) -> int:
        """The number of classes."""
        return len(self.classes)


def spiral(n_per_class: int = 100, classes: int = 3, noise: float = 0.2, rng: Seed = None) -> tuple[Array, Labels]:
    """Interleaved spiral arms in the unit disc, one per class.

    Arm j has the radius going from 0 to 1 and the angle from 4 j to 4 (j + 1), plus normal noise on the angle that is
    independent for every sample.

    Args:
        n_per_class: samples on each arm.
        classes: number of arms k.
        noise: standard deviation of the angle, in radians.
        rng: a NumPy generator, or a seed for a new one.

    Returns:
        x of shape (2, k n_per_class) and y of shape (k n_per_class,), class after class.

    Raises:
        ValueError: if a count is not positive.

    >>> x, y = spiral(n_per_class=4, classes=3, rng=0)
    >>> x.shape, y
    ((2, 12), array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]))
    """
    if n_per_class < 1 or classes < 1:
        raise ValueError(f"need at least one sample and one class, not {n_per_class} and {classes}")
    generator = np.random.default_rng(rng)
    radius = np.linspace(0.0, 1.0, n_per_class)
    arms = []
    for j in range(classes):
        angle = np.linspace(4.0 * j, 4.0 * (j + 1), n_per_class) + noise * generator.standard_normal(n_per_class)
        arms.append(np.stack([radius * np.sin(angle), radius * np.cos(angle)]))
    return np.concatenate(arms, axis=1), np.repeat(np.arange(classes), n_per_class)


def two_arcs(n_per_class: int = 100, noise: float = 0.05, rng: Seed = None) -> tuple[Array, Labels]:
    """Two half circles that reach into each other, for binary classification; the second is the first, point-reflected.

    Args:
        n_per_class: samples on each arc.
        noise: standard deviation of both coordinates.
        rng: a NumPy generator, or a seed for a new one.

    Returns:
        x of shape (2, 2 n_per_class), within [-1, 1]^2 up to the noise, and y of shape (2 n_per_class,), 0 and 1.

    Raises:
        ValueError: if `n_per_class` is not positive.

    >>> x, y = two_arcs(n_per_class=3, noise=0.0)
    >>> x.shape, y
    ((2, 6), array([0, 0, 0, 1, 1, 1]))
    """
    if n_per_class < 1:
        raise ValueError(f"need at least one sample per class, not {n_per_class}")
    generator = np.random.default_rng(rng)
    angle = np.linspace(0.0, np.pi, n_per_class)
    arc = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25]) / 1.6
    x = np.concatenate([arc, -arc], axis=1)
    return x + noise * generator.standard_normal(x.shape), np.repeat(np.arange(2), n_per_class)


def one_hot(y: Labels, classes: int) -> Array:
    """The matrix Y of shape (classes, n) with Y[i, j] = 1 where y[j] = i, and 0 elsewhere; float64.

    Raises:
        ValueError: if y is not a vector of integers in 0..classes-1.

    >>> one_hot(np.array([0, 2]), 3)
    array([[1., 0.],
           [0., 0.],
           [0., 1.]])
    """
    y = np.asarray(y)
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"labels must be a vector of integers, not {y.dtype} of shape {y.shape}")
    if y.size and (y.min() < 0 or y.max() >= classes):
        raise ValueError(f"labels must lie in 0..{classes - 1}, found {y.min()}..{y.max()}")
    Y: Array = (np.arange(classes)[:, None] == y).astype(np.float64)
    return Y


def split(y: Labels, test_fraction: float, rng: Seed = None) -> tuple[Labels, Labels]:
    """Indices of a training set and a test set, in random order; the test set takes the same share of every class.

    Both sets hold at least one sample of every class.

    Args:
        y: labels, shape (n,).
        test_fraction: share of the test set, between 0 and 1.
        rng: a NumPy generator, or a seed for a new one.

    Returns:
        (train, test): index vectors that together hold 0..n-1.

    Raises:
        ValueError: if the fraction is not strictly between 0 and 1.
        DataError: if a class has a single sample.

    >>> [part.size for part in split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, rng=0)]
    [6, 2]
    """
    if not 0.0 < test_fraction < 1.0:
        raise ValueError(f"the test fraction must lie strictly between 0 and 1, not {test_fraction}")
    generator = np.random.default_rng(rng)
    train, test = [], []
    for label in np.unique(y):
        members = generator.permutation(np.flatnonzero(y == label))
        if members.size < 2:
            raise DataError("a class with a single sample cannot be both learnt and tested")
        n_test = min(max(round(test_fraction * members.size), 1), members.size - 1)
        test.append(members[:n_test])
        train.append(members[n_test:])
    return generator.permutation(np.concatenate(train)), generator.permutation(np.concatenate(test))


def folds(y: Labels, count: int, rng: Seed = None) -> list[Labels]:
    """The indices 0..n-1 dealt to `count` parts of about equal size, each with about the same share of every class.

    Every index is in one part: a cross-validation that holds out one part at a time holds out every sample once.

    Raises:
        ValueError: if `count` is less than 2 or more than there are samples.

    >>> [part.tolist() for part in folds(np.array([0, 0, 1, 1]), 2, rng=0)]
    [[0, 2], [1, 3]]
    """
    if not 2 <= count <= y.size:
        raise ValueError(f"need at least 2 folds and at most one per sample ({y.size}), not {count}")
    generator = np.random.default_rng(rng)
    # Shuffled within each class and dealt like cards, one class after the other.
    order = generator.permutation(y.size)
    order = order[np.argsort(y[order], kind="stable")]
    return [np.sort(order[i::count]) for i in range(count)]


def fit_scaling(x: Array) -> tuple[Array, Array]:
    """The centre c and factor s, both (p, 1), for which s (x - c) fills [-1, 1] in every row of x, shape (p, n).

    The factor of a constant row is 0: such a feature says nothing about the class, and becomes 0 in every sample.

    >>> fit_scaling(np.array([[0.0, 4.0], [7.0, 7.0]]))
    (array([[2.],
           [7.]]), array([[0.5],
           [0. ]]))
    """
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    half = 0.5 * high - 0.5 * low  # halved first: high - low may overflow
    constant = half < 1e-300
    return 0.5 * low + 0.5 * high, np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, half))


def load(source: str | Path, *, test_fraction: float = 0.25, rng: Seed = None) -> Dataset:
    """Load a classification problem, scale its features to [-1, 1] and split it.

    The scaling is fitted on the training part alone and applied to both, so test samples may lie slightly outside. The
    two synthetic sets fill the square already and are not scaled; their test part is a second, independent draw.

    Args:
        source: "spiral", "two_arcs", "iris", "wine", "breast_cancer", "digits", or the path of a text file:
            LibSVM, or CSV with the ending .csv (also .gz or .bz2). The labels of a LibSVM file may be any integers,
            such as -1 and +1. A CSV file may have a header; the labels are the column named label, class, target or y,
            or else the last one, and may be words.
        test_fraction: share of every class that is held out.
        rng: a NumPy generator, or a seed for a new one; draws the noise and the split.

    Raises:
        FileNotFoundError: if there is neither such a file nor such a data set.
        OSError: if the file cannot be read.
        DataError: if the file is malformed (the line is named), its labels are not integers (or words), a value is
            not finite, or it has fewer than two classes, no features, or a class with a single sample.
        ImportError: if scikit-learn is needed and missing.

    >>> data = load("two_arcs", rng=0)
    >>> data.x_train.shape, data.classes
    ((2, 200), ('0', '1'))
    """
    generator = np.random.default_rng(rng)
    if source in SYNTHETIC:
        draw = spiral if source == "spiral" else two_arcs
        x, y = draw(rng=generator)
        x_test, y_test = draw(rng=generator)
        classes = tuple(str(j) for j in range(int(y.max()) + 1))
        return Dataset(str(source).replace("_", " "), x, y, x_test, y_test, classes)
    if source in BUNDLED:
        name = str(source).replace("_", " ")
        x, y, classes = bundled(str(source))
    else:
        path = existing(source)
        name = path.name
        x, y, classes = files.read(path)
    counts = np.bincount(y, minlength=len(classes))
    if counts.min() < 2:
        lonely = [c for c, count in zip(classes, counts, strict=True) if count < 2]
        shown = ", ".join(lonely[:5]) + (", ..." if len(lonely) > 5 else "")
        raise DataError(
            f"{name}: class {shown} has a single sample; every class needs two or more, to be learnt and tested"
            " (are the labels numbers to predict by regression?)"
        )
    train, test = split(y, test_fraction, generator)
    parts = x[:, train], x[:, test]
    del x  # large data is in memory twice, not more often: the parts are scaled in place
    centre, factor = fit_scaling(parts[0])
    for part in parts:
        part -= centre
        part *= factor
    return Dataset(name, parts[0], y[train], parts[1], y[test], classes)


def existing(source: str | Path) -> Path:
    """The path of a file that is there, for a name that is none of a data set.

    Raises:
        OSError: if there is no such file.
    """
    path = Path(source)
    if not path.exists():
        names = ", ".join(SYNTHETIC + BUNDLED)
        raise FileNotFoundError(f"{path}: no such file, and no data set of that name (there are {names})")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder, where a LibSVM or CSV file was expected")
    return path


def _scikit_learn() -> Any:
    """`sklearn.datasets`, imported only when asked for: it takes a second, and the synthetic sets do without it."""
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError("scikit-learn is needed to read this data: pip install scikit-learn") from error
    return datasets


def bundled(name: str) -> tuple[Array, Labels, tuple[str, ...]]:
    """The samples, shape (p, n), the labels and the classes of a set that comes with scikit-learn.

    Raises:
        ImportError: if scikit-learn is missing.
    """
    bunch = getattr(_scikit_learn(), f"load_{name}")()
    x = np.ascontiguousarray(bunch.data.T, dtype=np.float64)
    return x, bunch.target.astype(np.intp), tuple(str(c) for c in bunch.target_names)
