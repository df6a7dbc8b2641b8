"""Mistakes that people make by hand, each as a change of the tape whose backward sweep makes the same mistake.

A hypothesis is a text and the nodes that replace those of the tape. `diagnosis` sweeps the changed tape; if the result
is what was written by hand, the text is the diagnosis. Likely mistakes come first. The kinds:

- a rule is changed: a mask on the gradient, one derivative too many, a chain of operations that was not differentiated;
- a value is exchanged: a factor is that of another step, or another layer;
- a path is cut: at every place of a line, or at two places together, such as a mean and a variance;
- the function is another one: a sum over another axis, one branch of a `where` everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.checking.nodes import Wrong, adds, at, changed, with_rules, without
from minigrad.core.primitive import Primitive
from minigrad.core.tape import peel
from minigrad.rules.moving import getitem
from minigrad.rules.products import matmul

MOST_PAIRS = 150  #: pairs of paths that are cut together
MOST_LAYERS = 11  #: values of other layers in a product of matrices
MOST_EXCHANGES = 300  #: of values, in a tape of many products
MOST_VALUES = 40  #: values that are tried in place of another one
LONGEST = 8  #: operations in a chain that may lack its derivative as a whole


# ----- in a formula or a layer ----------------------------------------------------------------------------------------


def mistakes(tape: Any) -> Iterator[Wrong]:
    """Mistakes that can be made on the way back over a tape, likely ones first."""
    nodes = tape.nodes
    unary = [
        i for i in range(tape.leaves, len(nodes))
        if nodes[i][0].kind == "elementwise" and len(nodes[i][1]) == 1 and not adds(nodes[i][0])
    ]  # fmt: skip
    groups: dict[Primitive, list[int]] = {}
    for i in unary:
        groups.setdefault(nodes[i][0], []).append(i)
    for primitive, members in groups.items():
        name = primitive.name
        for what, change in _ACTIVATION:
            if len(members) > 1:
                yield (
                    f"the derivative of {name} is {what}, at all {len(members)} places",
                    {i: changed(nodes[i], change) for i in members},
                )
            for i in members:
                yield f"the derivative of {name} is {what}, {at(tape, i)}", {i: changed(nodes[i], change)}
    for i in range(tape.leaves, len(nodes)):
        primitive, parents = nodes[i][:2]
        if primitive.kind == "elementwise" and len(parents) == 2 and not adds(primitive):
            what = "factor" if primitive.chooses is None else "derivative"
            for k, parent in enumerate(parents):
                if parent >= 0:
                    yield (
                        f"the {what} of {primitive.name} is missing, {at(tape, i)}",
                        {i: changed(nodes[i], _missing, k)},
                    )
        if primitive is matmul.primitive:
            yield from products(tape, i)
    yield from elsewhere(tape, unary)


def _missing(rule: Any, g: Any, ans: Any, args: Any, params: Any) -> Any:
    return g * np.ones(np.shape(ans))


_ACTIVATION: list[tuple[str, Callable[..., Any]]] = [
    ("missing", _missing),
    ("taken at its output instead of its input", lambda rule, g, ans, args, params: rule(g, ans, ans, **params)),
    ("taken at its input instead of its output", lambda rule, g, ans, args, params: rule(g, args[0], *args, **params)),
    ("applied twice", lambda rule, g, ans, args, params: rule(rule(g, ans, *args, **params), ans, *args, **params)),
    (
        "divided by instead of multiplied with",
        lambda rule, g, ans, args, params: g / rule(np.ones(np.shape(ans)), ans, *args, **params),
    ),
]


def cuts(tape: Any) -> Iterator[Wrong]:
    """Every path back over a tape, cut: nothing flows into one operand of one operation, or into any of them."""
    for i in range(tape.leaves, len(tape.nodes)):
        primitive, parents = tape.nodes[i][:2]
        moving = [k for k, parent in enumerate(parents) if parent >= 0]
        if len(moving) > 1:
            yield f"back through {primitive.name}, {at(tape, i)}", {i: without(tape.nodes[i], moving)}
        for k in moving:
            operand = f" into operand {k + 1} of" if len(parents) > 1 else ""
            yield f"back{operand or ' through'} {primitive.name}, {at(tape, i)}", {i: without(tape.nodes[i], [k])}


def products(tape: Any, i: int) -> Iterator[Wrong]:
    """A product of matrices pulled back with a factor that is not transposed, or with the value of another layer."""
    _, parents, args, _, _ = tape.nodes[i]
    plain = [np.asarray(peel(arg)) for arg in args]
    if any(x.ndim != 2 for x in plain):
        return
    for k, parent in enumerate(parents):
        if parent < 0:
            continue
        yield from not_transposed(tape, [i], k)
        fits = lambda value, k=k: value is not peel(args[1 - k]) and np.shape(value) == plain[1 - k].shape
        for j, value, what in [each for each in values_of(tape) if fits(each[1])][:MOST_LAYERS]:
            what = f"it is made with the wrong layer: with {what} ({at(tape, j)})"
            yield f"{what}, {at(tape, i)}", {i: exchanged(tape.nodes[i], k, value)}


def elsewhere(tape: Any, unary: list[int]) -> Iterator[Wrong]:
    """The derivative of an activation taken at the value of another layer."""
    for i in unary:
        primitive, parents, args, ans, _ = tape.nodes[i]
        seen: set[int] = {id(args[0])}
        for j, node in enumerate(tape.nodes[tape.leaves :], tape.leaves):
            value = node[3]
            if type(value) is tuple or j in (i, parents[0]) or np.shape(value) != np.shape(ans) or id(value) in seen:
                continue
            seen.add(id(value))
            change = lambda rule, g, ans, args, params, v=value, p=primitive: rule(g, p.fun(v, **params), v, **params)
            other = f"that of {node[0].name} ({at(tape, j)})"
            yield (
                f"the derivative of {primitive.name} is taken at the wrong value, {other}, {at(tape, i)}",
                {i: changed(tape.nodes[i], change)},
            )


# ----- in any program -------------------------------------------------------------------------------------------------


def likely(tape: Any, captured: Sequence[tuple[str, Any]] = ()) -> Iterator[Wrong]:
    """Mistakes in one formula. `captured` are the arrays that the function takes from outside, by name."""
    yield from at_a_line(tape)
    yield from masks(tape)
    yield from chains(tape)
    yield from functions_for_derivatives(tape)
    yield from directions(tape)
    yield from repeated(tape)
    yield from lines(tape)
    yield from wrong_factors(tape, captured)


def unlikely(tape: Any) -> Iterator[Wrong]:
    """Mistakes of which there are so many that others are tried before."""
    yield from other_functions(tape)
    yield from pairs(tape)
    yield from extras(tape)


def inner(tape: Any) -> range:
    """The nodes that are no inputs."""
    return range(tape.leaves, len(tape.nodes))


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a plain value; of a tuple of them none."""
    return () if type(value) is tuple else np.shape(peel(value))


def same_place(tape: Any, k: int) -> list[list[int]]:
    """The passes of a loop: the nodes of an operation on a line; all of them, and those with a like operand k."""
    groups: dict[Any, list[int]] = {}
    for i in inner(tape):
        primitive, parents = tape.nodes[i][:2]
        if len(parents) > k and parents[k] >= 0:
            place = primitive, str(tape.lines[i])
            source = parents[k] if parents[k] < tape.leaves else tape.nodes[parents[k]][0]
            for key in (place, (*place, source)):
                groups.setdefault(key, []).append(i)
    return [list(group) for group in dict.fromkeys(tuple(group) for group in groups.values()) if len(group) > 1]


def told(tape: Any, group: list[int]) -> str:
    """Where the nodes of a group are."""
    return at(tape, group[0]) if len(group) == 1 else f"at all {len(group)} places of the line, {at(tape, group[0])}"


# ----- rules ----------------------------------------------------------------------------------------------------------


def at_a_line(tape: Any) -> Iterator[Wrong]:
    """The derivative of a function that is missing wherever the line calls it."""
    for group in same_place(tape, 0):
        node = tape.nodes[group[0]]
        if node[0].kind == "elementwise" and len(node[1]) == 1 and not adds(node[0]):
            yield (
                f"the derivative of {node[0].name} is missing, {told(tape, group)}",
                {i: changed(tape.nodes[i], _missing) for i in group},
            )


def masks(tape: Any) -> Iterator[Wrong]:
    """A choice between pieces, such as a rectifier, pulled back as if the sign of the gradient made it."""
    for i in inner(tape):
        primitive, parents, args, ans, params = tape.nodes[i]
        if primitive.chooses is None or not primitive.vjps:
            continue
        if primitive.kind == "elementwise":
            for k, parent in enumerate(parents):
                if parent >= 0:
                    change = lambda rule, g, ans, args, params: g * (np.asarray(peel(g)) > 0)
                    yield (
                        f"the mask of {primitive.name} is taken where the sign of what flows back is positive, and not "
                        f"that of its input, {at(tape, i)}",
                        {i: changed(tape.nodes[i], change, k)},
                    )
        else:
            whole = np.shape(peel(args[0]))
            axis, keepdims = params.get("axis"), params.get("keepdims", False)

            def spread(
                g: Any, ans: Any, *_args: Any, whole: Any = whole, given: Any = (axis, keepdims), **_: Any
            ) -> Any:
                g = np.broadcast_to(np.asarray(peel(g)), np.shape(ans))
                return np.broadcast_to(g if given[1] or given[0] is None else np.expand_dims(g, given[0]), whole)

            yield (
                f"the gradient goes to every entry that {primitive.name} looks at, and not to the one it takes alone, "
                f"{at(tape, i)}",
                {i: (with_rules(primitive, [spread]), parents, args, ans, params)},
            )


def chain_to(tape: Any, i: int) -> list[int]:
    """The elementwise operations of one variable that lead to a node, the last of them first."""
    chain: list[int] = []
    while i >= tape.leaves and len(chain) < LONGEST:
        primitive, parents = tape.nodes[i][:2]
        moving = [p for p in parents if p >= 0]
        if primitive.kind != "elementwise" or len(moving) != 1:
            break
        chain.append(i)
        i = moving[0]
    return chain


def slope_of(node: Any, g: Any = 1.0) -> Any:
    """The local derivative of an elementwise operation of one variable, times g."""
    primitive, parents, args, ans, params = node
    k = next(k for k, p in enumerate(parents) if p >= 0)
    return primitive.vjps[k](g * np.ones(np.shape(ans)), ans, *args, **params)


def position_of(node: Any) -> int:
    """The argument that is traced."""
    return next(k for k, p in enumerate(node[1]) if p >= 0)


def chains(tape: Any) -> Iterator[Wrong]:
    """A formula of several operations, such as 1/(1 + exp(-z)), whose derivative is missing as a whole."""
    found: dict[Any, dict[int, Any]] = {}
    for i in inner(tape):
        chain = chain_to(tape, i)
        for length in range(2, len(chain) + 1):
            part = chain[:length]
            if all(adds(tape.nodes[j][0]) for j in part):
                continue
            with np.errstate(all="ignore"):
                slope: Any = 1.0
                for j in part:
                    slope = slope * np.asarray(peel(slope_of(tape.nodes[j])))
            if not np.all(np.isfinite(slope)) or np.any(slope == 0):
                continue
            change = lambda rule, g, ans, args, params, s=slope: rule(g, ans, *args, **params) / s
            node = tape.nodes[i]
            nodes = {i: changed(node, change, position_of(node))}
            name = named_chain(tape, part, slope)
            yield f"the derivative of {name} is missing, {at(tape, i)}", nodes
            found.setdefault((name, tape.lines[i]), {}).update(nodes)
    for (name, _), nodes in found.items():
        if len(nodes) > 1:
            yield f"the derivative of {name} is missing, at all {len(nodes)} places", nodes


def named_chain(tape: Any, chain: list[int], slope: Any) -> str:
    """What a chain of operations is called: by its derivative where that is known, else by its ends."""
    ans = np.asarray(peel(tape.nodes[chain[0]][3]))
    if np.shape(slope) == ans.shape and np.allclose(slope, ans * (1 - ans), rtol=1e-9, atol=1e-12):
        return "the sigmoid, p(1 - p),"
    if np.shape(slope) == ans.shape and np.allclose(slope, 1 - ans * ans, rtol=1e-9, atol=1e-12):
        return "tanh, 1 - t²,"
    names = [tape.nodes[j][0].name for j in reversed(chain)]
    return f"the {len(names)} operations {', '.join(names)}"


def extras(tape: Any) -> Iterator[Wrong]:
    """One factor too many: a derivative that the loss has taken care of, or the value of an operation."""
    places = [*same_place(tape, 0), *[[i] for i in inner(tape)]]
    for group in places:
        node = tape.nodes[group[0]]
        primitive, ans = node[0], node[3]
        if type(ans) is tuple or not primitive.vjps or primitive.kind not in ("elementwise", "linear", "bilinear"):
            continue
        if np.size(peel(ans)) == 0 or (np.size(peel(ans)) == 1 and len(group) == 1):
            continue  # of one number every other one is some function
        for name, factor in FACTORS:
            with np.errstate(all="ignore"):
                factors = [np.asarray(factor(np.asarray(peel(tape.nodes[j][3]), float))) for j in group]
            if all(np.all(np.isfinite(f)) for f in factors) and not all(np.all(f == f.flat[0]) for f in factors):
                yield (
                    f"there is an extra factor: {name}, of the result of {primitive.name}, {told(tape, group)}",
                    {j: scaled(tape.nodes[j], f) for j, f in zip(group, factors)},
                )


FACTORS: list[tuple[str, Callable[[Any], Any]]] = [
    ("p(1 - p), the derivative of the sigmoid", lambda z: np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2),
    ("p(1 - p) of p itself", lambda p: p * (1 - p)),
    ("1 - tanh², the derivative of tanh", lambda z: 1 - np.tanh(z) ** 2),
    ("1 - t² of t itself", lambda t: 1 - t * t),
    ("1/(1 + z²), the derivative of arctan", lambda z: 1 / (1 + z * z)),
    ("exp, its own derivative", np.exp),
    ("the mask of a rectifier", lambda z: (z > 0) * 1.0),
    ("the value", lambda z: z),
    ("one over the value", lambda z: 1 / z),
    ("the square of the value", lambda z: z * z),
]


def scaled(node: Any, factor: Any) -> Any:
    """A node whose cotangent is multiplied by something before it flows on."""
    primitive, parents, args, ans, params = node
    rules = [
        (lambda g, ans, *args, rule=rule, **params: rule(g * factor, ans, *args, **params)) for rule in primitive.vjps
    ]
    return with_rules(primitive, rules), parents, args, ans, params


def functions_for_derivatives(tape: Any) -> Iterator[Wrong]:
    """A function in place of its derivative, cos for the derivative of cos."""
    for i in inner(tape):
        node = tape.nodes[i]
        if node[0].kind == "elementwise" and len(node[1]) == 1 and not adds(node[0]):
            yield (
                f"the derivative of {node[0].name} is taken to be {node[0].name} itself, {at(tape, i)}",
                {i: changed(node, lambda rule, g, ans, args, params: g * ans)},
            )


def directions(tape: Any) -> Iterator[Wrong]:
    """A sum that runs on, or a convolution, pulled back in the direction in which it was computed."""
    for i in inner(tape):
        primitive, parents, args, ans, _ = tape.nodes[i]
        if primitive.kind not in ("linear", "bilinear") or primitive is matmul.primitive or not primitive.vjps:
            continue
        if shape_of(ans) == () or not any(len(shape_of(arg)) == 1 for arg in args):
            continue
        for k, parent in enumerate(parents):
            if parent >= 0 and len(shape_of(args[k])) == len(shape_of(ans)) == 1:
                flipped = lambda rule, g, ans, args, params: rule(np.flip(np.asarray(peel(g))), ans, *args, **params)
                change = lambda *given, flipped=flipped: np.flip(flipped(*given))
                yield (
                    f"{primitive.name} is pulled back in its own direction; its transpose runs the other way, with a "
                    f"kernel that is reversed (flipped), {at(tape, i)}",
                    {i: changed(tape.nodes[i], change, k)},
                )


def repeated(tape: Any) -> Iterator[Wrong]:
    """An index that names an entry more than once, pulled back by an assignment, which keeps the last one."""
    for i in inner(tape):
        primitive, parents, args, ans, params = tape.nodes[i]
        if primitive is not getitem.primitive or shape_of(ans) == ():
            continue
        whole = shape_of(args[0])

        def assigned(g: Any, ans: Any, x: Any, whole: Any = whole, index: Any = params["index"], **_: Any) -> Any:
            out = np.zeros(whole)
            out[index] = np.asarray(peel(g))
            return out

        yield (
            f"an entry that is indexed more than once gets the gradient of its last use; add the repeated ones up by "
            f"np.add.at, {at(tape, i)}",
            {i: (with_rules(primitive, [assigned]), parents, args, ans, params)},
        )


# ----- values ---------------------------------------------------------------------------------------------------------


def values_of(tape: Any) -> list[tuple[int, Any, str]]:
    """All values that a formula may have taken instead: the node, the value, what it is called."""
    found: dict[int, tuple[int, Any, str]] = {}
    for j, (primitive, _, args, ans, _) in enumerate(tape.nodes):
        name = tape.labels.get(j) or (f"the result of {primitive.name}" if primitive else "an input")
        for value, what in [(ans, name), *[(arg, f"an operand of {primitive.name}") for arg in args if primitive]]:
            value = peel(value)
            if type(value) is not tuple and id(value) not in found and np.asarray(value).dtype.kind in "fc":
                found[id(value)] = (j, value, what)
    return list(found.values())


def wrong_factors(tape: Any, captured: Sequence[tuple[str, Any]]) -> Iterator[Wrong]:
    """A product pulled back with another value in place of a factor: of another step, before in place of after."""
    values = values_of(tape) + [(-1, value, name) for name, value in captured]
    products = sum(len(tape.nodes[i][1]) == 2 and not adds(tape.nodes[i][0]) for i in inner(tape))
    most = min(MOST_VALUES, MOST_EXCHANGES // max(products, 1))
    for k in (0, 1):
        for group in [*same_place(tape, k), *[[i] for i in inner(tape)]]:
            primitive, parents = tape.nodes[group[0]][:2]
            if len(primitive.vjps) != 2 or parents[k] < 0 or primitive.kind not in ("elementwise", "bilinear"):
                continue
            if primitive is matmul.primitive and (len(group) > 1 or len(shape_of(tape.nodes[group[0]][3])) < 2):
                yield from not_transposed(tape, group, k)  # of two matrices alone it is tried by `products`
            if not adds(primitive):
                yield from with_values(tape, group, k, values, most if len(group) == 1 else MOST_VALUES)


def not_transposed(tape: Any, group: list[int], k: int) -> Iterator[Wrong]:
    """The square matrix of every pass of a loop, or of a product with a vector, that is not transposed."""
    nodes = {}
    for i in group:
        primitive, parents, args, ans, params = tape.nodes[i]
        other = np.asarray(peel(args[1 - k]))
        if other.ndim != 2 or other.shape[0] != other.shape[1]:
            return
        rules = list(primitive.vjps)
        rules[k] = lambda g, ans, *_args, m=other, **_params: g @ m if k == 0 else m @ g
        nodes[i] = (with_rules(primitive, rules), parents, args, ans, params)
    yield f"the other factor is not transposed, {told(tape, group)}", nodes


def exchanged(node: Any, k: int, value: Any) -> Any:
    """A node of two operands, the rule of one of which reads this value in place of the other operand."""
    primitive, parents, args, ans, params = node
    rules, xs = list(primitive.vjps), list(args)
    xs[1 - k] = value
    rules[k] = lambda g, ans, *_, rule=rules[k], **params: rule(g, ans, *xs, **params)
    return with_rules(primitive, rules), parents, args, ans, params


def with_values(tape: Any, group: list[int], k: int, values: list[tuple[int, Any, str]], most: int) -> Iterator[Wrong]:
    """The rule of one operand with every other value of the shape of the other operand."""
    i = group[0]
    other = peel(tape.nodes[i][2][1 - k])
    if np.shape(other) == () and np.shape(peel(tape.nodes[i][3])) != ():
        return  # a constant: every number would do
    shape, tried = np.shape(other), 0
    by_place = {(j, what): value for j, value, what in values}
    for j, value, what in values:
        if np.shape(value) != shape or value is other or tried >= most:
            continue
        tried += 1
        nodes = {}
        for place in group:  # in a loop the value of every pass lies as far from its place as that of the first
            instead = value if place == i else by_place.get((j + place - i, what))
            if instead is None or np.shape(instead) != shape:
                break
            nodes[place] = exchanged(tape.nodes[place], k, instead)
        if len(nodes) == len(group):
            source = what if j < 0 else f"{what} ({at(tape, j)})"
            yield (
                f"the factor in the derivative of {tape.nodes[i][0].name} is the wrong value: {source}, in place of "
                f"its other operand, {told(tape, group)}",
                nodes,
            )


# ----- other functions ------------------------------------------------------------------------------------------------


def other_functions(tape: Any) -> Iterator[Wrong]:
    """The right gradient of another function: reduced over another axis, or with one branch taken everywhere."""
    for i in inner(tape):
        primitive, _, args, _, params = tape.nodes[i]
        axis = params.get("axis")
        rank = len(shape_of(args[0])) if args else 0
        if primitive.kind in ("linear", "general") and type(axis) is int and rank == 2 and "keepdims" in params:
            for other in {0, 1} - {axis % 2}:
                nodes = replayed(tape, i, {**params, "axis": other})
                if nodes is not None:
                    yield f"the axis of {primitive.name} is {other} in place of {axis % 2}, {at(tape, i)}", nodes
        if primitive.chooses is not None and primitive.kind == "elementwise" and "condition" in params:
            for all_of, branch in ((True, "first"), (False, "second")):
                nodes = replayed(tape, i, {**params, "condition": np.full(np.shape(params["condition"]), all_of)})
                if nodes is not None:
                    yield f"the {branch} branch of where is differentiated everywhere, {at(tape, i)}", nodes


def replayed(tape: Any, start: int, params: dict[str, Any]) -> dict[int, Any] | None:
    """The nodes from one on, computed again with other parameters of that one; `None` if the shapes do not fit."""
    new: dict[int, Any] = {}
    try:
        with np.errstate(all="ignore"):
            for i in range(start, len(tape.nodes)):
                primitive, parents, args, _, own = tape.nodes[i]
                if i != start and not any(p in new for p in parents):
                    continue
                if primitive.kind in ("several", "joint", "constant"):
                    return None
                args = tuple(new[p][3] if p in new else arg for p, arg in zip(parents, args))
                own = params if i == start else own
                new[i] = (primitive, parents, args, primitive.fun(*map(peel, args), **own), own)
    except Exception:  # the shapes of the other function do not fit
        return None
    last = len(tape.nodes) - 1
    return new if last not in new or shape_of(new[last][3]) == shape_of(tape.nodes[last][3]) else None


# ----- cuts -----------------------------------------------------------------------------------------------------------


def lines(tape: Any) -> Iterator[Wrong]:
    """A path that is cut at every pass of a loop, or in every pair of bodies."""
    for k in range(3):
        for group in same_place(tape, k):
            primitive, parents = tape.nodes[group[0]][:2]
            operand = f"into operand {k + 1} of" if len(parents) > 1 else "through"
            yield (
                f"a branch is detached: nothing flows back {operand} {primitive.name}, {told(tape, group)}",
                {i: without(tape.nodes[i], [k]) for i in group},
            )


def reductions(tape: Any) -> list[int]:
    """Sums, means, variances and the like, which people take for constants."""
    is_one = lambda node: node[0].kind in ("linear", "general") and "keepdims" in node[4] and len(node[1]) == 1
    return [i for i in inner(tape) if is_one(tape.nodes[i])]


def pairs(tape: Any) -> Iterator[Wrong]:
    """Two statistics that are taken for constants together."""
    for i, j in itertools.islice(itertools.combinations(reductions(tape), 2), MOST_PAIRS):
        yield (
            f"{tape.nodes[i][0].name} and {tape.nodes[j][0].name} are taken for constants: nothing flows back through "
            f"the one {at(tape, i)} and the other {at(tape, j)}",
            {i: without(tape.nodes[i], [0]), j: without(tape.nodes[j], [0])},
        )


def shifts(tape: Any, idle: Callable[[dict[int, Any]], bool]) -> dict[int, Any]:
    """Maxima that are subtracted for the sake of the range: nothing flows through them in all, so people leave them."""
    found: dict[int, Any] = {}
    for i in reductions(tape):
        if tape.nodes[i][0].chooses is not None:
            cut = {i: without(tape.nodes[i], [0])}
            if idle(cut):
                found |= cut
    return found
