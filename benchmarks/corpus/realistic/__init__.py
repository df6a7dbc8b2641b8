"""Gradients that people derive in their work, each with one mistake of the kind that they make.

A case builds a function, its gradient by hand, and a point. With `wrong=False` the gradient is right, which the tests
check first: then the one mistake is all that is wrong. `says` is what a diagnosis has to name, as a regular expression.

>>> case = CASES["relu_mask_on_the_gradient"]
>>> f, manual, args = case.build(wrong=True)
>>> case.field, case.says
('vision', 'sign of what flows back|mask')
"""

from benchmarks.corpus.realistic import finance, physics, sequences, statistics, vision
from benchmarks.corpus.realistic.case import Case

CASES: dict[str, Case] = {}
for field in (vision, sequences, statistics, physics, finance):
    CASES |= field.case.cases
