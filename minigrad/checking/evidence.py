"""Numerical evidence along one line through the point: differences, their errors, Taylor remainders, kinks.

Everything here is about phi(t) = Re <c, f(x + t v)>, a function of one number. It is evaluated at 0 and at plus and
minus a ladder of steps, each a tenth of the one before, and then taken apart into its odd and even part,

    odd(h)  = (phi(h) - phi(-h)) / 2           = h phi' + h^3 phi'''/6 + ...
    even(h) = (phi(h) + phi(-h)) / 2 - phi(0)  = h^2 phi''/2 + ...

**Error model.** With noise eta in each value of phi, the central difference odd(h)/h has the error
eta/h + h^2 |phi'''|/6 and, with the best h, no less than about eta^(2/3) |phi'''|^(1/3). The noise is measured, not
assumed: it is what is left of even(h) where h is so small that h^2 phi'' cannot be seen, it is at least the rounding of
phi(0) to its dtype, and at least the change of phi when every entry of x is moved by two units in the last place. The
truncation error is measured by how the differences change from step to step. An estimate is trusted only if it agrees,
within the two errors, with the estimates of all smaller steps (the principle of Lepski, which needs no other assumption
on phi); of those the one with the least error is taken. So a step that is too long for the function (sin(1e6 x)) gives
itself away.

Sources: J. J. Moré and S. M. Wild, "Estimating Derivatives of Noisy Simulations", ACM Transactions on Mathematical
Software 38(3), 2012 (noise from differences); L. F. Richardson, "The Approximate Arithmetical Solution by Finite
Differences", Phil. Trans. A 210, 1911 (extrapolation); O. V. Lepski, "On a Problem of Adaptive Estimation in Gaussian
White Noise", Theory of Probability and its Applications 35(3), 1991; W. Squire and G. Trapp, "Using Complex Variables
to Estimate Derivatives of Real Functions", SIAM Review 40(1), 1998 (complex step).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from minigrad.checking.records import CurvePoint, TaylorRow

LONGEST = 0.2  # what counts as longer than the ladder
SEEN = 6  # steps over which a jump or an infinite slope must look the same, so that noise does not
LADDER = tuple(10.0**-k for k in range(1, 11))
nan, inf = math.nan, math.inf

#: A step, the difference there, what rounding does to it, and what a kink within the step may do.
Level = tuple[float, float, float, float]


@dataclass
class Line:
    """phi at 0 and at plus and minus each step. Steps descend; values that are not finite are NaN."""

    phi: Callable[[float], float]
    zero: float
    floor: float  # the noise that is known beforehand
    eps: float = 2.0**-52  # the precision of its values
    rounding: float = 0.0  # the part of it that comes from rounding alone, and could not be a jump
    steps: list[float] = field(default_factory=list)
    plus: list[float] = field(default_factory=list)
    minus: list[float] = field(default_factory=list)

    def extend(self, steps: Sequence[float]) -> None:
        """Evaluate at more steps, two evaluations for each."""
        for h in steps:
            k = sum(step > h for step in self.steps)
            self.steps.insert(k, h)
            self.plus.insert(k, finite(self.phi(h)))
            self.minus.insert(k, finite(self.phi(-h)))

    def odd(self) -> list[float]:
        """(phi(h) - phi(-h)) / 2 for each step."""
        return [(p - m) / 2 for p, m in zip(self.plus, self.minus)]

    def even(self) -> list[float]:
        """(phi(h) + phi(-h)) / 2 - phi(0) for each step, without overflow in the sum."""
        return [((p - self.zero) + (m - self.zero)) / 2 for p, m in zip(self.plus, self.minus)]


def finite(value: Any) -> float:
    """A float, NaN if it is not finite."""
    value = float(value)
    return value if math.isfinite(value) else nan


@dataclass(frozen=True)
class Estimate:
    """A derivative by differences: its value, a bound of its error by the model, and what went into it."""

    value: float
    error: float
    noise: float
    step: float
    floor: float
    third: float
    closest: tuple[float, float] = (nan, inf)  # the central difference at the smallest step, and what noise does to it
    richardson: tuple[float, ...] = ()

    def agrees(self, claim: float, slack: float = 0.0) -> bool:
        """Whether a claimed derivative lies within the error."""
        return abs(claim - self.value) <= self.error + slack

    def refutes(self, claim: float, slack: float = 0.0) -> bool:
        """Whether a claimed derivative lies outside of it; false where nothing is known."""
        return abs(claim - self.value) > self.error + slack

    def refutes_closely(self, claim: float, slack: float = 0.0) -> bool:
        """Whether the smallest step refutes it too, so that nothing that happens within the longer ones is to blame."""
        return self.refutes(claim, slack) and abs(claim - self.closest[0]) > SAFETY * self.closest[1] + slack


SAFETY = 6.0  # the error is a bound by a model: this many times what the model says


def noise_level(line: Line) -> float:
    """The noise of phi, from what small steps change.

    Going up from the smallest step, a change is noise as long as it does not go on to grow: a smooth phi makes its even
    part grow a hundredfold from step to step and its first differences tenfold, a kink makes both grow tenfold.
    """
    sides = [[value - line.zero for value in side] for side in (line.plus, line.minus)]
    noise = line.floor
    for changes, growth in ((line.even(), 5.0), (sides[0], 2.0), (sides[1], 2.0)):
        sizes = [abs(change) for change in reversed(changes)]
        for k, size in enumerate(sizes):
            later = sizes[k + 1 : k + 3]
            if math.isnan(size) or len(later) < 2 or any(math.isnan(x) for x in later):
                break
            if size > 3 * line.floor and later[0] >= growth * size and later[1] >= growth * later[0]:
                break  # growth: the signal begins
            noise = max(noise, size)
    return max(noise, stair(line), noise_of_differences(line))


def noise_of_differences(line: Line) -> float:
    """The noise that the central differences of the smallest steps show, 0 if they show none.

    The even part sees no noise that is odd, such as that of rounding x + h v. Where the differences change by noise,
    they change in inverse proportion to the step; by truncation they would change less and less.
    """
    central = [odd / h for odd, h in zip(line.odd()[-4:], line.steps[-4:])]
    sizes = sorted(abs(b - a) * h for (a, b), h in zip(pairwise(central), line.steps[-3:]))
    if len(sizes) < 3 or not sizes[0] > sizes[2] / 100:  # or NaN
        return 0.0
    return sizes[1]


def stair(line: Line) -> float:
    """The height of the steps of phi, if it is a staircase along a slope, such as a value read from text; else 0.

    Three differences agree on a slope that at a smaller step has to show, and there phi does not move at all.
    """
    moves = [(h, (p - m) / 2) for h, p, m in zip(line.steps, line.plus, line.minus) if h <= LADDER[0]]
    for k in range(3, len(moves)):
        h, move = moves[k]
        if move != 0 or line.plus[k - len(moves)] != line.zero:
            continue
        slopes = sorted(change / step for step, change in moves[:k] if change)
        runs = [
            three for three in zip(slopes, slopes[1:], slopes[2:]) if abs(three[2] - three[0]) < 0.1 * abs(three[1])
        ]
        if not runs or abs(runs[len(runs) // 2][1]) * h < 100 * line.floor:
            return 0.0
        return min(abs(value - line.zero) for value in (*line.plus, *line.minus) if value not in (line.zero, nan))
    return 0.0


def estimate(line: Line, noise: float | None = None) -> Estimate:
    """The derivative of phi at 0 with the least error that the values of the line allow."""
    eta = max(noise_level(line) if noise is None else noise, line.floor)
    steps, odd, even = line.steps, line.odd(), line.even()
    central = [o / h for o, h in zip(odd, steps)]
    kinked = [crossing(even, k, steps, eta) for k in range(len(steps))]
    # Where phi grows along the line its noise does too; its relative noise is known no better than to half the digits.
    # And x + h v is rounded: by eps of its size, for which phi changes as much as it does from step to step.
    relative = min(max(eta / abs(line.zero), line.eps), math.sqrt(line.eps)) if line.zero else line.eps
    sizes = [max(abs(p), abs(m)) for p, m in zip(line.plus, line.minus)]
    changes = [max(abs(p - line.zero), abs(m - line.zero)) for p, m in zip(line.plus, line.minus)]
    noises = [max(eta, relative * size, line.eps * d / h) for size, d, h in zip(sizes, changes, steps)]
    levels = [(h, c, rounding / h, bend) for h, c, rounding, bend in zip(steps, central, noises, kinked)]
    candidates = with_errors(levels)
    richardson = []
    for (h, coarse, _, bend), (small, fine, rounding, _) in pairwise(levels):
        weight = (h / small) ** 2
        richardson.append((h, (weight * fine - coarse) / (weight - 1), rounding * (weight + 0.1) / (weight - 1), bend))
    candidates += with_errors(richardson)
    best: tuple[float, float, float] | None = None
    for h, value, error in candidates:
        if math.isnan(value) or math.isnan(error):
            continue
        consistent = all(
            not abs(value - c) > error + SAFETY * rounding for small, c, rounding, _ in levels if small < h
        )  # NaN of a smaller step refutes nothing
        if consistent and (best is None or error < best[1]):
            best = value, error, h
    third = third_derivative(levels, eta)
    floor = eta ** (2 / 3) * third ** (1 / 3) if third else eta / max(steps, default=1.0)
    value, error, step = best or (nan, inf, nan)
    closest = levels[-1][1:3] if levels else (nan, inf)
    extrapolated = tuple(r[1] for r in richardson)
    return Estimate(value, SAFETY * error, eta, step, floor, third, closest, extrapolated)


def with_errors(levels: list[Level]) -> list[tuple[float, float, float]]:
    """Estimates with errors: that of rounding, and what the change to the next longer or shorter step says.

    The change to the shorter step bounds the truncation error (and holds the noise of the shorter step too); that to
    the longer one is about a hundred times the truncation error in the asymptotic regime, of which ten are used. A
    change counts only if the changes get smaller towards it, or if it is noise: where a function oscillates within a
    step they do neither, and nothing is known. Steps longer than the ladder's are there for derivatives that noise
    hides at shorter ones; they count where the derivative stands out of it, since the difference quotients of every
    bounded function get small in the end.
    """
    changes = [abs(coarse[1] - fine[1]) for coarse, fine in pairwise(levels)]
    found = []
    for k, (h, value, rounding, bend) in enumerate(levels):
        before, up, down = [changes[j] if 0 <= j < len(changes) else nan for j in (k - 2, k - 1, k)]
        bounds = []
        if h > LONGEST and not all(abs(level[1]) > 10 * level[2] for level in levels[k : k + 2]):
            continue
        if k + 1 < len(levels) and (down <= 3 * levels[k + 1][2] or down <= up / 3):
            bounds.append(max(down, levels[k + 1][2]))  # by chance they may agree better than the noise allows
        if up <= 3 * rounding or up <= before / 3:
            bounds.append(up / 10)
        if bounds:
            least = 0.0 if math.isnan(up) else up / 100  # what the longer step lets expect of this one
            found.append((h, value, rounding + max(min(bounds), least) + bend))
    return found


def crossing(even: list[float], k: int, steps: list[float], noise: float) -> float:
    """What a kink within this step adds to the error of the central difference, half the gap of the two sides.

    The even part of a smooth function falls by the square of the step; where it falls more slowly there is a kink.
    """
    if k + 1 >= len(even) > 1:  # the smallest step: as for the one before it
        return abs(even[k]) / steps[k] if crossing(even, k - 1, steps, noise) else 0.0
    if len(even) < 2 or math.isnan(even[k]) or math.isnan(even[k + 1]):
        return 0.0
    e, smaller = abs(even[k]), abs(even[k + 1])
    if e <= 3 * noise or smaller <= 3 * noise or e >= smaller * (steps[k] / steps[k + 1]) ** 1.5:
        return 0.0
    return e / steps[k]


def third_derivative(levels: list[Level], noise: float) -> float:
    """|phi'''|, from the change of the central differences at the smallest steps where it is above the noise."""
    found = 0.0
    for (h, coarse, _, _), (small, fine, rounding, _) in pairwise(levels):
        change = abs(coarse - fine)
        if change > 10 * rounding:
            found = 6 * change / (h * h - small * small)
    return found


# ----- Taylor remainders ----------------------------------------------------------------------------------------------


def taylor_rows(line: Line, claim: float, noise: float) -> tuple[TaylorRow, ...]:
    """The remainders of order zero and one at each step, and the slope between steps."""
    rows: list[TaylorRow] = []
    last: tuple[float, float] | None = None
    for h, p in zip(line.steps, line.plus):
        zeroth, first = abs(p - line.zero), abs(p - line.zero - h * claim)
        seen = first > 5 * noise
        slope = nan
        if seen and last is not None:
            slope = math.log(last[1] / first) / math.log(last[0] / h)
        last = (h, first) if seen else None
        rows.append(TaylorRow(h, zeroth, first, slope))
    return tuple(rows)


def slope_of(rows: Sequence[TaylorRow]) -> float:
    """The median slope of the remainders at the smaller half of the steps where it is known; NaN if nowhere."""
    slopes = [row.slope for row in rows if not math.isnan(row.slope)]
    return statistics.median(slopes[len(slopes) // 2 :]) if slopes else nan


def curve_points(line: Line, found: Estimate, complex_value: float) -> tuple[CurvePoint, ...]:
    """The derivative by every kind of difference at every step."""
    points = []
    for k, h in enumerate(line.steps):
        p, m = line.plus[k], line.minus[k]
        richardson = found.richardson[k] if k < len(found.richardson) else nan
        predicted = found.noise / h + h * h * found.third / 6
        points.append(
            CurvePoint(
                h, (p - line.zero) / h, (line.zero - m) / h, (p - m) / (2 * h), richardson, complex_value, predicted
            )
        )
    return tuple(points)


# ----- kinks ----------------------------------------------------------------------------------------------------------


def roughness(line: Line, noise: float) -> tuple[str, float] | None:
    """Whether phi is not differentiable at 0, told from its values: what it looks like, and how close it was seen.

    - a jump: phi(h) - phi(0) or phi(-h) - phi(0) goes to a constant other than 0;
    - an infinite slope: it goes to 0 more slowly than h;
    - a kink: even(h) goes to 0 like h, down to the smallest step where noise would let a smaller gap be seen.
    """
    steps = line.steps
    for side, name in ((line.plus, "above"), (line.minus, "below")):
        if all(math.isnan(value) for value in side[-SEEN:]) and not math.isnan(line.zero):
            return f"f is not finite next to this point, {name} it", steps[-1]
        signed = [value - line.zero for value in side[-SEEN:]]
        if len(signed) == SEEN and all(abs(c) > 100 * line.rounding and c * signed[0] > 0 for c in signed):
            pairs = zip(pairwise(signed), pairwise(steps[-SEEN:]))
            slopes = [math.log(c / d) / math.log(h / smaller) for (c, d), (h, smaller) in pairs]
            if max(slopes) - min(slopes) < 0.1 and max(slopes) < 0.97:
                if max(slopes) < 0.02:
                    return f"f jumps by {abs(signed[-1]):.3g} at this point", steps[-1]
                return "the slope of f is infinite at this point", steps[-1]
    gaps = [2 * e / h for e, h in zip(line.even(), steps)]
    for k in range(len(steps) - 2):
        three = gaps[k : k + 3]
        if any(math.isnan(g) for g in three) or not all(1 / 1.5 < g / (three[0] or nan) < 1.5 for g in three):
            continue
        gap = statistics.median(three)
        telling = [j for j in range(len(steps)) if j >= k and 10 * noise / steps[j] < abs(gap)]
        if len(telling) >= 3 and all(0.5 < gaps[j] / gap < 2 for j in telling):
            return f"the slopes on the two sides differ by {abs(gap):.3g}", steps[telling[-1]]
    return None
