"""A tape as a graph in the languages of Graphviz and Mermaid."""

from __future__ import annotations

from collections.abc import Callable

from minigrad.core.tape import Tape


def as_dot(tape: Tape, text_of: Callable[[int], list[str]]) -> str:
    """The graph for Graphviz: `dot -Tsvg`. `text_of` has the lines in the box of a node."""
    lines = ["digraph tape {", "  rankdir=TB;", '  node [shape=box, fontname="monospace", fontsize=10];']
    for i, node in enumerate(tape.nodes):
        label = "\\n".join(_quoted(line) for line in text_of(i))
        shape = ", style=rounded" if node[0] is None else ""
        lines.append(f'  n{i} [label="{label}"{shape}];')
        lines += [f"  n{parent} -> n{i};" for parent in node[1] if parent >= 0]
    return "\n".join([*lines, "}"]) + "\n"


def as_mermaid(tape: Tape, text_of: Callable[[int], list[str]]) -> str:
    """The graph for Mermaid, which pages of Markdown show."""
    lines = ["flowchart TD"]
    for i, node in enumerate(tape.nodes):
        text = "<br>".join(_coded(line) for line in text_of(i))
        lines.append(f'  n{i}(["{text}"])' if node[0] is None else f'  n{i}["{text}"]')
        lines += [f"  n{parent} --> n{i}" for parent in node[1] if parent >= 0]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", " ")


def _coded(text: str) -> str:
    """Text in which nothing is markup: all but letters, digits, blanks and dots as its number."""
    return "".join(c if c.isalnum() or c in " ._" else f"#{ord(c)};" for c in text)
