"""`summed` on ten million samples in a memory map: time, memory, scaling over processes, and what a cluster would give.

    python -m benchmarks.sums                       # 10^7 samples, about two minutes
    python -m benchmarks.sums --samples 1000000

The network has the layers [2, 15, 3] of the tour, and value and gradient of its summed loss are computed. Times are the
smallest of several runs. Memory is what the process takes beyond what it had before (its own peak, from a process of
its own). The last table computes from these figures how long a call would take with more workers: what a worker
computes shrinks with their number, what is sent and added does not.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import itertools
import math
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import compile, summed, value_and_grad  # noqa: A004 - it is not Python's compile

LAYERS = [2, 15, 3]
GIGABIT = 125e6  # bytes in a second
HOP = 1e-3  # seconds for one message between two machines


def loss(w: Any, x: Any, y: Any) -> Any:
    """The network's loss, summed over samples."""
    for A, b in w:
        x = np.arctan(A @ x + b)
    top = np.max(x, axis=0)
    return np.sum(np.log(np.sum(np.exp(x - top), axis=0)) + top) - np.sum(x * y)


def parameters() -> list[Any]:
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((m, n)), np.zeros((m, 1))) for n, m in itertools.pairwise(LAYERS)]


def data(folder: Path, samples: int) -> tuple[Any, Any]:
    """Random samples in memory maps."""
    rng = np.random.default_rng(1)
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float64, (2, samples))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.float64, (3, samples))
    for start in range(0, samples, 100_000):
        part = slice(start, min(start + 100_000, samples))
        x[:, part] = rng.standard_normal((2, part.stop - start))
        y[:, part] = np.eye(3)[:, rng.integers(0, 3, part.stop - start)]
    return x, y


def opened(folder: Path) -> tuple[Any, Any]:
    return np.load(folder / "x.npy", mmap_mode="r"), np.load(folder / "y.npy", mmap_mode="r")


def best_of(count: int, run: Any) -> tuple[float, Any]:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        found = run()
        times.append(time.perf_counter() - start)
    return min(times), found


def peak_of(folder: Path) -> float:
    """Bytes that one call adds to the process, beyond the pages of the files that the system keeps in its cache."""
    program = (
        "import sys; from pathlib import Path; from benchmarks import sums\n"
        "import numpy as np\n"
        "x, y = sums.opened(Path(sys.argv[1]))\n"
        "total = sums.summed(sums.value_and_grad(sums.loss))\n"
        "w = sums.parameters(); total(w, np.asarray(x[:, :20000]), np.asarray(y[:, :20000]))\n"
        "def anonymous():\n"
        "    text = Path('/proc/self/status').read_text()\n"
        "    return int(text.split('RssAnon:')[1].split()[0]) * 1024\n"
        "before = anonymous(); peak = [before]\n"
        "import threading\n"
        "done = threading.Event()\n"
        "def watch():\n"
        "    while not done.wait(0.01): peak[0] = max(peak[0], anonymous())\n"
        "thread = threading.Thread(target=watch); thread.start()\n"
        "total(w, x, y); done.set(); thread.join(); print(peak[0] - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sums", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data(folder, options.samples)
        measure(folder, options.samples, options.repeats)


def measure(folder: Path, samples: int, repeats: int) -> None:
    """The figures, one after another."""
    w, (x, y) = parameters(), opened(folder)
    here = summed(value_and_grad(loss))
    here(w, x[:, :20_000], y[:, :20_000])
    one, (value, gradient) = best_of(repeats, lambda: here(w, x, y))
    print(f"one process: {one:.2f} s for {samples:,} samples, {1e9 * one / samples:.0f} ns each")

    program = compile(value_and_grad(loss))
    few = 4096
    program(w, x[:, :few], y[:, :few])
    block = best_of(20, lambda: program(w, x[:, :few], y[:, :few]))[0] / few * samples
    print(f"the compiled function on a block of {few} as often as that: {block:.2f} s (ratio {one / block:.2f})")
    if samples <= 1_000_000:
        whole, (value_whole, gradient_whole) = best_of(1, lambda: value_and_grad(loss)(w, np.asarray(x), np.asarray(y)))
        flat = lambda tree: np.concatenate([np.ravel(part) for layer in tree for part in layer])
        worst = np.max(np.abs(flat(gradient) - flat(gradient_whole))) / np.max(np.abs(flat(gradient_whole)))
        print(f"the tape of all samples: {whole:.2f} s; {abs(value / value_whole - 1):.1e} and {worst:.1e} from it")
    if Path("/proc/self/status").exists():
        print(f"memory beyond the data: {peak_of(folder) / 1e6:.0f} MB")

    two = math.nan
    with ProcessPoolExecutor(2) as pool:
        there = summed(value_and_grad(loss), map=pool)
        there(w, x[:, :20_000], y[:, :20_000])
        two, (value_two, _) = best_of(repeats, lambda: there(w, x, y))
    print(f"two processes: {two:.2f} s, {one / two:.2f} times as fast; the same bits: {value_two == value}")

    size = len(pickle.dumps(gradient))
    serial = max(two - one / 2, 0.0)
    print(f"\nA result has {size} bytes. Of the call with two processes {serial:.2f} s did not shrink.")
    print("\n| workers | computing | sending and adding | in all | times as fast |\n|---|---|---|---|---|")
    for count in (1, 10, 100, 1000):
        computing = one / count
        hops = math.ceil(math.log2(count)) if count > 1 else 0
        sending = 2 * hops * (HOP + size / GIGABIT)  # parameters out along a tree, sums back along it
        total = computing + sending
        print(f"| {count} | {computing:.3f} s | {sending:.3f} s | {total:.3f} s | {one / total:.1f} |")
    even = one / (2 * 10 * (HOP + size / GIGABIT))
    print(f"\nCommunication takes as long as computing from about {even:.0f} workers on.")
    print(f"(maximum resident set of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB)")


if __name__ == "__main__":
    main()
