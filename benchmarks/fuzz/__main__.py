"""The command: `python -m benchmarks.fuzz --help`."""

import argparse
import fnmatch
import pathlib
import sys
from collections.abc import Sequence

from benchmarks.fuzz import running
from benchmarks.measuring import need


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz",
        description="Random programs, by every mode and by references without the engine.",
        epilog="What differs is printed as the smallest program that shows it; the exit code is 1 then.",
    )
    top.add_argument("--programs", type=int, metavar="N", help="how many (default: 1000, or no limit with --minutes)")
    top.add_argument("--seed", type=int, default=0, metavar="S", help="of the first hundred programs (default: 0)")
    top.add_argument("--minutes", type=float, metavar="M", help="stop after so many minutes")
    top.add_argument("--only", metavar="PATTERN", default="*", help="comparisons that match, as in 'batched*'")
    top.add_argument("--kind", action="append", choices=running.KINDS, help="programs of this kind; may be repeated")
    top.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the programs that were found into files")
    top.add_argument("--no-progress", action="store_true", help="no progress bar")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    top = parser()
    options = top.parse_args(arguments)
    chosen = [c for c in running.COMPARISONS if fnmatch.fnmatch(f"{c.group}: {c.name}", options.only)]
    if not chosen:
        top.error(f"no comparison matches {options.only}")
    number = options.programs if options.programs or options.minutes else 1000
    bar = need("tqdm").tqdm(total=number, disable=options.no_progress or None, unit="program", leave=False)

    def step(state: running.Run) -> None:
        bar.update(state.programs - bar.n)
        bar.set_postfix_str(f"{len(state.found)} faults", refresh=False)

    def report(found: running.Found) -> None:
        text = found.fault.text(found.seed)
        with bar.external_write_mode():
            print(f"\n# {'-' * 100}\n{text}", flush=True)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            name = f"{found.seed}-{found.fault.comparison.name}".replace(" ", "-").replace(",", "")
            (options.out / f"{name}.py").write_text(text, "utf-8")

    with bar:
        state = running.run(
            number,
            options.seed,
            options.minutes,
            comparisons=chosen,
            kinds=options.kind or running.KINDS,
            step=step,
            report=report,
        )
    print(summary(state))
    return 1 if state.found else 0


def summary(state: running.Run) -> str:
    """The counts as a Markdown table."""
    groups = list(dict.fromkeys(c.group for c in running.COMPARISONS))
    rows = [(f"comparisons, {group}", state.counts[group]) for group in groups]
    rows.append(("refused, with advice", sum(n for what, n in state.counts.items() if what.startswith("refused"))))
    rows += [(what, state.counts[what]) for what in ("without a reference", "not run", "met again")]
    rows.append(("faults", len(state.found)))
    lines = [
        f"{state.programs} programs from --seed {state.seed} on, {state.seconds:.0f} s",
        "",
        "| what | number |",
        "|---|---|",
    ]
    return "\n".join([*lines, *(f"| {what} | {n} |" for what, n in rows)])


if __name__ == "__main__":
    sys.exit(main())
