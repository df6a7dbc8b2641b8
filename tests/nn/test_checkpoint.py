"""Checkpoints: written whole, read whole, refused otherwise."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn import checkpoint
from nn.checkpoint import CheckpointError

ARRAYS = {"theta": np.array([0.1, np.inf, -0.0]), "losses": np.zeros((0, 2)), "counts": np.arange(3)}
ABOUT = {"step": 12, "name": "größer", "deep": {"a": [1, None]}}


def test_what_was_saved_is_loaded(tmp_path):
    path = tmp_path / "run.npz"
    checkpoint.save(path, ARRAYS, {"step": 1})
    checkpoint.save(path, ARRAYS, ABOUT)
    arrays, about = checkpoint.load(path)
    assert {key: about[key] for key in ABOUT} == ABOUT
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        assert array.tobytes() == ARRAYS[name].tobytes()
        assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
    assert os.listdir(tmp_path) == ["run.npz"]


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_or_damaged_checkpoint_is_refused_or_whole(tmp_path, data):
    path = tmp_path / "run.npz"
    checkpoint.save(path, ARRAYS, ABOUT)
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(CheckpointError, match=r"run\.npz"):
            checkpoint.load(path)
        return
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    try:
        arrays, about = checkpoint.load(path)
    except CheckpointError as error:
        assert "run.npz" in str(error)  # noqa: PT017 - either outcome is right
    else:  # a byte that means nothing, such as one of a date
        assert {key: about[key] for key in ABOUT} == ABOUT
        assert all(arrays[name].tobytes() == ARRAYS[name].tobytes() for name in ARRAYS)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, theta=np.ones(3))
    with pytest.raises(CheckpointError, match=r"other\.npz"):
        checkpoint.load(path)
    np.savez(path, about=np.frombuffer(b'{"format": "another", "arrays": []}', np.uint8))
    with pytest.raises(CheckpointError, match="it says 'another'"):
        checkpoint.load(path)
    path.write_bytes(pickle.dumps({"theta": 1.0}))
    with pytest.raises(CheckpointError):
        checkpoint.load(path)
    np.savez_compressed(path, about=np.zeros(10**6, np.uint8))
    with pytest.raises(CheckpointError, match="it is compressed"):
        checkpoint.load(path)
    with zipfile.ZipFile(path, "w") as archive:  # a header that promises more than memory holds
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
        archive.writestr("about.npy", header.getvalue())
    with pytest.raises(CheckpointError, match=r"other\.npz"):
        checkpoint.load(path)
    with pytest.raises(CheckpointError, match="it is no file"):
        checkpoint.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "none.npz")


class Evil:
    def __reduce__(self):
        return os.abort, ()


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, about=np.array([Evil()], dtype=object))
    with pytest.raises(CheckpointError):
        checkpoint.load(path)


def test_a_full_disk_leaves_the_old_checkpoint_whole(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    checkpoint.save(path, ARRAYS, {"step": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*run\.npz"):
        checkpoint.save(path, ARRAYS, {"step": 2})
    assert checkpoint.load(path)[1]["step"] == 1
    assert os.listdir(tmp_path) == ["run.npz"]
