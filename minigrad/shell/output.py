"""What a command writes: files, beside their target and renamed, or the terminal for `-`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from minigrad.errors import CommandError
from minigrad.show import page

TERMINAL = "-"


class Output:
    """Where a command writes to, and what it has written so far, for the case that it is interrupted."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self._says_to_error = False

    def goes_to(self, *paths: str | None) -> None:
        """Say which files the command will write, before anything is waited for.

        Args:
            *paths: names of files; `-` is the terminal, and what `say` tells then goes to standard error.

        Raises:
            CommandError: if a folder does not exist, or the terminal is asked for twice.
        """
        given = [path for path in paths if path is not None]
        if given.count(TERMINAL) > 1:
            raise CommandError("only one of the files can go to the terminal (-)")
        self._says_to_error = TERMINAL in given
        for path in given:
            if path != TERMINAL and not Path(path).resolve().parent.is_dir():
                raise CommandError(f"{path} cannot be written: No such file or directory")

    def say(self, line: str) -> None:
        """Print a line, beside what goes to the terminal."""
        print(line, file=sys.stderr if self._says_to_error else sys.stdout)

    def write(self, path: str, content: str | bytes) -> None:
        """Write a whole file, or to the terminal.

        Raises:
            CommandError: if the file cannot be written; one that was there is then still whole.
        """
        if path == TERMINAL:
            if isinstance(content, str):
                sys.stdout.write(content)
            else:
                sys.stdout.flush()
                sys.stdout.buffer.write(content)
            return
        try:
            page.write(path, content)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}") from error
        self.written.append(path)

    @contextlib.contextmanager
    def instead_of_stdout(self) -> Iterator[None]:
        """What is printed within goes where `say` tells."""
        if self._says_to_error:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        else:
            yield

    def left(self) -> str:
        """What an interruption leaves behind."""
        return f"{', '.join(self.written)} had been written" if self.written else "nothing was written"


def spelled(text: str) -> str:
    """An argument with the letters that the locale C does not read. (Names of files stay as they were given.)"""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def printable() -> None:
    """Make every name printable: a terminal that lacks a letter gets its number instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # which a stream of a test or of a notebook may lack
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def finished() -> str | None:
    """Write what is still in the buffer; the reason, if it cannot be written (a full disk, behind a redirection)."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _close_quietly()
        return error.strerror or str(error)
    return None


def _close_quietly() -> None:
    """Python flushes once more at its end, which must not fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
