"""The classifier of `nn` beside that of scikit-learn: accuracy by cross-validation, and the time of a fit.

    python -m benchmarks.classifiers                    # four sets of data, about a minute
    python -m benchmarks.classifiers --data digits      # one of them

Both have one hidden layer of 64, Adam, batches of 64 and 100 epochs. Ours has arctan, and a step that goes to zero
along half a cosine; theirs has tanh and a constant step. Every sample is held out once. Features are standardised on
the samples that are learned from. With `--equal` both take the same constant step, 0.001. Times are CPU times on one
thread, since other programs may run beside.
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


def models(epochs: int, seed: int, equal: bool) -> dict[str, object]:
    """Both estimators, by what the table calls them."""
    steps = {"learning_rate": 0.001, "schedule": "constant"} if equal else {}
    ours = MLPClassifier((64,), max_iter=epochs, alpha=0.01, random_state=seed, **steps)
    theirs = neural_network.MLPClassifier(
        (64,), activation="tanh", max_iter=epochs, batch_size=64, n_iter_no_change=epochs, random_state=seed
    )
    return {"nn.MLPClassifier": ours, "scikit-learn": theirs}


def measured(model: object, X: np.ndarray, y: np.ndarray, folds: int, seed: int) -> tuple[float, float]:
    """The share of samples that are classified correctly when held out, and the seconds of a fit: the median."""
    right, seconds = 0, []
    for train, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(X, y):
        pipeline = make_pipeline(StandardScaler(), clone(model))
        started = time.process_time()
        pipeline.fit(X[train], y[train])
        seconds.append(time.process_time() - started)
        right += int(np.sum(pipeline.predict(X[held]) == y[held]))
    return right / y.size, float(np.median(seconds))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.classifiers", description=__doc__.partition("\n")[0])
    top.add_argument("--data", choices=SETS, action="append", help="may be repeated (default: all)")
    top.add_argument("--epochs", type=int, default=100, metavar="N", help="default: 100")
    top.add_argument("--folds", type=int, default=5, metavar="N", help="default: 5")
    top.add_argument("--seed", type=int, default=0, metavar="N", help="of the folds and the networks (default: 0)")
    top.add_argument("--equal", action="store_true", help="the same constant step for both")
    options = top.parse_args(arguments)
    rows = []
    for name in options.data or SETS:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        for label, model in models(options.epochs, options.seed, options.equal).items():
            print(f"{name}: {label}", file=sys.stderr)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # theirs says that it could go on
                accuracy, seconds = measured(model, X, y, options.folds, options.seed)
            rows.append((name, label, f"{accuracy:.4f}", f"{SETS[name]:.3f}", f"{seconds:.2f} s"))
    print(Table(("data", "estimator", "accuracy", "to reach", "CPU time of a fit"), rows).text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
