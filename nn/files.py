"""Classification problems in files: LibSVM and CSV text, plain or compressed, read line by line in bounded memory.

`read` returns all samples as one array, `Blocks` those of a file of any size block by block, and `unseen` those that a
network is asked about. Every message names the file and the line. What is no file (a pipe) is refused before it is
opened, and a small file that expands without end is refused while it is read.
"""

import bz2
import csv
import gzip
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from minigrad.errors import MinigradError
from nn.arrays import Array, Labels
from nn.samples import BLOCK, block_size

MAX_ENTRIES = 25_000_000  # a dense float64 array of 200 MB
MAX_LINE = 2**26  # bytes; a line of MAX_ENTRIES numbers is no sample of anything
MAX_EXPANSION = 100  # bytes of text for one byte of a compressed file; text of numbers has 2 to 30
EXPANSION_FROM = 2**22  # bytes of text that are never too many
MAX_CLASSES = 10_000
LABELS = ("label", "class", "target", "y")  # the names of the column of labels, the first that is there

Problem = tuple[Array, Labels, tuple[str, ...]]


class DataError(MinigradError, ValueError):
    """A file that is not a classification problem, or not in its format; the message says which and where."""


@dataclass(frozen=True)
class Form:
    """What the samples of a file have in common, and what those must have that a network is asked about later.

    Attributes:
        p: the number of features.
        first: the index of the first feature in LibSVM text, 0 or 1.
        names: of the features, in a CSV file with a header; empty otherwise.
    """

    p: int
    first: int = 1
    names: tuple[str, ...] = ()


class Sample(NamedTuple):
    """A line of a file: the label, None if there is none; the values, and in LibSVM text their indices."""

    label: str | None
    values: list[float]
    indices: list[int] | None = None


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
    reader = _reader(path)
    labels, values, indices, ends = _Labels(reader), array("d"), array("q"), array("q")
    for sample in reader:
        labels.add(sample)
        n = len(labels.codes)
        if n * reader.form.p > MAX_ENTRIES:
            what = f"{n} samples with {reader.form.p} features are too many for the dense arrays used here"
            reader.lines.refuse(f"{what}; nn.files.Blocks reads files of any size")
        values.extend(sample.values)
        if sample.indices is not None:
            indices.extend(sample.indices)
            ends.append(len(values))
    y, classes = labels.found()
    form = reader.form
    if not ends:
        return np.ascontiguousarray(np.reshape(values, (y.size, form.p)).T), y, classes
    x = np.zeros((form.p, y.size))
    start, rows, entries = 0, np.asarray(indices), np.asarray(values)
    for j, end in enumerate(ends):
        x[rows[start:end] - form.first, j] = entries[start:end]
        start = end
    return x, y, classes


class Blocks:
    """The samples of a file, block by block, as often as they are asked for; the file may be larger than memory.

    It reads the file once to find out its size and its classes. A loop over it reads it again, and so on.

    Args:
        path: the file, as `read` takes it.
        size: samples in a block; as many as make 16 MB if None.
        watch: called with how many samples were read since the last call, while the file is read the first time.

    Attributes:
        form: what the samples have in common.
        y: the labels 0..k-1 of all samples, shape (n,).
        classes: the name of every class.
        entries: how many values the file holds; LibSVM text leaves out zeros.

    Raises:
        OSError: if the file cannot be opened.
        DataError: if it is not a classification problem; the message names the file and the line.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "petals.csv"
    >>> _ = path.write_text("length,width,label\\n1.4,0.2,setosa\\n4.7,1.4,versicolor\\n5.0,1.5,versicolor\\n")
    >>> blocks = Blocks(path, size=2)
    >>> blocks.form.names, blocks.classes
    (('length', 'width'), ('setosa', 'versicolor'))
    >>> [(x.shape, y.tolist()) for x, y in blocks]
    [((2, 2), [0, 1]), ((2, 1), [1])]
    """

    def __init__(self, path: Path, size: int | None = None, watch: Callable[[int], Any] | None = None) -> None:
        self.path, reader = path, _reader(path)
        labels, self.entries = _Labels(reader), 0
        for count, sample in enumerate(reader, start=1):
            labels.add(sample)
            self.entries += len(sample.values)
            if watch is not None and count % BLOCK == 0:
                watch(BLOCK)
        self.y, self.classes = labels.found()
        self.form = reader.form
        self._positions = labels.positions(self.classes)
        self._size = block_size(self.form.p) if size is None else size

    def __iter__(self) -> Iterator[tuple[Array, Labels]]:
        """The samples, shape (p, m), and the labels, shape (m,), of one block after another."""
        reader = _reader(self.path)
        for x, samples, _ in _together(reader, self.form, self._size):
            if reader.form.names != self.form.names or any(s.label not in self._positions for s in samples):
                reader.lines.refuse("the file has changed since it was read the first time")
            yield x, np.array([self._positions[str(s.label)] for s in samples], dtype=np.intp)

    def sparse(self) -> Any:
        """All samples of LibSVM text as a sparse matrix of SciPy, shape (p, n).

        Raises:
            ImportError: if SciPy is missing.
            DataError: if there are more values than memory should hold.
        """
        try:
            from scipy import sparse  # type: ignore[import-untyped]  # here because it is an extra, and slow to import
        except ImportError as error:
            raise ImportError(f"{self.path}: SciPy is needed for sparse data: pip install scipy") from error
        if self.entries > MAX_ENTRIES:
            raise DataError(f"{self.path}: {self.entries} values are too many to keep, which {MAX_ENTRIES} may be")
        values, indices, ends = array("d"), array("q"), array("q", [0])
        for sample in _reader(self.path):
            values.extend(sample.values)
            indices.extend(sample.indices or ())
            ends.append(len(values))
        content = np.asarray(values), np.asarray(indices) - self.form.first, np.asarray(ends)
        return sparse.csr_array(content, shape=(self.y.size, self.form.p)).T


def unseen(path: Path, form: Form, classes: Sequence[str]) -> Iterator[tuple[Array, Labels | None, list[int]]]:
    """The samples of a file that a network is asked about, block by block: with labels, or without.

    Args:
        path: the file, as `read` takes it.
        form: that of the samples that the network was trained with.
        classes: their names.

    Yields:
        The samples, shape (p, m), their labels, shape (m,), or None if the file has none, and their lines' numbers.

    Raises:
        OSError: if the file cannot be opened.
        DataError: if the number of features, their names or a label is another; the message names the line.
    """
    positions = {name: j for j, name in enumerate(classes)}
    reader = _reader(path, form)
    for x, samples, numbers in _together(reader, form, block_size(form.p)):
        if samples[0].label is None:
            yield x, None, numbers
            continue
        labels = []
        for sample, number in zip(samples, numbers):
            label = str(sample.label)
            at = positions.get(label, positions.get(str(_integer(label))))
            if at is None:
                known = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
                reader.lines.refuse(f"the label {_shown(label)} is none of those the network knows: {known}", number)
            labels.append(at)
        yield x, np.array(labels, dtype=np.intp), numbers


def _together(reader: "_Csv | _LibSvm", form: Form, size: int) -> Iterator[tuple[Array, list[Sample], list[int]]]:
    """So many samples at a time as a dense array (p, m), with what was read and the numbers of the lines."""
    samples: list[Sample] = []
    numbers: list[int] = []
    some = False
    for sample in reader:
        some = True
        if reader.form.p > form.p or (sample.indices is None and len(sample.values) != form.p):
            reader.lines.refuse(f"{reader.form.p} features, where {form.p} are expected")
        samples.append(sample)
        numbers.append(reader.lines.number)
        if len(samples) == size:
            yield _dense(samples, form), samples, numbers
            samples, numbers = [], []
    if samples:
        yield _dense(samples, form), samples, numbers
    elif not some:
        raise DataError(f"{reader.lines.path}: holds no samples")


def _dense(samples: list[Sample], form: Form) -> Array:
    if samples[0].indices is None:
        return np.array([sample.values for sample in samples], dtype=np.float64).T
    x = np.zeros((form.p, len(samples)))
    for j, sample in enumerate(samples):
        x[np.array(sample.indices, dtype=np.intp) - form.first, j] = sample.values
    return x


def _reader(path: Path, form: Form | None = None) -> "_Csv | _LibSvm":
    if not path.is_file():
        path.stat()  # says what is wrong with the path, if something is
        raise DataError(
            f"{path}: is not a file; a pipe or a device may never end, so write its content to a file first"
        )
    return _Csv(_Lines(path), form) if _is_csv(path) else _LibSvm(_Lines(path), form)


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


class _LibSvm:
    """The samples of LibSVM text one by one; `form` is that of those which were read.

    Args:
        lines: of the file.
        expected: what the samples must have; then labels may be missing. None for samples to learn from.
    """

    integers = True  # whether labels must be integers

    def __init__(self, lines: _Lines, expected: Form | None) -> None:
        self.lines, self._expected = lines, expected
        self._lowest, self._highest = 1, 0

    @property
    def form(self) -> Form:
        """Of what was read so far."""
        return self._expected or Form(self._highest + 1 - self._lowest, self._lowest)

    def __iter__(self) -> Iterator[Sample]:
        lines, labelled = self.lines, None
        for line in lines:
            label, *features = line.split("#", 1)[0].split() or [""]
            if not label:
                continue
            if self._expected is not None:
                has_label = ":" not in label
                if labelled not in (None, has_label):
                    lines.refuse("some lines have a label and others have none")
                labelled = has_label
                if not has_label:
                    label, features = "0", [label, *features]
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
            self._lowest, self._highest = min([self._lowest, *own[:1]]), max([self._highest, *own[-1:]])
            if self._expected is not None:
                self._refuse_other(own)
            yield Sample(None if labelled is False else label, row, own)

    def _refuse_other(self, own: list[int]) -> None:
        assert self._expected is not None
        p, first = self._expected.p, self._expected.first
        for index in own[:1] + own[-1:]:
            if not first <= index < first + p:
                what = f"index {index}, which is feature {index + 1 - first}; the network was trained with {p} features"
                self.lines.refuse(f"{what}, whose indices are {first} to {first + p - 1}")


def _fault(label: str, features: Sequence[str]) -> str:
    """The fault of a line that is not of the form `label index:value index:value ...`."""
    if "," in label:
        return (
            f"several labels in {_shown(label)}; one per sample is expected (is it a CSV file? Call it something.csv)"
        )
    if label.startswith("\ufeff"):
        return "the file starts with a byte order mark; save it as UTF-8 without one"
    if not _is_number(label):
        return f"the label {_shown(label)} is not a number"
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


class _Csv:
    """The rows of a CSV file one by one; `form` is that of all of them, once the first was read.

    Args:
        lines: of the file.
        expected: what the samples must have; then labels may be missing. None for samples to learn from.
    """

    integers = False

    def __init__(self, lines: _Lines, expected: Form | None) -> None:
        self.lines, self._expected = lines, expected
        self.form = Form(0)

    def __iter__(self) -> Iterator[Sample]:
        lines, rows = self.lines, _rows(self.lines)
        first = next(rows, None)
        if first is None:
            return
        names = [field.strip() for field in first]
        numbered = any(_is_number(name) for name in names) and not any(name.lower() in LABELS for name in names)
        header, columns = None if numbered else names, len(first)
        at = self._label_column(header, columns)
        named = () if header is None else tuple(name for k, name in enumerate(header) if k != at)
        self.form = Form(columns - (at is not None), names=named)
        self._refuse_other(columns, header, at)
        for row in rows if header is not None else _chained(first, rows):
            if len(row) != columns:
                lines.refuse(f"{len(row)} fields, but the first line has {columns}")
            label = None if at is None else row.pop(at).strip()
            if label == "":
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
            yield Sample(label, numeric)

    def _label_column(self, header: list[str] | None, columns: int) -> int | None:
        """The column of labels: the one with such a name, or else the last. Beside a column x, y is a coordinate."""
        expected = self._expected
        if expected is not None and (columns == expected.p or tuple(header or ()) == expected.names != ()):
            return None
        if columns < 2:
            self.lines.refuse("one column alone; there must be features and a label, with a comma between them")
        if header is None:
            return columns - 1
        names = [name.lower() for name in header]
        if "" in names:
            self.lines.refuse(f"column {names.index('') + 1} has no name; if it numbers the rows, take it out")
        known = [name for name in LABELS if name in names and not (name == "y" and "x" in names)]
        return names.index(known[0]) if known else columns - 1

    def _refuse_other(self, columns: int, header: list[str] | None, at: int | None) -> None:
        expected = self._expected
        if expected is None:
            return
        if self.form.p != expected.p:
            what = f"{self.form.p} features and a label, or {columns} features; the network was trained with"
            self.lines.refuse(f"{what} {expected.p} features")
        for k, (name, before) in enumerate(zip(self.form.names, expected.names)):
            if name != before:
                self.lines.refuse(f"{_column(header, k, at)} was {before!r} when the network was trained")


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


def _column(header: list[str] | None, k: int, at: int | None) -> str:
    """How the message calls the feature k, where the label is in the column `at`, if there is one."""
    k += at is not None and k >= at
    return f"column {k + 1}" if header is None else f"column {header[k]!r}"


def _no_number(field: str) -> str:
    field = field.strip()
    if not field or field.lower() in ("?", "na", "n/a", "null", "none"):
        return "the value is missing; fill it in, or take the line out"
    return f"{_shown(field)} is not a number; encode categories as numbers"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:27] + "...")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


class _Labels:
    """The labels of all samples: a number for each, and a text for each of these numbers."""

    def __init__(self, reader: _Csv | _LibSvm) -> None:
        self.codes = array("q")
        self._reader, self._code, self._lines = reader, dict[str, int](), array("q")

    def add(self, sample: Sample) -> None:
        """Take the label of the next sample."""
        text = str(sample.label)
        code = self._code.setdefault(text, len(self._code))
        if code == len(self._lines):
            self._lines.append(self._reader.lines.number)
            if code == MAX_CLASSES:
                self._named()
                what = f"more than {MAX_CLASSES} different labels; this is classification, every label names a class"
                self._reader.lines.refuse(what)
        self.codes.append(code)

    def found(self) -> tuple[Labels, tuple[str, ...]]:
        """The labels 0..k-1, and the names of the classes: in the order of their numbers, or of their letters."""
        path = self._reader.lines.path
        if not self.codes:
            raise DataError(f"{path}: holds no samples")
        if not self._reader.form.p:
            raise DataError(f"{path}: holds labels but no features")
        named = self._named()
        integers = self._are_integers()
        classes = tuple(sorted(set(named), key=int if integers else str))
        if len(classes) < 2:
            n = len(self.codes)
            raise DataError(f"{path}: all {n} labels are {classes[0]}; a classification needs two classes or more")
        positions = self.positions(classes)
        return np.array([positions[text] for text in self._code], dtype=np.intp)[np.asarray(self.codes)], classes

    def positions(self, classes: Sequence[str]) -> dict[str, int]:
        """The class of each text that names one."""
        position = {name: j for j, name in enumerate(classes)}
        return {text: position[name] for text, name in zip(self._code, self._named())}

    def _are_integers(self) -> bool:
        return self._reader.integers or all(map(_is_number, self._code))

    def _named(self) -> list[str]:
        """The name of the class for each different text."""
        if not self._are_integers():
            return list(self._code)
        named = []
        for text, line in zip(self._code, self._lines):
            value = _integer(text)
            if value is None:
                shown = f"{float(text):g}" if _is_number(text) else repr(text)
                what = f"label {shown} is not an integer; this is classification, every label names a class"
                self._reader.lines.refuse(what, line)
            named.append(str(value))
        return named


def _integer(label: str) -> int | None:
    """The integer that a label is, exactly; None if it is none (or has more than 100 digits)."""
    try:
        value = Decimal(label)
    except InvalidOperation:
        return None
    if not value.is_finite() or value.adjusted() > 100 or value != value.to_integral_value():
        return None
    return int(value)
