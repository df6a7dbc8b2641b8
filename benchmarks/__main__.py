"""The command: `python -m benchmarks --help`."""

import argparse
import contextlib
import gc
import json
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks import environment

WHAT = """run: all items and how their cost grows (the default); table: that of docs/benchmarks.md, in about four
minutes; order: the figure of cost and error against the order of a derivative; scaling: time and memory against what
a program has more of"""
CLOCK = "cpu counts this process alone, for one core that others use as well (default: wall)"
AGAINST = (
    "the ratio of every time of minigrad to that of another version, a folder or a revision of git, in one process"
)
HISTORY = "compare with the last run in this file and add this one (JSON, one run a line)"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Ratios of minigrad to hand-written NumPy and to its peers, in one run.",
        epilog="Contenders are first checked to give the same numbers; the exit code is 1 if one does not.",
    )
    top.add_argument("what", nargs="?", default="run", choices=["run", "table", "order", "scaling"], help=WHAT)

    def option(flag: str, metavar: str, help: str, **settings: Any) -> None:  # noqa: A002 - argparse's word
        top.add_argument(flag, metavar=metavar, help=help, **settings)

    option("--only", "PATTERN", "only items that match, as in 'network*'; may be repeated", action="append", default=[])
    top.add_argument("--list", action="store_true", help="name the items and stop")
    option("--seconds", "S", "time for each item (default: 2)", type=positive, default=2.0)
    option("--threads", "N", "threads and cores to use (default: 1)", type=int, default=1)
    top.add_argument("--clock", choices=["wall", "cpu"], default="wall", help=CLOCK)
    option("--json", "FILE", "write the results to this file", type=pathlib.Path)
    option("--html", "FILE", "write a report, one page that needs no other file", type=pathlib.Path)
    option("--figures", "DIR", "write the figures as PNG files", type=pathlib.Path)
    option("--history", "FILE", HISTORY, type=pathlib.Path)
    option("--against", "VERSION", AGAINST)
    out = "where `order` writes its figure: .png, .svg or .pdf (default: order.png)"
    option("--out", "FILE", out, type=pathlib.Path, default=pathlib.Path("order.png"))
    top.add_argument("--markdown", action="store_true", help="a Markdown table, also on a terminal")
    top.add_argument("--no-progress", action="store_true", help="no progress bar")
    return top


def positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"a time must be positive, not {text}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    top = parser()
    options = top.parse_args(arguments)
    if options.threads < 1:
        top.error("--threads must be at least 1")
    if options.clock == "cpu" and options.threads > 1:
        top.error("--clock cpu adds up the time of all threads: it is for --threads 1")
    if "numpy" not in sys.modules:  # NumPy reads the number of threads when it is imported, and never again
        environment.prepare(options.threads)
    from benchmarks import history, measuring
    from benchmarks.growth import GROWTH
    from benchmarks.items import ITEMS, matching

    try:
        names = matching(options.only, [*(item.name for item in ITEMS), *(study.name for study in GROWTH)])
    except ValueError as error:
        top.error(str(error))
    items, studies = [x for x in ITEMS if x.name in names], [x for x in GROWTH if x.name in names]
    if options.what == "table":
        items, studies = [item for item in items if item.in_table], []
    elif options.what == "order":
        items, studies = [], [study for study in GROWTH if study.name == "growth-order"]
    if options.list:
        for name, title in [(x.name, x.title) for x in items] + [(x.name, x.title) for x in studies]:
            print(f"{name:24} {title}")
        return 0
    measuring.clock = measuring.CLOCKS[options.clock]
    if options.against:
        return compare(options, items)
    if options.what == "scaling":
        return scale(options)
    earlier = history.load(options.history) if options.history else []

    from benchmarks.libraries import libraries
    from benchmarks.running import run

    libraries()
    total = len(items) + sum(len(study.sizes) for study in studies)
    with frozen(), progress(total, options.no_progress) as step:
        record = run(items, studies, seconds=options.seconds, step=step)
    report(record, options, earlier)
    return 1 if record["failed"] else 0


@contextlib.contextmanager
def frozen() -> Iterator[None]:
    """The collector leaves alone what is there: or each collection during a tape would go through all modules."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def compare(options: argparse.Namespace, items: Sequence[Any]) -> int:
    """This version against another one."""
    from benchmarks import against

    with tempfile.TemporaryDirectory() as folder, progress(len(items), options.no_progress) as step:
        try:
            place = pathlib.Path(folder)
            rows = against.measured(options.against, items, options.seconds, place, step, tell=told)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
    print(f"\n{against.summary(rows)}")
    if options.json:
        write(options.json, json.dumps(rows, indent=1) + "\n")
    return 0


def told(text: str) -> None:
    """Print a line at once, and not into the bar of progress."""
    from benchmarks.measuring import need

    need("tqdm").tqdm.write(text)
    sys.stdout.flush()


def scale(options: argparse.Namespace) -> int:
    """How the cost of minigrad grows."""
    from benchmarks import scaling

    with frozen(), progress(sum(len(axis.sizes) for axis in scaling.AXES), options.no_progress) as step:
        rows = list(scaling.measured(step=step))
    print(scaling.markdown(rows))
    if options.json:
        write(options.json, json.dumps(rows, indent=1) + "\n")
    return 0


def report(record: dict[str, Any], options: argparse.Namespace, earlier: list[dict[str, Any]]) -> None:
    """Print the results and write the files that were asked for."""
    from benchmarks import figures, history, page, tables

    if record["items"]:
        if options.what == "table" or options.markdown or not sys.stdout.isatty():
            print(tables.markdown(record))
        else:
            tables.show(record)
    if record["growth"]:
        print("\n" + tables.growth_markdown(record))
    before = history.previous(earlier, record)
    if options.history:
        print("\n" + history.report(record, before))
        history.append(options.history, record)
    if options.json:
        write(options.json, json.dumps(record, indent=1) + "\n")
    if options.html:
        write(options.html, page.page(record, before))
    if options.what == "order":
        save(figures.order(record["growth"]["growth-order"]), options.out)
    if options.figures:
        if record["items"]:
            save(figures.ratios(record), options.figures / "ratios.png")
        for name, study in record["growth"].items():
            draw = figures.order if name == "growth-order" else figures.growth
            save(draw(study), options.figures / f"{name}.png")


def write(path: pathlib.Path, text: str) -> None:
    from minigrad.show import page  # late, as everything that imports NumPy: threads are set first

    path.parent.mkdir(parents=True, exist_ok=True)
    page.write(path, text)
    print(f"wrote {path}", file=sys.stderr)


def save(figure: Any, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"wrote {path}", file=sys.stderr)


class progress:  # noqa: N801 - used like a function
    """A bar that names what is being measured."""

    def __init__(self, total: int, off: bool) -> None:
        from benchmarks.measuring import need

        self.bar = need("tqdm").tqdm(total=total, disable=off or None, unit="item", leave=False)
        self.started = False

    def __enter__(self) -> Callable[[str], None]:
        return self.step

    def step(self, name: str) -> None:
        if self.started:
            self.bar.update()
        self.started = True
        self.bar.set_description(name)

    def __exit__(self, *error: object) -> None:
        self.bar.close()


if __name__ == "__main__":
    try:
        code = main()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        code = 0
    sys.exit(code)
