"""Answers that a search has got, and gets again when it is taken up."""

import numpy as np

from nn import record
from nn.record import Record


def answer(known, word, at, value):
    """The answer, and whether it was computed."""
    computed = []

    def compute():
        computed.append(word)
        return np.array([value, value])

    return known.answer(word, [np.array([at])], 2, compute).tolist(), bool(computed)


def test_answers_are_given_again_until_another_question_comes():
    first = Record(np.zeros(0))
    for k in range(4):
        assert answer(first, "loss", float(k), k + 0.5) == ([k + 0.5] * 2, True)
    again = Record(first.numbers())
    assert answer(again, "loss", 0.0, -1.0) == ([0.5, 0.5], False)
    assert not again.is_played
    assert answer(again, "slope", 1.0, -1.0) == ([-1.0, -1.0], True)
    assert again.is_played
    assert answer(again, "loss", 2.0, -2.0) == ([-2.0, -2.0], True)  # what comes after another answer is another search
    last = Record(again.numbers())
    assert [answer(last, *question, 9.0)[0][0] for question in (("loss", 0.0), ("slope", 1.0), ("loss", 2.0))] == [
        0.5,
        -1.0,
        -2.0,
    ]


def test_a_record_that_is_full_has_no_gaps(monkeypatch):
    monkeypatch.setattr(record, "MOST", 10)
    full = Record(np.zeros(0))
    for k in range(3):
        answer(full, "loss", float(k), 1.0)
    full.answer("last", [], 9, lambda: np.ones(9))  # no room
    full.answer("number", [], 0, lambda: np.ones(0))  # there would be room for this one
    assert full.numbers().size == 9
