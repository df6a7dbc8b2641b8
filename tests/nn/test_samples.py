"""Samples in memory maps, sparse matrices and blocks are trained on as those in arrays are."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from nn import samples
from nn.data import load
from nn.fit import OPTIMIZERS, Settings, fit, resume
from nn.samples import Moments, Samples, spooled

DATA = load("two_arcs", rng=0)
X, Y = DATA.x_train, DATA.y_train
SHORT = Settings(hidden=(5,), epochs=4, batch=32, rate=0.01, validation=0.2, seed=3, l2=0.01, follow=True)


def blocks(x=X, y=Y, size=37):
    return ((x[:, k : k + size], y[k : k + size]) for k in range(0, y.size, size))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_wherever_samples_lie_the_network_is_the_same(tmp_path, monkeypatch, optimizer):
    sparse = pytest.importorskip("scipy.sparse")
    settings = replace(SHORT, optimizer=optimizer)
    inside = fit(X, Y, settings)
    mapped = np.memmap(tmp_path / "columns", np.float64, "w+", shape=X.shape)
    mapped[:] = X
    monkeypatch.setattr(samples, "BLOCK", 50)  # so that all samples are several blocks
    for found in (fit(blocks(), settings=settings), fit(mapped, Y, settings), fit(sparse.csc_array(X), Y, settings)):
        for name in ("theta", "losses", "validation_losses", "accuracies", "validation_accuracies"):
            expected = getattr(inside.state, name)
            assert expected.size
            np.testing.assert_allclose(getattr(found.state, name), expected, rtol=1e-7, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(inside.probabilities(sparse.csr_array(X)), inside.probabilities(X), rtol=1e-12)


def test_a_training_on_blocks_is_taken_up_and_keeps_its_note(tmp_path):
    path, note = tmp_path / "run.npz", {"centre": np.arange(2.0), "names": ["a", "b"]}
    whole = fit(X, Y, SHORT)

    def stop(state):
        if state.step == 9:
            raise KeyboardInterrupt

    assert fit(blocks(), settings=SHORT, path=path, watch=stop, note=note).interrupted
    taken_up = resume(path, blocks(size=50))
    assert taken_up.state.theta.tobytes() == whole.state.theta.tobytes()
    assert taken_up.note["names"] == note["names"]
    np.testing.assert_array_equal(taken_up.note["centre"], note["centre"])


@pytest.mark.parametrize("optimizer", ["adam", "L-BFGS-B"])
def test_a_memory_map_is_not_read_whole(tmp_path, optimizer):
    x = np.memmap(tmp_path / "rows", np.float64, "w+", shape=(50_000, 100)).T
    x[:] = np.random.default_rng(0).standard_normal(x.shape)
    y = (x[0] > 0.0).astype(np.intp)
    settings = Settings(hidden=(), optimizer=optimizer, epochs=1, batch=4096)
    fit(np.array(x[:, :100]), y[:100], settings)  # the modules that it imports take memory, too
    tracemalloc.start()
    try:
        fitted = fit(x, y, settings, path=tmp_path / "run.npz")
        assert tracemalloc.get_traced_memory()[1] < 0.7 * x.nbytes
    finally:
        tracemalloc.stop()
    assert fitted.state.losses.size == 1


def test_moments_of_blocks_are_those_of_the_whole():
    generator = np.random.default_rng(0)
    x = 1e8 + generator.standard_normal((3, 1000)) * np.array([[1.0], [1e3], [0.0]])
    moments = Moments(3)
    for part in np.split(x, [0, 7, 500], axis=1):
        moments.add(part)
    np.testing.assert_allclose(moments.mean, x.mean(axis=1, keepdims=True), rtol=1e-14)
    np.testing.assert_allclose(moments.deviation()[:2], x.std(axis=1, keepdims=True)[:2], rtol=1e-9)
    assert moments.scaling()[1][2] == 0.0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.1, found 0\.\.2"):
        Samples(X, Y + np.arange(Y.size) % 2, 2)
    with pytest.raises(ValueError, match="labels must be a vector of integers"):
        Samples(X, Y.astype(float))
    with pytest.raises(ValueError, match="a block has 3 features, and those before it have 2"):
        spooled([(X, Y), (np.zeros((3, 1)), np.array([0]))])
    with pytest.raises(ValueError, match="labels of shape"):
        spooled([(X, Y[:-1])])
    with pytest.raises(ValueError, match="no samples in the blocks"):
        fit(iter(()))
    with pytest.raises(ValueError, match="nan in feature 1 of sample 60, and 2 such"):
        Samples(np.where(np.arange(Y.size) // 2 == 30, [[1.0], [np.nan]], X), Y)


def test_few_samples_of_many_features_are_looked_at_together():
    """Rows of a sparse matrix become dense only so many at a time as there is room for."""
    x = sparse.random(100_000, 400, density=1e-4, format="csc", rng=np.random.default_rng(0))
    x.data[7] = np.nan
    tracemalloc.start()
    with pytest.raises(ValueError, match="the data has nan in feature"):
        Samples(x, np.arange(400) % 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000  # of 320,000,000 bytes when dense
