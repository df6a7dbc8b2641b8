"""A sweep over a tape like many before it, as a straight-line program.

Most derivatives are taken of the same function, of arguments of the same shapes, again and again, and their tapes have
the same *structure*: the same operations, parents, parameters, shapes, strides and dtypes. What a sweep does is then
the same too. When a structure has come `OFTEN` times, the sweep itself is run once on staged values, which write down
what it asks NumPy to do; the rules are those of the primitives, and there is no second table of them. From then on the
program answers in place of the sweep, with the same bits, in half the time. The forward pass stays what it was. Values
may be stacks of examples, and stacks of stacks: all rows of a Jacobian, all columns of a Hessian, those of many
samples. A sweep is a backward one, a forward one, or a Taylor pass; those of second order are in `compiler.twice`. The
first sweeps of a process are not counted: this module is imported after them, see `minigrad/__init__.py`.

The sweeps of `modes.sweeps` and `modes.taylor` go on answering

- whoever looks on: a printed tape, an explorer, `source`, a `minigrad.errstate`;
- where a value is traced from outside, is large, or is no plain real number or array;
- where NumPy finds a division by zero, an invalid operation or an overflow, or where a pole is near: the program gives
  up, and nothing of the tape is lost by then;
- for operations whose rules are not this package's own, which may do anything.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.core.lean import LeanForwardTape, LeanTape
from minigrad.core.nested import mapped
from minigrad.core.observing import is_observed
from minigrad.core.primitive import Primitive
from minigrad.core.sharing import frozen
from minigrad.core.tape import PARTS, Tape
from minigrad.core.tree import flatten
from minigrad.modes import recording
from minigrad.modes.batching.stack import Batched, ExamplesDifferError, Level
from minigrad.modes.cotangents import finished, gathered
from minigrad.modes.second import Once
from minigrad.modes.sweeps import backward, forward
from minigrad.modes.taylor.push import DIVIDE, POWER, RECIPROCAL, Findings, push_series
from minigrad.modes.trouble import Trouble
from minigrad.rules.series import LOW, Series

OFTEN = 16  #: tapes of one structure until there is a program for it, which takes as long as twenty to a hundred sweeps
MOST_NODES = 2048  #: of a tape; programs for longer ones would take more than a fifth of a second to make
MOST_BYTES = 1 << 23  #: of all results on a tape: a program lets go of none before its end
LARGE = 1 << 17  #: bytes of a result: time goes into memory from here on, which a sweep returns on its way
MOST_STEPS = 8192  #: of a program
MOST = 64  #: kinds of tapes that are remembered, see `Alike`, and forms of each layout
MOST_ALIKE = 8  #: layouts of one kind
PATIENCE = 64  #: tapes in a row without a program until only one in so many is looked at

PLACE = f"{__file__}:program"  #: where the text is said to be: whoever looks for the user's line passes it by

Run = Callable[..., list[Any]]  #: a sweep: `run(tape, places, given, trouble)`
#: A node, and the position of an argument, the next one for the result; or after all nodes, the position in `given`.
Place = tuple[int, Any]
Given = Sequence[Any]  #: the cotangents of some nodes, or the tangents of the leaves, `None` for zero


class Program(NamedTuple):
    """The sweep over tapes of one structure."""

    sweep: Callable[[list[Any], Given], Any]  #: takes a flat tape and what is given; no list where it does not hold
    places: tuple[int, ...]  #: where cotangents are given, or tangents asked for
    stacks: tuple[tuple[int, tuple[tuple[int, bool], ...]], ...]  #: which results are stacks, see `_layers`
    batches: tuple[Place, ...]  #: of each batch, from the outermost in, a value that is a stack of its examples
    is_final: bool = False  #: whether cotangents are as the user gets them


class Layout:
    """The operations of a tape with their parents, and where its leaves and constants are.

    The rest of a structure is their `forms`. For each there is a count of the tapes that had it, then its program; the
    first forms that are looked at, after some tapes, are taken for those of the tapes before. The `last` program that
    answered is asked first: it looks at the forms itself, which takes a third of the time.
    """

    __slots__ = ("constants", "is_fit", "last", "leaves", "operations", "programs", "seen")

    def __init__(self, operations: tuple[list[Any], list[Any]], tape: Tape) -> None:
        self.operations, self.leaves = operations, tape.leaves
        primitives, parents = operations
        self.is_fit = all(map(has_own_rules, primitives[tape.leaves :]))
        self.constants = [(i, k) for i, places in enumerate(parents) for k, parent in enumerate(places) if parent < 0]
        self.programs: dict[Any, int | Program | None] = {}
        self.last: Program | None = None
        self.seen = 0  #: tapes without a program

    def forms(self, flat: list[Any], given: Given) -> tuple[Any, list[Level]]:
        """Shapes, strides and dtypes of the leaves, constants and what is given; and the parameters.

        And the batches of stacks of examples among them, from the outermost in. A TypeError if there can be no program.
        """
        values = flat[3 : PARTS * self.leaves : PARTS]
        values += [flat[PARTS * i + 2][k] for i, k in self.constants]
        values += given
        params = [(i, form_of_params(*each)) for i, each in enumerate(zip(flat[::PARTS], flat[4::PARTS])) if each[1]]
        forms = [*map(form, values), *params]
        levels = [value.level for value in values if type(value) is Batched]
        if not levels:
            return tuple(forms), []
        batches = sorted(set(levels), key=operator.attrgetter("serial"))
        return (*forms, *map(batches.index, levels)), batches


class Alike:
    """The layouts of tapes of one length, last operation and first shape; `idle` were last that had no program."""

    __slots__ = ("idle", "layouts")

    def __init__(self) -> None:
        self.layouts: list[Layout] = []
        self.idle = 0

    def of(self, tape: Tape) -> Layout:
        """The layout of a tape: one that is known, or a new one."""
        operations = tape.flat[::PARTS], tape.flat[1::PARTS]
        for layout in self.layouts:
            if layout.operations == operations:
                return layout
        self.layouts.append(Layout(operations, tape))
        if len(self.layouts) > MOST_ALIKE:
            del self.layouts[0]
        return self.layouts[-1]


#: A pass that makes programs of a sweep faster, and may lose the signs of zeros.
LAST: dict[Run, Callable[[Any], Any]] = {}

_ALIKE: dict[Any, Alike] = {}
_NUMBERS = {np.float64, np.float32, float, int}
_PLAIN = {np.ndarray, np.float64, np.float32, Batched}
_TAPES = {Tape, LeanTape, LeanForwardTape, Once}
_DTYPES = {id(np.dtype(char)) for char in "?bBhHiIlLqQfd"}
_OWN = ("minigrad.rules.", "minigrad.numpy.", "minigrad.scipy.")


def form(value: Any) -> Any:
    """What a sweep may know of a value: shape, strides and dtype.

    Of a number of Python, of which a rule may ask, the number.
    """
    if type(value) is np.ndarray:  # NumPy has one object for each dtype; programs are made for no other ones
        return value.shape, value.strides, id(value.dtype)
    if type(value) is np.float64 or type(value) is np.float32:
        return type(value)
    if type(value) is Batched and type(value.payload) is np.ndarray:
        return Batched, form(value.payload), value.has_no_axes
    if type(value) is float or type(value) is int or value is None:
        return frozen(value)
    raise TypeError


def form_of_params(primitive: Primitive, params: dict[str, Any]) -> Any:
    """The parameters of an operation. Of the mask of a `where`, which differs from call to call, shape and dtype."""
    if primitive.kind != "elementwise":
        return frozen(params)
    return tuple([(key, form(v) if type(v) is np.ndarray else frozen(v)) for key, v in params.items()])


def pulled(tape: Tape, seeds: Sequence[tuple[int, Any]]) -> list[Any] | None:
    """The cotangents of the leaves, as the user gets them; None where `backward` has to find them."""
    found = answer(tape, backward_from, tuple([index for index, _ in seeds]), [seed for _, seed in seeds])
    if found is None:
        return None
    swept, is_final = found
    if is_final:
        return swept
    taken = {id(seed) for _, seed in seeds}
    return [finished(ct, node[3], taken) for ct, node in zip(swept, tape.nodes)]


def pushed(tape: Tape, tangents: Sequence[Any], outputs: Sequence[int]) -> list[Any] | None:
    """The tangents of these nodes, as from `forward`; None where that has to find them."""
    found = answer(tape, forward_to, tuple(outputs), tangents)
    return None if found is None else found[0]


def backward_from(tape: Tape, places: tuple[int, ...], seeds: Given, trouble: Trouble | None = None) -> list[Any]:
    """The backward sweep, whose entries at an index are collected."""
    cts = backward(tape, list(zip(places, seeds)), trouble=trouble)
    return [gathered(ct, node[3]) if type(ct) is list else ct for ct, node in zip(cts, tape.nodes)]


def forward_to(tape: Tape, places: tuple[int, ...], tangents: Given, trouble: Trouble | None = None) -> list[Any]:
    """The forward sweep."""
    return forward(tape, tangents, places, trouble=trouble)


def series_pushed(tape: Tape, inputs: Sequence[Series], outputs: Sequence[int], order: int) -> list[Series] | None:
    """The series of these nodes, as from `push_with_trouble`; None where that has to find them.

    From `LOW` on the series of arrays are sums of NumPy's own, of which no program has the bits.
    """
    if not outputs or (order >= LOW and type(tape.nodes[0][3]) is np.ndarray):
        return None
    places = tuple(outputs), order, tuple(map(len, inputs))
    found = answer(tape, series_to, places, [c for series in inputs for c in series[1:]])
    return None if found is None else found[0]


class _Far(Trouble):
    """What a sweep meets while it is written down."""

    __slots__ = ()
    sees_far = True


class _Staged(Findings):
    """What a pass meets while it is written down, and looks at less than one on numbers."""

    __slots__ = ()

    def look_for_pole(self, node: Any, us: list[Series], series: Series, order: int) -> None:
        """As on numbers; a ValueError where there can be no program."""
        primitive, _, args, _, _ = node
        inverted = [us[1]] if primitive is DIVIDE else [us[0]] if primitive is RECIPROCAL else []
        if primitive is POWER and len(us[1]) == 1 and not (type(args[1]) in (int, float) and args[1] > 0):
            inverted = [us[0]]
        if (primitive.noisy and order > 1) or any(len(u) == 2 for u in inverted):
            raise ValueError
        super().look_for_pole(node, us, series, order)


def series_to(tape: Tape, places: Any, given: Given, trouble: Trouble | None = None) -> list[Series]:
    """The Taylor pass; places are the outputs, the order, and how many coefficients each leaf has."""
    outputs, order, lengths = places
    rest = iter(given)
    inputs = [[node[3], *[next(rest) for _ in range(n - 1)]] for node, n in zip(tape.nodes, lengths)]
    findings = Findings() if trouble is None else _Staged()
    with findings.watch():
        found = push_series(tape, inputs, outputs, order, findings)
    if trouble is not None and type(found[0][-1]) is Batched:
        raise ValueError
    if trouble is not None and (findings.found or findings.lost_digits or findings.is_near_pole):
        raise ArithmeticError
    return found


def answer(tape: Tape, run: Run, places: tuple[Any, ...], given: Given) -> tuple[list[Any], bool] | None:
    """What a program makes of the tape, if there is one; and whether that is as the user gets it."""
    flat = tape.flat
    n = len(flat) // PARTS
    if type(tape) not in _TAPES or not tape.leaves < n <= MOST_NODES or not places or is_observed():
        return None
    first = flat[3]
    if type(first) not in _PLAIN:  # traced
        return None
    kind = n, flat[-PARTS], run, first.shape
    alike = _ALIKE.get(kind) or _new_kind(kind)
    alike.idle += 1
    if alike.idle > PATIENCE and alike.idle % PATIENCE:
        return None
    layout = alike.of(tape)
    if not layout.is_fit:
        return None
    program, swept = layout.last, None
    if program is None or program.places != places or (swept := _swept(program, flat, given)) is None:
        program = _of_forms(layout, tape, run, places, given)
        if program is None or program is layout.last or (swept := _swept(program, flat, given)) is None:
            return None
        layout.last = program
    tape.check_captured()
    alike.idle = 0
    return swept, program.is_final


def _swept(program: Program, flat: list[Any], given: Given) -> list[Any] | None:
    """What a program makes of the values of a tape; None where they have another structure, or it does not hold."""
    try:
        swept = program.sweep(flat, given)
    except Exception:  # the sweep says what it is
        return None
    if type(swept) is not list:
        return None
    if program.stacks:
        levels = []
        for i, part in program.batches:
            start = PARTS * i
            values = given if start == len(flat) else (*flat[start + 2], flat[start + 3])
            levels.append(values[part].level)
        for k, layers in program.stacks:
            for batch, has_no_axes in layers:
                swept[k] = Batched(swept[k], levels[batch], has_no_axes)
    return swept


def _of_forms(layout: Layout, tape: Tape, run: Run, places: tuple[int, ...], given: Given) -> Program | None:
    """The program for tapes of this structure, if there is one or it is time to make one."""
    layout.seen += 1
    if layout.seen < OFTEN - 2:
        return None  # to find the forms takes up to a quarter of the sweep
    try:
        forms, levels = layout.forms(tape.flat, given)
        key = places, forms
        program = layout.programs.get(key, 0 if layout.programs else OFTEN - 3)
    except TypeError:  # a box, a parameter that cannot be compared
        return None
    if isinstance(program, int):
        return _another(layout, key, program, tape, run, given, levels)
    return program


def _layers(value: Any, levels: list[Level]) -> tuple[Any, tuple[tuple[int, bool], ...]]:
    """What a stack of examples holds, and from within: the batch of each layer, and whether it is of no axes."""
    layers: list[tuple[int, bool]] = []
    while type(value) is Batched:
        layers.insert(0, (levels.index(value.level), value.has_no_axes))
        value = value.payload
    return value, tuple(layers)


def _make_room(kept: dict[Any, Any]) -> None:
    """Let go of what was kept first, where there are `MOST` already."""
    if len(kept) >= MOST:
        kept.pop(list(kept)[0], None)  # noqa: RUF015 - other threads may change it meanwhile


def _new_kind(kind: Any) -> Alike:
    """A kind of tapes that has not come lately."""
    _make_room(_ALIKE)
    alike = _ALIKE[kind] = Alike()
    return alike


def _another(
    layout: Layout, key: Any, count: int, tape: Tape, run: Run, given: Given, levels: list[Level]
) -> Program | None:
    """Count one more tape of this structure, or make the program for it."""
    places, _ = key
    if key not in layout.programs:
        _make_room(layout.programs)
    layout.programs[key] = count + 1
    if count + 1 < OFTEN:
        return None
    tape.check_captured()
    try:
        layout.programs[key] = program = made(tape, run, places, given, levels)
    except ArithmeticError:  # here; elsewhere there may be one
        layout.programs[key] = -OFTEN * PATIENCE
        return None
    return program


def forget() -> None:
    """Forget all structures: rules have changed."""
    _ALIKE.clear()


# ----- making a program -----------------------------------------------------------------------------------------------


def made(tape: Tape, run: Run, places: tuple[int, ...], given: Given, levels: list[Level]) -> Program | None:
    """The program of the sweep over this tape; None if there can be none.

    Raises:
        ArithmeticError: if it cannot be made here, since NumPy finds a division by zero or a pole is near.
    """
    from minigrad.compiler.stage import ExceptionalError  # start-up

    inputs = [value for node in tape.nodes for value in (*node[2], node[3])]
    made_here = [_nbytes(node[3]) for node in tape.nodes[tape.leaves :]]
    if max(made_here) >= LARGE or sum([*made_here, *map(_nbytes, given)]) > MOST_BYTES:
        return None
    if math.inf in map(_nbytes, inputs):
        return None
    try:
        program = staged(tape, run, places, given, levels)
    except (ArithmeticError, ExceptionalError) as error:
        raise ArithmeticError from error
    except (Exception, ExamplesDifferError):  # a rule asks for what no program can know
        return None
    swept = _swept(program, tape.flat, given)
    if swept is None:
        raise ArithmeticError
    expected = run(tape, places, given)  # not before: it may warn, and so does the sweep where there is no program
    if run in LAST:
        swept, expected = [x + 0.0 for x in swept], [x + 0.0 for x in expected]
    if not all(map(_is_same, swept, expected)):
        return None
    return program._replace(is_final=run is backward_from and all(map(_is_final, swept, tape.nodes)))


def _copied(value: Any) -> Any:
    """A copy of an array; anything else as it is."""
    return value.copy() if type(value) is np.ndarray else value


def _is_final(ct: Any, node: Any) -> bool:
    """Whether a cotangent is in the shape and dtype of its leaf, and memory of its own."""
    return finished(ct, node[3], set()) is ct


def has_own_rules(primitive: Primitive) -> bool:
    """Whether the rules of an operation are those of this package, which depend on what they are given alone.

    And whether the sweeps need not look at the size of what they hand on.
    """
    rules = [*primitive.vjps, *primitive.jvps, primitive.pull, primitive.push, primitive.taylor]
    return not primitive.amplifies and all(rule is None or str(rule.__module__).startswith(_OWN) for rule in rules)


def _nbytes(value: Any) -> float:
    """The bytes of a value that a program can deal with, real and in a dtype of NumPy's own; infinity for others."""
    if type(value) is Batched:
        value = value.payload
    if type(value) is np.ndarray and id(value.dtype) in _DTYPES:
        return value.nbytes
    return 8 if type(value) in _NUMBERS or value is None else math.inf


def _is_same(a: Any, b: Any) -> bool:
    """Whether two results are the same to the last bit, and of one type."""
    if type(a) is not type(b):
        return False
    if type(a) is list:
        return len(a) == len(b) and all(map(_is_same, a, b))
    if type(a) is Batched:
        return a.level is b.level and a.has_no_axes is b.has_no_axes and _is_same(a.payload, b.payload)
    return a is b or (np.shape(a) == np.shape(b) and np.asarray(a).tobytes() == np.asarray(b).tobytes())


def staged(tape: Tape, run: Run, places: tuple[int, ...], given: Given, levels: list[Level]) -> Program:
    """The sweep, written down while it is run on the values of this tape."""
    # here for start-up: most programs take no derivative so often
    from minigrad.compiler.collecting import without_collections  # start-up
    from minigrad.compiler.fast import FastRenderer, written_function  # start-up
    from minigrad.compiler.floating_point import check_calm  # start-up
    from minigrad.compiler.passes import numbers_as_arrays, optimised  # start-up
    from minigrad.compiler.program import reads, variables  # start-up
    from minigrad.compiler.stage import Trace  # start-up

    check_calm()  # there can be no program then, and the sweep would warn twice
    with without_collections(), np.errstate(over="ignore", under="ignore"):  # the sweep tells of them, if it answers
        trace, fast, n = Trace(tells=True), FastRenderer(exact=True), len(tape.nodes)
        own = [Level(level.size) for level in levels]
        inputs: dict[int, Place] = {}  # of each variable its place
        stacked: dict[Place, int] = {}  # which values are stacks of examples, and of which batch

        def taken(value: Any, node: int, part: Any) -> Any:
            if type(value) is float or type(value) is int or value is None:
                return value
            plain = value.payload if type(value) is Batched else value
            staged = trace.input(plain)
            inputs[staged.variable.index] = node, part
            if type(plain) is np.ndarray and plain.flags.c_contiguous:
                fast.ordered.add(staged.variable.index)
            if type(value) is not Batched:
                return staged
            stacked[node, part] = batch = levels.index(value.level)
            return Batched(staged, own[batch], value.has_no_axes)

        clone = Tape()
        clone.leaves = tape.leaves
        for i, (primitive, parents, args, ans, params) in enumerate(tape.nodes):
            parts = tuple([taken(arg, i, k) for k, arg in enumerate(args)])
            params = mapped(_copied, params)  # the user may write into an index later
            if params and primitive.kind == "elementwise":
                params = {key: taken(v, i, key) if type(v) is np.ndarray else v for key, v in params.items()}
            out = taken(ans, i, len(args))
            clone.record(primitive, parents, parts, out, params)
            if primitive is not None and primitive.pole is not None and primitive.pole(out, *parts) is None:
                if sum([type(arg) is not float and type(arg) is not int for arg in args]) > 1:
                    raise ValueError  # of other numbers there may be one
        trouble = _Far()
        swept = run(clone, places, [taken(value, n, k) for k, value in enumerate(given)], trouble)
        if trouble.found or trouble.is_near_pole:
            raise ArithmeticError
        plain, layers = zip(*[_layers(value, own) for value in swept])
        stacks = tuple([(k, each) for k, each in enumerate(layers) if each])
        outs, outdef = flatten(list(plain))
        program = optimised(trace.close(outs))
        if run in LAST:
            program = LAST[run](program)
        program = numbers_as_arrays(program)
        if len(program.steps) > MOST_STEPS:
            raise ValueError
        read = {var.index for step in program.steps for var in reads(step)}
        read |= {var.index for var in variables(program.outputs)}
        program = program._replace(inputs=[var for var in program.inputs if var.index in read])
        names = {inputs[var.index]: f"v{var.index}" for var in program.inputs}
        lines = written_beginning(tape, given, names, stacked, fast.bind)
        text = written_function("sweep(flat, given)", lines, program, outdef, fast)
        exec(builtins.compile(text, PLACE, "exec"), fast.namespace)
    # taken out, or the function and its globals would hold each other
    batches = tuple([next(place for place, batch in stacked.items() if batch == k) for k in range(len(levels))])
    return Program(fast.namespace.pop("sweep"), places, stacks, batches)


def written_beginning(
    tape: Tape, given: Given, names: dict[Place, str], stacked: dict[Place, int], bind: Callable[[Any], str]
) -> list[str]:
    """Lines that give values their names, and return where the structure is another one than that of this tape.

    Args:
        tape: any tape of this structure.
        given: what is given to its sweep.
        names: of the values that the program reads.
        stacked: which values are stacks of examples, and of which batch; the program reads what they hold.
        bind: gives a value a name of its own.
    """
    nodes, n = tape.nodes, len(tape.nodes)
    values: dict[Place, Any] = {(i, 0): nodes[i][3] for i in range(tape.leaves)}
    values |= {(i, k): node[2][k] for i, node in enumerate(nodes) for k, parent in enumerate(node[1]) if parent < 0}
    values |= {(n, k): value for k, value in enumerate(given)}
    names = {place: f"u{i}" for i, place in enumerate(values)} | names
    lines, wrong = [], []
    columns: dict[int, list[str]] = {2: [], 3: [], 4: []}  # the names of all args, of all results, of all params
    for i, node in enumerate(nodes):
        parts = [names.get((i, k), "_") for k in range(len(node[2]) + 1)]
        params = f"p{i}" if i >= tape.leaves else "_"
        args = "_" if {*parts[:-1]} <= {"_"} else f"({', '.join(parts[:-1])},)"
        for column, name in zip(columns.values(), (args, parts[-1], params)):
            column.append(name)
        if node[4]:
            wrong.append(f"len({params}) != {len(node[4])}")
        elif i >= tape.leaves:
            wrong.append(params)
        for key, value in node[4].items():
            if node[0].kind == "elementwise" and type(value) is np.ndarray:
                wrong.append(mismatch(f"{params}[{key!r}]", value, bind))
            elif type(value) in _SINGLE or (type(value) is int and 0 <= value < 256):
                wrong.append(f"{params}[{key!r}] is not {bind(value)}")
            else:
                wrong.append(f"{bind(frozen)}({params}[{key!r}]) != {bind(frozen(value))}")
            if (i, key) in names:
                lines.append(f"{names[i, key]} = {params}[{key!r}]")
    unpacked = [f"{', '.join(column)}, = flat[{part}::{PARTS}]" for part, column in columns.items()]
    if given:
        lines.append(f"{''.join([f'{names[n, k]}, ' for k in range(len(given))])} = given")
    wrong += [mismatch(names[place], value, bind) for place, value in values.items()]
    firsts: dict[int, str] = {}  # of each batch the level
    for place, batch in stacked.items():
        level = f"{names[place]}.level" if place in values else ""
        if level and firsts.setdefault(batch, level) != level:
            wrong.append(f"{level} is not {firsts[batch]}")
    wrong += [f"{firsts[k]}.serial >= {firsts[k + 1]}.serial" for k in range(len(firsts) - 1)]
    lines.append(f"if {' or '.join(wrong)}: return")
    return [*unpacked, *lines, *[f"{name} = {name}.payload" for place, name in names.items() if place in stacked]]


_SINGLE = {type(None), bool}  #: types of which each value is one object


def mismatch(name: str, value: Any, bind: Callable[[Any], str]) -> str:
    """The condition that what has this name is of another form than `value`, see `form`."""
    wrong = f"type({name}) is not {bind(type(value))}"
    if type(value) is np.ndarray:
        return (
            f"{wrong} or {name}.shape != {value.shape} or {name}.strides != {value.strides} "
            f"or {name}.dtype is not {bind(value.dtype)}"
        )
    if type(value) is Batched:
        within = mismatch(f"{name}.payload", value.payload, bind)
        return f"{wrong} or {name}.has_no_axes is not {value.has_no_axes} or {within}"
    if value is None or type(value) is np.float64 or type(value) is np.float32:
        return wrong
    return f"{wrong} or {name} != {bind(value)}" if value else f"{bind(frozen)}({name}) != {bind(frozen(value))}"


recording.STRAIGHT.update(pull=pulled, push=pushed, series=series_pushed)
