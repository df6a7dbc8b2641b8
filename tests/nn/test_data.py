"""Synthetic data, LibSVM files, splits and scaling."""

import bz2
import gzip
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn import data

FILE = """\
# a comment
+1 1:0.5 3:-2
-1 2:1 # another

+1 1:1 2:0 3:4
-1 3:3
"""


def write(folder, text, name="some.libsvm"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_arms_of_the_spiral(n, k, seed):
    x, y = data.spiral(n, k, rng=seed)
    assert x.shape == (2, n * k)
    np.testing.assert_array_equal(y, np.repeat(np.arange(k), n))
    np.testing.assert_allclose(np.hypot(*x), np.tile(np.linspace(0.0, 1.0, n), k), atol=1e-15)


def test_arms_start_where_they_should_and_have_their_own_noise():
    x, y = data.spiral(200, 3, noise=0.0)
    for j in range(3):
        mine = x[:, y == j]
        radius, angle = np.linspace(0.0, 1.0, 200), np.linspace(4.0 * j, 4.0 * (j + 1), 200)
        np.testing.assert_allclose(mine, [radius * np.sin(angle), radius * np.cos(angle)], atol=1e-15)
    noisy, _ = data.spiral(200, 3, noise=0.2, rng=0)
    turned = np.angle((noisy[1] + 1j * noisy[0]) * np.conj(x[1] + 1j * x[0]))
    turned = turned[np.hypot(*x) > 0.0]
    assert np.unique(turned.round(12)).size > 590
    assert 0.18 < turned.std() < 0.22


def test_two_arcs_are_reflections_of_each_other():
    x, y = data.two_arcs(50, noise=0.0)
    np.testing.assert_array_equal(x[:, y == 0], -x[:, y == 1])
    assert np.abs(x).max() < 1.0
    noisy, _ = data.two_arcs(50, rng=0)
    assert noisy.shape == (2, 100)
    assert not np.array_equal(noisy, x)


@pytest.mark.parametrize("call", [lambda: data.spiral(0), lambda: data.spiral(5, 0), lambda: data.two_arcs(0)])
def test_empty_data_is_refused(call):
    with pytest.raises(ValueError, match="at least one"):
        call()


@given(st.lists(st.integers(0, 4), max_size=20))
def test_one_hot_columns(labels):
    y = np.array(labels, dtype=int)
    Y = data.one_hot(y, 5)
    assert Y.shape == (5, y.size)
    np.testing.assert_array_equal(Y.argmax(axis=0), y)
    np.testing.assert_array_equal(Y.sum(axis=0), 1.0)


@pytest.mark.parametrize("y", [np.array([0, 3]), np.array([-1]), np.array([0.0, 1.0]), np.array([[0, 1]])])
def test_one_hot_refuses_other_labels(y):
    with pytest.raises(ValueError, match="labels must"):
        data.one_hot(y, 3)


@given(st.lists(st.integers(2, 12), min_size=2, max_size=4), st.floats(0.05, 0.95), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_split_is_a_partition_and_stratified(counts, fraction, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    train, test = data.split(y, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(y.size))
    for j, count in enumerate(counts):
        held_out = int(np.sum(y[test] == j))
        assert 1 <= held_out <= count - 1
        assert abs(held_out - fraction * count) <= 1.0


@given(st.lists(st.integers(2, 12), min_size=2, max_size=4), st.integers(2, 4), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_folds_are_a_partition_and_stratified(counts, count, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    parts = data.folds(y, count, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(y.size))
    for j, members in enumerate(counts):
        shares = [int(np.sum(y[part] == j)) for part in parts]
        assert sum(shares) == members
        assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, float("nan")])
def test_split_refuses_impossible_fractions(fraction):
    with pytest.raises(ValueError, match="fraction"):
        data.split(np.array([0, 0, 1, 1]), fraction)


def test_scaling_comes_from_the_training_part_alone_and_survives_constants():
    x = np.array([[0.0, 10.0, 5.0], [7.0, 7.0, 7.0], [-1e308, 1e308, 0.0]])
    centre, factor = data.fit_scaling(x)
    np.testing.assert_allclose((x - centre) * factor, [[-1, 1, 0], [0, 0, 0], [-1, 1, 0]])
    loaded = data.load("wine", rng=3)
    np.testing.assert_allclose(loaded.x_train.min(axis=1), -1.0)
    np.testing.assert_allclose(loaded.x_train.max(axis=1), 1.0)
    assert np.abs(loaded.x_test).max() != 1.0


@pytest.mark.parametrize(
    ("name", "p", "k", "n"),
    [("iris", 4, 3, 150), ("wine", 13, 3, 178), ("breast_cancer", 30, 2, 569), ("digits", 64, 10, 1797)],
)
def test_bundled_sets(name, p, k, n):
    loaded = data.load(name, rng=0)
    assert (loaded.p, loaded.k) == (p, k)
    assert loaded.x_train.shape[1] + loaded.x_test.shape[1] == n
    assert set(np.unique(loaded.y_test)) == set(range(k))
    assert np.all(np.isfinite(loaded.x_train))
    assert np.all(np.isfinite(loaded.x_test))
    assert loaded.x_test.shape[1] / n == pytest.approx(0.25, abs=0.02)


def test_the_test_part_of_a_spiral_is_another_draw():
    loaded = data.load("spiral", rng=0)
    assert loaded.x_train.shape == loaded.x_test.shape == (2, 300)
    assert not np.array_equal(loaded.x_train, loaded.x_test)
    np.testing.assert_array_equal(loaded.x_train, data.load("spiral", rng=0).x_train)


@pytest.mark.parametrize("opener", [None, gzip, bz2])
def test_a_file_with_any_integers_as_labels(tmp_path, opener):
    if opener is None:
        path = write(tmp_path, FILE)
    else:
        path = tmp_path / f"some.libsvm.{'gz' if opener is gzip else 'bz2'}"
        with opener.open(path, "wt") as file:
            file.write(FILE)
    loaded = data.load(path, test_fraction=0.5, rng=0)
    assert loaded.classes == ("-1", "1")
    assert loaded.p == 3
    assert loaded.name == path.name
    assert sorted(loaded.y_train) == sorted(loaded.y_test) == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no samples"),
        ("# nothing\n\n", "no samples"),
        ("1\n-1\n", "no features"),
        ("1 1:2\n-1 1:x\n", "line 2: '1:x' is not of the form index:value"),
        ("1 1:2\n\n-1 1\n", "line 3: '1' is not of the form index:value"),
        ("1 1:2\nspam 1:1\n", "line 2: the label 'spam' is not a number"),
        ("1,2 1:2\n1 1:1\n", "line 1: several labels"),
        ("1 2:2 1:3\n-1 1:1\n", "line 1: index 1 comes after 2"),
        ("# data\n1 1:2\n1.5 1:1\n", "line 3: label 1.5 is not an integer"),
        ("nan 1:2\n1 1:1\n", "line 1: label nan is not an integer"),
        ("1 1:2\n-1 1:nan\n", "line 2: a value is not a finite number"),
        ("1 1:inf\n-1 1:0\n", "line 1: a value is not a finite number"),
        ("1 1:2\n1 1:3\n", "all 2 labels are 1"),
        ("1 1:2\n1 1:3\n7 1:4\n", "class 7 has a single sample"),
        ("<!DOCTYPE html>\n<html></html>\n", "line 1: the label '<!DOCTYPE' is not a number"),
        ("sepal,petal\n1,2\n", "line 1: several labels"),
        ("1 1:1\n1 999999999:1\n", "line 2: 2 samples with 999999999 features are too many for the dense arrays"),
        ("1 1:1\n1 1_0:1\n", "line 2: '1_0:1' is not of the form"),
    ],
)
def test_files_that_do_not_fit_say_why_and_where(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(data.DataError) as caught:
        data.load(path)
    assert message in str(caught.value)
    assert path.name in str(caught.value)


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "noise.libsvm"
    path.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(data.DataError, match=r"noise\.libsvm"):
        data.load(path)
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"not compressed")
    with pytest.raises(data.DataError, match=r"broken\.gz: line 1: the compressed data is damaged"):
        data.load(broken)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="spiral, two_arcs, iris"):
        data.load(tmp_path / "none.libsvm")
    with pytest.raises(IsADirectoryError, match="folder"):
        data.load(tmp_path)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install scikit-learn"):
        data.load("iris")
    assert data.load("spiral").k == 3


def test_a_byte_order_mark_is_named(tmp_path) -> None:
    """Some editors put one at the start of a file."""
    path = tmp_path / "bom.libsvm"
    path.write_text("\ufeff1 1:0.5\n2 1:0.25\n", encoding="utf-8")
    with pytest.raises(data.DataError, match="line 1: the file starts with a byte order mark"):
        data.load(path)


def test_the_line_of_a_value_that_is_not_finite(tmp_path) -> None:
    """Also where other rows hold huge values, whose sum overflows."""
    path = tmp_path / "huge.libsvm"
    path.write_text("1 1:1e308 2:1e308\n2 1:0.25\n1 1:inf\n2 2:1\n", encoding="utf-8")
    with pytest.raises(data.DataError, match="line 3"):
        data.load(path)
