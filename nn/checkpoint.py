"""Checkpoints of a training: arrays and settings in one file, which is written whole or not at all.

The file is an npz archive that is read without pickle: numbers in arrays, everything else as JSON in the entry `about`.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.errors import MinigradError
from minigrad.show.page import write

FORMAT = "minigrad training, version 1"


# What the libraries raise on content of every kind.
UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    zlib.error,
)


class CheckpointError(MinigradError, ValueError):
    """A checkpoint that is truncated, damaged, or one of something else; nothing of it was loaded."""


def save(path: str | Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write a checkpoint beside its target, force it to the disk, and rename it.

    Args:
        path: the file; one that is there is replaced, and stays whole until then.
        arrays: arrays of numbers by name.
        about: everything else, as JSON knows it.

    Raises:
        OSError: if it cannot be written; a checkpoint that was there is then still whole.
        ValueError: for an array of objects.
    """
    text = json.dumps({"format": FORMAT, "arrays": sorted(arrays), **about}, allow_nan=False)
    buffer = io.BytesIO()
    for name, array in arrays.items():  # NumPy 2.0 has no option that refuses these
        if np.asarray(array).dtype.hasobject:
            raise ValueError(f"{name}: an array of objects would have to be pickled; a checkpoint holds numbers")
    entries: dict[str, Any] = {"about": np.frombuffer(text.encode(), np.uint8), **arrays}
    np.savez(buffer, **entries)
    write(path, buffer.getvalue(), sync=True)


def load(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays and the rest of a checkpoint, as they were saved.

    Raises:
        OSError: if it cannot be read.
        CheckpointError: if it is truncated, damaged, or no checkpoint of a training.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "training.npz"
    >>> save(path, {"theta": np.array([1.0, 2.0])}, {"step": 7})
    >>> arrays, about = load(path)
    >>> arrays["theta"], about["step"]
    (array([1., 2.]), 7)
    """
    if Path(path).exists() and not Path(path).is_file():
        raise CheckpointError(f"{path}: this is no checkpoint of a training, for it is no file")
    content = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # `save` does not compress; what does may be small and expand without end.
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed")
            if archive.testzip() is not None:
                raise ValueError("a check sum does not fit")
        with np.load(io.BytesIO(content), allow_pickle=False) as entries:
            arrays = {name: entries[name] for name in entries.files}
        about = json.loads(arrays.pop("about").tobytes().decode())
        whole = about["format"] == FORMAT and about["arrays"] == sorted(arrays)
    except UNREADABLE as error:
        raise CheckpointError(f"{path}: this is no checkpoint of a training, or a damaged one ({error})") from error
    except zipfile.BadZipFile as error:
        raise CheckpointError(f"{path}: this is no checkpoint of a training, or a truncated one ({error})") from error
    if not whole:
        raise CheckpointError(
            f"{path}: this is a checkpoint of another version or program; it says {about['format']!r}"
        )
    return arrays, about
