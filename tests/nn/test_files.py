"""Files with classification problems: CSV and LibSVM, what is refused, and how much memory reading takes."""

import bz2
import gzip
import os
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn import data, files

IRIS = "4.9,3.0,setosa\n7.0,3.2,versicolor\n5.1,3.5,setosa\n6.4,3.2,versicolor\n"


def write(folder, text, name="some.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        IRIS,
        "length,width,kind\n" + IRIS,
        "\ufefflength,width,kind\n" + IRIS,
        '"length","width","kind"\r\n' + IRIS.replace("\n", "\r\n"),
        "\n" + IRIS.replace("\n", "\n\n"),
        IRIS.replace(",", ";"),
        IRIS.replace(",", "\t"),
        IRIS.replace(",", " , "),
        "label,0,1\n" + "".join(f"{c},{a},{b}\n" for a, b, c in (line.split(",") for line in IRIS.split())),
        "a,Class,kind\n" + "".join(f"{a},{c},{b}\n" for a, b, c in (line.split(",") for line in IRIS.split())),
        "x,target,y\n" + "".join(f"{a},{c},{b}\n" for a, b, c in (line.split(",") for line in IRIS.split())),
        "x,y,colour\n" + IRIS,
    ],
)
def test_csv_with_and_without_a_header_and_the_label_in_a_named_column(tmp_path, text):
    x, y, classes = files.read(write(tmp_path, text))
    assert x.tolist() == [[4.9, 7.0, 5.1, 6.4], [3.0, 3.2, 3.5, 3.2]]
    assert x.flags.c_contiguous
    assert y.tolist() == [0, 1, 0, 1]
    assert classes == ("setosa", "versicolor")


def test_labels_that_are_numbers_stand_in_the_order_of_numbers(tmp_path):
    _, y, classes = files.read(write(tmp_path, "1,10\n2,9\n3,10.0\n4,-1\n"))
    assert classes == ("-1", "9", "10")
    assert y.tolist() == [2, 1, 2, 0]


@pytest.mark.parametrize("name", ["exact.csv", "exact.libsvm"])
def test_large_labels_are_kept_exactly(tmp_path, name):
    labels = [2**53, 2**53 + 1, 10**30 + 1, 10**30]
    form = "{x},{y}\n" if name.endswith("csv") else "{y} 1:{x}\n"
    path = write(tmp_path, "".join(form.format(x=i, y=label) for i, label in enumerate(labels)), name)
    _, y, classes = files.read(path)
    assert classes == tuple(str(label) for label in sorted(labels))
    assert y.tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize("kind", ["csv", "libsvm"])
@pytest.mark.parametrize(("ending", "opener"), [("gz", gzip), ("bz2", bz2)])
def test_compressed_files(tmp_path, kind, ending, opener):
    path = tmp_path / f"some.{kind}.{ending}"
    text = IRIS if kind == "csv" else "1 1:2 3:1\n\n2 2:5 # last\n"
    with opener.open(path, "wt") as file:
        file.write(text)
    x, y, _ = files.read(path)
    assert y.tolist() == ([0, 1, 0, 1] if kind == "csv" else [0, 1])
    assert x.shape == ((2, 4) if kind == "csv" else (3, 2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-6])
    with pytest.raises(files.DataError, match=rf"{path.name}: line \d+: the compressed data is damaged"):
        files.read(path)
    damaged = bytearray(whole)
    damaged[-6] ^= 255  # within the check sum
    path.write_bytes(damaged)
    with pytest.raises(files.DataError, match=rf"{path.name}: line \d+: the compressed data is damaged"):
        files.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no samples"),
        ("\n \n", "holds no samples"),
        ("a,b,label\n", "holds no samples"),
        ("1\n2\n", "line 1: one column alone"),
        ("1,2,a\n3,b\n", "line 2: 2 fields, but the first line has 3"),
        ("1,2,a\n\n3,4,b,c\n", "line 3: 4 fields, but the first line has 3"),
        ("a,b,label\n1,2,a\n3,x,b\n", "line 3: column 'b': 'x' is not a number; encode categories"),
        ("label,b,c\n1,2,4\n3,1,\n", "line 3: column 'c': the value is missing"),
        ("1,2,a\n3,?,b\n", "line 2: column 2: the value is missing"),
        ("1,2,a\n3,nan,b\n", "line 2: column 2: 'nan' is a value that is not a finite number"),
        ("1,2,a\n-inf,1,b\n", "line 2: column 1: '-inf' is a value that is not a finite number"),
        ("1,2,a\n1_0,1,b\n", "line 2: column 1: '1_0' is not a number"),
        ("1,2,a\n1,1,\n", "line 2: the label is empty"),
        ("1,2,1\n1,1,1.5\n", "line 2: label 1.5 is not an integer"),
        ("1,2,a\n1,1,a\n", "all 2 labels are a"),
        (",a,label\n0,1,a\n", "line 1: column 1 has no name; if it numbers the rows"),
        ('1,2,a\n1,"2,b\n3,4,a\n', "line 3: is not in CSV format"),
    ],
)
def test_csv_files_that_do_not_fit_say_why_and_where(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(files.DataError) as caught:
        data.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["some.csv", "some.libsvm"])
def test_other_encodings_are_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes("1,2,rot\n1,2,grün\n".encode("latin-1"))
    with pytest.raises(files.DataError, match="line"):
        files.read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["pipe", "pipe.csv", "pipe.gz"])
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(files.DataError, match="is not a file; a pipe"):
        data.load(tmp_path / name)


@pytest.mark.parametrize("line", [b"\n", b"0", b"1 1:1\n"])
@pytest.mark.parametrize("name", ["bomb.gz", "bomb.csv.gz", "bomb.bz2"])
def test_a_small_file_that_expands_without_end_is_refused(tmp_path, monkeypatch, name, line):
    monkeypatch.setattr(files, "EXPANSION_FROM", 10_000)
    monkeypatch.setattr(files, "MAX_LINE", 100_000)
    path = tmp_path / name
    if "csv" in name:
        line = line.replace(b" 1:1", b",1")
    path.write_bytes((bz2 if name.endswith("bz2") else gzip).compress(line * 200_000))
    with pytest.raises(files.DataError, match=r"line \d+: (the file expands to more than|is longer than)"):
        files.read(path)


def test_a_larger_bomb_takes_no_longer(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "EXPANSION_FROM", 10_000)
    monkeypatch.setattr(files, "MAX_EXPANSION", 10)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\n" * 1_000_000) * 400)
    with pytest.raises(files.DataError, match="expands to more than") as caught:
        files.read(path)
    assert (
        int(str(caught.value).split("line ")[1].split(":")[0]) < 2_000_000
    )  # of 4 million that the whole file would allow


def test_a_huge_index_in_a_small_file_takes_no_memory(tmp_path):
    path = write(tmp_path, "".join(f"{i % 2} 1:1 2000000:1\n" for i in range(20)), "wide.libsvm")
    tracemalloc.start()
    try:
        with pytest.raises(files.DataError, match="line 13: 13 samples with 2000000 features are too many"):
            files.read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["dense.csv", "dense.libsvm"])
def test_reading_takes_a_small_multiple_of_the_data(tmp_path, name):
    rows = np.random.default_rng(0).integers(0, 100, (400, 150))
    if name.endswith("csv"):
        text = "".join(f"{','.join(map(str, row))},{i % 2}\n" for i, row in enumerate(rows))
    else:
        text = "".join(f"{i % 2} {' '.join(f'{k}:{v}' for k, v in enumerate(row))}\n" for i, row in enumerate(rows))
    path = write(tmp_path, text, name)
    tracemalloc.start()
    try:
        loaded = data.load(path, rng=0)
        assert loaded.p == 150
        assert tracemalloc.get_traced_memory()[1] < 5 * rows.size * 8
    finally:
        tracemalloc.stop()


@given(
    st.binary(max_size=100)
    | st.text(alphabet="0123456789.,;:eE+-naif \"'\n\r\t#_", max_size=120).map(str.encode)
    | st.sampled_from([IRIS, "1 1:2 3:4\n-1 2:1\n"]).map(str.encode),
    st.sampled_from(["x.csv", "x.libsvm", "x.tsv", "x.csv.gz", "x.bz2"]),
    st.booleans(),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_a_file_it_is_read_or_refused_by_name(tmp_path, content, name, compressed):
    path = tmp_path / name
    if compressed and name.endswith(("gz", "bz2")):
        content = (gzip if name.endswith("gz") else bz2).compress(content)
    path.write_bytes(content)
    try:
        x, y, classes = files.read(path)
    except files.DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right
        if "too many for the dense" not in str(error):
            with pytest.raises(files.DataError, match=r"^" + re.escape(str(error))):
                files.Blocks(path)
    else:
        parts = list(files.Blocks(path, size=2))
        np.testing.assert_array_equal(np.concatenate([part for part, _ in parts], axis=1), x)
        np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), y)
        assert np.isfinite(x).all()
        assert x.shape == (x.shape[0], y.size)
        assert set(y.tolist()) == set(range(len(classes)))


@pytest.mark.parametrize("name", ["some.csv", "some.libsvm", "some.csv.gz"])
def test_blocks_are_the_samples_of_the_whole_as_often_as_they_are_asked_for(tmp_path, name):
    generator = np.random.default_rng(0)
    rows, labels = generator.integers(0, 9, (50, 3)), generator.integers(0, 3, 50)
    if "csv" in name:
        text = "".join(f"{','.join(map(str, row))},{c}\n" for row, c in zip(rows, labels, strict=True))
    else:
        text = "".join(f"{c} 1:{a} 3:{b}\n" for (a, _, b), c in zip(rows, labels, strict=True))
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    x, y, classes = files.read(path)
    blocks = files.Blocks(path, size=8)
    assert blocks.classes == classes
    np.testing.assert_array_equal(blocks.y, y)
    for _ in range(2):
        parts = list(blocks)
        assert [part.size for _, part in parts] == [8] * 6 + [2]
        np.testing.assert_array_equal(np.concatenate([part for part, _ in parts], axis=1), x)
        np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), y)
    if name.endswith("libsvm"):
        pytest.importorskip("scipy.sparse")
        np.testing.assert_array_equal(blocks.sparse().toarray(), x)


def test_a_file_that_changes_between_two_passes_is_refused(tmp_path):
    path = write(tmp_path, IRIS)
    blocks = files.Blocks(path)
    for changed, words in [(IRIS.replace("setosa", "rose"), "has changed"), ("1,2,3,setosa\n", "3 features, where 2")]:
        path.write_text(changed)
        with pytest.raises(files.DataError, match=rf"some\.csv: line \d: .*{words}"):
            list(blocks)


def test_the_blocks_of_a_large_file_take_the_memory_of_one(tmp_path):
    path = write(tmp_path, "".join(f"{'7,' * 30}{i % 2}\n" for i in range(3000)))
    tracemalloc.start()
    try:
        blocks = files.Blocks(path, size=100)
        assert sum(x.shape[1] for x, _ in blocks) == 3000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * 3000 * 30 * 8


def test_labels_without_end_take_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_CLASSES", 100)
    path = write(tmp_path, "".join(f"1,{i}\n" for i in range(200)))
    with pytest.raises(files.DataError, match="line 101: more than 100 different labels"):
        files.Blocks(path)
