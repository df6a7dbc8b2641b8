"""The gradient of a long loop: everything on one tape, against `checkpointed_scan` with room for a few states."""

from typing import Any

import numpy as np

from benchmarks.measuring import Contenders, Sample
from minigrad import checkpointed_scan, grad
from minigrad.core.tape import Box
from minigrad.operations.schedule import forward_steps

counts = {"plain": 0, "recorded": 0}  # steps that ran on plain values, and steps that a tape recorded


def step(state: Any, t: Any, k: Any) -> Any:
    """Ten operations on the state; the step counts itself."""
    counts["recorded" if type(k) is Box else "plain"] += 1
    force = np.sin(state * k + t) - 0.1 * state * state
    return state + 0.01 * force - 0.001 * np.tanh(state), None


def loop(length: int, states: int, size: int = 200) -> Contenders:
    """The derivative of a loop in its parameter; a state is `size` numbers, and `states` of them are kept."""
    start, times = np.linspace(0.0, 1.0, size), np.linspace(0.0, 1.0, length)

    def plain(k: Any) -> Any:
        state = start
        for t in times:
            state, _ = step(state, t, k)
        return np.sum(state**2)

    def scan(k: Any) -> Any:
        return np.sum(checkpointed_scan(step, start, times, snapshots=states, args=(k,))[0] ** 2)

    return {"plain way": lambda: grad(plain)(1.3), "minigrad": lambda: grad(scan)(1.3)}


def steps_run(contenders: Contenders, length: int, states: int) -> dict[str, Sample]:
    """How many steps each contender of `loop(length, states)` runs, forward or recorded.

    Raises:
        AssertionError: if a step is not recorded exactly once, or more steps run forward than the schedule needs.
    """
    found = {}
    for name, run in contenders.items():
        counts.update(plain=0, recorded=0)
        run()
        forward = 0 if name == "plain way" else forward_steps(length + 1, states)
        if counts != {"plain": forward, "recorded": length}:
            raise AssertionError(f"{name} ran {counts}, where {forward} plain and {length} recorded steps are needed")
        found[name] = Sample.once(sum(counts.values()))
    return found
