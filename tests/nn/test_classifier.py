"""`nn.MLPClassifier`: scikit-learn's own checks, and its place in pipelines, searches and processes."""

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

import nn

pytest.importorskip("sklearn")
from joblib.externals.loky import get_reusable_executor
from scipy import sparse
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nn.classifier import MLPClassifier
from nn.fit import fit

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 30, "learning_rate": 0.02, "random_state": 0}


@parametrize_with_checks([MLPClassifier(hidden_layer_sizes=(10,), max_iter=40, learning_rate=0.02)])
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_it_is_a_name_of_the_package(monkeypatch):
    assert nn.MLPClassifier is MLPClassifier
    with pytest.raises(AttributeError, match="no attribute 'SVC'"):
        nn.SVC  # noqa: B018
    monkeypatch.setitem(sys.modules, "nn.classifier", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        nn.MLPClassifier  # noqa: B018


def test_in_a_pipeline_and_a_cross_validation():
    features, labels = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), MLPClassifier(**QUICK))
    assert cross_val_score(model, features, labels, cv=3).mean() > 0.95


def test_in_a_grid_search_with_processes():
    search = GridSearchCV(MLPClassifier(**QUICK), {"alpha": [1e-4, 10.0]}, cv=2, n_jobs=2).fit(X, Y)
    get_reusable_executor().shutdown()  # joblib would keep its processes for a while
    assert search.best_params_ == {"alpha": 1e-4}
    assert search.best_estimator_.score(X, Y) > 0.9


def test_text_labels_sparse_input_and_pickle():
    names = np.array(["setosa", "versicolor", "virginica"])[Y]
    model = MLPClassifier(**QUICK).fit(X, names)
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    few = sparse.csr_matrix(X)
    again = MLPClassifier(**QUICK).fit(few, names)
    np.testing.assert_array_equal(again.predict_proba(few), model.predict_proba(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), model.fitted_.probabilities(X.T).T)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert model.n_iter_ == len(model.loss_curve_) == 30


def test_a_warm_start_goes_on():
    model = MLPClassifier(**{**QUICK, "max_iter": 5}, warm_start=True).fit(X, Y)
    first = model.loss_curve_[0]
    assert model.fit(X, Y).loss_curve_[0] < 0.8 * first
    with pytest.raises(ValueError, match="the classes were"):
        model.fit(X, Y + 1)
    with pytest.raises(ValueError, match="the layers were"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X, Y)


def test_partial_fit_takes_up_the_memory_of_the_optimiser():
    model = MLPClassifier(**QUICK, batch_size=1000)
    for _ in range(40):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert model.score(X, Y) > 0.9
    assert model.fitted_.state.before == 39
    # One batch an epoch, so the order within it changes rounding alone.
    settings = replace(model.fitted_.settings, epochs=40, seed=model._base_seed)
    whole = fit(X.T, Y, settings)
    np.testing.assert_allclose(model.fitted_.A[0], whole.A[0], rtol=1e-6)


def test_partial_fit_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="the first call needs classes"):
        MLPClassifier().partial_fit(X, Y)
    model = MLPClassifier(**QUICK).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not among the classes"):
        model.partial_fit(X, Y + 1)
    with pytest.raises(ValueError, match="the classes were"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="class_weight: 7 is not among"):
        MLPClassifier(class_weight={7: 2.0}).fit(X, Y)


def test_ctrl_c_keeps_what_was_learned(monkeypatch):
    def interrupted(*args, **kwargs):
        def watch(state):
            if state.step == 9:
                raise KeyboardInterrupt

        return fit(*args, **kwargs, watch=watch)

    monkeypatch.setattr("nn.classifier.fit", interrupted)
    with pytest.warns(ConvergenceWarning, match="was interrupted"):
        model = MLPClassifier(**QUICK).fit(X, Y)
    assert model.predict(X).shape == (150,)
