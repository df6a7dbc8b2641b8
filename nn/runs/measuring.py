"""How good a network is on labelled samples: counts that are added up block by block, and what follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn.arrays import Array, Labels

BINS = 10  # of the calibration


@dataclass(frozen=True)
class Quality:
    """How good a network is.

    Attributes:
        of: which samples it was measured on, in words.
        confusion: how many samples of the class i were said to be of the class j, shape (k, k).
        loss: the logistic loss per sample, without weights.
        brier: the mean of the squared distances between probabilities and targets, from 0 (best) to 2.
        counts: how many answers had a confidence in each of ten bins from 0 to 1, shape (10,).
        confidence: the mean probability of these answers, shape (10,); NaN where there are none.
        right: the share of them that was right, shape (10,); NaN where there are none.
    """

    of: str
    confusion: Labels
    loss: float
    brier: float
    counts: Labels
    confidence: Array
    right: Array

    @property
    def n(self) -> int:
        """How many samples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of samples whose class was found."""
        return float(np.trace(self.confusion)) / self.n

    @property
    def precision(self) -> Array:
        """For each class the share of right answers among those that name it, shape (k,); NaN where nothing does."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> Array:
        """For each class the share of its samples that was found, shape (k,); NaN for a class without samples."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def f1(self) -> Array:
        """For each class the harmonic mean of precision and recall, shape (k,)."""
        return _share(2.0 * np.diag(self.confusion), self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    @property
    def calibration_error(self) -> float:
        """The mean distance between confidence and share of right answers, over all answers.

        Source:
            M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
            AAAI 2015.
        """
        some = self.counts > 0
        return float(np.sum(self.counts[some] * np.abs(self.confidence - self.right)[some])) / self.n

    def numbers(self) -> dict[str, Any]:
        """All of it, as JSON knows it."""
        plain = lambda values: [None if np.isnan(v) else float(v) for v in values]
        return {
            "of": self.of,
            "samples": self.n,
            "accuracy": self.accuracy,
            "loss_per_sample": self.loss,
            "brier": self.brier,
            "calibration_error": self.calibration_error,
            "confusion": self.confusion.tolist(),
            "precision": plain(self.precision),
            "recall": plain(self.recall),
            "f1": plain(self.f1),
            "calibration": {
                "counts": self.counts.tolist(),
                "confidence": plain(self.confidence),
                "right": plain(self.right),
            },
        }


def measure(of: str, blocks: Iterable[tuple[Array, Labels]], k: int) -> Quality:
    """The quality of answers.

    Args:
        of: which samples these are, in words.
        blocks: probabilities, shape (k, m), and labels, shape (m,), of some samples after the other.
        k: the number of classes.

    >>> answers = np.array([[0.9, 0.2, 0.6], [0.1, 0.8, 0.4]])
    >>> quality = measure("three samples", [(answers, np.array([0, 1, 1]))], 2)
    >>> quality.confusion.tolist(), round(quality.accuracy, 3), round(quality.calibration_error, 3)
    ([[1, 0], [1, 1]], 0.667, 0.3)
    """
    confusion = np.zeros((k, k), np.intp)
    sums, counts = np.zeros((2, BINS)), np.zeros(BINS, np.intp)
    loss = brier = 0.0
    for probabilities, y in blocks:
        found, columns = probabilities.argmax(axis=0), np.arange(y.size)
        np.add.at(confusion, (y, found), 1)
        confidence = probabilities[found, columns]
        bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
        counts += np.bincount(bins, minlength=BINS)
        sums += [np.bincount(bins, weights, BINS) for weights in (confidence, (found == y).astype(np.float64))]
        own = probabilities[y, columns]
        loss -= float(np.sum(np.log(np.maximum(own, np.finfo(np.float64).tiny))))
        brier += float(np.sum(probabilities**2) - 2.0 * np.sum(own) + y.size)
    n = max(int(counts.sum()), 1)
    return Quality(of, confusion, loss / n, brier / n, counts, _share(sums[0], counts), _share(sums[1], counts))


def _share(part: Any, whole: Any) -> Array:
    none = np.full(np.shape(whole), np.nan)
    share: Array = np.divide(part, whole, out=none, where=np.asarray(whole) > 0)
    return share
