"""Long expressions broken into lines."""

from __future__ import annotations

import io
import tokenize

WIDTH = 88  # characters in a line, as of ruff and black


def broken(line: str, width: int) -> list[str]:
    """A statement that is too long for a line, broken at its last brackets as ruff breaks it."""
    if len(line) <= width or line[-1] not in ")]}":
        return [line]
    found = _brackets(line)
    if found is None:
        return [line]
    opening, commas = found
    head, inside, closing = line[: opening + 1], line[opening + 1 : -1], line[-1]
    if not inside:
        return [line]
    if len(inside) <= width - 4:
        return [head, f"    {inside}", closing]
    lines = [head]
    is_call = line[opening] == "(" and (line[opening - 1 : opening].isalnum() or line[opening - 1] in "_)]")
    is_display = line[opening] == "{" or (line[opening] == "[" and line[opening - 1] in " ([{")
    comma_after = "," if commas or is_call or is_display else ""  # of brackets around one expression it makes a tuple
    starts, stops = [opening + 1, *[comma + 1 for comma in commas]], [*commas, len(line) - 1]
    for start, stop in zip(starts, stops):
        part = line[start:stop].strip()
        if part:
            within = broken(part, width - 5)
            lines += [f"    {text}" for text in [*within[:-1], f"{within[-1]}{comma_after}"]]
    return [*lines, closing]


def _brackets(line: str) -> tuple[int, list[int]] | None:
    """Where the bracket is that the last one closes, and the commas directly between them; what is in texts is none.

    None if that is not how the line ends.
    """
    opened: list[tuple[int, list[int]]] = []
    last = None
    try:
        for token in tokenize.generate_tokens(io.StringIO(line).readline):
            if token.type != tokenize.OP:
                continue
            if token.string in "([{":
                opened.append((token.start[1], []))
            elif token.string in ")]}":
                last = (*opened.pop(), token.end[1])
            elif token.string == "," and opened:
                opened[-1][1].append(token.start[1])
    except (tokenize.TokenError, IndexError, SyntaxError):
        return None
    return None if last is None or last[2] != len(line) else last[:2]


def comment(text: str, width: int) -> str:
    """A text as a comment of one line: nothing in it ends the line, changes the direction of writing, or is hidden."""
    plain = " ".join("".join([c if c.isprintable() else " " for c in text]).split())
    return f"# {plain if len(plain) <= width else plain[: width - 4].rstrip() + ' ...'}".rstrip()
