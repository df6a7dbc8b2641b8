"""The report of a study of depth: sentences, figures and tables on one page, and the numbers as CSV and JSON."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.show.page import element, write
from nn import plots
from nn.report import Section, Table, csv_text, page, picture
from nn.stations.view import percent
from nn.study.findings import ERRORS, LEARNT, NAMES, Findings, Kind, listed
from nn.study.trainings import RUNS, known, samples

COLUMNS = ("activation", "depth", "width", "seed", "parameters", "loss", "accuracy", "held_out", "diverged")


def publish(found: Findings, out: Path, seconds: float) -> None:
    """Write `report.html`, its figures, `runs.csv` and `study.json` into the folder of a study.

    Raises:
        OSError: if a file cannot be written.
    """
    sections = [_words(found), _losses(found, out), _gradients(found, out), _kinds(found)]
    html = page("The influence of depth", _introduction(found), sections, out)
    write(out / "report.html", html)
    write(out / "runs.csv", table(found))
    write(out / "study.json", json.dumps(numbers(found, seconds), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def table(found: Findings) -> str:
    """A line of CSV for every training, with the gradient norms of its layers at the start and in the end."""
    deepest = max(found.plan.depths)
    when = [f"gradient_{r}_{time}" for time in ("start", "end") for r in range(deepest + 1)]
    rows: list[tuple[Any, ...]] = [(*COLUMNS, *when)]
    for one in found.runs:
        entries = {**vars(one), "loss": one.loss[-1], "diverged": int(one.diverged)}
        norms = [one.gradients[time] + [""] * (deepest - one.depth) for time in (0, -1)]
        rows.append((*(entries[name] for name in COLUMNS), *norms[0], *norms[1]))
    return csv_text(rows)


def numbers(found: Findings, seconds: float) -> dict[str, Any]:
    """The content of `study.json`."""
    kinds = []
    for kind in found.kinds.values():
        entries = {key: value for key, value in vars(kind).items() if key not in ("at", "gradients")}
        ratios = {"gradient_first_to_last": [kind.ratio(time) for time in (0, -1)]}
        kinds.append({key: known(value) for key, value in (entries | ratios).items()})
    return {
        "plan": asdict(found.plan),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seconds": round(seconds, 1),
        "conclusions": found.sentences,
        "kinds": kinds,
    }


def spelt(numbers: Sequence[int]) -> str:
    """Numbers in words that fit into a line.

    >>> spelt((1, 2, 3, 4)), spelt((4, 8, 16))
    ('1 to 4', '4, 8 and 16')
    """
    first, last = min(numbers), max(numbers)
    return f"{first} to {last}" if 2 < last - first + 1 == len(numbers) else listed(sorted(numbers))


def _introduction(found: Findings) -> str:
    plan = found.plan
    names = listed(NAMES[name] for name in plan.activations)
    count = samples(plan.seed)[0].shape[1]
    return f"""<p>Networks with {spelt(plan.depths)} hidden layers of {spelt(plan.widths)} coordinates learn the spiral.
The activations are {names}; there are {plan.seeds} networks of each kind, from different random parameters:
{len(found.runs)} trainings.</p>
<p>Each makes {plan.steps} steps of gradient descent of the size {plan.step:g} on the mean loss of {count} samples. The
held-out accuracy is that of a second draw of the data. Another size or number of steps gives other networks, and the
sentences below are about these. Every training is a file in <code>{RUNS}</code>, <code>runs.csv</code> has a line for
each, and <code>study.json</code> all means and spreads.</p>"""


def _words(found: Findings) -> Section:
    section = Section("What the numbers say")
    section.text(
        f"These sentences are computed. A difference of means counts if it is more than {ERRORS:g} standard errors."
    )
    section.parts.append(element("ul", *[element("li", sentence) for sentence in found.sentences]))
    return section


def _losses(found: Findings, out: Path) -> Section:
    plan, section = found.plan, Section("Loss and accuracy against depth")
    section.text("A curve joins the means over the seeds; its band goes from the lowest to the highest of them.")
    depths = sorted(plan.depths)
    panel = lambda name, of: [
        (f"width {width}", np.array([of(found.kinds[name, depth, width]) for depth in depths]).T)
        for width in sorted(plan.widths)
    ]
    loss = lambda k: (k.loss, k.lowest, k.highest)
    held_out = lambda k: (k.held_out, k.least_held_out, k.most_held_out)
    for file, of, label, log in (
        ("loss.png", loss, "loss per sample", True),
        ("accuracy.png", held_out, "held-out accuracy", False),
    ):
        panels = [(NAMES[name], panel(name, of)) for name in plan.activations]
        fig = plots.against_depth(depths, panels, label, log=log)
        alt = f"The {label} against the number of hidden layers, a panel for each activation, a curve for each width."
        section.parts.append(picture(fig, file, alt, f"The {label} after {plan.steps} steps.", folder=out))
    return section


def _gradients(found: Findings, out: Path) -> Section:
    plan, section = found.plan, Section("Gradients of the layers")
    depths, width = sorted(plan.depths), sorted(plan.widths)[len(plan.widths) // 2]
    shown = sorted({depths[len(depths) // 2], depths[-1]})
    section.text(
        "The norm of the gradient of the mean loss in the weights and biases of a layer says how fast the layer learns."
        " On its way back through a layer the gradient is multiplied by weights and by slopes of the activation, so it"
        " can shrink or grow from layer to layer. Norms are geometric means over the seeds."
    )
    rows = [[found.kinds[name, depth, width] for depth in shown] for name in plan.activations]
    panels = [
        [(f"{NAMES[k.activation]}, {k.depth} hidden, width {k.width}", k.at, k.gradients) for k in row] for row in rows
    ]
    alt = "Norms of the gradient in every layer against the step, a row for each activation."
    caption = f"From the first layer (dark) to the last (light), networks of width {width}."
    section.parts.append(picture(plots.layers_along(panels), "gradients.png", alt, caption, folder=out))
    curves = [
        (NAMES[name], np.array([[found.kinds[name, depth, width].ratio(time) for depth in depths] for time in (0, -1)]))
        for name in plan.activations
    ]
    alt = "The gradient in the first layer relative to the last, against the number of hidden layers."
    caption = "Above 1, the first layer has the larger gradient."
    section.parts.append(
        picture(plots.first_to_last(depths, curves, plan.steps), "ratio.png", alt, caption, folder=out)
    )
    return section


def _kinds(found: Findings) -> Section:
    section = Section("All means and spreads")
    section.text(
        f"Means and standard deviations over the seeds. Failed are trainings with a held-out accuracy below"
        f" {percent(LEARNT, 0)}, and those that diverged, which are left out of the means."
    )
    titles = ("activation", "hidden", "width", "parameters", "loss", "held out", "failed")
    section.parts.append(Table(titles, [_row(kind) for kind in found.kinds.values()]))
    return section


def _row(kind: Kind) -> tuple[str, ...]:
    return (
        NAMES[kind.activation],
        str(kind.depth),
        str(kind.width),
        str(kind.parameters),
        _with_spread(f"{kind.loss:.3f}", f"{kind.loss_spread:.3f}"),
        _with_spread(percent(kind.held_out), percent(kind.held_out_spread)),
        f"{kind.failed} of {kind.count}",
    )


def _with_spread(mean: str, spread: str) -> str:
    """One network has no spread, and where all diverged there is no mean either."""
    return "" if mean.startswith("nan") else mean if spread.startswith("nan") else f"{mean} ± {spread}"
