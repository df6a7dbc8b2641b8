"""`summed` on ten million samples in a memory map: time, memory, scaling over processes, and what more workers give.

    python -m benchmarks.sums                       # 10^7 samples, about two minutes
    python -m benchmarks.sums --samples 1000000 --figure workers.png

Value and gradient of the summed loss of a network are computed, for the layers [2, 15, 3] of the tour, and for
[64, 64, 10] on a twentieth of the samples. What is timed is the steady state, as in every call of a training but the
first: the pool runs, each of its processes has compiled the function, and the files are in the memory of the system.

One process and two take turns, and each ratio is that of one turn. The two do not always get two processors on a
machine that others use, too. So the time that the processors work is counted as well: it says what two processes give
on two processors of their own. What the machine itself allows is measured by a program without minigrad: two processes
that compute the same by hand (`benchmarks.handwritten`), each on its half, and hand nothing to each other.

Memory is what the process takes beyond what it had before (its own peak, from a process of its own). The last table
computes from these figures how long a call would take with more workers; see `seconds_with`.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import functools
import itertools
import math
import multiprocessing
import pickle
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.handwritten import tuned
from minigrad import compile, summed, value_and_grad  # noqa: A004 - it is not Python's compile
from minigrad.operations.summed import keep_freed_memory

LAYERS = [2, 15, 3]
LARGER, FEWER = [64, 64, 10], 20  # layers with more to compute for each sample, and for how many times fewer samples
BLOCK = 4096  # samples in a block of the program without minigrad
GIGABIT = 125e6  # bytes in a second
HOP = 1e-3  # seconds for one message between two machines
SAMPLES = (10**7, 10**9)


def loss(w: Any, x: Any, y: Any) -> Any:
    """The network's loss, summed over samples."""
    for A, b in w:
        x = np.arctan(A @ x + b)
    top = np.max(x, axis=0)
    return np.sum(np.log(np.sum(np.exp(x - top), axis=0)) + top) - np.sum(x * y)


def parameters(layers: list[int] = LAYERS) -> list[Any]:
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((m, n)), np.zeros((m, 1))) for n, m in itertools.pairwise(layers)]


def data(folder: Path, samples: int, layers: list[int] = LAYERS) -> tuple[Any, Any]:
    """Random samples in memory maps."""
    rng, p, k = np.random.default_rng(1), layers[0], layers[-1]
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float64, (p, samples))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.float64, (k, samples))
    for start in range(0, samples, 100_000):
        part = slice(start, min(start + 100_000, samples))
        x[:, part] = rng.standard_normal((p, part.stop - start))
        y[:, part] = np.eye(k)[:, rng.integers(0, k, part.stop - start)]
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
    """Bytes that the first call adds to the process, beyond the pages of files that the system keeps in its cache."""
    program = (
        "import sys; from pathlib import Path; from benchmarks import sums\n"
        "x, y = sums.opened(Path(sys.argv[1]))\n"
        "total = sums.summed(sums.value_and_grad(sums.loss))\n"
        "w = sums.parameters()\n"
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
    parser.add_argument("--repeats", type=int, default=7, help="turns; the median is that of their ratios (default: 7)")
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

    tasks, found = tasks_of(w, x, y), two_processes(folder, LAYERS, repeats)
    print(found.text(LAYERS, samples))
    busy_two, handing = min(found.busy_two), min(found.handing)
    larger = folder / "larger"
    larger.mkdir()
    data(larger, samples // FEWER, LARGER)
    print(two_processes(larger, LARGER, repeats).text(LARGER, samples // FEWER))

    size = len(pickle.dumps(gradient))
    each, hand, per_task = busy_two / samples, handing / tasks, samples / tasks
    shares = f"{tasks} tasks of {per_task:,.0f} samples, to hand out a task {1e3 * hand:.2f} ms"
    print(f"\na sample {1e9 * each:.0f} ns, {shares}, a result {size} bytes\n")
    counts = (1, 10, 100, 1000)
    print("| samples | tasks |", " | ".join(f"{count} worker{'s' * (count > 1)}" for count in counts), "|")
    print("|---|---|" + "---|" * len(counts))
    for n in SAMPLES:
        for kind, chosen in (("of the default size", None), ("one for each worker", True)):
            cells = []
            for count in counts:
                total = seconds_with(count, n, each, hand, size, count if chosen else math.ceil(n / per_task))
                cells.append(f"{total:.3g} s ({seconds_with(1, n, each, hand, size, 1) / total:.0f})")
            print(f"| {n:,} | {kind} | {' | '.join(cells)} |")
    print("\n(in brackets: how many times as fast as one worker)")
    for n in SAMPLES:
        most = max(range(1, 10_001), key=lambda count: -seconds_with(count, n, each, hand, size, count))
        print(f"{n:,} samples, one task for each worker: more than {most:,} workers make a call slower")
    print(
        f"tasks of the default size: one process hands out no more than {each * per_task / hand:.0f} workers can take"
    )
    if figure is not None:
        draw(figure, each, hand, size, per_task)


def tasks_of(w: Any, x: Any, y: Any) -> int:
    """How many tasks a call has."""
    seen = []

    def counting(run: Any, tasks: Any) -> Any:
        for task in tasks:
            seen.append(task)
            yield run(task)

    summed(value_and_grad(loss), map=counting)(w, x, y)
    return len(seen)


@dataclass(frozen=True)
class Turns:
    """Seconds of one process and of two, a number for each turn.

    Attributes:
        one, two: on the clock, of `summed`.
        busy_one, busy_two: of the processors; of two processes the sum.
        handing: of the processor, in the process that hands out the tasks of the two.
        half, halves: on the clock, of the program by hand: one process on half of the samples, and two on a half each.
        busy_half, busy_halves: the same of the processors.
        same: whether one process and two gave the same bits.
    """

    one: list[float]
    two: list[float]
    busy_one: list[float]
    busy_two: list[float]
    handing: list[float]
    half: list[float]
    halves: list[float]
    busy_half: list[float]
    busy_halves: list[float]
    same: bool

    def text(self, layers: list[int], samples: int) -> str:
        """The ratios in words: the median of the turns, and that of the smallest times."""
        ratio = lambda a, b: f"{np.median(np.divide(a, b)):.2f} ({min(a) / min(b):.2f})"
        times = lambda factor, a: [factor * each for each in a]
        busy = ratio(times(2.0, self.busy_one), [a + c for a, c in zip(self.busy_two, self.handing)])
        hand = ratio(times(2.0, self.half), self.halves), ratio(times(4.0, self.busy_half), self.busy_halves)
        return f"""\
{layers}, {samples:,} samples: two processes are so many times as fast as one, median (and of the smallest times)
  on the clock            {ratio(self.one, self.two)}: {min(self.one):.2f} s and {min(self.two):.2f} s; \
the same bits: {self.same}
  of the processors       {busy}: {min(self.busy_one):.2f} s and {min(self.busy_two):.2f} s, \
and {min(self.handing):.3f} s to hand out
  by hand, on the clock   {hand[0]}: {min(self.half):.2f} s for half of them and {min(self.halves):.2f} s for both
  by hand, of processors  {hand[1]}: {min(self.busy_half):.2f} s and {min(self.busy_halves):.2f} s"""


def by_hand(folder: Path, layers: list[int], start: int, stop: int) -> float:
    """Add up the gradients of samples by the program without minigrad; the seconds that the processor took."""
    busy = time.process_time()
    x, y = opened(folder)
    x, y = x.view(np.ndarray), y.view(np.ndarray)
    run, A, b = prepared(tuple(layers)), *zip(*parameters(layers))
    total = run([*A, *b], x[:, start : start + BLOCK], y[:, start : start + BLOCK])
    for k in range(start + BLOCK, stop - BLOCK + 1, BLOCK):
        found = run([*A, *b], x[:, k : k + BLOCK], y[:, k : k + BLOCK])
        total = [a + c for a, c in zip(total, found)]
    return time.process_time() - busy


@functools.cache
def prepared(layers: tuple[int, ...]) -> Any:
    keep_freed_memory()
    return tuned(layers, BLOCK)


def two_processes(folder: Path, layers: list[int], repeats: int) -> Turns:
    """The seconds of one process and of two, by turns."""
    w, (x, y) = parameters(layers), opened(folder)
    here, n = summed(value_and_grad(loss)), x.shape[1]
    rows, same = [], True
    with ProcessPoolExecutor(2) as pool:
        there = summed(value_and_grad(loss), map=pool)
        for k in range(repeats + 2):  # in the first two turns all are compiled
            children = [child.pid for child in multiprocessing.active_children()]
            start, busy = time.perf_counter(), time.process_time()
            value = here(w, x, y)[0]
            one, busy_one = time.perf_counter() - start, time.process_time() - busy
            start, busy, before = time.perf_counter(), time.process_time(), busy_seconds(children)
            value_two = there(w, x, y)[0]
            two, handing = time.perf_counter() - start, time.process_time() - busy
            row = [one, two, busy_one, busy_seconds(children) - before, handing]
            same &= bool(value == value_two)
            halves = [(0, n // 2), (n // 2, n)]
            for parts in (halves[:1], halves):
                start = time.perf_counter()
                times = [future.result() for future in [pool.submit(by_hand, folder, layers, *part) for part in parts]]
                row += [time.perf_counter() - start, sum(times)]
            if k >= 2:
                rows.append(row)
    one, two, busy_one, busy_two, handing, half, busy_half, halves, busy_halves = map(list, zip(*rows))
    return Turns(one, two, busy_one, busy_two, handing, half, halves, busy_half, busy_halves, same)


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


def draw(path: Path, each: float, hand: float, size: int, per_task: float) -> None:
    """The figure of speed against the number of workers."""
    from matplotlib.figure import Figure  # here because it is an extra

    counts = np.unique(np.geomspace(1, 10_000, 200).astype(int))
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    ax = figure.subplots()
    ax.loglog(counts, counts, color="#999999", lw=1.0, label="ideal")
    for n, colour in zip(SAMPLES, ("#0072B2", "#D55E00", "#009E73")):
        alone = seconds_with(1, n, each, hand, size, 1)
        for dash, chosen in (("-", True), ((0, (4, 2)), False)):
            tasks = counts if chosen else np.full(counts.shape, math.ceil(n / per_task))
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
