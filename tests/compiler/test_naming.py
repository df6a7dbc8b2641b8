"""Names in an emitted program: the user's own, made valid and told apart."""

import builtins
import keyword
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import source
from minigrad.compiler.naming import as_identifier, numbered, target_of
from minigrad.core.lines import Line


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("z = f(x)", "z"), ("h[i] = w @ x", "h"), ("X.append(x * 2)", "X"), ("self.z = x", "z"),
        ("z: float = x", "z"), ("z += x", "z"), ("z **= 2", "z"), ("z //= 2", "z"), ("return np.sum(x)", "loss"),
        ("z == x", None), ("f(x)", None), ("if z:", None), ("", None),
    ],
)  # fmt: skip
def test_a_value_is_called_like_the_variable_of_its_line(
    text: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Line, "text", lambda self: text)
    assert target_of(Line("program.py", 1, "loss")) == name


def test_a_returned_value_of_a_lambda_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Line, "text", lambda self: "return x")
    assert target_of(Line("program.py", 1, "<lambda>")) is None
    assert target_of(None) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [("P['W'][0]", "W0"), ("x[0]", "x0"), ("p.weights", "weights"), ("p['a b']", "a_b"), ("p['class']", "x_class")],
)
def test_a_part_of_an_argument_is_called_like_its_path(path: str, name: str) -> None:
    assert as_identifier(path) == name


@given(st.text(max_size=6))
def test_any_key_gives_a_valid_name(key: str) -> None:
    name = as_identifier(f"p[{key!r}]")
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert name == unicodedata.normalize("NFKC", name)  # or Python would read it as another


def test_a_program_with_odd_keys_can_be_run() -> None:
    """A quarter sign is a letter for a regular expression and not for Python, which reads the ligature as fi."""
    p = {"¼": {"\ufb01": 1.0, "fi": 2.0}}
    text = source(lambda p: p["¼"]["\ufb01"] * 10.0 + p["¼"]["fi"], p)
    scope: dict[str, Any] = {}
    exec(text, scope)
    (fun,) = [value for value in scope.values() if callable(value)]
    assert fun(p) == 12.0


@given(
    st.lists(st.sampled_from(["u", "u1", "g", "np", "in", "x"]), max_size=8),
    st.sets(st.sampled_from(["u", "u1", "u_1", "x", "g2"])),
)
def test_no_two_values_have_one_name(wanted: list[str], taken: set[str]) -> None:
    """Nor that of an argument, a word of Python, or the module."""
    names = numbered(dict(enumerate(wanted)), taken)
    chosen = list(names.values())
    assert len(set(chosen)) == len(chosen) == len(wanted)
    assert not set(chosen) & (taken | {"np"} | set(keyword.kwlist))
    assert all(name.isidentifier() and not hasattr(builtins, name) for name in chosen)


def test_a_name_that_is_wanted_once_stays() -> None:
    assert numbered({3: "h", 5: "u", 7: "u"}, set()) == {3: "h", 5: "u1", 7: "u2"}
