"""What a library costs besides time: its import, and the memory of a gradient.

Arrays of NumPy are counted by `tracemalloc`. Peers that allocate on their own are measured as processes, one for each
contender: the highest resident memory during a call, less the memory before it.
"""

import os
import pathlib
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable

from benchmarks.measuring import Contenders, Sample

ROOT = pathlib.Path(__file__).resolve().parent.parent
IMPORT = "import numpy, time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def child(arguments: list[str], **environment: str) -> str:
    """The output of a fresh interpreter."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = [sys.executable, *arguments]
    env = {**kept, "PYTHONPATH": path, **environment}
    return subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout


def import_times(modules: list[str], repeats: int = 5) -> dict[str, Sample]:
    """Seconds that an import takes after NumPy's own, each in a fresh interpreter, by turns."""
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(repeats + 1):
        for module in modules:
            times[module].append(float(child(["-c", IMPORT.format(module)])))
    return {module: Sample.of(values[1:]) for module, values in times.items()}  # the first one compiles


def traced_peaks(contenders: Contenders) -> dict[str, Sample]:
    """The most bytes that are allocated through Python at once in a second call; what the first one keeps counts too.

    Pass contenders that have never run: what one has kept from an earlier call is not counted.
    """
    peaks = {}
    for name, run in contenders.items():
        tracemalloc.start()
        run()
        tracemalloc.reset_peak()
        run()
        peaks[name] = Sample.once(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return peaks


def resident_peaks(build: str, small: str, names: list[str], repeats: int = 1) -> dict[str, Sample]:
    """The same for any allocator: the peak of resident memory, in bytes.

    `build` and `small` are expressions in `benchmarks.networks`. The small one is run first, for imports and the like.
    """
    # Freed memory goes back to the system at once; otherwise the second call would use it again and seem to need none.
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    peaks: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            peer = next((peer for peer in ("autograd", "torch", "jax") if name.lower().startswith(peer)), "")
            out = child(["-m", "benchmarks.footprint", build, small, name], MINIGRAD_BENCHMARK_PEERS=peer, **settings)
            peaks[name].append(float(out.split()[-1]))
    return {name: Sample.of(values) for name, values in peaks.items()}


def growth_of_memory(run: Callable[[], object]) -> int:
    """The peak of resident memory in the second call less the resident memory before the first, in bytes."""
    clear = pathlib.Path("/proc/self/clear_refs")
    if not os.access(clear, os.W_OK):  # not Linux: the high-water mark cannot start anew
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return (after - before) * (1 if sys.platform == "darwin" else 1024)
    before = status("VmRSS")
    run()
    clear.write_text("5")
    run()
    return status("VmHWM") - before


def status(key: str) -> int:
    """An entry of /proc/self/status, in bytes."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no entry {key}")


def main() -> None:
    """In a child: print the growth of memory of one contender."""
    from benchmarks import environment

    environment.prepare()
    from benchmarks import networks

    build, small, name = sys.argv[1:]
    eval(small, vars(networks))[name]()  # expressions of `items`, from this package alone
    print(growth_of_memory(eval(build, vars(networks))[name]))


if __name__ == "__main__":
    main()
