"""`derivation`: the mathematics of a program and of its gradient, as one would write it by hand.

The program is the one that `source` writes, with its loops rolled up: every value that has a name there has an equation
here, and every cotangent its adjoint equation. The names are the user's. A loop is written once, for a range of its
index; a sum that grows from pass to pass is written as a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.compiler.cancelling import reduced
from minigrad.compiler.emit import module
from minigrad.compiler.keeping import Plan
from minigrad.compiler.naming import Names
from minigrad.compiler.passes import optimised
from minigrad.compiler.program import Program
from minigrad.compiler.readable import recognised
from minigrad.compiler.rolled import RolledWriter, written
from minigrad.compiler.traced import Traced, asked_by, traced_for_good
from minigrad.core.transformed import is_made_here
from minigrad.core.tree import flatten
from minigrad.modes.checks import is_numeric
from minigrad.modes.made import check_function
from minigrad.modes.reverse import value_and_grad
from minigrad.show.equations import Author, Equation, IrregularError
from minigrad.show.mathematics import MATH_STYLE, Formula, latex, mathml
from minigrad.show.page import Html, element, joined, page, scrolling

MANY = 4  #: shapes that are listed beside an equation


class Derivation:
    """The equations of a program. It prints as Markdown, and shows itself in a notebook.

    Attributes:
        title: the name of the function.
        equations: the equations, in the order of the program.
        results: what the function returns, one formula for each leaf or list.
    """

    def __init__(self, title: str, equations: list[Equation], results: list[Formula]) -> None:
        self.title, self.equations, self.results = title, equations, results

    @property
    def latex(self) -> str:
        """The equations as an `aligned` environment of LaTeX."""
        rows = []
        for each in self.equations:
            over = rf"\quad {_tex_range(each.over)}" if each.over else ""
            shapes = rf"\quad \in \mathbb{{R}}^{{{_tex_shape(each.shapes)}}}" if _tex_shape(each.shapes) else ""
            rows.append(rf"  {latex(each.left)} &= {latex(each.right)} && {shapes} && {over} \\")
        return "\n".join([r"\begin{aligned}", *rows, r"\end{aligned}"])

    @property
    def markdown(self) -> str:
        """The equations as Markdown with formulas between dollars, under a heading for each phase."""
        parts = [f"**{self.title}**"]
        for phase, equations in self._by_phase():
            parts.append(f"*{_HEADINGS[phase]}*")
            parts += [f"$$ {_markdown(each)} $$" for each in equations]
        return "\n\n".join(parts) + "\n"

    @property
    def html(self) -> str:
        """A page with the equations as MathML: one file, without a script, that opens without a network."""
        card = element("div", self.body, class_="card")
        return str(page(f"{self.title}: the derivation", element("h1", self.title), card, style=STYLE))

    @property
    def body(self) -> Html:
        """The equations as a part of a page with the style `STYLE`: a table for each phase, under its heading."""
        parts = []
        for phase, equations in self._by_phase():
            rows = [
                element(
                    "tr",
                    element("td", _math(each.left), class_="left"),
                    element("td", _math(each.right, equal=True), class_="right"),
                    element("td", each.over.replace("-", "−"), class_="soft"),
                    element("td", _shape_text(each.shapes), class_="soft"),
                )
                for each in equations
            ]
            table = element("table", element("tbody", joined(rows, "\n")), class_="equations")
            heading = _HEADINGS[phase]
            parts.append(element("section", element("h3", heading), scrolling(heading, table)))
        return joined(parts, "\n")

    def _repr_html_(self) -> str:
        return str(joined([element("style", Html(STYLE)), self.body]))

    def _repr_latex_(self) -> str:
        return f"$$ {self.latex} $$"

    def _by_phase(self) -> Iterator[tuple[str, list[Equation]]]:
        run: list[Equation] = []
        for each in self.equations:
            if run and run[-1].phase != each.phase:
                yield run[-1].phase, run
                run = []
            run.append(each)
        if run:
            yield run[-1].phase, run

    def __str__(self) -> str:
        return self.markdown

    __repr__ = __str__


_HEADINGS = {
    "primal": "values", "pullback": "cotangents: the derivatives of the result with respect to these values",
    "pushforward": "tangents", "series": "Taylor coefficients",
}  # fmt: skip
STYLE = (
    MATH_STYLE
    + """
.equations td { border: 0; text-align: left; padding: .35rem .8rem .35rem 0; vertical-align: baseline; }
.equations td.left { text-align: right; padding-right: .3rem; }
@media (max-width: 40rem) {  /* ranges and shapes stand below their equation */
  .equations, .equations tbody { display: block; }
  .equations tr { display: grid; grid-template-columns: 4rem 1fr; column-gap: .3rem; align-items: baseline; }
  .equations td, .equations td.left { padding: .1rem 0; }
  .equations td.soft { grid-column: 2; }
  .equations td.soft:empty { display: none; }
}
"""
)


def _math(formula: Formula, equal: bool = False) -> Html:
    content = element("mrow", element("mo", "="), mathml(formula)) if equal else mathml(formula)
    return element("math", content, display="inline", displaystyle="true")


def _tex_range(over: str) -> str:
    return over.replace("…", r"\dots")


def _tex_shape(shapes: tuple[tuple[int, ...], ...]) -> str:
    return r" \times ".join(map(str, shapes[0])) if len(shapes) == 1 else ""


def _shape_text(shapes: tuple[tuple[int, ...], ...]) -> str:
    texts = [" × ".join(map(str, shape)) for shape in shapes]
    return ", ".join([*texts[: MANY - 1], "…", texts[-1]] if len(texts) > MANY else texts)


def _markdown(each: Equation) -> str:
    over = rf" \qquad {_tex_range(each.over)}" if each.over else ""
    shape = _tex_shape(each.shapes)
    return f"{latex(each.left)} = {latex(each.right)}" + (rf" \in \mathbb{{R}}^{{{shape}}}" if shape else "") + over


def derivation(
    fun: Callable[..., Any], *args: Any, exact: bool = False, notation: str = "bar", **kwargs: Any
) -> Derivation:
    """The mathematics of `fun(*args)` and of its gradient: an equation for every value, and one for every cotangent.

    Args:
        fun: a function that returns a number, whose gradient in all numeric arguments is derived; or a function that
            minigrad made (`grad(f)`, `value_and_grad(f)`, ...), which is written as it is.
        *args: its arguments. They fix the shapes, and the branch taken at each `if` that depends on numbers.
        exact: do not simplify, see `source`.
        notation: "bar" for cotangents as x̄, "nabla" for ∇ₓ ℓ.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        A `Derivation`: `.latex`, `.markdown` and `.html` (MathML, one file that opens without a network).

    Raises:
        ValueError: for another notation.
        CannotCompileError: as `source`.

    >>> from minigrad import derivation
    >>> def loss(w, x):
    ...     u = x @ w
    ...     return np.sum(u * u)
    >>> print(derivation(loss, np.ones(2), np.ones((3, 2))).latex)
    \\begin{aligned}
      u &= x\\,w && \\quad \\in \\mathbb{R}^{3} &&  \\\\
      \\mathrm{loss} &= \\lVert u \\rVert^{2} &&  &&  \\\\
      \\bar{u} &= 2\\,u && \\quad \\in \\mathbb{R}^{3} &&  \\\\
      \\bar{x} &= \\bar{u}\\,w^{\\top} && \\quad \\in \\mathbb{R}^{3 \\times 2} &&  \\\\
      \\bar{w} &= x^{\\top}\\,\\bar{u} && \\quad \\in \\mathbb{R}^{2} &&  \\\\
    \\end{aligned}
    """
    check_function("derivation", fun)
    if notation not in ("bar", "nabla"):
        raise ValueError(f"derivation: notation={notation!r}; write 'bar' or 'nabla'")
    title = getattr(fun, "__name__", type(fun).__name__)
    if not is_made_here(fun):
        positions = tuple([k for k, arg in enumerate(args) if any(map(_is_differentiable, flatten(arg)[0]))])
        fun = value_and_grad(fun, positions)
    with asked_by("derivation"):
        traced = traced_for_good(fun, args, kwargs, keeps_lines=True)
    program, _ = recognised(optimised(traced.program), traced.watched)
    # What cancels in the first pass alone, as a state that begins at zero, makes that pass unlike the others.
    programs = [program] if exact else [reduced(program), program]
    found = [
        _equations(traced, each, (fun, args, kwargs), notation, Plan(again))
        for each in programs
        for again in (False, True)
    ]
    equations, results = min(found, key=lambda each: len(each[0]))
    return Derivation(title, equations, results)


def _equations(
    traced: Traced, program: Program, call: tuple[Any, Any, Any], notation: str, plan: Plan
) -> tuple[list[Equation], list[Formula]]:
    """The equations and results of a program; a loop whose passes have different formulas is written pass by pass."""
    found: list[RolledWriter] = []

    def writer_of(traced: Traced, program: Program, parameters: Sequence[str], names: Names) -> Any:
        writer, body = written(RolledWriter, traced, program, parameters, names, plan)
        found.append(writer)
        return writer, body

    while True:
        module(traced, program, *call, (), writer_of)
        author = Author(found[-1], notation)
        try:
            return author.all(), author.results()
        except IrregularError as error:
            plan.refused.add((error.loop.start, error.loop.period))


def _is_differentiable(leaf: Any) -> bool:
    return is_numeric(leaf) and getattr(leaf, "dtype", np.dtype(type(leaf))).kind in "fc"
