"""The stack of a frame: its height at each instruction, and the versions of Python on which it is read."""

import argparse
import inspect
import sys
import types
from collections.abc import Iterator

import ordinary_programs
import pytest
import states_of_instructions
import states_of_programs

from minigrad.compiler import frames
from minigrad.compiler.instructions import READERS, SILENT


def pieces_of(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from pieces_of(each)


MODULES = [argparse, inspect, ordinary_programs, states_of_instructions, states_of_programs]


@pytest.mark.parametrize("module", MODULES, ids=lambda each: each.__name__)
def test_all_ways_to_an_instruction_agree_on_the_height(module: types.ModuleType) -> None:
    for code in pieces_of(compile(inspect.getsource(module), "<module>", "exec")):
        bottom = len({*code.co_varnames, *code.co_cellvars}) + len(code.co_freevars)
        for name, _, _, height in frames.instructions(code).values():
            assert bottom <= height <= bottom + code.co_stacksize
            assert name in READERS or name in SILENT or module is inspect, name


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the places of values are not known there")
def test_functions_are_compiled_on_each_version_that_is_promised() -> None:
    assert frames.is_known()


def test_a_frame_that_python_does_not_tell_of_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed where a debugger or a fault keeps instructions from being seen."""
    import minigrad

    def deaf(frame: types.FrameType, step: object) -> None:
        frame.f_trace_lines, frame.f_trace_opcodes = False, False

    monkeypatch.setattr("minigrad.compiler.watch.listen", deaf)
    compiled = minigrad.compile(lambda x: x * 2.0)
    with pytest.warns(RuntimeWarning, match="of which Python did not tell"):
        assert [compiled(1.0), compiled(2.0)] == [2.0, 4.0]
    assert compiled.stats()["replays"] == 0
