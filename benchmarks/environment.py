"""The conditions of a run: threads, core, versions. NumPy is not imported here: it reads the threads at its import."""

import datetime
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
from typing import Any

PEERS = ("autograd", "jax", "torch", "numba")


def prepare(threads: int = 1) -> None:
    """Limit every library to some threads, and the process to as many cores. Call it before NumPy is imported."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = str(threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if threads == 1:
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    if hasattr(os, "sched_setaffinity"):  # Linux; elsewhere the system places the process
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def missing_peers() -> list[str]:
    """The peers that are not installed."""
    return [peer for peer in PEERS if importlib.util.find_spec(peer) is None]


def description() -> dict[str, Any]:
    """The date, the machine and the versions of a run."""
    versions = {"python": platform.python_version()}
    for package in ("numpy", "minigrad", "scipy", *PEERS):
        if importlib.util.find_spec(package) is not None:
            try:
                versions[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:  # a clone that is not installed
                versions[package] = "from this folder"
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": cpu(),
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "versions": versions,
        "missing": missing_peers(),
    }


def cpu() -> str:
    """The processor's name, as far as the system tells it."""
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
