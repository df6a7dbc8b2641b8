"""The classifier of `nn` beside that of scikit-learn: accuracy by cross-validation, and the time of a fit.

    python -m benchmarks.classifiers                    # four sets of data, about a minute
    python -m benchmarks.classifiers --data digits      # one of them

Both have one hidden layer of 64, Adam, batches of 64 and 100 epochs, unless the options say otherwise. Ours has arctan,
and a step that goes to zero along half a cosine; theirs has tanh and a constant step. Every sample is held out once.
Features are standardised on the samples that are learned from. With `--equal` both take the same constant step, 0.001.
Times are CPU times on one thread, since other programs may run beside; the two take turns, and the last column is the
median of the ratios.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import sys
import time
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn import datasets, neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nn.classifier import MLPClassifier
from nn.report import Table

SETS = {"iris": 0.96, "wine": 0.98, "breast_cancer": 0.975, "digits": 0.97}  # the accuracy to reach


def models(options: argparse.Namespace) -> dict[str, object]:
    """Both estimators, by what the table calls them."""
    epochs, batch, seed = options.epochs, options.batch, options.seed
    widths = tuple(map(int, options.layers.split(",")))
    steps = {"learning_rate": 0.001, "schedule": "constant"} if options.equal else {}
    ours = MLPClassifier(widths, max_iter=epochs, batch_size=batch, alpha=0.01, random_state=seed, **steps)
    theirs = neural_network.MLPClassifier(
        widths, activation="tanh", max_iter=epochs, batch_size=batch, n_iter_no_change=epochs, random_state=seed
    )
    return {"nn.MLPClassifier": ours, "scikit-learn": theirs}


def measured(
    models: dict[str, object], X: np.ndarray, y: np.ndarray, folds: int, seed: int
) -> dict[str, tuple[float, list[float]]]:
    """For each estimator the share of held-out samples that it classifies correctly, and the seconds of each fit.

    The estimators take turns, fold by fold, and the first is another one each time: what slows the machine down for a
    while slows all of them.
    """
    right, seconds = dict.fromkeys(models, 0), {label: list[float]() for label in models}
    for k, (train, held) in enumerate(StratifiedKFold(folds, shuffle=True, random_state=seed).split(X, y)):
        order = list(models)
        for label in order[k % len(order) :] + order[: k % len(order)]:
            pipeline = make_pipeline(StandardScaler(), clone(models[label]))
            started = time.process_time()
            pipeline.fit(X[train], y[train])
            seconds[label].append(time.process_time() - started)
            right[label] += int(np.sum(pipeline.predict(X[held]) == y[held]))
    return {label: (right[label] / y.size, seconds[label]) for label in models}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.classifiers", description=__doc__.partition("\n")[0])
    top.add_argument("--data", choices=SETS, action="append", help="may be repeated (default: all)")
    top.add_argument("--epochs", type=int, default=100, metavar="N", help="default: 100")
    top.add_argument("--layers", default="64", metavar="N,N", help="widths of hidden layers (default: 64)")
    top.add_argument("--batch", type=int, default=64, metavar="N", help="samples in a mini-batch (default: 64)")
    top.add_argument("--folds", type=int, default=5, metavar="N", help="default: 5")
    top.add_argument("--seed", type=int, default=0, metavar="N", help="of the folds and the networks (default: 0)")
    top.add_argument("--equal", action="store_true", help="the same constant step for both")
    options = top.parse_args(arguments)
    rows = []
    for name in options.data or SETS:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        print(name, file=sys.stderr)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # theirs says that it could go on
            found = measured(models(options), X, y, options.folds, options.seed)
        theirs = np.array(found["scikit-learn"][1])
        for label, (accuracy, seconds) in found.items():
            ratio = float(np.median(np.array(seconds) / theirs))
            took = f"{np.median(seconds):.2f} s"
            rows.append((name, label, f"{accuracy:.4f}", f"{SETS[name]:.3f}", took, f"{ratio:.2f}"))
    print(Table(("data", "estimator", "accuracy", "to reach", "CPU time of a fit", "of theirs"), rows).text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
