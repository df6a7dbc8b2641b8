"""The explorer's page in a real browser: stepping, modes, search, keyboard, both schemes, narrow and wide."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CONTRAST, Opened, all_closed, chromium

from minigrad import custom_elementwise, explore, grad, name
from nn import loss as losses
from nn import mlp

rng = np.random.default_rng(0)
POINTS, CLASSES = rng.standard_normal((2, 6)), np.eye(3)[:, [0, 1, 2, 0, 1, 2]]


def network(A: Any, b: Any) -> Any:
    """A small classifier."""
    X = mlp.forward(A, b, POINTS)
    return losses.logistic(X[-1], CLASSES)


def curve(x: Any) -> Any:
    u = np.exp(-2.0 * x)
    return (1.0 - u) / (1.0 + u)


def second(x: Any) -> Any:
    return grad(grad(curve))(x)


def troubled(x: Any) -> Any:
    r = np.sqrt(np.sum(x * x))
    s = np.log(x[0] - 1.0)
    return r + s * np.arctan(x[1])


def fails(x: Any) -> Any:
    y = np.sin(x)
    return y @ np.ones(3)


def long(x: Any, a: Any) -> Any:
    for _ in range(2500):
        u = np.sin(a * x)
        x = x + 0.1 * u
    return x


def loop(x: Any, a: Any) -> Any:
    for _ in range(25):
        u = np.sin(a * x)
        x = x + 0.1 * u
    return x


def dotp(x: Any, y: Any) -> Any:
    return sum([*(x.flatten() * y.flatten())])  # of a list: the sum of an array is one operation


def total(x: Any) -> Any:
    return np.cos(dotp(x, x))


def labelled(x: Any) -> Any:
    return np.sum(name(np.sin(x), "h") ** 2)


def several(M: Any) -> Any:
    values, vectors = np.linalg.eigh(M)
    return np.sum(values * np.abs(np.fft.fft(vectors[0])) ** 2)


A, B = mlp.init([2, 4, 3], rng=0)
CASES: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "network": (network, (A, B), {"direction": ([np.ones((4, 2)), np.zeros((3, 4))], [None, None])}),
    "second": (second, (0.5,), {}),
    "curve": (curve, (0.5,), {}),
    "troubled": (troubled, (np.array([0.5, 0.0]),), {}),
    "fails": (fails, (np.ones(2),), {}),
    "long": (long, (0.5, 2.0), {}),
    "loop": (loop, (0.5, 2.0), {}),
    "sum": (total, (np.linspace(0.0, 1.0, 30).reshape(5, 6),), {}),
    "deltas": (labelled, (np.array([0.5, 1.0]),), {"deltas": {"h": np.ones(2), "x": np.ones(2)}}),
    "several": (several, (np.array([[2.0, 0.3], [0.3, 1.0]]),), {}),
    "wrong": (network, (A, B), {"deltas": {"X[1]": np.ones((4, 6)), "z": np.ones((3, 6))}}),
    "hostile": (labelled, (np.ones(2),), {}),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def opened(browser: Any, folder: Path) -> Iterator[Any]:
    def open_case(open_page: Any, case: str, width: int = 1280, scheme: str = "light") -> Opened:
        path = folder / f"{case}.html"
        if not path.exists():
            fun, args, options = CASES[case]
            with np.errstate(all="ignore"):
                explore(fun, *args, out=path, **options)
        return open_page(path, width, scheme)

    with all_closed(browser) as open_page:
        yield functools.partial(open_case, open_page)


def state(page: Any, key: str) -> Any:
    return page.evaluate(f"explorer.state.{key}")


def selected(page: Any) -> str:
    return str(page.inner_text(".row.selected .what")).strip()


# ----- stepping -------------------------------------------------------------------------------------------------------


def test_stepping_forward_and_backward(opened: Any) -> None:
    """A step computes one value, or completes one cotangent; the sum says what has come in."""
    page = opened("curve")
    assert page.evaluate("explorer.stepCount()") == 12
    assert "Forward: input x" in page.inner_text("#say")
    page.click("#on")
    page.click("#on")
    assert state(page, "step") == 2
    assert "u = exp(%1)" in page.inner_text("#say")
    assert page.locator(".row .cell.value").nth(3).inner_text() == "·"  # not computed yet
    for _ in range(4):
        page.click("#on")
    assert "Backward: %5 has its seed, 1" in page.inner_text("#say")
    page.click("#on")  # the rule of %4 sends on; u has one of its two contributions
    assert page.locator(".row").nth(2).locator(".partial").inner_text() == "1/2"
    page.click("#end")
    assert "It is the gradient" in page.inner_text("#say")
    shown = float(page.locator(".row").nth(0).locator(".cell.beside").inner_text())
    np.testing.assert_allclose(shown, grad(curve)(0.5), rtol=1e-3)
    page.click("#back")
    page.click("#start")
    assert state(page, "step") == 0


def test_the_sum_of_contributions_is_written_out(opened: Any) -> None:
    page = opened("curve")
    page.evaluate("explorer.show(9)")  # u, backward
    rows = page.locator("table.sum tr")
    assert rows.count() == 3
    amounts = [float(rows.nth(k).locator("td.number").inner_text()) for k in range(3)]
    np.testing.assert_allclose(amounts[0] + amounts[1], amounts[2], rtol=1e-3)
    assert "g ↦" in page.inner_text("#detail")
    page.click("#detail [data-go='4']")
    assert selected(page).startswith("%4")


def test_the_program_follows(opened: Any) -> None:
    """The line is lit, the expression underlined, callers are marked; a click goes to the next entry of a line."""
    page = opened("network")
    page.evaluate("explorer.show(4)")
    assert "rho(" in page.inner_text(".line.lit")
    assert page.inner_text(".line.lit mark") == "A[r] @ X[r]"
    assert "mlp.forward" in page.inner_text(".line.caller")
    page.click(".line.lit")
    assert state(page, "step") == 5
    page.click(".line.lit")
    assert page.inner_text(".line.lit mark").startswith("rho(")


def test_it_plays(opened: Any) -> None:
    page = opened("curve")
    page.press(" ")
    page.until("explorer.state.step >= 2")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.press(" ")
    assert page.get_attribute("#play", "aria-label") == "Play"


def test_a_sum_of_many_entries_is_one_step(opened: Any) -> None:
    """It is one row, which Shift and an arrow pass at once, and playing, too."""
    page = opened("sum")
    assert page.evaluate("explorer.data.entries.op.length") == 65  # 30 entries are taken and 30 added
    assert page.evaluate("explorer.rows().length") < 6
    page.evaluate("explorer.show(2)")
    row = page.locator(".row.selected .what").inner_text()
    assert row.startswith("▸ dotp")
    page.press("Shift+ArrowRight")
    assert "cos(" in selected(page)
    page.evaluate("explorer.show(2)")
    page.press(" ")
    page.until("explorer.state.step > 2")
    page.press(" ")
    assert state(page, "step") >= 64


def test_the_slider_moves_the_step(opened: Any) -> None:
    page = opened("curve")
    page.focus("#range")
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert state(page, "step") == 3
    assert "forward, %3" in page.get_attribute("#range", "aria-valuetext")


# ----- modes ----------------------------------------------------------------------------------------------------------


def test_tangents_along_a_chosen_direction(opened: Any) -> None:
    """The given one first; then all inputs, one alone, or speeds of one's own: tangents are linear in the speeds."""
    page = opened("network")
    page.click("text=Tangent")
    result = lambda: page.evaluate("explorer.data.tangents") and page.evaluate("besideValue(13)")
    page.evaluate("explorer.show(13)")
    given = result()
    page.select_option("#preset", label="all inputs, with speed 1")
    everything = result()
    parts = []
    for label in ("A[0]", "A[1]", "b[0]", "b[1]"):
        page.select_option("#preset", label=f"{label} alone")
        parts.append(result())
    np.testing.assert_allclose(sum(parts), everything, rtol=1e-4)
    np.testing.assert_allclose(given, parts[0], rtol=1e-5)
    page.locator("#along input").nth(4).fill("-2")
    assert page.input_value("#preset") == "own"
    np.testing.assert_allclose(result(), -2 * parts[3], rtol=1e-4)
    assert "tangent" in page.inner_text("#heads")


def test_taylor_coefficients(opened: Any) -> None:
    """Coefficient k in the column, all of them in the inspector; tanh at 0.5."""
    page = opened("curve")
    page.click("text=Taylor")
    page.evaluate("explorer.show(5)")
    exact = [0.4621172, 0.7864477, -0.3634309, -0.0942077]
    for k, value in enumerate(exact):
        page.select_option("#coefficient", str(k))
        shown = page.locator(".row.selected .cell.beside").inner_text()
        np.testing.assert_allclose(float(shown), value, rtol=1e-3)
    assert page.locator("table.sum tr").count() == 7


def test_nested_derivatives(opened: Any) -> None:
    """Rows of each sweep are together, recorded and pulled told apart, and linked to the rows they came from."""
    page = opened("second")
    titles = [page.locator(".row.group .what").nth(k).inner_text() for k in range(4)]
    assert titles[1].startswith("▾ grad 1 records › grad 2 records")
    assert titles[2].startswith("▾ grad 1 records › grad 2 pulls back")
    assert titles[3].startswith("▾ grad 1 pulls back")
    page.evaluate("explorer.show(8)")
    assert "rule of" in page.inner_text("#detail")
    page.press("r")
    assert selected(page).startswith("%5")
    assert "Its rule made" in page.inner_text("#detail")
    assert page.locator(".row.ofrule").count() >= 3
    colours = {page.evaluate(f"getComputedStyle(document.querySelector('.level.{p}')).backgroundColor")
               for p in ("primal", "pullback")}  # fmt: skip
    assert len(colours) == 2


def test_costs(opened: Any) -> None:
    page = opened("network")
    page.click("#cost")
    assert "kept for the backward sweep" in page.inner_text("#heads")
    assert page.locator(".row").nth(7).locator(".cell.third").inner_text() == "144"
    assert "192 B" in page.locator(".row").nth(6).inner_text()
    page.press("$")
    assert "cotangent" in page.inner_text("#heads")
    page.evaluate("explorer.show(6)")
    assert "kept for the backward sweep" in page.inner_text("#detail")
    assert "at most" in page.inner_text("#scale")


def test_deltas_by_hand(opened: Any) -> None:
    """A lane of their own; the first that differs is red."""
    page = opened("deltas")
    first = page.locator(".cell.third.first")
    assert first.count() == 1
    assert "✗" in first.inner_text()
    assert first.evaluate("e => e.closest('.row').dataset.row") == "1"
    page.evaluate("explorer.show(explorer.stepCount() - 2)")
    assert "This is the first that differs" in page.inner_text("#detail")


def test_several_results(opened: Any) -> None:
    page = opened("several")
    index = page.evaluate("explorer.data.entries.value.findIndex(Array.isArray)")
    page.evaluate("explorer.show(explorer.stepCount() - 1)")
    page.evaluate(f"explorer.select({index})")
    text = page.inner_text("#detail")
    assert text.count("result 1 of 2") == text.count("result 2 of 2") >= 2
    for mode in ("Tangent", "Taylor"):
        page.click(f"text={mode}")
        page.evaluate(f"explorer.show({index})")
        assert page.inner_text("#detail").count("result 2 of 2") == 2


def test_a_function_that_fails(opened: Any) -> None:
    page = opened("fails")
    assert "ValueError: matmul" in page.inner_text("#banner")
    assert "y @ np.ones(3)" in page.inner_text(".line.failed")
    page.evaluate("explorer.show(explorer.stepCount() - 1)")


def test_where_nan_begins(opened: Any) -> None:
    page = opened("troubled")
    page.click("#trouble")
    assert "log" in selected(page)
    assert "begins here: log of" in page.inner_text("#detail")
    page.press("n")
    assert "Backward, it begins here" in page.inner_text("#detail") or state(page, "step") < 11


# ----- groups, search, keyboard ---------------------------------------------------------------------------------------


def test_groups(opened: Any) -> None:
    """Passes of the loop, lines, functions, names, sweeps; long tapes are folded at first, short ones open."""
    page = opened("loop")
    assert page.locator(".row.group.shut").count() > 10
    assert "pass 1 of 25" in page.locator(".row.group .what").nth(1).inner_text()
    page.locator(".row.group").nth(1).click()
    assert page.evaluate("explorer.rows().length") == 26 + 4
    counts = {}
    for how in ("none", "line", "turn", "function", "name", "level"):
        page.select_option("#group", how)
        counts[how] = page.evaluate("explorer.rows().length")
    assert counts == {"none": 102, "line": 51, "turn": 26, "function": 2, "name": 51, "level": 2}
    page.select_option("#group", "turn")
    page.focus("#tape")
    page.press("Home", "Shift+ArrowRight", "Shift+ArrowRight")
    assert state(page, "step") == 6
    page.click("text=the next ›")
    assert state(page, "step") == 10


def test_search(opened: Any) -> None:
    """By operation, name, number, line, pass, or what is not finite."""
    page = opened("loop")
    for text, number in (("sin", 50), ("u", 50), ("%12", 1), ("pass 3", 4), ("nan", 0), ("x = x + 0.1", 50)):
        page.fill("#find", text)
        found = page.evaluate("explorer.state.hits.size")
        assert found == number or text == "u", (text, found)
        assert (f"{found} of 102" if found else "No entry.") in page.inner_text("#found")
    page.fill("#find", "pass 3")
    page.press("Enter")
    assert "pass 3 of 25" in page.inner_text("#detail")
    page.press("Escape")
    assert state(page, "hits") is None
    assert page.evaluate("document.activeElement.id") == "tape"


def test_the_keyboard_alone(opened: Any) -> None:
    page = opened("curve")
    page.focus("#tape")
    page.press("ArrowRight", "j", "ArrowLeft")
    assert state(page, "step") == 1
    page.press("End")
    assert state(page, "step") == 11
    page.press("Home", "ArrowDown", "ArrowDown", "Enter")
    assert state(page, "step") == 2
    page.press("c")
    assert selected(page).startswith("%3")
    page.press("p")
    assert selected(page).startswith("%2")
    page.press("m")
    assert state(page, "mode") == "tangent"
    page.press("m", "m", "g")
    assert state(page, "mode") == "reverse"
    assert page.input_value("#group") == "line"
    page.press("?")
    assert page.evaluate("document.getElementById('keys').open")
    page.press("Escape", "/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_a_screen_reader_hears_the_step(opened: Any) -> None:
    """Roles, names and states; the live region says the sentence and the values."""
    page = opened("curve")
    page.focus("#tape")
    page.press("ArrowRight", "ArrowRight")
    page.until("document.getElementById('live').textContent.includes('Step 3 of 12')")
    heard = page.text_content("#live")
    assert "u = exp(%1)" in heard
    assert "Value 0.3679" in heard
    active = page.get_attribute("#tape", "aria-activedescendant")
    assert page.get_attribute(f"#{active}", "aria-selected") == "true"
    assert page.get_attribute("#tape", "aria-rowcount") == "6"
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary')].filter(e => e.checkVisibility() &&
        !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim() || e.title)).map(e => e.outerHTML)"""
    )
    assert nameless == []


# ----- looks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 768, 1280])
@pytest.mark.parametrize("case", ["network", "second", "troubled", "loop", "wrong", "fails"])
def test_every_width_and_scheme(opened: Any, case: str, width: int, scheme: str) -> None:
    """Nothing is wider than the window, text can be read (4.5 to 1), the entry does not start low, the footer is in."""
    page = opened(case, width, scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    last = page.evaluate("explorer.stepCount()") - 1
    for mode in ("reverse", "tangent", "taylor"):
        if page.locator(f"#mode input[value={mode}]").is_disabled():
            continue
        page.evaluate(f"explorer.setMode('{mode}')")
        for step in (0, last // 2, last):
            page.evaluate(f"explorer.show({step})")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("document.documentElement.scrollHeight") <= 800
        assert page.evaluate(CONTRAST) == []
        page.evaluate("document.getElementById('cost').click()")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.getElementById('cost').click()")
    page.evaluate("explorer.setMode('reverse')")
    assert page.evaluate("document.getElementById('entry').getBoundingClientRect().top") < 400
    assert page.evaluate("document.getElementById('entry').getBoundingClientRect().height") > 250
    assert page.evaluate("document.querySelector('footer').getBoundingClientRect().bottom") <= 800
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary')].filter(e => e.checkVisibility() &&
        !e.closest('.choice') && e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert small == []


def test_narrow_the_program_takes_the_place_of_the_tape(opened: Any) -> None:
    page = opened("network", 400)
    assert not page.locator("#program").is_visible()
    page.click("#tabs >> text=Program")
    assert page.locator("#program").is_visible()
    assert not page.locator("#tape").is_visible()
    page.click("#on")
    page.click("#tabs >> text=Tape")
    assert page.locator("#tape").is_visible()


def test_light_and_dark_are_switched(opened: Any) -> None:
    page = opened("curve")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_it_prints_as_a_table(opened: Any) -> None:
    page = opened("curve")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert "%2  u  exp(%1)" in page.inner_text("#printed")
    assert not page.locator("header").is_visible()


# ----- size -----------------------------------------------------------------------------------------------------------


def test_ten_thousand_entries(opened: Any) -> None:
    """Counts, not times: only the rows in sight are in the page, and a step draws only those that change."""
    page = opened("long")
    assert page.evaluate("explorer.data.entries.op.length") == 10_002
    for how in ("none", "turn"):
        page.select_option("#group", how)
        page.evaluate("explorer.show(7000)")
        assert page.evaluate("document.querySelectorAll('.row').length") < 60
        assert page.evaluate("document.querySelectorAll('*').length") < 1500
        page.evaluate("document.getElementById('tape').scrollTop = 1e6")
        page.wait_for_timeout(100)
        assert page.evaluate("document.querySelectorAll('.row').length") < 60
    page.select_option("#group", "none")
    page.evaluate("explorer.show(15000)")
    changed = page.evaluate(
        """() => new Promise(done => {
          let count = 0;
          const seen = new MutationObserver(list => (count += list.length));
          seen.observe(document.getElementById('rows'), {subtree: true, childList: true, attributes: true});
          explorer.show(15001, {scroll: false});
          setTimeout(() => done(count), 50);
        })"""
    )
    assert changed < 200
    page.fill("#find", "sin")
    assert page.evaluate("explorer.state.hits.size") >= 2500
    page.press("Enter")


def test_hostile_names_run_no_script(browser: Any, folder: Path) -> None:
    """They are shown as they are. The policy would stop a script anyway; this asks whether there is one."""
    evil = '</script><img src=x onerror="window.hit=1"><b id=evil>'

    def raises(x: Any) -> Any:
        raise ValueError(evil + str(np.shape(custom_elementwise(np.sin, lambda _ans, x: np.cos(x), name=evil)(x))))

    def fun(x: Any) -> Any:
        return name(np.sin(x[evil]), evil) * 2.0  # </script><img src=x onerror="window.hit=1"><b id=evil>

    fun.__name__ = evil
    path = folder / "hostile.html"
    explore(fun, {evil: 1.0}, out=path, deltas={evil: 2.0})
    explore(raises, 1.0, out=folder / "hostile_error.html")
    page = Opened(browser, path)
    for mode in ("reverse", "tangent", "taylor"):
        page.evaluate(f"explorer.setMode('{mode}')")
        for step in range(page.evaluate("explorer.stepCount()")):
            page.evaluate(f"explorer.show({step})")
    for how in ("line", "turn", "function", "name", "level"):
        page.select_option("#group", how)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(100)
    assert page.evaluate("window.hit") is None
    assert page.locator("#evil").count() == 0
    assert page.locator("img").count() == 0
    assert page.inner_text("#title") == evil
    page.close()
    page = Opened(browser, folder / "hostile_error.html")
    assert evil in page.inner_text("#banner")
    assert evil in page.locator(".row").nth(1).inner_text()
    page.evaluate("explorer.show(2)")
    assert evil in page.inner_text("#say")
    assert page.locator("#evil").count() == 0
    assert page.evaluate("window.hit") is None
    page.close()


def test_in_the_cell_of_a_notebook(browser: Any, tmp_path: Path) -> None:
    """The page in a frame that may run scripts and nothing else."""
    frame = explore(curve, 0.5, out=None)._repr_html_()
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><title>notebook</title>{frame}", encoding="utf-8")
    page = Opened(browser, path)
    inner = page.frame_locator("iframe")
    inner.locator("#on").click()
    assert "Forward: %1 = -2 · x" in inner.locator("#say").inner_text()
    page.close()
