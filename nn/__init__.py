"""A small multilayer perceptron on `minigrad`, and the tour that shows it at work.

Columns are samples throughout: the data x is (p, n), the labels y are (n,) integers 0..k-1, and the one-hot target
Y is (k, n).

| module       | its one job                                                                      |
|--------------|----------------------------------------------------------------------------------|
| `arrays`     | the types of arrays, for annotations                                             |
| `data`       | the spiral, the two arcs, files, data sets bundled with scikit-learn             |
| `files`      | LibSVM and CSV files, whole and block by block                                   |
| `mlp`        | the network: random parameters, and a forward pass that keeps every intermediate |
| `loss`       | stabilised log-sum-exp and soft-max, the logistic losses                         |
| `backprop`   | the gradient derived by hand, on NumPy only, so that it can disagree             |
| `exact`      | closed forms of slopes, gradients and derivatives, on NumPy only                 |
| `train`      | gradient descent with either gradient                                            |
| `stacks`     | many networks of the same widths, trained together                               |
| `parallel`   | calls in several processes, or on a cluster                                      |
| `fit`        | mini-batches, Adam, early stopping, checkpoints: training on data of one's own   |
| `samples`    | samples in arrays, memory maps, sparse matrices, blocks, taken a few at a time   |
| `classifier` | `nn.MLPClassifier`: the network as an estimator of scikit-learn, samples in rows  |
| `checkpoint` | a training in a file, written whole or not at all                                |
| `record`     | what a search by SciPy was told, to be told again when it is taken up             |
| `plane`      | the plane in which samples and maps are drawn                                    |
| `plots`      | every figure, as a function that returns a matplotlib `Figure`                   |
| `report`     | a self-contained HTML page from text, tables and figures                         |
| `runs`       | `python -m nn train`, `resume` and `predict`: trainings in folders, one file a job |
| `study`      | `python -m nn depth`: the influence of depth, measured on many networks           |
| `numbers`    | the types of numbers on the command line                                         |
| `stations`   | what the tour measures and shows, one file a station                             |
| `tour`       | runs the stations in order and writes the page and the numbers                   |
| `javascript` | programs that minigrad has written, in JavaScript                                |
| `page`       | a page that plays trainings back, and trains in the browser (`playground/*`)     |

`python -m nn tour` runs all of it but the page, which `python -m nn page` writes, the study of depth, which is
`python -m nn depth`, and trainings on data of one's own, which are `python -m nn train`. `nn.MLPClassifier` is the
network for scikit-learn; samples are rows there, and columns everywhere else.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "MLPClassifier":
        raise AttributeError(f"module 'nn' has no attribute {name!r}")
    try:
        from nn.classifier import MLPClassifier  # here because scikit-learn is an extra, and slow to import
    except ImportError as error:
        raise ImportError("nn.MLPClassifier is an estimator of scikit-learn: pip install scikit-learn") from error
    return MLPClassifier
