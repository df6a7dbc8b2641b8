"""What checkers of gradients say about the cases of `benchmarks.corpus`: minigrad's and those of its peers.

    python -m benchmarks.checkers                  # prints a table and writes benchmarks/CHECKERS.md; minutes
    python -m benchmarks.checkers kinks noise      # only the groups and cases whose names contain one of these

Every checker gets the same NumPy function, the same gradient written by hand and the same point, with its default
settings, wrapped as its documentation says for custom operations:

- torch: `torch.autograd.gradcheck` of a `torch.autograd.Function` (gradients of complex numbers conjugated, as torch
  has it);
- jax: `jax.test_util.check_grads(order=1, modes=["rev"])` of a `jax.custom_vjp` around `jax.pure_callback`, in 64 bits;
- autograd: `autograd.test_util.check_grads(order=1, modes=["rev"])` of an `autograd.extend.primitive`;
- scipy: `scipy.optimize.check_grad`, which returns a number and leaves the judgement to the reader. Here it passes
  below 1e-6; its own tests ask for 1.5e-7, its documentation shows 3e-8 for a gradient that is right.

Peers take part where they are installed (`pip install -e '.[bench,test]'`).
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import importlib.metadata
import pathlib
import platform
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minigrad
from benchmarks.corpus import CASES, INCONCLUSIVE, KINK, OK, WRONG, Case

PAGE = pathlib.Path(__file__).with_name("CHECKERS.md")
PASSES, FAILS, UNABLE = "passes", "fails", "unable"

# What a checker says: one of the four verdicts (ours) or one of the three above, and a remark such as scipy's number.
Said = tuple[str, str]
Checker = Callable[[Any, Any, tuple[Any, ...]], Said]


def gradients(manual: Any, args: Sequence[Any]) -> tuple[Any, ...]:
    """The gradient by hand as a tuple, one entry per argument."""
    found = manual(*args)
    return found if isinstance(found, tuple) else (found,)


# ----- the checkers ---------------------------------------------------------------------------------------------------


def ours(f: Any, manual: Any, args: tuple[Any, ...]) -> Said:
    """`minigrad.check`, which gives one of the four verdicts."""
    report = minigrad.check(f, manual, *args, argnum=tuple(range(len(args))) if len(args) > 1 else 0)
    return str(report.verdict.value), f"{report.evaluations} evaluations"


def of_torch() -> Checker:
    """torch.autograd.gradcheck."""
    import torch
    from torch.autograd.gradcheck import GradcheckError

    def check(f: Any, manual: Any, args: tuple[Any, ...]) -> Said:
        class Wrapped(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *inputs: Any) -> Any:
                ctx.save_for_backward(*inputs)
                return torch.as_tensor(np.asarray(f(*[x.detach().numpy() for x in inputs])))

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                found = gradients(manual, [x.detach().numpy() for x in ctx.saved_tensors])
                return tuple(g * torch.as_tensor(np.array(np.conj(ct))) for ct in found)

        inputs = [torch.tensor(np.array(x), requires_grad=True) for x in args]
        try:
            torch.autograd.gradcheck(Wrapped.apply, inputs)
        except (GradcheckError, RuntimeError) as error:  # RuntimeError: a gradient of another shape
            return FAILS, type(error).__name__
        if [np.shape(g) for g in gradients(manual, args)] != [np.shape(x) for x in args]:
            return UNABLE, "torch itself sums what was not summed"
        return PASSES, ""

    return check


def of_jax() -> Checker:
    """jax.test_util.check_grads."""
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def check(f: Any, manual: Any, args: tuple[Any, ...]) -> Said:
        like = [jax.ShapeDtypeStruct(np.shape(x), np.asarray(x).dtype) for x in args]
        out = np.asarray(f(*args))
        out = jax.ShapeDtypeStruct((), out.dtype)

        def plainly(fun: Any) -> Any:
            return lambda *xs: fun(*[np.asarray(x) for x in xs])

        @jax.custom_vjp
        def wrapped(*xs: Any) -> Any:
            return jax.pure_callback(plainly(lambda *ys: np.asarray(f(*ys), out.dtype)), out, *xs)

        def backward(xs: Any, g: Any) -> Any:
            return tuple(
                (g * ct).astype(x.dtype) for ct, x in zip(jax.pure_callback(plainly(by_hand), like, *xs), like)
            )

        def by_hand(*ys: Any) -> Any:
            return tuple(np.asarray(ct).astype(x.dtype) for ct, x in zip(gradients(manual, ys), like))

        wrapped.defvjp(lambda *xs: (wrapped(*xs), xs), backward)
        if [np.shape(g) for g in by_hand(*map(np.asarray, args))] != [x.shape for x in like]:
            return FAILS, "another shape"  # pure_callback refuses it, deep within a thread of the runtime
        try:
            check_grads(wrapped, tuple(map(jnp.asarray, args)), order=1, modes=["rev"])
        except AssertionError:
            return FAILS, ""
        return PASSES, ""

    return check


def of_autograd() -> Checker:
    """autograd.test_util.check_grads."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def check(f: Any, manual: Any, args: tuple[Any, ...]) -> Said:
        @primitive
        def wrapped(*xs: Any) -> Any:
            return f(*xs)

        rules = [lambda ans, *xs, k=k: lambda g: g * gradients(manual, xs)[k] for k in range(len(args))]
        defvjp(wrapped, *rules)
        state = np.random.get_state()  # check_grads draws its directions from the global generator
        np.random.seed(0)
        try:
            check_grads(wrapped, tuple(range(len(args))), modes=["rev"], order=1)(*args)
        except AssertionError:
            return FAILS, ""
        except (TypeError, ValueError) as error:
            return FAILS, type(error).__name__  # of a gradient that is no vector like the point
        finally:
            np.random.set_state(state)
        return PASSES, ""

    return check


def of_scipy() -> Checker:
    """scipy.optimize.check_grad of the flattened function."""
    from scipy.optimize import check_grad

    def check(f: Any, manual: Any, args: tuple[Any, ...]) -> Said:
        arrays = [np.asarray(x) for x in args]
        if any(x.dtype.kind == "c" for x in arrays):
            return UNABLE, "real only"
        ends = np.cumsum([x.size for x in arrays])[:-1]

        def parts(flat: Any) -> list[Any]:
            return [p.reshape(x.shape) for p, x in zip(np.split(flat, ends), arrays)]

        def gradient(flat: Any) -> Any:
            return np.concatenate([np.ravel(g) for g in gradients(manual, parts(flat))])

        point = np.concatenate([x.ravel() for x in arrays])
        try:
            distance = float(check_grad(lambda flat: float(f(*parts(flat))), gradient, point))
        except ValueError:
            return FAILS, "another shape"
        return (PASSES if distance < 1e-6 else FAILS), f"{distance:.1e}"

    return check


PEERS: dict[str, Callable[[], Checker]] = {"torch": of_torch, "jax": of_jax, "autograd": of_autograd, "scipy": of_scipy}


def installed() -> dict[str, Checker]:
    """Ours, and the checkers of the peers that are installed."""
    checkers: dict[str, Checker] = {"minigrad": ours}
    for name, make in PEERS.items():
        try:
            checkers[name] = make()
        except ImportError:
            continue
    return checkers


# ----- judging them ---------------------------------------------------------------------------------------------------

FALSE_PASS, FALSE_ALARM, VAGUE = "FALSE PASS", "FALSE ALARM", "no verdict"


def judged(expected: str, said: str) -> str:
    """The fault of an answer: a false pass, a false alarm, no verdict where there is one, or "" for none.

    A checker that only passes and fails is right to fail at a kink. Where the right answer is INCONCLUSIVE, neither of
    its two answers is a fault.
    """
    if said in (UNABLE, expected):
        return ""
    if said in (PASSES, OK):
        return {OK: "", WRONG: FALSE_PASS, KINK: FALSE_PASS, INCONCLUSIVE: FALSE_PASS if said == OK else ""}[expected]
    if said == FAILS:
        return FALSE_ALARM if expected == OK else ""
    if said in (WRONG, KINK):
        return FALSE_ALARM if expected in (OK, INCONCLUSIVE) or said == WRONG else FALSE_PASS
    return VAGUE


def run(cases: Sequence[Case], checkers: dict[str, Checker], progress: bool = False) -> dict[str, dict[str, Said]]:
    """What every checker says about every case."""
    shown: Any = cases
    if progress:
        try:
            from tqdm import tqdm

            shown = tqdm(cases, leave=False)
        except ImportError:
            pass
    said: dict[str, dict[str, Said]] = {}
    for case in shown:
        said[case.name] = {}
        for name, check in checkers.items():
            f, manual, args = case.build()
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                said[case.name][name] = check(f, manual, args)
    return said


def summary(cases: Sequence[Case], said: dict[str, dict[str, Said]]) -> dict[str, dict[str, int]]:
    """How often each checker was wrong, and in which way."""
    counts: dict[str, dict[str, int]] = {}
    for case in cases:
        for name, (answer, _) in said[case.name].items():
            row = counts.setdefault(name, dict.fromkeys(("cases", FALSE_PASS, FALSE_ALARM, VAGUE), 0))
            row["cases"] += answer != UNABLE
            if fault := judged(case.expected, answer):
                row[fault] += 1
    return counts


# ----- showing them ---------------------------------------------------------------------------------------------------


def cell(expected: str, answer: Said, remark: bool) -> str:
    said, note = answer
    fault = judged(expected, said)
    shown = f"{said} ({note})" if note and remark else said
    return f"**{shown}: {fault.lower()}**" if fault else shown


def version(name: str) -> str:
    return importlib.metadata.version(name)


def as_markdown(cases: Sequence[Case], said: dict[str, dict[str, Said]]) -> str:
    """The page: totals, then a table per group."""
    counts = summary(cases, said)
    names = list(counts)
    versions = ", ".join(f"{name} {version(name)}" for name in names if name != "minigrad")
    right = sum(case.expected == OK for case in cases)
    lines = [
        "# Checkers of gradients, on the same cases",
        "",
        f"Written by `python -m benchmarks.checkers` (Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{versions}).",
        f"{len(cases)} functions with a gradient by hand, {right} of them right; `benchmarks/corpus/` has them all.",
        "Every checker has its default settings; how each is called, and what counts as a pass of scipy's number, is",
        "told in `benchmarks/checkers.py`. A *false pass* accepts a gradient that is wrong or does not exist; a *false",
        "alarm* rejects one that is right. Checkers that only pass or fail are right to fail at a kink.",
        "",
        "| | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
        *[
            f"| {title} | " + " | ".join(str(counts[name][key]) for name in names) + " |"
            for title, key in (
                ("false passes", FALSE_PASS),
                ("false alarms", FALSE_ALARM),
                ("no verdict where there is one", VAGUE),
                ("cases tried", "cases"),
            )
        ],
    ]
    title = None
    for case in cases:
        if case.group != title:
            title = case.group
            lines += [
                "",
                f"## {title[0].upper()}{title[1:]}",
                "",
                "| case | right answer | " + " | ".join(names) + " |",
            ]
            lines += ["|---|---|" + "---|" * len(names)]
        cells = [cell(case.expected, said[case.name][name], name == "scipy") for name in names]
        why = case.why.replace("|", "\\|")
        lines.append(f"| `{case.name}`: {why} | {case.expected} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def show(cases: Sequence[Case], said: dict[str, dict[str, Said]]) -> None:
    """The table in the terminal."""
    counts = summary(cases, said)
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        print(as_markdown(cases, said))
        return
    table = Table("case", "right answer", *counts, title="bold: a false pass or a false alarm")
    for case in cases:
        cells = []
        for name in counts:
            answer = said[case.name][name]
            text = answer[1] if name == "scipy" and answer[0] != UNABLE else answer[0]
            cells.append(f"[bold reverse]{text}[/]" if judged(case.expected, answer[0]) else text)
        table.add_row(case.name, case.expected, *cells)
    table.add_section()
    for key in (FALSE_PASS, FALSE_ALARM, VAGUE):
        table.add_row(key, "", *[str(counts[name][key]) for name in counts])
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the corpus; exit code 1 if ours is wrong anywhere."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkers", description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="parts of the names of groups or cases; the page is not written then")
    options = parser.parse_args(arguments)
    cases = [c for c in CASES.values() if not options.only or any(o in c.group + c.name for o in options.only)]
    if not cases:
        parser.error(f"no case or group has one of {options.only} in its name")
    start = time.perf_counter()
    said = run(cases, installed(), progress=True)
    show(cases, said)
    print(f"{len(cases)} cases, {time.perf_counter() - start:.0f} s")
    if not options.only:
        PAGE.write_text(as_markdown(cases, said), encoding="utf-8")
        print(f"wrote {PAGE}")
    ours_wrong = summary(cases, said)["minigrad"]
    return int(any(ours_wrong[key] for key in (FALSE_PASS, FALSE_ALARM, VAGUE)))


if __name__ == "__main__":
    raise SystemExit(main())
