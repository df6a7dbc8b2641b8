"""What a study of depth has found: means and spreads of every kind of network, and sentences that the numbers support.

Every sentence is computed. It states its figures, and it is there only if they bear it out: a difference counts if it
is more than twice its standard error.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from nn.arrays import Array
from nn.stations.view import percent
from nn.study.trainings import Plan, Run

NAMES = {"arctan": "arctan", "tanh": "tanh", "relu": "ReLU"}
ERRORS = 2.0  #: so many standard errors make a difference
CLOSE = 1.2  #: networks whose numbers of parameters differ by less than this factor are compared
LEARNT = 0.9  #: a network with a lower held-out accuracy has not learnt the spiral


@dataclass(frozen=True)
class Kind:
    """Networks that differ in their seed alone. Trainings that diverged are counted and left out of the rest.

    Attributes:
        activation, depth, width: what they are.
        parameters: how many numbers each of them learns.
        count, diverged: how many trainings there were, and how many of them diverged.
        loss, loss_spread: mean and standard deviation of the last loss per sample.
        lowest, highest: of the last losses.
        held_out, held_out_spread: mean and standard deviation of the held-out accuracy.
        least_held_out, most_held_out: of the held-out accuracies.
        failed: how many trainings have a held-out accuracy below `LEARNT`, or diverged.
        dead: in how many trainings the gradient in some layer has been zero, as where every unit of a layer is silent.
        at: numbers of steps, shape (times,).
        gradients: geometric means, over the other trainings, of the norms of the gradients, shape (times, layers).
    """

    activation: str
    depth: int
    width: int
    parameters: int
    count: int
    diverged: int
    loss: float
    loss_spread: float
    lowest: float
    highest: float
    held_out: float
    held_out_spread: float
    least_held_out: float
    most_held_out: float
    failed: int
    dead: int
    at: Array
    gradients: Array

    @property
    def error(self) -> float:
        """The standard error of the mean loss."""
        return self.loss_spread / math.sqrt(max(self.count - self.diverged, 1))

    def ratio(self, time: int) -> float:
        """The norm of the gradient in the first layer, divided by that in the last, at one of the times."""
        return float(self.gradients[time, 0] / self.gradients[time, -1])


@dataclass(frozen=True)
class Findings:
    """A study with its statistics.

    Attributes:
        plan: what was trained.
        runs: the trainings.
        kinds: their means and spreads, by (activation, depth, width).
        sentences: conclusions.
    """

    plan: Plan
    runs: list[Run]
    kinds: dict[tuple[str, int, int], Kind]
    sentences: list[str]


def findings(plan: Plan, runs: Sequence[Run]) -> Findings:
    """The statistics of a study, and what they say."""
    groups: dict[tuple[str, int, int], list[Run]] = {}
    for one in runs:
        groups.setdefault((one.activation, one.depth, one.width), []).append(one)
    kinds = {key: kind(group) for key, group in groups.items()}
    return Findings(plan, list(runs), kinds, conclusions(plan, kinds))


def kind(runs: Sequence[Run]) -> Kind:
    """Means and spreads of networks that differ in their seed alone."""
    first, sound = runs[0], [one for one in runs if not one.diverged]
    loss, held_out = np.array([one.loss[-1] for one in sound]), np.array([one.held_out for one in sound])
    alive = [one.gradients for one in sound if np.min(one.gradients) > 0.0]
    of = lambda statistic, values: float(statistic(values)) if values.size else math.nan
    spread = lambda values: float(np.std(values, ddof=1)) if values.size > 1 else math.nan
    return Kind(
        first.activation,
        first.depth,
        first.width,
        first.parameters,
        len(runs),
        len(runs) - len(sound),
        of(np.mean, loss),
        spread(loss),
        of(np.min, loss),
        of(np.max, loss),
        of(np.mean, held_out),
        spread(held_out),
        of(np.min, held_out),
        of(np.max, held_out),
        failed=sum(one.diverged or one.held_out < LEARNT for one in runs),
        dead=len(sound) - len(alive),
        at=np.array(first.at),
        gradients=np.exp(np.mean(np.log(alive or np.full((1, *np.shape(first.gradients)), math.nan)), axis=0)),
    )


# ----- sentences ------------------------------------------------------------------------------------------------------

Kinds = dict[tuple[str, int, int], Kind]


def conclusions(plan: Plan, kinds: Kinds) -> list[str]:
    """The sentences that the numbers support, about each activation and about all of them together."""
    of_one: list[Callable[[Plan, Kinds, str], str]] = [more_layers, enough_layers, too_many_layers, luck, gradients]
    said = [sentence(plan, kinds, name) for sentence in of_one for name in plan.activations]
    said += [failures(plan, kinds), depth_or_width(kinds), best_activation(plan, kinds)]
    return [text for text in said if text]


def lower(a: Kind, b: Kind) -> bool:
    """Whether the mean loss of `a` is lower than that of `b` by more than twice the standard error."""
    return b.loss - a.loss > ERRORS * math.hypot(a.error, b.error)


def by_depth(plan: Plan, kinds: Kinds, activation: str, width: int) -> list[Kind]:
    """Networks of one activation and width from the shallowest to the deepest; depths without a mean are left out."""
    column = [kinds[activation, depth, width] for depth in sorted(plan.depths)]
    return [k for k in column if math.isfinite(k.loss) and math.isfinite(k.loss_spread)]


def best(column: Sequence[Kind]) -> Kind:
    """The kind with the lowest mean loss."""
    return min(column, key=lambda k: k.loss)


def columns(plan: Plan, kinds: Kinds, activation: str) -> list[list[Kind]]:
    """`by_depth` of every width at which there are two depths to compare."""
    found = [by_depth(plan, kinds, activation, width) for width in sorted(plan.widths)]
    return [column for column in found if len(column) > 1]


def more_layers(plan: Plan, kinds: Kinds, activation: str) -> str:
    """Whether the best depth is better than the shallowest."""
    told = columns(plan, kinds, activation)
    helped = [column for column in told if lower(best(column), column[0])]
    if not helped:
        return ""
    each = listed(
        f"from {column[0].loss:.3f} with {layers(column[0].depth)} to {best(column).loss:.3f} with"
        f" {best(column).depth} at width {column[0].width}"
        for column in helped
    )
    return f"With {NAMES[activation]}, more layers lower the mean loss at {part(helped, told)}: {each}."


def enough_layers(plan: Plan, kinds: Kinds, activation: str) -> str:
    """The smallest depth that cannot be told from the best."""
    told = columns(plan, kinds, activation)
    enough = [next(k for k in column if not lower(best(column), k)) for column in told]
    fewer = [k for k, column in zip(enough, told, strict=True) if k.depth < column[-1].depth]
    if not fewer:
        return ""
    each = listed(f"{k.depth} at width {k.width} ({k.loss:.3f} ± {k.loss_spread:.3f})" for k in fewer)
    return (
        f"With {NAMES[activation]}, so many hidden layers do as well as the best depth, within twice the standard"
        f" error: {each}."
    )


def too_many_layers(plan: Plan, kinds: Kinds, activation: str) -> str:
    """Whether the deepest networks are worse than the best depth."""
    told = columns(plan, kinds, activation)
    hurt = [column for column in told if lower(best(column), column[-1])]
    if not told:
        return ""
    if not hurt:
        worst = max(column[-1].loss / best(column).loss for column in told)
        return (
            f"With {NAMES[activation]}, the deepest networks are nowhere worse than the best depth by more than twice"
            f" the standard error; their mean loss is at most {worst:.2f} times as high."
        )
    each = listed(
        f"at width {column[0].width} the mean loss is {column[-1].loss:.3f} with {layers(column[-1].depth)}, and"
        f" {best(column).loss:.3f} with {best(column).depth}"
        for column in hurt
    )
    return f"With {NAMES[activation]}, there can be too many layers: {each}."


def luck(plan: Plan, kinds: Kinds, activation: str) -> str:
    """Whether the spread over the seeds grows or shrinks with the depth by more than a factor of two."""
    told = columns(plan, kinds, activation)
    if not told:
        return ""
    shallow, deep = (math.sqrt(np.mean([column[end].held_out_spread ** 2 for column in told])) for end in (0, -1))
    if max(shallow, deep) <= 2.0 * min(shallow, deep):
        return ""
    verb = "grows" if deep > shallow else "shrinks"
    return (
        f"With {NAMES[activation]}, the spread of the held-out accuracy over the seeds {verb} with depth: its standard"
        f" deviation is {percent(shallow)} with {layers(told[0][0].depth)} and {percent(deep)} with"
        f" {told[0][-1].depth} (root mean square over {widths(told)})."
    )


def gradients(plan: Plan, kinds: Kinds, activation: str) -> str:
    """How much larger or smaller the gradient is in the first layer than in the last, before and after the training."""
    name, deepest = NAMES[activation], max(plan.depths)
    ratios = np.array([[kinds[activation, deepest, width].ratio(time) for time in (0, -1)] for width in plan.widths])
    ratios = ratios[np.all(np.isfinite(ratios) & (ratios > 0.0), axis=1)]
    if deepest < 2 or not ratios.size:
        return ""
    mean = np.exp(np.mean(np.log(ratios), axis=0))
    first = (
        f"With {name} and {deepest} hidden layers, the norm of the gradient in the first layer is {mean[0]:.2g} times"
        " that in the last at the start"
    )
    if np.all(ratios[:, 0] < 0.5) or np.all(ratios[:, 0] > 2.0):
        first += f" (a factor of {mean[0] ** (1.0 / deepest):.2f} for each layer on its way back)"
    dead = sum(kinds[activation, deepest, width].dead for width in plan.widths)
    without = f"; {dead} networks in which a gradient became zero are left out" if dead else ""
    return (
        f"{first}, and {mean[1]:.2g} times after the last step (geometric means over {widths(list(ratios))}{without})."
    )


def failures(plan: Plan, kinds: Kinds) -> str:
    """How many trainings have not learnt the spiral, at the depth where that is most often so."""
    counts = {
        (name, depth): sum(kinds[name, depth, width].failed for width in plan.widths)
        for name in plan.activations
        for depth in plan.depths
    }
    name, depth = max(counts, key=lambda key: counts[key])
    if not counts[name, depth]:
        return f"Every network has a held-out accuracy of at least {percent(LEARNT, 0)}."
    others = [f"{counts[other, depth]} with {NAMES[other]}" for other in plan.activations if other != name]
    compared = f"; at this depth it is {listed(others)}" if others else ""
    return (
        f"Trainings fail most often (a held-out accuracy below {percent(LEARNT, 0)}) with {NAMES[name]} and"
        f" {layers(depth)}: {counts[name, depth]} of {plan.seeds * len(plan.widths)}{compared}."
    )


def depth_or_width(kinds: Kinds) -> str:
    """Whether the deeper of two networks with about equally many parameters is better."""
    deeper = shallower = pairs = 0
    for a, b in combinations(sorted(kinds.values(), key=lambda k: k.depth), 2):
        close = max(a.parameters, b.parameters) < CLOSE * min(a.parameters, b.parameters)
        if a.activation == b.activation and a.depth < b.depth and close and math.isfinite(a.error + b.error):
            pairs, deeper, shallower = pairs + 1, deeper + lower(b, a), shallower + lower(a, b)
    if not pairs:
        return ""
    verdict = "depth" if deeper > 2 * shallower else "width" if shallower > 2 * deeper else "neither"
    lead = f"For the same number of parameters, {verdict} is the better investment here"
    if verdict == "neither":
        lead = "For the same number of parameters, neither depth nor width is clearly the better investment here"
    return (
        f"{lead}: of {pairs} pairs of networks whose numbers of parameters differ by less than"
        f" {percent(CLOSE - 1.0, 0)}, the deeper one has the lower loss in {deeper} and the wider one in {shallower};"
        f" the other {pairs - deeper - shallower} differ by less than twice the standard error."
    )


def best_activation(plan: Plan, kinds: Kinds) -> str:
    """How often each activation has the lowest mean loss, and how often by more than twice the standard error."""
    if len(plan.activations) < 2:
        return ""
    wins, clear = dict.fromkeys(plan.activations, 0), dict.fromkeys(plan.activations, 0)
    rows = [[kinds[name, depth, width] for name in plan.activations] for depth in plan.depths for width in plan.widths]
    rows = [row for row in rows if all(math.isfinite(k.loss + k.error) for k in row)]
    for row in rows:
        first, second = sorted(row, key=lambda k: k.loss)[:2]
        wins[first.activation] += 1
        clear[first.activation] += lower(first, second)
    if not rows:
        return ""
    each = listed(f"{NAMES[name]} at {wins[name]} ({clear[name]})" for name in plan.activations)
    return (
        f"Of {len(rows)} pairs of a depth and a width, the lowest mean loss belongs to {each}; in brackets, by more"
        " than twice the standard error."
    )


def layers(depth: int) -> str:
    """A number of hidden layers in words.

    >>> layers(1), layers(3)
    ('1 hidden layer', '3 hidden layers')
    """
    return f"{depth} hidden layer{'s' * (depth > 1)}"


def part(some: Sequence[Any], all_of: Sequence[Any]) -> str:
    """How many of the widths.

    >>> part([4, 8], [4, 8]), part([4], [4, 8])
    ('every width', '1 of 2 widths')
    """
    return "every width" if len(some) == len(all_of) else f"{len(some)} of {len(all_of)} widths"


def widths(told: Sequence[Any]) -> str:
    """How many widths.

    >>> widths([4]), widths([4, 8])
    ('1 width', '2 widths')
    """
    return f"{len(told)} width{'s' * (len(told) > 1)}"


def listed(parts: Any) -> str:
    """Parts of a sentence, one after another.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *most, last = map(str, parts)
    return f"{', '.join(most)} and {last}" if most else last
