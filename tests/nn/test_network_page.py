"""The network's page in a real browser: what it computes, playing, points, training, keyboard, widths and schemes."""

import functools
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CONTRAST, Opened, all_closed, chromium

from minigrad.show import page as pages
from nn.data import Dataset, load, one_hot
from nn.page import DEPTHS, flat, page, record, run
from nn.train import loss_and_gradient

STEPS = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def file(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "network.html"
    run(path, steps=STEPS, bar=False)
    return path


@pytest.fixture
def opened(browser: Any, file: Path) -> Iterator[Any]:
    with all_closed(browser) as open_page:
        yield functools.partial(open_page, file)


def state(page: Any, key: str) -> Any:
    return page.evaluate(f"network.state.{key}")


def image(page: Any, element: str = "#map") -> str:
    """What a canvas shows."""
    return str(page.evaluate(f"document.querySelector({element!r}).toDataURL()"))


def changed(page: Any, before: str, element: str = "#map") -> None:
    page.until(f"document.querySelector({element!r}).toDataURL() !== {before!r}")


# ----- what it computes -----------------------------------------------------------------------------------------------


def test_the_gradient_in_the_browser_is_that_of_numpy(opened: Any) -> None:
    """Every entry of every leaf, for each depth, also with other points; and what the page says of it is true."""
    page, data = opened(), load("spiral", rng=0)
    rng = np.random.default_rng(0)
    x = np.concatenate([data.x_train, rng.uniform(-1.0, 1.0, (2, 7))], axis=1)
    Y = one_hot(np.concatenate([data.y_train, [0, 1, 2, 2, 1, 0, 0]]), 3)
    for k, hidden in enumerate(DEPTHS):
        recording = record(data, hidden, steps=1, seed=0)
        A, b = page_parameters(recording.widths, recording.frames[0])
        loss, gA, gb = loss_and_gradient("eager", x, Y)(A, b)
        found_loss, found = page.evaluate(
            """([k, x, Y]) => {
              const of = network.recorded[k], [A, b] = network.unpacked(of.network.widths, of.frames[0]);
              const [loss, [gA, gb]] = of.program.gradient(A, b, network.np.array(x), network.np.array(Y));
              return [loss, [...network.packed(gA, gb)]];
            }""",
            [k, x.tolist(), Y.tolist()],
        )
        assert abs(found_loss - loss) <= 1e-12 * loss
        fA, fb = page_parameters(recording.widths, np.array(found))
        for one, other in zip((*fA, *fb), (*gA, *gb), strict=True):
            assert np.max(np.abs(one - other)) <= 1e-12 * np.max(np.abs(other))
        compared = page.evaluate(f"network.compared(network.recorded[{k}])")
        assert 0.0 <= compared["loss"] < 1e-13
        assert 0.0 < compared["gradient"] < 1e-13
    assert page.inner_text("#verdict").startswith("✓ Computed again in this browser")


def page_parameters(widths: list[int], vector: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The inverse of `nn.page.flat`."""
    A, b, at = [], [], 0
    for d_in, d_out in pairwise(widths):
        A.append(vector[at : at + d_out * d_in].reshape(d_out, d_in))
        at += d_out * d_in
        b.append(vector[at : at + d_out].reshape(d_out, 1))
        at += d_out
    np.testing.assert_array_equal(flat(A, b), vector)
    return A, b


def test_a_wrong_gradient_is_seen(browser: Any, tmp_path: Path) -> None:
    """The page does not only say that it agrees: with one sign turned, it says that it does not."""
    data = load("spiral", rng=0)
    text = page(data, [record(data, hidden=1, steps=2, seed=0)])
    script = text[text.rindex("<script>") + 8 : text.rindex("</script>")]
    turned = script.replace("np.add(1.0, np.multiply(u[r], u[r]))", "np.subtract(1.0, np.multiply(u[r], u[r]))")
    assert turned != script
    body = text[text.index("<body>") + 6 : text.rindex('<script type="application/json"')]
    json_text = text[text.index('id="data">') + 10 : text.index("</script>", text.index('id="data">'))]
    path = tmp_path / "wrong.html"
    path.write_text(pages.application("", pages.Html(body), style="", script=turned, data=json_text), encoding="utf-8")
    shown = Opened(browser, path)
    assert shown.inner_text("#verdict").startswith("✗ Not what NumPy computes")
    shown.close()


def test_training_again_takes_the_recorded_steps(opened: Any) -> None:
    """From the same start and with the same points, the page goes where `nn.train` went."""
    page = opened()
    page.keyboard.press("2")
    page.click("#train")
    page.until("!network.isTraining()")
    apart = page.evaluate(
        """() => {
          const [one, other] = [network.recorded[1], network.own[1]];
          const far = one.frames.map((f, k) => Math.max(...f.map((x, i) => Math.abs(x - other.frames[k][i]))));
          return [one.at.join() === other.at.join(), Math.max(...far)];
        }"""
    )
    assert apart[0]
    assert apart[1] < 1e-11
    assert state(page, "isOwn")
    assert "Trained here on 300 samples." in page.inner_text("#said")


def test_the_shown_numbers_are_those_of_the_frame(opened: Any) -> None:
    page, recording = opened(), record(load("spiral", rng=0), hidden=3, steps=STEPS, seed=0)
    page.focus("#range")
    page.press("Home")
    page.until("document.getElementById('step').textContent === '0 of 60'")
    assert page.inner_text("#loss").startswith(f"{recording.loss[0]:.3f} ")
    page.press("End")
    page.until("document.getElementById('step').textContent === '60 of 60'")
    assert page.inner_text("#loss").startswith(f"{recording.loss[-1]:.3f} ")


# ----- using it -------------------------------------------------------------------------------------------------------


def test_it_plays(opened: Any) -> None:
    page = opened()
    last = page.evaluate("network.run().frames.length") - 1
    assert state(page, "frame") == last  # the first thing that is seen is what was learnt
    end = image(page)
    page.click("#play")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.until("network.state.frame > 0")
    changed(page, end)
    page.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Play the training"
    page.press("Home", "ArrowRight", "ArrowRight", "ArrowLeft")
    assert state(page, "frame") == 1
    page.press("End")
    assert state(page, "frame") == last


def test_each_depth_has_its_own_training(opened: Any) -> None:
    page = opened()
    for k, hidden in enumerate(DEPTHS):
        page.locator("#depth label").nth(k).click()
        page.until(f"document.querySelectorAll('.neuron').length === {2 + 8 * hidden + 3}")
        assert page.locator("#layers canvas").count() == hidden + 2
        assert f"X[{hidden + 1}]" in page.inner_text("#programs")
        assert page.inner_text("#verdict").startswith("✓")


def test_both_languages_stand_line_by_line(opened: Any) -> None:
    """The JavaScript that is shown is the text of the function that runs."""
    page = opened()
    for name in ("gradient", "network"):
        page.select_option("#which", name)
        shown = "\n".join(page.locator("#programs .to").all_text_contents())
        assert shown == page.evaluate(f"String(network.PROGRAMS[2].{name})")
        python = page.locator("#programs .from").all_text_contents()
        assert len(python) == len(shown.split("\n"))
        at = python.index("    for r in range(R):")
        assert shown.split("\n")[at] == "  for (let r = 0; r < R; r++) {"


def test_points_are_added_and_learnt(opened: Any) -> None:
    """A click adds a point where it is, of the chosen class; the network trains on it; undo takes it back."""
    page = opened()
    page.locator("#ink label").nth(1).click()
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    (x, y, label), *rest = state(page, "added")
    assert (rest, label) == ([], 1)
    assert abs(x - 0.55) < 0.01
    assert abs(y - 0.55) < 0.01
    page.until("document.getElementById('said').textContent.startsWith('1 point added')")
    assert "primary" in page.get_attribute("#train", "class")
    page.click("#train")
    page.until("!network.isTraining()")
    page.until("document.getElementById('said').textContent.includes('301 samples, 1 of them yours')")
    assert page.evaluate("network.own[2].samples.y.at(-1)") == 1
    assert page.evaluate("network.own[2].samples.x.data[300]") == x
    assert page.evaluate("network.own[2].step * 301") == pytest.approx(
        page.evaluate("network.recorded[2].network.step * 300")
    )
    page.locator("#whose label").nth(0).click()
    assert not state(page, "isOwn")
    page.click("#undo")
    assert state(page, "added") == []
    page.until("document.getElementById('undo').disabled")


def test_training_can_be_stopped_and_goes_on_from_there(opened: Any) -> None:
    page = opened()
    page.evaluate("network.data.networks[2].steps = network.recorded[2].network.steps = 1e9")
    page.click("#train")
    page.until("network.own[2].frames.length > 5")
    page.click("#train")  # it is not frozen: the button works
    assert not page.evaluate("network.isTraining()")
    taken = page.evaluate("network.own[2].at.at(-1)")
    assert page.evaluate("network.own[2].steps") == taken
    loss = page.evaluate("network.own[2].lossOf.at(-1)")
    page.select_option("#from", "here")
    page.click("#train")
    page.until("network.own[2].frames.length > 1")
    page.click("#train")
    assert page.evaluate("network.own[2].lossOf[0]") == loss


def test_a_frame_of_the_browser_trains_for_a_while_only(opened: Any) -> None:
    """By a clock that goes on a millisecond whenever it is read."""
    page = opened()
    steps = page.evaluate(
        """() => {
          let now = 0;
          performance.now = () => now++;
          network.beginTraining("new", 1);
          const more = network.descend(9);
          return [more, network.own[2].losses.at.at(-1)];
        }"""
    )
    assert steps == [True, 9]


def test_steps_that_are_too_large_are_told(opened: Any) -> None:
    page = opened()
    page.evaluate("network.recorded[2].network.step = Infinity")
    page.click("#train")
    page.until("document.getElementById('said').textContent.includes('at step 1: take smaller steps')")
    assert page.evaluate("network.own[2].frames.length") == 1


def test_a_neuron_is_shown_large(opened: Any) -> None:
    page = opened()
    before = image(page)
    page.click(".neuron[data-layer='2'][data-coordinate='3']")
    page.until("document.getElementById('maptitle').textContent === 'One neuron: coordinate 4 of x₂'")
    changed(page, before)
    page.press("ArrowRight", "ArrowDown", "Enter")
    assert state(page, "pinned") == [3, 4]
    page.press("Escape")
    assert state(page, "pinned") is None
    page.mouse.move(5, 5)
    page.until("document.getElementById('maptitle').textContent === 'What it has learnt'")


def test_the_keyboard_alone(opened: Any) -> None:
    page = opened()
    page.focus("#map")
    page.press("ArrowRight", "ArrowRight", "Shift+ArrowUp", "Enter")
    ((x, y, label),) = state(page, "added")
    assert (round(x, 9), round(y, 9), label) == (0.1, 0.25, 0)
    assert "A point of class 0 at 0.10, 0.25" in page.text_content("#live")
    page.press("Enter", "Backspace")
    assert len(state(page, "added")) == 1
    page.press("1")
    assert state(page, "depth") == 0
    page.press("t")
    page.until("document.getElementById('live').textContent.startsWith('Trained:')")
    page.press("u")
    assert state(page, "added") == []
    page.press("?")
    assert page.evaluate("document.getElementById('keys').open")
    page.press("Escape", "d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, canvas')].filter(e => e.checkVisibility() &&
        !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim()) &&
        !e.closest('[aria-hidden=true], .neuron')).map(e => e.outerHTML)"""
    )
    assert nameless == []


# ----- looks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_every_width_and_scheme(opened: Any, width: int, scheme: str) -> None:
    """Nothing is wider than the window, text can be read (4.5 to 1), buttons can be hit."""
    page = opened(width, scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page.evaluate("network.add(0.5, 0.5)")
    page.click("#train")
    page.until("!network.isTraining()")
    for k in (0, len(DEPTHS) - 1):
        page.evaluate(f"network.setDepth({k})")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select')].filter(e => e.checkVisibility() &&
        Math.min(e.getBoundingClientRect().height, e.getBoundingClientRect().width) < 22).map(e => e.outerHTML)"""
    )
    assert small == []


def test_hostile_names_run_no_script(browser: Any, tmp_path: Path) -> None:
    evil = '</script><img src=x onerror="window.hit=1"><b id=evil>'
    given = load("two_arcs", rng=0)
    data = Dataset(evil, given.x_train, given.y_train, given.x_test, given.y_test, (evil, "1"))
    path = tmp_path / "hostile.html"
    path.write_text(page(data, [record(data, hidden=1, steps=2, seed=0)]), encoding="utf-8")
    shown = Opened(browser, path)
    shown.evaluate("network.setNeuron([2, 0])")
    shown.evaluate("network.add(0.5, 0.5)")
    shown.wait_for_timeout(200)
    assert shown.inner_text("#dataset") == evil
    assert evil in shown.inner_text("#maptitle")
    assert evil in shown.text_content("#live")
    assert shown.locator("#evil, img").count() == 0
    assert shown.evaluate("window.hit") is None
    shown.close()
