"""Checking derivatives written by hand: a verdict that can be trusted, and a report that finds the mistake.

| module      | its one job                                                                                    |
|-------------|------------------------------------------------------------------------------------------------|
| `verdict`   | `check`: shapes, numbers, deltas, diagnosis, in this order, and one verdict                    |
| `judging`   | who is right about a leaf: the hand, the tape, or neither                                      |
| `comparison`| what is compared: hand, tape and differences of f, with the tolerance of each                  |
| `problem`   | the function at points near its own, counted; probes; how the user's pytree is read            |
| `claim`     | what was written by hand, the tape's side of it, and what both predict along a probe           |
| `evidence`  | differences along a line: noise, errors, Taylor remainders, kinks (the error model is there)   |
| `branches`  | kinks told from tapes: what `where`, `max`, `abs`, `sort` chose at both sides                  |
| `deltas`    | hand-written deltas beside the cotangents of the tape                                          |
| `diagnosis` | what a mistake looks like: patterns of numbers, and backward sweeps with a mistake in them     |
| `summary`   | what a finished check tells: its records                                                       |
| `records`   | `Report` and its parts: data, dicts and JSON                                                   |
| `text`      | a report in words, and the cells of its tables                                                 |
| `terminal`  | the tables in a terminal                                                                       |
| `figures`   | the pictures                                                                                   |
| `page`      | the page                                                                                       |
| `views`     | gives `Report` its methods that print and draw                                                 |
| `testing`   | `assert_grads_match`, and points for hypothesis                                                |
| `rule_tester`| `assert_rule`: everything that a rule promises, at a point                                    |
| `rules`     | `custom_primitive(...).check`: the rules of an operation of one's own                          |
| `numerical` | `finite_difference`, `richardson`, `complex_step`, for their own sake                          |

How a verdict comes about: shapes first. Then the hand is compared with the tape entry by entry, within what rounding
does to either (measured by moving the point by units in the last place). Where they agree, differences of f along
random directions have to confirm both; where they do not, f is differenced along the direction in which they differ
most, which decides. Either has to be possible: if noise would hide an error of a few percent, the complex step is
tried, and without it the verdict is INCONCLUSIVE. If f has different slopes on two sides it is NOT DIFFERENTIABLE HERE.
"""

from minigrad.checking.numerical import complex_step, finite_difference, richardson
from minigrad.checking.records import CurvePoint, Kink, LayerReport, LeafReport, TaylorRow, Verdict
from minigrad.checking.verdict import check
from minigrad.checking.views import Report  # with its methods that print and draw

__all__ = [
    "CurvePoint",
    "Kink",
    "LayerReport",
    "LeafReport",
    "Report",
    "TaylorRow",
    "Verdict",
    "check",
    "complex_step",
    "finite_difference",
    "richardson",
]
