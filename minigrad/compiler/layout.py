"""Long expressions broken into lines."""

from __future__ import annotations

WIDTH = 88  # characters in a line, as of ruff and black


def broken(line: str, width: int) -> list[str]:
    """A statement that is too long for a line, broken at its last brackets as ruff breaks it."""
    if len(line) <= width or line[-1] not in ")]}":
        return [line]
    opening = _opening(line)
    head, inside, closing = line[: opening + 1], line[opening + 1 : -1], line[-1]
    if not inside:
        return [line]
    if len(inside) <= width - 4:
        return [head, f"    {inside}", closing]
    lines = [head]
    for part in _split(inside):
        within = broken(part, width - 5)
        lines += [f"    {text}" for text in [*within[:-1], f"{within[-1]},"]]
    return [*lines, closing]


def _opening(line: str) -> int:
    """Where the bracket is that the last one closes."""
    depth = 0
    for k in range(len(line) - 1, -1, -1):
        depth += (line[k] in ")]}") - (line[k] in "([{")
        if depth == 0:
            return k
    return -1


def _split(text: str) -> list[str]:
    """The parts between the commas that are in no brackets or strings."""
    parts, depth, start, in_string = [], 0, 0, False
    for k, character in enumerate(text):
        in_string ^= character == '"'
        if in_string:
            continue
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:k].strip())
            start = k + 1
    rest = text[start:].strip()
    return [*parts, rest] if rest else parts
