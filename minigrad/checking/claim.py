"""What was written by hand, read into leaves whatever its kind; the same leaves by the tape; and what both predict."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.checking.problem import KINDS, MISSING, Probe, Problem, as_plain, matched_leaves, quiet, typical_size
from minigrad.core.lines import located
from minigrad.core.tree import LEAF, flatten
from minigrad.modes.recording import Recording


@dataclasses.dataclass
class Entry:
    """One leaf: what was claimed (`MISSING` if nothing was), and the shape and dtype that it should have."""

    path: str
    manual: Any
    shape: tuple[int, ...]
    dtype: Any
    fits: bool = True
    given: Any = None  # the dtype in which it was claimed; `manual` holds integers and booleans as floats

    @property
    def where(self) -> str:
        """The place of the leaf, in a sentence."""
        return f" at {self.path}" if self.path else ""


class Claim:
    """What was written by hand about the derivative of a problem's function."""

    def __init__(self, problem: Problem, manual: Any, kind: str | None, seed: int) -> None:
        if kind is not None and kind not in KINDS:
            raise ValueError(located(f"check: kind is one of {', '.join(map(repr, KINDS))}, not {kind!r}"))
        self.problem, self.manual = problem, manual
        self.complaints: list[str] = []
        self.remarks: list[str] = []
        self.value: Any = None  # what value_and_gradient says the value is
        self.outs = problem.outputs(problem.leaves)
        self.outdef = problem.outdef
        if any(out.dtype.kind not in "fciub" for out in self.outs):
            raise TypeError(located("check: f returned something that is not a number or an array of numbers"))
        if not self.outs:
            raise TypeError(located("check: f returned no number; did it forget its return statement?"))
        self.is_scalar = len(self.outs) == 1 and self.outs[0].size == 1
        if kind in ("gradient", "value_and_gradient") and not self.is_scalar:
            raise ValueError(
                located(
                    f"check: f returned shapes {[out.shape for out in self.outs]}, and a gradient is that of one "
                    f"number. Sum the output, or check a jacobian, a vjp or a jvp (kind=...)"
                )
            )
        self.rng = np.random.default_rng(seed)
        draw = np.random.default_rng([seed, 1])
        self.v = [random_like(x, draw) * s for x, s in zip(problem.leaves, problem.scales)]
        if problem.is_narrow:  # the tangent that is handed over at the precision of the parameter
            self.v = [widen_like(v.astype(np.asarray(n).dtype), v) for v, n in zip(self.v, problem.narrow)]
        self.c = [np.ones(out.shape) if self.is_scalar else random_like(out, draw) for out in self.outs]
        if kind in ("vjp", "jvp") or not callable(manual):
            self.kind = kind or ("gradient" if self.is_scalar else "jacobian")
            returned = self.call(problem.narrow)
        else:
            returned = self.call(problem.narrow)
            self.kind = kind or self.infer(returned)
        if self.kind == "elementwise":  # the gradient of the sum, of which each entry knows one entry of the argument
            self.c = [np.ones(out.shape) for out in self.outs]
        self.entries = self.read(returned)

    # ----- reading what was returned ----------------------------------------------------------------------------------

    def call(self, leaves: Sequence[Any]) -> Any:
        """What was written by hand, at these leaves."""
        if not callable(self.manual):
            return self.manual
        problem = self.problem
        args = problem.arguments(leaves)
        kind = getattr(self, "kind", "gradient")
        if kind == "vjp":
            args.append(self.outdef.unflatten(c.astype(o.dtype)[()] for c, o in zip(self.c, self.outs)))
        elif kind == "jvp":
            new = list(problem.all_leaves)
            for position, v, leaf in zip(problem.positions, self.v, problem.narrow):
                new[position] = np.asarray(v, np.asarray(leaf).dtype)[()]
            args.append(problem.treedef.unflatten(new))
        with quiet():
            returned = self.manual(*args, **problem.kwargs)
        if callable(returned):  # a call was forgotten, which says nothing of the formula
            name = getattr(returned, "__name__", type(returned).__name__)
            raise TypeError(located(f"check: your code returned the function {name}, not numbers: call it"))
        return returned

    def infer(self, returned: Any) -> str:
        """The kind of what was returned, where the user did not say."""
        if not self.is_scalar:
            shapes = [np.shape(x) for x in self.problem.leaves]
            fits = len(shapes) == len(self.outs) == 1 and shapes[0] == self.outs[0].shape != ()
            return "elementwise" if fits and np.shape(as_or_none(returned)) == shapes[0] else "jacobian"
        if isinstance(returned, (tuple, list)) and len(returned) >= 2 and np.ndim(as_or_none(returned[0])) == 0:
            as_gradient, as_pair = self.misfits(returned), self.misfits(self.without_value(returned))
            if as_pair < as_gradient:
                return "value_and_gradient"
        return "gradient"

    def misfits(self, tree: Any) -> int:
        """The number of leaves of the parameter that this tree does not fit."""
        complaints: list[str] = []
        leaves = matched_leaves(self.problem.treedef, unwrapped(self.problem.treedef, tree), "", complaints, [])
        found = [as_plain(leaves[position]) for position in self.problem.positions]
        shapes = [np.shape(x) for x in self.problem.leaves]
        return len(complaints) + sum(g is MISSING or g.shape != s for g, s in zip(found, shapes))

    def without_value(self, returned: Any) -> Any:
        """The gradient in (value, gradient), also where that is (value, gA, gb) for several arguments."""
        argnum = self.problem.argnum
        if not isinstance(argnum, (int, np.integer)) and len(returned) == 1 + len(argnum) and len(returned) != 2:
            return tuple(returned[1:])
        return returned[1]

    def read(self, returned: Any) -> list[Entry]:
        """The leaves of what was returned, beside what they should look like."""
        problem = self.problem
        if self.kind == "value_and_gradient":
            if not isinstance(returned, (tuple, list)) or len(returned) < 2:
                raise TypeError(
                    located(f"check: a value_and_gradient returns a pair, and not a {type(returned).__name__}")
                )
            self.value, returned = returned[0], self.without_value(returned)
        if self.kind == "jvp":
            if isinstance(returned, tuple) and len(returned) == 2 and self.outdef is LEAF:
                self.value, returned = returned
            leaves = [as_plain(x) for x in matched_leaves(self.outdef, returned, "", self.complaints, self.remarks)]
            paths = self.outdef.paths()
            likes = [(out.shape, out.dtype) for out in self.outs]
        elif self.kind == "jacobian":
            leaves, paths, likes = [], [], []
            rows = matched_leaves(self.outdef, returned, "", self.complaints, self.remarks)
            for out, row, row_path in zip(self.outs, rows, self.outdef.paths()):
                row = None if row is MISSING else unwrapped(problem.treedef, row)
                found = matched_leaves(problem.treedef, row, row_path, self.complaints, self.remarks)
                for position, path, x in zip(problem.positions, problem.paths, problem.leaves):
                    leaves.append(as_plain(found[position]))
                    paths.append(f"out{row_path}, {path}" if row_path else path)
                    likes.append((out.shape + np.shape(x), np.result_type(out.dtype, x.dtype)))
        else:
            returned = unwrapped(problem.treedef, returned)
            found = matched_leaves(problem.treedef, returned, "", self.complaints, self.remarks)
            leaves = [as_plain(found[position]) for position in problem.positions]
            paths = problem.paths
            likes = [(np.shape(x), np.asarray(n).dtype) for x, n in zip(problem.leaves, problem.narrow)]
        return [
            Entry(path, as_float(leaf), shape, dtype, leaf is not MISSING and leaf.shape == shape, dtype_of(leaf))
            for path, leaf, (shape, dtype) in zip(paths, leaves, likes)
        ]

    def again(self, leaves: Sequence[Any]) -> list[Any] | None:
        """What was written by hand, evaluated at other leaves; `None` where that fails."""
        if not callable(self.manual):
            return None
        try:
            entries = self.read(self.call(leaves))
        except Exception:  # it worked at the point itself; here only its noise was asked for
            return None
        return [entry.manual if entry.fits else None for entry in entries]

    # ----- the tape's side --------------------------------------------------------------------------------------------

    def by_tape(self, record: Recording) -> list[Any]:
        """The same leaves by the tape."""
        outs, _ = flatten(record.out)
        positions = [record.position(out) for out in outs]
        if self.kind == "jvp":
            tangents = list(record.leaves)
            for k, v in zip(self.problem.positions, self.v):
                tangents[k] = v
            pushed = record.push(tangents, positions)
            return [
                np.zeros(out.shape) if t is None else np.broadcast_to(np.asarray(t), out.shape)
                for t, out in zip(pushed, self.outs)
            ]
        if self.kind == "jacobian":
            return [part for out, i in zip(self.outs, positions) for part in self.rows(record, out, i)]
        return self.pulled(record, zip(positions, self.c))

    def pulled(self, record: Recording, seeds: Any) -> list[Any]:
        """The cotangents of the numeric leaves."""
        seeds = [(i, seed if seed.dtype.kind == "c" else seed.astype(float)) for i, seed in seeds]
        seeds = [(i, seed[()] if seed.shape == () else seed) for i, seed in seeds]
        with quiet():
            leaves, _ = flatten(record.pull(seeds))
        return [np.asarray(leaves[position]) for position in self.problem.positions]

    def rows(self, record: Recording, out: Any, index: int) -> list[Any]:
        """The Jacobian of one output, by one backward sweep for each of its entries."""
        shapes = [np.shape(x) for x in self.problem.leaves]
        rows: list[list[Any]] = [[] for _ in shapes]
        for entry in range(out.size):
            seed = np.zeros(out.size, out.dtype if out.dtype.kind == "c" else float)
            seed[entry] = 1.0
            for k, part in enumerate(self.pulled(record, [(index, seed.reshape(out.shape))])):
                rows[k].append(part)
        return [
            np.stack(parts).reshape(out.shape + shape) if parts else np.zeros(out.shape + shape)
            for parts, shape in zip(rows, shapes)
        ]

    # ----- probes -----------------------------------------------------------------------------------------------------

    def probe(self, *, typical: bool = False, only: Sequence[int] | None = None) -> Probe:
        """A random direction: each entry moves by its own size, or by the typical size of its leaf.

        `only` lists the leaves that move (for a jvp: the outputs that are looked at).
        """
        problem = self.problem
        sizes = [typical_size(x) for x in problem.leaves] if typical else problem.scales
        v = [random_like(x, self.rng) * s for x, s in zip(problem.leaves, sizes)]
        c = self.c
        if self.kind == "jvp":
            v = self.v
        if self.kind in ("jvp", "jacobian"):
            c = [random_like(out, self.rng) / typical_size(out) for out in self.outs]
        v, c = [*v], [*c]
        if only is not None:
            count = len(v)
            for k in range(len(self.entries)):
                if k not in only and self.kind == "jvp":
                    c[k] = 0.0 * c[k]
                elif k not in only and self.kind != "jacobian":
                    v[k] = 0.0 * v[k]
            if self.kind == "jacobian":
                v = [w if any(k % count == j for k in only) else 0.0 * w for j, w in enumerate(v)]
                c = [w if any(k // count == j for k in only) else 0.0 * w for j, w in enumerate(c)]
        return Probe(v, c)

    def towards(self, k: int, difference: Any) -> Probe:
        """The direction in which an error of leaf k shows most."""
        problem = self.problem
        v, c = [0.0 * np.asarray(w) for w in self.v], [0.0 * np.asarray(w) for w in self.c]
        if self.kind == "jvp":
            c[k] = unit(np.conj(difference) / typical_size(self.outs[k]))
            return Probe(self.v, c)
        if self.kind == "jacobian":
            row, column = divmod(k, len(v))
            out = self.outs[row]
            flat = np.abs(difference).reshape(out.size, -1)
            i, j = np.unravel_index(np.argmax(flat), flat.shape)
            c[row], v[column] = one_at(out, int(i)), one_at(problem.leaves[column], int(j))
            v[column] = v[column] * problem.scales[column]
            return Probe(v, c)
        scale = problem.scales[k]
        v[k] = unit(np.conj(difference) * scale) * scale
        return Probe(v, self.c)

    def coordinate(self, k: int, index: tuple[int, ...], turn: complex = 1.0) -> tuple[Probe, float]:
        """The probe that reads off one entry of leaf k, and what to divide the derivative by.

        `turn` is 1 for the real part of the entry and 1j for its imaginary part, with the sign flipped.
        """
        difference = np.zeros(self.entries[k].shape, type(turn))
        difference[index] = np.conj(turn)
        probe = self.towards(k, difference)
        expected: list[Any] = [np.zeros(entry.shape) for entry in self.entries]
        expected[k] = difference
        return probe, self.predicted(expected, probe)

    def predicted(self, leaves: Sequence[Any], probe: Probe) -> float:
        """What these leaves say the derivative of the probe is; infinite, and not NaN, if finite leaves overflow."""
        total = self.pairing(leaves, probe)
        if math.isfinite(total):
            return total
        largest = max((float(np.max(np.abs(leaf), initial=0.0)) for leaf in leaves), default=0.0)
        if not math.isfinite(largest):
            return total
        return largest * self.pairing([leaf / largest for leaf in leaves], probe)

    def pairing(self, leaves: Sequence[Any], probe: Probe) -> float:
        """The real part of the sum of all products of the leaves with the directions of the probe."""
        v, c = probe
        if self.kind == "jvp":
            terms = [np.sum(w * t) for w, t in zip(c, leaves) if np.any(w)]
        elif self.kind == "jacobian":
            count = len(v)
            terms = [
                np.sum(c[k // count] * np.tensordot(J, v[k % count], np.ndim(v[k % count])))
                for k, J in enumerate(leaves)
                if np.any(v[k % count]) and np.any(c[k // count])
            ]
        else:
            terms = [np.sum(g * w) for g, w in zip(leaves, v) if np.any(w)]  # inf * 0 is NaN
        return float(sum(np.real(term) for term in terms))

    def size(self, leaves: Sequence[Any], probe: Probe) -> float:
        """The typical size of the derivative along a random probe of this kind."""
        v, c = probe
        if self.kind == "jvp":
            products = [w * t for w, t in zip(c, leaves) if np.any(w)]
        elif self.kind == "jacobian":
            return abs(
                self.predicted([np.abs(J) for J in leaves], Probe([np.abs(w) for w in v], [np.abs(w) for w in c]))
            )
        else:
            products = [g * w for g, w in zip(leaves, v) if np.any(w)]
        return two_norm([two_norm(product) for product in products])


def as_float(leaf: Any) -> Any:
    """A leaf whose differences neither wrap around nor are refused, as those of integers and booleans."""
    return leaf.astype(float) if leaf is not MISSING and leaf.dtype.kind in "iub" else leaf


def dtype_of(leaf: Any) -> Any:
    """The dtype of a leaf, `None` for one that is missing."""
    return None if leaf is MISSING else leaf.dtype


def largest_finite(x: Any) -> float:
    """The size of the largest entry that is finite. A tolerance that is a part of an infinite one would pass all."""
    size = np.abs(np.asarray(x))
    return float(np.max(np.where(np.isfinite(size), size, 0.0), initial=0.0))


def two_norm(x: Any) -> float:
    """The 2-norm of an array of any shape, NaN for none; without overflow."""
    if x is None:
        return np.nan
    size = np.abs(np.asarray(x, dtype=complex if np.asarray(x).dtype.kind == "c" else float)).ravel()
    largest = float(np.max(size, initial=0.0))
    if not largest or not math.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.sum((size / largest) ** 2)))


def unwrapped(treedef: Any, tree: Any) -> Any:
    """The gradient of a single array may come as a tuple of one."""
    return tree[0] if treedef is LEAF and type(tree) is tuple and len(tree) == 1 else tree


def as_or_none(x: Any) -> Any:
    """A leaf as an array; for anything else a list, which has an axis and so is no number."""
    plain = as_plain(x)
    return [0.0] if plain is MISSING else plain


def random_like(x: Any, rng: np.random.Generator) -> Any:
    """Standard normal numbers in the shape of x, complex where x is."""
    shape = np.shape(x)
    noise = rng.standard_normal(shape)
    return np.asarray(noise + 1j * rng.standard_normal(shape) if np.asarray(x).dtype.kind == "c" else noise)


def widen_like(v: Any, like: Any) -> Any:
    """v at the dtype of `like`."""
    return v.astype(np.asarray(like).dtype)


def unit(v: Any) -> Any:
    """v scaled to length one for each of its entries that is not zero, in the root mean square."""
    size = np.abs(v)
    largest = float(np.max(size, initial=0.0))
    if not largest or not np.isfinite(largest):
        return np.where(np.isfinite(size), 0.0, 1.0)
    return v / (largest * np.sqrt(np.sum((size / largest) ** 2)))


def one_at(like: Any, position: int) -> Any:
    """Zeros with a one at a flat position."""
    flat = np.zeros(np.size(like))
    flat[position] = 1.0
    return flat.reshape(np.shape(like))
