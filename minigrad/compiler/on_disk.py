"""Compiled loops that outlive the process: Numba keeps them in files, by the text of the function.

Numba can keep a function only if its text is in a file, so each text gets one, named by its hash, in the folder that
`folder` names. A process that needs the same function later loads it in milliseconds.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import sys
import tempfile
from pathlib import Path

from minigrad.compiler import vector_math

VARIABLE = "MINIGRAD_CACHE_DIR"  #: of the environment: another folder, or empty for none
MOST_FILES = 2048  #: beyond this many texts those that were made first are deleted, with what Numba keeps of them


def folder() -> Path | None:
    """Where compiled loops are kept: `MINIGRAD_CACHE_DIR`, else `minigrad` in the user's folder of caches."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    try:
        home = Path.home()
    except RuntimeError:  # nobody's
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "minigrad"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "minigrad"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "minigrad"


def file_of(source: str, called: str = "") -> str | None:
    """A file with this text, or None if there can be none.

    Its name depends on the text of all that the function calls. Numba itself distinguishes its versions, those of
    Python, and processors.
    """
    place = folder()
    if place is None:
        return None
    path = place / f"loops_{name_of(source, called)}.py"
    try:
        if not path.exists():  # a file that is there keeps its date, by which Numba knows it
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_room(place)
            with tempfile.NamedTemporaryFile("w", dir=place, suffix=".tmp", delete=False, encoding="utf-8") as file:
                file.write(source)
            Path(file.name).replace(path)
        return str(path) if os.access(place, os.W_OK) else None
    except OSError:
        return None


def name_of(source: str, called: str = "") -> str:
    """What distinguishes a text, and those of all that it calls, from others."""
    return hashlib.sha256("\0".join([source, called, of_vector_functions()]).encode()).hexdigest()[:32]


@functools.cache
def of_vector_functions() -> str:
    """The text of the functions that kernels call, which Numba compiles into them."""
    return inspect.getsource(vector_math)


def make_room(place: Path) -> None:
    """Delete the older half where there are too many files."""
    files = sorted(place.glob("loops_*.py"), key=lambda path: path.stat().st_mtime)
    if len(files) < MOST_FILES:
        return
    for path in files[: len(files) // 2]:
        for kept in (path, *(place / "__pycache__").glob(f"{path.stem}.*")):
            kept.unlink(missing_ok=True)
