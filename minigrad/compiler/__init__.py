"""The compiled tape: trace once, write straight-line NumPy, replay.

| module       | its one job                                                                       |
|--------------|-----------------------------------------------------------------------------------|
| `stage`      | values that write down what is done with them: from a function to a flat program  |
| `program`    | a program, its steps and variables                                                |
| `meaning`    | the meaning of a program, which no pass may change                                |
| `by_name`    | what is known of NumPy's functions without looking at numbers                     |
| `statements` | the statement of the user that is being run: its text, and what it assigns to     |
| `watch`      | a function is followed while it is traced; the contract of what is watched        |
| `frames`     | the values that an instruction is about to use                                    |
| `instructions` | what each instruction reads                                                     |
| `calls`      | which functions may be called, and what they read                                 |
| `reads`      | attributes, entries, elements: each by the way it was read                        |
| `pure`       | functions written in C that read their arguments alone                            |
| `guards`     | what was read, as conditions that a program asks before it runs                   |
| `raising`    | operations that raise exceptions for some numbers                                 |
| `forms`      | functions whose results have shapes or dtypes that depend on numbers              |
| `passes`     | the optimisations, each from program to program, and when they are exact          |
| `canonical`  | the first pass: one way to say everything                                         |
| `algebra`    | passes that compute the same with less                                            |
| `diagonals`  | matrices that are zero but on a few diagonals, as vectors                         |
| `rounding`   | passes whose results are the same up to rounding                                  |
| `horner`     | sums in which a factor grows from term to term, from within                       |
| `columns`    | a column that is added to a product of matrices, as a column of that              |
| `shares`     | what cancels in a stabilised log-sum-exp, and in its gradient                     |
| `fused`      | runs of operations as loops compiled by Numba, on request                         |
| `tabled`     | many steps on small arrays as a table, worked off by one such loop                |
| `driver`     | such loops, and small products of matrices, as one call                           |
| `render`     | steps as Python expressions                                                       |
| `naming`     | names for values: the user's own, as identifiers that clash with nothing          |
| `readable`   | passes for people: constants as what they were made of, signs that come together  |
| `writer`     | the statements of a program under headings, with names                            |
| `layout`     | long lines broken, comments of one line                                           |
| `emit`       | the program as text for people, a module                                          |
| `normal_form`| what makes the passes of a loop alike; steps with holes                           |
| `rolling`    | finds the loops that the trace has unrolled                                       |
| `beginnings` | loops that lack an addition in their first pass begin at zero                     |
| `keeping`    | how the results of a loop are kept: in a list, in a variable, within a line       |
| `rolled`     | a program with its loops, as text                                                 |
| `inner`      | finds loops within loops, and what their passes hand on                           |
| `nesting`    | a program with loops within its loops, as text                                    |
| `cancelling` | the algebra that a person does, where only rounding changes                       |
| `reading`    | `source`                                                                          |
| `memory`     | whose memory a value may show, and which may be written over                      |
| `workspace`  | arrays that calls use one after the other                                         |
| `fast`       | the program as text for speed                                                     |
| `swept`      | a sweep over a tape like many before it, as a straight-line program               |
| `collecting` | the garbage collector, put off while a program is made                             |
| `replay`     | signatures, guards, the cache: `compile`                                          |
| `explaining` | `explain`                                                                         |
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from minigrad.errors import CannotCompileError as CannotCompileError

if TYPE_CHECKING:
    from minigrad.compiler.explaining import explain as explain
    from minigrad.compiler.reading import source as source
    from minigrad.compiler.replay import Compiled as Compiled
    from minigrad.compiler.replay import compile as compile  # noqa: A004 - ours, not Python's

#: What is imported when it is first used: name -> module. Eager gradients import `swept` and no compiler at first.
_LAZY = {"explain": "explaining", "source": "reading", "Compiled": "replay", "compile": "replay"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'minigrad.compiler' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"minigrad.compiler.{_LAZY[name]}"), name)
    return found
