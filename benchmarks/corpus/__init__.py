"""Gradients written by hand, right and wrong, to try checkers of gradients on.

A case is a function, a gradient derived by hand, a point, and the verdict of a checker that can be trusted:

- `OK`: the gradient is right (up to rounding in the dtype of the point);
- `WRONG`: it is not;
- `NOT DIFFERENTIABLE HERE`: the function has no gradient at this point, so none by hand can be right;
- `INCONCLUSIVE`: values of the function cannot tell, because their noise is larger than what the gradient adds.

Functions and gradients are plain NumPy, so that every checker gets the same ones. The gradient of a function of one
array is an array, that of a function of several arrays a tuple. A function within `black_box` cannot be traced, as if
another program computed it.

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
