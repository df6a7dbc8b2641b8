"""Gradients written by hand, right and wrong, to try checkers of gradients on.

A case is a function, a gradient derived by hand, a point, and the verdict that a checker that can be trusted gives:

- `OK`: the gradient is right (up to rounding in the dtype of the point);
- `WRONG`: it is not;
- `NOT DIFFERENTIABLE HERE`: the function has no gradient at this point, so nothing that a person wrote down is one;
- `INCONCLUSIVE`: nobody can tell from what the function shows, because its noise is larger than the answer.

Functions and gradients are plain NumPy, so that every checker can be given the same ones. A function of one array has
an array as its gradient; one of several has a tuple. Functions within `black_box` cannot be traced, as if another
program computed them.

Each group of cases has a file; `case` says what a case is, and `functions` has what several groups share.

>>> case = CASES["factor_two_of_a_square"]
>>> f, manual, args = case.build()
>>> case.expected, f(*args), manual(*args)
('WRONG', np.float64(14.0), array([1., 2., 3.]))
"""

from benchmarks.corpus import (
    complex_numbers,
    curvature,
    flat,
    float32,
    kinks,
    mistakes,
    noise,
    ordinary,
    scales,
)
from benchmarks.corpus.case import INCONCLUSIVE, KINK, OK, WRONG, Case

__all__ = ["CASES", "GROUPS", "INCONCLUSIVE", "KINK", "OK", "WRONG", "Case"]

FILES = (ordinary, mistakes, scales, float32, kinks, flat, curvature, noise, complex_numbers)
GROUPS = [file.case for file in FILES]
CASES: dict[str, Case] = {name: case for group in GROUPS for name, case in group.cases.items()}
