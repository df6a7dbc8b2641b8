"""Our verdicts on the corpus of gradients by hand: no false pass, no false alarm, and few evaluations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from references import difference_gradient

import minigrad
from benchmarks import checkers
from benchmarks.corpus import CASES, GROUPS, INCONCLUSIVE, KINK, OK, WRONG, Case


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_the_verdict(case: Case) -> None:
    """The one that the corpus asks for, with at most 40 evaluations of the function, and without a warning."""
    f, manual, args = case.build()
    calls = 0

    def counted(*xs: Any) -> Any:
        nonlocal calls
        calls += 1
        return f(*xs)

    report = minigrad.check(counted, manual, *args, argnum=tuple(range(len(args))) if len(args) > 1 else 0)
    assert str(report.verdict) == case.expected, str(report)
    assert report.evaluations <= 40
    assert calls == report.evaluations + report.diagnosis_evaluations


def test_the_corpus_covers_what_it_promises() -> None:
    """Enough cases of every kind, in both precisions, each with its reason."""
    assert len(CASES) == sum(len(group.cases) for group in GROUPS) >= 60  # no name stands in two groups
    verdicts = [case.expected for case in CASES.values()]
    assert all(verdicts.count(kind) >= least for kind, least in [(OK, 40), (WRONG, 40), (KINK, 10), (INCONCLUSIVE, 3)])
    assert all(case.why.endswith(".") and case.group for case in CASES.values())
    dtypes = {np.asarray(x).dtype.name for case in CASES.values() for x in case.build()[2]}
    assert dtypes == {"float32", "float64", "complex128"}


@pytest.mark.parametrize(
    "name", ["square", "rosenbrock_in_ten_variables", "log_determinant", "network_of_three_layers"]
)
def test_the_corpus_itself_is_right(name: str) -> None:
    """Where its gradients are plain enough for differences with a fixed step, they agree with them."""
    f, manual, args = CASES[name].build()
    for by_hand, by_differences in zip(checkers.gradients(manual, args), difference_gradient(f, args)):
        np.testing.assert_allclose(by_hand, by_differences, rtol=1e-6, atol=1e-6)


def test_judging() -> None:
    """What counts as a false pass and as a false alarm."""
    assert checkers.judged(OK, checkers.PASSES) == ""
    assert checkers.judged(OK, checkers.FAILS) == checkers.FALSE_ALARM
    assert checkers.judged(WRONG, checkers.PASSES) == checkers.FALSE_PASS
    assert checkers.judged(KINK, checkers.PASSES) == checkers.FALSE_PASS
    assert checkers.judged(KINK, checkers.FAILS) == ""
    assert checkers.judged(INCONCLUSIVE, checkers.FAILS) == checkers.judged(INCONCLUSIVE, checkers.PASSES) == ""
    assert checkers.judged(OK, WRONG) == checkers.judged(OK, KINK) == checkers.FALSE_ALARM
    assert checkers.judged(WRONG, OK) == checkers.judged(WRONG, KINK) == checkers.FALSE_PASS
    assert checkers.judged(OK, INCONCLUSIVE) == checkers.judged(WRONG, INCONCLUSIVE) == checkers.VAGUE
    assert all(checkers.judged(kind, kind) == "" for kind in (OK, WRONG, KINK, INCONCLUSIVE))
    assert checkers.judged(WRONG, checkers.UNABLE) == ""


@pytest.mark.parametrize("peer", checkers.PEERS)
def test_peers_say_what_they_are_known_for(peer: str) -> None:
    """Every peer passes a plain gradient, fails a plain mistake, and passes a mistake of scale 1e-8."""
    pytest.importorskip(peer, reason=f"compares with {peer}, which is not installed")
    cases = [CASES[name] for name in ("square", "factor_two_of_a_square", "scale_1e_minus_8_wrong")]
    said = checkers.run(cases, {peer: checkers.PEERS[peer]()})
    assert [said[case.name][peer][0] for case in cases] == [checkers.PASSES, checkers.FAILS, checkers.PASSES]


def test_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command prints the table and writes the page; part of the corpus is only printed."""
    monkeypatch.setattr(checkers, "PEERS", {})
    monkeypatch.setattr(checkers, "PAGE", tmp_path / "CHECKERS.md")
    assert checkers.main(["square", "abs_at_zero"]) == 0
    assert not checkers.PAGE.exists()
    monkeypatch.setattr(checkers, "CASES", {name: CASES[name] for name in ("square", "abs_at_zero", "constant_wrong")})
    assert checkers.main([]) == 0
    page = checkers.PAGE.read_text()
    assert "| false passes | 0 |" in page
    assert "NOT DIFFERENTIABLE HERE" in page
    assert "constant_wrong" in capsys.readouterr().out


def test_a_checker_that_is_wrong_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """False passes and alarms are counted and printed in bold; the exit code is 1 if it is ours."""
    monkeypatch.setattr(checkers, "PEERS", {})
    monkeypatch.setattr(checkers, "ours", lambda f, manual, args: (OK, ""))
    cases = [CASES["square"], CASES["constant_wrong"]]
    said = checkers.run(cases, checkers.installed())
    assert checkers.summary(cases, said)["minigrad"][checkers.FALSE_PASS] == 1
    assert "**OK: false pass**" in checkers.as_markdown(cases, said)
    assert checkers.main(["constant_wrong"]) == 1
