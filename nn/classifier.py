"""The network as an estimator of scikit-learn.

Here a row is a sample, as everywhere in scikit-learn: X is (n, p) and probabilities are (n, k). Everywhere else in `nn`
a column is a sample, as in the tour; this class transposes on the way in and on the way out.
"""

import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from nn.arrays import Array, Labels
from nn.fit import Fitted, Settings, fit


class MLPClassifier(ClassifierMixin, BaseEstimator):
    """A multilayer perceptron with arctan, with scikit-learn's methods: samples in rows.

    Features should have about the same size, as after `StandardScaler`. A sparse X stays sparse: each
    mini-batch is made dense.

    Args:
        hidden_layer_sizes: the widths of the hidden layers.
        optimizer: "adam", "momentum", "sgd", "L-BFGS-B" or "Newton-CG".
        max_iter: epochs, for the last two optimisers iterations.
        batch_size: samples in a mini-batch.
        learning_rate: the step size at the start.
        schedule: "constant", "cosine" or "halving".
        momentum: the part of the velocity that "momentum" keeps.
        alpha: weight of half the sum of squares of all weights, beside the loss per sample.
        class_weight: None, "balanced", or a dict from labels to factors (1 for a label that is missing).
        validation_fraction: share of the samples that is held out to find the best parameters; 0 for none.
        patience: stop after so many epochs without a better loss on these; None never stops early.
        warm_start: whether `fit` starts from the parameters of the last `fit`.
        random_state: seed of everything random, as in scikit-learn.

    Attributes:
        classes_: the labels, shape (k,).
        n_iter_: epochs, or iterations, of the last `fit`.
        loss_curve_: loss per sample in each of them.
        fitted_: the network and its training, a `nn.fit.Fitted`; its columns are samples.

    >>> X, y = np.array([[-1.0], [-0.8], [0.9], [1.0]]), ["no", "no", "yes", "yes"]
    >>> MLPClassifier((4,), learning_rate=0.02, random_state=0).fit(X, y).predict([[-2.0], [2.0]])
    array(['no', 'yes'], dtype='<U3')
    """

    classes_: Any

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (64,),
        *,
        optimizer: str = "adam",
        max_iter: int = 200,
        batch_size: int = 64,
        learning_rate: float = 0.005,
        schedule: str = "cosine",
        momentum: float = 0.9,
        alpha: float = 1e-4,
        class_weight: Any = None,
        validation_fraction: float = 0.0,
        patience: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.optimizer = optimizer
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.alpha = alpha
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the samples X, shape (n, p), with labels y, shape (n,), and return the estimator.

        Ctrl-C ends the training with a warning, and what was learned is kept.

        Raises:
            ValueError: if X is not finite, y is no classification, or a setting is out of its range.
        """
        before = self.fitted_ if self.warm_start and hasattr(self, "fitted_") else None
        X, y = self._checked(X, y, reset=before is None)
        classes, labels = np.unique(y, return_inverse=True)
        if before is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(f"warm_start: the classes were {self.classes_} before, and are {classes} now")
        self.classes_ = classes
        settings = self._settings(labels, self._seed())
        start = None if before is None else self._last(before)
        self._take(fit(X.T, labels, settings, classes=classes.size, start=start))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train for one epoch on these samples, from where the last call ended, and return the estimator.

        The schedule does not apply, and no samples are held out.

        Args:
            X: samples, shape (n, p).
            y: labels, shape (n,).
            classes: all labels that will ever occur; needed at the first call.

        Raises:
            ValueError: if the first call has no classes, or a label is none of them.
        """
        first = not hasattr(self, "fitted_")
        if first and classes is None:
            raise ValueError("partial_fit: the first call needs classes, all labels that will occur")
        X, y = self._checked(X, y, reset=first)
        if first:
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"partial_fit: the classes were {self.classes_} before, and are {classes} now")
        labels = np.searchsorted(self.classes_, y).clip(0, self.classes_.size - 1)
        unknown = np.flatnonzero(self.classes_[labels] != y)
        if unknown.size:
            raise ValueError(f"partial_fit: the label {y[unknown[0]]!r} is not among the classes {self.classes_}")
        if first:
            self._base_seed = self._seed()
        begun = None if first else self.fitted_.state
        seed = self._base_seed if hasattr(self, "_base_seed") else self._seed()
        settings = replace(
            self._settings(labels, seed + (begun.before + begun.step if begun else 0)),
            epochs=1, schedule="constant", validation=0.0, patience=None,
        )  # fmt: skip
        self._take(fit(X.T, labels, settings, classes=self.classes_.size, start=begun))
        return self

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`, for the samples X: shape (n, p) to (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return np.ascontiguousarray(self.fitted_.probabilities(X.T).T)

    def predict(self, X: Any) -> Any:
        """The most probable label of each sample: shape (n, p) to (n,)."""
        found = self.predict_proba(X).argmax(axis=1)
        return self.classes_[found]

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Any]:
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64, reset=reset)
        check_classification_targets(y)
        return X, y

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _last(self, fitted: Fitted) -> Any:
        """The parameters from which a warm start goes on; the layers must be those of before."""
        widths = tuple(b.size for b in fitted.b[:-1])
        if widths != tuple(np.atleast_1d(self.hidden_layer_sizes)):
            raise ValueError(f"warm_start: the layers were {widths} before, and are {self.hidden_layer_sizes} now")
        return fitted.A, fitted.b

    def _settings(self, labels: Labels, seed: int) -> Settings:
        weight: Any = self.class_weight
        if isinstance(weight, dict):
            known = self.classes_.tolist()
            unknown = [label for label in weight if label not in known]
            if unknown:
                raise ValueError(f"class_weight: {unknown[0]!r} is not among the classes {self.classes_}")
            weight = tuple(float(weight.get(label, 1.0)) for label in known)
        return Settings(
            hidden=tuple(int(width) for width in np.atleast_1d(self.hidden_layer_sizes)),
            optimizer=self.optimizer,  # type: ignore[arg-type]  # `Settings` checks it
            epochs=self.max_iter,
            batch=self.batch_size,
            rate=self.learning_rate,
            schedule=self.schedule,  # type: ignore[arg-type]  # `fit` refuses other words
            momentum=self.momentum,
            l2=self.alpha,
            class_weight=weight,
            validation=self.validation_fraction,
            patience=self.patience,
            seed=seed,
        )

    def _take(self, fitted: Fitted) -> None:
        if fitted.interrupted:
            warnings.warn("the training was interrupted; what was learned is kept", ConvergenceWarning, stacklevel=3)
        self.fitted_, state = fitted, fitted.state
        self.n_iter_, self.loss_curve_ = max(1, state.losses.size), state.losses.tolist()
