"""The comparison of classifiers prints a table with a row for each estimator."""

import pytest

pytest.importorskip("sklearn")
from benchmarks.classifiers import main


def test_the_table_has_both_estimators(capsys):
    assert main(["--data", "iris", "--epochs", "10", "--folds", "2", "--equal"]) == 0
    out, _ = capsys.readouterr()
    head, *rows = out.splitlines()
    assert "accuracy" in head
    assert [row.split()[:2] for row in rows] == [["iris", "nn.MLPClassifier"], ["iris", "scikit-learn"]]
    assert all(0.3 < float(row.split()[2]) <= 1.0 for row in rows)
