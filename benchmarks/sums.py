"""`summed` on ten million samples in a memory map: time, memory, scaling over processes, and what more workers give.

    python -m benchmarks.sums                       # 10^7 samples, about a minute
    python -m benchmarks.sums --samples 1000000 --figure workers.png

The network has the layers [2, 15, 3] of the tour, and value and gradient of its summed loss are computed. Times are the
smallest of several runs, one and two processes by turns. On a machine that others use, too, two processes do not get
two processors; so the time of the processors is counted as well, and says what two processes would give on two of their
own. Memory is what the process takes beyond what it had before (its own peak, from a process of its own).

The last table computes from these figures how long a call would take with more workers; see `seconds_with`.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import itertools
import math
import multiprocessing
import pickle
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import compile, summed, value_and_grad  # noqa: A004 - it is not Python's compile
from minigrad.operations.summed import GROUP, MOST

LAYERS = [2, 15, 3]
GIGABIT = 125e6  # bytes in a second
HOP = 1e-3  # seconds for one message between two machines
PER_TASK = GROUP * MOST  # samples in a task
SAMPLES = (10**7, 10**9)


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
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw speed against workers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data(folder, options.samples)
        measure(folder, options.samples, options.repeats, options.figure)


def measure(folder: Path, samples: int, repeats: int, figure: Path | None = None) -> None:
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

    one, two, busy_one, busy_two, handing, same = two_processes(folder, repeats)
    tasks = math.ceil(samples / PER_TASK)
    print(f"one process {one:.2f} s, two {two:.2f} s: {one / two:.2f} times as fast; the same bits: {same}")
    print(
        f"of the processors: one process {busy_one:.2f} s, two {busy_two:.2f} s and {handing:.3f} s to hand out {tasks}"
        f" tasks: {2.0 * busy_one / (busy_two + handing):.2f} times as fast on two processors of their own"
    )

    size = len(pickle.dumps(gradient))
    each, hand = busy_two / samples, handing / tasks
    print(f"\na sample {1e9 * each:.0f} ns, to hand out a task {1e3 * hand:.2f} ms, a result {size} bytes\n")
    counts = (1, 10, 100, 1000)
    print("| samples | tasks |", " | ".join(f"{count} worker{'s' * (count > 1)}" for count in counts), "|")
    print("|---|---|" + "---|" * len(counts))
    for n in SAMPLES:
        for kind, chosen in (("of the default size", None), ("one for each worker", True)):
            cells = []
            for count in counts:
                total = seconds_with(count, n, each, hand, size, count if chosen else math.ceil(n / PER_TASK))
                cells.append(f"{total:.3g} s ({seconds_with(1, n, each, hand, size, 1) / total:.0f})")
            print(f"| {n:,} | {kind} | {' | '.join(cells)} |")
    print("\n(in brackets: how many times as fast as one worker)")
    for n in SAMPLES:
        most = max(range(1, 10_001), key=lambda count: -seconds_with(count, n, each, hand, size, count))
        print(f"{n:,} samples, one task for each worker: more than {most:,} workers make a call slower")
    print(
        f"tasks of the default size: one process hands out no more than {each * PER_TASK / hand:.0f} workers can take"
    )
    if figure is not None:
        draw(figure, each, hand, size)


def two_processes(folder: Path, repeats: int) -> tuple[float, float, float, float, float, bool]:
    """Smallest times of one and of two processes; those of the processors, and of this one meanwhile; the same bits?"""
    w, (x, y) = parameters(), opened(folder)
    here = summed(value_and_grad(loss))
    found = []
    with ProcessPoolExecutor(2) as pool:
        there = summed(value_and_grad(loss), map=pool)
        for total in (here, there):
            total(w, x[:, :20_000], y[:, :20_000])
        children = [child.pid for child in multiprocessing.active_children()]
        for _ in range(repeats):
            start, busy = time.perf_counter(), time.process_time()
            value = here(w, x, y)[0]
            one, busy_one = time.perf_counter() - start, time.process_time() - busy
            start, busy, before = time.perf_counter(), time.process_time(), busy_seconds(children)
            value_two = there(w, x, y)[0]
            two, handing = time.perf_counter() - start, time.process_time() - busy
            found.append((one, two, busy_one, busy_seconds(children) - before, handing))
    one, two, busy_one, busy_two, handing = map(min, zip(*found))
    return one, two, busy_one, busy_two, handing, value == value_two


def busy_seconds(processes: list[int]) -> float:
    """Seconds that processors have worked for these processes; NaN where the system does not tell."""
    total = 0.0
    for process in processes:
        status = Path(f"/proc/{process}/stat")
        if not status.exists():
            return math.nan
        fields = status.read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def seconds_with(workers: int, samples: int, each: float, hand: float, size: int, tasks: int) -> float:
    """How long a call takes: T = max(n t / p, k o) + 2 log2(p) (h + s / b).

    p workers compute n samples at t seconds each, while one process hands out k tasks at o seconds each; no more
    workers than tasks have work. The parameters go out along a tree, and the sums come back along it: log2(p) messages
    one after another, each with the delay h and s bytes over a network of b bytes in a second.

    >>> round(seconds_with(2, 10**7, each=1e-7, hand=1e-3, size=1000, tasks=39), 3)
    0.502
    >>> round(seconds_with(1000, 10**7, each=1e-7, hand=1e-3, size=1000, tasks=1000), 3)  # handing out takes longest
    1.02
    """
    working = min(workers, tasks)
    hops = math.ceil(math.log2(working)) if working > 1 else 0
    return max(samples * each / working, tasks * hand) + 2 * hops * (HOP + size / GIGABIT)


def draw(path: Path, each: float, hand: float, size: int) -> None:
    """The figure of speed against the number of workers."""
    from matplotlib.figure import Figure  # here because it is an extra

    counts = np.unique(np.geomspace(1, 10_000, 200).astype(int))
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    ax = figure.subplots()
    ax.loglog(counts, counts, color="#999999", lw=1.0, label="ideal")
    for n, colour in zip(SAMPLES, ("#0072B2", "#D55E00", "#009E73")):
        alone = seconds_with(1, n, each, hand, size, 1)
        for dash, chosen in (("-", True), ((0, (4, 2)), False)):
            tasks = counts if chosen else np.full(counts.shape, math.ceil(n / PER_TASK))
            pairs = zip(counts.tolist(), tasks.tolist())
            speed = [alone / seconds_with(count, n, each, hand, size, k) for count, k in pairs]
            label = f"10^{round(math.log10(n))} samples" if chosen else None
            ax.loglog(counts, speed, color=colour, ls=dash, label=label)
    ax.set(
        xlabel="workers", ylabel="times as fast as one", title="Solid: one task for each worker; dashed: default tasks"
    )
    ax.grid(color="#e4e4e4", lw=0.7)
    ax.legend()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
