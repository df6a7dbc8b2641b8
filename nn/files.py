"""Classification problems in files: LibSVM and CSV text, plain or compressed, read line by line in bounded memory.

Every message names the file and the line. What is no file (a pipe) is refused before it is opened, and a small file
that expands without end is refused while it is read.
"""

import bz2
import csv
import gzip
import zlib
from array import array
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from minigrad.errors import MinigradError
from nn.arrays import Array, Labels

MAX_ENTRIES = 25_000_000  # a dense float64 array of 200 MB
MAX_LINE = 2**26  # bytes; a line of MAX_ENTRIES numbers is no sample of anything
MAX_EXPANSION = 100  # bytes of text for one byte of a compressed file; text of numbers has 2 to 30
EXPANSION_FROM = 2**22  # bytes of text that are never too many
LABELS = ("label", "class", "target", "y")  # the names of the column of labels, the first that is there

Problem = tuple[Array, Labels, tuple[str, ...]]


class DataError(MinigradError, ValueError):
    """A file that is not a classification problem, or not in its format; the message says which and where."""


def read(path: Path) -> Problem:
    """Read a classification problem from a file.

    Args:
        path: the file. Its name says what is in it: `.csv` or `.tsv` (fields are separated by commas, semicolons or
            tabs), or LibSVM text for any other name; `.gz` or `.bz2` at the end of the name for compressed text.

    Returns:
        The features x, shape (p, n), the labels y, shape (n,), and the name of every class.

    Raises:
        OSError: if the file cannot be opened.
        DataError: if it is not a classification problem; the message names the file and the line.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "petals.csv"
    >>> _ = path.write_text("length,width,label\\n1.4,0.2,setosa\\n4.7,1.4,versicolor\\n")
    >>> x, y, classes = read(path)
    >>> x.tolist(), y.tolist(), classes
    ([[1.4, 4.7], [0.2, 1.4]], [0, 1], ('setosa', 'versicolor'))
    """
    if not path.is_file():
        path.stat()  # says what is wrong with the path, if something is
        raise DataError(
            f"{path}: is not a file; a pipe or a device may never end, so write its content to a file first"
        )
    return _csv(path) if _is_csv(path) else _libsvm(path)


def _is_csv(path: Path) -> bool:
    names = [suffix.lower() for suffix in path.suffixes]
    return (names[-2:-1] if names[-1:] in ([".gz"], [".bz2"]) else names[-1:]) in ([".csv"], [".tsv"])


class _Lines:
    """The lines of a text file as an iterator; `number` is that of the last one."""

    def __init__(self, path: Path) -> None:
        self.path, self.number = path, 0

    def refuse(self, fault: str, number: int | None = None, cause: BaseException | None = None) -> NoReturn:
        """Raise a `DataError` that names the file and the line."""
        raise DataError(f"{self.path}: line {self.number if number is None else number}: {fault}") from cause

    def __iter__(self) -> Iterator[str]:
        opener: Any = {".gz": gzip.open, ".bz2": bz2.open}.get(self.path.suffix.lower())
        size = 0
        with open(self.path, "rb") as raw, opener(raw) if opener else raw as file:
            while True:
                self.number += 1
                try:
                    line = file.readline(MAX_LINE + 1)
                    text = line.decode("utf-8")
                except UnicodeDecodeError as error:
                    self.refuse("this is not text in UTF-8", cause=error)
                except (OSError, EOFError, zlib.error) as error:
                    if isinstance(error, OSError) and error.errno is not None:  # not the data, but the disk
                        raise OSError(error.errno, error.strerror, str(self.path)) from error
                    self.refuse(f"the compressed data is damaged ({error})", cause=error)
                size += len(line)
                if len(line) > MAX_LINE:
                    self.refuse(f"is longer than {MAX_LINE} bytes")
                # Of what was read so far, so that it takes no longer for a larger file.
                if opener is not None and size > MAX_EXPANSION * raw.tell() + EXPANSION_FROM:
                    what = f"the file expands to more than {MAX_EXPANSION} times its size, which is rare for data"
                    self.refuse(f"{what}; if it is right, decompress it first")
                if not line:
                    self.number -= 1
                    return
                yield text


def _dense(lines: _Lines, n: int, p: int) -> None:
    if n * p > MAX_ENTRIES:
        lines.refuse(f"{n} samples with {p} features are too many for the dense arrays used here")


def _libsvm(path: Path) -> Problem:
    lines = _Lines(path)
    labels: list[str] = []
    numbers, ends, indices, values = array("q"), array("q"), array("q"), array("d")
    lowest, highest = 1, 0
    for line in lines:
        label, *features = line.split("#", 1)[0].split() or [""]
        if not label:
            continue
        try:
            if "_" in line or "," in label:  # Python reads 1_000 as a number
                raise ValueError
            float(label)
            pairs = [feature.split(":") for feature in features if not feature.startswith("qid:")]
            own = [int(index) for index, _ in pairs]
            row = [float(value) for _, value in pairs]
            if any(later <= earlier for earlier, later in zip([-1, *own], own)):
                raise ValueError
        except ValueError as error:
            lines.refuse(_fault(label, features), cause=error)
        if not np.isfinite(row).all():
            lines.refuse("a value is not a finite number")
        lowest, highest = min([lowest, *own[:1]]), max([highest, *own[-1:]])
        labels.append(label)
        numbers.append(lines.number)
        _dense(lines, len(labels), highest + 1 - lowest)
        indices.extend(own)
        values.extend(row)
        ends.append(len(values))
    if not labels:
        raise DataError(f"{path}: holds no samples")
    if not values:
        raise DataError(f"{path}: holds labels but no features")
    y, classes = _classes(lines, labels, numbers, integers=True)
    x = np.zeros((highest + 1 - lowest, len(labels)))
    start, rows, entries = 0, np.asarray(indices), np.asarray(values)
    for sample, end in enumerate(ends):
        x[rows[start:end] - lowest, sample] = entries[start:end]
        start = end
    return x, y, classes


def _fault(label: str, features: Sequence[str]) -> str:
    """The fault of a line that is not of the form `label index:value index:value ...`."""
    shown = label if len(label) <= 30 else label[:27] + "..."
    if "," in label:
        return f"several labels in {shown!r}; one per sample is expected (is it a CSV file? Call it something.csv)"
    if label.startswith("\ufeff"):
        return "the file starts with a byte order mark; save it as UTF-8 without one"
    if not _is_number(label):
        return f"the label {shown!r} is not a number"
    previous = -1
    for feature in features:
        index, colon, value = feature.partition(":")
        if index == "qid":
            continue
        if not (colon and index.isdecimal() and _is_number(value)):
            return f"{feature[:30]!r} is not of the form index:value"
        if int(index) <= previous:
            return f"index {index} comes after {previous}; they must increase"
        previous = int(index)
    return "this is not of the form label index:value index:value ..."


def _csv(path: Path) -> Problem:
    lines = _Lines(path)
    rows = _rows(lines)
    values, labels, numbers = array("d"), list[str](), array("q")
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path}: holds no samples")
    names = [field.strip() for field in first]
    numbered = any(_is_number(name) for name in names) and not any(name.lower() in LABELS for name in names)
    header = None if numbered else names
    columns, at = len(first), len(first) - 1
    if columns < 2:
        lines.refuse("one column alone; there must be features and a label, with a comma between them")
    if header is not None:
        at = _label_column(lines, header)
    for row in rows if header is not None else _chained(first, rows):
        if len(row) != columns:
            lines.refuse(f"{len(row)} fields, but the first line has {columns}")
        label = row.pop(at).strip()
        if not label:
            lines.refuse("the label is empty")
        try:
            if "_" in "".join(row):
                raise ValueError
            numeric = [float(field) for field in row]
        except ValueError as error:
            k = next(k for k, field in enumerate(row) if not _is_number(field))
            lines.refuse(f"{_column(header, k, at)}: {_no_number(row[k])}", cause=error)
        if not np.isfinite(numeric).all():
            k = int(np.flatnonzero(~np.isfinite(numeric))[0])
            lines.refuse(f"{_column(header, k, at)}: {row[k].strip()!r} is a value that is not a finite number")
        labels.append(label)
        numbers.append(lines.number)
        _dense(lines, len(labels), columns - 1)
        values.extend(numeric)
    if not labels:
        raise DataError(f"{path}: holds no samples")
    y, classes = _classes(lines, labels, numbers, integers=False)
    return np.ascontiguousarray(np.reshape(values, (len(labels), columns - 1)).T), y, classes


def _rows(lines: _Lines) -> Iterator[list[str]]:
    """The rows of a CSV file that are not blank; the separator is what the first of them has most of."""
    texts = iter(lines)
    first = next((text for text in texts if text.strip("\ufeff \t\r\n")), None)
    if first is None:
        return
    first = first.removeprefix("\ufeff")  # spreadsheets write one
    separator = max(",;\t", key=first.count)
    reader = csv.reader(_chained(first, texts), delimiter=separator, strict=True, skipinitialspace=separator != "\t")
    try:
        yield from (row for row in reader if any(field.strip() for field in row))
    except csv.Error as error:
        lines.refuse(f"is not in CSV format ({error})", cause=error)


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _label_column(lines: _Lines, header: list[str]) -> int:
    """The column of labels: the one with such a name, or else the last. Beside a column x, y is a coordinate."""
    names = [name.lower() for name in header]
    if "" in names:
        lines.refuse(f"column {names.index('') + 1} has no name; if it numbers the rows, take it out")
    known = [name for name in LABELS if name in names and not (name == "y" and "x" in names)]
    return names.index(known[0]) if known else len(names) - 1


def _column(header: list[str] | None, k: int, at: int) -> str:
    """How the message calls the feature k, where the label is in the column `at`."""
    k += k >= at
    return f"column {k + 1}" if header is None else f"column {header[k]!r}"


def _no_number(field: str) -> str:
    field = field.strip()
    if not field or field.lower() in ("?", "na", "n/a", "null", "none"):
        return "the value is missing; fill it in, or take the line out"
    shown = field if len(field) <= 30 else field[:27] + "..."
    return f"{shown!r} is not a number; encode categories as numbers"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _classes(
    lines: _Lines, labels: list[str], numbers: Sequence[int], integers: bool
) -> tuple[Labels, tuple[str, ...]]:
    """The labels 0..k-1, and the names of the classes: in the order of their numbers, or of their letters."""
    if integers or all(_is_number(label) for label in set(labels)):
        value = {label: _integer(label) for label in set(labels)}
        for label, number in zip(labels, numbers):
            if value[label] is None:
                shown = f"{float(label):g}" if _is_number(label) else repr(label)
                what = f"label {shown} is not an integer; this is classification, every label names a class"
                lines.refuse(what, number)
        named = {label: str(found) for label, found in value.items()}
        classes = tuple(str(found) for found in sorted({found for found in value.values() if found is not None}))
    else:
        named = {label: label for label in labels}
        classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise DataError(
            f"{lines.path}: all {len(labels)} labels are {classes[0]}; a classification needs two classes or more"
        )
    position = {name: j for j, name in enumerate(classes)}
    return np.array([position[named[label]] for label in labels], dtype=np.intp), classes


def _integer(label: str) -> int | None:
    """The integer that a label is, exactly; None if it is none (or has more than 100 digits)."""
    try:
        value = Decimal(label)
    except InvalidOperation:
        return None
    if not value.is_finite() or value.adjusted() > 100 or value != value.to_integral_value():
        return None
    return int(value)
