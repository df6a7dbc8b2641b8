"""Docstrings of public functions have one form: sections with a heading on a line of its own, one argument a line."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import minigrad

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("minigrad", "nn") for path in (ROOT / folder).rglob("*.py"))
SECTIONS = ("Args", "Returns", "Yields", "Raises", "Source", "Attributes")

spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
assert spec is not None
assert spec.loader is not None
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)

PUBLIC = {
    f"{group.module}.{name}": getattr(importlib.import_module(group.module), name)
    for group in reference.GROUPS
    for name in group.names.split()
    if inspect.isfunction(getattr(importlib.import_module(group.module), name))
}

# First arguments that are functions and have another name: it is that of the library whose signature it is.
OTHER_FIRST_NAMES = {
    "minigrad.make_ggnvp": "f",  # autograd
    "minigrad.misc.fixed_points.fixed_point": "f",  # autograd
    "minigrad.misc.optimizers.sgd": "grad",  # autograd
    "minigrad.misc.optimizers.adam": "grad",  # autograd
    "minigrad.misc.optimizers.rmsprop": "grad",  # autograd
    "minigrad.checkpointed_scan": "f",  # jax.lax.scan
}


def sections(text: str) -> dict[str, list[str]]:
    """The lines below each heading of a docstring."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.splitlines():
        heading = line.removesuffix(":")
        if line.endswith(":") and heading in SECTIONS:
            lines = found.setdefault(heading, [])
        elif line and not line.startswith(" "):
            lines = None
        elif lines is not None and line:
            lines.append(line)
    return found


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_headings_stand_on_lines_of_their_own(path: Path) -> None:
    """Such as `Args:`; below it stands one argument a line. A module may name its source in a sentence."""
    text = path.read_text(encoding="utf-8")
    headed = r"^ +(?:Args|Returns|Yields|Raises|Sources?|Attributes|Example)\b[\w, ]*:[ \t]+\S.*"
    assert re.findall(headed, text, re.MULTILINE) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_the_docstring_of_a_public_function(name: str) -> None:
    """Its arguments are those of the function, in their order; errors are classes."""
    function = PUBLIC[name]
    text = inspect.getdoc(function)
    assert text
    first = text.partition("\n")[0]
    assert first[-1] in ".:", first
    found = sections(text)
    parameters = [
        {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name
        for p in inspect.signature(function).parameters.values()
    ]
    documented = [line.partition(":")[0].strip() for line in found.get("Args", []) if re.match(r" {4}\S", line)]
    if documented:
        assert documented == parameters
    for line in found.get("Raises", []):
        if re.match(r" {4}\S", line):
            assert is_error(line.partition(":")[0].strip()), line


def is_error(name: str) -> bool:
    """Whether this is the name of an exception of Python, of NumPy or of minigrad."""
    found: Any = vars(__import__("builtins")).get(name) or getattr(minigrad.errors, name, None)
    if name.startswith("numpy."):
        found = getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2])
    return isinstance(found, type) and issubclass(found, BaseException)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_first_argument_that_is_a_function_is_called_fun(name: str) -> None:
    parameters = list(inspect.signature(PUBLIC[name]).parameters.values())
    first = parameters[0] if parameters else None
    if first is not None and re.match(r"Callable|Rule\b", str(first.annotation)):
        assert first.name == OTHER_FIRST_NAMES.get(name, "fun")


def test_other_first_names_are_in_use() -> None:
    for name, first in OTHER_FIRST_NAMES.items():
        assert next(iter(inspect.signature(PUBLIC[name]).parameters)) == first
