"""An error of one percent in a rule is found: a sample of what `planted.py` shows for all rules."""

import planted
import pytest
from cells import Case, cases, load
from planted import Uses, is_found

from minigrad import trace
from minigrad.core.primitive import Primitive

SAMPLE = (
    "numpy.tanh-", "numpy.divide-", "numpy.matmul-", "numpy.concatenate-", "numpy.linalg.solve-", "numpy.linalg.eigh-",
    "numpy.sort-", "numpy.prod-", "numpy.fft.rfft-", "scipy.special.xlogy-",
)  # fmt: skip
CELLS = [c for c in load() if str(c) in SAMPLE]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_an_error_of_one_percent_is_found(cell: object) -> None:
    """In every rule that the cell asks, by the cell itself."""
    chosen = list(cases(cell, "d"))
    uses = Uses()
    uses.see(chosen, lambda case: trace(case.fun, *case.drawn()))
    hidden, found = [], []
    for rule in uses.rules():
        (found if is_found(rule, chosen) else hidden).append(rule)
    assert found
    assert not [str(rule) for rule in hidden if rule.calls]


def test_the_rule_is_right_again_afterwards() -> None:
    """Nothing of a planted error stays, also where the run ends with an exception."""
    (cell,) = (c for c in CELLS if str(c) == "numpy.tanh-")
    case: Case = next(cases(cell, "d"))
    uses = Uses()
    uses.see([case], lambda case: trace(case.fun, *case.drawn()))
    for rule in uses.rules():
        primitive: Primitive = rule.primitive
        before = primitive.vjps, primitive.jvps, primitive.pull, primitive.push, primitive.taylor, primitive.sweeping
        assert is_found(rule, [case])
        after = primitive.vjps, primitive.jvps, primitive.pull, primitive.push, primitive.taylor, primitive.sweeping
        assert before == after
        planted.run(case)
