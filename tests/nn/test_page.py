"""The network's page, without a browser: what is recorded, what is in the file, and the command."""

import base64
import json
import re

import numpy as np
import pytest

from nn import page as network_page
from nn.__main__ import main
from nn.backprop import gradient
from nn.data import Dataset, load, one_hot
from nn.mlp import init, parameters
from nn.page import DEPTHS, flat, page, record, times
from nn.train import train

EVIL = '</script><img src=x onerror="window.hit=1"><b id=evil>'


@pytest.fixture(scope="module")
def recording():
    return record(load("two_arcs", rng=0), hidden=2, steps=30, seed=0)


def data_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_recording_is_the_training(recording) -> None:
    """Its frames are the parameters on the way, its checks what backpropagation by hand finds there."""
    data = load("two_arcs", rng=0)
    x, Y = data.x_train, one_hot(data.y_train, 2)
    start = init([2, 8, 8, 2], np.random.default_rng([0, 2]))
    result = train(*start, x, Y, 30, progress=None)
    assert recording.at[0] == 0
    assert recording.at[-1] == 30
    assert recording.frames.shape == (len(recording.at), parameters(recording.widths))
    np.testing.assert_array_equal(recording.frames[0], flat(*start))
    np.testing.assert_array_equal(recording.frames[-1], flat(result.A, result.b))
    middle = train(*start, x, Y, recording.at[5], progress=None)
    np.testing.assert_array_equal(recording.frames[5], flat(middle.A, middle.b))
    np.testing.assert_allclose(recording.loss * x.shape[1], result.history.loss, rtol=1e-15)
    for check, (A, b) in zip(recording.checks, (start, (result.A, result.b)), strict=True):
        loss, gA, gb = gradient(A, b, x, Y)
        assert check.loss == pytest.approx(loss, rel=1e-13)
        np.testing.assert_allclose(check.gradient, flat(gA, gb), rtol=1e-10, atol=1e-12 * max(check.summed))
        leaves = [np.max(np.abs(g)) for g in (*gA, *gb)]
        assert all(summed >= leaf * (1 - 1e-12) for summed, leaf in zip(check.summed, leaves, strict=True))


@pytest.mark.parametrize("steps", [1, 2, 50, 90, 4000])
def test_frames_are_in_order_and_have_both_ends(steps: int) -> None:
    at = times(steps)
    assert at == sorted(set(at))
    assert (at[0], at[-1]) == (0, steps)
    assert len(at) <= network_page.FRAMES


def test_the_page_is_one_file(tmp_path, capsys) -> None:
    out = tmp_path / "new" / "page.html"
    assert main(["page", "--steps", "3", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"The page: {out} (" in said
    assert "Open it in a browser" in said
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]
    text = out.read_text(encoding="utf-8")
    assert not re.search(r"https?:|//\w+\.\w|(src|href)=\"(?!#)", text)
    assert "default-src &#x27;none&#x27;" in text
    found = data_of(text)
    assert [len(network["widths"]) - 2 for network in found["networks"]] == list(DEPTHS)
    assert len(text) < 2_000_000
    assert text.count("<h1") == 1
    numbers = np.frombuffer(base64.b64decode(found["x"]), "<f8").reshape(2, -1)
    np.testing.assert_array_equal(numbers, load("spiral", rng=0).x_train)
    assert text.count("function value_and_grad_objective(") == len(DEPTHS)


def test_a_page_of_full_length_is_small_enough() -> None:
    """What grows with the number of steps is kept at a fixed number of them."""
    sizes = [
        8 * 4 / 3 * len(times(steps)) * sum(parameters([2, *[network_page.WIDTH] * hidden, 6]) for hidden in DEPTHS)
        for steps in (4000, 10**6)
    ]
    assert max(sizes) < 1_500_000


def test_hostile_names_stay_text(recording) -> None:
    x = np.zeros((2, 4))
    y = np.array([0, 1, 0, 1])
    text = page(Dataset(EVIL, x, y, x, y, (EVIL, "1")), [recording])
    assert EVIL not in text
    assert text.lower().count("</script>") == 2
    found = data_of(text)
    assert found["name"] == EVIL
    assert found["classes"] == [EVIL, "1"]


@pytest.mark.parametrize(
    ("features", "classes", "samples", "words"),
    [(3, 2, 9, "3 features"), (2, 7, 9, "7 classes"), (2, 2, 2001, "2001 samples to learn from")],
)
def test_data_that_the_page_cannot_show(features: int, classes: int, samples: int, words: str) -> None:
    x, y = np.zeros((features, samples)), np.zeros(samples, dtype=np.intp)
    with pytest.raises(ValueError, match=words):
        network_page.check(Dataset("them", x, y, x, y, tuple(map(str, range(classes)))))


def test_what_cannot_be_written_is_found_out_first(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(network_page, "record", lambda *_, **__: pytest.fail("trained in vain"))
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for out in (tmp_path, tmp_path / "file" / "page.html"):
        assert main(["page", "--out", str(out)]) == 2
        said, errors = capsys.readouterr()
        assert said == ""
        assert errors.count("\n") == 1
        assert str(tmp_path) in errors


def test_a_page_that_fails_leaves_the_old_one(tmp_path, capsys) -> None:
    out = tmp_path / "page.html"
    out.write_text("the old page", encoding="utf-8")
    assert main(["page", "--data", "nowhere", "--out", str(out)]) == 2
    assert "no such file" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "the old page"
    assert list(tmp_path.iterdir()) == [out]


def test_the_same_seed_gives_the_same_page(tmp_path) -> None:
    texts = []
    for name in ("one", "other"):
        network_page.run(tmp_path / name, seed=4, data="two_arcs", steps=2, bar=False)
        texts.append((tmp_path / name).read_text(encoding="utf-8"))
    assert texts[0] == texts[1]


def test_an_interruption_is_told_in_one_line(tmp_path, capsys, monkeypatch) -> None:
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(network_page, "record", interrupted)
    assert main(["page", "--out", str(tmp_path / "page.html")]) == 130
    assert capsys.readouterr() == ("", "python -m nn: interrupted; no page was written\n")
    assert list(tmp_path.iterdir()) == []


def test_help_explains_every_option(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["page", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("--out", "--seed", "--data", "--steps", "--quick"))
