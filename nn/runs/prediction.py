"""The answers of a trained network to the samples of a file, written block by block."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from minigrad.show.page import writing
from nn.arrays import Array, Labels
from nn.data import BUNDLED, bundled, existing
from nn.files import DataError, unseen
from nn.report import csv_text
from nn.runs.training import Model, load_model

Answers = Iterator[tuple[Array, Labels | None, Sequence[int]]]


@dataclass(frozen=True)
class Prediction:
    """What was answered.

    Attributes:
        samples: how many there were.
        counts: how many answers named each class.
        right: how many were right; None if the file has no labels.
    """

    samples: int
    counts: dict[str, int]
    right: int | None

    @property
    def accuracy(self) -> float | None:
        """The share of right answers; None if the file has no labels."""
        return None if self.right is None else self.right / self.samples

    def numbers(self) -> dict[str, Any]:
        """All of it, as JSON knows it."""
        return {"samples": self.samples, "counts": self.counts, "right": self.right, "accuracy": self.accuracy}

    def text(self) -> str:
        """What the terminal says in the end."""
        told = f"{self.samples} samples"
        return told if self.right is None else f"{told}, {self.right} right: accuracy {self.accuracy:.4f}"


def predict(folder: Path, data: str, out: Path | None, *, probabilities: bool = False) -> Prediction:
    """Answer for each sample, and write a table in CSV: the line, the answer, and the label where there is one.

    Args:
        folder: of the training.
        data: the path of a file, with labels or without, or the name of a set that comes with scikit-learn.
        out: the file to write; the terminal if None.
        probabilities: whether to write the probability of each class, too.

    Raises:
        CheckpointError: if there is no training in the folder, or a damaged one.
        DataError: if the samples are not of the kind that the network was trained with.
        OSError: if something cannot be read or written.
    """
    model = load_model(folder)
    answers = _answers(model, data)
    first = next(answers)  # before anything is written: most of what can be wrong is so with the first samples
    if out is None:
        sys.stdout.flush()
        return _written(model, first, answers, sys.stdout.buffer, probabilities)
    with writing(out) as file:
        return _written(model, first, answers, file, probabilities)


def _answers(model: Model, data: str) -> Answers:
    """Probabilities, labels if there are any, and numbers of lines, block by block."""
    blocks: Answers
    if data in BUNDLED:
        x, y, classes = bundled(data)
        if x.shape[0] != model.form.p:
            raise DataError(f"{data}: {x.shape[0]} features, but the network was trained with {model.form.p}")
        known = classes == model.classes
        blocks = iter([(x, y if known else None, range(1, y.size + 1))])
    else:
        blocks = unseen(existing(data), model.form, model.classes)
    for x, y_or_none, lines in blocks:
        yield model.fitted.probabilities((x - model.centre) * model.factor), y_or_none, lines


def _written(model: Model, first: Any, answers: Answers, file: BinaryIO, probabilities: bool) -> Prediction:
    counts = np.zeros(len(model.classes), np.intp)
    samples, right = 0, 0
    has_labels = first[1] is not None
    header = ["line", "answer"] + ["label"] * has_labels
    if probabilities:
        header += [f"probability of {name}" for name in model.classes]
    _row_by_row(file, [header])

    def block(P: Array, y: Labels | None, lines: Sequence[int]) -> None:
        nonlocal samples, right
        found = P.argmax(axis=0)
        samples += found.size
        counts[:] += np.bincount(found, minlength=counts.size)
        columns: list[Sequence[Any]] = [lines, [model.classes[j] for j in found]]
        if y is not None:
            right += int(np.sum(found == y))
            columns.append([model.classes[j] for j in y])
        if probabilities:
            columns += P.tolist()
        _row_by_row(file, zip(*columns))

    block(*first)
    for answer in answers:
        block(*answer)
    by_name = dict(zip(model.classes, counts.tolist()))
    return Prediction(samples, by_name, right if has_labels else None)


def _row_by_row(file: BinaryIO, rows: Any) -> None:
    file.write(csv_text(rows).encode())
