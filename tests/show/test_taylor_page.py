"""The page of Taylor polynomials: its numbers against closed forms, and the page in a real browser."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium

from minigrad.show.expression import Expression
from minigrad.show.page import write
from minigrad.show.taylor_page import DEGREES, POINTS, radius_of_convergence, taylor_page


def data_of(page: str) -> Any:
    return json.loads(page.split('id="data">')[1].split("</script>")[0])


def page_of(*texts: str, start: float = -4.0, stop: float = 4.0) -> str:
    return taylor_page([(text, Expression(text)) for text in texts], start, stop)


def test_the_coefficients_are_those_of_the_series() -> None:
    data = data_of(page_of("exp x", "1/(1-x)", start=-3.0, stop=0.5))
    x = np.array(data["x"])
    assert x.size == POINTS
    factorials = np.array([math.factorial(k) for k in range(DEGREES + 1)])[:, None]
    np.testing.assert_allclose(data["functions"][0]["coefficients"], np.exp(x) / factorials, rtol=1e-10)
    orders = np.arange(DEGREES + 1)[:, None]
    np.testing.assert_allclose(data["functions"][1]["coefficients"], (1 - x) ** -(1.0 + orders), rtol=1e-10)
    assert set(data["functions"][0]["radii"]) == {"none"}
    np.testing.assert_allclose(data["functions"][1]["radii"], 1 - x, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "point", "radius"),
    [
        ("tanh x", 0.5, math.hypot(0.5, math.pi / 2)),
        ("1/(1+x^2)", 2.0, math.hypot(1, 2)),
        ("1/(1+25x^2)", 0.3, math.hypot(0.3, 0.2)),
        ("log x", 4.0, 4.0),
        ("sqrt x", 1.0, 1.0),
        ("tan x", 1.0, math.pi / 2 - 1),
        ("arctan x", 1.0, math.sqrt(2)),
        ("gamma x", 1.0, 1.0),
        ("exp x", 1.0, math.inf),
        ("sin x", 0.0, math.inf),
        ("exp(-x^2)", 1.0, math.inf),
        ("x^3 - x", 2.0, math.inf),
        ("sin(x)/x", 0.0, math.inf),
    ],
)
def test_the_radius_of_convergence(text: str, point: float, radius: float) -> None:
    data = data_of(page_of(text, start=point, stop=point + 1.0))
    found = data["functions"][0]["radii"][0]
    assert found == "none" if radius == math.inf else found == pytest.approx(radius, rel=0.02)


def test_a_radius_that_the_coefficients_do_not_tell_is_not_told() -> None:
    rng = np.random.default_rng(0)
    assert math.isnan(radius_of_convergence(rng.standard_normal(21) * 10.0 ** rng.integers(-9, 9, 21)))
    assert math.isnan(radius_of_convergence([math.nan] * 21))


def test_where_there_is_no_value_the_page_has_none() -> None:
    functions = data_of(page_of("log x", start=-1.0, stop=1.0))["functions"]
    assert functions[0]["coefficients"][3][:200] == [None] * 200
    assert functions[0]["radii"][0] is None
    assert functions[0]["poles"] == [0.0]


def test_a_name_cannot_inject_markup() -> None:
    hostile = "</script><script>alert(1)</script><b>"
    page = taylor_page([(hostile, np.tanh)], -1.0, 1.0)
    assert page.count("<script") == 2
    assert "<b>" not in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_the_page_in_a_browser(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    write(tmp_path / "page.html", page_of("tanh x", "1/(1+x^2)", "log x"))
    page = Opened(browser, tmp_path / "page.html", width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sentence = lambda: page.locator("#sentence").inner_text()
    assert "f is 0.664037" in sentence()
    # The polynomial of degree 3 in the picture is that of the series.
    assert page.locator("path.lower").count() == 3
    page.locator("#degree").fill("5")
    page.locator("#order").fill("2")
    page.until("document.querySelectorAll('path.lower').length === 5")
    page.until("document.querySelector('#sentence').innerText.includes('f′′ is')")  # drawn after the polynomials
    t = math.tanh(0.8)
    assert f"f′′ is −{2 * t * (1 - t * t):.6g}" in sentence()
    # A drag to the middle of the picture puts the point at 0.
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (78 + (900 - 92) / 2) / 900, box["y"] + 0.5 * box["height"])
    page.mouse.up()
    page.until("document.getElementById('point-value').textContent === 'x = 0'")
    assert "distance of about 1.57" in sentence()
    page.locator("#point").focus()
    page.press("ArrowRight")
    page.until("document.getElementById('point-value').textContent === 'x = 0.02'")
    page.locator("#function").select_option("2")
    page.locator("#point").fill("10")
    page.until("document.getElementById('sentence').textContent.includes('has no value')")
    page.close()
