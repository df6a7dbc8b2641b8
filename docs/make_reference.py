"""Write `docs/reference.md` from the docstrings: `python docs/make_reference.py`. The tests keep the page in step.
The site has the whole docstrings besides, on one page for each group below.

A public name that stands in no group below fails the tests, so the page is complete.
"""

import importlib
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).with_name("reference.md")


class Group(NamedTuple):
    """One table of the page: names of one module, in the order in which a reader wants them."""

    title: str
    module: str
    names: str
    note: str = ""


GROUPS = [
    Group("Reverse mode", "minigrad", "grad value_and_grad grad_and_aux elementwise_grad vjp"),
    Group("Forward mode", "minigrad", "jvp deriv"),
    Group("Matrices of derivatives, and products with them", "minigrad",
          "jacobian jacfwd jacrev hessian hvp make_hvp ggnvp make_ggnvp",
          "All rows are computed in one sweep. They nest, in any combination and to any depth."),
    Group("Sparse matrices of derivatives", "minigrad",
          "sparse_jacobian sparse_hessian sparsity hessian_sparsity jacobian_colouring hessian_colouring"),
    Group("Any order", "minigrad", "derivatives jet laplacian bilaplacian"),
    Group("Many examples", "minigrad", "batched vmap summed", "`vmap` is another name of `batched`."),
    Group("As a program", "minigrad", "compile source derivation Derivation"),
    Group("As a program, `minigrad.compiler`", "minigrad.compiler", "explain Compiled CannotCompileError"),
    Group("Errors", "minigrad",
          "MinigradError LostDerivativeError CannotCompileError DenseError NoConvergenceError GradientMismatchError "
          "ExpressionError CommandError",
          "All derive from `MinigradError`, and most from an error of Python too; `minigrad.errors` shows the tree."),
    Group("Checks of derivatives", "minigrad",
          "check Report Verdict check_grads finite_difference richardson complex_step"),
    Group("Checks in a test suite, `minigrad.testing`", "minigrad.testing",
          "assert_grads_match assert_rule GradientMismatchError arrays pytrees"),
    Group("To look inside", "minigrad",
          "trace explore Explorer plot coverage name value explain_nan NanExplanation errstate"),
    Group("Memory", "minigrad", "checkpoint checkpointed_scan stop_gradient"),
    Group("Operations of your own, and equations", "minigrad",
          "custom_primitive custom_elementwise root fixed_point custom_root"),
    Group("Minimisation, `minigrad.optimize`", "minigrad.optimize", "minimize",
          "Needs SciPy: `pip install scipy`."),
    Group("Parameters and updates", "minigrad", "tree_map set_at add_at",
          "A parameter is an array or a number, or a tuple, list, dict, namedtuple or dataclass of them, nested. "
          "`None`, strings and other non-numbers pass through."),
    Group("Names of autograd", "minigrad",
          "make_vjp make_jvp hessian_vector_product hessian_tensor_product tensor_jacobian_product "
          "vector_jacobian_product multigrad_dict grad_named holomorphic_grad"),
    Group("Names of autograd, `minigrad.extend`", "minigrad.extend",
          "primitive defvjp defvjp_argnum defvjp_argnums defjvp defjvp_argnum defjvp_argnums def_linear "
          "notrace_primitive Box Node"),
    Group("Names of autograd, `minigrad.misc`", "minigrad.misc", "flatten"),
    Group("Names of autograd, `minigrad.misc.optimizers`", "minigrad.misc.optimizers", "sgd rmsprop adam"),
    Group("Names of autograd, `minigrad.misc.fixed_points`", "minigrad.misc.fixed_points", "fixed_point"),
    Group("Names of autograd, `minigrad.test_util`", "minigrad.test_util",
          "check_vjp check_jvp check_equivalent combo_check"),
    Group("Names of autograd, `minigrad.builtins`", "minigrad.builtins", "isinstance type"),
    Group("Namespaces", "minigrad", "numpy",
          "Every function of NumPy that has a derivative, `numpy.linalg` and `numpy.fft` included, and the ufuncs of "
          "`scipy.special`: [the table](../minigrad/COVERAGE.md), also by `python -m minigrad coverage`. Plain "
          "`import numpy as np` works too; `minigrad.numpy` also builds arrays from lists of traced values. Functions "
          "without a derivative (`argmax`, `floor`, `shape`, `>`) return plain values. A function without a rule "
          "raises an error that says so."),
    Group("Namespaces, `minigrad.scipy`", "minigrad.scipy", "special linalg signal stats integrate",
          "Needs SciPy: `pip install scipy`."),
]  # fmt: skip

OPENING = """# Reference

Written by `python docs/make_reference.py` from the docstrings: the first sentence of each. `help(name)` shows the rest,
with arguments, shapes, errors and an example. Guides by task are in [how-to](how-to.md).

## Conventions

- `argnum` is the position of the argument to differentiate, or a sequence of positions. Keyword arguments are
  constants.
- Python floats are differentiated as float64; float32 stays float32. An array of integers is differentiated as one of
  float64; a single integer, which is more often a number of steps, is refused, and so are truth values.
- Arrays of other libraries (pandas, JAX, sparse matrices, ...) are refused where a derivative is asked of them;
  [how-to](how-to.md#use-data-of-pandas-torch-and-other-libraries) has what to write.
- For complex numbers the gradient of a real function u of x + iy is ∂u/∂x - i ∂u/∂y, as in autograd.
- Where calculus leaves a choice (kinks, ties, singular points), [one table](../minigrad/SPECIAL_POINTS.md) says what is
  chosen. Where a derivative is infinite or does not exist, a warning names the operation and the line.
- An error says what happened, why it cannot mean anything, what to write instead, and which line of your program
  it was.
"""

CLOSING = """
## Commands

| command | |
|---|---|
| `python -m minigrad plot` | draw a function and its derivatives, or write them as a table |
| `python -m minigrad check` | check a gradient written by hand, in a file or a notebook |
| `python -m minigrad coverage` | what has a derivative |
| `python -m minigrad as-autograd` | run a program for autograd [as it is](how-to.md#port-a-program-from-autograd) |
| `python -m nn tour` | train the networks of the tour; write figures and `figures/report.html` |
| `python -m nn page` | a page that plays trainings back, and trains again in the browser |
| `python -m nn depth` | say [what depth does](how-to.md#see-what-depth-does-to-a-network), after many trainings |
| `python -m nn train` | train a network on [data of your own](training.md); write checkpoints and a report |
| `python -m nn resume` | take up such a training after an interruption |
| `python -m nn predict` | let such a network answer for the samples of a file |
| `python -m benchmarks` | measure; see [benchmarks](benchmarks.md) |

Each has `--help`.

## Extras

minigrad needs NumPy alone. In a clone, `pip install -e '.[NAME]'` adds what an extra needs; elsewhere install the
libraries by their names. (`minigrad` is the name of another project on the public index.)

| name | for | libraries |
|---|---|---|
| `scipy` | `minigrad.scipy`, sparse matrices | `scipy` |
| `plot` | `python -m minigrad plot` | `matplotlib` |
| `fast` | `compile(f, backend="numba")` | `numba` |
| `report` | reports of `check` in the terminal and as a page | `rich matplotlib tqdm` |
| `testing` | `minigrad.testing` with pytest and hypothesis | `pytest hypothesis` |
| `tour` | `python -m nn tour` | `matplotlib scikit-learn tqdm joblib` |
| `docs` | this site: `python -m sphinx -W -b html docs docs/_build` | `sphinx myst-parser furo matplotlib scipy` |
| `test`, `lint`, `bench` | tests, style, benchmarks against other libraries | see `pyproject.toml` |
"""


def signature(name: str, value: Any) -> str:
    """`name(arguments)` without annotations; the name alone of a module or class."""
    if inspect.ismodule(value) or inspect.isclass(value):
        return name
    given = inspect.signature(value)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in given.parameters.values()]
    text = str(given.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return name + re.sub(r"<class '(.*?)'>", r"\1", text)


def first_sentence(value: Any) -> str:
    """The first paragraph of a docstring up to its first full stop, on one line, safe in a table."""
    paragraph = " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[^A-Z]\.) (?=[A-Z`])", paragraph)[0]  # not after an initial
    return sentence.replace("|", r"\|")


def page() -> str:
    """The whole page."""
    lines = [OPENING]
    for group in GROUPS:
        module = importlib.import_module(group.module)
        lines += [f"## {group.title}", ""]
        if group.note:
            lines += [textwrap.fill(group.note, 120), ""]
        lines += ["| | |", "|---|---|"]
        for name in group.names.split():
            value = getattr(module, name)
            lines.append(f"| `{signature(name, value)}` | {first_sentence(value)} |")
        lines.append("")
    return "\n".join(lines) + CLOSING


def slug(group: Group) -> str:
    """The name of the group's page of docstrings."""
    return re.sub(r"\W+", "-", group.title.lower()).strip("-")


def homes() -> dict[tuple[str, str], Group]:
    """The group that has the docstring of each name: a class that stands in two groups has it in the last one."""
    classes: dict[int, Group] = {}
    found = {}
    for group in reversed(GROUPS):
        for name in group.names.split():
            value = getattr(importlib.import_module(group.module), name)
            found[group.module, name] = classes.setdefault(id(value), group) if inspect.isclass(value) else group
    return found


def docstring_page(group: Group) -> str:
    """The page of the site with the whole docstrings of one group."""
    lines = [f"# {group.title}", "", group.note, "", "```{eval-rst}"]
    for name in group.names.split():
        home, value = homes()[group.module, name], getattr(importlib.import_module(group.module), name)
        if home is not group:
            lines += [f":py:class:`{group.module}.{name} <{home.module}.{name}>`: see :doc:`{slug(home)}`."]
        elif inspect.ismodule(value):
            lines += [f".. automodule:: {group.module}.{name}"]
        elif inspect.isclass(value):
            lines += [f".. autoclass:: {group.module}.{name}", "   :members:"]
        else:
            lines += [f".. autofunction:: {group.module}.{name}"]
        lines += [""]
    return "\n".join([*lines, "```", ""]).replace("(../minigrad/", "(../../minigrad/")


def write_docstring_pages(folder: Path) -> None:
    """All of these pages; one that is as it should be is not touched."""
    folder.mkdir(exist_ok=True)
    pages = {f"{slug(group)}.md": docstring_page(group) for group in GROUPS}
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
