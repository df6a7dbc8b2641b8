"""The binomial schedule of checkpoints: how few steps a loop must run again to be reversed in little memory.

With t(l, s) the least number of steps run forward to reverse l steps with room for s states, and r the smallest number
with C(s + r, s) >= l,

    t(l, s) = r l - C(s + r, r - 1),

so each step runs at most r times, where r grows like the s-th root of l.

Source: A. Griewank and A. Walther, "Algorithm 799: revolve", ACM Transactions on Mathematical Software 26(1), 2000.
"""

from __future__ import annotations

import math


def reach(snapshots: int, repeats: int) -> int:
    """How many steps can be reversed if no step may run forward more than `repeats` times: C(s + r, s)."""
    return math.comb(snapshots + repeats, snapshots) if repeats >= 0 else 0


def repeats_needed(steps: int, snapshots: int) -> int:
    """The smallest number of times that some step has to run forward."""
    repeats = 0
    while reach(snapshots, repeats) < steps:
        repeats += 1
    return repeats


def forward_steps(steps: int, snapshots: int) -> int:
    """The least number of steps run forward to reverse a loop, when `snapshots` states fit, the first one included.

    Each step is run once more when it is reversed itself, which is not counted. In `checkpointed_scan` what follows
    the loop is one more step, which it does not run: with its gradient it runs `forward_steps(length + 1, snapshots)`
    steps in all, and `length` steps on a tape of their own, one at a time.

    >>> forward_steps(10, 10), forward_steps(10, 3), forward_steps(10, 1)
    (9, 15, 45)
    """
    repeats = repeats_needed(steps, snapshots)
    return repeats * steps - reach(snapshots + 1, repeats - 1)


def next_snapshot(steps: int, snapshots: int) -> int:
    """How far to run from a stored state before the next one is stored; to the last step if there is no more room.

    Args:
        steps: how many steps are left to be reversed.
        snapshots: how many states fit, the stored one included.
    """
    if snapshots <= 1:
        return steps - 1
    r = repeats_needed(steps, snapshots)
    # Both parts, before the new state and after it, have to stay within their reach, and neither may be so short that
    # the other one repeats more than it must (Griewank and Walther 2000, section 2).
    return min(reach(snapshots, r - 1), steps - reach(snapshots - 1, r - 1))


def default_snapshots(length: int) -> int:
    """The fewest states with which no step runs forward more than twice: about the square root of 2 l."""
    return max(1, math.ceil((math.sqrt(8 * (length + 1) + 1) - 3) / 2))
