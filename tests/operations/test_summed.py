"""Sums over samples, block by block: equal to the whole, the same bits whatever runs them, and nothing lost."""

import functools
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import grad, hvp, summed, value_and_grad
from minigrad.operations.summed import Piece, Program, _known, placed

rng = np.random.default_rng(0)
W = {
    "A": [rng.standard_normal((5, 2)), rng.standard_normal((3, 5))],
    "b": [rng.standard_normal((5, 1)), np.zeros((3, 1))],
}
X = rng.standard_normal((2, 5000))
Y = np.eye(3)[:, rng.integers(0, 3, 5000)]


def loss(w: Any, x: Any, y: Any) -> Any:
    for A, b in zip(w["A"], w["b"]):
        x = np.arctan(A @ x + b)
    return np.sum((x - y) ** 2)


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, (list, tuple)) else [tree]


def assert_same_bits(a: Any, b: Any) -> None:
    assert len(leaves(a)) == len(leaves(b))
    for x, y in zip(leaves(a), leaves(b)):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("block", [None, 1000, 777, 4999, 5000, 9000])
def test_it_equals_the_whole(block: int | None) -> None:
    whole = value_and_grad(loss)(W, X, Y)
    found = summed(value_and_grad(loss), block=block)(W, X, Y)
    for a, b in zip(leaves(found), leaves(whole)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.max(np.abs(b)))


def test_products_with_the_hessian_and_counts() -> None:
    v = np.array([0.3, -1.0])
    f = lambda w, x: np.sum(np.tanh(w @ x) ** 2)
    w = np.array([0.5, 0.2])
    found = summed(lambda w, v, x: hvp(lambda u: f(u, x), w, v), in_axes=(None, None, 1), block=700)(w, v, X)
    np.testing.assert_allclose(found, hvp(lambda u: f(u, X), w, v), rtol=1e-12)
    counts = summed(lambda y: {"per class": np.sum(y, axis=1), "all": y.shape[1]}, in_axes=(1,), block=64)(Y)
    np.testing.assert_array_equal(counts["per class"], Y.sum(1))
    assert counts["all"] == 5000


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_number_of_samples_in_any_blocks(n: int, block: int, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal(n)
    found = summed(lambda w, x: (np.sum(w * x * x), w * np.sum(x)), in_axes=(None, 0), block=block)(3.0, x)
    np.testing.assert_allclose(found[0], 3 * np.sum(x * x), rtol=1e-12)
    np.testing.assert_allclose(found[1], 3 * np.sum(x), rtol=1e-10, atol=1e-12 * n)


def test_axes_count_from_the_end_and_pytrees_share_theirs() -> None:
    data = {"x": X.T, "y": [Y.T, np.arange(5000.0)[:, None]]}
    f = lambda d: np.sum(d["x"][:, :1] * d["y"][0] * d["y"][1])
    np.testing.assert_allclose(summed(f, in_axes=(-2,), block=300)(data), f(data), rtol=1e-12)


# ----- where the samples come from ------------------------------------------------------------------------------------


class Sliced:
    """As zarr and h5py have it: a shape, and an array for a slice."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.asked = array, array.shape, array.dtype, []

    def __getitem__(self, place: Any) -> Any:
        self.asked.append(place[-1])
        return self.array[place].copy()


def test_arrays_that_are_sliced_are_never_read_whole() -> None:
    x, y = Sliced(X), Sliced(Y)
    found = summed(grad(loss), block=1000, check=False)(W, x, y)
    assert_same_bits(found, summed(grad(loss), block=1000)(W, X, Y))
    assert all(place.stop - place.start <= 1000 for place in x.asked)


def test_memory_maps(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert_same_bits(summed(grad(loss), block=600)(W, x, Y), summed(grad(loss), block=600)(W, X, Y))
    whole = placed(x)
    pieces = [Piece(whole, 1, k, k + 100) for k in range(0, 1600, 100)]
    text = pickle.dumps(pieces)
    assert len(text) < 1500
    travelled = pickle.loads(text)
    assert len({id(piece.whole) for piece in travelled}) == 1  # the file is opened once
    for piece, other in zip(pieces, travelled):
        np.testing.assert_array_equal(other.array(), piece.array())
    fortran = np.memmap(tmp_path / "f", np.float64, "w+", 0, (3, 50), "F")
    fortran[:] = rng.standard_normal((3, 50))
    fortran.flush()
    travelled = pickle.loads(pickle.dumps(Piece(placed(fortran), 1, 7, 20)))
    np.testing.assert_array_equal(travelled.array(), fortran[:, 7:20])
    view = x[:, 10:]  # a part of a map has no place of its own in the file
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(Piece(placed(view), 1, 0, 30))).array(), X[:, 10:40])


def test_a_worker_opens_a_file_once_and_another_one_of_its_name_anew(tmp_path: Path) -> None:
    def travelled() -> Any:
        return pickle.loads(pickle.dumps(Piece(placed(np.load(tmp_path / "x.npy", mmap_mode="r")), 1, 0, 5)))

    np.save(tmp_path / "x.npy", X)
    first = travelled()
    if os.name != "nt":  # there a file is kept open by no worker
        assert travelled().whole is first.whole
        np.save(tmp_path / "other.npy", 2.0 * X)
        (tmp_path / "other.npy").replace(tmp_path / "x.npy")
        np.testing.assert_array_equal(travelled().array(), 2.0 * X[:, :5])
    np.testing.assert_array_equal(first.array(), X[:, :5])


def test_results_of_another_structure_are_refused() -> None:
    few = lambda x: {"sum": np.sum(x)} if x.size > 1 else {"sum": np.sum(x), "more": 0.0}
    with pytest.raises(ValueError, match="summed: the results of blocks differ in structure: dict"):
        summed(few, in_axes=(0,), block=4)(np.ones(9))


def test_an_iterator_over_blocks_is_read_once_and_block_by_block() -> None:
    alive: list[int] = []

    def blocks() -> Iterator[Any]:
        for start in range(0, 5000, 500):
            alive.append(start)
            yield X[:, start : start + 500], Y[:, start : start + 500]

    assert_same_bits(summed(grad(loss))(W, blocks()), summed(grad(loss), block=500)(W, X, Y))
    assert alive == list(range(0, 5000, 500))
    only = summed(lambda w, x: w * np.sum(x), in_axes=(None, 0))
    assert only(2.0, iter([np.ones(3), np.ones(4)])) == 14.0


def test_dask_arrays_have_their_chunks_as_blocks() -> None:
    dask = pytest.importorskip("dask.array", reason="dask is not installed")
    x, y = dask.from_array(X, chunks=(2, 700)), dask.from_array(Y, chunks=(3, 700))
    assert_same_bits(summed(grad(loss))(W, x, y), summed(grad(loss), block=700)(W, X, Y))


# ----- who computes ---------------------------------------------------------------------------------------------------


def test_the_sum_has_the_same_bits_whoever_computes_it() -> None:
    here = summed(value_and_grad(loss), block=50)(W, X, Y)
    with ThreadPoolExecutor(3) as threads:
        assert_same_bits(summed(value_and_grad(loss), block=50, map=threads)(W, X, Y), here)
        assert_same_bits(summed(value_and_grad(loss), block=50, map=threads.map)(W, X, Y), here)
    shuffled = lambda run, tasks: [run(task) for task in tasks]
    assert_same_bits(summed(value_and_grad(loss), block=50, map=shuffled)(W, X, Y), here)
    # While one thread makes the program, the engine answers in the others.
    for n in range(20, 400, 20):
        one = summed(value_and_grad(loss), block=n)
        one(W, X[:, :n], Y[:, :n])
        assert_same_bits(one(W, X[:, :n], Y[:, :n]), value_and_grad(loss)(W, X[:, :n], Y[:, :n]))


def test_the_rounding_error_grows_with_the_logarithm_of_the_blocks() -> None:
    x = np.full(1 << 15, 0.1)
    found = summed(lambda x: np.sum(x), in_axes=(0,), block=1)(x)
    assert abs(found - (1 << 15) * 0.1) < 1e-11  # one by one it would be 1.5e-9
    plain = 0.0
    for value in x:
        plain += value
    assert abs(plain - (1 << 15) * 0.1) > 1e-10


def slow_loss(w: Any, x: Any) -> Any:
    """At the top level, so that it can go to another process."""
    return np.sum(np.sin(w * x) ** 2)


def wait_until_broken(pool: Executor) -> None:
    while True:
        try:
            pool.submit(int).result()
        except BrokenExecutor:
            return


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no signal that ends a process at once")
def test_processes_give_the_same_bits_and_one_that_is_killed_loses_nothing() -> None:
    x = rng.standard_normal(8000)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = summed(grad(slow_loss), in_axes=(None, 0), block=20, map=pool)(0.7, x)
        assert_same_bits(found, summed(grad(slow_loss), in_axes=(None, 0), block=20)(0.7, x))
        worker = pool.submit(os.getpid).result()

        def blocks() -> Iterator[Any]:
            for k in range(400):
                if k == 200:
                    os.kill(worker, signal.SIGKILL)
                    wait_until_broken(pool)  # or all is done before the pool has noticed
                yield x[20 * k : 20 * k + 20]

        with pytest.warns(UserWarning, match="a worker has died; what is left is computed in this process"):
            found = summed(slow_loss, in_axes=(None, 0), map=pool)(0.7, blocks())
    assert_same_bits(found, summed(slow_loss, in_axes=(None, 0), block=20)(0.7, x))


class Refusing(Executor):
    """Its workers die at the first task, and it takes no other one, before anybody has asked for a result."""

    def __init__(self) -> None:
        self.taken = 0

    def submit(self, fun: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.taken += 1
        if self.taken > 1:
            raise BrokenExecutor("the pool is broken")
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("a worker has died"))
        return future


def test_a_death_that_is_noticed_at_the_next_task_is_told_too() -> None:
    with pytest.warns(UserWarning, match="a worker has died") as told:
        found = summed(grad(loss), block=100, map=Refusing())(W, X, Y)
    assert len(told) == 1
    assert_same_bits(found, summed(grad(loss), block=100)(W, X, Y))


def test_a_worker_keeps_the_programs_of_few_functions() -> None:
    """A function that captures other data at every call arrives as another one."""
    for k in range(20):
        pickle.loads(pickle.dumps(Program(functools.partial(slow_loss, float(k)))))
    assert _known.cache_info().currsize <= 8


def test_joblib() -> None:
    joblib = pytest.importorskip("joblib")
    parallel = joblib.Parallel(n_jobs=2, prefer="threads", return_as="generator")
    assert_same_bits(summed(grad(loss), block=300, map=parallel)(W, X, Y), summed(grad(loss), block=300)(W, X, Y))


def test_a_cluster_of_dask() -> None:
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = summed(grad(loss), block=100, map=client)(W, X, Y)
    assert_same_bits(found, summed(grad(loss), block=100)(W, X, Y))


def test_a_function_that_cannot_be_sent_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    lock = threading.Lock()
    program = summed(
        lambda x: np.sum(x) + 0 * hash(lock), in_axes=(0,), map=lambda run, tasks: map(pickle.dumps, tasks)
    )
    with pytest.raises(TypeError, match="define it at the top level of a module, or install cloudpickle"):
        program(np.ones(8))


def test_the_arguments_are_followed_from_call_to_call() -> None:
    scale = [1.0]
    total = summed(lambda w, x: scale[0] * np.sum(w * x), in_axes=(None, 0), block=100)
    x = np.arange(1000.0)
    assert total(2.0, x) == 2 * x.sum()
    scale[0] = 3.0
    assert total(5.0, x) == 15 * x.sum()
    assert total(np.float32(2.0), x[:10]) == 6 * x[:10].sum()


# ----- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fun", "path"),
    [
        (lambda w, x: np.mean(w * x), "the result of 32 samples"),
        (lambda w, x: np.sum(x) + w**2, "the result"),
        (lambda w, x: {"sum": np.sum(x), "most": np.max(x)}, r"\['most'\]"),
        (lambda w, x: x, "the result"),
        (lambda w, x: np.sum(x) ** 2, "the result"),
    ],
)
def test_what_is_no_sum_is_refused(fun: Any, path: str) -> None:
    with pytest.raises(ValueError, match="is no sum over samples") as caught:
        summed(fun, in_axes=(None, 0))(0.5, np.linspace(1.0, 2.0, 100))
    assert "regulariser" in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: summed(loss)(W, X, Y[:, :9]), ValueError, "argument 1 has 5000, argument 2 has 9"),
        (lambda: summed(loss, in_axes=(None, 5, 1))(W, X, Y), ValueError, r"shape \(2, 5000\), which has no axis 5"),
        (lambda: summed(loss, in_axes=(None, 1))(W, X, Y), TypeError, "in_axes has 2 entries, the call 3 arguments"),
        (lambda: summed(loss)(W, X[:, :0], Y[:, :0]), ValueError, "there are no samples"),
        (lambda: summed(loss)(W, iter([])), ValueError, "there are no samples"),
        (lambda: summed(loss)(W, iter([X]), Y), TypeError, "one iterator over blocks stands for all 2 arguments"),
        (lambda: summed(loss, in_axes=(None, None)), ValueError, "nothing to sum over"),
        (lambda: summed(loss, block=0), ValueError, "block must be at least 1"),
        (lambda: grad(lambda w: summed(loss)(w, X, Y))(W), TypeError, r"derivative inside: summed\(grad\(loss\)\)"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_no_warning_and_no_thread_is_left() -> None:
    before = threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summed(grad(loss), block=100)(W, X, Y)
    assert threading.active_count() == before
